//! A further signature or document time-stamp: a new field with its widget, or an empty field filled.

use super::{Class, Difference, Explanation, Facts};
use crate::formats::pdf::{Dict, Object, ObjectId};
use crate::validation::pdf_changes::place::Place;
use crate::validation::pdf_changes::walk::Change;

const RULE: &str = "signing";

/// Keys a new signature field or its widget may have; anything else (actions above all) is not explained.
const FIELD_KEYS: [&str; 27] = [
    "Type", "Subtype", "FT", "T", "TU", "TM", "V", "P", "F", "Ff", "Rect", "AP", "AS", "MK", "H", "DA", "DR", "Q",
    "BS", "Border", "C", "Parent", "Kids", "Lock", "SV", "NM", "M",
];
/// Further ones that only place it in the document: the structure tree, the page's language.
const PLACING_KEYS: [&str; 4] = ["StructParent", "OC", "Lang", "DV"];

/// Annotation flags (ISO 32000-1 table 165). Invisible is not among them: it is for annotations a viewer does not know.
const HIDDEN: i64 = 2;
const PRINT: i64 = 4;
const NO_VIEW: i64 = 32;
const TOGGLE_NO_VIEW: i64 = 256;

pub(super) fn explain(difference: &Difference, facts: &Facts<'_, '_>) -> Option<Explanation> {
    match (difference.container, difference.change) {
        (Place::Fields | Place::Annotations, Change::Added) => new_field(difference.node?, facts),
        (Place::Field | Place::Appearance, _) => filled_field(difference, facts),
        (Place::AcroForm, _) => form(difference),
        (Place::ResourceForms, Change::Added | Change::Changed) if difference.place == Place::Resources => {
            let unused = !super::inherited::draws(difference, facts);
            unused.then(|| Explanation::new(RULE, Class::LongTerm, "an unused resource of the form was replaced"))?
        }
        (Place::DefaultResources | Place::ResourceCategory, Change::Added) => {
            let unused = !super::inherited::draws(difference, facts);
            unused.then(|| Explanation::new(RULE, Class::LongTerm, "a default resource of the form was added"))?
        }
        (Place::Catalog, Change::Added) if difference.place == Place::Perms => {
            Explanation::new(RULE, Class::Doubtful, "the document was certified after it had been signed")
        }
        _ => None,
    }
}

/// A field or widget that was not there: it must be a new object of a new signature field.
fn new_field(node: ObjectId, facts: &Facts<'_, '_>) -> Option<Explanation> {
    let field = facts.forms.now(node)?;
    if facts.forms.before(node).is_some() {
        return place_field(node, facts);
    }
    if field.kind.as_deref() != Some("Sig") || !facts.is_new_object(node) {
        return None;
    }
    let widget = facts.new_dict(node);
    if facts.forms.existed(&field.name) || !has_known_keys(&widget) {
        return None;
    }
    if field.value.is_none() {
        return empty_field(&widget, facts);
    }
    if facts.forms.holds_timestamp(node) && !is_visible(&widget, facts) {
        return Explanation::new(RULE, Class::LongTerm, "a document time-stamp was added");
    }
    if is_visible(&widget, facts) && super::coverage::covers(node, &widget, facts) {
        return Explanation::new(RULE, Class::Doubtful, "a signature was added whose appearance covers signed content");
    }
    Explanation::new(RULE, Class::Signing, "a signature was added")
}

/// A field that was in the form without being on a page, and is signed now.
fn place_field(node: ObjectId, facts: &Facts<'_, '_>) -> Option<Explanation> {
    if !facts.forms.newly_signed(node) {
        return None;
    }
    let widget = facts.new_dict(node);
    let covers = is_visible(&widget, facts) && super::coverage::covers(node, &widget, facts);
    let class = match (covers, facts.forms.holds_timestamp(node)) {
        (true, _) => Class::Doubtful,
        (false, true) => Class::LongTerm,
        (false, false) => Class::Signing,
    };
    Explanation::new(RULE, class, "an empty signature field was signed and put on a page")
}

/// A field to be signed later must not show anything yet, nor be given a background or caption, which viewers may draw.
fn empty_field(widget: &Dict, facts: &Facts<'_, '_>) -> Option<Explanation> {
    let dressed = facts.new.value(widget, "MK").ok().flatten();
    let dressed = dressed.as_deref().and_then(|look| look.as_dict());
    let dressed =
        dressed.is_some_and(|look| ["BG", "CA", "RC", "AC", "I", "RI", "IX"].iter().any(|key| look.contains(key)));
    let shows = (widget.contains("AP") || dressed) && is_visible(widget, facts);
    (!shows).then(|| Explanation::new(RULE, Class::Signing, "an empty signature field was added"))?
}

fn has_known_keys(widget: &Dict) -> bool {
    widget.duplicate_keys().is_empty()
        && widget.iter().all(|(key, _)| FIELD_KEYS.iter().chain(&PLACING_KEYS).any(|known| key.is(known)))
}

pub(super) fn is_visible(widget: &Dict, facts: &Facts<'_, '_>) -> bool {
    let flags = facts.new.value(widget, "F").ok().flatten().and_then(|flags| flags.as_integer()).unwrap_or(0);
    let unseen = flags & HIDDEN != 0 || (flags & NO_VIEW != 0 && flags & (PRINT | TOGGLE_NO_VIEW) == 0);
    !unseen && super::coverage::rectangle(facts.new, widget).is_some_and(|r| !r.is_empty())
}

/// /V of an empty signature field, its appearance, and flags that lock it.
fn filled_field(difference: &Difference, facts: &Facts<'_, '_>) -> Option<Explanation> {
    let node = difference.node.filter(|node| facts.forms.newly_signed(*node))?;
    let class = if facts.forms.holds_timestamp(node) { Class::LongTerm } else { Class::Signing };
    let expected = match difference.container {
        Place::Appearance => true,
        _ if difference.key_is("F") => super::form_filling::only_locks(difference),
        _ if difference.key_is("Ff") => super::form_filling::only_read_only(difference),
        _ => {
            let added = difference.change == Change::Added;
            (difference.key_is("V") && added)
                || ["AP", "AS", "M", "MK"].iter().any(|key| difference.key_is(key))
                || (added && ["Lock", "NM", "P", "Type", "StructParent"].iter().any(|key| difference.key_is(key)))
        }
    };
    expected.then(|| Explanation::new(RULE, class, "an empty signature field was signed"))?
}

/// /SigFlags gains bits, the form gets a default appearance.
fn form(difference: &Difference) -> Option<Explanation> {
    let flags = |object: &Option<Object>| object.as_ref().and_then(Object::as_integer).unwrap_or(0);
    if difference.key_is("SigFlags") {
        let (before, now) = (flags(&difference.old), flags(&difference.new));
        let kept = difference.change != Change::Removed && before & now == before && (0..4).contains(&now);
        return kept.then(|| Explanation::new(RULE, Class::LongTerm, "the form was marked as signed"))?;
    }
    let harmless = difference.key_is("DA") && difference.change == Change::Added;
    harmless.then(|| Explanation::new(RULE, Class::LongTerm, "the form got a default appearance"))?
}
