//! Authenticators and the links that register them.

use async_trait::async_trait;
use sqlx::Row;

use super::super::{Authenticators, Entry, Outcome, Result};
use super::{SqliteStorage, Write, audit, rows};
use crate::domain::{Authenticator, AuthenticatorKind, Enrolment, SignerId};

/// Takes a step or a counter that has grown. A passkey that counts nothing stays at zero.
pub(super) async fn take(write: &mut Write, signer: &str, id: &str, counter: u64) -> Result<bool> {
    let taken = sqlx::query(
        "UPDATE authenticators SET counter = $3
         WHERE id = $1 AND signer = $2 AND (counter < $3 OR (method = 'passkey' AND counter = 0 AND $3 = 0))",
    )
    .bind(id)
    .bind(signer)
    .bind(i64::try_from(counter).unwrap_or(i64::MAX))
    .execute(&mut **write)
    .await?;
    Ok(taken.rows_affected() == 1)
}

async fn insert(write: &mut Write, authenticator: &Authenticator) -> Result<()> {
    let (sealed, credential, spki) = match &authenticator.kind {
        AuthenticatorKind::Totp { sealed } => (Some(sealed), None, None),
        AuthenticatorKind::Passkey { credential, spki } => (None, Some(credential), Some(spki)),
    };
    sqlx::query(
        "INSERT INTO authenticators (id, signer, method, name, sealed, credential, spki, counter, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&authenticator.id)
    .bind(authenticator.signer.as_str())
    .bind(authenticator.method().name())
    .bind(&authenticator.name)
    .bind(sealed)
    .bind(credential)
    .bind(spki)
    .bind(i64::try_from(authenticator.counter).unwrap_or(i64::MAX))
    .bind(rows::nanos(authenticator.created_at))
    .execute(&mut **write)
    .await?;
    Ok(())
}

#[async_trait]
impl Authenticators for SqliteStorage {
    async fn authenticators_of(&self, signer: &SignerId) -> Result<Vec<Authenticator>> {
        let found = sqlx::query("SELECT * FROM authenticators WHERE signer = $1 ORDER BY created_at, id")
            .bind(signer.as_str())
            .fetch_all(&self.read)
            .await?;
        found.iter().map(rows::authenticator).collect()
    }

    async fn add_enrolment(&self, enrolment: &Enrolment, entry: Entry) -> Result<()> {
        let mut write = self.begin().await?;
        sqlx::query("INSERT INTO enrolments (sha256, signer, expires_at) VALUES ($1, $2, $3)")
            .bind(enrolment.sha256.as_slice())
            .bind(enrolment.signer.as_str())
            .bind(rows::nanos(enrolment.expires_at))
            .execute(&mut *write)
            .await?;
        audit::append(&mut write, &entry).await?;
        Ok(write.commit().await?)
    }

    async fn enrolment(&self, sha256: &[u8; 32]) -> Result<Option<Enrolment>> {
        let found = sqlx::query("SELECT * FROM enrolments WHERE sha256 = $1")
            .bind(sha256.as_slice())
            .fetch_optional(&self.read)
            .await?;
        let Some(row) = found else { return Ok(None) };
        let signer = SignerId::try_from(row.try_get::<String, _>("signer")?).map_err(|_| rows::corrupt("signer"))?;
        Ok(Some(Enrolment { sha256: *sha256, signer, expires_at: rows::time(row.try_get("expires_at")?)? }))
    }

    async fn enrol(&self, sha256: &[u8; 32], authenticator: &Authenticator, entry: Entry) -> Result<Outcome> {
        let mut write = self.begin().await?;
        let used = sqlx::query("DELETE FROM enrolments WHERE sha256 = $1 AND signer = $2 AND expires_at > $3")
            .bind(sha256.as_slice())
            .bind(authenticator.signer.as_str())
            .bind(rows::nanos(entry.at))
            .execute(&mut *write)
            .await?;
        if used.rows_affected() == 0 {
            return Ok(Outcome::Stale);
        }
        insert(&mut write, authenticator).await?;
        audit::append(&mut write, &entry).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }

    async fn remove_authenticator(&self, signer: &SignerId, id: &str, entry: Entry) -> Result<Outcome> {
        let mut write = self.begin().await?;
        let removed = sqlx::query("DELETE FROM authenticators WHERE id = $1 AND signer = $2")
            .bind(id)
            .bind(signer.as_str())
            .execute(&mut *write)
            .await?;
        if removed.rows_affected() == 0 {
            return Ok(Outcome::Stale);
        }
        audit::append(&mut write, &entry).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }
}
