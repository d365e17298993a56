//! X.509 certificate validation (EN 319 102-1 §5.2.6) after RFC 5280 §6.
//!
//! Reading order: [`validate`] (search, judge, keep the best answer), [`validate_past`] (the same for a proven time), [`search`]
//! (candidate paths, bounded), [`constraints`] (what each certificate may do), [`names`] (name constraints), [`policies`]
//! (certificate policies), [`mod@revocation`] (what CRLs say, with `crl_scope`: for which certificates and reasons they speak, and
//! `crl_signer`: whose key may have signed them), [`responder`] (what OCSP responses say, and who may sign them), `strength` (whether
//! the algorithms of either still hold).
//!
//! A path ends at a trust anchor. The anchor's own validity period is ignored; its constraints are honoured (RFC 5937).

pub mod constraints;
mod crl_scope;
mod crl_signer;
pub mod names;
pub mod policies;
pub mod responder;
pub mod revocation;
pub mod search;
mod strength;

use time::OffsetDateTime;

use crate::formats::x509::Certificate;
use crate::validation::budget::Budget;
use crate::validation::evidence::Evidence;
use crate::validation::policy::{Policy, RevocationPolicy};
use crate::validation::report::{Code, Finding, Message, SubIndication};

pub use constraints::Purpose;
use policies::PolicyInputs;
use revocation::{Freshness, Status};
use search::{Path, Search};

/// Proof that a certificate has a valid path at a time; only [`validate`] mints it. Signer first, anchor last.
#[derive(Debug, Clone)]
pub struct ValidatedPath {
    certificates: Vec<Certificate>,
}

impl ValidatedPath {
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }
}

/// What a path is judged under.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub evidence: &'a Evidence,
    pub policy: Policy,
    pub time: OffsetDateTime,
    pub purpose: Purpose<'a>,
    /// The certificate policies the caller asks for.
    pub policies: PolicyInputs<'a>,
}

/// Searches a path from `leaf` to an anchor and judges it; the first valid path wins, else the path that came closest is
/// told.
///
/// # Errors
/// The sub-indications of EN 319 102-1 §5.2.6.4.
pub fn validate(
    leaf: &Certificate,
    context: Context<'_>,
    budget: &mut Budget,
    messages: &mut Vec<Message>,
) -> Result<ValidatedPath, Finding> {
    first_valid(leaf, context, budget, messages, judge)
}

/// Past certificate validation (EN 319 102-1 §5.6.2.1): judges a path for `context.time`, a proven time in the past, with what is
/// known at `now`. A certificate that has expired or was revoked since needs information from after that time.
///
/// # Errors
/// The sub-indications of EN 319 102-1 §5.6.2.1.
pub fn validate_past(
    leaf: &Certificate,
    context: Context<'_>,
    now: OffsetDateTime,
    budget: &mut Budget,
    messages: &mut Vec<Message>,
) -> Result<ValidatedPath, Finding> {
    first_valid(leaf, context, budget, messages, |path, context, budget, messages| {
        judge_past(path, context, now, budget, messages)
    })
}

fn first_valid(
    leaf: &Certificate,
    context: Context<'_>,
    budget: &mut Budget,
    messages: &mut Vec<Message>,
    judge: impl Fn(&Path, Context<'_>, &mut Budget, &mut Vec<Message>) -> Result<(), Refusal>,
) -> Result<ValidatedPath, Finding> {
    if let Some(most) = context.evidence.known.exhausted() {
        let detail = format!("at most {most} signature checks for all signers together");
        return Err(Finding::with(SubIndication::NoCertificateChainFound, Code::ChainTooExpensive, detail));
    }
    let mut best: Option<Refusal> = None;
    let mut search = Search::new(leaf, context.evidence);
    loop {
        let path = match search.next_path(budget) {
            Ok(Some(path)) => path,
            Ok(None) => break,
            Err(_) => return Err(too_expensive()),
        };
        let mut remarks = Vec::new();
        match judge(&path, context, budget, &mut remarks) {
            // A list or response that was not looked at any more may have spoken against the signer.
            Ok(()) if budget.is_exhausted() => return Err(too_expensive()),
            Ok(()) => {
                messages.append(&mut remarks);
                return match &context.evidence.anchors_in_doubt {
                    None => Ok(ValidatedPath { certificates: path.certificates }),
                    // A newer list of anchors would decide.
                    Some(doubt) => Err(Finding { sub_indication: SubIndication::TryLater, message: doubt.clone() }),
                };
            }
            Err(refusal) if best.as_ref().is_none_or(|best| refusal.stage > best.stage) => best = Some(refusal),
            Err(_) => {}
        }
    }
    // Told even where something else decides.
    messages.extend(context.evidence.anchors_in_doubt.clone());
    Err(best.map_or_else(|| no_path(leaf, context, &search), |refusal| refusal.finding))
}

fn too_expensive() -> Finding {
    Finding::with(SubIndication::NoCertificateChainFound, Code::ChainTooExpensive, Budget::limits())
}

fn no_path(leaf: &Certificate, context: Context<'_>, search: &Search<'_>) -> Finding {
    let code = if context.evidence.anchors.is_empty() {
        Code::NoTrustAnchors
    } else if search.met_bad_signature() {
        Code::ChainSignatureInvalid
    } else {
        Code::NoCertificateChain
    };
    Finding::with(SubIndication::NoCertificateChainFound, code, leaf.issuer().to_string())
}

/// How far a path got before it was refused; later stages come closer to a valid path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Constraints,
    Algorithms,
    Revocation,
    Validity,
}

