//! (to be written)
pub mod pdf_changes;
