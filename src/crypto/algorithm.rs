//! Signature algorithms: what an AlgorithmIdentifier means, and the identifier each algorithm is written with.

use const_oid::ObjectIdentifier;
use der::{Any, asn1::Null};
use serde::{Deserialize, Serialize};
use spki::AlgorithmIdentifierOwned;

use super::{CryptoError, DigestAlgorithm};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const SHA1_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
const SHA224_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.14");
const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const SHA384_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const SHA512_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const SHA3_256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.14");
const SHA3_384_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.15");
const SHA3_512_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.16");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ECDSA_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
const ECDSA_SHA224: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.1");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
const ECDSA_SHA3_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.10");
const ECDSA_SHA3_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.11");
const ECDSA_SHA3_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.12");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ML_DSA_44: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17");
const ML_DSA_65: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18");
const ML_DSA_87: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19");
const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");

/// A signature algorithm with everything a verifier needs besides the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2).
    RsaPkcs1(DigestAlgorithm),
    /// RSASSA-PSS with MGF1 over the same hash (RFC 8017 §8.1); `salt_len` in bytes.
    RsaPss { digest: DigestAlgorithm, salt_len: usize },
    /// ECDSA over the curve of the key, value as DER `SEQUENCE { r, s }` (RFC 5480).
    Ecdsa(DigestAlgorithm),
    /// Pure Ed25519 (RFC 8032); signs the message itself.
    Ed25519,
    /// Pure ML-DSA with an empty context (FIPS 204 §5.2, RFC 9882); signs the message itself. Named in every build, made and
    /// verified only with the feature `ml-dsa`.
    MlDsa(MlDsaSet),
}

/// The parameter sets of ML-DSA (FIPS 204 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MlDsaSet {
    MlDsa44,
    MlDsa65,
    MlDsa87,
}

impl MlDsaSet {
    pub const ALL: [Self; 3] = [Self::MlDsa44, Self::MlDsa65, Self::MlDsa87];

    /// The standard's name, e.g. `ML-DSA-65`.
    pub fn name(self) -> &'static str {
        match self {
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
        }
    }

    /// The identifier of keys and signatures alike (RFC 9881 §2).
    pub fn oid(self) -> ObjectIdentifier {
        match self {
            Self::MlDsa44 => ML_DSA_44,
            Self::MlDsa65 => ML_DSA_65,
            Self::MlDsa87 => ML_DSA_87,
        }
    }

    pub fn from_oid(oid: &ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.oid() == *oid)
    }

    /// Length of a public key in bytes (FIPS 204 table 2).
    pub fn public_key_len(self) -> usize {
        match self {
            Self::MlDsa44 => 1312,
            Self::MlDsa65 => 1952,
            Self::MlDsa87 => 2592,
        }
    }

    /// Length of a signature value in bytes (FIPS 204 table 2).
    pub fn signature_len(self) -> usize {
        match self {
            Self::MlDsa44 => 2420,
            Self::MlDsa65 => 3309,
            Self::MlDsa87 => 4627,
        }
    }
}

