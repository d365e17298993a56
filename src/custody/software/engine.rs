//! The signing engine: one opened private key, in constant time, over a ready digest, or over the message where the scheme
//! is a pure one.

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaPssSaltLength, RsaSignatureEncoding,
};
use zeroize::Zeroizing;

use super::ml_dsa::MlDsaKey;
use crate::crypto::{Digest, DigestAlgorithm, SignatureAlgorithm};
use crate::custody::{CustodyError, SignatureValue};
use crate::domain::KeyAlgorithm;

/// An opened private key. Prints its type only; the engine wipes its memory when it is dropped.
pub(crate) struct PrivateKey {
    algorithm: KeyAlgorithm,
    inner: Inner,
}

enum Inner {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa(MlDsaKey),
}

impl PrivateKey {
    /// Makes a fresh key with the engine's own random generator.
    ///
    /// # Errors
    /// [`CustodyError::Engine`].
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, CustodyError> {
        let failed = |_| CustodyError::Engine("the key could not be generated");
        let rsa = |size| RsaKeyPair::generate(size).map(Inner::Rsa).map_err(failed);
        let inner = match (algorithm, curve(algorithm), algorithm.ml_dsa()) {
            (_, Some(curve), _) => EcdsaKeyPair::generate(curve).map(Inner::Ec).map_err(failed),
            (_, _, Some(set)) => MlDsaKey::generate(set).map(Inner::MlDsa),
            (KeyAlgorithm::Ed25519, ..) => Ed25519KeyPair::generate().map(Inner::Ed25519).map_err(failed),
            (KeyAlgorithm::Rsa2048, ..) => rsa(KeySize::Rsa2048),
            (KeyAlgorithm::Rsa3072, ..) => rsa(KeySize::Rsa3072),
            (KeyAlgorithm::Rsa4096, ..) => rsa(KeySize::Rsa4096),
            _ => Err(CustodyError::Unsupported(algorithm.to_string())),
        }?;
        Ok(Self { algorithm, inner })
    }

    /// Loads an unencrypted PKCS#8 document (RFC 5958, version 1, DER). The engine checks that its parts belong together.
    ///
    /// # Errors
    /// [`CustodyError::Engine`] when the document is not a key of the given algorithm.
    pub fn from_pkcs8(algorithm: KeyAlgorithm, pkcs8: &[u8]) -> Result<Self, CustodyError> {
        let failed = |_| CustodyError::Engine("the private key could not be loaded");
        let inner = match (algorithm, curve(algorithm), algorithm.ml_dsa()) {
            (_, Some(curve), _) => EcdsaKeyPair::from_pkcs8(curve, pkcs8).map(Inner::Ec).map_err(failed),
            (_, _, Some(set)) => MlDsaKey::from_pkcs8(set, pkcs8).map(Inner::MlDsa),
            (KeyAlgorithm::Ed25519, ..) => Ed25519KeyPair::from_pkcs8(pkcs8).map(Inner::Ed25519).map_err(failed),
            _ => RsaKeyPair::from_pkcs8(pkcs8).map(Inner::Rsa).map_err(failed),
        }?;
        let key = Self { algorithm, inner };
        match &key.inner {
            Inner::Rsa(rsa) if rsa.public_modulus_len() * 8 != algorithm.bits() as usize => {
                Err(CustodyError::Engine("the RSA key has another size than its algorithm says"))
            }
            _ => Ok(key),
        }
    }

