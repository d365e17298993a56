//! What the appearance of a form field reads (ISO 32000-1 §12.7.3.3), for comparing it with the field's value.
//!
//! Only what an appearance made from a value consists of is understood: text in one piece of the form, a background, a frame and
//! dividers. Anything else (pictures, curves, layers, patterns, glyphs over each other) makes the face unreadable: it may show what no
//! reader of text finds. Shapes of glyphs are not looked at: an embedded font could draw anything for a letter.

use unicode_normalization::char::canonical_combining_class;

use super::super::lexer::{Lexer, Token};
use super::super::object::{Dict, Name, Object, Stream};
use super::super::reader::Pdf;
use super::Rectangle;
use super::font::{Font, Fonts};
use super::letters::{decomposed, ordered};
use super::scan::{Matrix, Piece, Scan, Shown, Sink, State, Subpath};

/// Characters of one appearance; a page-filling field has some 5,000.
const GLYPHS: usize = 20_000;
/// Part of the field's width or height that frames, backgrounds and dividers span at least.
const SPAN: f64 = 0.8;
/// Corners of one of them: a bevelled frame has six.
const CORNERS: usize = 8;
/// Difference of luminance from which text can be read.
const CONTRAST: f64 = 0.15;
/// Least height of a glyph beside the tallest one, and least advance in units of its size.
const SMALL: f64 = 0.5;
const ADVANCE: f64 = 0.08;
/// Width of lines, in points, that hide text.
const HIDING: f64 = 5.0;
/// Opacity below which text is not seen.
const FAINT: f64 = 0.2;

/// What an appearance reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Face {
    /// Its characters made comparable, as by [`letters`].
    Text {
        text: String,
        /// Further characters lie outside the field; those inside fill it.
        cut: bool,
    },
    /// It draws what cannot be read as text.
    Unreadable,
}

/// `text` decomposed and without blanks.
pub fn letters(text: &str) -> String {
    ordered(decomposed(text, 0).collect()).into_iter().map(|(letter, _)| letter).collect()
}

/// Reads the appearance. `resources` are the form's default resources, `colours` the field's /DA: text in the colour the field was
/// given is read whatever lies below it. `turned` says that the field was laid out turned (/R of its /MK).
pub fn read(pdf: &Pdf<'_>, appearance: &Stream, resources: &Dict, colours: &[u8], turned: bool) -> Face {
    let bounds = appearance.dict.get("BBox").and_then(|bounds| Rectangle::read(pdf, bounds));
    let Some(bounds) = bounds.filter(|bounds| !bounds.is_empty()) else { return Face::nothing() };
    let sink = Reader {
        bounds,
        given: luminance(colours),
        background: None,
        glyphs: Vec::new(),
        fonts: Fonts::default(),
        cut: false,
        lines: 0.0,
        unreadable: !turned && !Matrix::of(pdf, appearance).is_upright(),
    };
    let mut scan = Scan::new(pdf, sink);
    scan.form(&placed(pdf, appearance, resources), resources, Matrix::IDENTITY, 0);
    scan.sink.finish()
}

/// The appearance without its /Matrix, which moves the form and its box alike, and with the form's fonts where it has none.
fn placed(pdf: &Pdf<'_>, appearance: &Stream, resources: &Dict) -> Stream {
    let mut placed = appearance.clone();
    placed.dict.remove("Matrix");
    let own = pdf.value(&appearance.dict, "Resources").ok().flatten();
    let mut own = own.as_deref().and_then(Object::as_dict).cloned().unwrap_or_default();
    if let Some(fonts) = resources.get("Font").filter(|_| !own.contains("Font")) {
        own.set("Font", fonts.clone());
        placed.dict.set("Resources", Object::Dict(own));
    }
    placed
}

impl Face {
    /// An appearance without text.
    pub fn nothing() -> Self {
        Self::Text { text: String::new(), cut: false }
    }
}

/// Luminance of the last colour a default appearance sets.
fn luminance(default_appearance: &[u8]) -> Option<f64> {
    let mut lexer = Lexer::new(default_appearance, 0);
    let (mut numbers, mut found) = (Vec::new(), None);
    loop {
        let before = lexer.pos();
        match lexer.token() {
            None => lexer.seek(before + 1),
            Some(Token::Eof) => return found,
            Some(Token::Integer(value)) => numbers.extend(Object::Integer(value).as_number()),
            Some(Token::Real(value)) => numbers.extend(Object::Real(value.into()).as_number()),
            Some(Token::Keyword(operator)) => {
                if matches!(operator, b"g" | b"rg" | b"k") {
                    found = Some(super::scan::luminance(&numbers));
                }
                numbers.clear();
            }
            Some(_) => numbers.clear(),
        }
    }
}

struct Glyph {
    /// Decomposed, without blanks; never empty.
    letters: Vec<(char, usize)>,
    area: Rectangle,
}

impl Glyph {
    fn height(&self) -> f64 {
        self.area.top - self.area.bottom
    }

    /// An accent that is a glyph of its own stays where the letter is.
    fn is_accent(&self) -> bool {
        self.letters.first().is_some_and(|(letter, _)| canonical_combining_class(*letter) != 0)
    }
}

struct Reader {
    bounds: Rectangle,
    given: Option<f64>,
    /// Luminance of the background, once one is painted.
    background: Option<f64>,
    glyphs: Vec<Glyph>,
    fonts: Fonts<Option<Font>>,
    cut: bool,
    /// Width of all lines drawn after text, together.
    lines: f64,
    unreadable: bool,
}

