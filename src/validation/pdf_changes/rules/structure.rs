//! The structure tree of tagged PDF grows when a field is added (ISO 32000-1 §14.7); what it said stays.

use super::{Class, Difference, Explanation, Facts};
use crate::validation::pdf_changes::place::Place;
use crate::validation::pdf_changes::walk::Change;

/// Lists of the tree that grow.
const LISTS: [&str; 7] = ["K", "Kids", "Nums", "Names", "ParentTree", "IDTree", "RoleMap"];
/// Numbers and limits that follow from additions.
const DERIVED: [&str; 2] = ["ParentTreeNextKey", "Limits"];

pub(super) fn explain(difference: &Difference, _: &Facts<'_, '_>) -> Option<Explanation> {
    if difference.container == Place::Page && difference.key_is("StructParents") && difference.change == Change::Added {
        return Explanation::new("structure", Class::Signing, "a page was tied to the structure tree");
    }
    let is = |keys: &[&str]| keys.iter().any(|key| difference.key_is(key));
    let inside = difference.container == Place::Structure || difference.place == Place::Structure;
    let grows = (difference.change == Change::Added && is(&LISTS)) || is(&DERIVED);
    (inside && grows).then(|| Explanation::new("structure", Class::Signing, "the structure tree was extended"))?
}
