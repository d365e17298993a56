//! Writing DER: each function returns one complete element.

use const_oid::ObjectIdentifier;
use time::OffsetDateTime;

use super::tag;

/// An element with this identifier octet around `content`.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len().saturating_add(10));
    out.push(tag);
    write_length(&mut out, content.len());
    out.extend_from_slice(content);
    out
}

/// Identifier and length of an element with `length` octets of content.
pub fn header(tag: u8, length: usize) -> Vec<u8> {
    let mut out = vec![tag];
    write_length(&mut out, length);
    out
}

/// SEQUENCE of ready elements.
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(tag::SEQUENCE, &parts.concat())
}

/// Content of a SET OF: elements in ascending order of their encodings (X.690 §11.6).
pub fn set_of_content(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    parts.concat()
}

/// SET OF ready elements, in DER's order.
pub fn set_of(parts: Vec<Vec<u8>>) -> Vec<u8> {
    tlv(tag::SET, &set_of_content(parts))
}

pub fn oid(oid: &ObjectIdentifier) -> Vec<u8> {
    tlv(tag::OID, oid.as_bytes())
}

pub fn octet_string(bytes: &[u8]) -> Vec<u8> {
    tlv(tag::OCTET_STRING, bytes)
}

/// BIT STRING of whole octets.
pub fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(tag::BIT_STRING, &[&[0], bytes].concat())
}

/// A non-negative INTEGER below 128.
pub fn small_integer(value: u8) -> Vec<u8> {
    tlv(tag::INTEGER, &[value & 0x7f])
}

/// UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5, RFC 5652 §11.3). Seconds, UTC.
pub fn time(time: OffsetDateTime) -> Vec<u8> {
    let time = time.to_offset(time::UtcOffset::UTC);
    let (date, clock) = (time.date(), time.time());
    let tail = format!(
        "{:02}{:02}{:02}{:02}{:02}Z",
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    );
    match date.year() {
        year @ 1950..=2049 => tlv(tag::UTC_TIME, format!("{:02}{tail}", year % 100).as_bytes()),
        year => tlv(tag::GENERALIZED_TIME, format!("{year:04}{tail}").as_bytes()),
    }
}

fn write_length(out: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let digits = length.to_be_bytes();
            let significant: Vec<u8> = digits.into_iter().skip_while(|digit| *digit == 0).collect();
            out.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
            out.extend_from_slice(&significant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Reader, Rules};
    use super::*;

    #[test]
    fn lengths_read_back_at_every_border() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let bytes = octet_string(&vec![7; length]);
            let mut reader = Reader::new(&bytes, Rules::Der);
            assert_eq!(reader.next().expect("element").content().len(), length);
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn set_of_is_sorted_by_encoding() {
        assert_eq!(set_of(vec![small_integer(9), small_integer(3)]), [0x31, 6, 2, 1, 3, 2, 1, 9]);
    }

    #[test]
    fn years_from_2050_are_generalized_time() {
        let late = time::macros::datetime!(2050-01-02 03:04:05 UTC);
        assert_eq!(time(late), tlv(tag::GENERALIZED_TIME, b"20500102030405Z"));
    }
}
