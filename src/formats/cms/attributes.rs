//! Attributes of a SignerInfo.

use const_oid::ObjectIdentifier;

use super::CmsError;
use crate::formats::der::{Reader, Tlv, tag, value};

/// Most attributes of one signer, and values of one attribute. Signatures renewed for decades carry a few dozen archive time-stamps.
pub(super) const MAX_ATTRIBUTES: usize = 256;
const MAX_VALUES: usize = 256;

/// Attributes in the order received.
///
/// ```text
/// Attribute ::= SEQUENCE { attrType OBJECT IDENTIFIER, attrValues SET OF ANY }   -- RFC 5652 §5.3
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(Vec<Attribute>);

/// One attribute; values as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    pub oid: ObjectIdentifier,
    pub values: Vec<Vec<u8>>,
}

/// An attribute that must be single is not (RFC 5652 §5.3, §11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AttributeProblem {
    #[error("the attribute {0} stands there more than once")]
    Repeated(ObjectIdentifier),
    #[error("the attribute {0} has {1} values instead of one")]
    NotSingleValued(ObjectIdentifier, usize),
}

impl Attributes {
    /// Reads the attributes inside a SET OF, whatever tag it has.
    pub(crate) fn read(set: Tlv<'_>) -> Result<Self, CmsError> {
        let items = set.reader()?.all(MAX_ATTRIBUTES, "attributes")?;
        items.into_iter().map(read_attribute).collect::<Result<_, _>>().map(Self)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Attribute> {
        self.0.iter()
    }

    pub fn contains(&self, oid: &ObjectIdentifier) -> bool {
        self.0.iter().any(|attribute| attribute.oid == *oid)
    }

    /// All values of this type, over all its instances.
    pub fn values(&self, oid: &ObjectIdentifier) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |attribute| attribute.oid == *oid).flat_map(|a| a.values.iter().map(Vec::as_slice))
    }

    /// The value of an attribute that must stand there at most once, with one value.
    ///
    /// # Errors
    /// [`AttributeProblem`] when it is repeated or multi-valued: two readers could pick different ones.
    pub fn single(&self, oid: &ObjectIdentifier) -> Result<Option<&[u8]>, AttributeProblem> {
        let mut found = self.0.iter().filter(|attribute| attribute.oid == *oid);
        let Some(first) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(AttributeProblem::Repeated(*oid));
        }
        match first.values.as_slice() {
            [value] => Ok(Some(value)),
            values => Err(AttributeProblem::NotSingleValued(*oid, values.len())),
        }
    }

    /// Types that stand there more than once.
    pub fn repeated(&self) -> Vec<ObjectIdentifier> {
        let mut repeated = Vec::new();
        for (index, attribute) in self.0.iter().enumerate() {
            let before = self.0.iter().take(index).any(|other| other.oid == attribute.oid);
            if before && !repeated.contains(&attribute.oid) {
                repeated.push(attribute.oid);
            }
        }
        repeated
    }
}

fn read_attribute(element: Tlv<'_>) -> Result<Attribute, CmsError> {
    let mut fields: Reader<'_> = element.expect(tag::SEQUENCE)?.reader()?;
    let oid = value::oid(fields.next()?)?;
    let values = fields.expect(tag::SET)?.reader()?.all(MAX_VALUES, "values of an attribute")?;
    fields.finish()?;
    Ok(Attribute { oid, values: values.into_iter().map(|value| value.raw().to_vec()).collect() })
}

/// Object identifiers of content types and attributes.
pub mod oid {
    use const_oid::ObjectIdentifier;

