//! The finished SignedData: signed attributes, signature value and certificates put together.

use der::Encode as _;

use super::attributes::{Profile, SignedAttributes};
use super::extras::Extras;
use crate::crypto::{CryptoError, DigestAlgorithm, PublicKey, SignatureAlgorithm};
use crate::formats::cms::oid;
use crate::formats::der::{tag, write};
use crate::formats::x509::Certificate;

/// Octets reserved beyond the computed size: room for a longer encoding of the same values by another assembler.
const CAPACITY_MARGIN: usize = 256;

/// Why a SignedData could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CmsError {
    /// Our own stored state is damaged.
    #[error("the kept signed attributes are not readable")]
    NotAttributes,
    /// The caller mixed algorithms: EN 319 122-1 asks for one hash throughout.
    #[error("the signature algorithm does not go with the digest {0}")]
    DigestMismatch(DigestAlgorithm),
    /// The key's holder answered with a value that does not verify with the signer's certificate.
    #[error("the signature value does not verify with the signer's certificate: {0}")]
    BadSignatureValue(CryptoError),
    /// The algorithm is read but never produced, or the certificate's key is not supported.
    #[error("the signature cannot be made: {0}")]
    Unsupported(CryptoError),
    /// The caller's content is not what the attributes were built for.
    #[error("the content is not what the signed attributes were made for")]
    ContentDiffers,
}

/// Puts a detached SignedData together, DER.
///
/// `chain` holds the certificates above the signer's in any order; the root may be left out. The signature value is
/// verified with the signer's key first, so a returned message always verifies.
///
/// ```text
/// SignerInfo: version 1, sid issuerAndSerialNumber, no unsigned attributes     -- RFC 5652 §5.3
/// ```
///
/// # Errors
/// [`CmsError`] as named by its variants.
pub fn assemble(
    attributes: &SignedAttributes,
    signature_value: &[u8],
    algorithm: SignatureAlgorithm,
    signer: &Certificate,
    chain: &[Certificate],
) -> Result<Vec<u8>, CmsError> {
    check_value(attributes, signature_value, algorithm, signer)?;
    encode(attributes, signature_value, algorithm, signer, chain)
}

/// Verifies the value with the signer's key.
pub(super) fn check_value(
    attributes: &SignedAttributes,
    signature_value: &[u8],
    algorithm: SignatureAlgorithm,
    signer: &Certificate,
) -> Result<(), CmsError> {
    check_digest(attributes, algorithm)?;
    let key = signer.public_key().map_err(CmsError::Unsupported)?;
    key.verify(algorithm, attributes.der(), signature_value).map_err(CmsError::BadSignatureValue).map(|_| ())
}

/// Octets to reserve for the SignedData of this signer, with room for a signature time-stamp of `time_stamp` octets (0 for
/// level B-B).
///
/// # Errors
/// [`CmsError::Unsupported`] when the algorithm is not produced or the key is not supported.
pub fn cms_capacity(
    signer: &Certificate,
    chain: &[Certificate],
    algorithm: SignatureAlgorithm,
    extras: &Extras,
    time_stamp: usize,
) -> Result<usize, CmsError> {
    let key = signer.public_key().map_err(CmsError::Unsupported)?;
    let content = required_digest(algorithm).digest(b"");
    // The longer profile of the two, so that one figure serves both.
    let profile = Profile::Cades { signing_time: time::OffsetDateTime::UNIX_EPOCH };
    let attributes = SignedAttributes::encode(&content, signer, profile, extras);
    let largest_value = vec![0; signature_capacity(&key)];
    let encoded = encode(&attributes, &largest_value, algorithm, signer, chain)?;
    Ok(encoded.len().saturating_add(time_stamp).saturating_add(CAPACITY_MARGIN))
}

/// The hash a signature algorithm goes with; Ed25519 takes SHA-512 (RFC 8419 §3.1).
fn required_digest(algorithm: SignatureAlgorithm) -> DigestAlgorithm {
    algorithm.digest().unwrap_or(DigestAlgorithm::Sha512)
}

fn check_digest(attributes: &SignedAttributes, algorithm: SignatureAlgorithm) -> Result<(), CmsError> {
    let used = attributes.content_digest();
    if used == required_digest(algorithm) { Ok(()) } else { Err(CmsError::DigestMismatch(used)) }
}

/// Longest signature value of a key, in octets. ECDSA: a SEQUENCE of two INTEGERs, each up to one octet longer than the field.
fn signature_capacity(key: &PublicKey) -> usize {
    match key {
        PublicKey::Rsa(_) => key.bits().div_ceil(8),
        PublicKey::Ed25519(_) => 64,
        PublicKey::P256(_) | PublicKey::P384(_) | PublicKey::P521(_) => key.bits().div_ceil(8) * 2 + 9,
    }
}

fn encode(
    attributes: &SignedAttributes,
    signature_value: &[u8],
    algorithm: SignatureAlgorithm,
    signer: &Certificate,
    chain: &[Certificate],
) -> Result<Vec<u8>, CmsError> {
    let parts = Parts::new(attributes, signature_value, algorithm, signer, chain)?;
    let encapsulated = write::sequence(&[&write::oid(&oid::DATA)]);
    let signed_data = write::sequence(&[&parts.before_content, &encapsulated, &parts.after_content]);
    let content = write::tlv(tag::context_constructed(0), &signed_data);
    Ok(write::sequence(&[&write::oid(&oid::SIGNED_DATA), &content]))
}

/// The fields of SignedData around encapContentInfo.
pub(super) struct Parts {
    /// version, digestAlgorithms.
    pub before_content: Vec<u8>,
    /// certificates, signerInfos.
    pub after_content: Vec<u8>,
}

