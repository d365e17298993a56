//! The basic building blocks of EN 319 102-1 §5.2, one file each, in the order they run.
//!
//! A block returns a proof only it can mint, or the [`super::report::Finding`] that says why there is none.

pub mod acceptance;
pub mod crypto;
pub mod format_checking;

pub mod signing_certificate;
pub mod x509;
