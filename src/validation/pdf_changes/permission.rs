//! Whether the signed revision permits a kind of change.

use super::Modification;
use crate::formats::pdf::permissions::{self, DocMdpPermission, FieldLock};
use crate::formats::pdf::{Pdf, PdfError, SignatureDictionary};

/// What a change is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// DSS, document time-stamps and what carries them: always permitted (ISO 32000-2 §12.8.2.2.2).
    LongTerm,
    /// Information about the document that is not shown with it.
    Metadata,
    /// A further signature.
    Signing,
    /// Values of form fields and their appearances.
    FormFilling,
    /// Form filling or signing that looks like something else as well.
    Doubtful,
    /// A note or pop-up that hides nothing of the page.
    Note,
    /// Any other annotation that hides nothing.
    Markup,
    /// An annotation that hides what was signed, or shows less than it did.
    Covering,
    /// Everything else.
    Undefined,
}

/// DocMDP and FieldMDP in force in the signed revision.
pub(super) struct Permissions {
    /// The strictest of all certifications and lock permissions; `None` when nothing is certified.
    pub doc_mdp: Option<DocMdpPermission>,
    locks: Vec<(FieldLock, String)>,
}

impl Permissions {
    /// Reads them from the signed revision: never from the newest one, which an attacker writes.
    ///
    /// # Errors
    /// [`PdfError`] when the catalog's /Perms cannot be read.
    pub fn read(signed: &Pdf<'_>, signatures: &[SignatureDictionary]) -> Result<Self, PdfError> {
        let mut doc_mdp: Vec<DocMdpPermission> = permissions::certification(signed)?.into_iter().collect();
        let mut locks = Vec::new();
        for signature in signatures {
            doc_mdp.extend(signature.transforms.doc_mdp);
            let field_mdp = signature.transforms.field_mdp.iter().cloned();
            locks.extend(field_mdp.map(|lock| (lock, signature.field_name.clone())));
            if let Some((lock, permission)) = &signature.lock {
                locks.push((lock.clone(), signature.field_name.clone()));
                doc_mdp.extend(*permission);
            }
        }
        Ok(Self { doc_mdp: doc_mdp.into_iter().min(), locks })
    }

    /// The signature that locks the field, if one does.
    pub fn locked_by(&self, field: &str) -> Option<&str> {
        self.locks.iter().find(|(lock, _)| lock.locks(field)).map(|(_, by)| by.as_str())
    }

    pub fn judge(&self, class: Class) -> Modification {
        use DocMdpPermission::{Annotating, FormFilling, NoChanges};
        use Modification::{Allowed, Forbidden, Suspicious};
        match (class, self.doc_mdp) {
            (Class::LongTerm, _) => Allowed,
            (Class::Undefined, _) => Forbidden,
            (Class::Metadata, Some(NoChanges)) => Suspicious,
            (Class::Metadata, _) => Allowed,
            (_, Some(NoChanges)) => Forbidden,
            (Class::Signing | Class::FormFilling, _) => Allowed,
            (Class::Doubtful, _) => Suspicious,
            (Class::Note | Class::Markup | Class::Covering, Some(FormFilling)) => Forbidden,
            (Class::Note | Class::Markup, Some(Annotating)) => Allowed,
            (Class::Covering, Some(Annotating)) | (Class::Note, None) => Suspicious,
            (Class::Markup | Class::Covering, None) => Forbidden,
        }
    }
}
