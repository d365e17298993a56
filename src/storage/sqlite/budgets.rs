//! Counters of codes, wrong entries and messages. Writers begin IMMEDIATE, so between a check here and the commit that
//! follows no other process writes. A database that lets writers run side by side has to lock the signer's row first
//! (PostgreSQL: `SELECT … FOR UPDATE`), or two of them would both find the last try free.

use sqlx::{Row, SqliteConnection};
use time::{Duration, OffsetDateTime};

use super::super::{EntryCounts, GuessLimits, MessageLimits, MessageScope, PinLimits, PinTry, PinTryId, Result, Spent};
use super::{SqliteStorage, rows};
use crate::domain::{PortalId, SignerId};

/// Whose budget it is, and which.
pub(super) struct Account {
    pub signer: String,
    pub portal: String,
    factor: Factor,
}

#[derive(Clone, Copy)]
enum Factor {
    Code,
    /// The code of a transaction without hashes: it signs nothing, and anybody who knows a client and a telephone number can
    /// begin one. What they use up must not keep the signer from signing.
    SignIn,
    Pin,
}

impl Factor {
    fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::SignIn => "sign-in",
            Self::Pin => "pin",
        }
    }
}

/// Whose codes a transaction's are.
pub(super) async fn of_transaction(db: &mut SqliteConnection, id: &str) -> Result<Account> {
    let row = sqlx::query(
        "SELECT signer, portal,
                origin = 'oauth' AND NOT EXISTS (SELECT 1 FROM items WHERE transaction_id = transactions.id) AS sign_in
         FROM transactions WHERE id = $1",
    )
    .bind(id)
    .fetch_one(&mut *db)
    .await?;
    let factor = if row.try_get("sign_in")? { Factor::SignIn } else { Factor::Code };
    Ok(Account { signer: row.try_get("signer")?, portal: row.try_get("portal")?, factor })
}

/// When guessing may go on, if the window is full now.
pub(super) async fn guesses_spent(
    db: &mut SqliteConnection,
    account: &Account,
    at: OffsetDateTime,
    limits: GuessLimits,
) -> Result<Option<OffsetDateTime>> {
    let start = at - limits.window;
    // The window is full when its limit-th newest entry lies in it, and opens when that one leaves it.
    let of_signer =
        "SELECT at FROM guesses WHERE signer = $1 AND factor = $2 AND at > $3 ORDER BY at DESC LIMIT 1 OFFSET $4";
    let all = sqlx::query(of_signer)
        .bind(&account.signer)
        .bind(account.factor.name())
        .bind(rows::nanos(start))
        .bind(last(limits.signer))
        .fetch_optional(&mut *db)
        .await?;
    let of_portal = "SELECT at FROM guesses WHERE signer = $1 AND factor = $2 AND at > $3 AND portal = $5
         ORDER BY at DESC LIMIT 1 OFFSET $4";
    let own = sqlx::query(of_portal)
        .bind(&account.signer)
        .bind(account.factor.name())
        .bind(rows::nanos(start))
        .bind(last(limits.portal))
        .bind(&account.portal)
        .fetch_optional(&mut *db)
        .await?;
    let mut until = None;
    for row in all.iter().chain(&own) {
        until = until.max(Some(rows::time(row.try_get("at")?)? + limits.window));
    }
    Ok(until)
}

fn last(limit: u32) -> i64 {
    i64::from(limit).saturating_sub(1).max(0)
}

pub(super) async fn count_guess(
    db: &mut SqliteConnection,
    account: &Account,
    at: OffsetDateTime,
    window: Duration,
) -> Result<i64> {
    sqlx::query("DELETE FROM guesses WHERE signer = $1 AND factor = $2 AND at <= $3")
        .bind(&account.signer)
        .bind(account.factor.name())
        .bind(rows::nanos(at - window))
        .execute(&mut *db)
        .await?;
    let inserted = sqlx::query("INSERT INTO guesses (signer, portal, factor, at) VALUES ($1, $2, $3, $4) RETURNING id")
        .bind(&account.signer)
        .bind(&account.portal)
        .bind(account.factor.name())
        .bind(rows::nanos(at))
        .fetch_one(&mut *db)
        .await?;
    Ok(inserted.try_get("id")?)
}