struct Refusal {
    stage: Stage,
    finding: Finding,
}

fn judge(path: &Path, context: Context<'_>, budget: &mut Budget, messages: &mut Vec<Message>) -> Result<(), Refusal> {
    let at = |stage| move |finding| Refusal { stage, finding };
    may_be_used(path, context).map_err(at(Stage::Constraints))?;
    algorithms(path, context).map_err(at(Stage::Algorithms))?;
    own_key(path, context).map_err(at(Stage::Algorithms))?;
    let known_good = revocation(path, context, budget, messages).map_err(at(Stage::Revocation))?;
    validity(path, context.time, known_good).map_err(at(Stage::Validity))
}

fn judge_past(
    path: &Path,
    context: Context<'_>,
    now: OffsetDateTime,
    budget: &mut Budget,
    messages: &mut Vec<Message>,
) -> Result<(), Refusal> {
    let at = |stage| move |finding| Refusal { stage, finding };
    may_be_used(path, context).map_err(at(Stage::Constraints))?;
    algorithms(path, context).map_err(at(Stage::Algorithms))?;
    slide(path, context, now, budget, messages).map_err(at(Stage::Revocation))?;
    validity(path, context.time, KnownGood::Unknown).map_err(at(Stage::Validity))
}

/// What the certificates, the caller and the policy allow the path to be used for.
fn may_be_used(path: &Path, context: Context<'_>) -> Result<(), Finding> {
    constraints::check(&path.certificates, context.purpose)?;
    constraints::demanded(&path.certificates, context.purpose, context.policy.demands)?;
    names::check(&path.certificates)?;
    names::check_anchor_limits(&path.certificates, &context.evidence.anchor_limits)?;
    policies::check(&path.certificates, context.policies)
}

/// Validation time sliding (EN 319 102-1 §5.6.2.2), asked the other way round: does the control time stay at or after the proven
/// time? It does when a certificate's status is known now, or when information made since the proven time shows it good then.
/// Older information slides the control time to before the proven time.
fn slide(
    path: &Path,
    context: Context<'_>,
    now: OffsetDateTime,
    budget: &mut Budget,
    messages: &mut Vec<Message>,
) -> Result<(), Finding> {
    for (depth, (certificate, _)) in path.links().enumerate() {
        let issuers = path.certificates.get(depth.saturating_add(1)..).unwrap_or_default();
        let (evidence, suites) = (context.evidence, context.policy.suites);
        let mut told = |time, freshness| {
            revocation::status_under(certificate, issuers, evidence, (time, freshness), suites, budget)
        };
        let known_now = told(now, Freshness::UntilNextUpdate);
        let told_since = told(context.time, Freshness::MadeSince);
        if is_good(known_now) || is_good(told_since) {
            continue;
        }
        let promised = told(context.time, Freshness::UntilNextUpdate);
        let nothing = matches!(promised, Status::Unknown(_) | Status::OutOfBounds(_));
        if nothing && context.policy.revocation == RevocationPolicy::IfPresent {
            messages.push(Message::warning(Code::RevocationMissing).detail(certificate.subject().to_string()));
            continue;
        }
        let detail = format!("{}, {}", certificate.subject(), context.time);
        return Err(Finding::with(SubIndication::OutOfBoundsNoPoe, Code::RevocationMissing, detail));
    }
    Ok(())
}

