//! Middle and last stage for a PDF: the digest of what is signed, and the signature into its hole.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::error::SigningError;
use crate::crypto::digest::Hasher;
use crate::crypto::{Digest, DigestAlgorithm};

/// A prepared signature: what will be appended, with a hole of zeros where the CMS goes.
///
/// Small (the update, not the document) and serialisable, so the process may stop here until the signature value is
/// there. Serialised, the hole is left out.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Prepared {
    update: Vec<u8>,
    hole: Range<usize>,
    original_len: usize,
    original_sha256: Digest,
    /// SHA-256 after the original, so that the usual digest reads the document only once.
    after_original: Option<Hasher>,
}

impl Prepared {
    pub(super) fn new(update: Vec<u8>, hole: Range<usize>, original_len: usize, original: Hasher) -> Self {
        let original_sha256 = original.clone().finish();
        Self { update, hole, original_len, original_sha256, after_original: Some(original) }
    }

    /// `/ByteRange`: offset and length of the signed parts, in bytes from the start of the file.
    pub fn byte_range(&self) -> [u64; 4] {
        let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let second = self.original_len + self.hole.end;
        [0, wide(self.original_len + self.hole.start), wide(second), wide(self.update.len() - self.hole.end)]
    }

    /// The `<…>` token of /Contents within the update, delimiters included.
    pub fn hole(&self) -> Range<usize> {
        self.hole.clone()
    }

    /// Bytes of CMS that fit.
    pub fn capacity(&self) -> usize {
        self.hole.len().saturating_sub(2) / 2
    }

    /// Length of the document the update belongs to.
    pub fn original_len(&self) -> usize {
        self.original_len
    }

    /// SHA-256 of the document the update belongs to.
    pub fn original_sha256(&self) -> &Digest {
        &self.original_sha256
    }

    /// Hash of the signed parts: `original` and the update without its hole.
    ///
    /// # Errors
    /// [`SigningError::WrongOriginal`] when `original` is not the document that was prepared.
    pub fn digest(&self, original: &[u8], algorithm: DigestAlgorithm) -> Result<Digest, SigningError> {
        if original.len() != self.original_len {
            return Err(SigningError::WrongOriginal);
        }
        let mut hasher = match &self.after_original {
            Some(state) if algorithm == DigestAlgorithm::Sha256 => state.clone(),
            _ => self.hash_original(original, algorithm)?,
        };
        hasher.update(self.update.get(..self.hole.start).unwrap_or_default());
        hasher.update(self.update.get(self.hole.end..).unwrap_or_default());
        Ok(hasher.finish())
    }

    /// Hashes the document and makes sure it is the right one.
    fn hash_original(&self, original: &[u8], algorithm: DigestAlgorithm) -> Result<Hasher, SigningError> {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(original);
        let sha256 = match algorithm {
            DigestAlgorithm::Sha256 => hasher.clone().finish(),
            _ => DigestAlgorithm::Sha256.digest(original),
        };
        if sha256 == self.original_sha256 { Ok(hasher) } else { Err(SigningError::WrongOriginal) }
    }
}

/// Puts the DER SignedData into the hole and returns the update: the signed file is the original followed by it.
///
/// # Errors
/// [`SigningError::ContentsTooSmall`] when the CMS does not fit; it is never cut.
pub fn embed(prepared: &Prepared, cms_der: &[u8]) -> Result<Vec<u8>, SigningError> {
    let too_small = SigningError::ContentsTooSmall { needed: cms_der.len(), reserved: prepared.capacity() };
    if cms_der.len() > prepared.capacity() {
        return Err(too_small);
    }
    let mut update = prepared.update.clone();
    let digits = update.get_mut(prepared.hole.start + 1..prepared.hole.end - 1).ok_or(too_small)?;
    for (pair, byte) in digits.chunks_exact_mut(2).zip(cms_der) {
        pair.copy_from_slice(hex_pair(*byte).as_slice());
    }
    Ok(update)
}

fn hex_pair(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + (nibble - 10) };
    [digit(byte >> 4), digit(byte & 15)]
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("byte_range", &self.byte_range())
            .field("original_sha256", &self.original_sha256.to_hex())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Prepared {
    fn eq(&self, other: &Self) -> bool {
        self.update == other.update
            && self.hole == other.hole
            && self.original_len == other.original_len
            && self.original_sha256 == other.original_sha256
    }
}

/// The stored form: hexadecimal text before and after the hole.
#[derive(Serialize, Deserialize)]
struct Wire {
    before: String,
    after: String,
    capacity: usize,
    original_len: usize,
    original_sha256: String,
}

impl From<Prepared> for Wire {
    fn from(prepared: Prepared) -> Self {
        let part = |range: &[u8]| range.iter().flat_map(|byte| hex_pair(*byte)).map(char::from).collect();
        Self {
            before: part(prepared.update.get(..prepared.hole.start).unwrap_or_default()),
            after: part(prepared.update.get(prepared.hole.end..).unwrap_or_default()),
            capacity: prepared.capacity(),
            original_len: prepared.original_len,
            original_sha256: prepared.original_sha256.to_hex(),
        }
    }
}

impl TryFrom<Wire> for Prepared {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        // The largest capacity a request may ask for; a larger one was not written here.
        if wire.capacity > 1 << 20 {
            return Err("the stored capacity is out of bounds");
        }
        let mut update = unhex(&wire.before)?;
        let start = update.len();
        update.push(b'<');
        update.resize(start + 1 + 2 * wire.capacity, b'0');
        update.push(b'>');
        let hole = start..update.len();
        update.extend(unhex(&wire.after)?);
        let sha256 = Digest::from_bytes(DigestAlgorithm::Sha256, &unhex(&wire.original_sha256)?);
        let original_sha256 = sha256.ok_or("the stored digest has a wrong length")?;
        Ok(Self { update, hole, original_len: wire.original_len, original_sha256, after_original: None })
    }
}

pub(super) fn unhex(text: &str) -> Result<Vec<u8>, &'static str> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(|chunk| pair(chunk).ok_or("the stored update is not hexadecimal")).collect()
}
