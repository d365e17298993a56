//! Events, written inside the commit of the change they tell of: what is committed is told, and nothing else is.

use sqlx::Row;
use time::OffsetDateTime;

use super::super::Result;
use super::{Write, joint, rows};
use crate::domain::joint::{Joint, Part};
use crate::domain::webhook::{self, EventKind, Told, ToldDocument, ToldSigner, WebhookState};
use crate::domain::{FailureReason, State, StateKind, TransactionId};
use crate::formats::level::Baseline;

/// Tells of the new state of a request with one signer, if it is one that portals are told of.
pub(super) async fn state_changed(write: &mut Write, id: &TransactionId, to: &State) -> Result<()> {
    let (Some(kind), Some(at)) = (EventKind::of_state(to.kind()), to.since()) else { return Ok(()) };
    let told = told(id, to, documents(write, std::slice::from_ref(id)).await?);
    tell(write, told, kind, (at, "")).await
}

/// Tells that a request with several signers has come to its end.
pub(super) async fn joint_ended(write: &mut Write, joint: &Joint, end: &State) -> Result<()> {
    let (Some(kind), Some(at)) = (EventKind::of_state(end.kind()), end.since()) else { return Ok(()) };
    let told = told_of_joint(write, joint, end).await?;
    tell(write, told, kind, (at, "")).await
}

/// Tells that one of several signers has signed.
pub(super) async fn part_signed(
    write: &mut Write,
    joint: &Joint,
    part: &TransactionId,
    at: OffsetDateTime,
) -> Result<()> {
    let told = told_of_joint(write, joint, &joint.state).await?;
    tell(write, told, EventKind::SignerSigned, (at, part.as_str())).await
}

/// Tells that a released document has reached a higher level.
pub(super) async fn raised(
    write: &mut Write,
    id: &TransactionId,
    ordinal: u32,
    level: Baseline,
    at: OffsetDateTime,
) -> Result<()> {
    let told = match joint::load(write, id).await? {
        // What is not released yet is nobody's to fetch.
        Some(joint) if joint.state.kind() != StateKind::Signed => return Ok(()),
        Some(joint) => told_of_joint(write, &joint, &joint.state).await?,
        None => told(id, &State::Signed { at }, documents(write, std::slice::from_ref(id)).await?),
    };
    tell(write, told, EventKind::DocumentRaised, (at, &format!("{ordinal} {}", level.name()))).await
}

fn told(request: &TransactionId, state: &State, documents: Vec<ToldDocument>) -> Told {
    let failure = match state {
        State::Failed { reason, .. } => Some(reason.name()),
        _ => None,
    };
    Told { request_id: request.clone(), state: state.kind().name(), failure, documents, signers: Vec::new() }
}

async fn told_of_joint(write: &mut Write, joint: &Joint, state: &State) -> Result<Told> {
    let signed: Vec<TransactionId> = joint.signed().into_iter().map(|part| part.transaction.clone()).collect();
    let parts = if signed.is_empty() { vec![joint.request.clone()] } else { signed };
    let signer = |part: &Part| ToldSigner {
        credential: part.credential.clone(),
        // As the portal's own answers have it.
        state: match part.state.kind() {
            StateKind::Signing => StateKind::Confirmed.name(),
            other => other.name(),
        },
    };
    let documents = documents(write, &parts).await?;
    Ok(Told { signers: joint.parts.iter().map(signer).collect(), ..told(&joint.request, state, documents) })
}

/// Writes an event and puts it on its way to every address that wants it. `what` tells events of one kind and request apart.
async fn tell(write: &mut Write, told: Told, kind: EventKind, (at, what): (OffsetDateTime, &str)) -> Result<()> {
    let found = sqlx::query("SELECT portal FROM transactions WHERE id = $1 AND origin = 'request'")
        .bind(told.request_id.as_str())
        .fetch_optional(&mut **write)
        .await?;
    let Some(row) = found else { return Ok(()) };
    let portal: String = row.try_get("portal")?;
    let event = webhook::event_id(kind, &told.request_id, what);
    let compose = |sequence| webhook::body(kind, at, sequence, Some(&told));
    if add(write, &portal, (&event, kind), at, compose).await? {
        deliver(write, &portal, &event, kind, at).await?;
    }
    Ok(())
}

/// The documents of one transaction, or of several that signed them one after the other: the newest level counts, and a document
/// that any of them left out was left out.
async fn documents(write: &mut Write, parts: &[TransactionId]) -> Result<Vec<ToldDocument>> {
    let mut documents: Vec<ToldDocument> = Vec::new();
    for part in parts {
        let found = sqlx::query(
            "SELECT items.ordinal, items.failure, signatures.level
             FROM items LEFT JOIN signatures USING (transaction_id, ordinal)
             WHERE items.transaction_id = $1 ORDER BY items.ordinal",
        )
        .bind(part.as_str())
        .fetch_all(&mut **write)
        .await?;
        for (index, row) in found.iter().enumerate() {
            let number = rows::number(row, "ordinal")?.saturating_add(1);
            let level = rows::optional(row, "level", Baseline::from_name)?;
            let failure = rows::optional(row, "failure", FailureReason::from_name)?.map(FailureReason::name);
            match documents.get_mut(index) {
                Some(known) => (known.level, known.failure) = (level.or(known.level), failure.or(known.failure)),
                None => documents.push(ToldDocument { number, level, failure }),
            }
        }
    }
    Ok(documents)
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
