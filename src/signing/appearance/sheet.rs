//! A document of text, set from nothing: a receipt, in the program's own font.
//!
//! A4 pages of titles, facts and notes, broken where they are full. What it does not do: pictures, tables, a structure tree
//! (the text is extractable in reading order, with its language and title).

use unicode_normalization::UnicodeNormalization;

use super::canvas::{Canvas, number, real};
use super::conformance::{CidSet, Colours};
use super::font::{Font, Typeface};
use super::paragraph::{Fonts, Weight};
use crate::formats::pdf::{Dict, IncrementalUpdate, Limits, Object, ObjectId, Pdf, text};
use crate::signing::visible::{AppearanceError, Colour};

/// An empty document; everything else is an update of it. Objects 1 to 3: catalog, pages, information.
const EMPTY: &str = "%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n3 0 obj\n<< >>\nendobj\n";
const CATALOG: u32 = 1;
const PAGES: u32 = 2;
const INFORMATION: u32 = 3;

/// A4, in points, and where its text stands.
const WIDTH: f64 = 595.0;
const HEIGHT: f64 = 842.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = WIDTH - 62.0;
const TOP: f64 = HEIGHT - 64.0;
const BOTTOM: f64 = 60.0;
/// Where the values of facts begin.
const VALUES: f64 = 218.0;

const INK: Colour = Colour { red: 0x1a, green: 0x22, blue: 0x2c };
const QUIET: Colour = Colour { red: 0x5a, green: 0x66, blue: 0x74 };
const LINE: Colour = Colour { red: 0xc3, green: 0xcb, blue: 0xd4 };

/// What stands on the sheet, from top to bottom.
#[derive(Debug, Clone)]
pub enum Block {
    Title(String),
    Subtitle(String),
    Heading(String),
    /// A name on the left, as one or two lines, and its values on the right.
    Fact {
        name: Vec<String>,
        value: Vec<String>,
    },
    Note(String),
    Rule,
}

/// How a paragraph looks.
#[derive(Clone, Copy)]
struct Style {
    size: f64,
    weight: Weight,
    colour: Colour,
}

const TITLE: Style = Style { size: 20.0, weight: Weight::Bold, colour: INK };
const SUBTITLE: Style = Style { size: 12.0, weight: Weight::Regular, colour: QUIET };
const HEADING: Style = Style { size: 12.0, weight: Weight::Bold, colour: INK };
const NAME: Style = Style { size: 10.0, weight: Weight::Regular, colour: QUIET };
const VALUE: Style = Style { size: 11.0, weight: Weight::Regular, colour: INK };
const NOTE: Style = Style { size: 9.5, weight: Weight::Regular, colour: QUIET };

/// A PDF of these blocks. Equal blocks give equal bytes. Characters the font cannot write show as `?`.
///
/// # Errors
/// [`AppearanceError`] when the font cannot be embedded.
pub fn sheet(title: &str, blocks: &[Block]) -> Result<Vec<u8>, AppearanceError> {
    let empty = empty();
    let limits = Limits::default();
    let pdf = Pdf::open(&empty, &limits)?;
    let mut update = IncrementalUpdate::new(&pdf)?;
    let typeface = Typeface::default();
    let fonts = Fonts { regular: Font::new(typeface.regular)?, bold: Font::new(typeface.bold)? };
    let mut setter = Setter::new(fonts);
    for block in blocks {
        setter.set(block)?;
    }
    setter.finish(&mut update)?;
    let information = Dict::new()
        .with("Title", Object::String(text::encode(title)))
        .with("Producer", Object::String(text::encode("kyso")));
    update.set(ObjectId::new(INFORMATION, 0), &Object::Dict(information));
    let shown = Dict::new().with("DisplayDocTitle", Object::Bool(true));
    let catalog = Dict::new()
        .with("Type", Object::name("Catalog"))
        .with("Pages", Object::Ref(ObjectId::new(PAGES, 0)))
        .with("Lang", Object::String(text::encode("vi")))
        .with("ViewerPreferences", Object::Dict(shown));
    update.set(ObjectId::new(CATALOG, 0), &Object::Dict(catalog));
    let written = update.finish(title.as_bytes())?;
    Ok([empty, written.bytes].concat())
}

