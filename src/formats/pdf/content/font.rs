//! Fonts as far as reading needs them (ISO 32000-1 §9.6, §9.7, §9.10): codes to characters and widths.

use std::collections::{HashMap, HashSet};

use super::super::object::{Dict, Name, Object};
use super::super::reader::Pdf;
use super::Rectangle;
use super::cmap;
use super::encoding::{Base, glyph_name};
use super::letters::decomposed;
use super::scan::{Matrix, Piece, Shown, State};
use super::widths::Widths;

/// Fonts of one page or form that are read.
const FONTS: usize = 1000;

/// The fonts of a page or form, each read once, in the order they are met.
pub(super) struct Fonts<F> {
    list: Vec<F>,
    /// By the text of what the resources say.
    known: HashMap<Vec<u8>, usize>,
}

impl<F> Default for Fonts<F> {
    fn default() -> Self {
        Self { list: Vec::new(), known: HashMap::new() }
    }
}

impl<F> Fonts<F> {
    /// The font the resources give this name, read with `read` when it is met first.
    pub fn find(
        &mut self,
        pdf: &Pdf<'_>,
        resources: &Dict,
        name: &Name,
        read: impl FnOnce(&Dict) -> F,
    ) -> Option<usize> {
        let fonts = pdf.value(resources, "Font").ok()??;
        let font = fonts.as_dict()?.get_name(name.as_bytes())?;
        let key = font.to_bytes();
        if let Some(known) = self.known.get(&key) {
            return Some(*known);
        }
        let dict = pdf.resolve(font).ok()?;
        let dict = dict.as_dict().filter(|_| self.list.len() < FONTS)?;
        self.list.push(read(dict));
        self.known.insert(key, self.list.len() - 1);
        Some(self.list.len() - 1)
    }

    pub fn get(&self, font: usize) -> Option<&F> {
        self.list.get(font)
    }
}

/// One font of a page.
#[derive(Debug)]
pub(super) struct Font {
    texts: HashMap<u32, String>,
    widths: Widths,
}

/// How far letters reach above and below the baseline, in units of the font size.
const REACH: (f64, f64) = (0.75, -0.22);

/// Standard fonts whose codes are no letters (ISO 32000-1 Annex D.5, D.6).
const PICTOGRAMS: [&str; 2] = ["Symbol", "ZapfDingbats"];

/// One code of a string. Its text is empty when the font does not say what it means.
struct Code<'f> {
    pub text: &'f str,
    /// Thousandths of the font size.
    pub width: f64,
    /// A single-byte code 32, to which word spacing applies (§9.3.3).
    pub is_space: bool,
}

impl Font {
    /// Reads what can be read.
    pub fn read(pdf: &Pdf<'_>, dict: &Dict) -> Self {
        let map = pdf.value(dict, "ToUnicode").ok().flatten();
        let map = map.as_deref().and_then(Object::as_stream).and_then(|stream| pdf.decode(stream).ok());
        let map = map.map(|bytes| cmap::read(&bytes)).unwrap_or_default();
        let widths = Widths::read(pdf, dict, map.code_bytes);
        let mut texts = if widths.is_composite() { HashMap::new() } else { simple_texts(pdf, dict) };
        texts.extend(map.texts);
        Self { texts, widths }
    }

    /// The same where it matters what is drawn: what /ToUnicode says must be what the font's own encoding draws, as far as that is known.
    /// It is for glyphs with names, and for all of a font that is not embedded.
    pub fn read_as_drawn(pdf: &Pdf<'_>, dict: &Dict) -> Self {
        let mut font = Self::read(pdf, dict);
        if !font.widths.is_composite() {
            let (drawn, named) = (simple_texts(pdf, dict), named_codes(pdf, dict));
            let embedded = is_embedded(pdf, dict);
            let known = |code: &u32| !embedded || named.contains(code);
            font.texts.retain(|code, text| !known(code) || drawn.get(code).is_some_and(|drawn| same(drawn, text)));
        }
        font
    }

