//! Signed attributes of PAdES B-B and CAdES B-B, and their hash.

use time::OffsetDateTime;

use super::cms::CmsError;
use super::extras::{self, AttributeRule, Extras, Reason};
use crate::crypto::{Digest, DigestAlgorithm};
use crate::formats::cms::{Attributes, oid};
use crate::formats::der::{Reader, tag, write};
use crate::formats::x509::Certificate;

/// What distinguishes the two CMS profiles at level B-B.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// EN 319 142-1: no signing-time, the claimed time stands in the signature dictionary's /M.
    Pades,
    /// EN 319 122-1: signing-time shall be present.
    Cades { signing_time: OffsetDateTime },
}

/// The signed attributes, DER: what the signer's key signs.
///
/// Holds content-type (id-data), message-digest, signing-certificate-v2 and, for CAdES, signing-time. The value is small
/// and can be kept between the moment its hash is shown to the signer and the moment the signature value arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedAttributes {
    der: Vec<u8>,
    content_digest: DigestAlgorithm,
}

impl SignedAttributes {
    /// Builds the attributes for content with this digest, bound to the signer's certificate, with what the signer adds.
    ///
    /// `reason` tells whether the PDF dictionary has a /Reason; it matters for PAdES alone.
    ///
    /// # Errors
    /// [`AttributeRule`] when the profile does not allow what is added.
    pub fn build_with(
        content: &Digest,
        signer: &Certificate,
        profile: Profile,
        extras: &Extras,
        reason: Reason,
    ) -> Result<Self, AttributeRule> {
        extras::check(profile, extras, reason)?;
        Ok(Self::encode(content, signer, profile, extras))
    }

    /// Builds the attributes without anything added.
    pub fn build(content: &Digest, signer: &Certificate, profile: Profile) -> Self {
        Self::encode(content, signer, profile, &Extras::default())
    }

    /// The attributes without a check of the profile's rules.
    pub(super) fn encode(content: &Digest, signer: &Certificate, profile: Profile, extras: &Extras) -> Self {
        let mut attributes = vec![
            attribute(&oid::CONTENT_TYPE, write::oid(&oid::DATA)),
            attribute(&oid::MESSAGE_DIGEST, write::octet_string(content.as_bytes())),
            attribute(&oid::SIGNING_CERTIFICATE_V2, signing_certificate_v2(signer, content.algorithm())),
        ];
        if let Profile::Cades { signing_time } = profile {
            attributes.push(attribute(&oid::SIGNING_TIME, write::time(signing_time)));
        }
        attributes.extend(extras.attributes().into_iter().map(|(oid, value)| attribute(&oid, value)));
        Self { der: write::set_of(attributes), content_digest: content.algorithm() }
    }

    /// Takes up attributes that [`Self::der`] gave, e.g. from a database row.
    ///
    /// # Errors
    /// [`CmsError::NotAttributes`] when the octets are not one DER SET.
    pub fn from_der(der: &[u8], content_digest: DigestAlgorithm) -> Result<Self, CmsError> {
        Reader::single(der, tag::SET).map_err(|_| CmsError::NotAttributes)?;
        Ok(Self { der: der.to_vec(), content_digest })
    }

    /// The SET OF Attribute, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The value of the message-digest attribute.
    ///
    /// # Errors
    /// [`CmsError::NotAttributes`] when there is none.
    pub fn message_digest(&self) -> Result<Digest, CmsError> {
        let set = Reader::single(&self.der, tag::SET).map_err(|_| CmsError::NotAttributes)?;
        let attributes = Attributes::read(set).map_err(|_| CmsError::NotAttributes)?;
        let value = attributes.single(&oid::MESSAGE_DIGEST).ok().flatten().ok_or(CmsError::NotAttributes)?;
        let octets = Reader::single(value, tag::OCTET_STRING).map_err(|_| CmsError::NotAttributes)?;
        Digest::from_bytes(self.content_digest, octets.content()).ok_or(CmsError::NotAttributes)
    }

    /// The hash the message-digest attribute was made with.
    pub fn content_digest(&self) -> DigestAlgorithm {
        self.content_digest
    }

    /// Data to be signed, represented by its hash (DTBSR): what is sent to the key.
    pub fn dtbsr(&self, algorithm: DigestAlgorithm) -> Digest {
        algorithm.digest(&self.der)
    }
}