/// [`EMPTY`] with its cross-reference table.
fn empty() -> Vec<u8> {
    use std::fmt::Write as _;
    let mut file = EMPTY.to_owned();
    let at = file.len();
    file.push_str("xref\n0 4\n0000000000 65535 f \n");
    for start in ["1 0 obj", "2 0 obj", "3 0 obj"] {
        // Writing to a text cannot fail.
        let _ = writeln!(file, "{:010} 00000 n ", EMPTY.find(start).unwrap_or_default());
    }
    let _ = write!(file, "trailer\n<< /Size 4 /Root 1 0 R /Info 3 0 R >>\nstartxref\n{at}\n%%EOF\n");
    file.into_bytes()
}

struct Setter<'a> {
    fonts: Fonts<'a>,
    full: Vec<Canvas>,
    page: Canvas,
    /// Where the next line's top stands on the page.
    y: f64,
}

impl<'a> Setter<'a> {
    fn new(fonts: Fonts<'a>) -> Self {
        Self { fonts, full: Vec::new(), page: Canvas::new(Colours::Device), y: TOP }
    }

    fn set(&mut self, block: &Block) -> Result<(), AppearanceError> {
        match block {
            Block::Title(text) => self.paragraph(text, TITLE, 2.0),
            Block::Subtitle(text) => self.paragraph(text, SUBTITLE, 10.0),
            Block::Heading(text) => {
                self.y -= 8.0;
                // Not alone at the foot of a page.
                self.room(60.0);
                self.paragraph(text, HEADING, 4.0)
            }
            Block::Note(text) => self.paragraph(text, NOTE, 4.0),
            Block::Fact { name, value } => self.fact(name, value),
            Block::Rule => {
                self.room(14.0);
                let y = self.y - 4.0;
                self.page.stroke(LINE);
                self.page.op(&[0.7], "w");
                self.page.op(&[LEFT, y], "m");
                self.page.op(&[RIGHT, y], "l");
                self.page.raw("S");
                self.y -= 12.0;
                Ok(())
            }
        }
    }

    fn paragraph(&mut self, text: &str, style: Style, after: f64) -> Result<(), AppearanceError> {
        for line in self.broken(text, style, RIGHT - LEFT)? {
            self.room(Fonts::leading(style.size));
            let y = self.y;
            self.line(&line, style, (LEFT, y))?;
            self.y -= Fonts::leading(style.size);
        }
        self.y -= after;
        Ok(())
    }

    /// Name and value side by side; a value longer than the page goes on on the next.
    fn fact(&mut self, names: &[String], values: &[String]) -> Result<(), AppearanceError> {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for name in names {
            left.extend(self.broken(name, NAME, VALUES - LEFT - 12.0)?);
        }
        for value in values {
            right.extend(self.broken(value, VALUE, RIGHT - VALUES)?);
        }
        let step = Fonts::leading(VALUE.size);
        self.room(step * f64::from(u32::try_from(left.len()).unwrap_or(u32::MAX).max(1)));
        for row in 0..left.len().max(right.len()) {
            self.room(step);
            let y = self.y;
            if let Some(line) = left.get(row) {
                self.line(line, NAME, (LEFT, y))?;
            }
            if let Some(line) = right.get(row) {
                self.line(line, VALUE, (VALUES, y))?;
            }
            self.y -= step;
        }
        self.y -= 5.0;
        Ok(())
    }

    /// A new page when so much height is no longer there.
    fn room(&mut self, height: f64) {
        if self.y - height < BOTTOM {
            self.full.push(std::mem::replace(&mut self.page, Canvas::new(Colours::Device)));
            self.y = TOP;
        }
    }

    fn line(&mut self, text: &str, style: Style, (x, top): (f64, f64)) -> Result<(), AppearanceError> {
        let baseline = top - self.fonts.of(style.weight).ascent() * style.size;
        let codes = self.fonts.of_mut(style.weight).encode(text)?;
        let name = match style.weight {
            Weight::Regular => "F0",
            Weight::Bold => "F1",
        };
        self.page.fill(style.colour);
        self.page.raw("BT");
        self.page.raw(&format!("/{name} {} Tf", number(style.size)));
        self.page.op(&[x, baseline], "Td");
        self.page.raw(&format!("<{codes}> Tj"));
        self.page.raw("ET");
        Ok(())
    }

