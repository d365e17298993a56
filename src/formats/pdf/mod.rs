//! PDF as a signature sees it: objects, revisions, fields and byte ranges, over the bytes as they came.
//!
//! Reading order: [`object`] (the object model), `lexer` and `parser` (bytes to objects), `filters` (stream decoding),
//! `xref` and `chain` (cross-reference sections and the chain they form), `object_stream`, [`crypt`] (encrypted documents), [`reader`] ([`Pdf`]: the
//! lazy view of one file), [`pages`], [`fields`] (the AcroForm field tree), [`signature`] (signature dictionaries),
//! [`byte_range`] (what a `/ByteRange` covers), [`permissions`] (DocMDP and FieldMDP), [`dss`] (validation material), [`revisions`] (incremental
//! updates and bytes they do not explain), [`versions`] (objects in all their versions), [`text`] (text strings and dates), [`content`] (where a
//! page shows text), [`active`] (what could show it otherwise elsewhere), `write` and [`incremental`] (appending
//! one update).
//!
//! The reader is strict where a viewer is lenient: it never rebuilds a damaged cross-reference table, and whatever it
//! tolerates it records as an [`Anomaly`]. Only a document that is to be signed is opened leniently (`repair`,
//! [`Pdf::open_for_signing`]); its update then lists every object, so that the strict reader finds the same document.
//! Anomalies and ranges are facts; what they mean for a signature is judged in `validation`.
//!
//! What this folder does not do: render, decode image filters, change bytes that exist.
//! Follows ISO 32000-1 and ISO 32000-2, clause 7 (syntax), 12.7 (forms) and 12.8 (signatures).

pub mod active;
pub mod anomaly;
pub mod byte_range;
mod chain;
pub mod content;
pub mod crypt;
pub mod dss;
pub mod fields;
mod filters;
pub mod geometry;
pub mod incremental;
mod lexer;
mod limits;
pub mod object;
mod object_stream;
pub mod pages;
mod parser;
pub mod permissions;
pub mod reader;
mod repair;
pub mod revisions;
pub mod signature;
pub mod text;
pub mod versions;
mod write;
pub mod xref;

#[cfg(test)]
pub(crate) mod samples;

pub use anomaly::Anomaly;
pub use byte_range::ByteRangeFacts;
pub use crypt::Password;
pub use incremental::IncrementalUpdate;
pub use limits::{Limits, Reached};
pub use object::{Dict, Name, Object, ObjectId, PdfString, Stream};
pub use reader::{Pdf, Resolved};
pub use revisions::Revision;
pub use signature::{SignatureDictionary, SignatureKind};

/// Why a PDF, or a part of one, cannot be processed. All but [`PdfError::TooLarge`] and those
/// about passwords are the file's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PdfError {
    /// No bytes at all.
    #[error("the file is empty")]
    Empty,
    /// No `%PDF-` header in the first 1024 bytes.
    #[error("the file is not a PDF: it has no %PDF- header")]
    NotAPdf,
    /// The end of the file, with `startxref`, is missing.
    #[error("the PDF is truncated: {0}")]
    Truncated(&'static str),
    /// A structure that is needed cannot be read; opening and saving the file in a PDF editor usually repairs it.
    #[error("the PDF is damaged: {what} (at byte {offset})")]
    Damaged { what: &'static str, offset: usize },
    /// The file is encrypted and does not open with the empty password.
    #[error("the PDF is encrypted and needs a password: give the user or owner password, or submit a copy without one")]
    PasswordNeeded,
    /// The password given is neither the user's nor the owner's.
    #[error("the PDF is encrypted and the password is wrong: it is neither the user nor the owner password")]
    PasswordWrong,
    /// Another security handler or algorithm than the standard one, revisions 2 to 6; names it.
    #[error(
        "the PDF is encrypted in a way that is not supported ({0}); submit a copy without encryption or with a password"
    )]
    SecurityHandler(String),
    /// Not even scanning the file for objects gives a document.
    #[error("the PDF is damaged beyond repair: {0}; open it in a PDF program, save it anew and submit the new file")]
    BeyondRepair(&'static str),
    /// A limit of [`Limits`] was reached: more work than is spent on one file, whoever's fault that is.
    #[error("the PDF exceeds the limit for {0}; ask for a simpler copy of the document, or split it")]
    TooLarge(Reached),
}

impl PdfError {
    pub(crate) fn too_large(what: &'static str, most: usize) -> Self {
        Self::TooLarge(Reached { what, most })
    }
}

pub(crate) fn damaged<T>(what: &'static str, offset: usize) -> Result<T, PdfError> {
    Err(PdfError::Damaged { what, offset })
}
