//! Requests with several signers, and a portal's list of its requests.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{Created, Entry, Idempotency, Outcome, Result};
use crate::domain::joint::Joint;
use crate::domain::{PortalId, StateKind, Transaction, TransactionId};

/// One signer's part of a new request.
#[derive(Debug, Clone)]
pub struct NewPart {
    pub transaction: Transaction,
    pub turn: u32,
    pub entry: Entry,
}

/// Where a list of requests goes on: below this time and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    pub created_at: OffsetDateTime,
    pub id: TransactionId,
}

/// Requests with several signers. Their states are moved by the commits that move their parts: when one part comes to a bad end,
/// the others that have not begun to sign end with it, and nobody is confirmed before their turn.
#[async_trait]
pub trait JointRequests: Send + Sync {
    /// Creates all parts; the first gives the request its id, and the key belongs to it.
    async fn create_joint(&self, parts: &[NewPart], idempotency: Option<Idempotency>) -> Result<Created>;
    /// The request a transaction is part of; `None` when it has one signer alone.
    async fn joint(&self, part: &TransactionId) -> Result<Option<Joint>>;
    /// Notes on top of how many octets of the others' updates a confirmed part is to sign. Its intents are recorded only if that
    /// is still so, and nobody else is signing then; and levels that were to be raised below it no longer are.
    async fn set_base(&self, part: &TransactionId, octets: u64) -> Result<Outcome>;
    /// Ids of a portal's requests, newest first.
    async fn requests(
        &self,
        portal: &PortalId,
        state: Option<StateKind>,
        before: Option<Before>,
        limit: u32,
    ) -> Result<Vec<TransactionId>>;
}
