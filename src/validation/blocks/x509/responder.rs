//! OCSP responders: who may answer for an authority (RFC 6960 §4.2.2.2), and what an answer says.

use const_oid::ObjectIdentifier;
use time::OffsetDateTime;

use super::revocation::{Sources, Status, responder_status, worse};
use super::strength::Strength;
use crate::formats::ocsp::{CertStatus, OcspResponse, SingleResponse};
use crate::formats::x509::Certificate;
use crate::validation::budget::{Budget, Exhausted};
use crate::validation::evidence::Evidence;

/// id-kp-OCSPSigning.
const OCSP_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9");
/// id-pkix-ocsp-nocheck (RFC 6960 §4.2.2.2.1): the authority vouches for the responder as long as its certificate lives.
const NOCHECK: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.5");

/// CRLReason certificateHold and removeFromCRL (RFC 5280 §5.3.1).
const CERTIFICATE_HOLD: u32 = 6;
const REMOVE_FROM_CRL: u32 = 8;

/// Most answers of one response about one certificate that are looked at.
const MAX_ANSWERS: usize = 8;

/// Why a responder is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponderRefusal {
    CriticalExtension,
    IssuerUnknown,
    /// Neither the issuer nor certified by it.
    NotAuthorised,
    /// Its certificate lacks id-kp-OCSPSigning.
    NotForOcspSigning,
    NotUnderstood,
    /// Outside of its certificate's validity when it answered.
    NotValidThen,
    Revoked,
    /// Its certificate has no id-pkix-ocsp-nocheck, and no CRL tells its status: such a list would help.
    StatusUnknown,
    BadSignature,
    TooManyChecks,
}

impl ResponderRefusal {
    pub fn text(self) -> &'static str {
        match self {
            Self::CriticalExtension => "its OCSP response has a critical extension that is not supported",
            Self::IssuerUnknown => "its issuer is not known",
            Self::NotAuthorised => "its OCSP responder is not authorised by its issuer",
            Self::NotForOcspSigning => "its OCSP responder is not certified for OCSP signing",
            Self::NotUnderstood => "its OCSP responder's certificate is not understood",
            Self::NotValidThen => "its OCSP responder's certificate was not valid when it answered",
            Self::Revoked => "its OCSP responder is revoked",
            Self::StatusUnknown => "its OCSP responder's status is not known",
            Self::BadSignature => "the OCSP response's signature does not verify",
            Self::TooManyChecks => "too many signature checks",
        }
    }
}

impl From<Exhausted> for ResponderRefusal {
    fn from(_: Exhausted) -> Self {
        Self::TooManyChecks
    }
}

/// Whether the response comes from a responder that may speak for the authorities in `issuers` (the certificate's issuer first).
///
/// # Errors
/// [`ResponderRefusal`].
pub fn may_answer(
    response: &OcspResponse,
    issuers: &[Certificate],
    evidence: &Evidence,
    time: OffsetDateTime,
    budget: &mut Budget,
) -> Result<(), ResponderRefusal> {
    authorised(response, Sources::all(issuers, evidence, time), budget).map(|_| ())
}

/// What one response alone says of `certificate`: the worst of its answers.
pub fn says(
    response: &OcspResponse,
    certificate: &Certificate,
    issuers: &[Certificate],
    evidence: &Evidence,
    time: OffsetDateTime,
) -> Status {
    let found = statuses(response, certificate, Sources::all(issuers, evidence, time), &mut Budget::default());
    found.into_iter().reduce(worse).unwrap_or(Status::Unknown("its OCSP response does not name it"))
}

/// The certificates that a response names as its responder's, among its own and those known.
pub fn candidates<'a>(response: &'a OcspResponse, evidence: &'a Evidence) -> impl Iterator<Item = &'a Certificate> {
    let all = response.certificates().iter().chain(&evidence.certificates);
    all.filter(|candidate| response.names_responder(candidate))
}