fn is_good(status: Status) -> bool {
    matches!(status, Status::Good | Status::RevokedLater(_))
}

/// Every issuer's signature, below the anchor, with an algorithm that still held at the validation time.
fn algorithms(path: &Path, context: Context<'_>) -> Result<(), Finding> {
    let (suites, time) = (context.policy.suites, context.time);
    for (certificate, issuer) in path.links() {
        let algorithm = certificate.signature_algorithm().ok();
        let key = issuer.public_key().ok();
        let holds = algorithm.zip(key).is_some_and(|(algorithm, key)| suites.signature(algorithm, &key).holds_at(time));
        if !holds {
            let name = algorithm.map_or_else(|| "?".to_owned(), |algorithm| algorithm.name());
            let detail = format!("{name}, {}", certificate.subject());
            return Err(Finding::with(SubIndication::CryptoConstraintsFailureNoPoe, Code::AlgorithmObsolete, detail));
        }
    }
    Ok(())
}

/// The leaf's own key, where nothing it signed is at hand to be judged with it.
fn own_key(path: &Path, context: Context<'_>) -> Result<(), Finding> {
    let (Purpose::Named(_), Some(leaf)) = (context.purpose, path.certificates.first()) else { return Ok(()) };
    let refuse = |code, detail| Err(Finding::with(SubIndication::CryptoConstraintsFailureNoPoe, code, detail));
    match leaf.public_key() {
        Err(error) => refuse(Code::AlgorithmUnsupported, format!("{error}, {}", leaf.subject())),
        Ok(key) if !context.policy.suites.key(&key).holds_at(context.time) => {
            refuse(Code::AlgorithmObsolete, format!("{} bit, {}", key.bits(), leaf.subject()))
        }
        Ok(_) => Ok(()),
    }
}

/// Whether every certificate below the anchor is known not to be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KnownGood {
    All,
    Unknown,
}

fn revocation(
    path: &Path,
    context: Context<'_>,
    budget: &mut Budget,
    messages: &mut Vec<Message>,
) -> Result<KnownGood, Finding> {
    let (mut known, mut lacking) = (KnownGood::All, SubIndication::TryLater);
    for (depth, (certificate, _)) in path.links().enumerate() {
        let issuers = path.certificates.get(depth.saturating_add(1)..).unwrap_or_default();
        let freshness = context.policy.max_age.map_or(Freshness::UntilNextUpdate, Freshness::NotOlderThan);
        let (at, suites) = ((context.time, freshness), context.policy.suites);
        let status = revocation::status_under(certificate, issuers, context.evidence, at, suites, budget);
        let subject = certificate.subject().to_string();
        match status {
            Status::Good => {}
            Status::RevokedLater(date) => {
                messages.push(Message::warning(Code::CertificateRevokedLater).detail(format!("{subject}, {date}")));
            }
            Status::Revoked(date) => {
                let sub = if depth == 0 { SubIndication::RevokedNoPoe } else { SubIndication::RevokedCaNoPoe };
                return Err(Finding::with(sub, Code::CertificateRevoked, format!("{subject}, {date}")));
            }
            Status::OnHold => {
                return Err(Finding::with(SubIndication::TryLater, Code::CertificateOnHold, subject));
            }
            Status::Unknown(why) | Status::OutOfBounds(why) => {
                if known == KnownGood::All && matches!(status, Status::OutOfBounds(_)) {
                    lacking = SubIndication::RevocationOutOfBoundsNoPoe;
                }
                known = KnownGood::Unknown;
                messages.push(Message::warning(Code::RevocationMissing).detail(format!("{subject} ({why})")));
            }
        }
    }
    match (known, context.policy.revocation) {
        (KnownGood::Unknown, RevocationPolicy::Require) => missing(path, context.time, lacking, messages),
        _ => Ok(known),
    }
}

/// Where revocation information is required, nothing usable is TRY_LATER (or what is `lacking` of the information there), unless a
/// certificate is out of its validity: no later revocation information could change that.
fn missing(
    path: &Path,
    time: OffsetDateTime,
    lacking: SubIndication,
    messages: &[Message],
) -> Result<KnownGood, Finding> {
    if validity(path, time, KnownGood::Unknown).is_err() {
        return Ok(KnownGood::Unknown);
    }
    let detail = messages.iter().find(|message| message.code == Code::RevocationMissing).and_then(|m| m.detail.clone());
    let message = Message { detail, ..Message::error(Code::RevocationMissing) };
    Err(Finding { sub_indication: lacking, message })
}

