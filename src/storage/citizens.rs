//! What citizens see and do on their own pages: freezing, their history, who may act for them, and the sessions of these pages.

use async_trait::async_trait;
use time::{Duration, OffsetDateTime};

use super::oauth::Key;
use super::{Entry, Outcome, Result};
use crate::domain::{Method, Portal, PortalId, SignerId, Transaction, TransactionId};

/// One entry of a signer's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    pub transaction: Transaction,
    pub portal_name: String,
    pub confirmed_by: Option<Method>,
    /// The signer's certificate, DER.
    pub certificate: Option<Vec<u8>>,
}

/// A portal that holds tokens for a signer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    pub portal: Portal,
    /// When the last of them ends.
    pub until: OffsetDateTime,
}

/// How often a code may be sent for a signer's own page.
#[derive(Debug, Clone, Copy)]
pub struct OpeningLimits {
    pub window: Duration,
    /// Openings in it that were not confirmed.
    pub unconfirmed: u32,
}

#[async_trait]
pub trait Citizens: Send + Sync {
    /// Stops all use of a signer's keys. [`Outcome::Stale`] when they are frozen already.
    async fn freeze(&self, signer: &SignerId, entry: Entry) -> Result<Outcome>;
    async fn unfreeze(&self, signer: &SignerId, entry: Entry) -> Result<Outcome>;
    /// At most a thousand.
    async fn waiting_of(&self, signer: &SignerId) -> Result<Vec<Transaction>>;

    /// What the signer was asked to sign, newest first, from the one after `after` on; sign-ins are left out.
    async fn signings(&self, signer: &SignerId, after: Option<&TransactionId>, limit: u32) -> Result<Vec<Signing>>;

    /// Portals with live tokens for the signer, by name.
    async fn accesses(&self, signer: &SignerId, now: OffsetDateTime) -> Result<Vec<Access>>;
    /// Ends a portal's tokens for the signer, and its authorisations under way. [`Outcome::Stale`] when there are none.
    async fn end_accesses(&self, signer: &SignerId, portal: &PortalId, entry: Entry) -> Result<Outcome>;

    /// Stores the transaction whose code opens the page in the browser of this key. [`Outcome::Stale`] when too many were begun
    /// in the window.
    async fn begin_own_session(
        &self,
        key: &Key,
        transaction: &Transaction,
        limits: OpeningLimits,
        entry: Entry,
    ) -> Result<Outcome>;
    /// The transaction whose code that browser waits for.
    async fn opening(&self, key: &Key) -> Result<Option<Transaction>>;
    /// The code fitted: the session goes on under another key.
    async fn open_own_session(
        &self,
        old: &Key,
        new: &Key,
        idle_at: OffsetDateTime,
        ends: OffsetDateTime,
    ) -> Result<Outcome>;
    /// Who the open page belongs to; looking moves its idle end on by `idle`.
    async fn own_session(&self, key: &Key, now: OffsetDateTime, idle: Duration) -> Result<Option<SignerId>>;
    async fn end_own_session(&self, key: &Key) -> Result<()>;
}
