//! One cross-reference section: classic table, cross-reference stream, or the table of a hybrid (ISO 32000-1 §7.5.4,
//! §7.5.8).

use super::anomaly::Anomaly;
use super::filters::{self, Filter};
use super::lexer::{Lexer, Token};
use super::object::{Dict, Object};
use super::parser::Parser;
use super::{Limits, PdfError, damaged};

/// Where an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entry {
    Free,
    /// Byte offset of `N G obj`, counted from the header.
    InFile {
        offset: usize,
        generation: u16,
    },
    /// Number of the object stream and index in it.
    InStream {
        stream: u32,
        index: u32,
    },
}

/// The form a section is written in; an update continues in the same form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XrefStyle {
    Table,
    Stream,
    /// A table whose trailer names an additional cross-reference stream in /XRefStm.
    Hybrid,
}

/// One cross-reference section with its trailer.
#[derive(Debug, Clone)]
pub struct Section {
    pub style: XrefStyle,
    /// Absolute byte offset of `xref` or of the cross-reference stream's object header.
    pub start: usize,
    /// Absolute end of the trailer dictionary, or of the stream object.
    pub end: usize,
    pub trailer: Dict,
    /// Entries in the order of the file, at most one for each object.
    pub entries: Vec<(u32, Entry)>,
    /// Absolute extent of the stream named by /XRefStm.
    pub hybrid_stream: Option<(usize, usize)>,
}

pub(super) struct SectionReader<'a> {
    pub data: &'a [u8],
    /// Offset of the header; all offsets in the file count from it.
    pub base: usize,
    pub limits: &'a Limits,
    pub entries_left: usize,
    pub decoded_left: usize,
    /// Bytes that may still be lexed or scanned.
    pub work_left: usize,
    pub anomalies: Vec<Anomaly>,
}

impl<'a> SectionReader<'a> {
    pub fn new(data: &'a [u8], base: usize, limits: &'a Limits) -> Self {
        Self {
            data,
            base,
            limits,
            entries_left: object_budget(data, limits),
            decoded_left: limits.decoded_bytes,
            work_left: work_budget(data, limits),
            anomalies: Vec::new(),
        }
    }

    /// Reads the section at absolute offset `at`.
    pub fn section(&mut self, at: usize) -> Result<Section, PdfError> {
        let mut lexer = Lexer::new(self.data, at);
        lexer.skip_white();
        if lexer.pos() != at {
            self.anomalies.push(Anomaly::StartxrefInexact { offset: at });
        }
        let start = lexer.pos();
        let section = if lexer.take(b"xref") { self.table(start, lexer) } else { self.stream(start) }?;
        let spent = section.end.saturating_sub(start);
        self.work_left = self
            .work_left
            .checked_sub(spent)
            .ok_or(PdfError::too_large("bytes read", work_budget(self.data, self.limits)))?;
        Ok(section)
    }

    fn table(&mut self, start: usize, mut lexer: Lexer<'a>) -> Result<Section, PdfError> {
        let mut entries = Vec::new();
        loop {
            let token = lexer.token().ok_or(PdfError::Damaged { what: "cross-reference table", offset: start })?;
            match token {
                Token::Keyword(b"trailer") => break,
                Token::Integer(first) => match lexer.token() {
                    Some(Token::Integer(count)) => self.subsection(&mut lexer, first, count, &mut entries)?,
                    _ => return damaged("a cross-reference subsection has no count", lexer.pos()),
                },
                _ => return damaged("the cross-reference table has no trailer", lexer.pos()),
            }
        }
        let mut parser = Parser::new(self.data, lexer.pos(), self.limits);
        let Object::Dict(trailer) = parser.object()? else {
            return damaged("the trailer is not a dictionary", lexer.pos());
        };
        self.note_duplicates(&trailer);
        let style = if trailer.contains("XRefStm") { XrefStyle::Hybrid } else { XrefStyle::Table };
        let entries = self.unique(entries, start);
        Ok(Section { style, start, end: parser.pos(), trailer, entries, hybrid_stream: None })
    }

