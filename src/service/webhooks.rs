//! Webhooks: a portal's addresses, and the sender that works through what the commits of requests left in the outbox.
//!
//! A message that is stored is sent until it is accepted or its ten tries are used up. A process killed between sending and
//! recording sends it again, with the same id. Order is not promised; each message says its number.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use time::{Duration, OffsetDateTime};

use super::{Caller, Result, Service, ServiceError};
use crate::domain::webhook::{self, EventKind, ROTATION, SECRET_BYTES, Webhook, WebhookSecret, WebhookState};
use crate::domain::{AuditEvent, PortalId, TransactionId, WebhookId, ports};
use crate::storage::Outcome;
use crate::storage::webhooks::{After, Attempt, Claim, Delivery, DeliveryState, Event};
use crate::trust::FetchError;
use crate::trust::deliver::{Answer, Message};

/// Addresses a portal may have.
const ADDRESSES: u32 = 10;
/// Longest address, in bytes.
const URL_BYTES: usize = 2_000;
/// Messages on their way to one address at a time: one that hangs keeps no more workers than this.
const TOGETHER: u32 = 2;
/// How long a worker has a message to itself: longer than any try takes.
const LEASE: Duration = Duration::minutes(2);
/// How long events are kept for [`Service::events`] and for sending again.
const KEPT: Duration = Duration::days(30);
/// Between two looks while somebody waits for an event.
const LOOK: StdDuration = StdDuration::from_millis(250);
/// Longest text kept of a failure, in characters.
const ERROR_CHARACTERS: usize = 300;

/// An address just added, or its new secret: shown this once.
#[derive(Debug)]
pub struct WebhookCreated {
    pub webhook: Webhook,
    pub secret: WebhookSecret,
}

/// An event with the three values of its headers.
#[derive(Debug)]
pub struct SignedEvent {
    pub event: Event,
    pub timestamp: i64,
    pub signature: String,
}

impl Service {
    /// Adds an address. It gets a ping, and everything else once it has accepted one.
    ///
    /// # Errors
    /// [`ServiceError::Address`] for one that must not be connected to, [`ServiceError::Limit`].
    pub async fn add_webhook(&self, caller: &Caller, url: &str, events: Vec<EventKind>) -> Result<WebhookCreated> {
        if url.len() > URL_BYTES {
            return Err(ServiceError::Limit { what: "the length of url", max: URL_BYTES as u64 });
        }
        self.backends.deliver.check(url)?;
        let id = WebhookId::parse(&format!("wh_{}", self.random_id()));
        let id = id.map_err(|_| ServiceError::Internal("an id".into()))?;
        let secret = self.webhook_secret();
        let webhook = Webhook {
            secret: self.seal_for(&owner(&id), secret.text())?,
            id,
            portal: caller.portal.clone(),
            url: url.to_owned(),
            events,
            state: WebhookState::Unverified,
            old_secret: None,
            created_at: self.now(),
        };
        let event = AuditEvent::WebhookAdded {
            portal: webhook.portal.clone(),
            webhook: webhook.id.clone(),
            url: webhook.url.clone(),
        };
        if self.storage().add_webhook(&webhook, ADDRESSES, self.entry(event)).await? == Outcome::Stale {
            return Err(ServiceError::Limit { what: "the number of webhooks", max: ADDRESSES.into() });
        }
        self.send_ping(&webhook).await?;
        Ok(WebhookCreated { webhook, secret })
    }

    /// # Errors
    /// When storage does not answer.
    pub async fn webhooks(&self, caller: &Caller) -> Result<Vec<Webhook>> {
        Ok(self.storage().webhooks(&caller.portal).await?)
    }

    /// # Errors
    /// [`ServiceError::NotFound`], also for another portal's.
    pub async fn webhook(&self, caller: &Caller, id: &WebhookId) -> Result<Webhook> {
        let found = self.storage().webhook(id).await?.filter(|webhook| webhook.portal == caller.portal);
        found.ok_or(ServiceError::NotFound("webhook"))
    }

