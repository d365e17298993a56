//! Annotations that are no widgets (ISO 32000-1 §12.5).

use super::{Class, Difference, Explanation, Facts};
use crate::formats::pdf::{Dict, ObjectId};
use crate::validation::pdf_changes::place::Place;
use crate::validation::pdf_changes::walk::Change;

const RULE: &str = "annotation";

/// Subtypes drawn as a small icon or not at all.
const NOTES: [&str; 2] = ["Text", "Popup"];
/// Markup annotations (ISO 32000-1 table 170) that draw something of their own.
const MARKUP: [&str; 9] = ["FreeText", "Line", "Square", "Circle", "Polygon", "PolyLine", "Caret", "Stamp", "Ink"];
/// Those that mark text and lie over it by nature.
const TEXT_MARKUP: [&str; 4] = ["Highlight", "Underline", "Squiggly", "StrikeOut"];

pub(super) fn explain(difference: &Difference, facts: &Facts<'_, '_>) -> Option<Explanation> {
    if difference.container == Place::Page && difference.key_is("Tabs") {
        // Structure order is what PDF/UA and ISO 32000-2 §12.5.1 ask for; writers set it when they add a widget.
        if difference.old.is_none() && difference.new.as_ref().is_some_and(|tabs| tabs.is_name("S")) {
            return Explanation::new(RULE, Class::Signing, "the tab order of a page was set to structure order");
        }
        return Explanation::new(RULE, Class::Note, "the tab order of a page was changed");
    }
    let node = difference.node?;
    if facts.is_widget(node) {
        return None;
    }
    match (difference.container, difference.change) {
        (Place::Annotations, Change::Added) => added(node, facts),
        (Place::Annotations, Change::Removed) => Explanation::new(RULE, Class::Covering, "an annotation was removed"),
        (Place::Annotation | Place::Appearance, _) => changed(difference),
        _ => None,
    }
}

/// A new annotation must be a new object and must not do anything.
fn added(node: ObjectId, facts: &Facts<'_, '_>) -> Option<Explanation> {
    let annotation = facts.new_dict(node);
    if !facts.is_new_object(node) || acts(&annotation) || !annotation.duplicate_keys().is_empty() {
        return None;
    }
    let subtype = annotation.get("Subtype").and_then(|s| s.as_name()).map(ToString::to_string)?;
    let is = |list: &[&str]| list.contains(&subtype.as_str());
    // Without an appearance a viewer draws its own icon or marks, which leave the text readable.
    let plain = (is(&NOTES) || is(&TEXT_MARKUP)) && !annotation.contains("AP");
    let covers = || match () {
        () if plain => false,
        () if is(&TEXT_MARKUP) => super::coverage::paints_over_text(node, &annotation, facts),
        () => super::coverage::annotation_covers(node, &annotation, facts),
    };
    let class = match () {
        () if is(&NOTES) && !covers() => Class::Note,
        () if (is(&MARKUP) || is(&TEXT_MARKUP)) && !covers() => Class::Markup,
        () => Class::Covering,
    };
    Explanation::new(RULE, class, format!("a {subtype} annotation was added"))
}

fn acts(annotation: &Dict) -> bool {
    ["A", "AA", "PA", "Movie", "FS", "3DD", "RichMediaContent"].iter().any(|key| annotation.contains(key))
}

fn changed(difference: &Difference) -> Option<Explanation> {
    let action = ["A", "AA", "PA", "Subtype", "Movie", "FS", "3DD"].iter().any(|key| difference.key_is(key));
    (!action).then(|| Explanation::new(RULE, Class::Covering, "an annotation was changed"))?
}
