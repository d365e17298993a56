//! All of it together: the request and the signature's facts become a widget with its appearance.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qrcode::{Color as Module, EcLevel, QrCode};
use time::OffsetDateTime;
use time::macros::{format_description, offset};
use unicode_normalization::UnicodeNormalization;

use super::canvas::{Canvas, real};
use super::conformance::Rules;
use super::font::{Font, Typeface};
use super::paragraph::{Fonts, Line, Weight};
use super::picture::{BYTES, Picture};
use super::place::{self, Spot};
use super::template::{self, Fact, Labels, Layout};
use crate::formats::pdf::fields::Field;
use crate::formats::pdf::{Dict, IncrementalUpdate, Object, Pdf, text};
use crate::signing::visible::{AppearanceError, Border, Colour, Draw, Language, Place, VisibleSignature, Widget};

/// Print and locked (ISO 32000-1 table 165).
const WIDGET_FLAGS: i64 = 4 + 128;
/// Characters of one text, and lines of the request's own.
const TEXT: usize = 500;
const LINES: usize = 12;
/// Bytes of a QR code: more makes modules too small to print.
const QR_BYTES: usize = 500;
/// Blank modules around a QR code (ISO/IEC 18004 §6.3.8).
const QUIET: usize = 4;
/// The QR code is at most this part of the width.
const QR_SHARE: f64 = 0.34;

/// What the signature says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureFacts {
    pub signer: String,
    pub reason: Option<String>,
    pub location: Option<String>,
    /// Shown on Viet Nam's clocks.
    pub signing_time: OffsetDateTime,
}

/// A visible signature ready to be drawn.
#[derive(Debug)]
pub struct Appearance<'a> {
    request: &'a VisibleSignature,
    facts: SignatureFacts,
    picture: Option<Picture>,
    typeface: Typeface<'a>,
}

/// Checks a request without a document: limits, image, QR code.
///
/// # Errors
/// [`AppearanceError`] with the first thing that cannot be shown.
pub fn check(request: &VisibleSignature) -> Result<(), AppearanceError> {
    let facts = SignatureFacts {
        signer: String::new(),
        reason: None,
        location: None,
        signing_time: OffsetDateTime::UNIX_EPOCH,
    };
    Appearance::new(request, facts).map(|_| ())
}

impl<'a> Appearance<'a> {
    /// # Errors
    /// As [`check`].
    pub fn new(request: &'a VisibleSignature, facts: SignatureFacts) -> Result<Self, AppearanceError> {
        check_texts(request)?;
        let layout = Layout::of(request.template);
        let picture = request.image.as_deref().map(decoded).transpose()?;
        match (layout.picture, &picture) {
            (template::Picture::Required, None) => return Err(AppearanceError::ImageMissing),
            (template::Picture::None, Some(_)) => return Err(AppearanceError::NotInTemplate("image")),
            _ => {}
        }
        if !layout.shows_text() && (request.qr.is_some() || request.agency.is_some() || !request.lines.is_empty()) {
            return Err(AppearanceError::NotInTemplate("text or QR code"));
        }
        request.qr.as_deref().map(qr_code).transpose()?;
        Ok(Self { request, facts, picture, typeface: Typeface::default() })
    }

    /// With fonts of the caller's instead of the program's.
    pub fn with_typeface(self, typeface: Typeface<'a>) -> Self {
        Self { typeface, ..self }
    }

    fn widget(
        &self,
        pdf: &Pdf<'_>,
        update: &mut IncrementalUpdate<'_, '_>,
        spot: &Spot,
    ) -> Result<Widget, AppearanceError> {
        let rules = Rules::of(pdf);
        let mut canvas = Canvas::new(rules.colours);
        let size = spot.size();
        self.paint(&mut canvas, update, rules, size)?;
        let form = canvas.finish(update, size, spot.rotation.upright(size.0, size.1))?;
        let entries = Dict::new()
            .with("F", Object::Integer(WIDGET_FLAGS))
            .with("AP", Object::Dict(Dict::new().with("N", Object::Ref(form))));
        Ok(Widget { on: spot.on, entries })
    }

