//! Configuration: a TOML file becomes checked values, or an error that names the key.
//!
//! Every key has a safe default except those a production service cannot guess: where its key-encryption key is, how codes
//! leave, and its public address. Unknown keys are refused: a misspelt limit is a missing limit.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

use super::channels::sms::Template;
use super::channels::smtp::Security;
use super::trust::Trust;
use crate::authorization::{Alphabet, CodePolicy, Digits};
use crate::custody::software::kek::{KekError, KeyEncryptionKey};
use crate::storage::MessageLimits;
use crate::trust::guard::{Allowed, BadException};

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
    pub codes: Codes,
    pub limits: Limits,
    pub trust: Trust,
    pub citizens: Citizens,
    pub tls_proxy: Option<TlsProxy>,
    pub webhooks: Webhooks,
    pub neac: Neac,
}

/// The interface Vietnamese systems call today.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Neac {
    /// It carries client secrets in every body: off unless an integrator cannot do without.
    pub enabled: bool,
}

/// Where portals may have messages sent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// What is allowed besides https to public addresses, e.g. `["10.1.2.3", "hooks.internal:8080"]`; over http too.
    pub allow_private: Vec<String>,
}

impl Webhooks {
    /// # Errors
    /// [`ConfigError::Value`] for an entry that is none.
    pub fn allowed(&self) -> Result<Vec<Allowed>, ConfigError> {
        let bad =
            |error: BadException| ConfigError::Value { key: "webhooks.allow_private", message: error.to_string() };
        self.allow_private.iter().map(|text| text.parse().map_err(bad)).collect()
    }
}

/// How citizens show who they are, besides the one-time code.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Citizens {
    pub oidc: Option<Oidc>,
}

/// An OpenID Connect provider where citizens sign in before they see a page.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// Exactly as in the provider's discovery document.
    pub issuer: String,
    pub client_id: String,
    /// File with the client secret, mode 0600.
    pub client_secret_file: PathBuf,
    /// Its name on the page, e.g. `VNeID`.
    pub name: String,
    /// The claim of the ID token that names the person.
    #[serde(default = "sub")]
    pub claim: String,
    #[serde(default = "openid")]
    pub scope: String,
}

fn sub() -> String {
    "sub".to_owned()
}

fn openid() -> String {
    "openid".to_owned()
}

/// The proxy that ends TLS, for clients that authenticate with a certificate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsProxy {
    /// Where its connections come from.
    pub addresses: Vec<IpAddr>,
    /// Header with the client's certificate: RFC 9440, or percent-encoded PEM. The proxy must remove it from what clients send.
    #[serde(default = "client_cert")]
    pub header: String,
}

fn client_cert() -> String {
    "client-cert".to_owned()
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
    /// File with the gateway's bearer token, `{token}` in a template.
    pub sms_token_file: Option<PathBuf>,
    /// A gateway of another shape.
    pub sms: Option<Sms>,
    /// `gsm7`: without accents, 160 characters (the default); `ucs2`: with accents, 70.
    pub sms_alphabet: Option<SmsAlphabet>,
    /// Beginnings of the numbers that get messages; `["+84"]` when absent.
    pub sms_prefixes: Option<Vec<String>>,
    /// A mail server.
    pub email: Option<Email>,
    /// `sms` and `email` in the order they are tried; when absent, those that are configured, the text message first.
    pub channels: Option<Vec<String>>,
    /// Messages of a day: all, for one portal, and to one prefix of numbers (`+8491`) or one e-mail domain.
    pub per_day: Option<u32>,
    pub per_day_and_portal: Option<u32>,
    pub per_day_and_prefix: Option<u32>,
}

/// The request that sends a text message; placeholders are `{to}`, `{to_digits}`, `{to_local}`, `{text}` and `{token}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sms {
    pub url: String,
    /// POST when absent.
    pub method: Option<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// `application/json` when absent.
    pub content_type: Option<String>,
    pub body: Option<String>,
    /// Text in the answer to an accepted message, for gateways that answer 200 to everything.
    pub accepted: Option<String>,
}

