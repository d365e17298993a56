//! Raising a signature's level after it was made: EN 319 142-1 §6 for PDF, EN 319 122-1 §6 for CMS.
//!
//! Reading order: [`dss`] (validation material into a PDF: B-LT), [`super::prepare_time_stamp`] (a document time-stamp over it:
//! B-LTA).
//!
//! What this folder does not do: fetch anything, or judge what it is handed. Each step is one incremental update.

pub mod dss;
