//! Whose signature makes a payload a bundle.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::payload::Payload;
use super::{MAX_BUNDLE_BYTES, Refusal};
use crate::crypto::DigestAlgorithm;
use crate::crypto::digest::hex;
use crate::formats::cms::{SignedData, SignerInfo, Trailing, oid};
use crate::formats::x509::Certificate;
use crate::validation::Policy;
use crate::validation::blocks::crypto::{CryptographicallyValid, SignedContent};
use crate::validation::blocks::signing_certificate::{self, Binding};
use crate::validation::blocks::{acceptance, crypto};
use crate::validation::report::{Finding, Language};

/// SHA-256 of a certificate's DER; written in lower-case hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub fn of(certificate: &Certificate) -> Self {
        let digest = certificate.fingerprint(DigestAlgorithm::Sha256);
        // SHA-256 has 32 octets.
        Self(digest.as_bytes().try_into().unwrap_or_default())
    }

    /// Reads 64 hexadecimal digits, in capitals or not, with colons or blanks between them or not.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text
            .chars()
            .filter(|c| !matches!(c, ':' | ' '))
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()?;
        let octets: Vec<u8> = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |all, d| all << 4 | d)).collect();
        (digits.len() == 64).then_some(Self(octets.try_into().ok()?))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a SHA-256 fingerprint")
    }
}

/// A payload whose publisher is known and whose signature verified; only [`open`] mints it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bundle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    payload: Payload,
    publisher: Certificate,
    sha256: String,
}

impl Bundle {
    pub fn payload(&self) -> &Payload {
        &self.0.payload
    }

    /// The certificate of whoever signed it.
    pub fn publisher(&self) -> &Certificate {
        &self.0.publisher
    }

    /// SHA-256 of the payload, in lower-case hexadecimal: the same content signed again has the same.
    pub fn sha256(&self) -> &str {
        &self.0.sha256
    }

    /// Who may sign what follows: the publisher, and the successors it names.
    pub fn may_follow(&self) -> Vec<Fingerprint> {
        [Fingerprint::of(&self.0.publisher)].into_iter().chain(self.0.payload.successors.iter().copied()).collect()
    }
}

/// Opens a bundle signed by one of the `trusted` certificates. Nothing of the payload is read before that is certain.
///
/// `at` is when it is, or was, imported: the certificate has to be valid then and when the bundle was issued, and the algorithms have to
/// hold. The certificate has to be for signing.
///
/// # Errors
/// [`Refusal`] names why not.
pub fn open(bytes: &[u8], trusted: &[Fingerprint], at: OffsetDateTime) -> Result<Bundle, Refusal> {
    if bytes.len() > MAX_BUNDLE_BYTES {
        return Err(Refusal::TooLarge);
    }
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
        return Err(Refusal::Unsigned("this is the content alone; have it signed"));
    }
    let signed_data = SignedData::parse(bytes).map_err(|error| Refusal::Malformed(error.to_string()))?;
    let [signer] = signed_data.signers.as_slice() else {
        return Err(match signed_data.signers.len() {
            0 => Refusal::Unsigned("the message has no signer"),
            several => Refusal::Malformed(format!("{several} signers")),
        });
    };
    let content = match &signed_data.content {
        Some(content) if signed_data.content_type == oid::DATA => content.as_ref(),
        Some(_) => return Err(Refusal::Malformed("the message holds something else than data".to_owned())),
        None => return Err(Refusal::Unsigned("the signature is detached; its content has to be inside")),
    };
    if signed_data.trailing != Trailing::None {
        return Err(Refusal::Malformed("bytes follow the message".to_owned()));
    }
    let (publisher, signature) = publisher(&signed_data, signer, content)?;
    let fingerprint = Fingerprint::of(&publisher);
    if !trusted.contains(&fingerprint) {
        return Err(Refusal::UnknownPublisher { subject: publisher.subject().to_string(), fingerprint });
    }
    let weak = |finding: Finding| Refusal::WeakSignature(finding.message.text(Language::English));
    acceptance::algorithms(&signature, &publisher, Policy::STRICT, at).map_err(weak)?;
    let payload = Payload::from_canonical(content)?;
    for (time, when) in [(at, "at the import"), (payload.issued, "when the bundle was issued")] {
        if !publisher.validity().contains(time) {
            return Err(Refusal::PublisherCertificate(format!("it was not valid {when}")));
        }
    }
    let sha256 = hex(DigestAlgorithm::Sha256.digest(content).as_bytes());
    Ok(Bundle(Arc::new(Inner { payload, publisher, sha256 })))
}

/// The certificate whose key signed the content, bound by a signed attribute.
fn publisher(
    signed_data: &SignedData<'_>,
    signer: &SignerInfo,
    content: &[u8],
) -> Result<(Certificate, CryptographicallyValid), Refusal> {
    let mut remarks = Vec::new();
    let identified = signing_certificate::identify(signer, signed_data.certificates.iter(), &mut remarks);
    let identified = identified.map_err(|finding| Refusal::Malformed(finding.message.text(Language::English)))?;
    if identified.binding() != Binding::V2 {
        return Err(Refusal::Malformed("the signature lacks signing-certificate-v2 (CAdES)".to_owned()));
    }
    let certificate = identified.certificate();
    let valid = crypto::verify(signer, &SignedContent::Parts(vec![content]), certificate, &mut remarks);
    let valid = valid.map_err(tampered)?;
    acceptance::attributes(signed_data, signer, &mut remarks).map_err(tampered)?;
    let usage = certificate.extensions().key_usage;
    if usage.is_some_and(|usage| !usage.digital_signature() && !usage.non_repudiation()) {
        return Err(Refusal::PublisherCertificate("its key is not for signing".to_owned()));
    }
    Ok((certificate.clone(), valid))
}

