//! Validation of signatures: bytes, evidence, policy and time in; a report out. Nothing is fetched and no clock is read.
//!
//! ```
//! use kyso::formats::x509::pem;
//! use kyso::validation::report::Indication;
//! use kyso::validation::{Beside, Evidence, Policy, Setting, validate_file};
//! use time::macros::datetime;
//!
//! # fn judge(file: &[u8], roots: &[u8], crl: &[u8]) -> Result<bool, Box<dyn std::error::Error>> {
//! // What the judgement may rest on: trust anchors, and the status of certificates. Nothing is fetched.
//! let mut evidence = Evidence { anchors: pem::certificates(roots)?, ..Evidence::default() };
//! evidence.add_revocation(crl)?;
//! // The strict policy, and the time to judge for, which is the caller's to tell.
//! let setting = Setting { evidence: &evidence, policy: Policy::default(), time: datetime!(2026-06-01 12:00 UTC) };
//! // PDF or CMS; `Beside` brings the content of a detached signature, or a PDF's password.
//! let report = validate_file(file, Beside::default(), setting)?;
//! // Each signature has its verdict and its reasons. A file without any is no valid file.
//! let passed = report.signatures.iter().all(|signature| signature.indication() == Indication::TotalPassed);
//! # Ok(passed && !report.signatures.is_empty())
//! # }
//! # assert!(judge(b"", b"", b"").is_err());
//! ```
//!
//! `examples/verify_offline.rs` is a whole program. One [`Evidence`] serves many files and threads: what it knows of authorities and
//! lists is checked once ([`KnownSignatures`]). What one file may cost is bounded; a limit that was hit is named in its report
//! (`budget-exceeded`, `chain-too-expensive`) and keeps it from passing.
//!
//! Reading order: [`validate_file`], [`validate_pdf`] and [`validate_cms`] (the doors, in [`process`]), [`evidence`], [`policy`] and [`budget`] (what comes
//! in), [`known`] (what is not checked twice), `lifetime` (until when a proof lasts), [`blocks`] (the basic building blocks),
//! [`profile`] (which baseline a signature conforms to), [`report`]. Before a judgement, [`missing`] tells what would have to be
//! fetched for it, and [`fetched`] judges each piece that was.
//!
//! What this folder does not do: raise a level by evidence it has not validated, or fetch evidence that is missing. Signature
//! time-stamps and document time-stamps are proofs of existence only when their token validates; archive time-stamps before version 3
//! are told but not evaluated.
//! Follows ETSI EN 319 102-1 and RFC 5280. A verdict is a value of the report; an error means that the file could not be
//! processed at all.

pub mod blocks;
pub mod budget;
pub mod evidence;
pub mod fetched;
mod known;
mod lifetime;
pub mod missing;
pub mod pdf_changes;
pub mod policy;
pub mod process;
pub mod profile;
pub mod report;
#[cfg(test)]
pub(crate) mod testing;

pub use evidence::Evidence;
pub use known::KnownSignatures;
pub use policy::{NamedPolicy, Policy, RevocationPolicy};
pub use process::{Beside, FileError, Setting, validate_cms, validate_file, validate_pdf, validate_pdf_with};
