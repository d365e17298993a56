//! What every database behind the traits must do. Each backend runs all of it.

use time::{Duration, OffsetDateTime, macros::datetime};

use super::*;
use crate::crypto::{DigestAlgorithm, SignatureAlgorithm};
use crate::domain::audit::check_chain;
use crate::domain::credential::Purpose;
use crate::domain::{
    AuthMode, FailureReason, KeyAlgorithm, Operation, OperationId, OperationKind, Origin, Part, SignatureSettings,
    WrappedKey,
};

const NOW: OffsetDateTime = datetime!(2026-06-01 8:00:00.123456789 UTC);

/// One suite, a backend each.
macro_rules! suite {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                let dir = tempfile::tempdir().expect("a folder");
                let file = dir.path().join("kyso.db");
                let storage = crate::storage::sqlite::SqliteStorage::open(&file).await.expect("opens");
                super::$test(&storage).await;
                super::chain_holds(&storage).await;
                storage.close().await;
            })*
        }
    };
}

suite!(
    parties_and_credentials_come_back,
    a_transaction_comes_back_whole,
    an_advance_from_the_wrong_state_changes_nothing,
    a_code_counts_down_and_locks,
    a_new_code_kills_the_old_one,
    two_codes_at_once_are_sent_once,
    the_right_code_works_once,
    an_expired_code_is_dead,
    an_item_is_signed_once,
    hashes_may_be_signed_in_two_calls,
    a_document_left_out_does_not_hold_up_the_others,
    a_request_without_any_signature_has_failed,
    a_lower_level_waits_in_the_queue_until_it_is_raised,
    an_idempotency_key_replays_or_refuses,
    overdue_and_unsettled_are_found,
    two_codes_at_once_confirm_once,
    a_pin_locks_after_its_tries_and_opens_with_time,
    a_sad_is_replaced_by_whoever_holds_it,
    an_operation_stands_with_its_intents_or_not_at_all,
    documents_are_handed_on_once,
    a_token_is_ended_by_its_own_portal,
);

async fn chain_holds(storage: &dyn Storage) {
    let records = storage.audit_after(0, 10_000).await.expect("records");
    assert!(!records.is_empty());
    check_chain(&records).expect("an unbroken chain");
    storage.probe().await.expect("writable");
}

fn entry(event: AuditEvent) -> Entry {
    Entry { at: NOW, event }
}

fn sha256(text: &str) -> Digest {
    DigestAlgorithm::Sha256.digest(text.as_bytes())
}

fn transaction(id: &str, origin: Origin, hashes: &[&str]) -> Transaction {
    let item = |text: &&str| Item { label: format!("{text}.pdf"), digest: sha256(text), len: text.len() as u64 };
    Transaction {
        id: TransactionId::parse(id).expect("id"),
        portal: PortalId::parse("portal").expect("id"),
        signer: SignerId::parse("an").expect("id"),
        credential: CredentialId::parse("ec").expect("id"),
        origin,
        description: "Tờ khai".into(),
        created_at: NOW,
        expires_at: NOW + Duration::minutes(15),
        items: hashes.iter().map(item).collect(),
        state: State::Waiting,
    }
}

fn request() -> Origin {
    let algorithm = SignatureAlgorithm::RsaPss { digest: DigestAlgorithm::Sha256, salt_len: 32 };
    let mut settings = SignatureSettings::new(algorithm);
    settings.options.reason = Some("Đồng ý".into());
    Origin::Request { return_url: Some("https://portal.example/back".into()), settings: Box::new(settings) }
}

async fn populate(storage: &dyn Storage) {
    let portal = Portal {
        id: PortalId::parse("portal").expect("id"),
        name: "Cổng dịch vụ công".into(),
        host: Some("dvc.example".into()),
        support_phone: None,
        secret_sha256: [7; 32],
        created_at: NOW,
    };
    let event = AuditEvent::PortalAdded { portal: portal.id.clone(), name: portal.name.clone() };
    storage.add_portal(&portal, entry(event)).await.expect("added");
    let signer = Signer {
        id: SignerId::parse("an").expect("id"),
        name: "Nguyễn Văn An".into(),
        phone: "+84900000001".into(),
        pin_hash: None,
        created_at: NOW,
    };
    storage.add_signer(&signer, entry(AuditEvent::SignerAdded { signer: signer.id.clone() })).await.expect("added");
    let event = AuditEvent::SignerGranted { portal: portal.id.clone(), signer: signer.id.clone() };
    storage.grant(&portal.id, &signer.id, entry(event)).await.expect("granted");
    let credential = Credential {
        id: CredentialId::parse("ec").expect("id"),
        signer: signer.id.clone(),
        algorithm: KeyAlgorithm::P256,
        auth: AuthMode::Hosted,
        status: KeyStatus::Pending,
        purpose: Purpose::Production,
        key: WrappedKey(vec![1, 2, 3]),
        spki: vec![4, 5],
        certificates: Vec::new(),
        multisign: 10,
        created_at: NOW,
    };
    let event = AuditEvent::CredentialStatus { credential: credential.id.clone(), status: "pending".into() };
    storage.add_credential(&credential, entry(event)).await.expect("added");
}

