//! Format checking (EN 319 102-1 §5.2.2) of PDF signatures: is what is signed what a reader shows, and is the container as its
//! standards ask? (ISO 32000-2 §12.8.1, EN 319 142-1 §5.3)

use crate::formats::cms::{CmsError, SignedData, Trailing};
use crate::formats::pdf::byte_range::{ByteRangeDefect, Coverage};
use crate::formats::pdf::{Pdf, PdfError, SignatureDictionary, SignatureKind};
use crate::validation::pdf_changes::{self, ChangeLimits, Changes};
use crate::validation::report::{Code, Finding, Kind, Message, Modification, SubIndication};

/// The encodings of a signature value this crate reads (ISO 32000-2 table 255, EN 319 142-1 §5.2, §5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubFilter {
    /// ETSI.CAdES.detached.
    Cades,
    /// adbe.pkcs7.detached.
    Pkcs7Detached,
    /// adbe.pkcs7.sha1: the message's content is the document's SHA-1 digest.
    Pkcs7Sha1,
    /// ETSI.RFC3161: a document time-stamp.
    TimeStamp,
}

impl SubFilter {
    /// Reads /SubFilter; it decides what the dictionary is. A /Type that contradicts it is told.
    ///
    /// # Errors
    /// FORMAT_FAILURE when it is missing or unknown, or /Type promises a time-stamp and it is none.
    pub fn read(dictionary: &SignatureDictionary, messages: &mut Vec<Message>) -> Result<Self, Finding> {
        let sub_filter = match dictionary.sub_filter.as_deref() {
            Some("ETSI.CAdES.detached") => Self::Cades,
            Some("adbe.pkcs7.detached") => Self::Pkcs7Detached,
            Some("adbe.pkcs7.sha1") => Self::Pkcs7Sha1,
            Some("ETSI.RFC3161") => Self::TimeStamp,
            Some(other) => return Err(dictionary_finding(format!("/SubFilter /{}", other.escape_debug()))),
            None => return Err(dictionary_finding("/SubFilter".to_owned())),
        };
        match (dictionary.kind, sub_filter) {
            (SignatureKind::DocumentTimestamp, Self::TimeStamp) => {}
            (SignatureKind::DocumentTimestamp, _) => return Err(dictionary_finding("/Type, /SubFilter".to_owned())),
            (SignatureKind::Signature, Self::TimeStamp) => {
                messages.push(Message::warning(Code::SignatureDictionaryInvalid).detail("/Type"));
            }
            (SignatureKind::Signature, _) => {}
        }
        Ok(sub_filter)
    }

    /// What a dictionary with this entry is.
    pub fn kind(self) -> Kind {
        if self == Self::TimeStamp { Kind::DocumentTimestamp } else { Kind::Signature }
    }
}

/// Checks that the byte range covers everything of its revision but the signature value.
///
/// # Errors
/// FORMAT_FAILURE with the first defect.
pub fn byte_range(dictionary: &SignatureDictionary) -> Result<(), Finding> {
    let facts = &dictionary.byte_range;
    if let Some(defect) = facts.defects.first() {
        let code = match defect {
            ByteRangeDefect::GapIsNotContents | ByteRangeDefect::StartsLate => Code::ByteRangeGap,
            ByteRangeDefect::RepeatedKey | ByteRangeDefect::ContentsUnusable => Code::SignatureDictionaryInvalid,
            _ => Code::ByteRangeInvalid,
        };
        return Err(Finding::with(SubIndication::FormatFailure, code, describe(*defect)));
    }
    if facts.coverage == Coverage::Partial {
        return Err(Finding::new(SubIndication::FormatFailure, Code::ByteRangePartial));
    }
    Ok(())
}

/// Most departures from the standard told of one file.
const MAX_ANOMALIES_TOLD: usize = 5;

/// Tells where the file departs from the standard.
///
/// # Errors
/// FORMAT_FAILURE when the chain of cross-reference sections is broken: earlier revisions, and signatures in them, cannot be
/// seen, and readers that repair the file show something else.
pub fn structure(pdf: &Pdf<'_>, messages: &mut Vec<Message>) -> Result<(), Finding> {
    let anomalies = pdf.anomalies();
    if let Some(broken) = anomalies.iter().find(|anomaly| anomaly.breaks_history()) {
        return Err(Finding::with(SubIndication::FormatFailure, Code::DocumentStructureDamaged, broken.to_string()));
    }
    let told = anomalies.iter().take(MAX_ANOMALIES_TOLD);
    messages.extend(told.map(|anomaly| Message::info(Code::DocumentStructureRemark).detail(anomaly.to_string())));
    Ok(())
}

