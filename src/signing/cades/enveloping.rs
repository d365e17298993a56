//! A signature that carries what it signs: any file inside the message, as id-data.

use crate::crypto::SignatureAlgorithm;
use crate::formats::cms::oid;
use crate::formats::der::{tag, write};
use crate::formats::x509::Certificate;
use crate::signing::attributes::SignedAttributes;
use crate::signing::cms::{self, CmsError};

/// An enveloping SignedData in two pieces; the content goes between them, so that a large file is written, not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enveloping {
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Enveloping {
    /// Everything before the content.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Everything after the content.
    pub fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// The whole message, with the content it was made for.
    pub fn with(&self, content: &[u8]) -> Vec<u8> {
        [&self.head, content, &self.tail].concat()
    }
}

/// Puts an enveloping SignedData together; as [`cms::assemble`], but for the content.
///
/// # Errors
/// [`CmsError::ContentDiffers`] when the attributes are not of this content, and what [`cms::assemble`] refuses.
pub fn assemble_enveloping(
    attributes: &SignedAttributes,
    content: &[u8],
    signature_value: &[u8],
    algorithm: SignatureAlgorithm,
    signer: &Certificate,
    chain: &[Certificate],
) -> Result<Enveloping, CmsError> {
    if attributes.content_digest().digest(content) != attributes.message_digest()? {
        return Err(CmsError::ContentDiffers);
    }
    cms::check_value(attributes, signature_value, algorithm, signer)?;
    let parts = cms::Parts::new(attributes, signature_value, algorithm, signer, chain)?;
    // encapContentInfo ::= SEQUENCE { id-data, [0] EXPLICIT OCTET STRING }, then the elements around it, inside out.
    let mut head = write::header(tag::OCTET_STRING, content.len());
    let mut inside = head.len().saturating_add(content.len());
    let mut wrap = |tag: u8, before: &[u8], after: usize| {
        inside = inside.saturating_add(before.len()).saturating_add(after);
        let header = write::header(tag, inside);
        inside = inside.saturating_add(header.len());
        head = [&header, before, &head].concat();
    };
    wrap(tag::context_constructed(0), &[], 0);
    wrap(tag::SEQUENCE, &write::oid(&oid::DATA), 0);
    wrap(tag::SEQUENCE, &parts.before_content, parts.after_content.len());
    wrap(tag::context_constructed(0), &[], 0);
    wrap(tag::SEQUENCE, &write::oid(&oid::SIGNED_DATA), 0);
    Ok(Enveloping { head, tail: parts.after_content })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::DigestAlgorithm;
    use crate::formats::cms::{ContentEncoding, SignedData, Trailing};
    use crate::formats::x509::testing::{Issuer, Template};
    use crate::signing::attributes::Profile;
    use crate::validation::report::{Baseline, Indication, Level};
    use crate::validation::{Evidence, Policy, RevocationPolicy, Setting, validate_cms};
    use time::macros::datetime;

    const P256_SHA256: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);

    fn attributes(content: &[u8], signer: &Issuer) -> SignedAttributes {
        let profile = Profile::Cades { signing_time: datetime!(2026-05-01 0:00 UTC) };
        SignedAttributes::build(&DigestAlgorithm::Sha256.digest(content), &signer.certificate, profile)
    }

    #[test]
    fn content_of_every_length_is_carried_and_verifies() {
        let root = Issuer::root("Root");
        let signer = root.issue(&Template::signer("An"));
        for length in [0, 1, 127, 128, 70_000] {
            let content = vec![7; length];
            let attributes = attributes(&content, &signer);
            let value = signer.sign(attributes.der());
            let made = assemble_enveloping(&attributes, &content, &value, P256_SHA256, &signer.certificate, &[]);
            let message = made.expect("made").with(&content);
            let read = SignedData::parse(&message).expect("readable");
            assert_eq!((read.encoding, read.trailing), (ContentEncoding::DefiniteLength, Trailing::None));
            assert_eq!(read.content.as_deref(), Some(&content[..]));
            let evidence = Evidence { anchors: vec![root.certificate.clone()], ..Evidence::default() };
            let policy = Policy::strict_with(RevocationPolicy::IfPresent);
            let setting = Setting { evidence: &evidence, policy, time: datetime!(2026-06-01 0:00 UTC) };
            let report = validate_cms(&message, None, setting).expect("readable").signatures.remove(0);
            assert_eq!((report.indication(), report.level), (Indication::TotalPassed, Level::Cades(Baseline::B)));
        }
    }

    #[test]
    fn attributes_of_other_content_and_foreign_values_are_refused() {
        let signer = Issuer::root("Root").issue(&Template::signer("An"));
        let attributes = attributes(b"content", &signer);
        let value = signer.sign(attributes.der());
        let assemble = |content: &[u8], value: &[u8]| {
            assemble_enveloping(&attributes, content, value, P256_SHA256, &signer.certificate, &[])
        };
        assert_eq!(assemble(b"other", &value), Err(CmsError::ContentDiffers));
        assert!(matches!(assemble(b"content", b"value"), Err(CmsError::BadSignatureValue(_))));
    }
}
