//! Until when each algorithm may be used: a table of values, so that a validation policy can bring its own.
//!
//! The strict one ([`Suites::STRICT`]), which signing and every validation without another policy go by:
//!
//! | algorithm | end | source |
//! | --- | --- | --- |
//! | SHA-1 | 2012-08-01, and never for new signatures | TS 119 312; Circular 15/2025/TT-BKHCN Annex I |
//! | SHA-224 | 2029-01-01, and never for new signatures | TS 119 312 |
//! | RSA below 1024 bits | never | |
//! | RSA below 1900 bits | 2019-10-01 | TS 119 312 |
//! | RSA below 3000 bits | 2029-01-01 | TS 119 312 |
//! | RSASSA-PKCS1-v1_5, any size | 2029-01-01 | TS 119 312; the Circular names RSASSA-PSS for signing |
//! | RSASSA-PSS from 3000 bits, ECDSA from P-256, SHA-256, SHA-384, SHA-512 | none set | both |
//! | SHA3-256, SHA3-384, SHA3-512 | none set; read, never made here | both |
//! | Ed25519, ML-DSA | none set | TS 119 312 names EdDSA; the Circular names neither, so neither is a default |
//!
//! What this file does not do: know the time. Whoever asks brings it.

use time::{Date, OffsetDateTime, macros::datetime};

use super::{DigestAlgorithm, PublicKey, SignatureAlgorithm};

/// An answer of the suite table for one algorithm and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suitability {
    /// No end is set.
    Open,
    /// Acceptable for signatures made before this time.
    Until(OffsetDateTime),
    /// Never acceptable.
    Never,
}

impl Suitability {
    /// The first day that is too late; `None` without an end. What is never acceptable ended before all days.
    pub fn end(self) -> Option<Date> {
        match self {
            Self::Open => None,
            Self::Until(end) => Some(end.date()),
            Self::Never => Some(Date::MIN),
        }
    }

    /// Whether a signature made at `time` may rely on the algorithm.
    pub fn holds_at(self, time: OffsetDateTime) -> bool {
        match self {
            Self::Open => true,
            Self::Until(end) => time < end,
            Self::Never => false,
        }
    }
}

/// An algorithm is asked for a new signature that may not be used any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Outdated {
    /// It is for reading old signatures only.
    #[error("{0} is not for new signatures")]
    Never(String),
    /// Its time has passed.
    #[error("{name} with a key of {bits} bits is not for new signatures since {end}")]
    Since { name: String, bits: usize, end: Date },
}

/// Shortest RSA key of a new signature, in bits (Circular 15/2025/TT-BKHCN Annex I).
const SHORTEST_NEW_RSA: usize = 2048;

/// Whether a new signature may be made at `at`.
///
/// # Errors
/// [`Outdated`] names what may not be used, and since when.
pub fn check_new(algorithm: SignatureAlgorithm, key: &PublicKey, at: OffsetDateTime) -> Result<(), Outdated> {
    let short = matches!(key, PublicKey::Rsa(_)) && key.bits() < SHORTEST_NEW_RSA;
    let read_only = algorithm.message_digest() < DigestAlgorithm::Sha256;
    match suitability(algorithm, key) {
        _ if read_only => Err(Outdated::Never(algorithm.name())),
        Suitability::Never => Err(Outdated::Never(algorithm.name())),
        _ if short => Err(Outdated::Never(format!("RSA with {} bits", key.bits()))),
        Suitability::Until(end) if at >= end => {
            Err(Outdated::Since { name: algorithm.name(), bits: key.bits(), end: end.date() })
        }
        Suitability::Open | Suitability::Until(_) => Ok(()),
    }
}

/// The first day, in UTC, on which signatures by this algorithm and key are not to be relied on any more; they must be
/// renewed by an archive time-stamp before it. `None` when no end is set.
///
/// What is renewed rests on several algorithms (signature, certificates, time-stamps, hashes): take the earliest of each.
pub fn usable_until(algorithm: SignatureAlgorithm, key: &PublicKey) -> Option<Date> {
    suitability(algorithm, key).end()
}

/// As [`usable_until`], for a hash.
pub fn digest_usable_until(digest: DigestAlgorithm) -> Option<Date> {
    digest_suitability(digest).end()
}

/// How many sizes of RSA keys a table tells apart.
pub const MAX_RSA_STEPS: usize = 8;

/// RSA keys below this size are never acceptable, whatever a table says: they are factored.
const SHORTEST_RSA: usize = 1024;

