//! Revocation acceptance and freshness (EN 319 102-1 §5.2.5, RFC 5280 §6.3): what CRLs and OCSP
//! responses say of a certificate, and what that means at a time.

use time::OffsetDateTime;

use super::responder;
use crate::formats::crl::{CertificateList, Reason};
use crate::formats::ocsp::{OcspResponse, SingleResponse};
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

/// The status of `certificate` at `time`, from lists and responses its issuer signed or authorised.
///
/// An entry counts even in a list that is out of date: a final revocation is never taken back. A good standing only
/// counts while the information is fresh, or when it is newer and was made before the certificate expired.
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
pub(super) struct Sources<'a> {
    pub issuers: &'a [Certificate],
    pub evidence: &'a Evidence,
    pub time: OffsetDateTime,
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
    let mut best = Status::Unknown("no CRL or OCSP response of its issuer");
    for found in information(certificate, sources, budget) {
        let found = found.map_or_else(Status::Unknown, |information| information.status_at(sources.time));
        if rank(found) > rank(best) || (matches!(best, Status::Unknown(_)) && matches!(found, Status::Unknown(_))) {
            best = found;
        }
    }
    best
}

/// The control time after sliding over one certificate: the latest time not after `control` at which it was demonstrably not
/// revoked (EN 319 102-1 §5.6.2.2.4, validation time sliding). `None` when nothing usable is known.
///
/// A revocation slides to its date. Information that is no longer fresh at the control time slides to its thisUpdate: that is
/// the last time it speaks of.
pub fn slide(
    certificate: &Certificate,
    issuers: &[Certificate],
    evidence: &Evidence,
    control: OffsetDateTime,
    budget: &mut Budget,
) -> Option<OffsetDateTime> {
    let sources = Sources { issuers, evidence, time: control, keys: Keys::IssuerAndItsOthers };
    let known: Vec<Information> = information(certificate, sources, budget).into_iter().flatten().collect();
    let revoked = known.iter().filter_map(|information| information.said.date()).min();
    match revoked {
        Some(date) => Some(control.min(date)),
        None => known.iter().map(|information| information.speaks_until(control)).max(),
    }
}

/// What one verified list or response says of a certificate: a fact, whatever the time it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Information {
    pub said: Said,
    pub this_update: OffsetDateTime,
    pub next_update: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Good,
    Revoked(OffsetDateTime),
    OnHold(OffsetDateTime),
}

impl Said {
    fn date(self) -> Option<OffsetDateTime> {
        match self {
            Self::Good => None,
            Self::Revoked(date) | Self::OnHold(date) => Some(date),
        }
    }
}

impl Information {
    /// Revocation freshness (EN 319 102-1 §5.2.5): the successor this information promised was not yet due.
    fn is_fresh_at(self, time: OffsetDateTime) -> bool {
        self.this_update <= time && self.next_update.is_some_and(|next| time <= next)
    }

    fn status_at(self, time: OffsetDateTime) -> Status {
        match self.said {
            Said::Revoked(date) | Said::OnHold(date) if date > time => Status::RevokedLater(date),
            Said::Revoked(date) => Status::Revoked(date),
            Said::OnHold(_) if self.next_update.is_some_and(|next| next < time) => Status::Unknown(OUT_OF_DATE),
            Said::OnHold(_) => Status::OnHold,
            // Newer information tells of an earlier time.
            Said::Good if self.is_fresh_at(time) || self.this_update >= time => Status::Good,
            Said::Good => Status::Unknown(OUT_OF_DATE),
        }
    }

    fn speaks_until(self, control: OffsetDateTime) -> OffsetDateTime {
        if self.is_fresh_at(control) { control } else { control.min(self.this_update) }
    }
}

const OUT_OF_DATE: &str = "its revocation information is out of date";

/// Everything usable that is said of the certificate, and why the rest is not.
fn information(
    certificate: &Certificate,
    sources: Sources<'_>,
    budget: &mut Budget,
) -> Vec<Result<Information, &'static str>> {
    let lists = sources.evidence.crls.iter().filter(|crl| crl.issuer() == certificate.issuer());
    let mut found: Vec<_> = lists.map(|crl| listed(crl, certificate, sources, budget)).collect();
    if sources.keys == Keys::IssuerAndItsOthers {
        for response in &sources.evidence.ocsps {
            found.extend(answers(response, certificate, sources, budget));
        }
    }
    found
}

/// What an OCSP response says of the certificate, if it names it at all.
fn answers(
    response: &OcspResponse,
    certificate: &Certificate,
    sources: Sources<'_>,
    budget: &mut Budget,
) -> Vec<Result<Information, &'static str>> {
    let Some(issuer) = sources.issuers.first() else { return Vec::new() };
    let answers: Vec<&SingleResponse> = response.answers(certificate, issuer).take(MAX_ANSWERS).collect();
    if answers.is_empty() {
        return Vec::new();
    }
    if let Err(why) = responder::authorised(response, sources, budget) {
        return vec![Err(why)];
    }
    answers.into_iter().map(|answer| responder::information(answer, response, certificate)).collect()
}

/// Most answers of one response about one certificate that are looked at.
const MAX_ANSWERS: usize = 8;

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

/// The responder's own status, from CRLs of the authority alone, which ends the recursion (RFC 6960 §4.2.2.2.1).
pub(super) fn responder_status(responder: &Certificate, sources: Sources<'_>, budget: &mut Budget) -> Status {
    status_from(responder, Sources { keys: Keys::IssuerOnly, ..sources }, budget)
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

fn listed(
    crl: &CertificateList,
    certificate: &Certificate,
    sources: Sources<'_>,
    budget: &mut Budget,
) -> Result<Information, &'static str> {
    speaks_for(crl, certificate)?;
    signed(crl, sources, budget)?;
    let said = match crl.revocation(certificate.serial()) {
        // removeFromCRL takes an entry of another list back; alone it says nothing.
        Some(entry) if entry.reason == Reason::Final(Some(REMOVE_FROM_CRL)) => {
            return Err("its CRL only lists changes");
        }
        Some(entry) if entry.reason == Reason::OnHold => Said::OnHold(entry.date),
        Some(entry) => Said::Revoked(entry.date),
        None if crl.scope().delta => return Err("its CRL only lists changes"),
        // Expired certificates may be dropped from lists (RFC 5280 §3.3): absence says nothing about them.
        None if crl.this_update() > certificate.validity().not_after => {
            return Err("its CRL was made after the certificate expired");
        }
        None => Said::Good,
    };
    Ok(Information { said, this_update: crl.this_update(), next_update: crl.next_update() })
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
