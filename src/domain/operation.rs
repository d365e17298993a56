//! A CSC call whose answer is fetched later (`signatures/signPolling`).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::ids::{OperationId, PortalId, TransactionId};
use super::transaction::FailureReason;
use crate::crypto::SignatureAlgorithm;

/// What is being made under one redemption of a SAD. Durable before the caller hears of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    pub id: OperationId,
    pub portal: PortalId,
    /// The transaction whose SAD was redeemed.
    pub sad_of: TransactionId,
    pub kind: OperationKind,
    /// Where each result will stand, in the caller's order.
    pub parts: Vec<Part>,
    pub created_at: OffsetDateTime,
    /// Until when the results can be fetched.
    pub expires_at: OffsetDateTime,
    /// Why hashes were not signed; documents have it in their own transactions.
    pub failure: Option<FailureReason>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// Hashes of the SAD's own transaction.
    Hashes { algorithm: SignatureAlgorithm },
    /// Documents, in transactions of their own that count as confirmed with the SAD.
    Documents,
}

/// One result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub transaction: TransactionId,
    /// Position in the transaction, from 0.
    pub ordinal: u32,
}
