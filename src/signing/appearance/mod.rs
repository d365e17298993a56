//! Visible signatures: the request of [`super::visible`] becomes one form XObject, the same bytes for the same request.
//!
//! Reading order: `template` (the layouts, as data), `place` (where on which page), `font` and `paragraph` (an embedded subset,
//! text that fits or is refused), `picture` and `vector` (PNG, JPEG, SVG), `canvas` (content operators), `conformance`
//! (what PDF/A permits), `draw` (all of it together); `sheet` sets whole pages of text with the same parts.
//!
//! What this folder does not do: shape scripts other than Latin, hyphenate, draw text inside SVG (refused: make it outlines),
//! follow references out of an image, or add to the structure tree of a tagged document (the field's /TU tells it instead).
//! Follows ISO 32000-2 §12.5.5 and §12.7.5.5, ISO 19005-1 to -4, and annex I of Decree 30/2020/NĐ-CP.

mod canvas;
mod conformance;
mod draw;
mod font;
mod paragraph;
mod picture;
mod place;
mod sheet;
mod template;
mod vector;

pub use draw::{Appearance, SignatureFacts, check};
pub use font::Typeface;
pub use sheet::{Block, sheet};