fn validity(path: &Path, time: OffsetDateTime, known: KnownGood) -> Result<(), Finding> {
    for (certificate, _) in path.links() {
        let validity = certificate.validity();
        if validity.contains(time) {
            continue;
        }
        let sub = match known {
            KnownGood::All => SubIndication::OutOfBoundsNotRevoked,
            KnownGood::Unknown => SubIndication::OutOfBoundsNoPoe,
        };
        let (code, limit) = if time < validity.not_before {
            (Code::CertificateNotYetValid, validity.not_before)
        } else {
            (Code::CertificateExpired, validity.not_after)
        };
        return Err(Finding::with(sub, code, format!("{}, {limit}", certificate.subject())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::crl::CertificateList;
    use crate::formats::x509::testing::{Issuer, Template};
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 0:00 UTC);

    fn run(
        leaf: &Certificate,
        evidence: &Evidence,
        revocation: RevocationPolicy,
        time: OffsetDateTime,
    ) -> Result<usize, SubIndication> {
        let policy = Policy::strict_with(revocation);
        let policies = PolicyInputs::default();
        let context = Context { evidence, policy, time, purpose: Purpose::DocumentSigning, policies };
        let result = validate(leaf, context, &mut Budget::default(), &mut Vec::new());
        result.map(|path| path.certificates().len()).map_err(|finding| finding.sub_indication)
    }

    fn chain() -> (Issuer, Issuer, Issuer) {
        let root = Issuer::root("Root");
        let ca = root.issue(&Template::authority("CA"));
        let leaf = ca.issue(&Template::signer("An"));
        (root, ca, leaf)
    }

    fn crl(issuer: &Issuer, revoked: &[(u8, OffsetDateTime)]) -> CertificateList {
        let der = issuer.crl(datetime!(2026-05-30 0:00 UTC), datetime!(2026-06-30 0:00 UTC), revoked, &[]);
        CertificateList::from_der(&der).expect("CRL")
    }

    fn evidence(root: &Issuer, ca: &Issuer, crls: Vec<CertificateList>) -> Evidence {
        Evidence {
            anchors: vec![root.certificate.clone()],
            certificates: vec![ca.certificate.clone()],
            crls,
            ..Evidence::default()
        }
    }

    #[test]
    fn path_through_an_intermediate_is_valid_with_both_crls() {
        let (root, ca, leaf) = chain();
        let good = evidence(&root, &ca, vec![crl(&root, &[]), crl(&ca, &[])]);
        assert_eq!(run(&leaf.certificate, &good, RevocationPolicy::Require, NOW), Ok(3));
    }

    #[test]
    fn missing_crl_is_try_later_or_a_warning() {
        let (root, ca, leaf) = chain();
        let half = evidence(&root, &ca, vec![crl(&ca, &[])]);
        assert_eq!(run(&leaf.certificate, &half, RevocationPolicy::Require, NOW), Err(SubIndication::TryLater));
        assert_eq!(run(&leaf.certificate, &half, RevocationPolicy::IfPresent, NOW), Ok(3));
    }

    #[test]
    fn revoked_leaf_and_revoked_authority_are_told_apart() {
        let (root, ca, leaf) = chain();
        let date = datetime!(2026-05-01 0:00 UTC);
        let bad_leaf = evidence(&root, &ca, vec![crl(&root, &[]), crl(&ca, &[(7, date)])]);
        assert_eq!(
            run(&leaf.certificate, &bad_leaf, RevocationPolicy::IfPresent, NOW),
            Err(SubIndication::RevokedNoPoe)
        );
        let bad_ca = evidence(&root, &ca, vec![crl(&root, &[(7, date)]), crl(&ca, &[])]);
        assert_eq!(
            run(&leaf.certificate, &bad_ca, RevocationPolicy::IfPresent, NOW),
            Err(SubIndication::RevokedCaNoPoe)
        );
    }

    #[test]
    fn expired_certificate_depends_on_what_is_known_of_it() {
        let (root, ca, leaf) = chain();
        let late = datetime!(2027-02-01 0:00 UTC);
        let none = evidence(&root, &ca, vec![]);
        assert_eq!(
            run(&leaf.certificate, &none, RevocationPolicy::Require, late),
            Err(SubIndication::OutOfBoundsNoPoe)
        );
        let long = |issuer: &Issuer| {
            let der = issuer.crl(datetime!(2026-05-30 0:00 UTC), datetime!(2027-06-30 0:00 UTC), &[], &[]);
            CertificateList::from_der(&der).expect("CRL")
        };
        let known = evidence(&root, &ca, vec![long(&root), long(&ca)]);
        assert_eq!(
            run(&leaf.certificate, &known, RevocationPolicy::Require, late),
            Err(SubIndication::OutOfBoundsNotRevoked)
        );
    }

    #[test]
    fn no_anchor_or_a_foreign_one_is_no_chain() {
        let (root, ca, leaf) = chain();
        let other = Issuer::root("Other");
        let foreign = evidence(&other, &ca, vec![]);
        let none = Err(SubIndication::NoCertificateChainFound);
        assert_eq!(run(&leaf.certificate, &foreign, RevocationPolicy::IfPresent, NOW), none);
        assert_eq!(run(&leaf.certificate, &Evidence::default(), RevocationPolicy::IfPresent, NOW), none);
        drop(root);
    }

    #[test]
    fn anchor_with_the_same_name_and_another_key_is_no_chain() {
        let (_, ca, leaf) = chain();
        let mut template = Template::authority("Root");
        template.key_seed = "evil".to_owned();
        let evil = Issuer::root("evil").issue(&template);
        let evidence = evidence(&evil, &ca, vec![]);
        assert_eq!(
            run(&leaf.certificate, &evidence, RevocationPolicy::IfPresent, NOW),
            Err(SubIndication::NoCertificateChainFound)
        );
    }

    #[test]
    fn certificate_issued_by_an_end_entity_is_refused() {
        let (root, _, leaf) = chain();
        let forged = leaf.issue(&Template::signer("Forged"));
        let ca = root.issue(&Template::authority("CA"));
        let evidence = Evidence {
            anchors: vec![root.certificate.clone()],
            certificates: vec![ca.certificate, leaf.certificate],
            ..Evidence::default()
        };
        assert_eq!(
            run(&forged.certificate, &evidence, RevocationPolicy::IfPresent, NOW),
            Err(SubIndication::CertificateChainGeneralFailure)
        );
    }

    #[test]
    fn loop_of_cross_certificates_ends() {
        let (root, ca, leaf) = chain();
        let cross = ca.issue(&Template { key_seed: "Root".to_owned(), ..Template::authority("Root") });
        let evidence = Evidence {
            anchors: vec![Issuer::root("Other").certificate],
            certificates: vec![root.certificate, ca.certificate, cross.certificate],
            ..Evidence::default()
        };
        assert_eq!(
            run(&leaf.certificate, &evidence, RevocationPolicy::IfPresent, NOW),
            Err(SubIndication::NoCertificateChainFound)
        );
    }

    #[test]
    fn lists_beyond_the_budget_do_not_let_a_signer_pass_whose_status_was_not_looked_at() {
        let (root, ca, leaf) = chain();
        let forged = crl(&Issuer::root("CA"), &[]);
        let run = |count: usize| {
            let evidence = evidence(&root, &ca, vec![forged.clone(); count]);
            let policy = Policy::strict_with(RevocationPolicy::IfPresent);
            let (purpose, policies) = (Purpose::DocumentSigning, PolicyInputs::default());
            let context = Context { evidence: &evidence, policy, time: NOW, purpose, policies };
            validate(&leaf.certificate, context, &mut Budget::default(), &mut Vec::new())
                .map(drop)
                .map_err(|finding| finding.message)
        };
        assert_eq!(run(10), Ok(()), "lists nobody signed are passed over");
        let refused = run(600).expect_err("not all were looked at");
        assert_eq!(refused.code, Code::ChainTooExpensive);
        assert!(refused.detail.is_some_and(|detail| detail.contains("512 signature checks")));
    }

    #[test]
    fn file_whose_effort_is_used_up_has_no_valid_path() {
        let (root, ca, leaf) = chain();
        let evidence = evidence(&root, &ca, Vec::new());
        assert_eq!(run(&leaf.certificate, &evidence, RevocationPolicy::IfPresent, NOW), Ok(3));
        let other = Issuer::root("CA");
        while evidence.known.exhausted().is_none() {
            evidence.known.issued(&leaf.certificate, &other.certificate);
        }
        let refused = run(&leaf.certificate, &evidence, RevocationPolicy::IfPresent, NOW);
        assert_eq!(refused, Err(SubIndication::NoCertificateChainFound));
        let anew = evidence.for_one_file();
        assert_eq!(run(&leaf.certificate, &anew, RevocationPolicy::IfPresent, NOW), Ok(3));
    }
}
