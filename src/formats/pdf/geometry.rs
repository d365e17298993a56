//! A page as its reader sees it (ISO 32000-1 §7.7.3.3, §14.11.2): the crop box, turned by /Rotate, in points.
//!
//! Displayed coordinates have their origin in the upper left corner; x runs right, y runs down; the unit is the point,
//! 1/72 inch, after /UserUnit.

use super::content::Rectangle;
use super::object::Object;
use super::pages::Page;
use super::reader::Pdf;

/// US Letter, what readers take when a page has no /MediaBox.
const LETTER: Rectangle = Rectangle { left: 0.0, bottom: 0.0, right: 612.0, top: 792.0 };
/// Rounding of boxes and rectangles that touch, in points.
const TOLERANCE: f64 = 0.01;

/// Clockwise turn of a page when displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    None,
    Quarter,
    Half,
    ThreeQuarters,
}

impl Rotation {
    /// Any multiple of 90 degrees; other values turn nothing, as in readers.
    pub fn from_degrees(degrees: i64) -> Self {
        match degrees.rem_euclid(360) {
            90 => Self::Quarter,
            180 => Self::Half,
            270 => Self::ThreeQuarters,
            _ => Self::None,
        }
    }

    /// True when width and height change places.
    pub fn swaps_sides(self) -> bool {
        matches!(self, Self::Quarter | Self::ThreeQuarters)
    }

    /// The matrix that stands a form of this displayed size upright for the reader; its box's lower left corner is the
    /// origin before and after.
    pub fn upright(self, width: f64, height: f64) -> [f64; 6] {
        match self {
            Self::None => [1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
            Self::Quarter => [0.0, 1.0, -1.0, 0.0, height, 0.0],
            Self::Half => [-1.0, 0.0, 0.0, -1.0, width, height],
            Self::ThreeQuarters => [0.0, -1.0, 1.0, 0.0, 0.0, width],
        }
    }
}

/// A rectangle on the displayed page, in points from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Displayed {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// What of a page is displayed, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometry {
    /// The visible part in user space.
    pub visible: Rectangle,
    pub rotation: Rotation,
    /// Points of one unit of user space.
    pub unit: f64,
}

impl Geometry {
    /// Reads boxes, /Rotate and /UserUnit; what is missing or absurd gets the standard's default.
    pub fn read(pdf: &Pdf<'_>, page: &Page) -> Self {
        let boxed = |key| page.attribute(key).and_then(|array| Rectangle::read(pdf, array)).filter(|r| !r.is_empty());
        let media = boxed("MediaBox").unwrap_or(LETTER);
        let crop = boxed("CropBox").map(|crop| intersection(crop, media)).filter(|r| !r.is_empty());
        let number = |object: Option<&Object>| object.and_then(|o| pdf.resolve(o).ok()).and_then(|o| o.as_number());
        let degrees = page.attribute("Rotate").and_then(|r| pdf.resolve(r).ok()).and_then(|r| r.as_integer());
        let unit = number(page.dict.get("UserUnit")).filter(|unit| *unit > 0.0 && *unit <= 1e6);
        Self {
            visible: crop.unwrap_or(media),
            rotation: Rotation::from_degrees(degrees.unwrap_or(0)),
            unit: unit.unwrap_or(1.0),
        }
    }

    /// Width and height as displayed, in points.
    pub fn size(&self) -> (f64, f64) {
        let Rectangle { left, bottom, right, top } = self.visible;
        let (width, height) = ((right - left) * self.unit, (top - bottom) * self.unit);
        if self.rotation.swaps_sides() { (height, width) } else { (width, height) }
    }

    /// True when the rectangle lies on the displayed page.
    pub fn contains(&self, area: &Displayed) -> bool {
        let (width, height) = self.size();
        let inside = |from: f64, length: f64, limit: f64| from >= -TOLERANCE && from + length <= limit + TOLERANCE;
        inside(area.x, area.width, width) && inside(area.y, area.height, height)
    }

    /// Displayed to user space.
    pub fn to_user(&self, area: &Displayed) -> Rectangle {
        let corner = |x: f64, y: f64| {
            let (x, y) = (x / self.unit, y / self.unit);
            let Rectangle { left, bottom, right, top } = self.visible;
            match self.rotation {
                Rotation::None => (left + x, top - y),
                Rotation::Quarter => (left + y, bottom + x),
                Rotation::Half => (right - x, bottom + y),
                Rotation::ThreeQuarters => (right - y, top - x),
            }
        };
        Rectangle::new(corner(area.x, area.y), corner(area.x + area.width, area.y + area.height))
    }

    /// User space to displayed.
    pub fn to_displayed(&self, area: &Rectangle) -> Displayed {
        let Rectangle { left, bottom, right, top } = self.visible;
        let (x, y) = match self.rotation {
            Rotation::None => (area.left - left, top - area.top),
            Rotation::Quarter => (area.bottom - bottom, area.left - left),
            Rotation::Half => (right - area.right, area.bottom - bottom),
            Rotation::ThreeQuarters => (top - area.top, right - area.right),
        };
        let (width, height) = (area.right - area.left, area.top - area.bottom);
        let (width, height) = if self.rotation.swaps_sides() { (height, width) } else { (width, height) };
        Displayed { x: x * self.unit, y: y * self.unit, width: width * self.unit, height: height * self.unit }
    }
}

fn intersection(a: Rectangle, b: Rectangle) -> Rectangle {
    Rectangle {
        left: a.left.max(b.left),
        bottom: a.bottom.max(b.bottom),
        right: a.right.min(b.right),
        top: a.top.min(b.top),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::samples::Sample;
    use crate::formats::pdf::{Limits, pages};

    fn geometry(entries: &str) -> Geometry {
        let file = Sample::new().object(3, &format!("<</Type/Page/Parent 2 0 R{entries}>>")).finish();
        let pdf = Pdf::open(&file, &Limits::default()).unwrap();
        Geometry::read(&pdf, &pages::first_page(&pdf).unwrap().unwrap())
    }

    #[test]
    fn a_rectangle_stays_where_the_reader_sees_it_on_every_rotation() {
        let area = Displayed { x: 10.0, y: 20.0, width: 30.0, height: 40.0 };
        let expected = [
            (0, (110.0, 640.0, 140.0, 680.0)),
            (90, (120.0, 210.0, 160.0, 240.0)),
            (180, (260.0, 220.0, 290.0, 260.0)),
            (-90, (240.0, 660.0, 280.0, 690.0)),
        ];
        for (degrees, (left, bottom, right, top)) in expected {
            let page = geometry(&format!("/MediaBox[0 0 900 900]/CropBox[100 200 300 700]/Rotate {degrees}"));
            assert_eq!(page.to_user(&area), Rectangle { left, bottom, right, top }, "{degrees}");
            assert_eq!(page.to_displayed(&page.to_user(&area)), area, "{degrees}");
        }
    }

    #[test]
    fn user_units_and_missing_boxes_are_understood() {
        let page = geometry("/MediaBox[0 0 100 100]/UserUnit 2/Rotate 450");
        assert_eq!((page.size(), page.rotation), ((200.0, 200.0), Rotation::Quarter));
        assert!(page.contains(&Displayed { x: 150.0, y: 0.0, width: 50.0, height: 200.0 }));
        assert!(!page.contains(&Displayed { x: 151.0, y: 0.0, width: 50.0, height: 1.0 }));
        assert_eq!(geometry("").size(), (612.0, 792.0));
        assert_eq!(geometry("/MediaBox[0 0 50 50]/CropBox[60 60 70 70]").size(), (50.0, 50.0));
    }
}
