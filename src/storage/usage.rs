//! What a portal has made of the service, counted by day, and what was told of one request.

use async_trait::async_trait;
use time::{Date, OffsetDateTime, UtcOffset};

use super::Result;
use super::webhooks::Event;
use crate::domain::{PortalId, StateKind, TransactionId};

/// A span of time, and the offset of the place whose days are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: OffsetDateTime,
    /// Not counted any more.
    pub until: OffsetDateTime,
    pub offset: UtcOffset,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Requests handed over.
    Created,
    /// Requests that entered this state, which is a final one.
    Ended(StateKind),
    /// Signatures released: of documents, and of bare hashes.
    Signatures,
}

/// So many, on that day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub day: Date,
    pub what: Counted,
    pub number: u64,
}

/// Counts and histories.
#[async_trait]
pub trait Usage: Send + Sync {
    /// In no order; nothing that is zero.
    async fn usage(&self, portal: &PortalId, span: Span) -> Result<Vec<Count>>;
    /// What was told of one of the portal's requests, oldest first.
    async fn events_of(&self, portal: &PortalId, request: &TransactionId) -> Result<Vec<Event>>;
}
