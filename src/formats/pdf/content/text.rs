//! Words on a page and where they stand, for placing something beside them.
//!
//! Characters are compared after canonical decomposition and without blanks, so that a phrase is found however its accents
//! and its spaces were written. Text drawn as pictures or paths, and fonts that do not say what their codes mean, are not
//! found. Widths of the standard fonts without /Widths are estimated.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, decompose_compatible};

use super::super::object::{Dict, Name};
use super::super::pages::Page;
use super::super::reader::Pdf;
use super::Rectangle;
use super::font::Font;
use super::scan::{Matrix, Piece, Scan, Shown, Sink, State};

/// Characters of one page; a dense page of print has some 10,000.
const GLYPHS: usize = 400_000;
/// Fonts of one page.
const FONTS: usize = 1000;
/// How far letters reach above and below the baseline, in units of the font size.
const REACH: (f64, f64) = (0.75, -0.22);

/// The characters of one page.
#[derive(Default)]
pub struct PageText {
    /// Where each glyph stands, in the page's user space.
    glyphs: Vec<Rectangle>,
    /// Decomposed characters without blanks, each with its glyph.
    characters: Vec<(char, usize)>,
    fonts: Vec<Font>,
    /// Fonts by the text of what the resources say, so that each is read once.
    known: HashMap<Vec<u8>, usize>,
}

impl PageText {
    /// Reads a page. What cannot be decoded is left out.
    pub fn read(pdf: &Pdf<'_>, page: &Page) -> Self {
        Scan::page(pdf, page, Self::default())
    }

    /// Where `words` stand, in the order of the page's content; empty when they do not occur. An area reaches from the first
    /// to the last character on the line of the first.
    pub fn find(&self, words: &str) -> Vec<Rectangle> {
        let needle: Vec<(char, usize)> = decomposed(&words.nfc().collect::<String>(), 0).collect();
        let needle: String = ordered(needle).into_iter().map(|(character, _)| character).collect();
        if needle.is_empty() {
            return Vec::new();
        }
        let found = self.occurrences(ordered(self.characters.clone()), &needle);
        if found.is_empty() { self.occurrences(ordered(self.in_reading_order()), &needle) } else { found }
    }

    /// What stands on the page, line by line from the top, for reading. Compatibility characters are told by their plain letters.
    pub fn lines(&self) -> String {
        let mut lines: Vec<Line> = Vec::new();
        let mut letters: Vec<(Rectangle, char)> = ordered(self.characters.clone())
            .into_iter()
            .filter_map(|(c, at)| Some((*self.glyphs.get(at)?, c)))
            .collect();
        let middle = |area: &Rectangle| f64::midpoint(area.top, area.bottom);
        letters.sort_by(|(a, _), (b, _)| middle(b).total_cmp(&middle(a)));
        for (area, character) in letters {
            let height = area.top - area.bottom;
            match lines.last_mut() {
                Some(line) if line.middle - middle(&area) < 0.5 * height.max(line.height) => {
                    line.letters.push((area, character));
                }
                _ => lines.push(Line { middle: middle(&area), height, letters: vec![(area, character)] }),
            }
        }
        let mut text = String::new();
        for line in &mut lines {
            line.write(&mut text);
        }
        text
    }

    fn occurrences(&self, characters: Vec<(char, usize)>, needle: &str) -> Vec<Rectangle> {
        let text: String = characters.iter().map(|(character, _)| *character).collect();
        let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let mut found = Vec::new();
        for (at, _) in text.match_indices(needle) {
            let (first, end) =
                (starts.partition_point(|s| *s < at), starts.partition_point(|s| *s < at + needle.len()));
            // An accent after the last letter makes it another letter.
            let continues = characters.get(end).is_some_and(|(next, _)| canonical_combining_class(*next) != 0);
            if let Some(span) = characters.get(first..end).filter(|_| !continues) {
                found.extend(self.area(span));
            }
        }
        found
    }

    fn area(&self, span: &[(char, usize)]) -> Option<Rectangle> {
        let glyphs = span.iter().filter_map(|(_, glyph)| self.glyphs.get(*glyph));
        glyphs.copied().reduce(|area, glyph| {
            let same_line = glyph.bottom < area.top && area.bottom < glyph.top;
            let same_column = glyph.left < area.right && area.left < glyph.right;
            if !same_line && !same_column {
                return area;
            }
            Rectangle::new(
                (area.left.min(glyph.left), area.bottom.min(glyph.bottom)),
                (area.right.max(glyph.right), area.top.max(glyph.top)),
            )
        })
    }

