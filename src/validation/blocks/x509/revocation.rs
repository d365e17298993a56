//! Revocation acceptance and freshness (EN 319 102-1 §5.2.5, RFC 5280 §6.3) for CRLs, together with what OCSP
//! responses say.

use time::{Duration, OffsetDateTime};

use super::crl_scope::{self, Reasons};
use super::crl_signer;
use super::responder;
use super::strength::Strength;
use crate::crypto::suites::Suites;
use crate::formats::crl::{CertificateList, Reason, Revocation};
use crate::formats::x509::{Certificate, GeneralName};
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
    /// Good by the word of a responder whose certificate has ended since: whoever holds its key now could write that.
    OutOfBounds(&'static str),
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
    status_from(certificate, Sources::all(issuers, evidence, time), budget)
}

/// As [`status`], from information this fresh for the time and signed with algorithms these suites hold for.
pub fn status_under(
    certificate: &Certificate,
    issuers: &[Certificate],
    evidence: &Evidence,
    (time, freshness): (OffsetDateTime, Freshness),
    suites: Suites,
    budget: &mut Budget,
) -> Status {
    let sources = Sources { freshness, suites, ..Sources::all(issuers, evidence, time) };
    status_from(certificate, sources, budget)
}

/// Where revocation information for one certificate may come from.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub issuers: &'a [Certificate],
    pub evidence: &'a Evidence,
    pub time: OffsetDateTime,
    pub keys: Keys,
    pub freshness: Freshness,
    pub suites: Suites,
}

impl<'a> Sources<'a> {
    /// Everything, judged in the ordinary way.
    pub fn all(issuers: &'a [Certificate], evidence: &'a Evidence, time: OffsetDateTime) -> Self {
        let (keys, freshness) = (Keys::IssuerAndItsOthers, Freshness::UntilNextUpdate);
        Self { issuers, evidence, time, keys, freshness, suites: Suites::STRICT }
    }
}

/// Which information may say that a certificate was good (EN 319 102-1 §5.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Newer information, or older whose successor was not due yet.
    UntilNextUpdate,
    /// The same, and at that time not older than this.
    NotOlderThan(Duration),
    /// Only information from that time or later.
    MadeSince,
}

impl Freshness {
    /// Whether information with these dates tells of `time`.
    pub(super) fn accepts(
        self,
        this_update: OffsetDateTime,
        next_update: Option<OffsetDateTime>,
        time: OffsetDateTime,
    ) -> bool {
        let in_date = this_update <= time && next_update.is_some_and(|next| time <= next);
        let young = match self {
            Self::UntilNextUpdate => true,
            Self::NotOlderThan(age) => this_update.checked_add(age).is_none_or(|end| end >= time),
            Self::MadeSince => false,
        };
        this_update >= time || (in_date && young)
    }
}

/// Whose keys may have signed a list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    IssuerOnly,
    /// Also other keys of the same authority. Their own status is judged with [`Self::IssuerOnly`], which ends the recursion.
    IssuerAndItsOthers,
}

/// One certificate's status from all lists and responses together: the worst that one of them says.
pub(super) fn status_from(certificate: &Certificate, sources: Sources<'_>, budget: &mut Budget) -> Status {
    let mut best = status_from_lists(certificate, sources, budget);
    if sources.keys == Keys::IssuerAndItsOthers {
        for response in &sources.evidence.ocsps {
            for found in responder::statuses(response, certificate, sources, budget) {
                best = worse(best, found);
            }
        }
    }
    best
}

/// A responder's own status, from its authority's lists alone, which ends the recursion (RFC 6960 §4.2.2.2.1).
pub(super) fn responder_status(responder: &Certificate, sources: Sources<'_>, budget: &mut Budget) -> Status {
    let freshness = Freshness::UntilNextUpdate;
    status_from_lists(responder, Sources { keys: Keys::IssuerOnly, freshness, ..sources }, budget)
}

/// One certificate's status from all lists together: the worst that one list says; good only when the lists that say so
/// speak of every reason between them (RFC 5280 §6.3.3 (l)).
fn status_from_lists(certificate: &Certificate, sources: Sources<'_>, budget: &mut Budget) -> Status {
    let (mut best, mut covered) = (Status::Unknown("no CRL or OCSP response of its issuer"), Reasons::NONE);
    let usable = usable_lists(certificate, sources, budget, &mut best);
    for list in &usable {
        let mut found = one(certificate, list.crl, &usable, sources);
        if list.strength == Strength::Outdated && matches!(found, Status::Good | Status::RevokedLater(_)) {
            found = Status::Unknown("its CRL is signed with an algorithm that is too weak");
        }
        if found == Status::Good {
            covered = covered.union(list.reasons);
        }
        best = worse(best, found);
    }
    if best == Status::Good && covered != Reasons::ALL {
        return Status::Unknown("its CRLs leave out some reasons");
    }
    best
}

