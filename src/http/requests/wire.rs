//! A signing request as its portal sees it.

use serde::Serialize;
use time::OffsetDateTime;

use crate::domain::binding::fingerprint;
use crate::domain::{FailureReason, Item, Origin, State, StateKind};
use crate::formats::level::Baseline;
use crate::service::RequestView;
use crate::service::joint::SignatoryView;
use crate::storage::{ItemState, Raise};

/// The JSON of a request. `sha256` is of the original document.
#[derive(Debug, Serialize)]
pub struct RequestJson {
    pub id: String,
    pub state: &'static str,
    pub confirm_url: String,
    pub description: String,
    pub documents: Vec<DocumentJson>,
    pub progress: ProgressJson,
    pub signer: String,
    pub credential: String,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// When the state was entered; absent while waiting.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureJson>,
    /// Only when there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<SignerJson>,
}

/// One of several signers. `signer`, `credential` and `confirm_url` of the request are the first one's.
#[derive(Debug, Serialize)]
pub struct SignerJson {
    pub signer: String,
    pub credential: String,
    pub order: u32,
    pub state: &'static str,
    pub confirm_url: String,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<OffsetDateTime>,
}

/// A page of a portal's requests, newest first.
#[derive(Debug, Serialize)]
pub struct RequestList {
    pub requests: Vec<RequestJson>,
    /// For the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct DocumentJson {
    pub name: String,
    pub size: u64,
    pub sha256: String,
    /// The same twelve characters as on the citizen's page.
    pub fingerprint: String,
    /// Only when signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_url: Option<String>,
    /// The level the signature has now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Baseline>,
    /// The level asked for is still to be reached: the document will be replaced by one with more appended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raise: Option<RaiseJson>,
    /// Why this document of a batch was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureJson>,
}

#[derive(Debug, Serialize)]
pub struct RaiseJson {
    pub to: Baseline,
    pub attempts: u32,
    #[serde(with = "time::serde::rfc3339")]
    pub next_at: OffsetDateTime,
    pub last_error: String,
}

/// How far signing is: for batches, which take a while.
#[derive(Debug, Serialize)]
pub struct ProgressJson {
    pub done: usize,
    pub of: usize,
}

#[derive(Debug, Serialize)]
pub struct FailureJson {
    pub code: &'static str,
    pub detail: &'static str,
    pub signed: bool,
}

impl RequestJson {
    pub fn new(view: &RequestView, public_url: &str) -> Self {
        let transaction = &view.transaction;
        Self {
            id: transaction.id.to_string(),
            state: external_state(transaction.state.kind()),
            confirm_url: format!("{public_url}{}", view.confirm_path),
            description: transaction.description.clone(),
            documents: documents(view, public_url),
            progress: ProgressJson {
                done: view.documents.iter().filter(|state| state.level.is_some() || state.failure.is_some()).count(),
                of: transaction.items.len(),
            },
            signer: transaction.signer.to_string(),
            credential: transaction.credential.to_string(),
            created_at: whole_seconds(transaction.created_at),
            expires_at: whole_seconds(transaction.expires_at),
            changed_at: transaction.state.since().map(whole_seconds),
            return_url: match &transaction.origin {
                Origin::Request { return_url, .. } => return_url.clone(),
                Origin::Csc | Origin::Oauth => None,
            },
            failure: failure(&transaction.state),
            signers: view.signatories.iter().map(|one| signer(one, public_url)).collect(),
        }
    }
}

fn signer(view: &SignatoryView, public_url: &str) -> SignerJson {
    SignerJson {
        signer: view.signer.clone(),
        credential: view.credential.clone(),
        order: view.turn,
        state: external_state(view.state.kind()),
        confirm_url: format!("{public_url}{}", view.confirm_path),
        changed_at: view.state.since().map(whole_seconds),
    }
}

fn whole_seconds(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(0).unwrap_or(at)
}

/// Signing itself takes a moment that portals need not tell from being confirmed.
fn external_state(kind: StateKind) -> &'static str {
    match kind {
        StateKind::Confirmed | StateKind::Signing => StateKind::Confirmed.name(),
        other => other.name(),
    }
}

fn documents(view: &RequestView, public_url: &str) -> Vec<DocumentJson> {
    let transaction = &view.transaction;
    let signed = transaction.state.kind() == StateKind::Signed;
    let nothing = ItemState::default();
    let document = |(n, item): (usize, &Item)| {
        let state = view.documents.get(n - 1).unwrap_or(&nothing);
        let url = || format!("{public_url}/v1/requests/{}/documents/{n}", transaction.id);
        DocumentJson {
            name: item.label.clone(),
            size: item.len,
            sha256: item.digest.to_hex(),
            fingerprint: fingerprint(&item.digest),
            signed_url: (signed && state.failure.is_none()).then(url),
            level: state.level.filter(|_| signed),
            raise: state.raise.as_ref().map(raise),
            failure: state.failure.map(told),
        }
    };
    (1..).zip(&transaction.items).map(document).collect()
}

