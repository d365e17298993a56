//! The credential as clients see it (`credentials/info`, and the entries of `credentials/list`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use const_oid::ObjectIdentifier;
use der::{Any, DateTime, Decode as _};
use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use x509_cert::Certificate;
use x509_cert::ext::pkix::CertificatePolicies;

use crate::crypto::digest::hex;
use crate::domain::credential::KeyStatus;
use crate::domain::{AuthMode, Credential};

use super::super::confirm::Language;
use super::super::fault::Fault;
use super::Version;
use super::algorithms;
use super::params::{Params, invalid};

/// What the caller wants to see.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    certificates: Certificates,
    cert_info: bool,
    auth_info: bool,
    lang: Language,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Certificates {
    None,
    Single,
    Chain,
}

impl Wanted {
    /// # Errors
    /// "Invalid parameter certificates".
    pub fn read(params: &Params) -> Result<Self, Fault> {
        let bad = || invalid("Invalid parameter certificates");
        let certificates = match params.optional_string(&["certificates"]).map_err(|_| bad())? {
            None | Some("single") => Certificates::Single,
            Some("none") => Certificates::None,
            Some("chain") => Certificates::Chain,
            Some(_) => return Err(bad()),
        };
        let (cert_info, auth_info) = (params.flag("certInfo")?, params.flag("authInfo")?);
        Ok(Self { certificates, cert_info, auth_info, lang: params.language()? })
    }
}

/// Members of `credentials/info`; absent ones are left out.
#[derive(Debug, Serialize)]
pub struct CredentialInfo {
    #[serde(rename = "credentialID", skip_serializing_if = "Option::is_none")]
    credential_id: Option<String>,
    key: Key,
    cert: Cert,
    #[serde(rename = "authMode", skip_serializing_if = "Option::is_none")]
    auth_mode: Option<&'static str>,
    #[serde(rename = "PIN", skip_serializing_if = "Option::is_none")]
    pin: Option<Value>,
    #[serde(rename = "OTP", skip_serializing_if = "Option::is_none")]
    otp: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<Value>,
    #[serde(rename = "SCAL")]
    scal: &'static str,
    multisign: u32,
    lang: &'static str,
}

#[derive(Debug, Serialize)]
struct Key {
    status: &'static str,
    algo: &'static [&'static str],
    len: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    curve: Option<&'static str>,
}

#[derive(Debug, Default, Serialize)]
struct Cert {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificates: Option<Vec<String>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    details: Option<CertDetails>,
}

#[derive(Debug, Serialize)]
struct CertDetails {
    #[serde(rename = "issuerDN")]
    issuer_dn: String,
    #[serde(rename = "serialNumber")]
    serial_number: String,
    #[serde(rename = "subjectDN")]
    subject_dn: String,
    #[serde(rename = "validFrom")]
    valid_from: String,
    #[serde(rename = "validTo")]
    valid_to: String,
    /// v2.2: identifiers of the certificate policies and of the qualified-certificate statements.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    policy: Vec<String>,
    #[serde(rename = "qcStatements", skip_serializing_if = "Vec::is_empty")]
    qc_statements: Vec<String>,
}

impl CredentialInfo {
    pub fn new(credential: &Credential, version: Version, wanted: Wanted, now: OffsetDateTime) -> Self {
        let (v1, explicit) = (version == Version::V1, credential.auth == AuthMode::Explicit);
        let v1_factors = v1 && explicit && wanted.auth_info;
        let mode = if explicit { "explicit" } else { "oauth2code" };
        Self {
            credential_id: None,
            key: Key {
                status: if credential.status == KeyStatus::Enabled { "enabled" } else { "disabled" },
                algo: algorithms::sign_algorithms(credential.algorithm),
                len: credential.algorithm.bits(),
                curve: algorithms::curve(credential.algorithm),
            },
            cert: cert(credential, version, wanted, now),
            auth_mode: v1.then_some(mode),
            pin: v1_factors.then(|| v1_pin(wanted.lang)),
            otp: v1_factors.then(|| v1_otp(wanted.lang)),
            auth: (!v1).then(|| v2_auth(credential.auth, wanted.lang)),
            scal: "2",
            multisign: credential.multisign,
            lang: wanted.lang.tag(),
        }
    }

