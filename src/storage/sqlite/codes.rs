//! One-time codes: one live a transaction, counted and compared inside one commit.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use sqlx::{Row, SqliteConnection};
use time::OffsetDateTime;

use super::super::{
    Challenge, CodeOutcome, Confirmation, Entry, MessageLimits, MessageScope, Result, SendLimits, Sending, Spent,
};
use super::budgets::{self, Factor, Pair};
use super::{SqliteStorage, Write, audit, authenticators, citizens, rows, transactions};
use crate::domain::{AuditEvent, FailureReason, State, StateKind, Transaction, TransactionId};

pub(super) async fn put(
    storage: &SqliteStorage,
    challenge: &Challenge,
    limits: &SendLimits,
    entry: Entry,
) -> Result<Sending> {
    let mut write = storage.begin().await?;
    let id = challenge.transaction.as_str();
    let counted = sqlx::query(
        "UPDATE transactions SET codes_sent = $2 WHERE id = $1 AND state = 'waiting' AND codes_sent = $2 - 1
         RETURNING signer, portal",
    )
    .bind(id)
    .bind(challenge.sequence)
    .fetch_optional(&mut *write)
    .await?;
    let Some(row) = counted else { return Ok(Sending::Stale) };
    citizens::check_not_frozen(&mut write, &challenge.transaction).await?;
    let (signer, portal): (String, String) = (row.try_get("signer")?, row.try_get("portal")?);
    let (pair, at) = (Pair { signer: &signer, portal: &portal }, challenge.created_at);
    // Whatever is used up: leaving without a commit undoes the count above.
    if let Some(spent) = budgets_spent(&mut write, pair, limits, at).await? {
        return Ok(Sending::Spent(spent));
    }
    if let Some((scope, messages)) = &limits.message {
        budgets::count_code(&mut write, pair, (id, challenge.sequence), at, limits.window).await?;
        if let Some(spent) = budgets::count_message(&mut write, &portal, scope, *messages, at).await? {
            return Ok(Sending::Spent(spent));
        }
    }
    kill_live(&mut write, &challenge.transaction).await?;
    sqlx::query(
        "INSERT INTO challenges (id, transaction_id, sequence, method, mac, tries_left, created_at, expires_at, live)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)",
    )
    .bind(&challenge.id)
    .bind(id)
    .bind(challenge.sequence)
    .bind(challenge.method.name())
    .bind(challenge.mac.as_slice())
    .bind(challenge.tries_left)
    .bind(rows::nanos(at))
    .bind(rows::nanos(challenge.expires_at))
    .execute(&mut *write)
    .await?;
    audit::append(&mut write, &entry).await?;
    write.commit().await?;
    Ok(Sending::Stored)
}

pub(super) async fn redirect(
    storage: &SqliteStorage,
    challenge: &Challenge,
    (scope, limits): (&MessageScope, MessageLimits),
    entry: Entry,
) -> Result<Sending> {
    let mut write = storage.begin().await?;
    let changed = sqlx::query("UPDATE challenges SET method = $2 WHERE id = $1 AND live = 1")
        .bind(&challenge.id)
        .bind(challenge.method.name())
        .execute(&mut *write)
        .await?;
    if changed.rows_affected() == 0 {
        return Ok(Sending::Stale);
    }
    let parties = sqlx::query("SELECT portal FROM transactions WHERE id = $1")
        .bind(challenge.transaction.as_str())
        .fetch_one(&mut *write)
        .await?;
    let portal: &str = parties.try_get("portal")?;
    if let Some(spent) = budgets::count_message(&mut write, portal, scope, limits, entry.at).await? {
        return Ok(Sending::Spent(spent));
    }
    audit::append(&mut write, &entry).await?;
    write.commit().await?;
    Ok(Sending::Stored)
}

pub(super) async fn withdraw(storage: &SqliteStorage, challenge: &Challenge, entry: Entry) -> Result<()> {
    let mut write = storage.begin().await?;
    sqlx::query("UPDATE challenges SET live = 0 WHERE id = $1").bind(&challenge.id).execute(&mut *write).await?;
    sqlx::query("DELETE FROM sendings WHERE transaction_id = $1 AND sequence = $2")
        .bind(challenge.transaction.as_str())
        .bind(challenge.sequence)
        .execute(&mut *write)
        .await?;
    audit::append(&mut write, &entry).await?;
    Ok(write.commit().await?)
}

pub(super) async fn spent(
    storage: &SqliteStorage,
    transaction: &Transaction,
    limits: &SendLimits,
    at: OffsetDateTime,
) -> Result<Option<Spent>> {
    let pair = Pair { signer: transaction.signer.as_str(), portal: transaction.portal.as_str() };
    let mut read = storage.read.acquire().await?;
    budgets_spent(&mut read, pair, limits, at).await
}

async fn budgets_spent(
    db: &mut SqliteConnection,
    pair: Pair<'_>,
    limits: &SendLimits,
    at: OffsetDateTime,
) -> Result<Option<Spent>> {
    if let Some(until) = budgets::guesses_spent(db, pair, Factor::Code, at, limits.guesses).await? {
        return Ok(Some(Spent::Guesses { until }));
    }
    let codes = budgets::codes_spent(db, pair, at, limits.window, limits.unconfirmed).await?;
    Ok(codes.map(|until| Spent::Codes { until }))
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
    citizens::check_not_frozen(&mut write, &stored.transaction).await?;
    let parties = sqlx::query("SELECT signer, portal FROM transactions WHERE id = $1")
        .bind(stored.transaction.as_str())
        .fetch_one(&mut *write)
        .await?;
    let pair = Pair { signer: parties.try_get("signer")?, portal: parties.try_get("portal")? };
    let (at, window) = (confirmation.at, confirmation.guesses.window);
    if let Some(until) = budgets::guesses_spent(&mut write, pair, Factor::Code, at, confirmation.guesses).await? {
        return Ok(CodeOutcome::Spent { until });
    }
    let mut fits = verify_slices_are_equal(&stored.mac, presented).is_ok();
    if let Some(used) = &confirmation.authenticator {
        fits = fits
            && match used.counter {
                Some(counter) => authenticators::take(&mut write, pair.signer, &used.id, counter).await?,
                None => false,
            };
    }
    let outcome = if fits {
        accept(&mut write, &stored.transaction, confirmation).await?
    } else {
        budgets::count_guess(&mut write, pair, Factor::Code, at, window).await?;
        budgets::count_entry(&mut write, budgets::WRONG, at).await?;
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
    budgets::give_codes_back(write, id.as_str()).await?;
    budgets::count_entry(write, budgets::RIGHT, at).await?;
    sqlx::query("UPDATE transactions SET confirmed_by = $2 WHERE id = $1")
        .bind(id.as_str())
        .bind(&confirmation.method)
        .execute(&mut **write)
        .await?;
    if let Some(sad) = confirmation.sad {
        sqlx::query("UPDATE transactions SET sad_sha256 = $2, sad_expires_at = $3, sad_sealed = $4 WHERE id = $1")
            .bind(id.as_str())
            .bind(sad.sha256.as_slice())
            .bind(rows::nanos(sad.ends))
            .bind(sad.sealed)
            .execute(&mut **write)
            .await?;
    }
    transactions::insert_items(write, id, &confirmation.items).await?;
    let event = AuditEvent::Confirmed { transaction: id.clone(), method: confirmation.method };
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