async fn create(storage: &dyn Storage, transaction: &Transaction) {
    let event = AuditEvent::Refused { transaction: transaction.id.clone() };
    assert_eq!(storage.create(transaction, None, entry(event)).await.expect("created"), Created::New);
}

async fn challenge(storage: &dyn Storage, transaction: &Transaction, id: &str, mac: u8) -> Challenge {
    let challenge = Challenge {
        id: id.into(),
        transaction: transaction.id.clone(),
        sequence: storage.codes_sent(&transaction.id).await.expect("read") + 1,
        mac: [mac; 32],
        tries_left: 3,
        created_at: NOW,
        expires_at: NOW + Duration::minutes(5),
    };
    let event = AuditEvent::CodeSent { transaction: transaction.id.clone(), channel: "sms".into(), sequence: 1 };
    assert_eq!(storage.put_challenge(&challenge, entry(event)).await.expect("stored"), Outcome::Done);
    challenge
}

fn confirmation() -> Confirmation {
    Confirmation { at: NOW, method: "sms", sad: None, items: Vec::new() }
}

async fn confirmed(storage: &dyn Storage, transaction: &Transaction) {
    create(storage, transaction).await;
    let challenge = challenge(storage, transaction, "c1", 1).await;
    let outcome = storage.try_code(&challenge, &[1; 32], confirmation()).await.expect("tried");
    assert_eq!(outcome, CodeOutcome::Accepted);
}

async fn state(storage: &dyn Storage, transaction: &Transaction) -> State {
    storage.transaction(&transaction.id).await.expect("read").expect("there").state
}

fn intent(ordinal: u32, text: &str) -> Intent {
    Intent { ordinal, digest: sha256(text), prepared: Some(vec![9]) }
}

fn output(level: Baseline, raise: Option<Raise>) -> Output {
    Output { bytes: vec![43], level, raise }
}

fn result(ordinal: u32) -> SignatureResult {
    SignatureResult { ordinal, signature: vec![42], output: Some(output(Baseline::B, None)) }
}

fn intended(t: &Transaction) -> Entry {
    entry(AuditEvent::SigningIntended { transaction: t.id.clone(), hashes: vec![], left_out: vec![] })
}

fn signed(t: &Transaction) -> Entry {
    entry(AuditEvent::Signed { transaction: t.id.clone(), signatures: vec![], left_out: vec![] })
}

async fn parties_and_credentials_come_back(storage: &dyn Storage) {
    populate(storage).await;
    let portal = PortalId::parse("portal").expect("id");
    let signer = SignerId::parse("an").expect("id");
    assert_eq!(storage.portal(&portal).await.expect("read").expect("there").name, "Cổng dịch vụ công");
    assert_eq!(storage.signer(&signer).await.expect("read").expect("there").created_at, NOW);
    assert!(storage.is_granted(&portal, &signer).await.expect("read"));
    assert!(!storage.is_granted(&PortalId::parse("other").expect("id"), &signer).await.expect("read"));
    let id = CredentialId::parse("ec").expect("id");
    let event = AuditEvent::CredentialCertified { credential: id.clone(), certificate_sha256: "00".into() };
    let certificates = vec![vec![1], vec![2, 2]];
    assert_eq!(storage.certify(&id, &certificates, entry(event.clone())).await.expect("certified"), Outcome::Done);
    assert_eq!(storage.certify(&id, &certificates, entry(event)).await.expect("certified"), Outcome::Stale);
    let credential = storage.credential(&id).await.expect("read").expect("there");
    assert_eq!((credential.certificates, credential.status), (certificates, KeyStatus::Enabled));
    assert_eq!(storage.credentials_of(&signer).await.expect("read").len(), 1);
    assert!(!storage.holds_development_credentials().await.expect("read"));
    storage.add_access_token(&[5; 32], &portal, NOW).await.expect("added");
    assert_eq!(storage.access_token(&[5; 32]).await.expect("read"), Some((portal, NOW)));
    storage.drop_expired_tokens(NOW + Duration::seconds(1)).await.expect("dropped");
    assert_eq!(storage.access_token(&[5; 32]).await.expect("read"), None);
}