    /// The key as PKCS#8, version 1, DER.
    ///
    /// # Errors
    /// [`CustodyError::Engine`].
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        let failed = |_| CustodyError::Engine("the private key could not be encoded");
        let copy = |bytes: &[u8]| Zeroizing::new(bytes.to_vec());
        match &self.inner {
            Inner::Rsa(key) => AsDer::<Pkcs8V1Der<'_>>::as_der(key).map(|der| copy(der.as_ref())).map_err(failed),
            Inner::Ec(key) => key.to_pkcs8v1().map(|document| copy(document.as_ref())).map_err(failed),
            Inner::Ed25519(key) => key.to_pkcs8v1().map(|document| copy(document.as_ref())).map_err(failed),
            Inner::MlDsa(key) => key.to_pkcs8(),
        }
    }

    /// DER of the SubjectPublicKeyInfo (named curve, uncompressed point; rsaEncryption).
    ///
    /// # Errors
    /// [`CustodyError::Engine`].
    pub fn spki(&self) -> Result<Vec<u8>, CustodyError> {
        let der: Result<PublicKeyX509Der<'_>, _> = match &self.inner {
            Inner::Rsa(key) => key.public_key().as_der(),
            Inner::Ec(key) => key.public_key().as_der(),
            Inner::Ed25519(key) => key.public_key().as_der(),
            Inner::MlDsa(key) => return key.spki(),
        };
        der.map(|der| der.as_ref().to_vec()).map_err(|_| CustodyError::Engine("the public key could not be encoded"))
    }

    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// Signs `message`: its hash, or the message itself where the scheme is a pure one.
    ///
    /// # Errors
    /// As [`Self::sign_digest`].
    pub fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<SignatureValue, CustodyError> {
        if let Some(hash) = algorithm.digest() {
            return self.sign_digest(algorithm, &hash.digest(message));
        }
        if !self.algorithm.supports(algorithm) {
            return Err(unsupported(self.algorithm, algorithm));
        }
        match &self.inner {
            Inner::Ed25519(key) => match key.try_sign(message) {
                Ok(value) => Ok(SignatureValue(value.as_ref().to_vec())),
                Err(_) => Err(CustodyError::Engine("the signature could not be made")),
            },
            Inner::MlDsa(key) => key.sign(message),
            Inner::Rsa(_) | Inner::Ec(_) => Err(unsupported(self.algorithm, algorithm)),
        }
    }

    /// Signs exactly `digest`.
    ///
    /// # Errors
    /// As [`check_supported`], and always for pure schemes; [`CustodyError::Engine`] when the engine fails.
    pub fn sign_digest(&self, algorithm: SignatureAlgorithm, digest: &Digest) -> Result<SignatureValue, CustodyError> {
        check_supported(self.algorithm, algorithm, digest)?;
        let failed = |_| CustodyError::Engine("the signature could not be made");
        match &self.inner {
            Inner::Rsa(key) => {
                let padding = rsa_encoding(algorithm).ok_or_else(|| CustodyError::Unsupported(algorithm.name()))?;
                let mut value = vec![0; key.public_modulus_len()];
                key.sign_digest(padding, &engine_digest(digest)?, &mut value).map_err(failed)?;
                Ok(SignatureValue(value))
            }
            Inner::Ec(key) => {
                let hash = ecdsa_hash(self.algorithm, digest)?;
                key.sign_digest(&hash).map(|value| SignatureValue(value.as_ref().to_vec())).map_err(failed)
            }
            Inner::Ed25519(_) | Inner::MlDsa(_) => {
                Err(CustodyError::Unsupported(format!("{}: it signs messages, not their hashes", algorithm.name())))
            }
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, ***)", self.algorithm)
    }
}

/// Whether this engine makes such a signature with such a key, so that a refusal costs no opened key.
///
/// RSA: PKCS#1 v1.5 and PSS with SHA-256, SHA-384, SHA-512, the PSS salt as long as the hash or as long as the modulus lets it
/// be. ECDSA: the same hashes. Pure schemes: messages known by their SHA-512.
///
/// # Errors
/// [`CustodyError::Unsupported`], also when `digest` was made with another hash than `algorithm` names.
pub(crate) fn check_supported(
    key: KeyAlgorithm,
    algorithm: SignatureAlgorithm,
    digest: &Digest,
) -> Result<(), CustodyError> {
    if !key.supports(algorithm) {
        return Err(unsupported(key, algorithm));
    }
    if algorithm.message_digest() != digest.algorithm() {
        return Err(CustodyError::Unsupported(format!("{} over a {} value", algorithm.name(), digest.algorithm())));
    }
    Ok(())
}

