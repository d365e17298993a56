//! The offline build draws no pages; reports say so in words.

use std::path::Path;

use crate::report::Drawn;
use crate::validation::report::FileReport;

#[derive(Debug, Default)]
pub struct Pages {}

impl Pages {
    pub fn compare(&self, _: &Path, _: &FileReport) -> Drawn {
        Drawn::NotInThisBuild
    }
}
