//! What the clock or a crash left: overdue transactions end, half-way ones are brought to an end.

use std::sync::Arc;
use time::Duration;

use super::{Result, Service};
use crate::domain::{AuditEvent, FailureReason, Origin, State, StateKind, Transaction};

/// How long a transaction may be confirmed or signing before it counts as stuck: far longer than any key takes.
const STALLED: Duration = Duration::minutes(1);

/// What [`Service::settle`] found and did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Requests that were confirmed or half signed and are signed now.
    pub finished: u32,
    /// Transactions that could not be brought further and failed.
    pub failed: u32,
    /// Files of requests the database does not know, removed.
    pub swept: u32,
}

/// What an earlier process left.
#[derive(Debug)]
pub struct LeftBehind {
    swept: u32,
    transactions: Vec<Transaction>,
}

impl Service {
    /// Settles everything a stopped process left half-way. Call it before the port opens.
    ///
    /// A request whose citizen had confirmed is signed now: its intent holds the very DTBSR, no result was recorded, so no
    /// signature ever left the process, and the one made now is the only one released. Hashes of an asynchronous CSC call are
    /// signed the same way. Those of a call whose caller is gone fail as interrupted: their SAD is used up, and a new confirmation is needed.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn settle(self: &Arc<Self>) -> Result<Settled> {
        let left = self.left_behind().await?;
        self.settle_left(left).await
    }

    /// What a stopped process left half-way: files nobody asks for are removed, transactions are listed.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn left_behind(&self) -> Result<LeftBehind> {
        Ok(LeftBehind { swept: self.sweep_documents().await?, transactions: self.storage().unsettled().await? })
    }

    /// Settles what [`Self::left_behind`] listed. The port may be open by then: a sandbox's own time-stamping authority
    /// answers on it, and what came in since is not on the list.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn settle_left(self: &Arc<Self>, left: LeftBehind) -> Result<Settled> {
        let mut settled = Settled { swept: left.swept, ..Settled::default() };
        for transaction in left.transactions {
            self.settle_one(&transaction, &mut settled).await?;
        }
        self.expire_overdue().await?;
        Ok(settled)
    }

    /// Settles what got stuck while the process ran on: a database that did not answer just when a result was to be recorded.
    /// Call it now and then.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn settle_stalled(self: &Arc<Self>) -> Result<Settled> {
        let mut settled = Settled::default();
        let before = self.now() - STALLED;
        for transaction in self.storage().unsettled().await? {
            let old = transaction.state.since().is_some_and(|since| since <= before);
            let idle = self.take_in_hand(&transaction.id).is_some();
            if old && idle {
                self.settle_one(&transaction, &mut settled).await?;
            }
        }
        Ok(settled)
    }

    async fn settle_one(self: &Arc<Self>, transaction: &Transaction, settled: &mut Settled) -> Result<()> {
        let ended = match &transaction.origin {
            Origin::Request { .. } => self.sign_request(&transaction.id, None).await.map(|t| t.state.kind()),
            // Hashes that are not asked for yet are nothing unfinished.
            Origin::Csc | Origin::Oauth if !self.is_interrupted(transaction).await? => return Ok(()),
            Origin::Csc | Origin::Oauth if self.take_up_operations(transaction).await? => Ok(StateKind::Signed),
            Origin::Csc | Origin::Oauth => {
                let failed = self.fail(transaction, StateKind::Signing, FailureReason::Interrupted).await;
                failed.map(|()| StateKind::Failed)
            }
        };
        match ended {
            Ok(StateKind::Signed) => settled.finished += 1,
            _ => settled.failed += 1,
        }
        Ok(())
    }

    /// Ends what is past its time, and forgets tokens and links that are. Call it now and then.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn expire_overdue(&self) -> Result<()> {
        for transaction in self.storage().overdue(self.now()).await? {
            self.expire_if_due(transaction).await?;
        }
        self.storage().drop_expired_operations(self.now()).await?;
        Ok(self.storage().forget_ended(self.now()).await?)
    }

    /// The transaction as it is now: expired if its time is over.
    pub(super) async fn expire_if_due(&self, transaction: Transaction) -> Result<Transaction> {
        let (id, now) = (transaction.id.clone(), self.now());
        let expired = || (State::Expired { at: now }, AuditEvent::Expired { transaction: id.clone() });
        let (from, (to, event)) = match (transaction.state.kind(), &transaction.origin) {
            (StateKind::Waiting, _) if transaction.expires_at <= now => (StateKind::Waiting, expired()),
            (StateKind::Confirmed, Origin::Csc | Origin::Oauth) if self.sad_is_over(&transaction).await? => {
                (StateKind::Confirmed, expired())
            }
            (StateKind::Signing, Origin::Csc | Origin::Oauth) if self.sad_is_over(&transaction).await? => {
                let rows = self.storage().signatures(&id).await?;
                if rows.iter().any(|row| row.signature.is_none()) {
                    // In use right now, or interrupted: settled soon.
                    return Ok(transaction);
                }
                let unused = u32::try_from(transaction.items.len().saturating_sub(rows.len())).unwrap_or(u32::MAX);
                (
                    StateKind::Signing,
                    (State::Signed { at: now }, AuditEvent::SadLapsed { transaction: id.clone(), unused }),
                )
            }
            _ => return Ok(transaction),
        };
        // Whoever was first, what stands in the database now is the answer.
        let _ = self.storage().advance(&id, from, &to, self.entry(event)).await?;
        Ok(self.storage().transaction(&id).await?.unwrap_or(transaction))
    }

    async fn sad_is_over(&self, transaction: &Transaction) -> Result<bool> {
        let since = transaction.state.since().unwrap_or(transaction.created_at);
        // The confirmation started the SAD's life; signing calls only come later.
        Ok(since + self.backends.sole_control.policy().sad_life <= self.now())
    }

    async fn is_interrupted(&self, transaction: &Transaction) -> Result<bool> {
        let rows = self.storage().signatures(&transaction.id).await?;
        Ok(rows.iter().any(|row| row.signature.is_none()))
    }

    pub(super) async fn fail(&self, transaction: &Transaction, from: StateKind, reason: FailureReason) -> Result<()> {
        let event = AuditEvent::Failed { transaction: transaction.id.clone(), reason: reason.name().to_owned() };
        let failed = State::Failed { at: self.now(), reason };
        let _ = self.storage().advance(&transaction.id, from, &failed, self.entry(event)).await?;
        Ok(())
    }

    /// A process that died between writing files and creating their transaction leaves files nobody asks for.
    async fn sweep_documents(&self) -> Result<u32> {
        let documents = self.backends.documents.clone();
        let unreadable = |error: std::io::Error| super::ServiceError::Internal(format!("documents: {error}"));
        documents.clear_scratch().map_err(unreadable)?;
        let mut swept = 0;
        for id in documents.transactions().map_err(unreadable)? {
            if self.storage().transaction(&id).await?.is_none() {
                documents.remove(&id).map_err(unreadable)?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}