fn unsupported(key: KeyAlgorithm, algorithm: SignatureAlgorithm) -> CustodyError {
    CustodyError::Unsupported(format!("{} (the key is {key})", algorithm.name()))
}

fn curve(algorithm: KeyAlgorithm) -> Option<&'static EcdsaSigningAlgorithm> {
    match algorithm {
        KeyAlgorithm::P256 => Some(&ECDSA_P256_SHA256_ASN1_SIGNING),
        KeyAlgorithm::P384 => Some(&ECDSA_P384_SHA384_ASN1_SIGNING),
        KeyAlgorithm::P521 => Some(&ECDSA_P521_SHA512_ASN1_SIGNING),
        _ => None,
    }
}

fn rsa_encoding(algorithm: SignatureAlgorithm) -> Option<&'static dyn RsaEncoding> {
    use DigestAlgorithm::{Sha256, Sha384, Sha512};
    match algorithm {
        SignatureAlgorithm::RsaPkcs1(Sha256) => Some(&RSA_PKCS1_SHA256),
        SignatureAlgorithm::RsaPkcs1(Sha384) => Some(&RSA_PKCS1_SHA384),
        SignatureAlgorithm::RsaPkcs1(Sha512) => Some(&RSA_PKCS1_SHA512),
        SignatureAlgorithm::RsaPss { digest, salt_len } if salt_len == digest.output_len() => match digest {
            Sha256 => Some(&RSA_PSS_SHA256),
            Sha384 => Some(&RSA_PSS_SHA384),
            Sha512 => Some(&RSA_PSS_SHA512),
            _ => None,
        },
        // `check_supported` let no other length through.
        SignatureAlgorithm::RsaPss { digest: Sha256, .. } => Some(&LONGEST_SALT_SHA256),
        SignatureAlgorithm::RsaPss { digest: Sha384, .. } => Some(&LONGEST_SALT_SHA384),
        SignatureAlgorithm::RsaPss { digest: Sha512, .. } => Some(&LONGEST_SALT_SHA512),
        _ => None,
    }
}

/// The engine wants its encodings for the length of the program, so each salt length needs one of its own.
static LONGEST_SALT_SHA256: RsaSignatureEncoding = RSA_PSS_SHA256.with_pss_salt_length(RsaPssSaltLength::Max);
static LONGEST_SALT_SHA384: RsaSignatureEncoding = RSA_PSS_SHA384.with_pss_salt_length(RsaPssSaltLength::Max);
static LONGEST_SALT_SHA512: RsaSignatureEncoding = RSA_PSS_SHA512.with_pss_salt_length(RsaPssSaltLength::Max);

fn engine_digest(digest: &Digest) -> Result<digest::Digest, CustodyError> {
    let algorithm = match digest.algorithm() {
        DigestAlgorithm::Sha256 => &digest::SHA256,
        DigestAlgorithm::Sha384 => &digest::SHA384,
        DigestAlgorithm::Sha512 => &digest::SHA512,
        other => return Err(CustodyError::Unsupported(other.name().to_owned())),
    };
    import(digest.as_bytes(), algorithm)
}

/// The hash as ECDSA uses it: its leftmost bits, as many as the curve's order has (FIPS 186-5 §6.4.1 step 2), or with zeros
/// in front when it is shorter; both leave the integer that is signed the same. The engine knows each curve with the hash
/// of its own length only, so every other hash is brought to that length here.
fn ecdsa_hash(key: KeyAlgorithm, digest: &Digest) -> Result<digest::Digest, CustodyError> {
    let algorithm = match key {
        KeyAlgorithm::P256 => &digest::SHA256,
        KeyAlgorithm::P384 => &digest::SHA384,
        _ => &digest::SHA512,
    };
    let (hash, wanted) = (digest.as_bytes(), algorithm.output_len());
    match hash.get(..wanted) {
        Some(leftmost) => import(leftmost, algorithm),
        None => import(&[&vec![0; wanted - hash.len()], hash].concat(), algorithm),
    }
}

