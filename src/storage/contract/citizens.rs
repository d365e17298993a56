//! Freezing, and the sessions of citizens' own pages.

use super::*;
use crate::storage::citizens::OpeningLimits;

fn frozen(signer: &SignerId) -> Entry {
    entry(AuditEvent::SignerFrozen { signer: signer.clone(), by: "request".into() })
}

pub(super) async fn no_commit_of_a_frozen_signer_leads_to_a_signature(storage: &dyn Storage) {
    populate(storage).await;
    let signer = SignerId::parse("an").expect("id");
    let (waiting, coded) = (transaction("t1", request(), &["a"]), transaction("t2", request(), &["b"]));
    let done = transaction("t3", request(), &["c"]);
    create(storage, &waiting).await;
    create(storage, &coded).await;
    create(storage, &done).await;
    let live = challenge(storage, &coded, "c2", 1).await;
    let used = challenge(storage, &done, "c3", 1).await;
    assert_eq!(storage.try_code(&used, &[1; 32], confirmation()).await.expect("tried"), CodeOutcome::Accepted);
    assert_eq!(storage.freeze(&signer, frozen(&signer)).await.expect("frozen"), Outcome::Done);
    assert_eq!(storage.freeze(&signer, frozen(&signer)).await.expect("asked"), Outcome::Stale);

    let sent = Challenge { id: "c1".into(), transaction: waiting.id.clone(), sequence: 1, ..live.clone() };
    let event = || entry(AuditEvent::CodeSent { transaction: waiting.id.clone(), channel: "sms".into(), sequence: 1 });
    assert!(matches!(storage.put_challenge(&sent, &limits(), event()).await, Err(StorageError::Frozen)));
    assert!(matches!(storage.try_code(&live, &[1; 32], confirmation()).await, Err(StorageError::Frozen)));
    let intents = storage.record_intents(&done.id, &[intent(0, "c")], &[], intended(&done)).await;
    assert!(matches!(intents, Err(StorageError::Frozen)), "confirmed before, and not signed after");
    assert_eq!(storage.codes_sent(&waiting.id).await.expect("read"), 0, "nothing was used up");
    assert_eq!(storage.waiting_of(&signer).await.expect("read").len(), 2);

    let lifted = entry(AuditEvent::SignerUnfrozen { signer: signer.clone() });
    assert_eq!(storage.unfreeze(&signer, lifted.clone()).await.expect("lifted"), Outcome::Done);
    assert_eq!(storage.unfreeze(&signer, lifted).await.expect("asked"), Outcome::Stale);
    let intents = storage.record_intents(&done.id, &[intent(0, "c")], &[], intended(&done)).await;
    assert_eq!(intents.expect("recorded"), Outcome::Done);
}

pub(super) async fn an_own_page_opens_once_and_closes_unused(storage: &dyn Storage) {
    populate(storage).await;
    let signer = SignerId::parse("an").expect("id");
    let mut own = transaction("t1", Origin::Oauth, &[]);
    own.portal = PortalId::parse(crate::domain::party::OWN_PORTAL).expect("id");
    let limits = OpeningLimits { window: Duration::hours(1), unconfirmed: 1 };
    let event = || entry(AuditEvent::Refused { transaction: own.id.clone() });
    assert_eq!(storage.begin_own_session(&[1; 32], &own, limits, event()).await.expect("begun"), Outcome::Done);
    let second = Transaction { id: TransactionId::parse("t2").expect("id"), ..own.clone() };
    assert_eq!(storage.begin_own_session(&[2; 32], &second, limits, event()).await.expect("asked"), Outcome::Stale);
    assert_eq!(storage.opening(&[1; 32]).await.expect("read"), Some(own));
    let idle = Duration::minutes(10);
    let at = |minutes| NOW + Duration::minutes(minutes);
    assert_eq!(storage.own_session(&[1; 32], NOW, idle).await.expect("read"), None, "not open yet");
    let open = async |old| storage.open_own_session(old, &[3; 32], at(10), at(25)).await.expect("asked");
    assert_eq!(
        (open(&[1; 32]).await, open(&[1; 32]).await, open(&[3; 32]).await),
        (Outcome::Done, Outcome::Stale, Outcome::Stale)
    );
    let whose = async |minutes| storage.own_session(&[3; 32], at(minutes), idle).await.expect("read");
    assert_eq!((whose(9).await, whose(18).await), (Some(signer.clone()), Some(signer)));
    assert_eq!(whose(26).await, None, "its last end, however much it is used");
    storage.end_own_session(&[3; 32]).await.expect("ended");
    assert_eq!(whose(18).await, None);
}
