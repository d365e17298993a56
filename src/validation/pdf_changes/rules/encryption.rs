//! Encryption is decided before anything is signed: an update that adds, removes or changes it makes readers see other
//! strings and streams in the very bytes that were signed.

use crate::formats::pdf::{Object, Pdf};
use crate::validation::pdf_changes::Findings;

/// The encryption dictionary of the newest state must be the signed one; for an encrypted file also the first /ID, which is
/// part of the key.
pub(in crate::validation::pdf_changes) fn check(signed: &Pdf<'_>, newest: &Pdf<'_>, findings: &mut Findings) {
    let reference = |pdf: &Pdf<'_>| pdf.trailer().get("Encrypt").cloned();
    if dictionary(signed) != dictionary(newest) || reference(signed) != reference(newest) {
        findings.forbid("encryption", "trailer/Encrypt", "encryption was added, removed or changed after signing");
    } else if newest.is_encrypted() && first_id(signed) != first_id(newest) {
        findings.forbid("encryption", "trailer/ID", "the identifier the encryption key depends on was changed");
    }
}

/// The dictionary as it stands; null when it is absent or unreadable (an unreadable one does not open at all).
fn dictionary(pdf: &Pdf<'_>) -> Object {
    let value = pdf.value(pdf.trailer(), "Encrypt").ok().flatten();
    value.map_or(Object::Null, |value| Object::clone(&value))
}

fn first_id(pdf: &Pdf<'_>) -> Option<Object> {
    let id = pdf.value(pdf.trailer(), "ID").ok().flatten()?;
    id.as_array()?.first().cloned()
}
