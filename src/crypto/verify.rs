//! Public keys, and the check of one signature value.

use std::borrow::Cow;

use const_oid::ObjectIdentifier;
use der::Encode;
use rsa::{Pkcs1v15Sign, Pss, RsaPublicKey, pkcs1::DecodeRsaPublicKey, traits::PublicKeyParts};
use signature::{Verifier as _, hazmat::PrehashVerifier as _};
use spki::SubjectPublicKeyInfoOwned;

use super::{CryptoError, Digest, DigestAlgorithm, MlDsaSet, SignatureAlgorithm, ml_dsa};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Longest RSA modulus that is checked, in bits: above it one verification costs more than a document is worth,
/// and no certification authority issues such keys.
const MAX_RSA_BITS: usize = 16_384;

/// A decoded public key.
#[derive(Debug, Clone)]
pub enum PublicKey {
    Rsa(Box<RsaPublicKey>),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
    MlDsa(ml_dsa::VerifyingKey),
}

/// Proof that a signature value verified; only [`PublicKey::verify`] and [`PublicKey::verify_digest`] mint it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    _only_here: (),
}

impl PublicKey {
    /// Decodes a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] for other key types or curves (explicit curve parameters among them),
    /// [`CryptoError::BadKey`] for a malformed or oversized key.
    pub fn from_spki(spki: &SubjectPublicKeyInfoOwned) -> Result<Self, CryptoError> {
        let key = spki.subject_public_key.as_bytes().ok_or(CryptoError::BadKey("the bit string has unused bits"))?;
        match spki.algorithm.oid {
            RSA_ENCRYPTION | RSASSA_PSS => rsa_key(key),
            EC_PUBLIC_KEY => ec_key(spki, key),
            ED25519 => {
                let bytes = key.try_into().map_err(|_| CryptoError::BadKey("an Ed25519 key has 32 bytes"))?;
                let key = ed25519_dalek::VerifyingKey::from_bytes(bytes);
                key.map(|k| Self::Ed25519(Box::new(k))).map_err(|_| CryptoError::BadKey("not a point of the curve"))
            }
            other => match MlDsaSet::from_oid(&other) {
                Some(set) if spki.algorithm.parameters.is_none() => {
                    ml_dsa::VerifyingKey::decode(set, key).map(Self::MlDsa)
                }
                Some(_) => Err(CryptoError::BadParameters("an ML-DSA key has none")),
                None => Err(CryptoError::UnsupportedAlgorithm(other.to_string())),
            },
        }
    }

    /// Size of the key in bits: modulus for RSA, field for curves, the encoded public key for ML-DSA.
    pub fn bits(&self) -> usize {
        match self {
            Self::Rsa(key) => key.n().as_ref().bits() as usize,
            Self::P256(_) | Self::Ed25519(_) => 256,
            Self::P384(_) => 384,
            Self::P521(_) => 521,
            Self::MlDsa(key) => key.set().public_key_len() * 8,
        }
    }

    /// Checks `signature` over `message`.
    ///
    /// # Errors
    /// [`CryptoError::KeyMismatch`] when key and algorithm do not fit, [`CryptoError::BadSignature`] when the value
    /// does not verify.
    pub fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<Verified, CryptoError> {
        match (self, algorithm.digest()) {
            (Self::Ed25519(key), None) if algorithm == SignatureAlgorithm::Ed25519 => {
                let signature =
                    ed25519_dalek::Signature::from_slice(signature).map_err(|_| CryptoError::BadSignature)?;
                verdict(key.verify(message, &signature).is_ok())
            }
            (Self::MlDsa(key), None) if algorithm == SignatureAlgorithm::MlDsa(key.set()) => {
                verdict(key.verifies(message, signature))
            }
            (_, Some(digest)) => self.verify_digest(algorithm, &digest.digest(message), signature),
            (_, None) => Err(CryptoError::KeyMismatch),
        }
    }

    /// Checks `signature` over an already computed `digest`.
    ///
    /// # Errors
    /// As [`Self::verify`]; also [`CryptoError::KeyMismatch`] when the digest was made with another hash than the
    /// algorithm names, and always for the pure schemes, which sign messages only.
    pub fn verify_digest(
        &self,
        algorithm: SignatureAlgorithm,
        digest: &Digest,
        signature: &[u8],
    ) -> Result<Verified, CryptoError> {
        if algorithm.digest() != Some(digest.algorithm()) {
            return Err(CryptoError::KeyMismatch);
        }
        let hash = digest.as_bytes();
        let valid = match (self, algorithm) {
            (Self::Rsa(key), SignatureAlgorithm::RsaPkcs1(d)) => key.verify(pkcs1v15(d), hash, signature).is_ok(),
            (Self::Rsa(key), SignatureAlgorithm::RsaPss { digest: d, salt_len }) => {
                verify_pss(key, d, salt_len, hash, signature)
            }
            (Self::P256(key), SignatureAlgorithm::Ecdsa(_)) => {
                let hash = at_least(hash, 32);
                p256::ecdsa::Signature::from_der(signature).is_ok_and(|s| key.verify_prehash(&hash, &s).is_ok())
            }
            (Self::P384(key), SignatureAlgorithm::Ecdsa(_)) => {
                let hash = at_least(hash, 48);
                p384::ecdsa::Signature::from_der(signature).is_ok_and(|s| key.verify_prehash(&hash, &s).is_ok())
            }
            (Self::P521(key), SignatureAlgorithm::Ecdsa(_)) => {
                let hash = at_least(hash, 66);
                p521::ecdsa::Signature::from_der(signature).is_ok_and(|s| key.verify_prehash(&hash, &s).is_ok())
            }
            _ => return Err(CryptoError::KeyMismatch),
        };
        verdict(valid)
    }
}

