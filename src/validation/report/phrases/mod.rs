//! The Vietnamese of what details say. As with gettext, the English text is the key: details stay plain text where they are
//! found, and programs read the same English whatever the language of the report.
//!
//! Reading order: [`vietnamese`], then the tables by where the texts come from: [`mod@changes`] (what happened to a PDF),
//! [`mod@formats`] (what readers of PDF, CMS and certificates complain of), [`mod@judgement`] (rules and reasons of the validation),
//! [`mod@composed`] (details that put such texts together). A test reads the sources and fails on a text no table has.
//!
//! In a phrase, `{}` stands for any text and is kept as it is (a name, a number), `{p}` for a text that is itself a phrase, `{a}` for
//! one that may be, `{n}` for digits, and `{c}` for a message's code, which becomes its sentence. Where several phrases fit, the one that says most
//! itself is meant: "object 7 has the key /V twice" is not some "object {}".

mod changes;
mod composed;
mod formats;
mod judgement;

use std::borrow::Cow;

use super::message::{Code, Language};

/// English and Vietnamese, with the same placeholders in the same order.
type Phrase = (&'static str, &'static str);

/// Longest detail that is looked at, in bytes: names of certificates fit many times over.
const MAX_DETAIL: usize = 2_048;
/// Most places where one separator is tried. Details have two or three; a hostile name may hold any number.
const MAX_SPLITS: usize = 4;
/// How deep details may stand in each other: a change, that something was replaced, by an array.
const MAX_DEPTH: usize = 3;

/// The detail in Vietnamese; what no phrase fits stays as it is.
pub fn vietnamese(detail: &str) -> Cow<'_, str> {
    translate(detail, MAX_DEPTH).map_or(Cow::Borrowed(detail), Cow::Owned)
}

/// Whether a text of the sources, placeholders written in any way, has its Vietnamese.
pub fn has(english: &str) -> bool {
    let wanted = bare(english);
    all().any(|(known, _)| bare(known) == wanted) || translate(&wanted.replace("{}", "1"), MAX_DEPTH).is_some()
}

/// Every phrase, for tests and documentation.
pub fn all() -> impl Iterator<Item = &'static Phrase> {
    composed::FIRST.iter().chain(composed::CHANGES).chain(simple()).chain(composed::LAST)
}

fn simple() -> impl Iterator<Item = &'static Phrase> {
    changes::TABLE.iter().chain(formats::TABLE).chain(judgement::TABLE)
}

/// The text with `{}` for every placeholder.
fn bare(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        out.push_str("{}");
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    out + rest
}

fn translate(text: &str, depth: usize) -> Option<String> {
    if text.len() > MAX_DETAIL {
        return None;
    }
    let composed = |table: &'static [Phrase]| {
        let below = depth.checked_sub(1)?;
        table.iter().find_map(|phrase| filled(phrase, text, below))
    };
    composed(composed::FIRST).or_else(|| closest(text, depth)).or_else(|| composed(composed::LAST))
}

/// Of the phrases that fit, the one with the most text of its own.
fn closest(text: &str, depth: usize) -> Option<String> {
    let own = |(english, _): &Phrase| bare(english).len();
    let fitting = |table: &'static [Phrase], depth: usize| {
        table.iter().filter_map(move |phrase| filled(phrase, text, depth).map(|told| (own(phrase), told)))
    };
    let changes = depth.checked_sub(1).map(|below| fitting(composed::CHANGES, below));
    let simple = [changes::TABLE, formats::TABLE, judgement::TABLE].into_iter();
    let simple = simple.flat_map(|table| fitting(table, 0));
    changes.into_iter().flatten().chain(simple).max_by_key(|(own, _)| *own).map(|(_, told)| told)
}

fn filled((english, vietnamese): &Phrase, text: &str, depth: usize) -> Option<String> {
    Some(fill(vietnamese, &fit(english, text, depth)?))
}

/// What stands at the placeholders when `text` has the form of `pattern`, already in Vietnamese.
fn fit(pattern: &str, text: &str, depth: usize) -> Option<Vec<String>> {
    let Some((literal, rest)) = pattern.split_once('{') else { return (pattern == text).then(Vec::new) };
    let text = text.strip_prefix(literal)?;
    let (kind, rest) = rest.split_once('}')?;
    let separator = rest.split('{').next().unwrap_or_default();
    if separator.len() == rest.len() {
        let value = text.strip_suffix(rest)?;
        return value_of(kind, value, depth).map(|value| vec![value]);
    }
    text.match_indices(separator).take(MAX_SPLITS).find_map(|(at, _)| {
        let (value, tail) = text.split_at_checked(at)?;
        let value = value_of(kind, value, depth)?;
        let mut values = fit(rest, tail, depth)?;
        values.insert(0, value);
        Some(values)
    })
}