    fn paint(
        &self,
        canvas: &mut Canvas,
        update: &mut IncrementalUpdate<'_, '_>,
        rules: Rules,
        (width, height): (f64, f64),
    ) -> Result<(), AppearanceError> {
        let layout = Layout::of(self.request.template);
        if let Some(background) = self.request.background {
            canvas.fill(background);
            canvas.op(&[0.0, 0.0, width, height], "re");
            canvas.raw("f");
        }
        let border = self.border(&layout);
        let line = border.width.value().max(0.0);
        if line > 0.0 {
            canvas.stroke(border.color);
            canvas.op(&[line], "w");
            canvas.op(&[line / 2.0, line / 2.0, width - line, height - line], "re");
            canvas.raw("S");
        }
        let inset = layout.padding.min(width.min(height) / 8.0) + line;
        let (mut left, mut right) = (inset, width - inset);
        let inner = (height - 2.0 * inset).max(0.0);
        if let Some(picture) = &self.picture {
            let share = (right - left) * layout.picture_share;
            picture.draw(canvas, update, rules, [left, inset, share, inner])?;
            left += share + if layout.shows_text() { inset } else { 0.0 };
        }
        if let Some(qr) = &self.request.qr {
            let side = inner.min((width - 2.0 * inset) * QR_SHARE);
            right -= side;
            draw_qr(canvas, &qr_code(qr)?, [right, inset + (inner - side) / 2.0, side])?;
            right -= inset;
        }
        if layout.shows_text() {
            self.write(canvas, update, rules, &layout, [left, inset, (right - left).max(0.0), inner])?;
        }
        Ok(())
    }

    fn border(&self, layout: &Layout) -> Border {
        let own = || Border { color: Colour::BLACK, width: layout.border.try_into().unwrap_or_default() };
        self.request.border.unwrap_or_else(own)
    }

    fn write(
        &self,
        canvas: &mut Canvas,
        update: &mut IncrementalUpdate<'_, '_>,
        rules: Rules,
        layout: &Layout,
        [x, y, width, height]: [f64; 4],
    ) -> Result<(), AppearanceError> {
        let mut fonts = Fonts { regular: Font::new(self.typeface.regular)?, bold: Font::new(self.typeface.bold)? };
        let largest = self.request.font_size.map_or(layout.largest, |size| size.value().clamp(layout.smallest, 72.0));
        let fitted = fonts.fit(&self.lines(layout), (width, height), (largest, layout.smallest))?;
        let size = fitted.size;
        let spare = height - fonts.height(fitted.lines.len(), size);
        let baseline = y + height - spare / 2.0 - fonts.regular.ascent() * size;
        canvas.fill(self.request.color.unwrap_or(Colour::BLACK));
        canvas.raw("BT");
        canvas.op(&[Fonts::leading(size)], "TL");
        canvas.op(&[x, baseline], "Td");
        for line in &fitted.lines {
            let name = match line.weight {
                Weight::Regular => "F0",
                Weight::Bold => "F1",
            };
            canvas.raw(&format!("/{name} {} Tf", super::canvas::number(size)));
            let codes = fonts.of_mut(line.weight).encode(&line.text)?;
            canvas.raw(&format!("<{codes}> Tj T*"));
        }
        canvas.raw("ET");
        for (name, font) in [("F0", &fonts.regular), ("F1", &fonts.bold)] {
            if font.is_used() {
                let id = font.embed(update, rules.cid_set)?;
                canvas.fonts.set(name, Object::Ref(id));
            }
        }
        Ok(())
    }

    /// What a screen reader says instead of the picture.
    fn described(&self) -> String {
        let Self { facts: SignatureFacts { signer, .. }, request, .. } = self;
        let time = local_time(self.facts.signing_time);
        match request.language {
            Language::Vi => format!("Chữ ký số của {signer}, {time}"),
            Language::En => format!("Digital signature of {signer}, {time}"),
            Language::Both => format!("Chữ ký số của/Digital signature of {signer}, {time}"),
        }
    }

    fn lines(&self, layout: &Layout) -> Vec<Line> {
        let mut lines = Vec::new();
        for fact in layout.facts {
            let (labels, value) = match fact {
                Fact::Signer => (["Ký bởi", "Signed by"], Some(self.facts.signer.clone())),
                Fact::Agency => (["Cơ quan", "Organisation"], self.request.agency.clone()),
                Fact::Time => (["Thời gian ký", "Time"], Some(local_time(self.facts.signing_time))),
                Fact::Reason => (["Lý do", "Reason"], self.facts.reason.clone()),
                Fact::Location => (["Nơi ký", "Place"], self.facts.location.clone()),
                Fact::Lines => {
                    lines.extend(self.request.lines.iter().map(|line| composed(line, Weight::Regular)));
                    continue;
                }
            };
            let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
            let weight = if *fact == Fact::Signer { Weight::Bold } else { Weight::Regular };
            let text = match layout.labels {
                Labels::Left => value,
                Labels::Shown => format!("{}: {value}", label(labels, self.request.language)),
            };
            lines.push(composed(&text, weight));
        }
        lines
    }
}

