//! What a lenient reader would have repaired in silence.

use std::fmt;
use std::ops::Range;

use super::object::ObjectId;

/// One deviation from ISO 32000 the reader met and went on from. A fact, not a verdict; offsets count from the first
/// byte of the file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Anomaly {
    /// Bytes stand before the `%PDF-` header.
    BytesBeforeHeader { count: usize },
    /// A dictionary has the same key twice; readers disagree on which one counts.
    DuplicateKey { object: Option<ObjectId>, key: String },
    /// The object at an entry's offset carries another number or generation than the entry says.
    HeaderMismatch { entry: ObjectId, offset: usize },
    /// `endobj` is missing after the object.
    MissingEndobj { object: ObjectId, offset: usize },
    /// `/Length` of a stream does not lead to `endstream`; the bytes up to the next `endstream` were taken.
    StreamLength { offset: usize },
    /// Compressed data ended early or its checksum is wrong; what could be decoded was taken.
    StreamData { offset: usize },
    /// A cross-reference entry is not 20 bytes in the prescribed form.
    XrefEntryFormat { offset: usize },
    /// The first subsection starts at 1 although it begins with the head of the free list.
    XrefStartsAtOne { offset: usize },
    /// A cross-reference stream holds fewer entries than /Index or /Size announce.
    XrefStreamShort { offset: usize },
    /// The same section names an object twice.
    XrefDuplicateEntry { object: u32, offset: usize },
    /// An entry points outside the file.
    XrefOutsideFile { object: u32 },
    /// `/Prev` or `/XRefStm` is negative, outside the file, or does not lead to a section.
    ChainBroken { offset: usize },
    /// The chain of sections returns to one already read.
    ChainLoops { offset: usize },
    /// The table and the /XRefStm of a hybrid section place an object differently; old and new readers disagree.
    HybridDisagreement { object: u32, offset: usize },
    /// `startxref` is wrong by some white space or a header offset, or lacks its %%EOF.
    StartxrefInexact { offset: usize },
    /// An object stream does not hold an object where the entry says.
    ObjectStreamIndex { object: u32, stream: u32 },
    /// Trailer /Size is not larger than the highest object number.
    SizeTooSmall { size: i64 },
    /// Bytes no revision accounts for.
    UnexplainedBytes { range: Range<usize> },
}

impl Anomaly {
    /// True when part of the file's history could not be read, so that an update would rest on a broken base.
    pub fn breaks_history(&self) -> bool {
        matches!(self, Self::ChainBroken { .. } | Self::ChainLoops { .. })
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BytesBeforeHeader { count } => write!(f, "{count} bytes stand before the PDF header"),
            Self::DuplicateKey { object: Some(id), key } => write!(f, "object {id} has the key /{key} twice"),
            Self::DuplicateKey { object: None, key } => write!(f, "a trailer has the key /{key} twice"),
            Self::HeaderMismatch { entry, offset } => write!(f, "byte {offset} does not hold object {entry}"),
            Self::MissingEndobj { object, offset } => write!(f, "object {object} at byte {offset} lacks endobj"),
            Self::StreamLength { offset } => write!(f, "the stream at byte {offset} has a wrong /Length"),
            Self::StreamData { offset } => write!(f, "the stream at byte {offset} is not completely decodable"),
            Self::XrefEntryFormat { offset } => write!(f, "malformed cross-reference entry at byte {offset}"),
            Self::XrefStartsAtOne { offset } => write!(f, "the cross-reference table at byte {offset} is off by one"),
            Self::XrefStreamShort { offset } => write!(f, "the cross-reference stream at byte {offset} is too short"),
            Self::XrefDuplicateEntry { object, offset } => {
                write!(f, "the cross-reference section at byte {offset} names object {object} twice")
            }
            Self::XrefOutsideFile { object } => write!(f, "the entry of object {object} points outside the file"),
            Self::ChainBroken { offset } => write!(f, "the cross-reference section at byte {offset} leads nowhere"),
            Self::ChainLoops { offset } => write!(f, "the cross-reference chain loops at byte {offset}"),
            Self::HybridDisagreement { object, offset } => {
                write!(f, "the hybrid section at byte {offset} places object {object} twice")
            }
            Self::StartxrefInexact { offset } => write!(f, "startxref at byte {offset} is inexact"),
            Self::ObjectStreamIndex { object, stream } => {
                write!(f, "object {object} is not where the entry says in object stream {stream}")
            }
            Self::SizeTooSmall { size } => write!(f, "trailer /Size {size} is too small"),
            Self::UnexplainedBytes { range } => {
                write!(f, "bytes {} to {} belong to no revision", range.start, range.end)
            }
        }
    }
}
