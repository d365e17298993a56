//! Whether something new on a page covers what was signed there.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::Facts;
use crate::formats::pdf::content::{self, Rectangle};
use crate::formats::pdf::pages::{self, Page};
use crate::formats::pdf::{Dict, Object, ObjectId, Pdf, Stream};

/// A line at least this wide, in points, hides a line of text.
const HIDING_LINE: f64 = 5.0;

/// Part of a page that no honest signature fills: the others may lie over a scan, which is a single picture.
const LARGE: f64 = 0.25;

/// Pages of the signed revision and the text on them, read once they are asked for.
#[derive(Default)]
pub(in crate::validation::pdf_changes) struct SignedPages {
    pages: OnceCell<HashMap<u32, Page>>,
    text: RefCell<HashMap<u32, Rc<Vec<Rectangle>>>>,
    /// Pages of the newest state by the annotations they list: /P of an annotation is only a hint.
    holders: OnceCell<HashMap<u32, Vec<ObjectId>>>,
}

impl SignedPages {
    fn page(&self, pdf: &Pdf<'_>, id: ObjectId) -> Option<&Page> {
        let read = || pages::pages(pdf).unwrap_or_default().into_iter().map(|page| (page.id.number, page)).collect();
        self.pages.get_or_init(read).get(&id.number)
    }

    fn text(&self, pdf: &Pdf<'_>, page: &Page) -> Rc<Vec<Rectangle>> {
        let mut known = self.text.borrow_mut();
        let text = known.entry(page.id.number).or_insert_with(|| Rc::new(content::page(pdf, page).text));
        Rc::clone(text)
    }

    fn holders(&self, newest: &Pdf<'_>, annotation: ObjectId) -> &[ObjectId] {
        let holders = self.holders.get_or_init(|| {
            let mut holders: HashMap<u32, Vec<ObjectId>> = HashMap::new();
            for page in pages::pages(newest).unwrap_or_default() {
                let listed = newest.value(&page.dict, "Annots").ok().flatten();
                let listed = listed.as_deref().and_then(Object::as_array).unwrap_or_default();
                for id in listed.iter().filter_map(Object::as_ref_id) {
                    holders.entry(id.number).or_default().push(page.id);
                }
            }
            holders
        });
        holders.get(&annotation.number).map(Vec::as_slice).unwrap_or_default()
    }
}

/// /Rect of an annotation.
pub(super) fn rectangle(pdf: &Pdf<'_>, annotation: &Dict) -> Option<Rectangle> {
    Rectangle::read(pdf, annotation.get("Rect")?)
}

/// True when the new widget lies over an annotation the page had when it was signed, paints an area over its text, or over a
/// large part of it.
///
/// Other signatures do not count: which of them are there is told by the report, not by what they look like.
pub(super) fn covers(node: ObjectId, widget: &Dict, facts: &Facts<'_, '_>) -> bool {
    let Some(rect) = rectangle(facts.new, widget) else { return false };
    let paints = || paints_area(widget, &rect, facts.new);
    on_pages(node, widget, facts, |page| {
        over_annotation(page, &rect, facts)
            || ((over_text(page, &rect, facts) || fills_much(page, &rect, facts)) && paints())
    })
}

/// True when the appearance of marks over text hides it.
pub(super) fn paints_over_text(node: ObjectId, marks: &Dict, facts: &Facts<'_, '_>) -> bool {
    let Some(rect) = rectangle(facts.new, marks) else { return false };
    let over = |page: &Page| over_text(page, &rect, facts) || fills_much(page, &rect, facts);
    paints_area(marks, &rect, facts.new) && on_pages(node, marks, facts, over)
}