impl Reader {
    fn finish(self) -> Face {
        let tallest = self.glyphs.iter().map(Glyph::height).fold(0.0, f64::max);
        let small = self.glyphs.iter().any(|glyph| glyph.height() < SMALL * tallest);
        let count = self.glyphs.len();
        let (width, lines) = (self.bounds.right - self.bounds.left, lines(self.glyphs));
        // What is cut off must be what did not fit.
        let filled = |line: &Vec<Glyph>| {
            let left = line.iter().map(|glyph| glyph.area.left).fold(f64::INFINITY, f64::min);
            let right = line.iter().map(|glyph| glyph.area.right).fold(f64::NEG_INFINITY, f64::max);
            right - left >= SPAN * width
        };
        let sparse = self.cut && (count < CORNERS || !lines.iter().any(filled));
        if self.unreadable || small || sparse || lines.iter().any(|line| is_overlaid(line)) {
            return Face::Unreadable;
        }
        let letters = lines.into_iter().flatten().flat_map(|glyph| glyph.letters).collect();
        Face::Text { text: ordered(letters).into_iter().map(|(letter, _)| letter).collect(), cut: self.cut }
    }

    /// Whether text in this colour is seen on what was painted so far.
    fn is_seen(&self, state: &State) -> bool {
        let given = self.given.is_some_and(|given| (given - state.luminance).abs() < f64::EPSILON);
        let contrast = (self.background.unwrap_or(1.0) - state.luminance).abs() >= CONTRAST;
        state.visible && state.opacity >= FAINT && (contrast || (given && self.background.is_none()))
    }
}

/// Glyphs from top to bottom and left to right: lines begin where a glyph lies below the middle of the line before.
fn lines(mut glyphs: Vec<Glyph>) -> Vec<Vec<Glyph>> {
    glyphs.sort_by(|a, b| b.area.bottom.total_cmp(&a.area.bottom));
    let mut lines: Vec<Vec<Glyph>> = Vec::new();
    for glyph in glyphs {
        let same = |first: &Glyph| first.area.bottom - glyph.area.bottom < first.height() / 2.0;
        match lines.last_mut().filter(|line| line.first().is_some_and(same)) {
            Some(line) => line.push(glyph),
            None => lines.push(vec![glyph]),
        }
    }
    lines.iter_mut().for_each(|line| line.sort_by(|a, b| a.area.left.total_cmp(&b.area.left)));
    lines
}

/// Whether letters of the line lie over each other.
fn is_overlaid(line: &[Glyph]) -> bool {
    let letters: Vec<&Glyph> = line.iter().filter(|glyph| !glyph.is_accent()).collect();
    letters.windows(2).any(|pair| match pair {
        [one, next] => next.area.left - one.area.left < ADVANCE * one.height(),
        _ => false,
    })
}

impl Sink for Reader {
    fn area(&mut self) {}

    /// Lines over text hide it when they are wide or many.
    fn line(&mut self, width: f64) {
        if !self.glyphs.is_empty() {
            self.lines += width;
            self.unreadable |= self.lines > HIDING;
        }
    }

    fn font(&mut self, pdf: &Pdf<'_>, resources: &Dict, name: &Name) -> Option<usize> {
        self.fonts.find(pdf, resources, name, |dict| {
            // Glyphs of a Type 3 font are content streams (§9.6.5).
            let drawn = dict.get("Subtype").is_some_and(|kind| kind.is_name("Type3"));
            (!drawn).then(|| Font::read_as_drawn(pdf, dict))
        })
    }

    fn show(&mut self, shown: &Shown, state: &State, place: Matrix) -> f64 {
        let font = state.font.and_then(|font| self.fonts.get(font)).and_then(Option::as_ref);
        let Some(font) = font else {
            self.unreadable |= shown.pieces.iter().any(|piece| matches!(piece, Piece::Codes(_)));
            return 0.0;
        };
        let seen = self.is_seen(state);
        let upright = place.is_upright();
        let field = state.clip.map_or(self.bounds, |clip| clip.common(&self.bounds));
        let (glyphs, moved) = font.glyphs(shown, state, place);
        for (text, area) in glyphs.into_iter().filter(|_| seen) {
            let letters: Vec<(char, usize)> = decomposed(text, 0).collect();
            if !field.holds((area.left + area.right) / 2.0, (area.bottom + area.top) / 2.0) {
                self.cut |= !letters.is_empty();
                continue;
            }
            // A code whose meaning is not known is some glyph all the same.
            self.unreadable |= text.is_empty() || state.patterned || !upright || self.glyphs.len() >= GLYPHS;
            if !letters.is_empty() && self.glyphs.len() < GLYPHS {
                self.glyphs.push(Glyph { letters, area });
            }
        }
        moved
    }

    fn path(&mut self, parts: &[Subpath], filled: bool, state: &State) {
        let (width, height) = (self.bounds.right - self.bounds.left, self.bounds.top - self.bounds.bottom);
        for part in parts {
            let inside = part.bounds.common(&self.bounds);
            let spans = inside.right - inside.left >= SPAN * width || inside.top - inside.bottom >= SPAN * height;
            self.unreadable |= part.curved || part.points > CORNERS || !spans;
            if filled && state.opacity >= FAINT {
                // It hides what was written before.
                self.unreadable |= self.glyphs.iter().any(|glyph| glyph.area.overlaps(&part.bounds));
                // A frame has more corners.
                if part.points <= 5 {
                    self.background = Some(state.luminance);
                }
            }
        }
    }

    fn unclear(&mut self) {
        self.unreadable = true;
    }
}
