//! Citizens' own pages.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use time::{Duration, OffsetDateTime};

use super::super::citizens::{Access, Citizens, OpeningLimits, Signing};
use super::super::oauth::Key;
use super::super::{Entry, Outcome, Result, StorageError};
use super::{SqliteStorage, Write, audit, rows, transactions};
use crate::domain::party::OWN_PORTAL;
use crate::domain::{Method, PortalId, SignerId, Transaction, TransactionId};

/// Refuses whatever leads to a signature of a frozen signer. A citizen may still open their own page.
pub(super) async fn check_not_frozen(write: &mut Write, id: &TransactionId) -> Result<()> {
    let frozen = sqlx::query(
        "SELECT 1 FROM transactions JOIN signers ON signers.id = transactions.signer
         WHERE transactions.id = $1 AND portal <> $2 AND frozen_at IS NOT NULL",
    )
    .bind(id.as_str())
    .bind(OWN_PORTAL)
    .fetch_optional(&mut **write)
    .await?;
    if frozen.is_some() { Err(StorageError::Frozen) } else { Ok(()) }
}

impl SqliteStorage {
    async fn set_frozen(&self, signer: &SignerId, sql: &'static str, entry: Entry) -> Result<Outcome> {
        let mut write = self.begin().await?;
        let changed = sqlx::query(sql).bind(signer.as_str()).bind(rows::nanos(entry.at)).execute(&mut *write).await?;
        if changed.rows_affected() == 0 {
            return Ok(Outcome::Stale);
        }
        audit::append(&mut write, &entry).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }
}

#[async_trait]
impl Citizens for SqliteStorage {
    async fn freeze(&self, signer: &SignerId, entry: Entry) -> Result<Outcome> {
        let sql = "UPDATE signers SET frozen_at = $2 WHERE id = $1 AND frozen_at IS NULL";
        self.set_frozen(signer, sql, entry).await
    }

    async fn unfreeze(&self, signer: &SignerId, entry: Entry) -> Result<Outcome> {
        let sql = "UPDATE signers SET frozen_at = NULL WHERE id = $1 AND frozen_at <= $2";
        self.set_frozen(signer, sql, entry).await
    }

    async fn waiting_of(&self, signer: &SignerId) -> Result<Vec<Transaction>> {
        let found = sqlx::query(
            "SELECT * FROM transactions WHERE signer = $1 AND state = 'waiting' AND portal <> $2
             ORDER BY created_at LIMIT 1000",
        )
        .bind(signer.as_str())
        .bind(OWN_PORTAL)
        .fetch_all(&self.read)
        .await?;
        self.all_with_items(&found).await
    }

    async fn signings(&self, signer: &SignerId, after: Option<&TransactionId>, limit: u32) -> Result<Vec<Signing>> {
        let found = sqlx::query(
            "SELECT transactions.*, portals.name AS portal_name,
                    (SELECT der FROM certificates
                     WHERE certificates.credential = transactions.credential AND position = 0) AS certificate
             FROM transactions JOIN portals ON portals.id = transactions.portal
             WHERE signer = $1
               AND EXISTS (SELECT 1 FROM items WHERE transaction_id = transactions.id)
               AND ($2 IS NULL OR (transactions.created_at, transactions.id) <
                    (SELECT created_at, id FROM transactions WHERE id = $2 AND signer = $1))
             ORDER BY transactions.created_at DESC, transactions.id DESC LIMIT $3",
        )
        .bind(signer.as_str())
        .bind(after.map(TransactionId::as_str))
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        let mut signings = Vec::with_capacity(found.len());
        for row in &found {
            signings.push(Signing {
                transaction: self.with_items(row).await?,
                portal_name: row.try_get("portal_name")?,
                confirmed_by: rows::optional(row, "confirmed_by", Method::from_name)?,
                certificate: row.try_get("certificate")?,
            });
        }
        Ok(signings)
    }

