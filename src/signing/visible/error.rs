//! Why a signature cannot be shown as asked.

use crate::formats::pdf::PdfError;

/// Why a signature cannot be shown as asked. All are the request's or the document's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppearanceError {
    #[error(transparent)]
    Pdf(#[from] PdfError),
    #[error("appearance: there is no page {page}; the document has {pages}")]
    NoSuchPage { page: i32, pages: usize },
    #[error("appearance: the rectangle reaches outside page {page}, which shows {width} x {height} points")]
    OutsidePage { page: usize, width: String, height: String },
    #[error("appearance: the rectangle has no area")]
    NoArea,
    /// The field is invisible by design, or has no widget on a page.
    #[error("appearance: the field {0:?} has no rectangle on a page to show a signature in")]
    FieldNotShown(String),
    #[error("appearance: the text {0:?} is not on the page")]
    AnchorNotFound(String),
    #[error("appearance: the text {text:?} is found {found} times, occurrence {asked} was asked for")]
    NoSuchOccurrence { text: String, found: usize, asked: u32 },
    #[error("appearance: a place is needed, or the name of an existing field")]
    PlaceMissing,
    #[error("appearance: give either a place or an existing field, not both")]
    TwoPlaces,
    #[error("appearance: {what} exceeds its limit of {limit}")]
    TooLarge { what: &'static str, limit: usize },
    /// Too small a rectangle; nothing is cut off silently.
    #[error("appearance: the text does not fit into {width} x {height} points at {size} points")]
    TextDoesNotFit { width: String, height: String, size: String },
    #[error("appearance: the font has no glyph for {0:?} (U+{code:04X})", code = u32::from(*.0))]
    NoGlyph(char),
    #[error("appearance: the font cannot be used: {0}")]
    Font(&'static str),
    #[error("appearance: the image cannot be used: {0}")]
    Image(&'static str),
    #[error("appearance: the template needs an image")]
    ImageMissing,
    #[error("appearance: the template shows no {0}")]
    NotInTemplate(&'static str),
    #[error("appearance: the QR code does not fit: {0}")]
    Qr(&'static str),
}