/// When another code may be sent, if too many confirmed nothing.
pub(super) async fn codes_spent(
    db: &mut SqliteConnection,
    account: &Account,
    at: OffsetDateTime,
    window: Duration,
    limit: u32,
) -> Result<Option<OffsetDateTime>> {
    let start = rows::nanos(at - window);
    let full = sqlx::query(
        "SELECT at FROM sendings WHERE signer = $1 AND factor = $4 AND at > $2 ORDER BY at DESC LIMIT 1 OFFSET $3",
    )
    .bind(&account.signer)
    .bind(start)
    .bind(last(limit))
    .bind(account.factor.name())
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = full else { return Ok(None) };
    let own =
        sqlx::query("SELECT 1 FROM sendings WHERE signer = $1 AND factor = $4 AND at > $2 AND portal = $3 LIMIT 1")
            .bind(&account.signer)
            .bind(start)
            .bind(&account.portal)
            .bind(account.factor.name())
            .fetch_optional(&mut *db)
            .await?;
    Ok(own.map(|_| rows::time(row.try_get("at")?)).transpose()?.map(|oldest| oldest + window))
}

pub(super) async fn count_code(
    db: &mut SqliteConnection,
    account: &Account,
    (transaction, sequence): (&str, u32),
    at: OffsetDateTime,
    window: Duration,
) -> Result<()> {
    sqlx::query("DELETE FROM sendings WHERE signer = $1 AND at <= $2")
        .bind(&account.signer)
        .bind(rows::nanos(at - window))
        .execute(&mut *db)
        .await?;
    sqlx::query(
        "INSERT INTO sendings (transaction_id, sequence, signer, portal, factor, at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(transaction)
    .bind(sequence)
    .bind(&account.signer)
    .bind(&account.portal)
    .bind(account.factor.name())
    .bind(rows::nanos(at))
    .execute(&mut *db)
    .await?;
    Ok(())
}

/// Codes of a confirmed transaction no longer count.
pub(super) async fn give_codes_back(db: &mut SqliteConnection, transaction: &str) -> Result<()> {
    sqlx::query("DELETE FROM sendings WHERE transaction_id = $1").bind(transaction).execute(&mut *db).await?;
    Ok(())
}

/// Counts a message, unless a budget of the day is used up. Call it last before the commit: what it counted is undone with it.
pub(super) async fn count_message(
    db: &mut SqliteConnection,
    portal: &str,
    scope: &MessageScope,
    limits: MessageLimits,
    at: OffsetDateTime,
) -> Result<Option<Spent>> {
    let day = day(at);
    let scopes = [
        ("messages".to_owned(), limits.all),
        (format!("messages/portal/{portal}"), limits.portal),
        (format!("messages/{}/{}", scope.channel, scope.prefix), limits.prefix),
    ];
    for (scope, limit) in scopes {
        let count = tally(db, &scope, day).await?;
        if count == 1 {
            forget_before(db, &scope, day).await?;
        }
        if count > u64::from(limit) {
            let next = OffsetDateTime::from_unix_timestamp((day + 1) * DAY - VIET_NAM).unwrap_or(at);
            return Ok(Some(Spent::Messages { until: next }));
        }
    }
    Ok(None)
}

const DAY: i64 = 24 * 3600;
/// Viet Nam is seven hours ahead of UTC all year.
const VIET_NAM: i64 = 7 * 3600;
/// Minutes that entries are remembered for the failure rate.
const KEEP_MINUTES: i64 = 24 * 60;

fn day(at: OffsetDateTime) -> i64 {
    (at.unix_timestamp() + VIET_NAM).div_euclid(DAY)
}

fn minute(at: OffsetDateTime) -> i64 {
    at.unix_timestamp().div_euclid(60)
}

/// Counts a right or wrong entry of a code for the failure rate.
pub(super) async fn count_entry(db: &mut SqliteConnection, scope: &str, at: OffsetDateTime) -> Result<()> {
    if tally(db, scope, minute(at)).await? == 1 {
        forget_before(db, scope, minute(at) - KEEP_MINUTES).await?;
    }
    Ok(())
}

async fn forget_before(db: &mut SqliteConnection, scope: &str, bucket: i64) -> Result<()> {
    sqlx::query("DELETE FROM tallies WHERE scope = $1 AND bucket < $2")
        .bind(scope)
        .bind(bucket)
        .execute(&mut *db)
        .await?;
    Ok(())
}

pub(super) const RIGHT: &str = "codes/right";
pub(super) const WRONG: &str = "codes/wrong";

async fn tally(db: &mut SqliteConnection, scope: &str, bucket: i64) -> Result<u64> {
    let counted = sqlx::query(
        "INSERT INTO tallies (scope, bucket, count) VALUES ($1, $2, 1)
         ON CONFLICT (scope, bucket) DO UPDATE SET count = count + 1 RETURNING count",
    )
    .bind(scope)
    .bind(bucket)
    .fetch_one(&mut *db)
    .await?;
    u64::try_from(counted.try_get::<i64, _>("count")?).map_err(|_| rows::corrupt("count"))
}

pub(super) async fn entries_since(storage: &SqliteStorage, from: OffsetDateTime) -> Result<EntryCounts> {
    let count = async |scope: &str| -> Result<u64> {
        let found = sqlx::query("SELECT COALESCE(SUM(count), 0) AS n FROM tallies WHERE scope = $1 AND bucket >= $2")
            .bind(scope)
            .bind(minute(from))
            .fetch_one(&storage.read)
            .await?;
        u64::try_from(found.try_get::<i64, _>("n")?).map_err(|_| rows::corrupt("count"))
    };
    Ok(EntryCounts { right: count(RIGHT).await?, wrong: count(WRONG).await? })
}

pub(super) async fn take_pin_try(
    storage: &SqliteStorage,
    signer: &SignerId,
    portal: &PortalId,
    at: OffsetDateTime,
    limits: PinLimits,
) -> Result<PinTry> {
    let account = Account { signer: signer.to_string(), portal: portal.to_string(), factor: Factor::Pin };
    let mut write = storage.begin().await?;
    let in_a_row = sqlx::query(
        "SELECT at FROM guesses WHERE signer = $1 AND portal = $2 AND factor = 'pin' AND in_a_row = 1 AND at > $3
         ORDER BY at DESC LIMIT 1 OFFSET $4",
    )
    .bind(&account.signer)
    .bind(&account.portal)
    .bind(rows::nanos(at - limits.lock))
    .bind(last(limits.tries))
    .fetch_optional(&mut *write)
    .await?;
    if let Some(row) = in_a_row {
        return Ok(PinTry::Locked { until: rows::time(row.try_get("at")?)? + limits.lock });
    }
    if let Some(until) = guesses_spent(&mut write, &account, at, limits.day).await? {
        return Ok(PinTry::Locked { until });
    }
    let id = count_guess(&mut write, &account, at, limits.day.window).await?;
    write.commit().await?;
    Ok(PinTry::Taken(PinTryId(id)))
}

pub(super) async fn forgive_pin_try(
    storage: &SqliteStorage,
    signer: &SignerId,
    portal: &PortalId,
    id: PinTryId,
) -> Result<()> {
    let mut write = storage.begin().await?;
    sqlx::query("DELETE FROM guesses WHERE id = $1").bind(id.0).execute(&mut *write).await?;
    sqlx::query(
        "UPDATE guesses SET in_a_row = 0 WHERE signer = $1 AND portal = $2 AND factor = 'pin' AND in_a_row = 1",
    )
    .bind(signer.as_str())
    .bind(portal.as_str())
    .execute(&mut *write)
    .await?;
    Ok(write.commit().await?)
}
