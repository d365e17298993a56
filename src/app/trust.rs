//! The configuration's `[trust]` section: time-stamping authorities, and how revocation information is fetched.
//!
//! ```toml
//! [trust]
//! tsa = [{ url = "https://tsa.example.vn", policy = "1.2.3.4", credentials_file = "tsa.secret" }]
//! prefer = "ocsp"                              # or "crl"
//! anchors = "anchors"                          # file or folder: time-stamping units must lead to one of them
//! crls = "crls"                                # file or folder: revocation lists for POST /v1/verify, read at each call
//! store = "/var/lib/kyso/trust"                # installed trust bundle for POST /v1/verify, read at each call
//! allow_private = ["10.1.2.3", "ca.internal"]  # what certificates may point to besides public addresses
//! ```

use std::path::{Path, PathBuf};
use std::time::Duration as StdDuration;

use const_oid::ObjectIdentifier;
use serde::Deserialize;
use time::Duration;

use super::config::{ConfigError, secret_file};
use crate::crypto::DigestAlgorithm;
use crate::formats::x509::{Certificate, pem};
use crate::trust::cache::CacheLimits;
use crate::trust::fetch::Authorization;
use crate::trust::guard::Allowed;
use crate::trust::{Budget, Settings, Tsa};
use crate::validation::missing::Prefer;

/// Most files of a folder of anchors: a guard against pointing at a whole disk by mistake.
const MAX_ANCHOR_FILES: usize = 10_000;

/// How trust services are used. Without any of it, no time-stamps are made and certificates may point to public addresses alone.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trust {
    /// Time-stamping authorities, in the order they are asked.
    pub tsa: Vec<TsaEntry>,
    /// The hash time-stamps are asked for: `SHA-256`, `SHA-384` or `SHA-512`.
    pub digest: String,
    /// Where a certificate's status is asked first.
    pub prefer: Preference,
    /// PEM or DER file, or a folder of them: where the paths of time-stamping units, and of what is verified, end.
    pub anchors: Option<PathBuf>,
    /// Revocation lists and OCSP responses, a file or a folder of them, for verifying files that bring none. Read at each call.
    pub crls: Option<PathBuf>,
    /// Folder of an installed trust bundle (`kyso trust import --trust-store`). Where no anchors are named, what is verified has to lead
    /// to its roots; where some are, it helps with its intermediates and lists. Read at each call.
    pub store: Option<PathBuf>,
    /// Addresses, networks and names that certificates may point to although they are not public; with a port for others than 80 and 443.
    pub allow_private: Vec<String>,
    /// What happens to a signature whose level cannot be reached now: `later` or `refuse`.
    pub when_down: WhenDown,
    /// Seconds a time-stamp's time may be off.
    pub clock_tolerance_seconds: u32,
    /// Seconds one request may take.
    pub timeout_seconds: u32,
    /// Seconds everything for one document may take.
    pub collect_seconds: u32,
    /// Requests for one document.
    pub requests: u32,
    /// Bytes fetched for one document.
    pub bytes: usize,
    /// Longest minutes an OCSP response or a CRL is used again; 0 asks each time.
    pub cache_minutes: u32,
}

/// One time-stamping authority.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TsaEntry {
    pub url: String,
    /// Policy to ask for, a dotted identifier.
    pub policy: Option<String>,
    /// File with `user:password`, which only its owner can read.
    pub credentials_file: Option<PathBuf>,
    /// Instead of [`Trust::timeout_seconds`].
    pub timeout_seconds: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preference {
    #[default]
    Ocsp,
    Crl,
}

/// See [`service::WhenDown`](crate::service::WhenDown).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenDown {
    #[default]
    Later,
    Refuse,
}

