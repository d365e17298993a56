//! How a request's documents are to be signed: the members of `POST /v1/requests` for that, checked one by one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use const_oid::ObjectIdentifier;
use serde::Deserialize;
use spki::AlgorithmIdentifierOwned;

use crate::crypto::{Digest, DigestAlgorithm, SignatureAlgorithm};
use crate::domain::settings::{ContentTimeStamp, SignatureFormat, SignatureOptions};
use crate::formats::level::Baseline;
use crate::formats::pdf::permissions::{DocMdpPermission, FieldLock};
use crate::signing::extras::{Commitment, ContentFormat, Extras, SignaturePolicy, SignerLocation};

use super::appearance;
use crate::signing::visible::VisibleSignature;

use super::super::fault::Fault;
use super::super::problem;

/// The members of a request's body that say how to sign. Unknown ones are the body's to refuse.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Signature {
    pub format: Option<String>,
    pub level: Option<String>,
    pub reason: Option<String>,
    pub location: Option<String>,
    pub contact_info: Option<String>,
    pub field: Option<String>,
    pub appearance: Option<VisibleSignature>,
    /// DocMDP `P`.
    pub certify: Option<u8>,
    pub lock: Option<Lock>,
    pub commitment: Option<Commitment>,
    pub policy: Option<Policy>,
    pub roles: Vec<String>,
    pub signer_location: Option<Place>,
    pub mime_type: Option<String>,
    pub content_time_stamp: Option<bool>,
}

/// Fields that may not change afterwards.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lock {
    action: LockAction,
    #[serde(default)]
    fields: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LockAction {
    All,
    Include,
    Exclude,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Policy {
    oid: String,
    /// Name as in CSC, e.g. `SHA-256`.
    digest_algorithm: String,
    /// Base64.
    digest: String,
    uri: Option<String>,
    notice: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    country: Option<String>,
    locality: Option<String>,
    #[serde(default)]
    postal_address: Vec<String>,
}

/// Most fields a lock may name, and characters of each: far beyond any form a person fills.
const MAX_LOCKED: usize = 500;
const MAX_FIELD_NAME: usize = 200;

impl Signature {
    /// The first member that only one signer can have.
    pub fn of_one_signer(&self) -> Option<&'static str> {
        let members = [
            ("field", self.field.is_some()),
            ("appearance", self.appearance.is_some()),
            ("certify", self.certify.is_some()),
            ("lock", self.lock.is_some()),
        ];
        members.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
    }

    /// # Errors
    /// A [`Fault`] that names the member and what it may be.
    pub fn options(self) -> Result<SignatureOptions, Fault> {
        let extras = Extras {
            commitment: self.commitment,
            policy: self.policy.map(Policy::read).transpose()?,
            roles: self.roles,
            location: self.signer_location.map(Place::read),
            content_time_stamp: None,
            content_format: self.mime_type.map(ContentFormat::MimeType),
        };
        Ok(SignatureOptions {
            appearance: self.appearance.map(|asked| appearance::checked(asked).map(Box::new)).transpose()?,
            format: format(self.format.as_deref())?,
            level: level(self.level.as_deref())?,
            reason: self.reason,
            location: self.location,
            contact_info: self.contact_info,
            field: self.field,
            certify: self.certify.map(certify).transpose()?,
            lock: self.lock.map(Lock::read).transpose()?,
            extras,
            content_time_stamp: match self.content_time_stamp {
                Some(true) => ContentTimeStamp::BeforeSigning,
                _ => ContentTimeStamp::Without,
            },
        })
    }
}

fn invalid(detail: &'static str) -> Fault {
    Fault::new(&problem::INVALID).detail(detail)
}

fn format(name: Option<&str>) -> Result<SignatureFormat, Fault> {
    let unknown = || invalid("format: pdf, cms or cms-enveloping");
    name.map_or(Ok(SignatureFormat::default()), |name| SignatureFormat::from_name(name).ok_or_else(unknown))
}

fn level(name: Option<&str>) -> Result<Baseline, Fault> {
    let unknown =
        || Fault::new(&problem::LEVEL_NOT_SUPPORTED).detail("level: B-B, B-T, B-LT and B-LTA are offered".to_owned());
    name.map_or(Ok(Baseline::B), |name| Baseline::from_name(name).ok_or_else(unknown))
}

fn certify(permission: u8) -> Result<DocMdpPermission, Fault> {
    match permission {
        1 => Ok(DocMdpPermission::NoChanges),
        2 => Ok(DocMdpPermission::FormFilling),
        3 => Ok(DocMdpPermission::Annotating),
        _ => Err(invalid("certify: 1 (no changes), 2 (form filling and signing) or 3 (annotations too)")),
    }
}

