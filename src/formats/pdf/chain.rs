//! The chain of cross-reference sections: from the last `startxref` through /Prev and /XRefStm to the oldest.

use std::collections::HashSet;

use super::anomaly::Anomaly;
use super::lexer::{Lexer, Token};
use super::object::Object;
use super::xref::{Entry, Section, SectionReader, XrefStyle, find};
use super::{Limits, PdfError, damaged};

/// Header readers look for within this many bytes (ISO 32000-1 Annex H.3, implementation note 13).
const HEADER_WINDOW: usize = 1024;

/// All sections of a file, newest first, and what was noted while reading them.
pub(super) struct Chain {
    pub base: usize,
    /// Absolute offset of the last `startxref` keyword.
    pub startxref: usize,
    pub sections: Vec<Section>,
    pub anomalies: Vec<Anomaly>,
    pub decoded_left: usize,
    pub work_left: usize,
}

/// Reads the chain.
///
/// # Errors
/// [`PdfError`] when there is no header, no `startxref`, or the newest section cannot be read. Damage further back is
/// recorded as [`Anomaly::ChainBroken`].
pub(super) fn read_chain(data: &[u8], limits: &Limits) -> Result<Chain, PdfError> {
    let header = header_offset(data, limits)?;
    let (startxref, value) = last_startxref(data)?;
    let base = base_offset(data, header, value);
    let mut reader = SectionReader::new(data, base, limits);
    if header > 0 {
        reader.anomalies.push(Anomaly::BytesBeforeHeader { count: header });
    }
    let mut sections: Vec<Section> = Vec::new();
    let mut seen = HashSet::new();
    let mut next = Some((base.saturating_add(value), startxref));
    while let Some((at, named_at)) = next {
        if sections.len() >= limits.revisions {
            return Err(PdfError::too_large("revisions", limits.revisions));
        }
        if !seen.insert(at) {
            reader.anomalies.push(Anomaly::ChainLoops { offset: named_at });
            break;
        }
        let mut section = match reader.section(at) {
            Ok(section) => section,
            Err(error) if sections.is_empty() || matches!(error, PdfError::TooLarge(_)) => return Err(error),
            Err(_) => {
                reader.anomalies.push(Anomaly::ChainBroken { offset: named_at });
                break;
            }
        };
        if section.style == XrefStyle::Hybrid {
            merge_hybrid(&mut reader, &mut section)?;
        }
        next = previous(&mut reader, &section);
        sections.push(section);
    }
    let SectionReader { anomalies, decoded_left, work_left, .. } = reader;
    Ok(Chain { base, startxref, sections, anomalies, decoded_left, work_left })
}

/// Newest entry of each object, sorted by number.
pub(super) fn merge(sections: &[Section]) -> Vec<(u32, Entry)> {
    let mut all: Vec<(u32, usize, Entry)> = Vec::with_capacity(sections.iter().map(|s| s.entries.len()).sum());
    for (age, section) in sections.iter().enumerate() {
        all.extend(section.entries.iter().map(|(number, entry)| (*number, age, *entry)));
    }
    all.sort_unstable_by_key(|(number, age, _)| (*number, *age));
    all.dedup_by_key(|(number, _, _)| *number);
    all.into_iter().map(|(number, _, entry)| (number, entry)).collect()
}

pub(super) fn header_offset(data: &[u8], limits: &Limits) -> Result<usize, PdfError> {
    if data.is_empty() {
        return Err(PdfError::Empty);
    }
    if data.len() > limits.file_bytes {
        return Err(PdfError::too_large("file size", limits.file_bytes));
    }
    let window = data.get(..HEADER_WINDOW.min(data.len())).unwrap_or_default();
    find(window, b"%PDF-").ok_or(PdfError::NotAPdf)
}

/// Position of the last `startxref` and the number behind it.
fn last_startxref(data: &[u8]) -> Result<(usize, usize), PdfError> {
    let keyword = b"startxref";
    let at = memchr::memmem::rfind(data, keyword);
    let Some(at) = at else { return Err(PdfError::Truncated("it has no startxref")) };
    match Lexer::new(data, at + keyword.len()).token() {
        Some(Token::Integer(value)) => match usize::try_from(value) {
            Ok(value) if value < data.len() => Ok((at, value)),
            _ => damaged("startxref points outside the file", at),
        },
        _ => Err(PdfError::Truncated("startxref has no number")),
    }
}

/// Offsets normally count from the header; some writers put bytes before it and still count from the file's start.
fn base_offset(data: &[u8], header: usize, startxref: usize) -> usize {
    let holds_section = |base: &usize| {
        let mut lexer = Lexer::new(data, base.saturating_add(startxref));
        lexer.skip_white();
        if lexer.take(b"xref") {
            return true;
        }
        matches!(lexer.token(), Some(Token::Integer(_)))
            && matches!(lexer.token(), Some(Token::Integer(_)))
            && lexer.token() == Some(Token::Keyword(b"obj"))
    };
    [header, 0].into_iter().find(holds_section).unwrap_or(header)
}

fn previous(reader: &mut SectionReader<'_>, section: &Section) -> Option<(usize, usize)> {
    let prev = section.trailer.get("Prev")?;
    let at = absolute(reader, prev);
    if at.is_none() {
        reader.anomalies.push(Anomaly::ChainBroken { offset: section.start });
    }
    at.map(|at| (at, section.start))
}

