//! Validation of signatures: bytes, evidence, policy and time in; a report out. Nothing is fetched and no clock is read.
//!
//! Reading order: [`validate_pdf`] and [`validate_cms`] (the doors, in [`process`]), [`evidence`], [`policy`] and [`budget`] (what comes
//! in), [`known`] (what is not checked twice), `lifetime` (until when a proof lasts), [`blocks`] (the basic building blocks),
//! [`profile`] (which baseline a signature conforms to), [`report`]. Before a judgement, [`missing`] tells what would have to be
//! fetched for it, and [`fetched`] judges each piece that was.
//!
//! What this folder does not do: raise a level by evidence it has not validated, or fetch evidence that is missing. Signature
//! time-stamps and document time-stamps are proofs of existence only when their token validates; CAdES archive time-stamps and
//! evidence records are told but not evaluated.
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
pub use policy::{Policy, RevocationPolicy};
pub use process::{Beside, FileError, Setting, validate_cms, validate_file, validate_pdf, validate_pdf_with};
