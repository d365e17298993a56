//! The signature dictionary found in the newest state must be the one that was signed: same field, same object.

use crate::formats::pdf::{Pdf, SignatureDictionary};
use crate::validation::pdf_changes::Findings;

/// Compares the dictionary with its counterpart in the signed revision.
pub(in crate::validation::pdf_changes) fn check(
    signed: &Pdf<'_>,
    newest: &Pdf<'_>,
    in_signed: &[SignatureDictionary],
    signature: &SignatureDictionary,
    findings: &mut Findings,
) {
    const RULE: &str = "signed-dictionary";
    let Some(counterpart) = in_signed.iter().find(|s| s.field_name == signature.field_name) else {
        let text = "the signed revision has no signature in this field";
        return findings.forbid(RULE, &signature.field_name, text);
    };
    if counterpart.object != signature.object || counterpart.field != signature.field {
        return findings.forbid(RULE, &signature.field_name, "the field held another signature when it was signed");
    }
    let same = counterpart.contents == signature.contents
        && counterpart.byte_range.ranges == signature.byte_range.ranges
        && counterpart.byte_range.contents == signature.byte_range.contents;
    let same_place = signature.object.is_none_or(|id| signed.entry(id.number) == newest.entry(id.number));
    if !same || !same_place {
        findings.forbid(RULE, &signature.field_name, "the signature dictionary was replaced after signing");
    }
}