    /// Forgets an address and what is on its way to it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn delete_webhook(&self, caller: &Caller, id: &WebhookId) -> Result<()> {
        self.webhook(caller, id).await?;
        let event = AuditEvent::WebhookDeleted { webhook: id.clone() };
        done(self.storage().delete_webhook(id, self.entry(event)).await?)
    }

    /// Gives an address a new secret. The old one signs beside it for a day.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn rotate_webhook_secret(&self, caller: &Caller, id: &WebhookId) -> Result<WebhookCreated> {
        self.webhook(caller, id).await?;
        let secret = self.webhook_secret();
        let sealed = self.seal_for(&owner(id), secret.text())?;
        let event = AuditEvent::WebhookSecretRotated { webhook: id.clone() };
        done(self.storage().rotate_webhook_secret(id, &sealed, self.now() + ROTATION, self.entry(event)).await?)?;
        Ok(WebhookCreated { webhook: self.webhook(caller, id).await?, secret })
    }

    /// Sends a ping. One that is accepted makes an address active, also one that was disabled.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn ping_webhook(&self, caller: &Caller, id: &WebhookId) -> Result<Webhook> {
        let webhook = self.webhook(caller, id).await?;
        if webhook.state == WebhookState::Disabled {
            self.set_webhook_state(id, WebhookState::Unverified).await?;
        }
        self.send_ping(&webhook).await?;
        self.webhook(caller, id).await
    }

    /// What was sent to an address, newest first, with numbers below `before`.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn deliveries(
        &self,
        caller: &Caller,
        id: &WebhookId,
        state: Option<DeliveryState>,
        before: u64,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        self.webhook(caller, id).await?;
        Ok(self.storage().deliveries(id, state, before, limit).await?)
    }

    /// Sends an event to an address (again), with all its tries.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an address or an event that is not the portal's.
    pub async fn resend(&self, caller: &Caller, id: &WebhookId, event: &str) -> Result<()> {
        let webhook = self.webhook(caller, id).await?;
        match self.storage().resend(&webhook, event, self.now()).await? {
            Outcome::Done => Ok(()),
            Outcome::Stale => Err(ServiceError::NotFound("event")),
        }
    }

    /// The portal's events with numbers above `after`, signed with its listening secret; waits for one at most `patience`.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn events(
        &self,
        caller: &Caller,
        after: u64,
        limit: u32,
        patience: StdDuration,
    ) -> Result<Vec<SignedEvent>> {
        let mut found = self.storage().events_after(&caller.portal, after, limit).await?;
        let looks = patience.as_millis() / LOOK.as_millis();
        for _ in 0..looks {
            if !found.is_empty() {
                break;
            }
            tokio::time::sleep(LOOK).await;
            found = self.storage().events_after(&caller.portal, after, limit).await?;
        }
        self.signed_for(caller, found)
    }

    /// What was told of one request, oldest first, signed alike; of the last thirty days.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another portal's request.
    pub async fn request_events(&self, caller: &Caller, id: &TransactionId) -> Result<Vec<SignedEvent>> {
        self.request(caller, id).await?;
        let found = self.storage().events_of(&caller.portal, id).await?;
        self.signed_for(caller, found)
    }

    fn signed_for(&self, caller: &Caller, events: Vec<Event>) -> Result<Vec<SignedEvent>> {
        let secret = self.listening_secret(caller);
        events.into_iter().map(|event| signed(event, &[&secret], self.now())).collect()
    }

    /// Number of the portal's newest event.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn last_event(&self, caller: &Caller) -> Result<u64> {
        Ok(self.storage().last_event(&caller.portal).await?)
    }

    /// What [`Self::events`] are signed with: always the same for a portal, and no address's secret.
    pub fn listening_secret(&self, caller: &Caller) -> WebhookSecret {
        let mac = Hmac::<Sha256>::new_from_slice(self.backends.password_key.as_slice());
        let mut mac = mac.unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        mac.update(b"kyso listen v1\n");
        mac.update(caller.portal.as_str().as_bytes());
        WebhookSecret::new(&mac.finalize().into_bytes().into())
    }

    /// Every address of a portal, for the operator.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn webhooks_of(&self, portal: &PortalId) -> Result<Vec<Webhook>> {
        self.webhooks(&Caller::of_portal(portal.clone())).await
    }

    /// An address, for the operator.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn any_webhook(&self, id: &WebhookId) -> Result<Webhook> {
        self.storage().webhook(id).await?.ok_or(ServiceError::NotFound("webhook"))
    }

    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn set_webhook_state(&self, id: &WebhookId, state: WebhookState) -> Result<()> {
        let event = AuditEvent::WebhookState { webhook: id.clone(), state: state.name().to_owned() };
        done(self.storage().set_webhook_state(id, state, self.entry(event)).await?)
    }

    /// Takes a message that is due; whoever takes it tries it once with [`Self::try_delivery`].
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn claim_delivery(&self) -> Result<Option<Claim>> {
        let now = self.now();
        Ok(self.storage().claim_delivery(now, now + LEASE, TOGETHER).await?)
    }

    /// Sends a message once and records what came of it.
    ///
    /// # Errors
    /// When storage does not answer: the message is sent again once its lease is over.
    pub async fn try_delivery(&self, claim: &Claim) -> Result<()> {
        let answer = match self.message(claim) {
            Ok(message) => self.backends.deliver.deliver(&message).await,
            // A secret that does not open is the operator's fault; the message waits for its mending.
            Err(error) => Err(FetchError::Unreachable(error.to_string())),
        };
        let [random] = ports::random(self.backends.entropy.as_ref());
        let (attempt, after) = judged(answer, claim.attempts.saturating_add(1), random, self.now());
        if !attempt.error.is_empty() {
            let (webhook, error) = (&claim.webhook.id, &attempt.error);
            tracing::warn!(%webhook, event = claim.event.id, attempt = claim.attempts + 1, error, ?after, "a webhook was not accepted");
        }
        Ok(self.storage().record_attempt(claim, &attempt, after).await?)
    }

    /// Sends everything that is due, one after the other; gives how many tries were made.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn deliver_due(self: &Arc<Self>) -> Result<u32> {
        let mut tried = 0;
        while let Some(claim) = self.claim_delivery().await? {
            self.try_delivery(&claim).await?;
            tried += 1;
        }
        Ok(tried)
    }

    /// Forgets events nobody will ask for any more.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn forget_events(&self) -> Result<u64> {
        Ok(self.storage().drop_events(self.now() - KEPT).await?)
    }

    fn message(&self, claim: &Claim) -> Result<Message> {
        let (webhook, now) = (&claim.webhook, self.now());
        let open = |sealed: &str| {
            let text = self.unseal_for(&owner(&webhook.id), sealed)?;
            WebhookSecret::parse(&text).map_err(|error| ServiceError::Internal(error.to_string()))
        };
        let newest = open(&webhook.secret)?;
        let old = webhook.old_secret.as_ref().filter(|(_, until)| *until > now);
        let old = old.map(|(sealed, _)| open(sealed)).transpose()?;
        let secrets: Vec<&WebhookSecret> = std::iter::once(&newest).chain(&old).collect();
        let SignedEvent { event, timestamp, signature } = signed(claim.event.clone(), &secrets, now)?;
        let headers = vec![
            ("webhook-id", event.id),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signature),
        ];
        Ok(Message { url: webhook.url.clone(), headers, body: event.body })
    }

    async fn send_ping(&self, webhook: &Webhook) -> Result<()> {
        let compose = |sequence, at| webhook::body(EventKind::Ping, at, sequence, None);
        let id = format!("evt_{}", self.random_id());
        Ok(self.storage().add_ping(webhook, &id, compose, self.now()).await?)
    }

    fn webhook_secret(&self) -> WebhookSecret {
        WebhookSecret::new(&ports::random::<SECRET_BYTES>(self.backends.entropy.as_ref()))
    }
}