/// What an OCSP response says of the certificate at the time asked for, if it names it at all.
pub(super) fn statuses(
    response: &OcspResponse,
    certificate: &Certificate,
    sources: Sources<'_>,
    budget: &mut Budget,
) -> Vec<Status> {
    let Some(issuer) = sources.issuers.first() else { return Vec::new() };
    let answers: Vec<&SingleResponse> = response.answers(certificate, issuer).take(MAX_ANSWERS).collect();
    if answers.is_empty() {
        return Vec::new();
    }
    let heard = match authorised(response, sources, budget) {
        Ok(heard) => heard,
        Err(why) => return vec![Status::Unknown(why.text())],
    };
    let answers = answers.into_iter().map(|answer| status_of(answer, response, certificate, sources));
    answers
        .map(|status| match status {
            status if heard.strength == Strength::Outdated => heard_although_outdated(status),
            Status::Good | Status::RevokedLater(_) if heard.ended => Status::OutOfBounds(ENDED),
            status => status,
        })
        .collect()
}

const ENDED: &str = "its OCSP responder's certificate has ended since";

/// An authorised responder.
struct Heard {
    strength: Strength,
    /// Its certificate ended before the time asked for (EN 319 102-1 §5.2.6, REVOCATION_OUT_OF_BOUNDS_NO_POE).
    ended: bool,
}

/// Of a response whose algorithms do not hold any more.
fn heard_although_outdated(status: Status) -> Status {
    match status {
        Status::Good | Status::RevokedLater(_) => {
            Status::Unknown("its OCSP response is signed with an algorithm that is too weak")
        }
        bad => bad,
    }
}

/// Checks that the response was signed by the certificate's issuer itself, or by a responder that this very authority certified
/// for OCSP signing.
fn authorised(response: &OcspResponse, sources: Sources<'_>, budget: &mut Budget) -> Result<Heard, ResponderRefusal> {
    let strength = |responder: &Certificate| {
        Strength::of(response.signature_algorithm(), responder, response.produced_at(), (sources.time, sources.suites))
    };
    if !response.unknown_critical().is_empty() {
        return Err(ResponderRefusal::CriticalExtension);
    }
    let issuer = sources.issuers.first().ok_or(ResponderRefusal::IssuerUnknown)?;
    if response.names_responder(issuer) && verifies(response, issuer, sources, budget)? {
        return Ok(Heard { strength: strength(issuer), ended: false });
    }
    let candidates = response.certificates().iter().chain(&sources.evidence.certificates);
    let mut refusal = ResponderRefusal::NotAuthorised;
    for candidate in candidates.filter(|c| response.names_responder(c) && c.issuer() == issuer.subject()) {
        match delegated(candidate, issuer, response, sources, budget) {
            Ok(()) if verifies(response, candidate, sources, budget)? => {
                let made = candidate.validity().not_before;
                let certified =
                    Strength::of(candidate.signature_algorithm(), issuer, made, (sources.time, sources.suites));
                let ended = candidate.validity().not_after < sources.time;
                return Ok(Heard { strength: strength(candidate).weaker(certified), ended });
            }
            Ok(()) => refusal = ResponderRefusal::BadSignature,
            Err(why) => refusal = why,
        }
    }
    Err(refusal)
}

/// A responder with a certificate of its own: issued by the same key as the certificate asked for, for OCSP signing, valid when it
/// answered, and not revoked.
fn delegated(
    responder: &Certificate,
    issuer: &Certificate,
    response: &OcspResponse,
    sources: Sources<'_>,
    budget: &mut Budget,
) -> Result<(), ResponderRefusal> {
    let extensions = responder.extensions();
    let purposes = extensions.extended_key_usage.as_deref().unwrap_or_default();
    let may_sign = extensions.key_usage.is_none_or(|usage| usage.digital_signature() || usage.non_repudiation());
    if !purposes.contains(&OCSP_SIGNING) || !may_sign {
        return Err(ResponderRefusal::NotForOcspSigning);
    }
    if !extensions.malformed.is_empty() || extensions.unknown_critical().next().is_some() {
        return Err(ResponderRefusal::NotUnderstood);
    }
    if !responder.validity().contains(response.produced_at()) {
        return Err(ResponderRefusal::NotValidThen);
    }
    budget.spend_signature_check()?;
    if !sources.evidence.known.issued(responder, issuer) {
        return Err(ResponderRefusal::NotAuthorised);
    }
    match responder_status(responder, sources, budget) {
        Status::Revoked(_) | Status::OnHold => Err(ResponderRefusal::Revoked),
        Status::Unknown(_) if extensions.get(&NOCHECK).is_none() => Err(ResponderRefusal::StatusUnknown),
        _ => Ok(()),
    }
}

