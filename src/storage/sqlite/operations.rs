//! CSC operations, and the SADs they redeem.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use super::super::operations::Operations;
use super::super::{Entry, Intent, Outcome, Result, SadRow, StorageError};
use super::{SqliteStorage, Write, audit, rows, signatures, transactions};
use crate::domain::{
    FailureReason, Operation, OperationId, OperationKind, PortalId, State, StateKind, Transaction, TransactionId,
};

async fn insert(write: &mut Write, operation: &Operation) -> Result<()> {
    let algorithm = match &operation.kind {
        OperationKind::Hashes { algorithm } => Some(rows::json(algorithm)?),
        OperationKind::Documents => None,
    };
    sqlx::query(
        "INSERT INTO operations (id, portal, sad_of, algorithm, parts, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(operation.id.as_str())
    .bind(operation.portal.as_str())
    .bind(operation.sad_of.as_str())
    .bind(algorithm)
    .bind(rows::json(&operation.parts)?)
    .bind(rows::nanos(operation.created_at))
    .bind(rows::nanos(operation.expires_at))
    .execute(&mut **write)
    .await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<Operation> {
    let algorithm: Option<&str> = row.try_get("algorithm")?;
    let kind = match algorithm {
        Some(text) => OperationKind::Hashes { algorithm: rows::from_json(text, "algorithm")? },
        None => OperationKind::Documents,
    };
    Ok(Operation {
        id: OperationId::try_from(row.try_get::<String, _>("id")?).map_err(|_| rows::corrupt("id"))?,
        portal: PortalId::try_from(row.try_get::<String, _>("portal")?).map_err(|_| rows::corrupt("portal"))?,
        sad_of: TransactionId::try_from(row.try_get::<String, _>("sad_of")?).map_err(|_| rows::corrupt("sad_of"))?,
        kind,
        parts: rows::from_json(row.try_get("parts")?, "parts")?,
        created_at: rows::time(row.try_get("created_at")?)?,
        expires_at: rows::time(row.try_get("expires_at")?)?,
        failure: rows::optional(row, "failure", FailureReason::from_name)?,
    })
}

#[async_trait]
impl Operations for SqliteStorage {
    async fn replace_sad(&self, id: &TransactionId, old: &[u8; 32], new: &SadRow, entry: Entry) -> Result<Outcome> {
        let mut write = self.begin().await?;
        let changed = sqlx::query(
            "UPDATE transactions SET sad_sha256 = $3, sad_sealed = $4
             WHERE id = $1 AND sad_sha256 = $2 AND state IN ('confirmed', 'signing')",
        )
        .bind(id.as_str())
        .bind(old.as_slice())
        .bind(new.sha256.as_slice())
        .bind(&new.sealed)
        .execute(&mut *write)
        .await?;
        if changed.rows_affected() == 0 {
            return Ok(Outcome::Stale);
        }
        audit::append(&mut write, &entry).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }

    async fn sad_of(&self, id: &TransactionId) -> Result<Option<SadRow>> {
        let found = sqlx::query(
            "SELECT sad_sha256, sad_expires_at, sad_sealed FROM transactions WHERE id = $1 AND sad_sha256 IS NOT NULL",
        )
        .bind(id.as_str())
        .fetch_optional(&self.read)
        .await?;
        let Some(row) = found else { return Ok(None) };
        let sha256 = row.try_get::<&[u8], _>("sad_sha256")?.try_into().map_err(|_| rows::corrupt("sad_sha256"))?;
        let ends = rows::time(row.try_get("sad_expires_at")?)?;
        Ok(Some(SadRow { sha256, ends, sealed: row.try_get("sad_sealed")? }))
    }

    async fn begin_operation(&self, operation: &Operation, intents: &[Intent], entry: Entry) -> Result<Outcome> {
        let mut write = self.begin().await?;
        if !signatures::enter(&mut write, &operation.sad_of, intents, &entry).await? {
            return Ok(Outcome::Stale);
        }
        insert(&mut write, operation).await?;
        audit::append(&mut write, &entry).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }

    async fn delegate(
        &self,
        operation: &Operation,
        used: &[Intent],
        children: &[(Transaction, [Entry; 2])],
        entry: Entry,
    ) -> Result<Outcome> {
        let mut write = self.begin().await?;
        if !signatures::enter(&mut write, &operation.sad_of, used, &entry).await? {
            return Ok(Outcome::Stale);
        }
        for intent in used {
            // No signature of these hashes is made here or ever will be.
            sqlx::query("UPDATE signatures SET signature = X'' WHERE transaction_id = $1 AND ordinal = $2")
                .bind(operation.sad_of.as_str())
                .bind(intent.ordinal)
                .execute(&mut *write)
                .await?;
        }
        audit::append(&mut write, &entry).await?;
        signatures::end_if_all_are_done(&mut write, &operation.sad_of, &entry).await?;
        for (child, entries) in children {
            let waiting = Transaction { state: State::Waiting, ..child.clone() };
            transactions::insert(&mut write, &waiting).await?;
            if !transactions::set_state(&mut write, &child.id, StateKind::Waiting, &child.state).await? {
                return Ok(Outcome::Stale);
            }
            for entry in entries {
                audit::append(&mut write, entry).await?;
            }
        }
        insert(&mut write, operation).await?;
        write.commit().await?;
        Ok(Outcome::Done)
    }

    async fn operation(&self, id: &OperationId) -> Result<Option<Operation>> {
        let found =
            sqlx::query("SELECT * FROM operations WHERE id = $1").bind(id.as_str()).fetch_optional(&self.read).await?;
        found.as_ref().map(read).transpose()
    }

    async fn operations_of(&self, sad_of: &TransactionId) -> Result<Vec<Operation>> {
        let found = sqlx::query(
            "SELECT * FROM operations WHERE sad_of = $1 AND algorithm IS NOT NULL AND failure IS NULL ORDER BY created_at",
        )
        .bind(sad_of.as_str())
        .fetch_all(&self.read)
        .await?;
        found.iter().map(read).collect()
    }

    async fn fail_operation(&self, id: &OperationId, reason: FailureReason) -> Result<()> {
        self.execute_once(
            sqlx::query("UPDATE operations SET failure = $2 WHERE id = $1").bind(id.as_str()).bind(reason.name()),
        )
        .await
        .map(drop)
    }

    async fn drop_expired_operations(&self, now: OffsetDateTime) -> Result<()> {
        self.execute_once(sqlx::query("DELETE FROM operations WHERE expires_at <= $1").bind(rows::nanos(now)))
            .await
            .map(drop)
    }
}

impl SqliteStorage {
    /// One statement as one commit; the number of rows it changed.
    async fn execute_once(
        &self,
        query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
    ) -> Result<u64> {
        let mut write = self.begin().await?;
        let changed = query.execute(&mut *write).await.map_err(StorageError::from)?.rows_affected();
        write.commit().await?;
        Ok(changed)
    }
}
