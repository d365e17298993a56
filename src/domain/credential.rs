//! A credential: a key, its certificate, and how its use is authorised.

use serde::{Deserialize, Serialize};
use std::fmt;
use time::OffsetDateTime;

use super::factor::Factors;
use super::ids::{CredentialId, SignerId};
use crate::crypto::{DigestAlgorithm, MlDsaSet, SignatureAlgorithm, ml_dsa};

/// Key types the service generates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyAlgorithm {
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    #[serde(rename = "rsa-4096")]
    Rsa4096,
    #[serde(rename = "ec-p256")]
    P256,
    #[serde(rename = "ec-p384")]
    P384,
    #[serde(rename = "ec-p521")]
    P521,
    #[serde(rename = "ed25519")]
    Ed25519,
    #[serde(rename = "ml-dsa-44")]
    MlDsa44,
    #[serde(rename = "ml-dsa-65")]
    MlDsa65,
    #[serde(rename = "ml-dsa-87")]
    MlDsa87,
}

impl KeyAlgorithm {
    /// Every key type that has a name; [`Self::is_available`] says which of them this build can use.
    pub const ALL: [Self; 10] = [
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// The name used in configuration, storage and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
            Self::P256 => "ec-p256",
            Self::P384 => "ec-p384",
            Self::P521 => "ec-p521",
            Self::Ed25519 => "ed25519",
            Self::MlDsa44 => "ml-dsa-44",
            Self::MlDsa65 => "ml-dsa-65",
            Self::MlDsa87 => "ml-dsa-87",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Whether this build can make and use such keys: ML-DSA needs the feature `ml-dsa`.
    pub fn is_available(self) -> bool {
        ml_dsa::SUPPORTED || self.ml_dsa().is_none()
    }

    /// Key size in bits: modulus, field, or for ML-DSA the encoded public key (FIPS 204 table 2).
    pub fn bits(self) -> u32 {
        match self {
            Self::Rsa2048 => 2048,
            Self::Rsa3072 => 3072,
            Self::Rsa4096 => 4096,
            Self::P256 | Self::Ed25519 => 256,
            Self::P384 => 384,
            Self::P521 => 521,
            Self::MlDsa44 => 1312 * 8,
            Self::MlDsa65 => 1952 * 8,
            Self::MlDsa87 => 2592 * 8,
        }
    }

    pub fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }

    /// Whether it is a curve that ECDSA is done on.
    pub fn is_ecdsa(self) -> bool {
        matches!(self, Self::P256 | Self::P384 | Self::P521)
    }

    /// The parameter set of an ML-DSA key.
    pub fn ml_dsa(self) -> Option<MlDsaSet> {
        match self {
            Self::MlDsa44 => Some(MlDsaSet::MlDsa44),
            Self::MlDsa65 => Some(MlDsaSet::MlDsa65),
            Self::MlDsa87 => Some(MlDsaSet::MlDsa87),
            _ => None,
        }
    }

    /// Whether the key signs messages only, never their hashes: whoever holds nothing but a hash cannot use it.
    pub fn is_pure(self) -> bool {
        self.default_signature().digest().is_none()
    }