fn absolute(reader: &SectionReader<'_>, offset: &Object) -> Option<usize> {
    // Some writers give /Prev as a real number ("1234.0" does not occur, "1234." does).
    let at = match offset {
        Object::Integer(value) => usize::try_from(*value).ok()?,
        _ => return None,
    };
    reader.base.checked_add(at).filter(|at| *at < reader.data.len())
}

/// Adds the entries of /XRefStm: they stand for objects the table does not name or hides as free (§7.5.8.4). Updates that copy
/// the trailer of a hybrid file name the same stream again.
fn merge_hybrid(reader: &mut SectionReader<'_>, section: &mut Section) -> Result<(), PdfError> {
    let at = section.trailer.get("XRefStm").and_then(|offset| absolute(reader, offset));
    let hidden = match at.map(|at| reader.section(at)) {
        Some(Ok(hidden)) if hidden.style == XrefStyle::Stream => hidden,
        Some(Err(error @ PdfError::TooLarge(_))) => return Err(error),
        _ => {
            reader.anomalies.push(Anomaly::ChainBroken { offset: section.start });
            return Ok(());
        }
    };
    section.hybrid_stream = Some((hidden.start, hidden.end));
    let mut added = Vec::new();
    for (number, entry) in hidden.entries {
        match section.entries.binary_search_by_key(&number, |(n, _)| *n) {
            Err(_) => added.push((number, entry)),
            Ok(place) => {
                let Some((_, visible)) = section.entries.get_mut(place) else { continue };
                if *visible == Entry::Free {
                    *visible = entry;
                } else if *visible != entry && entry != Entry::Free {
                    reader.anomalies.push(Anomaly::HybridDisagreement { object: number, offset: section.start });
                }
            }
        }
    }
    section.entries.extend(added);
    section.entries.sort_unstable_by_key(|(number, _)| *number);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::samples::Sample;

    fn chain(data: &[u8]) -> Result<Chain, PdfError> {
        read_chain(data, &Limits::default())
    }

    #[test]
    fn empty_foreign_and_cut_files_have_their_own_errors() {
        assert_eq!(chain(b"").err(), Some(PdfError::Empty));
        assert_eq!(chain(b"PK\x03\x04").err(), Some(PdfError::NotAPdf));
        assert_eq!(chain(b"%PDF-1.7\n1 0 obj").err(), Some(PdfError::Truncated("it has no startxref")));
        assert!(matches!(chain(b"%PDF-1.7\nstartxref\n99999\n%%EOF").err(), Some(PdfError::Damaged { .. })));
    }

    #[test]
    fn prev_that_points_to_itself_ends_and_is_recorded() {
        let text = b"%PDF-1.7\nxref\n0 0\ntrailer<</Prev 9>>\nstartxref\n9\n%%EOF";
        let chain = chain(text).unwrap();
        assert_eq!(chain.sections.len(), 1);
        assert_eq!(chain.anomalies, [Anomaly::ChainLoops { offset: 9 }]);
    }

    #[test]
    fn negative_prev_is_recorded() {
        let chain = chain(b"%PDF-1.7\nxref\n0 0\ntrailer<</Prev -9>>\nstartxref\n9\n%%EOF").unwrap();
        assert_eq!(chain.anomalies, [Anomaly::ChainBroken { offset: 9 }]);
    }

    #[test]
    fn hybrid_table_wins_over_its_stream_and_free_entries_do_not() {
        let file = Sample::hybrid();
        let chain = chain(&file).unwrap();
        let merged = merge(&chain.sections);
        assert!(matches!(merged.iter().find(|(n, _)| *n == 4), Some((_, Entry::InStream { .. }))));
        assert_eq!(chain.anomalies, []);
    }

    #[test]
    fn update_that_names_the_hybrid_stream_again_breaks_nothing() {
        let mut file = String::from_utf8(Sample::hybrid()).unwrap();
        let stream = file.split("/XRefStm ").nth(1).and_then(|rest| rest.split('>').next()).unwrap().to_owned();
        let prev = chain_start(file.as_bytes());
        let trailer = format!("/Root 1 0 R/XRefStm {stream}/Prev {prev}");
        crate::formats::pdf::samples::append_update(&mut file, &[(4, "(new)".into())], &trailer);
        let chain = chain(file.as_bytes()).unwrap();
        assert_eq!(chain.sections.len(), 2);
        assert!(
            matches!(chain.anomalies[..], [Anomaly::HybridDisagreement { object: 4, .. }]),
            "{:?}",
            chain.anomalies
        );
    }

    #[test]
    fn three_thousand_revisions_are_read_in_one_pass() {
        let mut file = Sample::minimal();
        for _ in 0..3000 {
            let prev = chain_start(&file);
            let at = file.len();
            file.extend(
                format!("xref\n0 0\ntrailer\n<</Size 5/Root 1 0 R/Prev {prev}>>\nstartxref\n{at}\n%%EOF\n").bytes(),
            );
        }
        assert_eq!(chain(&file).unwrap().sections.len(), 3001);
    }

    fn chain_start(file: &[u8]) -> usize {
        last_startxref(file).unwrap().1
    }

    #[test]
    fn bytes_before_the_header_shift_offsets() {
        let mut file = b"junk\n".to_vec();
        file.extend(Sample::minimal());
        let chain = chain(&file).unwrap();
        assert_eq!((chain.base, chain.anomalies), (5, vec![Anomaly::BytesBeforeHeader { count: 5 }]));
    }
}