    async fn accesses(&self, signer: &SignerId, now: OffsetDateTime) -> Result<Vec<Access>> {
        let found = sqlx::query(
            "SELECT portals.*, MAX(live.expires_at) AS until FROM portals JOIN (
                 SELECT portal, expires_at FROM refresh_tokens WHERE signer = $1 AND used = 0 AND expires_at > $2
                 UNION ALL
                 SELECT portal, expires_at FROM access_tokens WHERE signer = $1 AND expires_at > $2
             ) AS live ON live.portal = portals.id GROUP BY portals.id ORDER BY portals.name, portals.id",
        )
        .bind(signer.as_str())
        .bind(rows::nanos(now))
        .fetch_all(&self.read)
        .await?;
        let access = |row: &SqliteRow| -> Result<Access> {
            Ok(Access { portal: rows::portal(row)?, until: rows::time(row.try_get("until")?)? })
        };
        found.iter().map(access).collect()
    }

    async fn end_accesses(&self, signer: &SignerId, portal: &PortalId, entry: Entry) -> Result<Outcome> {
        let mut write = self.begin().await?;
        let mut ended = 0;
        for sql in [
            "DELETE FROM access_tokens WHERE signer = $1 AND portal = $2",
            "DELETE FROM refresh_tokens WHERE signer = $1 AND portal = $2",
            // A code that was given out and not redeemed yet would bring the tokens back.
            "UPDATE authorizations SET stage = 'ended', sealed_sad = NULL
             WHERE signer = $1 AND portal = $2 AND stage IN ('open', 'granted')",
        ] {
            let done = sqlx::query(sql).bind(signer.as_str()).bind(portal.as_str()).execute(&mut *write).await?;
            ended += done.rows_affected();
        }
        if ended == 0 {
            return Ok(Outcome::Stale);
        }
        audit::append(&mut write, &entry).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }

    async fn begin_own_session(
        &self,
        key: &Key,
        transaction: &Transaction,
        limits: OpeningLimits,
        entry: Entry,
    ) -> Result<Outcome> {
        let mut write = self.begin().await?;
        let begun: i64 = sqlx::query(
            "SELECT COUNT(*) AS n FROM transactions
             WHERE signer = $1 AND portal = $2 AND created_at > $3 AND confirmed_by IS NULL",
        )
        .bind(transaction.signer.as_str())
        .bind(OWN_PORTAL)
        .bind(rows::nanos(transaction.created_at - limits.window))
        .fetch_one(&mut *write)
        .await?
        .try_get("n")?;
        if begun >= i64::from(limits.unconfirmed) {
            return Ok(Outcome::Stale);
        }
        transactions::insert(&mut write, transaction).await?;
        sqlx::query(
            "INSERT INTO own_sessions (sha256, signer, transaction_id, idle_at, expires_at) VALUES ($1, $2, $3, $4, $4)",
        )
        .bind(key.as_slice())
        .bind(transaction.signer.as_str())
        .bind(transaction.id.as_str())
        .bind(rows::nanos(transaction.expires_at))
        .execute(&mut *write)
        .await?;
        audit::append(&mut write, &entry).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }

    async fn opening(&self, key: &Key) -> Result<Option<Transaction>> {
        let found = sqlx::query(
            "SELECT transactions.* FROM own_sessions JOIN transactions ON transactions.id = transaction_id WHERE sha256 = $1",
        )
        .bind(key.as_slice())
        .fetch_optional(&self.read)
        .await?;
        match found {
            Some(row) => self.with_items(&row).await.map(Some),
            None => Ok(None),
        }
    }

    async fn open_own_session(
        &self,
        old: &Key,
        new: &Key,
        idle_at: OffsetDateTime,
        ends: OffsetDateTime,
    ) -> Result<Outcome> {
        let opened = sqlx::query(
            "UPDATE own_sessions SET sha256 = $2, transaction_id = NULL, idle_at = $3, expires_at = $4
             WHERE sha256 = $1 AND transaction_id IS NOT NULL",
        )
        .bind(old.as_slice())
        .bind(new.as_slice())
        .bind(rows::nanos(idle_at))
        .bind(rows::nanos(ends))
        .execute(&self.write)
        .await?;
        Ok(Outcome::of(opened.rows_affected()))
    }

    async fn own_session(&self, key: &Key, now: OffsetDateTime, idle: Duration) -> Result<Option<SignerId>> {
        let found = sqlx::query(
            "UPDATE own_sessions SET idle_at = MIN(expires_at, $3)
             WHERE sha256 = $1 AND transaction_id IS NULL AND idle_at > $2 AND expires_at > $2 RETURNING signer",
        )
        .bind(key.as_slice())
        .bind(rows::nanos(now))
        .bind(rows::nanos(now + idle))
        .fetch_optional(&self.write)
        .await?;
        found.as_ref().map(rows::signer_id).transpose()
    }

    async fn end_own_session(&self, key: &Key) -> Result<()> {
        sqlx::query("DELETE FROM own_sessions WHERE sha256 = $1").bind(key.as_slice()).execute(&self.write).await?;
        Ok(())
    }
}
