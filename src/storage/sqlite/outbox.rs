//! Events, written inside the commit of the change they tell of: what is committed is told, and nothing else is.

use sqlx::Row;
use time::OffsetDateTime;

use super::super::Result;
use super::{Write, rows};
use crate::domain::webhook::{self, EventKind, Told, ToldDocument, WebhookState};
use crate::domain::{FailureReason, State, StateKind, TransactionId};
use crate::formats::level::Baseline;

/// Tells of a request's new state, if it is one that portals are told of.
pub(super) async fn state_changed(write: &mut Write, id: &TransactionId, to: &State) -> Result<()> {
    let (Some(kind), Some(at)) = (EventKind::of_state(to.kind()), to.since()) else { return Ok(()) };
    let failure = match to {
        State::Failed { reason, .. } => Some(*reason),
        _ => None,
    };
    tell(write, id, kind, (to.kind(), failure), (at, "")).await
}

/// Tells that a released document has reached a higher level.
pub(super) async fn raised(
    write: &mut Write,
    id: &TransactionId,
    ordinal: u32,
    level: Baseline,
    at: OffsetDateTime,
) -> Result<()> {
    let what = format!("{ordinal} {}", level.name());
    tell(write, id, EventKind::DocumentRaised, (StateKind::Signed, None), (at, &what)).await
}

/// Writes an event and puts it on its way to every address that wants it. `what` tells events of one kind and request apart.
async fn tell(
    write: &mut Write,
    id: &TransactionId,
    kind: EventKind,
    (state, failure): (StateKind, Option<FailureReason>),
    (at, what): (OffsetDateTime, &str),
) -> Result<()> {
    let found = sqlx::query("SELECT portal FROM transactions WHERE id = $1 AND origin = 'request'")
        .bind(id.as_str())
        .fetch_optional(&mut **write)
        .await?;
    let Some(row) = found else { return Ok(()) };
    let portal: String = row.try_get("portal")?;
    let told = Told {
        request_id: id.clone(),
        state: state.name(),
        failure: failure.map(FailureReason::name),
        documents: documents(write, id).await?,
        signers: Vec::new(),
    };
    let event = webhook::event_id(kind, id, what);
    let compose = |sequence| webhook::body(kind, at, sequence, Some(&told));
    if add(write, &portal, (&event, kind), at, compose).await? {
        deliver(write, &portal, &event, kind, at).await?;
    }
    Ok(())
}

async fn documents(write: &mut Write, id: &TransactionId) -> Result<Vec<ToldDocument>> {
    let found = sqlx::query(
        "SELECT items.ordinal, items.failure, signatures.level
         FROM items LEFT JOIN signatures USING (transaction_id, ordinal)
         WHERE items.transaction_id = $1 ORDER BY items.ordinal",
    )
    .bind(id.as_str())
    .fetch_all(&mut **write)
    .await?;
    let document = |row| {
        Ok(ToldDocument {
            number: rows::number(row, "ordinal")?.saturating_add(1),
            level: rows::optional(row, "level", Baseline::from_name)?,
            failure: rows::optional(row, "failure", FailureReason::from_name)?.map(FailureReason::name),
        })
    };
    found.iter().map(document).collect()
}

/// Writes an event with the portal's next number; false when it is there already.
pub(super) async fn add(
    write: &mut Write,
    portal: &str,
    (event, kind): (&str, EventKind),
    at: OffsetDateTime,
    compose: impl FnOnce(u64) -> String,
) -> Result<bool> {
    let seen = sqlx::query("SELECT 1 FROM events WHERE id = $1").bind(event).fetch_optional(&mut **write).await?;
    if seen.is_some() {
        return Ok(false);
    }
    let counted = sqlx::query(
        "INSERT INTO event_counters (portal, last) VALUES ($1, 1) ON CONFLICT (portal) DO UPDATE SET last = last + 1
         RETURNING last",
    )
    .bind(portal)
    .fetch_one(&mut **write)
    .await?;
    let sequence: i64 = counted.try_get("last")?;
    sqlx::query("INSERT INTO events (id, portal, sequence, kind, body, created_at) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(event)
        .bind(portal)
        .bind(sequence)
        .bind(kind.name())
        .bind(compose(sequence.unsigned_abs()))
        .bind(rows::nanos(at))
        .execute(&mut **write)
        .await?;
    Ok(true)
}

/// Addresses that are not verified yet get theirs later, when they are.
async fn deliver(write: &mut Write, portal: &str, event: &str, kind: EventKind, at: OffsetDateTime) -> Result<()> {
    sqlx::query(
        "INSERT INTO deliveries (webhook, event, state, attempts, next_at, leased_until)
         SELECT id, $2, 'pending', 0, $3, 0 FROM webhooks
         WHERE portal = $1 AND state <> $4 AND (events = '' OR instr(' ' || events || ' ', ' ' || $5 || ' ') > 0)",
    )
    .bind(portal)
    .bind(event)
    .bind(rows::nanos(at))
    .bind(WebhookState::Disabled.name())
    .bind(kind.name())
    .execute(&mut **write)
    .await?;
    Ok(())
}
