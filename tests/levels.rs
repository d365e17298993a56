//! The levels B-T, B-LT and B-LTA over years, through outages and with many signers: every verdict is the verifier's own, given
//! from what stands in the document and the roots alone.

#[path = "support/world.rs"]
mod world;

use kyso::dev_pki::{OcspMode, TsaMode};
use kyso::domain::{FailureReason, State, StateKind};
use kyso::formats::level::Baseline;
use kyso::formats::pdf::permissions::{DocMdpPermission, FieldLock};
use kyso::raising::{Growing, RaiseError, Raiser};
use kyso::service::{DocumentProblem, NewDocument, NewRequest, ServiceError, WhenDown};
use kyso::trust::TrustServices;
use kyso::validation::report::{FileReport, Indication, Kind, Modification};
use time::{Duration, OffsetDateTime};
use world::{World, ask, contract, sample};

/// A PDF of one page with empty signature fields of these names.
fn form(fields: &[&str]) -> Vec<u8> {
    let references = |first: usize| (0..fields.len()).map(|n| format!("{} 0 R ", first + n)).collect::<String>();
    let mut objects = vec![
        format!("<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{}] >> >>", references(4)),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Annots [{}] >>", references(4)),
    ];
    objects.extend(
        fields.iter().map(|name| {
            format!("<< /Type /Annot /Subtype /Widget /FT /Sig /T ({name}) /F 4 /Rect [0 0 0 0] /P 3 0 R >>")
        }),
    );
    let mut pdf = "%PDF-1.7\n".to_owned();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (number, object) in (1..).zip(&objects) {
        table += &format!("{:010} 00000 n \n", pdf.len());
        pdf += &format!("{number} 0 obj\n{object}\nendobj\n");
    }
    let (start, size) = (pdf.len(), objects.len() + 1);
    (pdf + &table + &format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n")).into_bytes()
}

/// Every signature is valid, with allowed changes after it at most.
fn all_passed(report: &FileReport, signatures: usize) {
    let seen = report.signatures.iter().filter(|one| one.kind == Kind::Signature).count();
    assert_eq!(seen, signatures, "{report:?}");
    for one in &report.signatures {
        assert_eq!(one.indication(), Indication::TotalPassed, "{one:?}");
        assert!(matches!(one.modification, Modification::None | Modification::Allowed), "{one:?}");
    }
}

fn levels(report: &FileReport) -> Vec<&'static str> {
    let signatures = report.signatures.iter().filter(|one| one.kind == Kind::Signature);
    signatures.map(|one| one.level.as_str().expect("a level")).collect()
}

/// Raises or renews a document as `kyso augment` does.
async fn raised(w: &World, trust: &TrustServices, bytes: &[u8], level: Baseline) -> Result<Vec<u8>, RaiseError> {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, copy) = (folder.path().join("a.pdf"), folder.path().join("b.pdf"));
    std::fs::write(&file, bytes).expect("written");
    let mut document = Growing::copy(&file, &copy).expect("copied");
    let anchors = w.roots();
    let now = kyso::domain::Clock::now(&*w.clock);
    let outcome = Raiser { trust, anchors: &anchors, now, password: None }.pdf(&mut document, level).await;
    assert!(document.bytes().starts_with(bytes), "earlier bytes stay as they are");
    match outcome.problem {
        Some(problem) => Err(problem),
        None => Ok(document.bytes().to_vec()),
    }
}

#[tokio::test]
async fn each_level_proves_itself_with_what_it_brings() {
    let w = World::open(WhenDown::RaiseLater).await;
    for level in Baseline::ALL {
        let signed = w.sign(ask("ec-p256", level, contract())).await;
        let evidence = if level >= Baseline::Lt { w.evidence() } else { w.evidence_with_lists() };
        let report = w.verdict(&signed, &evidence);
        all_passed(&report, 1);
        assert_eq!(levels(&report), [format!("PAdES-{}", level.name())]);
        let alone = w.verdict(&signed, &w.evidence()).signatures[0].indication();
        assert_eq!(
            alone == Indication::TotalPassed,
            level >= Baseline::Lt,
            "{level}: {alone:?} without lists from outside"
        );
    }
}

