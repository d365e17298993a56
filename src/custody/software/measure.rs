//! Signing for the sake of its cost. It is no second door: the key is made here and lost with the value, the hash is chosen
//! here, and no signature leaves.

use super::SoftwareCustody;
use super::kek::KeyEncryptionKey;
use crate::crypto::{Digest, DigestAlgorithm, SignatureAlgorithm};
use crate::custody::{CustodyError, GeneratedKey, KeyCustody as _, KeyRef};
use crate::domain::{CredentialId, KeyAlgorithm};

/// What is signed each time: like a probe's text, it can be neither signed attributes nor a certificate.
const MEASURED: &[u8] = b"kyso custody measure v1";
/// Wraps nothing but keys that end with the process.
const KEK: [u8; 32] = [0x5a; 32];

/// Whether the opened key is kept between signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    Kept,
    EachTime,
}

/// A wrapped key and the custody that signs with it.
pub struct Measured {
    custody: SoftwareCustody,
    credential: CredentialId,
    key: GeneratedKey,
    algorithm: KeyAlgorithm,
    signature: SignatureAlgorithm,
    digest: Digest,
}

impl Measured {
    /// Makes a key. RSA signs with PKCS#1 v1.5 and SHA-256, as its peers are measured; other keys with their default.
    ///
    /// # Errors
    /// [`CustodyError`] when the key cannot be made, also for schemes that sign messages and not their hashes.
    pub fn new(algorithm: KeyAlgorithm, opening: Opening) -> Result<Self, CustodyError> {
        let kek = KeyEncryptionKey::from_bytes(KEK);
        let custody = match opening {
            Opening::Kept => SoftwareCustody::new(&kek),
            Opening::EachTime => SoftwareCustody::keeping(&kek, 0),
        };
        let credential = CredentialId::parse("measured").map_err(|_| CustodyError::Engine("the name is refused"))?;
        let key = custody.generate(&credential, algorithm)?;
        let signature = match algorithm.default_signature() {
            SignatureAlgorithm::RsaPss { .. } => SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha256),
            other => other,
        };
        let measured = Self {
            custody,
            credential,
            key,
            algorithm,
            signature,
            digest: signature.message_digest().digest(MEASURED),
        };
        measured.sign(1).map(|()| measured)
    }

    /// Signs `count` times and drops the values.
    ///
    /// # Errors
    /// [`CustodyError`] as signing gives.
    pub fn sign(&self, count: u32) -> Result<(), CustodyError> {
        let GeneratedKey { wrapped, spki } = &self.key;
        let key = KeyRef { credential: &self.credential, algorithm: self.algorithm, wrapped, spki, activation: None };
        (0..count).try_for_each(|_| self.custody.sign_known(&key, self.signature, &self.digest, None).map(drop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_sign_hashes_are_measured_and_others_refused() {
        for opening in [Opening::Kept, Opening::EachTime] {
            let measured = Measured::new(KeyAlgorithm::P256, opening).expect("made");
            assert_eq!(measured.sign(2), Ok(()));
            assert!(Measured::new(KeyAlgorithm::Ed25519, opening).is_err());
        }
    }
}
