//! The document security store, extensions and version that announce it (EN 319 142-1 §5.4.2; ISO 32000-2 §12.8.4.3).

use super::{Class, Difference, Explanation, Facts};
use crate::formats::pdf::Object;
use crate::validation::pdf_changes::place::Place;
use crate::validation::pdf_changes::walk::Change;

pub(super) fn explain(difference: &Difference, _: &Facts<'_, '_>) -> Option<Explanation> {
    match difference.place {
        Place::SecurityStore => {
            Explanation::new("security-store", Class::LongTerm, "validation data was added to the DSS")
        }
        Place::Extensions => Explanation::new("extensions", Class::LongTerm, "a developer extension was declared"),
        _ if difference.container == Place::Catalog && difference.key_is("Version") => version(difference),
        _ => None,
    }
}

/// A version may be added or raised.
fn version(difference: &Difference) -> Option<Explanation> {
    let text = |object: &Option<Object>| object.as_ref().and_then(Object::as_name).map(|n| n.as_bytes().to_vec());
    let raised = difference.change != Change::Removed && text(&difference.new) >= text(&difference.old);
    raised.then(|| Explanation::new("version", Class::LongTerm, "the PDF version was raised"))?
}