impl SignatureAlgorithm {
    /// Reads a SignerInfo's or certificate's signatureAlgorithm.
    ///
    /// `digest` is the SignerInfo's digestAlgorithm; it completes identifiers that name a key type only
    /// (rsaEncryption, id-ecPublicKey) and is ignored by the others.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] for an unknown identifier, [`CryptoError::BadParameters`] for PSS
    /// parameters that are malformed, name another mask function, or mix two hashes.
    pub fn from_identifier(
        identifier: &AlgorithmIdentifierOwned,
        digest: Option<DigestAlgorithm>,
    ) -> Result<Self, CryptoError> {
        use DigestAlgorithm::*;
        let named = |d: Option<DigestAlgorithm>| d.ok_or(CryptoError::BadParameters("no digest algorithm is named"));
        Ok(match identifier.oid {
            SHA1_WITH_RSA => Self::RsaPkcs1(Sha1),
            SHA224_WITH_RSA => Self::RsaPkcs1(Sha224),
            SHA256_WITH_RSA => Self::RsaPkcs1(Sha256),
            SHA384_WITH_RSA => Self::RsaPkcs1(Sha384),
            SHA512_WITH_RSA => Self::RsaPkcs1(Sha512),
            SHA3_256_WITH_RSA => Self::RsaPkcs1(Sha3_256),
            SHA3_384_WITH_RSA => Self::RsaPkcs1(Sha3_384),
            SHA3_512_WITH_RSA => Self::RsaPkcs1(Sha3_512),
            RSA_ENCRYPTION => Self::RsaPkcs1(named(digest)?),
            RSASSA_PSS => pss_from_parameters(identifier.parameters.as_ref())?,
            ECDSA_SHA1 => Self::Ecdsa(Sha1),
            ECDSA_SHA224 => Self::Ecdsa(Sha224),
            ECDSA_SHA256 => Self::Ecdsa(Sha256),
            ECDSA_SHA384 => Self::Ecdsa(Sha384),
            ECDSA_SHA512 => Self::Ecdsa(Sha512),
            ECDSA_SHA3_256 => Self::Ecdsa(Sha3_256),
            ECDSA_SHA3_384 => Self::Ecdsa(Sha3_384),
            ECDSA_SHA3_512 => Self::Ecdsa(Sha3_512),
            EC_PUBLIC_KEY => Self::Ecdsa(named(digest)?),
            ED25519 => Self::Ed25519,
            other => {
                return ml_dsa_from_identifier(identifier).ok_or(CryptoError::UnsupportedAlgorithm(other.to_string()));
            }
        })
    }

    /// The hash the algorithm itself names; the pure schemes (Ed25519, ML-DSA) name none of their own.
    pub fn digest(self) -> Option<DigestAlgorithm> {
        match self {
            Self::RsaPkcs1(d) | Self::RsaPss { digest: d, .. } | Self::Ecdsa(d) => Some(d),
            Self::Ed25519 | Self::MlDsa(_) => None,
        }
    }

    /// The hash of the content and of the data to be signed. Pure schemes go with SHA-512: RFC 8419 §3.1 asks it for
    /// Ed25519, and RFC 9882 §3.3 allows it for every parameter set of ML-DSA.
    pub fn message_digest(self) -> DigestAlgorithm {
        self.digest().unwrap_or(DigestAlgorithm::Sha512)
    }

    /// The identifier this algorithm is written with in certificates and SignerInfos.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] for algorithms that are read but never produced (SHA-1, SHA-224, SHA-3).
    pub fn to_identifier(self) -> Result<AlgorithmIdentifierOwned, CryptoError> {
        use DigestAlgorithm::*;
        let refused = || CryptoError::UnsupportedAlgorithm(self.name());
        let (oid, parameters) = match self {
            Self::RsaPkcs1(Sha256) => (SHA256_WITH_RSA, Some(Any::from(Null))),
            Self::RsaPkcs1(Sha384) => (SHA384_WITH_RSA, Some(Any::from(Null))),
            Self::RsaPkcs1(Sha512) => (SHA512_WITH_RSA, Some(Any::from(Null))),
            Self::RsaPss { digest: digest @ (Sha256 | Sha384 | Sha512), salt_len } => {
                (RSASSA_PSS, Some(pss_parameters(digest, salt_len)?))
            }
            Self::Ecdsa(Sha256) => (ECDSA_SHA256, None),
            Self::Ecdsa(Sha384) => (ECDSA_SHA384, None),
            Self::Ecdsa(Sha512) => (ECDSA_SHA512, None),
            Self::Ed25519 => (ED25519, None),
            Self::MlDsa(set) => (set.oid(), None),
            _ => return Err(refused()),
        };
        Ok(AlgorithmIdentifierOwned { oid, parameters })
    }

