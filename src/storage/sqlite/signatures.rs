//! Intents and results. The primary key (transaction, ordinal) is what makes a second signature of an item impossible.

use sqlx::Row;

use super::super::{Entry, Intent, Outcome, Result, SignatureResult, SignatureRow, StorageError};
use super::{SqliteStorage, Write, audit, rows, transactions};
use crate::domain::{State, StateKind, TransactionId};

pub(super) async fn of(storage: &SqliteStorage, id: &TransactionId) -> Result<Vec<SignatureRow>> {
    let found = sqlx::query("SELECT * FROM signatures WHERE transaction_id = $1 ORDER BY ordinal")
        .bind(id.as_str())
        .fetch_all(&storage.read)
        .await?;
    found.iter().map(rows::signature).collect()
}

pub(super) async fn record_intents(
    storage: &SqliteStorage,
    id: &TransactionId,
    intents: &[Intent],
    entry: Entry,
) -> Result<Outcome> {
    let mut write = storage.begin().await?;
    if !enter_signing(&mut write, id, &entry).await? {
        return Ok(Outcome::Stale);
    }
    for intent in intents {
        match insert_intent(&mut write, id, intent).await {
            Ok(()) => {}
            Err(StorageError::Duplicate) => return Ok(Outcome::Stale),
            Err(error) => return Err(error),
        }
    }
    audit::append(&mut write, &entry).await?;
    write.commit().await?;
    Ok(Outcome::Done)
}

/// A transaction whose hashes are signed in several calls is signing already from the second call on.
async fn enter_signing(write: &mut Write, id: &TransactionId, entry: &Entry) -> Result<bool> {
    let signing = State::Signing { at: entry.at };
    Ok(transactions::set_state(write, id, StateKind::Confirmed, &signing).await?
        || transactions::set_state(write, id, StateKind::Signing, &signing).await?)
}

async fn insert_intent(write: &mut Write, id: &TransactionId, intent: &Intent) -> Result<()> {
    sqlx::query("INSERT INTO signatures (transaction_id, ordinal, digest_algorithm, digest, prepared) VALUES ($1, $2, $3, $4, $5)")
        .bind(id.as_str())
        .bind(intent.ordinal)
        .bind(intent.digest.algorithm().name())
        .bind(intent.digest.as_bytes())
        .bind(&intent.prepared)
        .execute(&mut **write)
        .await?;
    Ok(())
}

pub(super) async fn record_results(
    storage: &SqliteStorage,
    id: &TransactionId,
    results: &[SignatureResult],
    entry: Entry,
) -> Result<Outcome> {
    let mut write = storage.begin().await?;
    for result in results {
        let changed = sqlx::query(
            "UPDATE signatures SET signature = $3, output = $4 WHERE transaction_id = $1 AND ordinal = $2 AND signature IS NULL",
        )
        .bind(id.as_str())
        .bind(result.ordinal)
        .bind(&result.signature)
        .bind(&result.output)
        .execute(&mut *write)
        .await?;
        if changed.rows_affected() == 0 {
            return Ok(Outcome::Stale);
        }
    }
    if open_items(&mut write, id).await? == 0 {
        let signed = State::Signed { at: entry.at };
        if !transactions::set_state(&mut write, id, StateKind::Signing, &signed).await? {
            return Ok(Outcome::Stale);
        }
    }
    audit::append(&mut write, &entry).await?;
    write.commit().await?;
    Ok(Outcome::Done)
}

async fn open_items(write: &mut Write, id: &TransactionId) -> Result<i64> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS open FROM items LEFT JOIN signatures USING (transaction_id, ordinal)
         WHERE items.transaction_id = $1 AND signatures.signature IS NULL",
    )
    .bind(id.as_str())
    .fetch_one(&mut **write)
    .await?;
    Ok(row.try_get("open")?)
}