    fn subsection(
        &mut self,
        lexer: &mut Lexer<'a>,
        first: i64,
        count: i64,
        entries: &mut Vec<(u32, Entry)>,
    ) -> Result<(), PdfError> {
        let (Ok(mut first), Ok(count)) = (u32::try_from(first), u32::try_from(count)) else {
            return damaged("a cross-reference subsection is negative", lexer.pos());
        };
        for index in 0..count {
            let offset = lexer.pos();
            let entry = self.table_entry(lexer)?;
            if index == 0 && first == 1 && entry.1 == 65535 && entry.2 == Entry::Free {
                self.anomalies.push(Anomaly::XrefStartsAtOne { offset });
                first = 0;
            }
            let number = first.checked_add(index).ok_or(PdfError::too_large("object numbers", self.limits.objects))?;
            self.count_entry(number)?;
            entries.push((number, entry.2));
        }
        Ok(())
    }

    /// Offset, generation and entry of one line; the prescribed 20 bytes first, any spacing second.
    fn table_entry(&mut self, lexer: &mut Lexer<'a>) -> Result<(usize, u16, Entry), PdfError> {
        lexer.skip_white();
        let at = lexer.pos();
        let fields = (lexer.token(), lexer.token(), lexer.token());
        let (Some(Token::Integer(offset)), Some(Token::Integer(generation)), Some(Token::Keyword(kind))) = fields
        else {
            return damaged("a cross-reference entry is malformed", at);
        };
        if lexer.pos() != at + 18 {
            self.anomalies.push(Anomaly::XrefEntryFormat { offset: at });
        }
        // Generations of free entries mean nothing; 65536 is a common slip for 65535.
        let generation = if kind == b"f" { generation.min(65535) } else { generation };
        let (Ok(offset), Ok(generation)) = (usize::try_from(offset), u16::try_from(generation)) else {
            return damaged("a cross-reference entry is out of bounds", at);
        };
        match kind {
            // Offset 0 is the header; writers use it for "not there".
            b"n" if offset == 0 => Ok((offset, generation, Entry::Free)),
            b"n" => Ok((offset, generation, Entry::InFile { offset, generation })),
            b"f" => Ok((offset, generation, Entry::Free)),
            _ => damaged("a cross-reference entry is neither n nor f", at),
        }
    }

    fn stream(&mut self, start: usize) -> Result<Section, PdfError> {
        let mut parser = Parser::new(self.data, start, self.limits);
        let Some(id) = parser.object_header() else {
            return damaged("there is no cross-reference section where one was announced", start);
        };
        let Object::Dict(trailer) = parser.object()? else {
            return damaged("the cross-reference stream has no dictionary", start);
        };
        if !trailer.is_type("XRef") {
            return damaged("the object at startxref is not a cross-reference stream", start);
        }
        for key in trailer.duplicate_keys() {
            self.anomalies.push(Anomaly::DuplicateKey { object: Some(id), key: key.to_string() });
        }
        let length = trailer.get("Length").and_then(Object::as_integer).and_then(|n| usize::try_from(n).ok());
        let (raw, end) = stream_data(self.data, parser.pos(), length)
            .ok_or(PdfError::Damaged { what: "the cross-reference stream has no end", offset: start })?;
        let bytes = self.decode(&trailer, self.data.get(raw).unwrap_or_default(), start)?;
        let entries = self.stream_entries(&trailer, &bytes, start)?;
        let entries = self.unique(entries, start);
        Ok(Section { style: XrefStyle::Stream, start, end, trailer, entries, hybrid_stream: None })
    }

