//! Appearances without resources of their own: viewers look for what such an appearance names in the default resources of the form,
//! so that adding a font or form there changes what was signed (ISO 32000-1 §12.7.3.3 leaves the fallback to the viewer).

use std::cell::OnceCell;
use std::collections::HashSet;

use super::Facts;
use crate::formats::pdf::content;
use crate::formats::pdf::{Dict, Name, Object, ObjectId, Pdf};
use crate::validation::pdf_changes::walk::Difference;

/// Names that appearances of the signed revision use without having resources, read once they are asked for.
#[derive(Default)]
pub(in crate::validation::pdf_changes) struct Inherited(OnceCell<HashSet<Name>>);

impl Inherited {
    fn names(&self, facts: &Facts<'_, '_>) -> &HashSet<Name> {
        self.0.get_or_init(|| {
            let mut names = HashSet::new();
            for number in facts.forms.signed_nodes() {
                let Ok(widget) = facts.old.get(ObjectId::new(number, 0)) else { continue };
                let appearances = widget.as_dict().and_then(|dict| facts.old.value(dict, "AP").ok().flatten());
                if let Some(appearances) = appearances.as_deref().and_then(Object::as_dict) {
                    collect(facts.old, appearances, &mut names);
                }
            }
            names
        })
    }
}

/// Appearances stand under their kind, or one a state below it.
fn collect(pdf: &Pdf<'_>, appearances: &Dict, names: &mut HashSet<Name>) {
    for (_, value) in appearances.iter() {
        let Ok(value) = pdf.resolve(value) else { continue };
        match &*value {
            Object::Stream(stream) if !stream.dict.contains("Resources") => names.extend(content::names(pdf, stream)),
            Object::Dict(states) => {
                let states = states.iter().filter_map(|(_, state)| pdf.resolve(state).ok());
                for state in states {
                    if let Some(stream) = state.as_stream().filter(|stream| !stream.dict.contains("Resources")) {
                        names.extend(content::names(pdf, stream));
                    }
                }
            }
            _ => {}
        }
    }
}

/// Whether the default resource that came or changed is one such an appearance may be drawn with.
pub(super) fn draws(difference: &Difference, facts: &Facts<'_, '_>) -> bool {
    let names = facts.inherited.names(facts);
    if names.is_empty() {
        return false;
    }
    let added = difference.new.as_ref().and_then(|new| facts.new.resolve(new).ok());
    let category = added.as_ref().and_then(|added| added.as_dict()).unwrap_or(Dict::empty());
    difference.key.iter().chain(category.iter().map(|(key, _)| key)).any(|name| names.contains(name))
}
