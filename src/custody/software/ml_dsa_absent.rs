//! What stands in the place of ML-DSA keys in a build without the feature `ml-dsa`: none can be made or loaded.

use zeroize::Zeroizing;

use crate::crypto::MlDsaSet;
use crate::custody::{CustodyError, SignatureValue};

/// An opened ML-DSA key: there is none in this build.
pub(super) enum MlDsaKey {}

impl MlDsaKey {
    pub fn generate(set: MlDsaSet) -> Result<Self, CustodyError> {
        Err(CustodyError::Unsupported(format!("{} (this build is without the feature ml-dsa)", set.name())))
    }

    pub fn from_pkcs8(set: MlDsaSet, _pkcs8: &[u8]) -> Result<Self, CustodyError> {
        Self::generate(set)
    }

    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        match *self {}
    }

    pub fn spki(&self) -> Result<Vec<u8>, CustodyError> {
        match *self {}
    }

    pub fn sign(&self, _message: &[u8]) -> Result<SignatureValue, CustodyError> {
        match *self {}
    }
}
