//! Fonts as far as reading needs them (ISO 32000-1 §9.6, §9.7, §9.10): codes to characters and widths.

use std::collections::HashMap;

use super::super::object::{Dict, Object};
use super::super::reader::Pdf;
use super::cmap;
use super::encoding::{Base, glyph_name};
use super::widths::Widths;

/// One font of a page.
#[derive(Debug)]
pub(super) struct Font {
    texts: HashMap<u32, String>,
    widths: Widths,
}

/// One code of a string. Its text is empty when the font does not say what it means.
pub(super) struct Code<'f> {
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

    pub fn codes<'f>(&'f self, bytes: &'f [u8]) -> impl Iterator<Item = Code<'f>> {
        self.widths.codes(bytes).map(|code| Code {
            text: self.texts.get(&code.number).map(String::as_str).unwrap_or_default(),
            width: code.width,
            is_space: code.is_space,
        })
    }
}

fn simple_texts(pdf: &Pdf<'_>, dict: &Dict) -> HashMap<u32, String> {
    let encoding = pdf.value(dict, "Encoding").ok().flatten();
    let named = match encoding.as_deref() {
        Some(Object::Name(name)) => Some(name.clone()),
        Some(Object::Dict(dict)) => dict.get("BaseEncoding").and_then(Object::as_name).cloned(),
        _ => None,
    };
    let base = if named.is_some_and(|name| name.is("MacRomanEncoding")) { Base::MacRoman } else { Base::WinAnsi };
    let mut texts: HashMap<u32, String> =
        (0x20..=0xffu8).map(|code| (u32::from(code), base.character(code).to_string())).collect();
    let differences = encoding.as_deref().and_then(Object::as_dict).and_then(|d| pdf.value(d, "Differences").ok()?);
    let mut code = 0u32;
    for item in differences.as_deref().and_then(Object::as_array).unwrap_or_default() {
        match item {
            Object::Integer(number) => code = u32::try_from(*number).unwrap_or(0),
            Object::Name(name) => {
                let text = glyph_name(&name.to_string()).map(String::from).unwrap_or_default();
                if code < 256 {
                    texts.insert(code, text);
                }
                code = code.saturating_add(1);
            }
            _ => {}
        }
    }
    texts
}
