//! Authorisations and their stages. A stage is left by a conditional update: whoever comes second changes nothing.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use super::super::oauth::{Authorizations, CodeGrant, Issued, Key};
use super::super::{Entry, Outcome, Result};
use super::{SqliteStorage, audit, rows, tokens};
use crate::domain::oauth::{Arrival, Authorization, AuthorizationStage};
use crate::domain::{PortalId, SignerId, TransactionId};

fn arrival_name(arrival: Arrival) -> &'static str {
    match arrival {
        Arrival::Browser => "browser",
        Arrival::Pushed => "pushed",
    }
}

fn authorization(row: &SqliteRow) -> Result<Authorization> {
    let transaction: Option<String> = row.try_get("transaction_id")?;
    Ok(Authorization {
        id: row.try_get("id")?,
        portal: rows::portal_id(row)?,
        request: serde_json::from_str(row.try_get("request")?).map_err(|_| rows::corrupt("request"))?,
        stage: AuthorizationStage::from_name(row.try_get("stage")?).ok_or_else(|| rows::corrupt("stage"))?,
        arrival: match row.try_get("arrival")? {
            "pushed" => Arrival::Pushed,
            _ => Arrival::Browser,
        },
        signer: rows::optional_signer_id(row)?,
        transaction: transaction
            .map(TransactionId::try_from)
            .transpose()
            .map_err(|_| rows::corrupt("transaction_id"))?,
        sealed_sad: row.try_get("sealed_sad")?,
        created_at: rows::time(row.try_get("created_at")?)?,
        expires_at: rows::time(row.try_get("expires_at")?)?,
    })
}

#[async_trait]
impl Authorizations for SqliteStorage {
    async fn add_authorization(&self, authorization: &Authorization, key: &Key) -> Result<()> {
        let request = serde_json::to_string(&authorization.request).map_err(|_| rows::corrupt("request"))?;
        sqlx::query(
            "INSERT INTO authorizations (id, portal, request, stage, key_sha256, arrival, signer, transaction_id, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(&authorization.id)
        .bind(authorization.portal.as_str())
        .bind(request)
        .bind(authorization.stage.name())
        .bind(key.as_slice())
        .bind(arrival_name(authorization.arrival))
        .bind(authorization.signer.as_ref().map(SignerId::as_str))
        .bind(authorization.transaction.as_ref().map(TransactionId::as_str))
        .bind(rows::nanos(authorization.created_at))
        .bind(rows::nanos(authorization.expires_at))
        .execute(&self.write)
        .await?;
        Ok(())
    }

    async fn open_pushed(
        &self,
        portal: &PortalId,
        key: &Key,
        (next, expires_at): (&Key, OffsetDateTime),
        now: OffsetDateTime,
    ) -> Result<Option<Authorization>> {
        let opened = sqlx::query(
            "UPDATE authorizations SET stage = 'open', key_sha256 = $3, expires_at = $4
             WHERE key_sha256 = $2 AND portal = $1 AND stage = 'pushed' AND expires_at > $5 RETURNING *",
        )
        .bind(portal.as_str())
        .bind(key.as_slice())
        .bind(next.as_slice())
        .bind(rows::nanos(expires_at))
        .bind(rows::nanos(now))
        .fetch_optional(&self.write)
        .await?;
        opened.as_ref().map(authorization).transpose()
    }

    async fn authorization(&self, key: &Key) -> Result<Option<Authorization>> {
        let found = sqlx::query("SELECT * FROM authorizations WHERE key_sha256 = $1")
            .bind(key.as_slice())
            .fetch_optional(&self.read)
            .await?;
        found.as_ref().map(authorization).transpose()
    }

    async fn authorization_of(&self, transaction: &TransactionId) -> Result<Option<Authorization>> {
        let found = sqlx::query("SELECT * FROM authorizations WHERE transaction_id = $1")
            .bind(transaction.as_str())
            .fetch_optional(&self.read)
            .await?;
        found.as_ref().map(authorization).transpose()
    }

    async fn waiting_authorizations(&self, portal: &PortalId, arrival: Arrival, now: OffsetDateTime) -> Result<u32> {
        let row = sqlx::query(
            "SELECT count(*) AS n FROM authorizations
             WHERE portal = $1 AND arrival = $2 AND stage IN ('pushed', 'open') AND expires_at > $3",
        )
        .bind(portal.as_str())
        .bind(arrival_name(arrival))
        .bind(rows::nanos(now))
        .fetch_one(&self.read)
        .await?;
        Ok(u32::try_from(row.try_get::<i64, _>("n")?).unwrap_or(u32::MAX))
    }

    async fn attach(&self, id: &str, signer: &SignerId, transaction: &TransactionId) -> Result<Outcome> {
        let attached = sqlx::query(
            "UPDATE authorizations SET signer = $2, transaction_id = $3
             WHERE id = $1 AND stage = 'open' AND transaction_id IS NULL",
        )
        .bind(id)
        .bind(signer.as_str())
        .bind(transaction.as_str())
        .execute(&self.write)
        .await?;
        Ok(Outcome::of(attached.rows_affected()))
    }

    async fn grant_code(&self, id: &str, grant: &CodeGrant, entry: Entry) -> Result<Outcome> {
        let mut write = self.begin().await?;
        let granted = sqlx::query(
            "UPDATE authorizations SET stage = 'granted', key_sha256 = $2, signer = $3, sealed_sad = $4, expires_at = $5
             WHERE id = $1 AND stage = 'open'",
        )
        .bind(id)
        .bind(grant.code.as_slice())
        .bind(grant.signer.as_str())
        .bind(grant.sealed_sad.as_deref())
        .bind(rows::nanos(grant.expires_at))
        .execute(&mut *write)
        .await?;
        if granted.rows_affected() == 0 {
            return Ok(Outcome::Stale);
        }
        audit::append(&mut write, &entry).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }

    async fn redeem_code(&self, id: &str, issued: &Issued, expires_at: OffsetDateTime) -> Result<Outcome> {
        let mut write = self.begin().await?;
        let redeemed = sqlx::query(
            "UPDATE authorizations SET stage = 'redeemed', sealed_sad = NULL, expires_at = $2
             WHERE id = $1 AND stage = 'granted'",
        )
        .bind(id)
        .bind(rows::nanos(expires_at))
        .execute(&mut *write)
        .await?;
        if redeemed.rows_affected() == 0 {
            return Ok(Outcome::Stale);
        }
        tokens::insert(&mut write, issued).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }

    async fn end_authorization(&self, id: &str) -> Result<Outcome> {
        let ended = sqlx::query("UPDATE authorizations SET stage = 'ended' WHERE id = $1 AND stage = 'open'")
            .bind(id)
            .execute(&self.write)
            .await?;
        Ok(Outcome::of(ended.rows_affected()))
    }
}