async fn a_transaction_comes_back_whole(storage: &dyn Storage) {
    populate(storage).await;
    for t in [transaction("t1", request(), &["a", "b"]), transaction("t2", Origin::Csc, &[])] {
        create(storage, &t).await;
        assert_eq!(storage.transaction(&t.id).await.expect("read"), Some(t));
    }
}

async fn an_advance_from_the_wrong_state_changes_nothing(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", request(), &["a"]);
    create(storage, &t).await;
    let refused = State::Refused { at: NOW };
    let event = || entry(AuditEvent::Refused { transaction: t.id.clone() });
    assert_eq!(storage.advance(&t.id, StateKind::Confirmed, &refused, event()).await.expect("asked"), Outcome::Stale);
    assert_eq!(state(storage, &t).await, State::Waiting);
    assert_eq!(storage.advance(&t.id, StateKind::Waiting, &refused, event()).await.expect("asked"), Outcome::Done);
    assert_eq!(state(storage, &t).await, refused);
}

async fn a_code_counts_down_and_locks(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", request(), &["a"]);
    create(storage, &t).await;
    let challenge = challenge(storage, &t, "c1", 1).await;
    for left in [2, 1] {
        let outcome = storage.try_code(&challenge, &[2; 32], confirmation()).await.expect("tried");
        assert_eq!(outcome, CodeOutcome::Wrong { tries_left: left });
    }
    assert_eq!(storage.try_code(&challenge, &[2; 32], confirmation()).await.expect("tried"), CodeOutcome::Locked);
    assert_eq!(storage.try_code(&challenge, &[1; 32], confirmation()).await.expect("tried"), CodeOutcome::NoLiveCode);
    assert_eq!(state(storage, &t).await, State::Failed { at: NOW, reason: FailureReason::TooManyWrongCodes });
}

async fn a_new_code_kills_the_old_one(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", request(), &["a"]);
    create(storage, &t).await;
    let old = challenge(storage, &t, "c1", 1).await;
    let new = challenge(storage, &t, "c2", 2).await;
    assert_eq!(storage.codes_sent(&t.id).await.expect("read"), 2);
    assert_eq!(storage.try_code(&old, &[1; 32], confirmation()).await.expect("tried"), CodeOutcome::NoLiveCode);
    assert_eq!(storage.live_challenge(&t.id).await.expect("read").as_ref(), Some(&new));
    assert_eq!(storage.try_code(&new, &[2; 32], confirmation()).await.expect("tried"), CodeOutcome::Accepted);
}

async fn the_right_code_works_once(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", Origin::Csc, &[]);
    create(storage, &t).await;
    let challenge = challenge(storage, &t, "c1", 1).await;
    let sad = Some(([6; 32], NOW + Duration::minutes(5)));
    let items = vec![Item { label: "a".into(), digest: sha256("a"), len: 0 }];
    let confirm = Confirmation { sad, items: items.clone(), ..confirmation() };
    assert_eq!(storage.try_code(&challenge, &[1; 32], confirm.clone()).await.expect("tried"), CodeOutcome::Accepted);
    assert_eq!(storage.try_code(&challenge, &[1; 32], confirm).await.expect("tried"), CodeOutcome::NoLiveCode);
    let (found, ends) = storage.by_sad(&[6; 32]).await.expect("read").expect("there");
    assert_eq!((found.items, ends), (items, NOW + Duration::minutes(5)));
    assert!(storage.by_sad(&[7; 32]).await.expect("read").is_none());
}

async fn an_expired_code_is_dead(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", request(), &["a"]);
    create(storage, &t).await;
    let challenge = challenge(storage, &t, "c1", 1).await;
    let late = Confirmation { at: NOW + Duration::minutes(5), ..confirmation() };
    assert_eq!(storage.try_code(&challenge, &[1; 32], late).await.expect("tried"), CodeOutcome::NoLiveCode);
    assert_eq!(state(storage, &t).await, State::Waiting);
}