    /// Top to bottom, left to right: for text that was written in another order.
    fn in_reading_order(&self) -> Vec<(char, usize)> {
        let mut characters = self.characters.clone();
        let key = |glyph: usize| self.glyphs.get(glyph).map_or((0.0, 0.0), |r| (-r.bottom.round(), r.left));
        characters.sort_by(|a, b| {
            let (a, b) = (key(a.1), key(b.1));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        characters
    }

    fn glyph(&mut self, text: &str, area: Rectangle) {
        if self.glyphs.len() >= GLYPHS {
            return;
        }
        let index = self.glyphs.len();
        self.glyphs.push(area);
        self.characters.extend(decomposed(text, index).take(8));
    }
}

/// Letters that stand side by side.
struct Line {
    middle: f64,
    height: f64,
    letters: Vec<(Rectangle, char)>,
}

impl Line {
    /// A gap wider than this, in units of the letters' height, is a blank.
    const BLANK: f64 = 0.15;

    fn write(&mut self, text: &mut String) {
        // Stable: the parts of one letter stay together.
        self.letters.sort_by(|(a, _), (b, _)| a.left.total_cmp(&b.left));
        let (mut line, mut reached) = (String::new(), f64::INFINITY);
        for (area, character) in &self.letters {
            if area.left - reached > Self::BLANK * (area.top - area.bottom)
                && canonical_combining_class(*character) == 0
            {
                line.push(' ');
            }
            line.push(*character);
            reached = if reached.is_finite() { reached.max(area.right) } else { area.right };
        }
        text.extend(line.nfc());
        text.push('\n');
    }
}

/// The characters of `text`, decomposed, blanks left out.
fn decomposed(text: &str, glyph: usize) -> impl Iterator<Item = (char, usize)> {
    let mut characters = Vec::new();
    for character in text.chars() {
        decompose_compatible(character, |part| characters.push((part, glyph)));
    }
    let blank = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{ad}' | '\u{200b}');
    characters.into_iter().filter(move |(character, _)| !blank(*character))
}

/// Accents of one letter in canonical order, which single glyphs of a page need not keep.
fn ordered(mut characters: Vec<(char, usize)>) -> Vec<(char, usize)> {
    characters
        .chunk_by_mut(|_, next| canonical_combining_class(next.0) != 0)
        .for_each(|letter| letter.sort_by_key(|(character, _)| canonical_combining_class(*character)));
    characters
}

impl Sink for PageText {
    fn area(&mut self) {}

    fn line(&mut self, _: f64) {}

    fn font(&mut self, pdf: &Pdf<'_>, resources: &Dict, name: &Name) -> Option<usize> {
        let fonts = pdf.value(resources, "Font").ok()??;
        let font = fonts.as_dict()?.get_name(name.as_bytes())?;
        let key = font.to_bytes();
        if let Some(known) = self.known.get(&key) {
            return Some(*known);
        }
        let dict = pdf.resolve(font).ok()?;
        let dict = dict.as_dict().filter(|_| self.fonts.len() < FONTS)?;
        self.fonts.push(Font::read(pdf, dict));
        self.known.insert(key, self.fonts.len() - 1);
        Some(self.fonts.len() - 1)
    }

    fn show(&mut self, shown: &Shown, state: &State, place: Matrix) -> f64 {
        let Some(font) = state.font.filter(|font| *font < self.fonts.len()) else { return 0.0 };
        let mut glyphs = Vec::new();
        let mut at = 0.0;
        for piece in &shown.pieces {
            match piece {
                Piece::Move(thousandths) => at -= thousandths / 1000.0 * state.size * state.scale,
                Piece::Codes(bytes) => {
                    for code in self.fonts.get(font).into_iter().flat_map(|font| font.codes(bytes)) {
                        let width = code.width / 1000.0 * state.size * state.scale;
                        let low = place.point(at, state.rise + REACH.1 * state.size);
                        let high = place.point(at + width, state.rise + REACH.0 * state.size);
                        if state.visible && !code.text.is_empty() {
                            glyphs.push((code.text.to_owned(), Rectangle::new(low, high)));
                        }
                        let word = if code.is_space { state.word_spacing } else { 0.0 };
                        at += width + (state.character_spacing + word) * state.scale;
                    }
                }
            }
        }
        glyphs.into_iter().for_each(|(text, area)| self.glyph(&text, area));
        at
    }
}

impl std::fmt::Debug for PageText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PageText({} glyphs)", self.glyphs.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::samples::Sample;
    use crate::formats::pdf::{Limits, pages};

    /// A page whose font F is composite with a ToUnicode of its own, and G a simple one.
    fn page_with(content: &str) -> Vec<u8> {
        let stream = |dict: &str, body: &str| format!("<<{dict}/Length {}>>stream\n{body}\nendstream", body.len());
        let map = "1 begincodespacerange <0000> <ffff> endcodespacerange 4 beginbfchar <0001> <004B> <0002> <00FD>
            <0003> <0302> <0004> <0323> endbfchar 1 beginbfrange <0041> <005a> <0061> endbfrange";
        let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R/G 8 0 R>>
            /XObject<</X 9 0 R>>>>>>";
        Sample::new()
            .object(3, page)
            .object(4, &stream("", content))
            .object(5, "<</Type/Font/Subtype/Type0/Encoding/Identity-H/DescendantFonts[6 0 R]/ToUnicode 7 0 R>>")
            .object(6, "<</Type/Font/Subtype/CIDFontType2/DW 1000/W[1[500 600] 65 90 400]>>")
            .object(7, &stream("", map))
            .object(8, "<</Type/Font/Subtype/TrueType/FirstChar 32/Widths[250 300]/Encoding<</Differences[128/ecircumflexdotbelow]>>>>")
            .object(9, &stream("/Subtype/Form/Matrix[1 0 0 1 100 0]", "BT /G 10 Tf (Form) Tj ET"))
            .finish()
    }

    fn found(content: &str, words: &str) -> Vec<Rectangle> {
        let file = page_with(content);
        let pdf = Pdf::open(&file, &Limits::default()).unwrap();
        PageText::read(&pdf, &pages::first_page(&pdf).unwrap().unwrap()).find(words)
    }

    #[test]
    fn words_are_found_however_blanks_and_pieces_fall() {
        let content = "BT /F 10 Tf 100 200 Td [<0001> -250 <0002>] TJ 50 0 Td <004200490054> Tj ET";
        let areas = found(content, "Ký   bit");
        let [area] = areas.as_slice() else { panic!("{areas:?}") };
        assert!((area.left - 100.0).abs() < 0.01 && (area.right - 162.0).abs() < 0.01, "{area:?}");
        assert!((area.bottom - 197.8).abs() < 0.01 && (area.top - 207.5).abs() < 0.01, "{area:?}");
    }

    #[test]
    fn accents_in_any_form_and_order_are_the_same_letter() {
        // e, circumflex, dot below as three glyphs; and one glyph by its name.
        assert_eq!(found("BT /F 10 Tf <0045> Tj <0003> Tj <0004> Tj ET", "ệ").len(), 1);
        assert_eq!(found("BT /G 10 Tf (vi\\200t) Tj ET", "việt").len(), 1);
        assert_eq!(found("BT /F 10 Tf <00450003> Tj ET", "e").len(), 0, "ê is not e");
    }

    #[test]
    fn every_occurrence_counts_also_inside_forms() {
        let content = "BT /G 10 Tf (Form Form) Tj ET /X Do";
        let areas = found(content, "Form");
        assert_eq!(areas.len(), 3);
        assert_eq!(areas.last().map(|area| area.left), Some(100.0));
        assert_eq!(found(content, "absent"), []);
        assert_eq!(found(content, "  "), []);
    }

    #[test]
    fn text_written_out_of_order_is_found_by_lines() {
        let content = "BT /G 10 Tf 1 0 0 1 80 500 Tm (sau) Tj 1 0 0 1 50 500 Tm (truoc) Tj ET";
        assert_eq!(found(content, "truoc sau").len(), 1);
    }

    #[test]
    fn lines_are_read_from_the_top_with_their_blanks_and_whole_letters() {
        let content = "BT /G 10 Tf 1 0 0 1 80 500 Tm (sau) Tj 1 0 0 1 50 500 Tm (truoc) Tj 1 0 0 1 50 700 Tm (dau) Tj ET \
                       BT /F 10 Tf 50 300 Td [<0001> -250 <0002>] TJ ET";
        let file = page_with(content);
        let pdf = Pdf::open(&file, &Limits::default()).unwrap();
        let lines = PageText::read(&pdf, &pages::first_page(&pdf).unwrap().unwrap()).lines();
        assert_eq!(lines, "dau\ntruoc sau\nK ý\n");
    }

    #[test]
    fn invisible_text_is_not_an_anchor() {
        assert_eq!(found("BT /G 10 Tf 3 Tr (hidden) Tj ET", "hidden"), []);
    }
}
