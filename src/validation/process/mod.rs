//! The validation processes: which blocks run in which order, and how their answers make one.
//!
//! Reading order: [`pdf`] and [`cms`] (the two kinds of file), [`basic`] (one signature: EN 319 102-1 §5.3).

pub mod basic;
pub mod cms;
pub mod pdf;

pub use basic::Setting;
pub use cms::validate_cms;
pub use pdf::validate_pdf;
