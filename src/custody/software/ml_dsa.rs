//! ML-DSA keys (FIPS 204) by the same engine as the others. PKCS#8 holds the 32-byte seed (RFC 9881 §6).
//!
//! A build without the feature `ml-dsa` has `ml_dsa_absent.rs` in this place, with the same items.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::signature::{
    KeyPair as _, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair, PqdsaSigningAlgorithm,
};
use zeroize::Zeroizing;

use crate::crypto::MlDsaSet;
use crate::custody::{CustodyError, SignatureValue};

/// An opened ML-DSA key; the engine wipes its memory when it is dropped.
pub(super) struct MlDsaKey(PqdsaKeyPair);

impl MlDsaKey {
    pub fn generate(set: MlDsaSet) -> Result<Self, CustodyError> {
        let failed = |_| CustodyError::Engine("the key could not be generated");
        PqdsaKeyPair::generate(signing(set)).map(Self).map_err(failed)
    }

    pub fn from_pkcs8(set: MlDsaSet, pkcs8: &[u8]) -> Result<Self, CustodyError> {
        let failed = |_| CustodyError::Engine("the private key could not be loaded");
        PqdsaKeyPair::from_pkcs8(signing(set), pkcs8).map(Self).map_err(failed)
    }

    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        let failed = |_| CustodyError::Engine("the private key could not be encoded");
        self.0.to_pkcs8v1().map(|document| Zeroizing::new(document.as_ref().to_vec())).map_err(failed)
    }

    /// DER of the SubjectPublicKeyInfo.
    pub fn spki(&self) -> Result<Vec<u8>, CustodyError> {
        let der: Result<PublicKeyX509Der<'_>, _> = self.0.public_key().as_der();
        der.map(|der| der.as_ref().to_vec()).map_err(|_| CustodyError::Engine("the public key could not be encoded"))
    }

    /// Signs `message` in pure mode with an empty context.
    pub fn sign(&self, message: &[u8]) -> Result<SignatureValue, CustodyError> {
        let mut value = vec![0; self.0.algorithm().signature_len()];
        self.0.sign(message, &mut value).map_err(|_| CustodyError::Engine("the signature could not be made"))?;
        Ok(SignatureValue(value))
    }
}

fn signing(set: MlDsaSet) -> &'static PqdsaSigningAlgorithm {
    match set {
        MlDsaSet::MlDsa44 => &ML_DSA_44_SIGNING,
        MlDsaSet::MlDsa65 => &ML_DSA_65_SIGNING,
        MlDsaSet::MlDsa87 => &ML_DSA_87_SIGNING,
    }
}
