//! Software custody: private keys rest wrapped in the database and are opened in memory, a bounded number of them at a time.
//!
//! Reading order: [`kek`] (the key-encryption key, which never stands in the database), [`wrap`] (AES-256-GCM-SIV, bound to
//! the credential), [`engine`] (generation and signing), `ml_dsa` (the post-quantum keys, or their absence), `opened` (the few
//! keys opened last), [`request`] (PKCS#10), `measure` (for benches alone).
//!
//! What this folder does not do: decide who may sign. A process that is read while it
//! signs gives its keys away; where that must not be, keys belong in a hardware module. Follows RFC 8452 (AES-GCM-SIV),
//! RFC 5869 (HKDF), RFC 5958 (PKCS#8), RFC 2986 (PKCS#10), RFC 8017 and FIPS 186-5 (signatures).

pub(crate) mod engine;
pub mod kek;
#[cfg(feature = "bench")]
pub mod measure;
#[cfg(feature = "ml-dsa")]
mod ml_dsa;
#[cfg(not(feature = "ml-dsa"))]
#[path = "ml_dsa_absent.rs"]
mod ml_dsa;
mod opened;
pub(crate) mod request;
mod wrap;

use std::fmt;
use std::sync::Arc;

use super::{CustodyError, GeneratedKey, KeyCustody, KeyRef, SignatureValue};
use crate::crypto::{Digest, SignatureAlgorithm};
use crate::domain::{AuthorizedHash, CredentialId, KeyAlgorithm, WrappedKey};
use engine::PrivateKey;
use kek::KeyEncryptionKey;
use opened::OpenedKeys;
use wrap::{KeyContext, WrappingKey};

/// Opened keys that are kept: more than sign at the same moment, few enough that their memory (some 10 KiB each) is nothing.
const OPENED_KEYS: usize = 256;

/// Custody of keys wrapped under one key-encryption key.
pub struct SoftwareCustody {
    wrapping: WrappingKey,
    opened: OpenedKeys,
}

impl SoftwareCustody {
    pub fn new(kek: &KeyEncryptionKey) -> Self {
        Self::keeping(kek, OPENED_KEYS)
    }

    /// Keeps at most `capacity` opened keys; 0 opens the key for each signature.
    pub fn keeping(kek: &KeyEncryptionKey, capacity: usize) -> Self {
        Self { wrapping: WrappingKey::new(kek), opened: OpenedKeys::new(capacity) }
    }

    fn open(&self, key: &KeyRef<'_>) -> Result<Arc<PrivateKey>, CustodyError> {
        if let Some(opened) = self.opened.get(key) {
            return Ok(opened);
        }
        let private = Arc::new(self.unwrap(key)?);
        self.opened.put(key, &private);
        Ok(private)
    }

    fn unwrap(&self, key: &KeyRef<'_>) -> Result<PrivateKey, CustodyError> {
        let cannot = || CustodyError::CannotUnwrap(key.credential.clone());
        let context = KeyContext { credential: key.credential, algorithm: key.algorithm, spki: key.spki };
        let pkcs8 = self.wrapping.unwrap(&context, &key.wrapped.0).ok_or_else(cannot)?;
        let private = PrivateKey::from_pkcs8(key.algorithm, &pkcs8).map_err(|_| cannot())?;
        if private.spki()? == key.spki { Ok(private) } else { Err(cannot()) }
    }

    /// What follows the door. `message` hashes to `digest`.
    fn sign_known(
        &self,
        key: &KeyRef<'_>,
        algorithm: SignatureAlgorithm,
        digest: &Digest,
        message: Option<&[u8]>,
    ) -> Result<SignatureValue, CustodyError> {
        engine::check_supported(key.algorithm, algorithm, digest)?;
        match (algorithm.digest(), message) {
            (Some(_), _) => self.open(key)?.sign_digest(algorithm, digest),
            // The token took the message only after hashing it.
            (None, Some(message)) => self.open(key)?.sign(algorithm, message),
            (None, None) => Err(CustodyError::Unsupported(format!("{} without the message itself", algorithm.name()))),
        }
    }
}

