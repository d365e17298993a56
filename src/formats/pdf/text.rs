//! Text strings and dates (ISO 32000-1 §7.9.2, §7.9.4, Annex D.2).

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::object::PdfString;

/// PDFDocEncoding 0x80 to 0xa0, where it differs from Latin-1.
const PDF_DOC_HIGH: [char; 33] = [
    '\u{2022}', '\u{2020}', '\u{2021}', '\u{2026}', '\u{2014}', '\u{2013}', '\u{0192}', '\u{2044}', '\u{2039}',
    '\u{203a}', '\u{2212}', '\u{2030}', '\u{201e}', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}', '\u{201a}',
    '\u{2122}', '\u{fb01}', '\u{fb02}', '\u{0141}', '\u{0152}', '\u{0160}', '\u{0178}', '\u{017d}', '\u{0131}',
    '\u{0142}', '\u{0153}', '\u{0161}', '\u{017e}', '\u{fffd}', '\u{20ac}',
];

/// Encodes as PDFDocEncoding when the text is ASCII, else as UTF-16BE with byte order mark.
pub fn encode(text: &str) -> PdfString {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t')) {
        return PdfString::literal(text);
    }
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    PdfString::hex(units.flat_map(u16::to_be_bytes).collect::<Vec<u8>>())
}

/// Encodes as PDFDocEncoding; `None` when a character is not in it.
pub(super) fn encode_pdf_doc(text: &str) -> Option<Vec<u8>> {
    text.chars().map(pdf_doc_byte).collect()
}

fn pdf_doc_byte(letter: char) -> Option<u8> {
    let high = PDF_DOC_HIGH.iter().position(|known| *known == letter && letter != char::REPLACEMENT_CHARACTER);
    match high {
        Some(place) => u8::try_from(place).ok()?.checked_add(0x80),
        None => u8::try_from(u32::from(letter)).ok().filter(|byte| !(0x80..=0xa0).contains(byte)),
    }
}

/// Decodes a text string; what no encoding explains becomes U+FFFD.
pub fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        // Little-endian is not in the standard but written by some.
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => bytes.iter().map(|byte| pdf_doc(*byte)).collect(),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(unit);
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn pdf_doc(byte: u8) -> char {
    match byte.checked_sub(0x80).and_then(|high| PDF_DOC_HIGH.get(usize::from(high))) {
        Some(special) => *special,
        None => char::from(byte),
    }
}

/// `D:YYYYMMDDHHmmSSOHH'mm`, with the zone always written.
pub fn format_date(time: OffsetDateTime) -> String {
    let (hours, minutes, _) = time.offset().as_hms();
    let sign = if time.offset().is_negative() { '-' } else { '+' };
    let (date, clock) = (time.date(), time.time());
    format!(
        "D:{:04}{:02}{:02}{:02}{:02}{:02}{sign}{:02}'{:02}'",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second(),
        hours.unsigned_abs(),
        minutes.unsigned_abs()
    )
}

/// Reads a PDF date; everything after the year is optional, a missing zone is read as UTC.
pub fn parse_date(text: &str) -> Option<OffsetDateTime> {
    let text = text.strip_prefix("D:").unwrap_or(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count().min(14);
    let (clock, zone) = text.split_at_checked(digits)?;
    let part = |from: usize, to: usize, default: u8| match clock.get(from..to) {
        Some(digits) => digits.parse().ok(),
        None => (clock.len() <= from).then_some(default),
    };
    let year = clock.get(..4)?.parse().ok()?;
    let month = Month::try_from(part(4, 6, 1)?).ok()?;
    let date = Date::from_calendar_date(year, month, part(6, 8, 1)?).ok()?;
    let time = Time::from_hms(part(8, 10, 0)?, part(10, 12, 0)?, part(12, 14, 0)?).ok()?;
    Some(PrimitiveDateTime::new(date, time).assume_offset(parse_zone(zone)?))
}

fn parse_zone(zone: &str) -> Option<UtcOffset> {
    let sign = match zone.bytes().next() {
        None | Some(b'Z') => return Some(UtcOffset::UTC),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return None,
    };
    let digits: Vec<i8> =
        zone.bytes().skip(1).filter(u8::is_ascii_digit).filter_map(|b| i8::try_from(b - b'0').ok()).collect();
    match *digits.as_slice() {
        [a, b] => UtcOffset::from_hms(sign * (a * 10 + b), 0, 0).ok(),
        [a, b, c, d] => UtcOffset::from_hms(sign * (a * 10 + b), sign * (c * 10 + d), 0).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn vietnamese_names_come_back() {
        let encoded = encode("Nguyễn Văn An");
        assert_eq!(encoded.bytes.get(..4), Some(&[0xfe, 0xff, 0, b'N'][..]));
        assert_eq!(decode(&encoded.bytes), "Nguyễn Văn An");
        assert_eq!(encode("An").bytes, b"An");
        assert_eq!(decode(b"\x80\xe9"), "\u{2022}é");
    }

    #[test]
    fn dates_keep_their_zone() {
        let time = datetime!(2026-01-02 03:04:05 +07:00);
        assert_eq!(format_date(time), "D:20260102030405+07'00'");
        assert_eq!(parse_date("D:20260102030405+07'00'"), Some(time));
        assert_eq!(parse_date("D:20260102030405-0330"), Some(datetime!(2026-01-02 03:04:05 -03:30)));
        assert_eq!(parse_date("D:2026"), Some(datetime!(2026-01-01 0:00 UTC)));
    }

    #[test]
    fn impossible_dates_are_none() {
        for text in ["", "D:", "D:20261302", "D:20260102250000Z", "D:20260102030405+99'00", "D:202601020", "gestern"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
