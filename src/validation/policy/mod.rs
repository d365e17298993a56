//! How a validation judges where the standard leaves a choice: plain values, handed to the engine; every default is the strict one.
//!
//! Reading order: [`Policy`] (what the engine is given), [`file`](mod@file) (policies as data: the JSON form, the two built in, names and digests).
//!
//! What a policy cannot do: make a broken digest or signature value pass, turn a forbidden change into an allowed one, or excuse a
//! path that RFC 5280 refuses. It chooses algorithms and their ends, what missing revocation information means and how fresh it has to
//! be, and may demand more of signatures and of their certificates than the standard does.

pub mod file;
#[cfg(test)]
mod tests;

use const_oid::ObjectIdentifier;
use time::Duration;

use crate::crypto::suites::Suites;
use crate::formats::level::Baseline;

pub use file::{NamedPolicy, PolicyError};

/// How a validation judges where the standard leaves a choice. The default is `strict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    pub revocation: RevocationPolicy,
    /// Longest time between a CRL's or OCSP answer's thisUpdate and the validation time (EN 319 102-1 §5.2.5). Without one, whatever
    /// is in date by its own nextUpdate is fresh enough. Information made after the validation time is always fresh.
    pub max_age: Option<Duration>,
    /// Algorithms and their ends.
    pub suites: Suites,
    /// Whether RSASSA-PKCS1-v1_5 gets a remark where it is accepted.
    pub pkcs1: Pkcs1,
    pub demands: Demands,
}

impl Policy {
    /// TS 119 312's algorithms, revocation information required, no further demands.
    pub const STRICT: Self = Self {
        revocation: RevocationPolicy::Require,
        max_age: None,
        suites: Suites::STRICT,
        pkcs1: Pkcs1::Unremarked,
        demands: Demands::NONE,
    };

    /// The strict policy but for what missing revocation information means.
    #[must_use]
    pub const fn strict_with(revocation: RevocationPolicy) -> Self {
        Self { revocation, ..Self::STRICT }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::STRICT
    }
}

/// What the absence of revocation information means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RevocationPolicy {
    /// The standard's rule (EN 319 102-1 §5.2.6): nothing usable means INDETERMINATE / TRY_LATER.
    #[default]
    Require,
    /// Use what is there; turn its absence into a warning.
    IfPresent,
}

/// What is said of RSASSA-PKCS1-v1_5 while it is acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pkcs1 {
    #[default]
    Unremarked,
    /// A warning: the policy's source asks for RSASSA-PSS.
    Discouraged,
}

/// Most key purposes a policy may list.
pub const MAX_PURPOSES: usize = 8;

/// What a policy asks of document signatures beyond the standard. Time-stamps have their own rules (RFC 3161).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demands {
    /// The lowest baseline level; off-profile signatures reach none.
    pub level: Option<Baseline>,
    pub key_usage: KeyUsageDemand,
    /// The signer's certificate must be for one of these (extKeyUsage); empty: as the standard and common practice have it.
    pub purposes: [Option<ObjectIdentifier>; MAX_PURPOSES],
}

impl Demands {
    pub const NONE: Self = Self { level: None, key_usage: KeyUsageDemand::Signing, purposes: [None; MAX_PURPOSES] };
}

/// What the signer's keyUsage has to allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyUsageDemand {
    /// digitalSignature or nonRepudiation, or no keyUsage at all.
    #[default]
    Signing,
    /// nonRepudiation (contentCommitment), stated.
    NonRepudiation,
}
