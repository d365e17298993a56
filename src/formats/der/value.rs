//! Values of primitive elements.

use const_oid::ObjectIdentifier;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

use super::{DerError, Tlv, tag};

/// # Errors
/// [`DerError`] for another type or an identifier longer than 39 octets.
pub fn oid(element: Tlv<'_>) -> Result<ObjectIdentifier, DerError> {
    let content = element.expect(tag::OID)?.content();
    ObjectIdentifier::from_bytes(content).map_err(|_| DerError::BadValue("an object identifier is malformed"))
}

/// Content octets of an INTEGER: two's complement, big-endian, not empty.
///
/// # Errors
/// [`DerError`] for another type or no octets.
pub fn integer<'a>(element: Tlv<'a>) -> Result<&'a [u8], DerError> {
    let content = element.expect(tag::INTEGER)?.content();
    if content.is_empty() { Err(DerError::BadValue("an integer has no octets")) } else { Ok(content) }
}

/// A small number written as INTEGER or ENUMERATED, e.g. a version, a path length or a revocation reason.
///
/// # Errors
/// [`DerError`] when it is negative or does not fit 32 bits.
pub fn small(content: &[u8]) -> Result<u32, DerError> {
    let out_of_range = DerError::BadValue("a number is negative or too large");
    match content {
        [first, ..] if *first < 0x80 => {
            let digits = content.iter().skip_while(|digit| **digit == 0);
            if digits.clone().count() > 4 {
                return Err(out_of_range);
            }
            Ok(digits.fold(0u32, |value, digit| (value << 8) | u32::from(*digit)))
        }
        _ => Err(out_of_range),
    }
}

/// # Errors
/// [`DerError`] for another type; DER allows only 00 and FF (X.690 §11.1).
pub fn boolean(element: Tlv<'_>) -> Result<bool, DerError> {
    match element.expect(tag::BOOLEAN)?.content() {
        [0x00] => Ok(false),
        [0xff] => Ok(true),
        _ => Err(DerError::BadValue("a boolean is neither 00 nor FF")),
    }
}

/// Octets of a BIT STRING that has whole octets only (keys and signature values).
///
/// # Errors
/// [`DerError`] for another type or unused bits.
pub fn bit_string_octets<'a>(element: Tlv<'a>) -> Result<&'a [u8], DerError> {
    match element.expect(tag::BIT_STRING)?.content() {
        [0, octets @ ..] => Ok(octets),
        _ => Err(DerError::BadValue("a bit string has unused bits")),
    }
}

/// Named bits of a BIT STRING; bit 0 is the highest bit of the result, at most 16 are kept.
///
/// # Errors
/// [`DerError`] when malformed.
pub fn named_bits(content: &[u8]) -> Result<u16, DerError> {
    let (&unused, octets) = content.split_first().ok_or(DerError::BadValue("a bit string is empty"))?;
    if unused > 7 || (unused > 0 && octets.is_empty()) {
        return Err(DerError::BadValue("a bit string has a wrong number of unused bits"));
    }
    let octet = |index: usize| u16::from(octets.get(index).copied().unwrap_or(0));
    Ok(octet(0) << 8 | octet(1))
}

/// UTCTime or GeneralizedTime in the forms RFC 5280 §4.1.2.5 allows: Zulu, with seconds. Seconds may be missing in
/// UTCTime and fractions present in GeneralizedTime, as CMS signing-time and old certificates have them.
///
/// # Errors
/// [`DerError`] for another type or an impossible date.
pub fn time(element: Tlv<'_>) -> Result<OffsetDateTime, DerError> {
    let bad = DerError::BadValue("a time is malformed");
    let text = std::str::from_utf8(element.content()).map_err(|_| bad.clone())?;
    let digits = text.strip_suffix('Z').ok_or(bad.clone())?;
    let digits = digits.split_once('.').map_or(digits, |(whole, _)| whole);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad);
    }
    let number = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<i32>().ok());
    let (year, rest) = match element.tag() {
        // Two digits: 50 to 99 are 19xx, 00 to 49 are 20xx.
        tag::UTC_TIME => (number(0, 2).map(|year| if year < 50 { 2000 + year } else { 1900 + year }), 2),
        tag::GENERALIZED_TIME => (number(0, 4), 4),
        found => return Err(DerError::UnexpectedTag { expected: tag::UTC_TIME, found }),
    };
    let expected_len = rest + 10;
    if digits.len() != expected_len && !(element.tag() == tag::UTC_TIME && digits.len() == 10) {
        return Err(bad);
    }
    let part = |index: usize| number(rest + 2 * index, rest + 2 * index + 2).and_then(|value| u8::try_from(value).ok());
    let seconds = if digits.len() == expected_len { part(4) } else { Some(0) };
    calendar(year, part(0), part(1), [part(2), part(3), seconds]).ok_or(bad)
}