impl Parts {
    pub fn new(
        attributes: &SignedAttributes,
        signature_value: &[u8],
        algorithm: SignatureAlgorithm,
        signer: &Certificate,
        chain: &[Certificate],
    ) -> Result<Self, CmsError> {
        let signer_info = signer_info(attributes, signature_value, algorithm, signer)?;
        let digest_algorithms = write::set_of(vec![digest_identifier(attributes)]);
        let certificates = write::tlv(tag::context_constructed(0), &certificates(signer, chain));
        Ok(Self {
            before_content: [write::small_integer(1), digest_algorithms].concat(),
            after_content: [certificates, write::set_of(vec![signer_info])].concat(),
        })
    }
}

/// AlgorithmIdentifier of the content's hash.
pub(super) fn digest_identifier(attributes: &SignedAttributes) -> Vec<u8> {
    write::sequence(&[&write::oid(&attributes.content_digest().oid())])
}

pub(super) fn signer_info(
    attributes: &SignedAttributes,
    signature_value: &[u8],
    algorithm: SignatureAlgorithm,
    signer: &Certificate,
) -> Result<Vec<u8>, CmsError> {
    let sid = write::sequence(&[signer.issuer().der(), &write::tlv(tag::INTEGER, signer.serial())]);
    let identifier = algorithm.to_identifier().map_err(CmsError::Unsupported)?;
    let identifier = identifier
        .to_der()
        .map_err(|_| CmsError::Unsupported(CryptoError::BadParameters("the algorithm cannot be encoded")))?;
    // The signed SET OF becomes [0] IMPLICIT: same length and content, another identifier octet.
    let mut signed = attributes.der().to_vec();
    match signed.first_mut() {
        Some(first) => *first = tag::context_constructed(0),
        None => return Err(CmsError::NotAttributes),
    }
    Ok(write::sequence(&[
        &write::small_integer(1),
        &sid,
        &digest_identifier(attributes),
        &signed,
        &identifier,
        &write::octet_string(signature_value),
    ]))
}

/// Content of the certificates field: each certificate once, in DER's SET OF order.
fn certificates(signer: &Certificate, chain: &[Certificate]) -> Vec<u8> {
    let mut encoded: Vec<Vec<u8>> =
        std::iter::once(signer).chain(chain).map(|certificate| certificate.der().to_vec()).collect();
    encoded.sort();
    encoded.dedup();
    encoded.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::cms::{ContentEncoding, SignedData, Trailing, ess};
    use crate::formats::x509::testing::{Issuer, Template};

    const P256_SHA256: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);

    fn people() -> (Issuer, Issuer) {
        let root = Issuer::root("Root");
        let signer = root.issue(&Template::signer("Nguyễn Văn An"));
        (root, signer)
    }

    fn attributes(signer: &Issuer) -> SignedAttributes {
        SignedAttributes::build(&DigestAlgorithm::Sha256.digest(b"content"), &signer.certificate, Profile::Pades)
    }

    #[test]
    fn assembled_message_reads_back() {
        let (root, signer) = people();
        let attributes = attributes(&signer);
        let value = signer.sign(attributes.der());
        let chain = [root.certificate.clone(), root.certificate.clone()];
        let der = assemble(&attributes, &value, P256_SHA256, &signer.certificate, &chain).expect("CMS");
        let read = SignedData::parse(&der).expect("readable");
        assert_eq!((read.encoding, read.trailing), (ContentEncoding::DefiniteLength, Trailing::None));
        assert_eq!((read.certificates.len(), read.signers.len(), read.content), (2, 1, None));
        let info = &read.signers[0];
        assert!(info.identifier.names(&signer.certificate));
        let signed = info.signed_attributes.as_ref().expect("signed attributes");
        assert_eq!(signed.signed_octets(), attributes.der());
        let reference = signed.attributes.single(&oid::SIGNING_CERTIFICATE_V2).expect("single").expect("present");
        let ids = ess::signing_certificate_v2(reference).expect("readable");
        assert_eq!(ids[0].compare(&signer.certificate), Ok(ess::Comparison::Same));
    }

    #[test]
    fn value_of_another_key_is_refused() {
        let (root, signer) = people();
        let attributes = attributes(&signer);
        let value = root.sign(attributes.der());
        assert!(matches!(
            assemble(&attributes, &value, P256_SHA256, &signer.certificate, &[]),
            Err(CmsError::BadSignatureValue(_))
        ));
    }

    #[test]
    fn other_hash_in_algorithm_and_attributes_is_refused() {
        let (_, signer) = people();
        let attributes = attributes(&signer);
        let other = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha384);
        assert_eq!(
            assemble(&attributes, b"", other, &signer.certificate, &[]),
            Err(CmsError::DigestMismatch(DigestAlgorithm::Sha256))
        );
    }

    #[test]
    fn every_signature_fits_the_reserved_size() {
        let (root, signer) = people();
        let chain = std::slice::from_ref(&root.certificate);
        let capacity = cms_capacity(&signer.certificate, chain, P256_SHA256, &Extras::default(), 0).expect("capacity");
        for content in 0..16u8 {
            let digest = DigestAlgorithm::Sha256.digest(&[content]);
            let attributes = SignedAttributes::build(&digest, &signer.certificate, Profile::Pades);
            let value = signer.sign(attributes.der());
            let der = assemble(&attributes, &value, P256_SHA256, &signer.certificate, chain).expect("CMS");
            assert!(der.len() <= capacity && capacity < der.len() + 512);
        }
    }
}