    const fn new(dotted: &str) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(dotted)
    }

    pub const DATA: ObjectIdentifier = new("1.2.840.113549.1.7.1");
    pub const SIGNED_DATA: ObjectIdentifier = new("1.2.840.113549.1.7.2");
    /// id-ct-TSTInfo (RFC 3161).
    pub const TST_INFO: ObjectIdentifier = new("1.2.840.113549.1.9.16.1.4");
    pub const CONTENT_TYPE: ObjectIdentifier = new("1.2.840.113549.1.9.3");
    pub const MESSAGE_DIGEST: ObjectIdentifier = new("1.2.840.113549.1.9.4");
    pub const SIGNING_TIME: ObjectIdentifier = new("1.2.840.113549.1.9.5");
    pub const COUNTER_SIGNATURE: ObjectIdentifier = new("1.2.840.113549.1.9.6");
    pub const SIGNING_CERTIFICATE: ObjectIdentifier = new("1.2.840.113549.1.9.16.2.12");
    pub const SIGNING_CERTIFICATE_V2: ObjectIdentifier = new("1.2.840.113549.1.9.16.2.47");
    pub const CONTENT_REFERENCE: ObjectIdentifier = new("1.2.840.113549.1.9.16.2.10");
    pub const CONTENT_IDENTIFIER: ObjectIdentifier = new("1.2.840.113549.1.9.16.2.7");
    pub const CONTENT_HINTS: ObjectIdentifier = new("1.2.840.113549.1.9.16.2.4");
    pub const SIGNATURE_TIME_STAMP: ObjectIdentifier = new("1.2.840.113549.1.9.16.2.14");
    pub const SIGNATURE_POLICY: ObjectIdentifier = new("1.2.840.113549.1.9.16.2.15");
    pub const COMMITMENT_TYPE: ObjectIdentifier = new("1.2.840.113549.1.9.16.2.16");
    pub const SIGNER_LOCATION: ObjectIdentifier = new("1.2.840.113549.1.9.16.2.17");
    pub const SIGNER_ATTRIBUTES: ObjectIdentifier = new("1.2.840.113549.1.9.16.2.18");
    /// signer-attributes-v2 (EN 319 122-1 §5.2.6.1).
    pub const SIGNER_ATTRIBUTES_V2: ObjectIdentifier = new("0.4.0.19122.1.1");
    pub const CONTENT_TIME_STAMP: ObjectIdentifier = new("1.2.840.113549.1.9.16.2.20");
    /// mime-type (EN 319 122-1 §5.2.5).
    pub const MIME_TYPE: ObjectIdentifier = new("0.4.0.1733.2.1");
    /// id-aa-ets-certValues and id-aa-ets-revocationValues (EN 319 122-1 §A.1.1).
    pub const CERTIFICATE_VALUES: ObjectIdentifier = new("1.2.840.113549.1.9.16.2.23");
    pub const REVOCATION_VALUES: ObjectIdentifier = new("1.2.840.113549.1.9.16.2.24");
    /// EvidenceRecords of RFC 4998, over the message and over detached content.
    pub const EVIDENCE_RECORD_INTERNAL: ObjectIdentifier = new("1.2.840.113549.1.9.16.2.49");
    pub const EVIDENCE_RECORD_EXTERNAL: ObjectIdentifier = new("1.2.840.113549.1.9.16.2.50");
    /// archive-time-stamp (RFC 3126), its second version (RFC 5126), and archive-time-stamp-v3 (EN 319 122-1 §5.5.3).
    pub const ARCHIVE_TIME_STAMP_V1: ObjectIdentifier = new("1.2.840.113549.1.9.16.2.27");
    pub const ARCHIVE_TIME_STAMP_V2: ObjectIdentifier = new("1.2.840.113549.1.9.16.2.48");
    pub const ARCHIVE_TIME_STAMP_V3: ObjectIdentifier = new("0.4.0.1733.2.4");
    /// ats-hash-index-v3 (EN 319 122-1 §5.5.2).
    pub const ATS_HASH_INDEX_V3: ObjectIdentifier = new("0.4.0.19122.1.5");
    /// ats-hash-index of TS 101 733: with a default hash, and hashing whole attributes.
    pub const ATS_HASH_INDEX: ObjectIdentifier = new("0.4.0.1733.2.5");
    /// long-term-validation of TS 101 733: covers the certificates field as it was.
    pub const LONG_TERM_VALIDATION: ObjectIdentifier = new("0.4.0.1733.2.2");
    /// id-ri-ocsp-response (RFC 5940 §2.1): an OCSPResponse among SignedData's crls.
    pub const OCSP_RESPONSE: ObjectIdentifier = new("1.3.6.1.5.5.7.16.2");
    /// id-pkix-ocsp-basic (RFC 6960 §4.2.1).
    pub const OCSP_BASIC: ObjectIdentifier = new("1.3.6.1.5.5.7.48.1.1");
    /// adbe-revocationInfoArchival (ISO 32000-2 §12.8.3.3.2).
    pub const REVOCATION_INFO_ARCHIVAL: ObjectIdentifier = new("1.2.840.113583.1.1.8");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::der::{Rules, write};

    fn attributes(list: &[(ObjectIdentifier, &[u8])]) -> Attributes {
        let items = list.iter().map(|(oid, values)| write::sequence(&[&write::oid(oid), &write::tlv(0x31, values)]));
        let set = write::tlv(0x31, &items.collect::<Vec<_>>().concat());
        Attributes::read(Reader::new(&set, Rules::Ber).next().expect("set")).expect("attributes")
    }

    #[test]
    fn single_value_is_found_and_absence_told() {
        let attributes = attributes(&[(oid::MESSAGE_DIGEST, &[4, 1, 9])]);
        assert_eq!(attributes.single(&oid::MESSAGE_DIGEST), Ok(Some(&[4, 1, 9][..])));
        assert_eq!(attributes.single(&oid::CONTENT_TYPE), Ok(None));
        assert!(attributes.repeated().is_empty());
    }

    #[test]
    fn repeated_attribute_is_a_problem() {
        let attributes = attributes(&[(oid::MESSAGE_DIGEST, &[4, 1, 9]), (oid::MESSAGE_DIGEST, &[4, 1, 8])]);
        assert_eq!(attributes.single(&oid::MESSAGE_DIGEST), Err(AttributeProblem::Repeated(oid::MESSAGE_DIGEST)));
        assert_eq!(attributes.repeated(), [oid::MESSAGE_DIGEST]);
    }

    #[test]
    fn two_values_or_none_are_a_problem() {
        let two = attributes(&[(oid::MESSAGE_DIGEST, &[4, 1, 9, 4, 1, 8])]);
        assert_eq!(two.single(&oid::MESSAGE_DIGEST), Err(AttributeProblem::NotSingleValued(oid::MESSAGE_DIGEST, 2)));
        let none = attributes(&[(oid::MESSAGE_DIGEST, &[])]);
        assert_eq!(none.single(&oid::MESSAGE_DIGEST), Err(AttributeProblem::NotSingleValued(oid::MESSAGE_DIGEST, 0)));
    }
}
