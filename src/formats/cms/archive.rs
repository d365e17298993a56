//! What an archive-time-stamp-v3 covers: the hash index inside its token, and the octets its imprint is of.

use super::{Attributes, CmsError, Frame, SignerFrame, oid};
use crate::crypto::{CryptoError, Digest, DigestAlgorithm};
use crate::formats::der::{DerError, Reader, Rules, Tlv, tag, value, write};

/// Most hashes in one list of an index: as many as a message may hold certificates or attribute values.
const MAX_HASHES: usize = 4096;

/// Which elements existed when the archive time-stamp was made, by their hashes.
///
/// ```text
/// ATSHashIndexV3 ::= SEQUENCE {
///   hashIndAlgorithm AlgorithmIdentifier,
///   certificatesHashIndex SEQUENCE OF OCTET STRING, crlsHashIndex SEQUENCE OF OCTET STRING,
///   unsignedAttrValuesHashIndex SEQUENCE OF OCTET STRING }        -- EN 319 122-1 §5.5.2
/// ```
/// The former ATSHashIndex (TS 101 733 §6.4.2) differs in a default, SHA-256, and in hashing whole attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashIndex {
    /// `Err` when the hash is not implemented.
    pub algorithm: Result<DigestAlgorithm, CryptoError>,
    der: Vec<u8>,
    form: Form,
    certificates: Vec<Vec<u8>>,
    crls: Vec<Vec<u8>>,
    unsigned: Vec<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    V3,
    Former,
}

/// How an index compares with a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Covered {
    /// Positions in SignedData's certificates and crls that the index lists.
    pub certificates: Vec<usize>,
    pub crls: Vec<usize>,
    /// Unsigned attribute values the index lists, as received.
    pub values: Vec<Vec<u8>>,
    /// Elements of the message the index does not list: they came later, or were slipped in.
    pub not_listed: usize,
    /// Listed elements the message does not hold (any more).
    pub lost: usize,
}

impl HashIndex {
    /// The index of everything a message holds for one signer now.
    pub fn of(frame: &Frame<'_>, signer: &SignerFrame<'_>, algorithm: DigestAlgorithm) -> Result<Self, CmsError> {
        let hash = |element: &[u8]| algorithm.digest(element).as_bytes().to_vec();
        let certificates: Vec<_> = frame.certificates().map(hash).collect();
        let crls: Vec<_> = frame.crls().map(hash).collect();
        let values = attribute_values(signer)?;
        let unsigned: Vec<_> = values.iter().map(|(oid, value)| hash(&[&oid[..], &value[..]].concat())).collect();
        let list = |hashes: &[Vec<u8>]| {
            write::sequence(&[&hashes.iter().map(|hash| write::octet_string(hash)).collect::<Vec<_>>().concat()])
        };
        let identifier = write::sequence(&[&write::oid(&algorithm.oid())]);
        let der = write::sequence(&[&identifier, &list(&certificates), &list(&crls), &list(&unsigned)]);
        Ok(Self { algorithm: Ok(algorithm), der, form: Form::V3, certificates, crls, unsigned })
    }

    /// Finds the index among the unsigned attributes of a token's signer; `None` when there is none.
    ///
    /// # Errors
    /// [`CmsError`] when it is malformed or repeated.
    pub fn in_token(attributes: &Attributes) -> Result<Option<Self>, CmsError> {
        let ambiguous = |_| DerError::BadValue("the hash index of an archive time-stamp is repeated");
        if let Some(value) = attributes.single(&oid::ATS_HASH_INDEX_V3).map_err(ambiguous)? {
            return Self::read(value, Form::V3).map(Some);
        }
        let former = attributes.single(&oid::ATS_HASH_INDEX).map_err(ambiguous)?;
        former.map(|value| Self::read(value, Form::Former)).transpose()
    }

    fn read(der: &[u8], form: Form) -> Result<Self, CmsError> {
        let mut reader = Reader::new(der, Rules::Ber);
        let mut fields = reader.expect(tag::SEQUENCE)?.reader()?;
        reader.finish()?;
        // An AlgorithmIdentifier begins with an OBJECT IDENTIFIER, a list of hashes with an OCTET STRING or nothing.
        let mut first = fields.expect(tag::SEQUENCE)?;
        let algorithm = match (first.reader()?.peek(), form) {
            (Some(tag::OID), _) => {
                let named = DigestAlgorithm::from_oid(&value::oid(first.reader()?.next()?)?);
                first = fields.expect(tag::SEQUENCE)?;
                named
            }
            (_, Form::Former) => Ok(DigestAlgorithm::Sha256),
            (_, Form::V3) => return Err(DerError::Missing(tag::OID).into()),
        };
        let certificates = hashes(first)?;
        let crls = hashes(fields.expect(tag::SEQUENCE)?)?;
        let unsigned = hashes(fields.expect(tag::SEQUENCE)?)?;
        fields.finish()?;
        Ok(Self { algorithm, der: der.to_vec(), form, certificates, crls, unsigned })
    }

