//! Policies as data: a small JSON file. `strict` and `vietnam` are built in, and are such files themselves (`policies/` in the
//! repository): copy one to write another.
//!
//! ```json
//! {
//!   "format": "kyso-validation-policy-1",
//!   "name": "strict",
//!   "source": "ETSI TS 119 312",
//!   "revocation": { "missing": "indeterminate", "max_age_hours": null },
//!   "demands": { "level": null, "key_usage": "signing", "extended_key_usage": [] },
//!   "algorithms": {
//!     "sha1": "2012-08-01",
//!     "sha256": "open",
//!     "rsa": [{ "bits": 3000, "use": "open" }, { "bits": 1900, "use": "2029-01-01" }],
//!     …
//!   }
//! }
//! ```
//!
//! An algorithm's value is `open`, `never`, or the first day (UTC) that is too late. What is left out is never acceptable. Unknown members,
//! repeated ones and unknown words are refused: a demand that was misspelt must not be dropped.

use const_oid::ObjectIdentifier;
use serde::{Deserialize, Serialize};
use time::{Date, Duration, macros::format_description};

use super::{Demands, KeyUsageDemand, MAX_PURPOSES, Pkcs1, Policy, RevocationPolicy};
use crate::crypto::DigestAlgorithm;
use crate::crypto::digest::hex;
use crate::crypto::suites::{MAX_RSA_STEPS, RsaStep, Suitability, Suites};
use crate::formats::level::Baseline;

const FORMAT: &str = "kyso-validation-policy-1";

/// Largest file read, in bytes; the built-in ones have about 1 kB.
pub const MAX_POLICY_BYTES: usize = 64 * 1024;

/// Longest name, in characters, and longest source: both stand in every report.
const MAX_NAME: usize = 64;
const MAX_SOURCE: usize = 500;

/// Longest freshness that can be asked for, in hours: ten years.
const MAX_AGE_HOURS: u32 = 24 * 3_653;

/// A policy with what reports tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPolicy {
    pub policy: Policy,
    pub name: String,
    /// The text it follows, for people.
    pub source: String,
    /// SHA-256 of the canonical form ([`Self::canonical`]), in lower-case hexadecimal.
    pub sha256: String,
    wire: Wire,
}

/// Why a policy file is refused; always its maker's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("the policy is larger than {MAX_POLICY_BYTES} bytes")]
    TooLarge,
    #[error("the policy is not readable: {0}")]
    Unreadable(String),
    #[error("the policy is of the format \"{0}\", not {FORMAT}")]
    Format(String),
    #[error("the policy's {0}")]
    Value(&'static str),
}

impl NamedPolicy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// [`PolicyError`] names what is wrong, and where.
    pub fn from_json(bytes: &[u8]) -> Result<Self, PolicyError> {
        if bytes.len() > MAX_POLICY_BYTES {
            return Err(PolicyError::TooLarge);
        }
        let wire = serde_json::from_slice(bytes).map_err(|error| PolicyError::Unreadable(error.to_string()))?;
        Self::from_wire(wire)
    }

    /// From the form in which bundles carry it.
    ///
    /// # Errors
    /// As [`Self::from_json`].
    pub fn from_wire(wire: Wire) -> Result<Self, PolicyError> {
        let policy = wire.policy()?;
        let sha256 = hex(DigestAlgorithm::Sha256.digest(wire.canonical().as_bytes()).as_bytes());
        Ok(Self { policy, name: wire.name.clone(), source: wire.source.clone(), sha256, wire })
    }

    /// The policy in force unless another is asked for.
    ///
    /// # Errors
    /// None with the file this crate is built with; its unit tests read it.
    pub fn strict() -> Result<Self, PolicyError> {
        Self::from_json(include_bytes!("../../../policies/strict.json"))
    }

    /// Circular 15/2025/TT-BKHCN, Annexes I and II.
    ///
    /// # Errors
    /// As [`Self::strict`].
    pub fn vietnam() -> Result<Self, PolicyError> {
        Self::from_json(include_bytes!("../../../policies/vietnam.json"))
    }

    /// The one form in which the digest is taken: every member, indented by two spaces, a line's end at the end.
    pub fn canonical(&self) -> String {
        self.wire.canonical()
    }

    /// The form in which bundles carry it.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }
}

