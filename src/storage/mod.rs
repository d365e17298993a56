//! What is remembered: repository traits, and the database behind them.
//!
//! Each method of a trait is one durable commit; those that change something take the audit [`Entry`] that goes into the same
//! commit. Reading order: the traits here ([`Parties`], [`Authenticators`], [`Credentials`], [`Transactions`], [`AuditLog`]) and
//! in [`joint`], [`webhooks`], [`oauth`] and [`citizens`], then [`sqlite`].
//!
//! What this folder does not do: decide whether a change is allowed, beyond the conditions a commit must check atomically
//! (the state it starts from, one live code, one signature an item).

pub mod budget;
pub mod citizens;
pub mod documents;
pub mod joint;
pub mod oauth;
pub mod sqlite;
pub mod webhooks;

#[cfg(test)]
mod contract;

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::crypto::Digest;
use crate::domain::{
    AuditEvent, AuditRecord, Authenticator, Credential, CredentialId, Enrolment, FailureReason, Item, Method, Portal,
    PortalId, Signer, SignerId, State, StateKind, Transaction, TransactionId, WrappedKey, credential::KeyStatus,
};
use crate::formats::level::Baseline;
pub use joint::JointRequests;
pub use webhooks::Webhooks;

use oauth::{Authorizations, Clients, Identities, Tokens};

pub use budget::*;
pub use citizens::Citizens;

/// Why storage could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database does not answer or refused the statement.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// A row does not hold what the schema promises.
    #[error("stored data is not usable: {0}")]
    Corrupt(String),
    /// The row exists already.
    #[error("it exists already")]
    Duplicate,
    /// The signer has frozen their signature: the commit that would lead to one is refused.
    #[error("the signer has frozen their signature")]
    Frozen,
}

pub type Result<T> = std::result::Result<T, StorageError>;

/// An audit event and when it happened; stored in the commit of the change it describes.
#[derive(Debug, Clone)]
pub struct Entry {
    pub at: OffsetDateTime,
    pub event: AuditEvent,
}

/// Whether a conditional change found the condition it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    Done,
    /// Somebody else was first: nothing was changed.
    Stale,
}

impl Outcome {
    /// From the number of rows a conditional statement changed.
    fn of(rows: u64) -> Self {
        if rows > 0 { Self::Done } else { Self::Stale }
    }
}

/// A one-time code that was sent, or another challenge: its MAC and its budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    pub id: String,
    pub transaction: TransactionId,
    /// Which code of its transaction this is, from 1.
    pub sequence: u32,
    pub method: Method,
    pub mac: [u8; 32],
    pub tries_left: u32,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

/// What happens in the same commit when a code fits.
#[derive(Debug, Clone)]
pub struct Confirmation {
    pub at: OffsetDateTime,
    /// How it was confirmed, for the audit record.
    pub method: String,
    /// For CSC transactions.
    pub sad: Option<SadRow>,
    pub guesses: GuessLimits,
    /// The authenticator that answered; `None` when a typed code is compared alone.
    pub authenticator: Option<AuthenticatorUse>,
    /// Hashes to tie to a transaction whose code was asked for before they were known.
    pub items: Vec<Item>,
}

/// An authenticator's answer, as it was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatorUse {
    pub id: String,
    /// Its step or counter when the answer fits; the commit takes it only if it has grown.
    pub counter: Option<u64>,
}

/// What is kept of a SAD.
#[derive(Debug, Clone)]
pub struct SadRow {
    pub sha256: [u8; 32],
    pub ends: OffsetDateTime,
    /// What opens the key, sealed under a key that only the SAD gives.
    pub sealed: Option<Vec<u8>>,
}

/// What became of an entered code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeOutcome {
    Accepted,
    Wrong {
        tries_left: u32,
    },
    /// The last try was used up; the transaction has failed.
    Locked,
    /// No live code: expired, replaced or used.
    NoLiveCode,
    /// The signer's wrong entries of the day are used up; the code was not compared.
    Spent {
        until: OffsetDateTime,
    },
}

/// The durable intent to sign one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    pub ordinal: u32,
    /// DTBSR.
    pub digest: Digest,
    /// What embedding needs later, as the service serialised it.
    pub prepared: Option<Vec<u8>>,
}

/// The stored stages of one item's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureRow {
    pub intent: Intent,
    pub signature: Option<Vec<u8>>,
    pub output: Option<Vec<u8>>,
    /// Of the stored output.
    pub level: Option<Baseline>,
}

/// The result of one item.
#[derive(Debug, Clone)]
pub struct SignatureResult {
    pub ordinal: u32,
    pub signature: Vec<u8>,
    /// What is released, for documents.
    pub output: Option<Output>,
}

/// A signed document as it is released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Bytes to append to the original document, or the whole CMS.
    pub bytes: Vec<u8>,
    pub level: Baseline,
    /// The level is below the one that was asked for, and is to be raised.
    pub raise: Option<Raise>,
}

/// A signature whose level is raised later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raise {
    pub wanted: Baseline,
    /// Attempts that failed so far.
    pub attempts: u32,
    pub next_at: OffsetDateTime,
    /// Why the last attempt failed, for people.
    pub last_error: String,
}

