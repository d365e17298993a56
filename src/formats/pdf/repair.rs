//! Opening a file whose cross-reference sections are damaged, for signing: the objects are found by scanning.
//!
//! What judges signatures never comes here: two readers that repair may find two documents. A repaired file is signed with
//! an update that lists every object and builds on nothing before it, so that from then on strict readers find what was
//! found here.
//!
//! The scan goes through the file once, past each object it can parse. The last object of a number counts, in the file or in
//! an object stream, whichever stands later. The trailer is put together from what `trailer` keywords and cross-reference
//! streams say, newest first; without any, the last catalog is the root.

use std::collections::BTreeMap;

use super::chain::{self, Chain};
use super::crypt::Password;
use super::lexer::{is_delimiter, is_white};
use super::object::{Dict, Object, ObjectId};
use super::parser::Parser;
use super::reader::{Origin, Pdf};
use super::xref::{Entry, Section, XrefStyle, ends_stream, find, stream_start, work_budget};
use super::{Limits, PdfError, fields, pages, signature};

/// Trailer entries that mean something for the document.
const TRAILER_KEYS: [&str; 4] = ["Root", "Info", "ID", "Encrypt"];

impl<'a> Pdf<'a> {
    /// Opens a file that is to be signed: as [`Pdf::open_with`] when its structure is sound, else by scanning it for objects.
    ///
    /// # Errors
    /// [`PdfError::BeyondRepair`] when no document is found, or the file is signed already, since those signatures could not
    /// survive; else as [`Pdf::open_with`].
    pub fn open_for_signing(data: &'a [u8], limits: &Limits, password: Option<&Password>) -> Result<Self, PdfError> {
        match Self::open_with(data, limits, password) {
            Ok(pdf) if is_sound(&pdf)? => Ok(pdf),
            Ok(_) | Err(PdfError::Damaged { .. } | PdfError::Truncated(_)) => repaired(data, limits, password),
            Err(error) => Err(error),
        }
    }

    /// True when the objects were found by scanning.
    pub fn is_repaired(&self) -> bool {
        self.origin() == Origin::Scan
    }
}

