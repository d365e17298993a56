//! What reading one file may cost.

/// Upper bounds of the work and memory one [`super::Pdf`] may take; each says where its number comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Size of the file in bytes. Classic cross-reference entries hold ten digits, so no classic file is larger.
    pub file_bytes: usize,
    /// Nesting of arrays and dictionaries inside one object. Honest files stay below 30; 200 keeps recursion within
    /// the 2 MiB stack of a worker thread.
    pub nesting: usize,
    /// Objects one file may name: ISO 32000-1 Annex C, "maximum number of indirect objects".
    pub objects: usize,
    /// Bytes of the file an object takes at least, however well it is compressed. Elements of a structure tree, the smallest
    /// and most alike of honest objects, take eight to ten; without this a few bytes could name millions.
    pub bytes_an_object: usize,
    /// Cross-reference sections. Each is a saved state; a form signed by every clerk of a province has hundreds.
    pub revisions: usize,
    /// Decoded bytes of one cross-reference or object stream: 8,388,607 entries of 8 bytes are 64 MiB.
    pub stream_bytes: usize,
    /// Decoded bytes of all streams together: four streams of the largest size.
    pub decoded_bytes: usize,
    /// Filters in one chain; nobody needs more than two for structural streams.
    pub filters: usize,
    /// Values inside one object: an array of a million numbers, 32 MiB in memory.
    pub values: usize,
    /// How often the file may be lexed over, as a multiple of its size. Each object is read once or twice;
    /// overlapping objects of a hostile file run into this.
    pub passes: usize,
    /// The same over all states of the file that are compared: each signature needs the state it signed. Fifty signatures on a
    /// form of ordinary size take two or three passes.
    pub passes_of_all_states: usize,
    /// Pages of the page tree (the largest scanned archives have some 100,000).
    pub pages: usize,
    /// Form fields with their widgets; the largest tax forms have some 10,000.
    pub fields: usize,
    /// Depth of page and field trees (an honest tree of a million leaves has a depth of about 10).
    pub tree_depth: usize,
}

/// A limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// What is limited, e.g. `form fields`.
    pub what: &'static str,
    /// How many there may be.
    pub most: usize,
}

impl std::fmt::Display for Reached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (at most {})", self.what, self.most)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 9_999_999_999,
            nesting: 200,
            objects: 8_388_607,
            bytes_an_object: 4,
            revisions: 10_000,
            stream_bytes: 64 << 20,
            decoded_bytes: 256 << 20,
            filters: 8,
            values: 1_000_000,
            passes: 16,
            passes_of_all_states: 4,
            pages: 200_000,
            fields: 100_000,
            tree_depth: 64,
        }
    }
}
