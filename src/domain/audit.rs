//! Audit events and the hash chain that ties them together.
//!
//! Record *n* carries SHA-256 over record *n−1*'s hash and its own content, so a record that is changed, removed or moved
//! breaks every hash after it. The chain shows tampering; it does not prevent it, and who holds the whole database can
//! rewrite the whole chain unless its head is kept elsewhere.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::ids::{CredentialId, PortalId, SignerId, TransactionId, WebhookId};
use super::oauth::Scope;
use crate::crypto::DigestAlgorithm;
use crate::formats::level::Baseline;

/// What happened. No event holds a code, PIN, SAD, key or document text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AuditEvent {
    PortalAdded {
        portal: PortalId,
        name: String,
    },
    /// A new client secret, the removal of the old one, another way of authentication, a redirect URI: what changed, in a word.
    ClientChanged {
        portal: PortalId,
        change: String,
    },
    /// Which person of an identity provider the signer is; the person's number there is not recorded.
    SignerIdentified {
        signer: SignerId,
        issuer: String,
    },
    /// A signer let a portal act for them.
    AccessGranted {
        portal: PortalId,
        signer: SignerId,
        scope: Scope,
    },
    /// Tokens of one authorisation ended before their time.
    AccessRevoked {
        portal: PortalId,
        reason: String,
    },
    SignerAdded {
        signer: SignerId,
    },
    /// The signer froze their signature; `by` is the page, a notice, or their own page.
    SignerFrozen {
        signer: SignerId,
        by: String,
    },
    SignerUnfrozen {
        signer: SignerId,
    },
    SignerGranted {
        portal: PortalId,
        signer: SignerId,
    },
    CredentialGenerated {
        credential: CredentialId,
        signer: SignerId,
        algorithm: String,
        spki_sha256: String,
    },
    CredentialCertified {
        credential: CredentialId,
        certificate_sha256: String,
    },
    /// The signer's PIN was set or changed; keys under it were wrapped anew.
    PinChanged {
        signer: SignerId,
        credentials: Vec<CredentialId>,
    },
    CredentialStatus {
        credential: CredentialId,
        status: String,
    },
    WebhookAdded {
        portal: PortalId,
        webhook: WebhookId,
        url: String,
    },
    WebhookSecretRotated {
        webhook: WebhookId,
    },
    WebhookState {
        webhook: WebhookId,
        state: String,
    },
    WebhookDeleted {
        webhook: WebhookId,
    },
    TransactionCreated {
        transaction: TransactionId,
        portal: PortalId,
        signer: SignerId,
        credential: CredentialId,
        binding: String,
    },
    CodeSent {
        transaction: TransactionId,
        channel: String,
        sequence: u32,
    },
    EnrolmentOpened {
        signer: SignerId,
    },
    AuthenticatorAdded {
        signer: SignerId,
        authenticator: String,
        method: String,
    },
    AuthenticatorRemoved {
        signer: SignerId,
        authenticator: String,
    },
    /// No channel took the message: the code is dead.
    CodeNotSent {
        transaction: TransactionId,
        sequence: u32,
    },
    CodeRejected {
        transaction: TransactionId,
        tries_left: u32,
    },
    Confirmed {
        transaction: TransactionId,
        method: String,
    },
    SigningIntended {
        transaction: TransactionId,
        hashes: Vec<String>,
        /// Documents that are not signed: number from 1 and reason.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left_out: Vec<String>,
    },
    SigningResumed {
        transaction: TransactionId,
        hashes: Vec<String>,
    },
    Signed {
        transaction: TransactionId,
        signatures: Vec<String>,
        /// Documents that get no signature after all: number from 1 and reason.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left_out: Vec<String>,
    },
    /// A document released at a lower level reached this one.
    LevelRaised {
        transaction: TransactionId,
        ordinal: u32,
        level: Baseline,
    },
    /// The SAD ended with this many of its hashes unused.
    SadLapsed {
        transaction: TransactionId,
        unused: u32,
    },
    Refused {
        transaction: TransactionId,
    },
    Expired {
        transaction: TransactionId,
    },
    Failed {
        transaction: TransactionId,
        reason: String,
    },
}

/// One link of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// From 1, without gaps.
    pub sequence: u64,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The event as the JSON text that was hashed; kept as text so that checking never re-encodes it.
    pub event: String,
    /// Hash of this record, lower-case hex.
    pub hash: String,
}

/// The first broken place of a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    #[error("record {expected} is missing; record {found} stands in its place")]
    Gap { expected: u64, found: u64 },
    #[error("record {0} does not match its hash: it or a record before it was changed")]
    Mismatch(u64),
}

/// Hash before the first record.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Makes the record that follows `previous_hash`.
///
/// # Errors
/// Fails only when the event cannot be written as JSON.
pub fn link(
    previous_hash: &str,
    sequence: u64,
    at: OffsetDateTime,
    event: &AuditEvent,
) -> Result<AuditRecord, serde_json::Error> {
    let event = serde_json::to_string(event)?;
    let hash = record_hash(previous_hash, sequence, at, &event);
    Ok(AuditRecord { sequence, at, event, hash })
}

/// Walks a chain from its first record and returns the hash of the last one.
///
/// # Errors
/// [`ChainError`] names the first record that does not fit.
pub fn check_chain<'a>(records: impl IntoIterator<Item = &'a AuditRecord>) -> Result<String, ChainError> {
    let mut previous = GENESIS.to_owned();
    for (expected, record) in (1u64..).zip(records) {
        if record.sequence != expected {
            return Err(ChainError::Gap { expected, found: record.sequence });
        }
        if record_hash(&previous, record.sequence, record.at, &record.event) != record.hash {
            return Err(ChainError::Mismatch(expected));
        }
        previous.clone_from(&record.hash);
    }
    Ok(previous)
}

fn record_hash(previous: &str, sequence: u64, at: OffsetDateTime, event: &str) -> String {
    let head = format!("kyso audit v1\n{previous}\n{sequence}\n{}\n", at.unix_timestamp_nanos());
    DigestAlgorithm::Sha256.digest_parts(&[head.as_bytes(), event.as_bytes()]).to_hex()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn chain() -> Vec<AuditRecord> {
        let mut previous = GENESIS.to_owned();
        (1..=3)
            .map(|sequence| {
                let event = AuditEvent::Refused { transaction: TransactionId::parse("t").expect("id") };
                let record = link(&previous, sequence, datetime!(2026-01-01 0:00 UTC), &event).expect("json");
                previous.clone_from(&record.hash);
                record
            })
            .collect()
    }

    #[test]
    fn an_untouched_chain_ends_in_its_last_hash() {
        let records = chain();
        assert_eq!(check_chain(&records).as_ref(), Ok(&records[2].hash));
    }

    #[test]
    fn a_changed_event_is_found() {
        let mut records = chain();
        records[1].event = records[1].event.replace("refused", "signed");
        assert_eq!(check_chain(&records), Err(ChainError::Mismatch(2)));
    }

    #[test]
    fn a_removed_record_is_found() {
        let mut records = chain();
        records.remove(1);
        assert_eq!(check_chain(&records), Err(ChainError::Gap { expected: 2, found: 3 }));
    }
}
