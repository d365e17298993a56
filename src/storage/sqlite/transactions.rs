//! Transactions and their states.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use super::super::{
    Challenge, CodeOutcome, Confirmation, Created, DueRaise, Entry, EntryCounts, Idempotency, Intent, ItemState,
    LeftOut, MessageLimits, MessageScope, Outcome, Output, Result, SadRow, SendLimits, Sending, SignatureResult,
    SignatureRow, Spent, Transactions,
};
use super::{SqliteStorage, Write, audit, budgets, codes, joint, outbox, raises, rows, signatures};
use crate::domain::{CredentialId, Item, PortalId, State, StateKind, Transaction, TransactionId};

impl SqliteStorage {
    pub(super) async fn with_items(&self, row: &SqliteRow) -> Result<Transaction> {
        let found = sqlx::query("SELECT * FROM items WHERE transaction_id = $1 ORDER BY ordinal")
            .bind(row.try_get::<&str, _>("id")?)
            .fetch_all(&self.read)
            .await?;
        rows::transaction(row, found.iter().map(rows::item).collect::<Result<_>>()?)
    }

    pub(super) async fn all_with_items(&self, found: &[SqliteRow]) -> Result<Vec<Transaction>> {
        let mut transactions = Vec::with_capacity(found.len());
        for row in found {
            transactions.push(self.with_items(row).await?);
        }
        Ok(transactions)
    }
}

/// Sets the state, and tells of it in the same commit; false when the transaction is no longer in `from`, or others
/// have to sign before.
pub(super) async fn set_state(write: &mut Write, id: &TransactionId, from: StateKind, to: &State) -> Result<bool> {
    if to.kind() == StateKind::Confirmed && !joint::in_turn(write, id).await? {
        return Ok(false);
    }
    let (kind, at, failure) = rows::state_columns(to);
    // What opens the key goes when there is nothing left to sign.
    let changed = sqlx::query(
        "UPDATE transactions SET state = $3, state_at = $4, failure = $5,
                                 sad_sealed = CASE WHEN $3 IN ('confirmed', 'signing') THEN sad_sealed END
         WHERE id = $1 AND state = $2",
    )
    .bind(id.as_str())
    .bind(from.name())
    .bind(kind)
    .bind(at)
    .bind(failure)
    .execute(&mut **write)
    .await?;
    let moved = changed.rows_affected() == 1;
    if moved && !joint::moved(write, id, to).await? {
        outbox::state_changed(write, id, to).await?;
    }
    Ok(moved)
}

