//! Portals as OAuth clients.

use async_trait::async_trait;
use sqlx::Row;
use time::OffsetDateTime;

use super::super::oauth::{Clients, Key};
use super::super::{Entry, Outcome, Result};
use super::{SqliteStorage, audit, rows};
use crate::domain::oauth::{Client, ClientAuth};
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

#[async_trait]
impl Clients for SqliteStorage {
    async fn client(&self, portal: &PortalId) -> Result<Option<Client>> {
        let found = sqlx::query("SELECT secret_sha256, previous_secret_sha256, client_auth FROM portals WHERE id = $1")
            .bind(portal.as_str())
            .fetch_optional(&self.read)
            .await?;
        let Some(row) = found else { return Ok(None) };
        let uris = sqlx::query("SELECT uri FROM redirect_uris WHERE portal = $1 ORDER BY uri")
            .bind(portal.as_str())
            .fetch_all(&self.read)
            .await?;
        let key = |bytes: Vec<u8>| Key::try_from(bytes).map_err(|_| rows::corrupt("a client secret"));
        let mut secrets = vec![key(row.try_get("secret_sha256")?)?];
        if let Some(previous) = row.try_get::<Option<Vec<u8>>, _>("previous_secret_sha256")? {
            secrets.push(key(previous)?);
        }
        let auth: ClientAuth =
            serde_json::from_str(row.try_get("client_auth")?).map_err(|_| rows::corrupt("client_auth"))?;
        let redirect_uris = uris.iter().map(|row| row.try_get("uri")).collect::<std::result::Result<_, _>>()?;
        Ok(Some(Client { portal: portal.clone(), secrets, auth, redirect_uris }))
    }

    async fn rotate_secret(&self, portal: &PortalId, new: &Key, entry: Entry) -> Result<Outcome> {
        let sql = "UPDATE portals SET previous_secret_sha256 = secret_sha256, secret_sha256 = $2
                   WHERE id = $1 AND previous_secret_sha256 IS NULL AND $3 = ''";
        self.change_client(sql, (portal, Some(new), ""), entry).await
    }

    async fn retire_secret(&self, portal: &PortalId, entry: Entry) -> Result<Outcome> {
        let sql = "UPDATE portals SET previous_secret_sha256 = $2
                   WHERE id = $1 AND previous_secret_sha256 IS NOT NULL AND $3 = ''";
        self.change_client(sql, (portal, None, ""), entry).await
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
