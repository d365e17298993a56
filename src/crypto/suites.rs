//! Until when each algorithm may be used (ETSI TS 119 312; Circular 15/2025/TT-BKHCN Annex I asks the same of SHA-1).

use time::{OffsetDateTime, macros::datetime};

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
    /// Whether a signature made at `time` may rely on the algorithm.
    pub fn holds_at(self, time: OffsetDateTime) -> bool {
        match self {
            Self::Open => true,
            Self::Until(end) => time < end,
            Self::Never => false,
        }
    }
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

    #[test]
    fn the_earlier_end_wins() {
        let (early, late) = (datetime!(2020-01-01 0:00 UTC), datetime!(2030-01-01 0:00 UTC));
        assert_eq!(earliest(Suitability::Until(late), Suitability::Until(early)), Suitability::Until(early));
        assert_eq!(earliest(Suitability::Open, Suitability::Never), Suitability::Never);
    }
}