fn calendar(year: Option<i32>, month: Option<u8>, day: Option<u8>, clock: [Option<u8>; 3]) -> Option<OffsetDateTime> {
    let date = Date::from_calendar_date(year?, Month::try_from(month?).ok()?, day?).ok()?;
    let [hour, minute, second] = clock;
    let time = Time::from_hms(hour?, minute?, second?).ok()?;
    Some(PrimitiveDateTime::new(date, time).assume_utc())
}

/// Text of any ASN.1 character string used in names; `None` when it is not one or its octets are not valid text.
pub fn text(element: Tlv<'_>) -> Option<String> {
    let content = element.content();
    match element.tag() {
        tag::UTF8_STRING | tag::PRINTABLE_STRING | tag::IA5_STRING | 0x12 | 0x1a => {
            String::from_utf8(content.to_vec()).ok()
        }
        // TeletexString: in certificates always Latin-1 in practice.
        0x14 => Some(content.iter().map(|byte| char::from(*byte)).collect()),
        // BMPString and UniversalString: two and four octets a character, big-endian.
        0x1e => match content.as_chunks::<2>() {
            (units, []) => {
                String::from_utf16(&units.iter().map(|unit| u16::from_be_bytes(*unit)).collect::<Vec<_>>()).ok()
            }
            _ => None,
        },
        0x1c => match content.as_chunks::<4>() {
            (points, []) => points.iter().map(|point| char::from_u32(u32::from_be_bytes(*point))).collect(),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Reader, Rules};
    use super::*;
    use time::macros::datetime;

    fn element(bytes: &[u8]) -> Tlv<'_> {
        Reader::new(bytes, Rules::Der).next().expect("element")
    }

    fn time_of(tag: u8, text: &str) -> Option<OffsetDateTime> {
        let bytes = super::super::write::tlv(tag, text.as_bytes());
        time(element(&bytes)).ok()
    }

    #[test]
    fn two_digit_years_pivot_at_fifty() {
        assert_eq!(time_of(tag::UTC_TIME, "490102030405Z"), Some(datetime!(2049-01-02 03:04:05 UTC)));
        assert_eq!(time_of(tag::UTC_TIME, "500102030405Z"), Some(datetime!(1950-01-02 03:04:05 UTC)));
        assert_eq!(time_of(tag::GENERALIZED_TIME, "20500102030405Z"), Some(datetime!(2050-01-02 03:04:05 UTC)));
    }

    #[test]
    fn impossible_or_local_times_are_refused() {
        for text in ["991302030405Z", "990102030405", "990102030405+0700", "99010203040Z", "-90102030405Z", ""] {
            assert_eq!(time_of(tag::UTC_TIME, text), None, "{text}");
        }
    }

    #[test]
    fn bmp_string_reads_vietnamese() {
        let bytes = [0x1e, 0x04, 0x1e, 0x84, 0x00, 0x61];
        assert_eq!(text(element(&bytes)).as_deref(), Some("Ẅa"));
        assert_eq!(text(element(&[0x1e, 0x01, 0x41])), None);
    }

    #[test]
    fn negative_number_is_not_small() {
        assert_eq!(small(&[0x00, 0xff]), Ok(255));
        assert!(small(&[0xff]).is_err());
        assert!(small(&[1, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn key_usage_bits_are_left_aligned() {
        assert_eq!(named_bits(&[0x06, 0xc0]), Ok(0xc000));
        assert!(named_bits(&[0x08, 0xc0]).is_err());
        assert!(named_bits(&[]).is_err());
    }
}
