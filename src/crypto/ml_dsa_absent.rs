//! What stands in the place of ML-DSA in a build without the feature `ml-dsa`: its names are known, its keys are not.

use super::{CryptoError, MlDsaSet};

/// Whether this build makes and verifies ML-DSA signatures.
pub const SUPPORTED: bool = false;

/// A decoded public key: there is none in this build.
#[derive(Debug, Clone)]
pub enum VerifyingKey {}

impl VerifyingKey {
    /// Refuses.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] always.
    pub fn decode(set: MlDsaSet, _key: &[u8]) -> Result<Self, CryptoError> {
        Err(CryptoError::UnsupportedAlgorithm(format!("{} (this build is without the feature ml-dsa)", set.name())))
    }

    pub fn set(&self) -> MlDsaSet {
        match *self {}
    }

    pub(super) fn verifies(&self, _message: &[u8], _signature: &[u8]) -> bool {
        match *self {}
    }
}
