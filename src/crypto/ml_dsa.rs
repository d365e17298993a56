//! ML-DSA verification (FIPS 204 §5.3) with an empty context; RFC 9881 keys, RFC 9882 signatures.
//!
//! A build without the feature `ml-dsa` has `ml_dsa_absent.rs` in this place, with the same items.

use ml_dsa::{EncodedVerifyingKey, MlDsa44, MlDsa65, MlDsa87, MlDsaParams, Signature};
use signature::Verifier as _;

use super::{CryptoError, MlDsaSet};

/// Whether this build makes and verifies ML-DSA signatures.
pub const SUPPORTED: bool = true;

/// A decoded public key.
#[derive(Debug, Clone)]
pub struct VerifyingKey(Inner);

#[derive(Debug, Clone)]
enum Inner {
    MlDsa44(Box<::ml_dsa::VerifyingKey<MlDsa44>>),
    MlDsa65(Box<::ml_dsa::VerifyingKey<MlDsa65>>),
    MlDsa87(Box<::ml_dsa::VerifyingKey<MlDsa87>>),
}

impl VerifyingKey {
    /// Decodes the content of a subjectPublicKey bit string: the raw key (RFC 9881 §4).
    ///
    /// # Errors
    /// [`CryptoError::BadKey`] for another length.
    pub fn decode(set: MlDsaSet, key: &[u8]) -> Result<Self, CryptoError> {
        Ok(Self(match set {
            MlDsaSet::MlDsa44 => Inner::MlDsa44(decode(key)?),
            MlDsaSet::MlDsa65 => Inner::MlDsa65(decode(key)?),
            MlDsaSet::MlDsa87 => Inner::MlDsa87(decode(key)?),
        }))
    }

    pub fn set(&self) -> MlDsaSet {
        match self.0 {
            Inner::MlDsa44(_) => MlDsaSet::MlDsa44,
            Inner::MlDsa65(_) => MlDsaSet::MlDsa65,
            Inner::MlDsa87(_) => MlDsaSet::MlDsa87,
        }
    }

    /// Whether `signature` is this key's over `message`, pure mode, empty context.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Inner::MlDsa44(key) => verifies(key, message, signature),
            Inner::MlDsa65(key) => verifies(key, message, signature),
            Inner::MlDsa87(key) => verifies(key, message, signature),
        }
    }
}

fn decode<P: MlDsaParams>(key: &[u8]) -> Result<Box<::ml_dsa::VerifyingKey<P>>, CryptoError> {
    let encoded = EncodedVerifyingKey::<P>::try_from(key);
    let encoded = encoded.map_err(|_| CryptoError::BadKey("an ML-DSA key of its set has another length"))?;
    Ok(Box::new(::ml_dsa::VerifyingKey::decode(&encoded)))
}

fn verifies<P: MlDsaParams>(key: &::ml_dsa::VerifyingKey<P>, message: &[u8], signature: &[u8]) -> bool {
    Signature::<P>::try_from(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
}