fn verifies(
    response: &OcspResponse,
    responder: &Certificate,
    sources: Sources<'_>,
    budget: &mut Budget,
) -> Result<bool, ResponderRefusal> {
    budget.spend_signature_check()?;
    Ok(sources.evidence.known.answered(response, responder))
}

/// What one answer of an authorised responder means at the time asked for.
fn status_of(
    answer: &SingleResponse,
    response: &OcspResponse,
    certificate: &Certificate,
    sources: Sources<'_>,
) -> Status {
    if !answer.unknown_critical.is_empty() {
        return Status::Unknown("its OCSP response has a critical extension that is not supported");
    }
    // "thisUpdate: the most recent time at which the status … is known": it cannot lie after the response was made.
    if answer.this_update > response.produced_at() {
        return Status::Unknown("its OCSP response contradicts itself");
    }
    match answer.status {
        CertStatus::Unknown | CertStatus::Revoked { reason: Some(REMOVE_FROM_CRL), .. } => {
            Status::Unknown("its OCSP responder does not know it")
        }
        CertStatus::Revoked { date, .. } if date > sources.time => Status::RevokedLater(date),
        CertStatus::Revoked { reason: Some(CERTIFICATE_HOLD), .. }
            if answer.next_update.is_some_and(|next| next < sources.time) =>
        {
            Status::Unknown(OUT_OF_DATE)
        }
        CertStatus::Revoked { reason: Some(CERTIFICATE_HOLD), .. } => Status::OnHold,
        CertStatus::Revoked { date, .. } => Status::Revoked(date),
        CertStatus::Good => good(answer, certificate, sources),
    }
}

const OUT_OF_DATE: &str = "its OCSP response is out of date";

fn good(answer: &SingleResponse, certificate: &Certificate, sources: Sources<'_>) -> Status {
    let not_after = certificate.validity().not_after;
    let kept = answer.archive_cutoff.is_some_and(|cutoff| cutoff <= not_after);
    // Responders may forget expired certificates, unless an archive cutoff says otherwise (RFC 6960 §4.4.4).
    if answer.this_update > not_after && !kept {
        return Status::Unknown("its OCSP response was made after the certificate expired");
    }
    match sources.freshness.accepts(answer.this_update, answer.next_update, sources.time) {
        true => Status::Good,
        false => Status::Unknown(OUT_OF_DATE),
    }
}

#[cfg(test)]
mod tests {
    use super::super::revocation::status;
    use super::*;
    use crate::formats::x509::testing::{Answer, Issuer, Template};
    use time::macros::datetime;

    const THIS: OffsetDateTime = datetime!(2026-05-01 0:00 UTC);
    const NEXT: OffsetDateTime = datetime!(2026-06-01 0:00 UTC);
    const NOW: OffsetDateTime = datetime!(2026-05-15 0:00 UTC);

    fn run(der: &[u8], leaf: &Certificate, issuer: &Issuer, time: OffsetDateTime) -> Status {
        let ocsps = vec![OcspResponse::from_der(der).expect("response")];
        let evidence = Evidence { ocsps, ..Evidence::default() };
        status(leaf, std::slice::from_ref(&issuer.certificate), &evidence, time, &mut Budget::default())
    }

