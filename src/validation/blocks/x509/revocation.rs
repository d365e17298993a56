//! Revocation acceptance and freshness (EN 319 102-1 §5.2.5, RFC 5280 §6.3) for CRLs.

use time::OffsetDateTime;

use crate::formats::crl::{CertificateList, Reason, Revocation};
use crate::formats::x509::{Certificate, GeneralName, Name};
use crate::validation::budget::Budget;
use crate::validation::evidence::Evidence;

/// What is known of one certificate at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Good,
    /// Revoked since this date, which is not after the validation time.
    Revoked(OffsetDateTime),
    /// Listed, but with a date after the validation time.
    RevokedLater(OffsetDateTime),
    OnHold,
    /// Nothing usable; why.
    Unknown(&'static str),
}

/// The status of `certificate` at `time`, from lists its issuer signed.
///
/// An entry counts even in a list that is out of date: a final revocation is never taken back. Absence from a list only
/// counts while the list is in date, or when the list is newer and was made before the certificate expired.
///
/// `issuers` are the certificate's issuer and the authorities above it, in the order of the path.
pub fn status(
    certificate: &Certificate,
    issuers: &[Certificate],
    evidence: &Evidence,
    time: OffsetDateTime,
    budget: &mut Budget,
) -> Status {
    let sources = Sources { issuers, evidence, time, keys: Keys::IssuerAndItsOthers };
    status_from(certificate, sources, budget)
}

/// Where revocation information for one certificate may come from.
#[derive(Clone, Copy)]
struct Sources<'a> {
    issuers: &'a [Certificate],
    evidence: &'a Evidence,
    time: OffsetDateTime,
    keys: Keys,
}

/// Whose keys may have signed a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    IssuerOnly,
    /// Also other keys of the same authority. Their own status is judged with [`Self::IssuerOnly`], which ends the recursion.
    IssuerAndItsOthers,
}

fn status_from(certificate: &Certificate, sources: Sources<'_>, budget: &mut Budget) -> Status {
    let time = sources.time;
    let mut best = Status::Unknown("no CRL of its issuer");
    for crl in sources.evidence.crls.iter().filter(|crl| crl.issuer() == certificate.issuer()) {
        let signed = speaks_for(crl, certificate).and_then(|()| signed(crl, sources, budget));
        let found = match signed {
            Err(why) => Status::Unknown(why),
            Ok(()) => match crl.revocation(certificate.serial()) {
                Some(entry) => listed(entry, time, crl),
                None if crl.scope().delta => Status::Unknown("its CRL only lists changes"),
                None => absent(certificate, crl, time),
            },
        };
        if rank(found) > rank(best) || (matches!(best, Status::Unknown(_)) && matches!(found, Status::Unknown(_))) {
            best = found;
        }
    }
    best
}

/// The worse news wins; a suspension is overruled by a list that says good only if that list is newer, which is not
/// compared here: TRY_LATER asks for the newest.
fn rank(status: Status) -> u8 {
    match status {
        Status::Unknown(_) => 0,
        Status::Good => 1,
        Status::RevokedLater(_) => 2,
        Status::OnHold => 3,
        Status::Revoked(_) => 4,
    }
}

/// Whether the list's extensions leave it to speak for this certificate.
fn speaks_for(crl: &CertificateList, certificate: &Certificate) -> Result<(), &'static str> {
    let scope = crl.scope();
    if !scope.unknown_critical.is_empty() {
        return Err("its CRL has a critical extension that is not supported");
    }
    let Some(point) = &scope.issuing_distribution_point else { return Ok(()) };
    let ca = certificate.extensions().basic_constraints.is_some_and(|constraints| constraints.ca);
    if point.indirect || point.only_attribute_certs || point.only_some_reasons {
        return Err("its CRL is indirect or partial");
    }
    if (point.only_user_certs && ca) || (point.only_ca_certs && !ca) {
        return Err("its CRL is for other certificates");
    }
    let named = !point.full_names.is_empty() || point.relative_name.is_some();
    if named && !same_point(crl, &point.full_names, point.relative_name.as_deref(), certificate) {
        return Err("its CRL is for another distribution point");
    }
    Ok(())
}

