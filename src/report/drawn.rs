//! Pictures of a PDF's pages before and after a change, as whoever drew them hands them over.

/// What came of comparing pages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Drawn {
    /// The form of the report has no pictures, or nothing came after the signatures.
    #[default]
    Nothing,
    /// This build cannot draw.
    NotInThisBuild,
    /// Drawing failed as a whole.
    NotDrawable,
    /// The file opens with a password only, which the drawing process is not given.
    NeedsPassword,
    Compared(Vec<Comparison>),
}

/// The pages of one signed revision beside those of the whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Index of the signature, from 1.
    pub signature: usize,
    /// Pages of the signed revision and of the whole file; `None` when they could not be counted.
    pub page_counts: Option<(usize, usize)>,
    /// Numbers of the pages looked at, from 1.
    pub compared: Vec<usize>,
    /// Numbers of pages that could be drawn on neither side.
    pub failed: Vec<usize>,
    /// Pages that look different, in order.
    pub different: Vec<PagePair>,
    /// What a limit left out.
    pub left_out: Option<Limit>,
}

/// Which limit ended a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    Pages,
    Time,
    Size,
}

/// One page on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagePair {
    pub number: usize,
    pub before: Side,
    pub after: Side,
    /// Where they differ, in pixels of the larger picture.
    pub regions: Vec<Region>,
}

/// What one side has to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    Shown(Picture),
    /// There is no such page.
    Absent,
    NotDrawn,
}

impl Side {
    pub fn picture(&self) -> Option<&Picture> {
        match self {
            Self::Shown(picture) => Some(picture),
            Self::Absent | Self::NotDrawn => None,
        }
    }
}

/// A PNG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub png: Vec<u8>,
    pub width: u32,
    pub height: u32,
}

/// A rectangle in pixels from the upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}
