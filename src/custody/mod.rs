//! Custody of private keys: the far side of the one narrow door.
//!
//! A key is generated here, rests wrapped, and is used for exactly three things: to sign one [`AuthorizedHash`], to prove its
//! possession in a certification request, and to be probed by the preflight. Parts: the [`KeyCustody`] trait, [`software`]
//! (keys wrapped with AES-256-GCM-SIV under a key-encryption key that never stands in the database), `suite` (the tests that
//! every backend passes).
//!
//! What this folder does not do: decide who may sign. It accepts the token that says so.

pub mod software;
#[cfg(test)]
pub(crate) mod suite;

use crate::crypto::SignatureAlgorithm;
use crate::domain::{AuthorizedHash, Credential, CredentialId, KeyAlgorithm, Secret, WrappedKey};
use zeroize::Zeroizing;

/// What names a key to custody: the wrapped form and what it is bound to.
#[derive(Debug, Clone)]
pub struct KeyRef<'a> {
    pub credential: &'a CredentialId,
    pub algorithm: KeyAlgorithm,
    pub wrapped: &'a WrappedKey,
    /// DER of the SubjectPublicKeyInfo; custody refuses a wrapped key that belongs to another public key.
    pub spki: &'a [u8],
    /// What the signer's PIN gave, for keys under one.
    pub activation: Option<&'a Activation>,
}

impl<'a> KeyRef<'a> {
    /// The key of a credential.
    pub fn of(credential: &'a Credential, activation: Option<&'a Activation>) -> Self {
        Self {
            credential: &credential.id,
            algorithm: credential.algorithm,
            wrapped: &credential.key,
            spki: &credential.spki,
            activation,
        }
    }
}

/// What a signer's PIN was stretched to. With it and the key-encryption key a key under a PIN opens, with neither alone.
/// Wiped when dropped; prints `***`. It lives as long as the operation it was given for.
#[derive(Clone)]
pub struct Activation(Zeroizing<[u8; 32]>);

impl Activation {
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Activation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Activation(***)")
    }
}

/// A fresh key pair.
#[derive(Debug)]
pub struct GeneratedKey {
    pub wrapped: WrappedKey,
    /// DER of the SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
}

/// A signature value: DER `SEQUENCE { r, s }` for ECDSA, the octet string of RFC 8017 for RSA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureValue(pub Vec<u8>);

/// Why a key could not be used; temporary faults may be tried again, permanent ones not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustodyError {
    /// The backend does not answer now.
    #[error("the key store does not answer: {0}")]
    Temporary(String),
    /// The wrapped key does not open: another key-encryption key, another credential, or damage.
    #[error("the key of credential {0} cannot be opened with the configured key-encryption key")]
    CannotUnwrap(CredentialId),
    /// The key is under a PIN, and none or a wrong one was given.
    #[error("the key of credential {0} opens with its signer's PIN only")]
    NotActivated(CredentialId),
    /// The key cannot make such a signature.
    #[error("the key cannot sign with {0}")]
    Unsupported(String),
    /// The token is for another credential.
    #[error("the authorisation is for another credential")]
    WrongCredential,
    /// The subject of a certification request cannot be used.
    #[error("the certificate subject cannot be used: {0}")]
    Subject(&'static str),
    /// The engine refused.
    #[error("the signing engine failed: {0}")]
    Engine(&'static str),
}

/// A place where keys live. Calls block for the time of a signature; run them off the event loop.
pub trait KeyCustody: Send + Sync {
    /// Makes a key pair for `credential`.
    ///
    /// # Errors
    /// [`CustodyError`] when the engine or the backend fails.
    fn generate(&self, credential: &CredentialId, algorithm: KeyAlgorithm) -> Result<GeneratedKey, CustodyError>;

    /// Wraps the key anew so that it opens with `pin` only. `key` must open as it is; the old wrapped form is to be forgotten.
    ///
    /// # Errors
    /// [`CustodyError`] as signing would give.
    fn protect(&self, key: &KeyRef<'_>, pin: &Secret) -> Result<WrappedKey, CustodyError>;

    /// What `pin` is stretched to for this key, right or wrong; `None` for a key that is under no PIN. Takes some 0.2 s of one
    /// core and 64 MiB.
    ///
    /// # Errors
    /// [`CustodyError::CannotUnwrap`].
    fn stretch(&self, key: &KeyRef<'_>, pin: &Secret) -> Result<Option<Activation>, CustodyError>;

    /// Signs the one hash that `authorized` allows, and consumes it.
    ///
    /// # Errors
    /// [`CustodyError`]; nothing was signed then.
    fn sign(&self, key: &KeyRef<'_>, authorized: AuthorizedHash) -> Result<SignatureValue, CustodyError>;

    /// Makes a PKCS#10 certification request (RFC 2986) for the key: DER, with the subject given as an RFC 4514 string.
    ///
    /// # Errors
    /// [`CustodyError`], also when the subject cannot be read.
    fn certification_request(&self, key: &KeyRef<'_>, subject: &str) -> Result<Vec<u8>, CustodyError>;

    /// Opens the key and signs a fixed probe with it, so that a broken set-up is found before a citizen meets it.
    ///
    /// # Errors
    /// [`CustodyError`] as signing would give.
    fn probe(&self, key: &KeyRef<'_>, algorithm: SignatureAlgorithm) -> Result<(), CustodyError>;
}
