//! Time-stamps and long-term validation over whole messages and files, good and bad.

use time::{OffsetDateTime, macros::datetime};

use crate::formats::cms::oid;
use crate::formats::crl::CertificateList;
use crate::formats::der::write;
use crate::formats::pdf::samples::updated;
use crate::formats::x509::testing::{Issuer, Template, extension};
use crate::validation::report::{Baseline, Code, Kind, Level, SignatureReport, SubIndication};
use crate::validation::testing::{self, Builder, Signed, attribute, fill, token, unfilled};
use crate::validation::{Evidence, Policy, RevocationPolicy, Setting, validate_cms, validate_pdf};

/// When the time-stamping units below say they saw the signature.
const STAMPED: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
const NOW: OffsetDateTime = datetime!(2026-10-01 0:00 UTC);
/// After the signer's certificate ended.
const LATER: OffsetDateTime = datetime!(2027-06-01 0:00 UTC);

type Make<'a> = &'a dyn Fn(&Issuer, &[u8]) -> Vec<u8>;

/// A CAdES signature with the token `make` returns for root and signature value, and these CRLs inside.
fn stamped(signer: Template, crls: &[u8], make: Make<'_>) -> Signed {
    let time = attribute(&oid::SIGNING_TIME, write::time(datetime!(2026-06-01 11:59 UTC)));
    let unsigned = |root: &Issuer, value: &[u8]| vec![attribute(&oid::SIGNATURE_TIME_STAMP, make(root, value))];
    Builder { extra: &[time], signer, crls, unsigned: &unsigned, ..Builder::default() }.build()
}

fn honest_token(root: &Issuer, value: &[u8]) -> Vec<u8> {
    token(&unit(root), &[value], STAMPED)
}

/// A time-stamping unit of "Root" that outlives the signer.
fn unit(root: &Issuer) -> Issuer {
    let mut template = Template { serial: 9, ..Template::time_stamping("TSA") };
    template.validity.not_after = datetime!(2030-01-01 0:00 UTC);
    root.issue(&template)
}

fn crl(this: OffsetDateTime, next: OffsetDateTime, revoked: &[(u8, OffsetDateTime)]) -> CertificateList {
    CertificateList::from_der(&Issuer::root("Root").crl(this, next, revoked, &[])).expect("CRL")
}

fn evidence(crls: Vec<CertificateList>) -> Evidence {
    Evidence { anchors: vec![Issuer::root("Root").certificate], crls, ..Evidence::default() }
}

fn run(signed: &Signed, crls: Vec<CertificateList>, policy: RevocationPolicy, time: OffsetDateTime) -> SignatureReport {
    let evidence = evidence(crls);
    let setting = Setting { evidence: &evidence, policy: Policy::strict_with(policy), time };
    validate_cms(&signed.der, Some(b"content"), setting).expect("readable").signatures.remove(0)
}

fn level_of(signed: &Signed) -> Level {
    run(signed, vec![], RevocationPolicy::IfPresent, NOW).level
}

fn told(report: &SignatureReport, code: Code) -> bool {
    report.messages.iter().any(|message| message.code == code)
}

#[test]
fn valid_time_stamp_makes_level_t_and_names_the_time() {
    let signed = stamped(Template::signer("An"), &[], &honest_token);
    let report = run(&signed, vec![], RevocationPolicy::IfPresent, NOW);
    assert_eq!((report.sub_indication, report.level), (None, Level::Cades(Baseline::T)), "{:?}", report.messages);
    assert_eq!(report.best_signature_time, Some(STAMPED));
    assert!(told(&report, Code::TimestampValid));
}

