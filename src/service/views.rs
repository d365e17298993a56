//! What use cases take and give: plain values, free of HTTP and SQL.

use std::path::PathBuf;
use time::{Duration, OffsetDateTime};

use super::joint::{OtherSigner, SignatoryView};
use crate::authorization::{PasskeyRequest, Proof};
use crate::crypto::{Digest, SignatureAlgorithm};
use crate::domain::oauth::Holder;
use crate::domain::settings::SignatureFormat;
use crate::domain::{
    CredentialId, Factors, Method, Portal, PortalId, Secret, SignatureOptions, Signer, State, Transaction,
    TransactionId,
};
use crate::storage::{ItemState, Spent};

/// The authenticated portal behind a bearer token, and for whom the token speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub portal: PortalId,
    pub holder: Holder,
}

/// Where a citizen's browser goes after an authorisation: back to the client, with a code or with a refusal.
#[derive(Debug)]
pub struct Leaving {
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
    pub(super) code: Option<Secret>,
}

/// `credentials/authorize`.
#[derive(Debug)]
pub struct AuthorizeHashes {
    pub credential: CredentialId,
    /// DTBSRs to authorise, in the caller's order.
    pub hashes: Vec<Digest>,
    pub num_signatures: u32,
    pub description: String,
    pub pin: Option<Secret>,
    /// Without a code, one is sent to the signer's registered number and the answer is [`Authorization::CodeSent`].
    pub code: Option<Secret>,
}

/// The answer to [`AuthorizeHashes`].
#[derive(Debug)]
pub enum Authorization {
    /// The factors fitted; the SAD opens exactly these hashes.
    Sad { sad: Secret, expires_in: Duration },
    /// A code was sent; repeat the call with it, or let the signer type it on the page with this path, if it takes codes for
    /// these hashes.
    CodeSent { handle: TransactionId, page: Option<String> },
}

/// `signatures/signHash`.
#[derive(Debug)]
pub struct SignHashes {
    pub credential: CredentialId,
    pub sad: Secret,
    pub hashes: Vec<Digest>,
    pub algorithm: SignatureAlgorithm,
}

/// A new signing request with whole documents.
#[derive(Debug)]
pub struct NewRequest {
    pub credential: CredentialId,
    pub documents: Vec<NewDocument>,
    pub description: String,
    pub return_url: Option<String>,
    /// How long the citizen may take; the service's default when absent.
    pub valid_for: Option<Duration>,
    pub idempotency_key: Option<String>,
    /// Signature algorithm; the credential's default when absent.
    pub algorithm: Option<SignatureAlgorithm>,
    pub options: SignatureOptions,
    /// Opens the documents, when they are encrypted.
    pub password: Option<Secret>,
}

#[derive(Debug)]
pub struct NewDocument {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// A request as its portal sees it.
#[derive(Debug)]
pub struct RequestView {
    pub transaction: Transaction,
    /// One state a document.
    pub documents: Vec<ItemState>,
    /// Path of the citizen's page below the service's public URL, `/c/{token}`.
    pub confirm_path: String,
    /// When there are several signers: each of them, in the portal's order. The first one's page is the one above.
    pub signatories: Vec<SignatoryView>,
}

/// A transaction as the citizen sees it.
#[derive(Debug)]
pub struct ConfirmationView {
    pub transaction: Transaction,
    /// One state a document, once it is confirmed.
    pub documents: Vec<ItemState>,
    pub portal: Portal,
    pub signer: Signer,
    /// Whose certificate will be used: subject common name and serial, for the page's small print.
    pub certificate_subject: String,
    /// The live code, if one was sent.
    pub code: Option<LiveCode>,
    /// Whether another code may be sent at all.
    pub codes_left: u32,
    /// Where the browser goes when it ends unconfirmed, if an OAuth client brought it here.
    pub leaving: Option<Leaving>,
    /// The other signers of the same request, in the portal's order.
    pub others: Vec<OtherSigner>,
    /// Whether everybody has signed who comes before.
    pub in_turn: bool,
    /// What keeps another code from being sent for now, or this one from being compared.
    pub spent: Option<Spent>,
    pub code_digits: usize,
    /// With a PIN, the page asks for it beside the code.
    pub factors: Factors,
    /// Messages that reach the signer: method and masked destination, the preferred first.
    pub destinations: Vec<(Method, String)>,
    /// What the signer has registered to confirm with besides.
    pub authenticators: Vec<Method>,
}

/// What the signer gives on the page.
#[derive(Debug)]
pub struct Answer {
    pub proof: Proof,
    pub pin: Option<Secret>,
}

/// A one-time code that may still be entered.
#[derive(Debug, Clone)]
pub struct LiveCode {
    pub method: Method,
    /// What the page shows for an authenticator app, and wants back.
    pub control: Option<Secret>,
    /// What the browser is asked for a passkey.
    pub passkey: Option<PasskeyRequest>,
    pub tries_left: u32,
    pub expires_at: OffsetDateTime,
    /// When another may be asked for.
    pub resend_at: OffsetDateTime,
}

/// A signed document: the original file as received, followed by the appended update; or a CMS message alone.
#[derive(Debug)]
pub struct SignedDocument {
    pub name: String,
    pub format: SignatureFormat,
    pub original: PathBuf,
    /// Octets of the original that stand first; 0 for a CMS message.
    pub original_len: u64,
    pub update: Vec<u8>,
}

/// The outcome of a step on the citizen's page.
#[derive(Debug)]
pub struct StepOutcome {
    pub state: State,
    pub return_url: Option<String>,
    /// Where the browser goes at once, if an OAuth client brought it here.
    pub leaving: Option<Leaving>,
}
