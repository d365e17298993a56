//! Addresses, and the way of events to them.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use super::super::webhooks::{After, Attempt, Claim, Delivery, DeliveryState, Event, Webhooks};
use super::super::{Entry, Outcome, Result};
use super::{SqliteStorage, Write, audit, outbox, rows};
use crate::domain::webhook::{EventKind, Webhook, WebhookState};
use crate::domain::{PortalId, WebhookId};

/// Columns of a delivery joined with its event; `webhooks` has names of its own for some of them.
const DELIVERY: &str = "events.id AS event_id, events.sequence, events.kind, events.body, events.created_at AS event_at,
    deliveries.state, deliveries.attempts, deliveries.next_at, deliveries.last_at, deliveries.last_status, deliveries.last_error";

fn webhook(row: &SqliteRow) -> Result<Webhook> {
    let names: &str = row.try_get("events")?;
    let events = names.split_whitespace().map(|name| EventKind::from_name(name).ok_or_else(|| rows::corrupt("events")));
    let old: Option<String> = row.try_get("old_secret")?;
    let until: Option<i64> = row.try_get("old_secret_until")?;
    let old_secret = old.zip(until).map(|(secret, until)| Ok::<_, super::StorageError>((secret, rows::time(until)?)));
    let id = |column| row.try_get::<String, _>(column);
    Ok(Webhook {
        id: id("id")?.try_into().map_err(|_| rows::corrupt("id"))?,
        portal: id("portal")?.try_into().map_err(|_| rows::corrupt("portal"))?,
        url: row.try_get("url")?,
        events: events.collect::<Result<_>>()?,
        state: rows::named(row, "state", WebhookState::from_name)?,
        secret: row.try_get("secret")?,
        old_secret: old_secret.transpose()?,
        created_at: rows::time(row.try_get("created_at")?)?,
    })
}

pub(super) fn event(row: &SqliteRow) -> Result<Event> {
    Ok(Event {
        id: row.try_get("event_id")?,
        sequence: u64::try_from(row.try_get::<i64, _>("sequence")?).map_err(|_| rows::corrupt("sequence"))?,
        kind: rows::named(row, "kind", EventKind::from_name)?,
        body: row.try_get("body")?,
        created_at: rows::time(row.try_get("event_at")?)?,
    })
}

fn delivery(row: &SqliteRow) -> Result<Delivery> {
    let at: Option<i64> = row.try_get("last_at")?;
    let attempt = |at| {
        Ok::<_, super::StorageError>(Attempt {
            at: rows::time(at)?,
            status: row.try_get("last_status")?,
            error: row.try_get::<Option<String>, _>("last_error")?.unwrap_or_default(),
        })
    };
    Ok(Delivery {
        event: event(row)?,
        state: rows::named(row, "state", DeliveryState::from_name)?,
        attempts: rows::number(row, "attempts")?,
        next_at: rows::time(row.try_get("next_at")?)?,
        last: at.map(attempt).transpose()?,
    })
}

