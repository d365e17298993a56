//! Signed attributes a signer may add, and the rules of the two profiles about them.
//!
//! Rules: EN 319 142-1 §6.3 (PAdES) and EN 319 122-1 §6.3 (CAdES); syntax: EN 319 122-1 §5.2.

use const_oid::ObjectIdentifier;
use serde::{Deserialize, Serialize};

use super::attributes::Profile;
use crate::crypto::{Digest, DigestAlgorithm};
use crate::formats::cms::{SignedData, oid};
use crate::formats::der::{tag, write};

/// spuri and spusernotice, the qualifiers of a signature policy (EN 319 122-1 §5.2.9.2).
const POLICY_URI: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.5.1");
const POLICY_NOTICE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.5.2");
/// title (X.520): the function somebody has in an organisation; its values are plain text.
const TITLE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.12");

/// Longest text in characters: DirectoryString's bound for titles and the policy notice's for its text is smaller than
/// any sentence worth signing.
const MAX_TEXT: usize = 200;
/// Most roles and address lines (PostalAddress has six lines at most).
const MAX_ROLES: usize = 16;
const MAX_ADDRESS_LINES: usize = 6;
/// Longest content time-stamp taken, in bytes; with its chain inside a token has some 8 kB.
const MAX_TOKEN: usize = 256 * 1024;

/// Optional signed attributes; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extras {
    pub commitment: Option<Commitment>,
    /// Makes the signature explicit-policy-based (EPES).
    pub policy: Option<SignaturePolicy>,
    /// Roles the signer claims, unverified.
    pub roles: Vec<String>,
    /// CAdES only; in a PDF the place stands in the dictionary's /Location.
    pub location: Option<SignerLocation>,
    /// A time-stamp token (DER) over the content, from before signing.
    pub content_time_stamp: Option<Vec<u8>>,
    /// CAdES only: what kind of file was signed.
    pub content_format: Option<ContentFormat>,
}

/// commitment-type-indication (EN 319 122-1 §5.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Commitment {
    /// The signer made, approved and sent the content.
    ProofOfOrigin,
    /// The signer received the content.
    ProofOfReceipt,
    /// Somebody delivered the content where its recipient can reach it.
    ProofOfDelivery,
    /// The signer sent the content, without having made it.
    ProofOfSender,
    /// The signer approves the content.
    ProofOfApproval,
    /// The signer made the content, without approving or sending it.
    ProofOfCreation,
}

impl Commitment {
    pub fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::ProofOfOrigin => "1.2.840.113549.1.9.16.6.1",
            Self::ProofOfReceipt => "1.2.840.113549.1.9.16.6.2",
            Self::ProofOfDelivery => "1.2.840.113549.1.9.16.6.3",
            Self::ProofOfSender => "1.2.840.113549.1.9.16.6.4",
            Self::ProofOfApproval => "1.2.840.113549.1.9.16.6.5",
            Self::ProofOfCreation => "1.2.840.113549.1.9.16.6.6",
        })
    }
}

/// signature-policy-identifier (EN 319 122-1 §5.2.9.1): the rules the signer signed under, by name and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PolicyWire", into = "PolicyWire")]
pub struct SignaturePolicy {
    pub oid: ObjectIdentifier,
    /// Of the policy document, as the policy itself says how to compute it.
    pub digest: Digest,
    /// Where the document can be had; ASCII.
    pub uri: Option<String>,
    /// What is shown to whoever relies on the signature.
    pub user_notice: Option<String>,
}

/// signer-location (EN 319 122-1 §5.2.6.2); one entry at least.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SignerLocation {
    pub country: Option<String>,
    pub locality: Option<String>,
    pub postal_address: Vec<String>,
}

/// How the content's kind is told: one attribute or the other, never both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContentFormat {
    /// mime-type (EN 319 122-1 §5.2.5.2), e.g. `application/xml`.
    MimeType(String),
    /// content-hints (EN 319 122-1 §5.2.4.1) for id-data, with this description, e.g. `Content-Type: application/xml`.
    Hints(String),
}

