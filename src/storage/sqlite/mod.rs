//! The embedded default: SQLite in WAL mode with `synchronous = FULL`, so a commit that returned is on disk.
//!
//! Writers take turns on one connection and begin IMMEDIATE; readers have their own connections. Parts: [`rows`] (columns to
//! domain types), [`parties`], [`authenticators`], [`credentials`], [`transactions`], [`codes`], `budgets`, [`signatures`],
//! [`raises`], [`operations`], [`joint`] (several signers), [`outbox`] (events, written by whoever changes a state), [`webhooks`],
//! [`usage`] (counts by day), [`audit`]; of OAuth [`clients`], [`authorizations`], [`tokens`], [`identities`], and [`desk`]
//! (portals' staff).

mod audit;
mod authenticators;
mod authorizations;
mod budgets;
mod clients;
mod codes;
mod credentials;
mod desk;
mod identities;
mod joint;
mod operations;
mod outbox;
mod parties;
mod raises;
mod rows;
mod signatures;
mod tokens;
mod transactions;
mod usage;
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
    (9, "csc", include_str!("../../../migrations/sqlite/0009_csc.sql")),
    (10, "desk", include_str!("../../../migrations/sqlite/0010_desk.sql")),
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
        migrator(i64::MAX).run(&write).await.map_err(|e| StorageError::Unavailable(e.to_string()))?;
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

/// Brings a database up to this version.
fn migrator(last: i64) -> Migrator {
    let migration = |&(version, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    let wanted = MIGRATIONS.iter().filter(|(version, ..)| *version <= last);
    Migrator::with_migrations(wanted.map(migration).collect())
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

#[cfg(test)]
mod tests {
    use super::super::{CodeOutcome, Confirmation, Credentials as _, GuessLimits, Parties as _, Transactions as _};
    use super::*;
    use crate::domain::{CredentialId, Factors, Method, SignerId, TransactionId};
    use time::OffsetDateTime;

    /// What a service of version 7 left: a code on its way.
    const BEFORE_CODES: &str = "
        INSERT INTO portals (id, name, secret_sha256, created_at) VALUES ('p', 'Cổng', x'00', 0);
        INSERT INTO signers (id, name, phone, created_at) VALUES ('an', 'An', '+84900000001', 0);
        INSERT INTO credentials (id, signer, algorithm, auth, status, purpose, wrapped_key, spki, multisign, created_at)
            VALUES ('c', 'an', 'ec-p256', 'hosted', 'enabled', 'development', x'00', x'00', 1, 0);
        INSERT INTO transactions (id, portal, signer, credential, origin, description, created_at, expires_at, state, codes_sent)
            VALUES ('t', 'p', 'an', 'c', 'csc', '', 0, 9000, 'waiting', 1);
        INSERT INTO challenges (id, transaction_id, sequence, mac, tries_left, created_at, expires_at, live)
            VALUES ('x', 't', 1, x'0101010101010101010101010101010101010101010101010101010101010101', 5, 0, 9000, 1);";

    #[tokio::test]
    async fn a_data_folder_from_before_codes_had_methods_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("kyso.db");
        let old = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&file).create_if_missing(true)).await;
        let old = old.expect("opens");
        migrator(7).run(&old).await.expect("version 7");
        sqlx::raw_sql(BEFORE_CODES).execute(&old).await.expect("rows");
        old.close().await;

        let storage = SqliteStorage::open(&file).await.expect("brought up to date");
        let signer = storage.signer(&SignerId::parse("an").expect("id")).await.expect("read").expect("there");
        assert_eq!(signer.email, None);
        let credential = storage.credential(&CredentialId::parse("c").expect("id")).await.expect("read");
        assert_eq!(credential.expect("there").factors, Factors::Code);
        let id = TransactionId::parse("t").expect("id");
        let live = storage.live_challenge(&id).await.expect("read").expect("the code that was on its way");
        assert_eq!(live.method, Method::Sms);
        let confirmation = Confirmation {
            at: OffsetDateTime::UNIX_EPOCH,
            method: "sms".into(),
            sad: None,
            items: Vec::new(),
            guesses: GuessLimits::DEFAULT,
            authenticator: None,
        };
        let confirmed = storage.try_code(&live, &[1; 32], confirmation).await.expect("tried");
        assert_eq!(confirmed, CodeOutcome::Accepted);
        drop(storage);
        SqliteStorage::open(&file).await.expect("and again");
    }
}
