//! `pki.toml`: what the development PKI consists of.

use std::collections::BTreeSet;

use const_oid::ObjectIdentifier;
use serde::{Deserialize, Deserializer};
use time::Duration;

use super::DevPkiError;
use super::marker::MARKER;
use crate::custody::software::request::parse_subject;
use crate::domain::{AuthMode, CredentialId, Factors, KeyAlgorithm, Secret, SignerId};

/// Longest validity of a subscriber certificate, in days: three years (Decree 23/2025/ND-CP).
pub const MAX_SUBSCRIBER_DAYS: u32 = 3 * 365;
/// Longest validity of a CA certificate, in years: a slip of the keyboard would otherwise leave the range of dates.
const MAX_YEARS: u32 = 30;

/// A whole development PKI, checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PkiSpec {
    /// Certificate policy of subscriber certificates, a dotted identifier.
    #[serde(deserialize_with = "oid")]
    pub policy: ObjectIdentifier,
    /// Days from a CRL's thisUpdate to its nextUpdate.
    pub crl_days: u32,
    pub root: EntitySpec,
    pub issuing: EntitySpec,
    pub ocsp: EntitySpec,
    pub tsa: EntitySpec,
    #[serde(rename = "signer")]
    pub signers: Vec<SignerSpec>,
}

/// A CA, the OCSP responder or the time-stamping authority.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntitySpec {
    /// RFC 4514; must carry the development marker.
    pub subject: String,
    pub algorithm: KeyAlgorithm,
    /// Length of the validity.
    pub years: u32,
    /// How long before the generation the validity begins.
    pub age_days: u32,
}

/// A person or an organisation with credentials.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerSpec {
    pub id: SignerId,
    /// Full name, with accents.
    pub name: String,
    /// E.164.
    pub phone: String,
    #[serde(default)]
    pub email: Option<String>,
    /// Six to eight digits.
    #[serde(deserialize_with = "secret")]
    pub pin: Secret,
    /// Subject of the certificates, RFC 4514.
    pub subject: String,
    #[serde(rename = "credential")]
    pub credentials: Vec<CredentialSpec>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialSpec {
    pub id: CredentialId,
    pub algorithm: KeyAlgorithm,
    pub auth: AuthMode,
    #[serde(default = "code")]
    pub factors: Factors,
    /// Length of the certificate's validity in days, at most [`MAX_SUBSCRIBER_DAYS`].
    pub days: u32,
    #[serde(default)]
    pub certificate: CertificateState,
}

/// What is the matter with a signer's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CertificateState {
    #[default]
    Valid,
    /// Its validity ended 30 days before it was issued.
    Expired,
    /// It is revoked as soon as it is issued.
    Revoked,
}

impl PkiSpec {
    /// The specification built into the program: `keys-dev/pki.toml`.
    ///
    /// # Errors
    /// [`DevPkiError::Spec`]; a test keeps it from happening.
    pub fn embedded() -> Result<Self, DevPkiError> {
        Self::parse(include_str!("../../keys-dev/pki.toml"))
    }

    /// Reads and checks a specification.
    ///
    /// # Errors
    /// [`DevPkiError::Spec`] names what is wrong: an unknown key, a name without the marker, a validity that is too long,
    /// an identifier given twice.
    pub fn parse(text: &str) -> Result<Self, DevPkiError> {
        let mut spec: Self = toml::from_str(text).map_err(|error| DevPkiError::Spec(error.to_string()))?;
        for signer in &mut spec.signers {
            // ML-DSA credentials stand in the file for builds that have the feature; others go without them.
            signer.credentials.retain(|credential| credential.algorithm.is_available());
        }
        if !(1..=90).contains(&spec.crl_days) {
            return Err(DevPkiError::Spec("crl_days is between 1 and 90".to_owned()));
        }
        for (name, entity) in
            [("root", &spec.root), ("issuing", &spec.issuing), ("ocsp", &spec.ocsp), ("tsa", &spec.tsa)]
        {
            entity.check().map_err(|what| DevPkiError::Spec(format!("[{name}] {what}")))?;
        }
        spec.check_signers().map_err(DevPkiError::Spec)?;
        Ok(spec)
    }

    fn check_signers(&self) -> Result<(), String> {
        let (mut signers, mut credentials) = (BTreeSet::new(), BTreeSet::new());
        for signer in &self.signers {
            signer.check().map_err(|what| format!("signer {}: {what}", signer.id))?;
            if !signers.insert(&signer.id) {
                return Err(format!("signer {} stands there twice", signer.id));
            }
            for credential in &signer.credentials {
                if !credentials.insert(&credential.id) {
                    return Err(format!("credential {} stands there twice", credential.id));
                }
                if !(1..=MAX_SUBSCRIBER_DAYS).contains(&credential.days) {
                    return Err(format!(
                        "credential {}: a subscriber certificate is valid for 1 to {MAX_SUBSCRIBER_DAYS} days",
                        credential.id
                    ));
                }
            }
        }
        Ok(())
    }
}

impl EntitySpec {
    /// Length of the validity; a year has 365.25 days.
    pub(super) fn validity(&self) -> Duration {
        Duration::hours(i64::from(self.years) * 8766)
    }