    fn delegated(template: &Template) -> Status {
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template::signer("An")).certificate;
        let responder = root.issue(template);
        run(&responder.ocsp(&root, &leaf, Answer::Good, (THIS, NEXT), &[&responder.certificate]), &leaf, &root, NOW)
    }

    #[test]
    fn authority_itself_may_answer() {
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template::signer("An")).certificate;
        let answer = |answer| root.ocsp(&root, &leaf, answer, (THIS, NEXT), &[]);
        assert_eq!(run(&answer(Answer::Good), &leaf, &root, NOW), Status::Good);
        assert!(matches!(run(&answer(Answer::Unknown), &leaf, &root, NOW), Status::Unknown(_)));
        assert_eq!(run(&answer(Answer::Revoked(THIS, 1)), &leaf, &root, NOW), Status::Revoked(THIS));
        assert_eq!(run(&answer(Answer::Revoked(THIS, 6)), &leaf, &root, NOW), Status::OnHold);
        let stale = datetime!(2026-07-01 0:00 UTC);
        assert!(matches!(run(&answer(Answer::Good), &leaf, &root, stale), Status::Unknown(_)));
    }

    #[test]
    fn delegated_responder_needs_its_purpose_and_a_status() {
        assert_eq!(delegated(&Template::responder("OCSP")), Status::Good);
        assert!(matches!(delegated(&Template::signer("OCSP")), Status::Unknown(_)), "no purpose");
        let mut unchecked = Template::responder("OCSP");
        unchecked.extra.pop();
        assert!(matches!(delegated(&unchecked), Status::Unknown(_)), "no nocheck, no CRL");
        let mut expired = Template::responder("OCSP");
        expired.validity.not_after = datetime!(2026-04-01 0:00 UTC);
        assert!(matches!(delegated(&expired), Status::Unknown(_)), "expired");
    }

    #[test]
    fn responder_that_has_ended_since_clears_nobody_and_still_revokes() {
        let mut template = Template::responder("OCSP");
        template.validity.not_after = datetime!(2026-05-10 0:00 UTC);
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template::signer("An")).certificate;
        let responder = root.issue(&template);
        let say = |answer, time| {
            let der = responder.ocsp(&root, &leaf, answer, (THIS, NEXT), &[&responder.certificate]);
            run(&der, &leaf, &root, time)
        };
        assert_eq!(say(Answer::Good, datetime!(2026-05-09 0:00 UTC)), Status::Good);
        assert_eq!(say(Answer::Good, NOW), Status::OutOfBounds(ENDED));
        assert_eq!(say(Answer::Revoked(THIS, 1), NOW), Status::Revoked(THIS));
    }

    #[test]
    fn responder_of_another_authority_is_not_heard() {
        let (root, other) = (Issuer::root("Root"), Issuer::root("Other"));
        let leaf = root.issue(&Template::signer("An")).certificate;
        for responder in [other.issue(&Template::responder("OCSP")), Issuer::root("Root 2")] {
            let der = responder.ocsp(&root, &leaf, Answer::Good, (THIS, NEXT), &[&responder.certificate]);
            assert!(matches!(run(&der, &leaf, &root, NOW), Status::Unknown(_)));
        }
        // A forged authority of the same name certified this one.
        let forged = other.issue(&Template { key_seed: "Other".to_owned(), ..Template::authority("Root") });
        let responder = forged.issue(&Template::responder("OCSP"));
        let der = responder.ocsp(&root, &leaf, Answer::Good, (THIS, NEXT), &[&responder.certificate]);
        assert!(matches!(run(&der, &leaf, &root, NOW), Status::Unknown(_)));
    }

    #[test]
    fn weakly_signed_answer_revokes_but_never_clears() {
        assert!(matches!(heard_although_outdated(Status::Good), Status::Unknown(_)));
        assert!(matches!(heard_although_outdated(Status::RevokedLater(NEXT)), Status::Unknown(_)));
        assert_eq!(heard_although_outdated(Status::Revoked(THIS)), Status::Revoked(THIS));
        assert_eq!(heard_although_outdated(Status::OnHold), Status::OnHold);
    }

    #[test]
    fn answer_about_another_certificate_is_not_used() {
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template::signer("An")).certificate;
        let other = root.issue(&Template { serial: 8, ..Template::signer("Binh") }).certificate;
        let der = root.ocsp(&root, &other, Answer::Good, (THIS, NEXT), &[]);
        assert!(matches!(run(&der, &leaf, &root, NOW), Status::Unknown(_)));
    }
}