impl Sms {
    pub fn template(&self) -> Template {
        Template {
            method: self.method.clone().unwrap_or_else(|| "POST".to_owned()),
            url: self.url.clone(),
            headers: self.headers.clone(),
            content_type: self.content_type.clone().unwrap_or_else(|| "application/json".to_owned()),
            body: self.body.clone(),
            accepted: self.accepted.clone(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmsAlphabet {
    Gsm7,
    Ucs2,
}

/// A mail server for codes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Email {
    pub server: String,
    #[serde(default = "submission")]
    pub port: u16,
    #[serde(default)]
    pub security: Security,
    pub user: Option<String>,
    pub password_file: Option<PathBuf>,
    pub from: String,
}

/// RFC 6409.
fn submission() -> u16 {
    587
}

impl Messages {
    /// The channels in the order they are tried.
    pub fn order(&self) -> Vec<&str> {
        match &self.channels {
            Some(named) => named.iter().map(String::as_str).collect(),
            None => {
                let sms = (self.sms_gateway.is_some() || self.sms.is_some()).then_some("sms");
                sms.into_iter().chain(self.email.is_some().then_some("email")).collect()
            }
        }
    }

    pub fn sms_alphabet(&self) -> Alphabet {
        match self.sms_alphabet {
            None | Some(SmsAlphabet::Gsm7) => Alphabet::Gsm7,
            Some(SmsAlphabet::Ucs2) => Alphabet::Ucs2,
        }
    }

    pub fn sms_prefixes(&self) -> Vec<String> {
        self.sms_prefixes.clone().unwrap_or_else(|| vec!["+84".to_owned()])
    }
}

/// One-time codes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Codes {
    /// 6 or 8; 6 when absent.
    pub digits: Option<u32>,
    /// Codes of a signer in an hour that confirmed nothing; 5 when absent.
    pub unconfirmed_per_hour: Option<u32>,
    /// Wrong codes of a signer in a day, over everything; at most 25, which is the default.
    pub wrong_per_day: Option<u32>,
    /// Those of them that one portal may use up; four fifths when absent.
    pub wrong_per_day_and_portal: Option<u32>,
}

impl Codes {
    /// The policy, where `default` stands for what is not configured.
    ///
    /// # Errors
    /// [`ConfigError::Value`] names the key.
    pub fn policy(&self, messages: &Messages, default: CodePolicy) -> Result<CodePolicy, ConfigError> {
        let value = |key, message: &str| ConfigError::Value { key, message: message.to_owned() };
        let digits = match self.digits {
            None => default.digits,
            Some(6) => Digits::Six,
            Some(8) => Digits::Eight,
            Some(_) => return Err(value("codes.digits", "6 or 8")),
        };
        let mut guesses = default.guesses;
        if let Some(signer) = self.wrong_per_day {
            if !(5..=25).contains(&signer) {
                return Err(value("codes.wrong_per_day", "5 to 25"));
            }
            (guesses.signer, guesses.portal) = (signer, signer - signer / 5);
        }
        if let Some(portal) = self.wrong_per_day_and_portal {
            if !(1..=guesses.signer).contains(&portal) {
                return Err(value("codes.wrong_per_day_and_portal", "1 to codes.wrong_per_day"));
            }
            guesses.portal = portal;
        }
        let unconfirmed = self.unconfirmed_per_hour.unwrap_or(default.unconfirmed);
        if unconfirmed == 0 {
            return Err(value("codes.unconfirmed_per_hour", "at least 1"));
        }
        let messages = MessageLimits {
            all: messages.per_day.unwrap_or(default.messages.all),
            portal: messages.per_day_and_portal.unwrap_or(default.messages.portal),
            prefix: messages.per_day_and_prefix.unwrap_or(default.messages.prefix),
        };
        Ok(CodePolicy { digits, unconfirmed, guesses, messages, ..default })
    }
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
    /// Calls of one portal a minute; beyond it they are answered with 429.
    pub portal_calls_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let service = crate::service::Limits::default();
        Self {
            documents: service.documents,
            document_bytes: service.document_bytes,
            request_minutes: 15,
            portal_calls_per_minute: 12_000,
        }
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
    fn budgets_of_codes_are_never_wider_than_25_guesses_a_day() {
        let policy = |text: &str| {
            let config = read(text).expect("read");
            config.codes.policy(&config.messages, CodePolicy::default())
        };
        let eight = policy("[codes]\ndigits = 8\nwrong_per_day = 10\n[messages]\nper_day = 7\n").expect("a policy");
        assert_eq!((eight.digits, eight.guesses.signer, eight.guesses.portal), (Digits::Eight, 10, 8));
        assert_eq!((eight.messages.all, eight.messages.portal), (7, CodePolicy::default().messages.portal));
        for bad in ["digits = 4", "wrong_per_day = 26", "wrong_per_day_and_portal = 26", "unconfirmed_per_hour = 0"] {
            let refused = policy(&format!("[codes]\n{bad}\n")).map(drop).expect_err(bad).to_string();
            assert!(refused.contains(bad.split(' ').next().expect("a key")), "{refused}");
        }
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
