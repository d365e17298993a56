//! What a document holds besides its pages that could show it otherwise elsewhere, or that its pages do not show: scripts
//! (ISO 32000-1 §12.6.4.16), optional content (§8.11), attached files (§7.11.4) and fillable fields (§12.7).
//!
//! These are facts for whoever reads the document; none of them is forbidden here.

use super::object::{Dict, Object, ObjectId};
use super::reader::Pdf;
use super::xref::Entry;

/// Objects looked at; a book of 5,000 pages has some 60,000.
const OBJECTS: usize = 200_000;
/// Nesting of dictionaries and arrays within one object.
const DEPTH: usize = 12;
/// ReadOnly of /Ff (table 221).
const READ_ONLY: i64 = 1;

/// Which of them were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Active {
    pub scripts: bool,
    /// Layers that a reader may show or hide.
    pub layers: bool,
    pub attachments: bool,
    /// Fields that can still be filled in.
    pub fields: bool,
}

impl Active {
    /// Looks at every object of the newest revision. Objects that cannot be read show nothing anywhere, and are passed over.
    pub fn read(pdf: &Pdf<'_>) -> Self {
        let mut active = Self::default();
        for (number, entry) in pdf.entries().iter().take(OBJECTS) {
            let generation = match entry {
                Entry::Free => continue,
                Entry::InFile { generation, .. } => *generation,
                Entry::InStream { .. } => 0,
            };
            if let Ok(object) = pdf.get(ObjectId::new(*number, generation)) {
                active.object(&object, 0);
            }
        }
        active
    }

    fn object(&mut self, object: &Object, depth: usize) {
        if depth > DEPTH {
            return;
        }
        if let Some(dict) = object.as_dict() {
            self.dict(dict);
            dict.iter().for_each(|(_, value)| self.object(value, depth + 1));
        }
        for item in object.as_array().unwrap_or_default() {
            self.object(item, depth + 1);
        }
    }

    fn dict(&mut self, dict: &Dict) {
        let named = |key: &str, name: &str| dict.get(key).is_some_and(|value| value.is_name(name));
        self.scripts |= named("S", "JavaScript") || (dict.contains("JS") && dict.contains("S"));
        self.layers |= named("Type", "OCG");
        self.attachments |= named("Type", "EmbeddedFile") || named("Subtype", "FileAttachment") || dict.contains("EF");
        let fillable = named("FT", "Tx") || named("FT", "Btn") || named("FT", "Ch");
        let flags = dict.get("Ff").and_then(Object::as_integer).unwrap_or(0);
        self.fields |= fillable && flags & READ_ONLY == 0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::Sample;
    use super::super::{Limits, Pdf};
    use super::*;

    fn of(object: &str) -> Active {
        let file = Sample::new().object(5, object).finish();
        Active::read(&Pdf::open(&file, &Limits::default()).unwrap())
    }

    #[test]
    fn each_kind_is_found_alone_and_however_deep() {
        let none = Active::default();
        assert_eq!(of("<</Type/Font/S/Other>>"), none);
        assert_eq!(of("[<</OpenAction<</S/JavaScript/JS(app.alert)>>>>]"), Active { scripts: true, ..none });
        assert_eq!(of("<</Type/OCG/Name(b)>>"), Active { layers: true, ..none });
        assert_eq!(of("<</Type/Filespec/EF<</F 9 0 R>>>>"), Active { attachments: true, ..none });
        assert_eq!(of("<</FT/Tx/T(a)>>"), Active { fields: true, ..none });
        assert_eq!(of("<</FT/Tx/T(a)/Ff 1>>"), none, "read-only");
        assert_eq!(of("<</FT/Sig/T(a)>>"), none);
    }

    #[test]
    fn nesting_without_end_is_cut() {
        let deep = format!("{}<</S/JavaScript>>{}", "[".repeat(40), "]".repeat(40));
        assert_eq!(of(&deep), Active::default());
    }
}
