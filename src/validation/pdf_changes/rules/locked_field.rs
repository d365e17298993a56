//! Fields locked by FieldMDP or a signature field lock do not change at all (ISO 32000-1 §12.8.2.4, §12.7.4.5).

use super::{Class, Difference, Explanation, Facts};
use crate::validation::pdf_changes::place::Place;

pub(super) fn explain(difference: &Difference, facts: &Facts<'_, '_>) -> Option<Explanation> {
    let inside = matches!(difference.container, Place::Field | Place::Fields | Place::Appearance | Place::Value)
        || matches!(difference.container, Place::Signature);
    let field = facts.forms.before(difference.node.filter(|_| inside)?)?;
    let by = facts.permissions.locked_by(&field.name)?;
    let text = format!("the field {:?} is locked by the signature {by:?} and was changed", field.name);
    Explanation::new("locked-field", Class::Undefined, text)
}
