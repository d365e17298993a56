//! Until when each algorithm may be used.
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

/// End date of a hash function.
pub fn digest_suitability(digest: DigestAlgorithm) -> Suitability {
    match digest {
        DigestAlgorithm::Sha1 => Suitability::Until(datetime!(2012-08-01 0:00 UTC)),
        DigestAlgorithm::Sha224 => Suitability::Until(datetime!(2029-01-01 0:00 UTC)),
        DigestAlgorithm::Sha256 | DigestAlgorithm::Sha384 | DigestAlgorithm::Sha512 => Suitability::Open,
    }
}

/// End date of a public key by type and size.
pub fn key_suitability(key: &PublicKey) -> Suitability {
    match key {
        PublicKey::Rsa(_) if key.bits() < 1024 => Suitability::Never,
        PublicKey::Rsa(_) if key.bits() < 1900 => Suitability::Until(datetime!(2019-10-01 0:00 UTC)),
        PublicKey::Rsa(_) if key.bits() < 3000 => Suitability::Until(datetime!(2029-01-01 0:00 UTC)),
        _ => Suitability::Open,
    }
}

/// The earliest end among the algorithm's hash, its padding and the key.
pub fn suitability(algorithm: SignatureAlgorithm, key: &PublicKey) -> Suitability {
    let padding = match algorithm {
        SignatureAlgorithm::RsaPkcs1(_) => Suitability::Until(datetime!(2029-01-01 0:00 UTC)),
        _ => Suitability::Open,
    };
    let hash = algorithm.digest().map_or(Suitability::Open, digest_suitability);
    earliest(earliest(padding, hash), key_suitability(key))
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
        let key = rsa::RsaPublicKey::new_with_size_limits(modulus, BoxedUint::from(65_537u64), 1024..=4096);
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
    fn sha1_sha224_and_short_rsa_are_never_for_new_signatures() {
        use DigestAlgorithm::{Sha1, Sha224, Sha256};
        let past = datetime!(2010-01-01 0:00 UTC);
        for digest in [Sha1, Sha224] {
            let refused = check_new(SignatureAlgorithm::Ecdsa(digest), &ec_key(), past);
            assert!(matches!(refused, Err(Outdated::Never(_))));
        }
        let pss = SignatureAlgorithm::RsaPss { digest: Sha256, salt_len: 32 };
        assert!(matches!(check_new(pss, &rsa_key(1536), past), Err(Outdated::Never(_))));
        assert_eq!(digest_usable_until(Sha1), Some(time::macros::date!(2012 - 08 - 01)));
        assert_eq!(digest_usable_until(Sha256), None);
    }

    #[test]
    fn the_earlier_end_wins() {
        let (early, late) = (datetime!(2020-01-01 0:00 UTC), datetime!(2030-01-01 0:00 UTC));
        assert_eq!(earliest(Suitability::Until(late), Suitability::Until(early)), Suitability::Until(early));
        assert_eq!(earliest(Suitability::Open, Suitability::Never), Suitability::Never);
    }
}
