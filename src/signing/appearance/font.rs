//! Fonts: the one that comes with the program or one of the caller's, embedded as a subset (ISO 32000-1 §9.7, §9.10.3).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use subsetter::GlyphRemapper;
use ttf_parser::{Face, Permissions, RawFace, Tag, name_id};

use super::canvas::deflated;
use super::conformance::CidSet;
use crate::formats::pdf::{Dict, IncrementalUpdate, Object, ObjectId, PdfError, PdfString};
use crate::signing::visible::AppearanceError;

const REGULAR: &[u8] = include_bytes!("../../../assets/fonts/KysoSerif-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../../../assets/fonts/KysoSerif-Bold.ttf");
/// Bytes of a caller's font; fonts with all of Latin have less than 1 MiB.
const FONT_BYTES: usize = 4 << 20;

/// A pair of fonts by their bytes (TrueType or OpenType).
#[derive(Debug, Clone, Copy)]
pub struct Typeface<'a> {
    pub regular: &'a [u8],
    pub bold: &'a [u8],
}

impl Default for Typeface<'_> {
    /// Kyso Serif: the shapes of Times New Roman, with all Vietnamese letters.
    fn default() -> Self {
        Self { regular: REGULAR, bold: BOLD }
    }
}

/// A font whose used glyphs are being collected.
pub(super) struct Font<'a> {
    face: Face<'a>,
    data: &'a [u8],
    /// Glyphs of the subset in the order of their first use.
    remapper: GlyphRemapper,
    /// New glyph to character.
    used: BTreeMap<u16, char>,
}

impl<'a> Font<'a> {
    pub fn new(data: &'a [u8]) -> Result<Self, AppearanceError> {
        if data.len() > FONT_BYTES {
            return Err(AppearanceError::TooLarge { what: "the font in bytes", limit: FONT_BYTES });
        }
        let face = Face::parse(data, 0).map_err(|_| AppearanceError::Font("not a TrueType or OpenType font"))?;
        let forbids = matches!(face.permissions(), Some(Permissions::Restricted)) || !face.is_subsetting_allowed();
        if forbids {
            return Err(AppearanceError::Font("its licence forbids embedding a subset"));
        }
        Ok(Self { face, data, remapper: GlyphRemapper::new(), used: BTreeMap::new() })
    }

    fn per_em(&self, units: i16) -> f64 {
        f64::from(units) / f64::from(self.face.units_per_em().max(1))
    }

    /// Height above the baseline, in units of the font size.
    pub fn ascent(&self) -> f64 {
        self.per_em(self.face.ascender())
    }

    /// Depth below the baseline, negative.
    pub fn descent(&self) -> f64 {
        self.per_em(self.face.descender())
    }

    /// Width in units of the font size.
    pub fn width(&self, text: &str) -> Result<f64, AppearanceError> {
        text.chars().map(|character| Ok(self.advance(self.glyph(character)?))).sum()
    }

    fn glyph(&self, character: char) -> Result<ttf_parser::GlyphId, AppearanceError> {
        let found = self.face.glyph_index(character).filter(|glyph| glyph.0 != 0);
        found.ok_or(AppearanceError::NoGlyph(character))
    }

    fn advance(&self, glyph: ttf_parser::GlyphId) -> f64 {
        f64::from(self.face.glyph_hor_advance(glyph).unwrap_or(0)) / f64::from(self.face.units_per_em().max(1))
    }

    /// The codes of the text in hexadecimal; its glyphs join the subset.
    pub fn encode(&mut self, text: &str) -> Result<String, AppearanceError> {
        let mut codes = String::new();
        for character in text.chars() {
            let new = self.remapper.remap(self.glyph(character)?.0);
            self.used.entry(new).or_insert(character);
            let _ = write!(codes, "{new:04x}");
        }
        Ok(codes)
    }

    pub fn is_used(&self) -> bool {
        !self.used.is_empty()
    }