impl Draw for Appearance<'_> {
    fn draw(&self, pdf: &Pdf<'_>, update: &mut IncrementalUpdate<'_, '_>) -> Result<Widget, AppearanceError> {
        let place: &Place = self.request.place.as_ref().ok_or(AppearanceError::PlaceMissing)?;
        let spot = place::find(pdf, place)?;
        let mut widget = self.widget(pdf, update, &spot)?;
        let rect = [spot.rect.left, spot.rect.bottom, spot.rect.right, spot.rect.top].map(real).to_vec();
        widget.entries.set("Rect", Object::Array(rect));
        widget.entries.set("TU", Object::String(text::encode(&self.described())));
        Ok(widget)
    }

    fn draw_into(
        &self,
        pdf: &Pdf<'_>,
        update: &mut IncrementalUpdate<'_, '_>,
        field: &Field,
    ) -> Result<Widget, AppearanceError> {
        if self.request.place.is_some() {
            return Err(AppearanceError::TwoPlaces);
        }
        let spot = place::of_field(pdf, field)?;
        let mut widget = self.widget(pdf, update, &spot)?;
        // Flags the field has stay: an earlier signature lets them only grow.
        let old = pdf.get(spot.on)?;
        let old = pdf.value(old.as_dict().unwrap_or(Dict::empty()), "F")?.and_then(|flags| flags.as_integer());
        widget.entries.set("F", Object::Integer(old.unwrap_or(0) | WIDGET_FLAGS));
        Ok(widget)
    }
}

fn check_texts(request: &VisibleSignature) -> Result<(), AppearanceError> {
    if request.lines.len() > LINES {
        return Err(AppearanceError::TooLarge { what: "the number of lines", limit: LINES });
    }
    let anchor = match &request.place {
        Some(Place::Anchor(anchor)) => Some(&anchor.text),
        _ => None,
    };
    let mut texts = request.lines.iter().chain(&request.agency).chain(anchor);
    if texts.any(|text| text.chars().count() > TEXT) {
        return Err(AppearanceError::TooLarge { what: "a text in characters", limit: TEXT });
    }
    Ok(())
}

fn decoded(image: &str) -> Result<Picture, AppearanceError> {
    if image.len() / 4 * 3 > BYTES + 3 {
        return Err(AppearanceError::TooLarge { what: "the image in bytes", limit: BYTES });
    }
    let bytes = STANDARD.decode(image).map_err(|_| AppearanceError::Image("it is not base64"))?;
    Picture::read(&bytes)
}

fn composed(text: &str, weight: Weight) -> Line {
    Line { text: text.nfc().collect(), weight }
}

fn label([vi, en]: [&str; 2], language: Language) -> String {
    match language {
        Language::Vi => vi.into(),
        Language::En => en.into(),
        Language::Both => format!("{vi}/{en}"),
    }
}

/// `26/11/2026 18:05:33 +07:00`.
fn local_time(at: OffsetDateTime) -> String {
    let format = format_description!(
        "[day]/[month]/[year] [hour]:[minute]:[second] [offset_hour sign:mandatory]:[offset_minute]"
    );
    at.to_offset(offset!(+7)).format(format).unwrap_or_default()
}

fn qr_code(text: &str) -> Result<QrCode, AppearanceError> {
    if text.len() > QR_BYTES {
        return Err(AppearanceError::TooLarge { what: "the QR code in bytes", limit: QR_BYTES });
    }
    QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| AppearanceError::Qr("too much text"))
}

/// Dark modules as rectangles on white, a row's neighbours together.
fn draw_qr(canvas: &mut Canvas, code: &QrCode, [x, y, side]: [f64; 3]) -> Result<(), AppearanceError> {
    let float = |n: usize| f64::from(u32::try_from(n).unwrap_or(0));
    let module = side / float(code.width() + 2 * QUIET);
    // Half a millimetre is what telephones read from paper; less is a smudge.
    if module < 0.5 {
        return Err(AppearanceError::Qr("its modules would be below half a point; give it a larger rectangle"));
    }
    canvas.fill(Colour::WHITE);
    canvas.op(&[x, y, side, side], "re");
    canvas.raw("f");
    canvas.fill(Colour::BLACK);
    let colors = code.to_colors();
    for (row, modules) in colors.chunks(code.width().max(1)).enumerate() {
        let bottom = y + side - float(row + 1 + QUIET) * module;
        let mut column = 0;
        for run in modules.chunk_by(|a, b| a == b) {
            if run.first() == Some(&Module::Dark) {
                // A trace of overlap: no light seams between rows.
                let height = module * 1.02;
                canvas.op(&[x + float(column + QUIET) * module, bottom, float(run.len()) * module, height], "re");
            }
            column += run.len();
        }
    }
    canvas.raw("f");
    Ok(())
}