#[tokio::test]
async fn ten_signatures_of_all_levels_in_a_row_stay_valid() {
    let w = World::open(WhenDown::RaiseLater).await;
    let credentials = ["ec-p256", "rsa-3072", "ec-p384", "rsa-2048", "ec-p256-hosted"];
    let mut document = contract();
    for turn in 0..9 {
        let level = Baseline::ALL[turn % 4];
        document = w.sign(ask(credentials[turn % credentials.len()], level, document)).await;
        w.clock.advance(Duration::minutes(3));
    }
    document = w.sign(ask("seal-rsa-3072", Baseline::Lta, document)).await;
    let report = w.verdict(&document, &w.evidence());
    all_passed(&report, 10);
    assert_eq!(levels(&report), ["PAdES-B-LTA"; 10], "what the seal brings serves the earlier ones too");
}

#[tokio::test]
async fn five_parties_sign_their_named_fields() {
    let w = World::open(WhenDown::RaiseLater).await;
    let parties = [
        ("BenA", "ec-p256", Baseline::B),
        ("BenB", "rsa-3072", Baseline::T),
        ("BaoLanh", "ec-p384", Baseline::Lt),
        ("LamChung", "rsa-2048", Baseline::B),
        ("DongDau", "seal-rsa-3072", Baseline::Lta),
    ];
    let mut document = form(&parties.map(|(field, ..)| field));
    for (field, credential, level) in parties {
        let mut new = ask(credential, level, document);
        new.options.field = Some(field.into());
        document = w.sign(new).await;
    }
    let report = w.verdict(&document, &w.evidence());
    all_passed(&report, 5);
    let signed = report.signatures.iter().filter(|one| one.kind == Kind::Signature);
    let mut names: Vec<_> = signed.filter_map(|one| one.field.clone()).collect();
    names.sort();
    let mut expected = parties.map(|(field, ..)| field.to_owned());
    expected.sort();
    assert_eq!(names, expected);
    let mut again = ask("ec-p256", Baseline::B, document.clone());
    again.options.field = Some("BenA".into());
    let refused = w.confirmed(again).await;
    assert!(refused_as(&refused, "already signed"), "{refused:?}");
    let mut missing = ask("ec-p256", Baseline::B, document);
    missing.options.field = Some("BenC".into());
    let refused = w.confirmed(missing).await;
    assert!(refused_as(&refused, "no field"), "{refused:?}");
}

/// Refused before anybody confirmed anything, with these words.
fn refused_as<T>(outcome: &Result<T, ServiceError>, words: &str) -> bool {
    matches!(outcome, Err(error @ ServiceError::Document { .. }) if error.to_string().contains(words))
}

fn renew_by(report: &FileReport) -> OffsetDateTime {
    report.signatures.iter().find_map(|one| one.renew_by).expect("a date")
}

#[tokio::test]
async fn renewed_twice_it_outlives_its_signers_certificate_and_its_first_authority() {
    let w = World::open(WhenDown::RaiseLater).await;
    let mut document = w.sign(ask("rsa-3072", Baseline::Lta, contract())).await;
    let first_end = renew_by(&w.verdict(&document, &w.evidence()));
    assert!(first_end < w.start + Duration::days(5 * 366), "the authority's certificate: {first_end}");
    // The signer's certificate ended half a year ago.
    w.clock.set(w.start + Duration::days(1095 + 182));
    document = raised(&w, &w.first_authority(), &document, Baseline::Lta).await.expect("renewed");
    let report = w.verdict(&document, &w.evidence());
    all_passed(&report, 1);
    assert_eq!(levels(&report), ["PAdES-B-LTA"]);
    // The first authority's certificate is about to end; another one steps in.
    w.clock.set(first_end - Duration::days(10));
    let trust = w.second_authority();
    document = raised(&w, &trust, &document, Baseline::Lta).await.expect("renewed");
    all_passed(&w.verdict(&document, &w.evidence_with_lists()), 1);
    w.clock.set(w.start + Duration::days(8 * 365));
    let report = w.verdict(&document, &w.evidence_with_lists());
    all_passed(&report, 1);
    assert!(renew_by(&report) > w.start + Duration::days(9 * 365), "{report:?}");
}

