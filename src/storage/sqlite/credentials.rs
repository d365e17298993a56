//! Credentials and their certificates.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::super::{Credentials, Entry, Outcome, Result, Rewrapped};
use super::{SqliteStorage, Write, audit, rows};
use crate::domain::credential::KeyStatus;
use crate::domain::{Credential, CredentialId, SignerId};

impl SqliteStorage {
    async fn with_certificates(&self, row: &SqliteRow) -> Result<Credential> {
        let found = sqlx::query("SELECT der FROM certificates WHERE credential = $1 ORDER BY position")
            .bind(row.try_get::<&str, _>("id")?)
            .fetch_all(&self.read)
            .await?;
        let certificates = found.iter().map(|row| row.try_get("der")).collect::<std::result::Result<_, _>>()?;
        rows::credential(row, certificates)
    }
}

async fn insert_certificates(write: &mut Write, id: &CredentialId, certificates: &[Vec<u8>]) -> Result<()> {
    for (position, der) in (0i64..).zip(certificates) {
        sqlx::query("INSERT INTO certificates (credential, position, der) VALUES ($1, $2, $3)")
            .bind(id.as_str())
            .bind(position)
            .bind(der)
            .execute(&mut **write)
            .await?;
    }
    Ok(())
}

#[async_trait]
impl Credentials for SqliteStorage {
    async fn add_credential(&self, credential: &Credential, entry: Entry) -> Result<()> {
        let mut write = self.begin().await?;
        sqlx::query(
            "INSERT INTO credentials (id, signer, algorithm, auth, factors, status, purpose, wrapped_key, spki, multisign,
                                      created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(credential.id.as_str())
        .bind(credential.signer.as_str())
        .bind(credential.algorithm.name())
        .bind(credential.auth.name())
        .bind(credential.factors.name())
        .bind(credential.status.name())
        .bind(rows::purpose_name(credential.purpose))
        .bind(&credential.key.0)
        .bind(&credential.spki)
        .bind(credential.multisign)
        .bind(rows::nanos(credential.created_at))
        .execute(&mut *write)
        .await?;
        insert_certificates(&mut write, &credential.id, &credential.certificates).await?;
        audit::append(&mut write, &entry).await?;
        Ok(write.commit().await?)
    }

    async fn credential(&self, id: &CredentialId) -> Result<Option<Credential>> {
        let found = sqlx::query(
            "SELECT credentials.*, frozen_at FROM credentials JOIN signers ON signers.id = signer WHERE credentials.id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(&self.read)
        .await?;
        match found {
            Some(row) => self.with_certificates(&row).await.map(Some),
            None => Ok(None),
        }
    }

    async fn credentials_of(&self, signer: &SignerId) -> Result<Vec<Credential>> {
        let found = sqlx::query(
            "SELECT credentials.*, frozen_at FROM credentials JOIN signers ON signers.id = signer
             WHERE signer = $1 ORDER BY credentials.id",
        )
        .bind(signer.as_str())
        .fetch_all(&self.read)
        .await?;
        let mut credentials = Vec::with_capacity(found.len());
        for row in &found {
            credentials.push(self.with_certificates(row).await?);
        }
        Ok(credentials)
    }

    async fn certify(&self, id: &CredentialId, certificates: &[Vec<u8>], entry: Entry) -> Result<Outcome> {
        let mut write = self.begin().await?;
        let changed = sqlx::query("UPDATE credentials SET status = 'enabled' WHERE id = $1 AND status = 'pending'")
            .bind(id.as_str())
            .execute(&mut *write)
            .await?;
        if changed.rows_affected() == 0 {
            return Ok(Outcome::Stale);
        }
        insert_certificates(&mut write, id, certificates).await?;
        audit::append(&mut write, &entry).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }

    async fn set_status(&self, id: &CredentialId, status: KeyStatus, entry: Entry) -> Result<Outcome> {
        let mut write = self.begin().await?;
        let changed = sqlx::query("UPDATE credentials SET status = $2 WHERE id = $1 AND status <> 'pending'")
            .bind(id.as_str())
            .bind(status.name())
            .execute(&mut *write)
            .await?;
        if changed.rows_affected() == 0 {
            return Ok(Outcome::Stale);
        }
        audit::append(&mut write, &entry).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }

    async fn change_pin(&self, signer: &SignerId, pin_hash: &str, keys: &[Rewrapped], entry: Entry) -> Result<Outcome> {
        let mut write = self.begin().await?;
        let mut changed = sqlx::query("UPDATE signers SET pin_hash = $2 WHERE id = $1")
            .bind(signer.as_str())
            .bind(pin_hash)
            .execute(&mut *write)
            .await?
            .rows_affected();
        for key in keys {
            let replaced = sqlx::query(
                "UPDATE credentials SET wrapped_key = $3, factors = 'code+pin'
                 WHERE id = $1 AND signer = $2 AND wrapped_key = $4",
            )
            .bind(key.credential.as_str())
            .bind(signer.as_str())
            .bind(&key.new.0)
            .bind(&key.old.0)
            .execute(&mut *write)
            .await?;
            changed = changed.min(replaced.rows_affected());
        }
        if changed == 0 {
            return Ok(Outcome::Stale);
        }
        audit::append(&mut write, &entry).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }

    async fn holds_development_credentials(&self) -> Result<bool> {
        let found = sqlx::query("SELECT 1 FROM credentials WHERE purpose = 'development' LIMIT 1")
            .fetch_optional(&self.read)
            .await?;
        Ok(found.is_some())
    }
}
