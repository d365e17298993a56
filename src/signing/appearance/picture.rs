//! Pictures from outside: what they are is seen in their bytes, what they would cost is known before they are decoded.

use png::{ColorType, Transformations};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;

use super::canvas::{Canvas, deflated};
use super::conformance::{Alpha, Colours, Rules};
use super::font::integer;
use super::vector::Vector;
use crate::formats::pdf::{Dict, IncrementalUpdate, Object, ObjectId};
use crate::signing::visible::AppearanceError;

/// Bytes of a picture. A seal at 600 dpi is a PNG of some 200 KiB.
pub(super) const BYTES: usize = 512 << 10;
/// Pixels of a picture: 2,000 by 2,000, or an A5 page at 300 dpi.
const PIXELS: usize = 4_000_000;
/// Less opaque than this leaves no mark where there are no soft masks.
const FAINT: u8 = 24;

/// A decoded picture.
#[derive(Debug)]
pub(super) enum Picture {
    Pixels(Pixels),
    /// JPEG data as it came.
    Jpeg {
        width: usize,
        height: usize,
        space: JpegSpace,
        bytes: Vec<u8>,
    },
    Vector(Box<Vector>),
}

#[derive(Debug)]
pub(super) struct Pixels {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
    /// `None` when opaque.
    alpha: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JpegSpace {
    Gray,
    Rgb,
}

impl Picture {
    pub fn read(bytes: &[u8]) -> Result<Self, AppearanceError> {
        if bytes.len() > BYTES {
            return Err(AppearanceError::TooLarge { what: "the image in bytes", limit: BYTES });
        }
        match bytes {
            [0x89, b'P', b'N', b'G', ..] => Ok(Self::Pixels(png(bytes)?)),
            [0xff, 0xd8, ..] => jpeg(bytes),
            _ => Ok(Self::Vector(Box::new(Vector::read(bytes)?))),
        }
    }

    /// Width and height, of which the ratio counts.
    pub fn size(&self) -> (f64, f64) {
        let float = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        match self {
            Self::Pixels(Pixels { width, height, .. }) | Self::Jpeg { width, height, .. } => {
                (float(*width), float(*height))
            }
            Self::Vector(vector) => vector.size(),
        }
    }

    /// Draws into the box, keeping the picture's proportions, in its middle.
    pub fn draw(
        &self,
        canvas: &mut Canvas,
        update: &mut IncrementalUpdate<'_, '_>,
        rules: Rules,
        [x, y, width, height]: [f64; 4],
    ) -> Result<(), AppearanceError> {
        let (own_width, own_height) = self.size();
        let scale = (width / own_width).min(height / own_height);
        let (drawn_width, drawn_height) = (own_width * scale, own_height * scale);
        let (x, y) = (x + (width - drawn_width) / 2.0, y + (height - drawn_height) / 2.0);
        canvas.raw("q");
        match self {
            Self::Vector(vector) => {
                // SVG runs down.
                canvas.op(&[scale, 0.0, 0.0, -scale, x, y + drawn_height], "cm");
                vector.draw(canvas);
            }
            Self::Pixels(pixels) => {
                let id = pixels.embed(update, rules)?;
                canvas.images.set("Im0", Object::Ref(id));
                canvas.op(&[drawn_width, 0.0, 0.0, drawn_height, x, y], "cm");
                canvas.raw("/Im0 Do");
            }
            Self::Jpeg { width, height, space, bytes } => {
                let id = update.allocate()?;
                let dict = image(*width, *height, jpeg_space(*space, rules.colours));
                update.set_stream(id, dict.with("Filter", Object::name("DCTDecode")), bytes);
                canvas.images.set("Im0", Object::Ref(id));
                canvas.op(&[drawn_width, 0.0, 0.0, drawn_height, x, y], "cm");
                canvas.raw("/Im0 Do");
            }
        }
        canvas.raw("Q");
        Ok(())
    }
}

fn jpeg_space(space: JpegSpace, colours: Colours) -> Object {
    match (space, colours) {
        (JpegSpace::Rgb, _) => Canvas::image_space(colours),
        (JpegSpace::Gray, Colours::Device) => Object::name("DeviceGray"),
        (JpegSpace::Gray, Colours::Calibrated) => {
            let number = |text: &str| Object::Real(text.as_bytes().into());
            let white = Object::Array(vec![number("0.9505"), number("1"), number("1.089")]);
            let dict = Dict::new().with("WhitePoint", white).with("Gamma", number("2.2"));
            Object::Array(vec![Object::name("CalGray"), Object::Dict(dict)])
        }
    }
}

fn image(width: usize, height: usize, space: Object) -> Dict {
    Dict::new()
        .with("Type", Object::name("XObject"))
        .with("Subtype", Object::name("Image"))
        .with("Width", integer(width))
        .with("Height", integer(height))
        .with("ColorSpace", space)
        .with("BitsPerComponent", Object::Integer(8))
}

fn bounded(width: usize, height: usize) -> Result<(), AppearanceError> {
    match width.checked_mul(height) {
        Some(0) => Err(AppearanceError::Image("it has no pixels")),
        Some(pixels) if pixels <= PIXELS => Ok(()),
        _ => Err(AppearanceError::TooLarge { what: "the image in pixels", limit: PIXELS }),
    }
}

fn png(bytes: &[u8]) -> Result<Pixels, AppearanceError> {
    let broken = || AppearanceError::Image("the PNG is damaged");
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    decoder.set_limits(png::Limits { bytes: PIXELS * 8 });
    decoder.set_ignore_text_chunk(true);
    let mut reader = decoder.read_info().map_err(|_| broken())?;
    let size = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    let (width, height) = (size(reader.info().width), size(reader.info().height));
    bounded(width, height)?;
    let mut buffer = vec![0; reader.output_buffer_size().ok_or_else(broken)?];
    let info = reader.next_frame(&mut buffer).map_err(|_| broken())?;
    let data = buffer.get(..info.buffer_size()).ok_or_else(broken)?;
    let (mut rgb, mut alpha) = (Vec::with_capacity(width * height * 3), Vec::new());
    for pixel in data.chunks_exact(info.color_type.samples()) {
        match (info.color_type, pixel) {
            (ColorType::Rgb | ColorType::Rgba, [r, g, b, rest @ ..]) => {
                rgb.extend_from_slice(&[*r, *g, *b]);
                alpha.extend_from_slice(rest);
            }
            (_, [gray, rest @ ..]) => {
                rgb.extend_from_slice(&[*gray; 3]);
                alpha.extend_from_slice(rest);
            }
            _ => return Err(broken()),
        }
    }
    let alpha = Some(alpha).filter(|alpha| alpha.iter().any(|a| *a != 255));
    Ok(Pixels { width, height, rgb, alpha })
}

fn jpeg(bytes: &[u8]) -> Result<Picture, AppearanceError> {
    let broken = |_| AppearanceError::Image("the JPEG is damaged or of a rare kind");
    let mut decoder = JpegDecoder::new(ZCursor::new(bytes));
    decoder.decode_headers().map_err(broken)?;
    let info = decoder.info().ok_or(AppearanceError::Image("the JPEG has no size"))?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    bounded(width, height)?;
    let space = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => JpegSpace::Gray,
        Some(ColorSpace::YCbCr | ColorSpace::RGB) => JpegSpace::Rgb,
        _ => return Err(AppearanceError::Image("the JPEG is neither grey nor RGB")),
    };
    // Decoded once, so that a viewer will not fail on it.
    decoder.decode().map_err(broken)?;
    Ok(Picture::Jpeg { width, height, space, bytes: bytes.to_vec() })
}

