//! How far each code of a font moves on (ISO 32000-1 §9.2.4, §9.7.4.3).

use std::collections::HashMap;

use super::super::object::{Dict, Object};
use super::super::reader::Pdf;

/// Width where the file gives none, in thousandths of the font size.
pub(super) const WIDTH: f64 = 500.0;
/// Entries of /W that are read.
const WIDTHS: usize = 70_000;

/// Widths of one font's codes.
#[derive(Debug)]
pub(super) struct Widths {
    kind: Kind,
    widths: HashMap<u32, f64>,
    default: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One byte a code.
    Simple,
    Composite {
        code_bytes: usize,
    },
}

/// One code of a string.
pub(super) struct Code {
    #[allow(dead_code)] // As `is_composite`.
    pub number: u32,
    /// Thousandths of the font size.
    pub width: f64,
    /// A single-byte code 32, to which word spacing applies (§9.3.3).
    pub is_space: bool,
}

impl Widths {
    /// Reads what can be read. `code_bytes` is what a CMap says of a composite font; two when it says nothing.
    pub fn read(pdf: &Pdf<'_>, dict: &Dict, code_bytes: Option<usize>) -> Self {
        if dict.get("Subtype").is_some_and(|subtype| subtype.is_name("Type0")) {
            let (widths, default) = composite_widths(pdf, dict);
            let code_bytes = code_bytes.unwrap_or(2).clamp(1, 4);
            return Self { kind: Kind::Composite { code_bytes }, widths, default };
        }
        let (widths, default) = simple_widths(pdf, dict);
        Self { kind: Kind::Simple, widths, default }
    }

    /// Every code half as wide as high: for text whose font is not known.
    pub fn unknown() -> Self {
        Self { kind: Kind::Simple, widths: HashMap::new(), default: WIDTH }
    }

    #[allow(dead_code)] // Asked where words are looked for; a build without appearances does not.
    pub fn is_composite(&self) -> bool {
        self.kind != Kind::Simple
    }

    pub fn codes(&self, bytes: &[u8]) -> impl Iterator<Item = Code> {
        let code_bytes = match self.kind {
            Kind::Simple => 1,
            Kind::Composite { code_bytes } => code_bytes,
        };
        bytes.chunks(code_bytes).map(move |bytes| {
            let number = bytes.iter().fold(0u32, |code, byte| code << 8 | u32::from(*byte));
            let width = self.widths.get(&number).copied().unwrap_or(self.default);
            Code { number, width, is_space: code_bytes == 1 && number == 32 }
        })
    }
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