/// RFC 5280 §6.3.3 (b)(2)(i): one of the list's names must be one of the certificate's distribution points.
fn same_point(crl: &CertificateList, full: &[GeneralName], relative: Option<&[u8]>, certificate: &Certificate) -> bool {
    let names = point_names(crl.issuer(), full, relative);
    certificate.extensions().crl_distribution_points.iter().any(|point| {
        let issuer = point.crl_issuer.iter().find_map(|name| match name {
            GeneralName::Directory(name) => Some(name),
            _ => None,
        });
        let issuer = issuer.unwrap_or(certificate.issuer());
        let candidates = point_names(issuer, &point.full_names, point.relative_name.as_deref());
        candidates.iter().any(|name| names.contains(name))
    })
}

fn point_names(issuer: &Name, full: &[GeneralName], relative: Option<&[u8]>) -> Vec<GeneralName> {
    let relative = relative.and_then(|rdn| issuer.with_relative(rdn).ok()).map(GeneralName::Directory);
    full.iter().cloned().chain(relative).collect()
}

/// Checks the list's signature with the issuer's key, else with another key of the same authority: one that the issuer itself
/// or an authority above it certified under the issuer's name for signing CRLs (RFC 5280 §6.3.3 (f)).
fn signed(crl: &CertificateList, sources: Sources<'_>, budget: &mut Budget) -> Result<(), &'static str> {
    let issuer = sources.issuers.first().ok_or("its issuer is not known")?;
    let may_sign = issuer.extensions().key_usage.is_none_or(|usage| usage.crl_sign());
    if may_sign && verifies(crl, issuer, sources, budget)? {
        return Ok(());
    }
    let refusal = if may_sign { "the CRL's signature does not verify" } else { "its issuer may not sign CRLs" };
    if sources.keys == Keys::IssuerOnly {
        return Err(refusal);
    }
    let others = sources.evidence.certificates.iter().chain(&sources.evidence.anchors);
    for other in others.filter(|other| other.subject() == crl.issuer() && *other != issuer) {
        if is_crl_signer(other, sources.time)
            && verifies(crl, other, sources, budget)?
            && certified(other, sources, budget)?
        {
            return Ok(());
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

/// Whether an authority of the path certified this key and has not revoked it since.
fn certified(other: &Certificate, sources: Sources<'_>, budget: &mut Budget) -> Result<bool, &'static str> {
    for (position, authority) in sources.issuers.iter().enumerate() {
        if authority.subject() != other.issuer() {
            continue;
        }
        budget.spend_signature_check().map_err(|_| "too many signature checks")?;
        if sources.evidence.known.issued(other, authority) {
            let issuers = sources.issuers.get(position..).unwrap_or_default();
            let own = status_from(other, Sources { issuers, keys: Keys::IssuerOnly, ..sources }, budget);
            return Ok(!matches!(own, Status::Revoked(_) | Status::OnHold));
        }
    }
    Ok(false)
}

/// CRLReason removeFromCRL (RFC 5280 §5.3.1).
const REMOVE_FROM_CRL: u32 = 8;

fn listed(entry: Revocation, time: OffsetDateTime, crl: &CertificateList) -> Status {
    match entry.reason {
        // removeFromCRL takes an entry of another list back; alone it says nothing.
        Reason::Final(Some(REMOVE_FROM_CRL)) => Status::Unknown("its CRL only lists changes"),
        _ if entry.date > time => Status::RevokedLater(entry.date),
        Reason::Final(_) => Status::Revoked(entry.date),
        Reason::OnHold if crl.next_update().is_some_and(|next| next < time) => {
            Status::Unknown("its CRL is out of date")
        }
        Reason::OnHold => Status::OnHold,
    }
}

fn absent(certificate: &Certificate, crl: &CertificateList, time: OffsetDateTime) -> Status {
    let in_date = crl.this_update() <= time && crl.next_update().is_some_and(|next| time <= next);
    let newer = crl.this_update() > time && crl.this_update() <= certificate.validity().not_after;
    // Expired certificates may be dropped from lists (RFC 5280 §3.3): absence says nothing about them.
    let dropped = crl.this_update() > certificate.validity().not_after;
    if dropped {
        Status::Unknown("its CRL was made after the certificate expired")
    } else if in_date || newer {
        Status::Good
    } else {
        Status::Unknown("its CRL is out of date")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::der::write;
    use crate::formats::x509::testing::{Issuer, Template, critical, extension};
    use time::macros::datetime;

    const THIS: OffsetDateTime = datetime!(2026-05-01 0:00 UTC);
    const NEXT: OffsetDateTime = datetime!(2026-06-01 0:00 UTC);
    const NOW: OffsetDateTime = datetime!(2026-05-15 0:00 UTC);

    fn run(revoked: &[(u8, OffsetDateTime)], extensions: &[Vec<u8>], time: OffsetDateTime) -> Status {
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template::signer("An")).certificate;
        let crl = CertificateList::from_der(&root.crl(THIS, NEXT, revoked, extensions)).expect("CRL");
        let evidence = Evidence { crls: vec![crl], ..Evidence::default() };
        status(&leaf, &[root.certificate], &evidence, time, &mut Budget::default())
    }

    #[test]
    fn absent_from_a_list_in_date_is_good() {
        assert_eq!(run(&[(8, THIS)], &[], NOW), Status::Good);
        assert!(matches!(run(&[], &[], datetime!(2026-06-02 0:00 UTC)), Status::Unknown(_)));
    }

    #[test]
    fn newer_list_tells_of_an_earlier_time() {
        assert_eq!(run(&[], &[], datetime!(2026-04-01 0:00 UTC)), Status::Good);
        let later = datetime!(2026-04-20 0:00 UTC);
        assert_eq!(run(&[(7, later)], &[], datetime!(2026-04-01 0:00 UTC)), Status::RevokedLater(later));
    }

    #[test]
    fn revocation_outlives_its_list() {
        assert_eq!(run(&[(7, THIS)], &[], datetime!(2026-09-01 0:00 UTC)), Status::Revoked(THIS));
    }

    #[test]
    fn indirect_and_foreign_scopes_are_not_used() {
        let only_ca = write::sequence(&[&[0x82, 1, 0xff]]);
        assert!(matches!(run(&[], &[critical("2.5.29.28", &only_ca)], NOW), Status::Unknown(_)));
        let indirect = write::sequence(&[&[0x84, 1, 0xff]]);
        assert!(matches!(run(&[], &[critical("2.5.29.28", &indirect)], NOW), Status::Unknown(_)));
        assert_eq!(run(&[], &[extension("2.5.29.20", &[2, 1, 1])], NOW), Status::Good);
    }

    #[test]
    fn key_the_issuer_certified_for_its_own_name_may_sign() {
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template::signer("An")).certificate;
        let second = root.issue(&Template { key_seed: "second key".to_owned(), ..Template::authority("Root") });
        let crl = CertificateList::from_der(&second.crl(THIS, NEXT, &[], &[])).expect("CRL");
        let evidence = Evidence { crls: vec![crl], certificates: vec![second.certificate], ..Evidence::default() };
        assert_eq!(status(&leaf, &[root.certificate], &evidence, NOW, &mut Budget::default()), Status::Good);
    }

    #[test]
    fn revoked_key_of_the_authority_may_not_sign() {
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template::signer("An")).certificate;
        let second = root.issue(&Template { key_seed: "second".to_owned(), serial: 9, ..Template::authority("Root") });
        let by_second = CertificateList::from_der(&second.crl(THIS, NEXT, &[], &[])).expect("CRL");
        let only_ca = critical("2.5.29.28", &write::sequence(&[&[0x82, 1, 0xff]]));
        let by_root = CertificateList::from_der(&root.crl(THIS, NEXT, &[(9, THIS)], &[only_ca])).expect("CRL");
        let evidence =
            Evidence { crls: vec![by_second, by_root], certificates: vec![second.certificate], ..Evidence::default() };
        let found = status(&leaf, &[root.certificate], &evidence, NOW, &mut Budget::default());
        assert!(matches!(found, Status::Unknown(_)), "{found:?}");
    }

    #[test]
    fn list_of_changes_revokes_but_never_clears() {
        let delta = critical("2.5.29.27", &[2, 1, 1]);
        assert_eq!(run(&[(7, THIS)], std::slice::from_ref(&delta), NOW), Status::Revoked(THIS));
        assert!(matches!(run(&[], &[delta], NOW), Status::Unknown(_)));
    }

    #[test]
    fn list_signed_with_another_key_is_not_used() {
        let (root, other) = (Issuer::root("Root"), Issuer::root("Other"));
        let leaf = root.issue(&Template::signer("An")).certificate;
        let forged = other.issue(&Template { key_seed: "Other".to_owned(), ..Template::authority("Root") });
        let crl = CertificateList::from_der(&forged.crl(THIS, NEXT, &[], &[])).expect("CRL");
        // The forged authority is at hand, but nobody in the path certified it.
        let evidence = Evidence { crls: vec![crl], certificates: vec![forged.certificate], ..Evidence::default() };
        let found = status(&leaf, &[root.certificate], &evidence, NOW, &mut Budget::default());
        assert!(matches!(found, Status::Unknown(_)));
    }
}