fn attribute(oid: &const_oid::ObjectIdentifier, value: Vec<u8>) -> Vec<u8> {
    write::sequence(&[&write::oid(oid), &write::set_of(vec![value])])
}

/// SigningCertificateV2 with one ESSCertIDv2 (RFC 5035 §4, EN 319 122-1 §5.2.2.3). DER omits the default SHA-256.
fn signing_certificate_v2(signer: &Certificate, algorithm: DigestAlgorithm) -> Vec<u8> {
    let hash_algorithm = match algorithm {
        DigestAlgorithm::Sha256 => Vec::new(),
        other => write::sequence(&[&write::oid(&other.oid())]),
    };
    let hash = write::octet_string(signer.fingerprint(algorithm).as_bytes());
    let issuer = write::sequence(&[&write::tlv(tag::context_constructed(4), signer.issuer().der())]);
    let issuer_serial = write::sequence(&[&issuer, &write::tlv(tag::INTEGER, signer.serial())]);
    let cert_id = write::sequence(&[&hash_algorithm, &hash, &issuer_serial]);
    write::sequence(&[&write::sequence(&[&cert_id])])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::cms::ess;
    use crate::formats::x509::testing::{Issuer, Template};
    use time::macros::datetime;

    fn signer() -> Certificate {
        Issuer::root("Root").issue(&Template::signer("An")).certificate
    }

    fn contains(attributes: &SignedAttributes, oid: &const_oid::ObjectIdentifier) -> bool {
        let needle = write::oid(oid);
        attributes.der().windows(needle.len()).any(|window| window == needle)
    }

    #[test]
    fn pades_has_no_signing_time_and_cades_has() {
        let digest = DigestAlgorithm::Sha256.digest(b"content");
        let pades = SignedAttributes::build(&digest, &signer(), Profile::Pades);
        assert!(!contains(&pades, &oid::SIGNING_TIME));
        let profile = Profile::Cades { signing_time: datetime!(2026-05-01 0:00 UTC) };
        assert!(contains(&SignedAttributes::build(&digest, &signer(), profile), &oid::SIGNING_TIME));
    }

    #[test]
    fn what_the_signer_adds_is_signed_and_the_profile_is_asked() {
        let digest = DigestAlgorithm::Sha256.digest(b"content");
        let extras = Extras { roles: vec!["Giám đốc".into()], ..Extras::default() };
        let build =
            |extras: &Extras| SignedAttributes::build_with(&digest, &signer(), Profile::Pades, extras, Reason::Absent);
        let built = build(&extras).expect("allowed");
        assert!(contains(&built, &oid::SIGNER_ATTRIBUTES_V2));
        assert_eq!(built.message_digest(), Ok(digest.clone()));
        assert_eq!(build(&Extras::default()), Ok(SignedAttributes::build(&digest, &signer(), Profile::Pades)));
        let location = extras::SignerLocation { locality: Some("Huế".into()), ..Default::default() };
        let forbidden = Extras { location: Some(location), ..extras };
        assert_eq!(build(&forbidden), Err(AttributeRule::PadesLocation));
    }

    #[test]
    fn signing_certificate_names_the_signer_in_every_hash() {
        let signer = signer();
        for algorithm in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512] {
            let ids = ess::signing_certificate_v2(&signing_certificate_v2(&signer, algorithm)).expect("attribute");
            assert_eq!(ids.len(), 1);
            assert_eq!(ids[0].algorithm, Ok(algorithm));
            assert!(ids[0].issuer_serial.is_some());
            assert_eq!(ids[0].compare(&signer), Ok(ess::Comparison::Same));
        }
    }

    #[test]
    fn kept_attributes_have_the_same_hash() {
        let digest = DigestAlgorithm::Sha384.digest(b"content");
        let built = SignedAttributes::build(&digest, &signer(), Profile::Pades);
        let kept = SignedAttributes::from_der(built.der(), built.content_digest()).expect("kept");
        assert_eq!(kept.dtbsr(DigestAlgorithm::Sha384), built.dtbsr(DigestAlgorithm::Sha384));
        assert!(SignedAttributes::from_der(b"junk", DigestAlgorithm::Sha384).is_err());
    }
}
