//! Authenticators: registered once by their link, and no step taken twice.

use super::*;
use crate::domain::AuthenticatorKind;

fn app() -> Authenticator {
    Authenticator {
        id: "app".into(),
        signer: SignerId::parse("an").expect("id"),
        name: "Điện thoại".into(),
        kind: AuthenticatorKind::Totp { sealed: vec![1, 2] },
        counter: 5,
        created_at: NOW,
    }
}

async fn enrolled(storage: &dyn Storage, authenticator: &Authenticator, at: OffsetDateTime) -> Outcome {
    let signer = authenticator.signer.clone();
    let event = AuditEvent::AuthenticatorAdded { signer, authenticator: "app".into(), method: "totp".into() };
    storage.enrol(&[4; 32], authenticator, Entry { at, event }).await.expect("asked")
}

pub(super) async fn an_enrolment_registers_one_authenticator_once(storage: &dyn Storage) {
    populate(storage).await;
    let app = app();
    assert_eq!(enrolled(storage, &app, NOW).await, Outcome::Stale, "no link");
    let signer = app.signer.clone();
    let link = Enrolment { sha256: [4; 32], signer: signer.clone(), expires_at: NOW + Duration::hours(1) };
    let event = AuditEvent::EnrolmentOpened { signer: signer.clone() };
    storage.add_enrolment(&link, entry(event)).await.expect("added");
    assert_eq!(storage.enrolment(&[4; 32]).await.expect("read"), Some(link.clone()));
    assert_eq!(enrolled(storage, &app, NOW + Duration::hours(1)).await, Outcome::Stale, "over");
    assert_eq!(enrolled(storage, &app, NOW).await, Outcome::Done);
    let forgotten = Enrolment { sha256: [5; 32], ..link.clone() };
    let event = AuditEvent::EnrolmentOpened { signer: signer.clone() };
    storage.add_enrolment(&forgotten, entry(event)).await.expect("added");
    storage.forget_ended(NOW + Duration::hours(1)).await.expect("asked");
    assert_eq!(storage.enrolment(&[5; 32]).await.expect("read"), Some(forgotten), "its time is just over");
    storage.forget_ended(NOW + Duration::hours(2)).await.expect("asked");
    assert_eq!(storage.enrolment(&[5; 32]).await.expect("read"), None);
    let second = Authenticator { id: "second".into(), ..app.clone() };
    assert_eq!(enrolled(storage, &second, NOW).await, Outcome::Stale, "used");
    assert_eq!(storage.authenticators_of(&signer).await.expect("read"), [app]);
    let event = || AuditEvent::AuthenticatorRemoved { signer: signer.clone(), authenticator: "app".into() };
    let removed = storage.remove_authenticator(&signer, "app", entry(event())).await.expect("asked");
    assert_eq!(removed, Outcome::Done);
    let again = storage.remove_authenticator(&signer, "app", entry(event())).await.expect("asked");
    assert_eq!(again, Outcome::Stale);
}

pub(super) async fn an_authenticators_step_is_taken_once_over_all_transactions(storage: &dyn Storage) {
    populate(storage).await;
    let app = app();
    let link = Enrolment { sha256: [4; 32], signer: app.signer.clone(), expires_at: NOW + Duration::hours(1) };
    let event = AuditEvent::EnrolmentOpened { signer: app.signer.clone() };
    storage.add_enrolment(&link, entry(event)).await.expect("added");
    assert_eq!(enrolled(storage, &app, NOW).await, Outcome::Done);
    let attempt = |name: &'static str, counter: Option<u64>| async move {
        let t = transaction(name, request(), &["a"]);
        create(storage, &t).await;
        let challenge = challenge(storage, &t, name, 1).await;
        let authenticator = Some(AuthenticatorUse { id: "app".into(), counter });
        let confirmation = Confirmation { authenticator, ..confirmation() };
        storage.try_code(&challenge, &[1; 32], confirmation).await.expect("tried")
    };
    assert!(matches!(attempt("t1", None).await, CodeOutcome::Wrong { .. }), "it did not fit");
    assert!(matches!(attempt("t2", Some(5)).await, CodeOutcome::Wrong { .. }), "used before");
    assert_eq!(attempt("t3", Some(6)).await, CodeOutcome::Accepted);
    assert!(matches!(attempt("t4", Some(6)).await, CodeOutcome::Wrong { .. }), "used for another transaction");
    assert_eq!(attempt("t5", Some(7)).await, CodeOutcome::Accepted);
}
