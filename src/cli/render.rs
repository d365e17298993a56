//! `kyso render-page`: draws one page of a PDF to PNG on standard output, or tells its text, in a process of its own.
//!
//! The service shows citizens the pages of documents that anybody may have made. Drawing runs here, so that a file that
//! exhausts memory, loops or trips over a fault in the drawing code ends this process and nothing else. The process
//! limits itself before it opens the file; its parent ([`crate::http::render`]) also limits its time.
//!
//! Exit codes: 0 drawn, 1 cannot be drawn, 3 drawn, but something on the page could not be shown (a font, a picture or
//! an annotation's appearance). What it does not do: decide whether a document may be signed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::page::Page;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings};

use crate::formats::pdf::active::Active;
use crate::formats::pdf::content::text::PageText;
use crate::formats::pdf::{self as own, Limits};

/// Arguments of `kyso render-page`.
#[derive(Debug, clap::Args)]
pub struct RenderArgs {
    /// The PDF.
    pub file: PathBuf,
    /// Page to draw, from 1.
    #[arg(required_unless_present_any = ["count", "text"], value_parser = clap::value_parser!(u32).range(1..))]
    pub page: Option<u32>,
    /// Width of the picture in pixels.
    #[arg(long, default_value_t = 900, value_parser = clap::value_parser!(u16).range(100..=2400))]
    pub width: u16,
    /// Print the number of pages and in words what the document holds besides; then width and height of each page in points,
    /// one page a line.
    #[arg(long, conflicts_with_all = ["page", "text"])]
    pub count: bool,
    /// Print the text of all pages, a form feed after each.
    #[arg(long, conflicts_with = "page")]
    pub text: bool,
}

/// Address space of the process in bytes. An A4 page at 2400 pixels is a 33 MB bitmap; scanned pages hold a few more of
/// their own size. 1.5 GiB leaves room for those and stops decompression bombs.
const MEMORY: u64 = 1536 * 1024 * 1024;
/// Processor time in seconds; the parent's clock usually ends the process first.
const CPU_SECONDS: u64 = 15;
/// Largest answer in bytes when standard output is a file; a true-colour picture of the largest size stays below it.
const OUTPUT: u64 = 64 * 1024 * 1024;
/// Most text of a document in bytes: 200 dense pages.
const TEXT: usize = 1024 * 1024;
/// Stack of the drawing thread: the reader recurses over nested objects.
const STACK: usize = 64 * 1024 * 1024;
/// Tallest picture in pixels: a page fifteen times as high as wide at the default width.
const MAX_HEIGHT: f32 = 14_000.0;
/// Most pages whose sizes are listed; far above what a citizen is asked to read.
const MAX_PAGES: usize = 5_000;

/// Runs the command; messages go to standard error.
pub fn run(args: &RenderArgs) -> ExitCode {
    if let Err(error) = limit_process(MEMORY, CPU_SECONDS) {
        eprintln!("kyso: cannot limit the drawing process: {error}");
        return ExitCode::from(1);
    }
    let (file, page, width, text) = (args.file.clone(), args.page, args.width, args.text);
    let work = move || match page {
        Some(page) => draw(&file, page, width),
        None if text => read(&file),
        None => list(&file),
    };
    let outcome = std::thread::Builder::new().stack_size(STACK).spawn(work).map(std::thread::JoinHandle::join);
    match outcome {
        Ok(Ok(Ok(Shown::Whole))) => ExitCode::SUCCESS,
        Ok(Ok(Ok(Shown::InPart))) => ExitCode::from(3),
        Ok(Ok(Err(problem))) => {
            eprintln!("kyso: {problem}");
            ExitCode::from(1)
        }
        Ok(Err(_)) | Err(_) => ExitCode::from(1),
    }
}

/// Whether everything on the page could be drawn.
enum Shown {
    Whole,
    InPart,
}

#[derive(Debug, thiserror::Error)]
enum RenderError {
    #[error("the file cannot be read: {0}")]
    Read(std::io::Error),
    #[error("the file is not a PDF that can be drawn")]
    Pdf,
    #[error("there is no page {0}")]
    NoPage(u32),
    #[error("the page has no usable size")]
    Size,
    #[error("the picture cannot be encoded: {0}")]
    Png(#[from] png::EncodingError),
    #[error("the answer cannot be written: {0}")]
    Write(std::io::Error),
}

/// Limits this process before it opens a file nobody vouches for: bytes of address space, seconds of processor time.
///
/// # Errors
/// When the system does not take a limit.
pub(super) fn limit_process(memory: u64, cpu_seconds: u64) -> rustix::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let at_most = |limit| Rlimit { current: Some(limit), maximum: Some(limit) };
    setrlimit(Resource::As, at_most(memory))?;
    setrlimit(Resource::Cpu, at_most(cpu_seconds))?;
    setrlimit(Resource::Core, at_most(0))?;
    setrlimit(Resource::Fsize, at_most(OUTPUT))
}