pub(super) async fn insert_items(write: &mut Write, id: &TransactionId, items: &[Item]) -> Result<()> {
    for (ordinal, item) in (0i64..).zip(items) {
        sqlx::query(
            "INSERT INTO items (transaction_id, ordinal, label, digest_algorithm, digest, len) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(id.as_str())
        .bind(ordinal)
        .bind(&item.label)
        .bind(item.digest.algorithm().name())
        .bind(item.digest.as_bytes())
        .bind(i64::try_from(item.len).unwrap_or(i64::MAX))
        .execute(&mut **write)
        .await?;
    }
    Ok(())
}

pub(super) async fn insert(write: &mut Write, transaction: &Transaction) -> Result<()> {
    let (origin, return_url, settings) = rows::origin_columns(&transaction.origin)?;
    let (state, state_at, failure) = rows::state_columns(&transaction.state);
    sqlx::query(
        "INSERT INTO transactions (id, portal, signer, credential, origin, return_url, settings, description, created_at,
                                   expires_at, state, state_at, failure)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(transaction.id.as_str())
    .bind(transaction.portal.as_str())
    .bind(transaction.signer.as_str())
    .bind(transaction.credential.as_str())
    .bind(origin)
    .bind(return_url)
    .bind(settings)
    .bind(&transaction.description)
    .bind(rows::nanos(transaction.created_at))
    .bind(rows::nanos(transaction.expires_at))
    .bind(state)
    .bind(state_at)
    .bind(failure)
    .execute(&mut **write)
    .await?;
    insert_items(write, &transaction.id, &transaction.items).await
}

/// Looks the key up, or takes it for `transaction`.
pub(super) async fn claim_key(
    write: &mut Write,
    transaction: &Transaction,
    claim: &Idempotency,
) -> Result<Option<Created>> {
    sqlx::query("DELETE FROM idempotency_keys WHERE portal = $1 AND created_at < $2")
        .bind(transaction.portal.as_str())
        .bind(rows::nanos(claim.not_before))
        .execute(&mut **write)
        .await?;
    let found = sqlx::query("SELECT body_sha256, transaction_id FROM idempotency_keys WHERE portal = $1 AND key = $2")
        .bind(transaction.portal.as_str())
        .bind(&claim.key)
        .fetch_optional(&mut **write)
        .await?;
    let Some(row) = found else { return Ok(None) };
    if row.try_get::<&[u8], _>("body_sha256")? != claim.body_sha256 {
        return Ok(Some(Created::Mismatch));
    }
    let id = TransactionId::try_from(row.try_get::<String, _>("transaction_id")?).map_err(|_| rows::corrupt("id"))?;
    Ok(Some(Created::Replayed(id)))
}

pub(super) async fn store_key(write: &mut Write, transaction: &Transaction, claim: &Idempotency) -> Result<()> {
    sqlx::query(
        "INSERT INTO idempotency_keys (portal, key, body_sha256, transaction_id, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(transaction.portal.as_str())
    .bind(&claim.key)
    .bind(claim.body_sha256.as_slice())
    .bind(transaction.id.as_str())
    .bind(rows::nanos(transaction.created_at))
    .execute(&mut **write)
    .await?;
    Ok(())
}

#[async_trait]
impl Transactions for SqliteStorage {
    async fn create(
        &self,
        transaction: &Transaction,
        idempotency: Option<Idempotency>,
        entry: Entry,
    ) -> Result<Created> {
        let mut write = self.begin().await?;
        if let Some(claim) = &idempotency
            && let Some(seen) = claim_key(&mut write, transaction, claim).await?
        {
            return Ok(seen);
        }
        insert(&mut write, transaction).await?;
        if let Some(claim) = &idempotency {
            store_key(&mut write, transaction, claim).await?;
        }
        audit::append(&mut write, &entry).await?;
        write.commit().await?;
        Ok(Created::New)
    }

    async fn transaction(&self, id: &TransactionId) -> Result<Option<Transaction>> {
        let found = sqlx::query("SELECT * FROM transactions WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.read)
            .await?;
        match found {
            Some(row) => self.with_items(&row).await.map(Some),
            None => Ok(None),
        }
    }

    async fn advance(&self, id: &TransactionId, from: StateKind, to: &State, entry: Entry) -> Result<Outcome> {
        let mut write = self.begin().await?;
        if !set_state(&mut write, id, from, to).await? {
            return Ok(Outcome::Stale);
        }
        audit::append(&mut write, &entry).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }

    async fn waiting_for(&self, portal: &PortalId, credential: &CredentialId) -> Result<Vec<Transaction>> {
        let found = sqlx::query(
            "SELECT * FROM transactions WHERE portal = $1 AND credential = $2 AND state = 'waiting' AND origin = 'csc'
             ORDER BY created_at DESC LIMIT 20",
        )
        .bind(portal.as_str())
        .bind(credential.as_str())
        .fetch_all(&self.read)
        .await?;
        self.all_with_items(&found).await
    }

    async fn overdue(&self, now: OffsetDateTime) -> Result<Vec<Transaction>> {
        let found = sqlx::query(
            "SELECT * FROM transactions WHERE state = 'waiting' AND expires_at <= $1
             UNION ALL
             SELECT * FROM transactions WHERE state IN ('confirmed', 'signing') AND sad_expires_at <= $1
             LIMIT 1000",
        )
        .bind(rows::nanos(now))
        .fetch_all(&self.read)
        .await?;
        self.all_with_items(&found).await
    }

    async fn unsettled(&self) -> Result<Vec<Transaction>> {
        let found =
            sqlx::query("SELECT * FROM transactions WHERE state IN ('confirmed', 'signing') ORDER BY created_at")
                .fetch_all(&self.read)
                .await?;
        self.all_with_items(&found).await
    }

    async fn put_challenge(&self, challenge: &Challenge, limits: &SendLimits, entry: Entry) -> Result<Sending> {
        codes::put(self, challenge, limits, entry).await
    }

    async fn redirect_challenge(
        &self,
        challenge: &Challenge,
        message: (&MessageScope, MessageLimits),
        entry: Entry,
    ) -> Result<Sending> {
        codes::redirect(self, challenge, message, entry).await
    }

    async fn withdraw_challenge(&self, challenge: &Challenge, entry: Entry) -> Result<()> {
        codes::withdraw(self, challenge, entry).await
    }

    async fn sending_spent(
        &self,
        transaction: &Transaction,
        limits: &SendLimits,
        at: OffsetDateTime,
    ) -> Result<Option<Spent>> {
        codes::spent(self, transaction, limits, at).await
    }

    async fn entries_since(&self, from: OffsetDateTime) -> Result<EntryCounts> {
        budgets::entries_since(self, from).await
    }

    async fn live_challenge(&self, id: &TransactionId) -> Result<Option<Challenge>> {
        codes::live(self, id).await
    }

    async fn codes_sent(&self, id: &TransactionId) -> Result<u32> {
        codes::sent(self, id).await
    }

    async fn try_code(
        &self,
        challenge: &Challenge,
        presented: &[u8; 32],
        confirmation: Confirmation,
    ) -> Result<CodeOutcome> {
        codes::try_code(self, challenge, presented, confirmation).await
    }

    async fn by_sad(&self, sha256: &[u8; 32]) -> Result<Option<(Transaction, SadRow)>> {
        let found = sqlx::query("SELECT * FROM transactions WHERE sad_sha256 = $1")
            .bind(sha256.as_slice())
            .fetch_optional(&self.read)
            .await?;
        let Some(row) = found else { return Ok(None) };
        let ends = rows::time(row.try_get("sad_expires_at")?)?;
        let sad = SadRow { sha256: *sha256, ends, sealed: row.try_get("sad_sealed")? };
        Ok(Some((self.with_items(&row).await?, sad)))
    }

    async fn record_intents(
        &self,
        id: &TransactionId,
        intents: &[Intent],
        left_out: &[LeftOut],
        entry: Entry,
    ) -> Result<Outcome> {
        signatures::record_intents(self, id, intents, left_out, entry).await
    }

    async fn signatures(&self, id: &TransactionId) -> Result<Vec<SignatureRow>> {
        signatures::of(self, id).await
    }

    async fn item_states(&self, id: &TransactionId) -> Result<Vec<ItemState>> {
        signatures::item_states(self, id).await
    }

    async fn record_results(
        &self,
        id: &TransactionId,
        results: &[SignatureResult],
        left_out: &[LeftOut],
        entry: Entry,
    ) -> Result<Outcome> {
        signatures::record_results(self, id, results, left_out, entry).await
    }

    async fn due_raises(&self, now: OffsetDateTime, limit: u32) -> Result<Vec<DueRaise>> {
        raises::due(self, now, limit).await
    }

    async fn record_raised(&self, id: &TransactionId, ordinal: u32, output: &Output, entry: Entry) -> Result<Outcome> {
        raises::record(self, id, ordinal, output, entry).await
    }

    async fn postpone_raise(&self, due: &DueRaise) -> Result<()> {
        raises::postpone(self, due).await
    }
}
