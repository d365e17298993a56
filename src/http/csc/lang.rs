//! `lang`: Vietnamese unless English is asked for.

use super::super::fault::Fault;
use super::params::Params;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    Vi,
    En,
}

impl Lang {
    /// From the request's RFC 5646 tag; a language that is not spoken here is no fault.
    ///
    /// # Errors
    /// When it is not a string.
    pub fn read(params: &Params) -> Result<Self, Fault> {
        let tag = params.optional_string(&["lang"])?.unwrap_or_default();
        let primary = tag.split('-').next().unwrap_or_default();
        Ok(if primary.eq_ignore_ascii_case("en") { Self::En } else { Self::Vi })
    }

    pub fn tag(self) -> &'static str {
        self.choose("vi-VN", "en-US")
    }

    pub fn choose<'a>(self, vi: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Vi => vi,
            Self::En => en,
        }
    }
}
