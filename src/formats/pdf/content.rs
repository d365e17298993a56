//! Where a content stream shows text and whether it paints areas (ISO 32000-1 §8, §9): enough to tell whether something
//! new on a page hides what was there. Nothing is drawn, fonts are not read, widths are estimated.

use super::lexer::{Lexer, Token};
use super::object::{Dict, Name, Object, Stream};
use super::pages::Page;
use super::reader::Pdf;

/// Operators of one page that are looked at; a dense map page has some 300,000.
const OPERATORS: usize = 1_000_000;
/// Nesting of form XObjects.
const DEPTH: usize = 6;
/// Width of an average character, in units of the font size.
const CHARACTER: f64 = 0.5;

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

    pub fn is_empty(&self) -> bool {
        self.right <= self.left || self.top <= self.bottom
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
}

/// Looks at the contents of a page. What cannot be decoded is left out.
pub fn page(pdf: &Pdf<'_>, page: &Page) -> Painted {
    let mut bytes = Vec::new();
    if let Some(contents) = page.dict.get("Contents").and_then(|c| pdf.resolve(c).ok()) {
        let parts = contents.as_array().unwrap_or(std::slice::from_ref(&*contents));
        for part in parts {
            let Ok(part) = pdf.resolve(part) else { continue };
            if let Some(Ok(decoded)) = part.as_stream().map(|stream| pdf.decode(stream)) {
                bytes.extend_from_slice(&decoded);
                bytes.push(b'\n');
            }
        }
    }
    let resources = page.attribute("Resources").and_then(|r| pdf.resolve(r).ok());
    let resources = resources.and_then(|r| r.as_dict().cloned()).unwrap_or_default();
    let mut scan = Scan { pdf, painted: Painted::default(), left: OPERATORS };
    scan.run(&bytes, &resources, Matrix::IDENTITY, 0);
    scan.painted
}

/// Looks at a form XObject, e.g. an appearance.
pub fn form(pdf: &Pdf<'_>, form: &Stream) -> Painted {
    let mut scan = Scan { pdf, painted: Painted::default(), left: OPERATORS };
    scan.form(form, &Dict::default(), Matrix::IDENTITY, 0);
    scan.painted
}

#[derive(Debug, Clone, Copy)]
struct Matrix([f64; 6]);

impl Matrix {
    const IDENTITY: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    fn translation(x: f64, y: f64) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y])
    }

    /// `self` applied first, then `next`.
    fn then(self, next: Self) -> Self {
        let ([a, b, c, d, e, f], [p, q, r, s, t, u]) = (self.0, next.0);
        Self([a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u])
    }

    fn point(self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + c * y + e, b * x + d * y + f)
    }
}

#[derive(Clone, Copy)]
struct State {
    ctm: Matrix,
    size: f64,
    leading: f64,
    visible: bool,
}

struct Scan<'p, 'a> {
    pdf: &'p Pdf<'a>,
    painted: Painted,
    left: usize,
}

impl Scan<'_, '_> {
    fn form(&mut self, form: &Stream, outer: &Dict, ctm: Matrix, depth: usize) {
        if depth > DEPTH {
            return;
        }
        let Ok(bytes) = self.pdf.decode(form) else {
            // Unknown content may hide anything.
            self.painted.areas = true;
            return;
        };
        let numbers = self.pdf.value(&form.dict, "Matrix").ok().flatten();
        let numbers = numbers.as_deref().and_then(Object::as_array).unwrap_or_default().iter();
        let numbers: Vec<f64> = numbers.filter_map(Object::as_number).collect();
        let matrix = numbers.try_into().map_or(Matrix::IDENTITY, Matrix);
        let own = self.pdf.value(&form.dict, "Resources").ok().flatten();
        let resources = own.as_deref().and_then(Object::as_dict).unwrap_or(outer);
        self.run(&bytes, resources, matrix.then(ctm), depth);
    }

    fn run(&mut self, bytes: &[u8], resources: &Dict, ctm: Matrix, depth: usize) {
        let mut text = Text { lexer: Lexer::new(bytes, 0), numbers: Vec::new(), name: None, shown: 0, in_array: false };
        let mut state = State { ctm, size: 0.0, leading: 0.0, visible: true };
        let mut saved = Vec::new();
        let (mut line, mut here) = (Matrix::IDENTITY, Matrix::IDENTITY);
        while let Some(operator) = text.operator() {
            let Some(left) = self.left.checked_sub(1) else { return };
            self.left = left;
            let n = |index: usize| text.numbers.get(index).copied().unwrap_or(0.0);
            let six = Matrix([n(0), n(1), n(2), n(3), n(4), n(5)]);
            match operator {
                b"q" if saved.len() < 1000 => saved.push(state),
                b"Q" => state = saved.pop().unwrap_or(state),
                b"cm" => state.ctm = six.then(state.ctm),
                b"BT" => (line, here) = (Matrix::IDENTITY, Matrix::IDENTITY),
                b"Tm" => (line, here) = (six, six),
                b"Tf" => state.size = n(0),
                b"TL" => state.leading = n(0),
                b"Tr" => state.visible = n(0) != 3.0,
                b"Td" | b"TD" => {
                    if operator == b"TD" {
                        state.leading = -n(1);
                    }
                    line = Matrix::translation(n(0), n(1)).then(line);
                    here = line;
                }
                b"T*" | b"'" | b"\"" => {
                    line = Matrix::translation(0.0, -state.leading).then(line);
                    here = line;
                }
                b"Do" => self.draw(text.name.as_ref(), resources, state.ctm, depth),
                b"f" | b"F" | b"f*" | b"B" | b"B*" | b"b" | b"b*" | b"sh" | b"BI" => self.painted.areas = true,
                _ => {}
            }
            if matches!(operator, b"Tj" | b"TJ" | b"'" | b"\"") {
                here = self.show(&text, state, here);
            }
            if operator == b"BI" {
                text.skip_inline_image();
            }
            text.clear();
        }
    }

