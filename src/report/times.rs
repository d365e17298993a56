//! Moments and numbers as people read them: in Vietnamese on Viet Nam's clocks, in English with the zone they came with.

use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset};
use time::{OffsetDateTime, UtcOffset};

use crate::validation::report::Language;

/// Date, time and zone.
pub fn moment(time: OffsetDateTime, language: Language) -> String {
    let viet_nam = format_description!("[hour]:[minute]:[second] [day]/[month]/[year] (giờ Việt Nam)");
    let zoned = format_description!(
        "[day]/[month]/[year] [hour]:[minute]:[second] [offset_hour sign:mandatory]:[offset_minute]"
    );
    match language {
        Language::Vietnamese => time.to_offset(offset!(+7)).format(&viet_nam),
        Language::English => time.format(&zoned),
    }
    .unwrap_or_default()
}

/// The date alone.
pub fn date(time: OffsetDateTime, language: Language) -> String {
    let date = format_description!("[day]/[month]/[year]");
    let time = match language {
        Language::Vietnamese => time.to_offset(offset!(+7)),
        Language::English => time,
    };
    time.format(&date).unwrap_or_default()
}

/// Month and year.
pub fn month(time: OffsetDateTime) -> String {
    time.format(format_description!("[month]/[year]")).unwrap_or_default()
}

/// A number with its thousands told apart: 64.897 in Vietnamese, 64,897 in English.
pub fn number(number: usize, language: Language) -> String {
    let separator = match language {
        Language::Vietnamese => '.',
        Language::English => ',',
    };
    let digits = number.to_string();
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && digits.len().saturating_sub(position).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(digit);
    }
    out
}

/// How a moment stands in the engine's details: `2026-05-01 0:00:00.0 +00:00:00`.
const RAW: &[BorrowedFormatItem<'_>] = format_description!(
    "[year]-[month]-[day] [hour padding:none]:[minute]:[second].[subsecond] [offset_hour sign:mandatory]:[offset_minute]:[offset_second]"
);

/// The text with its raw moments written for people.
pub fn humanised(text: &str, language: Language) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    let mut rest = words.as_slice();
    while let Some((first, others)) = rest.split_first() {
        match raw_moment(rest) {
            Some((before, time, after)) => {
                out.push(format!("{before}{}{after}", moment(time.to_offset(UtcOffset::UTC), language)));
                rest = rest.get(3..).unwrap_or_default();
            }
            None => {
                out.push((*first).to_owned());
                rest = others;
            }
        }
    }
    out.join(" ")
}

/// A moment in the next three words, with what clings to them.
fn raw_moment<'t>(words: &[&'t str]) -> Option<(&'t str, OffsetDateTime, &'t str)> {
    let [date, clock, zone] = words.get(..3)? else { return None };
    let start = date.find(|c: char| c.is_ascii_digit())?;
    let end = zone.rfind(|c: char| c.is_ascii_digit())?.checked_add(1)?;
    let (before, date) = date.split_at_checked(start)?;
    let (zone, after) = zone.split_at_checked(end)?;
    let time = OffsetDateTime::parse(&format!("{date} {clock} {zone}"), RAW).ok()?;
    Some((before, time, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn thousands_are_told_apart() {
        assert_eq!([7, 1_000, 1_234_567].map(|n| number(n, Language::Vietnamese)), ["7", "1.000", "1.234.567"]);
        assert_eq!(number(64_897, Language::English), "64,897");
    }

    #[test]
    fn raw_moments_in_details_are_written_for_people() {
        let raw = datetime!(2026-05-01 0:00 UTC);
        let detail = format!("CN=An, {raw}; x ({raw})");
        assert_eq!(
            humanised(&detail, Language::Vietnamese),
            "CN=An, 07:00:00 01/05/2026 (giờ Việt Nam); x (07:00:00 01/05/2026 (giờ Việt Nam))"
        );
        assert_eq!(humanised("2026-05-01 is no moment", Language::English), "2026-05-01 is no moment");
    }
}