    fn decode(&mut self, dict: &Dict, raw: &[u8], start: usize) -> Result<Vec<u8>, PdfError> {
        let max = self.limits.stream_bytes.min(self.decoded_left);
        let decoded = filters::decode(raw, &direct_filters(dict), max, self.limits)?;
        self.decoded_left = self.decoded_left.saturating_sub(decoded.bytes.len());
        if !decoded.complete {
            self.anomalies.push(Anomaly::StreamData { offset: start });
        }
        Ok(decoded.bytes)
    }

    fn stream_entries(&mut self, dict: &Dict, bytes: &[u8], at: usize) -> Result<Vec<(u32, Entry)>, PdfError> {
        let widths: Vec<usize> = integers(dict.get("W")).filter_map(|w| usize::try_from(w).ok()).collect();
        let [kind, second, third] = *widths.as_slice() else {
            return damaged("/W of the cross-reference stream is not three numbers", at);
        };
        let width = kind.saturating_add(second).saturating_add(third);
        // Eight bytes hold any offset; a second field is needed to say anything.
        if second == 0 || kind > 8 || second > 8 || third > 8 {
            return damaged("/W of the cross-reference stream is out of bounds", at);
        }
        let mut index: Vec<i64> = integers(dict.get("Index")).collect();
        if index.is_empty() {
            index = vec![0, dict.get("Size").and_then(Object::as_integer).unwrap_or(0)];
        }
        let mut rows = bytes.chunks_exact(width);
        let mut entries = Vec::with_capacity(rows.len().min(self.entries_left));
        for pair in index.chunks(2) {
            let &[first, count] = pair else { return damaged("/Index is not made of pairs", at) };
            let (Ok(first), Ok(count)) = (u32::try_from(first), u32::try_from(count)) else {
                return damaged("/Index is out of bounds", at);
            };
            for step in 0..count {
                let Some(row) = rows.next() else {
                    self.anomalies.push(Anomaly::XrefStreamShort { offset: at });
                    return Ok(entries);
                };
                let number =
                    first.checked_add(step).ok_or(PdfError::too_large("object numbers", self.limits.objects))?;
                self.count_entry(number)?;
                if let Some(entry) = stream_entry(row, kind, second) {
                    entries.push((number, entry));
                }
            }
        }
        Ok(entries)
    }

    fn count_entry(&mut self, number: u32) -> Result<(), PdfError> {
        let known = usize::try_from(number).is_ok_and(|n| n <= self.limits.objects);
        self.entries_left = self
            .entries_left
            .checked_sub(1)
            .filter(|_| known)
            .ok_or(PdfError::too_large("indirect objects", object_budget(self.data, self.limits)))?;
        Ok(())
    }

    /// Drops all but the first entry of an object, so that a section never contradicts itself.
    fn unique(&mut self, mut entries: Vec<(u32, Entry)>, offset: usize) -> Vec<(u32, Entry)> {
        let ascending = entries.is_sorted_by(|a, b| a.0 < b.0);
        if !ascending {
            entries.sort_by_key(|(number, _)| *number);
            let mut doubled = None;
            entries.dedup_by(|later, earlier| {
                let same = later.0 == earlier.0;
                if same && later.1 != earlier.1 {
                    doubled = Some(later.0);
                }
                same
            });
            if let Some(object) = doubled {
                self.anomalies.push(Anomaly::XrefDuplicateEntry { object, offset });
            }
        }
        entries
    }

    fn note_duplicates(&mut self, trailer: &Dict) {
        for key in trailer.duplicate_keys() {
            self.anomalies.push(Anomaly::DuplicateKey { object: None, key: key.to_string() });
        }
    }
}

/// How many objects the file may name: as many as its bytes can hold, and 4,096 so that small files have room.
fn object_budget(data: &[u8], limits: &Limits) -> usize {
    (data.len() / limits.bytes_an_object.max(1)).saturating_add(4_096).min(limits.objects)
}