    /// The index as received or made.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Compares the index with a message, as it is now.
    ///
    /// # Errors
    /// [`CmsError`] when the hash is not implemented (as encoding fault of its maker) or attributes are malformed.
    pub fn compare(&self, frame: &Frame<'_>, signer: &SignerFrame<'_>) -> Result<Covered, CmsError> {
        let algorithm =
            self.algorithm.clone().map_err(|_| DerError::BadValue("the hash of a hash index is unknown"))?;
        let mut covered = Covered::default();
        let mut listed = Listed::new(&self.certificates, algorithm);
        covered.certificates = listed.positions(frame.certificates());
        covered.count(listed);
        let mut listed = Listed::new(&self.crls, algorithm);
        covered.crls = listed.positions(frame.crls());
        covered.count(listed);
        let mut listed = Listed::new(&self.unsigned, algorithm);
        covered.values = match self.form {
            Form::V3 => {
                let values = attribute_values(signer)?.into_iter();
                values.filter(|(oid, value)| listed.take(&[oid, value])).map(|(_, value)| value).collect()
            }
            Form::Former => {
                let whole = signer.unsigned().filter(|attribute| listed.take(&[attribute]));
                whole
                    .map(values_of)
                    .collect::<Result<Vec<_>, _>>()?
                    .into_iter()
                    .flatten()
                    .map(|(_, value)| value)
                    .collect()
            }
        };
        covered.count(listed);
        Ok(covered)
    }
}

impl Covered {
    fn count(&mut self, listed: Listed<'_>) {
        self.lost = self.lost.saturating_add(listed.left.len());
        self.not_listed = self.not_listed.saturating_add(listed.not_listed);
    }
}

/// Hashes that have not met their element yet; each may meet one only.
struct Listed<'a> {
    left: Vec<&'a [u8]>,
    algorithm: DigestAlgorithm,
    not_listed: usize,
}

impl<'a> Listed<'a> {
    fn new(hashes: &'a [Vec<u8>], algorithm: DigestAlgorithm) -> Self {
        Self { left: hashes.iter().map(Vec::as_slice).collect(), algorithm, not_listed: 0 }
    }

    fn take(&mut self, element: &[&[u8]]) -> bool {
        let hash = self.algorithm.digest_parts(element);
        match self.left.iter().position(|listed| *listed == hash.as_bytes()) {
            Some(position) => {
                self.left.swap_remove(position);
                true
            }
            None => {
                self.not_listed = self.not_listed.saturating_add(1);
                false
            }
        }
    }

    fn positions<'b>(&mut self, elements: impl Iterator<Item = &'b [u8]>) -> Vec<usize> {
        elements.enumerate().filter(|(_, element)| self.take(&[element])).map(|(position, _)| position).collect()
    }
}

/// How the signed attributes stand in the imprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedAttributesForm {
    /// In DER's order, as RFC 5652 §5.3 asks them to be written.
    Der,
    /// As received; differs only where the signer did not write DER.
    Received,
}

/// The octets an archive-time-stamp-v3 covers, in parts: eContentType, the hash of the content, the SignerInfo's fields up to
/// the signature value, and the index (EN 319 122-1 §5.5.3). `content` is made with the imprint's hash.
///
/// # Errors
/// [`CmsError`] when the signed attributes are malformed.
pub fn imprint(
    frame: &Frame<'_>,
    signer: &SignerFrame<'_>,
    content: &Digest,
    index: &HashIndex,
    form: SignedAttributesForm,
) -> Result<Vec<u8>, CmsError> {
    let mut octets = [frame.content_type(), content.as_bytes()].concat();
    for field in signer.fields() {
        if form == SignedAttributesForm::Der && field.first() == Some(&tag::context_constructed(0)) {
            let items = Reader::new(field, Rules::Ber).next()?.reader()?.all(usize::MAX, "attributes")?;
            let items = items.into_iter().map(|item| item.raw().to_vec()).collect();
            octets.extend(write::tlv(tag::context_constructed(0), &write::set_of_content(items)));
        } else {
            octets.extend_from_slice(field);
        }
    }
    octets.extend_from_slice(index.der());
    Ok(octets)
}

type TypeAndValue = (Vec<u8>, Vec<u8>);

/// Type and value of every unsigned attribute value, with identifiers and lengths.
fn attribute_values(signer: &SignerFrame<'_>) -> Result<Vec<TypeAndValue>, CmsError> {
    Ok(signer.unsigned().map(values_of).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

fn values_of(attribute: &[u8]) -> Result<Vec<TypeAndValue>, CmsError> {
    let mut fields = Reader::new(attribute, Rules::Ber).expect(tag::SEQUENCE)?.reader()?;
    let kind = fields.next()?.raw();
    let values = fields.expect(tag::SET)?.reader()?.all(MAX_HASHES, "values of an attribute")?;
    Ok(values.into_iter().map(|value| (kind.to_vec(), value.raw().to_vec())).collect())
}

fn hashes(list: Tlv<'_>) -> Result<Vec<Vec<u8>>, CmsError> {
    let items = list.reader()?.all(MAX_HASHES, "hashes")?;
    items.into_iter().map(|item| Ok(item.octets()?.into_owned())).collect()
}
