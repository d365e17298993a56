//! Walking encoded elements without copying them.

use super::{DerError, tag};
use std::borrow::Cow;

/// Deepest nesting followed. The deepest honest structure met (PSS parameters of a certificate inside the SignedData of a
/// time-stamp) needs about fifteen levels.
pub(super) const MAX_DEPTH: u8 = 32;

/// Which encodings are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// Definite, minimal lengths only (X.690 §10.1).
    Der,
    /// Also the indefinite form and lengths with leading zeros (X.690 §8.1.3).
    Ber,
}

/// One element: identifier, and where its octets are.
#[derive(Debug, Clone, Copy)]
pub struct Tlv<'a> {
    tag: u8,
    raw: &'a [u8],
    content: &'a [u8],
    rules: Rules,
    depth: u8,
}

impl<'a> Tlv<'a> {
    /// First identifier octet. Elements with tag numbers above 30 are walked over but have no name here: no structure
    /// of this crate uses them.
    pub fn tag(&self) -> u8 {
        self.tag
    }

    /// All octets of the element as received: identifier, length, content and, in the indefinite form, its end mark.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Content octets, without an end mark.
    pub fn content(&self) -> &'a [u8] {
        self.content
    }

    /// Whether the element was written with BER's indefinite length.
    pub fn is_indefinite(&self) -> bool {
        self.raw.len() > self.content.len() && self.raw.get(1) == Some(&0x80)
    }

    /// A reader over the elements inside.
    ///
    /// # Errors
    /// [`DerError::TooDeep`] past the nesting limit.
    pub fn reader(&self) -> Result<Reader<'a>, DerError> {
        let depth = self.depth.checked_add(1).filter(|depth| *depth <= MAX_DEPTH).ok_or(DerError::TooDeep)?;
        Ok(Reader { rest: self.content, rules: self.rules, depth })
    }

    /// Checks the tag.
    ///
    /// # Errors
    /// [`DerError::UnexpectedTag`] for another tag.
    pub fn expect(self, expected: u8) -> Result<Self, DerError> {
        if self.tag == expected { Ok(self) } else { Err(DerError::UnexpectedTag { expected, found: self.tag }) }
    }

    /// The octets of an OCTET STRING; BER's constructed form is put together from its segments.
    ///
    /// # Errors
    /// [`DerError`] for another type or malformed segments.
    pub fn octets(&self) -> Result<Cow<'a, [u8]>, DerError> {
        match self.tag {
            tag::OCTET_STRING => Ok(Cow::Borrowed(self.content)),
            tag::OCTET_STRING_CONSTRUCTED if self.rules == Rules::Ber => {
                let mut joined = Vec::with_capacity(self.content.len());
                let mut segments = self.reader()?;
                while !segments.is_empty() {
                    joined.extend_from_slice(&segments.next()?.octets()?);
                }
                Ok(Cow::Owned(joined))
            }
            found => Err(DerError::UnexpectedTag { expected: tag::OCTET_STRING, found }),
        }
    }
}

