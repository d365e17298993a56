//! ContentInfo and SignedData.

use std::borrow::Cow;

use const_oid::ObjectIdentifier;

use super::{CmsError, SignerInfo, oid};
use crate::formats::crl::CertificateList;
use crate::formats::der::{DerError, Reader, Rules, Tlv, tag, value};
use crate::formats::ocsp::OcspResponse;
use crate::formats::x509::Certificate;

/// Largest CMS read, in bytes: attached content and years of archived CRLs fit; addresses of 32-bit targets too.
const MAX_CMS_BYTES: usize = 512 * 1024 * 1024;

/// Most certificates, CRLs and signers read. Long-term signatures with many time-stamps carry a few dozen certificates;
/// co-signed contracts a few dozen signers.
pub(super) const MAX_CERTIFICATES: usize = 512;
pub(super) const MAX_CRLS: usize = 256;
pub(super) const MAX_SIGNERS: usize = 256;

/// Most digest algorithms named before the content.
pub(super) const MAX_DIGEST_ALGORITHMS: usize = 64;

/// The facts of one SignedData.
///
/// ```text
/// ContentInfo ::= SEQUENCE { contentType OBJECT IDENTIFIER, content [0] EXPLICIT ANY }
/// SignedData ::= SEQUENCE {
///   version INTEGER, digestAlgorithms SET OF AlgorithmIdentifier,
///   encapContentInfo SEQUENCE { eContentType OBJECT IDENTIFIER, eContent [0] EXPLICIT OCTET STRING OPTIONAL },
///   certificates [0] IMPLICIT SET OF CertificateChoices OPTIONAL, crls [1] IMPLICIT SET OF RevocationInfoChoice OPTIONAL,
///   signerInfos SET OF SignerInfo }      -- RFC 5652 §5.1
/// ```
#[derive(Debug, Clone)]
pub struct SignedData<'a> {
    pub version: u32,
    /// digestAlgorithms, as identifiers; a hint for one-pass readers.
    pub digest_algorithms: Vec<ObjectIdentifier>,
    pub content_type: ObjectIdentifier,
    /// eContent octets; `None` when the signature is detached.
    pub content: Option<Cow<'a, [u8]>>,
    /// X.509 certificates in the order received.
    pub certificates: Vec<Certificate>,
    /// Certificates that could not be read, and attribute certificates.
    pub unreadable_certificates: usize,
    pub revocation: RevocationValues,
    pub signers: Vec<SignerInfo>,
    pub encoding: ContentEncoding,
    pub trailing: Trailing,
}

/// Revocation values the message carries; unverified.
#[derive(Debug, Clone, Default)]
pub struct RevocationValues {
    pub crls: Vec<CertificateList>,
    pub ocsps: Vec<OcspResponse>,
    /// Values of other formats than CRLs and OCSP responses.
    pub other: usize,
    pub unreadable_crls: usize,
}

/// How the outermost element is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentEncoding {
    DefiniteLength,
    /// BER's indefinite length; CMS allows it, PAdES asks for DER (EN 319 142-1 §4.1).
    IndefiniteLength,
}

/// Octets after the ContentInfo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trailing {
    None,
    /// Zeros only, as PDF signatures are padded to their reserved size.
    ZeroPadding(usize),
    /// Anything else: how many octets from the end of the ContentInfo on.
    Other(usize),
}

