//! The walk over a content stream's operators, for whoever wants to know what is shown where.

use super::super::lexer::{Lexer, Token, is_white};
use super::super::object::{Dict, Name, Object, Stream};
use super::super::pages::Page;
use super::super::reader::Pdf;
use super::Rectangle;

/// Operators of one page that are looked at; a dense map page has some 300,000.
const OPERATORS: usize = 1_000_000;
/// Nesting of form XObjects.
const DEPTH: usize = 6;
/// Saved graphics states; honest files nest a few dozen.
const SAVED: usize = 1000;

/// What is told while a content stream is walked.
pub(super) trait Sink {
    /// Something is filled or an image is drawn.
    fn area(&mut self);
    /// A line this wide is drawn, in the coordinates of the page or form.
    fn line(&mut self, width: f64);
    /// A font is selected by its name in the resources; the answer comes back as [`State::font`].
    fn font(&mut self, pdf: &Pdf<'_>, resources: &Dict, name: &Name) -> Option<usize>;
    /// Text is shown at `place`; gives how far it moves on, in text space.
    fn show(&mut self, shown: &Shown, state: &State, place: Matrix) -> f64;
    /// A path is painted, filled if `filled`, in the coordinates of the page or form.
    fn path(&mut self, _parts: &[Subpath], _filled: bool, _state: &State) {}
    /// Something whose effect is not looked at: a picture, a shading, a layer viewers may hide (§8.11), clipping to glyphs or
    /// odd shapes, what cannot be decoded or goes beyond a limit.
    fn unclear(&mut self) {}
}

/// One piece of a path (§8.5.2).
#[derive(Debug, Clone, Copy)]
pub(super) struct Subpath {
    pub bounds: Rectangle,
    pub points: usize,
    pub curved: bool,
}

/// Pieces of one path that are kept; the frame and the dividers of a form field are some dozens.
const SUBPATHS: usize = 1000;

/// The path under construction.
#[derive(Default)]
struct Path {
    parts: Vec<Subpath>,
    cuts: bool,
}

impl Path {
    fn begin(&mut self, at: (f64, f64)) {
        if self.parts.len() < SUBPATHS {
            self.parts.push(Subpath { bounds: Rectangle::new(at, at), points: 1, curved: false });
        }
    }

    fn reach(&mut self, at: (f64, f64), curved: bool) {
        let Some(part) = self.parts.last_mut() else { return self.begin(at) };
        let b = part.bounds;
        part.bounds = Rectangle::new((b.left.min(at.0), b.bottom.min(at.1)), (b.right.max(at.0), b.top.max(at.1)));
        part.points += 1;
        part.curved |= curved;
    }

    fn operator(&mut self, operator: &[u8], n: &impl Fn(usize) -> f64, ctm: Matrix) {
        match operator {
            b"m" => self.begin(ctm.point(n(0), n(1))),
            b"l" => self.reach(ctm.point(n(0), n(1)), false),
            b"c" | b"v" | b"y" => {
                let last = if operator == b"c" { 4 } else { 2 };
                (0..=last).step_by(2).for_each(|at| self.reach(ctm.point(n(at), n(at + 1)), true));
            }
            b"re" => {
                let (x, y, width, height) = (n(0), n(1), n(2), n(3));
                self.begin(ctm.point(x, y));
                for (x, y) in [(x + width, y), (x + width, y + height), (x, y + height)] {
                    self.reach(ctm.point(x, y), false);
                }
            }
            b"W" | b"W*" => self.cuts = true,
            _ => {}
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix([f64; 6]);

impl Matrix {
    pub const IDENTITY: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    pub fn translation(x: f64, y: f64) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y])
    }

    /// /Matrix of a form XObject.
    pub fn of(pdf: &Pdf<'_>, form: &Stream) -> Self {
        let numbers = pdf.value(&form.dict, "Matrix").ok().flatten();
        let numbers = numbers.as_deref().and_then(Object::as_array).unwrap_or_default().iter();
        let numbers: Vec<f64> = numbers.filter_map(Object::as_number).collect();
        numbers.try_into().map_or(Self::IDENTITY, Self)
    }

    /// Whether it leaves text upright and unmirrored; oblique letters are.
    pub fn is_upright(self) -> bool {
        let [a, b, c, d, _, _] = self.0;
        a > 0.0 && d > 0.0 && b.abs() < 0.1 * a && c.abs() < d
    }

