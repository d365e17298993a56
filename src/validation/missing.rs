//! What would have to be fetched next, so that a certificate's path can be judged with revocation required.
//!
//! Values only: whoever fetches adds what it got to the evidence and asks again, until nothing is missing or nothing more can be
//! had. What is found for one certificate may show that another is missing (an issuer's issuer, a responder's status).
//! Follows EN 319 102-1 §5.2.6 (what a path needs), RFC 5280 §4.2.2.1, §4.2.1.13, §5.2.7 and RFC 6960 §4.2.2.2.1 (where it is).

use time::OffsetDateTime;

use super::blocks::x509::policies::PolicyInputs;
use super::blocks::x509::responder::{self, ResponderRefusal};
use super::blocks::x509::revocation::{self, Status};
use super::blocks::x509::search::{Path, Search};
use super::blocks::x509::{self, Context, Purpose};
use super::budget::{Budget, MAX_PATH_LENGTH};
use super::evidence::Evidence;
use super::fetched::awaits_signer;
use super::policy::{Policy, RevocationPolicy};
use crate::formats::x509::Certificate;
use crate::formats::x509::extensions::AccessMethod;

/// Most needs told at once. A path of six certificates with a responder each has eleven.
const MAX_NEEDS: usize = 32;

/// Most addresses of one kind taken from one certificate. Honest ones name one or two.
const MAX_URIS: usize = 4;

/// Longest address taken, in bytes; longer ones are refused by servers too.
const MAX_URI_BYTES: usize = 2_048;

/// Where a certificate's status is asked first, when it names both kinds of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Prefer {
    /// Small, and about this certificate alone.
    #[default]
    Ocsp,
    /// Shared by all certificates of an issuer, so that fewer are fetched where many are signed.
    Crl,
}

/// One thing to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// The certificate that issued this one: no known certificate did.
    Issuer {
        of: Certificate,
        uris: Vec<String>,
    },
    /// The certificate of whoever signed a CRL, which bears another name than the authorities known.
    CrlIssuer {
        name: String,
        uris: Vec<String>,
    },
    Status(StatusNeed),
}

/// The status of one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusNeed {
    pub certificate: Certificate,
    /// Its issuer and the authorities above it, in the order of the path.
    pub issuers: Vec<Certificate>,
    /// Places to ask, the preferred first; none when the certificate names none that can be asked.
    pub sources: Vec<Source>,
    /// Why what is known does not do.
    pub why: &'static str,
}

/// A place to ask.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    Ocsp(String),
    Crl(String),
}

/// A certificate whose path is to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub certificate: &'a Certificate,
    pub purpose: Purpose<'a>,
}

impl Target<'_> {
    /// Judges the path as it stands, revocation required.
    ///
    /// # Errors
    /// As [`x509::validate`].
    pub fn validate(
        self,
        evidence: &Evidence,
        time: OffsetDateTime,
    ) -> Result<x509::ValidatedPath, super::report::Finding> {
        let policy = Policy::strict_with(RevocationPolicy::Require);
        let context = Context { evidence, policy, time, purpose: self.purpose, policies: PolicyInputs::default() };
        x509::validate(self.certificate, context, &mut Budget::default(), &mut Vec::new())
    }
}

/// What would have to be fetched for `target` to be judged at `time`; empty when its path is valid, or when nothing that could be
/// fetched would change the verdict. The same input gives the same list in the same order.
pub fn missing(target: Target<'_>, evidence: &Evidence, time: OffsetDateTime, prefer: Prefer) -> Vec<Need> {
    if target.validate(evidence, time).is_ok() {
        return Vec::new();
    }
    let mut budget = Budget::default();
    let mut search = Search::new(target.certificate, evidence);
    let mut found_path = false;
    while let Ok(Some(path)) = search.next_path(&mut budget) {
        found_path = true;
        let mut needs = of_path(&path, evidence, time, prefer, &mut budget);
        if !needs.is_empty() {
            needs.truncate(MAX_NEEDS);
            return needs;
        }
    }
    if found_path { Vec::new() } else { issuers(target.certificate, evidence) }
}

