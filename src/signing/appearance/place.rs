//! Where on which page a signature stands.

use crate::formats::pdf::content::Rectangle;
use crate::formats::pdf::content::text::PageText;
use crate::formats::pdf::fields::Field;
use crate::formats::pdf::geometry::{Displayed, Geometry, Rotation};
use crate::formats::pdf::pages::{self, Page};
use crate::formats::pdf::{Object, ObjectId, Pdf};
use crate::signing::visible::{AnchorPlace, AppearanceError, Occurrence, Place};

/// Pages searched for words; a longer document needs the page's number.
const SEARCHED: usize = 500;
/// Hidden, Invisible and NoView (ISO 32000-1 table 165).
const UNSEEN: i64 = 1 + 2 + 32;

/// A found place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    /// The page of a new widget, or the existing widget.
    pub on: ObjectId,
    /// In user space.
    pub rect: Rectangle,
    pub rotation: Rotation,
    pub unit: f64,
}

impl Spot {
    /// Width and height as the reader sees them, in points.
    pub fn size(&self) -> (f64, f64) {
        let (width, height) = (self.rect.right - self.rect.left, self.rect.top - self.rect.bottom);
        let (width, height) = if self.rotation.swaps_sides() { (height, width) } else { (width, height) };
        (width * self.unit, height * self.unit)
    }
}

/// Finds where a new widget goes.
pub(super) fn find(pdf: &Pdf<'_>, place: &Place) -> Result<Spot, AppearanceError> {
    let pages = pages::pages(pdf)?;
    match place {
        Place::Rectangle(r) => {
            let area = Displayed { x: r.x.value(), y: r.y.value(), width: r.width.value(), height: r.height.value() };
            spot(pdf, &pages, index(r.page, pages.len())?, &area)
        }
        Place::Anchor(anchor) => {
            let (page, words) = anchored(pdf, &pages, anchor)?;
            let area = Displayed {
                x: words.x + anchor.dx.value(),
                y: words.y + words.height + anchor.dy.value(),
                width: anchor.width.value(),
                height: anchor.height.value(),
            };
            spot(pdf, &pages, page, &area)
        }
    }
}

fn index(page: i32, pages: usize) -> Result<usize, AppearanceError> {
    let distance = usize::try_from(page.unsigned_abs()).unwrap_or(usize::MAX);
    let index = if page < 0 { pages.checked_sub(distance) } else { distance.checked_sub(1) };
    index.filter(|index| *index < pages).ok_or(AppearanceError::NoSuchPage { page, pages })
}

fn spot(pdf: &Pdf<'_>, pages: &[Page], index: usize, area: &Displayed) -> Result<Spot, AppearanceError> {
    if area.width <= 0.0 || area.height <= 0.0 {
        return Err(AppearanceError::NoArea);
    }
    let gone = AppearanceError::NoSuchPage { page: 0, pages: pages.len() };
    let page = pages.get(index).ok_or(gone)?;
    let geometry = Geometry::read(pdf, page);
    if !geometry.contains(area) {
        let (width, height) = geometry.size();
        let (width, height) = (format!("{width:.0}"), format!("{height:.0}"));
        return Err(AppearanceError::OutsidePage { page: index + 1, width, height });
    }
    let Geometry { rotation, unit, .. } = geometry;
    Ok(Spot { on: page.id, rect: geometry.to_user(area), rotation, unit })
}

/// The page and place of the words asked for.
fn anchored(pdf: &Pdf<'_>, pages: &[Page], anchor: &AnchorPlace) -> Result<(usize, Displayed), AppearanceError> {
    let searched = match anchor.page {
        Some(page) => {
            let only = index(page, pages.len())?;
            only..only + 1
        }
        None => 0..pages.len().min(SEARCHED),
    };
    let mut order: Vec<usize> = searched.collect();
    let asked = match anchor.occurrence {
        Occurrence::First => 1,
        Occurrence::Nth(number) => number,
        Occurrence::Last => {
            order.reverse();
            1
        }
    };
    let nth = usize::try_from(asked).unwrap_or(usize::MAX);
    let mut seen = 0;
    for index in order {
        let Some(page) = pages.get(index) else { continue };
        let mut found = PageText::read(pdf, page).find(&anchor.text);
        if anchor.occurrence == Occurrence::Last {
            found.reverse();
        }
        if let Some(words) = nth.checked_sub(seen + 1).and_then(|at| found.get(at)) {
            return Ok((index, Geometry::read(pdf, page).to_displayed(words)));
        }
        seen += found.len();
    }
    if seen == 0 {
        return Err(AppearanceError::AnchorNotFound(anchor.text.clone()));
    }
    Err(AppearanceError::NoSuchOccurrence { text: anchor.text.clone(), found: seen, asked })
}

/// The rectangle of an existing field's first widget. Its own /MK /R counts; without one the page's rotation does.
pub(super) fn of_field(pdf: &Pdf<'_>, field: &Field) -> Result<Spot, AppearanceError> {
    let hidden = || AppearanceError::FieldNotShown(field.name.clone());
    let on = *field.widgets.first().ok_or_else(hidden)?;
    let widget = pdf.get(on)?;
    let widget = widget.as_dict().ok_or_else(hidden)?;
    let flags = pdf.value(widget, "F")?.and_then(|flags| flags.as_integer()).unwrap_or(0);
    let rect = widget.get("Rect").and_then(|rect| Rectangle::read(pdf, rect));
    let rect = rect.filter(|rect| !rect.is_empty() && flags & UNSEEN == 0).ok_or_else(hidden)?;
    let page = page_of(pdf, on, widget.get("P").and_then(Object::as_ref_id))?.ok_or_else(hidden)?;
    let geometry = Geometry::read(pdf, &page);
    let turned = pdf.value(widget, "MK")?.and_then(|mk| pdf.value(mk.as_dict()?, "R").ok()??.as_integer());
    let rotation = turned.map_or(geometry.rotation, Rotation::from_degrees);
    Ok(Spot { on, rect, rotation, unit: geometry.unit })
}

/// The page /P names, or the one whose annotations hold the widget.
fn page_of(pdf: &Pdf<'_>, widget: ObjectId, named: Option<ObjectId>) -> Result<Option<Page>, AppearanceError> {
    let holds = |page: &Page| {
        let annotations = pdf.value(&page.dict, "Annots").ok().flatten();
        let items = annotations.as_deref().and_then(Object::as_array).unwrap_or_default().to_vec();
        items.contains(&Object::Ref(widget))
    };
    let pages = pages::pages(pdf)?;
    Ok(pages.into_iter().find(|page| named.map_or_else(|| holds(page), |named| page.id == named)))
}
