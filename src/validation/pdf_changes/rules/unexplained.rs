//! Bytes and objects that came after the signature and have no part in the document a strict reader sees: a lenient
//! reader may show them.

use super::Facts;
use crate::formats::pdf::xref::Entry;
use crate::formats::pdf::{Anomaly, Object, ObjectId, Pdf, PdfError, revisions, versions};
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

/// Objects defined after signing that nothing refers to, neither now nor in a revision in between: told, and allowed.
///
/// A reader starts at the trailer, and what the references from there lead to was compared; that includes the object under an old
/// number, which is then unreachable in the newest state. Signing software leaves such objects behind (unused appearances,
/// validation data that was replaced). The shadow attack puts its material there first and lets a later update point to it: that
/// update is part of the file by then, and the object reachable, so that it is compared like any other. Objects that no
/// cross-reference section names are another matter: see [`bytes`].
///
/// # Errors
/// [`PdfError::TooLarge`] when the file exceeds its limits.
pub(in crate::validation::pdf_changes) fn orphans(
    facts: &Facts<'_, '_>,
    findings: &mut Findings,
) -> Result<(), PdfError> {
    let mut orphans = facts.reach.orphans();
    orphans.retain(|number| facts.new.entry(*number).is_some());
    orphans.retain(|number| !is_container(facts.new, *number) && !was_orphan(facts, *number));
    if orphans.is_empty() {
        return Ok(());
    }
    let earlier = versions::references_since(facts.new, facts.old.data().len())?;
    facts.reach.explain_orphans(&earlier, &mut orphans);
    let mut orphans: Vec<u32> = orphans.into_iter().collect();
    orphans.sort_unstable();
    for number in orphans {
        let path = format!("object {number}");
        if starts_a_document(facts, number) {
            findings.suspect("orphan", &path, "a document catalog or page tree was added that nothing refers to");
        } else {
            findings.allow("orphan", &path, "an object was added that nothing refers to");
        }
    }
    Ok(())
}

/// Readers that rebuild a damaged file look for a catalog, and for pages, wherever they are.
fn starts_a_document(facts: &Facts<'_, '_>, number: u32) -> bool {
    // What this reader cannot read, another one may.
    let Ok(object) = facts.new.get(ObjectId::new(number, 0)) else { return true };
    object.as_dict().is_some_and(|dict| ["Catalog", "Pages", "Page"].iter().any(|kind| dict.is_type(kind)))
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
    for anomaly in new_anomalies(signed, newest) {
        match anomaly {
            Anomaly::HybridDisagreement { offset, .. } if names_a_signed_stream(signed, newest, offset) => {}
            Anomaly::HybridDisagreement { .. } => findings.forbid("chain", "trailer", &anomaly.to_string()),
            // Every reader sees the same objects all the same.
            Anomaly::SizeTooSmall { .. } | Anomaly::StartxrefInexact { .. } | Anomaly::MissingEndobj { .. } => {}
            _ => findings.suspect("irregular", "file", &anomaly.to_string()),
        }
    }
}

/// Whether the hybrid section at `start` only copied the /XRefStm of the trailer it was made from, as some writers do: the stream is
/// part of what was signed, and the newer table goes before it in every reader (ISO 32000-1 §7.5.8.4).
fn names_a_signed_stream(signed: &Pdf<'_>, newest: &Pdf<'_>, start: usize) -> bool {
    let stream =
        newest.sections().iter().find(|section| section.start == start).and_then(|section| section.hybrid_stream);
    stream.is_some_and(|stream| signed.sections().iter().any(|section| section.hybrid_stream == Some(stream)))
}

/// What the newest state departs from the standard in and the signed one did not. Objects are read when they are needed: what only
/// the newest state was asked for is read in the signed one before it is called new.
fn new_anomalies(signed: &Pdf<'_>, newest: &Pdf<'_>) -> Vec<Anomaly> {
    let beyond = |before: &[Anomaly]| -> Vec<Anomaly> {
        newest.anomalies().into_iter().filter(|anomaly| !before.contains(anomaly)).collect()
    };
    let found = beyond(&signed.anomalies());
    if found.is_empty() {
        return found;
    }
    for number in found.iter().filter_map(|anomaly| concerned(signed, anomaly)) {
        let _ = signed.get(ObjectId::new(number, 0));
    }
    beyond(&signed.anomalies())
}

/// The object of the signed revision an anomaly is about.
fn concerned(signed: &Pdf<'_>, anomaly: &Anomaly) -> Option<u32> {
    match anomaly {
        Anomaly::DuplicateKey { object, .. } => object.map(|id| id.number),
        Anomaly::HeaderMismatch { entry, .. } => Some(entry.number),
        Anomaly::MissingEndobj { object, .. } => Some(object.number),
        Anomaly::ObjectStreamIndex { object, .. } | Anomaly::XrefOutsideFile { object } => Some(*object),
        // The object that begins last before the stream.
        Anomaly::StreamLength { offset } | Anomaly::StreamData { offset } => {
            let begins = signed.entries().iter().filter_map(|(number, entry)| match entry {
                Entry::InFile { offset: at, .. } => Some((signed.base().saturating_add(*at), *number)),
                Entry::InStream { .. } | Entry::Free => None,
            });
            begins.filter(|(at, _)| at < offset).max().map(|(_, number)| number)
        }
        _ => None,
    }
}
