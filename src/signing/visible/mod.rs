//! How a signature is to be shown on the page: a request for it as plain data, kept with the signing request.
//!
//! [`VisibleSignature`] is the JSON object `appearance` of a signing request. [`Draw`] is what [`super::prepare_visible`] asks
//! to put objects into the update; the `appearance` folder implements it. This folder draws nothing and needs no fonts, so
//! that a build without the feature still reads stored requests.

mod error;
mod points;

pub use error::AppearanceError;
pub use points::Points;

use serde::{Deserialize, Serialize};

use crate::formats::pdf::fields::Field;
use crate::formats::pdf::{Dict, IncrementalUpdate, ObjectId, Pdf};

/// What the widget gets, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Widget {
    /// The page of a new widget, or the existing widget.
    pub on: ObjectId,
    pub entries: Dict,
}

/// Something that can show a signature. All objects go into the update.
pub trait Draw {
    /// Draws for a new field, where the request says.
    ///
    /// # Errors
    /// [`AppearanceError`] when it cannot be shown as asked.
    fn draw(&self, pdf: &Pdf<'_>, update: &mut IncrementalUpdate<'_, '_>) -> Result<Widget, AppearanceError>;

    /// Draws for an existing field, filling its rectangle.
    ///
    /// # Errors
    /// [`AppearanceError`] when it cannot be shown as asked.
    fn draw_into(
        &self,
        pdf: &Pdf<'_>,
        update: &mut IncrementalUpdate<'_, '_>,
        field: &Field,
    ) -> Result<Widget, AppearanceError>;
}

/// A visible signature as asked for. Unknown members are refused.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VisibleSignature {
    /// Where it stands. Absent when an existing field is filled, whose rectangle counts.
    pub place: Option<Place>,
    pub template: Template,
    /// Of the labels.
    pub language: Language,
    /// Name of the agency or organisation.
    pub agency: Option<String>,
    /// Further lines of text, as they are.
    pub lines: Vec<String>,
    /// Handwritten signature or seal: PNG, JPEG or SVG, in base64.
    pub image: Option<String>,
    /// Text of a QR code.
    pub qr: Option<String>,
    /// The template's own choice when absent.
    pub border: Option<Border>,
    /// `#rrggbb`; none when absent.
    pub background: Option<Colour>,
    /// Of the text, `#rrggbb`; black when absent.
    pub color: Option<Colour>,
    /// Largest size of the text in points; text shrinks to fit down to the template's smallest.
    pub font_size: Option<Points>,
}

/// Where a new signature stands. Lengths are in points (1/72 inch) on the page as displayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Place {
    Rectangle(RectanglePlace),
    Anchor(AnchorPlace),
}

/// A rectangle whose upper left corner is (x, y) from the upper left corner of the displayed page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RectanglePlace {
    /// From 1; negative from the end, -1 being the last page.
    pub page: i32,
    pub x: Points,
    pub y: Points,
    pub width: Points,
    pub height: Points,
}

/// A rectangle by words on a page: its upper left corner is `dx` right of and `dy` below the words' lower left corner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorPlace {
    /// Blanks do not count; accents and case do.
    pub text: String,
    #[serde(default)]
    pub occurrence: Occurrence,
    #[serde(default)]
    pub dx: Points,
    #[serde(default)]
    pub dy: Points,
    pub width: Points,
    pub height: Points,
    /// The only page to search, counted as in a rectangle; all pages when absent.
    #[serde(default)]
    pub page: Option<i32>,
}

/// Which of several equal texts: `"first"`, `"last"`, or a number from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occurrence {
    #[default]
    First,
    Last,
    #[serde(untagged)]
    Nth(u32),
}

/// A layout; what each shows stands in the `appearance` folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Template {
    /// Name, time, reason and place of signing beside the picture and the QR code.
    #[default]
    Citizen,
    /// The agency's seal alone (Decree 30/2020/NĐ-CP, annex I).
    AgencySeal,
    /// The official's handwritten signature alone (the same).
    OfficialSignature,
    /// Lines at the head of a copy or annex, 10 points upright (the same).
    DocumentInformation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    #[default]
    Vi,
    En,
    /// Both labels, Vietnamese first.
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Border {
    pub color: Colour,
    /// In points; 0 for none.
    pub width: Points,
}

/// An sRGB colour, `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Colour {
    pub red: u8,
    pub green: u8,
    pub blue: u8,
}

impl Colour {
    pub const BLACK: Self = Self { red: 0, green: 0, blue: 0 };
    pub const WHITE: Self = Self { red: 255, green: 255, blue: 255 };
}

impl TryFrom<String> for Colour {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const WHAT: &str = "a colour is written #rrggbb";
        let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.chars().all(|c| c.is_ascii_hexdigit()));
        let number = u32::from_str_radix(digits.ok_or(WHAT)?, 16).map_err(|_| WHAT)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self { red, green, blue })
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        format!("#{:02x}{:02x}{:02x}", colour.red, colour.green, colour.blue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_and_written_back() {
        let json = r##"{"place":{"anchor":{"text":"KÝ TÊN","occurrence":2,"width":150,"height":60.5}},"template":"agency-seal",
            "border":{"color":"#Cc0000","width":0.75},"lines":["một"]}"##;
        let read: VisibleSignature = serde_json::from_str(json).unwrap();
        let Some(Place::Anchor(anchor)) = &read.place else { panic!("{read:?}") };
        assert_eq!((anchor.occurrence, anchor.height.value()), (Occurrence::Nth(2), 60.5));
        assert_eq!(read.border.map(|border| border.color.red), Some(0xcc));
        let again: VisibleSignature = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(again, read);
        for (json, occurrence) in [(r#""last""#, Occurrence::Last), (r#""first""#, Occurrence::First)] {
            assert_eq!(serde_json::from_str::<Occurrence>(json).unwrap(), occurrence);
        }
    }

    #[test]
    fn misspelt_members_and_absurd_numbers_are_refused() {
        for json in [
            r#"{"tempalte":"citizen"}"#,
            r#"{"template":"stamp"}"#,
            r#"{"place":{"rectangle":{"page":1,"x":0,"y":0,"width":1e9,"height":1}}}"#,
            r#"{"place":{"rectangle":{"page":1,"x":0,"y":0,"width":1,"height":1,"unit":"mm"}}}"#,
            r#"{"place":{"anchor":{"text":"x","width":1,"height":1},"rectangle":{"page":1,"x":0,"y":0,"width":1,"height":1}}}"#,
            r#"{"color":"red"}"#,
            r#"{"color":"\#12é45"}"#,
        ] {
            assert!(serde_json::from_str::<VisibleSignature>(json).is_err(), "{json}");
        }
    }
}