/// A position in a list of elements.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    rules: Rules,
    depth: u8,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8], rules: Rules) -> Self {
        Self { rest: bytes, rules, depth: 0 }
    }

    /// Reads exactly one DER element with this tag that fills `bytes`.
    ///
    /// # Errors
    /// [`DerError`] when it is something else, or more follows.
    pub fn single(bytes: &'a [u8], expected: u8) -> Result<Tlv<'a>, DerError> {
        let mut reader = Self::new(bytes, Rules::Der);
        let element = reader.expect(expected)?;
        reader.finish()?;
        Ok(element)
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next identifier octet.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Takes the next element.
    ///
    /// # Errors
    /// [`DerError`] when the octets are not an element under the rules.
    #[expect(clippy::should_implement_trait, reason = "an element may fail to parse; `Iterator` would hide the end")]
    pub fn next(&mut self) -> Result<Tlv<'a>, DerError> {
        let header = Header::read(self.rest, self.rules)?;
        let body = self.rest.get(header.len..).ok_or(DerError::Truncated)?;
        let (content_len, end_mark) = match header.content {
            Some(len) => (len, 0),
            None => (find_end(body, self.depth)?, 2),
        };
        let content = body.get(..content_len).ok_or(DerError::Truncated)?;
        let total = header.len.saturating_add(content_len).saturating_add(end_mark);
        let (raw, rest) = self.rest.split_at_checked(total).ok_or(DerError::Truncated)?;
        self.rest = rest;
        Ok(Tlv { tag: header.tag, raw, content, rules: self.rules, depth: self.depth })
    }

    /// Takes the next element, which must have this tag.
    ///
    /// # Errors
    /// [`DerError::Missing`] at the end, [`DerError::UnexpectedTag`] for another element.
    pub fn expect(&mut self, expected: u8) -> Result<Tlv<'a>, DerError> {
        match self.peek() {
            None => Err(DerError::Missing(expected)),
            Some(found) if found != expected => Err(DerError::UnexpectedTag { expected, found }),
            Some(_) => self.next(),
        }
    }

    /// Takes the next element only if it has this tag.
    ///
    /// # Errors
    /// [`DerError`] when the element is malformed.
    pub fn optional(&mut self, tag: u8) -> Result<Option<Tlv<'a>>, DerError> {
        if self.peek() == Some(tag) { self.next().map(Some) } else { Ok(None) }
    }

    /// Takes all remaining elements, at most `limit`; `what` names them in the error.
    ///
    /// # Errors
    /// [`DerError::TooMany`] above the limit.
    pub fn all(mut self, limit: usize, what: &'static str) -> Result<Vec<Tlv<'a>>, DerError> {
        let mut elements = Vec::new();
        while !self.is_empty() {
            if elements.len() >= limit {
                return Err(DerError::TooMany { what, limit });
            }
            elements.push(self.next()?);
        }
        Ok(elements)
    }

    /// # Errors
    /// [`DerError::Trailing`] when elements remain.
    pub fn finish(self) -> Result<(), DerError> {
        if self.is_empty() { Ok(()) } else { Err(DerError::Trailing) }
    }
}

struct Header {
    tag: u8,
    /// Octets of identifier and length together.
    len: usize,
    /// Content length; `None` in the indefinite form.
    content: Option<usize>,
}

impl Header {
    fn read(bytes: &[u8], rules: Rules) -> Result<Self, DerError> {
        let (&tag, mut rest) = bytes.split_first().ok_or(DerError::Truncated)?;
        if tag & 0x1f == 0x1f {
            rest = skip_tag_number(rest)?;
        }
        let (&first, rest) = rest.split_first().ok_or(DerError::Truncated)?;
        let (content, rest) = match first {
            0..=0x7f => (Some(usize::from(first)), rest),
            0x80 if rules == Rules::Ber && tag & 0x20 != 0 => (None, rest),
            0x80 | 0xff => return Err(DerError::NotDer),
            _ => long_length(rest, usize::from(first & 0x7f), rules)?,
        };
        Ok(Self { tag, len: bytes.len().saturating_sub(rest.len()), content })
    }
}

/// Tag numbers above 30: octets with the high bit set, then one without (X.690 §8.1.2.4). Four octets are plenty.
fn skip_tag_number(bytes: &[u8]) -> Result<&[u8], DerError> {
    let end =
        bytes.iter().take(4).position(|byte| byte & 0x80 == 0).ok_or(DerError::BadValue("a tag number is too long"))?;
    bytes.get(end.saturating_add(1)..).ok_or(DerError::Truncated)
}

fn long_length(bytes: &[u8], count: usize, rules: Rules) -> Result<(Option<usize>, &[u8]), DerError> {
    let (digits, rest) = bytes.split_at_checked(count).ok_or(DerError::Truncated)?;
    let mut length = 0usize;
    for digit in digits {
        length = length.checked_mul(256).ok_or(DerError::LengthTooLong)?;
        length = length.checked_add(usize::from(*digit)).ok_or(DerError::LengthTooLong)?;
    }
    if rules == Rules::Der && (digits.first() == Some(&0) || length < 0x80) {
        return Err(DerError::NotDer);
    }
    Ok((Some(length), rest))
}