/// A raise that is due, and whose document it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRaise {
    pub transaction: TransactionId,
    pub ordinal: u32,
    pub raise: Raise,
}

/// A document that is left out of its request's signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    pub ordinal: u32,
    pub reason: FailureReason,
}

impl LeftOut {
    /// For the audit record: number from 1 and reason.
    pub fn name(&self) -> String {
        format!("{} {}", self.ordinal.saturating_add(1), self.reason.name())
    }
}

/// Where one document of a request stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ItemState {
    /// The level of the released signature; `None` while there is none.
    pub level: Option<Baseline>,
    pub failure: Option<FailureReason>,
    pub raise: Option<Raise>,
}

/// A key that was wrapped anew.
#[derive(Debug, Clone)]
pub struct Rewrapped {
    pub credential: CredentialId,
    pub old: WrappedKey,
    pub new: WrappedKey,
}

/// An `Idempotency-Key` with the hash of the body it came with.
#[derive(Debug, Clone)]
pub struct Idempotency {
    pub key: String,
    pub body_sha256: [u8; 32],
    /// Keys used before this time are forgotten.
    pub not_before: OffsetDateTime,
}

/// What creating a transaction did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    New,
    /// The same call was made before; this is its transaction.
    Replayed(TransactionId),
    /// The key was used with another body.
    Mismatch,
}

/// Portals, signers, and who may ask whom.
#[async_trait]
pub trait Parties: Send + Sync {
    async fn add_portal(&self, portal: &Portal, entry: Entry) -> Result<()>;
    async fn portal(&self, id: &PortalId) -> Result<Option<Portal>>;
    async fn portals(&self) -> Result<Vec<Portal>>;
    async fn add_signer(&self, signer: &Signer, entry: Entry) -> Result<()>;
    async fn signer(&self, id: &SignerId) -> Result<Option<Signer>>;
    async fn signers(&self) -> Result<Vec<Signer>>;
    /// Lets the portal ask the signer.
    async fn grant(&self, portal: &PortalId, signer: &SignerId, entry: Entry) -> Result<()>;
    async fn is_granted(&self, portal: &PortalId, signer: &SignerId) -> Result<bool>;
    /// Takes one try at the PIN before it is compared: it counts as wrong until it is forgiven.
    async fn take_pin_try(
        &self,
        signer: &SignerId,
        portal: &PortalId,
        at: OffsetDateTime,
        limits: PinLimits,
    ) -> Result<PinTry>;
    /// The PIN was right: this try does not count, and those before it no longer stand in a row.
    async fn forgive_pin_try(&self, signer: &SignerId, portal: &PortalId, id: PinTryId) -> Result<()>;
}

/// What signers have registered to confirm with.
#[async_trait]
pub trait Authenticators: Send + Sync {
    /// Oldest first.
    async fn authenticators_of(&self, signer: &SignerId) -> Result<Vec<Authenticator>>;
    async fn add_enrolment(&self, enrolment: &Enrolment, entry: Entry) -> Result<()>;
    async fn enrolment(&self, sha256: &[u8; 32]) -> Result<Option<Enrolment>>;
    /// Registers an authenticator and uses the link up. [`Outcome::Stale`] when the link is unknown, used or over at the
    /// entry's time.
    async fn enrol(&self, sha256: &[u8; 32], authenticator: &Authenticator, entry: Entry) -> Result<Outcome>;
    async fn remove_authenticator(&self, signer: &SignerId, id: &str, entry: Entry) -> Result<Outcome>;
}

/// Keys and their certificates.
#[async_trait]
pub trait Credentials: Send + Sync {
    async fn add_credential(&self, credential: &Credential, entry: Entry) -> Result<()>;
    async fn credential(&self, id: &CredentialId) -> Result<Option<Credential>>;
    async fn credentials_of(&self, signer: &SignerId) -> Result<Vec<Credential>>;
    /// Sets the certificates of a pending credential and enables it.
    async fn certify(&self, id: &CredentialId, certificates: &[Vec<u8>], entry: Entry) -> Result<Outcome>;
    async fn set_status(&self, id: &CredentialId, status: KeyStatus, entry: Entry) -> Result<Outcome>;
    /// Stores another PIN of a signer and the keys that were wrapped anew for it, each in place of the form named.
    /// [`Outcome::Stale`] when the signer is unknown or a key has changed meanwhile.
    async fn change_pin(&self, signer: &SignerId, pin_hash: &str, keys: &[Rewrapped], entry: Entry) -> Result<Outcome>;
    /// Whether any credential came from the development PKI.
    async fn holds_development_credentials(&self) -> Result<bool>;
}

