//! Bytes and objects that came after the signature and have no part in the document a strict reader sees: a lenient
//! reader may show them.

use super::Facts;
use crate::formats::pdf::{Anomaly, Dict, Object, ObjectId, Pdf, PdfError, revisions};
use crate::validation::pdf_changes::reach::Reach;
use crate::validation::pdf_changes::{Finding, Findings, Modification};

/// Ranges after the signed revision that no cross-reference section explains.
///
/// # Errors
/// [`PdfError::TooLarge`] when the file exceeds its limits.
pub(in crate::validation::pdf_changes) fn bytes(signed: &Pdf<'_>, newest: &Pdf<'_>) -> Result<Vec<Finding>, PdfError> {
    let gaps = revisions::unexplained_bytes(newest, signed.data().len())?;
    Ok(gaps.into_iter().map(|range| gap(newest, range)).collect())
}

/// A reader that rebuilds a damaged table by scanning for objects would take those in the gap for the newest ones.
fn gap(newest: &Pdf<'_>, range: std::ops::Range<usize>) -> Finding {
    let bytes = newest.data().get(range.clone()).unwrap_or_default();
    let objects =
        bytes.windows(5).any(|window| matches!(window, [b' ', b'o', b'b', b'j', end] if !end.is_ascii_alphanumeric()));
    let (modification, text) = if objects {
        (Modification::Forbidden, format!("{} bytes with objects belong to no revision", range.len()))
    } else {
        (Modification::Suspicious, format!("{} bytes belong to no revision", range.len()))
    };
    Finding { rule: "unexplained-bytes", modification, path: format!("bytes {}-{}", range.start, range.end), text }
}

/// Revisions looked at to explain an unused object; files with more of them after a signature are rare, and each look
/// walks the whole document.
const REVISIONS: usize = 16;

/// Objects defined after signing that nothing refers to, now or in a revision in between.
pub(in crate::validation::pdf_changes) fn orphans(facts: &Facts<'_, '_>, findings: &mut Findings) {
    let mut orphans: Vec<u32> = facts.reach.orphans().filter(|number| facts.new.entry(*number).is_some()).collect();
    orphans.retain(|number| !is_container(facts.new, *number) && !was_orphan(facts, *number));
    if orphans.iter().any(|number| is_inert(facts, *number)) {
        findings.allow("orphan", "file", "data was added that nothing refers to any more");
        orphans.retain(|number| !is_inert(facts, *number));
    }
    for end in ends_between(facts) {
        if orphans.is_empty() {
            return;
        }
        explain_by_revision(facts, end, &mut orphans);
    }
    orphans.sort_unstable();
    for number in orphans {
        findings.suspect("orphan", &format!("object {number}"), "an object was added that nothing refers to");
    }
}

/// Ends of the revisions after the signed one and before the newest.
fn ends_between(facts: &Facts<'_, '_>) -> Vec<usize> {
    let (signed, whole) = (facts.old.data().len(), facts.new.data().len());
    let ends = revisions::revisions(facts.new).into_iter().map(|revision| revision.end.end);
    ends.filter(|end| *end > signed && *end < whole).take(REVISIONS).collect()
}

/// Drops what the document of that time used: an earlier DSS, a replaced appearance.
fn explain_by_revision(facts: &Facts<'_, '_>, end: usize, orphans: &mut Vec<u32>) {
    let Some(Ok(then)) = facts.new.data().get(..end).map(|bytes| Pdf::open(bytes, facts.new.limits())) else { return };
    let Ok(reach) = Reach::compute(facts.old, &then) else { return };
    orphans.retain(|number| !(reach.refers_to(*number) && then.entry(*number) == facts.new.entry(*number)));
}

/// Left-over data (a certificate, an array) under a number the signed revision does not use: no reader, however
/// lenient, can take it for a part of the document. Pages, fonts and the like say what they are.
fn is_inert(facts: &Facts<'_, '_>, number: u32) -> bool {
    let id = ObjectId::new(number, 0);
    let Ok(object) = facts.new.get(id) else { return false };
    let typed = |dict: &Dict| ["Type", "Subtype", "Kids", "Pages"].iter().any(|key| dict.contains(key));
    facts.is_new_object(id)
        && match &*object {
            Object::Stream(stream) => !typed(&stream.dict),
            Object::Dict(dict) => dict.is_type("VRI") || dict.is_type("DSS"),
            Object::Ref(_) => false,
            _ => true,
        }
}

/// Object streams and cross-reference streams are referred to by the file structure itself.
fn is_container(pdf: &Pdf<'_>, number: u32) -> bool {
    let container = |object: &Object| {
        object.as_stream().is_some_and(|stream| stream.dict.is_type("ObjStm") || stream.dict.is_type("XRef"))
    };
    pdf.get(ObjectId::new(number, 0)).is_ok_and(|object| container(&object))
}

/// Rewriting an object that was unused before, without a change, hides nothing.
fn was_orphan(facts: &Facts<'_, '_>, number: u32) -> bool {
    let id = ObjectId::new(number, 0);
    matches!((facts.old.get(id), facts.new.get(id)), (Ok(a), Ok(b)) if !a.is_null() && a == b)
}

/// The chain of sections must still lead to the signed revision, without new irregularities.
pub(in crate::validation::pdf_changes) fn chain(signed: &Pdf<'_>, newest: &Pdf<'_>, findings: &mut Findings) {
    let linked = signed.sections().first().is_none_or(|last| newest.sections().iter().any(|s| s.start == last.start));
    if !linked {
        findings.forbid("chain", "trailer", "the newest revision does not build on the signed one");
    }
    let before = signed.anomalies();
    for anomaly in newest.anomalies().iter().filter(|anomaly| !before.contains(anomaly)) {
        match anomaly {
            Anomaly::HybridDisagreement { .. } => findings.forbid("chain", "trailer", &anomaly.to_string()),
            // Seen by the comparison itself, at the place where it matters.
            Anomaly::SizeTooSmall { .. } => {}
            _ => findings.suspect("irregular", "file", &anomaly.to_string()),
        }
    }
}
