//! Encodings of simple fonts (ISO 32000-1 Annex D): codes and glyph names to characters.

use unicode_normalization::UnicodeNormalization;

/// WinAnsiEncoding 0x80 to 0x9f, where it differs from Latin-1.
const WIN_ANSI: &str = "\u{20ac}\u{2022}\u{201a}\u{192}\u{201e}\u{2026}\u{2020}\u{2021}\u{2c6}\u{2030}\u{160}\u{2039}\u{152}\u{2022}\u{17d}\u{2022}\u{2022}\u{2018}\u{2019}\u{201c}\u{201d}\u{2022}\u{2013}\u{2014}\u{2dc}\u{2122}\u{161}\u{203a}\u{153}\u{2022}\u{17e}\u{178}";
/// MacRomanEncoding 0x80 to 0xff.
const MAC_ROMAN: &str = "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{f8ff}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ";

/// The table a simple font starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    /// Also what stands for StandardEncoding: both agree where a document's words are.
    WinAnsi,
    MacRoman,
}

impl Base {
    pub fn character(self, code: u8) -> char {
        let nth = |table: &str, from: u8| table.chars().nth(usize::from(code - from));
        match (self, code) {
            (Self::WinAnsi, 0x80..=0x9f) => nth(WIN_ANSI, 0x80).unwrap_or('\u{fffd}'),
            (Self::MacRoman, 0x80..) => nth(MAC_ROMAN, 0x80).unwrap_or('\u{fffd}'),
            _ => char::from(code),
        }
    }
}

/// Names of accents as the Adobe Glyph List puts them after a letter's name.
const ACCENTS: [(&str, char); 11] = [
    ("grave", '\u{300}'),
    ("acute", '\u{301}'),
    ("circumflex", '\u{302}'),
    ("tilde", '\u{303}'),
    ("breve", '\u{306}'),
    ("dieresis", '\u{308}'),
    ("hookabove", '\u{309}'),
    ("horn", '\u{31b}'),
    ("dotbelow", '\u{323}'),
    ("cedilla", '\u{327}'),
    ("caron", '\u{30c}'),
];
const NAMES: [(&str, char); 52] = [
    ("space", ' '),
    ("exclam", '!'),
    ("quotedbl", '"'),
    ("numbersign", '#'),
    ("dollar", '$'),
    ("percent", '%'),
    ("ampersand", '&'),
    ("quotesingle", '\''),
    ("parenleft", '('),
    ("parenright", ')'),
    ("asterisk", '*'),
    ("plus", '+'),
    ("comma", ','),
    ("hyphen", '-'),
    ("period", '.'),
    ("slash", '/'),
    ("zero", '0'),
    ("one", '1'),
    ("two", '2'),
    ("three", '3'),
    ("four", '4'),
    ("five", '5'),
    ("six", '6'),
    ("seven", '7'),
    ("eight", '8'),
    ("nine", '9'),
    ("colon", ':'),
    ("semicolon", ';'),
    ("less", '<'),
    ("equal", '='),
    ("greater", '>'),
    ("question", '?'),
    ("at", '@'),
    ("bracketleft", '['),
    ("backslash", '\\'),
    ("bracketright", ']'),
    ("underscore", '_'),
    ("braceleft", '{'),
    ("bar", '|'),
    ("braceright", '}'),
    ("dcroat", 'đ'),
    ("Dcroat", 'Đ'),
    ("dong", '₫'),
    ("quoteleft", '‘'),
    ("quoteright", '’'),
    ("quotedblleft", '“'),
    ("quotedblright", '”'),
    ("endash", '–'),
    ("emdash", '—'),
    ("ellipsis", '…'),
    ("fi", 'ﬁ'),
    ("fl", 'ﬂ'),
];

/// The character of a glyph name: `uniXXXX`, a name of the Adobe Glyph List, or a letter with accents.
pub(super) fn glyph_name(name: &str) -> Option<char> {
    let name = name.split('.').next()?;
    let hex = |digits: &str| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
    let known = NAMES.iter().find(|(known, _)| *known == name).map(|(_, character)| *character);
    let coded = || name.strip_prefix("uni").filter(|d| d.len() == 4).or_else(|| name.strip_prefix('u')).and_then(hex);
    known.or_else(|| letter(name)).or_else(coded)
}

/// `Acircumflexacute` is A with both.
fn letter(name: &str) -> Option<char> {
    let mut characters = name.chars();
    let base = characters.next().filter(char::is_ascii_alphabetic)?;
    let mut rest = characters.as_str();
    let mut composed = String::from(base);
    while !rest.is_empty() {
        let (accent, mark) = ACCENTS.iter().find(|(accent, _)| rest.starts_with(accent))?;
        composed.push(*mark);
        rest = rest.strip_prefix(accent)?;
    }
    let mut composed = composed.nfc();
    composed.next().filter(|_| composed.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_vietnamese_letters_are_composed() {
        let names = ["Acircumflexacute", "uhorndotbelow", "dcroat", "uni1EC7", "u1EC7", "a", "space", "ohorn", "e.alt"];
        let read: String = names.iter().filter_map(|name| glyph_name(name)).collect();
        assert_eq!(read, "Ấựđệệa ơe");
        assert_eq!((glyph_name("g123"), glyph_name(".notdef"), glyph_name("")), (None, None, None));
    }

    #[test]
    fn both_tables_are_complete() {
        assert_eq!((WIN_ANSI.chars().count(), MAC_ROMAN.chars().count()), (32, 128));
        assert_eq!((Base::WinAnsi.character(0x93), Base::MacRoman.character(0x8e)), ('“', 'é'));
        assert_eq!(Base::WinAnsi.character(0xc0), 'À');
    }
}
