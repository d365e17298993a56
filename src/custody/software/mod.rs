//! Software custody: private keys rest wrapped in the database and are opened in memory, a bounded number of them at a time.
//!
//! Reading order: [`kek`] (the key-encryption key, which never stands in the database), [`wrap`] (AES-256-GCM-SIV, bound to
//! the credential), `pin` (the layer that only the signer's PIN opens), [`engine`] (generation and signing), `ml_dsa` (the post-quantum keys, or their absence), `opened` (the few
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
mod pin;
pub(crate) mod request;
mod wrap;

use std::fmt;
use std::sync::Arc;

use super::{Activation, CustodyError, GeneratedKey, KeyCustody, KeyRef, SignatureValue};
use crate::crypto::{Digest, SignatureAlgorithm};
use crate::domain::{AuthorizedHash, CredentialId, KeyAlgorithm, Secret, WrappedKey};
use engine::PrivateKey;
use kek::KeyEncryptionKey;
use opened::OpenedKeys;
use pin::PinLayer;
pub use pin::Stretching;
use wrap::{KeyContext, PLAIN, UNDER_PIN, WrappingKey};
use zeroize::Zeroizing;

/// Opened keys that are kept: more than sign at the same moment, few enough that their memory (some 10 KiB each) is nothing.
const OPENED_KEYS: usize = 256;

/// Custody of keys wrapped under one key-encryption key.
pub struct SoftwareCustody {
    wrapping: WrappingKey,
    pins: PinLayer,
    opened: OpenedKeys,
}

impl SoftwareCustody {
    pub fn new(kek: &KeyEncryptionKey) -> Self {
        Self::keeping(kek, OPENED_KEYS)
    }

    /// Keeps at most `capacity` opened keys; 0 opens the key for each signature.
    pub fn keeping(kek: &KeyEncryptionKey, capacity: usize) -> Self {
        Self {
            wrapping: WrappingKey::new(kek),
            pins: PinLayer::new(kek, Stretching::DEFAULT),
            opened: OpenedKeys::new(capacity),
        }
    }

    /// Stretches the PINs of new keys so; keys that exist keep what they were made with.
    #[must_use]
    pub fn stretching(mut self, kek: &KeyEncryptionKey, stretching: Stretching) -> Self {
        self.pins = PinLayer::new(kek, stretching);
        self
    }

    fn open(&self, key: &KeyRef<'_>) -> Result<Arc<PrivateKey>, CustodyError> {
        if is_under_pin(key.wrapped) {
            // Opened for this one operation, and wiped after it.
            return self.unwrap(key).map(Arc::new);
        }
        if let Some(opened) = self.opened.get(key) {
            return Ok(opened);
        }
        let private = Arc::new(self.unwrap(key)?);
        self.opened.put(key, &private);
        Ok(private)
    }

    /// The PKCS#8 document, or the layer around it; which of the two is told by the version.
    fn outer(&self, key: &KeyRef<'_>) -> Result<(u8, Zeroizing<Vec<u8>>), CustodyError> {
        let opened = self.wrapping.unwrap(&context(key), &key.wrapped.0);
        opened.ok_or_else(|| CustodyError::CannotUnwrap(key.credential.clone()))
    }

    fn pkcs8(&self, key: &KeyRef<'_>) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        match (self.outer(key)?, key.activation) {
            ((UNDER_PIN, layer), Some(activation)) => self.pins.open(activation, &layer),
            ((UNDER_PIN, _), None) => None,
            ((_, pkcs8), _) => Some(pkcs8),
        }
        .ok_or_else(|| CustodyError::NotActivated(key.credential.clone()))
    }

    fn unwrap(&self, key: &KeyRef<'_>) -> Result<PrivateKey, CustodyError> {
        let cannot = || CustodyError::CannotUnwrap(key.credential.clone());
        let pkcs8 = self.pkcs8(key)?;
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
        let wrapped =
            self.wrapping.wrap(PLAIN, &KeyContext { credential, algorithm, spki: &spki }, &private.to_pkcs8()?)?;
        Ok(GeneratedKey { wrapped: WrappedKey(wrapped), spki })
    }

    fn protect(&self, key: &KeyRef<'_>, pin: &Secret) -> Result<WrappedKey, CustodyError> {
        // Opened whole, so that nothing is re-wrapped that would not sign.
        self.unwrap(key)?;
        let layer = self.pins.close(pin, &self.pkcs8(key)?)?;
        self.opened.forget(key.credential);
        Ok(WrappedKey(self.wrapping.wrap(UNDER_PIN, &context(key), &layer)?))
    }

    fn stretch(&self, key: &KeyRef<'_>, pin: &Secret) -> Result<Option<Activation>, CustodyError> {
        match self.outer(key)? {
            (UNDER_PIN, layer) => {
                let stretched = PinLayer::stretch(&layer, pin);
                stretched.map(Some).ok_or_else(|| CustodyError::CannotUnwrap(key.credential.clone()))
            }
            _ => Ok(None),
        }
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

fn context<'a>(key: &KeyRef<'a>) -> KeyContext<'a> {
    KeyContext { credential: key.credential, algorithm: key.algorithm, spki: key.spki }
}

