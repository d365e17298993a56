//! Content operators and the resources they use.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::conformance::Colours;
use crate::formats::pdf::{Dict, IncrementalUpdate, Object, ObjectId, PdfError};
use crate::signing::visible::Colour;

/// A content stream in the making. The unit is the point, the origin the lower left corner.
pub(super) struct Canvas {
    content: String,
    pub colours: Colours,
    pub fonts: Dict,
    pub images: Dict,
}

/// A number as PDF writes it, in thousandths.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

pub(super) fn real(value: f64) -> Object {
    Object::Real(number(value).into_bytes().into())
}

impl Canvas {
    pub fn new(colours: Colours) -> Self {
        Self { content: String::new(), colours, fonts: Dict::new(), images: Dict::new() }
    }

    /// One operator with its numbers.
    pub fn op(&mut self, numbers: &[f64], operator: &str) {
        for value in numbers {
            self.content.push_str(&number(*value));
            self.content.push(' ');
        }
        self.content.push_str(operator);
        self.content.push('\n');
    }

    pub fn raw(&mut self, text: &str) {
        self.content.push_str(text);
        self.content.push('\n');
    }

    pub fn fill(&mut self, colour: Colour) {
        self.colour(colour, ["rg", "cs", "sc"]);
    }

    pub fn stroke(&mut self, colour: Colour) {
        self.colour(colour, ["RG", "CS", "SC"]);
    }

    fn colour(&mut self, colour: Colour, [device, space, set]: [&str; 3]) {
        let parts = [colour.red, colour.green, colour.blue].map(|part| f64::from(part) / 255.0);
        match self.colours {
            Colours::Device => self.op(&parts, device),
            Colours::Calibrated => {
                let _ = write!(self.content, "/sRGB {space} ");
                self.op(&parts, set);
            }
        }
    }

    /// The colour space of images.
    pub fn image_space(colours: Colours) -> Object {
        match colours {
            Colours::Device => Object::name("DeviceRGB"),
            Colours::Calibrated => calibrated(),
        }
    }

    /// Writes the form XObject: box (0, 0, width, height) in points, placed by `matrix`.
    pub fn finish(
        self,
        update: &mut IncrementalUpdate<'_, '_>,
        (width, height): (f64, f64),
        matrix: [f64; 6],
    ) -> Result<ObjectId, PdfError> {
        let id = update.allocate()?;
        let mut resources = Dict::new();
        for (key, entries) in [("Font", self.fonts), ("XObject", self.images)] {
            if !entries.is_empty() {
                resources.set(key, Object::Dict(entries));
            }
        }
        if self.colours == Colours::Calibrated {
            resources.set("ColorSpace", Object::Dict(Dict::new().with("sRGB", calibrated())));
        }
        let dict = Dict::new()
            .with("Type", Object::name("XObject"))
            .with("Subtype", Object::name("Form"))
            .with("BBox", Object::Array(vec![real(0.0), real(0.0), real(width), real(height)]))
            .with("Matrix", Object::Array(matrix.map(real).to_vec()))
            .with("Resources", Object::Dict(resources));
        deflated(update, id, dict, self.content.as_bytes());
        Ok(id)
    }
}

/// CalRGB with the primaries, white point and approximate gamma of sRGB (ISO 32000-1 §8.6.5.3).
fn calibrated() -> Object {
    let numbers = |values: &[f64]| {
        Object::Array(values.iter().map(|v| Object::Real(format!("{v}").into_bytes().into())).collect())
    };
    let dict = Dict::new()
        .with("WhitePoint", numbers(&[0.9505, 1.0, 1.089]))
        .with("Gamma", numbers(&[2.2, 2.2, 2.2]))
        .with("Matrix", numbers(&[0.4124, 0.2126, 0.0193, 0.3576, 0.7152, 0.1192, 0.1805, 0.0722, 0.9505]));
    Object::Array(vec![Object::name("CalRGB"), Object::Dict(dict)])
}

/// Adds a stream, deflated.
pub(super) fn deflated(update: &mut IncrementalUpdate<'_, '_>, id: ObjectId, dict: Dict, data: &[u8]) {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing into memory does not fail; were it to, the bytes go in as they are.
    match encoder.write_all(data).and_then(|()| encoder.finish()) {
        Ok(bytes) => update.set_stream(id, dict.with("Filter", Object::name("FlateDecode")), &bytes),
        Err(_) => update.set_stream(id, dict, data),
    }
}
