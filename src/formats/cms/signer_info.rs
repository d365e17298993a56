//! One signer of a SignedData.

use der::Decode as _;
use spki::AlgorithmIdentifierOwned;
use time::OffsetDateTime;

use super::{Attributes, CmsError, oid};
use crate::crypto::{CryptoError, DigestAlgorithm, SignatureAlgorithm};
use crate::formats::der::{DerError, Reader, Rules, Tlv, tag, value, write};
use crate::formats::x509::{Certificate, Name};

/// ```text
/// SignerInfo ::= SEQUENCE {
///   version INTEGER, sid SignerIdentifier, digestAlgorithm AlgorithmIdentifier,
///   signedAttrs [0] IMPLICIT SET OF Attribute OPTIONAL, signatureAlgorithm AlgorithmIdentifier,
///   signature OCTET STRING, unsignedAttrs [1] IMPLICIT SET OF Attribute OPTIONAL }   -- RFC 5652 §5.3
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerInfo {
    pub version: u32,
    pub identifier: SignerIdentifier,
    digest_algorithm: Vec<u8>,
    pub signed_attributes: Option<SignedAttributes>,
    signature_algorithm: Vec<u8>,
    /// The signature value.
    pub signature: Vec<u8>,
    pub unsigned_attributes: Attributes,
}

/// Which certificate the signer names outside of what is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignerIdentifier {
    /// Issuer and the serial number's content octets.
    IssuerAndSerialNumber(Box<Name>, Vec<u8>),
    SubjectKeyIdentifier(Vec<u8>),
}

impl SignerIdentifier {
    pub fn names(&self, certificate: &Certificate) -> bool {
        match self {
            Self::IssuerAndSerialNumber(issuer, serial) => {
                certificate.serial() == serial && certificate.issuer() == issuer.as_ref()
            }
            Self::SubjectKeyIdentifier(id) => certificate.extensions().subject_key_identifier.as_ref() == Some(id),
        }
    }
}

/// Signed attributes with the octets that were signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedAttributes {
    received: Vec<u8>,
    der: Vec<u8>,
    pub attributes: Attributes,
}

impl SignedAttributes {
    /// What the signature value covers (RFC 5652 §5.4): "the DER encoding of the signedAttrs value", as SET OF instead of
    /// `[0]`. The attributes' own octets are the received ones; only their order is DER's.
    pub fn signed_octets(&self) -> &[u8] {
        &self.der
    }

    /// The received encoding, `[0]` replaced by SET OF. Differs from [`Self::signed_octets`] when the signer did not
    /// write DER; some signers then sign what they wrote, against the RFC.
    pub fn received_octets(&self) -> &[u8] {
        &self.received
    }

    /// The value of the message-digest attribute; `None` when it is absent.
    ///
    /// # Errors
    /// [`MessageDigestProblem`] when it is repeated, multi-valued or not an OCTET STRING.
    pub fn message_digest(&self) -> Result<Option<Vec<u8>>, MessageDigestProblem> {
        let Some(value) = self.attributes.single(&oid::MESSAGE_DIGEST)? else { return Ok(None) };
        let octets = Reader::new(value, Rules::Ber).next().and_then(|element| Ok(element.octets()?.into_owned()));
        octets.map(Some).map_err(|_| MessageDigestProblem::Malformed)
    }
}

/// Why the message-digest attribute cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageDigestProblem {
    #[error(transparent)]
    Attribute(#[from] super::AttributeProblem),
    #[error("the message-digest attribute is malformed")]
    Malformed,
}

impl SignerInfo {
    pub(super) fn read(element: Tlv<'_>) -> Result<Self, CmsError> {
        let mut fields = element.expect(tag::SEQUENCE)?.reader()?;
        let version = value::small(value::integer(fields.next()?)?)?;
        let identifier = signer_identifier(fields.next()?)?;
        let digest_algorithm = fields.expect(tag::SEQUENCE)?.raw().to_vec();
        let signed_attributes = fields.optional(tag::context_constructed(0))?.map(signed_attributes).transpose()?;
        let signature_algorithm = fields.expect(tag::SEQUENCE)?.raw().to_vec();
        let signature = fields.next()?.octets()?.into_owned();
        let unsigned = fields.optional(tag::context_constructed(1))?.map(Attributes::read).transpose()?;
        fields.finish()?;
        Ok(Self {
            version,
            identifier,
            digest_algorithm,
            signed_attributes,
            signature_algorithm,
            signature,
            unsigned_attributes: unsigned.unwrap_or_default(),
        })
    }

    /// Reads one SignerInfo that stands alone, as a counter-signature does.
    ///
    /// # Errors
    /// [`CmsError`] when the octets are not exactly one SignerInfo.
    pub fn from_octets(bytes: &[u8]) -> Result<Self, CmsError> {
        let mut reader = Reader::new(bytes, Rules::Ber);
        let element = reader.next()?;
        reader.finish()?;
        Self::read(element)
    }

    /// The hash of the content.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] when it is not implemented.
    pub fn digest_algorithm(&self) -> Result<DigestAlgorithm, CryptoError> {
        DigestAlgorithm::from_oid(&identifier(&self.digest_algorithm)?.oid)
    }

