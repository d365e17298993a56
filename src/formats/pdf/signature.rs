//! Signature dictionaries, reached through the form's signature fields (ISO 32000-1 §12.8.1, table 252).
//!
//! ```text
//! << /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /ByteRange [0 a b c] /Contents <…>
//!    /M (D:…) /Name /Reason /Location /ContactInfo /Reference [ << /TransformMethod /DocMDP … >> ] >>
//! ```

use std::ops::Range;

use time::OffsetDateTime;

use super::byte_range::{self, ByteRangeDefect, ByteRangeFacts};
use super::fields::{self, Field};
use super::lexer::Lexer;
use super::object::{Dict, ObjectId};
use super::parser::Parser;
use super::permissions::{DocMdpPermission, FieldLock, Transforms};
use super::reader::{Pdf, Resolved};
use super::revisions;
use super::text;
use super::xref::Entry;
use super::{Limits, PdfError};

/// What a signature dictionary is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureKind {
    /// /Type /Sig, or no /Type.
    Signature,
    /// /Type /DocTimeStamp.
    DocumentTimestamp,
}

/// Everything a verifier needs to know of one signature dictionary.
#[derive(Debug, Clone)]
pub struct SignatureDictionary {
    /// Fully qualified name of the field.
    pub field_name: String,
    pub field: Option<ObjectId>,
    /// The signature dictionary's object; `None` when it stands directly in the field.
    pub object: Option<ObjectId>,
    pub kind: SignatureKind,
    pub filter: Option<String>,
    pub sub_filter: Option<String>,
    pub byte_range: ByteRangeFacts,
    /// Decoded /Contents with its zero padding; empty when absent or not a string.
    pub contents: Vec<u8>,
    /// /M, the time the signer claims.
    pub signing_time: Option<OffsetDateTime>,
    pub name: Option<String>,
    pub reason: Option<String>,
    pub location: Option<String>,
    pub contact_info: Option<String>,
    /// True when /Cert is present (forbidden in PAdES).
    pub cert_present: bool,
    /// DocMDP and FieldMDP of /Reference.
    pub transforms: Transforms,
    /// The field's /Lock: locked fields, and /P of PDF 2.0.
    pub lock: Option<(FieldLock, Option<DocMdpPermission>)>,
    /// Keys that occur more than once in the dictionary.
    pub duplicate_keys: Vec<String>,
    /// Index of the covered revision in [`revisions::revisions`], oldest 0; `None` when no revision ends there.
    pub revision: Option<usize>,
}

impl SignatureDictionary {
    /// The file as it was when signed: the bytes up to the end of the second range.
    ///
    /// # Errors
    /// [`PdfError::Truncated`] when the ranges do not lie in the file, else what [`Pdf::open`] gives.
    pub fn signed_revision<'a>(&self, pdf: &Pdf<'a>) -> Result<Pdf<'a>, PdfError> {
        let bytes = self.byte_range.covered_end().and_then(|end| pdf.data().get(..end));
        pdf.open_state(bytes.ok_or(PdfError::Truncated("the signed range does not lie in it"))?)
    }
}

/// All signatures of the form, in the order of the field tree. A dictionary that several fields share is listed for
/// each of them.
///
/// # Errors
/// [`PdfError`] when form, fields or a signature dictionary cannot be read.
pub fn signatures(pdf: &Pdf<'_>) -> Result<Vec<SignatureDictionary>, PdfError> {
    let ends = revisions::ends(pdf);
    let mut signatures = Vec::new();
    for field in fields::fields(pdf)?.iter().filter(|field| field.is_signature()) {
        if let Some(signature) = signature(pdf, field, &ends)? {
            signatures.push(signature);
        }
    }
    Ok(signatures)
}

fn signature(pdf: &Pdf<'_>, field: &Field, ends: &[Range<usize>]) -> Result<Option<SignatureDictionary>, PdfError> {
    let Some(value) = &field.value else { return Ok(None) };
    let value = pdf.resolve(value)?;
    let Some(dict) = value.as_dict() else { return Ok(None) };
    let contents = pdf.value(dict, "Contents")?;
    let byte_range = byte_range_facts(pdf, field, &value, dict, ends)?;
    let covered_end = byte_range.covered_end();
    Ok(Some(SignatureDictionary {
        field_name: field.name.clone(),
        field: field.id,
        object: value.id(),
        kind: kind(dict),
        filter: name(pdf, dict, "Filter")?,
        sub_filter: name(pdf, dict, "SubFilter")?,
        byte_range,
        contents: contents.and_then(|c| c.as_string().map(|s| s.bytes.clone())).unwrap_or_default(),
        signing_time: text_entry(pdf, dict, "M")?.as_deref().and_then(text::parse_date),
        name: text_entry(pdf, dict, "Name")?,
        reason: text_entry(pdf, dict, "Reason")?,
        location: text_entry(pdf, dict, "Location")?,
        contact_info: text_entry(pdf, dict, "ContactInfo")?,
        cert_present: dict.contains("Cert"),
        transforms: Transforms::read(pdf, dict)?,
        lock: field.lock(pdf)?,
        duplicate_keys: dict.duplicate_keys().iter().map(ToString::to_string).collect(),
        revision: covered_end.and_then(|end| ends.iter().position(|r| r.start <= end && end <= r.end)),
    }))
}