async fn an_item_is_signed_once(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", request(), &["a"]);
    create(storage, &t).await;
    let early = storage.record_intents(&t.id, &[intent(0, "a")], &[], intended(&t)).await.expect("asked");
    assert_eq!(early, Outcome::Stale, "nothing is signed before it is confirmed");
    let challenge = challenge(storage, &t, "c1", 1).await;
    let accepted = storage.try_code(&challenge, &[1; 32], confirmation()).await.expect("tried");
    assert_eq!(accepted, CodeOutcome::Accepted);
    assert_eq!(
        storage.record_intents(&t.id, &[intent(0, "a")], &[], intended(&t)).await.expect("asked"),
        Outcome::Done
    );
    assert_eq!(
        storage.record_intents(&t.id, &[intent(0, "a")], &[], intended(&t)).await.expect("asked"),
        Outcome::Stale
    );
    assert_eq!(storage.record_results(&t.id, &[result(0)], &[], signed(&t)).await.expect("asked"), Outcome::Done);
    assert_eq!(storage.record_results(&t.id, &[result(0)], &[], signed(&t)).await.expect("asked"), Outcome::Stale);
    assert_eq!(state(storage, &t).await, State::Signed { at: NOW });
    let rows = storage.signatures(&t.id).await.expect("read");
    let expected = SignatureRow {
        intent: intent(0, "a"),
        signature: Some(vec![42]),
        output: Some(vec![43]),
        level: Some(Baseline::B),
    };
    assert_eq!(rows, [expected]);
}

async fn hashes_may_be_signed_in_two_calls(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", Origin::Csc, &["a", "b"]);
    confirmed(storage, &t).await;
    assert_eq!(
        storage.record_intents(&t.id, &[intent(1, "b")], &[], intended(&t)).await.expect("asked"),
        Outcome::Done
    );
    assert_eq!(storage.record_results(&t.id, &[result(1)], &[], signed(&t)).await.expect("asked"), Outcome::Done);
    assert_eq!(state(storage, &t).await.kind(), StateKind::Signing);
    assert_eq!(
        storage.record_intents(&t.id, &[intent(0, "a")], &[], intended(&t)).await.expect("asked"),
        Outcome::Done
    );
    assert_eq!(storage.record_results(&t.id, &[result(0)], &[], signed(&t)).await.expect("asked"), Outcome::Done);
    assert_eq!(state(storage, &t).await.kind(), StateKind::Signed);
}

async fn a_document_left_out_does_not_hold_up_the_others(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", request(), &["a", "b"]);
    confirmed(storage, &t).await;
    let left_out = LeftOut { ordinal: 0, reason: FailureReason::DocumentNotSignable };
    let recorded = storage.record_intents(&t.id, &[intent(1, "b")], &[left_out], intended(&t)).await.expect("asked");
    assert_eq!(recorded, Outcome::Done);
    assert_eq!(storage.record_results(&t.id, &[result(1)], &[], signed(&t)).await.expect("asked"), Outcome::Done);
    assert_eq!(state(storage, &t).await.kind(), StateKind::Signed);
    let states = storage.item_states(&t.id).await.expect("read");
    let failed = ItemState { failure: Some(FailureReason::DocumentNotSignable), ..ItemState::default() };
    assert_eq!(states, [failed, ItemState { level: Some(Baseline::B), ..ItemState::default() }]);
}

async fn a_request_without_any_signature_has_failed(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", request(), &["a"]);
    confirmed(storage, &t).await;
    let recorded = storage.record_intents(&t.id, &[intent(0, "a")], &[], intended(&t)).await.expect("asked");
    assert_eq!(recorded, Outcome::Done);
    let reason = FailureReason::TrustServiceUnavailable;
    let left_out = [LeftOut { ordinal: 0, reason }];
    assert_eq!(storage.record_results(&t.id, &[], &left_out, signed(&t)).await.expect("asked"), Outcome::Done);
    assert_eq!(state(storage, &t).await, State::Failed { at: NOW, reason });
}