fn is_under_pin(wrapped: &WrappedKey) -> bool {
    wrapped.0.first() == Some(&UNDER_PIN)
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
        let key = KeyRef {
            credential: &id,
            algorithm: KeyAlgorithm::P256,
            wrapped: &made.wrapped,
            spki: &made.spki,
            activation: None,
        };
        let other = SoftwareCustody::new(&KeyEncryptionKey::from_bytes([8; 32]));
        let probe = |custody: &SoftwareCustody| custody.probe(&key, KeyAlgorithm::P256.default_signature());
        assert_eq!(probe(&other), Err(CustodyError::CannotUnwrap(id.clone())));
        assert_eq!(probe(&custody()), Ok(()));
    }

    #[test]
    fn operator_with_the_key_encryption_key_alone_cannot_open_a_key_under_a_pin() {
        let kek = || KeyEncryptionKey::from_bytes([7; 32]);
        let light = Stretching { memory_kib: 64, passes: 1, lanes: 1 };
        let custody = || SoftwareCustody::new(&kek()).stretching(&kek(), light);
        let (id, algorithm) = (CredentialId::parse("c").expect("id"), KeyAlgorithm::P256);
        let made = custody().generate(&id, algorithm).expect("generated");
        let plain = KeyRef { credential: &id, algorithm, wrapped: &made.wrapped, spki: &made.spki, activation: None };
        let (pin, other) = (Secret::new("135790"), Secret::new("246801"));
        let wrapped = custody().protect(&plain, &pin).expect("under the PIN");
        let key = KeyRef { wrapped: &wrapped, ..plain.clone() };
        let probe = |custody: &SoftwareCustody, key: &KeyRef<'_>| custody.probe(key, algorithm.default_signature());
        // Everything the operator has: the key-encryption key, the program, the row.
        assert_eq!(probe(&custody(), &key), Err(CustodyError::NotActivated(id.clone())));
        for guess in ["", "135791", "000000", "135790 "] {
            let activation = custody().stretch(&key, &Secret::new(guess)).expect("stretched").expect("under a PIN");
            let tried = KeyRef { activation: Some(&activation), ..key.clone() };
            assert_eq!(probe(&custody(), &tried), Err(CustodyError::NotActivated(id.clone())), "{guess}");
        }
        // Relabelling the row as one without a PIN opens nothing: the version is authenticated.
        let mut relabelled = wrapped.clone();
        relabelled.0[0] = PLAIN;
        let relabelled = KeyRef { wrapped: &relabelled, ..plain.clone() };
        assert_eq!(probe(&custody(), &relabelled), Err(CustodyError::CannotUnwrap(id.clone())));
        // With the PIN it signs, and nothing stays open afterwards in the same process.
        let one = custody();
        let activation = one.stretch(&key, &pin).expect("stretched").expect("under a PIN");
        let digest = crate::crypto::DigestAlgorithm::Sha256.digest(b"x");
        let token = || AuthorizedHash::for_test(&id, algorithm.default_signature(), digest.clone());
        assert!(one.sign(&KeyRef { activation: Some(&activation), ..key.clone() }, token()).is_ok());
        assert_eq!(one.sign(&key, token()), Err(CustodyError::NotActivated(id.clone())));
        // A changed PIN re-wraps: the old one opens nothing any more.
        let changed =
            one.protect(&KeyRef { activation: Some(&activation), ..key.clone() }, &other).expect("re-wrapped");
        let changed = KeyRef { wrapped: &changed, ..key.clone() };
        let old = one.stretch(&changed, &pin).expect("stretched").expect("under a PIN");
        assert!(probe(&one, &KeyRef { activation: Some(&old), ..changed.clone() }).is_err());
        let new = one.stretch(&changed, &other).expect("stretched").expect("under a PIN");
        assert_eq!(probe(&one, &KeyRef { activation: Some(&new), ..changed.clone() }), Ok(()));
        assert!(one.protect(&key, &other).is_err(), "re-wrapping needs the PIN too");
    }

    #[test]
    fn debug_output_holds_no_key() {
        let custody = custody();
        assert_eq!(format!("{custody:?}"), "SoftwareCustody(***)");
        let made = custody.generate(&CredentialId::parse("c").expect("id"), KeyAlgorithm::P256).expect("generated");
        assert!(format!("{:?}", made.wrapped).starts_with("WrappedKey("));
    }
}