/// Offset of the end mark (`00 00`) that closes an indefinite element whose content starts at `body`.
///
/// Walks with a counter instead of recursion, so a hostile nesting costs nothing but the refusal.
fn find_end(body: &[u8], depth: u8) -> Result<usize, DerError> {
    let mut open = depth.saturating_add(1);
    let mut rest = body;
    loop {
        if let [0, 0, after @ ..] = rest {
            open = open.saturating_sub(1);
            if open == depth {
                return Ok(body.len().saturating_sub(rest.len()));
            }
            rest = after;
            continue;
        }
        let header = Header::read(rest, Rules::Ber)?;
        let skip = match header.content {
            Some(len) => header.len.checked_add(len).ok_or(DerError::LengthTooLong)?,
            None => {
                open = open.checked_add(1).filter(|open| *open <= MAX_DEPTH).ok_or(DerError::TooDeep)?;
                header.len
            }
        };
        rest = rest.get(skip..).ok_or(DerError::Truncated)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definite_element_keeps_its_octets() {
        let bytes = [0x30, 0x03, 0x02, 0x01, 0x05, 0xff];
        let mut reader = Reader::new(&bytes, Rules::Der);
        let sequence = reader.next().expect("element");
        assert_eq!(sequence.raw(), &bytes[..5]);
        assert_eq!(sequence.reader().expect("inside").next().expect("integer").content(), [5]);
        assert_eq!(reader.rest(), [0xff]);
    }

    #[test]
    fn indefinite_length_is_read_as_ber_only() {
        let bytes = [0x30, 0x80, 0x30, 0x80, 0x02, 0x01, 0x05, 0, 0, 0, 0, 0x05, 0x00];
        let mut reader = Reader::new(&bytes, Rules::Ber);
        let outer = reader.next().expect("element");
        assert!(outer.is_indefinite());
        assert_eq!(outer.content(), &bytes[2..9]);
        assert_eq!(reader.rest(), [0x05, 0x00]);
        assert_eq!(Reader::new(&bytes, Rules::Der).next().err(), Some(DerError::NotDer));
    }

    #[test]
    fn twenty_thousand_open_elements_are_refused() {
        let bytes: Vec<u8> = [0x30, 0x80].iter().copied().cycle().take(40_000).collect();
        assert_eq!(Reader::new(&bytes, Rules::Ber).next().err(), Some(DerError::TooDeep));
    }

    #[test]
    fn length_beyond_the_input_is_truncated() {
        assert_eq!(Reader::new(&[0x30, 0x05, 0x00], Rules::Der).next().err(), Some(DerError::Truncated));
        let huge = [0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00];
        assert_eq!(Reader::new(&huge, Rules::Ber).next().err(), Some(DerError::Truncated));
        let absurd = [0x30, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Reader::new(&absurd, Rules::Ber).next().err(), Some(DerError::LengthTooLong));
    }

    #[test]
    fn padded_length_is_not_der() {
        let bytes = [0x04, 0x81, 0x01, 0xaa];
        assert_eq!(Reader::new(&bytes, Rules::Der).next().err(), Some(DerError::NotDer));
        assert_eq!(Reader::new(&bytes, Rules::Ber).next().expect("element").content(), [0xaa]);
    }

    #[test]
    fn constructed_octet_string_is_joined() {
        let bytes = [0x24, 0x80, 0x04, 0x02, b'a', b'b', 0x04, 0x01, b'c', 0, 0];
        let string = Reader::new(&bytes, Rules::Ber).next().expect("element");
        assert_eq!(string.octets().expect("octets").as_ref(), b"abc");
    }

    #[test]
    fn more_elements_than_the_limit_are_refused() {
        let bytes = [0x05, 0x00].repeat(5);
        let reader = Reader::new(&bytes, Rules::Der);
        assert_eq!(reader.clone().all(5, "nulls").expect("five").len(), 5);
        assert_eq!(reader.all(4, "nulls").err(), Some(DerError::TooMany { what: "nulls", limit: 4 }));
    }
}