    /// `self` applied first, then `next`.
    pub fn then(self, next: Self) -> Self {
        let ([a, b, c, d, e, f], [p, q, r, s, t, u]) = (self.0, next.0);
        Self([a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u])
    }

    /// By how much lengths grow, in the direction that grows most.
    fn growth(self) -> f64 {
        let [a, b, c, d, _, _] = self.0;
        a.hypot(b).max(c.hypot(d))
    }

    pub fn point(self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + c * y + e, b * x + d * y + f)
    }
}

/// The part of the graphics state that places text (§9.3).
#[derive(Clone, Copy)]
pub(super) struct State {
    ctm: Matrix,
    pub size: f64,
    pub font: Option<usize>,
    pub character_spacing: f64,
    pub word_spacing: f64,
    /// Horizontal scaling, 1 for none.
    pub scale: f64,
    pub rise: f64,
    leading: f64,
    pub visible: bool,
    /// Line width, in the current user space.
    width: f64,
    /// The text rendering mode draws outlines.
    outlined: bool,
    blend: Blend,
    /// Luminance of the fill colour, 0 for black, for patterns and for what is not known.
    pub luminance: f64,
    /// The fill colour is a pattern.
    pub patterned: bool,
    /// Opacity of fills.
    pub opacity: f64,
    /// What is painted is cut to this.
    pub clip: Option<Rectangle>,
}

/// How what is painted mixes with what lies below (§11.3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blend {
    /// Darkens: black text stays readable under a light colour.
    Multiply,
    Other,
}

/// From this luminance on, text below multiplied areas can be read.
const LIGHT: f64 = 0.3;

impl State {
    fn new() -> Self {
        Self {
            ctm: Matrix::IDENTITY,
            blend: Blend::Other,
            luminance: 0.0,
            patterned: false,
            opacity: 1.0,
            clip: None,
            size: 0.0,
            font: None,
            character_spacing: 0.0,
            word_spacing: 0.0,
            scale: 1.0,
            rise: 0.0,
            leading: 0.0,
            visible: true,
            width: 1.0,
            outlined: false,
        }
    }

    fn line(&self) -> f64 {
        self.width.abs() * self.ctm.growth()
    }
}

/// A string, or a move between strings of `TJ` in thousandths of the font size.
pub(super) enum Piece {
    Codes(Vec<u8>),
    Move(f64),
}

/// The operands of a text-showing operator.
#[derive(Default)]
pub(super) struct Shown {
    pub pieces: Vec<Piece>,
}

pub(super) struct Scan<'p, 'a, S> {
    pdf: &'p Pdf<'a>,
    pub sink: S,
    left: usize,
    /// The graphics state a form begins with (§8.10.1).
    outer: State,
    /// What multiplied fills leave of the light, if all lie over each other.
    light: f64,
}

impl<'p, 'a, S: Sink> Scan<'p, 'a, S> {
    pub fn new(pdf: &'p Pdf<'a>, sink: S) -> Self {
        Self { pdf, sink, left: OPERATORS, outer: State::new(), light: 1.0 }
    }

    /// Walks the contents of a page. What cannot be decoded is left out.
    pub fn page(pdf: &'p Pdf<'a>, page: &Page, sink: S) -> S {
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
        let mut scan = Self::new(pdf, sink);
        scan.run(&bytes, &resources, Matrix::IDENTITY, 0);
        scan.sink
    }

    pub fn form(&mut self, form: &Stream, outer: &Dict, ctm: Matrix, depth: usize) {
        if depth > DEPTH {
            return self.sink.unclear();
        }
        let Ok(bytes) = self.pdf.decode(form) else {
            // Unknown content may hide anything.
            self.sink.area();
            return self.sink.unclear();
        };
        let matrix = Matrix::of(self.pdf, form);
        let own = self.pdf.value(&form.dict, "Resources").ok().flatten();
        let resources = own.as_deref().and_then(Object::as_dict).unwrap_or(outer);
        self.run(&bytes, resources, matrix.then(ctm), depth);
    }

