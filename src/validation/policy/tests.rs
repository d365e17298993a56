//! What policies and the state of the anchors change in a verdict, and what they cannot.

use time::{Duration, OffsetDateTime, macros::datetime};

use super::{Demands, KeyUsageDemand, Policy, RevocationPolicy};
use crate::crypto::suites::{Suitability, Suites};
use crate::formats::cms::oid;
use crate::formats::crl::CertificateList;
use crate::formats::der::{tag, write};
use crate::formats::level::Baseline;
use crate::formats::x509::testing::{Issuer, Template, critical, name};
use crate::formats::x509::{GeneralName, Name, NameConstraints};
use crate::validation::evidence::AnchorLimit;
use crate::validation::report::{Code, Indication, Integrity, Message, SignatureReport, SubIndication};
use crate::validation::testing::{self, Builder, Signed};
use crate::validation::{Evidence, Setting, validate_cms};

const NOW: OffsetDateTime = datetime!(2026-06-01 0:00 UTC);
const LAX: Policy = Policy::strict_with(RevocationPolicy::IfPresent);

fn trusting(root: &Issuer) -> Evidence {
    Evidence { anchors: vec![root.certificate.clone()], ..Evidence::default() }
}

fn run(signed: &Signed, content: &[u8], evidence: &Evidence, policy: Policy) -> SignatureReport {
    let setting = Setting { evidence, policy, time: NOW };
    validate_cms(&signed.der, Some(content), setting).expect("readable").signatures.remove(0)
}

fn under(policy: Policy) -> SignatureReport {
    let signed = testing::p7s();
    run(&signed, b"content", &trusting(&signed.root), policy)
}

#[test]
fn algorithm_the_policy_refuses_leaves_the_signature_undetermined_and_intact() {
    assert_eq!(under(LAX).indication(), Indication::TotalPassed);
    let suites = [
        Suites { sha256: Suitability::Until(NOW), ..Suites::STRICT },
        Suites { p256: Suitability::Never, ..Suites::STRICT },
    ];
    for suites in suites {
        let report = under(Policy { suites, ..LAX });
        assert_eq!(report.sub_indication, Some(SubIndication::CryptoConstraintsFailureNoPoe));
        assert_eq!((report.integrity, report.messages[0].code), (Integrity::Intact, Code::AlgorithmObsolete));
    }
}

#[test]
fn no_policy_makes_changed_content_pass() {
    let signed = testing::p7s();
    let mut open = Suites::STRICT;
    (open.sha1, open.sha224) = (Suitability::Open, Suitability::Open);
    let report = run(&signed, b"changed", &trusting(&signed.root), Policy { suites: open, ..LAX });
    assert_eq!((report.sub_indication, report.integrity), (Some(SubIndication::HashFailure), Integrity::Broken));
}

#[test]
fn level_below_the_demanded_one_is_a_constraint_failure() {
    let demanding = |level| Policy { demands: Demands { level: Some(level), ..Demands::NONE }, ..LAX };
    let report = under(demanding(Baseline::T));
    assert_eq!(report.sub_indication, Some(SubIndication::SigConstraintsFailure));
    assert_eq!(report.messages[0].code, Code::LevelDemanded);
    // The test signature has PAdES attributes: as CAdES it is off-profile, and reaches no level.
    assert_eq!(under(demanding(Baseline::B)).messages[0].code, Code::LevelDemanded);
    let time = testing::attribute(&oid::SIGNING_TIME, write::time(NOW));
    let on_profile = Builder { extra: &[time], ..Builder::default() }.build();
    let report = run(&on_profile, b"content", &trusting(&on_profile.root), demanding(Baseline::B));
    assert_eq!(report.sub_indication, None, "{:?}", report.messages);
}

