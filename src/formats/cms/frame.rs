//! A SignedData opened just far enough to add to it: every part stays the octets received.

use std::borrow::Cow;

use super::{CmsError, SignedData, Trailing, oid, signed_data};
use crate::formats::der::{DerError, Reader, Rules, Tlv, tag, value, write};

/// SignedData's version once it holds revocation information that is not a CRL (RFC 5652 §5.1).
const VERSION_OTHER_REVOCATION: u8 = 5;

/// The parts of a SignedData, each with its identifier and length as received.
///
/// Written again, lengths of the outer elements are DER's, and what was taken apart follows in the order received. Nothing
/// that a signature value or an archive time-stamp covers is encoded anew: not the content, a certificate, a CRL, an
/// attribute or a field of a SignerInfo. Parts received in BER stay BER, for the same reason.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    version: Cow<'a, [u8]>,
    digest_algorithms: Vec<Cow<'a, [u8]>>,
    encapsulated: &'a [u8],
    content_type: &'a [u8],
    certificates: Option<Vec<Cow<'a, [u8]>>>,
    crls: Option<Vec<Cow<'a, [u8]>>>,
    signers: Vec<SignerFrame<'a>>,
}

/// The parts of one SignerInfo.
#[derive(Debug, Clone)]
pub struct SignerFrame<'a> {
    fields: Vec<Cow<'a, [u8]>>,
    unsigned: Vec<Cow<'a, [u8]>>,
}

impl<'a> Frame<'a> {
    /// Opens a ContentInfo that [`SignedData::parse`] can read. Zeros after it, as a PDF pads with, are dropped.
    ///
    /// # Errors
    /// [`CmsError`] when it is unreadable, or followed by octets that would be lost.
    pub fn open(bytes: &'a [u8]) -> Result<Self, CmsError> {
        if let Trailing::Other(_) = SignedData::parse(bytes)?.trailing {
            return Err(DerError::Trailing.into());
        }
        Self::read(bytes)
    }

    /// Opens the ContentInfo at the start of `bytes`, which [`SignedData::parse`] has read already; what follows it is not looked at.
    ///
    /// # Errors
    /// [`CmsError`] when it is unreadable.
    pub fn read(bytes: &'a [u8]) -> Result<Self, CmsError> {
        let mut content_info = Reader::new(bytes, Rules::Ber).expect(tag::SEQUENCE)?.reader()?;
        content_info.next()?;
        let signed_data = content_info.expect(tag::context_constructed(0))?.reader()?.expect(tag::SEQUENCE)?;
        let mut fields = signed_data.reader()?;
        let version = Cow::Borrowed(fields.next()?.raw());
        let digest_algorithms = items(fields.expect(tag::SET)?)?;
        let encapsulated = fields.expect(tag::SEQUENCE)?;
        let content_type = encapsulated.reader()?.next()?.raw();
        let certificates = fields.optional(tag::context_constructed(0))?.map(items).transpose()?;
        let crls = fields.optional(tag::context_constructed(1))?.map(items).transpose()?;
        let mut signers = fields.expect(tag::SET)?.reader()?;
        let mut opened = Vec::new();
        while !signers.is_empty() {
            opened.push(SignerFrame::open(signers.next()?)?);
        }
        Ok(Self {
            version,
            digest_algorithms,
            encapsulated: encapsulated.raw(),
            content_type,
            certificates,
            crls,
            signers: opened,
        })
    }

