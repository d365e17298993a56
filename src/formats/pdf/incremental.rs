//! Appending one incremental update (ISO 32000-1 §7.5.6): new bytes only, everything before stays untouched.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use sha2::{Digest as _, Sha256};

use super::object::{Dict, Object, ObjectId, PdfString};
use super::reader::{Origin, Pdf};
use super::write;
use super::xref::{Entry, XrefStyle};
use super::{Anomaly, PdfError, damaged};

/// Trailer entries an update carries over; all others describe the section they stood in.
const TRAILER_KEYS: [&str; 4] = ["Root", "Info", "ID", "Encrypt"];

/// Collects objects and writes them as one update.
///
/// The cross-reference section is written in the style of the file's last one: a classic table for classic and hybrid
/// files, a cross-reference stream otherwise. On a repaired file it lists every object and builds on no earlier section, so
/// that strict readers find all of them. In an encrypted file, what is set is encrypted in kind.
pub struct IncrementalUpdate<'p, 'a> {
    pdf: &'p Pdf<'a>,
    objects: BTreeMap<u32, (u16, Vec<u8>)>,
    next: u32,
    failure: Option<PdfError>,
}

/// A written update: `bytes` follow directly on the original file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenUpdate {
    pub bytes: Vec<u8>,
    /// Where the body of each object stands in `bytes` (without `N G obj` and `endobj`).
    pub bodies: BTreeMap<u32, Range<usize>>,
}

impl<'p, 'a> IncrementalUpdate<'p, 'a> {
    /// # Errors
    /// [`PdfError::Damaged`] when part of the file's history cannot be read, since the update would rest on it.
    pub fn new(pdf: &'p Pdf<'a>) -> Result<Self, PdfError> {
        if pdf.anomalies().iter().any(Anomaly::breaks_history) {
            return damaged("the chain of cross-reference sections is broken", pdf.startxref());
        }
        let size = pdf.trailer().get("Size").and_then(Object::as_integer).and_then(|n| u32::try_from(n).ok());
        let highest = pdf.entries().last().map_or(0, |(number, _)| *number);
        let next = size.unwrap_or(0).max(highest.saturating_add(1));
        Ok(Self { pdf, objects: BTreeMap::new(), next, failure: None })
    }

    /// A number no object of the file has.
    ///
    /// # Errors
    /// [`PdfError::TooLarge`] when the file already uses all numbers the standard provides.
    pub fn allocate(&mut self) -> Result<ObjectId, PdfError> {
        let number = self.next;
        if usize::try_from(number).map_or(true, |n| n > self.pdf.limits().objects) {
            return Err(PdfError::too_large("indirect objects", self.pdf.limits().objects));
        }
        self.next += 1;
        Ok(ObjectId::new(number, 0))
    }

    /// Adds or replaces an object.
    pub fn set(&mut self, id: ObjectId, object: &Object) {
        let body = self.sealed(id, object).to_bytes();
        self.set_raw(id, body);
    }

    /// The object as it must be written under `id`: in an encrypted file its strings are encrypted, except /Contents of
    /// signature dictionaries. For those who lay out a body themselves and hand it to [`Self::set_raw`].
    pub fn sealed(&mut self, id: ObjectId, object: &Object) -> Object {
        let mut object = object.clone();
        if let Some(Err(error)) = self.pdf.crypt().map(|crypt| crypt.seal_strings(id, &mut object)) {
            self.failure = Some(error);
        }
        object
    }