fn tampered(finding: Finding) -> Refusal {
    Refusal::Tampered(finding.message.text(Language::English))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::testing::{NOW, Publisher, payload};
    use crate::formats::x509::testing::{Issuer, Template, critical};
    use time::macros::datetime;

    fn refused(bytes: &[u8], trusted: &[Fingerprint]) -> &'static str {
        open(bytes, trusted, NOW).expect_err("refused").name()
    }

    #[test]
    fn honest_bundle_opens_and_tells_its_publisher() {
        let publisher = Publisher::new("Publisher");
        let bundle = open(&publisher.sign(&payload(1)), &[publisher.fingerprint()], NOW).expect("opens");
        assert_eq!(bundle.publisher(), publisher.certificate());
        assert_eq!((bundle.payload().number, bundle.sha256()), (1, payload(1).sha256().as_str()));
    }

    #[test]
    fn another_publisher_is_refused_with_its_fingerprint() {
        let (publisher, other) = (Publisher::new("Publisher"), Publisher::new("Other"));
        let refusal = open(&other.sign(&payload(1)), &[publisher.fingerprint()], NOW).expect_err("refused");
        let fingerprint = other.fingerprint();
        assert_eq!(refusal, Refusal::UnknownPublisher { subject: "CN=Other".to_owned(), fingerprint });
        assert_eq!(refused(&publisher.sign(&payload(1)), &[]), "unknown-publisher");
    }

    #[test]
    fn certificate_issued_by_the_publisher_is_not_the_publisher() {
        let ca = Issuer::root("Publisher");
        let below = Publisher(ca.issue(&Template::signer("An")));
        assert_eq!(refused(&below.sign(&payload(1)), &[Fingerprint::of(&ca.certificate)]), "unknown-publisher");
    }

    #[test]
    fn content_without_signature_and_detached_signature_are_unsigned() {
        let publisher = Publisher::new("Publisher");
        let trusted = [publisher.fingerprint()];
        assert_eq!(refused(&payload(1).to_canonical(), &trusted), "unsigned");
        let detached = crate::validation::testing::p7s();
        assert_eq!(refused(&detached.der, &trusted), "unsigned");
        for junk in [&b""[..], b"\x30\x80", b"junk"] {
            assert_eq!(refused(junk, &trusted), "malformed");
        }
    }

    #[test]
    fn no_changed_octet_gives_other_content() {
        let publisher = Publisher::new("Publisher");
        let trusted = [publisher.fingerprint()];
        let honest = publisher.sign(&payload(1));
        for at in (0..honest.len()).step_by(7) {
            let mut changed = honest.clone();
            changed[at] ^= 1;
            // What no signature covers (digestAlgorithms is a hint) changes nothing that counts.
            if let Ok(opened) = open(&changed, &trusted, NOW) {
                assert_eq!(opened.sha256(), payload(1).sha256(), "octet {at}");
            }
        }
        let longer = [&honest[..], b"\0"].concat();
        assert_eq!(refused(&longer, &trusted), "malformed");
        let text = honest.windows(9).position(|window| window == b"\"number\":").expect("number");
        let mut changed = honest.clone();
        changed[text + 10] = b'9';
        assert_eq!(refused(&changed, &trusted), "tampered");
    }

    #[test]
    fn publisher_has_to_be_valid_when_it_signed_and_at_the_import_and_be_for_signing() {
        let publisher = Publisher::new("Publisher");
        let signed = publisher.sign(&payload(1));
        let late = open(&signed, &[publisher.fingerprint()], datetime!(2027-01-01 0:00 UTC)).expect_err("refused");
        assert_eq!(late.name(), "publisher-certificate");
        let early = Payload { issued: datetime!(2025-12-01 0:00 UTC), ..payload(1) };
        assert_eq!(refused(&publisher.sign(&early), &[publisher.fingerprint()]), "publisher-certificate");
        let usage = critical("2.5.29.15", &[3, 2, 5, 0x20]);
        let encipherer = Issuer::root("Root").issue(&Template { base: vec![usage], ..Template::signer("Publisher") });
        let encipherer = Publisher(encipherer);
        assert_eq!(refused(&encipherer.sign(&payload(1)), &[encipherer.fingerprint()]), "publisher-certificate");
    }

    #[test]
    fn fingerprints_are_read_as_people_and_openssl_write_them() {
        let fingerprint = Fingerprint([0xab; 32]);
        let colons = vec!["AB"; 32].join(":");
        assert_eq!(Fingerprint::parse(&colons), Some(fingerprint));
        assert_eq!(Fingerprint::parse(&fingerprint.to_string()), Some(fingerprint));
        for bad in ["", "ab", &"ab".repeat(33), &"xy".repeat(32)] {
            assert_eq!(Fingerprint::parse(bad), None);
        }
    }
}
