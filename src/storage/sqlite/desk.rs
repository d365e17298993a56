//! Sessions at portals' desks.

use async_trait::async_trait;
use sqlx::Row;
use time::{Duration, OffsetDateTime};

use super::super::oauth::{DeskSession, DeskSessions, Key};
use super::super::{Entry, Result};
use super::{SqliteStorage, audit, rows};

/// How far the idle end must have moved to be worth a write.
const STEP: Duration = Duration::minutes(1);

#[async_trait]
impl DeskSessions for SqliteStorage {
    async fn open_desk(
        &self,
        sha256: &Key,
        session: &DeskSession,
        idle_at: OffsetDateTime,
        entry: Entry,
    ) -> Result<()> {
        let mut write = self.begin().await?;
        sqlx::query(
            "INSERT INTO desk_sessions (sha256, portal, secret_sha256, idle_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(sha256.as_slice())
        .bind(session.portal.as_str())
        .bind(session.secret.as_slice())
        .bind(rows::nanos(idle_at))
        .bind(rows::nanos(session.expires_at))
        .execute(&mut *write)
        .await?;
        audit::append(&mut write, &entry).await?;
        Ok(write.commit().await?)
    }

    async fn desk_session(
        &self,
        sha256: &Key,
        now: OffsetDateTime,
        idle_at: OffsetDateTime,
    ) -> Result<Option<DeskSession>> {
        let found = sqlx::query(
            "SELECT portal, secret_sha256, idle_at, expires_at FROM desk_sessions
             WHERE sha256 = $1 AND idle_at > $2 AND expires_at > $2",
        )
        .bind(sha256.as_slice())
        .bind(rows::nanos(now))
        .fetch_optional(&self.read)
        .await?;
        let Some(row) = found else { return Ok(None) };
        if rows::time(row.try_get("idle_at")?)? + STEP < idle_at {
            sqlx::query("UPDATE desk_sessions SET idle_at = $2 WHERE sha256 = $1")
                .bind(sha256.as_slice())
                .bind(rows::nanos(idle_at))
                .execute(&self.write)
                .await?;
        }
        let secret: Vec<u8> = row.try_get("secret_sha256")?;
        Ok(Some(DeskSession {
            portal: rows::portal_id(&row)?,
            secret: Key::try_from(secret).map_err(|_| rows::corrupt("secret_sha256"))?,
            expires_at: rows::time(row.try_get("expires_at")?)?,
        }))
    }

    async fn close_desk(&self, sha256: &Key) -> Result<()> {
        sqlx::query("DELETE FROM desk_sessions WHERE sha256 = $1").bind(sha256.as_slice()).execute(&self.write).await?;
        Ok(())
    }
}