#[test]
fn key_usage_and_purposes_are_demanded_of_the_signer_alone() {
    let usage = |bits: u8| Template { base: vec![critical("2.5.29.15", &[3, 2, 6, bits])], ..Template::signer("An") };
    let judge = |signer: Template, demands: Demands| {
        let signed = Builder { signer, ..Builder::default() }.build();
        run(&signed, b"content", &trusting(&signed.root), Policy { demands, ..LAX }).messages.first().map(|m| m.code)
    };
    let stated = Demands { key_usage: KeyUsageDemand::NonRepudiation, ..Demands::NONE };
    assert_ne!(judge(usage(0xc0), stated), Some(Code::KeyUsageWrong));
    assert_eq!(judge(usage(0x80), stated), Some(Code::KeyUsageWrong));
    let mut purposes = Demands::NONE;
    purposes.purposes[0] = Some(const_oid::ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36"));
    assert_eq!(judge(usage(0xc0), purposes), Some(Code::ExtendedKeyUsageWrong));
}

#[test]
fn list_in_date_but_older_than_the_policy_wants_is_try_later() {
    let signed = testing::p7s();
    let list = signed.root.crl(datetime!(2026-05-01 0:00 UTC), datetime!(2026-12-01 0:00 UTC), &[], &[]);
    let crls = vec![CertificateList::from_der(&list).expect("CRL")];
    let evidence = Evidence { crls, ..trusting(&signed.root) };
    let judge = |max_age| run(&signed, b"content", &evidence, Policy { max_age, ..Policy::STRICT }).sub_indication;
    assert_eq!(judge(None), None);
    assert_eq!(judge(Some(Duration::days(31))), None);
    assert_eq!(judge(Some(Duration::days(30))), Some(SubIndication::TryLater));
}

#[test]
fn anchors_in_doubt_leave_good_signatures_undetermined_and_bad_ones_failed() {
    let signed = testing::p7s();
    let doubt = Some(Message::error(Code::TrustBundleOutdated).detail("12"));
    let evidence = Evidence { anchors_in_doubt: doubt, ..trusting(&signed.root) };
    let report = run(&signed, b"content", &evidence, LAX);
    assert_eq!(report.sub_indication, Some(SubIndication::TryLater));
    assert_eq!(report.messages[0].code, Code::TrustBundleOutdated);
    assert_eq!(run(&signed, b"changed", &evidence, LAX).sub_indication, Some(SubIndication::HashFailure));
}

#[test]
fn no_time_stamp_excuses_anchors_in_doubt() {
    let signed = Builder {
        unsigned: &|root, value| {
            let unit = root.issue(&Template { serial: 9, ..Template::time_stamping("TSA") });
            let token = testing::token(&unit, &[value], datetime!(2026-05-01 0:00 UTC));
            vec![testing::attribute(&oid::SIGNATURE_TIME_STAMP, token)]
        },
        ..Builder::default()
    }
    .build();
    assert!(run(&signed, b"content", &trusting(&signed.root), LAX).best_signature_time.is_some());
    let doubt = Some(Message::error(Code::TrustBundleOutdated));
    let evidence = Evidence { anchors_in_doubt: doubt, ..trusting(&signed.root) };
    let report = run(&signed, b"content", &evidence, LAX);
    assert_eq!((report.sub_indication, report.best_signature_time), (Some(SubIndication::TryLater), None));
}

#[test]
fn limit_on_an_anchor_binds_below_it_and_only_below_it() {
    let signed = testing::p7s();
    let limited = |anchor: &Issuer, base: &str| {
        let base = name(&[("2.5.4.3", tag::UTF8_STRING, base)]);
        let permitted = vec![GeneralName::Directory(Name::from_der(&base).expect("name"))];
        let names = NameConstraints { permitted, excluded: Vec::new() };
        let anchor_limits = vec![AnchorLimit { anchor: anchor.certificate.clone(), names }];
        let evidence = Evidence { anchor_limits, ..trusting(&signed.root) };
        run(&signed, b"content", &evidence, LAX).sub_indication
    };
    assert_eq!(limited(&signed.root, "An"), None);
    assert_eq!(limited(&signed.root, "Binh"), Some(SubIndication::CertificateChainGeneralFailure));
    assert_eq!(limited(&Issuer::root("Other"), "Binh"), None);
}