    /// Each glyph shown with its text and where it stands, and how far all move on in text space.
    pub fn glyphs(&self, shown: &Shown, state: &State, place: Matrix) -> (Vec<(&str, Rectangle)>, f64) {
        let (mut glyphs, mut at) = (Vec::new(), 0.0);
        for piece in &shown.pieces {
            match piece {
                Piece::Move(thousandths) => at -= thousandths / 1000.0 * state.size * state.scale,
                Piece::Codes(bytes) => {
                    for code in self.codes(bytes) {
                        let width = code.width / 1000.0 * state.size * state.scale;
                        let low = place.point(at, state.rise + REACH.1 * state.size);
                        let high = place.point(at + width, state.rise + REACH.0 * state.size);
                        glyphs.push((code.text, Rectangle::new(low, high)));
                        let word = if code.is_space { state.word_spacing } else { 0.0 };
                        at += width + (state.character_spacing + word) * state.scale;
                    }
                }
            }
        }
        (glyphs, at)
    }

    fn codes<'f>(&'f self, bytes: &[u8]) -> impl Iterator<Item = Code<'f>> {
        self.widths.codes(bytes).map(|code| Code {
            text: self.texts.get(&code.number).map(String::as_str).unwrap_or_default(),
            width: code.width,
            is_space: code.is_space,
        })
    }
}

fn same(one: &str, other: &str) -> bool {
    decomposed(one, 0).eq(decomposed(other, 0))
}

fn is_embedded(pdf: &Pdf<'_>, dict: &Dict) -> bool {
    let descriptor = pdf.value(dict, "FontDescriptor").ok().flatten();
    let descriptor = descriptor.as_deref().and_then(Object::as_dict);
    descriptor.is_some_and(|dict| ["FontFile", "FontFile2", "FontFile3"].iter().any(|key| dict.contains(key)))
}

/// Codes /Differences gives a name.
fn named_codes(pdf: &Pdf<'_>, dict: &Dict) -> HashSet<u32> {
    let encoding = pdf.value(dict, "Encoding").ok().flatten();
    let mut codes = HashSet::new();
    differences(pdf, encoding.as_deref(), |code, _| _ = codes.insert(code));
    codes
}

fn simple_texts(pdf: &Pdf<'_>, dict: &Dict) -> HashMap<u32, String> {
    if dict.get("BaseFont").and_then(Object::as_name).is_some_and(|name| PICTOGRAMS.iter().any(|known| name.is(known)))
    {
        return HashMap::new();
    }
    let encoding = pdf.value(dict, "Encoding").ok().flatten();
    let named = match encoding.as_deref() {
        Some(Object::Name(name)) => Some(name.clone()),
        Some(Object::Dict(dict)) => dict.get("BaseEncoding").and_then(Object::as_name).cloned(),
        _ => None,
    };
    let base = if named.is_some_and(|name| name.is("MacRomanEncoding")) { Base::MacRoman } else { Base::WinAnsi };
    let mut texts: HashMap<u32, String> =
        (0x20..=0xffu8).map(|code| (u32::from(code), base.character(code).to_string())).collect();
    differences(pdf, encoding.as_deref(), |code, name| {
        let text = glyph_name(&name.to_string()).map(String::from).unwrap_or_default();
        if code < 256 {
            texts.insert(code, text);
        }
    });
    texts
}

fn differences(pdf: &Pdf<'_>, encoding: Option<&Object>, mut each: impl FnMut(u32, &Name)) {
    let list = encoding.and_then(Object::as_dict).and_then(|encoding| pdf.value(encoding, "Differences").ok()?);
    let mut code = 0u32;
    for item in list.as_deref().and_then(Object::as_array).unwrap_or_default() {
        match item {
            Object::Integer(number) => code = u32::try_from(*number).unwrap_or(0),
            Object::Name(name) => {
                each(code, name);
                code = code.saturating_add(1);
            }
            _ => {}
        }
    }
}