impl<'a> SignedData<'a> {
    /// Reads a ContentInfo of type id-signedData at the start of `bytes`; what follows it is told in [`Self::trailing`].
    ///
    /// # Errors
    /// [`CmsError`] when the octets are not SignedData or pass a limit.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, CmsError> {
        if bytes.len() > MAX_CMS_BYTES {
            return Err(CmsError::TooLarge(MAX_CMS_BYTES));
        }
        let mut reader = Reader::new(bytes, Rules::Ber);
        let content_info = reader.expect(tag::SEQUENCE)?;
        let trailing = Trailing::of(reader.rest());
        let mut fields = content_info.reader()?;
        let content_type = value::oid(fields.next()?)?;
        if content_type != oid::SIGNED_DATA {
            return Err(CmsError::NotSignedData(content_type.to_string()));
        }
        let signed_data = fields.expect(tag::context_constructed(0))?.reader()?.expect(tag::SEQUENCE)?;
        fields.finish()?;
        let encoding = match content_info.is_indefinite() {
            true => ContentEncoding::IndefiniteLength,
            false => ContentEncoding::DefiniteLength,
        };
        Self::read(signed_data, encoding, trailing)
    }

    fn read(element: Tlv<'a>, encoding: ContentEncoding, trailing: Trailing) -> Result<Self, CmsError> {
        let mut fields = element.reader()?;
        let version = value::small(value::integer(fields.next()?)?)?;
        let digest_algorithms = digest_algorithms(fields.expect(tag::SET)?)?;
        let (content_type, content) = encapsulated_content(fields.expect(tag::SEQUENCE)?)?;
        let mut read = Self {
            version,
            digest_algorithms,
            content_type,
            content,
            certificates: Vec::new(),
            unreadable_certificates: 0,
            revocation: RevocationValues::default(),
            signers: Vec::new(),
            encoding,
            trailing,
        };
        if let Some(set) = fields.optional(tag::context_constructed(0))? {
            read.read_certificates(set)?;
        }
        if let Some(set) = fields.optional(tag::context_constructed(1))? {
            read.revocation = revocation_values(set)?;
        }
        let signers = fields.expect(tag::SET)?.reader()?.all(MAX_SIGNERS, "signers")?;
        fields.finish()?;
        read.signers = signers.into_iter().map(SignerInfo::read).collect::<Result<_, _>>()?;
        Ok(read)
    }

    fn read_certificates(&mut self, set: Tlv<'a>) -> Result<(), CmsError> {
        for choice in set.reader()?.all(MAX_CERTIFICATES, "certificates")? {
            match Certificate::from_der(choice.raw()) {
                Ok(certificate) => self.certificates.push(certificate),
                Err(_) => self.unreadable_certificates = self.unreadable_certificates.saturating_add(1),
            }
        }
        Ok(())
    }
}

impl Trailing {
    fn of(rest: &[u8]) -> Self {
        match rest.len() {
            0 => Self::None,
            count if rest.iter().all(|byte| *byte == 0) => Self::ZeroPadding(count),
            count => Self::Other(count),
        }
    }
}

fn digest_algorithms(set: Tlv<'_>) -> Result<Vec<ObjectIdentifier>, CmsError> {
    let algorithms = set.reader()?.all(MAX_DIGEST_ALGORITHMS, "digest algorithms")?;
    algorithms
        .into_iter()
        .map(|algorithm| Ok(value::oid(algorithm.expect(tag::SEQUENCE)?.reader()?.next()?)?))
        .collect()
}

/// eContentType and eContent.
type EncapsulatedContent<'a> = (ObjectIdentifier, Option<Cow<'a, [u8]>>);

/// Content that is not an OCTET STRING, as PKCS #7 allowed, is hashed without its identifier and length
/// (RFC 5652 §5.2.1), so its content octets are what is returned.
fn encapsulated_content(element: Tlv<'_>) -> Result<EncapsulatedContent<'_>, CmsError> {
    let mut fields = element.reader()?;
    let content_type = value::oid(fields.next()?)?;
    let content = match fields.optional(tag::context_constructed(0))? {
        None => None,
        Some(explicit) => {
            let inner = explicit.reader()?.next()?;
            Some(match inner.tag() {
                tag::OCTET_STRING | tag::OCTET_STRING_CONSTRUCTED => inner.octets()?,
                _ => Cow::Borrowed(inner.content()),
            })
        }
    };
    fields.finish()?;
    Ok((content_type, content))
}

/// `RevocationInfoChoice ::= CHOICE { crl CertificateList, other [1] IMPLICIT SEQUENCE { otherRevInfoFormat OID, otherRevInfo ANY } }`
fn revocation_values(set: Tlv<'_>) -> Result<RevocationValues, CmsError> {
    let mut values = RevocationValues::default();
    for choice in set.reader()?.all(MAX_CRLS, "CRLs")? {
        if choice.tag() == tag::context_constructed(1) {
            match OcspResponse::from_der(other_revocation(choice)?) {
                Ok(response) => values.ocsps.push(response),
                Err(_) => values.other = values.other.saturating_add(1),
            }
        } else {
            match CertificateList::from_der(choice.raw()) {
                Ok(crl) => values.crls.push(crl),
                Err(_) => values.unreadable_crls = values.unreadable_crls.saturating_add(1),
            }
        }
    }
    Ok(values)
}

/// The otherRevInfo of an OtherRevocationInfoFormat.
pub(super) fn other_revocation<'a>(choice: Tlv<'a>) -> Result<&'a [u8], DerError> {
    let mut fields = choice.reader()?;
    value::oid(fields.next()?)?;
    Ok(fields.next()?.raw())
}