    fn run(&mut self, bytes: &[u8], resources: &Dict, ctm: Matrix, depth: usize) {
        let mut operands = Operands::new(bytes);
        let mut state = State { ctm, ..self.outer };
        let mut saved = Vec::new();
        let (mut line, mut here) = (Matrix::IDENTITY, Matrix::IDENTITY);
        let mut path = Path::default();
        while let Some(operator) = operands.operator() {
            let Some(left) = self.left.checked_sub(1) else { return self.sink.unclear() };
            self.left = left;
            let n = |index: usize| operands.numbers.get(index).copied().unwrap_or(0.0);
            let six = Matrix([n(0), n(1), n(2), n(3), n(4), n(5)]);
            path.operator(operator, &n, state.ctm);
            match operator {
                b"q" if saved.len() < SAVED => saved.push(state),
                b"q" => self.sink.unclear(),
                b"Q" => state = saved.pop().unwrap_or(state),
                b"cm" => state.ctm = six.then(state.ctm),
                b"BT" => (line, here) = (Matrix::IDENTITY, Matrix::IDENTITY),
                b"Tm" => (line, here) = (six, six),
                b"Tf" => {
                    state.size = n(0);
                    state.font = operands.name.as_ref().and_then(|name| self.sink.font(self.pdf, resources, name));
                }
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
                b"Do" => {
                    let outer = std::mem::replace(&mut self.outer, state);
                    self.draw(operands.name.as_ref(), resources, state.ctm, depth);
                    self.outer = outer;
                }
                b"S" | b"s" => self.sink.line(state.line()),
                b"gs" => self.parameters(operands.name.as_ref(), resources, &mut state),
                b"f" | b"F" | b"f*" | b"B" | b"B*" | b"b" | b"b*" => self.fill(&state),
                b"sh" | b"BI" => self.picture(),
                b"g" | b"rg" | b"k" | b"sc" | b"scn" => {
                    state.patterned = operands.name.is_some();
                    state.luminance = if state.patterned { 0.0 } else { luminance(&operands.numbers) };
                }
                b"cs" => (state.luminance, state.patterned) = (0.0, false),
                b"BDC" if operands.tag.as_ref().is_some_and(|tag| tag.is("OC")) => self.sink.unclear(),
                b"Tr" if n(0) > 3.0 => {
                    text_state(operator, &n, &mut state);
                    self.sink.unclear();
                }
                other => text_state(other, &n, &mut state),
            }
            if matches!(operator, b"Tj" | b"TJ" | b"'" | b"\"") {
                if state.outlined {
                    self.sink.line(state.line());
                }
                let moved = self.sink.show(&operands.shown, &state, here.then(state.ctm));
                here = Matrix::translation(moved, 0.0).then(here);
            }
            if matches!(operator, b"S" | b"s" | b"f" | b"F" | b"f*" | b"B" | b"B*" | b"b" | b"b*" | b"n") {
                if operator != b"n" {
                    self.sink.path(&path.parts, !matches!(operator, b"S" | b"s"), &state);
                }
                self.clip(&path, &mut state);
                path = Path::default();
            }
            if operator == b"BI" {
                operands.skip_inline_image();
            }
            operands.clear();
        }
    }

    fn picture(&mut self) {
        self.sink.area();
        self.sink.unclear();
    }

    /// Cuts what follows to the path, if it is a clipping path (§8.5.4).
    fn clip(&mut self, path: &Path, state: &mut State) {
        match path.parts.as_slice() {
            _ if !path.cuts => {}
            [part] if part.points <= 5 && !part.curved => {
                state.clip = Some(state.clip.map_or(part.bounds, |clip| clip.common(&part.bounds)));
            }
            _ => self.sink.unclear(),
        }
    }

    /// Light fills that multiply hide nothing, unless there are so many of them that together they are dark.
    fn fill(&mut self, state: &State) {
        if state.blend == Blend::Multiply {
            self.light *= state.luminance.clamp(0.0, 1.0);
        }
        if state.blend == Blend::Other || self.light < LIGHT {
            self.sink.area();
        }
    }

    /// /LW, /BM, /ca and /SMask of a graphics state parameter dictionary (§8.4.5).
    fn parameters(&mut self, name: Option<&Name>, resources: &Dict, state: &mut State) {
        let states = self.pdf.value(resources, "ExtGState").ok().flatten();
        let found = states.as_deref().and_then(Object::as_dict).zip(name).and_then(|(s, n)| s.get_name(n.as_bytes()));
        let found = found.and_then(|found| self.pdf.resolve(found).ok());
        let Some(dict) = found.as_deref().and_then(Object::as_dict) else { return };
        if let Some(width) = self.pdf.value(dict, "LW").ok().flatten().and_then(|width| width.as_number()) {
            state.width = width;
        }
        if let Some(opacity) = self.pdf.value(dict, "ca").ok().flatten().and_then(|opacity| opacity.as_number()) {
            state.opacity = opacity;
        }
        if self.pdf.value(dict, "SMask").ok().flatten().is_some_and(|mask| !mask.is_name("None")) {
            self.sink.unclear();
        }
        if let Ok(Some(mode)) = self.pdf.value(dict, "BM") {
            state.blend = if mode.is_name("Multiply") { Blend::Multiply } else { Blend::Other };
        }
    }

