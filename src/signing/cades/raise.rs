//! Adding to a finished message: unsigned attributes, time-stamps, certificates and revocation values.

use const_oid::ObjectIdentifier;

use crate::crypto::{Digest, DigestAlgorithm};
use crate::formats::cms::{CmsError, Frame, SignedData, SignerInfo, ValidationData, oid};
use crate::formats::der::{Reader, Rules, write};
use crate::formats::tsp::TstInfo;

/// Why a message was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RaiseError {
    /// The message's maker is at fault, or it passes a limit.
    #[error(transparent)]
    Message(#[from] CmsError),
    #[error("the message has no signer at position {0}")]
    NoSuchSigner(usize),
    /// The caller's value is at fault.
    #[error("the value of an attribute is not one element")]
    NotOneElement,
    /// TS 101 733 let an archive time-stamp cover all certificates and CRLs: whoever adds one breaks it.
    #[error("an archive time-stamp of the former kind covers the certificates; adding one would break it")]
    CoveredByFormerArchive,
    #[error("what came as a time-stamp is no time-stamp token")]
    NotAToken,
    #[error("the time-stamp is of something else than this signature")]
    ForeignToken,
    #[error("the content is not in the message and was not given")]
    ContentMissing,
    #[error("the content given is not what this signer signed")]
    ContentDiffers,
    #[error(transparent)]
    Signature(#[from] super::super::cms::CmsError),
    /// Read, never produced: SHA-1 and SHA-224.
    #[error("{0} is not used for new time-stamps")]
    WeakHash(DigestAlgorithm),
}

/// What a signature-time-stamp of this signer covers: the signature value's octets, without identifier and length
/// (EN 319 122-1 §5.3).
///
/// # Errors
/// [`RaiseError`] when the message is unreadable or has no such signer.
pub fn signature_imprint(
    message: &[u8],
    signer_index: usize,
    algorithm: DigestAlgorithm,
) -> Result<Digest, RaiseError> {
    let signed_data = SignedData::parse(message)?;
    let signer = signed_data.signers.get(signer_index).ok_or(RaiseError::NoSuchSigner(signer_index))?;
    Ok(algorithm.digest(&signer.signature))
}

/// Adds a signature-time-stamp (level B-T); `token` is a DER TimeStampToken over [`signature_imprint`].
///
/// # Errors
/// [`RaiseError::ForeignToken`] when it is of something else; its own signature is not verified here.
pub fn with_signature_time_stamp(message: &[u8], signer_index: usize, token: &[u8]) -> Result<Vec<u8>, RaiseError> {
    check_token(token, |algorithm| signature_imprint(message, signer_index, algorithm))?;
    with_unsigned_attribute(message, signer_index, &oid::SIGNATURE_TIME_STAMP, token)
}

/// Adds an unsigned attribute with one value (one element) to a signer. DER or BER in, see [`Frame`] for what stays as received;
/// zeros after the message, as a PDF pads with, are dropped.
///
/// # Errors
/// [`RaiseError`]; the message is never changed in part.
pub fn with_unsigned_attribute(
    message: &[u8],
    signer_index: usize,
    oid: &ObjectIdentifier,
    value: &[u8],
) -> Result<Vec<u8>, RaiseError> {
    let mut element = Reader::new(value, Rules::Ber);
    element.next().and_then(|_| element.finish()).map_err(|_| RaiseError::NotOneElement)?;
    let mut frame = Frame::open(message)?;
    let signer = frame.signer_mut(signer_index).ok_or(RaiseError::NoSuchSigner(signer_index))?;
    signer.add_unsigned(write::sequence(&[&write::oid(oid), &write::set_of(vec![value.to_vec()])]));
    finished(&frame)
}

/// Adds certificates, CRLs and OCSP responses to SignedData (level B-LT, EN 319 122-1 §6.3), each once.
///
/// # Errors
/// [`RaiseError::CoveredByFormerArchive`], or an unreadable message.
pub fn with_certificates_and_revocations(message: &[u8], material: &ValidationData) -> Result<Vec<u8>, RaiseError> {
    takes_certificates(&SignedData::parse(message)?)?;
    let mut frame = Frame::open(message)?;
    material.certificates.iter().for_each(|certificate| frame.add_certificate(certificate.der()));
    material.crls.iter().for_each(|crl| frame.add_crl(crl.der()));
    material.ocsps.iter().for_each(|response| frame.add_ocsp(response.der()));
    finished(&frame)
}

/// Makes sure that no archive time-stamp covers the certificates field as it stands.
pub(super) fn takes_certificates(signed_data: &SignedData<'_>) -> Result<(), RaiseError> {
    let former = [oid::ARCHIVE_TIME_STAMP_V2, oid::LONG_TERM_VALIDATION];
    let covered = |signer: &SignerInfo| former.iter().any(|oid| signer.unsigned_attributes.contains(oid));
    if signed_data.signers.iter().any(covered) { Err(RaiseError::CoveredByFormerArchive) } else { Ok(()) }
}

/// Makes sure that `token` states the imprint that `expected` gives for its hash.
pub(super) fn check_token(
    token: &[u8],
    expected: impl FnOnce(DigestAlgorithm) -> Result<Digest, RaiseError>,
) -> Result<(), RaiseError> {
    let read = SignedData::parse(token).map_err(|_| RaiseError::NotAToken)?;
    let content = read.content.as_deref().filter(|_| read.content_type == oid::TST_INFO);
    let info = TstInfo::from_der(content.ok_or(RaiseError::NotAToken)?).map_err(|_| RaiseError::NotAToken)?;
    let algorithm = info.imprint_algorithm.map_err(|_| RaiseError::ForeignToken)?;
    if expected(algorithm)?.as_bytes() == info.imprint { Ok(()) } else { Err(RaiseError::ForeignToken) }
}

/// The message again, read once more: a result that could not be read here is not handed out.
pub(super) fn finished(frame: &Frame<'_>) -> Result<Vec<u8>, RaiseError> {
    let message = frame.to_vec()?;
    SignedData::parse(&message)?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::cms::{ContentEncoding, Trailing};
    use crate::formats::crl::CertificateList;
    use crate::formats::der::tag;
    use crate::formats::ocsp::OcspResponse;
    use crate::formats::x509::testing::{Answer, Issuer, Template};
    use crate::validation::testing::{Builder, attribute, p7s, token};
    use time::macros::datetime;

    /// The same message with indefinite lengths outside.
    fn indefinite(der: &[u8]) -> Vec<u8> {
        let mut outer = Reader::single(der, tag::SEQUENCE).expect("outer").reader().expect("fields");
        let content_type = outer.next().expect("type").raw();
        let inner = outer.next().expect("content").reader().expect("inner").next().expect("SignedData").content();
        [&[0x30, 0x80], content_type, &[0xa0, 0x80, 0x30, 0x80], inner, &[0; 6]].concat()
    }

    fn stamp(message: &[u8]) -> Vec<u8> {
        let root = Issuer::root("Root");
        let unit = root.issue(&Template::time_stamping("TSA"));
        let value = SignedData::parse(message).expect("message").signers[0].signature.clone();
        token(&unit, &[&value], datetime!(2026-06-01 12:00 UTC))
    }

    fn material() -> ValidationData {
        let root = Issuer::root("Root");
        let (this, next) = (datetime!(2026-05-01 0:00 UTC), datetime!(2026-06-01 0:00 UTC));
        let leaf = root.issue(&Template::signer("An")).certificate;
        let ocsp = root.ocsp(&root, &leaf, Answer::Good, (this, next), &[]);
        ValidationData {
            certificates: vec![root.certificate.clone(), leaf],
            crls: vec![CertificateList::from_der(&root.crl(this, next, &[], &[])).expect("CRL")],
            ocsps: vec![OcspResponse::from_der(&ocsp).expect("OCSP")],
        }
    }

    #[test]
    fn signature_time_stamp_goes_into_der_and_ber_without_touching_what_is_signed() {
        let der = p7s().der;
        for message in [der.clone(), indefinite(&der), [&der[..], &[0; 40]].concat()] {
            let raised = with_signature_time_stamp(&message, 0, &stamp(&message)).expect("raised");
            let (before, after) =
                (SignedData::parse(&message).expect("before"), SignedData::parse(&raised).expect("after"));
            assert_eq!((after.encoding, after.trailing), (ContentEncoding::DefiniteLength, Trailing::None));
            assert_eq!(before.certificates, after.certificates);
            let (before, after) = (&before.signers[0], &after.signers[0]);
            assert_eq!(before.signed_attributes, after.signed_attributes);
            assert_eq!(before.signature, after.signature);
            assert_eq!(after.unsigned_attributes.values(&oid::SIGNATURE_TIME_STAMP).count(), 1);
        }
    }

    #[test]
    fn time_stamp_of_another_signature_is_refused() {
        let message = p7s().der;
        let other = token(&Issuer::root("Root"), &[b"other"], datetime!(2026-06-01 12:00 UTC));
        assert_eq!(with_signature_time_stamp(&message, 0, &other), Err(RaiseError::ForeignToken));
        assert_eq!(with_signature_time_stamp(&message, 0, &message), Err(RaiseError::NotAToken));
        assert_eq!(with_signature_time_stamp(&message, 1, &stamp(&message)), Err(RaiseError::NoSuchSigner(1)));
    }

    #[test]
    fn material_is_added_once_in_der_order_and_read_back() {
        let message = p7s().der;
        let raised = with_certificates_and_revocations(&message, &material()).expect("raised");
        let read = SignedData::parse(&raised).expect("read");
        assert_eq!((read.certificates.len(), read.unreadable_certificates), (2, 0), "the signer's was there");
        assert_eq!((read.revocation.crls.len(), read.revocation.ocsps.len(), read.revocation.other), (1, 1, 0));
        assert_eq!(read.version, 5);
        assert!(read.certificates.is_sorted_by(|a, b| a.der() <= b.der()));
        assert_eq!(with_certificates_and_revocations(&raised, &material()), Ok(raised.clone()));
    }

    #[test]
    fn message_under_a_former_archive_time_stamp_takes_no_certificates() {
        for former in [oid::ARCHIVE_TIME_STAMP_V2, oid::LONG_TERM_VALIDATION] {
            let unsigned = |_: &Issuer, _: &[u8]| vec![attribute(&former, write::sequence(&[]))];
            let message = Builder { unsigned: &unsigned, ..Builder::default() }.build().der;
            let refused = with_certificates_and_revocations(&message, &material());
            assert_eq!(refused, Err(RaiseError::CoveredByFormerArchive));
        }
    }

    #[test]
    fn attributes_out_of_der_order_keep_theirs() {
        let (late, early) = (
            attribute(&oid::LONG_TERM_VALIDATION, write::octet_string(&[9; 200])),
            attribute(&oid::CONTENT_HINTS, write::small_integer(1)),
        );
        let unsigned = |_: &Issuer, _: &[u8]| vec![late.clone(), early.clone()];
        let message = Builder { unsigned: &unsigned, ..Builder::default() }.build().der;
        let sorted = [early.clone(), late.clone()].concat();
        let at = message.windows(sorted.len()).position(|window| window == sorted).expect("attributes");
        let mut unsorted = message.clone();
        unsorted[at..at + sorted.len()].copy_from_slice(&[late.clone(), early.clone()].concat());
        let value = write::small_integer(5);
        let raised = with_unsigned_attribute(&unsorted, 0, &oid::MIME_TYPE, &value).expect("raised");
        let frame = Frame::open(&raised).expect("frame");
        let kept: Vec<&[u8]> = frame.signers()[0].unsigned().collect();
        assert_eq!(kept, [&late, &early, &attribute(&oid::MIME_TYPE, value)]);
    }

    #[test]
    fn junk_is_refused() {
        let message = p7s().der;
        assert_eq!(with_unsigned_attribute(&message, 0, &oid::MIME_TYPE, b""), Err(RaiseError::NotOneElement));
        assert_eq!(
            with_unsigned_attribute(&message, 0, &oid::MIME_TYPE, &[5, 0, 5, 0]),
            Err(RaiseError::NotOneElement)
        );
        let followed = [&message[..], b"more"].concat();
        assert!(matches!(with_unsigned_attribute(&followed, 0, &oid::MIME_TYPE, &[5, 0]), Err(RaiseError::Message(_))));
        assert!(matches!(signature_imprint(b"junk", 0, DigestAlgorithm::Sha256), Err(RaiseError::Message(_))));
    }

    #[test]
    fn more_than_can_be_read_again_is_refused() {
        let mut message = p7s().der;
        let add = |message: &[u8]| with_unsigned_attribute(message, 0, &oid::MIME_TYPE, &[5, 0]);
        for _ in 0..256 {
            message = add(&message).expect("below the limit");
        }
        assert!(matches!(add(&message), Err(RaiseError::Message(_))));
    }
}