/// Signing transactions, their codes, intents and results.
#[async_trait]
pub trait Transactions: Send + Sync {
    async fn create(
        &self,
        transaction: &Transaction,
        idempotency: Option<Idempotency>,
        entry: Entry,
    ) -> Result<Created>;
    async fn transaction(&self, id: &TransactionId) -> Result<Option<Transaction>>;
    /// Moves from `from` to `to`, unless another commit moved it first.
    async fn advance(&self, id: &TransactionId, from: StateKind, to: &State, entry: Entry) -> Result<Outcome>;
    /// Waiting CSC transactions of a portal for a credential, newest first, at most 20.
    async fn waiting_for(&self, portal: &PortalId, credential: &CredentialId) -> Result<Vec<Transaction>>;
    /// Waiting transactions past their end, and confirmed or signing ones that no longer move on their own.
    async fn overdue(&self, now: OffsetDateTime) -> Result<Vec<Transaction>>;
    /// Everything confirmed or signing: what a crash left half-way.
    async fn unsettled(&self) -> Result<Vec<Transaction>>;

    /// Stores a new code and kills the old one, if the budgets allow it. [`Sending::Stale`] when the transaction no longer
    /// waits, or its codes sent are not one fewer than the new one's `sequence`: somebody else sent one meanwhile.
    async fn put_challenge(&self, challenge: &Challenge, limits: &SendLimits, entry: Entry) -> Result<Sending>;
    /// The message goes over another channel: counts it there and notes the method.
    async fn redirect_challenge(
        &self,
        challenge: &Challenge,
        message: (&MessageScope, MessageLimits),
        entry: Entry,
    ) -> Result<Sending>;
    /// Kills a code that surely reached nobody, and gives its place in the signer's budget back.
    async fn withdraw_challenge(&self, challenge: &Challenge, entry: Entry) -> Result<()>;
    /// What keeps a code for this transaction from being sent at `at`, messages' budgets aside.
    async fn sending_spent(
        &self,
        transaction: &Transaction,
        limits: &SendLimits,
        at: OffsetDateTime,
    ) -> Result<Option<Spent>>;
    /// Entries of codes by all signers since `from`, to the minute.
    async fn entries_since(&self, from: OffsetDateTime) -> Result<EntryCounts>;
    async fn live_challenge(&self, id: &TransactionId) -> Result<Option<Challenge>>;
    /// How many codes were sent for the transaction.
    async fn codes_sent(&self, id: &TransactionId) -> Result<u32>;
    /// Counts the try, compares in constant time and, when the code fits, confirms: all in one commit. With the signer's
    /// budget of wrong entries used up nothing is compared.
    async fn try_code(
        &self,
        challenge: &Challenge,
        presented: &[u8; 32],
        confirmation: Confirmation,
    ) -> Result<CodeOutcome>;

    /// The transaction a SAD belongs to, and what was kept with it.
    async fn by_sad(&self, sha256: &[u8; 32]) -> Result<Option<(Transaction, SadRow)>>;
    /// Records intents, and which items are left out, and moves to signing; [`Outcome::Stale`] when an item has an intent
    /// already or the state is not one of confirmed and signing.
    async fn record_intents(
        &self,
        id: &TransactionId,
        intents: &[Intent],
        left_out: &[LeftOut],
        entry: Entry,
    ) -> Result<Outcome>;
    async fn signatures(&self, id: &TransactionId) -> Result<Vec<SignatureRow>>;
    /// One state an item, in their order.
    async fn item_states(&self, id: &TransactionId) -> Result<Vec<ItemState>>;
    /// Records results, and items that get none after all. When every item has a result or is left out, the transaction is
    /// signed, or failed when all are left out. [`Outcome::Stale`] when an item has a result already.
    async fn record_results(
        &self,
        id: &TransactionId,
        results: &[SignatureResult],
        left_out: &[LeftOut],
        entry: Entry,
    ) -> Result<Outcome>;

    /// Raises that are due at `now`, the longest waiting first.
    async fn due_raises(&self, now: OffsetDateTime, limit: u32) -> Result<Vec<DueRaise>>;
    /// Stores a raised document in place of the lower one. A raise inside `output` replaces the waiting one; without it the
    /// queue forgets the document. [`Outcome::Stale`] when nothing waits, or the stored level is not lower.
    async fn record_raised(&self, id: &TransactionId, ordinal: u32, output: &Output, entry: Entry) -> Result<Outcome>;
    /// Puts a failed attempt back into the queue.
    async fn postpone_raise(&self, due: &DueRaise) -> Result<()>;
}

/// The audit chain.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Records with a sequence greater than `after`, oldest first.
    async fn audit_after(&self, after: u64, limit: u32) -> Result<Vec<AuditRecord>>;
    /// Cheapest question that shows the database answers and can be written.
    async fn probe(&self) -> Result<()>;
}

/// Everything the service remembers.
pub trait Storage:
    Parties
    + Authenticators
    + Credentials
    + Transactions
    + AuditLog
    + JointRequests
    + Webhooks
    + Clients
    + Authorizations
    + Tokens
    + Identities
    + Citizens
{
}

impl<
    T: Parties
        + Authenticators
        + Credentials
        + Transactions
        + AuditLog
        + JointRequests
        + Webhooks
        + Clients
        + Authorizations
        + Tokens
        + Identities
        + Citizens,
> Storage for T
{
}
