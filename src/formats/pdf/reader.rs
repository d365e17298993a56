//! [`Pdf`]: the lazy view of one file.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::anomaly::Anomaly;
use super::chain::{self, Chain};
use super::crypt::{Crypt, Password};
use super::filters::{self, Filter};
use super::lexer::Lexer;
use super::object::{Dict, Object, ObjectId, Stream, StringSyntax};
use super::object_stream::ObjectStream;
use super::parser::Parser;
use super::versions::Version;
use super::xref::{
    Entry, Section, XrefStyle, direct_filters, ends_stream, find, states_budget, stream_start, work_budget,
};
use super::{Limits, PdfError, damaged};

/// Anomalies kept for one file; a hostile file could cause one for each byte, and a report needs few.
const MAX_ANOMALIES: usize = 1000;
/// Values kept parsed before the cache starts anew: 32 MiB at 32 bytes each.
const MAX_CACHED_VALUES: usize = 1_000_000;
/// Bytes of decoded object streams kept before that cache starts anew.
const MAX_CACHED_BYTES: usize = 32 << 20;
/// Length references and object streams may need other objects first; honest files go two deep.
const MAX_PENDING: usize = 8;
/// What taking over an entry of the cross-reference sections costs, in bytes read.
const BYTES_AN_ENTRY: usize = 16;
/// References that lead to references.
const MAX_REFERENCE_CHAIN: usize = 16;

/// One PDF file over its bytes (usually a memory map); nothing is copied, objects are parsed when asked for.
///
/// A file that was updated incrementally is seen in its newest state; the state a signature covers is
/// `Pdf::open(&bytes[..end])`.
pub struct Pdf<'a> {
    data: &'a [u8],
    limits: Limits,
    base: usize,
    startxref: usize,
    sections: Vec<Section>,
    entries: Vec<(u32, Entry)>,
    origin: Origin,
    password: Option<Password>,
    crypt: Option<Crypt>,
    cache: RefCell<Cache>,
    pending: RefCell<HashSet<u32>>,
    anomalies: RefCell<Vec<Anomaly>>,
    decoded_left: Cell<usize>,
    work_left: Cell<usize>,
    /// What is left for all states of the file together, this one included.
    states_left: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Cache {
    objects: HashMap<u32, Result<Arc<Object>, PdfError>>,
    values: usize,
    streams: HashMap<u32, Result<Arc<ObjectStream>, PdfError>>,
    stream_bytes: usize,
    /// By absolute offset.
    versions: HashMap<usize, Result<Arc<Version>, PdfError>>,
}

/// Where the list of objects comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The file's cross-reference sections.
    Sections,
    /// A scan of the whole file: see [`super::repair`].
    Scan,
}

/// A resolved object: the one at hand, or the indirect one it referred to.
#[derive(Debug, Clone)]
pub enum Resolved<'o> {
    Direct(&'o Object),
    Indirect(ObjectId, Arc<Object>),
}

impl Deref for Resolved<'_> {
    type Target = Object;

    fn deref(&self) -> &Object {
        match self {
            Self::Direct(object) => object,
            Self::Indirect(_, object) => object,
        }
    }
}

impl Resolved<'_> {
    /// The identity of the indirect object, if it was one.
    pub fn id(&self) -> Option<ObjectId> {
        match self {
            Self::Direct(_) => None,
            Self::Indirect(id, _) => Some(*id),
        }
    }
}

impl<'a> Pdf<'a> {
    /// Reads the header and the chain of cross-reference sections; objects stay unread. An encrypted file opens when its
    /// user password is empty.
    ///
    /// # Errors
    /// [`PdfError`] when the file is empty, no PDF, cut off, beyond a limit, has no readable newest section with a
    /// document catalog, or is encrypted and does not open.
    pub fn open(data: &'a [u8], limits: &Limits) -> Result<Self, PdfError> {
        Self::open_with(data, limits, None)
    }

