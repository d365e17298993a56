//! Receipts of signed transactions, sealed by the service.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{Entry, Outcome, Result};
use crate::crypto::Digest;
use crate::domain::{CredentialId, Method, TransactionId};

/// When and by what a transaction was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed {
    pub at: OffsetDateTime,
    pub by: Method,
}

/// The durable intent to seal one receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptIntent {
    /// The seal.
    pub credential: CredentialId,
    /// The PDF before it is sealed.
    pub document: Vec<u8>,
    /// DTBSR.
    pub digest: Digest,
    /// What embedding needs later, as the service serialised it.
    pub prepared: Vec<u8>,
}

/// A receipt as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReceipt {
    pub intent: ReceiptIntent,
    /// What follows the document, once it is sealed.
    pub sealed: Option<Vec<u8>>,
}

#[async_trait]
pub trait Receipts: Send + Sync {
    /// `None` also for transactions that were confirmed before this was kept.
    async fn confirmed(&self, id: &TransactionId) -> Result<Option<Confirmed>>;
    async fn receipt(&self, id: &TransactionId) -> Result<Option<StoredReceipt>>;
    /// Records the intent, or that it is taken up again. [`Outcome::Stale`] when the transaction is not signed, when the intent
    /// to seal something else stands there, or when the receipt is sealed.
    async fn intend_receipt(&self, id: &TransactionId, intent: &ReceiptIntent, entry: Entry) -> Result<Outcome>;
    /// Records the result. [`Outcome::Stale`] when there is no intent, or a result already.
    async fn record_receipt(&self, id: &TransactionId, sealed: &[u8], entry: Entry) -> Result<Outcome>;
}