/// A list that speaks for the certificate.
struct Usable<'a> {
    crl: &'a CertificateList,
    reasons: Reasons,
    strength: Strength,
}

/// The lists that speak for the certificate and that a fitting key signed.
fn usable_lists<'a>(
    certificate: &Certificate,
    sources: Sources<'a>,
    budget: &mut Budget,
    why_not: &mut Status,
) -> Vec<Usable<'a>> {
    let mut usable = Vec::new();
    for crl in sources.evidence.crls.iter().filter(|crl| concerns(crl, certificate)) {
        let scope = crl_scope::reasons(crl, certificate);
        let checked = |reasons| Ok(Usable { crl, reasons, strength: crl_signer::check(crl, sources, budget)? });
        match scope.and_then(checked) {
            Ok(list) => usable.push(list),
            Err(why) => *why_not = Status::Unknown(why),
        }
    }
    usable
}

/// Whether it is worth telling why the list is of no use for the certificate.
fn concerns(crl: &CertificateList, certificate: &Certificate) -> bool {
    let points = &certificate.extensions().crl_distribution_points;
    let mut named = points.iter().flat_map(|point| &point.crl_issuer);
    crl.issuer() == certificate.issuer()
        || named.any(|name| matches!(name, GeneralName::Directory(name) if name == crl.issuer()))
}