    /// Adds or replaces a stream; /Length is set to fit `data`, which must already be encoded as the dictionary says.
    pub fn set_stream(&mut self, id: ObjectId, dict: Dict, data: &[u8]) {
        let sealed = self
            .pdf
            .crypt()
            .map_or(Ok(Cow::Borrowed(data)), |crypt| crypt.seal_stream(id, &dict, data).map(Cow::Owned));
        let data = sealed.unwrap_or_else(|error| {
            self.failure = Some(error);
            Cow::Borrowed(&[])
        });
        let length = i64::try_from(data.len()).unwrap_or(i64::MAX);
        let mut body = Vec::with_capacity(data.len() + 64);
        let dict = self.sealed(id, &Object::Dict(dict.with("Length", Object::Integer(length))));
        write::object(&mut body, &dict);
        body.extend_from_slice(b"\nstream\n");
        body.extend_from_slice(&data);
        body.extend_from_slice(b"\nendstream");
        self.set_raw(id, body);
    }

    /// Adds or replaces an object given in PDF syntax, for bodies whose layout matters; strings stand as they are written
    /// (see [`Self::sealed`]).
    pub fn set_raw(&mut self, id: ObjectId, body: Vec<u8>) {
        self.objects.insert(id.number, (id.generation, body));
    }

    /// The object as the update has it so far: not needed by readers, but by callers that edit twice.
    pub fn contains(&self, id: ObjectId) -> bool {
        self.objects.contains_key(&id.number)
    }

