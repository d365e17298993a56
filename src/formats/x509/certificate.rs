//! One certificate.

use std::{fmt, ops::Range, sync::Arc};

use der::Decode as _;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use time::OffsetDateTime;

use super::signed::Signed;
use super::{Extensions, Name, X509Error};
use crate::crypto::digest::hex;
use crate::crypto::{CryptoError, Digest, DigestAlgorithm, PublicKey, SignatureAlgorithm, Verified};
use crate::formats::der::{DerError, Tlv, tag, value};

/// Largest certificate read, in bytes. Ordinary ones have 1 to 3 kB; the largest honest ones (hybrid post-quantum keys,
/// long policy notices) stay under 20 kB.
const MAX_CERTIFICATE_BYTES: usize = 256 * 1024;

/// A parsed certificate together with the octets it was read from; cheap to clone.
///
/// ```text
/// Certificate ::= SEQUENCE {
///   tbsCertificate     TBSCertificate,
///   signatureAlgorithm AlgorithmIdentifier,
///   signatureValue     BIT STRING }                -- RFC 5280 §4.1
/// ```
///
/// Equality is equality of the received DER.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    tbs: Range<usize>,
    version: u32,
    serial: Vec<u8>,
    issuer: Name,
    validity: Validity,
    subject: Name,
    spki: Vec<u8>,
    extensions: Extensions,
    inner_algorithm: Vec<u8>,
    outer_algorithm: Vec<u8>,
    signature: Vec<u8>,
}

/// When the certificate may be used: both ends included (RFC 5280 §4.1.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
}

impl Validity {
    /// Compared in whole seconds, the resolution of both ends.
    pub fn contains(&self, time: OffsetDateTime) -> bool {
        let time = time.unix_timestamp();
        self.not_before.unix_timestamp() <= time && time <= self.not_after.unix_timestamp()
    }
}

/// Proof that a certificate's signature verified with a key; only [`Certificate::verify_issued_with`] mints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IssuedBy {
    pub algorithm: SignatureAlgorithm,
    _verified: Verified,
}

impl Certificate {
    /// Reads one DER certificate that fills `bytes`.
    ///
    /// # Errors
    /// [`X509Error`] when it is not DER, not a certificate, or holds an extension twice.
    pub fn from_der(bytes: &[u8]) -> Result<Self, X509Error> {
        if bytes.len() > MAX_CERTIFICATE_BYTES {
            return Err(X509Error::TooLarge(MAX_CERTIFICATE_BYTES));
        }
        let signed = Signed::read(bytes)?;
        Ok(Self(Arc::new(Inner {
            der: bytes.to_vec(),
            tbs: signed.tbs_range,
            outer_algorithm: signed.algorithm.to_vec(),
            signature: signed.signature.to_vec(),
            ..read_tbs(signed.tbs)?
        })))
    }

    /// The certificate as received.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The TBSCertificate as received: what the issuer signed.
    pub fn tbs_der(&self) -> &[u8] {
        self.0.der.get(self.0.tbs.clone()).unwrap_or_default()
    }

    /// 1, 2 or 3.
    pub fn version(&self) -> u32 {
        self.0.version
    }

    /// Content octets of the serial number, as received.
    pub fn serial(&self) -> &[u8] {
        &self.0.serial
    }

    /// The serial number in lower-case hexadecimal, without the leading zero octet of a positive number.
    pub fn serial_hex(&self) -> String {
        serial_hex(&self.0.serial)
    }

    pub fn issuer(&self) -> &Name {
        &self.0.issuer
    }

    pub fn subject(&self) -> &Name {
        &self.0.subject
    }

    pub fn validity(&self) -> Validity {
        self.0.validity
    }

