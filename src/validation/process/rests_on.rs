//! The facts behind a verdict, gathered once it is reached: the chain, what is said of each certificate's revocation, and the
//! time-stamps. Nothing here decides anything, and what it checks is checked within a [`Budget`] of its own.

use crate::crypto::DigestAlgorithm;
use crate::formats::cms::ValidationData;
use crate::formats::crl::{CertificateList, Reason};
use crate::formats::ocsp::{CertStatus, OcspResponse};
use crate::formats::x509::{Certificate, name};
use crate::validation::blocks::x509::search::Search;
use crate::validation::budget::Budget;
use crate::validation::evidence::Evidence;
use crate::validation::process::basic::{Basic, Setting, Subject};
use crate::validation::process::timestamp::TimeStamp;
use crate::validation::report::facts::{
    CertificateFact, Chain, ChainState, Facts, Found, RevocationFact, RevocationKind, Role, Says, StampKind,
    TimeStampFact,
};

/// Longest ladder told when no anchor is reached.
const MAX_LADDER: usize = 8;
/// Most lists and responses looked at for one certificate: honest material has one or two of each.
const MAX_CANDIDATES: usize = 16;

/// Fills in chain and time-stamps. `given` is what the caller handed in, `setting`'s evidence that and what the document brought.
pub fn gather<'t>(
    basic: &Basic,
    subject: &Subject<'_>,
    setting: Setting<'_>,
    given: &Evidence,
    stamps: impl Iterator<Item = (StampKind, &'t TimeStamp)>,
    facts: &mut Facts,
) {
    let mut budget = Budget::default();
    if let Some(signing) = &basic.signing_certificate {
        let evidence = setting.evidence.with(&ValidationData::of(subject.signed_data, subject.signer));
        let sources = Sources { evidence: &evidence, given };
        facts.chain = match &basic.path {
            Some(path) => sources.chain(path.certificates(), ChainState::Valid, &mut budget),
            None => sources.ladder(signing.certificate(), &mut budget),
        };
    }
    facts.time_stamps = stamps
        .map(|(kind, stamp)| {
            let evidence = setting.evidence.with(stamp.brought());
            let chain = Sources { evidence: &evidence, given }.ladder(stamp.unit(), &mut budget).certificates;
            TimeStampFact { kind, time: stamp.time(), lasts_until: stamp.lasts_until(), chain }
        })
        .collect();
    facts.time_stamps.sort_by_key(|stamp| stamp.time);
}

struct Sources<'a> {
    evidence: &'a Evidence,
    given: &'a Evidence,
}

