//! What a signature permits afterwards: DocMDP, FieldMDP and field locks (ISO 32000-1 §12.8.2, §12.7.4.5).

use serde::{Deserialize, Serialize};

use super::PdfError;
use super::object::{Dict, Object};
use super::reader::Pdf;
use super::text;

/// `/P` of DocMDP transform parameters (§12.8.2.2, table 254).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocMdpPermission {
    /// 1: no changes; DSS and document time-stamps excepted (ISO 32000-2).
    NoChanges,
    /// 2: filling in forms, instantiating page templates, signing.
    FormFilling,
    /// 3: the same, and annotations.
    Annotating,
}

impl DocMdpPermission {
    /// Absent means 2; a number the standard does not know permits nothing.
    fn from_value(value: Option<&Object>) -> Self {
        match value.map(Object::as_integer) {
            None | Some(Some(2)) => Self::FormFilling,
            Some(Some(3)) => Self::Annotating,
            Some(_) => Self::NoChanges,
        }
    }

    /// `/P` as a number.
    pub fn level(self) -> u8 {
        match self {
            Self::NoChanges => 1,
            Self::FormFilling => 2,
            Self::Annotating => 3,
        }
    }
}

/// Which fields may not change (§12.8.2.4 FieldMDP; table 233 signature field lock).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldLock {
    All,
    Include(Vec<String>),
    Exclude(Vec<String>),
}

impl FieldLock {
    /// True when the field with this fully qualified name is locked; naming a field names its descendants.
    pub fn locks(&self, field: &str) -> bool {
        let named = |names: &[String]| {
            names.iter().any(|name| {
                field.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        match self {
            Self::All => true,
            Self::Include(names) => named(names),
            Self::Exclude(names) => !named(names),
        }
    }

    /// /Action and /Fields, as transform parameters and /Lock dictionaries have them.
    pub fn to_dict(&self) -> Dict {
        let (action, names) = match self {
            Self::All => ("All", None),
            Self::Include(names) => ("Include", Some(names)),
            Self::Exclude(names) => ("Exclude", Some(names)),
        };
        let dict = Dict::new().with("Action", Object::name(action));
        let names = names.map(|names| names.iter().map(|name| Object::String(text::encode(name))).collect());
        names.map_or(dict.clone(), |names| dict.with("Fields", Object::Array(names)))
    }

    /// Reads /Action and /Fields of transform parameters or of a /Lock dictionary. An unknown action locks all.
    pub(super) fn read(pdf: &Pdf<'_>, dict: &Dict) -> Result<Self, PdfError> {
        let action = pdf.value(dict, "Action")?.and_then(|a| a.as_name().map(ToString::to_string));
        let names = || -> Result<Vec<String>, PdfError> {
            let Some(list) = pdf.value(dict, "Fields")? else { return Ok(Vec::new()) };
            let items = list.as_array().unwrap_or_default().iter();
            let names: Result<Vec<_>, PdfError> = items
                .map(|item| pdf.resolve(item))
                .map(|item| Ok(item?.as_string().map(|s| text::decode(&s.bytes)).unwrap_or_default()))
                .collect();
            names
        };
        Ok(match action.as_deref() {
            Some("Include") => Self::Include(names()?),
            Some("Exclude") => Self::Exclude(names()?),
            _ => Self::All,
        })
    }
}

/// The transforms a signature dictionary's /Reference array declares.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transforms {
    /// Present in a certification signature.
    pub doc_mdp: Option<DocMdpPermission>,
    pub field_mdp: Vec<FieldLock>,
    /// Names of transforms other than these, e.g. `UR3`.
    pub other: Vec<String>,
}

impl Transforms {
    /// # Errors
    /// [`PdfError`] when the reference array cannot be read.
    pub fn read(pdf: &Pdf<'_>, signature: &Dict) -> Result<Self, PdfError> {
        let mut transforms = Self::default();
        let Some(references) = pdf.value(signature, "Reference")? else { return Ok(transforms) };
        for item in references.as_array().unwrap_or_default() {
            let item = pdf.resolve(item)?;
            let Some(reference) = item.as_dict() else { continue };
            let method = pdf.value(reference, "TransformMethod")?;
            let Some(method) = method.as_deref().and_then(Object::as_name) else { continue };
            let parameters = pdf.value(reference, "TransformParams")?;
            let parameters = parameters.as_deref().and_then(Object::as_dict).unwrap_or(Dict::empty());
            if method.is("DocMDP") {
                let permission = pdf.value(parameters, "P")?;
                transforms.doc_mdp = Some(DocMdpPermission::from_value(permission.as_deref()));
            } else if method.is("FieldMDP") {
                transforms.field_mdp.push(FieldLock::read(pdf, parameters)?);
            } else {
                transforms.other.push(method.to_string());
            }
        }
        Ok(transforms)
    }
}

/// The permission of the certification signature the catalog's /Perms /DocMDP names, if there is one.
///
/// # Errors
/// [`PdfError`] when catalog, /Perms or the signature cannot be read.
pub fn certification(pdf: &Pdf<'_>) -> Result<Option<DocMdpPermission>, PdfError> {
    let catalog = pdf.catalog()?;
    let catalog = catalog.as_dict().unwrap_or(Dict::empty());
    let Some(perms) = pdf.value(catalog, "Perms")? else { return Ok(None) };
    let Some(signature) = pdf.value(perms.as_dict().unwrap_or(Dict::empty()), "DocMDP")? else { return Ok(None) };
    let transforms = Transforms::read(pdf, signature.as_dict().unwrap_or(Dict::empty()))?;
    // A certification without its transform still declares that changes are restricted.
    Ok(Some(transforms.doc_mdp.unwrap_or(DocMdpPermission::FormFilling)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naming_a_field_locks_its_descendants_only() {
        let lock = FieldLock::Include(vec!["a.b".into()]);
        assert!(lock.locks("a.b") && lock.locks("a.b.c"));
        assert!(!lock.locks("a.bc") && !lock.locks("a"));
        let lock = FieldLock::Exclude(vec!["a".into()]);
        assert!(!lock.locks("a.b") && lock.locks("b"));
        assert!(FieldLock::All.locks("x"));
    }

    #[test]
    fn unknown_permission_permits_nothing() {
        let read = |p: Option<i64>| DocMdpPermission::from_value(p.map(Object::Integer).as_ref());
        assert_eq!(read(None), DocMdpPermission::FormFilling);
        assert_eq!(read(Some(3)), DocMdpPermission::Annotating);
        assert_eq!(read(Some(0)), DocMdpPermission::NoChanges);
        assert_eq!(read(Some(4)), DocMdpPermission::NoChanges);
        assert_eq!(DocMdpPermission::from_value(Some(&Object::name("3"))), DocMdpPermission::NoChanges);
    }
}