#[tokio::test]
async fn never_renewed_it_is_not_valid_after_its_authoritys_end() {
    let w = World::open(WhenDown::RaiseLater).await;
    let document = w.sign(ask("ec-p256", Baseline::Lta, contract())).await;
    w.clock.set(renew_by(&w.verdict(&document, &w.evidence())) + Duration::days(1));
    let report = w.verdict(&document, &w.evidence());
    assert_eq!(report.signatures[0].indication(), Indication::Indeterminate, "{report:?}");
}

#[tokio::test]
async fn certified_documents_take_what_their_permission_allows_and_proofs_always() {
    let w = World::open(WhenDown::RaiseLater).await;
    for (permission, open) in [
        (DocMdpPermission::NoChanges, false),
        (DocMdpPermission::FormFilling, true),
        (DocMdpPermission::Annotating, true),
    ] {
        let mut new = ask("ec-p256", Baseline::B, form(&["A", "B"]));
        (new.options.certify, new.options.field) = (Some(permission), Some("A".into()));
        let certified = w.sign(new).await;
        let mut second = ask("ec-p384", Baseline::T, certified.clone());
        second.options.field = Some("B".into());
        let second = w.confirmed(second).await;
        if open {
            let view = second.expect("allowed");
            all_passed(
                &w.verdict(&w.document(&view.transaction.id, 1).await.expect("signed"), &w.evidence_with_lists()),
                2,
            );
        } else {
            assert!(refused_as(&second, "allows no"), "{second:?}");
        }
        let proven = raised(&w, &w.first_authority(), &certified, Baseline::Lta).await.expect("proofs are no change");
        let report = w.verdict(&proven, &w.evidence());
        all_passed(&report, 1);
        assert_eq!(levels(&report), ["PAdES-B-LTA"]);
    }
}

#[tokio::test]
async fn a_locked_field_is_not_signed_and_the_others_are() {
    let w = World::open(WhenDown::RaiseLater).await;
    let mut new = ask("ec-p256", Baseline::B, form(&["A", "B", "C"]));
    (new.options.field, new.options.lock) = (Some("A".into()), Some(FieldLock::Include(vec!["B".into()])));
    let first = w.sign(new).await;
    let into = |field: &str| {
        let mut new = ask("rsa-2048", Baseline::B, first.clone());
        new.options.field = Some(field.into());
        new
    };
    let refused = w.confirmed(into("B")).await;
    assert!(refused_as(&refused, "locked"), "{refused:?}");
    let both = w.sign(into("C")).await;
    all_passed(&w.verdict(&both, &w.evidence_with_lists()), 2);
    let proven = raised(&w, &w.first_authority(), &both, Baseline::Lta).await.expect("raised");
    all_passed(&w.verdict(&proven, &w.evidence()), 2);
}

