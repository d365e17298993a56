//! Whether the document allows one more signature (ISO 32000-1 §12.8.2, §7.6.3.2).

use super::error::SigningError;
use crate::formats::pdf::crypt::{Access, Crypt};
use crate::formats::pdf::permissions::{self, DocMdpPermission, FieldLock};
use crate::formats::pdf::{Pdf, SignatureDictionary, signature};

/// Checks the author's permissions, certification and field locks before the field `name` is signed.
///
/// # Errors
/// [`SigningError`] naming the reason.
pub(super) fn check(pdf: &Pdf<'_>, name: &str) -> Result<(), SigningError> {
    check_permissions(pdf)?;
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

/// The user password opens a document for what /P permits, the owner password for everything (ISO 32000-2 table 22).
///
/// Signing fills a signature field (bit 9 or 6), or adds one (bits 4 and 6). Any of the three bits is taken as consent:
/// common writers set one without the others and other signers sign such files. A document whose author cleared all three
/// says that nobody may add anything.
fn check_permissions(pdf: &Pdf<'_>) -> Result<(), SigningError> {
    let forbidden = |crypt: &Crypt| crypt.access() == Access::User && !crypt.permissions().permit_signing();
    if pdf.crypt().is_some_and(forbidden) { Err(SigningError::NotPermitted) } else { Ok(()) }
}
