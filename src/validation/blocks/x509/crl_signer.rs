//! Whose key may have signed a revocation list (RFC 5280 §6.3.3 (f) and (g)).

use time::OffsetDateTime;

use super::revocation::{self, Keys, Sources, Status};
use super::strength::Strength;
use crate::formats::crl::CertificateList;
use crate::formats::x509::Certificate;
use crate::validation::budget::Budget;

/// Checks the list's signature with the key of an authority of the path that bears the list's issuer's name; else with another
/// key under that name, which the certificate's issuer or an authority above it certified for signing CRLs. Gives how strong that
/// signature is.
///
/// # Errors
/// Why no key fits.
pub fn check(crl: &CertificateList, sources: Sources<'_>, budget: &mut Budget) -> Result<Strength, &'static str> {
    let strength = |signer: &Certificate| {
        Strength::of(crl.signature_algorithm(), signer, crl.this_update(), (sources.time, sources.suites))
    };
    if sources.issuers.is_empty() {
        return Err("its issuer is not known");
    }
    let mut refusal = "the CRL's issuer is not known";
    for authority in sources.issuers.iter().filter(|authority| authority.subject() == crl.issuer()) {
        if authority.extensions().key_usage.is_some_and(|usage| !usage.crl_sign()) {
            refusal = "its issuer may not sign CRLs";
        } else if verifies(crl, authority, sources, budget)? {
            return Ok(strength(authority));
        } else {
            refusal = "the CRL's signature does not verify";
        }
    }
    if sources.keys == Keys::IssuerOnly {
        return Err(refusal);
    }
    let others = sources.evidence.certificates.iter().chain(&sources.evidence.anchors);
    for other in others.filter(|other| other.subject() == crl.issuer() && !sources.issuers.contains(other)) {
        if is_crl_signer(other, sources.time)
            && verifies(crl, other, sources, budget)?
            && let Some(certification) = certified(other, sources, budget)?
        {
            return Ok(strength(other).weaker(certification));
        }
    }
    Err(refusal)
}

/// A certificate that says in so many words that its key signs CRLs.
fn is_crl_signer(certificate: &Certificate, time: OffsetDateTime) -> bool {
    let extensions = certificate.extensions();
    extensions.key_usage.is_some_and(|usage| usage.crl_sign())
        && extensions.malformed.is_empty()
        && extensions.unknown_critical().next().is_none()
        && certificate.validity().contains(time)
}

fn verifies(
    crl: &CertificateList,
    signer: &Certificate,
    sources: Sources<'_>,
    budget: &mut Budget,
) -> Result<bool, &'static str> {
    budget.spend_signature_check().map_err(|_| "too many signature checks")?;
    Ok(sources.evidence.known.listed(crl, signer))
}

/// Whether an authority of the path certified this key and has not revoked it since, and how strong that signature is.
fn certified(other: &Certificate, sources: Sources<'_>, budget: &mut Budget) -> Result<Option<Strength>, &'static str> {
    for (position, authority) in sources.issuers.iter().enumerate() {
        if authority.subject() != other.issuer() {
            continue;
        }
        budget.spend_signature_check().map_err(|_| "too many signature checks")?;
        if sources.evidence.known.issued(other, authority) {
            let issuers = sources.issuers.get(position..).unwrap_or_default();
            let own = revocation::status_from(other, Sources { issuers, keys: Keys::IssuerOnly, ..sources }, budget);
            let made = other.validity().not_before;
            let strength = Strength::of(other.signature_algorithm(), authority, made, (sources.time, sources.suites));
            return Ok((!matches!(own, Status::Revoked(_) | Status::OnHold)).then_some(strength));
        }
    }
    Ok(None)
}
