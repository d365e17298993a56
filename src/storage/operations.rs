//! What CSC adds to transactions: SADs that replace one another, and calls that are answered later.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{Entry, Intent, Outcome, Result, SadRow};
use crate::domain::{FailureReason, Operation, OperationId, Transaction, TransactionId};

#[async_trait]
pub trait Operations: Send + Sync {
    /// Puts a new SAD in the place of the one with the hash `old`, which is dead then; its end stays. [`Outcome::Stale`] when
    /// another stands there, or the transaction is neither confirmed nor signing.
    async fn replace_sad(&self, id: &TransactionId, old: &[u8; 32], new: &SadRow, entry: Entry) -> Result<Outcome>;
    /// The SAD that was issued for a transaction.
    async fn sad_of(&self, id: &TransactionId) -> Result<Option<SadRow>>;

    /// As [`super::Transactions::record_intents`], together with the operation that will be asked for.
    async fn begin_operation(&self, operation: &Operation, intents: &[Intent], entry: Entry) -> Result<Outcome>;
    /// Uses up items of the SAD's transaction and creates the transactions that sign in their place, each with its record.
    /// [`Outcome::Stale`] when an item was used before.
    async fn delegate(
        &self,
        operation: &Operation,
        used: &[Intent],
        children: &[(Transaction, [Entry; 2])],
        entry: Entry,
    ) -> Result<Outcome>;
    async fn operation(&self, id: &OperationId) -> Result<Option<Operation>>;
    /// Operations on hashes of a transaction that have not failed, oldest first.
    async fn operations_of(&self, sad_of: &TransactionId) -> Result<Vec<Operation>>;
    async fn fail_operation(&self, id: &OperationId, reason: FailureReason) -> Result<()>;
    /// Forgets operations that ended before `now`; what they made stays in their transactions.
    async fn drop_expired_operations(&self, now: OffsetDateTime) -> Result<()>;
}