    /// The name reports use, e.g. `ecdsa-with-SHA256`.
    pub fn name(self) -> String {
        let bare = |d: DigestAlgorithm| d.name().replace("SHA-", "SHA");
        match self {
            Self::RsaPkcs1(d) => format!("{}WithRSAEncryption", bare(d).to_lowercase()),
            Self::RsaPss { digest, .. } => format!("RSASSA-PSS-{}", bare(digest)),
            Self::Ecdsa(d) => format!("ecdsa-with-{}", bare(d)),
            Self::Ed25519 => "Ed25519".to_owned(),
            Self::MlDsa(set) => set.name().to_owned(),
        }
    }
}

/// RFC 9881 §2: the parameters are absent.
fn ml_dsa_from_identifier(identifier: &AlgorithmIdentifierOwned) -> Option<SignatureAlgorithm> {
    let set = MlDsaSet::from_oid(&identifier.oid)?;
    identifier.parameters.is_none().then_some(SignatureAlgorithm::MlDsa(set))
}

/// ```text
/// RSASSA-PSS-params ::= SEQUENCE {
///   hashAlgorithm    [0] HashAlgorithm    DEFAULT sha1,
///   maskGenAlgorithm [1] MaskGenAlgorithm DEFAULT mgf1SHA1,
///   saltLength       [2] INTEGER          DEFAULT 20,
///   trailerField     [3] TrailerField     DEFAULT 1 }      -- RFC 4055 §3.1
/// ```
/// Written out here because the salt of a large key (350 bytes at 3072 bits) does not fit the `pkcs1` crate's `u8`.
#[derive(der::Sequence)]
struct PssParameters {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    salt_len: Option<u16>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    trailer: Option<u8>,
}

fn pss_from_parameters(parameters: Option<&Any>) -> Result<SignatureAlgorithm, CryptoError> {
    let bad = CryptoError::BadParameters;
    let parameters = parameters.ok_or(bad("RSASSA-PSS-params are missing"))?;
    let params: PssParameters = parameters.decode_as().map_err(|_| bad("RSASSA-PSS-params are malformed"))?;
    let digest = params.hash.map_or(Ok(DigestAlgorithm::Sha1), |hash| DigestAlgorithm::from_oid(&hash.oid))?;
    let mask = params.mask.map_or(Ok(DigestAlgorithm::Sha1), |mask| mask_digest(&mask))?;
    if mask != digest {
        return Err(bad("MGF1 uses another hash than the message"));
    }
    if params.trailer.is_some_and(|trailer| trailer != 1) {
        return Err(bad("the trailer field is not 1"));
    }
    Ok(SignatureAlgorithm::RsaPss { digest, salt_len: usize::from(params.salt_len.unwrap_or(20)) })
}

fn mask_digest(mask: &AlgorithmIdentifierOwned) -> Result<DigestAlgorithm, CryptoError> {
    if mask.oid != MGF1 {
        return Err(CryptoError::BadParameters("the mask generation function is not MGF1"));
    }
    let unnamed = CryptoError::BadParameters("MGF1 names no hash");
    let parameters = mask.parameters.as_ref().ok_or(unnamed.clone())?;
    let hash: AlgorithmIdentifierOwned = parameters.decode_as().map_err(|_| unnamed)?;
    DigestAlgorithm::from_oid(&hash.oid)
}