    /// What documents are signed with unless the caller says otherwise: RSASSA-PSS or ECDSA, as Circular
    /// 15/2025/TT-BKHCN Annex I asks.
    pub fn default_signature(self) -> SignatureAlgorithm {
        match self {
            Self::P256 => SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256),
            Self::P384 => SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha384),
            Self::P521 => SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha512),
            Self::Ed25519 => SignatureAlgorithm::Ed25519,
            Self::MlDsa44 => SignatureAlgorithm::MlDsa(MlDsaSet::MlDsa44),
            Self::MlDsa65 => SignatureAlgorithm::MlDsa(MlDsaSet::MlDsa65),
            Self::MlDsa87 => SignatureAlgorithm::MlDsa(MlDsaSet::MlDsa87),
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => {
                SignatureAlgorithm::RsaPss { digest: DigestAlgorithm::Sha256, salt_len: 32 }
            }
        }
    }

    /// Whether a key of this type can make such a signature.
    pub fn supports(self, algorithm: SignatureAlgorithm) -> bool {
        algorithm.message_digest() >= DigestAlgorithm::Sha256
            && match algorithm {
                SignatureAlgorithm::RsaPkcs1(_) => self.is_rsa(),
                // The engine's salt is as long as the hash, as FIPS 186-5 §5.4 recommends.
                SignatureAlgorithm::RsaPss { digest, salt_len } => self.is_rsa() && salt_len == digest.output_len(),
                SignatureAlgorithm::Ecdsa(_) => self.is_ecdsa(),
                SignatureAlgorithm::Ed25519 => self == Self::Ed25519,
                SignatureAlgorithm::MlDsa(set) => self.ml_dsa() == Some(set),
            }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where the one-time code is given (CSC `auth.mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    /// The portal passes PIN and code in band. For tests and legacy clients; the hosted page works too.
    Explicit,
    /// Only on the service's own page: the production default.
    Hosted,
}

impl AuthMode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Explicit => "explicit",
            Self::Hosted => "hosted",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Explicit, Self::Hosted].into_iter().find(|mode| mode.name() == name)
    }
}

/// A private key as custody left it: opaque, encrypted, bound to its credential.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey(pub Vec<u8>);

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedKey({} bytes)", self.0.len())
    }
}

/// Whether a key may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStatus {
    /// Generated, waiting for its certificate.
    Pending,
    Enabled,
    Disabled,
    /// Enabled, but its signer has frozen their signature. Follows from the signer and is stored with no credential.
    Frozen,
}

impl KeyStatus {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Frozen => "frozen",
        }
    }

    /// Of a stored status.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Pending, Self::Enabled, Self::Disabled].into_iter().find(|status| status.name() == name)
    }
}

/// Where a credential's certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Production,
    /// Issued by the development PKI: the service refuses to start with it outside the sandbox.
    Development,
}

/// A key held for a signer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    pub id: CredentialId,
    pub signer: SignerId,
    pub algorithm: KeyAlgorithm,
    pub auth: AuthMode,
    pub factors: Factors,
    pub status: KeyStatus,
    pub purpose: Purpose,
    pub key: WrappedKey,
    /// DER of the SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
    /// DER certificates, the signer's first, then its issuers without the root; empty while pending.
    pub certificates: Vec<Vec<u8>>,
    /// CSC `multisign`: most signatures of one authorisation.
    pub multisign: u32,
    pub created_at: OffsetDateTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_signs_only_with_its_own_kind_and_a_strong_hash() {
        let pkcs1 = SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha256);
        assert!(KeyAlgorithm::Rsa2048.supports(pkcs1));
        assert!(!KeyAlgorithm::P256.supports(pkcs1));
        assert!(!KeyAlgorithm::Rsa2048.supports(SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha1)));
        let long_salt = SignatureAlgorithm::RsaPss { digest: DigestAlgorithm::Sha256, salt_len: 222 };
        assert!(!KeyAlgorithm::Rsa2048.supports(long_salt));
        assert!(KeyAlgorithm::ALL.into_iter().all(|key| key.supports(key.default_signature())));
        assert!(!KeyAlgorithm::Ed25519.supports(SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256)));
        assert!(!KeyAlgorithm::P256.supports(SignatureAlgorithm::Ed25519));
        assert!(!KeyAlgorithm::MlDsa44.supports(SignatureAlgorithm::MlDsa(MlDsaSet::MlDsa65)));
    }

    #[test]
    fn names_read_back() {
        assert!(KeyAlgorithm::ALL.into_iter().all(|key| KeyAlgorithm::from_name(key.name()) == Some(key)));
        assert_eq!(AuthMode::from_name("hosted"), Some(AuthMode::Hosted));
        assert_eq!(AuthMode::from_name("implicit"), None);
    }
}