impl Lock {
    fn read(self) -> Result<FieldLock, Fault> {
        let sane = self.fields.len() <= MAX_LOCKED
            && self.fields.iter().all(|name| (1..=MAX_FIELD_NAME).contains(&name.chars().count()));
        match (self.action, self.fields.is_empty()) {
            _ if !sane => Err(invalid("lock.fields: at most 500 names of at most 200 characters")),
            (LockAction::All, true) => Ok(FieldLock::All),
            (LockAction::All, false) => Err(invalid("lock.fields: the action all takes none")),
            (_, true) => Err(invalid("lock.fields: the names of fields are missing")),
            (LockAction::Include, false) => Ok(FieldLock::Include(self.fields)),
            (LockAction::Exclude, false) => Ok(FieldLock::Exclude(self.fields)),
        }
    }
}

impl Policy {
    fn read(self) -> Result<SignaturePolicy, Fault> {
        let oid = ObjectIdentifier::new(&self.oid).map_err(|_| invalid("policy.oid: not an object identifier"))?;
        let algorithm = DigestAlgorithm::from_name(&self.digest_algorithm);
        let algorithm = algorithm.ok_or_else(|| invalid("policy.digest_algorithm: SHA-256, SHA-384 or SHA-512"))?;
        let bytes = STANDARD.decode(&self.digest).ok();
        let digest = bytes.and_then(|bytes| Digest::from_bytes(algorithm, &bytes));
        let digest = digest.ok_or_else(|| invalid("policy.digest: not base64 of a hash of that algorithm"))?;
        Ok(SignaturePolicy { oid, digest, uri: self.uri, user_notice: self.notice })
    }
}

impl Place {
    fn read(self) -> SignerLocation {
        SignerLocation { country: self.country, locality: self.locality, postal_address: self.postal_address }
    }
}

/// An identifier that names its hash; RSASSA-PSS goes with SHA-256 and a salt of its length.
pub(super) fn sign_algorithm(text: &str) -> Result<SignatureAlgorithm, Fault> {
    const RSASSA_PSS: &str = "1.2.840.113549.1.1.10";
    if text == RSASSA_PSS {
        return Ok(SignatureAlgorithm::RsaPss { digest: DigestAlgorithm::Sha256, salt_len: 32 });
    }
    let bad = || invalid("sign_algo: not a supported signature algorithm");
    let oid = ObjectIdentifier::new(text).map_err(|_| bad())?;
    SignatureAlgorithm::from_identifier(&AlgorithmIdentifierOwned { oid, parameters: None }, None).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::super::super::fault::Shape;
    use super::*;

    fn options(json: &str) -> Result<SignatureOptions, String> {
        let signature: Signature = serde_json::from_str(json).expect("JSON");
        signature.options().map_err(|fault| fault.body(Shape::Problem, "r").expect("a body"))
    }

    #[test]
    fn every_member_is_read() {
        let digest = STANDARD.encode([7; 32]);
        let json = format!(
            r#"{{"format":"cms","level":"B-LTA","reason":"r","contact_info":"c","field":"f","certify":2,
            "lock":{{"action":"include","fields":["a"]}},"commitment":"proof-of-approval","roles":["Giám đốc"],
            "policy":{{"oid":"1.2.3","digest_algorithm":"SHA-256","digest":"{digest}","uri":"https://p.example"}},
            "signer_location":{{"country":"VN"}},"mime_type":"application/xml","content_time_stamp":true}}"#
        );
        let options = options(&json).expect("read");
        assert_eq!((options.format, options.level), (SignatureFormat::Cms, Baseline::Lta));
        assert_eq!(options.lock, Some(FieldLock::Include(vec!["a".into()])));
        assert_eq!(options.certify, Some(DocMdpPermission::FormFilling));
        assert_eq!(options.extras.commitment, Some(Commitment::ProofOfApproval));
        assert_eq!(options.extras.policy.map(|policy| policy.digest.as_bytes().to_vec()), Some(vec![7; 32]));
        assert_eq!(options.content_time_stamp, ContentTimeStamp::BeforeSigning);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (json, named) in [
            (r#"{"format":"xml"}"#, "format: pdf"),
            (r#"{"level":"B-XL"}"#, "level: B-B"),
            (r#"{"certify":4}"#, "certify: 1"),
            (r#"{"lock":{"action":"all","fields":["a"]}}"#, "the action all takes none"),
            (r#"{"lock":{"action":"exclude"}}"#, "names of fields are missing"),
            (r#"{"policy":{"oid":"x","digest_algorithm":"SHA-256","digest":""}}"#, "policy.oid"),
            (r#"{"policy":{"oid":"1.2.3","digest_algorithm":"MD5","digest":""}}"#, "policy.digest_algorithm"),
            (r#"{"policy":{"oid":"1.2.3","digest_algorithm":"SHA-256","digest":"AA=="}}"#, "policy.digest"),
        ] {
            let refused = options(json).expect_err("refused");
            assert!(refused.contains(named), "{json}: {refused}");
        }
    }
}
