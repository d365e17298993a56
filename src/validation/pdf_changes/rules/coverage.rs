//! Whether something new on a page covers what was signed there.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::Facts;
use crate::formats::pdf::content::{self, Rectangle};
use crate::formats::pdf::pages::{self, Page};
use crate::formats::pdf::{Dict, Object, ObjectId, Pdf};

/// Pages of the signed revision and the text on them, read once they are asked for.
#[derive(Default)]
pub(in crate::validation::pdf_changes) struct SignedPages {
    pages: OnceCell<HashMap<u32, Page>>,
    text: RefCell<HashMap<u32, Rc<Vec<Rectangle>>>>,
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
}

/// /Rect of an annotation.
pub(super) fn rectangle(pdf: &Pdf<'_>, annotation: &Dict) -> Option<Rectangle> {
    Rectangle::read(pdf, annotation.get("Rect")?)
}

/// True when the widget lies over an annotation the page had when it was signed, or paints an area over its text.
///
/// Other signatures do not count: which of them are there is told by the report, not by what they look like.
pub(super) fn covers(widget: &Dict, facts: &Facts<'_, '_>) -> bool {
    let Some(rect) = rectangle(facts.new, widget) else { return false };
    let Some(id) = widget.get("P").and_then(Object::as_ref_id) else { return false };
    let Some(page) = facts.signed_pages.page(facts.old, id) else { return true };
    let text_below = || facts.signed_pages.text(facts.old, page).iter().any(|text| text.overlaps(&rect));
    over_annotation(page, &rect, facts) || (paints_area(widget, facts.new) && text_below())
}

fn over_annotation(page: &Page, rect: &Rectangle, facts: &Facts<'_, '_>) -> bool {
    let Ok(Some(annotations)) = facts.old.value(&page.dict, "Annots") else { return false };
    annotations.as_array().unwrap_or_default().iter().any(|annotation| {
        if annotation.as_ref_id().is_some_and(|id| facts.forms.is_signature(id)) {
            return false;
        }
        let signed = facts.old.resolve(annotation).ok();
        let signed = signed.as_ref().and_then(|object| object.as_dict());
        signed.and_then(|dict| rectangle(facts.old, dict)).is_some_and(|other| other.overlaps(rect))
    })
}

/// True when the normal appearance fills something or draws an image; text and lines alone hide nothing.
fn paints_area(widget: &Dict, pdf: &Pdf<'_>) -> bool {
    let appearance = pdf.value(widget, "AP").ok().flatten();
    let normal = appearance.as_deref().and_then(Object::as_dict).and_then(|ap| pdf.value(ap, "N").ok().flatten());
    let Some(normal) = normal else { return false };
    match &*normal {
        Object::Stream(stream) => content::form(pdf, stream).areas,
        // One appearance a state.
        Object::Dict(states) => states.iter().any(|(_, state)| {
            let state = pdf.resolve(state).ok();
            state.and_then(|s| s.as_stream().map(|stream| content::form(pdf, stream).areas)).unwrap_or(false)
        }),
        _ => false,
    }
}
