//! Whether the algorithms of revocation information still hold (EN 319 102-1 §5.2.6.4, TS 119 312).

use time::OffsetDateTime;

use crate::crypto::SignatureAlgorithm;
use crate::crypto::suites::Suites;
use crate::formats::x509::{Certificate, X509Error};

/// What an obsolete algorithm costs: good news of such information may be forged and is not heard, bad news is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strength {
    Holds,
    Outdated,
}

impl Strength {
    /// The strength of something signed with `signer`'s key, made at `made` and relied on for `time`: for a proven time in the past
    /// what held then is enough, unless the information itself is younger.
    pub fn of(
        algorithm: Result<SignatureAlgorithm, X509Error>,
        signer: &Certificate,
        made: OffsetDateTime,
        (time, suites): (OffsetDateTime, Suites),
    ) -> Self {
        let suitability = algorithm.ok().zip(signer.public_key().ok()).map(|(a, key)| suites.signature(a, &key));
        let holds = suitability.is_some_and(|suitability| suitability.holds_at(time.max(made)));
        if holds { Self::Holds } else { Self::Outdated }
    }

    #[must_use]
    pub fn weaker(self, other: Self) -> Self {
        if other == Self::Outdated { other } else { self }
    }
}
