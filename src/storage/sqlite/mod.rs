//! The embedded default: SQLite in WAL mode with `synchronous = FULL`, so a commit that returned is on disk.
//!
//! Writers take turns on one connection and begin IMMEDIATE; readers have their own connections. Parts: [`rows`] (columns to
//! domain types), [`parties`], [`authenticators`], [`credentials`], [`transactions`], [`codes`], `budgets`, [`signatures`],
//! [`raises`], [`joint`] (several signers), [`outbox`] (events, written by whoever changes a state), [`webhooks`], [`audit`], [`citizens`]; of
//! OAuth [`clients`], [`authorizations`], [`tokens`], [`identities`].

mod audit;
mod authenticators;
mod authorizations;
mod budgets;
mod citizens;
mod clients;
mod codes;
mod credentials;
mod identities;
mod joint;
mod outbox;
mod parties;
mod raises;
mod rows;
mod signatures;
mod tokens;
mod transactions;
mod webhooks;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{SqlSafeStr, Sqlite};
use std::path::Path;
use std::time::Duration;

use super::{Result, StorageError};

const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "foundation", include_str!("../../../migrations/sqlite/0001_foundation.sql")),
    (2, "levels", include_str!("../../../migrations/sqlite/0002_levels.sql")),
    (3, "oauth", include_str!("../../../migrations/sqlite/0003_oauth.sql")),
    (6, "webhooks", include_str!("../../../migrations/sqlite/0006_webhooks.sql")),
    (7, "signers", include_str!("../../../migrations/sqlite/0007_signers.sql")),
    (8, "codes", include_str!("../../../migrations/sqlite/0008_codes.sql")),
    (12, "citizens", include_str!("../../../migrations/sqlite/0012_citizens.sql")),
];

/// A SQLite database.
#[derive(Debug, Clone)]
pub struct SqliteStorage {
    write: SqlitePool,
    read: SqlitePool,
}

type Write = sqlx::Transaction<'static, Sqlite>;

impl SqliteStorage {
    /// Opens the database file, creating it and running missing migrations.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the file cannot be opened or a migration fails.
    pub async fn open(file: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let write = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        migrator().run(&write).await.map_err(|e| StorageError::Unavailable(e.to_string()))?;
        let read = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
        Ok(Self { write, read })
    }

    /// Waits for running statements and closes the file.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }

    async fn begin(&self) -> Result<Write> {
        Ok(self.write.begin_with("BEGIN IMMEDIATE").await?)
    }
}

fn migrator() -> Migrator {
    let migration = |&(version, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.iter().map(migration).collect())
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(e) if e.is_unique_violation() => Self::Duplicate,
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) => Self::Corrupt(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}