fn open(file: &Path) -> Result<Pdf, RenderError> {
    let bytes = std::fs::read(file).map_err(RenderError::Read)?;
    Pdf::new(bytes).map_err(|_| RenderError::Pdf)
}

fn list(file: &Path) -> Result<Shown, RenderError> {
    use std::fmt::Write as _;
    let pdf = open(file)?;
    let pages = pdf.pages();
    let mut text = format!("{}{}\n", pages.len(), holds(file));
    for page in pages.iter().take(MAX_PAGES) {
        let (width, height) = page.render_dimensions();
        let _ = writeln!(text, "{} {}", width.round(), height.round());
    }
    std::io::stdout().write_all(text.as_bytes()).map_err(RenderError::Write)?;
    Ok(Shown::Whole)
}

/// What the document holds besides its pages, each word after a blank: none for one that the strict reader cannot open, which
/// is not taken to be signed.
fn holds(file: &Path) -> String {
    let bytes = std::fs::read(file).unwrap_or_default();
    let limits = Limits::default();
    let active = own::Pdf::open_for_signing(&bytes, &limits, None).map(|pdf| Active::read(&pdf)).unwrap_or_default();
    let Active { scripts, layers, attachments, fields } = active;
    let words = [(scripts, " scripts"), (layers, " layers"), (attachments, " attachments"), (fields, " fields")];
    words.into_iter().filter(|(there, _)| *there).map(|(_, word)| word).collect()
}

/// The text of each page, as the strict reader finds it, for those who do not see the pictures.
fn read(file: &Path) -> Result<Shown, RenderError> {
    let bytes = std::fs::read(file).map_err(RenderError::Read)?;
    let limits = Limits::default();
    let pdf = own::Pdf::open_for_signing(&bytes, &limits, None).map_err(|_| RenderError::Pdf)?;
    let pages = own::pages::pages(&pdf).map_err(|_| RenderError::Pdf)?;
    let mut out = std::io::stdout().lock();
    let mut left = TEXT;
    for page in &pages {
        let text = PageText::read(&pdf, page).lines();
        let Some(rest) = left.checked_sub(text.len()) else { return Ok(Shown::InPart) };
        left = rest;
        out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\x0c")).map_err(RenderError::Write)?;
    }
    Ok(Shown::Whole)
}

fn draw(file: &Path, number: u32, width: u16) -> Result<Shown, RenderError> {
    let pdf = open(file)?;
    let index = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let page = pdf.pages().get(index).ok_or(RenderError::NoPage(number))?;
    let scale = scale(page, width)?;
    let missing = Arc::new(AtomicBool::new(false));
    let sink = Arc::clone(&missing);
    let settings = InterpreterSettings {
        warning_sink: Arc::new(move |_| sink.store(true, Ordering::Relaxed)),
        ..InterpreterSettings::default()
    };
    let pixmap = PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE };
    let picture = hayro::render(page, &RenderCache::new(), &settings, &RenderSettings::default(), &pixmap);
    let (width, height) = (u32::from(picture.width()), u32::from(picture.height()));
    let png = encode(width, height, picture.data_as_u8_slice())?;
    std::io::stdout().write_all(&png).map_err(RenderError::Write)?;
    Ok(if missing.load(Ordering::Relaxed) { Shown::InPart } else { Shown::Whole })
}

fn scale(page: &Page<'_>, width: u16) -> Result<f32, RenderError> {
    let (page_width, page_height) = page.render_dimensions();
    let scale = f32::from(width) / page_width;
    let usable = page_width >= 1.0 && page_height >= 1.0 && scale.is_finite() && page_height * scale <= MAX_HEIGHT;
    if usable { Ok(scale) } else { Err(RenderError::Size) }
}

/// Encodes opaque RGBA pixels, in the smallest of three forms that keeps what is read: 16 levels of grey for pages
/// without colour, a palette for few colours, and true colour otherwise.
fn encode(width: u32, height: u32, rgba: &[u8]) -> Result<Vec<u8>, RenderError> {
    let (pixels, _) = rgba.as_chunks::<4>();
    if pixels.iter().all(|[red, green, blue, _]| red.abs_diff(*green) <= 2 && green.abs_diff(*blue) <= 2) {
        let levels = pixels.iter().map(|[_, green, _, _]| sixteen_levels(*green)).collect::<Vec<_>>();
        return write_png(width, height, png::ColorType::Grayscale, None, &pack_nibbles(&levels, width));
    }
    // Eight levels a channel are enough for text and rules; a photograph keeps more colours than a palette holds.
    let coarse = |[red, green, blue, _]: &[u8; 4]| [*red, *green, *blue].map(sixteen_levels).map(|level| level * 17);
    if let Some((palette, indices)) = palette(pixels.iter().map(coarse)) {
        return write_png(width, height, png::ColorType::Indexed, Some(palette), &indices);
    }
    let rgb: Vec<u8> = pixels.iter().flat_map(|[red, green, blue, _]| [*red, *green, *blue]).collect();
    write_png(width, height, png::ColorType::Rgb, None, &rgb)
}

