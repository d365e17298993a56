//! (to be written)

/// Why storage could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database does not answer or refused the statement.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// A row does not hold what the schema promises.
    #[error("stored data is not usable: {0}")]
    Corrupt(String),
}
