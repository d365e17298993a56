//! Raising documents to a level: which step comes next, what it asks of the trust services, and the bytes that follow.
//!
//! ```text
//! B-B ──time-stamp──▶ B-T ──certificates, OCSP, CRL──▶ B-LT ──document time-stamp──▶ B-LTA ──again, before it ends──▶ B-LTA
//! ```
//!
//! Reading order: [`growing`] (a file that gets longer), [`pdf`] (PAdES), [`cms`] (CAdES), [`inventory`] (what in a message
//! has to be provable). The steps themselves are `signing`'s, the network is `trust`'s, whether material is good enough is
//! `validation`'s.
//!
//! What this folder does not do: sign, or choose what a failure means to whoever asked. Follows EN 319 142-1 §6 and EN 319 122-1 §6.

pub mod cms;
pub mod growing;
mod inventory;
pub mod pdf;

use time::OffsetDateTime;

use crate::crypto::Digest;
use crate::formats::cms::ValidationData;
use crate::formats::level::Baseline;
use crate::formats::pdf::PdfError;
use crate::formats::x509::Certificate;
use crate::signing::{SigningError, cades};
use crate::trust::{Collected, NoTimeStamp, Token, TrustServices};
use crate::validation::report::Language;

pub use growing::Growing;

/// Octets a time-stamp token is given when its size is not known yet: a chain of four certificates and a large signature.
pub const USUAL_TOKEN: usize = 12 * 1024;
/// Room beyond a token seen before: serial numbers and signatures vary by some octets.
const TOKEN_MARGIN: usize = 512;

/// Why a document did not reach the level; what it had reached stays.
#[derive(Debug, thiserror::Error)]
pub enum RaiseError {
    #[error("the file holds no signature")]
    NoSignature,
    #[error("a signature cannot be read: {0}")]
    Unreadable(String),
    /// No time-stamping authority gave a usable token.
    #[error("no time-stamp could be had: {0}")]
    TimeStamp(#[from] NoTimeStamp),
    /// Certificates or revocation information are missing.
    #[error("validation material is missing: {0}")]
    Material(String),
    /// The certificate is revoked, or no path leads to a trust anchor.
    #[error("{subject} is not valid: {reason}")]
    NotValid { subject: String, reason: String },
    #[error(transparent)]
    Signing(#[from] SigningError),
    #[error(transparent)]
    Cms(#[from] cades::RaiseError),
    #[error("the file cannot be written: {0}")]
    Io(#[from] std::io::Error),
}

impl From<PdfError> for RaiseError {
    fn from(error: PdfError) -> Self {
        Self::Signing(error.into())
    }
}

impl RaiseError {
    /// Whether trying again later may help: a service was down, or had no fresh answer yet.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::TimeStamp(_) | Self::Material(_) | Self::Io(_))
    }
}

/// How far a document came.
#[derive(Debug)]
pub struct Raised {
    pub reached: Baseline,
    /// Why it did not come further, when it did not reach the level asked for.
    pub problem: Option<RaiseError>,
}

/// What raising works with.
#[derive(Clone, Copy)]
pub struct Raiser<'a> {
    pub trust: &'a TrustServices,
    /// Where paths have to end.
    pub anchors: &'a [Certificate],
    pub now: OffsetDateTime,
}

impl Raiser<'_> {
    /// A token over the octets, hashed with the authorities' algorithm.
    pub async fn stamp(&self, octets: &[&[u8]]) -> Result<Token, RaiseError> {
        self.stamp_digest(self.trust.settings().imprint.digest_parts(octets)).await
    }

    async fn stamp_digest(&self, digest: Digest) -> Result<Token, RaiseError> {
        Ok(self.trust.timestamp(digest).await?)
    }

    /// Octets to reserve for a token of the authorities: the size of one asked for now, and a margin.
    pub async fn token_capacity(&self) -> Result<usize, RaiseError> {
        Ok(self.stamp(&[b"size"]).await?.der().len().saturating_add(TOKEN_MARGIN))
    }

    /// The material for everything in `wanted`, or why it is not complete.
    async fn material(&self, wanted: &inventory::Wanted) -> Result<ValidationData, RaiseError> {
        let mut all = ValidationData::default();
        for proof in &wanted.proofs {
            let asked = [(proof.certificate.clone(), proof.purpose)];
            let collected = self.trust.collect(&asked, &wanted.known, self.anchors, proof.time(self.now)).await;
            check(&proof.certificate, &collected)?;
            add(&mut all, collected.data);
        }
        Ok(all)
    }
}

/// Everything of `more` that is not there yet.
fn add(all: &mut ValidationData, more: ValidationData) {
    for certificate in more.certificates {
        if !all.certificates.contains(&certificate) {
            all.certificates.push(certificate);
        }
    }
    for crl in more.crls {
        if all.crls.iter().all(|known| known.der() != crl.der()) {
            all.crls.push(crl);
        }
    }
    for ocsp in more.ocsps {
        if all.ocsps.iter().all(|known| known.der() != ocsp.der()) {
            all.ocsps.push(ocsp);
        }
    }
}

fn check(certificate: &Certificate, collected: &Collected) -> Result<(), RaiseError> {
    let Some(finding) = collected.verdicts.iter().find_map(|verdict| verdict.as_ref().err()) else { return Ok(()) };
    if !collected.unavailable.is_empty() {
        let said = collected.unavailable.iter().map(|one| match &one.url {
            Some(url) => format!("{} ({url}): {}", one.about, one.why),
            None => format!("{}: {}", one.about, one.why),
        });
        return Err(RaiseError::Material(said.collect::<Vec<_>>().join("; ")));
    }
    let reason = finding.message.text(Language::English);
    Err(RaiseError::NotValid { subject: certificate.subject().to_string(), reason })
}
