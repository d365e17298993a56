//! The validation processes: which blocks run in which order, and how their answers make one.
//!
//! Reading order: [`cms`] (a CMS file), [`basic`] (one signature: EN 319 102-1 §5.3).

pub mod basic;
pub mod cms;

pub use basic::Setting;
pub use cms::validate_cms;
