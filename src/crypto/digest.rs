//! Hash functions: names, identifiers and values.

use const_oid::ObjectIdentifier;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::fmt;

use super::CryptoError;

const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA224: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.4");
const SHA3_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.8");
const SHA3_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.9");
const SHA3_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.10");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// A hash function. Those before SHA-256 are read, never produced: SHA-1 and SHA-224 are outdated, SHA-3 (FIPS 202) no key holder here
/// signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DigestAlgorithm {
    Sha1,
    Sha224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
    Sha256,
    Sha384,
    Sha512,
}

impl DigestAlgorithm {
    pub const ALL: [Self; 8] = [
        Self::Sha1,
        Self::Sha224,
        Self::Sha3_256,
        Self::Sha3_384,
        Self::Sha3_512,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
    ];

    /// Finds the function by its identifier (RFC 5754 §2, RFC 8702 §2).
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] for any other identifier.
    pub fn from_oid(oid: &ObjectIdentifier) -> Result<Self, CryptoError> {
        let known = Self::ALL.into_iter().find(|known| known.oid() == *oid);
        known.ok_or_else(|| CryptoError::UnsupportedAlgorithm(oid.to_string()))
    }

    /// Finds the function by the name reports and storage use.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    pub fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha1 => SHA1,
            Self::Sha224 => SHA224,
            Self::Sha3_256 => SHA3_256,
            Self::Sha3_384 => SHA3_384,
            Self::Sha3_512 => SHA3_512,
            Self::Sha256 => SHA256,
            Self::Sha384 => SHA384,
            Self::Sha512 => SHA512,
        }
    }

    /// The name reports use, e.g. `SHA-256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha224 => "SHA-224",
            Self::Sha3_256 => "SHA3-256",
            Self::Sha3_384 => "SHA3-384",
            Self::Sha3_512 => "SHA3-512",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// Length of a value in bytes.
    pub fn output_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha3_256 | Self::Sha256 => 32,
            Self::Sha3_384 | Self::Sha384 => 48,
            Self::Sha3_512 | Self::Sha512 => 64,
        }
    }

    /// Hashes `bytes`.
    pub fn digest(self, bytes: &[u8]) -> Digest {
        self.digest_parts(&[bytes])
    }

    /// Hashes the concatenation of `parts`, e.g. the two halves of a ByteRange, without copying them together.
    pub fn digest_parts(self, parts: &[&[u8]]) -> Digest {
        let mut hasher = Hasher::new(self);
        for part in parts {
            hasher.update(part);
        }
        hasher.finish()
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A hash value together with the function that made it; its length always fits the function.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: DigestAlgorithm,
    value: Vec<u8>,
}

impl Digest {
    /// Takes a ready value; `None` when its length does not fit the function.
    pub fn from_bytes(algorithm: DigestAlgorithm, value: &[u8]) -> Option<Self> {
        (value.len() == algorithm.output_len()).then(|| Self { algorithm, value: value.to_vec() })
    }

    pub fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.value
    }

    /// Lower-case hexadecimal.
    pub fn to_hex(&self) -> String {
        hex(&self.value)
    }
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 as an array: what storage keeps of secrets with 256 random bits, for which a fast hash is enough.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

/// An incremental hash computation.
#[derive(Clone)]
pub struct Hasher {
    algorithm: DigestAlgorithm,
    state: State,
}

#[derive(Clone)]
enum State {
    Sha1(sha1::Sha1),
    Sha224(sha2::Sha224),
    Sha3_256(sha3::Sha3_256),
    Sha3_384(sha3::Sha3_384),
    Sha3_512(sha3::Sha3_512),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    pub fn new(algorithm: DigestAlgorithm) -> Self {
        let state = match algorithm {
            DigestAlgorithm::Sha1 => State::Sha1(Default::default()),
            DigestAlgorithm::Sha224 => State::Sha224(Default::default()),
            DigestAlgorithm::Sha3_256 => State::Sha3_256(Default::default()),
            DigestAlgorithm::Sha3_384 => State::Sha3_384(Default::default()),
            DigestAlgorithm::Sha3_512 => State::Sha3_512(Default::default()),
            DigestAlgorithm::Sha256 => State::Sha256(Default::default()),
            DigestAlgorithm::Sha384 => State::Sha384(Default::default()),
            DigestAlgorithm::Sha512 => State::Sha512(Default::default()),
        };
        Self { algorithm, state }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Sha1(h) => h.update(bytes),
            State::Sha224(h) => h.update(bytes),
            State::Sha3_256(h) => h.update(bytes),
            State::Sha3_384(h) => h.update(bytes),
            State::Sha3_512(h) => h.update(bytes),
            State::Sha256(h) => h.update(bytes),
            State::Sha384(h) => h.update(bytes),
            State::Sha512(h) => h.update(bytes),
        }
    }

    pub fn finish(self) -> Digest {
        let value = match self.state {
            State::Sha1(h) => h.finalize().to_vec(),
            State::Sha224(h) => h.finalize().to_vec(),
            State::Sha3_256(h) => h.finalize().to_vec(),
            State::Sha3_384(h) => h.finalize().to_vec(),
            State::Sha3_512(h) => h.finalize().to_vec(),
            State::Sha256(h) => h.finalize().to_vec(),
            State::Sha384(h) => h.finalize().to_vec(),
            State::Sha512(h) => h.finalize().to_vec(),
        };
        Digest { algorithm: self.algorithm, value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_of_abc_is_the_published_value() {
        let digest = DigestAlgorithm::Sha256.digest_parts(&[b"a", b"bc"]);
        assert_eq!(digest.to_hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn sha3_of_abc_is_the_published_value() {
        let digest = DigestAlgorithm::Sha3_256.digest_parts(&[b"a", b"bc"]);
        assert_eq!(digest.to_hex(), "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532");
    }

    #[test]
    fn digest_of_wrong_length_is_refused() {
        assert!(Digest::from_bytes(DigestAlgorithm::Sha384, &[0; 32]).is_none());
        assert!(Digest::from_bytes(DigestAlgorithm::Sha384, &[0; 48]).is_some());
    }

    #[test]
    fn every_identifier_comes_back() {
        for algorithm in DigestAlgorithm::ALL {
            assert_eq!(DigestAlgorithm::from_oid(&algorithm.oid()), Ok(algorithm));
            assert_eq!(DigestAlgorithm::from_name(algorithm.name()), Some(algorithm));
            assert_eq!(algorithm.digest(b"").as_bytes().len(), algorithm.output_len());
        }
    }
}
