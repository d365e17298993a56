//! Proofs of existence from a PDF's document time-stamps, newest first (EN 319 102-1 §5.6.3): each valid one proves that all it
//! covers existed at its time, older time-stamps among it.

use crate::formats::cms::ValidationData;
use crate::validation::process::past::Proven;
use crate::validation::process::timestamp::TimeStamp;

/// What is proven so far. Only validated time-stamps get in.
#[derive(Debug, Default)]
pub struct ProofsOfExistence(Vec<Proof>);

/// One document time-stamp that validated.
#[derive(Debug)]
pub struct Proof {
    /// End of the octets it covers, from the start of the file.
    pub covered_end: usize,
    pub time_stamp: TimeStamp,
    /// The document security store inside what it covers.
    pub store: ValidationData,
}

impl ProofsOfExistence {
    pub fn add(&mut self, proof: Proof) {
        self.0.push(proof);
    }

    /// The proofs that cover everything up to `end`, newest first.
    pub fn covering(&self, end: usize) -> impl Iterator<Item = &Proof> {
        self.0.iter().filter(move |proof| proof.covered_end > end)
    }

    /// The newest time-stamp over everything up to `end`.
    pub fn newest(&self, end: usize) -> Option<&TimeStamp> {
        self.covering(end).map(|proof| &proof.time_stamp).max_by_key(|time_stamp| time_stamp.time())
    }

    /// The earliest time at which everything up to `end` provably existed.
    pub fn earliest(&self, end: usize) -> Option<Proven<'_>> {
        let earliest = self.covering(end).min_by_key(|proof| proof.time_stamp.time())?;
        Some(Proven { time: earliest.time_stamp.time(), covered: Some(&earliest.store) })
    }
}
