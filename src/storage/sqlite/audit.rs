//! The audit chain: appended inside the commit of the change it records.

use async_trait::async_trait;
use sqlx::Row;

use super::super::{AuditLog, Entry, Result};
use super::{SqliteStorage, Write, rows};
use crate::domain::AuditRecord;
use crate::domain::audit::{GENESIS, link};

/// Appends `entry` to the chain within `write`.
pub(super) async fn append(write: &mut Write, entry: &Entry) -> Result<()> {
    let last = sqlx::query("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1")
        .fetch_optional(&mut **write)
        .await?;
    let (sequence, previous) = match &last {
        Some(row) => (row.try_get::<i64, _>("sequence")?, row.try_get::<String, _>("hash")?),
        None => (0, GENESIS.to_owned()),
    };
    let sequence = u64::try_from(sequence).map_err(|_| rows::corrupt("sequence"))? + 1;
    let record = link(&previous, sequence, entry.at, &entry.event).map_err(|_| rows::corrupt("event"))?;
    sqlx::query("INSERT INTO audit (sequence, at, event, hash) VALUES ($1, $2, $3, $4)")
        .bind(sequence.cast_signed())
        .bind(rows::nanos(record.at))
        .bind(record.event)
        .bind(record.hash)
        .execute(&mut **write)
        .await?;
    Ok(())
}

#[async_trait]
impl AuditLog for SqliteStorage {
    async fn audit_after(&self, after: u64, limit: u32) -> Result<Vec<AuditRecord>> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let found =
            sqlx::query("SELECT sequence, at, event, hash FROM audit WHERE sequence > $1 ORDER BY sequence LIMIT $2")
                .bind(after)
                .bind(limit)
                .fetch_all(&self.read)
                .await?;
        found.iter().map(rows::audit_record).collect()
    }

    async fn probe(&self) -> Result<()> {
        // Taking and giving back the write lock shows that the file is there and can be written.
        let write = self.begin().await?;
        write.rollback().await?;
        Ok(())
    }
}
