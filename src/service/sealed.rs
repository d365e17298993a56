//! Secrets the service needs in clear again, at rest: documents' passwords and webhooks' keys. AES-256-GCM-SIV under a sub-key of
//! the key-encryption key, bound to what they belong to.

use aes_gcm_siv::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{Result, Service, ServiceError};
use crate::domain::{Secret, TransactionId, ports};
use crate::formats::pdf::Password;

const NONCE_LEN: usize = 12;

impl Service {
    /// Encrypts a password: base64 of nonce and ciphertext.
    pub(super) fn seal(&self, id: &TransactionId, password: &Secret) -> Result<String> {
        self.seal_for(id.as_str(), password)
    }

    /// Encrypts a secret of `owner`, who is named again to open it.
    pub(super) fn seal_for(&self, owner: &str, secret: &Secret) -> Result<String> {
        let nonce: [u8; NONCE_LEN] = ports::random(self.backends.entropy.as_ref());
        let payload = Payload { msg: secret.expose().as_bytes(), aad: owner.as_bytes() };
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| ServiceError::Internal("a secret could not be sealed".into()))?;
        Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// The password of a transaction's documents, if they have one.
    pub(super) fn unseal(&self, id: &TransactionId, sealed: Option<&str>) -> Result<Option<Password>> {
        let Some(sealed) = sealed else { return Ok(None) };
        Ok(Some(Password::new(self.unseal_for(id.as_str(), sealed)?.as_str())))
    }

    pub(super) fn unseal_for(&self, owner: &str, sealed: &str) -> Result<Zeroizing<String>> {
        let damaged = || ServiceError::Internal("a sealed secret is damaged".into());
        let bytes = STANDARD.decode(sealed).map_err(|_| damaged())?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
        let payload = Payload { msg: ciphertext, aad: owner.as_bytes() };
        let text = self.cipher().decrypt(&Nonce::from(*nonce), payload).map_err(|_| damaged())?;
        Ok(Zeroizing::new(String::from_utf8(text).map_err(|_| damaged())?))
    }

    fn cipher(&self) -> Aes256GcmSiv {
        Aes256GcmSiv::new((&*self.backends.password_key).into())
    }
}