/// What the certificates of a path lack; nothing when one of them is revoked, which no further information changes.
fn of_path(path: &Path, evidence: &Evidence, time: OffsetDateTime, prefer: Prefer, budget: &mut Budget) -> Vec<Need> {
    let mut needs = Vec::new();
    for (depth, (certificate, _)) in path.links().enumerate() {
        let issuers = path.certificates.get(depth.saturating_add(1)..).unwrap_or_default();
        match revocation::status(certificate, issuers, evidence, time, budget) {
            Status::Good | Status::RevokedLater(_) => {}
            Status::Revoked(_) | Status::OnHold => return Vec::new(),
            Status::Unknown(why) | Status::OutOfBounds(why) => {
                push_all(&mut needs, responders(certificate, issuers, evidence, time, budget));
                push_all(&mut needs, crl_issuers(certificate, issuers, evidence));
                let (certificate, issuers) = (certificate.clone(), issuers.to_vec());
                let sources = sources(&certificate, prefer);
                push_all(&mut needs, [Need::Status(StatusNeed { certificate, issuers, sources, why })]);
            }
        }
    }
    needs
}

fn push_all(needs: &mut Vec<Need>, new: impl IntoIterator<Item = Need>) {
    for need in new {
        if !needs.contains(&need) {
            needs.push(need);
        }
    }
}

/// Responders that answered already and whose own status is not known: only their authority's lists can tell it.
fn responders(
    certificate: &Certificate,
    issuers: &[Certificate],
    evidence: &Evidence,
    time: OffsetDateTime,
    budget: &mut Budget,
) -> Vec<Need> {
    let Some(issuer) = issuers.first() else { return Vec::new() };
    let mut needs = Vec::new();
    for response in evidence.ocsps.iter().filter(|response| response.answers(certificate, issuer).next().is_some()) {
        let refusal = responder::may_answer(response, issuers, evidence, time, budget).err();
        if refusal != Some(ResponderRefusal::StatusUnknown) {
            continue;
        }
        let candidates = responder::candidates(response, evidence).filter(|found| found.issuer() == issuer.subject());
        push_all(
            &mut needs,
            candidates.map(|responder| {
                let sources = usable(responder.extensions().crl_uris()).into_iter().map(Source::Crl).collect();
                let why = ResponderRefusal::StatusUnknown.text();
                let (certificate, issuers) = (responder.clone(), issuers.to_vec());
                Need::Status(StatusNeed { certificate, issuers, sources, why })
            }),
        );
    }
    needs
}

/// Signers of the certificate's CRLs that are not known yet.
fn crl_issuers(certificate: &Certificate, issuers: &[Certificate], evidence: &Evidence) -> Vec<Need> {
    let points = certificate.extensions().crl_uris();
    // Without a distribution point no list was fetched for this certificate.
    let lists = evidence.crls.iter().filter(|list| !points.is_empty() && awaits_signer(list, issuers, evidence));
    let need = |uris: Vec<String>, name: String| Need::CrlIssuer { name, uris };
    lists.map(|list| need(usable(list.scope().ca_issuers.clone()), list.issuer().to_string())).collect()
}

fn sources(certificate: &Certificate, prefer: Prefer) -> Vec<Source> {
    let extensions = certificate.extensions();
    let ocsp = usable(extensions.access_uris(AccessMethod::Ocsp)).into_iter().map(Source::Ocsp);
    let crl = usable(extensions.crl_uris()).into_iter().map(Source::Crl);
    match prefer {
        Prefer::Ocsp => ocsp.chain(crl).collect(),
        Prefer::Crl => crl.chain(ocsp).collect(),
    }
}

/// Addresses that can be fetched: others (ldap, file) are left out.
fn usable(uris: Vec<String>) -> Vec<String> {
    let scheme = |uri: &str| {
        let scheme = uri.split(':').next().unwrap_or_default().to_ascii_lowercase();
        scheme == "http" || scheme == "https"
    };
    let mut usable: Vec<String> = Vec::new();
    for uri in uris.into_iter().filter(|uri| scheme(uri) && uri.len() <= MAX_URI_BYTES) {
        if !usable.contains(&uri) && usable.len() < MAX_URIS {
            usable.push(uri);
        }
    }
    usable
}