fn value_of(kind: &str, value: &str, depth: usize) -> Option<String> {
    match kind {
        _ if value.is_empty() => None,
        "p" => translate(value, depth),
        "n" => value.bytes().all(|byte| byte.is_ascii_digit() || byte == b' ').then(|| value.to_owned()),
        "a" => Some(translate(value, depth).unwrap_or_else(|| value.to_owned())),
        "c" => Code::of(value).map(|code| code.sentence(Language::Vietnamese).to_owned()),
        _ => Some(value.to_owned()),
    }
}

fn fill(pattern: &str, values: &[String]) -> String {
    let mut out = String::new();
    let (mut rest, mut values) = (pattern, values.iter());
    while let Some((before, after)) = rest.split_once("{}") {
        out.push_str(before);
        out.push_str(values.next().map(String::as_str).unwrap_or_default());
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_a_phrase_have_the_same_placeholders_and_differ() {
        for (english, vietnamese) in all() {
            let count = |text: &str| bare(text).matches("{}").count();
            assert_eq!(count(english), count(vietnamese), "{english}");
            assert!(["{p}", "{a}", "{n}", "{c}"].iter().all(|kind| !vietnamese.contains(kind)), "{vietnamese}");
            let words = bare(english).replace("{}", "");
            let same_word = words.trim() == "bit" || !words.contains(char::is_alphabetic);
            assert!(english != vietnamese || same_word, "{english}");
        }
    }

    #[test]
    fn no_text_stands_in_the_tables_twice() {
        let mut seen = std::collections::HashSet::new();
        assert_eq!(all().filter(|(english, _)| !seen.insert(english)).count(), 0);
    }

    #[test]
    fn details_are_vietnamese_to_the_last_word() {
        for (english, expected) in [
            ("it is missing", "thiếu"),
            ("more than 9 parts of a name", "có hơn 9 thành phần của tên"),
            (
                "Root/Pages/Kids[0]/Contents: the content was changed (unexplained)",
                "Root/Pages/Kids[0]/Contents: nội dung đã bị thay đổi (unexplained)",
            ),
            (
                "Root/Pages/Kids: an array of 1 was replaced by an array of 0 (unexplained)",
                "Root/Pages/Kids: một mảng 1 phần tử đã bị thay bằng một mảng 0 phần tử (unexplained)",
            ),
            ("the PDF is damaged: the page tree loops (at byte 7)", "tệp PDF bị hỏng: cây trang lặp vòng (tại byte 7)"),
            (
                "Root/Pages/Count: 1 was replaced by 2 (unexplained)",
                "Root/Pages/Count: 1 đã bị thay bằng 2 (unexplained)",
            ),
            ("an array of 2 was added", "một mảng 2 phần tử đã được thêm"),
            ("a Square annotation was added", "một chú thích Square đã được thêm"),
            ("/Form was added", "/Form đã được thêm"),
            ("a signature was added", "một chữ ký đã được thêm"),
            ("object 7 0 has the key /V twice", "đối tượng 7 0 có khóa /V hai lần"),
            ("Root/A: object 7 0 was added (unexplained)", "Root/A: đối tượng 7 0 đã được thêm (unexplained)"),
            (
                "CN=An, O=Sở: Tư pháp (no CRL or OCSP response of its issuer)",
                "CN=An, O=Sở: Tư pháp (không có CRL hay phản hồi OCSP của tổ chức cấp)",
            ),
            (
                "revocation-missing CN=TSA (its CRL is out of date)",
                "không có thông tin thu hồi dùng được cho chứng thư: CN=TSA (CRL đã quá hạn)",
            ),
            ("CN=An", "CN=An"),
        ] {
            assert_eq!(vietnamese(english), expected, "{english}");
        }
    }

    #[test]
    fn names_full_of_separators_are_given_up_quickly() {
        let hostile = "a: b, c (d; e) ".repeat(130);
        let started = std::time::Instant::now();
        assert_eq!(vietnamese(&hostile), hostile);
        assert!(started.elapsed().as_millis() < 500, "{:?}", started.elapsed());
    }
}