impl From<WhenDown> for crate::service::WhenDown {
    fn from(configured: WhenDown) -> Self {
        match configured {
            WhenDown::Later => Self::RaiseLater,
            WhenDown::Refuse => Self::Refuse,
        }
    }
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            tsa: Vec::new(),
            digest: DigestAlgorithm::Sha256.name().to_owned(),
            prefer: Preference::default(),
            anchors: None,
            crls: None,
            store: None,
            allow_private: Vec::new(),
            when_down: WhenDown::default(),
            clock_tolerance_seconds: 300,
            timeout_seconds: 10,
            collect_seconds: 60,
            requests: 32,
            bytes: 32 << 20,
            cache_minutes: 60,
        }
    }
}

impl Trust {
    /// The checked values; reads anchors and credentials.
    ///
    /// # Errors
    /// [`ConfigError`] names the key that cannot be used.
    pub fn settings(&self) -> Result<Settings, ConfigError> {
        let budget = Budget {
            requests: self.requests,
            bytes: self.bytes,
            time: seconds(self.collect_seconds),
            timeout: seconds(self.timeout_seconds),
        };
        let max_age = Duration::minutes(i64::from(self.cache_minutes));
        Ok(Settings {
            tsas: self.tsa.iter().map(|entry| self.authority(entry)).collect::<Result<_, _>>()?,
            imprint: self.imprint()?,
            tolerance: Duration::seconds(i64::from(self.clock_tolerance_seconds)),
            prefer: match self.prefer {
                Preference::Ocsp => Prefer::Ocsp,
                Preference::Crl => Prefer::Crl,
            },
            anchors: self.anchors.as_deref().map(anchors).transpose()?.unwrap_or_default(),
            budget,
            cache: CacheLimits { max_age, ..CacheLimits::default() },
        })
    }

    /// Where verification finds trust anchors, and where revocation lists.
    pub fn for_verifying(&self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        (self.anchors.iter().cloned().collect(), self.crls.iter().cloned().collect())
    }

    /// What certificates may point to besides public addresses.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for an entry that is none.
    pub fn allowed(&self) -> Result<Vec<Allowed>, ConfigError> {
        let parse = |text: &String| text.parse().map_err(|error| value("trust.allow_private", error));
        self.allow_private.iter().map(parse).collect()
    }

    fn imprint(&self) -> Result<DigestAlgorithm, ConfigError> {
        let digest = DigestAlgorithm::from_name(&self.digest).filter(|digest| *digest >= DigestAlgorithm::Sha256);
        digest.ok_or_else(|| value("trust.digest", "one of SHA-256, SHA-384 and SHA-512"))
    }

