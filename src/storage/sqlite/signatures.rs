//! Intents and results. The primary key (transaction, ordinal) is what makes a second signature of an item impossible.

use sqlx::Row;

use super::super::{
    Entry, Intent, ItemState, LeftOut, Outcome, Output, Result, SignatureResult, SignatureRow, StorageError,
};
use super::{SqliteStorage, Write, audit, citizens, joint, raises, rows, transactions};
use crate::domain::{FailureReason, State, StateKind, TransactionId};

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
    left_out: &[LeftOut],
    entry: Entry,
) -> Result<Outcome> {
    let mut write = storage.begin().await?;
    citizens::check_not_frozen(&mut write, id).await?;
    if !enter_signing(&mut write, id, &entry).await? || !joint::may_sign(&mut write, id).await? {
        return Ok(Outcome::Stale);
    }
    for intent in intents {
        match insert_intent(&mut write, id, intent).await {
            Ok(()) => {}
            Err(StorageError::Duplicate) => return Ok(Outcome::Stale),
            Err(error) => return Err(error),
        }
    }
    leave_out(&mut write, id, left_out).await?;
    audit::append(&mut write, &entry).await?;
    write.commit().await?;
    Ok(Outcome::Done)
}

async fn leave_out(write: &mut Write, id: &TransactionId, left_out: &[LeftOut]) -> Result<()> {
    for LeftOut { ordinal, reason } in left_out {
        sqlx::query("UPDATE items SET failure = $3 WHERE transaction_id = $1 AND ordinal = $2")
            .bind(id.as_str())
            .bind(ordinal)
            .bind(reason.name())
            .execute(&mut **write)
            .await?;
    }
    Ok(())
}

pub(super) async fn item_states(storage: &SqliteStorage, id: &TransactionId) -> Result<Vec<ItemState>> {
    let found = sqlx::query(
        "SELECT items.failure, signatures.level, raises.wanted, raises.attempts, raises.next_at, raises.last_error
         FROM items LEFT JOIN signatures USING (transaction_id, ordinal) LEFT JOIN raises USING (transaction_id, ordinal)
         WHERE items.transaction_id = $1 ORDER BY items.ordinal",
    )
    .bind(id.as_str())
    .fetch_all(&storage.read)
    .await?;
    found.iter().map(rows::item_state).collect()
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
    left_out: &[LeftOut],
    entry: Entry,
) -> Result<Outcome> {
    let mut write = storage.begin().await?;
    for result in results {
        if !store_result(&mut write, id, result).await? {
            return Ok(Outcome::Stale);
        }
    }
    leave_out(&mut write, id, left_out).await?;
    if let Some(end) = end(&mut write, id, &entry).await?
        && !transactions::set_state(&mut write, id, StateKind::Signing, &end).await?
    {
        return Ok(Outcome::Stale);
    }
    audit::append(&mut write, &entry).await?;
    write.commit().await?;
    Ok(Outcome::Done)
}

/// False when the item has a result already.
async fn store_result(write: &mut Write, id: &TransactionId, result: &SignatureResult) -> Result<bool> {
    let changed = sqlx::query(
        "UPDATE signatures SET signature = $3, output = $4, level = $5
         WHERE transaction_id = $1 AND ordinal = $2 AND signature IS NULL",
    )
    .bind(id.as_str())
    .bind(result.ordinal)
    .bind(&result.signature)
    .bind(result.output.as_ref().map(|output| output.bytes.as_slice()))
    .bind(result.output.as_ref().map(|output| output.level.name()))
    .execute(&mut **write)
    .await?;
    if let Some(Output { raise: Some(raise), .. }) = &result.output {
        raises::put(write, id, result.ordinal, raise).await?;
    }
    Ok(changed.rows_affected() == 1)
}

/// The state the transaction ends in, once no item is open any more.
async fn end(write: &mut Write, id: &TransactionId, entry: &Entry) -> Result<Option<State>> {
    let row = sqlx::query(
        "SELECT COUNT(*) - COUNT(COALESCE(items.failure, signatures.signature)) AS open, COUNT(signatures.signature) AS signed,
                MIN(items.failure) AS failure
         FROM items LEFT JOIN signatures USING (transaction_id, ordinal) WHERE items.transaction_id = $1",
    )
    .bind(id.as_str())
    .fetch_one(&mut **write)
    .await?;
    let (open, signed): (i64, i64) = (row.try_get("open")?, row.try_get("signed")?);
    let failure = rows::optional(&row, "failure", FailureReason::from_name)?;
    Ok(match (open, signed, failure) {
        (0, 0, Some(reason)) => Some(State::Failed { at: entry.at, reason }),
        (0, _, _) => Some(State::Signed { at: entry.at }),
        _ => None,
    })
}
