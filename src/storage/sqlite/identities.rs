//! Citizens as an identity provider knows them, and their sessions.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::super::oauth::{Identities, Key};
use super::super::{Entry, Outcome, Result};
use super::{SqliteStorage, audit, rows};
use crate::domain::SignerId;

#[async_trait]
impl Identities for SqliteStorage {
    async fn add_identity(&self, mac: &[u8; 32], signer: &SignerId, entry: Entry) -> Result<()> {
        let mut write = self.begin().await?;
        sqlx::query("INSERT INTO identities (mac, signer) VALUES ($1, $2)")
            .bind(mac.as_slice())
            .bind(signer.as_str())
            .execute(&mut *write)
            .await?;
        audit::append(&mut write, &entry).await?;
        Ok(write.commit().await?)
    }

    async fn identity(&self, mac: &[u8; 32]) -> Result<Option<SignerId>> {
        let found = sqlx::query("SELECT signer FROM identities WHERE mac = $1")
            .bind(mac.as_slice())
            .fetch_optional(&self.read)
            .await?;
        found.as_ref().map(rows::signer_id).transpose()
    }

    async fn signers_with_phone(&self, phone: &str) -> Result<Vec<SignerId>> {
        let found = sqlx::query("SELECT id AS signer FROM signers WHERE phone = $1 LIMIT 2")
            .bind(phone)
            .fetch_all(&self.read)
            .await?;
        found.iter().map(rows::signer_id).collect()
    }

    async fn begin_sign_in(&self, state: &Key, browser: &Key, expires_at: OffsetDateTime) -> Result<()> {
        sqlx::query("INSERT INTO sign_ins (state_sha256, browser_sha256, expires_at) VALUES ($1, $2, $3)")
            .bind(state.as_slice())
            .bind(browser.as_slice())
            .bind(rows::nanos(expires_at))
            .execute(&self.write)
            .await?;
        Ok(())
    }

    async fn end_sign_in(&self, state: &Key, browser: &Key, now: OffsetDateTime) -> Result<Outcome> {
        let sql = "DELETE FROM sign_ins WHERE state_sha256 = $1 AND browser_sha256 = $2 AND expires_at > $3";
        let ended = sqlx::query(sql)
            .bind(state.as_slice())
            .bind(browser.as_slice())
            .bind(rows::nanos(now))
            .execute(&self.write)
            .await?;
        Ok(Outcome::of(ended.rows_affected()))
    }

    async fn add_session(&self, sha256: &Key, signer: &SignerId, expires_at: OffsetDateTime) -> Result<()> {
        sqlx::query("INSERT INTO sessions (sha256, signer, expires_at) VALUES ($1, $2, $3)")
            .bind(sha256.as_slice())
            .bind(signer.as_str())
            .bind(rows::nanos(expires_at))
            .execute(&self.write)
            .await?;
        Ok(())
    }

    async fn session(&self, sha256: &Key, now: OffsetDateTime) -> Result<Option<SignerId>> {
        let found = sqlx::query("SELECT signer FROM sessions WHERE sha256 = $1 AND expires_at > $2")
            .bind(sha256.as_slice())
            .bind(rows::nanos(now))
            .fetch_optional(&self.read)
            .await?;
        found.as_ref().map(rows::signer_id).transpose()
    }
}
