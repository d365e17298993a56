//! Webhooks: addresses, events and deliveries. Events themselves come into being inside the commits that change a request.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{Entry, Outcome, Result};
use crate::domain::webhook::{EventKind, Webhook, WebhookState};
use crate::domain::{PortalId, WebhookId};

/// Something that was told, or is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: String,
    /// From 1, in the order of the portal's commits, without gaps.
    pub sequence: u64,
    pub kind: EventKind,
    /// JSON, as it is signed and sent.
    pub body: String,
    pub created_at: OffsetDateTime,
}

/// An event on its way to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub event: Event,
    pub state: DeliveryState,
    /// Tries so far.
    pub attempts: u32,
    /// When it is tried next, while it is pending.
    pub next_at: OffsetDateTime,
    /// What came of the last try.
    pub last: Option<Attempt>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    Pending,
    Delivered,
    /// Its tries are used up; it can be sent again by hand.
    Dead,
}

impl DeliveryState {
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Dead];

    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub at: OffsetDateTime,
    /// HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// Why it failed, for people; empty when it did not.
    pub error: String,
}

/// A delivery that is due, taken by one worker.
#[derive(Debug, Clone)]
pub struct Claim {
    pub webhook: Webhook,
    pub event: Event,
    pub attempts: u32,
}

/// What a try means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// A ping that arrived makes an unverified address active.
    Delivered,
    TryAgain(OffsetDateTime),
    Dead,
    /// The receiver is gone for good: nothing more is sent to it.
    Gone,
}

/// Addresses, events and deliveries.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// Adds an address unless the portal has `limit` already.
    async fn add_webhook(&self, webhook: &Webhook, limit: u32, entry: Entry) -> Result<Outcome>;
    async fn webhook(&self, id: &WebhookId) -> Result<Option<Webhook>>;
    /// Oldest first.
    async fn webhooks(&self, portal: &PortalId) -> Result<Vec<Webhook>>;
    /// Forgets an address and what is on its way to it.
    async fn delete_webhook(&self, id: &WebhookId, entry: Entry) -> Result<Outcome>;
    /// Gives it a new secret; the one before signs too until `old_until`.
    async fn rotate_webhook_secret(
        &self,
        id: &WebhookId,
        secret: &str,
        old_until: OffsetDateTime,
        entry: Entry,
    ) -> Result<Outcome>;
    async fn set_webhook_state(&self, id: &WebhookId, state: WebhookState, entry: Entry) -> Result<Outcome>;
    /// Puts a ping on its way to one address. Its body is `compose`d with the number it gets.
    async fn add_ping(
        &self,
        webhook: &Webhook,
        id: &str,
        compose: fn(u64, OffsetDateTime) -> String,
        at: OffsetDateTime,
    ) -> Result<()>;

    /// Takes one delivery that is due at `now`, until `lease_ends`; at most `together` of an address are out at a time.
    async fn claim_delivery(
        &self,
        now: OffsetDateTime,
        lease_ends: OffsetDateTime,
        together: u32,
    ) -> Result<Option<Claim>>;
    async fn record_attempt(&self, claim: &Claim, attempt: &Attempt, after: After) -> Result<()>;
    /// Newest first, with a sequence below `before`.
    async fn deliveries(
        &self,
        webhook: &WebhookId,
        state: Option<DeliveryState>,
        before: u64,
        limit: u32,
    ) -> Result<Vec<Delivery>>;
    /// Sends an event (again), with all its tries, whether or not the address was told of it before. [`Outcome::Stale`] when
    /// the portal has no such event.
    async fn resend(&self, webhook: &Webhook, event: &str, at: OffsetDateTime) -> Result<Outcome>;
    /// The portal's events with a sequence above `after`, oldest first.
    async fn events_after(&self, portal: &PortalId, after: u64, limit: u32) -> Result<Vec<Event>>;
    /// Number of the portal's newest event; 0 when there was none.
    async fn last_event(&self, portal: &PortalId) -> Result<u64>;
    /// Forgets events from before `time` that wait nowhere.
    async fn drop_events(&self, before: OffsetDateTime) -> Result<u64>;
}
