//! Values of form fields, the appearances that show them, and what viewers write along.

use super::{Class, Difference, Explanation, Facts};
use crate::formats::pdf::{Object, ObjectId};
use crate::validation::pdf_changes::place::Place;
use crate::validation::pdf_changes::walk::Change;

const RULE: &str = "form-filling";

/// Annotation flags Print, Locked and LockedContents; field flag ReadOnly is 1.
const LOCKING_FLAGS: i64 = PRINT + 128 + 512;
const PRINT: i64 = 4;
const NO_VIEW: i64 = 32;

pub(super) fn explain(difference: &Difference, facts: &Facts<'_, '_>) -> Option<Explanation> {
    if difference.container == Place::AcroForm {
        return need_appearances(difference);
    }
    let node = difference.node?;
    // A push button has no value to fill in (§12.7.4.2.2): what it shows is part of what was signed.
    if facts.forms.before(node)?.is_push_button() || facts.forms.is_signature(node) {
        return None;
    }
    match difference.container {
        Place::Value => filled(node, facts, "the value of a form field was changed"),
        Place::Appearance => appearance(node, facts),
        Place::Field => entry(difference, node, facts),
        _ => None,
    }
}

fn entry(difference: &Difference, node: ObjectId, facts: &Facts<'_, '_>) -> Option<Explanation> {
    let is = |keys: &[&str]| keys.iter().any(|key| difference.key_is(key));
    if is(&["V", "RV", "I", "TI"]) {
        return filled(node, facts, "a form field was filled");
    }
    if is(&["AP", "AS"]) {
        return appearance(node, facts);
    }
    let along = is(&["M"])
        || (is(&["F"]) && only_locks(difference))
        || (is(&["Ff"]) && only_read_only(difference))
        || (difference.change == Change::Added && is(&["P", "NM", "Type"]));
    along.then(|| Explanation::new(RULE, Class::FormFilling, "an entry that accompanies form filling was changed"))?
}

/// An appearance changes with its value, or not at all. A value emptied together with what it showed is the shadow
/// attack's way to uncover something.
fn appearance(node: ObjectId, facts: &Facts<'_, '_>) -> Option<Explanation> {
    if !facts.forms.value_changed(node) {
        return None;
    }
    let (before, now) = facts.forms.values(node);
    if !is_blank(before) && is_blank(now) {
        return Explanation::new(RULE, Class::Doubtful, "a form field that showed something was emptied");
    }
    filled(node, facts, "a form field was filled")
}

/// Filling a field is permitted when people see what machines read.
fn filled(node: ObjectId, facts: &Facts<'_, '_>, text: &'static str) -> Option<Explanation> {
    match super::shown_value::doubt(node, facts) {
        Some(doubt) => Explanation::new(RULE, Class::Doubtful, doubt),
        None => Explanation::new(RULE, Class::FormFilling, text),
    }
}

fn is_blank(value: Option<&Object>) -> bool {
    match value {
        None => true,
        Some(Object::String(text)) => matches!(text.bytes.as_slice(), [] | [0xfe, 0xff]),
        Some(_) => false,
    }
}

/// The change of /F only prints or locks the widget. Printing what is not shown on the screen uncovers it.
pub(super) fn only_locks(difference: &Difference) -> bool {
    let unseen = difference.old.as_ref().and_then(Object::as_integer).is_some_and(|flags| flags & NO_VIEW != 0);
    added_bits(difference).is_some_and(|bits| bits & !LOCKING_FLAGS == 0 && !(unseen && bits & PRINT != 0))
}

/// The change of /Ff only makes the field read-only.
pub(super) fn only_read_only(difference: &Difference) -> bool {
    added_bits(difference) == Some(1)
}

/// Bits that were added; `None` when others were cleared or the value is no integer.
fn added_bits(difference: &Difference) -> Option<i64> {
    let number = |object: &Option<Object>| object.as_ref().map_or(Some(0), Object::as_integer);
    let (before, now) = (number(&difference.old)?, number(&difference.new)?);
    (before & now == before).then_some(before ^ now)
}

/// Switching /NeedAppearances off or removing it is harmless; on, viewers draw other appearances than those signed.
fn need_appearances(difference: &Difference) -> Option<Explanation> {
    if !difference.key_is("NeedAppearances") {
        return None;
    }
    match difference.new {
        None | Some(Object::Bool(false)) => {
            Explanation::new(RULE, Class::FormFilling, "the form no longer asks for new appearances")
        }
        _ => Explanation::new(RULE, Class::Doubtful, "viewers were told to draw new field appearances"),
    }
}