    /// As [`Pdf::open`], with the user or owner password of an encrypted file.
    ///
    /// # Errors
    /// As [`Pdf::open`].
    pub fn open_with(data: &'a [u8], limits: &Limits, password: Option<&Password>) -> Result<Self, PdfError> {
        Self::open_sharing(data, limits, password, Arc::new(AtomicUsize::new(states_budget(data, limits))))
    }

    fn open_sharing(
        data: &'a [u8],
        limits: &Limits,
        password: Option<&Password>,
        states_left: Arc<AtomicUsize>,
    ) -> Result<Self, PdfError> {
        let chain = chain::read_chain(data, limits)?;
        let read = work_budget(data, limits).saturating_sub(chain.work_left);
        let mut pdf = Self { states_left, ..Self::assemble(data, limits, chain, Origin::Sections) };
        pdf.spend_of_states(read.saturating_add(pdf.entries.len().saturating_mul(BYTES_AN_ENTRY)))?;
        pdf.unlock(password)?;
        pdf.note_size();
        pdf.catalog()?;
        Ok(pdf)
    }

    /// The file over sections that were read or rebuilt; nothing is checked yet and nothing decrypted.
    pub(super) fn assemble(data: &'a [u8], limits: &Limits, chain: Chain, origin: Origin) -> Self {
        let Chain { base, startxref, sections, anomalies, decoded_left, work_left } = chain;
        Self {
            data,
            limits: limits.clone(),
            base,
            startxref,
            states_left: Arc::new(AtomicUsize::new(states_budget(data, limits))),
            entries: chain::merge(&sections),
            sections,
            origin,
            password: None,
            crypt: None,
            cache: RefCell::default(),
            pending: RefCell::default(),
            anomalies: RefCell::new(anomalies),
            decoded_left: Cell::new(decoded_left),
            work_left: Cell::new(work_left),
        }
    }

    /// Opens the security handler, if the trailer names one. Whatever was read before is forgotten.
    pub(super) fn unlock(&mut self, password: Option<&Password>) -> Result<(), PdfError> {
        self.password = password.cloned();
        self.crypt = None;
        let Some(encrypt) = self.trailer().get("Encrypt") else { return Ok(()) };
        let resolved = self.resolve(encrypt)?;
        let Object::Dict(dict) = &*resolved else {
            return damaged("the encryption dictionary is not a dictionary", self.startxref);
        };
        let dict = self.shallow_dict(dict)?;
        let crypt = Crypt::open(&dict, resolved.id(), self.first_id()?, password)?;
        self.crypt = Some(crypt);
        self.cache = RefCell::default();
        Ok(())
    }

