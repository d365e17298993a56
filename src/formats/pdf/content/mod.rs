//! Where a content stream shows text and whether it paints areas (ISO 32000-1 §8, §9).
//!
//! This file tells whether something new on a page hides what was there: of fonts, only `widths` are read.
//! `scan` walks the operators, `encoding`, `cmap` and `font` turn shown codes into characters; [`text`] finds words on
//! a page, [`mod@face`] says what a form field's appearance reads. Nothing is drawn.

mod cmap;
mod encoding;
pub mod face;
mod font;
mod letters;
mod scan;
#[cfg(feature = "appearance")]
pub mod text;
mod widths;

use super::lexer::{Lexer, Token};
use super::object::{Dict, Name, Object, Stream};
use super::pages::Page;
use super::reader::Pdf;
use font::Fonts;
use scan::{Matrix, Piece, Scan, Shown, Sink, State};
use widths::Widths;

/// Least width of a piece of text, in units of the font size: glyphs are there even where the file says they have no width.
const LEAST: f64 = 0.5;

/// An area in the coordinates of the page or form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rectangle {
    pub left: f64,
    pub bottom: f64,
    pub right: f64,
    pub top: f64,
}

impl Rectangle {
    /// The rectangle with these two corners, in any order.
    pub fn new(a: (f64, f64), b: (f64, f64)) -> Self {
        Self { left: a.0.min(b.0), bottom: a.1.min(b.1), right: a.0.max(b.0), top: a.1.max(b.1) }
    }

    /// Reads an array of four numbers, e.g. /Rect.
    pub fn read(pdf: &Pdf<'_>, array: &Object) -> Option<Self> {
        let array = pdf.resolve(array).ok()?;
        let items = array.as_array()?.iter();
        let numbers: Vec<f64> = items.map(|n| pdf.resolve(n).ok()?.as_number()).collect::<Option<_>>()?;
        let &[a, b, c, d] = numbers.as_slice() else { return None };
        Some(Self::new((a, b), (c, d)))
    }

    pub fn area(&self) -> f64 {
        (self.right - self.left) * (self.top - self.bottom)
    }

    pub fn is_empty(&self) -> bool {
        self.right <= self.left || self.top <= self.bottom
    }

    pub fn holds(&self, x: f64, y: f64) -> bool {
        (self.left..=self.right).contains(&x) && (self.bottom..=self.top).contains(&y)
    }

    /// The part that is in both; empty when there is none.
    pub fn common(&self, other: &Self) -> Self {
        Self {
            left: self.left.max(other.left),
            bottom: self.bottom.max(other.bottom),
            right: self.right.min(other.right),
            top: self.top.min(other.top),
        }
    }

    pub fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.bottom < other.top && other.bottom < self.top
    }
}

/// What a content stream shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Painted {
    /// Roughly where each piece of visible text stands.
    pub text: Vec<Rectangle>,
    /// True when something is filled or an image is drawn: what lies below may be hidden.
    pub areas: bool,
    /// Width of the widest line; 0 when none is drawn. A wide line is as good as an area.
    pub widest_line: f64,
}

/// Looks at the contents of a page. What cannot be decoded is left out.
pub fn page(pdf: &Pdf<'_>, page: &Page) -> Painted {
    Scan::page(pdf, page, Painter::default()).painted
}

/// Looks at a form XObject, e.g. an appearance.
pub fn form(pdf: &Pdf<'_>, form: &Stream) -> Painted {
    let mut scan = Scan::new(pdf, Painter::default());
    scan.form(form, &Dict::default(), Matrix::IDENTITY, 0);
    scan.sink.painted
}

/// Names a form XObject's content uses: of its resources, and of what else operators name.
pub fn names(pdf: &Pdf<'_>, form: &Stream) -> Vec<Name> {
    let bytes = pdf.decode(form).unwrap_or_default();
    let mut lexer = Lexer::new(&bytes, 0);
    let mut names = Vec::new();
    loop {
        let before = lexer.pos();
        match lexer.token() {
            None => lexer.seek(before + 1),
            Some(Token::Eof) => return names,
            Some(Token::Name(name)) => names.push(name),
            Some(_) => {}
        }
    }
}

/// Collects what is painted.
#[derive(Default)]
struct Painter {
    painted: Painted,
    fonts: Fonts<Widths>,
}

impl Sink for Painter {
    fn area(&mut self) {
        self.painted.areas = true;
    }

    fn line(&mut self, width: f64) {
        self.painted.widest_line = self.painted.widest_line.max(width);
    }

    fn font(&mut self, pdf: &Pdf<'_>, resources: &Dict, name: &Name) -> Option<usize> {
        let Self { painted, fonts } = self;
        fonts.find(pdf, resources, name, |dict| {
            // Its glyphs are content streams of their own (§9.6.5).
            painted.areas |= dict.get("Subtype").is_some_and(|kind| kind.is_name("Type3"));
            Widths::read(pdf, dict, None)
        })
    }

