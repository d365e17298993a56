//! The validation processes: which blocks run in which order, and how their answers make one.
//!
//! Reading order: [`any`] (which kind a file is), [`pdf`] and [`cms`] (the two kinds of file), [`basic`] (one signature at the validation time, EN 319 102-1
//! §5.3), [`timestamp`] (tokens, §5.4), [`long_term`] (best signature time and levels, §5.5), [`archival`] and [`archive_time_stamp`] (proofs of existence, in a PDF and in CMS, §5.6.3),
//! [`evidence_record`] (the same by hash trees, RFC 4998),
//! `content_time_stamp` (what was provably made after its certificate ended), `counter` (counter-signatures, told beside the
//! verdict), [`past`] (what only time decides, judged for a proven time, §5.6.2), [`rests_on`] (the facts behind a
//! verdict, for reports) and [`history`] (a PDF's revisions and changes, likewise).
//!
//! Where this is narrower than the standard, always to the strict side: a revoked authority (REVOKED_CA_NO_POE) is never excused
//! by a time-stamp; a content time-stamp counts only with findings of the signer's own certificate; CAdES archive time-stamps before version 3 are told but not evaluated; certificate validity is judged
//! in the shell model at the proven time.
//!
//! In one place it is wider than the letter: a time-stamping unit that has expired since is judged for the day its time-stamp was
//! renewed, by the material the newer time-stamp covers (see [`past`]).

pub mod any;
pub mod archival;
pub mod archive_time_stamp;
pub mod basic;
pub mod cms;
mod content_time_stamp;
mod counter;
pub mod evidence_record;
mod history;
pub mod long_term;
pub mod past;
pub mod pdf;
mod rests_on;
pub mod timestamp;

pub use any::{Beside, FileError, format, validate_file};
pub use basic::Setting;
pub use cms::validate_cms;
pub use pdf::{validate_pdf, validate_pdf_with};

#[cfg(test)]
mod tests;
