//! Receipts: one intent and one result a transaction.

use async_trait::async_trait;
use sqlx::Row;

use super::super::receipts::{Confirmed, ReceiptIntent, Receipts, StoredReceipt};
use super::super::{Entry, Outcome, Result};
use super::{SqliteStorage, audit, rows};
use crate::domain::{Method, TransactionId};

#[async_trait]
impl Receipts for SqliteStorage {
    async fn confirmed(&self, id: &TransactionId) -> Result<Option<Confirmed>> {
        let found = sqlx::query("SELECT confirmed_at, confirmed_by FROM transactions WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.read)
            .await?;
        let Some(row) = found else { return Ok(None) };
        let at: Option<i64> = row.try_get("confirmed_at")?;
        let by = rows::optional(&row, "confirmed_by", Method::from_name)?;
        at.zip(by).map(|(at, by)| Ok(Confirmed { at: rows::time(at)?, by })).transpose()
    }

    async fn receipt(&self, id: &TransactionId) -> Result<Option<StoredReceipt>> {
        let found = sqlx::query("SELECT * FROM receipts WHERE transaction_id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.read)
            .await?;
        found.as_ref().map(rows::receipt).transpose()
    }

    async fn intend_receipt(&self, id: &TransactionId, intent: &ReceiptIntent, entry: Entry) -> Result<Outcome> {
        let mut write = self.begin().await?;
        sqlx::query(
            "INSERT INTO receipts (transaction_id, credential, document, digest_algorithm, digest, prepared)
             SELECT id, $2, $3, $4, $5, $6 FROM transactions WHERE id = $1 AND state = 'signed'
             ON CONFLICT DO NOTHING",
        )
        .bind(id.as_str())
        .bind(intent.credential.as_str())
        .bind(&intent.document)
        .bind(intent.digest.algorithm().name())
        .bind(intent.digest.as_bytes())
        .bind(&intent.prepared)
        .execute(&mut *write)
        .await?;
        let stands = sqlx::query(
            "SELECT 1 FROM receipts WHERE transaction_id = $1 AND credential = $2 AND digest_algorithm = $3
                                      AND digest = $4 AND sealed IS NULL",
        )
        .bind(id.as_str())
        .bind(intent.credential.as_str())
        .bind(intent.digest.algorithm().name())
        .bind(intent.digest.as_bytes())
        .fetch_optional(&mut *write)
        .await?;
        if stands.is_none() {
            return Ok(Outcome::Stale);
        }
        audit::append(&mut write, &entry).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }

    async fn record_receipt(&self, id: &TransactionId, sealed: &[u8], entry: Entry) -> Result<Outcome> {
        let mut write = self.begin().await?;
        let changed = sqlx::query("UPDATE receipts SET sealed = $2 WHERE transaction_id = $1 AND sealed IS NULL")
            .bind(id.as_str())
            .bind(sealed)
            .execute(&mut *write)
            .await?;
        if changed.rows_affected() == 0 {
            return Ok(Outcome::Stale);
        }
        audit::append(&mut write, &entry).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }
}