/// A table of algorithms and their ends. What it does not name is never acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suites {
    pub sha1: Suitability,
    pub sha224: Suitability,
    pub sha256: Suitability,
    pub sha384: Suitability,
    pub sha512: Suitability,
    /// SHA3-256, SHA3-384 and SHA3-512.
    pub sha3: Suitability,
    /// Keys of at least so many bits, longest first. Keys shorter than all of them are never acceptable.
    pub rsa: [Option<RsaStep>; MAX_RSA_STEPS],
    pub rsassa_pkcs1: Suitability,
    pub rsassa_pss: Suitability,
    pub p256: Suitability,
    pub p384: Suitability,
    pub p521: Suitability,
    pub ed25519: Suitability,
    pub ml_dsa: Suitability,
}

/// RSA keys of a size and longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RsaStep {
    pub bits: usize,
    pub suitability: Suitability,
}

const END_OF_2028: Suitability = Suitability::Until(datetime!(2029-01-01 0:00 UTC));

impl Suites {
    /// ETSI TS 119 312, as the table at the head of this file has it.
    pub const STRICT: Self = Self {
        sha1: Suitability::Until(datetime!(2012-08-01 0:00 UTC)),
        sha224: END_OF_2028,
        sha256: Suitability::Open,
        sha384: Suitability::Open,
        sha512: Suitability::Open,
        sha3: Suitability::Open,
        rsa: [
            Some(RsaStep { bits: 3000, suitability: Suitability::Open }),
            Some(RsaStep { bits: 1900, suitability: END_OF_2028 }),
            Some(RsaStep { bits: 1024, suitability: Suitability::Until(datetime!(2019-10-01 0:00 UTC)) }),
            None,
            None,
            None,
            None,
            None,
        ],
        rsassa_pkcs1: END_OF_2028,
        rsassa_pss: Suitability::Open,
        p256: Suitability::Open,
        p384: Suitability::Open,
        p521: Suitability::Open,
        ed25519: Suitability::Open,
        ml_dsa: Suitability::Open,
    };

    /// End date of a hash function.
    pub fn digest(&self, digest: DigestAlgorithm) -> Suitability {
        match digest {
            DigestAlgorithm::Sha1 => self.sha1,
            DigestAlgorithm::Sha224 => self.sha224,
            DigestAlgorithm::Sha256 => self.sha256,
            DigestAlgorithm::Sha384 => self.sha384,
            DigestAlgorithm::Sha512 => self.sha512,
            DigestAlgorithm::Sha3_256 | DigestAlgorithm::Sha3_384 | DigestAlgorithm::Sha3_512 => self.sha3,
        }
    }

    /// End date of a public key by type and size.
    pub fn key(&self, key: &PublicKey) -> Suitability {
        match key {
            PublicKey::Rsa(_) if key.bits() < SHORTEST_RSA => Suitability::Never,
            PublicKey::Rsa(_) => {
                let step = self.rsa.iter().flatten().find(|step| key.bits() >= step.bits);
                step.map_or(Suitability::Never, |step| step.suitability)
            }
            PublicKey::P256(_) => self.p256,
            PublicKey::P384(_) => self.p384,
            PublicKey::P521(_) => self.p521,
            PublicKey::Ed25519(_) => self.ed25519,
            PublicKey::MlDsa(_) => self.ml_dsa,
        }
    }

    /// The earliest end among the algorithm's hash, its padding and the key.
    pub fn signature(&self, algorithm: SignatureAlgorithm, key: &PublicKey) -> Suitability {
        let padding = match algorithm {
            SignatureAlgorithm::RsaPkcs1(_) => self.rsassa_pkcs1,
            SignatureAlgorithm::RsaPss { .. } => self.rsassa_pss,
            SignatureAlgorithm::Ecdsa(_) | SignatureAlgorithm::Ed25519 | SignatureAlgorithm::MlDsa(_) => {
                Suitability::Open
            }
        };
        let hash = algorithm.digest().map_or(Suitability::Open, |digest| self.digest(digest));
        earliest(earliest(padding, hash), self.key(key))
    }
}

/// End date of a hash function in the strict table.
pub fn digest_suitability(digest: DigestAlgorithm) -> Suitability {
    Suites::STRICT.digest(digest)
}

/// The strict table's answer for a signature: see [`Suites::signature`].
pub fn suitability(algorithm: SignatureAlgorithm, key: &PublicKey) -> Suitability {
    Suites::STRICT.signature(algorithm, key)
}