#[tokio::test]
async fn what_an_absent_authority_held_back_is_raised_when_it_answers_again() {
    let mut w = World::open(WhenDown::RaiseLater).await;
    w.behave(|behaviour| behaviour.tsa = None);
    let view = w.confirmed(ask("ec-p256", Baseline::Lta, contract())).await.expect("confirmed");
    let id = view.transaction.id.clone();
    let (state, raise) = (view.documents[0].level, view.documents[0].raise.clone().expect("told"));
    assert_eq!((state, raise.wanted, raise.attempts), (Some(Baseline::B), Baseline::Lta, 0));
    assert!(raise.last_error.contains("time-stamp"), "{raise:?}");
    let early = w.document(&id, 1).await.expect("released");
    assert_eq!(levels(&w.verdict(&early, &w.evidence_with_lists())), ["PAdES-B-B"]);
    assert_eq!(w.service.raise_due().await.expect("asked"), 0, "it is not due yet");
    w.clock.advance(Duration::minutes(2));
    assert_eq!(w.service.raise_due().await.expect("asked"), 0, "still silent");
    let view = w.service.request(&w.caller, &id).await.expect("there");
    assert_eq!(view.documents[0].raise.as_ref().map(|raise| raise.attempts), Some(1));
    w.reopen(WhenDown::RaiseLater).await;
    w.behave(|_| ());
    w.clock.advance(Duration::hours(1));
    assert_eq!(w.service.raise_due().await.expect("asked"), 1, "a restart forgets nothing");
    let late = w.document(&id, 1).await.expect("released");
    assert!(late.starts_with(&early), "what was released before is its beginning");
    let report = w.verdict(&late, &w.evidence());
    all_passed(&report, 1);
    assert_eq!(levels(&report), ["PAdES-B-LTA"]);
    let view = w.service.request(&w.caller, &id).await.expect("there");
    assert!(view.documents[0].raise.is_none() && view.documents[0].level == Some(Baseline::Lta), "{view:?}");
    assert_eq!(w.events(&id).await.iter().filter(|event| *event == "level_raised").count(), 1);
    w.clock.advance(Duration::days(1));
    assert_eq!(w.service.raise_due().await.expect("asked"), 0, "it is done");
}

/// Confirmed, but failed for this reason; nothing can be fetched.
async fn failed(w: &World, new: NewRequest, expected: FailureReason) {
    let view = w.confirmed(new).await.expect("confirmed");
    let State::Failed { reason, .. } = view.transaction.state else { panic!("{view:?}") };
    assert_eq!(reason, expected);
    let fetched = w.document(&view.transaction.id, 1).await;
    assert!(matches!(fetched, Err(ServiceError::State(StateKind::Failed))), "{fetched:?}");
}

#[tokio::test]
async fn where_levels_are_insisted_on_an_outage_or_a_lie_releases_nothing() {
    let w = World::open(WhenDown::Refuse).await;
    let lies = [TsaMode::WrongImprint, TsaMode::WrongNonce, TsaMode::UnknownSigner, TsaMode::Rejects];
    for mode in lies.map(Some).into_iter().chain([None]) {
        w.behave(|behaviour| behaviour.tsa = mode);
        failed(&w, ask("ec-p256", Baseline::T, contract()), FailureReason::TrustServiceUnavailable).await;
        // A silent authority is left alone for a while.
        w.clock.advance(Duration::minutes(10));
    }
    for (ocsp, crl_age) in [(None, None), (Some(OcspMode::TryLater), None), (None, Some(Duration::days(30)))] {
        w.behave(|behaviour| (behaviour.ocsp, behaviour.crl_age) = (ocsp, crl_age));
        failed(&w, ask("ec-p256", Baseline::Lt, contract()), FailureReason::TrustServiceUnavailable).await;
        w.clock.advance(Duration::minutes(10));
    }
    w.behave(|_| ());
    let signed = w.sign(ask("ec-p256", Baseline::Lt, contract())).await;
    all_passed(&w.verdict(&signed, &w.evidence()), 1);
}

#[tokio::test]
async fn lists_step_in_for_a_responder_that_is_silent_or_does_not_know() {
    let w = World::open(WhenDown::Refuse).await;
    for ocsp in [None, Some(OcspMode::Unknown), Some(OcspMode::TryLater)] {
        w.behave(|behaviour| behaviour.ocsp = ocsp);
        let signed = w.sign(ask("rsa-2048", Baseline::Lt, contract())).await;
        all_passed(&w.verdict(&signed, &w.evidence()), 1);
        w.clock.advance(Duration::hours(3));
    }
}

