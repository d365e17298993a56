//! Algorithms and their verification; no private keys live here.
//!
//! Reading order: [`digest`] (hash functions), [`algorithm`] (signature algorithms and their identifiers),
//! [`verify`] (public keys and the check of a signature value), [`ml_dsa`] (the post-quantum scheme, or its absence), [`suites`] (until when each algorithm may be used).
//!
//! What this folder does not do: sign, generate keys, judge certificates.
//! Follows RFC 8017 (RSA), RFC 5480 and FIPS 186-5 (ECDSA), RFC 8032 (Ed25519), FIPS 204 (ML-DSA), RFC 5754 and RFC 4055 (identifiers).

pub mod algorithm;
pub mod digest;
#[cfg(feature = "ml-dsa")]
pub mod ml_dsa;
#[cfg(not(feature = "ml-dsa"))]
#[path = "ml_dsa_absent.rs"]
pub mod ml_dsa;
pub mod suites;
pub mod verify;

pub use algorithm::{MlDsaSet, SignatureAlgorithm};
pub use digest::{Digest, DigestAlgorithm};
pub use verify::{PublicKey, Verified};

/// Why a cryptographic object could not be used or did not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// The identifier names an algorithm this build does not implement; carries the dotted OID.
    #[error("algorithm {0} is not supported")]
    UnsupportedAlgorithm(String),
    /// Parameters are malformed or contradict the algorithm.
    #[error("the parameters of the signature algorithm are not usable: {0}")]
    BadParameters(&'static str),
    /// The public key could not be decoded or is out of bounds.
    #[error("the public key is not usable: {0}")]
    BadKey(&'static str),
    /// The key's type does not fit the signature algorithm.
    #[error("the key does not fit the signature algorithm")]
    KeyMismatch,
    /// The signature value does not verify.
    #[error("the signature value does not match")]
    BadSignature,
}