/// Whether everything signing rests on can be read: the history, the pages, the form and its signatures.
fn is_sound(pdf: &Pdf<'_>) -> Result<bool, PdfError> {
    if pdf.anomalies().iter().any(super::Anomaly::breaks_history) {
        return Ok(false);
    }
    let pages = pages::pages(pdf).map(|pages| pages.len());
    match pages.and_then(|count| signature::signatures(pdf).map(|_| count)) {
        // A document may have no pages by intent; one that announces some and shows none is damaged.
        Ok(0) => Ok(!announces_pages(pdf)),
        Ok(_) => Ok(true),
        Err(PdfError::Damaged { .. } | PdfError::Truncated(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn announces_pages(pdf: &Pdf<'_>) -> bool {
    let Ok(catalog) = pdf.catalog() else { return true };
    let tree = catalog.as_dict().and_then(|dict| pdf.value(dict, "Pages").ok().flatten());
    let kids = tree.as_ref().and_then(|tree| tree.as_dict()).and_then(|dict| pdf.value(dict, "Kids").ok().flatten());
    kids.is_none_or(|kids| kids.as_array().is_none_or(|kids| !kids.is_empty()))
}

fn repaired<'a>(data: &'a [u8], limits: &Limits, password: Option<&Password>) -> Result<Pdf<'a>, PdfError> {
    let header = chain::header_offset(data, limits)?;
    let scan = Scan::run(data, header, limits)?;
    let found = scan.plain_entries(header);
    let mut pdf = Pdf::assemble(data, limits, scan.chain(header, &found), Origin::Scan);
    pdf.unlock(password).map_err(beyond)?;
    let found = scan.with_contained(&pdf, found)?;
    let mut pdf = Pdf::assemble(data, limits, scan.chain(header, &found), Origin::Scan);
    pdf.unlock(password).map_err(beyond)?;
    check(&pdf).map_err(beyond)?;
    if scan.is_cut_off(data) {
        check_all_there(&pdf, &found)?;
    }
    Ok(pdf)
}

/// A file without an end may end too early. It is taken as whole only when nothing points to what is not there.
fn check_all_there(pdf: &Pdf<'_>, found: &Found) -> Result<(), PdfError> {
    for number in found.keys() {
        let object = pdf.get(ObjectId::new(*number, 0))?;
        if object.references().iter().any(|id| !found.contains_key(&id.number)) {
            return Err(PdfError::BeyondRepair("its end is missing"));
        }
    }
    Ok(())
}

fn check(pdf: &Pdf<'_>) -> Result<(), PdfError> {
    pdf.catalog()?;
    let pages = pages::pages(pdf)?;
    if pages.is_empty() {
        return Err(PdfError::BeyondRepair("it has no readable page"));
    }
    check_whole(pdf, &pages)?;
    fields::fields(pdf)?;
    if !signature::signatures(pdf)?.is_empty() {
        return Err(PdfError::BeyondRepair("it is signed already, and its signatures would not survive the repair"));
    }
    Ok(())
}

/// A file that was cut off is not repaired into a shorter document that nobody wrote: all announced pages must be there, each
/// with all of its content.
fn check_whole(pdf: &Pdf<'_>, pages: &[pages::Page]) -> Result<(), PdfError> {
    let catalog = pdf.catalog()?;
    let tree = catalog.as_dict().map(|dict| pdf.value(dict, "Pages")).transpose()?.flatten();
    let announced = match tree.as_ref().and_then(|tree| tree.as_dict()) {
        Some(tree) => pdf.value(tree, "Count")?.and_then(|count| count.as_integer()),
        None => None,
    };
    if announced.and_then(|count| usize::try_from(count).ok()).is_some_and(|count| count > pages.len()) {
        return Err(PdfError::BeyondRepair("pages are missing"));
    }
    for page in pages {
        let Some(contents) = page.dict.get("Contents") else { continue };
        let resolved = pdf.resolve(contents)?;
        let parts = resolved.as_array().unwrap_or(std::slice::from_ref(contents));
        for part in parts {
            if pdf.resolve(part)?.is_null() {
                return Err(PdfError::BeyondRepair("the content of a page is missing"));
            }
        }
    }
    Ok(())
}

fn beyond(error: PdfError) -> PdfError {
    match error {
        PdfError::Damaged { what, .. } | PdfError::Truncated(what) => PdfError::BeyondRepair(what),
        other => other,
    }
}

/// Where the last object of each number starts, and its entry.
type Found = BTreeMap<u32, (usize, Entry)>;

/// What one pass over the file found, in its order.
struct Scan {
    objects: Vec<(ObjectId, usize)>,
    /// Offsets of object streams.
    containers: Vec<(ObjectId, usize)>,
    trailer: Dict,
    catalog: Option<ObjectId>,
    /// Length of the file.
    end: usize,
    decoded: usize,
    work: usize,
    work_left: usize,
}

impl Scan {
    fn run(data: &[u8], header: usize, limits: &Limits) -> Result<Self, PdfError> {
        let mut scan = Self {
            objects: Vec::new(),
            containers: Vec::new(),
            trailer: Dict::new(),
            catalog: None,
            end: data.len(),
            decoded: limits.decoded_bytes,
            work: work_budget(data, limits),
            work_left: work_budget(data, limits),
        };
        let mut search = Search::new(data);
        let mut at = header;
        while let Some((keyword, place)) = search.next(at) {
            scan.spend(place.saturating_sub(at))?;
            at = match keyword {
                Keyword::Trailer => scan.trailer(data, place, limits)?,
                Keyword::Obj => scan.object(data, place, limits)?,
            };
            if scan.objects.len() > limits.objects {
                return Err(PdfError::too_large("indirect objects", limits.objects));
            }
        }
        if !scan.trailer.contains("Root")
            && let Some(catalog) = scan.catalog
        {
            scan.trailer.set("Root", Object::Ref(catalog));
        }
        Ok(scan)
    }

    fn spend(&mut self, bytes: usize) -> Result<(), PdfError> {
        self.work_left = self.work_left.checked_sub(bytes).ok_or(PdfError::too_large("bytes read", self.work))?;
        Ok(())
    }

    /// The dictionary after `trailer`; returns where to go on.
    fn trailer(&mut self, data: &[u8], place: usize, limits: &Limits) -> Result<usize, PdfError> {
        let start = place.saturating_add(b"trailer".len());
        let mut parser = Parser::new(data, start, limits);
        let parsed = parser.object();
        self.spend(parser.pos().saturating_sub(start))?;
        match parsed {
            Ok(Object::Dict(dict)) => {
                self.merge_trailer(&dict);
                Ok(parser.pos())
            }
            _ => Ok(start),
        }
    }

    fn merge_trailer(&mut self, dict: &Dict) {
        for key in TRAILER_KEYS {
            if let Some(value) = dict.get(key) {
                self.trailer.set(key, value.clone());
            }
        }
    }

    /// The object whose `obj` stands at `place`; returns where to go on.
    fn object(&mut self, data: &[u8], place: usize, limits: &Limits) -> Result<usize, PdfError> {
        let after = place.saturating_add(b"obj".len());
        let Some((id, start)) = header_before(data, place) else { return Ok(after) };
        if usize::try_from(id.number).map_or(true, |number| number > limits.objects) {
            return Ok(after);
        }
        let mut parser = Parser::new(data, after, limits);
        let parsed = parser.object();
        let mut end = parser.pos();
        self.spend(end.saturating_sub(after))?;
        let Ok(object) = parsed else {
            // Not an object: what looks like one may stand inside of it.
            return Ok(after);
        };
        if let (Object::Dict(dict), Some(stream)) = (&object, stream_start(data, end)) {
            let Some((data_end, after_stream)) = stream_end(data, dict, stream) else {
                // Cut off: what is appended must not become a part of it.
                self.spend(data.len().saturating_sub(stream))?;
                return Ok(stream);
            };
            self.spend(data_end.saturating_sub(stream))?;
            end = after_stream;
            if dict.is_type("XRef") {
                self.merge_trailer(dict);
                return Ok(end);
            }
            if dict.is_type("ObjStm") {
                self.containers.push((id, start));
            }
        } else if object.as_dict().is_some_and(|dict| dict.is_type("Catalog") && dict.contains("Pages")) {
            self.catalog = Some(id);
        }
        self.objects.push((id, start));
        Ok(end)
    }

    /// True when no `startxref` stands behind the last object: every way of writing a PDF ends with one (ISO 32000-1 §7.5.5).
    fn is_cut_off(&self, data: &[u8]) -> bool {
        let last = self.objects.last().map_or(0, |(_, start)| *start);
        data.get(last..).is_none_or(|rest| find(rest, b"startxref").is_none())
    }

    fn plain_entries(&self, header: usize) -> Found {
        let entry = |(id, start): &(ObjectId, usize)| {
            let offset = start.saturating_sub(header);
            (id.number, (*start, Entry::InFile { offset, generation: id.generation }))
        };
        self.objects.iter().map(entry).collect()
    }

    /// Adds what object streams hold, where nothing of the same number stands later.
    fn with_contained(&self, pdf: &Pdf<'_>, mut found: Found) -> Result<Found, PdfError> {
        for (id, start) in &self.containers {
            if found.get(&id.number).is_none_or(|(newest, _)| newest != start) {
                continue;
            }
            let numbers = match contained(pdf, *start) {
                Ok(numbers) => numbers,
                Err(error @ PdfError::TooLarge(_)) => return Err(error),
                // What cannot be read defines nothing.
                Err(_) => continue,
            };
            for (index, number) in (0..).zip(numbers) {
                let newer = found.get(&number).is_none_or(|(place, _)| place < start);
                if newer && usize::try_from(number).is_ok_and(|n| n <= pdf.limits().objects) {
                    found.insert(number, (*start, Entry::InStream { stream: id.number, index }));
                }
            }
        }
        Ok(found)
    }

    /// One section that stands after the file's end and holds everything found.
    fn chain(&self, base: usize, found: &Found) -> Chain {
        let entries: Vec<(u32, Entry)> = found.iter().map(|(number, (_, entry))| (*number, *entry)).collect();
        let compressed = entries.iter().any(|(_, entry)| matches!(entry, Entry::InStream { .. }));
        let style = if compressed { XrefStyle::Stream } else { XrefStyle::Table };
        let trailer = self.trailer.clone();
        let section = Section { style, start: self.end, end: self.end, trailer, entries, hybrid_stream: None };
        Chain {
            base,
            startxref: self.end,
            sections: vec![section],
            anomalies: Vec::new(),
            decoded_left: self.decoded,
            work_left: self.work_left,
        }
    }
}

fn contained(pdf: &Pdf<'_>, at: usize) -> Result<Vec<u32>, PdfError> {
    let (_, object, _) = pdf.parse_at(at)?;
    let Object::Stream(stream) = object else { return Ok(Vec::new()) };
    Ok(pdf.read_object_stream(&stream)?.numbers())
}

#[derive(Clone, Copy)]
enum Keyword {
    Obj,
    Trailer,
}

/// Finds keywords that stand alone, going forward only.
struct Search<'a> {
    data: &'a [u8],
    /// The next place of each keyword, as far as known.
    next: [(Keyword, &'static [u8], Option<usize>); 2],
}

impl<'a> Search<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self { data, next: [(Keyword::Obj, b"obj", Some(0)), (Keyword::Trailer, b"trailer", Some(0))] }
    }

    fn next(&mut self, from: usize) -> Option<(Keyword, usize)> {
        for (_, word, known) in &mut self.next {
            let stale = |place: &usize| *place < from || *place == 0;
            if known.as_ref().is_some_and(stale) {
                *known = alone(self.data, word, from);
            }
        }
        let places = self.next.iter().filter_map(|(keyword, _, known)| Some((*keyword, (*known)?)));
        places.min_by_key(|(_, place)| *place)
    }
}

/// The first `word` from `from` on that is no part of a longer one; digits may touch it ("0obj").
fn alone(data: &[u8], word: &[u8], from: usize) -> Option<usize> {
    let apart = |byte: Option<&u8>| byte.is_none_or(|b| is_white(*b) || is_delimiter(*b) || b.is_ascii_digit());
    let mut at = from;
    loop {
        at = at.checked_add(find(data.get(at..)?, word)?)?;
        let before = at.checked_sub(1).and_then(|before| data.get(before));
        if apart(before) && apart(data.get(at.checked_add(word.len())?)) {
            return Some(at);
        }
        at = at.checked_add(1)?;
    }
}

/// Number, generation and start of the header whose `obj` stands at `place`.
fn header_before(data: &[u8], place: usize) -> Option<(ObjectId, usize)> {
    // "4294967295 65535 " has 17 bytes; some writers put more space.
    let window = place.saturating_sub(64);
    let before = data.get(window..place)?;
    let white = |bytes: &[u8]| bytes.iter().rposition(|byte| !is_white(*byte)).map_or(0, |last| last + 1);
    let digits = |bytes: &[u8]| bytes.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |last| last + 1);
    let before = before.get(..white(before))?;
    let (rest, generation) = before.split_at_checked(digits(before))?;
    let number = rest.get(..white(rest)).filter(|number| number.len() < rest.len())?;
    let start = digits(number);
    let number = number.get(start..)?;
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let id = ObjectId::new(text(number)?.parse().ok()?, text(generation)?.parse().ok()?);
    Some((id, window.checked_add(start)?))
}

