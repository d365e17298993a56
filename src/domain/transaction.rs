//! The signing transaction: one confirmation by one signer of an exact set of hashes, and its states.
//!
//! ```text
//!            confirm            begin             finish
//!  Waiting ─────────▶ Confirmed ─────▶ Signing ─────────▶ Signed
//!     │ │                 │               │
//!     │ └ refuse ▶ Refused│               │
//!     └── expire ▶ Expired┘   fail ▶ Failed (from any state before Signed)
//! ```
//! Every edge is one durable commit together with its audit record. States never go back.

use time::OffsetDateTime;

use super::ids::{CredentialId, PortalId, SignerId, TransactionId};
use super::settings::SignatureSettings;
use crate::crypto::Digest;

/// A request to sign, from its creation to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    pub id: TransactionId,
    pub portal: PortalId,
    pub signer: SignerId,
    pub credential: CredentialId,
    pub origin: Origin,
    /// What the portal says the request is about, shown to the signer; at most 500 characters.
    pub description: String,
    pub created_at: OffsetDateTime,
    /// When an unconfirmed transaction ends.
    pub expires_at: OffsetDateTime,
    /// What is authorised, in the portal's order. Never changes after creation, except that a challenge requested
    /// before its hashes were known has none yet.
    pub items: Vec<Item>,
    pub state: State,
}

/// How the transaction came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Whole documents, confirmed on the hosted page.
    Request { return_url: Option<String>, settings: Box<SignatureSettings> },
    /// Hashes by CSC `credentials/authorize`.
    Csc,
    /// Hashes by OAuth 2.0, scope `credential`, confirmed on the hosted page; without hashes a sign-in for scope `service`.
    Oauth,
}

/// One thing to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// File name or label, for people.
    pub label: String,
    /// What the signer authorises: the hash of the original document (SODR) for requests, of the data to be signed
    /// (DTBSR) for CSC.
    pub digest: Digest,
    /// Length of the original document in bytes; 0 for bare hashes.
    pub len: u64,
}

/// Where a transaction stands. Each variant holds the time it was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Waiting,
    Confirmed { at: OffsetDateTime },
    Signing { at: OffsetDateTime },
    Signed { at: OffsetDateTime },
    Refused { at: OffsetDateTime },
    Expired { at: OffsetDateTime },
    Failed { at: OffsetDateTime, reason: FailureReason },
}

/// The state without its data: the word used in storage, JSON and reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StateKind {
    Waiting,
    Confirmed,
    Signing,
    Signed,
    Refused,
    Expired,
    Failed,
}

/// Why a transaction failed. No signature was released, except that hashes signed by an earlier CSC call of the same
/// authorisation stay signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureReason {
    /// The portal cancelled it.
    Cancelled,
    /// Too many wrong codes.
    TooManyWrongCodes,
    /// The service stopped between recording the intent and recording the result.
    Interrupted,
    /// The document cannot be signed (an earlier signature forbids it, or it is damaged).
    DocumentNotSignable,
    /// The stored document is no longer the one the signer confirmed.
    DocumentChanged,
    /// The key could not be used.
    KeyUnavailable,
    /// The certificate is not valid now, or revoked.
    CertificateNotValid,
    /// A time-stamp or revocation information for the level asked for could not be had, and the policy is to refuse then.
    TrustServiceUnavailable,
    /// Another signer of the same request refused or could not sign.
    AnotherSigner,
    /// The signer says that they did not ask for it, and has frozen their signature.
    NotRequested,
    /// The signer has frozen their signature meanwhile.
    Frozen,
}

/// The move is not an edge of the state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a transaction that is {from} cannot become {to}")]
pub struct IllegalTransition {
    pub from: StateKind,
    pub to: StateKind,
}

impl State {
    pub fn kind(&self) -> StateKind {
        match self {
            Self::Waiting => StateKind::Waiting,
            Self::Confirmed { .. } => StateKind::Confirmed,
            Self::Signing { .. } => StateKind::Signing,
            Self::Signed { .. } => StateKind::Signed,
            Self::Refused { .. } => StateKind::Refused,
            Self::Expired { .. } => StateKind::Expired,
            Self::Failed { .. } => StateKind::Failed,
        }
    }

    /// When the state was entered; `None` while waiting.
    pub fn since(&self) -> Option<OffsetDateTime> {
        match self {
            Self::Waiting => None,
            Self::Confirmed { at }
            | Self::Signing { at }
            | Self::Signed { at }
            | Self::Refused { at }
            | Self::Expired { at }
            | Self::Failed { at, .. } => Some(*at),
        }
    }

    /// Moves on to `next`.
    ///
    /// # Errors
    /// [`IllegalTransition`] when the picture above has no such edge.
    pub fn advance(self, next: State) -> Result<State, IllegalTransition> {
        let (from, to) = (self.kind(), next.kind());
        if from.may_become(to) { Ok(next) } else { Err(IllegalTransition { from, to }) }
    }
}

impl StateKind {
    pub const ALL: [Self; 7] =
        [Self::Waiting, Self::Confirmed, Self::Signing, Self::Signed, Self::Refused, Self::Expired, Self::Failed];

    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Confirmed => "confirmed",
            Self::Signing => "signing",
            Self::Signed => "signed",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether the state machine has an edge from this state to `next`.
    pub fn may_become(self, next: Self) -> bool {
        use StateKind::*;
        matches!(
            (self, next),
            (Waiting, Confirmed | Refused | Expired | Failed)
                | (Confirmed, Signing | Expired | Failed)
                | (Signing, Signed | Failed)
        )
    }

    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        Self::ALL.into_iter().all(|next| !self.may_become(next))
    }
}

impl std::fmt::Display for StateKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl FailureReason {
    pub const ALL: [Self; 11] = [
        Self::Cancelled,
        Self::TooManyWrongCodes,
        Self::Interrupted,
        Self::DocumentNotSignable,
        Self::DocumentChanged,
        Self::KeyUnavailable,
        Self::CertificateNotValid,
        Self::TrustServiceUnavailable,
        Self::AnotherSigner,
        Self::NotRequested,
        Self::Frozen,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::TooManyWrongCodes => "too-many-wrong-codes",
            Self::Interrupted => "interrupted",
            Self::DocumentNotSignable => "document-not-signable",
            Self::DocumentChanged => "document-changed",
            Self::KeyUnavailable => "key-unavailable",
            Self::CertificateNotValid => "certificate-not-valid",
            Self::TrustServiceUnavailable => "trust-service-unavailable",
            Self::AnotherSigner => "another-signer",
            Self::NotRequested => "not-requested",
            Self::Frozen => "signature-frozen",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn final_states_are_the_four_ends() {
        let finals: Vec<_> = StateKind::ALL.into_iter().filter(|kind| kind.is_final()).collect();
        assert_eq!(finals, [StateKind::Signed, StateKind::Refused, StateKind::Expired, StateKind::Failed]);
    }

    #[test]
    fn no_path_leads_from_refused_to_signed() {
        let at = datetime!(2026-01-01 0:00 UTC);
        let refused = State::Waiting.advance(State::Refused { at }).expect("an edge");
        assert!(refused.advance(State::Signed { at }).is_err());
        assert!(State::Waiting.advance(State::Signing { at }).is_err());
    }

    #[test]
    fn names_read_back() {
        assert!(StateKind::ALL.into_iter().all(|kind| StateKind::from_name(kind.name()) == Some(kind)));
        assert!(FailureReason::ALL.into_iter().all(|r| FailureReason::from_name(r.name()) == Some(r)));
    }
}