/// How many bytes may be lexed for all states of one file together: the limit in passes, and 64 MiB, which take half a second.
pub(super) fn states_budget(data: &[u8], limits: &Limits) -> usize {
    data.len().saturating_mul(limits.passes_of_all_states).saturating_add(64 << 20)
}

/// How many bytes may be lexed for one file: the limit in passes, and 16 MiB so that small files have room.
pub(super) fn work_budget(data: &[u8], limits: &Limits) -> usize {
    data.len().saturating_mul(limits.passes).saturating_add(16 << 20)
}

/// The filters of a stream whose dictionary holds no references, as §7.5.8.2 demands of cross-reference streams.
pub(super) fn direct_filters(dict: &Dict) -> Vec<Filter> {
    let list = |key: &str| match dict.get(key) {
        Some(Object::Array(items)) => items.clone(),
        Some(other) => vec![other.clone()],
        None => Vec::new(),
    };
    let parameters = list("DecodeParms");
    let filters = list("Filter").into_iter().enumerate();
    filters
        .map(|(at, name)| Filter {
            name: name.as_name().map(|n| n.as_bytes().to_vec()).unwrap_or_default(),
            parameters: parameters.get(at).and_then(Object::as_dict).cloned(),
        })
        .collect()
}

fn integers(object: Option<&Object>) -> impl Iterator<Item = i64> {
    object.and_then(Object::as_array).unwrap_or_default().iter().map(|item| item.as_integer().unwrap_or(-1))
}

fn stream_entry(row: &[u8], kind_width: usize, second_width: usize) -> Option<Entry> {
    let number = |field: &[u8]| field.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    let (kind, rest) = row.split_at_checked(kind_width)?;
    let (second, third) = rest.split_at_checked(second_width)?;
    let (second, third) = (number(second), number(third));
    match if kind.is_empty() { 1 } else { number(kind) } {
        0 => Some(Entry::Free),
        1 => Some(Entry::InFile { offset: usize::try_from(second).ok()?, generation: u16::try_from(third).ok()? }),
        2 => Some(Entry::InStream { stream: u32::try_from(second).ok()?, index: u32::try_from(third).ok()? }),
        // "any other value shall be interpreted as a reference to the null object" (§7.5.8.3)
        _ => Some(Entry::Free),
    }
}

/// Raw data range of the stream whose dictionary ends at `after_dict`, and the end of its object, when `/Length`
/// leads to `endstream`; otherwise up to the next `endstream`.
fn stream_data(data: &[u8], after_dict: usize, length: Option<usize>) -> Option<(std::ops::Range<usize>, usize)> {
    let start = stream_start(data, after_dict)?;
    let end = match length.and_then(|n| start.checked_add(n)).filter(|end| ends_stream(data, *end).is_some()) {
        Some(end) => end,
        None => start + find(data.get(start..)?, b"endstream")?,
    };
    let mut lexer = Lexer::new(data, ends_stream(data, end)?);
    let after = lexer.pos();
    lexer.skip_white();
    let end_of_object = if lexer.take(b"endobj") { lexer.pos() } else { after };
    Some((start..end, end_of_object))
}

/// First byte after `stream` and its end of line.
pub(super) fn stream_start(data: &[u8], after_dict: usize) -> Option<usize> {
    let mut lexer = Lexer::new(data, after_dict);
    lexer.skip_space();
    if !lexer.take(b"stream") {
        return None;
    }
    let _ = lexer.take(b"\r\n") || lexer.take(b"\n") || lexer.take(b"\r");
    Some(lexer.pos())
}

/// Position after `endstream` when it stands at `end`, perhaps after white space.
pub(super) fn ends_stream(data: &[u8], end: usize) -> Option<usize> {
    let mut lexer = Lexer::new(data, end);
    lexer.skip_white();
    lexer.take(b"endstream").then(|| lexer.pos())
}

