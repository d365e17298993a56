//! Keys that only their signer's PIN opens: a layer inside the wrapping, under a key made of both the key-encryption key and
//! the stretched PIN.
//!
//! ```text
//! layer  = memory (4 bytes, KiB) || passes (4) || lanes (4) || salt (16, random) || nonce (12, random) || ciphertext || tag (16)
//! key    = HKDF-SHA256(ikm = sub-key of the key-encryption key || Argon2id(PIN, salt), info = "kyso pin layer v1")
//! aad    = everything before the nonce
//! ```
//!
//! The key-encryption key alone does not open it, and the PIN alone neither. Who holds both the database and the
//! key-encryption key can still guess PINs at the price of one Argon2id each: the strength of the layer is the PIN's.

use aes_gcm_siv::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use argon2::{Algorithm, Argon2, Params, Version};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::kek::KeyEncryptionKey;
use crate::custody::{Activation, CustodyError};
use crate::domain::Secret;

const HEAD_LEN: usize = 28;
const NONCE_LEN: usize = 12;
const LABEL: &str = "kyso pin layer v1";
/// What a stored layer may ask for at most, so that a forged one exhausts nothing: 256 MiB and ten passes.
const MAX_MEMORY: u32 = 256 * 1024;
const MAX_PASSES: u32 = 10;

/// What stretching a PIN costs; stored with each key, so that it can be raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretching {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

impl Stretching {
    /// RFC 9106 §4, second recommended option.
    pub const DEFAULT: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };
}

/// The sub-key of the key-encryption key that goes into every layer's key.
pub(super) struct PinLayer {
    key: Zeroizing<[u8; 32]>,
    stretching: Stretching,
}

/// The readable part of a layer: how its PIN is stretched.
#[derive(Clone, Copy)]
struct Head {
    bytes: [u8; HEAD_LEN],
}

impl Head {
    fn new(stretching: Stretching, salt: [u8; 16]) -> Self {
        let mut bytes = [0; HEAD_LEN];
        let numbers = [stretching.memory_kib, stretching.passes, stretching.lanes];
        let fields = numbers.iter().flat_map(|number| number.to_be_bytes()).chain(salt);
        bytes.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        Self { bytes }
    }

    fn stretching(&self) -> Option<Stretching> {
        let number = |at: usize| Some(u32::from_be_bytes(self.bytes.get(at..at + 4)?.try_into().ok()?));
        let found = Stretching { memory_kib: number(0)?, passes: number(4)?, lanes: number(8)? };
        let sane = found.memory_kib <= MAX_MEMORY && (1..=MAX_PASSES).contains(&found.passes) && found.lanes <= 16;
        sane.then_some(found)
    }

    fn salt(&self) -> &[u8] {
        self.bytes.get(12..).unwrap_or_default()
    }

    fn stretch(&self, pin: &Secret) -> Option<Activation> {
        let Stretching { memory_kib, passes, lanes } = self.stretching()?;
        let params = Params::new(memory_kib, passes, lanes, Some(32)).ok()?;
        let mut out = Zeroizing::new([0; 32]);
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon.hash_password_into(pin.expose().as_bytes(), self.salt(), out.as_mut()).ok()?;
        Some(Activation::from_bytes(out))
    }
}

impl PinLayer {
    pub fn new(kek: &KeyEncryptionKey, stretching: Stretching) -> Self {
        Self { key: kek.derive(LABEL), stretching }
    }

    /// Puts a fresh layer around `inner`, under `pin`.
    ///
    /// # Errors
    /// [`CustodyError::Engine`].
    pub fn close(&self, pin: &Secret, inner: &[u8]) -> Result<Vec<u8>, CustodyError> {
        let failed = CustodyError::Engine("the key could not be put under the PIN");
        let (mut salt, mut nonce) = ([0u8; 16], [0u8; NONCE_LEN]);
        for random in [&mut salt[..], &mut nonce[..]] {
            aws_lc_rs::rand::fill(random).map_err(|_| CustodyError::Engine("the random generator failed"))?;
        }
        let head = Head::new(self.stretching, salt);
        let activation = head.stretch(pin).ok_or_else(|| failed.clone())?;
        let payload = Payload { msg: inner, aad: &head.bytes };
        let ciphertext = self.cipher(&activation).encrypt(&Nonce::from(nonce), payload).map_err(|_| failed)?;
        Ok([&head.bytes[..], &nonce, &ciphertext].concat())
    }

    /// What this layer's PIN is stretched to; `None` when the layer is damaged.
    pub fn stretch(layer: &[u8], pin: &Secret) -> Option<Activation> {
        let (bytes, _) = layer.split_first_chunk::<HEAD_LEN>()?;
        Head { bytes: *bytes }.stretch(pin)
    }

    /// Opens a layer; `None` with another PIN, or another key-encryption key.
    pub fn open(&self, activation: &Activation, layer: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (head, rest) = layer.split_first_chunk::<HEAD_LEN>()?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>()?;
        let payload = Payload { msg: ciphertext, aad: head };
        self.cipher(activation).decrypt(&Nonce::from(*nonce), payload).ok().map(Zeroizing::new)
    }

    fn cipher(&self, activation: &Activation) -> Aes256GcmSiv {
        let mut both = Zeroizing::new([0u8; 64]);
        both.iter_mut().zip(self.key.iter().chain(activation.as_bytes())).for_each(|(to, from)| *to = *from);
        let mut key = Zeroizing::new([0u8; 32]);
        let expanded = Hkdf::<Sha256>::new(None, both.as_ref()).expand(LABEL.as_bytes(), key.as_mut());
        // HKDF-SHA256 gives up to 8160 bytes: 32 cannot be too many.
        debug_assert!(expanded.is_ok());
        Aes256GcmSiv::new((&*key).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIGHT: Stretching = Stretching { memory_kib: 64, passes: 1, lanes: 1 };

    fn layer(byte: u8) -> PinLayer {
        PinLayer::new(&KeyEncryptionKey::from_bytes([byte; 32]), LIGHT)
    }

    #[test]
    fn layer_opens_with_its_pin_and_its_key_encryption_key_together_only() {
        let (right, wrong) = (Secret::new("135790"), Secret::new("135791"));
        let closed = layer(7).close(&right, b"a private key").expect("closed");
        let activation = PinLayer::stretch(&closed, &right).expect("stretched");
        assert_eq!(layer(7).open(&activation, &closed).expect("opens").as_slice(), b"a private key");
        assert!(layer(8).open(&activation, &closed).is_none(), "the PIN alone");
        let other = PinLayer::stretch(&closed, &wrong).expect("stretched");
        assert!(layer(7).open(&other, &closed).is_none(), "the key-encryption key alone");
        assert!(layer(7).open(&Activation::from_bytes(Zeroizing::new([0; 32])), &closed).is_none());
    }

    #[test]
    fn changed_or_exorbitant_layers_do_not_open() {
        let pin = Secret::new("135790");
        let closed = layer(7).close(&pin, b"k").expect("closed");
        for at in 0..closed.len() {
            let mut changed = closed.clone();
            changed[at] ^= 0x40;
            let opened = PinLayer::stretch(&changed, &pin).and_then(|a| layer(7).open(&a, &changed));
            assert!(opened.is_none(), "byte {at}");
        }
        let greedy = Head::new(Stretching { memory_kib: u32::MAX, ..LIGHT }, [0; 16]);
        assert!(greedy.stretch(&pin).is_none());
        assert!(PinLayer::stretch(&closed[..20], &pin).is_none());
    }
}
