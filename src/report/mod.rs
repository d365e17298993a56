//! What people get from a verification: the answer first, then why, in Vietnamese or English, as text and as one HTML file.
//!
//! Reading order: [`Input`] (what a report is made of), [`view`] (what it says, in words, whatever the form: [`view::View`], with
//! `card` for one signature, `chain` for certificates, `timeline` and `bars` for the two charts), [`words`] (every fixed word in both
//! languages), [`mod@text`] (the view for terminals), [`html`] (the view as a self-contained page, by [`markup`], which escapes). [`drawn`]
//! holds the page pictures somebody drew beforehand.
//!
//! What this folder does not do: judge, read files or the clock, draw pages. `validation` hands it the facts, the caller hands it
//! what it knows of where trust anchors came from and the pictures of the pages.

mod bars;
mod card;
mod chain;
pub mod drawn;
pub mod html;
pub mod markup;
mod plot;
pub mod text;
mod timeline;
mod times;
pub mod view;
pub mod words;

#[cfg(test)]
mod tests;

use time::OffsetDateTime;

use crate::bundle::facts::Basis;
use crate::crypto::DigestAlgorithm;
use crate::formats::x509::Certificate;
use crate::validation::report::{FileReport, Format, Language};

pub use drawn::Drawn;
pub use view::View;

/// What a report on one file is made of.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The file's name as the user gave it; it is shown, never opened.
    pub file: &'a str,
    /// By the file's first bytes.
    pub format: Option<Format>,
    pub report: Option<&'a FileReport>,
    /// Why there is no report, or no signature in it; English, as the engine says it.
    pub error: Option<&'a str>,
    /// The validation time.
    pub time: OffsetDateTime,
    pub trust: &'a Trust,
    /// The installed trust bundle and the policy.
    pub basis: Option<&'a Basis>,
    pub drawn: &'a Drawn,
}

impl<'a> Input<'a> {
    /// What the report says in one language.
    pub fn view(self, language: Language) -> View {
        View::of(self, language)
    }
}

/// What the verdicts of a run are anchored in, and where that came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    pub anchors: Vec<AnchorSource>,
}

/// One place trust anchors came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorSource {
    pub origin: Origin,
    /// SHA-256 of each anchor's DER, hexadecimal.
    pub fingerprints: Vec<String>,
}

impl AnchorSource {
    pub fn new(origin: Origin, anchors: &[Certificate]) -> Self {
        let fingerprint = |anchor: &Certificate| anchor.fingerprint(DigestAlgorithm::Sha256).to_hex();
        Self { origin, fingerprints: anchors.iter().map(fingerprint).collect() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file the user named, by its path.
    File(String),
    /// The installed trust bundle, by its name or number.
    Bundle(String),
}

impl Trust {
    /// How many anchors there are.
    pub fn count(&self) -> usize {
        self.anchors.iter().map(|source| source.fingerprints.len()).sum()
    }

    /// Where the anchor with this fingerprint came from.
    fn origin(&self, fingerprint: &str) -> Option<&Origin> {
        let source = self.anchors.iter().find(|source| source.fingerprints.iter().any(|known| known == fingerprint));
        source.map(|source| &source.origin)
    }
}
