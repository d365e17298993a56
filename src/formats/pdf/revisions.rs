//! The incremental updates of a file (ISO 32000-1 §7.5.6), and bytes none of them explains.

use std::collections::HashMap;
use std::ops::Range;

use super::PdfError;
use super::lexer::{Lexer, Token, is_white};
use super::reader::Pdf;
use super::xref::{Entry, Section};

/// One saved state of the file, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Absolute end: after `%%EOF`, and the same with the end of line that may follow.
    pub end: Range<usize>,
    /// Objects defined for the first time.
    pub added: Vec<u32>,
    /// Objects defined anew, even if with the same content.
    pub changed: Vec<u32>,
    /// Objects marked free.
    pub freed: Vec<u32>,
}

/// All revisions, oldest first, with what each one's cross-reference sections added, changed and freed.
pub fn revisions(pdf: &Pdf<'_>) -> Vec<Revision> {
    let mut known: HashMap<u32, Entry> = HashMap::new();
    let mut revisions = Vec::new();
    for group in groups(pdf) {
        let end = group_end(pdf, &group);
        let mut revision = Revision { end, added: Vec::new(), changed: Vec::new(), freed: Vec::new() };
        for (number, entry) in group.iter().rev().flat_map(|section| &section.entries) {
            let before = known.insert(*number, *entry);
            match (before, entry) {
                (Some(before), entry) if before == *entry => {}
                (Some(Entry::InFile { .. } | Entry::InStream { .. }), Entry::Free) => revision.freed.push(*number),
                (_, Entry::Free) => {}
                (None | Some(Entry::Free), _) => revision.added.push(*number),
                (Some(_), _) => revision.changed.push(*number),
            }
        }
        revisions.push(revision);
    }
    revisions
}

/// Where each revision ends, oldest first: from after `%%EOF` to after its end of line.
pub(super) fn ends(pdf: &Pdf<'_>) -> Vec<Range<usize>> {
    groups(pdf).iter().map(|group| group_end(pdf, group)).collect()
}

/// Sections of one revision together, oldest revision first. A linearised file has two sections from the start: the
/// newer one stands before the older one it names in /Prev (Annex F).
fn groups<'p>(pdf: &'p Pdf<'_>) -> Vec<Vec<&'p Section>> {
    let mut groups: Vec<Vec<&Section>> = Vec::new();
    for section in pdf.sections() {
        match groups.last_mut() {
            Some(group) if group.last().is_some_and(|newer| newer.start < section.start) => group.push(section),
            _ => groups.push(vec![section]),
        }
    }
    groups.reverse();
    groups
}

fn group_end(pdf: &Pdf<'_>, group: &[&Section]) -> Range<usize> {
    let ends = group.iter().map(|section| tail(pdf.data(), section.end));
    ends.max_by_key(|range| range.end).unwrap_or(0..0)
}

/// End of `startxref N %%EOF` after a section, without and with the end of line behind it.
fn tail(data: &[u8], section_end: usize) -> Range<usize> {
    let mut lexer = Lexer::new(data, section_end);
    if lexer.token() != Some(Token::Keyword(b"startxref")) {
        return section_end..section_end;
    }
    if !matches!(lexer.token(), Some(Token::Integer(_))) {
        return section_end..section_end;
    }
    lexer.skip_white();
    let _ = lexer.take(b"%%EOF");
    let end = lexer.pos();
    let _ = lexer.take(b"\r\n") || lexer.take(b"\n") || lexer.take(b"\r");
    end..lexer.pos()
}

/// Ranges from `from` on that hold more than white space and belong to no object a cross-reference section names, to
/// no section, and to no section's `startxref`. In order, without overlap.
///
/// # Errors
/// [`PdfError::TooLarge`] when reading the objects exceeds the work allowed for the file.
pub fn unexplained_bytes(pdf: &Pdf<'_>, from: usize) -> Result<Vec<Range<usize>>, PdfError> {
    let mut explained = Vec::new();
    for section in pdf.sections() {
        if tail(pdf.data(), section.end).end > from {
            explained.push(section.start..tail(pdf.data(), section.end).end);
        }
        explained.extend(section.hybrid_stream.map(|(start, end)| start..end).filter(|range| range.end > from));
        for (_, entry) in &section.entries {
            let Entry::InFile { offset, .. } = entry else { continue };
            let Some(at) = pdf.base().checked_add(*offset).filter(|at| *at >= from) else { continue };
            match pdf.version_at(at) {
                Ok(version) => explained.push(version.extent.clone()),
                Err(error @ PdfError::TooLarge(_)) => return Err(error),
                Err(_) => {}
            }
        }
    }
    explained.sort_unstable_by_key(|range| range.start);
    let mut gaps = Vec::new();
    let mut at = from;
    for range in explained.into_iter().chain(std::iter::once(pdf.data().len()..pdf.data().len())) {
        if range.start > at && holds_content(pdf.data(), at..range.start) {
            gaps.push(at..range.start);
        }
        at = at.max(range.end);
    }
    Ok(gaps)
}

fn holds_content(data: &[u8], range: Range<usize>) -> bool {
    !data.get(range).unwrap_or_default().iter().all(|byte| is_white(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::Limits;
    use crate::formats::pdf::samples::{Sample, append_update};

    fn open(data: &[u8]) -> Pdf<'_> {
        Pdf::open(data, &Limits::default()).unwrap()
    }

    fn updated() -> String {
        let mut file = String::from_utf8(Sample::minimal()).unwrap();
        let prev = file.rfind("xref\n0").unwrap();
        append_update(&mut file, &[(4, "(new)".into()), (9, "(added)".into())], &format!("/Root 1 0 R/Prev {prev}"));
        file
    }

    #[test]
    fn each_revision_tells_what_it_changed() {
        let file = updated();
        let revisions = revisions(&open(file.as_bytes()));
        assert_eq!(revisions.len(), 2);
        assert_eq!(revisions[0].end, Sample::minimal().len() - 1..Sample::minimal().len());
        assert_eq!((&revisions[1].added[..], &revisions[1].changed[..]), (&[9][..], &[4][..]));
        assert_eq!(revisions[1].end.end, file.len());
    }

    #[test]
    fn honest_update_leaves_no_unexplained_bytes() {
        let file = updated();
        assert_eq!(unexplained_bytes(&open(file.as_bytes()), Sample::minimal().len()), Ok(vec![]));
    }

    #[test]
    fn appended_object_no_section_names_is_unexplained() {
        let mut file = updated();
        let start = file.len();
        file.push_str("4 0 obj (evil) endobj\n");
        let end = file.len();
        let at = file[..start].rfind("xref\n0").unwrap();
        file.push_str(&format!("startxref\n{at}\n%%EOF\n"));
        let gaps = unexplained_bytes(&open(file.as_bytes()), start).unwrap();
        assert_eq!(gaps.as_slice(), std::slice::from_ref(&(start..file.len())));
        assert!(end < file.len());
    }

    #[test]
    fn garbage_after_the_end_is_unexplained_and_white_space_is_not() {
        let base = updated();
        let garbage = format!("{base}hello");
        assert_eq!(unexplained_bytes(&open(garbage.as_bytes()), 0).unwrap().last(), Some(&(base.len()..garbage.len())));
        let blank = format!("{base}\r\n\n");
        assert_eq!(unexplained_bytes(&open(blank.as_bytes()), base.len()), Ok(vec![]));
    }
}
