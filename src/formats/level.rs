//! The baseline levels of AdES signatures (EN 319 142-1 §6, EN 319 122-1 §6).

use std::fmt;

use serde::{Deserialize, Serialize};

/// How long a signature can prove itself. Each level holds what the one before holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Baseline {
    /// Who signed what.
    #[default]
    #[serde(rename = "B-B")]
    B,
    /// A time-stamp proves the signature older than its certificate's end.
    #[serde(rename = "B-T")]
    T,
    /// The validation material of signer and time-stamp is in the document.
    #[serde(rename = "B-LT")]
    Lt,
    /// A time-stamp over that material protects it.
    #[serde(rename = "B-LTA")]
    Lta,
}

impl Baseline {
    pub const ALL: [Self; 4] = [Self::B, Self::T, Self::Lt, Self::Lta];

    /// The name in commands, JSON and storage, e.g. `B-LT`.
    pub fn name(self) -> &'static str {
        match self {
            Self::B => "B-B",
            Self::T => "B-T",
            Self::Lt => "B-LT",
            Self::Lta => "B-LTA",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_levels_are_ordered() {
        assert!(Baseline::ALL.into_iter().all(|level| Baseline::from_name(level.name()) == Some(level)));
        assert!(Baseline::ALL.is_sorted());
        let json = serde_json::to_string(&Baseline::Lta).expect("JSON");
        assert_eq!(json, "\"B-LTA\"");
        assert_eq!(Baseline::from_name("LTA"), None);
    }
}