#[test]
fn forged_time_stamps_prove_nothing() {
    let forgeries: [(&str, Make<'_>); 5] = [
        ("imprint of other data", &|root, _| token(&unit(root), &[b"other"], STAMPED)),
        ("no key purpose", &|root, value| token(&root.issue(&Template::signer("TSA")), &[value], STAMPED)),
        ("purpose not critical", &|root, value| {
            let purpose =
                write::sequence(&[&write::oid(&const_oid::ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8"))]);
            let extra = vec![extension("2.5.29.37", &purpose)];
            token(&root.issue(&Template { extra, ..Template::signer("TSA") }), &[value], STAMPED)
        }),
        ("unknown authority", &|_, value| honest_token(&Issuer::root("Evil"), value)),
        ("time still to come", &|root, value| token(&unit(root), &[value], LATER)),
    ];
    for (what, make) in forgeries {
        let signed = stamped(Template::signer("An"), &[], make);
        let report = run(&signed, vec![], RevocationPolicy::IfPresent, NOW);
        assert_eq!((report.sub_indication, report.level), (None, Level::Cades(Baseline::B)), "{what}");
        assert_eq!(report.best_signature_time, None, "{what}");
        assert!(told(&report, Code::TimestampNotValid), "{what}: {:?}", report.messages);
    }
}

#[test]
fn token_whose_value_was_changed_proves_nothing() {
    let signed = stamped(Template::signer("An"), &[], &|root, value| {
        let mut token = honest_token(root, value);
        *token.last_mut().expect("value") ^= 1;
        token
    });
    assert_eq!(level_of(&signed), Level::Cades(Baseline::B));
}

#[test]
fn revocation_after_the_proven_time_is_excused_and_before_it_is_not() {
    let signed = stamped(Template::signer("An"), &[], &honest_token);
    let outcome = |date| {
        let list = crl(datetime!(2026-09-20 0:00 UTC), datetime!(2026-10-20 0:00 UTC), &[(7, date)]);
        run(&signed, vec![list], RevocationPolicy::Require, NOW)
    };
    let after = outcome(datetime!(2026-08-01 0:00 UTC));
    assert_eq!(after.sub_indication, None, "{:?}", after.messages);
    assert!(told(&after, Code::ProvenEarlier) && told(&after, Code::CertificateRevokedLater));
    let before = outcome(datetime!(2026-05-01 0:00 UTC));
    assert_eq!(before.sub_indication, Some(SubIndication::RevokedNoPoe));
}

#[test]
fn time_stamp_from_before_its_unit_was_certified_proves_nothing() {
    let signed = stamped(Template::signer("An"), &[], &|root, value| {
        let mut template = Template { serial: 9, ..Template::time_stamping("TSA") };
        template.validity.not_before = STAMPED + time::Duration::DAY;
        token(&root.issue(&template), &[value], STAMPED)
    });
    let report = run(&signed, vec![], RevocationPolicy::IfPresent, STAMPED + 2 * time::Duration::DAY);
    assert_eq!((report.best_signature_time, told(&report, Code::TimestampNotValid)), (None, true));
}

#[test]
fn revoked_signature_without_a_good_time_stamp_stays_revoked() {
    let signed = stamped(Template::signer("An"), &[], &|root, _| token(&unit(root), &[b"other"], STAMPED));
    let list =
        crl(datetime!(2026-09-20 0:00 UTC), datetime!(2026-10-20 0:00 UTC), &[(7, datetime!(2026-08-01 0:00 UTC))]);
    let report = run(&signed, vec![list], RevocationPolicy::Require, NOW);
    assert_eq!(report.sub_indication, Some(SubIndication::RevokedNoPoe));
}

#[test]
fn time_stamp_of_a_revoked_unit_proves_nothing() {
    let signed = stamped(Template::signer("An"), &[], &honest_token);
    let revoked = [(7, datetime!(2026-08-01 0:00 UTC)), (9, datetime!(2026-08-01 0:00 UTC))];
    let list = crl(datetime!(2026-09-20 0:00 UTC), datetime!(2026-10-20 0:00 UTC), &revoked);
    let report = run(&signed, vec![list], RevocationPolicy::Require, NOW);
    assert_eq!((report.sub_indication, report.best_signature_time), (Some(SubIndication::RevokedNoPoe), None));
}

#[test]
fn expired_signer_needs_a_list_from_after_the_proven_time() {
    let signed = stamped(Template::signer("An"), &[], &honest_token);
    let current = || crl(datetime!(2027-05-20 0:00 UTC), datetime!(2027-06-20 0:00 UTC), &[]);
    let run = |this, next| run(&signed, vec![current(), crl(this, next, &[])], RevocationPolicy::Require, LATER);
    let with_grace = run(datetime!(2026-06-02 0:00 UTC), datetime!(2026-06-09 0:00 UTC));
    assert_eq!(with_grace.sub_indication, None, "{:?}", with_grace.messages);
    let no_grace = run(datetime!(2026-05-30 0:00 UTC), datetime!(2026-06-06 0:00 UTC));
    assert_eq!(no_grace.sub_indication, Some(SubIndication::OutOfBoundsNoPoe));
}

#[test]
fn time_stamp_after_the_certificate_ended_does_not_excuse_its_end() {
    let mut signer = Template::signer("An");
    signer.validity.not_after = datetime!(2026-05-31 0:00 UTC);
    let signed = stamped(signer, &[], &honest_token);
    let report = run(&signed, vec![], RevocationPolicy::IfPresent, NOW);
    assert_eq!(report.sub_indication, Some(SubIndication::OutOfBoundsNoPoe));
    assert_eq!(report.level, Level::Cades(Baseline::B));
}

#[test]
fn signature_proven_older_than_its_certificate_fails() {
    let mut signer = Template::signer("An");
    signer.validity.not_before = datetime!(2026-07-01 0:00 UTC);
    signer.validity.not_after = datetime!(2026-08-01 0:00 UTC);
    let signed = stamped(signer, &[], &honest_token);
    let report = run(&signed, vec![], RevocationPolicy::IfPresent, NOW);
    assert_eq!(report.sub_indication, Some(SubIndication::NotYetValid));
}

#[test]
fn level_lt_needs_the_material_inside() {
    let list = crl(datetime!(2026-06-02 0:00 UTC), datetime!(2026-07-02 0:00 UTC), &[]);
    let with = stamped(Template::signer("An"), list.der(), &honest_token);
    assert_eq!(level_of(&with), Level::Cades(Baseline::Lt));
    let without = stamped(Template::signer("An"), &[], &honest_token);
    let report = run(&without, vec![list], RevocationPolicy::IfPresent, NOW);
    assert_eq!(report.level, Level::Cades(Baseline::T), "what the caller gives raises no level");
}

#[test]
fn stale_revocation_information_is_fresh_for_the_proven_time() {
    let list = crl(datetime!(2026-06-01 0:00 UTC), datetime!(2026-06-08 0:00 UTC), &[]);
    let current = crl(datetime!(2026-09-20 0:00 UTC), datetime!(2026-10-20 0:00 UTC), &[]);
    let signed = stamped(Template::signer("An"), list.der(), &honest_token);
    // The unit's own status is known now; without that the time-stamp itself would not stand.
    let report = run(&signed, vec![current], RevocationPolicy::Require, NOW);
    assert_eq!((report.sub_indication, report.level), (None, Level::Cades(Baseline::Lt)));
    let alone = run(&signed, vec![], RevocationPolicy::Require, NOW);
    assert_eq!((alone.sub_indication, alone.best_signature_time), (Some(SubIndication::TryLater), None));
}

/// A PAdES signature, then an update with a document security store holding `list`, then one with a document time-stamp of `unit`.
fn archived(list: &CertificateList, unit: &Issuer, at: OffsetDateTime) -> Vec<u8> {
    let (_, file) = testing::pdf("/M(D:20260601115900Z)");
    let hex: String = list.der().iter().map(|byte| format!("{byte:02x}")).collect();
    let stream = format!("<</Filter/AHx/Length {}>>stream\n{hex}\nendstream", hex.len());
    let form = "/AcroForm<</Fields[5 0 R]/SigFlags 3>>";
    let catalog = format!("<</Type/Catalog/Pages 2 0 R{form}/DSS<</CRLs[8 0 R]>>>>");
    let file = updated(&file, &[(1, &catalog), (8, &stream)]);
    let catalog = catalog.replace("[5 0 R]", "[5 0 R 9 0 R]");
    let dictionary = unfilled("/Type/DocTimeStamp/SubFilter/ETSI.RFC3161", "");
    let field = "<</FT/Sig/T(Stamp)/Subtype/Widget/Rect[0 0 0 0]/P 3 0 R/V 10 0 R>>";
    let mut file = updated(&file, &[(1, &catalog), (9, field), (10, &dictionary)]);
    fill(&mut file, |parts| token(unit, &parts, at));
    file
}

fn run_pdf(file: &[u8], crls: Vec<CertificateList>, time: OffsetDateTime) -> Vec<SignatureReport> {
    judged(file, crls, RevocationPolicy::IfPresent, time)
}

fn judged(
    file: &[u8],
    crls: Vec<CertificateList>,
    revocation: RevocationPolicy,
    time: OffsetDateTime,
) -> Vec<SignatureReport> {
    let evidence = evidence(crls);
    let setting = Setting { evidence: &evidence, policy: Policy::strict_with(revocation), time };
    validate_pdf(file, setting).expect("readable").signatures
}

/// What is known at [`LATER`]: of the newest unit, not of certificates that ended before.
fn judged_later(file: &[u8], more: &[CertificateList]) -> Vec<SignatureReport> {
    let current = crl(datetime!(2027-05-20 0:00 UTC), datetime!(2027-06-20 0:00 UTC), &[]);
    judged(file, [&[current], more].concat(), RevocationPolicy::Require, LATER)
}

#[test]
fn document_time_stamp_over_the_store_makes_level_lta_and_outlives_the_signer() {
    let list = crl(datetime!(2026-06-01 14:00 UTC), datetime!(2026-07-02 0:00 UTC), &[]);
    let file = archived(&list, &unit(&Issuer::root("Root")), STAMPED);
    for time in [NOW, LATER] {
        let reports = run_pdf(&file, vec![], time);
        assert_eq!(reports[0].sub_indication, None, "{:?}", reports[0].messages);
        assert_eq!((reports[0].level, reports[0].best_signature_time), (Level::Pades(Baseline::Lta), Some(STAMPED)));
        assert_eq!((reports[1].kind, reports[1].sub_indication), (Kind::DocumentTimestamp, None));
    }
}

#[test]
fn document_time_stamp_of_an_unknown_unit_raises_nothing() {
    let list = crl(datetime!(2026-06-01 14:00 UTC), datetime!(2026-07-02 0:00 UTC), &[]);
    let reports = run_pdf(&archived(&list, &unit(&Issuer::root("Evil")), STAMPED), vec![], NOW);
    assert_eq!((reports[0].level, reports[0].best_signature_time), (Level::Pades(Baseline::B), None));
    assert_eq!(reports[1].sub_indication, Some(SubIndication::NoCertificateChainFound));
    let late = run_pdf(&archived(&list, &unit(&Issuer::root("Evil")), STAMPED), vec![], LATER);
    assert_eq!(late[0].sub_indication, Some(SubIndication::OutOfBoundsNoPoe));
}

#[test]
fn store_of_another_authority_makes_no_level_lt() {
    let other = Issuer::root("Other").crl(datetime!(2026-06-02 0:00 UTC), datetime!(2026-07-02 0:00 UTC), &[], &[]);
    let other = CertificateList::from_der(&other).expect("CRL");
    let reports = run_pdf(&archived(&other, &unit(&Issuer::root("Root")), STAMPED), vec![], NOW);
    assert_eq!(reports[0].level, Level::Pades(Baseline::T));
}

/// [`archived`], renewed: a store with `list` besides the first one, and a time-stamp of a unit that is good for long.
fn renewed(list: &CertificateList, unit: &Issuer, renewal: OffsetDateTime) -> Vec<u8> {
    let first = crl(datetime!(2026-06-01 14:00 UTC), datetime!(2026-07-02 0:00 UTC), &[]);
    let file = archived(&first, unit, STAMPED);
    let hex: String = list.der().iter().map(|byte| format!("{byte:02x}")).collect();
    let stream = format!("<</Filter/AHx/Length {}>>stream\n{hex}\nendstream", hex.len());
    let catalog =
        "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[5 0 R 9 0 R]/SigFlags 3>>/DSS<</CRLs[8 0 R 11 0 R]>>>>";
    let file = updated(&file, &[(1, catalog), (11, &stream)]);
    let catalog = catalog.replace("9 0 R]", "9 0 R 12 0 R]");
    let dictionary = unfilled("/Type/DocTimeStamp/SubFilter/ETSI.RFC3161", "");
    let field = "<</FT/Sig/T(Stamp2)/Subtype/Widget/Rect[0 0 0 0]/P 3 0 R/V 13 0 R>>";
    let mut file = updated(&file, &[(1, &catalog), (12, field), (13, &dictionary)]);
    let mut newer = Template { serial: 10, key_seed: "TSA 2".to_owned(), ..Template::time_stamping("TSA 2") };
    newer.validity.not_after = datetime!(2040-01-01 0:00 UTC);
    let newer = Issuer::root("Root").issue(&newer);
    fill(&mut file, |parts| token(&newer, &parts, renewal));
    file
}

/// A unit whose certificate ends with the year, as the signer's does.
fn short_lived_unit() -> Issuer {
    Issuer::root("Root").issue(&Template { serial: 9, ..Template::time_stamping("TSA") })
}

#[test]
fn renewed_time_stamp_outlives_its_unit_by_the_list_the_renewal_covers() {
    let renewal = datetime!(2026-12-30 0:00 UTC);
    let in_date = crl(datetime!(2026-12-28 0:00 UTC), datetime!(2027-01-05 0:00 UTC), &[]);
    let reports = judged_later(&renewed(&in_date, &short_lived_unit(), renewal), &[]);
    let verdicts: Vec<_> = reports.iter().map(|report| report.sub_indication).collect();
    assert_eq!(verdicts, [None, None, None], "{:?}", reports[1].messages);
    assert_eq!(reports[0].best_signature_time, Some(STAMPED));
}

#[test]
fn renewal_with_a_stale_list_or_of_a_revoked_unit_proves_the_renewal_alone() {
    let renewal = datetime!(2026-12-30 0:00 UTC);
    let stale = crl(datetime!(2026-12-01 0:00 UTC), datetime!(2026-12-08 0:00 UTC), &[]);
    let revoked = datetime!(2026-12-20 0:00 UTC);
    let revoked = crl(datetime!(2026-12-28 0:00 UTC), datetime!(2027-01-05 0:00 UTC), &[(9, revoked)]);
    for list in [stale, revoked] {
        let reports = judged_later(&renewed(&list, &short_lived_unit(), renewal), &[]);
        assert_ne!(reports[1].sub_indication, None);
        assert_ne!(reports[0].best_signature_time, Some(STAMPED));
    }
}

#[test]
fn list_the_renewal_does_not_cover_says_nothing_of_its_day() {
    let renewal = datetime!(2026-12-30 0:00 UTC);
    let stale = crl(datetime!(2026-12-01 0:00 UTC), datetime!(2026-12-08 0:00 UTC), &[]);
    let given = crl(datetime!(2026-12-28 0:00 UTC), datetime!(2027-01-05 0:00 UTC), &[]);
    let reports = judged_later(&renewed(&stale, &short_lived_unit(), renewal), &[given]);
    assert_ne!(reports[1].sub_indication, None);
}

/// A signature over "content" with a content time-stamp of this time, by this signer, and what these lists say at [`NOW`].
fn content_stamped(signer: Template, at: OffsetDateTime, lists: Vec<CertificateList>) -> SignatureReport {
    let token = token(&unit(&Issuer::root("Root")), &[b"content"], at);
    let extra = [attribute(&oid::CONTENT_TIME_STAMP, token)];
    let signed = Builder { extra: &extra, signer, ..Builder::default() }.build();
    run(&signed, lists, RevocationPolicy::IfPresent, NOW)
}

#[test]
fn signature_proven_younger_than_the_revocation_fails() {
    let revoked = |date| {
        let list = crl(datetime!(2026-09-20 0:00 UTC), datetime!(2026-10-20 0:00 UTC), &[(7, date)]);
        content_stamped(Template::signer("An"), STAMPED, vec![list])
    };
    let before = revoked(datetime!(2026-05-01 0:00 UTC));
    assert_eq!(before.sub_indication, Some(SubIndication::Revoked), "{:?}", before.messages);
    let after = revoked(datetime!(2026-08-01 0:00 UTC));
    assert_eq!(after.sub_indication, Some(SubIndication::RevokedNoPoe));
    let good = content_stamped(Template::signer("An"), STAMPED, vec![]);
    assert_eq!((good.sub_indication, told(&good, Code::ContentTimestampValid)), (None, true), "{:?}", good.messages);
}

#[test]
fn signature_proven_younger_than_its_certificate_fails() {
    let expired = |not_after| {
        let mut signer = Template::signer("An");
        signer.validity.not_after = not_after;
        content_stamped(signer, STAMPED, vec![]).sub_indication
    };
    assert_eq!(expired(datetime!(2026-05-01 0:00 UTC)), Some(SubIndication::Expired));
    assert_eq!(expired(datetime!(2026-08-01 0:00 UTC)), Some(SubIndication::OutOfBoundsNoPoe));
}

#[test]
fn content_time_stamp_of_other_content_is_told_and_proves_nothing() {
    let token = token(&unit(&Issuer::root("Root")), &[b"other"], STAMPED);
    let extra = [attribute(&oid::CONTENT_TIME_STAMP, token)];
    let mut signer = Template::signer("An");
    signer.validity.not_after = datetime!(2026-05-01 0:00 UTC);
    let signed = Builder { extra: &extra, signer, ..Builder::default() }.build();
    let report = run(&signed, vec![], RevocationPolicy::IfPresent, NOW);
    assert_eq!(report.sub_indication, Some(SubIndication::OutOfBoundsNoPoe));
    assert!(told(&report, Code::TimestampNotValid));
}

#[test]
fn content_younger_than_the_signature_is_an_order_failure() {
    let order = |content_at| {
        let root = Issuer::root("Root");
        let extra = [attribute(&oid::CONTENT_TIME_STAMP, token(&unit(&root), &[b"content"], content_at))];
        let unsigned =
            |root: &Issuer, value: &[u8]| vec![attribute(&oid::SIGNATURE_TIME_STAMP, honest_token(root, value))];
        let signed = Builder { extra: &extra, unsigned: &unsigned, ..Builder::default() }.build();
        run(&signed, vec![], RevocationPolicy::IfPresent, NOW).sub_indication
    };
    assert_eq!(order(datetime!(2026-06-01 11:00 UTC)), None);
    assert_eq!(order(datetime!(2026-07-01 0:00 UTC)), Some(SubIndication::TimestampOrderFailure));
}

#[test]
fn certificate_out_of_its_bounds_is_told_by_what_is_known_of_it() {
    let signed = Builder { content: b"content", ..Builder::default() }.build();
    let (none, old) = (evidence(vec![]), datetime!(2025-06-01 0:00 UTC));
    let policy = Policy::strict_with(RevocationPolicy::IfPresent);
    let early = validate_cms(&signed.der, Some(b"content"), Setting { evidence: &none, policy, time: old });
    assert_eq!(early.expect("readable").signatures[0].sub_indication, Some(SubIndication::OutOfBoundsNoPoe));
    let list = crl(datetime!(2026-09-20 0:00 UTC), datetime!(2027-10-20 0:00 UTC), &[]);
    let known = run(&signed, vec![list], RevocationPolicy::Require, LATER);
    assert_eq!(known.sub_indication, Some(SubIndication::OutOfBoundsNotRevoked), "{:?}", known.messages);
}
