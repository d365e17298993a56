//! Portals, signers and grants.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::super::{Entry, Parties, PinLimits, PinTry, PinTryId, Result};
use super::{SqliteStorage, audit, budgets, rows};
use crate::domain::{Portal, PortalId, Signer, SignerId};

#[async_trait]
impl Parties for SqliteStorage {
    async fn add_portal(&self, portal: &Portal, entry: Entry) -> Result<()> {
        let mut write = self.begin().await?;
        sqlx::query(
            "INSERT INTO portals (id, name, host, support_phone, secret_sha256, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(portal.id.as_str())
        .bind(&portal.name)
        .bind(&portal.host)
        .bind(&portal.support_phone)
        .bind(portal.secret_sha256.as_slice())
        .bind(rows::nanos(portal.created_at))
        .execute(&mut *write)
        .await?;
        audit::append(&mut write, &entry).await?;
        Ok(write.commit().await?)
    }

    async fn portal(&self, id: &PortalId) -> Result<Option<Portal>> {
        let found =
            sqlx::query("SELECT * FROM portals WHERE id = $1").bind(id.as_str()).fetch_optional(&self.read).await?;
        found.as_ref().map(rows::portal).transpose()
    }

    async fn portals(&self) -> Result<Vec<Portal>> {
        let found = sqlx::query("SELECT * FROM portals ORDER BY id").fetch_all(&self.read).await?;
        found.iter().map(rows::portal).collect()
    }

    async fn add_signer(&self, signer: &Signer, entry: Entry) -> Result<()> {
        let mut write = self.begin().await?;
        sqlx::query(
            "INSERT INTO signers (id, name, phone, pin_hash, created_at, email) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(signer.id.as_str())
        .bind(&signer.name)
        .bind(&signer.phone)
        .bind(&signer.pin_hash)
        .bind(rows::nanos(signer.created_at))
        .bind(&signer.email)
        .execute(&mut *write)
        .await?;
        audit::append(&mut write, &entry).await?;
        Ok(write.commit().await?)
    }

    async fn signer(&self, id: &SignerId) -> Result<Option<Signer>> {
        let found =
            sqlx::query("SELECT * FROM signers WHERE id = $1").bind(id.as_str()).fetch_optional(&self.read).await?;
        found.as_ref().map(rows::signer).transpose()
    }

    async fn signers(&self) -> Result<Vec<Signer>> {
        let found = sqlx::query("SELECT * FROM signers ORDER BY id").fetch_all(&self.read).await?;
        found.iter().map(rows::signer).collect()
    }

    async fn grant(&self, portal: &PortalId, signer: &SignerId, entry: Entry) -> Result<()> {
        let mut write = self.begin().await?;
        sqlx::query("INSERT INTO grants (portal, signer) VALUES ($1, $2)")
            .bind(portal.as_str())
            .bind(signer.as_str())
            .execute(&mut *write)
            .await?;
        audit::append(&mut write, &entry).await?;
        Ok(write.commit().await?)
    }

    async fn is_granted(&self, portal: &PortalId, signer: &SignerId) -> Result<bool> {
        let found = sqlx::query("SELECT 1 FROM grants WHERE portal = $1 AND signer = $2")
            .bind(portal.as_str())
            .bind(signer.as_str())
            .fetch_optional(&self.read)
            .await?;
        Ok(found.is_some())
    }

    async fn take_pin_try(
        &self,
        signer: &SignerId,
        portal: &PortalId,
        at: OffsetDateTime,
        limits: PinLimits,
    ) -> Result<PinTry> {
        budgets::take_pin_try(self, signer, portal, at, limits).await
    }

    async fn forgive_pin_try(&self, signer: &SignerId, portal: &PortalId, id: PinTryId) -> Result<()> {
        budgets::forgive_pin_try(self, signer, portal, id).await
    }
}