impl Pixels {
    fn embed(&self, update: &mut IncrementalUpdate<'_, '_>, rules: Rules) -> Result<ObjectId, AppearanceError> {
        let mut dict = image(self.width, self.height, Canvas::image_space(rules.colours));
        let Some(alpha) = &self.alpha else {
            let id = update.allocate()?;
            deflated(update, id, dict, &self.rgb);
            return Ok(id);
        };
        let mask = update.allocate()?;
        let id = update.allocate()?;
        match rules.alpha {
            Alpha::Soft => {
                let gray = image(self.width, self.height, Object::name("DeviceGray"));
                deflated(update, mask, gray, alpha);
                deflated(update, id, dict.with("SMask", Object::Ref(mask)), &self.rgb);
            }
            Alpha::Stencil => {
                let stencil = Dict::new()
                    .with("Type", Object::name("XObject"))
                    .with("Subtype", Object::name("Image"))
                    .with("Width", integer(self.width))
                    .with("Height", integer(self.height))
                    .with("ImageMask", Object::Bool(true))
                    .with("BitsPerComponent", Object::Integer(1));
                deflated(update, mask, stencil, &stencil_rows(alpha, self.width));
                dict.set("Mask", Object::Ref(mask));
                deflated(update, id, dict, &self.on_white(alpha));
            }
        }
        Ok(id)
    }

    /// The colours mixed with white by their opacity.
    fn on_white(&self, alpha: &[u8]) -> Vec<u8> {
        let mixed = |value: u8, alpha: u8| {
            let mixed = (u32::from(value) * u32::from(alpha) + 255 * u32::from(255 - alpha) + 127) / 255;
            u8::try_from(mixed).unwrap_or(255)
        };
        let pixels = self.rgb.chunks_exact(3).zip(alpha);
        pixels.flat_map(|(rgb, alpha)| rgb.iter().map(move |value| mixed(*value, *alpha))).collect()
    }
}

/// One bit a pixel, rows padded to bytes; 1 is left out (ISO 32000-1 §8.9.6.3).
fn stencil_rows(alpha: &[u8], width: usize) -> Vec<u8> {
    let byte = |pixels: &[u8]| {
        (0..8usize).fold(0u8, |byte, bit| byte << 1 | u8::from(pixels.get(bit).is_none_or(|alpha| *alpha < FAINT)))
    };
    alpha.chunks(width.max(1)).flat_map(|row| row.chunks(8).map(byte)).collect()
}
