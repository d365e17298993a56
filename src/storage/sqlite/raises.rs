//! The queue of signatures whose level is raised later.

use sqlx::Row;
use time::OffsetDateTime;

use super::super::{DueRaise, Entry, Outcome, Output, Raise, Result};
use super::{SqliteStorage, Write, audit, outbox, rows};
use crate::domain::TransactionId;
use crate::formats::level::Baseline;

/// Puts a raise into the queue, or in place of the one waiting there.
pub(super) async fn put(write: &mut Write, id: &TransactionId, ordinal: u32, raise: &Raise) -> Result<()> {
    sqlx::query(
        "INSERT INTO raises (transaction_id, ordinal, wanted, attempts, next_at, last_error) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (transaction_id, ordinal)
         DO UPDATE SET wanted = $3, attempts = $4, next_at = $5, last_error = $6",
    )
    .bind(id.as_str())
    .bind(ordinal)
    .bind(raise.wanted.name())
    .bind(raise.attempts)
    .bind(rows::nanos(raise.next_at))
    .bind(&raise.last_error)
    .execute(&mut **write)
    .await?;
    Ok(())
}

pub(super) async fn due(storage: &SqliteStorage, now: OffsetDateTime, limit: u32) -> Result<Vec<DueRaise>> {
    let found = sqlx::query("SELECT * FROM raises WHERE next_at <= $1 ORDER BY next_at LIMIT $2")
        .bind(rows::nanos(now))
        .bind(limit)
        .fetch_all(&storage.read)
        .await?;
    found.iter().map(rows::due_raise).collect()
}

pub(super) async fn record(
    storage: &SqliteStorage,
    id: &TransactionId,
    ordinal: u32,
    output: &Output,
    entry: Entry,
) -> Result<Outcome> {
    let mut write = storage.begin().await?;
    if !waits_below(&mut write, id, ordinal, output.level).await? {
        return Ok(Outcome::Stale);
    }
    sqlx::query("UPDATE signatures SET output = $3, level = $4 WHERE transaction_id = $1 AND ordinal = $2")
        .bind(id.as_str())
        .bind(ordinal)
        .bind(&output.bytes)
        .bind(output.level.name())
        .execute(&mut *write)
        .await?;
    match &output.raise {
        Some(raise) => put(&mut write, id, ordinal, raise).await?,
        None => {
            sqlx::query("DELETE FROM raises WHERE transaction_id = $1 AND ordinal = $2")
                .bind(id.as_str())
                .bind(ordinal)
                .execute(&mut *write)
                .await?;
        }
    }
    outbox::raised(&mut write, id, ordinal, output.level, entry.at).await?;
    audit::append(&mut write, &entry).await?;
    write.commit().await?;
    Ok(Outcome::Done)
}

/// Whether the document waits in the queue and its stored level is lower.
async fn waits_below(write: &mut Write, id: &TransactionId, ordinal: u32, level: Baseline) -> Result<bool> {
    let found = sqlx::query(
        "SELECT signatures.level FROM raises JOIN signatures USING (transaction_id, ordinal)
         WHERE transaction_id = $1 AND ordinal = $2",
    )
    .bind(id.as_str())
    .bind(ordinal)
    .fetch_optional(&mut **write)
    .await?;
    let Some(row) = found else { return Ok(false) };
    let stored: Option<String> = row.try_get("level")?;
    Ok(stored.as_deref().and_then(Baseline::from_name).is_some_and(|stored| stored < level))
}

pub(super) async fn postpone(storage: &SqliteStorage, due: &DueRaise) -> Result<()> {
    let mut write = storage.begin().await?;
    let raise = &due.raise;
    sqlx::query(
        "UPDATE raises SET attempts = $3, next_at = $4, last_error = $5 WHERE transaction_id = $1 AND ordinal = $2",
    )
    .bind(due.transaction.as_str())
    .bind(due.ordinal)
    .bind(raise.attempts)
    .bind(rows::nanos(raise.next_at))
    .bind(&raise.last_error)
    .execute(&mut *write)
    .await?;
    write.commit().await?;
    Ok(())
}
