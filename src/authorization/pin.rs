//! The PIN of explicit mode: stretched with Argon2id, counted before it is compared.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use std::hash::{BuildHasher as _, RandomState};
use tokio::sync::{Mutex, MutexGuard};

use super::meter::Count;
use super::{AuthorizationError, Result, SoleControl};
use crate::domain::{Entropy, PortalId, Secret, Signer, SignerId, ports};
use crate::storage::PinTry;

/// Hashes a PIN for storage: an Argon2id PHC string with a fresh salt.
///
/// # Errors
/// [`AuthorizationError::Internal`] when the hash cannot be computed.
pub fn hash(pin: &Secret, entropy: &dyn Entropy) -> Result<String> {
    let salt: [u8; 16] = ports::random(entropy);
    let hashed = Argon2::default().hash_password_with_salt(pin.expose().as_bytes(), &salt);
    hashed.map(|phc| phc.to_string()).map_err(|_| AuthorizationError::Internal("the PIN cannot be hashed"))
}

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
    /// Compares the PIN with the signer's. Each call takes one of the tries, whoever calls in parallel.
    ///
    /// # Errors
    /// [`AuthorizationError::WrongPin`] (also when the signer has none), [`AuthorizationError::PinLocked`].
    pub async fn check_pin(&self, portal: &PortalId, signer: &Signer, pin: &Secret) -> Result<()> {
        let _turn = self.pin_turns.of(&signer.id).await;
        let taken = self.storage.take_pin_try(&signer.id, portal, self.clock.now(), self.policy.pin).await?;
        let taken = match taken {
            PinTry::Taken(taken) => taken,
            PinTry::Locked { until } => {
                self.meter.count(Count::Refused);
                return Err(AuthorizationError::PinLocked { seconds: self.seconds_until(until) });
            }
        };
        let Some(stored) = signer.pin_hash.clone() else { return Err(AuthorizationError::WrongPin) };
        let pin = pin.clone();
        // Stretching takes tens of milliseconds of one core: not on the event loop.
        let verify = move || Argon2::default().verify_password(pin.expose().as_bytes(), stored.as_str()).is_ok();
        let right = tokio::task::spawn_blocking(verify)
            .await
            .map_err(|_| AuthorizationError::Internal("the PIN check stopped"))?;
        if !right {
            return Err(AuthorizationError::WrongPin);
        }
        Ok(self.storage.forgive_pin_try(&signer.id, portal, taken).await?)
    }
}