    /// Writes the font with the glyphs used so far.
    pub fn embed(&self, update: &mut IncrementalUpdate<'_, '_>, cid_set: CidSet) -> Result<ObjectId, AppearanceError> {
        let unusable = |_| AppearanceError::Font("it cannot be made a subset of");
        let subset = subsetter::subset(self.data, 0, &self.remapper).map_err(unusable)?;
        let raw = RawFace::parse(&subset, 0).map_err(|_| AppearanceError::Font("its subset cannot be read"))?;
        let outlines = raw.table(Tag::from_bytes(b"CFF "));
        let name = self.subset_name(&subset);
        let program = update.allocate()?;
        let (key, kind, dict, bytes) = match outlines {
            Some(cff) => ("FontFile3", "CIDFontType0", Dict::new().with("Subtype", Object::name("CIDFontType0C")), cff),
            None => ("FontFile2", "CIDFontType2", Dict::new().with("Length1", integer(subset.len())), &subset[..]),
        };
        deflated(update, program, dict, bytes);
        let mut descriptor = self.descriptor(&name).with(key, Object::Ref(program));
        if cid_set == CidSet::Written {
            let id = update.allocate()?;
            let glyphs = raw.table(Tag::from_bytes(b"maxp")).and_then(|maxp| maxp.get(4..6)?.try_into().ok());
            let glyphs = glyphs.map_or(self.remapper.num_gids(), u16::from_be_bytes);
            deflated(update, id, Dict::new(), &first_bits(glyphs));
            descriptor.set("CIDSet", Object::Ref(id));
        }
        let descriptor = added(update, descriptor)?;
        let mut descendant = self.descendant(&name, kind).with("FontDescriptor", Object::Ref(descriptor));
        if outlines.is_none() {
            descendant.set("CIDToGIDMap", Object::name("Identity"));
        }
        let descendant = added(update, descendant)?;
        let to_unicode = update.allocate()?;
        deflated(update, to_unicode, Dict::new(), self.to_unicode().as_bytes());
        let font = Dict::new()
            .with("Type", Object::name("Font"))
            .with("Subtype", Object::name("Type0"))
            .with("BaseFont", Object::name(&name))
            .with("Encoding", Object::name("Identity-H"))
            .with("DescendantFonts", Object::Array(vec![Object::Ref(descendant)]))
            .with("ToUnicode", Object::Ref(to_unicode));
        Ok(added(update, font)?)
    }

    /// `ABCDEF+Name`, the tag made from the subset's bytes (§9.6.4).
    fn subset_name(&self, subset: &[u8]) -> String {
        let names = self.face.names();
        let name = names.into_iter().filter(|n| n.name_id == name_id::POST_SCRIPT_NAME).find_map(|n| n.to_string());
        let name: String =
            name.unwrap_or_default().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let tag = Sha256::digest(subset);
        let tag: String = tag.iter().take(6).map(|byte| char::from(b'A' + byte % 26)).collect();
        format!("{tag}+{}", if name.is_empty() { "Font" } else { &name })
    }

    fn descriptor(&self, name: &str) -> Dict {
        // Symbolic: the font has no encoding of its own but glyph numbers.
        const SYMBOLIC: i64 = 4;
        let units = |value: i16| integer_f(self.per_em(value) * 1000.0);
        let bounds = self.face.global_bounding_box();
        let cap = self.face.capital_height().unwrap_or(self.face.ascender());
        Dict::new()
            .with("Type", Object::name("FontDescriptor"))
            .with("FontName", Object::name(name))
            .with("Flags", Object::Integer(SYMBOLIC))
            .with(
                "FontBBox",
                Object::Array([bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max].map(units).to_vec()),
            )
            .with("ItalicAngle", Object::Integer(0))
            .with("Ascent", units(self.face.ascender()))
            .with("Descent", units(self.face.descender()))
            .with("CapHeight", units(cap))
            .with("StemV", Object::Integer(if self.face.is_bold() { 140 } else { 80 }))
    }

    fn descendant(&self, name: &str, kind: &str) -> Dict {
        let info = Dict::new()
            .with("Registry", Object::String(PdfString::literal(*b"Adobe")))
            .with("Ordering", Object::String(PdfString::literal(*b"Identity")))
            .with("Supplement", Object::Integer(0));
        let old = self.remapper.remapped_gids();
        let widths = old.map(|old| integer_f(self.advance(ttf_parser::GlyphId(old)) * 1000.0)).collect();
        Dict::new()
            .with("Type", Object::name("Font"))
            .with("Subtype", Object::name(kind))
            .with("BaseFont", Object::name(name))
            .with("CIDSystemInfo", Object::Dict(info))
            .with("W", Object::Array(vec![Object::Integer(0), Object::Array(widths)]))
    }

    fn to_unicode(&self) -> String {
        let mut map = String::from(
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo << /Registry (Adobe) /Ordering \
             (UCS) /Supplement 0 >> def\n/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> \
             <ffff>\nendcodespacerange\n",
        );
        let used: Vec<_> = self.used.iter().collect();
        // A section holds at most 100 entries.
        for section in used.chunks(100) {
            let _ = writeln!(map, "{} beginbfchar", section.len());
            for (code, character) in section {
                let units: String =
                    character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("{unit:04x}")).collect();
                let _ = writeln!(map, "<{code:04x}> <{units}>");
            }
            map.push_str("endbfchar\n");
        }
        map.push_str("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n");
        map
    }
}

fn added(update: &mut IncrementalUpdate<'_, '_>, dict: Dict) -> Result<ObjectId, PdfError> {
    let id = update.allocate()?;
    update.set(id, &Object::Dict(dict));
    Ok(id)
}

pub(super) fn integer(value: usize) -> Object {
    Object::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

fn integer_f(value: f64) -> Object {
    Object::Real(format!("{value:.0}").into_bytes().into())
}

/// `count` bits set, most significant first.
fn first_bits(count: u16) -> Vec<u8> {
    let whole = usize::from(count / 8);
    let mut bits = vec![0xff; whole];
    if !count.is_multiple_of(8) {
        bits.push(!(0xffu8 >> (count % 8)));
    }
    bits
}