    fn show(&mut self, shown: &Shown, state: &State, place: Matrix) -> f64 {
        let unknown = Widths::unknown();
        let font = state.font.and_then(|font| self.fonts.get(font)).unwrap_or(&unknown);
        let mut at = 0.0;
        for piece in &shown.pieces {
            match piece {
                Piece::Move(thousandths) => at -= thousandths / 1000.0 * state.size * state.scale,
                Piece::Codes(bytes) => {
                    let from = at;
                    let mut blank = true;
                    for code in font.codes(bytes) {
                        blank &= matches!(code.number, 0 | 32);
                        let word = if code.is_space { state.word_spacing } else { 0.0 };
                        at += (code.width / 1000.0 * state.size + state.character_spacing + word) * state.scale;
                    }
                    let least = LEAST * state.size.abs();
                    let to = if (at - from).abs() < least { from + least } else { at };
                    if state.visible && !blank {
                        let (low, high) = (place.point(from, state.rise), place.point(to, state.rise + state.size));
                        self.painted.text.push(Rectangle::new(low, high));
                    }
                }
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::samples::Sample;
    use crate::formats::pdf::{Limits, pages};

    fn painted(content: &str) -> Painted {
        let stream = format!("<</Length {}>>stream\n{content}\nendstream", content.len());
        let page_dict = "<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>\
            /Font<</C<</Subtype/Type0/DescendantFonts[<</W[1[700]]>>]>>/Z<</FirstChar 97/Widths[0 0 0]>>>>>>>>";
        let form_dict = "<</Subtype/Form/Matrix[1 0 0 1 100 0]/Length 21>>stream\nBT/F 10 Tf(ab)Tj ET q\nendstream";
        let file = Sample::new().object(3, page_dict).object(4, &stream).object(5, form_dict).finish();
        let pdf = Pdf::open(&file, &Limits::default()).unwrap();
        page(&pdf, &pages::first_page(&pdf).unwrap().unwrap())
    }

    #[test]
    fn text_is_found_where_matrices_put_it() {
        let text =
            painted("q 2 0 0 2 10 20 cm BT /F 10 Tf 1 0 0 1 5 5 Tm (abcd) Tj 0 -3 Td [(a) -100 (b)] TJ ET Q").text;
        let expected = [((20.0, 30.0), (60.0, 50.0)), ((20.0, 24.0), (30.0, 44.0)), ((32.0, 24.0), (42.0, 44.0))];
        assert_eq!(text, expected.map(|(low, high)| Rectangle::new(low, high)));
    }

    #[test]
    fn text_is_as_wide_as_its_font_says_but_never_nothing() {
        let composite = "BT /C 10 Tf <00010001> Tj ET";
        assert_eq!(painted(composite).text, [Rectangle::new((0.0, 0.0), (14.0, 10.0))]);
        let flat = "BT /Z 10 Tf (abc) Tj ET";
        assert_eq!(painted(flat).text, [Rectangle::new((0.0, 0.0), (5.0, 10.0))]);
        let far = "BT /F 10 Tf [(a) -9500 (b)] TJ ET";
        assert_eq!(painted(far).text.get(1), Some(&Rectangle::new((100.0, 0.0), (105.0, 10.0))));
    }

    #[test]
    fn forms_are_followed_and_areas_noticed() {
        let form = painted("1 0 0 1 0 50 cm /X Do");
        assert_eq!(
            form,
            Painted { text: vec![Rectangle::new((100.0, 50.0), (110.0, 60.0))], areas: false, widest_line: 0.0 }
        );
        assert!(painted("0 0 9 9 re f").areas && painted("BI /W 1 ID \x01 Q EI").areas);
        assert!(!painted("0 0 9 9 re S").areas);
    }

    #[test]
    fn light_colour_that_multiplies_hides_nothing() {
        let page_dict =
            "<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</ExtGState<</M<</BM/Multiply>>/N<</BM/Normal>>>>>>>>";
        let areas = |content: &str| {
            let stream = format!("<</Length {}>>stream\n{content}\nendstream", content.len());
            let file = Sample::new().object(3, page_dict).object(4, &stream).finish();
            let pdf = Pdf::open(&file, &Limits::default()).unwrap();
            page(&pdf, &pages::first_page(&pdf).unwrap().unwrap()).areas
        };
        assert!(!areas("/M gs 1 1 0 rg 0 0 9 9 re f"));
        assert!(areas(&format!("/M gs 0.8 g {}", "0 0 9 9 re f ".repeat(9))), "many");
        assert!(areas("1 1 0 rg 0 0 9 9 re f") && areas("/M gs 0 0 1 rg 0 0 9 9 re f"), "plain, dark");
        assert!(
            areas("/M gs 1 1 0 rg /N gs 0 0 9 9 re f") && areas("/M gs /P scn 0 0 9 9 re f"),
            "taken back, pattern"
        );
    }

    #[test]
    fn widest_line_is_measured_on_the_page() {
        let widest = |content| painted(content).widest_line;
        assert_eq!([widest("0 0 9 9 re S"), widest("q 2 0 0 3 0 0 cm 5 w 0 0 m 9 0 l s Q")], [1.0, 15.0]);
        assert_eq!([widest("BT 2 Tr 7 w (a) Tj ET"), widest("BT 7 w (a) Tj ET")], [7.0, 0.0]);
    }

    #[test]
    fn blank_and_invisible_text_does_not_count() {
        assert_eq!(painted("BT /F 9 Tf (   ) Tj 3 Tr (hidden) Tj ET").text, []);
    }

    #[test]
    fn form_that_draws_itself_ends() {
        let form_dict = "<</Subtype/Form/Resources<</XObject<</X 5 0 R>>>>/Length 10>>stream\n/X Do /X Do\nendstream";
        let page_dict = "<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>";
        let file = Sample::new().object(3, page_dict).object(5, form_dict).finish();
        let pdf = Pdf::open(&file, &Limits::default()).unwrap();
        let object = pdf.get(crate::formats::pdf::ObjectId::new(5, 0)).unwrap();
        assert!(!form(&pdf, object.as_stream().unwrap()).areas);
    }
}