fn import(hash: &[u8], algorithm: &'static digest::Algorithm) -> Result<digest::Digest, CustodyError> {
    digest::Digest::import_less_safe(hash, algorithm).map_err(|_| CustodyError::Engine("the hash has a wrong length"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::PublicKey;
    use der::Decode as _;

    #[test]
    fn pkcs8_of_another_algorithm_is_refused() {
        let key = PrivateKey::generate(KeyAlgorithm::P256).expect("generated");
        let pkcs8 = key.to_pkcs8().expect("encoded");
        for other in [KeyAlgorithm::P384, KeyAlgorithm::Rsa2048, KeyAlgorithm::P521, KeyAlgorithm::Ed25519] {
            assert!(PrivateKey::from_pkcs8(other, &pkcs8).is_err());
        }
        assert!(PrivateKey::from_pkcs8(KeyAlgorithm::P256, &pkcs8[1..]).is_err());
        let again = PrivateKey::from_pkcs8(KeyAlgorithm::P256, &pkcs8).expect("loaded");
        assert_eq!(again.spki(), key.spki());
    }

    #[test]
    fn rsa_of_another_size_is_refused() {
        let pkcs8 = PrivateKey::generate(KeyAlgorithm::Rsa2048).expect("generated").to_pkcs8().expect("encoded");
        assert!(PrivateKey::from_pkcs8(KeyAlgorithm::Rsa3072, &pkcs8).is_err());
        assert!(PrivateKey::from_pkcs8(KeyAlgorithm::Rsa2048, &pkcs8).is_ok());
    }

    #[test]
    fn a_salt_of_another_length_is_unsupported() {
        let digest = DigestAlgorithm::Sha256.digest(b"x");
        let pss = |salt_len| SignatureAlgorithm::RsaPss { digest: DigestAlgorithm::Sha256, salt_len };
        for salt_len in [32, 350] {
            assert_eq!(check_supported(KeyAlgorithm::Rsa3072, pss(salt_len), &digest), Ok(()));
        }
        for salt_len in [0, 20, 33, 349, 351] {
            let refused = check_supported(KeyAlgorithm::Rsa3072, pss(salt_len), &digest);
            assert!(matches!(refused, Err(CustodyError::Unsupported(_))));
        }
    }

    #[test]
    fn the_longest_salt_verifies_as_such_and_as_no_other() {
        let key = PrivateKey::generate(KeyAlgorithm::Rsa2048).expect("generated");
        let spki = spki::SubjectPublicKeyInfoOwned::from_der(&key.spki().expect("encoded")).expect("read");
        let public = PublicKey::from_spki(&spki).expect("a key");
        for digest in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512] {
            let salt_len = KeyAlgorithm::Rsa2048.longest_salt(digest).expect("RSA");
            let pss = |salt_len| SignatureAlgorithm::RsaPss { digest, salt_len };
            let hash = digest.digest(b"x");
            let value = key.sign_digest(pss(salt_len), &hash).expect("signed");
            assert!(public.verify_digest(pss(salt_len), &hash, &value.0).is_ok(), "{salt_len}");
            assert!(public.verify_digest(pss(digest.output_len()), &hash, &value.0).is_err());
        }
    }

    #[test]
    fn the_private_key_prints_its_type_alone() {
        let key = PrivateKey::generate(KeyAlgorithm::P384).expect("generated");
        assert_eq!(format!("{key:?}"), "PrivateKey(ec-p384, ***)");
    }
}
