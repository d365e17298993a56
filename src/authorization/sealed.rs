//! What a PIN was stretched to, between the confirmation and the signature: sealed under a key that only the SAD gives.
//!
//! The database then holds nothing that opens the key, and the SAD, which its caller holds, opens nothing without it.

use aes_gcm_siv::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::custody::Activation;
use crate::domain::{Secret, TransactionId};

/// Seals for one SAD. The key is used once, so the nonce is fixed.
pub(super) fn seal(
    pepper: &[u8; 32],
    sad: &Secret,
    transaction: &TransactionId,
    activation: &Activation,
) -> Option<Vec<u8>> {
    let payload = Payload { msg: activation.as_bytes(), aad: transaction.as_str().as_bytes() };
    cipher(pepper, sad)?.encrypt(&Nonce::from([0; 12]), payload).ok()
}

pub(super) fn open(pepper: &[u8; 32], sad: &Secret, transaction: &TransactionId, sealed: &[u8]) -> Option<Activation> {
    let payload = Payload { msg: sealed, aad: transaction.as_str().as_bytes() };
    let opened = Zeroizing::new(cipher(pepper, sad)?.decrypt(&Nonce::from([0; 12]), payload).ok()?);
    let bytes: [u8; 32] = opened.as_slice().try_into().ok()?;
    Some(Activation::from_bytes(Zeroizing::new(bytes)))
}

fn cipher(pepper: &[u8; 32], sad: &Secret) -> Option<Aes256GcmSiv> {
    let mut key = Zeroizing::new([0u8; 32]);
    let derived = Hkdf::<Sha256>::new(Some(pepper), sad.expose().as_bytes());
    derived.expand(b"kyso sad activation v1", key.as_mut()).ok()?;
    Some(Aes256GcmSiv::new((&*key).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_activation_opens_with_its_own_sad_transaction_and_service_only() {
        let id = |text| TransactionId::parse(text).expect("id");
        let (sad, activation) = (Secret::new("s".repeat(64)), Activation::from_bytes(Zeroizing::new([5; 32])));
        let sealed = seal(&[1; 32], &sad, &id("t"), &activation).expect("sealed");
        assert!(!sealed.windows(4).any(|four| four == [5; 4]));
        assert_eq!(open(&[1; 32], &sad, &id("t"), &sealed).expect("opens").as_bytes(), &[5; 32]);
        assert!(open(&[1; 32], &Secret::new("x"), &id("t"), &sealed).is_none());
        assert!(open(&[1; 32], &sad, &id("u"), &sealed).is_none());
        assert!(open(&[2; 32], &sad, &id("t"), &sealed).is_none());
    }
}