    pub(super) fn age(&self) -> Duration {
        Duration::days(i64::from(self.age_days))
    }

    fn check(&self) -> Result<(), String> {
        parse_subject(&self.subject).map_err(|error| error.to_string())?;
        if !self.subject.contains(MARKER) {
            return Err(format!("the subject must hold \"{MARKER}\""));
        }
        if !(1..=MAX_YEARS).contains(&self.years) || self.age() >= self.validity() {
            return Err(format!("years is between 1 and {MAX_YEARS}, and age_days less than that"));
        }
        Ok(())
    }
}

impl SignerSpec {
    fn check(&self) -> Result<(), String> {
        parse_subject(&self.subject).map_err(|error| error.to_string())?;
        let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
        if !self.phone.strip_prefix("+84").is_some_and(|rest| rest.len() == 9 && digits(rest)) {
            return Err("phone is +84 and nine digits".to_owned());
        }
        let pin = self.pin.expose();
        if !(6..=8).contains(&pin.len()) || !digits(pin) {
            return Err("pin has six to eight digits".to_owned());
        }
        if self.name.trim().is_empty() || self.credentials.is_empty() {
            return Err("a signer has a name and at least one credential".to_owned());
        }
        Ok(())
    }
}

fn code() -> Factors {
    Factors::Code
}

fn oid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectIdentifier, D::Error> {
    let text = String::deserialize(deserializer)?;
    ObjectIdentifier::new(&text).map_err(|_| serde::de::Error::custom("not an object identifier"))
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMBEDDED: &str = include_str!("../../keys-dev/pki.toml");

    fn refused(from: &str, to: &str) -> String {
        assert!(EMBEDDED.contains(from), "{from}");
        PkiSpec::parse(&EMBEDDED.replacen(from, to, 1)).expect_err("refused").to_string()
    }

    #[test]
    fn the_first_signer_has_the_credentials_clients_rely_on() {
        let spec = PkiSpec::embedded().expect("spec");
        let ids = |mode| {
            let credentials = spec.signers[0].credentials.iter().filter(move |c| c.auth == mode);
            credentials.map(|credential| (credential.id.as_str(), credential.algorithm.name())).collect::<Vec<_>>()
        };
        let explicit = ["rsa-2048", "rsa-3072", "ec-p256", "ec-p384"].map(|id| (id, id));
        assert_eq!(ids(AuthMode::Explicit), explicit);
        let mut hosted = vec![("ec-p256-hosted", "ec-p256")];
        hosted.extend(["rsa-4096", "ec-p521", "ed25519"].map(|id| (id, id)));
        hosted.extend(KeyAlgorithm::MlDsa65.is_available().then_some(("ml-dsa-65", "ml-dsa-65")));
        assert_eq!(ids(AuthMode::Hosted), hosted);
    }

    #[test]
    fn there_is_a_hosted_an_expired_and_a_revoked_certificate() {
        let spec = PkiSpec::embedded().expect("spec");
        assert!(spec.signers.len() >= 4);
        let states: Vec<_> = spec.signers.iter().flat_map(|s| &s.credentials).map(|c| c.certificate).collect();
        assert_eq!(states.iter().filter(|state| **state == CertificateState::Expired).count(), 1);
        assert_eq!(states.iter().filter(|state| **state == CertificateState::Revoked).count(), 1);
        assert!(spec.signers[1].credentials.iter().all(|credential| credential.auth == AuthMode::Hosted));
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        assert!(refused("crl_days = 7", "crl_days = 7\ncrl_dyas = 8").contains("crl_dyas"));
        assert!(refused("age_days = 1\n", "age_days = 1\nage = 1\n").contains("`age`"));
        assert!(refused("auth = \"explicit\"", "auth = \"explicit\"\nmode = \"x\"").contains("mode"));
    }

    #[test]
    fn more_than_three_years_are_refused() {
        assert!(refused("days = 1095", "days = 1096").contains("rsa-2048"));
        assert!(refused("days = 1095", "days = 0").contains("rsa-2048"));
    }

    #[test]
    fn a_name_without_the_marker_is_refused() {
        assert!(refused(MARKER, "KYSO CA").contains("[root]"));
    }

    #[test]
    fn repeated_identifiers_bad_numbers_and_bad_names_are_refused() {
        assert!(refused("id = \"rsa-3072\"", "id = \"rsa-2048\"").contains("twice"));
        assert!(refused("+84900000001", "+85900000001").contains("phone"));
        assert!(refused("135790", "12345").contains("pin"));
        assert!(refused("CN=Nguyễn Văn An,", "Nguyễn Văn An,").contains("nguyen-van-an"));
        assert!(refused("years = 20", "years = 2000").contains("years"));
        assert!(refused("1.3.6.1.4.1.32473.23.1", "policy").contains("object identifier"));
    }

    #[test]
    fn printing_a_specification_hides_the_pins() {
        let printed = format!("{:?}", PkiSpec::embedded().expect("spec"));
        assert!(!printed.contains("135790"));
    }
}
