//! The layouts, as data.

use crate::signing::visible::Template;

/// What a line of text tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    Signer,
    Agency,
    Time,
    Reason,
    Location,
    /// The request's own lines.
    Lines,
}

/// One layout. Lengths are points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub facts: &'static [Fact],
    pub labels: Labels,
    /// Part of the width the picture gets; 1 when it stands alone.
    pub picture_share: f64,
    pub picture: Picture,
    pub largest: f64,
    pub smallest: f64,
    pub padding: f64,
    /// Width of the border when the request does not say.
    pub border: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Labels {
    Shown,
    /// Bare values.
    Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Picture {
    Optional,
    Required,
    None,
}

const CITIZEN: Layout = Layout {
    facts: &[Fact::Signer, Fact::Agency, Fact::Time, Fact::Reason, Fact::Location, Fact::Lines],
    labels: Labels::Shown,
    picture_share: 0.34,
    picture: Picture::Optional,
    largest: 11.0,
    smallest: 5.0,
    padding: 4.0,
    border: 0.75,
};

/// Seal and handwritten signature are pictures in their real size, without words (annex I, part I, II.8).
const PICTURE_ALONE: Layout = Layout {
    facts: &[],
    labels: Labels::Left,
    picture_share: 1.0,
    picture: Picture::Required,
    largest: 0.0,
    smallest: 0.0,
    padding: 0.0,
    border: 0.0,
};

/// Times New Roman's shapes, 10 points, upright, black (annex I): text that does not fit at that size is refused.
const DOCUMENT_INFORMATION: Layout = Layout {
    facts: &[Fact::Lines, Fact::Agency, Fact::Time],
    labels: Labels::Left,
    picture_share: 0.0,
    picture: Picture::None,
    largest: 10.0,
    smallest: 10.0,
    padding: 0.0,
    border: 0.0,
};

impl Layout {
    pub fn of(template: Template) -> Self {
        match template {
            Template::Citizen => CITIZEN,
            Template::AgencySeal | Template::OfficialSignature => PICTURE_ALONE,
            Template::DocumentInformation => DOCUMENT_INFORMATION,
        }
    }

    pub fn shows_text(&self) -> bool {
        !self.facts.is_empty()
    }
}