#[tokio::test]
async fn revoked_signers_reach_no_level_that_would_prove_them() {
    for when_down in [WhenDown::RaiseLater, WhenDown::Refuse] {
        let w = World::open(when_down).await;
        let id = kyso::domain::CredentialId::parse("ec-p384").expect("id");
        let credential = w.service.credential(&w.caller, &id).await.expect("there");
        let certificate = credential.certificates.first().expect("a certificate").clone();
        w.net.pki.revoke(&certificate, w.start).expect("revoked");
        w.clock.advance(Duration::hours(12));
        failed(&w, ask("ec-p384", Baseline::Lt, contract()), FailureReason::CertificateNotValid).await;
    }
}

#[tokio::test]
async fn one_document_replaced_in_a_batch_is_left_out_and_the_others_are_signed() {
    let w = World::open(WhenDown::RaiseLater).await;
    let mut new = ask("ec-p256", Baseline::B, Vec::new());
    let document = |n: usize| NewDocument { name: format!("{n}.pdf"), bytes: form(&[&format!("F{n}")]) };
    new.documents = (1..=60).map(document).collect();
    let view = w.service.create_request(&w.caller, new).await.expect("created");
    let id = view.transaction.id.clone();
    let names: Vec<_> = view.transaction.items.iter().map(|item| item.label.clone()).collect();
    assert_eq!(names, (1..=60).map(|n| format!("{n}.pdf")).collect::<Vec<_>>());
    let file = w.folder.path().join("documents").join(id.as_str()).join("17.pdf");
    std::fs::write(file, sample("hoa-don-gtgt.pdf")).expect("replaced");
    w.confirm(&view).await.expect("one confirmation");
    let view = w.service.request(&w.caller, &id).await.expect("there");
    assert!(matches!(view.transaction.state, State::Signed { .. }), "{:?}", view.transaction.state);
    for n in 1..=60_u32 {
        let state = &view.documents[n as usize - 1];
        if n == 17 {
            assert_eq!((state.failure, state.level), (Some(FailureReason::DocumentChanged), None));
            assert!(matches!(w.document(&id, n).await, Err(ServiceError::NotFound("document"))));
            continue;
        }
        assert_eq!((state.failure, state.level), (None, Some(Baseline::B)), "{n}");
        all_passed(&w.verdict(&w.document(&id, n).await.expect("signed"), &w.evidence_with_lists()), 1);
    }
    let events = w.events(&id).await;
    assert_eq!(events.iter().filter(|event| *event == "confirmed").count(), 1, "{events:?}");
}

#[tokio::test]
async fn encrypted_documents_want_their_password() {
    let w = World::open(WhenDown::RaiseLater).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (plain, closed) = (folder.path().join("a.pdf"), folder.path().join("b.pdf"));
    std::fs::write(&plain, contract()).expect("written");
    let qpdf = std::process::Command::new("qpdf")
        .args(["--encrypt", "mo", "chu", "256", "--"])
        .args([&plain, &closed])
        .status();
    if !qpdf.is_ok_and(|status| status.success()) {
        let required = std::env::var("KYSO_JUDGES").is_ok_and(|value| value == "require");
        assert!(!required, "qpdf is required");
        return;
    }
    let closed = std::fs::read(closed).expect("encrypted");
    let with = |password: Option<&str>| {
        let mut new = ask("ec-p256", Baseline::Lta, closed.clone());
        new.password = password.map(kyso::domain::Secret::new);
        new
    };
    for (password, expected) in [(None, DocumentProblem::Encrypted), (Some("sai"), DocumentProblem::WrongPassword)] {
        let refused = w.confirmed(with(password)).await;
        assert!(matches!(&refused, Err(ServiceError::Document { problem, .. }) if *problem == expected), "{refused:?}");
    }
    assert!(w.sign(with(Some("mo"))).await.starts_with(&closed));
}
