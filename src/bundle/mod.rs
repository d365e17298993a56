//! The trust bundle: trust anchors with their limits, intermediates, CRLs and a validation policy in one signed, numbered, dated file
//! that travels on a USB stick.
//!
//! ```text
//! bundle.p7m = CMS SignedData (RFC 5652), enveloping, one signer, CAdES attributes (signing-certificate-v2)
//!   └ content (id-data): the payload, canonical JSON
//!       format, publisher, number, issued, next_update, successors[], anchors[{certificate, note, name_constraints}],
//!       intermediates[], crls[], policy
//! ```
//!
//! Reading order: [`payload`] (what stands in it, and its one form), [`limits`] (what an anchor is trusted for), [`signed`] (whose signature makes it a bundle), [`mod@accept`] (which bundle
//! may follow which: no roll-back, succession of publishers), [`changes`] (what an import would add and remove), [`facts`] (what every
//! report tells of it).
//!
//! What this folder does not do: read or write files, read the clock, or judge signatures of documents. Whom to believe is the
//! caller's word: the fingerprint of the publisher's certificate, compared over another channel. No path is built for that certificate
//! and its revocation is not asked: it is replaced by naming a successor, or by installing anew.

pub mod accept;
pub mod changes;
pub mod facts;
pub mod limits;
pub mod payload;
pub mod signed;
#[cfg(test)]
pub(crate) mod testing;

pub use accept::{Accepted, accept};
pub use payload::{Anchor, Payload};
pub use signed::{Bundle, Fingerprint, open};

use crate::validation::policy::PolicyError;

/// Largest bundle read, in bytes. A national hierarchy with its lists stays below 5 MB; one list of a large authority may have 20.
pub const MAX_BUNDLE_BYTES: usize = 64 * 1024 * 1024;

/// Why a bundle is refused. Each has a name of its own ([`Self::name`]) that programs may rely on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the bundle is larger than {MAX_BUNDLE_BYTES} bytes")]
    TooLarge,
    #[error("the bundle is not signed: {0}")]
    Unsigned(&'static str),
    #[error("the bundle is not readable: {0}")]
    Malformed(String),
    #[error("the bundle was changed after its publisher signed it: {0}")]
    Tampered(String),
    #[error("the bundle's signature uses an algorithm that is no longer acceptable: {0}")]
    WeakSignature(String),
    #[error("the bundle is by {subject}, whose certificate (SHA-256 {fingerprint}) is not the publisher expected here")]
    UnknownPublisher { subject: String, fingerprint: Fingerprint },
    #[error("the publisher's certificate may not sign this bundle: {0}")]
    PublisherCertificate(String),
    #[error("the bundle is older than the one installed: {0}")]
    RolledBack(String),
    #[error("number {0} is installed already, with other content")]
    SameNumber(u64),
    #[error("the bundle is dated in the future ({0}); if the date is right, this machine's clock is wrong")]
    FromTheFuture(String),
    #[error("the bundle would have a development certificate trusted: {0}")]
    Development(String),
    #[error("the bundle's validation policy is not usable: {0}")]
    Policy(#[from] PolicyError),
}

impl Refusal {
    /// The stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::Unsigned(_) => "unsigned",
            Self::Malformed(_) => "malformed",
            Self::Tampered(_) => "tampered",
            Self::WeakSignature(_) => "weak-signature",
            Self::UnknownPublisher { .. } => "unknown-publisher",
            Self::PublisherCertificate(_) => "publisher-certificate",
            Self::RolledBack(_) => "rolled-back",
            Self::SameNumber(_) => "same-number",
            Self::FromTheFuture(_) => "from-the-future",
            Self::Development(_) => "development",
            Self::Policy(_) => "policy",
        }
    }
}
