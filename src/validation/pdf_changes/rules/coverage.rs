//! Whether something new on a page covers what was signed there.

use super::Facts;
use crate::formats::pdf::{Dict, Object, Pdf};

/// A rectangle in default user space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rectangle {
    left: f64,
    bottom: f64,
    right: f64,
    top: f64,
}

impl Rectangle {
    pub fn is_empty(&self) -> bool {
        self.right <= self.left || self.top <= self.bottom
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.bottom < other.top && other.bottom < self.top
    }
}

/// /Rect of an annotation, corners in any order.
pub(super) fn rectangle(pdf: &Pdf<'_>, annotation: &Dict) -> Option<Rectangle> {
    let rect = pdf.value(annotation, "Rect").ok()??;
    let numbers: Option<Vec<f64>> =
        rect.as_array()?.iter().map(|item| pdf.resolve(item).ok().and_then(|n| n.as_number())).collect();
    let &[a, b, c, d] = numbers?.as_slice() else { return None };
    Some(Rectangle { left: a.min(c), bottom: b.min(d), right: a.max(c), top: b.max(d) })
}

/// True when the widget overlaps an annotation the page had when it was signed. Signatures do not count: which of them
/// are there is told by the report, not by what they look like.
pub(super) fn covers(widget: &Dict, facts: &Facts<'_, '_>) -> bool {
    let Some(rect) = rectangle(facts.new, widget) else { return false };
    let Some(page) = widget.get("P").and_then(Object::as_ref_id) else { return true };
    let Ok(page) = facts.old.get(page) else { return true };
    let Some(page) = page.as_dict() else { return true };
    let Ok(Some(annotations)) = facts.old.value(page, "Annots") else { return false };
    annotations.as_array().unwrap_or_default().iter().any(|annotation| {
        if annotation.as_ref_id().is_some_and(|id| facts.forms.is_signature(id)) {
            return false;
        }
        let signed = facts.old.resolve(annotation).ok();
        let signed = signed.as_ref().and_then(|object| object.as_dict());
        signed.and_then(|dict| rectangle(facts.old, dict)).is_some_and(|other| other.overlaps(&rect))
    })
}
