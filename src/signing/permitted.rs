//! Whether the document allows one more signature (ISO 32000-1 §12.8.2, §12.7.8).

use super::error::SigningError;
use crate::formats::pdf::fields::{self, Field};
use crate::formats::pdf::permissions::{self, DocMdpPermission, FieldLock};
use crate::formats::pdf::{Pdf, SignatureDictionary, signature};

/// Checks certification, field locks and XFA before the field `name` is signed.
///
/// # Errors
/// [`SigningError`] naming the reason.
pub(super) fn check(pdf: &Pdf<'_>, form_fields: &[Field], name: &str) -> Result<(), SigningError> {
    check_xfa(pdf, form_fields)?;
    if permissions::certification(pdf)? == Some(DocMdpPermission::NoChanges) {
        return Err(SigningError::CertifiedNoChanges);
    }
    for signature in signature::signatures(pdf)? {
        check_signature(&signature, name)?;
    }
    Ok(())
}

/// A certification says what may change after it, so nothing may have been signed before (ISO 32000-1 §12.8.2.2.1).
///
/// # Errors
/// [`SigningError::NotFirst`] or [`SigningError::AlreadyCertified`].
pub(super) fn check_certification(pdf: &Pdf<'_>) -> Result<(), SigningError> {
    if let Some(permission) = permissions::certification(pdf)? {
        return Err(SigningError::AlreadyCertified(permission));
    }
    match signature::signatures(pdf)?.first() {
        Some(first) => Err(SigningError::NotFirst(first.field_name.clone())),
        None => Ok(()),
    }
}

fn check_signature(signature: &SignatureDictionary, name: &str) -> Result<(), SigningError> {
    let lock_permission = signature.lock.as_ref().and_then(|(_, permission)| *permission);
    if [signature.transforms.doc_mdp, lock_permission].contains(&Some(DocMdpPermission::NoChanges)) {
        return Err(SigningError::CertifiedNoChanges);
    }
    let locks = signature.transforms.field_mdp.iter().chain(signature.lock.iter().map(|(lock, _)| lock));
    let locked = locks.into_iter().any(|lock: &FieldLock| lock.locks(name));
    if locked {
        return Err(SigningError::FieldLocked { field: name.into(), by: signature.field_name.clone() });
    }
    Ok(())
}

/// A form with XFA and no PDF fields is drawn from its XML alone; the pages are only a placeholder.
fn check_xfa(pdf: &Pdf<'_>, form_fields: &[Field]) -> Result<(), SigningError> {
    let has_xfa = fields::acro_form(pdf)?.is_some_and(|(_, form)| form.contains("XFA"));
    if has_xfa && form_fields.is_empty() { Err(SigningError::XfaOnly) } else { Ok(()) }
}