    fn draw(&mut self, name: Option<&Name>, resources: &Dict, ctm: Matrix, depth: usize) {
        let forms = self.pdf.value(resources, "XObject").ok().flatten();
        let object = forms.as_deref().and_then(Object::as_dict).zip(name).and_then(|(f, n)| f.get_name(n.as_bytes()));
        let object = object.and_then(|object| self.pdf.resolve(object).ok());
        let Some(stream) = object.as_deref().and_then(Object::as_stream) else { return };
        if stream.dict.get("Subtype").is_some_and(|s| s.is_name("Image")) {
            self.picture();
        } else {
            self.form(stream, resources, ctm, depth + 1);
        }
    }
}

/// Luminance of a colour with one, three or four components (§8.6.4).
pub(super) fn luminance(colour: &[f64]) -> f64 {
    match colour {
        [gray] => *gray,
        [r, g, b] => 0.3 * r + 0.59 * g + 0.11 * b,
        [c, m, y, k] => 1.0 - (0.3 * c + 0.59 * m + 0.11 * y + k).min(1.0),
        _ => 0.0,
    }
}

/// Operators of the text state (§9.3.1), and the line width.
fn text_state(operator: &[u8], n: &impl Fn(usize) -> f64, state: &mut State) {
    match operator {
        b"TL" => state.leading = n(0),
        b"Tr" => {
            state.visible = n(0) != 3.0;
            state.outlined = [1.0, 2.0, 5.0, 6.0].contains(&n(0));
        }
        b"w" => state.width = n(0),
        b"Tc" => state.character_spacing = n(0),
        b"Tw" => state.word_spacing = n(0),
        b"Tz" => state.scale = n(0) / 100.0,
        b"Ts" => state.rise = n(0),
        _ => {}
    }
}

/// Operands up to the next operator.
struct Operands<'b> {
    lexer: Lexer<'b>,
    numbers: Vec<f64>,
    name: Option<Name>,
    /// The name before, of operators that take two.
    tag: Option<Name>,
    shown: Shown,
    in_array: bool,
}

impl<'b> Operands<'b> {
    fn new(bytes: &'b [u8]) -> Self {
        Self {
            lexer: Lexer::new(bytes, 0),
            numbers: Vec::new(),
            name: None,
            tag: None,
            shown: Shown::default(),
            in_array: false,
        }
    }

    fn operator(&mut self) -> Option<&'b [u8]> {
        loop {
            let before = self.lexer.pos();
            match self.lexer.token() {
                None => self.lexer.seek(before + 1),
                Some(Token::Eof) => return None,
                Some(Token::Keyword(keyword)) if !keyword.is_empty() => return Some(keyword),
                Some(Token::Integer(value)) => self.number(Object::Integer(value)),
                Some(Token::Real(value)) => self.number(Object::Real(value.into())),
                Some(Token::Name(name)) => self.tag = self.name.replace(name),
                Some(Token::String(string)) => self.string(string.bytes),
                Some(Token::ArrayStart) => self.in_array = true,
                Some(Token::ArrayEnd) => self.in_array = false,
                Some(_) => {}
            }
        }
    }

    fn string(&mut self, bytes: Vec<u8>) {
        self.shown.pieces.push(Piece::Codes(bytes));
    }

    fn number(&mut self, object: Object) {
        let number = object.as_number().unwrap_or(0.0);
        if self.in_array {
            self.shown.pieces.push(Piece::Move(number));
            return;
        }
        // No operator takes more than six numbers.
        if self.numbers.len() == 6 {
            self.numbers.remove(0);
        }
        self.numbers.push(number);
    }

    fn clear(&mut self) {
        self.numbers.clear();
        (self.name, self.tag) = (None, None);
        self.shown = Shown::default();
        self.in_array = false;
    }

    /// Goes to after `EI`; inline images are a few kilobytes at most (§8.9.7).
    fn skip_inline_image(&mut self) {
        while let Some(byte) = self.lexer.peek() {
            if is_white(byte) {
                self.lexer.skip_white();
                if self.lexer.take(b"EI") && self.lexer.peek().is_none_or(is_white) {
                    return;
                }
            } else {
                self.lexer.seek(self.lexer.pos() + 1);
            }
        }
    }
}