    /// Writes objects, cross-reference section and trailer. `seed` makes the new second /ID; equal seeds over equal
    /// files give equal bytes.
    ///
    /// # Errors
    /// [`PdfError::TooLarge`] when an offset exceeds the ten digits of a classic table; [`PdfError::Damaged`] when what was
    /// set could not be encrypted.
    pub fn finish(mut self, seed: &[u8]) -> Result<WrittenUpdate, PdfError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut bytes = Vec::new();
        if !matches!(self.pdf.data().last(), Some(b'\n' | b'\r')) {
            bytes.push(b'\n');
        }
        let mut bodies = BTreeMap::new();
        let mut entries = self.inherited_entries();
        for (number, (generation, body)) in std::mem::take(&mut self.objects) {
            let offset = self.offset(bytes.len())?;
            entries.insert(number, Entry::InFile { offset, generation });
            bytes.extend_from_slice(format!("{number} {generation} obj\n").as_bytes());
            let start = bytes.len();
            bytes.extend_from_slice(&body);
            bodies.insert(number, start..bytes.len());
            bytes.extend_from_slice(b"\nendobj\n");
        }
        let at = self.offset(bytes.len())?;
        if self.pdf.style() == XrefStyle::Stream {
            self.write_stream(&mut bytes, entries, at, seed)?;
        } else {
            self.write_table(&mut bytes, &entries, seed);
        }
        bytes.extend_from_slice(format!("startxref\n{at}\n%%EOF\n").as_bytes());
        Ok(WrittenUpdate { bytes, bodies })
    }

    /// Offset, as the file counts, of the byte at `position` of the update.
    fn offset(&self, position: usize) -> Result<usize, PdfError> {
        let offset = (self.pdf.data().len() - self.pdf.base()).saturating_add(position);
        if offset > self.pdf.limits().file_bytes {
            Err(PdfError::too_large("file size", self.pdf.limits().file_bytes))
        } else {
            Ok(offset)
        }
    }

    /// What the new section must list besides the objects set: nothing, or in a repaired file everything, since no earlier
    /// section can be built upon.
    fn inherited_entries(&self) -> BTreeMap<u32, Entry> {
        match self.pdf.origin() {
            Origin::Sections => BTreeMap::new(),
            Origin::Scan => std::iter::once((0, Entry::Free)).chain(self.pdf.entries().iter().copied()).collect(),
        }
    }

    fn write_table(&self, bytes: &mut Vec<u8>, entries: &BTreeMap<u32, Entry>, seed: &[u8]) {
        bytes.extend_from_slice(b"xref\n");
        for run in runs(entries) {
            bytes.extend_from_slice(format!("{} {}\n", run.start, run.len()).as_bytes());
            for entry in run.filter_map(|number| entries.get(&number)) {
                // A table cannot say "in an object stream"; where there are any, the style is another.
                let line = match entry {
                    Entry::InFile { offset, generation } => format!("{offset:010} {generation:05} n \n"),
                    Entry::Free | Entry::InStream { .. } => "0000000000 65535 f \n".to_owned(),
                };
                bytes.extend_from_slice(line.as_bytes());
            }
        }
        bytes.extend_from_slice(b"trailer\n");
        write::dict(bytes, &self.trailer(seed));
        bytes.push(b'\n');
    }

    fn write_stream(
        &mut self,
        bytes: &mut Vec<u8>,
        mut entries: BTreeMap<u32, Entry>,
        at: usize,
        seed: &[u8],
    ) -> Result<(), PdfError> {
        let id = self.allocate()?;
        entries.insert(id.number, Entry::InFile { offset: at, generation: 0 });
        let width = row_width(at, &entries);
        let (mut index, mut rows) = (Vec::new(), Vec::new());
        for run in runs(&entries) {
            index.push(Object::Integer(run.start.into()));
            index.push(Object::Integer(i64::try_from(run.len()).unwrap_or(0)));
            for entry in run.filter_map(|number| entries.get(&number)) {
                let (kind, second, third) = match *entry {
                    Entry::Free => (0, 0, u32::from(u16::MAX)),
                    Entry::InFile { offset, generation } => (1, u64::try_from(offset).unwrap_or(0), generation.into()),
                    Entry::InStream { stream, index } => (2, stream.into(), index),
                };
                rows.push(kind);
                rows.extend(second.to_be_bytes().iter().rev().take(width).rev());
                rows.extend(third.to_be_bytes());
            }
        }
        let widths = [1, i64::try_from(width).unwrap_or(8), 4].map(Object::Integer).to_vec();
        let dict = self
            .trailer(seed)
            .with("Type", Object::name("XRef"))
            .with("W", Object::Array(widths))
            .with("Index", Object::Array(index))
            .with("Length", Object::Integer(i64::try_from(rows.len()).unwrap_or(0)));
        bytes.extend_from_slice(format!("{id} obj\n").as_bytes());
        write::dict(bytes, &dict);
        bytes.extend_from_slice(b"\nstream\n");
        bytes.extend_from_slice(&rows);
        bytes.extend_from_slice(b"\nendstream\nendobj\n");
        Ok(())
    }

    fn trailer(&self, seed: &[u8]) -> Dict {
        let mut trailer = Dict::new().with("Size", Object::Integer(self.next.into()));
        for key in TRAILER_KEYS {
            if let Some(value) = self.pdf.trailer().get(key) {
                trailer.set(key, value.clone());
            }
        }
        match self.identifier(seed) {
            Some(id) => trailer.set("ID", id),
            None => trailer.remove("ID"),
        }
        if self.pdf.origin() == Origin::Sections {
            let last = self.pdf.sections().first().map_or(0, |section| section.start - self.pdf.base());
            trailer.set("Prev", Object::Integer(i64::try_from(last).unwrap_or(0)));
        }
        trailer
    }

    /// /ID (§14.4): the first string stays, the second is renewed. An encrypted file without one gets none: the first string
    /// is part of its key.
    fn identifier(&self, seed: &[u8]) -> Option<Object> {
        let length = u64::try_from(self.pdf.data().len()).unwrap_or(u64::MAX);
        let hash = Sha256::new_with_prefix(seed).chain_update(length.to_be_bytes()).finalize();
        let fresh = hash.iter().copied().take(16).collect::<Vec<u8>>();
        let first = match self.pdf.crypt() {
            Some(crypt) if crypt.file_id().is_empty() => return None,
            Some(crypt) => crypt.file_id().to_vec(),
            None => self.first_id().unwrap_or_else(|| fresh.clone()),
        };
        Some(Object::Array([first, fresh].map(|bytes| Object::String(PdfString::hex(bytes))).to_vec()))
    }

    fn first_id(&self) -> Option<Vec<u8>> {
        let id = self.pdf.value(self.pdf.trailer(), "ID").ok().flatten();
        let first = id.as_deref().and_then(Object::as_array).and_then(|items| items.first());
        first.and_then(Object::as_string).map(|string| string.bytes.clone())
    }
}

