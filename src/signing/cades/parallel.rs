//! A further signer beside those a message has: same content, each signature by itself (RFC 5652 §5.1).

use super::raise::{RaiseError, finished, takes_certificates};
use crate::crypto::{Digest, SignatureAlgorithm};
use crate::formats::cms::{Frame, SignedData, SignerInfo, oid};
use crate::formats::x509::Certificate;
use crate::signing::attributes::SignedAttributes;
use crate::signing::cms;

/// A signature value and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct NewSigner<'a> {
    pub attributes: &'a SignedAttributes,
    pub signature_value: &'a [u8],
    pub algorithm: SignatureAlgorithm,
    pub certificate: &'a Certificate,
    /// Certificates above the signer's, in any order; the root may be left out.
    pub chain: &'a [Certificate],
}

/// Adds a SignerInfo to an existing SignedData, detached or enveloping; certificates and digest algorithms are merged, and
/// the signatures there are stay as received.
///
/// `content` is what a detached message covers; it may be left out when a signer is there whose hash can be compared.
///
/// # Errors
/// [`RaiseError::ContentDiffers`] and [`RaiseError::ContentMissing`] when it is not shown that all sign the same;
/// [`RaiseError::Signature`] when the value is not of these attributes and this signer.
pub fn add_signer(message: &[u8], content: Option<&[u8]>, new: NewSigner<'_>) -> Result<Vec<u8>, RaiseError> {
    let NewSigner { attributes, signature_value, algorithm, certificate, chain } = new;
    cms::check_value(attributes, signature_value, algorithm, certificate)?;
    let signed_data = SignedData::parse(message)?;
    takes_certificates(&signed_data)?;
    same_content(&signed_data, content, &attributes.message_digest()?)?;
    let signer_info = cms::signer_info(attributes, signature_value, algorithm, certificate)?;
    let mut frame = Frame::open(message)?;
    frame.add_signer(&signer_info, &cms::digest_identifier(attributes))?;
    for certificate in std::iter::once(certificate).chain(chain) {
        frame.add_certificate(certificate.der());
    }
    finished(&frame)
}

fn same_content(signed_data: &SignedData<'_>, given: Option<&[u8]>, new: &Digest) -> Result<(), RaiseError> {
    if signed_data.content_type != oid::DATA {
        return Err(RaiseError::ContentDiffers);
    }
    let content = match (signed_data.content.as_deref(), given) {
        (Some(inside), Some(given)) if inside != given => return Err(RaiseError::ContentDiffers),
        (inside, given) => inside.or(given),
    };
    let Some(content) = content else { return same_digest(&signed_data.signers, new) };
    let differs = |digest: &Digest| digest.algorithm().digest(content) != *digest;
    if differs(new) || signed_data.signers.iter().filter_map(message_digest).any(|digest| differs(&digest)) {
        return Err(RaiseError::ContentDiffers);
    }
    Ok(())
}

/// Without the content only equal hashes show that two signers mean the same.
fn same_digest(signers: &[SignerInfo], new: &Digest) -> Result<(), RaiseError> {
    let digests = signers.iter().filter_map(message_digest);
    let mut comparable = digests.filter(|digest| digest.algorithm() == new.algorithm()).peekable();
    if comparable.peek().is_none() {
        return Err(RaiseError::ContentMissing);
    }
    if comparable.all(|digest| digest == *new) { Ok(()) } else { Err(RaiseError::ContentDiffers) }
}

fn message_digest(signer: &SignerInfo) -> Option<Digest> {
    let value = signer.signed_attributes.as_ref()?.message_digest().ok()??;
    Digest::from_bytes(signer.digest_algorithm().ok()?, &value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::DigestAlgorithm;
    use crate::formats::x509::testing::{Issuer, Template};
    use crate::signing::attributes::Profile;
    use crate::validation::report::{Baseline, Indication, Level};
    use crate::validation::testing::{Signed, p7s};
    use crate::validation::{Evidence, Policy, RevocationPolicy, Setting, validate_cms};
    use time::macros::datetime;

    const P256_SHA256: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);

    fn second(signed: &Signed) -> Issuer {
        signed.root.issue(&Template { serial: 12, ..Template::signer("Bình") })
    }

    fn new<'a>(attributes: &'a SignedAttributes, signature_value: &'a [u8], signer: &'a Issuer) -> NewSigner<'a> {
        NewSigner { attributes, signature_value, algorithm: P256_SHA256, certificate: &signer.certificate, chain: &[] }
    }

    fn add(message: &[u8], given: Option<&[u8]>, signs: &[u8], signer: &Issuer) -> Result<Vec<u8>, RaiseError> {
        let profile = Profile::Cades { signing_time: datetime!(2026-05-01 0:00 UTC) };
        let digest = DigestAlgorithm::Sha256.digest(signs);
        let attributes = SignedAttributes::build(&digest, &signer.certificate, profile);
        let value = signer.sign(attributes.der());
        add_signer(message, given, new(&attributes, &value, signer))
    }

    #[test]
    fn two_signers_are_each_judged() {
        let signed = p7s();
        let both = add(&signed.der, None, b"content", &second(&signed)).expect("added");
        let read = SignedData::parse(&both).expect("readable");
        assert_eq!((read.signers.len(), read.certificates.len(), read.digest_algorithms.len()), (2, 2, 1));
        assert!(read.signers.contains(&signed.read().signers[0]));
        let evidence = Evidence { anchors: vec![signed.root.certificate.clone()], ..Evidence::default() };
        let policy = Policy::strict_with(RevocationPolicy::IfPresent);
        let setting = Setting { evidence: &evidence, policy, time: datetime!(2026-06-01 0:00 UTC) };
        let reports = validate_cms(&both, Some(b"content"), setting).expect("readable").signatures;
        assert!(reports.iter().all(|report| report.indication() == Indication::TotalPassed));
        let levels: Vec<_> = reports.iter().map(|report| report.level).collect();
        assert!(levels.contains(&Level::Cades(Baseline::B)) && levels.contains(&Level::Pkcs7), "{levels:?}");
    }

    #[test]
    fn signer_of_other_content_is_refused() {
        let signed = p7s();
        let second = second(&signed);
        assert_eq!(add(&signed.der, None, b"other", &second), Err(RaiseError::ContentDiffers));
        assert_eq!(add(&signed.der, Some(b"other"), b"other", &second), Err(RaiseError::ContentDiffers));
        assert!(add(&signed.der, Some(b"content"), b"content", &second).is_ok());
    }

    #[test]
    fn value_of_another_key_is_refused() {
        let signed = p7s();
        let second = second(&signed);
        let digest = DigestAlgorithm::Sha256.digest(b"content");
        let attributes = SignedAttributes::build(&digest, &second.certificate, Profile::Pades);
        let value = signed.signer.sign(attributes.der());
        let added = add_signer(&signed.der, None, new(&attributes, &value, &second));
        assert!(matches!(added, Err(RaiseError::Signature(cms::CmsError::BadSignatureValue(_)))));
    }
}