/// Compares the signed revision with the whole file.
///
/// A forbidden change is FORMAT_FAILURE, as EU DSS reports it: the document shown is not the one signed. A suspicious one
/// leaves the signature INDETERMINATE / SIG_CONSTRAINTS_FAILURE. Where the comparison itself is impossible, the change
/// is forbidden.
pub fn changes(
    pdf: &Pdf<'_>,
    dictionary: &SignatureDictionary,
    findings: &mut Vec<Finding>,
    messages: &mut Vec<Message>,
) -> Changes {
    if dictionary.byte_range.covered_end() == Some(pdf.data().len()) {
        // The signed state is the whole file: nothing can have come after it.
        return Changes { modification: Modification::None, findings: Vec::new() };
    }
    let compared = dictionary
        .signed_revision(pdf)
        .and_then(|signed| pdf_changes::analyse(&signed, pdf, dictionary, &ChangeLimits::default()));
    let changes = match compared {
        Ok(changes) => changes,
        Err(PdfError::TooLarge(reached)) => {
            // Nothing speaks against the document, and nothing for it.
            let sub = SubIndication::SigConstraintsFailure;
            findings.push(Finding::with(sub, Code::BudgetExceeded, reached.to_string()));
            return Changes { modification: Modification::Suspicious, findings: Vec::new() };
        }
        Err(error) => {
            findings.push(Finding::with(SubIndication::FormatFailure, Code::ModifiedForbidden, error.to_string()));
            return Changes { modification: Modification::Forbidden, findings: Vec::new() };
        }
    };
    for change in changes.findings.iter().take(MAX_CHANGES_TOLD) {
        let detail = format!("{}: {} ({})", change.path, change.text, change.rule);
        let finding = |sub, code| Finding::with(sub, code, detail.clone());
        match change.modification {
            Modification::Forbidden if change.rule == pdf_changes::LIMIT => {
                findings.push(Finding::with(SubIndication::FormatFailure, Code::BudgetExceeded, change.text.clone()));
            }
            Modification::Forbidden => findings.push(finding(SubIndication::FormatFailure, Code::ModifiedForbidden)),
            Modification::Suspicious => {
                findings.push(finding(SubIndication::SigConstraintsFailure, Code::ModifiedSuspicious));
            }
            Modification::Allowed => messages.push(Message::info(Code::ModifiedAllowed).detail(detail)),
            Modification::None => {}
        }
    }
    changes
}

/// Most changes told of one signature; the worst stand first, the verdict counts them all.
pub const MAX_CHANGES_TOLD: usize = 20;

/// Checks the message in /Contents against what the dictionary says it is.
///
/// # Errors
/// FORMAT_FAILURE when it is unreadable, has other octets behind it, no signer, or content it must not have.
pub fn message<'a>(
    contents: &'a [u8],
    sub_filter: SubFilter,
    messages: &mut Vec<Message>,
) -> Result<SignedData<'a>, Finding> {
    let unreadable =
        |error: CmsError| Finding::with(SubIndication::FormatFailure, Code::CmsUnreadable, error.to_string());
    let signed_data = SignedData::parse(contents).map_err(unreadable)?;
    if let Trailing::Other(count) = signed_data.trailing {
        return Err(Finding::with(SubIndication::FormatFailure, Code::CmsTrailingBytes, count.to_string()));
    }
    if signed_data.signers.is_empty() {
        return Err(Finding::with(SubIndication::FormatFailure, Code::CmsSignerCount, "0"));
    }
    let carries = signed_data.content.is_some();
    let expected = matches!(sub_filter, SubFilter::Pkcs7Sha1 | SubFilter::TimeStamp);
    if carries != expected {
        return Err(Finding::new(SubIndication::FormatFailure, Code::CmsEncapsulatedContent));
    }
    if signed_data.unreadable_certificates > 0 {
        let count = signed_data.unreadable_certificates.to_string();
        messages.push(Message::info(Code::CmsUnreadable).detail(format!("certificates: {count}")));
    }
    Ok(signed_data)
}

/// Checks that the message has a single SignerInfo (EN 319 142-1 §6.3; ISO 32000-2 §12.8.3.3.1).
///
/// # Errors
/// SIG_CONSTRAINTS_FAILURE: only the first could be shown, and readers differ in which one they show.
pub fn single_signer(signed_data: &SignedData<'_>) -> Result<(), Finding> {
    match signed_data.signers.len() {
        1 => Ok(()),
        count => Err(Finding::with(SubIndication::SigConstraintsFailure, Code::CmsSignerCount, count.to_string())),
    }
}

fn dictionary_finding(detail: String) -> Finding {
    Finding::with(SubIndication::FormatFailure, Code::SignatureDictionaryInvalid, detail)
}

fn describe(defect: ByteRangeDefect) -> &'static str {
    match defect {
        ByteRangeDefect::Missing => "it is missing",
        ByteRangeDefect::NotIntegers => "it is not an array of integers",
        ByteRangeDefect::NotFourNumbers => "it has not four numbers",
        ByteRangeDefect::Negative => "a number is negative",
        ByteRangeDefect::Overflow => "a number is too large",
        ByteRangeDefect::StartsLate => "the first range does not begin at byte 0",
        ByteRangeDefect::EmptyRange => "a range is empty",
        ByteRangeDefect::Overlap => "the ranges overlap or are out of order",
        ByteRangeDefect::PastEndOfFile => "the second range ends beyond the file",
        ByteRangeDefect::ContentsUnusable => "/Contents is not a hexadecimal string in the file",
        ByteRangeDefect::GapIsNotContents => "the gap is not exactly /Contents",
        ByteRangeDefect::RepeatedKey => "a key stands there twice",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::testing::p7s;

    fn code(contents: &[u8], sub_filter: SubFilter) -> Option<Code> {
        message(contents, sub_filter, &mut Vec::new()).err().map(|finding| finding.message.code)
    }

    #[test]
    fn padded_message_is_read_and_other_octets_are_refused() {
        let mut contents = p7s().der;
        contents.extend([0; 100]);
        assert_eq!(code(&contents, SubFilter::Cades), None);
        contents.push(1);
        assert_eq!(code(&contents, SubFilter::Cades), Some(Code::CmsTrailingBytes));
    }

    #[test]
    fn content_is_carried_where_the_sub_filter_says() {
        let contents = p7s().der;
        assert_eq!(code(&contents, SubFilter::Pkcs7Detached), None);
        assert_eq!(code(&contents, SubFilter::Pkcs7Sha1), Some(Code::CmsEncapsulatedContent));
        assert_eq!(code(&contents, SubFilter::TimeStamp), Some(Code::CmsEncapsulatedContent));
    }

    #[test]
    fn zeros_instead_of_a_message_are_refused() {
        assert_eq!(code(&[0; 64], SubFilter::Cades), Some(Code::CmsUnreadable));
    }
}