fn earliest(a: Suitability, b: Suitability) -> Suitability {
    match (a, b) {
        (Suitability::Never, _) | (_, Suitability::Never) => Suitability::Never,
        (Suitability::Open, other) | (other, Suitability::Open) => other,
        (Suitability::Until(x), Suitability::Until(y)) => Suitability::Until(x.min(y)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha1_ended_in_2012() {
        let sha1 = digest_suitability(DigestAlgorithm::Sha1);
        assert!(sha1.holds_at(datetime!(2012-07-31 23:59 UTC)));
        assert!(!sha1.holds_at(datetime!(2012-08-01 0:00 UTC)));
    }

    fn ec_key() -> PublicKey {
        crate::formats::x509::testing::Issuer::root("Root").certificate.public_key().expect("key")
    }

    fn rsa_key(bits: usize) -> PublicKey {
        use rsa::BoxedUint;
        let modulus = BoxedUint::one_with_precision(bits as u32).shl_vartime(bits as u32 - 1).expect("shifted");
        let modulus = modulus | BoxedUint::one_with_precision(bits as u32);
        let key = rsa::RsaPublicKey::new_with_size_limits(modulus, BoxedUint::from(65_537u64), 512..=4096);
        PublicKey::Rsa(Box::new(key.expect("public key")))
    }

    #[test]
    fn pkcs1_and_2048_bits_end_with_2028_and_are_refused_by_name_after_it() {
        use DigestAlgorithm::Sha256;
        let (before, after) = (datetime!(2028-12-31 23:59 UTC), datetime!(2029-01-01 0:00 UTC));
        let (pkcs1, pss) =
            (SignatureAlgorithm::RsaPkcs1(Sha256), SignatureAlgorithm::RsaPss { digest: Sha256, salt_len: 32 });
        for (algorithm, bits) in [(pkcs1, 4096), (pss, 2048), (pkcs1, 2048)] {
            assert_eq!(check_new(algorithm, &rsa_key(bits), before), Ok(()));
            let refused = check_new(algorithm, &rsa_key(bits), after).expect_err("refused").to_string();
            assert!(refused.contains(&algorithm.name()) && refused.contains("2029-01-01"), "{refused}");
            assert_eq!(usable_until(algorithm, &rsa_key(bits)), Some(time::macros::date!(2029 - 01 - 01)));
        }
        assert_eq!(check_new(pss, &rsa_key(3072), after), Ok(()));
        assert_eq!(usable_until(pss, &rsa_key(3072)), None);
        assert_eq!(check_new(SignatureAlgorithm::Ecdsa(Sha256), &ec_key(), after), Ok(()));
    }

    #[test]
    fn sha1_sha224_sha3_and_short_rsa_are_never_for_new_signatures() {
        use DigestAlgorithm::{Sha1, Sha3_256, Sha224, Sha256};
        let past = datetime!(2010-01-01 0:00 UTC);
        for digest in [Sha1, Sha224, Sha3_256] {
            let refused = check_new(SignatureAlgorithm::Ecdsa(digest), &ec_key(), past);
            assert!(matches!(refused, Err(Outdated::Never(_))));
        }
        let pss = SignatureAlgorithm::RsaPss { digest: Sha256, salt_len: 32 };
        assert!(matches!(check_new(pss, &rsa_key(1536), past), Err(Outdated::Never(_))));
        assert_eq!(digest_usable_until(Sha1), Some(time::macros::date!(2012 - 08 - 01)));
        assert_eq!((digest_usable_until(Sha256), digest_usable_until(Sha3_256)), (None, None));
    }

    #[test]
    fn table_that_opens_everything_still_refuses_rsa_below_1024_bits_and_what_it_leaves_out() {
        let mut open = Suites::STRICT;
        open.rsa[0] = Some(RsaStep { bits: 0, suitability: Suitability::Open });
        assert_eq!(open.key(&rsa_key(1024)), Suitability::Open);
        assert_eq!(open.key(&rsa_key(1000)), Suitability::Never);
        let none = Suites { rsa: [None; MAX_RSA_STEPS], ..open };
        assert_eq!(none.key(&rsa_key(4096)), Suitability::Never);
    }

    #[test]
    fn the_earlier_end_wins() {
        let (early, late) = (datetime!(2020-01-01 0:00 UTC), datetime!(2030-01-01 0:00 UTC));
        assert_eq!(earliest(Suitability::Until(late), Suitability::Until(early)), Suitability::Until(early));
        assert_eq!(earliest(Suitability::Open, Suitability::Never), Suitability::Never);
    }
}