    /// eContentType with identifier and length.
    pub fn content_type(&self) -> &'a [u8] {
        self.content_type
    }

    /// Each CertificateChoices.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates.iter().flatten().map(AsRef::as_ref)
    }

    /// Each RevocationInfoChoice.
    pub fn crls(&self) -> impl Iterator<Item = &[u8]> {
        self.crls.iter().flatten().map(AsRef::as_ref)
    }

    pub fn signers(&self) -> &[SignerFrame<'a>] {
        &self.signers
    }

    /// The signer at this position, to add to.
    pub fn signer_mut(&mut self, index: usize) -> Option<&mut SignerFrame<'a>> {
        self.signers.get_mut(index)
    }

    /// Adds a certificate (DER) that is not there yet.
    pub fn add_certificate(&mut self, der: &[u8]) {
        insert(self.certificates.get_or_insert_default(), der.to_vec());
    }

    /// Adds a CRL (DER) that is not there yet.
    pub fn add_crl(&mut self, der: &[u8]) {
        insert(self.crls.get_or_insert_default(), der.to_vec());
    }

    /// Adds an OCSP response, given as its BasicOCSPResponse, that is not there yet.
    ///
    /// ```text
    /// RevocationInfoChoice: other [1] IMPLICIT SEQUENCE { otherRevInfoFormat id-ri-ocsp-response, otherRevInfo OCSPResponse }
    /// ```
    /// RFC 5940 §2.1. The version becomes 5, as RFC 5652 §5.1 asks; no signature covers it.
    pub fn add_ocsp(&mut self, basic: &[u8]) {
        let bytes = write::sequence(&[&write::oid(&oid::OCSP_BASIC), &write::octet_string(basic)]);
        let successful = write::tlv(tag::ENUMERATED, &[0]);
        let response = write::sequence(&[&successful, &write::tlv(tag::context_constructed(0), &bytes)]);
        let other = [write::oid(&oid::OCSP_RESPONSE), response].concat();
        insert(self.crls.get_or_insert_default(), write::tlv(tag::context_constructed(1), &other));
        let version = Reader::new(&self.version, Rules::Ber).next().and_then(|version| value::small(version.content()));
        if version.is_ok_and(|version| version < u32::from(VERSION_OTHER_REVOCATION)) {
            self.version = Cow::Owned(write::small_integer(VERSION_OTHER_REVOCATION));
        }
    }

    /// Adds a SignerInfo (DER) and the AlgorithmIdentifier (DER) of its digest.
    ///
    /// # Errors
    /// [`CmsError`] when it is no SignerInfo.
    pub fn add_signer(&mut self, signer_info: &'a [u8], digest_algorithm: &[u8]) -> Result<(), CmsError> {
        insert(&mut self.digest_algorithms, digest_algorithm.to_vec());
        let added = SignerFrame::open(Reader::single(signer_info, tag::SEQUENCE)?)?;
        let position = position(&self.signers.iter().map(SignerFrame::to_vec).collect::<Vec<_>>(), signer_info);
        self.signers.insert(position, added);
        Ok(())
    }

    /// The message without the unsigned attributes `drop` is true for, of whichever signer.
    #[must_use]
    pub fn without_unsigned(&self, drop: impl Fn(&[u8]) -> bool) -> Self {
        let mut rest = self.clone();
        for signer in &mut rest.signers {
            signer.unsigned.retain(|attribute| !drop(attribute));
        }
        rest
    }

    /// The ContentInfo again.
    ///
    /// # Errors
    /// [`CmsError`] when what was added passes a limit of [`SignedData::parse`]: nobody here could read it again.
    pub fn to_vec(&self) -> Result<Vec<u8>, CmsError> {
        self.check_limits()?;
        let set = |tag, parts: &Option<Vec<Cow<'_, [u8]>>>| match parts {
            Some(parts) => write::tlv(tag, &parts.concat()),
            None => Vec::new(),
        };
        let signers: Vec<Vec<u8>> = self.signers.iter().map(SignerFrame::to_vec).collect();
        let signed_data = write::sequence(&[
            &self.version,
            &write::tlv(tag::SET, &self.digest_algorithms.concat()),
            self.encapsulated,
            &set(tag::context_constructed(0), &self.certificates),
            &set(tag::context_constructed(1), &self.crls),
            &write::tlv(tag::SET, &signers.concat()),
        ]);
        let content = write::tlv(tag::context_constructed(0), &signed_data);
        Ok(write::sequence(&[&write::oid(&oid::SIGNED_DATA), &content]))
    }

    fn check_limits(&self) -> Result<(), CmsError> {
        let attributes = self.signers.iter().map(|signer| signer.unsigned.len()).max().unwrap_or(0);
        for (count, limit, what) in [
            (self.certificates().count(), signed_data::MAX_CERTIFICATES, "certificates"),
            (self.crls().count(), signed_data::MAX_CRLS, "CRLs"),
            (self.signers.len(), signed_data::MAX_SIGNERS, "signers"),
            (self.digest_algorithms.len(), signed_data::MAX_DIGEST_ALGORITHMS, "digest algorithms"),
            (attributes, super::attributes::MAX_ATTRIBUTES, "attributes"),
        ] {
            if count > limit {
                return Err(DerError::TooMany { what, limit }.into());
            }
        }
        Ok(())
    }
}

impl<'a> SignerFrame<'a> {
    fn open(element: Tlv<'a>) -> Result<Self, CmsError> {
        let mut reader = element.expect(tag::SEQUENCE)?.reader()?;
        let mut fields = Vec::new();
        while !reader.is_empty() && reader.peek() != Some(tag::context_constructed(1)) {
            fields.push(Cow::Borrowed(reader.next()?.raw()));
        }
        let unsigned = reader.optional(tag::context_constructed(1))?.map(items).transpose()?;
        reader.finish()?;
        Ok(Self { fields, unsigned: unsigned.unwrap_or_default() })
    }

    /// version, sid, digestAlgorithm, signedAttrs when present, signatureAlgorithm, signature; each as received.
    pub fn fields(&self) -> impl Iterator<Item = &[u8]> {
        self.fields.iter().map(AsRef::as_ref)
    }

    /// The unsigned attributes, each as received.
    pub fn unsigned(&self) -> impl Iterator<Item = &[u8]> {
        self.unsigned.iter().map(AsRef::as_ref)
    }

    /// Adds an unsigned attribute (DER).
    pub fn add_unsigned(&mut self, attribute: Vec<u8>) {
        let position = position(&self.unsigned, &attribute);
        self.unsigned.insert(position, Cow::Owned(attribute));
    }

    fn to_vec(&self) -> Vec<u8> {
        let unsigned = match self.unsigned.as_slice() {
            [] => Vec::new(),
            attributes => write::tlv(tag::context_constructed(1), &attributes.concat()),
        };
        write::sequence(&[&self.fields.concat(), &unsigned])
    }
}

fn items<'a>(set: Tlv<'a>) -> Result<Vec<Cow<'a, [u8]>>, CmsError> {
    let mut reader = set.reader()?;
    let mut items = Vec::new();
    while !reader.is_empty() {
        items.push(Cow::Borrowed(reader.next()?.raw()));
    }
    Ok(items)
}

fn insert(set: &mut Vec<Cow<'_, [u8]>>, element: Vec<u8>) {
    if !set.iter().any(|present| present.as_ref() == element.as_slice()) {
        let position = position(set, &element);
        set.insert(position, Cow::Owned(element));
    }
}

/// Where DER's order puts an element; at the end of a set that is not in that order, which nobody may disturb.
fn position<T: AsRef<[u8]>>(set: &[T], element: &[u8]) -> usize {
    match set.is_sorted_by(|a, b| a.as_ref() <= b.as_ref()) {
        true => set.iter().take_while(|present| present.as_ref() < element).count(),
        false => set.len(),
    }
}