    /// With its `credentialID`, as entries of a list have it.
    pub fn named(self, credential: &Credential) -> Self {
        Self { credential_id: Some(credential.id.to_string()), ..self }
    }
}

/// Whether key and certificate could sign now.
pub fn is_valid(credential: &Credential, now: OffsetDateTime) -> bool {
    let certificate = credential.certificates.first().and_then(|der| Certificate::from_der(der).ok());
    credential.status == KeyStatus::Enabled
        && certificate.is_some_and(|certificate| status(&certificate, now) == "valid")
}

fn cert(credential: &Credential, version: Version, wanted: Wanted, now: OffsetDateTime) -> Cert {
    let encode = |ders: &[Vec<u8>]| ders.iter().map(|der| STANDARD.encode(der)).collect();
    let certificates = match wanted.certificates {
        Certificates::None => None,
        Certificates::Single => Some(encode(credential.certificates.get(..1).unwrap_or_default())),
        Certificates::Chain => Some(encode(&credential.certificates)),
    };
    let Some(certificate) = credential.certificates.first().and_then(|der| Certificate::from_der(der).ok()) else {
        return Cert { certificates, ..Cert::default() };
    };
    let details = wanted.cert_info.then(|| details(&certificate, version));
    Cert { status: Some(status(&certificate, now)), certificates, details }
}

/// By its dates alone; revocation is checked when signing.
fn status(certificate: &Certificate, now: OffsetDateTime) -> &'static str {
    let validity = certificate.tbs_certificate().validity();
    let seconds = |at: DateTime| i64::try_from(at.unix_duration().as_secs()).unwrap_or(i64::MAX);
    let (from, to) = (seconds(validity.not_before.to_date_time()), seconds(validity.not_after.to_date_time()));
    let now = now.unix_timestamp();
    if from <= now && now <= to { "valid" } else { "expired" }
}

fn details(certificate: &Certificate, version: Version) -> CertDetails {
    let tbs = certificate.tbs_certificate();
    let v2 = version == Version::V2;
    CertDetails {
        issuer_dn: tbs.issuer().to_string(),
        serial_number: hex(tbs.serial_number().as_bytes()),
        subject_dn: tbs.subject().to_string(),
        valid_from: generalized_time(tbs.validity().not_before.to_date_time()),
        valid_to: generalized_time(tbs.validity().not_after.to_date_time()),
        policy: if v2 { policies(certificate) } else { Vec::new() },
        qc_statements: if v2 { qc_statements(certificate) } else { Vec::new() },
    }
}

fn policies(certificate: &Certificate) -> Vec<String> {
    let found = certificate.tbs_certificate().get_extension::<CertificatePolicies>();
    let found = found.ok().flatten().map(|(_, policies)| policies.0).unwrap_or_default();
    found.iter().map(|policy| policy.policy_identifier.to_string()).collect()
}

/// `QCStatements ::= SEQUENCE OF SEQUENCE { statementId OBJECT IDENTIFIER, statementInfo ANY OPTIONAL }` (RFC 3739 §3.2.6).
fn qc_statements(certificate: &Certificate) -> Vec<String> {
    const QC_STATEMENTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.3");
    let extensions = certificate.tbs_certificate().extensions();
    let found = extensions.into_iter().flatten().find(|extension| extension.extn_id == QC_STATEMENTS);
    let statements = found.and_then(|found| Vec::<Vec<Any>>::from_der(found.extn_value.as_bytes()).ok());
    let id = |statement: &Vec<Any>| statement.first()?.decode_as::<ObjectIdentifier>().ok().map(|id| id.to_string());
    statements.unwrap_or_default().iter().filter_map(id).collect()
}

/// `YYYYMMDDHHmmssZ`.
fn generalized_time(at: DateTime) -> String {
    let date = format!("{:04}{:02}{:02}", at.year(), at.month(), at.day());
    format!("{date}{:02}{:02}{:02}Z", at.hour(), at.minutes(), at.seconds())
}

fn pin_text(lang: Language) -> &'static str {
    lang.pick("Mã PIN của chữ ký số", "PIN of the signing key")
}

fn otp_text(lang: Language) -> &'static str {
    lang.pick("Mã xác nhận gửi đến số điện thoại đã đăng ký", "Code sent to the registered telephone number")
}

