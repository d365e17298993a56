//! Portals as OAuth clients.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use super::super::oauth::{Clients, Key};
use super::super::{Entry, Outcome, Result};
use super::{SqliteStorage, audit, rows};
use crate::domain::oauth::{Client, ClientAuth, ClientSecret};
use crate::domain::{PortalId, SignerId};

impl SqliteStorage {
    /// Runs one conditional change; what it describes is recorded only when it happened.
    async fn change_client(
        &self,
        sql: &'static str,
        bind: (&PortalId, Option<&[u8]>, &str),
        entry: Entry,
    ) -> Result<Outcome> {
        let (portal, bytes, text) = bind;
        let mut write = self.begin().await?;
        let changed =
            sqlx::query(sql).bind(portal.as_str()).bind(bytes).bind(text).execute(&mut *write).await?.rows_affected();
        if changed == 0 {
            return Ok(Outcome::Stale);
        }
        audit::append(&mut write, &entry).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }
}

/// The secret of these three columns, if there is one.
fn secret(row: &SqliteRow, [hash, since, used]: [&str; 3]) -> Result<Option<ClientSecret>> {
    let Some(bytes) = row.try_get::<Option<Vec<u8>>, _>(hash)? else { return Ok(None) };
    let since: Option<i64> = row.try_get(since)?;
    let used: Option<i64> = row.try_get(used)?;
    Ok(Some(ClientSecret {
        sha256: Key::try_from(bytes).map_err(|_| rows::corrupt("a client secret"))?,
        created_at: rows::time(since.map_or_else(|| row.try_get("created_at"), Ok)?)?,
        used_at: used.map(rows::time).transpose()?,
    }))
}

#[async_trait]
impl Clients for SqliteStorage {
    async fn client(&self, portal: &PortalId) -> Result<Option<Client>> {
        let found = sqlx::query(
            "SELECT secret_sha256, secret_at, secret_used_at, previous_secret_sha256, previous_secret_at,
                    previous_secret_used_at, created_at, client_auth
             FROM portals WHERE id = $1",
        )
        .bind(portal.as_str())
        .fetch_optional(&self.read)
        .await?;
        let Some(row) = found else { return Ok(None) };
        let uris = sqlx::query("SELECT uri FROM redirect_uris WHERE portal = $1 ORDER BY uri")
            .bind(portal.as_str())
            .fetch_all(&self.read)
            .await?;
        let current = secret(&row, ["secret_sha256", "secret_at", "secret_used_at"])?;
        let previous = secret(&row, ["previous_secret_sha256", "previous_secret_at", "previous_secret_used_at"])?;
        let secrets = current.into_iter().chain(previous).collect();
        let auth: ClientAuth =
            serde_json::from_str(row.try_get("client_auth")?).map_err(|_| rows::corrupt("client_auth"))?;
        let redirect_uris = uris.iter().map(|row| row.try_get("uri")).collect::<std::result::Result<_, _>>()?;
        Ok(Some(Client { portal: portal.clone(), secrets, auth, redirect_uris }))
    }

    async fn secret_used(
        &self,
        portal: &PortalId,
        sha256: &Key,
        at: OffsetDateTime,
        not_since: OffsetDateTime,
    ) -> Result<()> {
        for sql in [
            "UPDATE portals SET secret_used_at = $3
             WHERE id = $1 AND secret_sha256 = $2 AND COALESCE(secret_used_at, 0) < $4",
            "UPDATE portals SET previous_secret_used_at = $3
             WHERE id = $1 AND previous_secret_sha256 = $2 AND COALESCE(previous_secret_used_at, 0) < $4",
        ] {
            sqlx::query(sql)
                .bind(portal.as_str())
                .bind(sha256.as_slice())
                .bind(rows::nanos(at))
                .bind(rows::nanos(not_since))
                .execute(&self.write)
                .await?;
        }
        Ok(())
    }

    async fn rotate_secret(&self, portal: &PortalId, new: &Key, entry: Entry) -> Result<Outcome> {
        let sql = "UPDATE portals SET previous_secret_sha256 = secret_sha256, previous_secret_at = secret_at,
                                      previous_secret_used_at = secret_used_at, secret_sha256 = $2,
                                      secret_at = CAST($3 AS INTEGER), secret_used_at = NULL
                   WHERE id = $1 AND previous_secret_sha256 IS NULL";
        self.change_client(sql, (portal, Some(new), &rows::nanos(entry.at).to_string()), entry).await
    }

    async fn keep_secret(&self, portal: &PortalId, kept: &Key, entry: Entry) -> Result<Outcome> {
        let sql = "UPDATE portals SET secret_sha256 = $2,
                                      secret_at = IIF(secret_sha256 = $2, secret_at, previous_secret_at),
                                      secret_used_at = IIF(secret_sha256 = $2, secret_used_at, previous_secret_used_at),
                                      previous_secret_sha256 = NULL, previous_secret_at = NULL, previous_secret_used_at = NULL
                   WHERE id = $1 AND previous_secret_sha256 IS NOT NULL AND $2 IN (secret_sha256, previous_secret_sha256)
                     AND $3 = ''";
        self.change_client(sql, (portal, Some(kept), ""), entry).await
    }

    async fn set_client_auth(&self, portal: &PortalId, auth: &ClientAuth, entry: Entry) -> Result<Outcome> {
        let json = serde_json::to_string(auth).map_err(|_| rows::corrupt("client_auth"))?;
        let sql = "UPDATE portals SET client_auth = $3 WHERE id = $1 AND $2 IS NULL";
        self.change_client(sql, (portal, None, &json), entry).await
    }

    async fn add_redirect_uri(&self, portal: &PortalId, uri: &str, entry: Entry) -> Result<()> {
        let sql = "INSERT INTO redirect_uris (portal, uri) SELECT $1, $3 WHERE $2 IS NULL";
        self.change_client(sql, (portal, None, uri), entry).await.map(|_| ())
    }

    async fn remove_redirect_uri(&self, portal: &PortalId, uri: &str, entry: Entry) -> Result<Outcome> {
        let sql = "DELETE FROM redirect_uris WHERE portal = $1 AND uri = $3 AND $2 IS NULL";
        self.change_client(sql, (portal, None, uri), entry).await
    }

    async fn take_assertion(&self, portal: &PortalId, jti: &Key, expires_at: OffsetDateTime) -> Result<Outcome> {
        let sql = "INSERT INTO assertions (portal, jti_sha256, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        let taken = sqlx::query(sql)
            .bind(portal.as_str())
            .bind(jti.as_slice())
            .bind(rows::nanos(expires_at))
            .execute(&self.write)
            .await?;
        Ok(Outcome::of(taken.rows_affected()))
    }

    async fn account(&self, portal: &PortalId, account: &Key) -> Result<Option<SignerId>> {
        let found = sqlx::query("SELECT signer FROM accounts WHERE portal = $1 AND account_sha256 = $2")
            .bind(portal.as_str())
            .bind(account.as_slice())
            .fetch_optional(&self.read)
            .await?;
        found.as_ref().map(rows::signer_id).transpose()
    }

    async fn tie_account(&self, portal: &PortalId, account: &Key, signer: &SignerId) -> Result<Outcome> {
        let sql = "INSERT INTO accounts (portal, account_sha256, signer) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        let tied = sqlx::query(sql)
            .bind(portal.as_str())
            .bind(account.as_slice())
            .bind(signer.as_str())
            .execute(&self.write)
            .await?;
        Ok(Outcome::of(tied.rows_affected()))
    }
}