#[cfg(test)]
mod tests {
    use super::super::signer_info::tests::signer_info;
    use super::*;
    use crate::formats::der::write;
    use crate::formats::x509::testing::Issuer;

    fn content_info(certificates: &[u8], signers: Vec<Vec<u8>>) -> Vec<u8> {
        let encapsulated = write::sequence(&[&write::oid(&oid::DATA)]);
        let signed_data = write::sequence(&[
            &write::small_integer(1),
            &write::set_of(vec![]),
            &encapsulated,
            &write::tlv(0xa0, certificates),
            &write::set_of(signers),
        ]);
        write::sequence(&[&write::oid(&oid::SIGNED_DATA), &write::tlv(0xa0, &signed_data)])
    }

    /// Rewrites the outer three elements with indefinite lengths.
    fn indefinite(der: &[u8]) -> Vec<u8> {
        let mut outer = Reader::single(der, 0x30).expect("outer").reader().expect("fields");
        let content_type = outer.next().expect("type").raw();
        let inner = outer.next().expect("content").reader().expect("inner").next().expect("SignedData").content();
        [&[0x30, 0x80], content_type, &[0xa0, 0x80, 0x30, 0x80], inner, &[0; 6]].concat()
    }

    #[test]
    fn definite_and_indefinite_lengths_say_the_same() {
        let root = Issuer::root("Root").certificate;
        let der = content_info(root.der(), vec![signer_info(&[])]);
        let ber = indefinite(&der);
        let (a, b) = (SignedData::parse(&der).expect("DER"), SignedData::parse(&ber).expect("BER"));
        assert_eq!(a.encoding, ContentEncoding::DefiniteLength);
        assert_eq!(b.encoding, ContentEncoding::IndefiniteLength);
        assert_eq!((a.certificates, a.signers), (b.certificates.clone(), b.signers));
        assert_eq!(b.certificates, [root]);
    }

    #[test]
    fn zero_padding_is_told_from_other_octets() {
        let mut bytes = content_info(&[], vec![]);
        assert_eq!(SignedData::parse(&bytes).expect("bare").trailing, Trailing::None);
        bytes.extend([0; 5]);
        assert_eq!(SignedData::parse(&bytes).expect("padded").trailing, Trailing::ZeroPadding(5));
        bytes.push(1);
        assert_eq!(SignedData::parse(&bytes).expect("more").trailing, Trailing::Other(6));
    }

    #[test]
    fn unreadable_certificate_does_not_hide_the_others() {
        let root = Issuer::root("Root").certificate;
        let bytes = content_info(&[&write::sequence(&[]), root.der()].concat(), vec![]);
        let read = SignedData::parse(&bytes).expect("read");
        assert_eq!((read.certificates.len(), read.unreadable_certificates), (1, 1));
    }

    #[test]
    fn other_content_types_and_bombs_are_refused() {
        let enveloped = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.3");
        let bytes = write::sequence(&[&write::oid(&enveloped), &write::tlv(0xa0, &[])]);
        assert!(matches!(SignedData::parse(&bytes), Err(CmsError::NotSignedData(_))));
        let many = content_info(&write::sequence(&[]).repeat(MAX_CERTIFICATES + 1), vec![]);
        assert!(matches!(SignedData::parse(&many), Err(CmsError::Encoding(DerError::TooMany { .. }))));
        assert!(SignedData::parse(b"").is_err());
    }
}