async fn a_lower_level_waits_in_the_queue_until_it_is_raised(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", request(), &["a"]);
    confirmed(storage, &t).await;
    let raise = |attempts, minutes| Raise {
        wanted: Baseline::Lta,
        attempts,
        next_at: NOW + Duration::minutes(minutes),
        last_error: "down".into(),
    };
    let recorded = storage.record_intents(&t.id, &[intent(0, "a")], &[], intended(&t)).await.expect("asked");
    assert_eq!(recorded, Outcome::Done);
    let low = SignatureResult { output: Some(output(Baseline::B, Some(raise(0, 1)))), ..result(0) };
    assert_eq!(storage.record_results(&t.id, &[low], &[], signed(&t)).await.expect("asked"), Outcome::Done);
    assert_eq!(storage.due_raises(NOW, 10).await.expect("read"), []);

    let due = storage.due_raises(NOW + Duration::minutes(1), 10).await.expect("read");
    assert_eq!(due, [DueRaise { transaction: t.id.clone(), ordinal: 0, raise: raise(0, 1) }]);
    let failed = DueRaise { raise: raise(1, 5), ..due[0].clone() };
    storage.postpone_raise(&failed).await.expect("postponed");
    assert_eq!(storage.due_raises(NOW + Duration::minutes(1), 10).await.expect("read"), []);
    assert_eq!(storage.item_states(&t.id).await.expect("read")[0].raise, Some(raise(1, 5)));

    let event = || entry(AuditEvent::LevelRaised { transaction: t.id.clone(), ordinal: 0, level: Baseline::T });
    let half = Output { bytes: vec![44], ..output(Baseline::T, Some(raise(0, 9))) };
    assert_eq!(storage.record_raised(&t.id, 0, &half, event()).await.expect("asked"), Outcome::Done);
    let whole = Output { bytes: vec![45], ..output(Baseline::Lta, None) };
    assert_eq!(storage.record_raised(&t.id, 0, &whole, event()).await.expect("asked"), Outcome::Done);
    assert_eq!(storage.record_raised(&t.id, 0, &whole, event()).await.expect("asked"), Outcome::Stale, "raised once");
    let row = storage.signatures(&t.id).await.expect("read").remove(0);
    assert_eq!((row.output, row.level), (Some(vec![45]), Some(Baseline::Lta)));
    assert_eq!(storage.due_raises(NOW + Duration::days(1), 10).await.expect("read"), []);
}

async fn an_idempotency_key_replays_or_refuses(storage: &dyn Storage) {
    populate(storage).await;
    let first = transaction("t1", request(), &["a"]);
    let claim = |body: u8, not_before| Some(Idempotency { key: "k".into(), body_sha256: [body; 32], not_before });
    let event = || entry(AuditEvent::Refused { transaction: first.id.clone() });
    let created = storage.create(&first, claim(1, NOW), event()).await.expect("asked");
    assert_eq!(created, Created::New);
    let again = transaction("t2", request(), &["a"]);
    let replayed = storage.create(&again, claim(1, NOW), event()).await.expect("asked");
    assert_eq!(replayed, Created::Replayed(first.id.clone()));
    assert_eq!(storage.create(&again, claim(2, NOW), event()).await.expect("asked"), Created::Mismatch);
    assert!(storage.transaction(&again.id).await.expect("read").is_none());
    let later = claim(2, NOW + Duration::hours(24));
    assert_eq!(storage.create(&again, later, event()).await.expect("asked"), Created::New);
}

async fn overdue_and_unsettled_are_found(storage: &dyn Storage) {
    populate(storage).await;
    let waiting = transaction("t1", request(), &["a"]);
    create(storage, &waiting).await;
    let half_way = transaction("t2", request(), &["a"]);
    confirmed(storage, &half_way).await;
    let ids = |found: Vec<Transaction>| found.into_iter().map(|t| t.id.to_string()).collect::<Vec<_>>();
    assert!(storage.overdue(NOW).await.expect("read").is_empty());
    assert_eq!(ids(storage.overdue(NOW + Duration::hours(1)).await.expect("read")), ["t1"]);
    assert_eq!(ids(storage.unsettled().await.expect("read")), ["t2"]);
    assert_eq!(ids(storage.waiting_for(&waiting.portal, &waiting.credential).await.expect("read")), [""; 0]);
}

async fn two_codes_at_once_confirm_once(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", request(), &["a"]);
    create(storage, &t).await;
    let challenge = challenge(storage, &t, "c1", 1).await;
    let attempt = || storage.try_code(&challenge, &[1; 32], confirmation());
    let (a, b, c) = tokio::join!(attempt(), attempt(), attempt());
    let accepted = [a, b, c].into_iter().filter(|o| matches!(o, Ok(CodeOutcome::Accepted))).count();
    assert_eq!(accepted, 1);
}

async fn a_pin_locks_after_its_tries_and_opens_with_time(storage: &dyn Storage) {
    populate(storage).await;
    let signer = SignerId::parse("an").expect("id");
    let take = async |at: OffsetDateTime| {
        storage.take_pin_try(&signer, at, at - Duration::minutes(15), 2).await.expect("asked")
    };
    assert_eq!([take(NOW).await, take(NOW).await, take(NOW).await], [Outcome::Done, Outcome::Done, Outcome::Stale]);
    assert_eq!(take(NOW + Duration::minutes(16)).await, Outcome::Done);
    storage.reset_pin_tries(&signer).await.expect("reset");
    assert_eq!(take(NOW + Duration::minutes(16)).await, Outcome::Done);
    assert_eq!(take(NOW + Duration::minutes(16)).await, Outcome::Done);
}