/// The nearest of 16 levels, 0 to 15.
fn sixteen_levels(value: u8) -> u8 {
    (value / 17).saturating_add(u8::from(value % 17 > 8)).min(15)
}

/// Packs levels of 4 bits two to a byte, each row beginning on a byte.
fn pack_nibbles(levels: &[u8], width: u32) -> Vec<u8> {
    let width = usize::try_from(width).unwrap_or(usize::MAX).max(1);
    let pair = |pair: &[u8]| pair.iter().fold(0, |byte, level| byte << 4 | level) << (4 * (2 - pair.len()));
    levels.chunks(width).flat_map(|row| row.chunks(2).map(pair).collect::<Vec<u8>>()).collect()
}

/// At most 256 different colours as a palette and indices into it; `None` when there are more.
fn palette(colours: impl Iterator<Item = [u8; 3]>) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut known = std::collections::HashMap::new();
    let mut palette = Vec::new();
    let mut indices = Vec::new();
    // Most pixels are what the one before was: only a change is looked up.
    let mut last = None;
    for colour in colours {
        let index = match last {
            Some((same, index)) if same == colour => index,
            _ => {
                let next = known.len();
                match known.entry(colour) {
                    std::collections::hash_map::Entry::Occupied(entry) => *entry.get(),
                    std::collections::hash_map::Entry::Vacant(entry) => {
                        palette.extend(colour);
                        *entry.insert(u8::try_from(next).ok()?)
                    }
                }
            }
        };
        last = Some((colour, index));
        indices.push(index);
    }
    Some((palette, indices))
}

fn write_png(
    width: u32,
    height: u32,
    color: png::ColorType,
    palette: Option<Vec<u8>>,
    data: &[u8],
) -> Result<Vec<u8>, RenderError> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.set_depth(if color == png::ColorType::Grayscale { png::BitDepth::Four } else { png::BitDepth::Eight });
    if let Some(palette) = palette {
        encoder.set_palette(palette);
    }
    encoder.set_compression(png::Compression::Balanced);
    // Filters help photographs; rows of text and few colours compress better as they are.
    let filter = if color == png::ColorType::Rgb { png::Filter::Adaptive } else { png::Filter::NoFilter };
    encoder.set_filter(filter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(data)?;
    writer.finish()?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_rows_begin_on_a_byte() {
        assert_eq!(pack_nibbles(&[1, 2, 3, 4, 5, 6], 3), [0x12, 0x30, 0x45, 0x60]);
    }

    #[test]
    fn levels_are_the_nearest_ones() {
        assert_eq!([0, 8, 9, 247, 255].map(sixteen_levels), [0, 0, 1, 15, 15]);
    }

    #[test]
    fn a_palette_of_257_colours_is_refused() {
        let colours =
            |n: u16| (0..n).map(|i| [u8::try_from(i >> 8).unwrap_or(0), u8::try_from(i & 255).unwrap_or(0), 0]);
        assert!(palette(colours(256)).is_some());
        assert!(palette(colours(257)).is_none());
    }

    #[test]
    fn grey_coloured_and_photographic_pixels_decode_to_what_was_drawn() {
        for pixels in [
            vec![[255u8, 255, 255, 255], [0, 0, 0, 255], [0, 0, 0, 255]],
            vec![[255, 0, 0, 255], [0, 0, 0, 255], [255, 255, 255, 255]],
        ] {
            let encoded = encode(3, 1, pixels.as_flattened()).expect("encodes");
            let mut decoder = png::Decoder::new(std::io::Cursor::new(encoded));
            decoder.set_transformations(png::Transformations::EXPAND);
            let mut reader = decoder.read_info().expect("a PNG");
            let mut buffer = vec![0; reader.output_buffer_size().expect("small")];
            let info = reader.next_frame(&mut buffer).expect("a frame");
            let step = info.color_type.samples();
            let read: Vec<[u8; 3]> =
                buffer.chunks(step).map(|p| if step == 1 { [p[0]; 3] } else { [p[0], p[1], p[2]] }).collect();
            assert_eq!(read, pixels.iter().map(|p| [p[0], p[1], p[2]]).collect::<Vec<_>>());
        }
    }

    #[test]
    fn text_that_is_not_a_pdf_is_refused() {
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), "hello").expect("written");
        assert!(matches!(open(file.path()), Err(RenderError::Pdf)));
    }
}