    /// DER of the SubjectPublicKeyInfo, as received.
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki
    }

    pub fn extensions(&self) -> &Extensions {
        &self.0.extensions
    }

    /// Decodes the subject's public key.
    ///
    /// # Errors
    /// [`CryptoError`] for an unsupported or malformed key.
    pub fn public_key(&self) -> Result<PublicKey, CryptoError> {
        let spki = SubjectPublicKeyInfoOwned::from_der(&self.0.spki)
            .map_err(|_| CryptoError::BadKey("the SubjectPublicKeyInfo is malformed"))?;
        PublicKey::from_spki(&spki)
    }

    /// The algorithm the issuer signed with.
    ///
    /// # Errors
    /// [`X509Error::AlgorithmMismatch`] when the two places disagree, [`X509Error::Crypto`] when it is not supported.
    pub fn signature_algorithm(&self) -> Result<SignatureAlgorithm, X509Error> {
        issuer_algorithm(&self.0.inner_algorithm, &self.0.outer_algorithm)
    }

    /// Checks the certificate's signature over the received TBSCertificate with the issuer's key.
    ///
    /// # Errors
    /// [`X509Error`] when the algorithms disagree or the value does not verify.
    pub fn verify_issued_with(&self, issuer_key: &PublicKey) -> Result<IssuedBy, X509Error> {
        let algorithm = self.signature_algorithm()?;
        let verified = issuer_key.verify(algorithm, self.tbs_der(), &self.0.signature)?;
        Ok(IssuedBy { algorithm, _verified: verified })
    }

    /// Subject and issuer are the same name; says nothing about the key.
    pub fn is_self_issued(&self) -> bool {
        self.subject() == self.issuer()
    }

    /// Hash of the whole certificate.
    pub fn fingerprint(&self, algorithm: DigestAlgorithm) -> Digest {
        algorithm.digest(self.der())
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, serial {})", self.subject(), self.serial_hex())
    }
}

