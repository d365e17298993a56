//! Why a document is not signed: each variant names the rule.

use super::visible::AppearanceError;
use crate::formats::pdf::PdfError;
use crate::formats::pdf::permissions::DocMdpPermission;

/// Why a document is not signed. All are the document's or the request's fault; nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    #[error(transparent)]
    Pdf(#[from] PdfError),
    /// The visible signature cannot be shown as asked.
    #[error(transparent)]
    Appearance(#[from] AppearanceError),
    /// A certification signature (DocMDP P=1) forbids any further change.
    #[error("the document is certified and permits no changes")]
    CertifiedNoChanges,
    /// An earlier signature locks the field.
    #[error("the field {field:?} is locked by the signature {by:?}")]
    FieldLocked { field: String, by: String },
    #[error("the document is certified already (DocMDP P={p}); only its first signature can certify it", p = .0.level())]
    AlreadyCertified(DocMdpPermission),
    /// A certification was asked for a document that somebody has signed.
    #[error("the document cannot be certified after the signature {0:?}; a certification comes first")]
    NotFirst(String),
    #[error("the document has no field {0:?}")]
    NoSuchField(String),
    #[error("the field {0:?} is not a signature field")]
    NotASignatureField(String),
    #[error("the field {0:?} is already signed")]
    AlreadySigned(String),
    /// The field stands directly in an array, where an update cannot reach it.
    #[error("the field {0:?} is not an indirect object")]
    FieldNotIndirect(String),
    /// The file is encrypted, opened with the user password, and its permissions forbid changes, annotations and the
    /// filling of fields altogether.
    #[error(
        "the document's permissions forbid signing; give its owner password, or ask its author for a copy that may be signed"
    )]
    NotPermitted,
    /// The space asked for in /Contents is out of bounds.
    #[error("a capacity of {0} bytes for the signature is out of bounds")]
    Capacity(usize),
    /// The finished signature does not fit; prepare again with more space.
    #[error("the signature needs {needed} bytes, {reserved} are reserved")]
    ContentsTooSmall { needed: usize, reserved: usize },
    /// The file at hand is not the one that was prepared.
    #[error("the document is not the one that was prepared")]
    WrongOriginal,
}