impl fmt::Debug for SoftwareCustody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SoftwareCustody(***)")
    }
}

impl KeyCustody for SoftwareCustody {
    fn generate(&self, credential: &CredentialId, algorithm: KeyAlgorithm) -> Result<GeneratedKey, CustodyError> {
        let private = PrivateKey::generate(algorithm)?;
        let spki = private.spki()?;
        let wrapped = self.wrapping.wrap(&KeyContext { credential, algorithm, spki: &spki }, &private.to_pkcs8()?)?;
        Ok(GeneratedKey { wrapped: WrappedKey(wrapped), spki })
    }

    fn sign(&self, key: &KeyRef<'_>, authorized: AuthorizedHash) -> Result<SignatureValue, CustodyError> {
        if authorized.credential() != key.credential {
            return Err(CustodyError::WrongCredential);
        }
        self.sign_known(key, authorized.algorithm(), authorized.digest(), authorized.message())
    }

    fn certification_request(&self, key: &KeyRef<'_>, subject: &str) -> Result<Vec<u8>, CustodyError> {
        let subject = request::parse_subject(subject)?;
        request::certification_request(&*self.open(key)?, subject)
    }

    fn probe(&self, key: &KeyRef<'_>, algorithm: SignatureAlgorithm) -> Result<(), CustodyError> {
        engine::check_supported(key.algorithm, algorithm, &algorithm.message_digest().digest(PROBE))?;
        // Opened anew: a key kept from before would hide a key-encryption key that has been exchanged.
        self.unwrap(key)?.sign(algorithm, PROBE).map(|_| ())
    }
}

/// What a probe signs. The text can be no signed attributes and no certificate: it is not DER.
const PROBE: &[u8] = b"kyso custody probe v1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::suite;

    fn custody() -> SoftwareCustody {
        SoftwareCustody::new(&KeyEncryptionKey::from_bytes([7; 32]))
    }

    #[test]
    fn software_custody_passes_the_shared_suite() {
        let curves = [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::P521, KeyAlgorithm::Ed25519];
        suite::run(&custody(), &curves);
        suite::run(&custody(), &[KeyAlgorithm::Rsa2048]);
        suite::run(&SoftwareCustody::keeping(&KeyEncryptionKey::from_bytes([7; 32]), 0), &curves);
    }

    #[test]
    fn post_quantum_keys_pass_the_shared_suite_or_are_refused_by_name() {
        for algorithm in [KeyAlgorithm::MlDsa44, KeyAlgorithm::MlDsa65, KeyAlgorithm::MlDsa87] {
            if algorithm.is_available() {
                suite::run(&custody(), &[algorithm]);
            } else {
                let refused = custody().generate(&CredentialId::parse("c").expect("id"), algorithm);
                assert!(refused.expect_err("refused").to_string().contains("ML-DSA"));
            }
        }
    }

    #[test]
    fn larger_rsa_keys_pass_the_shared_suite() {
        suite::run(&custody(), &[KeyAlgorithm::Rsa3072, KeyAlgorithm::Rsa4096]);
    }

    #[test]
    fn another_key_encryption_key_opens_nothing() {
        let id = CredentialId::parse("c").expect("id");
        let made = custody().generate(&id, KeyAlgorithm::P256).expect("generated");
        let key = KeyRef { credential: &id, algorithm: KeyAlgorithm::P256, wrapped: &made.wrapped, spki: &made.spki };
        let other = SoftwareCustody::new(&KeyEncryptionKey::from_bytes([8; 32]));
        let probe = |custody: &SoftwareCustody| custody.probe(&key, KeyAlgorithm::P256.default_signature());
        assert_eq!(probe(&other), Err(CustodyError::CannotUnwrap(id.clone())));
        assert_eq!(probe(&custody()), Ok(()));
    }

    #[test]
    fn debug_output_holds_no_key() {
        let custody = custody();
        assert_eq!(format!("{custody:?}"), "SoftwareCustody(***)");
        let made = custody.generate(&CredentialId::parse("c").expect("id"), KeyAlgorithm::P256).expect("generated");
        assert!(format!("{:?}", made.wrapped).starts_with("WrappedKey("));
    }
}
