//! Configuration: a TOML file becomes checked values, or an error that names the key.
//!
//! Every key has a safe default except those a production service cannot guess: where its key-encryption key is, how codes
//! leave, and its public address. Unknown keys are refused: a misspelt limit is a missing limit.

use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

use super::trust::Trust;
use crate::custody::software::kek::{KekError, KeyEncryptionKey};

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: {source}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path}: {message}")]
    Syntax { path: PathBuf, message: String },
    #[error("configuration: {0}")]
    Missing(&'static str),
    #[error("configuration: {key}: {message}")]
    Value { key: &'static str, message: String },
    #[error(transparent)]
    Kek(#[from] KekError),
    #[error("{0} can be read by other users of this machine; run: chmod 600 {0}")]
    ReadableByOthers(PathBuf),
}

/// The configuration file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address to listen on.
    pub listen: Option<SocketAddr>,
    /// Folder of the database and the documents.
    pub data: Option<PathBuf>,
    /// How citizens and portals reach the service, e.g. `https://ky.example.gov.vn`; TLS ends in front of it.
    pub public_url: Option<String>,
    pub keys: Keys,
    pub messages: Messages,
    pub limits: Limits,
    pub trust: Trust,
    pub neac: Neac,
}

/// The interface Vietnamese systems call today.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Neac {
    /// It carries client secrets in every body: off unless an integrator cannot do without.
    pub enabled: bool,
}

/// Where the key-encryption key comes from; exactly one of the two.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// A file only its owner can read.
    pub kek_file: Option<PathBuf>,
    /// Name of an environment variable.
    pub kek_env: Option<String>,
}

/// How one-time codes leave.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Messages {
    /// An SMS gateway: `POST {"to": "+84…", "text": "…"}` as JSON, any 2xx means accepted.
    pub sms_gateway: Option<String>,
    /// File with the gateway's bearer token.
    pub sms_token_file: Option<PathBuf>,
}

/// Bounds an operator may move.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Documents of one request.
    pub documents: usize,
    /// Bytes of one document.
    pub document_bytes: u64,
    /// Minutes a citizen may take when the portal names no time.
    pub request_minutes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let service = crate::service::Limits::default();
        Self { documents: service.documents, document_bytes: service.document_bytes, request_minutes: 15 }
    }
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`], [`ConfigError::Syntax`] with line and key.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|error| ConfigError::Syntax { path: path.to_owned(), message: error.to_string() })
    }

    /// Opens the key-encryption key.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] unless exactly one source is named; [`ConfigError::Kek`] when it cannot be used.
    pub fn kek(&self) -> Result<KeyEncryptionKey, ConfigError> {
        match (&self.keys.kek_file, &self.keys.kek_env) {
            (Some(file), None) => Ok(KeyEncryptionKey::read(file)?),
            (None, Some(name)) => {
                let text = std::env::var(name).map(Zeroizing::new);
                let text = text.map_err(|_| ConfigError::Missing("the variable named by keys.kek_env is not set"))?;
                Ok(KeyEncryptionKey::from_text(&text)?)
            }
            _ => Err(ConfigError::Missing("name either keys.kek_file or keys.kek_env")),
        }
    }
}

/// Reads a secret from a file that only its owner may read.
///
/// # Errors
/// [`ConfigError::ReadableByOthers`], [`ConfigError::Unreadable`].
pub fn secret_file(path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    use std::os::unix::fs::PermissionsExt;
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(ConfigError::ReadableByOthers(path.to_owned()));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?);
    Ok(Zeroizing::new(text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn read(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("kyso.toml");
        std::fs::write(&file, text).expect("written");
        Config::read(&file)
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = read("[limits]\ndocument = 3\n").expect_err("refused").to_string();
        assert!(error.contains("document"), "{error}");
        assert!(read("listen = \"127.0.0.1:8080\"\n[limits]\ndocuments = 3\n").is_ok());
    }

    #[test]
    fn the_interface_with_secrets_in_bodies_is_off_until_it_is_asked_for() {
        assert!(!read("").expect("read").neac.enabled);
        assert!(read("[neac]\nenabled = true\n").expect("read").neac.enabled);
    }

    #[test]
    fn a_key_encryption_key_has_one_source() {
        assert!(matches!(Config::default().kek(), Err(ConfigError::Missing(_))));
    }

    #[test]
    fn a_secret_others_can_read_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("token");
        std::fs::write(&file, "s3cret\n").expect("written");
        for (mode, good) in [(0o600, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).expect("set");
            assert_eq!(secret_file(&file).is_ok(), good, "{mode:o}");
        }
    }
}