fn above(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

/// Puts an event on its way to an address, with all its tries.
async fn put_delivery(write: &mut Write, webhook: &WebhookId, event: &str, at: OffsetDateTime) -> Result<()> {
    sqlx::query(
        "INSERT INTO deliveries (webhook, event, state, attempts, next_at, leased_until) VALUES ($1, $2, 'pending', 0, $3, 0)
         ON CONFLICT (webhook, event) DO UPDATE SET state = 'pending', attempts = 0, next_at = $3",
    )
    .bind(webhook.as_str())
    .bind(event)
    .bind(rows::nanos(at))
    .execute(&mut **write)
    .await?;
    Ok(())
}

impl SqliteStorage {
    /// Commits a change of one address with its record; [`Outcome::Stale`] when there is none.
    async fn change_webhook(
        &self,
        query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
        entry: Entry,
    ) -> Result<Outcome> {
        let mut write = self.begin().await?;
        if query.execute(&mut *write).await?.rows_affected() == 0 {
            return Ok(Outcome::Stale);
        }
        audit::append(&mut write, &entry).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }
}

#[async_trait]
impl Webhooks for SqliteStorage {
    async fn add_webhook(&self, webhook: &Webhook, limit: u32, entry: Entry) -> Result<Outcome> {
        let names: Vec<_> = webhook.events.iter().map(|kind| kind.name()).collect();
        let names = names.join(" ");
        let query = sqlx::query(
            "INSERT INTO webhooks (id, portal, url, events, state, secret, created_at)
             SELECT $1, $2, $3, $4, $5, $6, $7 WHERE (SELECT COUNT(*) FROM webhooks WHERE portal = $2) < $8",
        )
        .bind(webhook.id.as_str())
        .bind(webhook.portal.as_str())
        .bind(&webhook.url)
        .bind(names)
        .bind(webhook.state.name())
        .bind(&webhook.secret)
        .bind(rows::nanos(webhook.created_at))
        .bind(limit);
        self.change_webhook(query, entry).await
    }

    async fn webhook(&self, id: &WebhookId) -> Result<Option<Webhook>> {
        let found =
            sqlx::query("SELECT * FROM webhooks WHERE id = $1").bind(id.as_str()).fetch_optional(&self.read).await?;
        found.as_ref().map(webhook).transpose()
    }

    async fn webhooks(&self, portal: &PortalId) -> Result<Vec<Webhook>> {
        let found = sqlx::query("SELECT * FROM webhooks WHERE portal = $1 ORDER BY created_at, id")
            .bind(portal.as_str())
            .fetch_all(&self.read)
            .await?;
        found.iter().map(webhook).collect()
    }

    async fn delete_webhook(&self, id: &WebhookId, entry: Entry) -> Result<Outcome> {
        self.change_webhook(sqlx::query("DELETE FROM webhooks WHERE id = $1").bind(id.as_str()), entry).await
    }

    async fn rotate_webhook_secret(
        &self,
        id: &WebhookId,
        secret: &str,
        old_until: OffsetDateTime,
        entry: Entry,
    ) -> Result<Outcome> {
        let query =
            sqlx::query("UPDATE webhooks SET old_secret = secret, old_secret_until = $3, secret = $2 WHERE id = $1")
                .bind(id.as_str())
                .bind(secret)
                .bind(rows::nanos(old_until));
        self.change_webhook(query, entry).await
    }

    async fn set_webhook_state(&self, id: &WebhookId, state: WebhookState, entry: Entry) -> Result<Outcome> {
        let query = sqlx::query("UPDATE webhooks SET state = $2 WHERE id = $1").bind(id.as_str()).bind(state.name());
        self.change_webhook(query, entry).await
    }

    async fn add_ping(
        &self,
        webhook: &Webhook,
        id: &str,
        compose: fn(u64, OffsetDateTime) -> String,
        at: OffsetDateTime,
    ) -> Result<()> {
        let mut write = self.begin().await?;
        let ping = (id, EventKind::Ping);
        outbox::add(&mut write, webhook.portal.as_str(), ping, at, |sequence| compose(sequence, at)).await?;
        put_delivery(&mut write, &webhook.id, id, at).await?;
        Ok(write.commit().await?)
    }

    async fn claim_delivery(
        &self,
        now: OffsetDateTime,
        lease_ends: OffsetDateTime,
        together: u32,
    ) -> Result<Option<Claim>> {
        let query = format!(
            "SELECT webhooks.*, {DELIVERY} FROM deliveries
             JOIN webhooks ON webhooks.id = deliveries.webhook JOIN events ON events.id = deliveries.event
             WHERE deliveries.state = 'pending' AND deliveries.next_at <= $1 AND deliveries.leased_until <= $1
               AND (webhooks.state = 'active' OR (webhooks.state = 'unverified' AND events.kind = $2))
               AND (SELECT COUNT(*) FROM deliveries AS out WHERE out.webhook = webhooks.id AND out.leased_until > $1) < $3
             ORDER BY deliveries.next_at, events.sequence LIMIT 1"
        );
        let found = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(rows::nanos(now))
            .bind(EventKind::Ping.name())
            .bind(together)
            .fetch_optional(&self.read)
            .await?;
        let Some(row) = found else { return Ok(None) };
        let (event, attempts) = (event(&row)?, rows::number(&row, "attempts")?);
        let id: String = row.try_get("id")?;
        let mut write = self.begin().await?;
        let taken = sqlx::query(
            "UPDATE deliveries SET leased_until = $4
             WHERE webhook = $1 AND event = $2 AND state = 'pending' AND next_at <= $3 AND leased_until <= $3",
        )
        .bind(&id)
        .bind(&event.id)
        .bind(rows::nanos(now))
        .bind(rows::nanos(lease_ends))
        .execute(&mut *write)
        .await?;
        // Read again inside: its secret or state may just have changed.
        let found = sqlx::query("SELECT * FROM webhooks WHERE id = $1").bind(&id).fetch_optional(&mut *write).await?;
        write.commit().await?;
        match found {
            Some(row) if taken.rows_affected() == 1 => Ok(Some(Claim { webhook: webhook(&row)?, event, attempts })),
            _ => Ok(None),
        }
    }

    async fn record_attempt(&self, claim: &Claim, attempt: &Attempt, after: After) -> Result<()> {
        let (state, next_at) = match after {
            After::Delivered => (DeliveryState::Delivered, attempt.at),
            After::TryAgain(at) => (DeliveryState::Pending, at),
            After::Dead | After::Gone => (DeliveryState::Dead, attempt.at),
        };
        let mut write = self.begin().await?;
        sqlx::query(
            "UPDATE deliveries SET state = $3, next_at = $4, attempts = attempts + 1, leased_until = 0, last_at = $5,
                                   last_status = $6, last_error = $7
             WHERE webhook = $1 AND event = $2",
        )
        .bind(claim.webhook.id.as_str())
        .bind(&claim.event.id)
        .bind(state.name())
        .bind(rows::nanos(next_at))
        .bind(rows::nanos(attempt.at))
        .bind(attempt.status)
        .bind(&attempt.error)
        .execute(&mut *write)
        .await?;
        let moved = match after {
            After::Delivered => Some((WebhookState::Unverified, WebhookState::Active)),
            After::Gone => Some((claim.webhook.state, WebhookState::Disabled)),
            After::TryAgain(_) | After::Dead => None,
        };
        if let Some((from, to)) = moved {
            sqlx::query("UPDATE webhooks SET state = $3 WHERE id = $1 AND state = $2")
                .bind(claim.webhook.id.as_str())
                .bind(from.name())
                .bind(to.name())
                .execute(&mut *write)
                .await?;
        }
        Ok(write.commit().await?)
    }

    async fn deliveries(
        &self,
        webhook: &WebhookId,
        state: Option<DeliveryState>,
        before: u64,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        let query = format!(
            "SELECT {DELIVERY} FROM deliveries JOIN events ON events.id = deliveries.event
             WHERE deliveries.webhook = $1 AND ($2 IS NULL OR deliveries.state = $2) AND events.sequence < $3
             ORDER BY events.sequence DESC LIMIT $4"
        );
        let found = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(webhook.as_str())
            .bind(state.map(DeliveryState::name))
            .bind(above(before))
            .bind(limit)
            .fetch_all(&self.read)
            .await?;
        found.iter().map(delivery).collect()
    }

    async fn resend(&self, webhook: &Webhook, event: &str, at: OffsetDateTime) -> Result<Outcome> {
        let mut write = self.begin().await?;
        let found = sqlx::query("SELECT 1 FROM events WHERE id = $1 AND portal = $2")
            .bind(event)
            .bind(webhook.portal.as_str())
            .fetch_optional(&mut *write)
            .await?;
        if found.is_none() {
            return Ok(Outcome::Stale);
        }
        put_delivery(&mut write, &webhook.id, event, at).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }

    async fn events_after(&self, portal: &PortalId, after: u64, limit: u32) -> Result<Vec<Event>> {
        let found = sqlx::query(
            "SELECT id AS event_id, sequence, kind, body, created_at AS event_at FROM events
             WHERE portal = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
        )
        .bind(portal.as_str())
        .bind(above(after))
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        found.iter().map(event).collect()
    }

    async fn last_event(&self, portal: &PortalId) -> Result<u64> {
        let found = sqlx::query("SELECT last FROM event_counters WHERE portal = $1")
            .bind(portal.as_str())
            .fetch_optional(&self.read)
            .await?;
        let last = found.map(|row| row.try_get::<i64, _>("last")).transpose()?.unwrap_or_default();
        u64::try_from(last).map_err(|_| rows::corrupt("last"))
    }

    async fn drop_events(&self, before: OffsetDateTime) -> Result<u64> {
        let mut write = self.begin().await?;
        let dropped = sqlx::query(
            "DELETE FROM events WHERE created_at < $1
               AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.event = events.id AND deliveries.state = 'pending')",
        )
        .bind(rows::nanos(before))
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(dropped.rows_affected())
    }
}