/// What one list says, brought up to date by its lists of changes (RFC 5280 §5.2.4).
fn one(certificate: &Certificate, crl: &CertificateList, usable: &[Usable<'_>], sources: Sources<'_>) -> Status {
    let time = sources.time;
    let entry = crl.revocation(certificate.issuer(), certificate.serial());
    if crl.scope().delta_base.is_some() {
        return entry.map_or(ONLY_CHANGES, |entry| listed(entry, time, crl));
    }
    let own = entry.map_or_else(|| absent(certificate, crl, sources), |entry| listed(entry, time, crl));
    let on_hold = entry.is_some_and(|entry| entry.reason == Reason::OnHold);
    if entry.is_some() && !on_hold {
        return own;
    }
    let strong = usable.iter().filter(|list| list.strength == Strength::Holds).map(|list| list.crl);
    let changes = strong.filter(|delta| continues(delta, crl) && delta.this_update() <= time);
    let newest = changes.max_by_key(|delta| &delta.scope().number);
    let Some(delta) = newest else { return own };
    match delta.revocation(certificate.issuer(), certificate.serial()) {
        // Taken back, or never listed: as good as absent from a list made when the changes were.
        Some(change) if change.reason == Reason::Final(Some(REMOVE_FROM_CRL)) => absent(certificate, delta, sources),
        None if !on_hold => match absent(certificate, delta, sources) {
            Status::Good => Status::Good,
            _ => own,
        },
        // An entry of the list of changes is told where that list is judged.
        _ => own,
    }
}

/// Whether `delta` lists changes to `complete` (RFC 5280 §5.2.4, §6.3.3 (c)): same issuer, key and scope, and no gap between.
fn continues(delta: &CertificateList, complete: &CertificateList) -> bool {
    let (changes, base) = (delta.scope(), complete.scope());
    let numbers = changes.delta_base.as_ref().zip(changes.number.as_ref()).zip(base.number.as_ref());
    delta.issuer() == complete.issuer()
        && changes.issuing_distribution_point == base.issuing_distribution_point
        && changes.authority_key_identifier == base.authority_key_identifier
        && numbers.is_some_and(|((from, number), complete)| from <= complete && complete < number)
}

/// Keeps the worse news, and the later of two reasons for knowing nothing.
pub(super) fn worse(best: Status, found: Status) -> Status {
    let nothing = |status| matches!(status, Status::Unknown(_) | Status::OutOfBounds(_));
    if rank(found) > rank(best) || (nothing(best) && nothing(found)) { found } else { best }
}

/// The worse news wins; a suspension is overruled by a list that says good only if that list is newer, which is not
/// compared here: TRY_LATER asks for the newest.
fn rank(status: Status) -> u8 {
    match status {
        Status::Unknown(_) | Status::OutOfBounds(_) => 0,
        Status::Good => 1,
        Status::RevokedLater(_) => 2,
        Status::OnHold => 3,
        Status::Revoked(_) => 4,
    }
}

const ONLY_CHANGES: Status = Status::Unknown("its CRL only lists changes");

/// CRLReason removeFromCRL (RFC 5280 §5.3.1).
const REMOVE_FROM_CRL: u32 = 8;

fn listed(entry: Revocation, time: OffsetDateTime, crl: &CertificateList) -> Status {
    match entry.reason {
        // removeFromCRL takes an entry of another list back; alone it says nothing.
        Reason::Final(Some(REMOVE_FROM_CRL)) => ONLY_CHANGES,
        _ if entry.date > time => Status::RevokedLater(entry.date),
        Reason::Final(_) => Status::Revoked(entry.date),
        Reason::OnHold if crl.next_update().is_some_and(|next| next < time) => {
            Status::Unknown("its CRL is out of date")
        }
        Reason::OnHold => Status::OnHold,
    }
}

fn absent(certificate: &Certificate, crl: &CertificateList, sources: Sources<'_>) -> Status {
    // Expired certificates may be dropped from lists (RFC 5280 §3.3): absence says nothing about them.
    if crl.this_update() > certificate.validity().not_after {
        Status::Unknown("its CRL was made after the certificate expired")
    } else if sources.freshness.accepts(crl.this_update(), crl.next_update(), sources.time) {
        Status::Good
    } else {
        Status::Unknown("its CRL is out of date")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::der::write;
    use crate::formats::x509::testing::{Issuer, Template, critical, entry, extension};
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
    fn list_for_authorities_says_nothing_of_a_signer() {
        let only_ca = write::sequence(&[&[0x82, 1, 0xff]]);
        assert!(matches!(run(&[], &[critical("2.5.29.28", &only_ca)], NOW), Status::Unknown(_)));
        assert_eq!(run(&[], &[extension("2.5.29.20", &[2, 1, 1])], NOW), Status::Good);
    }

    /// A signer below "Root" whose certificate has these further extensions, and what these lists say of it.
    fn judge(extra: Vec<Vec<u8>>, lists: &[Vec<u8>], certificates: Vec<Certificate>) -> Status {
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template { extra, ..Template::signer("An") }).certificate;
        let crls = lists.iter().map(|der| CertificateList::from_der(der).expect("CRL")).collect();
        let evidence = Evidence { crls, certificates, ..Evidence::default() };
        status(&leaf, &[root.certificate], &evidence, NOW, &mut Budget::default())
    }

    fn partition(reasons: &[u8]) -> Vec<u8> {
        critical("2.5.29.28", &write::sequence(&[&write::tlv(0x83, reasons)]))
    }

    #[test]
    fn partitions_are_good_only_when_all_reasons_are_spoken_of() {
        let root = Issuer::root("Root");
        let some = root.crl(THIS, NEXT, &[], &[partition(&[4, 0x60])]);
        let rest = root.crl(THIS, NEXT, &[], &[partition(&[7, 0x1f, 0x80])]);
        assert_eq!(judge(vec![], &[some.clone(), rest.clone()], vec![]), Status::Good);
        assert!(matches!(judge(vec![], std::slice::from_ref(&some), vec![]), Status::Unknown(_)));
        let revoked = root.crl(THIS, NEXT, &[(7, THIS)], &[partition(&[7, 0x1f, 0x80])]);
        assert_eq!(judge(vec![], &[some, rest, revoked], vec![]), Status::Revoked(THIS));
    }

    #[test]
    fn indirect_list_of_a_certified_issuer_counts_and_of_a_stranger_does_not() {
        let root = Issuer::root("Root");
        let lister = root.issue(&Template { serial: 5, ..Template::authority("Lister") });
        let issuer = write::tlv(0xa2, &write::tlv(0xa4, lister.certificate.subject().der()));
        let points = || vec![extension("2.5.29.31", &write::sequence(&[&write::sequence(&[&issuer])]))];
        let indirect = critical("2.5.29.28", &write::sequence(&[&[0x84, 1, 0xff]]));
        let named = write::sequence(&[&write::tlv(0xa4, root.certificate.subject().der())]);
        let revoked = entry(7, THIS, &[critical("2.5.29.29", &named)]);
        let good = lister.crl(THIS, NEXT, &[(7, THIS)], std::slice::from_ref(&indirect));
        let bad = lister.crl_of(THIS, NEXT, &revoked, &[indirect]);
        let known = || vec![lister.certificate.clone()];
        assert_eq!(
            judge(points(), std::slice::from_ref(&good), known()),
            Status::Good,
            "the entry is of another issuer"
        );
        assert_eq!(judge(points(), &[bad], known()), Status::Revoked(THIS));
        let stranger = Issuer::root("Lister").certificate;
        assert!(matches!(judge(points(), &[good], vec![stranger]), Status::Unknown(_)));
    }

    fn numbered(number: u8) -> Vec<u8> {
        extension("2.5.29.20", &[2, 1, number])
    }

    fn changes_since(number: u8) -> Vec<u8> {
        critical("2.5.29.27", &[2, 1, number])
    }

    fn reason(code: u8) -> Vec<u8> {
        extension("2.5.29.21", &[10, 1, code])
    }

    #[test]
    fn list_of_changes_takes_a_suspension_back() {
        let root = Issuer::root("Root");
        let held = entry(7, THIS, &[reason(6)]);
        let base = root.crl_of(THIS, NEXT, &held, &[numbered(3)]);
        let lifted =
            |since| root.crl_of(THIS, NEXT, &entry(7, THIS, &[reason(8)]), &[numbered(5), changes_since(since)]);
        assert_eq!(judge(vec![], std::slice::from_ref(&base), vec![]), Status::OnHold);
        assert_eq!(judge(vec![], &[base.clone(), lifted(3)], vec![]), Status::Good);
        assert_eq!(judge(vec![], &[base.clone(), lifted(4)], vec![]), Status::OnHold, "changes 3 to 4 are missing");
        let confirmed = root.crl(THIS, NEXT, &[(7, THIS)], &[numbered(5), changes_since(3)]);
        assert_eq!(judge(vec![], &[base, confirmed], vec![]), Status::Revoked(THIS));
    }

    #[test]
    fn list_of_changes_in_date_keeps_an_older_list_usable() {
        let root = Issuer::root("Root");
        let base = root.crl(THIS, datetime!(2026-05-10 0:00 UTC), &[], &[numbered(3)]);
        let changes = root.crl(datetime!(2026-05-14 0:00 UTC), NEXT, &[], &[numbered(4), changes_since(3)]);
        assert!(matches!(judge(vec![], std::slice::from_ref(&base), vec![]), Status::Unknown(_)));
        assert_eq!(judge(vec![], &[base.clone(), changes], vec![]), Status::Good);
        let final_entry = root.crl(THIS, NEXT, &[(7, THIS)], &[numbered(3)]);
        let lifted = root.crl_of(THIS, NEXT, &entry(7, THIS, &[reason(8)]), &[numbered(5), changes_since(3)]);
        assert_eq!(
            judge(vec![], &[final_entry, lifted], vec![]),
            Status::Revoked(THIS),
            "only suspensions are taken back"
        );
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
    fn weakly_signed_list_revokes_but_never_clears() {
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template::signer("An")).certificate;
        let told = |revoked: &[(u8, OffsetDateTime)], this, next, time| {
            let crl = CertificateList::from_der(&root.crl_by_sha1(this, next, revoked)).expect("CRL");
            let evidence = Evidence { crls: vec![crl], ..Evidence::default() };
            status(&leaf, std::slice::from_ref(&root.certificate), &evidence, time, &mut Budget::default())
        };
        assert!(matches!(told(&[], THIS, NEXT, NOW), Status::Unknown(why) if why.contains("weak")));
        assert_eq!(told(&[(7, THIS)], THIS, NEXT, NOW), Status::Revoked(THIS));
        // What was proven to be there while the algorithm held is still heard.
        let (this, next) = (datetime!(2010-05-01 0:00 UTC), datetime!(2010-06-01 0:00 UTC));
        assert_eq!(told(&[], this, next, datetime!(2010-05-15 0:00 UTC)), Status::Good);
    }

    #[test]
    fn weakly_signed_list_of_changes_does_not_take_a_suspension_back() {
        let root = Issuer::root("Root");
        let held = root.crl_of(THIS, NEXT, &entry(7, THIS, &[reason(6)]), &[numbered(3)]);
        let lifted = entry(7, THIS, &[reason(8)]);
        let weak = root.crl_by_sha1_of(THIS, NEXT, &lifted, &[numbered(5), changes_since(3)]);
        assert_eq!(judge(vec![], &[held, weak], vec![]), Status::OnHold);
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