/// Whether the PDF signature dictionary says why it was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Stated,
    Absent,
}

/// An attribute the profile does not allow, or one that cannot be encoded; the request is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AttributeRule {
    #[error(
        "a PAdES signature has no signer-location: put the place into the dictionary's /Location (EN 319 142-1 §6.3)"
    )]
    PadesLocation,
    #[error("a PAdES signature has neither content-hints nor mime-type: its content is a PDF (EN 319 142-1 §6.3)")]
    PadesContentFormat,
    #[error("a PAdES signature has a /Reason or a commitment type, never both (EN 319 142-1 §6.3)")]
    ReasonBesideCommitment,
    #[error("a PAdES signature under a signature policy has no /Reason (EN 319 142-1 §6.3)")]
    ReasonBesidePolicy,
    #[error("{0} is empty or longer than {MAX_TEXT} characters")]
    TextLength(&'static str),
    #[error("{0} holds other characters than visible ASCII")]
    NotAscii(&'static str),
    #[error("there are too many {0}")]
    TooMany(&'static str),
    #[error("the signer's location is empty")]
    EmptyLocation,
    #[error("the country of the signer's location is not a code of two letters")]
    Country,
    #[error("the MIME type is not of the form type/subtype")]
    MimeType,
    #[error("the content time-stamp is no time-stamp token")]
    ContentTimeStamp,
    #[error("the policy's hash is SHA-1 or SHA-224, which are not made any more")]
    PolicyHash,
}

/// Checks what the profile allows and that every value can be encoded.
///
/// `reason` matters for PAdES alone.
///
/// # Errors
/// The first [`AttributeRule`] that is broken.
pub fn check(profile: Profile, extras: &Extras, reason: Reason) -> Result<(), AttributeRule> {
    if profile == Profile::Pades {
        check_pades(extras, reason)?;
    }
    if let Some(policy) = &extras.policy {
        policy.check()?;
    }
    if extras.roles.len() > MAX_ROLES {
        return Err(AttributeRule::TooMany("roles"));
    }
    extras.roles.iter().try_for_each(|role| text("a role", role))?;
    if let Some(location) = &extras.location {
        location.check()?;
    }
    if let Some(format) = &extras.content_format {
        format.check()?;
    }
    match &extras.content_time_stamp {
        Some(token) if !is_token(token) => Err(AttributeRule::ContentTimeStamp),
        _ => Ok(()),
    }
}

fn check_pades(extras: &Extras, reason: Reason) -> Result<(), AttributeRule> {
    let stated = reason == Reason::Stated;
    match extras {
        Extras { location: Some(_), .. } => Err(AttributeRule::PadesLocation),
        Extras { content_format: Some(_), .. } => Err(AttributeRule::PadesContentFormat),
        Extras { commitment: Some(_), .. } if stated => Err(AttributeRule::ReasonBesideCommitment),
        Extras { policy: Some(_), .. } if stated => Err(AttributeRule::ReasonBesidePolicy),
        _ => Ok(()),
    }
}

impl Extras {
    /// The attributes, each a type and its one value.
    pub(super) fn attributes(&self) -> Vec<(ObjectIdentifier, Vec<u8>)> {
        let mut attributes = Vec::new();
        if let Some(commitment) = self.commitment {
            attributes.push((oid::COMMITMENT_TYPE, write::sequence(&[&write::oid(&commitment.oid())])));
        }
        attributes.extend(self.policy.as_ref().map(|policy| (oid::SIGNATURE_POLICY, policy.to_der())));
        if !self.roles.is_empty() {
            attributes.push((oid::SIGNER_ATTRIBUTES_V2, signer_attributes(&self.roles)));
        }
        attributes.extend(self.location.as_ref().map(|location| (oid::SIGNER_LOCATION, location.to_der())));
        attributes.extend(self.content_time_stamp.clone().map(|token| (oid::CONTENT_TIME_STAMP, token)));
        attributes.extend(self.content_format.as_ref().map(ContentFormat::attribute));
        attributes
    }
}

/// ```text
/// SignerAttributeV2 ::= SEQUENCE { claimedAttributes [0] EXPLICIT SEQUENCE OF Attribute OPTIONAL, … }
/// ```
/// EN 319 122-1 §5.2.6.1; one attribute `title` with a value for each role.
fn signer_attributes(roles: &[String]) -> Vec<u8> {
    let values = write::set_of(roles.iter().map(|role| utf8(role)).collect());
    let title = write::sequence(&[&write::oid(&TITLE), &values]);
    write::sequence(&[&explicit(0, &write::sequence(&[&title]))])
}

impl SignaturePolicy {
    fn check(&self) -> Result<(), AttributeRule> {
        if self.digest.algorithm() < DigestAlgorithm::Sha256 {
            return Err(AttributeRule::PolicyHash);
        }
        self.uri.iter().try_for_each(|uri| ascii("the policy's URI", uri))?;
        self.user_notice.iter().try_for_each(|notice| text("the policy's notice", notice))
    }

    /// ```text
    /// SignaturePolicyId ::= SEQUENCE {
    ///   sigPolicyId OBJECT IDENTIFIER, sigPolicyHash SEQUENCE { hashAlgorithm AlgorithmIdentifier, hashValue OCTET STRING },
    ///   sigPolicyQualifiers SEQUENCE OF SEQUENCE { sigPolicyQualifierId OBJECT IDENTIFIER, sigQualifier ANY } OPTIONAL }
    /// SPuri ::= IA5String
    /// SPUserNotice ::= SEQUENCE { noticeRef NoticeReference OPTIONAL, explicitText DisplayText OPTIONAL }
    /// ```
    fn to_der(&self) -> Vec<u8> {
        let algorithm = write::sequence(&[&write::oid(&self.digest.algorithm().oid())]);
        let hash = write::sequence(&[&algorithm, &write::octet_string(self.digest.as_bytes())]);
        let uri = self.uri.as_ref().map(|uri| (POLICY_URI, write::tlv(tag::IA5_STRING, uri.as_bytes())));
        let notice = self.user_notice.as_ref().map(|text| (POLICY_NOTICE, write::sequence(&[&utf8(text)])));
        let qualifiers: Vec<Vec<u8>> =
            uri.into_iter().chain(notice).map(|(oid, value)| write::sequence(&[&write::oid(&oid), &value])).collect();
        let qualifiers = match qualifiers.as_slice() {
            [] => Vec::new(),
            some => write::sequence(&[&some.concat()]),
        };
        write::sequence(&[&write::oid(&self.oid), &hash, &qualifiers])
    }
}

impl SignerLocation {
    fn check(&self) -> Result<(), AttributeRule> {
        if *self == Self::default() {
            return Err(AttributeRule::EmptyLocation);
        }
        let code = |country: &String| country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !self.country.iter().all(code) {
            return Err(AttributeRule::Country);
        }
        if self.postal_address.len() > MAX_ADDRESS_LINES {
            return Err(AttributeRule::TooMany("lines in the postal address"));
        }
        let mut texts = self.locality.iter().chain(&self.postal_address);
        texts.try_for_each(|line| text("the location", line))
    }

    /// ```text
    /// SignerLocation ::= SEQUENCE {   -- explicit tags
    ///   countryName [0] DirectoryString OPTIONAL, localityName [1] DirectoryString OPTIONAL,
    ///   postalAddress [2] SEQUENCE SIZE (1..6) OF DirectoryString OPTIONAL }
    /// ```
    fn to_der(&self) -> Vec<u8> {
        let country = self.country.as_ref().map(|country| explicit(0, &utf8(country)));
        let locality = self.locality.as_ref().map(|locality| explicit(1, &utf8(locality)));
        let lines: Vec<Vec<u8>> = self.postal_address.iter().map(|line| utf8(line)).collect();
        let address = (!lines.is_empty()).then(|| explicit(2, &write::sequence(&[&lines.concat()])));
        let parts: Vec<Vec<u8>> = country.into_iter().chain(locality).chain(address).collect();
        write::sequence(&[&parts.concat()])
    }
}

impl ContentFormat {
    fn check(&self) -> Result<(), AttributeRule> {
        match self {
            Self::Hints(description) => text("the content's description", description),
            Self::MimeType(mime) => {
                ascii("the MIME type", mime)?;
                let parts = mime.split_once('/').filter(|(kind, subtype)| !kind.is_empty() && !subtype.is_empty());
                parts.map(|_| ()).ok_or(AttributeRule::MimeType)
            }
        }
    }

    /// `ContentHints ::= SEQUENCE { contentDescription UTF8String OPTIONAL, contentType OBJECT IDENTIFIER }`,
    /// `MimeType ::= UTF8String`
    fn attribute(&self) -> (ObjectIdentifier, Vec<u8>) {
        match self {
            Self::MimeType(mime) => (oid::MIME_TYPE, utf8(mime)),
            Self::Hints(description) => {
                (oid::CONTENT_HINTS, write::sequence(&[&utf8(description), &write::oid(&oid::DATA)]))
            }
        }
    }
}

fn utf8(text: &str) -> Vec<u8> {
    write::tlv(tag::UTF8_STRING, text.as_bytes())
}

fn explicit(n: u8, value: &[u8]) -> Vec<u8> {
    write::tlv(tag::context_constructed(n), value)
}

fn text(what: &'static str, text: &str) -> Result<(), AttributeRule> {
    let length = text.chars().count();
    if (1..=MAX_TEXT).contains(&length) { Ok(()) } else { Err(AttributeRule::TextLength(what)) }
}

fn ascii(what: &'static str, value: &str) -> Result<(), AttributeRule> {
    text(what, value)?;
    if value.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(()) } else { Err(AttributeRule::NotAscii(what)) }
}

fn is_token(der: &[u8]) -> bool {
    der.len() <= MAX_TOKEN && SignedData::parse(der).is_ok_and(|token| token.content_type == oid::TST_INFO)
}

/// The stored form: identifier dotted, digest hexadecimal.
#[derive(Serialize, Deserialize)]
struct PolicyWire {
    oid: String,
    digest_algorithm: DigestAlgorithm,
    digest: String,
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    user_notice: Option<String>,
}

impl From<SignaturePolicy> for PolicyWire {
    fn from(policy: SignaturePolicy) -> Self {
        Self {
            oid: policy.oid.to_string(),
            digest_algorithm: policy.digest.algorithm(),
            digest: policy.digest.to_hex(),
            uri: policy.uri,
            user_notice: policy.user_notice,
        }
    }
}

impl TryFrom<PolicyWire> for SignaturePolicy {
    type Error = &'static str;

    fn try_from(wire: PolicyWire) -> Result<Self, Self::Error> {
        let oid = ObjectIdentifier::new(&wire.oid).map_err(|_| "the policy's identifier is not a dotted OID")?;
        let bytes = super::embed::unhex(&wire.digest)?;
        let digest = Digest::from_bytes(wire.digest_algorithm, &bytes);
        let digest = digest.ok_or("the policy's digest does not fit its algorithm")?;
        Ok(Self { oid, digest, uri: wire.uri, user_notice: wire.user_notice })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const CADES: Profile = Profile::Cades { signing_time: datetime!(2026-05-01 0:00 UTC) };

    fn policy() -> SignaturePolicy {
        SignaturePolicy {
            oid: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1"),
            digest: DigestAlgorithm::Sha256.digest(b"policy"),
            uri: Some("https://policy.example/1".into()),
            user_notice: Some("Chỉ dùng cho hóa đơn".into()),
        }
    }

    fn all() -> Extras {
        Extras {
            commitment: Some(Commitment::ProofOfApproval),
            policy: Some(policy()),
            roles: vec!["Giám đốc".into(), "Kế toán trưởng".into()],
            location: Some(SignerLocation {
                country: Some("VN".into()),
                locality: Some("Hà Nội".into()),
                postal_address: vec!["1 Tràng Tiền".into()],
            }),
            content_time_stamp: None,
            content_format: Some(ContentFormat::MimeType("application/xml".into())),
        }
    }

    #[test]
    fn cades_allows_all_and_pades_names_what_it_forbids() {
        assert_eq!(check(CADES, &all(), Reason::Stated), Ok(()));
        assert_eq!(check(Profile::Pades, &all(), Reason::Absent), Err(AttributeRule::PadesLocation));
        let no_location = Extras { location: None, ..all() };
        assert_eq!(check(Profile::Pades, &no_location, Reason::Absent), Err(AttributeRule::PadesContentFormat));
        let allowed = Extras { content_format: None, ..no_location };
        assert_eq!(check(Profile::Pades, &allowed, Reason::Absent), Ok(()));
    }

    #[test]
    fn reason_beside_commitment_or_policy_is_refused() {
        let commitment = Extras { commitment: Some(Commitment::ProofOfOrigin), ..Extras::default() };
        let check = |extras: &Extras, reason| check(Profile::Pades, extras, reason);
        assert_eq!(check(&commitment, Reason::Stated), Err(AttributeRule::ReasonBesideCommitment));
        assert_eq!(check(&commitment, Reason::Absent), Ok(()));
        let epes = Extras { policy: Some(policy()), ..Extras::default() };
        assert_eq!(check(&epes, Reason::Stated), Err(AttributeRule::ReasonBesidePolicy));
        assert_eq!(check(&epes, Reason::Absent), Ok(()));
        assert_eq!(check(&Extras::default(), Reason::Stated), Ok(()));
    }

    #[test]
    fn values_that_cannot_be_encoded_are_refused() {
        let refused = |extras: Extras| check(CADES, &extras, Reason::Absent).expect_err("refused");
        let role = Extras { roles: vec![String::new()], ..Extras::default() };
        assert_eq!(refused(role), AttributeRule::TextLength("a role"));
        let many = Extras { roles: vec!["r".into(); MAX_ROLES + 1], ..Extras::default() };
        assert_eq!(refused(many), AttributeRule::TooMany("roles"));
        let location = Extras { location: Some(SignerLocation::default()), ..Extras::default() };
        assert_eq!(refused(location), AttributeRule::EmptyLocation);
        let country = SignerLocation { country: Some("Việt Nam".into()), ..SignerLocation::default() };
        assert_eq!(refused(Extras { location: Some(country), ..Extras::default() }), AttributeRule::Country);
        for (mime, rule) in [("xml", AttributeRule::MimeType), ("a /b", AttributeRule::NotAscii("the MIME type"))] {
            let format = Some(ContentFormat::MimeType(mime.into()));
            assert_eq!(refused(Extras { content_format: format, ..Extras::default() }), rule);
        }
        let junk = Extras { content_time_stamp: Some(b"junk".to_vec()), ..Extras::default() };
        assert_eq!(refused(junk), AttributeRule::ContentTimeStamp);
        let weak = SignaturePolicy { digest: DigestAlgorithm::Sha1.digest(b"policy"), ..policy() };
        assert_eq!(refused(Extras { policy: Some(weak), ..Extras::default() }), AttributeRule::PolicyHash);
    }

    #[test]
    fn stored_extras_come_back_and_nothing_is_the_default() {
        let text = serde_json::to_string(&all()).expect("JSON");
        assert_eq!(serde_json::from_str::<Extras>(&text).expect("read"), all());
        assert_eq!(serde_json::from_str::<Extras>("{}").expect("read"), Extras::default());
        let damaged = text.replace(&policy().digest.to_hex(), "00");
        assert!(serde_json::from_str::<Extras>(&damaged).is_err());
    }
}
