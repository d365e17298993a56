//! What was fetched for one certificate, judged alone before it joins the evidence: a refusal names its reason.
//!
//! The judgement is the validation's own ([`responder`], [`revocation`]); here it is only asked of a single piece.

use time::OffsetDateTime;

use super::blocks::x509::responder::{self, ResponderRefusal};
use super::blocks::x509::revocation::{self, Status};
use super::budget::Budget;
use super::evidence::Evidence;
use crate::formats::crl::{CertificateList, CrlError};
use crate::formats::ocsp::{CertStatus, OcspError, OcspResponse};
use crate::formats::x509::Certificate;

/// The certificate something was fetched for.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub certificate: &'a Certificate,
    /// Its issuer and the authorities above it, in the order of the path.
    pub issuers: &'a [Certificate],
    /// What else is known, anchors and responders' certificates among it.
    pub evidence: &'a Evidence,
    pub time: OffsetDateTime,
}

/// What a usable piece says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Good,
    /// The date; it may lie after the time asked for.
    Revoked(OffsetDateTime),
    OnHold,
    /// The response is in order; its responder's own certificate has to be found good first.
    ResponderUnproven,
    /// The list says where its signer's certificate is, which has to be had first.
    SignerUnproven,
}

/// Why an OCSP response is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OcspRefusal {
    #[error(transparent)]
    Response(#[from] OcspError),
    #[error("the OCSP response does not speak of the certificate that was asked for")]
    OtherCertificate,
    #[error("the OCSP response's nonce is not the one that was sent")]
    WrongNonce,
    #[error("the OCSP responder does not know the certificate")]
    Unknown,
    #[error("the OCSP responder is not heard: {}", .0.text())]
    Responder(ResponderRefusal),
    #[error("the OCSP response is not usable for the time asked for: {0}")]
    NotUsable(&'static str),
    /// thisUpdate lies in the future, or nextUpdate in the past.
    #[error("the OCSP response is out of date")]
    Stale,
}

/// Why a CRL is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrlRefusal {
    #[error(transparent)]
    Crl(#[from] CrlError),
    #[error("the file holds no CRL that speaks for the certificate")]
    OtherCertificates,
    #[error("the CRL is out of date (nextUpdate {0})")]
    Stale(OffsetDateTime),
    #[error("the CRL is not usable: {0}")]
    NotUsable(&'static str),
}

/// Judges the octets a responder answered. `nonce` is the one sent; a response without any is taken, as pre-produced responses have
/// none (RFC 5019 §4).
///
/// # Errors
/// [`OcspRefusal`] names why it is of no use.
pub fn ocsp(bytes: &[u8], nonce: Option<&[u8]>, question: Question<'_>) -> Result<(OcspResponse, Told), OcspRefusal> {
    let response = OcspResponse::from_der(bytes)?;
    if let (Some(sent), Some(found)) = (nonce, response.nonce())
        && sent != found
    {
        return Err(OcspRefusal::WrongNonce);
    }
    let issuer = question.issuers.first().ok_or(OcspRefusal::Responder(ResponderRefusal::IssuerUnknown))?;
    let answers: Vec<_> = response.answers(question.certificate, issuer).collect();
    let Some(first) = answers.first() else { return Err(OcspRefusal::OtherCertificate) };
    let (status, this_update, next_update) = (first.status, first.this_update, first.next_update);
    let Question { issuers, evidence, time, .. } = question;
    match responder::may_answer(&response, issuers, evidence, time, &mut Budget::default()) {
        Ok(()) => {}
        Err(ResponderRefusal::StatusUnknown) => return Ok((response, Told::ResponderUnproven)),
        Err(refusal) => return Err(OcspRefusal::Responder(refusal)),
    }
    if status == CertStatus::Unknown {
        return Err(OcspRefusal::Unknown);
    }
    let out_of_date = next_update.is_none_or(|next| next < time) || this_update > time;
    let said = responder::says(&response, question.certificate, issuers, evidence, time);
    match told(said) {
        Ok(told) => Ok((response, told)),
        Err(_) if out_of_date => Err(OcspRefusal::Stale),
        Err(why) => Err(OcspRefusal::NotUsable(why)),
    }
}

/// Judges the CRLs (DER or PEM) of one distribution point; all of them are given back when one speaks for the certificate.
///
/// # Errors
/// [`CrlRefusal`] names why none is of use.
pub fn crl(bytes: &[u8], question: Question<'_>) -> Result<(Vec<CertificateList>, Told), CrlRefusal> {
    let lists = crate::formats::crl::lists(bytes)?;
    let Question { certificate, issuers, evidence, time } = question;
    let alone =
        Evidence { crls: lists.clone(), certificates: evidence.certificates.clone(), ..evidence.anchors_alone() };
    match told(revocation::status(certificate, issuers, &alone, time, &mut Budget::default())) {
        Ok(told) => Ok((lists, told)),
        Err(_) if lists.iter().any(|list| awaits_signer(list, issuers, evidence)) => Ok((lists, Told::SignerUnproven)),
        Err(why) => Err(crl_refusal(&lists, certificate, time, why)),
    }
}

/// Whether the list says where its signer's certificate is, and nothing known bears the signer's name.
pub(super) fn awaits_signer(list: &CertificateList, issuers: &[Certificate], evidence: &Evidence) -> bool {
    let known = issuers.iter().chain(&evidence.certificates).chain(&evidence.anchors);
    !list.scope().ca_issuers.is_empty() && !known.into_iter().any(|known| known.subject() == list.issuer())
}

fn crl_refusal(
    lists: &[CertificateList],
    certificate: &Certificate,
    time: OffsetDateTime,
    why: &'static str,
) -> CrlRefusal {
    let own = lists.iter().filter(|list| list.issuer() == certificate.issuer());
    let due = own.clone().filter_map(CertificateList::next_update).max();
    match due {
        Some(due) if due < time => CrlRefusal::Stale(due),
        None if own.count() == 0 => CrlRefusal::OtherCertificates,
        _ => CrlRefusal::NotUsable(why),
    }
}

/// # Errors
/// Why nothing is known.
fn told(status: Status) -> Result<Told, &'static str> {
    match status {
        Status::Good => Ok(Told::Good),
        Status::Revoked(date) | Status::RevokedLater(date) => Ok(Told::Revoked(date)),
        Status::OnHold => Ok(Told::OnHold),
        Status::Unknown(why) | Status::OutOfBounds(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::x509::testing::{Answer, Issuer, Template};
    use time::macros::datetime;

    const THIS: OffsetDateTime = datetime!(2026-05-01 0:00 UTC);
    const NEXT: OffsetDateTime = datetime!(2026-06-01 0:00 UTC);
    const NOW: OffsetDateTime = datetime!(2026-05-15 0:00 UTC);

    struct Case {
        root: Issuer,
        leaf: Certificate,
        time: OffsetDateTime,
    }

    impl Case {
        fn new() -> Self {
            let root = Issuer::root("Root");
            let leaf = root.issue(&Template::signer("An")).certificate;
            Self { root, leaf, time: NOW }
        }

        fn ocsp(&self, bytes: &[u8], nonce: Option<&[u8]>) -> Result<Told, OcspRefusal> {
            let (issuers, evidence) = ([self.root.certificate.clone()], Evidence::default());
            let question =
                Question { certificate: &self.leaf, issuers: &issuers, evidence: &evidence, time: self.time };
            ocsp(bytes, nonce, question).map(|(_, told)| told)
        }

        fn crl(&self, bytes: &[u8]) -> Result<Told, CrlRefusal> {
            let (issuers, evidence) = ([self.root.certificate.clone()], Evidence::default());
            let question =
                Question { certificate: &self.leaf, issuers: &issuers, evidence: &evidence, time: self.time };
            crl(bytes, question).map(|(_, told)| told)
        }

        fn answer(&self, answer: Answer) -> Vec<u8> {
            self.root.ocsp(&self.root, &self.leaf, answer, (THIS, NEXT), &[])
        }
    }

    #[test]
    fn good_and_revoked_are_told_as_facts_and_unknown_is_refused() {
        let case = Case::new();
        assert_eq!(case.ocsp(&case.answer(Answer::Good), None), Ok(Told::Good));
        assert_eq!(case.ocsp(&case.answer(Answer::Revoked(THIS, 1)), None), Ok(Told::Revoked(THIS)));
        assert_eq!(case.ocsp(&case.answer(Answer::Revoked(THIS, 6)), None), Ok(Told::OnHold));
        assert_eq!(case.ocsp(&case.answer(Answer::Unknown), None), Err(OcspRefusal::Unknown));
    }

    #[test]
    fn error_status_junk_and_stale_answers_are_told_apart() {
        let case = Case::new();
        for (status, expected) in [(3, "tryLater"), (6, "unauthorized"), (1, "malformedRequest")] {
            let refusal = case.ocsp(&[0x30, 3, 0x0a, 1, status], None).expect_err("refused").to_string();
            assert!(refusal.contains(expected), "{refusal}");
        }
        assert!(matches!(case.ocsp(b"<html>", None), Err(OcspRefusal::Response(_))));
        let late = Case { time: datetime!(2026-07-01 0:00 UTC), ..Case::new() };
        assert_eq!(late.ocsp(&late.answer(Answer::Good), None), Err(OcspRefusal::Stale));
    }

    #[test]
    fn answer_about_another_certificate_or_of_a_stranger_is_refused() {
        let case = Case::new();
        let other = case.root.issue(&Template { serial: 8, ..Template::signer("Binh") }).certificate;
        let der = case.root.ocsp(&case.root, &other, Answer::Good, (THIS, NEXT), &[]);
        assert_eq!(case.ocsp(&der, None), Err(OcspRefusal::OtherCertificate));
        let stranger = Issuer::root("Stranger");
        let der = stranger.ocsp(&case.root, &case.leaf, Answer::Good, (THIS, NEXT), &[&stranger.certificate]);
        assert_eq!(case.ocsp(&der, None), Err(OcspRefusal::Responder(ResponderRefusal::NotAuthorised)));
    }

    #[test]
    fn responder_without_nocheck_waits_for_its_own_status() {
        let case = Case::new();
        let mut template = Template::responder("OCSP");
        template.extra.pop();
        let responder = case.root.issue(&template);
        let der = responder.ocsp(&case.root, &case.leaf, Answer::Good, (THIS, NEXT), &[&responder.certificate]);
        assert_eq!(case.ocsp(&der, None), Ok(Told::ResponderUnproven));
    }

    #[test]
    fn crl_is_good_stale_or_of_another_issuer() {
        let case = Case::new();
        let crl = case.root.crl(THIS, NEXT, &[], &[]);
        assert_eq!(case.crl(&crl), Ok(Told::Good));
        assert_eq!(case.crl(&case.root.crl(THIS, NEXT, &[(7, THIS)], &[])), Ok(Told::Revoked(THIS)));
        let late = Case { time: datetime!(2026-07-01 0:00 UTC), ..Case::new() };
        assert_eq!(late.crl(&crl), Err(CrlRefusal::Stale(NEXT)));
        let foreign = Issuer::root("Other").crl(THIS, NEXT, &[], &[]);
        assert_eq!(case.crl(&foreign), Err(CrlRefusal::OtherCertificates));
        let forged = Issuer::root("Root 2");
        assert!(matches!(case.crl(&forged.crl(THIS, NEXT, &[], &[])), Err(CrlRefusal::OtherCertificates)));
        assert!(matches!(case.crl(b"<html>"), Err(CrlRefusal::Crl(_))));
    }
}