/// A serial number's content octets in lower-case hexadecimal; `0` for zero.
pub(crate) fn serial_hex(content: &[u8]) -> String {
    let digits = match content {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    hex(digits)
}

/// The algorithm of an issuer's signature, which certificates and CRLs name twice (RFC 5280 §4.1.1.2, §5.1.1.2).
pub(crate) fn issuer_algorithm(inner: &[u8], outer: &[u8]) -> Result<SignatureAlgorithm, X509Error> {
    if inner != outer {
        return Err(X509Error::AlgorithmMismatch);
    }
    let identifier = AlgorithmIdentifierOwned::from_der(outer)
        .map_err(|_| DerError::BadValue("an AlgorithmIdentifier is malformed"))?;
    Ok(SignatureAlgorithm::from_identifier(&identifier, None)?)
}

/// ```text
/// TBSCertificate ::= SEQUENCE {
///   version [0] EXPLICIT INTEGER DEFAULT v1, serialNumber INTEGER, signature AlgorithmIdentifier, issuer Name,
///   validity SEQUENCE { notBefore Time, notAfter Time }, subject Name, subjectPublicKeyInfo SubjectPublicKeyInfo,
///   issuerUniqueID [1] IMPLICIT BIT STRING OPTIONAL, subjectUniqueID [2] IMPLICIT BIT STRING OPTIONAL,
///   extensions [3] EXPLICIT Extensions OPTIONAL }   -- RFC 5280 §4.1
/// ```
fn read_tbs(tbs: Tlv<'_>) -> Result<Inner, X509Error> {
    let mut fields = tbs.reader()?;
    let version = match fields.optional(tag::context_constructed(0))? {
        Some(explicit) => value::small(value::integer(explicit.reader()?.next()?)?)?.saturating_add(1),
        None => 1,
    };
    let serial = value::integer(fields.next()?)?.to_vec();
    let inner_algorithm = fields.expect(tag::SEQUENCE)?.raw().to_vec();
    let issuer = Name::read(fields.next()?)?;
    let mut times = fields.expect(tag::SEQUENCE)?.reader()?;
    let validity = Validity { not_before: value::time(times.next()?)?, not_after: value::time(times.next()?)? };
    let subject = Name::read(fields.next()?)?;
    let spki = fields.expect(tag::SEQUENCE)?.raw().to_vec();
    fields.optional(tag::context(1))?;
    fields.optional(tag::context(2))?;
    let extensions = match fields.optional(tag::context_constructed(3))? {
        Some(explicit) => Extensions::read(explicit.reader()?.expect(tag::SEQUENCE)?)?,
        None => Extensions::default(),
    };
    fields.finish()?;
    Ok(Inner {
        version,
        serial,
        issuer,
        validity,
        subject,
        spki,
        extensions,
        inner_algorithm,
        der: Vec::new(),
        tbs: 0..0,
        outer_algorithm: Vec::new(),
        signature: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Issuer, Template};
    use super::*;
    use time::macros::datetime;

    #[test]
    fn issued_certificate_verifies_with_its_issuer_only() {
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template::signer("Nguyễn Văn An"));
        assert!(leaf.certificate.verify_issued_with(&root.certificate.public_key().expect("key")).is_ok());
        let other = Issuer::root("Other");
        assert_eq!(
            leaf.certificate.verify_issued_with(&other.certificate.public_key().expect("key")),
            Err(X509Error::Crypto(CryptoError::BadSignature))
        );
    }

    #[test]
    fn accessors_tell_what_was_issued() {
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template::signer("Nguyễn Văn An")).certificate;
        assert_eq!(leaf.version(), 3);
        assert!(leaf.issuer() == root.certificate.subject());
        assert_eq!(leaf.subject().to_string(), "CN=Nguyễn Văn An");
        assert!(leaf.validity().contains(datetime!(2026-06-01 0:00 UTC)));
        assert!(!leaf.is_self_issued());
        assert_eq!(Certificate::from_der(leaf.der()), Ok(leaf.clone()));
    }

    #[test]
    fn one_changed_byte_of_the_body_breaks_the_signature() {
        let root = Issuer::root("Root");
        let mut der = root.issue(&Template::signer("An")).certificate.der().to_vec();
        let at = der.windows(2).position(|w| w == b"An").expect("name");
        der[at] = b'B';
        let forged = Certificate::from_der(&der).expect("still a certificate");
        assert!(forged.verify_issued_with(&root.certificate.public_key().expect("key")).is_err());
    }

    #[test]
    fn inner_algorithm_other_than_outer_is_refused() {
        let root = Issuer::root("Root");
        let mut der = root.issue(&Template::signer("An")).certificate.der().to_vec();
        // ecdsa-with-SHA256 ends in 02; the last occurrence is the outer one.
        let oid = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
        let at = der.windows(oid.len()).rposition(|w| w == oid).expect("algorithm");
        der[at + 7] = 0x03;
        let forged = Certificate::from_der(&der).expect("still a certificate");
        let key = root.certificate.public_key().expect("key");
        assert_eq!(forged.verify_issued_with(&key), Err(X509Error::AlgorithmMismatch));
    }

    #[test]
    fn last_second_of_the_validity_counts_whole() {
        let end = datetime!(2026-12-31 0:00 UTC);
        let validity = Validity { not_before: datetime!(2026-01-01 0:00 UTC), not_after: end };
        assert!(validity.contains(end + time::Duration::milliseconds(900)));
        assert!(!validity.contains(end + time::Duration::seconds(1)));
    }

    #[test]
    fn trailing_octet_is_refused() {
        let mut der = Issuer::root("Root").certificate.der().to_vec();
        der.push(0);
        assert_eq!(Certificate::from_der(&der), Err(X509Error::Encoding(DerError::Trailing)));
    }

    #[test]
    fn serial_hex_hides_the_sign_octet() {
        assert_eq!(serial_hex(&[0x00, 0xff, 0x01]), "ff01");
        assert_eq!(serial_hex(&[0x00]), "00");
        assert_eq!(serial_hex(&[0x7f]), "7f");
    }
}