    /// Another state of the same file, opened with the same password. What reading it costs counts for this one too.
    ///
    /// # Errors
    /// As [`Pdf::open`].
    pub fn open_state<'b>(&self, data: &'b [u8]) -> Result<Pdf<'b>, PdfError> {
        Pdf::open_sharing(data, &self.limits, self.password.as_ref(), Arc::clone(&self.states_left))
    }

    /// First string of /ID; empty when there is none.
    fn first_id(&self) -> Result<Vec<u8>, PdfError> {
        let id = self.value(self.trailer(), "ID")?;
        let first = id.as_deref().and_then(Object::as_array).and_then(|items| items.first());
        Ok(first.and_then(Object::as_string).map(|string| string.bytes.clone()).unwrap_or_default())
    }

    /// The dictionary with references of its own values resolved.
    fn shallow_dict(&self, dict: &Dict) -> Result<Dict, PdfError> {
        let mut direct = Dict::new();
        for (key, value) in dict.iter() {
            direct.set(&key.to_string(), Object::clone(&*self.resolve(value)?));
        }
        Ok(direct)
    }

    /// How the file was unlocked; `None` when it is not encrypted.
    pub fn crypt(&self) -> Option<&Crypt> {
        self.crypt.as_ref()
    }

    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Offset of the `%PDF-` header from which the file's own offsets count; 0 in nearly all files.
    pub fn base(&self) -> usize {
        self.base
    }

    /// Absolute offset of the last `startxref` keyword.
    pub fn startxref(&self) -> usize {
        self.startxref
    }

    /// Cross-reference sections, newest first; never empty.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The trailer of the newest section.
    pub fn trailer(&self) -> &Dict {
        self.sections.first().map_or(Dict::empty(), |section| &section.trailer)
    }

    pub fn is_encrypted(&self) -> bool {
        self.trailer().contains("Encrypt")
    }

    /// The document catalog.
    ///
    /// # Errors
    /// [`PdfError::Damaged`] when trailer /Root does not lead to a dictionary.
    pub fn catalog(&self) -> Result<Arc<Object>, PdfError> {
        let Some(root) = self.trailer().get("Root").and_then(Object::as_ref_id) else {
            return damaged("the trailer has no /Root", self.startxref);
        };
        let catalog = self.get(root)?;
        if !matches!(*catalog, Object::Dict(_)) {
            return damaged("the document catalog is not a dictionary", self.startxref);
        }
        Ok(catalog)
    }

    /// What the reader tolerated so far; grows as objects are read.
    pub fn anomalies(&self) -> Vec<Anomaly> {
        self.anomalies.borrow().clone()
    }

    /// The newest entry of each object, sorted by number.
    pub fn entries(&self) -> &[(u32, Entry)] {
        &self.entries
    }

    /// Where the object is in this view of the file.
    pub fn entry(&self, number: u32) -> Option<Entry> {
        let place = self.entries.binary_search_by_key(&number, |(n, _)| *n).ok()?;
        self.entries.get(place).map(|(_, entry)| *entry).filter(|entry| *entry != Entry::Free)
    }

    /// The object, or null when the file does not define it (§7.3.10).
    ///
    /// # Errors
    /// [`PdfError`] when it is defined but cannot be read.
    pub fn get(&self, id: ObjectId) -> Result<Arc<Object>, PdfError> {
        if let Some(known) = self.cache.borrow().objects.get(&id.number) {
            return known.clone();
        }
        let Some(entry) = self.entry(id.number) else { return Ok(Arc::new(Object::Null)) };
        self.enter(id.number)?;
        let result = self.load(id.number, entry).map(Arc::new);
        self.pending.borrow_mut().remove(&id.number);
        self.remember(id.number, &result);
        result
    }

    /// Follows references until an object that is none.
    ///
    /// # Errors
    /// [`PdfError`] when an object on the way cannot be read or the references loop.
    pub fn resolve<'o>(&self, object: &'o Object) -> Result<Resolved<'o>, PdfError> {
        let Object::Ref(id) = object else { return Ok(Resolved::Direct(object)) };
        let mut id = *id;
        for _ in 0..MAX_REFERENCE_CHAIN {
            let target = self.get(id)?;
            match &*target {
                Object::Ref(next) => id = *next,
                _ => return Ok(Resolved::Indirect(id, target)),
            }
        }
        damaged("references lead in a circle", self.startxref)
    }

    /// The resolved value of `key`; `None` when absent or null.
    ///
    /// # Errors
    /// As [`Pdf::resolve`].
    pub fn value<'o>(&self, dict: &'o Dict, key: &str) -> Result<Option<Resolved<'o>>, PdfError> {
        let Some(value) = dict.get(key) else { return Ok(None) };
        let resolved = self.resolve(value)?;
        Ok((!resolved.is_null()).then_some(resolved))
    }

    /// The bytes of a stream as they stand in the file: still encoded, perhaps encrypted.
    pub fn raw(&self, stream: &Stream) -> &'a [u8] {
        self.data.get(stream.data.clone()).unwrap_or_default()
    }

    /// The bytes of a stream, decrypted and still encoded.
    ///
    /// # Errors
    /// [`PdfError`] when the stream is larger than the limits allow or names a crypt filter the file does not define.
    pub fn decrypted(&self, stream: &Stream) -> Result<Cow<'a, [u8]>, PdfError> {
        let raw = self.raw(stream);
        let Some(crypt) = &self.crypt else { return Ok(Cow::Borrowed(raw)) };
        if raw.len() > self.limits.stream_bytes {
            return Err(PdfError::too_large("bytes of an encrypted stream", self.limits.stream_bytes));
        }
        self.spend(raw.len())?;
        let filters = self.filters(&stream.dict)?;
        let own = filters.first().filter(|filter| filter.name == b"Crypt");
        let own = own.map(|filter| filter.parameters.as_ref().and_then(|p| p.get("Name")).and_then(Object::as_name));
        crypt.open_stream(stream.id, &stream.dict, own, raw).map(Cow::Owned)
    }

    /// The decoded bytes of a stream whose filters are structural ones.
    ///
    /// # Errors
    /// As [`Pdf::get`].
    pub fn decode(&self, stream: &Stream) -> Result<Vec<u8>, PdfError> {
        let filters = self.filters(&stream.dict)?;
        let max = self.limits.stream_bytes.min(self.decoded_left.get());
        let decoded = filters::decode(&self.decrypted(stream)?, &filters, max, &self.limits)?;
        self.decoded_left.set(self.decoded_left.get().saturating_sub(decoded.bytes.len()));
        if !decoded.complete {
            self.note(Anomaly::StreamData { offset: stream.data.start });
        }
        Ok(decoded.bytes)
    }

    /// The indirect object at absolute offset `at`, whether or not it is the newest of its number.
    ///
    /// # Errors
    /// [`PdfError`] when no object can be read there.
    pub(super) fn version_at(&self, at: usize) -> Result<Arc<Version>, PdfError> {
        if let Some(known) = self.cache.borrow().versions.get(&at) {
            return known.clone();
        }
        let result = self.parse_at(at).map(|(id, object, end)| Arc::new(Version::new(self, id, &object, at..end)));
        self.cache.borrow_mut().versions.insert(at, result.clone());
        result
    }

    /// The objects of an object stream with their numbers.
    pub(super) fn contained(&self, stream: &Stream) -> Result<Vec<(u32, Object)>, PdfError> {
        self.read_object_stream(stream)?.objects(&self.limits)
    }

    pub(super) fn note(&self, anomaly: Anomaly) {
        let mut anomalies = self.anomalies.borrow_mut();
        if anomalies.len() < MAX_ANOMALIES && !anomalies.contains(&anomaly) {
            anomalies.push(anomaly);
        }
    }

    pub(super) fn spend(&self, bytes: usize) -> Result<(), PdfError> {
        let left = self
            .work_left
            .get()
            .checked_sub(bytes)
            .ok_or(PdfError::too_large("bytes read", work_budget(self.data, &self.limits)))?;
        self.work_left.set(left);
        self.spend_of_states(bytes)
    }

    /// Notes work as bytes read on behalf of the whole file, whichever of its states is looked at.
    ///
    /// # Errors
    /// [`PdfError::TooLarge`] when [`Limits::passes_of_all_states`] is reached; from then on every state gives it.
    pub fn spend_of_states(&self, bytes: usize) -> Result<(), PdfError> {
        let take = |left: usize| Some(left.saturating_sub(bytes));
        let before = self.states_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).unwrap_or(0);
        if before <= bytes {
            let most = states_budget(self.data, &self.limits);
            return Err(PdfError::too_large("bytes read for all signatures together", most));
        }
        Ok(())
    }

    /// Digits of hexadecimal strings are read some eight times as fast as other tokens, and each state reads the values of all
    /// signatures before it: without this, a contract of a hundred signatures would seem to cost what a hostile file does.
    fn refund_to_states(&self, object: &Object) {
        let entries = object.as_dict().into_iter().flat_map(Dict::iter);
        let strings = entries.filter_map(|(_, value)| value.as_string());
        let digits: usize = strings.filter(|s| s.syntax == StringSyntax::Hex).map(|s| s.bytes.len() * 2).sum();
        self.states_left.fetch_add(digits - digits / 8, Ordering::Relaxed);
    }

    fn note_size(&self) {
        let size = self.trailer().get("Size").and_then(Object::as_integer).unwrap_or(0);
        let highest = self.entries.iter().rev().find(|(_, entry)| *entry != Entry::Free);
        if highest.is_some_and(|(number, _)| i64::from(*number) >= size) {
            self.note(Anomaly::SizeTooSmall { size });
        }
    }

    fn enter(&self, number: u32) -> Result<(), PdfError> {
        let mut pending = self.pending.borrow_mut();
        if pending.len() >= MAX_PENDING || !pending.insert(number) {
            return damaged("reading an object needs that object first", self.startxref);
        }
        Ok(())
    }

    fn remember(&self, number: u32, result: &Result<Arc<Object>, PdfError>) {
        let mut cache = self.cache.borrow_mut();
        cache.values += result.as_ref().map_or(1, |object| object.values());
        if cache.values > MAX_CACHED_VALUES {
            cache.objects.clear();
            cache.values = 0;
        }
        cache.objects.insert(number, result.clone());
    }

    fn load(&self, number: u32, entry: Entry) -> Result<Object, PdfError> {
        match entry {
            Entry::Free => Ok(Object::Null),
            Entry::InFile { offset, generation } => self.load_at(ObjectId { number, generation }, offset),
            Entry::InStream { stream, index } => self.load_from_stream(number, stream, index),
        }
    }

    fn load_at(&self, entry: ObjectId, offset: usize) -> Result<Object, PdfError> {
        let Some(at) = self.base.checked_add(offset).filter(|at| *at < self.data.len()) else {
            self.note(Anomaly::XrefOutsideFile { object: entry.number });
            return damaged("an object lies outside the file", self.startxref);
        };
        let (id, object, _) = self.parse_at(at)?;
        if id != entry {
            self.note(Anomaly::HeaderMismatch { entry, offset: at });
        }
        if id.number != entry.number {
            return damaged("an object is not where the cross-reference table says", at);
        }
        if let Some(key) = object.as_dict().and_then(|dict| dict.duplicate_keys().first()) {
            self.note(Anomaly::DuplicateKey { object: Some(id), key: key.to_string() });
        }
        Ok(object)
    }

    /// Header, object and end (after `endobj`) of the indirect object at `at`.
    pub(super) fn parse_at(&self, at: usize) -> Result<(ObjectId, Object, usize), PdfError> {
        let mut parser = Parser::new(self.data, at, &self.limits);
        let header = parser.object_header();
        let Some(id) = header else {
            return damaged("an object is not where the cross-reference table says", at);
        };
        let body = parser.object();
        self.spend(parser.pos().saturating_sub(at))?;
        let mut object = body?;
        self.refund_to_states(&object);
        let mut end = parser.pos();
        if let (Object::Dict(dict), Some(start)) = (&object, stream_start(self.data, end)) {
            let (data, after) = self.stream_extent(dict, start)?;
            object = Object::Stream(Box::new(Stream { dict: dict.clone(), data, id }));
            end = after;
        }
        if let Some(crypt) = &self.crypt {
            crypt.open_strings(id, &mut object);
        }
        let mut lexer = Lexer::new(self.data, end);
        lexer.skip_space();
        if lexer.take(b"endobj") {
            end = lexer.pos();
        } else {
            self.note(Anomaly::MissingEndobj { object: id, offset: at });
        }
        Ok((id, object, end))
    }

    /// Raw data of the stream that starts at `start`, and the position after `endstream`.
    fn stream_extent(&self, dict: &Dict, start: usize) -> Result<(Range<usize>, usize), PdfError> {
        let length = self.value(dict, "Length").ok().flatten().and_then(|n| n.as_integer());
        let end = length.and_then(|n| usize::try_from(n).ok()).and_then(|n| start.checked_add(n));
        if let Some((end, after)) = end.and_then(|end| Some((end, ends_stream(self.data, end)?))) {
            return Ok((start..end, after));
        }
        self.note(Anomaly::StreamLength { offset: start });
        let rest = self.data.get(start..).unwrap_or_default();
        let found = find(rest, b"endstream");
        self.spend(found.unwrap_or(rest.len()))?;
        let Some(len) = found else { return damaged("a stream has no end", start) };
        let end = start + len;
        Ok((start..end, ends_stream(self.data, end).unwrap_or(end)))
    }

    fn load_from_stream(&self, number: u32, stream: u32, index: u32) -> Result<Object, PdfError> {
        let container = self.object_stream(stream)?;
        let Some(found) = container.get(number, index, &self.limits)? else {
            self.note(Anomaly::ObjectStreamIndex { object: number, stream });
            return Ok(Object::Null);
        };
        self.spend(found.work)?;
        if !found.at_index {
            self.note(Anomaly::ObjectStreamIndex { object: number, stream });
        }
        if let Some(key) = found.object.as_dict().and_then(|dict| dict.duplicate_keys().first()) {
            let object = Some(ObjectId::new(number, 0));
            self.note(Anomaly::DuplicateKey { object, key: key.to_string() });
        }
        Ok(found.object)
    }

    fn object_stream(&self, number: u32) -> Result<Arc<ObjectStream>, PdfError> {
        if let Some(known) = self.cache.borrow().streams.get(&number) {
            return known.clone();
        }
        let result = self.load_object_stream(number).map(Arc::new);
        let mut cache = self.cache.borrow_mut();
        cache.stream_bytes = cache.stream_bytes.saturating_add(result.as_ref().map_or(0, |stream| stream.size()));
        if cache.stream_bytes > MAX_CACHED_BYTES {
            cache.streams.clear();
            cache.stream_bytes = 0;
        }
        cache.streams.insert(number, result.clone());
        result
    }

    fn load_object_stream(&self, number: u32) -> Result<ObjectStream, PdfError> {
        if !matches!(self.entry(number), Some(Entry::InFile { .. })) {
            return damaged("an object stream is missing", self.startxref);
        }
        let object = self.get(ObjectId::new(number, 0))?;
        let Object::Stream(stream) = &*object else {
            return damaged("an object stream is not a stream", self.startxref);
        };
        if !stream.dict.is_type("ObjStm") {
            return damaged("an object stream has the wrong /Type", stream.data.start);
        }
        self.read_object_stream(stream)
    }

    pub(super) fn read_object_stream(&self, stream: &Stream) -> Result<ObjectStream, PdfError> {
        let number = |key| Ok(self.value(&stream.dict, key)?.and_then(|n| n.as_integer()).unwrap_or(-1));
        let (count, first) = (number("N")?, number("First")?);
        let bytes = self.decode(stream)?;
        self.spend(bytes.len())?;
        ObjectStream::new(bytes, count, first, &self.limits)
    }

    /// The filter chain with references resolved.
    fn filters(&self, dict: &Dict) -> Result<Vec<Filter>, PdfError> {
        let mut direct = Dict::new();
        for key in ["Filter", "DecodeParms"] {
            if let Some(value) = self.value(dict, key)? {
                direct.set(key, self.shallow(&value)?);
            }
        }
        Ok(direct_filters(&direct))
    }

    fn shallow(&self, object: &Object) -> Result<Object, PdfError> {
        let Object::Array(items) = object else { return Ok(object.clone()) };
        let items = items.iter().take(self.limits.filters + 1);
        let direct = |item| self.resolve(item).map(|resolved| Object::clone(&resolved));
        Ok(Object::Array(items.map(direct).collect::<Result<_, _>>()?))
    }

    /// The style an update should be written in.
    pub(super) fn style(&self) -> XrefStyle {
        self.sections.first().map_or(XrefStyle::Table, |section| section.style)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::samples::Sample;

    fn open(data: &[u8]) -> Pdf<'_> {
        Pdf::open(data, &Limits::default()).unwrap()
    }

    #[test]
    fn classic_stream_and_hybrid_files_show_the_same_page() {
        for file in [Sample::minimal(), Sample::object_streams(), Sample::hybrid()] {
            let pdf = open(&file);
            let page = pdf.get(ObjectId::new(3, 0)).unwrap();
            assert!(page.as_dict().unwrap().is_type("Page"));
            assert_eq!(pdf.anomalies(), []);
        }
    }

    #[test]
    fn states_of_one_file_share_what_may_be_read() {
        let file = Sample::minimal();
        let pdf = open(&file);
        assert!(pdf.open_state(&file).is_ok());
        // As if hundreds of states had been read.
        assert!(matches!(pdf.spend_of_states(usize::MAX), Err(PdfError::TooLarge(_))));
        let refused = pdf.open_state(&file).err().map(|error| error.to_string()).unwrap();
        assert!(refused.contains("for all signatures together (at most 671"), "{refused}");
        assert!(matches!(pdf.get(ObjectId::new(3, 0)), Err(PdfError::TooLarge(_))));
        assert!(open(&file).open_state(&file).is_ok(), "another file has its own");
    }

    #[test]
    fn object_the_file_does_not_define_is_null() {
        let file = Sample::minimal();
        assert!(open(&file).get(ObjectId::new(77, 0)).unwrap().is_null());
    }

    #[test]
    fn length_that_refers_to_its_own_stream_is_recorded_and_ends() {
        let file = Sample::new().object(4, "<</Length 4 0 R>>stream\nabc\nendstream").finish();
        let pdf = open(&file);
        let object = pdf.get(ObjectId::new(4, 0)).unwrap();
        assert_eq!(pdf.raw(object.as_stream().unwrap()), b"abc\n");
        assert!(matches!(pdf.anomalies()[..], [Anomaly::StreamLength { .. }]));
    }

    #[test]
    fn entry_that_points_at_another_object_is_refused_and_recorded() {
        let file = String::from_utf8(Sample::minimal()).unwrap().replace("4 0 obj", "5 0 obj");
        let pdf = open(file.as_bytes());
        assert!(matches!(pdf.get(ObjectId::new(4, 0)), Err(PdfError::Damaged { .. })));
        assert!(matches!(pdf.anomalies()[..], [Anomaly::HeaderMismatch { .. }]));
    }

    #[test]
    fn references_in_a_circle_end() {
        let file = Sample::new().object(4, "5 0 R").object(5, "4 0 R").finish();
        let pdf = open(&file);
        assert!(pdf.resolve(&Object::Ref(ObjectId::new(4, 0))).is_err());
    }

    #[test]
    fn catalog_that_is_no_dictionary_is_damaged() {
        let file = String::from_utf8(Sample::minimal()).unwrap().replace("/Root 1 0 R", "/Root 9 0 R");
        assert!(matches!(Pdf::open(file.as_bytes(), &Limits::default()), Err(PdfError::Damaged { .. })));
    }

    #[test]
    fn encryption_dictionary_that_is_none_is_damaged() {
        let file = String::from_utf8(Sample::minimal()).unwrap().replace("/Root 1 0 R", "/Root 1 0 R/Encrypt 4 0 R");
        assert!(matches!(Pdf::open(file.as_bytes(), &Limits::default()), Err(PdfError::Damaged { .. })));
    }
}
