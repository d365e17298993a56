//! Software custody: private keys rest wrapped in the database and are opened in memory for one operation.
//!
//! Reading order: [`kek`] (the key-encryption key, which never stands in the database), [`wrap`] (AES-256-GCM-SIV, bound to
//! the credential), [`engine`] (generation and signing), [`request`] (PKCS#10).
//!
//! What this folder does not do: keep opened keys between calls, or decide who may sign. A process that is read while it
//! signs gives its keys away; where that must not be, keys belong in a hardware module. Follows RFC 8452 (AES-GCM-SIV),
//! RFC 5869 (HKDF), RFC 5958 (PKCS#8), RFC 2986 (PKCS#10), RFC 8017 and FIPS 186-5 (signatures).

pub(crate) mod engine;
pub mod kek;
pub(crate) mod request;
mod wrap;

use std::fmt;

use super::{CustodyError, GeneratedKey, KeyCustody, KeyRef, SignatureValue};
use crate::crypto::{Digest, DigestAlgorithm, SignatureAlgorithm};
use crate::domain::{AuthorizedHash, CredentialId, KeyAlgorithm, WrappedKey};
use engine::PrivateKey;
use kek::KeyEncryptionKey;
use wrap::{KeyContext, WrappingKey};

/// Custody of keys wrapped under one key-encryption key.
pub struct SoftwareCustody {
    wrapping: WrappingKey,
}

impl SoftwareCustody {
    pub fn new(kek: &KeyEncryptionKey) -> Self {
        Self { wrapping: WrappingKey::new(kek) }
    }

    fn open(&self, key: &KeyRef<'_>) -> Result<PrivateKey, CustodyError> {
        let cannot = || CustodyError::CannotUnwrap(key.credential.clone());
        let context = KeyContext { credential: key.credential, algorithm: key.algorithm, spki: key.spki };
        let pkcs8 = self.wrapping.unwrap(&context, &key.wrapped.0).ok_or_else(cannot)?;
        let private = PrivateKey::from_pkcs8(key.algorithm, &pkcs8).map_err(|_| cannot())?;
        if private.spki()? == key.spki { Ok(private) } else { Err(cannot()) }
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
        engine::check_supported(key.algorithm, authorized.algorithm(), authorized.digest())?;
        self.open(key)?.sign_digest(authorized.algorithm(), authorized.digest())
    }

    fn certification_request(&self, key: &KeyRef<'_>, subject: &str) -> Result<Vec<u8>, CustodyError> {
        let subject = request::parse_subject(subject)?;
        request::certification_request(&self.open(key)?, subject)
    }

    fn probe(&self, key: &KeyRef<'_>, algorithm: SignatureAlgorithm) -> Result<(), CustodyError> {
        let digest = probe_digest(algorithm)?;
        engine::check_supported(key.algorithm, algorithm, &digest)?;
        self.open(key)?.sign_digest(algorithm, &digest).map(|_| ())
    }
}

/// The hash a probe signs. Its text can be no signed attributes and no certificate: it is not DER.
fn probe_digest(algorithm: SignatureAlgorithm) -> Result<Digest, CustodyError> {
    let digest = algorithm.digest().ok_or_else(|| CustodyError::Unsupported(algorithm.name()))?;
    Ok(DigestAlgorithm::digest(digest, b"kyso custody probe v1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::suite;

    fn custody() -> SoftwareCustody {
        SoftwareCustody::new(&KeyEncryptionKey::from_bytes([7; 32]))
    }

    #[test]
    fn software_custody_passes_the_shared_suite() {
        suite::run(&custody(), &[KeyAlgorithm::Rsa2048, KeyAlgorithm::P256, KeyAlgorithm::P384]);
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