impl Sources<'_> {
    /// The first path to an anchor; else as far up as issuers are found.
    fn ladder(&self, leaf: &Certificate, budget: &mut Budget) -> Chain {
        if let Ok(Some(path)) = Search::new(leaf, self.evidence).next_path(budget) {
            return self.chain(&path.certificates, ChainState::Refused, budget);
        }
        let mut found = vec![leaf.clone()];
        while let Some(top) = found.last().filter(|_| found.len() < MAX_LADDER) {
            let above = self.evidence.certificates.iter().find(|candidate| {
                candidate.subject() == top.issuer()
                    && !found.contains(candidate)
                    && budget.spend_signature_check().is_ok()
                    && self.evidence.known.issued(top, candidate)
            });
            let Some(above) = above.cloned() else { break };
            found.push(above);
        }
        self.chain(&found, ChainState::Incomplete, budget)
    }

    fn chain(&self, path: &[Certificate], state: ChainState, budget: &mut Budget) -> Chain {
        let last = path.len().saturating_sub(1);
        let mut certificates = Vec::with_capacity(path.len());
        for (depth, certificate) in path.iter().enumerate() {
            let role = match depth {
                _ if depth == last && state != ChainState::Incomplete => Role::Anchor,
                0 => Role::Signer,
                _ => Role::Authority,
            };
            let issuer = path.get(depth.saturating_add(1));
            let revocation = issuer.map(|issuer| self.revocation(certificate, issuer, budget)).unwrap_or_default();
            certificates.push(CertificateFact { revocation, ..self.certificate(certificate, role) });
        }
        Chain { certificates, state }
    }

    fn certificate(&self, certificate: &Certificate, role: Role) -> CertificateFact {
        let (subject, validity) = (certificate.subject(), certificate.validity());
        let given = self.given.anchors.contains(certificate) || self.given.certificates.contains(certificate);
        let text = |oid| subject.attribute(oid).map(str::to_owned);
        CertificateFact {
            role,
            found: if given { Found::Given } else { Found::Document },
            subject: subject.to_string(),
            name: subject.common_name(),
            organization: text(&name::ORGANIZATION),
            unit: text(&name::ORGANIZATIONAL_UNIT),
            issuer: certificate.issuer().to_string(),
            issuer_name: certificate.issuer().common_name(),
            serial: certificate.serial_hex(),
            not_before: validity.not_before,
            not_after: validity.not_after,
            fingerprint: hex(certificate.fingerprint(DigestAlgorithm::Sha256).as_bytes()),
            revocation: Vec::new(),
        }
    }

    fn revocation(&self, certificate: &Certificate, issuer: &Certificate, budget: &mut Budget) -> Vec<RevocationFact> {
        let lists = self.evidence.crls.iter().filter(|crl| crl.issuer() == certificate.issuer()).take(MAX_CANDIDATES);
        let lists = lists.filter_map(|crl| self.listed(crl, certificate, issuer, budget));
        let mut found: Vec<RevocationFact> = lists.collect();
        let speaking = |response: &&OcspResponse| response.answers(certificate, issuer).next().is_some();
        let responses = self.evidence.ocsps.iter().filter(speaking).take(MAX_CANDIDATES);
        found.extend(responses.filter_map(|response| self.answered(response, certificate, issuer, budget)));
        found.sort_by_key(|fact| std::cmp::Reverse(fact.this_update));
        found.dedup();
        found.truncate(RevocationFact::MOST);
        found
    }

    fn listed(
        &self,
        crl: &CertificateList,
        certificate: &Certificate,
        issuer: &Certificate,
        budget: &mut Budget,
    ) -> Option<RevocationFact> {
        budget.spend_signature_check().ok()?;
        let says = match crl.revocation(certificate.issuer(), certificate.serial()) {
            None => Says::Good,
            Some(entry) if entry.reason == Reason::OnHold => Says::OnHold(entry.date),
            Some(entry) => Says::Revoked(entry.date),
        };
        self.evidence.known.listed(crl, issuer).then(|| RevocationFact {
            kind: RevocationKind::Crl,
            found: if self.given.crls.contains(crl) { Found::Given } else { Found::Document },
            by: issuer.subject().common_name(),
            this_update: crl.this_update(),
            next_update: crl.next_update(),
            says,
        })
    }

    fn answered(
        &self,
        response: &OcspResponse,
        certificate: &Certificate,
        issuer: &Certificate,
        budget: &mut Budget,
    ) -> Option<RevocationFact> {
        /// CRLReason certificateHold.
        const HOLD: u32 = 6;
        let answer = response.answers(certificate, issuer).next()?;
        let known = std::iter::once(issuer).chain(response.certificates()).chain(&self.evidence.certificates);
        let mut named = known.filter(|candidate| response.names_responder(candidate)).take(MAX_CANDIDATES);
        let by = named.find(|candidate| {
            let issued = *candidate == issuer || self.evidence.known.issued(candidate, issuer);
            issued && budget.spend_signature_check().is_ok() && self.evidence.known.answered(response, candidate)
        })?;
        Some(RevocationFact {
            kind: RevocationKind::Ocsp,
            found: if self.given.ocsps.contains(response) { Found::Given } else { Found::Document },
            by: by.subject().common_name(),
            this_update: answer.this_update,
            next_update: answer.next_update,
            says: match answer.status {
                CertStatus::Good => Says::Good,
                CertStatus::Revoked { date, reason: Some(HOLD) } => Says::OnHold(date),
                CertStatus::Revoked { date, .. } => Says::Revoked(date),
                CertStatus::Unknown => Says::Unknown,
            },
        })
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
