//! Webhooks and events as a portal sees them.

use serde::Serialize;
use time::OffsetDateTime;

use crate::domain::webhook::{EventKind, Webhook};
use crate::service::webhooks::{SignedEvent, WebhookCreated};
use crate::storage::webhooks::{Delivery, DeliveryState};

#[derive(Debug, Serialize)]
pub struct WebhookJson {
    pub id: String,
    pub url: String,
    /// Kinds it is told of; all when empty.
    pub events: Vec<&'static str>,
    pub state: &'static str,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Until when the secret before signs too.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub old_secret_until: Option<OffsetDateTime>,
    /// Shown once: when it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl WebhookJson {
    pub fn new(webhook: &Webhook) -> Self {
        Self {
            id: webhook.id.to_string(),
            url: webhook.url.clone(),
            events: webhook.events.iter().map(|kind| kind.name()).collect(),
            state: webhook.state.name(),
            created_at: seconds(webhook.created_at),
            old_secret_until: webhook.old_secret.as_ref().map(|(_, until)| seconds(*until)),
            secret: None,
        }
    }

    pub fn with_secret(created: &WebhookCreated) -> Self {
        Self { secret: Some(created.secret.text().expose().to_owned()), ..Self::new(&created.webhook) }
    }
}

#[derive(Debug, Serialize)]
pub struct WebhookList {
    pub webhooks: Vec<WebhookJson>,
}

#[derive(Debug, Serialize)]
pub struct DeliveryJson {
    pub event: String,
    pub sequence: u64,
    pub r#type: &'static str,
    pub state: &'static str,
    pub attempts: u32,
    /// While it is pending.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub next_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<AttemptJson>,
    pub body: serde_json::Value,
}

#[derive(Debug, Serialize)]
pub struct AttemptJson {
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
}

impl DeliveryJson {
    pub fn new(delivery: &Delivery) -> Self {
        let last = delivery.last.as_ref();
        Self {
            event: delivery.event.id.clone(),
            sequence: delivery.event.sequence,
            r#type: delivery.event.kind.name(),
            state: delivery.state.name(),
            attempts: delivery.attempts,
            next_at: (delivery.state == DeliveryState::Pending).then(|| seconds(delivery.next_at)),
            last: last.map(|last| AttemptJson { at: seconds(last.at), status: last.status, error: last.error.clone() }),
            body: serde_json::from_str(&delivery.event.body).unwrap_or_default(),
        }
    }
}

#[derive(Debug, Serialize)]
pub struct DeliveryList {
    pub deliveries: Vec<DeliveryJson>,
    /// For the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// An event with the values of its three headers; `body` is the very text that is signed.
#[derive(Debug, Serialize)]
pub struct EventJson {
    pub id: String,
    pub sequence: u64,
    pub r#type: &'static str,
    pub timestamp: i64,
    pub signature: String,
    pub body: String,
}

impl EventJson {
    pub fn new(signed: SignedEvent) -> Self {
        let SignedEvent { event, timestamp, signature } = signed;
        let kind: EventKind = event.kind;
        Self { id: event.id, sequence: event.sequence, r#type: kind.name(), timestamp, signature, body: event.body }
    }
}

#[derive(Debug, Serialize)]
pub struct EventList {
    pub events: Vec<EventJson>,
    /// What to ask for next as `after`.
    pub last: u64,
}

#[derive(Debug, Serialize)]
pub struct SecretJson {
    pub secret: String,
}

fn seconds(time: OffsetDateTime) -> OffsetDateTime {
    time.replace_nanosecond(0).unwrap_or(time)
}