/// Whom a sealed secret belongs to.
fn owner(id: &WebhookId) -> String {
    format!("webhook {id}")
}

fn done(outcome: Outcome) -> Result<()> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Stale => Err(ServiceError::NotFound("webhook")),
    }
}

fn signed(event: Event, secrets: &[&WebhookSecret], now: OffsetDateTime) -> Result<SignedEvent> {
    let timestamp = now.unix_timestamp();
    let sign = |secret: &&WebhookSecret| secret.sign(&event.id, timestamp, event.body.as_bytes());
    let signatures = secrets.iter().map(sign).collect::<std::result::Result<Vec<_>, _>>();
    let signature = signatures.map_err(|error| ServiceError::Internal(error.to_string()))?.join(" ");
    Ok(SignedEvent { event, timestamp, signature })
}

/// What a try means; `tries` counts it.
fn judged(
    answer: std::result::Result<Answer, FetchError>,
    tries: u32,
    random: u8,
    now: OffsetDateTime,
) -> (Attempt, After) {
    let (status, asked, error) = match &answer {
        Ok(Answer { status, .. }) if (200..300).contains(status) => (Some(*status), None, String::new()),
        Ok(Answer { status, retry_after }) => (Some(*status), *retry_after, format!("answered with status {status}")),
        Err(error) => (None, None, told(error)),
    };
    let asked = asked.map(|seconds| Duration::seconds(seconds.into()));
    let after = match status {
        Some(200..300) => After::Delivered,
        Some(410) => After::Gone,
        _ => webhook::next_try(tries, asked, random, now).map_or(After::Dead, After::TryAgain),
    };
    (Attempt { at: now, status, error }, after)
}

/// Why nothing arrived, for the portal. What a name stands for inside the operator's network is not told.
fn told(error: &FetchError) -> String {
    match error {
        FetchError::Forbidden(why) => {
            tracing::warn!(%why, "a webhook's address was refused");
            "not sent: the address is not one that may be connected to".to_owned()
        }
        other => other.to_string().chars().take(ERROR_CHARACTERS).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::guard::Forbidden;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 8:00 UTC);

    #[test]
    fn only_success_is_success_and_gone_is_the_end() {
        let after = |status, tries| judged(Ok(Answer { status, retry_after: None }), tries, 0, NOW).1;
        assert_eq!((after(200, 1), after(299, 10), after(410, 1)), (After::Delivered, After::Delivered, After::Gone));
        for status in [100, 301, 302, 307, 400, 404, 429, 500, 503] {
            assert!(matches!(after(status, 1), After::TryAgain(_)), "{status}");
            assert_eq!(after(status, 10), After::Dead, "{status}");
        }
    }

    #[test]
    fn what_stands_behind_a_refused_name_is_not_told() {
        let refused = FetchError::Forbidden(Forbidden::Address([10, 1, 2, 3].into()));
        let (attempt, after) = judged(Err(refused), 1, 0, NOW);
        assert!(!attempt.error.is_empty() && !attempt.error.contains("10.1.2.3"), "{}", attempt.error);
        assert!(matches!(after, After::TryAgain(_)));
    }
}
