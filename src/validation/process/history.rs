//! A PDF's revisions and the changes after a signature, as reports show them.

use std::collections::BTreeSet;

use crate::formats::pdf::{Dict, Object, ObjectId, Pdf, Revision, pages};
use crate::validation::blocks::format_checking::MAX_CHANGES_TOLD;
use crate::validation::pdf_changes::Finding;
use crate::validation::report::facts::{ChangeFact, RevisionFact, Wrote};

/// Most revisions told of one file, the newest: a page shows no more.
const MAX_REVISIONS: usize = 100;
/// Most objects of one revision looked at to say what it wrote.
const MAX_OBJECTS: usize = 400;

/// The newest revisions, oldest first.
pub fn of(pdf: &Pdf<'_>, revisions: &[Revision]) -> Vec<RevisionFact> {
    let mut start = 0;
    let mut history: Vec<RevisionFact> = Vec::new();
    let first_told = revisions.len().saturating_sub(MAX_REVISIONS);
    for (position, revision) in revisions.iter().enumerate() {
        let end = revision.end.end.max(start);
        if position >= first_told {
            history.push(RevisionFact {
                number: position.saturating_add(1),
                octets: start..end,
                added: revision.added.len(),
                changed: revision.changed.len(),
                freed: revision.freed.len(),
                wrote: wrote(pdf, revision),
            });
        }
        start = end;
    }
    history
}

fn wrote(pdf: &Pdf<'_>, revision: &Revision) -> Vec<Wrote> {
    let numbers = revision.added.iter().chain(&revision.changed).take(MAX_OBJECTS);
    let kinds = numbers.filter_map(|number| kind(pdf.get(ObjectId::new(*number, 0)).ok()?.as_dict()?));
    kinds.collect::<BTreeSet<_>>().into_iter().collect()
}

fn kind(dict: &Dict) -> Option<Wrote> {
    let has = |key| dict.contains(key);
    if dict.is_type("Page") {
        Some(Wrote::Pages)
    } else if has("FT") || dict.get("Subtype").is_some_and(|subtype| subtype.is_name("Widget")) {
        Some(Wrote::Fields)
    } else if dict.is_type("Annot") {
        Some(Wrote::Annotations)
    } else if dict.is_type("DSS") || (has("Certs") && (has("OCSPs") || has("CRLs"))) {
        Some(Wrote::ValidationData)
    } else {
        None
    }
}

/// The changes a report tells of, with the pages they belong to.
pub fn changes(pdf: &Pdf<'_>, findings: Vec<Finding>) -> Vec<ChangeFact> {
    if findings.is_empty() {
        return Vec::new();
    }
    let pages: Vec<ObjectId> =
        pages::pages(pdf).map(|pages| pages.iter().map(|page| page.id).collect()).unwrap_or_default();
    let told = findings.into_iter().take(MAX_CHANGES_TOLD);
    told.map(|finding| ChangeFact {
        modification: finding.modification,
        rule: finding.rule,
        page: page_of(&finding.path, pdf, &pages),
        path: finding.path,
        text: finding.text,
    })
    .collect()
}

/// Follows a path such as `Root/Pages/Kids[0]/Annots[2]/AP` through the newest state to the page it passes, or whose widget it
/// passes. From 1.
fn page_of(path: &str, pdf: &Pdf<'_>, pages: &[ObjectId]) -> Option<usize> {
    let mut found = None;
    let mut here = Object::Dict(pdf.trailer().clone());
    for segment in path.split('/') {
        let (key, items) = segment.split_once('[').map_or((segment, ""), |(key, items)| (key, items));
        for step in std::iter::once(key).chain(items.trim_end_matches(']').split("][")).filter(|step| !step.is_empty())
        {
            let resolved = pdf.resolve(&here).ok()?;
            let next = match &*resolved {
                Object::Array(array) => array.get(step.parse::<usize>().ok()?).cloned(),
                object => object.as_dict().and_then(|dict| dict.get(step)).cloned(),
            };
            let Some(next) = next else { return found };
            found = page_at(&next, pdf, pages).or(found);
            here = next;
        }
    }
    found
}

fn page_at(object: &Object, pdf: &Pdf<'_>, pages: &[ObjectId]) -> Option<usize> {
    let number_of = |id: ObjectId| pages.iter().position(|page| *page == id).map(|position| position.saturating_add(1));
    if let Some(number) = object.as_ref_id().and_then(number_of) {
        return Some(number);
    }
    let resolved = pdf.resolve(object).ok()?;
    resolved.as_dict()?.get("P")?.as_ref_id().and_then(number_of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::Limits;
    use crate::formats::pdf::samples::Sample;

    #[test]
    fn path_through_the_page_tree_or_a_widget_leads_to_its_page() {
        let file = Sample::new()
            .object(1, "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[7 0 R]>>>>")
            .object(2, "<</Type/Pages/Kids[5 0 R 6 0 R]/Count 2>>")
            .object(5, "<</Type/Page/Parent 2 0 R/Contents 4 0 R>>")
            .object(6, "<</Type/Page/Parent 2 0 R/Annots[7 0 R]>>")
            .object(7, "<</Type/Annot/Subtype/Widget/FT/Tx/P 6 0 R/V(a)>>")
            .finish();
        let pdf = Pdf::open(&file, &Limits::default()).unwrap();
        let ids: Vec<_> = pages::pages(&pdf).unwrap().iter().map(|page| page.id).collect();
        let page = |path| page_of(path, &pdf, &ids);
        assert_eq!(page("Root/Pages/Kids[0]/Contents"), Some(1));
        assert_eq!(page("Root/Pages/Kids[1]/Annots[0]/AP"), Some(2));
        assert_eq!(page("Root/AcroForm/Fields[0]/V"), Some(2));
        assert_eq!(page("Root/AcroForm/DR"), None);
        assert_eq!(page("trailer/Encrypt"), None);
        assert_eq!(page("bytes 3-9"), None);
    }
}