/// The same for an annotation that is no widget: viewers draw those in their own ways, so that its rectangle decides.
pub(super) fn annotation_covers(node: ObjectId, annotation: &Dict, facts: &Facts<'_, '_>) -> bool {
    let Some(rect) = rectangle(facts.new, annotation) else { return false };
    on_pages(node, annotation, facts, |page| {
        over_annotation(page, &rect, facts) || over_text(page, &rect, facts) || fills_much(page, &rect, facts)
    })
}

/// Whether `covers` is true on one of the pages that show the annotation. On a page that was not signed anything may be hidden.
fn on_pages(node: ObjectId, annotation: &Dict, facts: &Facts<'_, '_>, covers: impl Fn(&Page) -> bool) -> bool {
    let claimed = annotation.get("P").and_then(Object::as_ref_id);
    let pages = facts.signed_pages.holders(facts.new, node).iter().copied().chain(claimed);
    pages.into_iter().any(|id| facts.signed_pages.page(facts.old, id).is_none_or(&covers))
}

fn over_text(page: &Page, rect: &Rectangle, facts: &Facts<'_, '_>) -> bool {
    facts.signed_pages.text(facts.old, page).iter().any(|text| text.overlaps(rect))
}

fn fills_much(page: &Page, rect: &Rectangle, facts: &Facts<'_, '_>) -> bool {
    let shown = page.attribute("CropBox").or(page.attribute("MediaBox"));
    let Some(shown) = shown.and_then(|shown| Rectangle::read(facts.old, shown)) else { return false };
    rect.area() > LARGE * shown.area()
}

fn over_annotation(page: &Page, rect: &Rectangle, facts: &Facts<'_, '_>) -> bool {
    let Ok(Some(annotations)) = facts.old.value(&page.dict, "Annots") else { return false };
    annotations.as_array().unwrap_or_default().iter().any(|annotation| {
        if annotation.as_ref_id().is_some_and(|id| facts.forms.is_signature(id)) {
            return false;
        }
        let signed = facts.old.resolve(annotation).ok();
        let signed = signed.as_ref().and_then(|object| object.as_dict()).filter(|dict| !is_popup(dict));
        signed.and_then(|dict| rectangle(facts.old, dict)).is_some_and(|other| other.overlaps(rect))
    })
}

fn is_popup(annotation: &Dict) -> bool {
    annotation.get("Subtype").is_some_and(|subtype| subtype.is_name("Popup"))
}

/// True when the normal appearance fills something, draws an image or a wide line; text and thin lines alone hide nothing.
fn paints_area(widget: &Dict, rect: &Rectangle, pdf: &Pdf<'_>) -> bool {
    let appearance = pdf.value(widget, "AP").ok().flatten();
    let normal = appearance.as_deref().and_then(Object::as_dict).and_then(|ap| pdf.value(ap, "N").ok().flatten());
    let Some(normal) = normal else { return false };
    match &*normal {
        Object::Stream(stream) => hides(stream, rect, pdf),
        // One appearance a state.
        Object::Dict(states) => states.iter().any(|(_, state)| {
            let state = pdf.resolve(state).ok();
            state.and_then(|s| s.as_stream().map(|stream| hides(stream, rect, pdf))).unwrap_or(false)
        }),
        _ => false,
    }
}

fn hides(appearance: &Stream, rect: &Rectangle, pdf: &Pdf<'_>) -> bool {
    let painted = content::form(pdf, appearance);
    // The appearance is stretched until its box fills the rectangle (ISO 32000-1 §12.5.5).
    let natural = appearance.dict.get("BBox").and_then(|bbox| Rectangle::read(pdf, bbox));
    let stretch = natural.map_or(f64::INFINITY, |natural| {
        let ratio = |shown: f64, natural: f64| if natural > 0.0 { shown / natural } else { f64::INFINITY };
        ratio(rect.right - rect.left, natural.right - natural.left)
            .max(ratio(rect.top - rect.bottom, natural.top - natural.bottom))
    });
    painted.areas || (painted.widest_line > 0.0 && painted.widest_line * stretch >= HIDING_LINE)
}