/// First position of `needle`.
pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &[u8]) -> (Result<Section, PdfError>, Vec<Anomaly>) {
        let limits = Limits::default();
        let mut reader = SectionReader::new(data, 0, &limits);
        let section = reader.section(0);
        (section, reader.anomalies)
    }

    fn stream(dict: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = format!("9 0 obj\n<</Type/XRef{dict}/Length {}>>stream\n", data.len()).into_bytes();
        bytes.extend_from_slice(data);
        bytes.extend_from_slice(b"\nendstream endobj");
        bytes
    }

    #[test]
    fn table_is_read() {
        let (section, anomalies) = read(
            b"xref\n0 2\n0000000000 65535 f \n0000000017 00000 n \n5 1\n0000000099 00002 n \ntrailer\n<</Size 6>>",
        );
        let section = section.unwrap();
        let expected = [
            (0, Entry::Free),
            (1, Entry::InFile { offset: 17, generation: 0 }),
            (5, Entry::InFile { offset: 99, generation: 2 }),
        ];
        assert_eq!(section.entries, expected);
        assert_eq!((section.style, anomalies), (XrefStyle::Table, vec![]));
    }

    #[test]
    fn short_entries_and_off_by_one_start_are_recorded() {
        let (section, anomalies) = read(b"xref\n1 2\n0000000000 65535 f \n000000017 00000 n\ntrailer<<>>");
        assert_eq!(section.unwrap().entries[1].0, 1);
        assert_eq!(anomalies.len(), 2);
    }

    #[test]
    fn few_bytes_that_name_more_objects_than_they_can_hold_are_refused() {
        let bomb = |rows: usize| {
            let row = [1, 0, 0, 0, 20, 0, 0];
            let mut zip = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
            (0..rows).for_each(|_| std::io::Write::write_all(&mut zip, &row).unwrap());
            stream(&format!("/W[1 4 2]/Size {rows}/Filter/FlateDecode"), &zip.finish().unwrap())
        };
        assert_eq!(read(&bomb(4_000)).0.unwrap().entries.len(), 4_000);
        let file = bomb(1_000_000);
        assert!(file.len() < 20_000, "{} bytes", file.len());
        let Err(PdfError::TooLarge(reached)) = read(&file).0 else { panic!("read") };
        assert_eq!((reached.what, reached.most), ("indirect objects", 4_096 + file.len() / 4));
    }

    #[test]
    fn endless_subsection_is_damaged_not_endless() {
        assert!(read(b"xref\n0 4294967295\n0000000000 65535 f \ntrailer<<>>").0.is_err());
        assert!(read(b"xref\n0 -1\ntrailer<<>>").0.is_err());
    }

    #[test]
    fn stream_section_is_read() {
        let data = stream("/Size 9/W[1 2 1]/Index[3 2]", &[1, 1, 0, 0, 2, 0, 7, 4]);
        let section = read(&data).0.unwrap();
        let expected =
            [(3, Entry::InFile { offset: 256, generation: 0 }), (4, Entry::InStream { stream: 7, index: 4 })];
        assert_eq!(section.entries, expected);
        assert_eq!(section.end, data.len());
    }

    #[test]
    fn zero_widths_with_two_thousand_million_entries_are_refused() {
        assert!(read(&stream("/Size 2000000000/W[0 0 0]", b"")).0.is_err());
        let (section, anomalies) = read(&stream("/Size 2000000000/W[0 1 0]", b"a"));
        assert_eq!((section.unwrap().entries.len(), anomalies.len()), (1, 1));
    }

    #[test]
    fn contradicting_entries_keep_the_first_and_are_recorded() {
        let (section, anomalies) = read(b"xref\n1 1\n0000000017 00000 n \n1 1\n0000000099 00000 n \ntrailer<<>>");
        assert_eq!(section.unwrap().entries, [(1, Entry::InFile { offset: 17, generation: 0 })]);
        assert_eq!(anomalies, [Anomaly::XrefDuplicateEntry { object: 1, offset: 0 }]);
    }
}