    /// The algorithm of the signature value.
    ///
    /// # Errors
    /// [`CryptoError`] when it is not implemented or its parameters are not usable.
    pub fn signature_algorithm(&self) -> Result<SignatureAlgorithm, CryptoError> {
        SignatureAlgorithm::from_identifier(&identifier(&self.signature_algorithm)?, self.digest_algorithm().ok())
    }

    /// The signing-time attribute: what the signer claims. `None` when absent, repeated or malformed.
    pub fn signing_time(&self) -> Option<OffsetDateTime> {
        let value = self.signed_attributes.as_ref()?.attributes.single(&oid::SIGNING_TIME).ok()??;
        value::time(Reader::new(value, Rules::Ber).next().ok()?).ok()
    }
}

/// `SignerIdentifier ::= CHOICE { issuerAndSerialNumber SEQUENCE { issuer Name, serialNumber INTEGER }, subjectKeyIdentifier [0] }`
fn signer_identifier(element: Tlv<'_>) -> Result<SignerIdentifier, CmsError> {
    if element.tag() == tag::context(0) {
        return Ok(SignerIdentifier::SubjectKeyIdentifier(element.content().to_vec()));
    }
    let mut fields = element.expect(tag::SEQUENCE)?.reader()?;
    let issuer = Name::from_der(fields.expect(tag::SEQUENCE)?.raw())?;
    let serial = value::integer(fields.next()?)?.to_vec();
    fields.finish()?;
    Ok(SignerIdentifier::IssuerAndSerialNumber(Box::new(issuer), serial))
}

fn signed_attributes(element: Tlv<'_>) -> Result<SignedAttributes, CmsError> {
    let mut received = element.raw().to_vec();
    match received.first_mut() {
        Some(first) => *first = tag::SET,
        None => return Err(DerError::Truncated.into()),
    }
    let attributes = Attributes::read(element)?;
    let mut items = element.reader()?;
    let mut encoded = Vec::new();
    while !items.is_empty() {
        encoded.push(items.next()?.raw().to_vec());
    }
    Ok(SignedAttributes { received, der: write::set_of(encoded), attributes })
}

fn identifier(der: &[u8]) -> Result<AlgorithmIdentifierOwned, CryptoError> {
    AlgorithmIdentifierOwned::from_der(der)
        .map_err(|_| CryptoError::BadParameters("the AlgorithmIdentifier is malformed"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::formats::x509::testing::{Issuer, Template, ecdsa_sha256};

    fn sha256() -> Vec<u8> {
        write::sequence(&[&write::oid(&DigestAlgorithm::Sha256.oid())])
    }

    /// A SignerInfo of the certificate with serial 7 of "Root", with these signed attribute octets.
    pub(in super::super) fn signer_info(attributes: &[u8]) -> Vec<u8> {
        let root = Issuer::root("Root").certificate;
        let sid = write::sequence(&[root.subject().der(), &write::small_integer(7)]);
        let signed = if attributes.is_empty() { Vec::new() } else { write::tlv(0xa0, attributes) };
        write::sequence(&[
            &write::small_integer(1),
            &sid,
            &sha256(),
            &signed,
            &ecdsa_sha256(),
            &write::octet_string(b"value"),
        ])
    }

    fn read(der: &[u8]) -> SignerInfo {
        SignerInfo::read(Reader::new(der, Rules::Ber).next().expect("element")).expect("SignerInfo")
    }

    #[test]
    fn signed_octets_are_the_received_attributes_in_der_order() {
        let digest =
            write::sequence(&[&write::oid(&oid::MESSAGE_DIGEST), &write::set_of(vec![write::octet_string(b"d")])]);
        let kind = write::sequence(&[&write::oid(&oid::CONTENT_TYPE), &write::set_of(vec![write::oid(&oid::DATA)])]);
        let unsorted = [kind.clone(), digest.clone()].concat();
        let signer = read(&signer_info(&unsorted));
        let signed = signer.signed_attributes.expect("signed attributes");
        assert_eq!(signed.received_octets(), write::tlv(tag::SET, &unsorted));
        assert_eq!(signed.signed_octets(), write::tlv(tag::SET, &[digest, kind].concat()));
        assert_eq!(signed.message_digest(), Ok(Some(b"d".to_vec())));
    }

    #[test]
    fn identifier_names_one_certificate_only() {
        let root = Issuer::root("Root");
        let signer = read(&signer_info(&[]));
        let mut template = Template::signer("An");
        assert!(signer.identifier.names(&root.issue(&template).certificate));
        template.serial = 8;
        assert!(!signer.identifier.names(&root.issue(&template).certificate));
        assert!(!signer.identifier.names(&Issuer::root("Other").issue(&Template::signer("An")).certificate));
    }

    #[test]
    fn algorithms_are_told() {
        let signer = read(&signer_info(&[]));
        assert_eq!(signer.digest_algorithm(), Ok(DigestAlgorithm::Sha256));
        assert_eq!(signer.signature_algorithm(), Ok(SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256)));
        assert_eq!(signer.signing_time(), None);
    }
}