fn v1_pin(lang: Language) -> Value {
    json!({"presence": "true", "format": "A", "label": "PIN", "description": pin_text(lang)})
}

fn v1_otp(lang: Language) -> Value {
    json!({"presence": "true", "type": "online", "format": "N", "label": "OTP", "description": otp_text(lang),
           "ID": "OTP", "provider": "KYSO"})
}

/// v2 `auth`: both factors for explicit mode; an empty list for the service's own page, as clients expect the member.
fn v2_auth(mode: AuthMode, lang: Language) -> Value {
    match mode {
        AuthMode::Explicit => json!({
            "mode": "explicit",
            "expression": "PIN AND OTP",
            "objects": [
                {"type": "Password", "id": "PIN", "format": "A", "label": "PIN", "description": pin_text(lang)},
                {"type": "ChallengeResponse", "id": "OTP", "format": "N", "label": "OTP", "description": otp_text(lang)}
            ]
        }),
        AuthMode::Hosted => json!({"mode": "oauth2code", "objects": []}),
    }
}

#[cfg(test)]
mod tests {
    use super::super::params::tests::params;
    use super::*;
    use crate::domain::credential::Purpose;
    use crate::domain::{CredentialId, KeyAlgorithm, SignerId, WrappedKey};
    use time::macros::datetime;

    fn credential(auth: AuthMode) -> Credential {
        Credential {
            id: CredentialId::parse("c1").expect("id"),
            signer: SignerId::parse("s1").expect("id"),
            algorithm: KeyAlgorithm::P256,
            auth,
            factors: crate::domain::Factors::Code,
            status: KeyStatus::Enabled,
            purpose: Purpose::Development,
            key: WrappedKey(vec![]),
            spki: vec![],
            certificates: vec![],
            multisign: 5,
            created_at: datetime!(2026-01-01 0:00 UTC),
        }
    }

    fn json(auth: AuthMode, version: Version, request: &str) -> String {
        let wanted = Wanted::read(&params(request)).expect("read");
        let info = CredentialInfo::new(&credential(auth), version, wanted, datetime!(2026-01-01 0:00 UTC));
        serde_json::to_string(&info).expect("JSON")
    }

    const KEY: &str = concat!(
        r#"{"key":{"status":"enabled","algo":["1.2.840.10045.2.1","1.2.840.10045.4.3.2","1.2.840.10045.4.3.3","#,
        r#""1.2.840.10045.4.3.4"],"len":256,"curve":"1.2.840.10045.3.1.7"},"cert":{},"#
    );

    #[test]
    fn v1_tells_its_factors_only_when_asked() {
        let tail = r#""SCAL":"2","multisign":5,"lang":"vi-VN"}"#;
        let quiet = json(AuthMode::Explicit, Version::V1, r#"{"certificates":"none"}"#);
        assert_eq!(quiet, format!(r#"{KEY}"authMode":"explicit",{tail}"#));
        let told = json(AuthMode::Explicit, Version::V1, r#"{"certificates":"none","authInfo":true}"#);
        assert!(told.contains(r#""PIN":{"#) && told.contains(r#""OTP":{"#) && !told.contains(r#""auth":"#), "{told}");
    }

    #[test]
    fn v2_always_has_auth_with_objects() {
        let hosted = json(AuthMode::Hosted, Version::V2, r#"{"certificates":"none"}"#);
        let tail = r#""auth":{"mode":"oauth2code","objects":[]},"SCAL":"2","multisign":5,"lang":"vi-VN"}"#;
        assert_eq!(hosted, format!("{KEY}{tail}"));
        let explicit = json(AuthMode::Explicit, Version::V2, "{}");
        assert!(explicit.contains(r#""mode":"explicit""#) && explicit.contains(r#""certificates":[]"#), "{explicit}");
        assert!(!explicit.contains("authMode") && !explicit.contains(r#""PIN":"#), "{explicit}");
    }

    #[test]
    fn certificates_takes_three_words() {
        assert!(Wanted::read(&params(r#"{"certificates":"all"}"#)).is_err());
        assert!(Wanted::read(&params(r#"{"certificates":1}"#)).is_err());
        assert!(Wanted::read(&params(r#"{"certificates":"chain"}"#)).is_ok());
    }
}
