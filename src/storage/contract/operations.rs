//! CSC: SADs that replace one another, calls that are answered later, documents under a SAD.

use super::*;
use crate::domain::{Operation, OperationId, OperationKind, Part};

fn operation(id: &str, sad_of: &Transaction, kind: OperationKind) -> Operation {
    let part = |ordinal| Part { transaction: sad_of.id.clone(), ordinal };
    Operation {
        id: OperationId::parse(id).expect("id"),
        portal: sad_of.portal.clone(),
        sad_of: sad_of.id.clone(),
        kind,
        parts: vec![part(1), part(0)],
        created_at: NOW,
        expires_at: NOW + Duration::hours(1),
        failure: None,
    }
}

fn row(sha256: [u8; 32]) -> SadRow {
    SadRow { sha256, ends: NOW + Duration::minutes(5), sealed: Some(vec![sha256[0]]) }
}

/// A confirmed transaction whose SAD has this hash.
async fn with_sad(storage: &dyn Storage, transaction: &Transaction, sad: [u8; 32]) {
    create(storage, transaction).await;
    let challenge = challenge(storage, transaction, "c1", 1).await;
    let confirm = Confirmation { sad: Some(row(sad)), ..confirmation() };
    assert_eq!(storage.try_code(&challenge, &[1; 32], confirm).await.expect("tried"), CodeOutcome::Accepted);
}

pub(super) async fn a_sad_is_replaced_by_whoever_holds_it(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", Origin::Csc, &["a"]);
    with_sad(storage, &t, [6; 32]).await;
    let replaced = || entry(AuditEvent::SadReplaced { transaction: t.id.clone() });
    let replace = async |old: u8, new: u8| {
        let new = SadRow { ends: NOW, ..row([new; 32]) };
        storage.replace_sad(&t.id, &[old; 32], &new, replaced()).await.expect("asked")
    };
    assert_eq!(replace(5, 7).await, Outcome::Stale);
    assert_eq!(replace(6, 7).await, Outcome::Done);
    assert_eq!(replace(6, 8).await, Outcome::Stale);
    assert!(storage.by_sad(&[6; 32]).await.expect("read").is_none());
    let kept = [
        storage.by_sad(&[7; 32]).await.expect("read").expect("there").1,
        storage.sad_of(&t.id).await.expect("read").expect("there"),
    ];
    let ends = NOW + Duration::minutes(5);
    assert!(
        kept.iter().all(|sad| (sad.sha256, sad.ends, &sad.sealed) == ([7; 32], ends, &Some(vec![7]))),
        "its end stays"
    );
    let failed = State::Failed { at: NOW, reason: FailureReason::Interrupted };
    let event = entry(AuditEvent::Failed { transaction: t.id.clone(), reason: String::new() });
    assert_eq!(storage.advance(&t.id, StateKind::Confirmed, &failed, event).await.expect("asked"), Outcome::Done);
    assert_eq!(replace(7, 8).await, Outcome::Stale, "it is over");
}

pub(super) async fn an_operation_stands_with_its_intents_or_not_at_all(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", Origin::Csc, &["a", "b"]);
    with_sad(storage, &t, [6; 32]).await;
    let kind = OperationKind::Hashes { algorithm: SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256) };
    let (first, second) = (operation("o1", &t, kind), operation("o2", &t, kind));
    let intents = [intent(1, "b"), intent(0, "a")];
    let begin = |operation| storage.begin_operation(operation, &intents, intended(&t));
    assert_eq!(begin(&first).await.expect("asked"), Outcome::Done);
    assert_eq!(begin(&second).await.expect("asked"), Outcome::Stale);
    assert_eq!(storage.operation(&first.id).await.expect("read"), Some(first.clone()));
    assert_eq!(storage.operation(&second.id).await.expect("read"), None);
    assert_eq!(storage.operations_of(&t.id).await.expect("read"), std::slice::from_ref(&first));
    storage.fail_operation(&first.id, FailureReason::KeyUnavailable).await.expect("stored");
    assert!(storage.operations_of(&t.id).await.expect("read").is_empty());
    storage.drop_expired_operations(first.expires_at - Duration::nanoseconds(1)).await.expect("kept");
    let failure = storage.operation(&first.id).await.expect("read").expect("there").failure;
    assert_eq!(failure, Some(FailureReason::KeyUnavailable));
    storage.drop_expired_operations(first.expires_at).await.expect("dropped");
    assert_eq!(storage.operation(&first.id).await.expect("read"), None);
}

pub(super) async fn documents_are_handed_on_once(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", Origin::Csc, &["a", "b"]);
    with_sad(storage, &t, [6; 32]).await;
    let child = |id: &str, text: &str| {
        let state = State::Confirmed { at: NOW };
        (Transaction { state, ..transaction(id, request(), &[text]) }, [intended(&t), intended(&t)])
    };
    let delegate = |id, used: &'static str, ordinal, name: &'static str| {
        let (operation, child) = (operation(id, &t, OperationKind::Documents), child(name, used));
        let (intents, entry) = ([Intent { prepared: None, ..intent(ordinal, used) }], intended(&t));
        async move { storage.delegate(&operation, &intents, &[child], entry).await }
    };
    assert_eq!(delegate("o1", "a", 0, "t2").await.expect("asked"), Outcome::Done);
    assert_eq!(delegate("o2", "a", 0, "t3").await.expect("asked"), Outcome::Stale);
    assert!(storage.transaction(&TransactionId::parse("t3").expect("id")).await.expect("read").is_none());
    assert_eq!(state(storage, &t).await.kind(), StateKind::Signing);
    assert_eq!(delegate("o3", "b", 1, "t4").await.expect("asked"), Outcome::Done);
    assert_eq!(state(storage, &t).await.kind(), StateKind::Signed);
    let (second, _) = child("t2", "a");
    assert_eq!(storage.transaction(&second.id).await.expect("read"), Some(second));
    let listed = storage.operations_of(&t.id).await.expect("read");
    assert!(listed.is_empty(), "documents are settled by their own transactions");
}
