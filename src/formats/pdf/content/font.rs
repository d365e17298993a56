//! Fonts as far as reading needs them (ISO 32000-1 §9.6, §9.7, §9.10): codes to characters and widths.

use std::collections::HashMap;

use super::super::object::{Dict, Object};
use super::super::reader::Pdf;
use super::cmap;
use super::encoding::{Base, glyph_name};

/// Width where the file gives none, in thousandths of the font size.
const WIDTH: f64 = 500.0;
/// Entries of /W that are read.
const WIDTHS: usize = 70_000;

/// One font of a page.
#[derive(Debug)]
pub(super) struct Font {
    code_bytes: usize,
    texts: HashMap<u32, String>,
    widths: HashMap<u32, f64>,
    default_width: f64,
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
        if dict.get("Subtype").is_some_and(|subtype| subtype.is_name("Type0")) {
            let (widths, default_width) = composite_widths(pdf, dict);
            return Self {
                code_bytes: map.code_bytes.unwrap_or(2).clamp(1, 4),
                texts: map.texts,
                widths,
                default_width,
            };
        }
        let mut texts = simple_texts(pdf, dict);
        texts.extend(map.texts);
        let (widths, default_width) = simple_widths(pdf, dict);
        Self { code_bytes: 1, texts, widths, default_width }
    }

    pub fn codes<'f>(&'f self, bytes: &'f [u8]) -> impl Iterator<Item = Code<'f>> {
        bytes.chunks(self.code_bytes).map(|bytes| {
            let code = bytes.iter().fold(0u32, |code, byte| code << 8 | u32::from(*byte));
            Code {
                text: self.texts.get(&code).map(String::as_str).unwrap_or_default(),
                width: self.widths.get(&code).copied().unwrap_or(self.default_width),
                is_space: self.code_bytes == 1 && code == 32,
            }
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

fn simple_widths(pdf: &Pdf<'_>, dict: &Dict) -> (HashMap<u32, f64>, f64) {
    let first = pdf.value(dict, "FirstChar").ok().flatten().and_then(|first| first.as_integer()).unwrap_or(0);
    let first = u32::try_from(first).unwrap_or(0);
    let widths = pdf.value(dict, "Widths").ok().flatten();
    let widths = widths.as_deref().and_then(Object::as_array).unwrap_or_default().iter().take(256);
    let number = |object: &Object| pdf.resolve(object).ok().and_then(|object| object.as_number()).unwrap_or(WIDTH);
    let widths = (first..).zip(widths.map(number)).collect();
    let descriptor = pdf.value(dict, "FontDescriptor").ok().flatten();
    let missing = descriptor.as_deref().and_then(Object::as_dict).and_then(|d| d.get("MissingWidth")?.as_number());
    (widths, missing.unwrap_or(WIDTH))
}

/// /W of the descendant: `c [w1 w2 …]` or `first last w` (§9.7.4.3). Codes are taken for CIDs, as with Identity-H.
fn composite_widths(pdf: &Pdf<'_>, dict: &Dict) -> (HashMap<u32, f64>, f64) {
    let mut widths = HashMap::new();
    let descendants = pdf.value(dict, "DescendantFonts").ok().flatten();
    let first = descendants.as_deref().and_then(Object::as_array).and_then(|fonts| fonts.first());
    let font = first.and_then(|font| pdf.resolve(font).ok());
    let Some(font) = font.as_deref().and_then(Object::as_dict) else { return (widths, 1000.0) };
    let array = pdf.value(font, "W").ok().flatten();
    let mut items = array.as_deref().and_then(Object::as_array).unwrap_or_default().iter();
    let code = |object: &Object| object.as_integer().and_then(|code| u32::try_from(code).ok());
    while let (Some(from), Some(second)) = (items.next().and_then(code), items.next()) {
        let Ok(second) = pdf.resolve(second) else { break };
        if let Some(list) = second.as_array() {
            let numbers = list.iter().filter_map(Object::as_number);
            widths.extend((from..).zip(numbers).take(WIDTHS.saturating_sub(widths.len())));
        } else if let (Some(to), Some(width)) = (code(&second), items.next().and_then(Object::as_number)) {
            let left = WIDTHS.saturating_sub(widths.len());
            widths.extend((from..=to).take(left).map(|code| (code, width)));
        }
    }
    let default = pdf.value(font, "DW").ok().flatten().and_then(|width| width.as_number());
    (widths, default.unwrap_or(1000.0))
}
