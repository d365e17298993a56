//! Information about the document: /Info, XMP, private application data (ISO 32000-1 §14.3, §14.5).

use super::{Class, Difference, Explanation, Facts};
use crate::validation::pdf_changes::place::Place;

/// Entries that software writes with every save.
const BOOKKEEPING: [&str; 3] = ["ModDate", "Producer", "LastModified"];

pub(super) fn explain(difference: &Difference, _: &Facts<'_, '_>) -> Option<Explanation> {
    if !matches!(difference.place, Place::Info | Place::Metadata) {
        return None;
    }
    if difference.place == Place::Info && BOOKKEEPING.iter().any(|key| difference.key_is(key)) {
        return Explanation::new("metadata", Class::LongTerm, "the time of the last change was noted");
    }
    // Software notes the same in the catalog's XMP, whose content no viewer shows with the document.
    if difference.path.starts_with("Root/Metadata") {
        return Explanation::new("metadata", Class::LongTerm, "the document's XMP metadata was rewritten");
    }
    Explanation::new("metadata", Class::Metadata, "document information was changed")
}
