//! Every version of every object after some point of the file, also those later revisions replaced.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::PdfError;
use super::object::{Object, ObjectId};
use super::reader::Pdf;
use super::xref::Entry;

/// One version of an object: where it stands and what it refers to.
#[derive(Debug)]
pub(super) struct Version {
    pub extent: Range<usize>,
    /// Object numbers with the objects they refer to: the object itself, or the contents of an object stream.
    references: Vec<(u32, Vec<ObjectId>)>,
}

impl Version {
    pub fn new(pdf: &Pdf<'_>, id: ObjectId, object: &Object, extent: Range<usize>) -> Self {
        let mut references = vec![(id.number, object.references())];
        if let Some(stream) = object.as_stream().filter(|stream| stream.dict.is_type("ObjStm")) {
            // Contents that cannot be read refer to nothing a reader could find.
            let contained = pdf.contained(stream).unwrap_or_default();
            references.extend(contained.into_iter().map(|(number, object)| (number, object.references())));
        }
        Self { extent, references }
    }
}

/// What each object number referred to in any version written at or after `from`.
///
/// # Errors
/// [`PdfError::TooLarge`] when reading them exceeds the work allowed for the file.
pub fn references_since(pdf: &Pdf<'_>, from: usize) -> Result<HashMap<u32, HashSet<u32>>, PdfError> {
    let mut references: HashMap<u32, HashSet<u32>> = HashMap::new();
    for (_, entry) in pdf.sections().iter().flat_map(|section| &section.entries) {
        let Entry::InFile { offset, .. } = entry else { continue };
        let Some(at) = pdf.base().checked_add(*offset).filter(|at| *at >= from) else { continue };
        match pdf.version_at(at) {
            Ok(version) => {
                for (number, targets) in &version.references {
                    references.entry(*number).or_default().extend(targets.iter().map(|id| id.number));
                }
            }
            Err(error @ PdfError::TooLarge(_)) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(references)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::Limits;
    use crate::formats::pdf::samples::{Sample, append_update};

    #[test]
    fn replaced_versions_still_tell_what_they_referred_to() {
        let mut file = String::from_utf8(Sample::minimal()).unwrap();
        let signed = file.len();
        for target in [8, 9] {
            let prev = file.rfind("xref\n0").unwrap();
            let body = format!("[{target} 0 R]");
            append_update(&mut file, &[(4, body)], &format!("/Root 1 0 R/Prev {prev}"));
        }
        let pdf = Pdf::open(file.as_bytes(), &Limits::default()).unwrap();
        let references = references_since(&pdf, signed).unwrap();
        assert_eq!(references, HashMap::from([(4, HashSet::from([8, 9]))]));
    }
}
