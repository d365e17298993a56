//! The page tree (ISO 32000-1 §7.7.3), bounded and safe against cycles.

use std::collections::HashSet;

use super::object::{Dict, Object, ObjectId};
use super::reader::Pdf;
use super::{PdfError, damaged};

/// Attributes a page inherits from its ancestors (§7.7.3.4).
const INHERITABLE: [&str; 4] = ["Resources", "MediaBox", "CropBox", "Rotate"];

/// One page with what it inherits.
#[derive(Debug, Clone)]
pub struct Page {
    /// The page object; every page is an indirect object.
    pub id: ObjectId,
    /// The page dictionary as it stands in the file.
    pub dict: Dict,
    /// Inherited attributes the page itself does not have.
    inherited: Dict,
}

impl Page {
    /// The attribute, own or inherited, unresolved.
    pub fn attribute(&self, key: &str) -> Option<&Object> {
        self.dict.get(key).or_else(|| self.inherited.get(key))
    }
}

/// All pages in order.
///
/// # Errors
/// [`PdfError::Damaged`] for a tree that loops or holds something else than pages, [`PdfError::TooLarge`] beyond the
/// limits for pages and depth.
pub fn pages(pdf: &Pdf<'_>) -> Result<Vec<Page>, PdfError> {
    collect(pdf, pdf.limits().pages)
}

/// The first page, without reading the others; `None` for a document without pages.
///
/// # Errors
/// As [`pages`].
pub fn first_page(pdf: &Pdf<'_>) -> Result<Option<Page>, PdfError> {
    Ok(collect(pdf, 0)?.pop())
}

/// Walks in reading order until more than `enough` pages are found; `enough` of the limit itself is an error.
fn collect(pdf: &Pdf<'_>, enough: usize) -> Result<Vec<Page>, PdfError> {
    let catalog = pdf.catalog()?;
    let root = catalog.as_dict().and_then(|dict| dict.get("Pages")).and_then(Object::as_ref_id);
    let Some(root) = root else { return damaged("the catalog has no /Pages", pdf.startxref()) };
    let mut pages = Vec::new();
    let mut seen = HashSet::new();
    let mut stack = vec![(root, Dict::new(), 0usize)];
    while let Some((id, inherited, depth)) = stack.pop() {
        if depth > pdf.limits().tree_depth {
            return Err(PdfError::too_large("depth of the page tree", pdf.limits().tree_depth));
        }
        if !seen.insert(id) {
            return damaged("the page tree loops", pdf.startxref());
        }
        let node = pdf.get(id)?;
        let Object::Dict(dict) = &*node else { continue };
        if let Some(kids) = pdf.value(dict, "Kids")? {
            let inherited = inherit(&inherited, dict);
            let kids = kids.as_array().unwrap_or_default().iter().rev().filter_map(Object::as_ref_id);
            stack.extend(kids.map(|kid| (kid, inherited.clone(), depth + 1)));
            continue;
        }
        pages.push(Page { id, dict: dict.clone(), inherited });
        if pages.len() > enough {
            if enough == pdf.limits().pages {
                return Err(PdfError::too_large("pages", pdf.limits().pages));
            }
            break;
        }
    }
    Ok(pages)
}

fn inherit(above: &Dict, node: &Dict) -> Dict {
    let mut inherited = above.clone();
    for key in INHERITABLE {
        if let Some(value) = node.get(key) {
            inherited.set(key, value.clone());
        }
    }
    inherited
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::Limits;
    use crate::formats::pdf::samples::Sample;

    #[test]
    fn attributes_are_inherited_and_order_is_kept() {
        let file = Sample::new()
            .object(2, "<</Type/Pages/Rotate 90/Kids[5 0 R 6 0 R]/Count 2>>")
            .object(5, "<</Type/Pages/Parent 2 0 R/Kids[3 0 R]/Count 1>>")
            .object(6, "<</Type/Page/Parent 2 0 R/Rotate 0>>")
            .finish();
        let pdf = Pdf::open(&file, &Limits::default()).unwrap();
        let pages = pages(&pdf).unwrap();
        let seen: Vec<_> = pages.iter().map(|p| (p.id.number, p.attribute("Rotate").cloned())).collect();
        assert_eq!(seen, [(3, Some(Object::Integer(90))), (6, Some(Object::Integer(0)))]);
        assert_eq!(first_page(&pdf).unwrap().map(|page| page.id.number), Some(3));
    }

    #[test]
    fn page_tree_that_contains_itself_is_damaged() {
        let file = Sample::new().object(2, "<</Type/Pages/Kids[2 0 R]/Count 1>>").finish();
        let pdf = Pdf::open(&file, &Limits::default()).unwrap();
        assert!(matches!(pages(&pdf), Err(PdfError::Damaged { what: "the page tree loops", .. })));
        assert!(first_page(&pdf).is_err());
    }
}