fn verdict(valid: bool) -> Result<Verified, CryptoError> {
    if valid { Ok(Verified { _only_here: () }) } else { Err(CryptoError::BadSignature) }
}

/// The hash with zeros in front, up to the length of the curve's field: the same integer (FIPS 186-5 §6.4.1 step 2), while the
/// curve crates refuse hashes shorter than half their field, such as SHA-256 for P-521.
fn at_least(hash: &[u8], field: usize) -> Cow<'_, [u8]> {
    match field.checked_sub(hash.len()) {
        None | Some(0) => Cow::Borrowed(hash),
        Some(missing) => Cow::Owned([&vec![0; missing], hash].concat()),
    }
}

fn rsa_key(pkcs1: &[u8]) -> Result<PublicKey, CryptoError> {
    // A modulus cannot be longer than the key's own encoding: refuse before any arithmetic.
    if pkcs1.len() > MAX_RSA_BITS / 4 {
        return Err(CryptoError::BadKey("the RSA key is larger than 16384 bits"));
    }
    let key = RsaPublicKey::from_pkcs1_der(pkcs1).map_err(|_| CryptoError::BadKey("not an RSAPublicKey"))?;
    Ok(PublicKey::Rsa(Box::new(key)))
}

fn ec_key(spki: &SubjectPublicKeyInfoOwned, point: &[u8]) -> Result<PublicKey, CryptoError> {
    let off_curve = |_| CryptoError::BadKey("not a point of the curve");
    let parameters = spki.algorithm.parameters.as_ref().ok_or(CryptoError::BadKey("no curve is named"))?;
    let curve: ObjectIdentifier = parameters
        .decode_as()
        .map_err(|_| CryptoError::UnsupportedAlgorithm("explicit curve parameters".to_owned()))?;
    match curve {
        P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map(PublicKey::P256).map_err(off_curve),
        P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map(PublicKey::P384).map_err(off_curve),
        P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(point).map(PublicKey::P521).map_err(off_curve),
        other => Err(CryptoError::UnsupportedAlgorithm(other.to_string())),
    }
}

fn pkcs1v15(digest: DigestAlgorithm) -> Pkcs1v15Sign {
    match digest {
        DigestAlgorithm::Sha1 => Pkcs1v15Sign::new::<sha1::Sha1>(),
        DigestAlgorithm::Sha224 => Pkcs1v15Sign::new::<sha2::Sha224>(),
        DigestAlgorithm::Sha3_256 => Pkcs1v15Sign::new::<sha3::Sha3_256>(),
        DigestAlgorithm::Sha3_384 => Pkcs1v15Sign::new::<sha3::Sha3_384>(),
        DigestAlgorithm::Sha3_512 => Pkcs1v15Sign::new::<sha3::Sha3_512>(),
        DigestAlgorithm::Sha256 => Pkcs1v15Sign::new::<sha2::Sha256>(),
        DigestAlgorithm::Sha384 => Pkcs1v15Sign::new::<sha2::Sha384>(),
        DigestAlgorithm::Sha512 => Pkcs1v15Sign::new::<sha2::Sha512>(),
    }
}

fn verify_pss(key: &RsaPublicKey, digest: DigestAlgorithm, salt_len: usize, hash: &[u8], signature: &[u8]) -> bool {
    match digest {
        DigestAlgorithm::Sha1 => key.verify(Pss::<sha1::Sha1>::new_with_salt(salt_len), hash, signature),
        DigestAlgorithm::Sha224 => key.verify(Pss::<sha2::Sha224>::new_with_salt(salt_len), hash, signature),
        DigestAlgorithm::Sha3_256 => key.verify(Pss::<sha3::Sha3_256>::new_with_salt(salt_len), hash, signature),
        DigestAlgorithm::Sha3_384 => key.verify(Pss::<sha3::Sha3_384>::new_with_salt(salt_len), hash, signature),
        DigestAlgorithm::Sha3_512 => key.verify(Pss::<sha3::Sha3_512>::new_with_salt(salt_len), hash, signature),
        DigestAlgorithm::Sha256 => key.verify(Pss::<sha2::Sha256>::new_with_salt(salt_len), hash, signature),
        DigestAlgorithm::Sha384 => key.verify(Pss::<sha2::Sha384>::new_with_salt(salt_len), hash, signature),
        DigestAlgorithm::Sha512 => key.verify(Pss::<sha2::Sha512>::new_with_salt(salt_len), hash, signature),
    }
    .is_ok()
}

/// DER of a SubjectPublicKeyInfo, for digests and comparisons.
///
/// # Errors
/// [`CryptoError::BadKey`] when the structure cannot be encoded.
pub fn spki_der(spki: &SubjectPublicKeyInfoOwned) -> Result<Vec<u8>, CryptoError> {
    spki.to_der().map_err(|_| CryptoError::BadKey("cannot be encoded"))
}