    /// Notes shown text and returns the position after it.
    fn show(&mut self, text: &Text<'_>, state: State, here: Matrix) -> Matrix {
        let characters = f64::from(u32::try_from(text.shown).unwrap_or(u32::MAX));
        let width = characters * CHARACTER * state.size;
        let place = here.then(state.ctm);
        if state.visible && text.shown > 0 {
            self.painted.text.push(Rectangle::new(place.point(0.0, 0.0), place.point(width, state.size)));
        }
        Matrix::translation(width, 0.0).then(here)
    }

    fn draw(&mut self, name: Option<&Name>, resources: &Dict, ctm: Matrix, depth: usize) {
        let forms = self.pdf.value(resources, "XObject").ok().flatten();
        let object = forms.as_deref().and_then(Object::as_dict).zip(name).and_then(|(f, n)| f.get_name(n.as_bytes()));
        let object = object.and_then(|object| self.pdf.resolve(object).ok());
        let Some(stream) = object.as_deref().and_then(Object::as_stream) else { return };
        if stream.dict.get("Subtype").is_some_and(|s| s.is_name("Image")) {
            self.painted.areas = true;
        } else {
            self.form(stream, resources, ctm, depth + 1);
        }
    }
}

/// Operands up to the next operator.
struct Text<'b> {
    lexer: Lexer<'b>,
    numbers: Vec<f64>,
    name: Option<Name>,
    /// Bytes of text that are not blank.
    shown: usize,
    in_array: bool,
}

impl<'b> Text<'b> {
    fn operator(&mut self) -> Option<&'b [u8]> {
        loop {
            let before = self.lexer.pos();
            match self.lexer.token() {
                None => self.lexer.seek(before + 1),
                Some(Token::Eof) => return None,
                Some(Token::Keyword(keyword)) if !keyword.is_empty() => return Some(keyword),
                Some(Token::Integer(value)) if !self.in_array => self.number(Object::Integer(value)),
                Some(Token::Real(value)) if !self.in_array => self.number(Object::Real(value.into())),
                Some(Token::Name(name)) => self.name = Some(name),
                Some(Token::String(string)) if string.bytes.iter().any(|byte| !matches!(byte, 0 | b' ')) => {
                    self.shown = self.shown.saturating_add(string.bytes.len());
                }
                Some(Token::ArrayStart) => self.in_array = true,
                Some(Token::ArrayEnd) => self.in_array = false,
                Some(_) => {}
            }
        }
    }

    fn number(&mut self, object: Object) {
        // No operator takes more than six numbers.
        if self.numbers.len() == 6 {
            self.numbers.remove(0);
        }
        self.numbers.push(object.as_number().unwrap_or(0.0));
    }

    fn clear(&mut self) {
        self.numbers.clear();
        self.name = None;
        self.shown = 0;
        self.in_array = false;
    }

    /// Goes to after `EI`; inline images are a few kilobytes at most (§8.9.7).
    fn skip_inline_image(&mut self) {
        while let Some(byte) = self.lexer.peek() {
            if super::lexer::is_white(byte) {
                self.lexer.skip_white();
                if self.lexer.take(b"EI") && self.lexer.peek().is_none_or(super::lexer::is_white) {
                    return;
                }
            } else {
                self.lexer.seek(self.lexer.pos() + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::samples::Sample;
    use crate::formats::pdf::{Limits, pages};

    fn painted(content: &str) -> Painted {
        let stream = format!("<</Length {}>>stream\n{content}\nendstream", content.len());
        let page_dict = "<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>";
        let form_dict = "<</Subtype/Form/Matrix[1 0 0 1 100 0]/Length 21>>stream\nBT/F 10 Tf(ab)Tj ET q\nendstream";
        let file = Sample::new().object(3, page_dict).object(4, &stream).object(5, form_dict).finish();
        let pdf = Pdf::open(&file, &Limits::default()).unwrap();
        page(&pdf, &pages::first_page(&pdf).unwrap().unwrap())
    }

    #[test]
    fn text_is_found_where_matrices_put_it() {
        let text =
            painted("q 2 0 0 2 10 20 cm BT /F 10 Tf 1 0 0 1 5 5 Tm (abcd) Tj 0 -3 Td [(a) -100 (b)] TJ ET Q").text;
        assert_eq!(text, [Rectangle::new((20.0, 30.0), (60.0, 50.0)), Rectangle::new((20.0, 24.0), (40.0, 44.0))]);
    }

    #[test]
    fn forms_are_followed_and_areas_noticed() {
        let form = painted("1 0 0 1 0 50 cm /X Do");
        assert_eq!(form, Painted { text: vec![Rectangle::new((100.0, 50.0), (110.0, 60.0))], areas: false });
        assert!(painted("0 0 9 9 re f").areas && painted("BI /W 1 ID \x01 Q EI").areas);
        assert!(!painted("0 0 9 9 re S").areas);
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