    fn authority(&self, entry: &TsaEntry) -> Result<Tsa, ConfigError> {
        let url: url::Url = entry.url.parse().map_err(|error| value("trust.tsa.url", error))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(value("trust.tsa.url", "an http or https address"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(value("trust.tsa.url", "credentials stand in a file of their own: credentials_file"));
        }
        let policy = entry.policy.as_deref().map(ObjectIdentifier::new).transpose();
        let credentials = entry.credentials_file.as_deref().map(secret_file).transpose()?;
        Ok(Tsa {
            url: entry.url.clone(),
            authorization: credentials.map(|secret| Authorization::basic(&secret)),
            policy: policy.map_err(|_| value("trust.tsa.policy", "not an object identifier"))?,
            timeout: seconds(entry.timeout_seconds.unwrap_or(self.timeout_seconds)),
        })
    }
}

fn seconds(seconds: u32) -> StdDuration {
    StdDuration::from_secs(u64::from(seconds))
}

fn value(key: &'static str, message: impl std::fmt::Display) -> ConfigError {
    ConfigError::Value { key, message: message.to_string() }
}

/// Certificates of a file, or of a folder's files; each must be readable: an anchor that is left out would refuse honest tokens.
fn anchors(path: &Path) -> Result<Vec<Certificate>, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(unreadable)?.take(MAX_ANCHOR_FILES);
        files = entries.map(|entry| Ok(entry?.path())).collect::<Result<_, _>>().map_err(unreadable)?;
        files.retain(|file| file.extension().is_some_and(|end| ["pem", "crt", "cer", "der"].iter().any(|e| end == *e)));
        files.sort();
    }
    let mut found = Vec::new();
    for file in files {
        let unreadable = |source| ConfigError::Unreadable { path: file.clone(), source };
        let bytes = std::fs::read(&file).map_err(unreadable)?;
        let read = pem::certificates(&bytes);
        found.extend(read.map_err(|error| value("trust.anchors", format!("{}: {error}", file.display())))?);
    }
    if found.is_empty() { Err(value("trust.anchors", "no certificate is there")) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Trust {
        toml::from_str(text).expect("a section")
    }

    #[test]
    fn defaults_ask_nobody_and_open_nothing() {
        let trust = Trust::default();
        let settings = trust.settings().expect("settings");
        assert!(settings.tsas.is_empty() && settings.anchors.is_empty() && trust.allowed().expect("none").is_empty());
        assert_eq!((settings.prefer, settings.imprint), (Prefer::Ocsp, DigestAlgorithm::Sha256));
        assert_eq!((settings.budget, settings.cache), (Budget::default(), CacheLimits::default()));
    }

    #[test]
    fn unknown_keys_are_refused_by_name() {
        for text in
            ["tsas = []", "allow_privat = []", "tsa = [{ url = \"http://t\", polcy = \"1.2\" }]", "prefer = \"x\""]
        {
            assert!(toml::from_str::<Trust>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn authorities_keep_their_order_and_their_own_settings() {
        let trust = read(
            "prefer = \"crl\"\nallow_private = [\"10.1.2.3\", \"ca.internal:8080\", \"10.0.0.0/8\"]\n\
             tsa = [{ url = \"https://a/\", policy = \"1.2.3\", timeout_seconds = 3 }, { url = \"http://b\" }]",
        );
        let settings = trust.settings().expect("settings");
        let urls: Vec<_> = settings.tsas.iter().map(|tsa| (tsa.url.as_str(), tsa.timeout.as_secs())).collect();
        assert_eq!(urls, [("https://a/", 3), ("http://b", 10)]);
        assert_eq!(settings.tsas[0].policy.map(|policy| policy.to_string()), Some("1.2.3".to_owned()));
        assert_eq!(settings.prefer, Prefer::Crl);
        assert_eq!(trust.allowed().expect("exceptions").len(), 3);
    }

    #[test]
    fn values_that_cannot_be_used_are_named() {
        for (text, key) in [
            ("digest = \"SHA-1\"", "trust.digest"),
            ("tsa = [{ url = \"tsa.example.vn\" }]", "trust.tsa.url"),
            ("tsa = [{ url = \"ftp://tsa\" }]", "trust.tsa.url"),
            ("tsa = [{ url = \"http://user:secret@tsa\" }]", "credentials_file"),
            ("tsa = [{ url = \"http://tsa\", policy = \"x\" }]", "trust.tsa.policy"),
            ("anchors = \"/nowhere/at-all\"", "/nowhere/at-all"),
        ] {
            let error = read(text).settings().map(drop).expect_err(text).to_string();
            assert!(error.contains(key), "{text}: {error}");
        }
        assert!(read("allow_private = [\"http://x\"]").allowed().is_err());
    }

    #[test]
    fn folder_without_anchors_and_credentials_others_can_read_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let empty = Trust { anchors: Some(folder.path().to_owned()), ..Trust::default() };
        assert!(empty.settings().map(drop).expect_err("refused").to_string().contains("trust.anchors"));
        let file = folder.path().join("tsa.secret");
        std::fs::write(&file, "user:password").expect("written");
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("set");
        let (url, credentials_file) = ("http://tsa".to_owned(), Some(file));
        let entry = TsaEntry { url, policy: None, credentials_file, timeout_seconds: None };
        let trust = Trust { tsa: vec![entry], ..Trust::default() };
        assert!(matches!(trust.settings(), Err(ConfigError::ReadableByOthers(_))));
    }
}
