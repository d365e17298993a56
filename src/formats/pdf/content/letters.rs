//! Text made comparable: however its accents were written and its blanks fall.

use unicode_normalization::char::{canonical_combining_class, decompose_compatible};

/// The characters of `text`, decomposed, blanks left out.
pub(super) fn decomposed(text: &str, glyph: usize) -> impl Iterator<Item = (char, usize)> {
    let mut characters = Vec::new();
    for character in text.chars() {
        decompose_compatible(character, |part| characters.push((part, glyph)));
    }
    let blank = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{ad}' | '\u{200b}');
    characters.into_iter().filter(move |(character, _)| !blank(*character))
}

/// Accents of one letter in canonical order, which single glyphs of a page need not keep.
pub(super) fn ordered(mut characters: Vec<(char, usize)>) -> Vec<(char, usize)> {
    characters
        .chunk_by_mut(|_, next| canonical_combining_class(next.0) != 0)
        .for_each(|letter| letter.sort_by_key(|(character, _)| canonical_combining_class(*character)));
    characters
}