fn byte_range_facts(
    pdf: &Pdf<'_>,
    field: &Field,
    value: &Resolved<'_>,
    dict: &Dict,
    ends: &[Range<usize>],
) -> Result<ByteRangeFacts, PdfError> {
    let contents = contents_extent(pdf, field, value);
    let ranges = pdf.value(dict, "ByteRange")?;
    let mut facts = byte_range::examine(ranges.as_deref(), contents, pdf.data(), ends);
    if !dict.duplicate_keys().is_empty() {
        facts.defects.push(ByteRangeDefect::RepeatedKey);
        facts.coverage = byte_range::Coverage::Partial;
    }
    Ok(facts)
}

/// Where the /Contents token of this very dictionary stands in the file; `None` when it is a reference, missing, or
/// the dictionary lies in an object stream.
fn contents_extent(pdf: &Pdf<'_>, field: &Field, value: &Resolved<'_>) -> Option<Range<usize>> {
    match value.id() {
        Some(id) => value_extent(pdf, dict_start(pdf, id)?, "Contents"),
        None => {
            let direct = value_extent(pdf, dict_start(pdf, field.id?)?, "V")?;
            value_extent(pdf, direct.start, "Contents")
        }
    }
}

fn dict_start(pdf: &Pdf<'_>, id: ObjectId) -> Option<usize> {
    let Some(Entry::InFile { offset, .. }) = pdf.entry(id.number) else { return None };
    let mut parser = Parser::new(pdf.data(), pdf.base().checked_add(offset)?, pdf.limits());
    parser.object_header()?;
    Some(parser.pos())
}

fn value_extent(pdf: &Pdf<'_>, dict_start: usize, key: &str) -> Option<Range<usize>> {
    let limits: &Limits = pdf.limits();
    let mut lexer = Lexer::new(pdf.data(), dict_start);
    lexer.skip_space();
    let spans = Parser::new(pdf.data(), lexer.pos(), limits).dict_value_spans().ok()?;
    spans.into_iter().rev().find(|(name, _)| name.is(key)).map(|(_, span)| span)
}

fn kind(dict: &Dict) -> SignatureKind {
    let untyped_timestamp = !dict.contains("Type") && dict.get("SubFilter").is_some_and(|s| s.is_name("ETSI.RFC3161"));
    if dict.is_type("DocTimeStamp") || untyped_timestamp {
        SignatureKind::DocumentTimestamp
    } else {
        SignatureKind::Signature
    }
}

fn name(pdf: &Pdf<'_>, dict: &Dict, key: &str) -> Result<Option<String>, PdfError> {
    Ok(pdf.value(dict, key)?.and_then(|value| value.as_name().map(ToString::to_string)))
}

fn text_entry(pdf: &Pdf<'_>, dict: &Dict, key: &str) -> Result<Option<String>, PdfError> {
    Ok(pdf.value(dict, key)?.and_then(|value| value.as_string().map(|s| text::decode(&s.bytes))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::byte_range::Coverage;
    use crate::formats::pdf::samples::Sample;

    fn signed(dictionary: &str) -> Vec<u8> {
        let sample = Sample::new()
            .object(1, "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[5 0 R]/SigFlags 3>>>>")
            .object(5, "<</FT/Sig/T(S)/V 6 0 R/Subtype/Widget>>")
            .object(6, dictionary);
        sample.finish_signed()
    }

    #[test]
    fn dictionary_is_read_and_covers_the_file() {
        let file = signed(
            "<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/Contents <00ff>\
             /ByteRange [0 1234 1234 1234]/M(D:20260102030405Z)/Reason(x)\
             /Reference[<</TransformMethod/DocMDP/TransformParams<</P 1>>>>]>>",
        );
        let pdf = Pdf::open(&file, &Limits::default()).unwrap();
        let signatures = signatures(&pdf).unwrap();
        let [signature] = signatures.as_slice() else { panic!("one signature") };
        assert_eq!(signature.byte_range.defects, []);
        assert_eq!(signature.byte_range.coverage, Coverage::WholeFile);
        assert_eq!(signature.contents, [0, 0xff]);
        assert_eq!(signature.transforms.doc_mdp, Some(DocMdpPermission::NoChanges));
        assert_eq!((signature.reason.as_deref(), signature.revision), (Some("x"), Some(0)));
        assert!(signature.signed_revision(&pdf).is_ok());
    }

    #[test]
    fn second_byte_range_key_is_a_defect() {
        let file = signed("<</Type/Sig/ByteRange[0 1 2 3]/Contents <00ff>/ByteRange [0 1234 1234 1234]>>");
        let pdf = Pdf::open(&file, &Limits::default()).unwrap();
        let facts = &signatures(&pdf).unwrap()[0].byte_range;
        assert_eq!(
            (facts.defects.as_slice(), facts.coverage),
            (&[ByteRangeDefect::RepeatedKey][..], Coverage::Partial)
        );
    }

    #[test]
    fn contents_of_another_dictionary_is_a_defect() {
        let file = signed("<</Type/Sig/X <00ff>/Contents <11ff>/ByteRange [0 1234 1234 1234]>>");
        let pdf = Pdf::open(&file, &Limits::default()).unwrap();
        assert_eq!(signatures(&pdf).unwrap()[0].byte_range.defects, [ByteRangeDefect::GapIsNotContents]);
    }
}
