//! Access and refresh tokens.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use super::super::oauth::{Issued, Key, Tokens};
use super::super::{Entry, Outcome, Result};
use super::{SqliteStorage, Write, audit, rows};
use crate::domain::oauth::{AccessToken, Holder, RefreshToken};
use crate::domain::{CredentialId, SignerId, TransactionId};

/// Stores tokens inside the commit that earned them.
pub(super) async fn insert(write: &mut Write, issued: &Issued) -> Result<()> {
    insert_access(write, &issued.access.0, &issued.access.1).await?;
    let Some((sha256, token)) = &issued.refresh else { return Ok(()) };
    sqlx::query(
        "INSERT INTO refresh_tokens (sha256, authorization_id, portal, signer, expires_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(sha256.as_slice())
    .bind(&token.authorization)
    .bind(token.portal.as_str())
    .bind(token.signer.as_str())
    .bind(rows::nanos(token.expires_at))
    .execute(&mut **write)
    .await?;
    Ok(())
}

async fn insert_access(write: &mut Write, sha256: &Key, token: &AccessToken) -> Result<()> {
    let (signer, credential, transaction) = match &token.holder {
        Holder::Portal => (None, None, None),
        Holder::Signer(signer) => (Some(signer), None, None),
        Holder::Credential { signer, credential, transaction } => (Some(signer), Some(credential), Some(transaction)),
    };
    sqlx::query(
        "INSERT INTO access_tokens (sha256, portal, signer, credential, transaction_id, authorization_id, certificate, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(sha256.as_slice())
    .bind(token.portal.as_str())
    .bind(signer.map(SignerId::as_str))
    .bind(credential.map(CredentialId::as_str))
    .bind(transaction.map(TransactionId::as_str))
    .bind(&token.authorization)
    .bind(&token.certificate)
    .bind(rows::nanos(token.expires_at))
    .execute(&mut **write)
    .await?;
    Ok(())
}

fn access_token(row: &SqliteRow) -> Result<AccessToken> {
    let signer = rows::optional_signer_id(row)?;
    let credential: Option<String> = row.try_get("credential")?;
    let transaction: Option<String> = row.try_get("transaction_id")?;
    let holder = match (signer, credential, transaction) {
        (None, None, None) => Holder::Portal,
        (Some(signer), None, None) => Holder::Signer(signer),
        (Some(signer), Some(credential), Some(transaction)) => Holder::Credential {
            signer,
            credential: credential.try_into().map_err(|_| rows::corrupt("credential"))?,
            transaction: transaction.try_into().map_err(|_| rows::corrupt("transaction_id"))?,
        },
        _ => return Err(rows::corrupt("whom a token speaks for")),
    };
    Ok(AccessToken {
        portal: rows::portal_id(row)?,
        holder,
        authorization: row.try_get("authorization_id")?,
        certificate: row.try_get("certificate")?,
        expires_at: rows::time(row.try_get("expires_at")?)?,
    })
}

fn refresh_token(row: &SqliteRow) -> Result<RefreshToken> {
    Ok(RefreshToken {
        portal: rows::portal_id(row)?,
        signer: rows::signer_id(row)?,
        authorization: row.try_get("authorization_id")?,
        expires_at: rows::time(row.try_get("expires_at")?)?,
    })
}

#[async_trait]
impl Tokens for SqliteStorage {
    async fn add_access_token(&self, sha256: &Key, token: &AccessToken) -> Result<()> {
        let mut write = self.begin().await?;
        insert_access(&mut write, sha256, token).await?;
        Ok(write.commit().await?)
    }

    async fn access_token(&self, sha256: &Key) -> Result<Option<AccessToken>> {
        let found = sqlx::query("SELECT * FROM access_tokens WHERE sha256 = $1")
            .bind(sha256.as_slice())
            .fetch_optional(&self.read)
            .await?;
        found.as_ref().map(access_token).transpose()
    }

    async fn remove_access_token(&self, sha256: &Key) -> Result<()> {
        sqlx::query("DELETE FROM access_tokens WHERE sha256 = $1").bind(sha256.as_slice()).execute(&self.write).await?;
        Ok(())
    }

    async fn refresh_token(&self, sha256: &Key) -> Result<Option<RefreshToken>> {
        let found = sqlx::query("SELECT * FROM refresh_tokens WHERE sha256 = $1")
            .bind(sha256.as_slice())
            .fetch_optional(&self.read)
            .await?;
        found.as_ref().map(refresh_token).transpose()
    }

    async fn rotate_refresh_token(&self, sha256: &Key, issued: &Issued) -> Result<Outcome> {
        let mut write = self.begin().await?;
        let used = sqlx::query("UPDATE refresh_tokens SET used = 1 WHERE sha256 = $1 AND used = 0")
            .bind(sha256.as_slice())
            .execute(&mut *write)
            .await?;
        if used.rows_affected() == 0 {
            return Ok(Outcome::Stale);
        }
        insert(&mut write, issued).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }

    async fn end_family(&self, authorization: &str, entry: Entry) -> Result<()> {
        let mut write = self.begin().await?;
        let mut ended = 0;
        for sql in [
            "DELETE FROM access_tokens WHERE authorization_id = $1",
            "DELETE FROM refresh_tokens WHERE authorization_id = $1",
        ] {
            ended += sqlx::query(sql).bind(authorization).execute(&mut *write).await?.rows_affected();
        }
        if ended > 0 {
            audit::append(&mut write, &entry).await?;
        }
        Ok(write.commit().await?)
    }

    async fn forget_ended(&self, now: OffsetDateTime) -> Result<()> {
        let mut write = self.begin().await?;
        for sql in [
            "DELETE FROM access_tokens WHERE expires_at < $1",
            "DELETE FROM refresh_tokens WHERE expires_at < $1",
            "DELETE FROM authorizations WHERE expires_at < $1",
            "DELETE FROM assertions WHERE expires_at < $1",
            "DELETE FROM sign_ins WHERE expires_at < $1",
            "DELETE FROM sessions WHERE expires_at < $1",
            "DELETE FROM enrolments WHERE expires_at < $1",
            "DELETE FROM own_sessions WHERE expires_at < $1",
        ] {
            sqlx::query(sql).bind(rows::nanos(now)).execute(&mut *write).await?;
        }
        Ok(write.commit().await?)
    }
}