async fn two_codes_at_once_are_sent_once(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", request(), &["a"]);
    create(storage, &t).await;
    let first = challenge(storage, &t, "c1", 1).await;
    // Both saw one code sent before; only one of them may send the second.
    let event = || entry(AuditEvent::CodeSent { transaction: t.id.clone(), channel: "sms".into(), sequence: 2 });
    let second = Challenge { id: "c2".into(), sequence: 2, ..first.clone() };
    let rival = Challenge { id: "c3".into(), sequence: 2, ..first };
    assert_eq!(storage.put_challenge(&second, event()).await.expect("asked"), Outcome::Done);
    assert_eq!(storage.put_challenge(&rival, event()).await.expect("asked"), Outcome::Stale);
    assert_eq!(storage.codes_sent(&t.id).await.expect("read"), 2);
    assert_eq!(storage.live_challenge(&t.id).await.expect("read"), Some(second));
}

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

/// A confirmed transaction whose SAD has this hash.
async fn with_sad(storage: &dyn Storage, transaction: &Transaction, sad: [u8; 32]) {
    create(storage, transaction).await;
    let challenge = challenge(storage, transaction, "c1", 1).await;
    let sad = Some((sad, NOW + Duration::minutes(5)));
    let confirm = Confirmation { sad, ..confirmation() };
    assert_eq!(storage.try_code(&challenge, &[1; 32], confirm).await.expect("tried"), CodeOutcome::Accepted);
}

async fn a_sad_is_replaced_by_whoever_holds_it(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", Origin::Csc, &["a"]);
    with_sad(storage, &t, [6; 32]).await;
    let replaced = || entry(AuditEvent::SadReplaced { transaction: t.id.clone() });
    let replace = |old, new| storage.replace_sad(&t.id, old, new, replaced());
    assert_eq!(replace(&[5; 32], &[7; 32]).await.expect("asked"), Outcome::Stale);
    assert_eq!(replace(&[6; 32], &[7; 32]).await.expect("asked"), Outcome::Done);
    assert_eq!(replace(&[6; 32], &[8; 32]).await.expect("asked"), Outcome::Stale);
    assert!(storage.by_sad(&[6; 32]).await.expect("read").is_none());
    let ends = NOW + Duration::minutes(5);
    assert_eq!(storage.by_sad(&[7; 32]).await.expect("read").map(|(_, ends)| ends), Some(ends));
    assert_eq!(storage.sad_of(&t.id).await.expect("read"), Some(([7; 32], ends)));
    let failed = State::Failed { at: NOW, reason: FailureReason::Interrupted };
    let event = entry(AuditEvent::Failed { transaction: t.id.clone(), reason: String::new() });
    assert_eq!(storage.advance(&t.id, StateKind::Confirmed, &failed, event).await.expect("asked"), Outcome::Done);
    assert_eq!(replace(&[7; 32], &[8; 32]).await.expect("asked"), Outcome::Stale, "it is over");
}

async fn an_operation_stands_with_its_intents_or_not_at_all(storage: &dyn Storage) {
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

async fn documents_are_handed_on_once(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", Origin::Csc, &["a", "b"]);
    with_sad(storage, &t, [6; 32]).await;
    let child = |id: &str, text: &str| {
        let state = State::Confirmed { at: NOW };
        (Transaction { state, ..transaction(id, request(), &[text]) }, vec![intended(&t)])
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

async fn a_token_is_ended_by_its_own_portal(storage: &dyn Storage) {
    populate(storage).await;
    let (own, other) = (PortalId::parse("portal").expect("id"), PortalId::parse("other").expect("id"));
    storage.add_access_token(&[5; 32], &own, NOW).await.expect("added");
    assert_eq!(storage.drop_access_token(&[5; 32], &other).await.expect("asked"), Outcome::Stale);
    assert_eq!(storage.drop_access_token(&[5; 32], &own).await.expect("asked"), Outcome::Done);
    assert_eq!(storage.drop_access_token(&[5; 32], &own).await.expect("asked"), Outcome::Stale);
    assert_eq!(storage.access_token(&[5; 32]).await.expect("read"), None);
}