/// The JSON form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wire {
    format: String,
    name: String,
    source: String,
    #[serde(default)]
    revocation: RevocationWire,
    #[serde(default)]
    demands: DemandsWire,
    algorithms: AlgorithmsWire,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RevocationWire {
    missing: MissingWire,
    max_age_hours: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum MissingWire {
    #[default]
    Indeterminate,
    Warning,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DemandsWire {
    level: Option<Baseline>,
    key_usage: KeyUsageWire,
    extended_key_usage: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeyUsageWire {
    #[default]
    Signing,
    NonRepudiation,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlgorithmsWire {
    #[serde(default)]
    sha1: Use,
    #[serde(default)]
    sha224: Use,
    #[serde(default)]
    sha256: Use,
    #[serde(default)]
    sha384: Use,
    #[serde(default)]
    sha512: Use,
    #[serde(default)]
    sha3: Use,
    #[serde(default)]
    rsa: Vec<RsaWire>,
    #[serde(default)]
    rsassa_pkcs1: Use,
    #[serde(default)]
    rsassa_pkcs1_discouraged: bool,
    #[serde(default)]
    rsassa_pss: Use,
    #[serde(default)]
    p256: Use,
    #[serde(default)]
    p384: Use,
    #[serde(default)]
    p521: Use,
    #[serde(default)]
    ed25519: Use,
    #[serde(default)]
    ml_dsa: Use,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RsaWire {
    bits: usize,
    #[serde(rename = "use")]
    suitability: Use,
}

/// `open`, `never`, or a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
struct Use(Suitability);

impl Default for Use {
    fn default() -> Self {
        Self(Suitability::Never)
    }
}

impl From<Use> for String {
    fn from(suitability: Use) -> Self {
        match suitability.0 {
            Suitability::Open => "open".to_owned(),
            Suitability::Never => "never".to_owned(),
            Suitability::Until(end) => end.date().format(DAY).unwrap_or_default(),
        }
    }
}

impl TryFrom<String> for Use {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "open" => Ok(Self(Suitability::Open)),
            "never" => Ok(Self(Suitability::Never)),
            day => Date::parse(day, DAY)
                .map(|day| Self(Suitability::Until(day.midnight().assume_utc())))
                .map_err(|_| format!("\"{day}\" is neither open, never, nor a day such as 2029-01-01")),
        }
    }
}

const DAY: &[time::format_description::BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

impl Wire {
    fn canonical(&self) -> String {
        // Strings, numbers and lists: serialising them cannot fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    fn policy(&self) -> Result<Policy, PolicyError> {
        if self.format != FORMAT {
            return Err(PolicyError::Format(self.format.chars().take(MAX_NAME).collect()));
        }
        if self.name.trim().is_empty() || self.name.chars().count() > MAX_NAME {
            return Err(PolicyError::Value("name is empty or longer than 64 characters"));
        }
        if self.source.chars().count() > MAX_SOURCE {
            return Err(PolicyError::Value("source is longer than 500 characters"));
        }
        let revocation = match self.revocation.missing {
            MissingWire::Indeterminate => RevocationPolicy::Require,
            MissingWire::Warning => RevocationPolicy::IfPresent,
        };
        let max_age = match self.revocation.max_age_hours {
            Some(hours) if hours == 0 || hours > MAX_AGE_HOURS => {
                return Err(PolicyError::Value("max_age_hours is 0 or longer than ten years"));
            }
            hours => hours.map(|hours| Duration::hours(i64::from(hours))),
        };
        let algorithms = &self.algorithms;
        let pkcs1 = if algorithms.rsassa_pkcs1_discouraged { Pkcs1::Discouraged } else { Pkcs1::Unremarked };
        Ok(Policy { revocation, max_age, suites: algorithms.suites()?, pkcs1, demands: self.demands.read()? })
    }
}

impl AlgorithmsWire {
    fn suites(&self) -> Result<Suites, PolicyError> {
        if !self.rsa.is_sorted_by(|longer, shorter| longer.bits > shorter.bits) {
            return Err(PolicyError::Value("sizes of RSA keys are not in falling order"));
        }
        let steps = self.rsa.iter().map(|step| RsaStep { bits: step.bits, suitability: step.suitability.0 });
        let rsa = filled::<_, MAX_RSA_STEPS>(steps).ok_or(PolicyError::Value("list of RSA keys is longer than 8"))?;
        Ok(Suites {
            sha1: self.sha1.0,
            sha224: self.sha224.0,
            sha256: self.sha256.0,
            sha384: self.sha384.0,
            sha512: self.sha512.0,
            sha3: self.sha3.0,
            rsa,
            rsassa_pkcs1: self.rsassa_pkcs1.0,
            rsassa_pss: self.rsassa_pss.0,
            p256: self.p256.0,
            p384: self.p384.0,
            p521: self.p521.0,
            ed25519: self.ed25519.0,
            ml_dsa: self.ml_dsa.0,
        })
    }
}

impl DemandsWire {
    fn read(&self) -> Result<Demands, PolicyError> {
        let oid = |text: &String| {
            ObjectIdentifier::new(text).map_err(|_| PolicyError::Value("key purposes are not object identifiers"))
        };
        let purposes = self.extended_key_usage.iter().map(oid).collect::<Result<Vec<_>, _>>()?;
        let purposes = filled::<_, MAX_PURPOSES>(purposes.into_iter())
            .ok_or(PolicyError::Value("list of key purposes is longer than 8"))?;
        let key_usage = match self.key_usage {
            KeyUsageWire::Signing => KeyUsageDemand::Signing,
            KeyUsageWire::NonRepudiation => KeyUsageDemand::NonRepudiation,
        };
        Ok(Demands { level: self.level, key_usage, purposes })
    }
}

/// The items in an array, `None` when there are too many.
fn filled<T: Copy, const N: usize>(mut items: impl Iterator<Item = T>) -> Option<[Option<T>; N]> {
    let array = std::array::from_fn(|_| items.next());
    items.next().is_none().then_some(array)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn built_in_files_are_canonical_and_strict_is_the_engines_own_default() {
        let strict = NamedPolicy::strict().expect("strict");
        assert_eq!(strict.policy, Policy::default());
        assert_eq!(strict.canonical(), include_str!("../../../policies/strict.json"));
        let vietnam = NamedPolicy::vietnam().expect("vietnam");
        assert_eq!(vietnam.canonical(), include_str!("../../../policies/vietnam.json"));
        assert_ne!(strict.sha256, vietnam.sha256);
    }

    /// Annex I names RSA from 2048 bits, ECDSA from 256, SHA-2 from 256 bits; and neither SHA-1 nor EdDSA.
    #[test]
    fn vietnam_accepts_what_the_circular_names_and_nothing_else() {
        let suites = NamedPolicy::vietnam().expect("vietnam").policy.suites;
        let now = datetime!(2030-01-01 0:00 UTC);
        for named in
            [suites.sha256, suites.sha384, suites.sha512, suites.sha3, suites.rsassa_pss, suites.p256, suites.p384]
        {
            assert!(named.holds_at(now));
        }
        for unnamed in [suites.sha1, suites.sha224, suites.ed25519, suites.ml_dsa] {
            assert!(!unnamed.holds_at(datetime!(2026-01-01 0:00 UTC)));
        }
        assert_eq!(suites.rsa[0], Some(RsaStep { bits: 2048, suitability: Suitability::Open }));
        assert_eq!(suites.rsa[1], None);
    }

    fn edited(from: &str, to: &str) -> Result<NamedPolicy, PolicyError> {
        let text = include_str!("../../../policies/strict.json");
        assert!(text.contains(from), "{from}");
        NamedPolicy::from_json(text.replacen(from, to, 1).as_bytes())
    }

    #[test]
    fn misspelt_repeated_and_senseless_members_are_refused() {
        for (from, to) in [
            ("\"sha1\"", "\"sha-1\""),
            ("\"sha1\": \"2012-08-01\"", "\"sha1\": \"2012-08-01\", \"sha1\": \"open\""),
            ("2012-08-01", "2012-13-01"),
            ("2012-08-01", "forever"),
            ("policy-1", "policy-2"),
            ("\"bits\": 3000", "\"bits\": 1500"),
            ("\"name\": \"strict\"", "\"name\": \"\""),
            ("\"level\": null", "\"level\": \"B-X\""),
            ("\"max_age_hours\": null", "\"max_age_hours\": 0"),
            ("\"extended_key_usage\": []", "\"extended_key_usage\": [\"signing\"]"),
            ("\"indeterminate\"", "\"ignored\""),
        ] {
            assert!(edited(from, to).is_err(), "{from} → {to}");
        }
        assert_eq!(NamedPolicy::from_json(&vec![b' '; MAX_POLICY_BYTES + 1]), Err(PolicyError::TooLarge));
    }

    #[test]
    fn what_is_left_out_is_never_acceptable() {
        let without = edited("    \"sha256\": \"open\",\n", "").expect("readable");
        assert_eq!(without.policy.suites.sha256, Suitability::Never);
    }

    #[test]
    fn digest_is_of_the_content_and_not_of_its_layout() {
        let strict = NamedPolicy::strict().expect("strict");
        let compact: serde_json::Value = serde_json::from_str(&strict.canonical()).expect("JSON");
        assert_eq!(NamedPolicy::from_json(compact.to_string().as_bytes()).expect("same").sha256, strict.sha256);
        assert_ne!(edited("2012-08-01", "2012-08-02").expect("other").sha256, strict.sha256);
    }
}
