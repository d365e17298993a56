//! Object streams (ISO 32000-1 §7.5.7).

use super::object::Object;
use super::parser::Parser;
use super::{Limits, PdfError, damaged};

/// A decoded object stream: its bytes and where each object starts in them.
#[derive(Debug)]
pub(super) struct ObjectStream {
    bytes: Vec<u8>,
    /// Object number and offset into `bytes`, in the order of the stream.
    index: Vec<(u32, usize)>,
}

/// An object found in a stream, and whether it stood at the index the cross-reference entry names.
pub(super) struct Found {
    pub object: Object,
    pub at_index: bool,
    /// Bytes lexed.
    pub work: usize,
}

impl ObjectStream {
    /// Reads the header: /N pairs of number and offset relative to /First.
    pub fn new(bytes: Vec<u8>, count: i64, first: i64, limits: &Limits) -> Result<Self, PdfError> {
        let (Ok(count), Ok(first)) = (usize::try_from(count), usize::try_from(first)) else {
            return damaged("an object stream has a negative /N or /First", 0);
        };
        // Each pair takes at least four bytes ("1 0 "), so a lying /N cannot outgrow the data.
        let mut index = Vec::with_capacity(count.min(bytes.len() / 4));
        let mut parser = Parser::new(&bytes, 0, limits);
        for _ in 0..count {
            let pair = (parser.object(), parser.object());
            let (Ok(Object::Integer(number)), Ok(Object::Integer(offset))) = pair else {
                return damaged("the header of an object stream is malformed", 0);
            };
            let (Ok(number), Ok(offset)) = (u32::try_from(number), usize::try_from(offset)) else {
                return damaged("the header of an object stream is out of bounds", 0);
            };
            index.push((number, first.saturating_add(offset)));
        }
        Ok(Self { bytes, index })
    }

    /// Bytes it takes in memory.
    pub fn size(&self) -> usize {
        self.bytes.len().saturating_add(self.index.len().saturating_mul(size_of::<(u32, usize)>()))
    }

    /// The numbers of the objects, in the order of the stream.
    pub fn numbers(&self) -> Vec<u32> {
        self.index.iter().map(|(number, _)| *number).collect()
    }

    /// All objects with their numbers.
    pub fn objects(&self, limits: &Limits) -> Result<Vec<(u32, Object)>, PdfError> {
        let object = |(number, start): &(u32, usize)| Ok((*number, Parser::new(&self.bytes, *start, limits).object()?));
        self.index.iter().map(object).collect()
    }

    /// The object `number`, expected at `index`.
    pub fn get(&self, number: u32, index: u32, limits: &Limits) -> Result<Option<Found>, PdfError> {
        let place = usize::try_from(index).ok().and_then(|i| self.index.get(i)).filter(|(n, _)| *n == number);
        let at_index = place.is_some();
        let Some((_, start)) = place.or_else(|| self.index.iter().find(|(n, _)| *n == number)) else {
            return Ok(None);
        };
        let mut parser = Parser::new(&self.bytes, *start, limits);
        let object = parser.object()?;
        Ok(Some(Found { object, at_index, work: parser.pos().saturating_sub(*start) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_found_by_index_and_else_by_number() {
        let limits = Limits::default();
        let stream = ObjectStream::new(b"3 0 5 4 /A  (x)".to_vec(), 2, 8, &limits).unwrap();
        let found = stream.get(5, 1, &limits).unwrap().unwrap();
        assert!(found.at_index && found.object.as_string().is_some());
        assert!(!stream.get(5, 0, &limits).unwrap().unwrap().at_index);
        assert!(stream.get(4, 0, &limits).unwrap().is_none());
    }

    #[test]
    fn lying_count_is_damaged() {
        assert!(ObjectStream::new(b"3 0".to_vec(), i64::MAX, 8, &Limits::default()).is_err());
        assert!(ObjectStream::new(b"3 0".to_vec(), -1, 8, &Limits::default()).is_err());
    }
}