fn raise(raise: &Raise) -> RaiseJson {
    RaiseJson {
        to: raise.wanted,
        attempts: raise.attempts,
        next_at: whole_seconds(raise.next_at),
        last_error: raise.last_error.clone(),
    }
}

fn failure(state: &State) -> Option<FailureJson> {
    match state {
        State::Failed { reason, .. } => Some(told(*reason)),
        _ => None,
    }
}

fn told(reason: FailureReason) -> FailureJson {
    let detail = match reason {
        FailureReason::Cancelled => "the portal cancelled the request",
        FailureReason::TooManyWrongCodes => "too many wrong codes were entered",
        FailureReason::Interrupted => "the service stopped while signing; nothing was released",
        FailureReason::DocumentNotSignable => "a document cannot be signed",
        FailureReason::DocumentChanged => {
            "a stored document is no longer the one that was confirmed; nothing was signed"
        }
        FailureReason::KeyUnavailable => "the signing key could not be used",
        FailureReason::CertificateNotValid => "the signing certificate is not valid",
        FailureReason::TrustServiceUnavailable => {
            "a time-stamp or revocation information could not be had; nothing was released; ask again later"
        }
        FailureReason::AnotherSigner => "another signer refused or could not sign; nothing was released",
        FailureReason::NotRequested => "the signer says that they did not ask for it, and froze their signature",
        FailureReason::Frozen => "the signer froze their signature; nothing was signed",
    };
    FailureJson { code: reason.name(), detail, signed: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::DigestAlgorithm;
    use crate::domain::SignatureSettings;
    use crate::domain::{CredentialId, KeyAlgorithm, PortalId, SignerId, Transaction, TransactionId};
    use time::macros::datetime;

    fn view(state: State) -> RequestView {
        let transaction = Transaction {
            id: TransactionId::parse("t1").expect("id"),
            portal: PortalId::parse("p").expect("id"),
            signer: SignerId::parse("an").expect("id"),
            credential: CredentialId::parse("c").expect("id"),
            origin: Origin::Request {
                return_url: None,
                settings: Box::new(SignatureSettings::new(KeyAlgorithm::P256.default_signature())),
            },
            description: "Tờ khai".into(),
            created_at: datetime!(2026-01-02 3:04:05 UTC),
            expires_at: datetime!(2026-01-02 3:34:05 UTC),
            items: vec![Item { label: "a.pdf".into(), digest: DigestAlgorithm::Sha256.digest(b""), len: 7 }],
            state,
        };
        let level = (transaction.state.kind() == StateKind::Signed).then_some(Baseline::B);
        let documents = vec![ItemState { level, ..ItemState::default() }];
        RequestView { transaction, documents, confirm_path: "/c/token".into(), signatories: Vec::new() }
    }

    #[test]
    fn a_waiting_request_as_json() {
        let json = serde_json::to_string(&RequestJson::new(&view(State::Waiting), "https://k")).expect("JSON");
        assert_eq!(
            json,
            concat!(
                r#"{"id":"t1","state":"waiting","confirm_url":"https://k/c/token","description":"Tờ khai","documents":["#,
                r#"{"name":"a.pdf","size":7,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","#,
                r#""fingerprint":"WERC-8GMR-ZGE1"}],"progress":{"done":0,"of":1},"signer":"an","credential":"c","created_at":"2026-01-02T03:04:05Z","#,
                r#""expires_at":"2026-01-02T03:34:05Z"}"#
            )
        );
    }

    #[test]
    fn only_a_signed_request_says_where_to_fetch() {
        let at = datetime!(2026-01-02 3:05 UTC);
        let signed = RequestJson::new(&view(State::Signed { at }), "https://k");
        assert_eq!(signed.documents[0].signed_url.as_deref(), Some("https://k/v1/requests/t1/documents/1"));
        assert_eq!((signed.documents[0].level, signed.progress.done), (Some(Baseline::B), 1));
        let signing = RequestJson::new(&view(State::Signing { at }), "https://k");
        assert_eq!((signing.state, &signing.documents[0].signed_url), ("confirmed", &None));
    }

    #[test]
    fn a_failure_names_its_reason_and_that_nothing_was_signed() {
        let at = datetime!(2026-01-02 3:05 UTC);
        for reason in FailureReason::ALL {
            let failed = RequestJson::new(&view(State::Failed { at, reason }), "https://k").failure.expect("told");
            assert!(failed.code == reason.name() && !failed.signed && !failed.detail.is_empty());
        }
    }
}