/// Bytes that hold every offset and every number of an object stream.
fn row_width(at: usize, entries: &BTreeMap<u32, Entry>) -> usize {
    let streams = entries.values().filter_map(|entry| match entry {
        Entry::InStream { stream, .. } => usize::try_from(*stream).ok(),
        Entry::InFile { .. } | Entry::Free => None,
    });
    let highest = streams.chain([at]).max().unwrap_or(at);
    let bits = usize::BITS - highest.leading_zeros();
    usize::try_from(bits.div_ceil(8).max(1)).unwrap_or(8)
}

/// Consecutive numbers together.
fn runs(entries: &BTreeMap<u32, Entry>) -> Vec<Range<u32>> {
    let mut runs: Vec<Range<u32>> = Vec::new();
    for &number in entries.keys() {
        match runs.last_mut() {
            Some(run) if run.end == number => run.end = number + 1,
            _ => runs.push(number..number + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::Limits;
    use crate::formats::pdf::samples::Sample;

    fn update(file: &[u8]) -> Vec<u8> {
        let pdf = Pdf::open(file, &Limits::default()).unwrap();
        let mut update = IncrementalUpdate::new(&pdf).unwrap();
        let id = update.allocate().unwrap();
        update.set(id, &Object::String(PdfString::literal(*b"new")));
        update.set(ObjectId::new(3, 0), &Object::Dict(Dict::new().with("X", Object::Ref(id))));
        [file, &update.finish(b"seed").unwrap().bytes].concat()
    }

    #[test]
    fn update_in_every_style_is_read_back_and_keeps_the_original() {
        for original in [Sample::minimal(), Sample::object_streams(), Sample::hybrid()] {
            let updated = update(&original);
            assert!(updated.starts_with(&original));
            let pdf = Pdf::open(&updated, &Limits::default()).unwrap();
            let page = pdf.get(ObjectId::new(3, 0)).unwrap();
            let target = pdf.value(page.as_dict().unwrap(), "X").unwrap().unwrap();
            assert_eq!(target.as_string().unwrap().bytes, b"new");
            assert_eq!(pdf.anomalies(), []);
            assert_eq!(super::super::revisions::unexplained_bytes(&pdf, original.len()), Ok(vec![]));
            assert_eq!(super::super::revisions::revisions(&pdf).len(), 2);
        }
    }

    #[test]
    fn style_follows_the_last_section() {
        let has = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).any(|w| w == text);
        let original = Sample::object_streams();
        assert!(!has(&update(&original)[original.len()..], b"trailer"));
        let original = Sample::hybrid();
        assert!(has(&update(&original)[original.len()..], b"trailer"));
    }

    #[test]
    fn first_id_stays_and_second_follows_the_seed() {
        let file = Sample::new().trailer("/ID[<aa><bb>]").finish();
        let updated = update(&file);
        let pdf = Pdf::open(&updated, &Limits::default()).unwrap();
        let id = pdf.trailer().get("ID").unwrap().as_array().unwrap();
        assert_eq!(id[0].as_string().unwrap().bytes, [0xaa]);
        assert_eq!(id[1].as_string().unwrap().bytes.len(), 16);
        assert_eq!(update(&file), updated);
    }

    #[test]
    fn missing_last_newline_is_added() {
        let mut file = Sample::minimal();
        file.pop();
        assert_eq!(update(&file)[file.len()], b'\n');
    }

    #[test]
    fn broken_history_is_refused() {
        let file = Sample::new().trailer("/Prev -1").finish();
        let pdf = Pdf::open(&file, &Limits::default()).unwrap();
        assert!(matches!(IncrementalUpdate::new(&pdf).err(), Some(PdfError::Damaged { .. })));
    }
}