    /// Lines no wider than `width` points: broken between words, and inside a word that is wider by itself.
    fn broken(&self, text: &str, style: Style, width: f64) -> Result<Vec<String>, AppearanceError> {
        let font = self.fonts.of(style.weight);
        let writable = |c: char| if font.width(c.encode_utf8(&mut [0; 4])).is_ok() { c } else { '?' };
        let text: String = text.nfc().map(|c| if c.is_whitespace() { ' ' } else { writable(c) }).collect();
        let fits = |line: &str| font.width(line).map(|units| units * style.size <= width);
        let (mut lines, mut current) = (Vec::new(), String::new());
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let longer = if current.is_empty() { word.to_owned() } else { format!("{current} {word}") };
            if fits(&longer)? {
                current = longer;
                continue;
            }
            if !current.is_empty() {
                lines.push(std::mem::take(&mut current));
            }
            for character in word.chars() {
                current.push(character);
                if !fits(&current)? && current.chars().count() > 1 {
                    current.pop();
                    lines.push(std::mem::replace(&mut current, character.to_string()));
                }
            }
        }
        if !current.is_empty() {
            lines.push(current);
        }
        Ok(lines)
    }

    /// Writes the pages: each shows one form, which carries the page's resources.
    fn finish(self, update: &mut IncrementalUpdate<'_, '_>) -> Result<(), AppearanceError> {
        let mut embedded = Dict::new();
        for (name, font) in [("F0", &self.fonts.regular), ("F1", &self.fonts.bold)] {
            if font.is_used() {
                embedded.set(name, Object::Ref(font.embed(update, CidSet::Left)?));
            }
        }
        let pages = ObjectId::new(PAGES, 0);
        let mut kids = Vec::with_capacity(self.full.len() + 1);
        for mut canvas in self.full.into_iter().chain([self.page]) {
            canvas.fonts = embedded.clone();
            let form = canvas.finish(update, (WIDTH, HEIGHT), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0])?;
            let contents = update.allocate()?;
            update.set_stream(contents, Dict::new(), b"/P Do");
            let forms = Dict::new().with("P", Object::Ref(form));
            let page = Dict::new()
                .with("Type", Object::name("Page"))
                .with("Parent", Object::Ref(pages))
                .with("MediaBox", Object::Array(vec![real(0.0), real(0.0), real(WIDTH), real(HEIGHT)]))
                .with("Resources", Object::Dict(Dict::new().with("XObject", Object::Dict(forms))))
                .with("Contents", Object::Ref(contents));
            let id = update.allocate()?;
            update.set(id, &Object::Dict(page));
            kids.push(Object::Ref(id));
        }
        let count = i64::try_from(kids.len()).unwrap_or(i64::MAX);
        let tree = Dict::new()
            .with("Type", Object::name("Pages"))
            .with("Kids", Object::Array(kids))
            .with("Count", Object::Integer(count));
        update.set(pages, &Object::Dict(tree));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::pages;

    fn facts(count: usize) -> Vec<Block> {
        let fact = |n: usize| Block::Fact { name: vec![format!("Tài liệu {n}")], value: vec!["a".repeat(200)] };
        std::iter::once(Block::Title("BIÊN NHẬN".into())).chain((0..count).map(fact)).collect()
    }

    #[test]
    fn a_sheet_opens_strictly_and_is_the_same_each_time() {
        let made = sheet("Biên nhận", &facts(2)).expect("set");
        assert_eq!(made, sheet("Biên nhận", &facts(2)).expect("set"));
        let limits = Limits::default();
        let pdf = Pdf::open(&made, &limits).expect("opens");
        assert!(pdf.anomalies().is_empty(), "{:?}", pdf.anomalies());
        assert!(pages::first_page(&pdf).expect("a tree").is_some());
    }

    #[test]
    fn what_does_not_fit_goes_to_further_pages_and_nothing_is_cut() {
        let setter = |blocks: &[Block]| {
            let typeface = Typeface::default();
            let regular = Font::new(typeface.regular).expect("font");
            let bold = Font::new(typeface.bold).expect("font");
            let mut setter = Setter::new(Fonts { regular, bold });
            blocks.iter().for_each(|block| setter.set(block).expect("set"));
            setter
        };
        assert_eq!(setter(&facts(3)).full.len(), 0);
        assert!(setter(&facts(60)).full.len() > 1);
        let long = "W".repeat(300);
        let lines = setter(&[]).broken(&long, VALUE, RIGHT - VALUES).expect("broken");
        assert_eq!((lines.concat(), lines.len() > 3), (long, true));
    }

    #[test]
    fn characters_no_font_of_ours_has_are_marked() {
        let made = sheet("x", &[Block::Note("tệp 文件 \u{202e}fdp\u{0007}.exe".into())]);
        assert!(made.is_ok(), "{:?}", made.err());
    }
}
