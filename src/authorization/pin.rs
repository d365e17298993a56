//! The PIN: stretched with Argon2id, counted before it is compared. Where the credential asks for it, it is part of what opens
//! the key, and there is nothing else to compare it with.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use std::hash::{BuildHasher as _, RandomState};
use tokio::sync::{Mutex, MutexGuard};

use super::meter::Count;
use super::{AuthorizationError, Result, SoleControl};
use crate::crypto::digest::hex;
use crate::custody::{Activation, CustodyError, KeyCustody, KeyRef};
use crate::domain::{Credential, Factors, PortalId, Secret, Signer, SignerId, ports};
use crate::storage::PinTry;

/// PINs stretched at a time: more would only take memory from each other.
pub(super) const AT_ONCE: usize = 4;

/// Marks hashes that are keyed: the database alone is not enough to guess against them. Others are from before.
const KEYED: &str = "keyed:";

/// One PIN of a signer is compared at a time. A try counts as wrong until it is compared, so without turns a signer who signs
/// in several places at once with the right PIN would lock themselves out. Signers share a few dozen locks: a rare wait.
#[derive(Default)]
pub(super) struct Turns {
    hasher: RandomState,
    locks: [Mutex<()>; 32],
}

impl Turns {
    async fn of(&self, signer: &SignerId) -> Option<MutexGuard<'_, ()>> {
        let hash = usize::try_from(self.hasher.hash_one(signer) % 32).unwrap_or_default();
        Some(self.locks.get(hash)?.lock().await)
    }
}

impl SoleControl {
    /// Hashes a PIN for storage: an Argon2id PHC string with a fresh salt, over the PIN keyed with the pepper.
    ///
    /// # Errors
    /// [`AuthorizationError::Internal`] when the hash cannot be computed.
    pub fn hash_pin(&self, pin: &Secret) -> Result<String> {
        let salt: [u8; 16] = ports::random(self.entropy.as_ref());
        let hashed = Argon2::default().hash_password_with_salt(self.keyed_pin(pin).expose().as_bytes(), &salt);
        let hashed = hashed.map_err(|_| AuthorizationError::Internal("the PIN cannot be hashed"))?;
        Ok(format!("{KEYED}{hashed}"))
    }

    fn keyed_pin(&self, pin: &Secret) -> Secret {
        Secret::new(hex(&self.keyed(&[b"kyso pin v1", pin.expose().as_bytes()])))
    }

    /// Compares the PIN. Each call takes one of the tries, whoever calls in parallel. For a credential whose key is under the
    /// PIN it gives what opens the key.
    ///
    /// # Errors
    /// [`AuthorizationError::WrongPin`] (also when the signer has none), [`AuthorizationError::PinLocked`].
    pub async fn check_pin(
        &self,
        portal: &PortalId,
        signer: &Signer,
        credential: &Credential,
        pin: &Secret,
    ) -> Result<Option<Activation>> {
        let _turn = self.pin_turns.of(&signer.id).await;
        let taken = self.storage.take_pin_try(&signer.id, portal, self.clock.now(), self.policy.pin).await?;
        let taken = match taken {
            PinTry::Taken(taken) => taken,
            PinTry::Locked { until } => {
                self.meter.count(Count::Refused);
                return Err(AuthorizationError::PinLocked { seconds: self.seconds_until(until) });
            }
        };
        let proof = self.compare(signer, credential, pin.clone()).await?;
        self.storage.forgive_pin_try(&signer.id, portal, taken).await?;
        Ok(proof)
    }

    /// A key under the PIN is its own proof: it opens or it does not. Other credentials compare the signer's hash.
    async fn compare(&self, signer: &Signer, credential: &Credential, pin: Secret) -> Result<Option<Activation>> {
        let (custody, credential, hash) = (self.custody.clone(), credential.clone(), signer.pin_hash.clone());
        let keyed = self.keyed_pin(&pin);
        // Stretching takes a core's tenths of a second and tens of megabytes: not on the event loop, and not all at once.
        let _place =
            self.stretching.acquire().await.map_err(|_| AuthorizationError::Internal("no place to stretch"))?;
        let work = move || match credential.factors {
            Factors::CodeAndPin => open_with(custody.as_ref(), &credential, &pin).map(Some),
            Factors::Code => verify(hash.as_deref(), &pin, &keyed).map(|()| None),
        };
        let compared = tokio::task::spawn_blocking(work).await;
        compared.map_err(|_| AuthorizationError::Internal("the PIN check stopped"))?
    }
}

fn open_with(custody: &dyn KeyCustody, credential: &Credential, pin: &Secret) -> Result<Activation> {
    let stretched = custody.stretch(&KeyRef::of(credential, None), pin)?;
    let activation = stretched.ok_or(AuthorizationError::Internal("the key is under no PIN"))?;
    let key = KeyRef::of(credential, Some(&activation));
    match custody.probe(&key, credential.algorithm.default_signature()) {
        Ok(()) => Ok(activation),
        Err(CustodyError::NotActivated(_)) => Err(AuthorizationError::WrongPin),
        Err(other) => Err(other.into()),
    }
}

fn verify(hash: Option<&str>, pin: &Secret, keyed: &Secret) -> Result<()> {
    let (hash, entered) = match hash.map(|hash| (hash, hash.strip_prefix(KEYED))) {
        None => return Err(AuthorizationError::WrongPin),
        Some((_, Some(hash))) => (hash, keyed),
        Some((hash, None)) => (hash, pin),
    };
    let right = Argon2::default().verify_password(entered.expose().as_bytes(), hash).is_ok();
    if right { Ok(()) } else { Err(AuthorizationError::WrongPin) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_from_before_still_compare_and_a_keyed_one_needs_the_key() {
        let hash = |text: &str| {
            Argon2::default().hash_password_with_salt(text.as_bytes(), &[7; 16]).expect("hashed").to_string()
        };
        let (pin, keyed) = (Secret::new("135790"), Secret::new("c0ffee"));
        assert!(verify(Some(&hash("135790")), &pin, &keyed).is_ok());
        assert!(verify(Some(&format!("{KEYED}{}", hash("c0ffee"))), &pin, &keyed).is_ok());
        assert!(verify(Some(&format!("{KEYED}{}", hash("135790"))), &pin, &keyed).is_err());
        assert!(verify(Some("rubbish"), &pin, &keyed).is_err() && verify(None, &pin, &keyed).is_err());
    }
}