/// The certificates above `leaf` at which every chain ends without an anchor.
fn issuers(leaf: &Certificate, evidence: &Evidence) -> Vec<Need> {
    let pool = || evidence.certificates.iter().chain(&evidence.anchors);
    let (mut level, mut seen, mut needs) = (vec![leaf.clone()], vec![leaf.clone()], Vec::new());
    for _ in 0..MAX_PATH_LENGTH {
        let mut above = Vec::new();
        for certificate in level {
            let issuers: Vec<&Certificate> =
                pool().filter(|c| issued(&certificate, c, evidence)).take(MAX_NEEDS).collect();
            if issuers.is_empty() && !certificate.is_self_issued() && needs.len() < MAX_NEEDS {
                let uris = usable(certificate.extensions().access_uris(AccessMethod::CaIssuers));
                needs.push(Need::Issuer { of: certificate, uris });
            }
            for issuer in issuers {
                if seen.len() < MAX_NEEDS && !seen.contains(issuer) {
                    seen.push(issuer.clone());
                    above.push(issuer.clone());
                }
            }
        }
        level = above;
    }
    needs
}

fn issued(certificate: &Certificate, issuer: &Certificate, evidence: &Evidence) -> bool {
    issuer.subject() == certificate.issuer() && evidence.known.issued(certificate, issuer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::crl::CertificateList;
    use crate::formats::der::write;
    use crate::formats::ocsp::OcspResponse;
    use crate::formats::x509::testing::{Answer, Issuer, Template, extension};
    use time::macros::datetime;

    const THIS: OffsetDateTime = datetime!(2026-05-01 0:00 UTC);
    const NEXT: OffsetDateTime = datetime!(2026-06-01 0:00 UTC);
    const NOW: OffsetDateTime = datetime!(2026-05-15 0:00 UTC);

    fn uri(text: &str) -> Vec<u8> {
        write::tlv(0x86, text.as_bytes())
    }

    fn points(uris: &[&str]) -> Vec<u8> {
        let point = |text: &&str| write::sequence(&[&write::tlv(0xa0, &write::tlv(0xa0, &uri(text)))]);
        extension("2.5.29.31", &write::sequence(&[&uris.iter().flat_map(point).collect::<Vec<u8>>()]))
    }

    fn access(ocsp: &str, issuers: &str) -> Vec<u8> {
        let one = |oid: &str, text: &str| {
            write::sequence(&[&write::oid(&const_oid::ObjectIdentifier::new_unwrap(oid)), &uri(text)])
        };
        let list = [one("1.3.6.1.5.5.7.48.1", ocsp), one("1.3.6.1.5.5.7.48.2", issuers)].concat();
        extension("1.3.6.1.5.5.7.1.1", &write::sequence(&[&list]))
    }

    /// Root, authority and signer, each with the addresses of an honest certificate.
    fn chain() -> (Issuer, Issuer, Issuer) {
        let root = Issuer::root("Root");
        let extra = vec![points(&["http://ca/root.crl"]), access("http://ca/ocsp-root", "http://ca/root.cer")];
        let ca = root.issue(&Template { extra, ..Template::authority("CA") });
        let extra = vec![
            points(&["ldap://ca/x", "http://ca/ca.crl", "http://ca/ca.crl"]),
            access("http://ca/ocsp", "http://ca/ca.cer"),
        ];
        let leaf = ca.issue(&Template { extra, ..Template::signer("An") });
        (root, ca, leaf)
    }

    fn ask(leaf: &Issuer, evidence: &Evidence, prefer: Prefer) -> Vec<Need> {
        let target = Target { certificate: &leaf.certificate, purpose: Purpose::DocumentSigning };
        missing(target, evidence, NOW, prefer)
    }

    fn evidence(root: &Issuer, certificates: &[&Issuer]) -> Evidence {
        let certificates = certificates.iter().map(|issuer| issuer.certificate.clone()).collect();
        Evidence { anchors: vec![root.certificate.clone()], certificates, ..Evidence::default() }
    }

    fn statuses(needs: &[Need]) -> Vec<(String, Vec<Source>)> {
        let status = |need: &Need| match need {
            Need::Status(status) => Some((status.certificate.subject().to_string(), status.sources.clone())),
            _ => None,
        };
        needs.iter().filter_map(status).collect()
    }

    #[test]
    fn unknown_issuer_is_asked_for_where_the_certificate_says() {
        let (root, _, leaf) = chain();
        let uris = vec!["http://ca/ca.cer".to_owned()];
        let expected = vec![Need::Issuer { of: leaf.certificate.clone(), uris }];
        assert_eq!(ask(&leaf, &evidence(&root, &[]), Prefer::Ocsp), expected);
    }

    #[test]
    fn every_certificate_below_the_anchor_needs_a_status_from_the_preferred_place_first() {
        let (root, ca, leaf) = chain();
        let needs = ask(&leaf, &evidence(&root, &[&ca]), Prefer::Ocsp);
        let ocsp = |uri: &str| Source::Ocsp(uri.to_owned());
        let crl = |uri: &str| Source::Crl(uri.to_owned());
        let expected = vec![
            ("CN=An".to_owned(), vec![ocsp("http://ca/ocsp"), crl("http://ca/ca.crl")]),
            ("CN=CA".to_owned(), vec![ocsp("http://ca/ocsp-root"), crl("http://ca/root.crl")]),
        ];
        assert_eq!(statuses(&needs), expected);
        let turned = statuses(&ask(&leaf, &evidence(&root, &[&ca]), Prefer::Crl));
        assert_eq!(turned[0].1, [crl("http://ca/ca.crl"), ocsp("http://ca/ocsp")]);
        assert_eq!(ask(&leaf, &evidence(&root, &[&ca]), Prefer::Ocsp), needs, "the same order each time");
    }

    #[test]
    fn nothing_is_missing_once_the_path_is_valid_or_revoked() {
        let (root, ca, leaf) = chain();
        let mut all = evidence(&root, &[&ca]);
        let crl = |issuer: &Issuer, revoked: &[(u8, OffsetDateTime)]| {
            CertificateList::from_der(&issuer.crl(THIS, NEXT, revoked, &[])).expect("CRL")
        };
        all.crls.push(crl(&root, &[]));
        assert_eq!(statuses(&ask(&leaf, &all, Prefer::Ocsp)).len(), 1, "the signer's alone");
        all.crls.push(crl(&ca, &[]));
        assert_eq!(ask(&leaf, &all, Prefer::Ocsp), []);
        all.crls[1] = crl(&ca, &[(7, THIS)]);
        assert_eq!(ask(&leaf, &all, Prefer::Ocsp), []);
    }

    #[test]
    fn responder_without_nocheck_needs_its_own_status_from_a_list() {
        let (root, ca, leaf) = chain();
        let mut template = Template::responder("OCSP");
        template.serial = 9;
        template.extra.pop();
        template.extra.push(points(&["http://ca/ca.crl"]));
        let responder = ca.issue(&template);
        let der = responder.ocsp(&ca, &leaf.certificate, Answer::Good, (THIS, NEXT), &[&responder.certificate]);
        let mut all = evidence(&root, &[&ca]);
        all.ocsps.push(OcspResponse::from_der(&der).expect("response"));
        let needs = statuses(&ask(&leaf, &all, Prefer::Ocsp));
        assert_eq!(needs[0], ("CN=OCSP".to_owned(), vec![Source::Crl("http://ca/ca.crl".to_owned())]));
        assert_eq!(needs[1].0, "CN=An");
    }

    #[test]
    fn self_signed_stranger_and_endless_lists_of_addresses_are_bounded() {
        let root = Issuer::root("Root");
        let stranger = Issuer::root("Stranger");
        assert_eq!(ask(&stranger, &evidence(&root, &[]), Prefer::Ocsp), []);
        let many: Vec<String> = (0..100).map(|n| format!("http://ca/{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let leaf = root.issue(&Template { extra: vec![points(&many)], ..Template::signer("An") });
        assert_eq!(statuses(&ask(&leaf, &evidence(&root, &[]), Prefer::Ocsp))[0].1.len(), MAX_URIS);
    }
}