/// End of the stream's data, and the position after `endstream`.
fn stream_end(data: &[u8], dict: &Dict, start: usize) -> Option<(usize, usize)> {
    let length = dict.get("Length").and_then(Object::as_integer).and_then(|length| usize::try_from(length).ok());
    let stated = length.and_then(|length| start.checked_add(length));
    if let Some((end, after)) = stated.and_then(|end| Some((end, ends_stream(data, end)?))) {
        return Some((end, after));
    }
    let end = start.checked_add(find(data.get(start..)?, b"endstream")?)?;
    Some((end, ends_stream(data, end)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::IncrementalUpdate;
    use crate::formats::pdf::crypt::testing::{Protection, SCHEMES};
    use crate::formats::pdf::samples::{Sample, updated};

    fn open(data: &[u8]) -> Result<Pdf<'_>, PdfError> {
        Pdf::open_for_signing(data, &Limits::default(), None)
    }

    /// Opens leniently, appends an update and opens the whole strictly.
    fn repair(damaged: &[u8]) -> Vec<u8> {
        let pdf = open(damaged).unwrap();
        assert!(pdf.is_repaired());
        let mut update = IncrementalUpdate::new(&pdf).unwrap();
        let id = update.allocate().unwrap();
        update.set(id, &Object::Dict(Dict::new().with("New", Object::Bool(true))));
        let whole = [damaged, &update.finish(b"seed").unwrap().bytes].concat();
        let strict = Pdf::open(&whole, &Limits::default()).unwrap();
        assert_eq!(strict.anomalies(), []);
        assert_eq!(strict.sections().len(), 1);
        assert_eq!(pages::pages(&strict).unwrap().len(), 1);
        assert!(strict.get(id).unwrap().as_dict().unwrap().contains("New"));
        whole
    }

    fn without(file: &[u8], text: &str) -> Vec<u8> {
        let at = find(file, text.as_bytes()).unwrap();
        [&file[..at], &b"X".repeat(text.len()), &file[at + text.len()..]].concat()
    }

    #[test]
    fn sound_file_is_not_repaired() {
        for file in [Sample::minimal(), Sample::object_streams(), Sample::hybrid()] {
            assert!(!open(&file).unwrap().is_repaired());
        }
    }

    #[test]
    fn files_of_every_style_without_startxref_are_repaired() {
        for file in [Sample::minimal(), Sample::object_streams(), Sample::hybrid()] {
            repair(&without(&file, "startxref"));
        }
    }

    #[test]
    fn file_cut_off_in_what_its_pages_need_is_refused() {
        let whole = Sample::minimal();
        let all = find(&whole, b"xref").unwrap();
        repair(&whole[..all]);
        let pointing = Sample::new().object(5, "<</Font 6 0 R>>").object(6, "<</Type/Font>>").finish();
        let last = find(&pointing, b"6 0 obj").unwrap();
        assert!(matches!(open(&pointing[..last]), Err(PdfError::BeyondRepair("its end is missing"))));
        let end = find(&pointing, b"xref").unwrap();
        repair(&pointing[..end]);
    }

    #[test]
    fn encrypted_file_is_repaired_in_kind() {
        for scheme in SCHEMES {
            let file = Sample::new().object(5, "(secret)").finish_encrypted(Protection::open(scheme));
            let whole = repair(&without(&file, "startxref"));
            let pdf = Pdf::open(&whole, &Limits::default()).unwrap();
            assert_eq!(pdf.get(ObjectId::new(5, 0)).unwrap().as_string().unwrap().bytes, b"secret");
        }
    }

    #[test]
    fn offsets_that_are_off_are_repaired() {
        let file = String::from_utf8(Sample::minimal()).unwrap().replacen("%PDF-1.7\n", "%PDF-1.7\n%shifted\n", 1);
        repair(file.as_bytes());
    }

    #[test]
    fn last_object_of_a_number_counts() {
        let file = updated(&Sample::minimal(), &[(4, "(newest)")]);
        let whole = repair(&without(&without(&file, "startxref"), "startxref"));
        let pdf = Pdf::open(&whole, &Limits::default()).unwrap();
        assert_eq!(pdf.get(ObjectId::new(4, 0)).unwrap().as_string().unwrap().bytes, b"newest");
    }

    #[test]
    fn catalog_is_found_without_a_trailer_and_endobj_may_be_missing() {
        let file = String::from_utf8(Sample::minimal()).unwrap().replace("endobj", "").replace('\n', "\r");
        let end = file.find("xref").unwrap();
        let pdf = open(&file.as_bytes()[..end]).unwrap();
        assert_eq!(pages::pages(&pdf).unwrap().len(), 1);
    }

    #[test]
    fn objects_inside_a_stream_are_not_the_documents() {
        let inner = "<</Length 19>>stream\n3 0 obj(evil)endobj\nendstream";
        let file = without(&Sample::new().object(9, inner).finish(), "startxref");
        assert_eq!(pages::pages(&open(&file).unwrap()).unwrap().len(), 1);
    }

    #[test]
    fn stream_cut_off_at_the_end_of_the_file_defines_nothing() {
        let file = Sample::new().object(9, "<</Length 99>>stream\ncut").finish();
        let end = find(&file, b"cut").unwrap() + 3;
        let whole = repair(&file[..end]);
        assert!(Pdf::open(&whole, &Limits::default()).unwrap().get(ObjectId::new(9, 0)).unwrap().is_null());
    }

    #[test]
    fn signed_file_is_not_repaired() {
        let file = Sample::new()
            .object(1, "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[5 0 R]/SigFlags 3>>>>")
            .object(5, "<</FT/Sig/T(S)/V 6 0 R>>")
            .object(6, "<</Type/Sig/Contents <00ff>/ByteRange [0 1234 1234 1234]>>")
            .finish_signed();
        let refused = open(&without(&file, "startxref")).err();
        assert!(matches!(refused, Some(PdfError::BeyondRepair(why)) if why.starts_with("it is signed already")));
    }

    #[test]
    fn nothing_to_repair_is_beyond_repair() {
        assert!(matches!(open(b"%PDF-1.7\n1 0 obj").err(), Some(PdfError::BeyondRepair(_))));
        assert_eq!(open(b"PK").err(), Some(PdfError::NotAPdf));
    }

    #[test]
    fn headers_that_open_ever_new_arrays_end_in_the_limit() {
        let file = [b"%PDF-1.7\n".as_slice(), &b"1 0 obj (".repeat(50_000)].concat();
        assert!(open(&file).is_err());
    }
}