fn pss_parameters(digest: DigestAlgorithm, salt_len: usize) -> Result<Any, CryptoError> {
    let bad = |_| CryptoError::BadParameters("RSASSA-PSS-params cannot be encoded");
    let salt_len = u16::try_from(salt_len).map_err(|_| CryptoError::BadParameters("the salt is too long"))?;
    let hash = AlgorithmIdentifierOwned { oid: digest.oid(), parameters: Some(Any::from(Null)) };
    let mask = AlgorithmIdentifierOwned { oid: MGF1, parameters: Some(Any::encode_from(&hash).map_err(bad)?) };
    let params = PssParameters { hash: Some(hash), mask: Some(mask), salt_len: Some(salt_len), trailer: None };
    Any::encode_from(&params).map_err(|_| CryptoError::BadParameters("RSASSA-PSS-params cannot be encoded"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_produced_identifier_reads_back() {
        use DigestAlgorithm::*;
        for digest in [Sha256, Sha384, Sha512] {
            for algorithm in [
                SignatureAlgorithm::RsaPkcs1(digest),
                SignatureAlgorithm::RsaPss { digest, salt_len: 350 },
                SignatureAlgorithm::Ecdsa(digest),
            ] {
                let identifier = algorithm.to_identifier().expect("produced");
                assert_eq!(SignatureAlgorithm::from_identifier(&identifier, None), Ok(algorithm));
            }
        }
    }

    #[test]
    fn pure_schemes_have_no_parameters_and_go_with_sha512() {
        let sets = MlDsaSet::ALL.map(SignatureAlgorithm::MlDsa);
        for algorithm in sets.into_iter().chain([SignatureAlgorithm::Ed25519]) {
            let identifier = algorithm.to_identifier().expect("produced");
            assert_eq!(identifier.parameters, None);
            assert_eq!(SignatureAlgorithm::from_identifier(&identifier, None), Ok(algorithm));
            assert_eq!((algorithm.digest(), algorithm.message_digest()), (None, DigestAlgorithm::Sha512));
        }
        let with_null = AlgorithmIdentifierOwned { oid: ML_DSA_65, parameters: Some(Any::from(Null)) };
        assert!(SignatureAlgorithm::from_identifier(&with_null, None).is_err());
    }

    #[test]
    fn sha1_is_read_but_never_produced() {
        assert!(SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha1).to_identifier().is_err());
        let identifier = AlgorithmIdentifierOwned { oid: SHA1_WITH_RSA, parameters: None };
        let read = SignatureAlgorithm::from_identifier(&identifier, None);
        assert_eq!(read, Ok(SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha1)));
    }

    #[test]
    fn sha3_is_read_with_every_scheme_and_never_produced() {
        use DigestAlgorithm::*;
        let read = |oid: &str| {
            let oid = ObjectIdentifier::new_unwrap(oid);
            SignatureAlgorithm::from_identifier(&AlgorithmIdentifierOwned { oid, parameters: None }, None)
        };
        for (rsa, ecdsa, digest) in [(14, 10, Sha3_256), (15, 11, Sha3_384), (16, 12, Sha3_512)] {
            let (rsa, ecdsa) =
                (read(&format!("2.16.840.1.101.3.4.3.{rsa}")), read(&format!("2.16.840.1.101.3.4.3.{ecdsa}")));
            assert_eq!((rsa, ecdsa), (Ok(SignatureAlgorithm::RsaPkcs1(digest)), Ok(SignatureAlgorithm::Ecdsa(digest))));
            let pss = SignatureAlgorithm::RsaPss { digest, salt_len: 32 };
            let parameters = Some(pss_parameters(digest, 32).expect("parameters"));
            let identifier = AlgorithmIdentifierOwned { oid: RSASSA_PSS, parameters };
            assert_eq!(SignatureAlgorithm::from_identifier(&identifier, None), Ok(pss));
            assert!(pss.to_identifier().is_err() && SignatureAlgorithm::Ecdsa(digest).to_identifier().is_err());
        }
        assert_eq!(SignatureAlgorithm::RsaPkcs1(Sha3_256).name(), "sha3-256WithRSAEncryption");
        assert_eq!(SignatureAlgorithm::Ecdsa(Sha3_512).name(), "ecdsa-with-SHA3-512");
    }

    #[test]
    fn pss_without_parameters_is_refused() {
        let identifier = AlgorithmIdentifierOwned { oid: RSASSA_PSS, parameters: None };
        assert!(matches!(
            SignatureAlgorithm::from_identifier(&identifier, Some(DigestAlgorithm::Sha256)),
            Err(CryptoError::BadParameters(_))
        ));
    }

    #[test]
    fn rsa_encryption_takes_the_digest_beside_it() {
        let identifier = AlgorithmIdentifierOwned { oid: RSA_ENCRYPTION, parameters: None };
        assert_eq!(
            SignatureAlgorithm::from_identifier(&identifier, Some(DigestAlgorithm::Sha512)),
            Ok(SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha512))
        );
        assert!(SignatureAlgorithm::from_identifier(&identifier, None).is_err());
    }
}
