//! A dictionary that names a key twice, or an object that cannot be read, shows different things in different readers.

use super::{Class, Difference, Explanation, Facts};
use crate::validation::pdf_changes::walk::Change;

pub(super) fn explain(difference: &Difference, _: &Facts<'_, '_>) -> Option<Explanation> {
    match difference.change {
        Change::Repeated => {
            let key = difference.key.as_ref().map(ToString::to_string).unwrap_or_default();
            Explanation::new("ambiguous", Class::Undefined, format!("the key /{key} now stands there twice"))
        }
        Change::Unreadable => Explanation::new("ambiguous", Class::Undefined, "the object cannot be read"),
        _ => None,
    }
}
