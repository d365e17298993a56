//! One-time codes: one live a transaction, counted and compared inside one commit.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use sqlx::Row;

use super::super::{Challenge, CodeOutcome, Confirmation, Entry, Outcome, Result};
use super::{SqliteStorage, Write, audit, rows, transactions};
use crate::domain::{AuditEvent, FailureReason, State, StateKind, TransactionId};

pub(super) async fn put(storage: &SqliteStorage, challenge: &Challenge, entry: Entry) -> Result<Outcome> {
    let mut write = storage.begin().await?;
    let counted = sqlx::query(
        "UPDATE transactions SET codes_sent = $2 WHERE id = $1 AND state = 'waiting' AND codes_sent = $2 - 1",
    )
    .bind(challenge.transaction.as_str())
    .bind(challenge.sequence)
    .execute(&mut *write)
    .await?;
    if counted.rows_affected() == 0 {
        return Ok(Outcome::Stale);
    }
    kill_live(&mut write, &challenge.transaction).await?;
    sqlx::query(
        "INSERT INTO challenges (id, transaction_id, sequence, mac, tries_left, created_at, expires_at, live)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1)",
    )
    .bind(&challenge.id)
    .bind(challenge.transaction.as_str())
    .bind(challenge.sequence)
    .bind(challenge.mac.as_slice())
    .bind(challenge.tries_left)
    .bind(rows::nanos(challenge.created_at))
    .bind(rows::nanos(challenge.expires_at))
    .execute(&mut *write)
    .await?;
    audit::append(&mut write, &entry).await?;
    write.commit().await?;
    Ok(Outcome::Done)
}

pub(super) async fn live(storage: &SqliteStorage, id: &TransactionId) -> Result<Option<Challenge>> {
    let found = sqlx::query("SELECT * FROM challenges WHERE transaction_id = $1 AND live = 1")
        .bind(id.as_str())
        .fetch_optional(&storage.read)
        .await?;
    found.as_ref().map(rows::challenge).transpose()
}

pub(super) async fn sent(storage: &SqliteStorage, id: &TransactionId) -> Result<u32> {
    let row = sqlx::query("SELECT codes_sent FROM transactions WHERE id = $1")
        .bind(id.as_str())
        .fetch_one(&storage.read)
        .await?;
    u32::try_from(row.try_get::<i64, _>("codes_sent")?).map_err(|_| rows::corrupt("codes_sent"))
}

/// The stored code decides, not the one the caller read before: whatever happened in between counts.
pub(super) async fn try_code(
    storage: &SqliteStorage,
    challenge: &Challenge,
    presented: &[u8; 32],
    confirmation: Confirmation,
) -> Result<CodeOutcome> {
    let mut write = storage.begin().await?;
    let found =
        sqlx::query("SELECT * FROM challenges WHERE id = $1 AND live = 1 AND expires_at > $2 AND tries_left > 0")
            .bind(&challenge.id)
            .bind(rows::nanos(confirmation.at))
            .fetch_optional(&mut *write)
            .await?;
    let Some(row) = found else { return Ok(CodeOutcome::NoLiveCode) };
    let stored = rows::challenge(&row)?;
    let outcome = if verify_slices_are_equal(&stored.mac, presented).is_ok() {
        accept(&mut write, &stored.transaction, confirmation).await?
    } else {
        reject(&mut write, &stored, confirmation).await?
    };
    write.commit().await?;
    Ok(outcome)
}

async fn accept(write: &mut Write, id: &TransactionId, confirmation: Confirmation) -> Result<CodeOutcome> {
    let at = confirmation.at;
    if !transactions::set_state(write, id, StateKind::Waiting, &State::Confirmed { at }).await? {
        return Ok(CodeOutcome::NoLiveCode);
    }
    kill_live(write, id).await?;
    if let Some((sha256, ends)) = confirmation.sad {
        sqlx::query("UPDATE transactions SET sad_sha256 = $2, sad_expires_at = $3 WHERE id = $1")
            .bind(id.as_str())
            .bind(sha256.as_slice())
            .bind(rows::nanos(ends))
            .execute(&mut **write)
            .await?;
    }
    transactions::insert_items(write, id, &confirmation.items).await?;
    let event = AuditEvent::Confirmed { transaction: id.clone(), method: confirmation.method.to_owned() };
    audit::append(write, &Entry { at, event }).await?;
    Ok(CodeOutcome::Accepted)
}

async fn reject(write: &mut Write, challenge: &Challenge, confirmation: Confirmation) -> Result<CodeOutcome> {
    let at = confirmation.at;
    let tries_left = challenge.tries_left.saturating_sub(1);
    sqlx::query("UPDATE challenges SET tries_left = $2 WHERE id = $1")
        .bind(&challenge.id)
        .bind(tries_left)
        .execute(&mut **write)
        .await?;
    let event = AuditEvent::CodeRejected { transaction: challenge.transaction.clone(), tries_left };
    audit::append(write, &Entry { at, event }).await?;
    if tries_left > 0 {
        return Ok(CodeOutcome::Wrong { tries_left });
    }
    let reason = FailureReason::TooManyWrongCodes;
    transactions::set_state(write, &challenge.transaction, StateKind::Waiting, &State::Failed { at, reason }).await?;
    kill_live(write, &challenge.transaction).await?;
    let event = AuditEvent::Failed { transaction: challenge.transaction.clone(), reason: reason.name().to_owned() };
    audit::append(write, &Entry { at, event }).await?;
    Ok(CodeOutcome::Locked)
}

async fn kill_live(write: &mut Write, id: &TransactionId) -> Result<()> {
    sqlx::query("UPDATE challenges SET live = 0 WHERE transaction_id = $1 AND live = 1")
        .bind(id.as_str())
        .execute(&mut **write)
        .await?;
    Ok(())
}
