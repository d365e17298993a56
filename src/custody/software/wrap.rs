//! Wrapping: PKCS#8 under AES-256-GCM-SIV (RFC 8452), bound to the credential it belongs to.
//!
//! ```text
//! wrapped = version (1 byte, 1; 2 for a key that is under a PIN, see `pin`) || nonce (12 bytes, random) || ciphertext || tag (16 bytes)
//! aad     = each of ("kyso wrapped key", version, credential id, algorithm name, SHA-256 of the SPKI DER)
//!           preceded by its length as 8 bytes, big-endian
//! ```
//!
//! The additional data makes a key that somebody moved to another row, or whose public key they exchanged, fail to open.
//! GCM-SIV keeps its promise even if a nonce should repeat.

use aes_gcm_siv::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use zeroize::Zeroizing;

use super::kek::KeyEncryptionKey;
use crate::crypto::DigestAlgorithm;
use crate::custody::CustodyError;
use crate::domain::{CredentialId, KeyAlgorithm};

/// The key itself.
pub(super) const PLAIN: u8 = 1;
/// The key in a layer that its signer's PIN opens.
pub(super) const UNDER_PIN: u8 = 2;
const NONCE_LEN: usize = 12;
const LABEL: &str = "kyso key wrapping v1";
/// Longest wrapped key that is opened, in bytes: the PKCS#8 of a 4096-bit RSA key has some 2,400.
const MAX_WRAPPED: usize = 8192;

/// What a wrapped key is bound to.
pub(super) struct KeyContext<'a> {
    pub credential: &'a CredentialId,
    pub algorithm: KeyAlgorithm,
    /// DER of the SubjectPublicKeyInfo.
    pub spki: &'a [u8],
}

/// The sub-key of the key-encryption key that wraps.
pub(super) struct WrappingKey(Zeroizing<[u8; 32]>);

impl WrappingKey {
    pub fn new(kek: &KeyEncryptionKey) -> Self {
        Self(kek.derive(LABEL))
    }

    /// Encrypts a PKCS#8 document, or a layer around one: `version` says which.
    ///
    /// # Errors
    /// [`CustodyError::Engine`] when the random generator fails.
    pub fn wrap(&self, version: u8, context: &KeyContext<'_>, pkcs8: &[u8]) -> Result<Vec<u8>, CustodyError> {
        let mut nonce = [0u8; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| CustodyError::Engine("the random generator failed"))?;
        let payload = Payload { msg: pkcs8, aad: &additional_data(version, context) };
        let ciphertext = self.cipher().encrypt(&Nonce::from(nonce), payload);
        let ciphertext = ciphertext.map_err(|_| CustodyError::Engine("the key could not be wrapped"))?;
        Ok([&[version], &nonce[..], &ciphertext].concat())
    }

    /// Decrypts and tells the version; `None` whatever the reason, so that nothing tells a wrong key from a changed byte.
    pub fn unwrap(&self, context: &KeyContext<'_>, wrapped: &[u8]) -> Option<(u8, Zeroizing<Vec<u8>>)> {
        let (version, rest) = wrapped.split_first()?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>()?;
        if !matches!(*version, PLAIN | UNDER_PIN) || wrapped.len() > MAX_WRAPPED {
            return None;
        }
        let payload = Payload { msg: ciphertext, aad: &additional_data(*version, context) };
        let opened = self.cipher().decrypt(&Nonce::from(*nonce), payload).ok()?;
        Some((*version, Zeroizing::new(opened)))
    }

    fn cipher(&self) -> Aes256GcmSiv {
        Aes256GcmSiv::new((&*self.0).into())
    }
}

fn additional_data(version: u8, context: &KeyContext<'_>) -> Vec<u8> {
    let spki = DigestAlgorithm::Sha256.digest(context.spki);
    let fields: [&[u8]; 5] = [
        b"kyso wrapped key",
        &[version],
        context.credential.as_str().as_bytes(),
        context.algorithm.name().as_bytes(),
        spki.as_bytes(),
    ];
    // The length before each field keeps two different contexts from running into the same bytes.
    fields
        .iter()
        .flat_map(|field| (field.len() as u64).to_be_bytes().into_iter().chain(field.iter().copied()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PKCS8: &[u8] = b"a private key";
    const SPKI: &[u8] = b"its public key";

    fn key() -> WrappingKey {
        WrappingKey::new(&KeyEncryptionKey::from_bytes([7; 32]))
    }

    fn id(text: &str) -> CredentialId {
        CredentialId::parse(text).expect("id")
    }

    fn context<'a>(credential: &'a CredentialId, algorithm: KeyAlgorithm, spki: &'a [u8]) -> KeyContext<'a> {
        KeyContext { credential, algorithm, spki }
    }

    #[test]
    fn a_wrapped_key_opens_only_in_its_own_context() {
        let (mine, other) = (id("mine"), id("other"));
        let own = context(&mine, KeyAlgorithm::P256, SPKI);
        let wrapped = key().wrap(PLAIN, &own, PKCS8).expect("wrapped");
        assert_eq!(key().unwrap(&own, &wrapped).expect("opens").1.as_slice(), PKCS8);
        for wrong in [
            context(&other, KeyAlgorithm::P256, SPKI),
            context(&mine, KeyAlgorithm::P384, SPKI),
            context(&mine, KeyAlgorithm::P256, b"another public key"),
        ] {
            assert!(key().unwrap(&wrong, &wrapped).is_none());
        }
    }

    #[test]
    fn another_key_encryption_key_does_not_open() {
        let mine = id("mine");
        let own = context(&mine, KeyAlgorithm::P256, SPKI);
        let wrapped = key().wrap(PLAIN, &own, PKCS8).expect("wrapped");
        let other = WrappingKey::new(&KeyEncryptionKey::from_bytes([8; 32]));
        assert!(other.unwrap(&own, &wrapped).is_none());
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_found() {
        let mine = id("mine");
        let own = context(&mine, KeyAlgorithm::P256, SPKI);
        let wrapped = key().wrap(PLAIN, &own, PKCS8).expect("wrapped");
        for i in 0..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[i] ^= 1;
            assert!(key().unwrap(&own, &changed).is_none(), "byte {i}");
            assert!(key().unwrap(&own, &wrapped[..i]).is_none(), "cut at {i}");
        }
        assert!(key().unwrap(&own, &[&wrapped[..], &[0]].concat()).is_none());
        assert!(key().unwrap(&own, &vec![PLAIN; MAX_WRAPPED + 1]).is_none());
    }

    #[test]
    fn the_same_key_wraps_to_other_bytes_each_time() {
        let mine = id("mine");
        let own = context(&mine, KeyAlgorithm::P256, SPKI);
        let (first, second) =
            (key().wrap(PLAIN, &own, PKCS8).expect("wrapped"), key().wrap(PLAIN, &own, PKCS8).expect("wrapped"));
        assert_ne!(first, second);
        assert_ne!(first[1..1 + NONCE_LEN], second[1..1 + NONCE_LEN]);
    }

    #[test]
    fn the_plain_key_does_not_stand_in_the_wrapped_one() {
        let mine = id("mine");
        let wrapped = key().wrap(PLAIN, &context(&mine, KeyAlgorithm::P256, SPKI), PKCS8).expect("wrapped");
        assert!(!wrapped.windows(PKCS8.len()).any(|window| window == PKCS8));
        assert_eq!(wrapped.len(), 1 + NONCE_LEN + PKCS8.len() + 16);
    }
}
