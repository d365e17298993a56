//! What every database behind the traits must do. Each backend runs all of it.

use time::{Duration, OffsetDateTime, macros::datetime};

use super::oauth::{CodeGrant, Issued};
use super::*;
use crate::crypto::{DigestAlgorithm, SignatureAlgorithm};
use crate::domain::audit::check_chain;
use crate::domain::credential::Purpose;
use crate::domain::oauth::{
    AccessToken, Arrival, Authorization, AuthorizationRequest, AuthorizationStage, ClientAuth, Holder, RefreshToken,
    Scope,
};
use crate::domain::{AuthMode, Factors, FailureReason, KeyAlgorithm, Origin, SignatureSettings, WrappedKey};

mod authenticators;
mod budgets;
mod citizens;

use authenticators::*;
use budgets::*;
use citizens::*;

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
    a_changed_pin_replaces_exactly_the_keys_it_names,
    an_enrolment_registers_one_authenticator_once,
    an_authenticators_step_is_taken_once_over_all_transactions,
    an_item_is_signed_once,
    hashes_may_be_signed_in_two_calls,
    a_document_left_out_does_not_hold_up_the_others,
    a_request_without_any_signature_has_failed,
    a_lower_level_waits_in_the_queue_until_it_is_raised,
    an_idempotency_key_replays_or_refuses,
    overdue_and_unsettled_are_found,
    two_codes_at_once_confirm_once,
    a_pin_locks_after_its_tries_and_opens_with_time,
    tokens_speak_for_whom_they_were_given_and_end,
    a_client_has_two_secrets_at_most,
    a_pushed_request_is_opened_once_by_its_own_client,
    a_code_is_redeemed_once,
    a_refresh_token_is_used_once_and_its_family_ends_together,
    a_sign_in_ends_once_in_the_browser_it_began_in,
    wrong_pins_of_a_day_are_bounded_whatever_comes_between,
    wrong_codes_of_a_day_are_bounded_over_all_transactions_and_portals,
    codes_that_confirm_nothing_are_bounded_and_come_back,
    a_portal_that_floods_a_signer_does_not_keep_others_away,
    messages_of_a_day_are_bounded_by_portal_and_by_prefix,
    entries_are_counted_for_the_failure_rate,
    no_commit_of_a_frozen_signer_leads_to_a_signature,
    an_own_page_opens_once_and_closes_unused,
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
        email: Some("an@example.vn".into()),
        pin_hash: None,
        created_at: NOW,
        frozen_at: None,
    };
    storage.add_signer(&signer, entry(AuditEvent::SignerAdded { signer: signer.id.clone() })).await.expect("added");
    let event = AuditEvent::SignerGranted { portal: portal.id.clone(), signer: signer.id.clone() };
    storage.grant(&portal.id, &signer.id, entry(event)).await.expect("granted");
    let credential = Credential {
        id: CredentialId::parse("ec").expect("id"),
        signer: signer.id.clone(),
        algorithm: KeyAlgorithm::P256,
        auth: AuthMode::Hosted,
        factors: Factors::Code,
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
        method: Method::Sms,
        mac: [mac; 32],
        tries_left: 3,
        created_at: NOW,
        expires_at: NOW + Duration::minutes(5),
    };
    let event = AuditEvent::CodeSent { transaction: transaction.id.clone(), channel: "sms".into(), sequence: 1 };
    assert_eq!(storage.put_challenge(&challenge, &limits(), entry(event)).await.expect("stored"), Sending::Stored);
    challenge
}

fn limits() -> SendLimits {
    let scope = MessageScope { channel: "sms", prefix: "+8490".into() };
    SendLimits {
        unconfirmed: 5,
        window: Duration::hours(1),
        guesses: GuessLimits::DEFAULT,
        message: Some((scope, MessageLimits::NONE)),
    }
}

fn confirmation() -> Confirmation {
    Confirmation {
        at: NOW,
        method: "sms".into(),
        sad: None,
        items: Vec::new(),
        guesses: GuessLimits::DEFAULT,
        authenticator: None,
    }
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
    let sad = Some(SadRow { sha256: [6; 32], ends: NOW + Duration::minutes(5), sealed: Some(vec![9]) });
    let items = vec![Item { label: "a".into(), digest: sha256("a"), len: 0 }];
    let confirm = Confirmation { sad, items: items.clone(), ..confirmation() };
    assert_eq!(storage.try_code(&challenge, &[1; 32], confirm.clone()).await.expect("tried"), CodeOutcome::Accepted);
    assert_eq!(storage.try_code(&challenge, &[1; 32], confirm).await.expect("tried"), CodeOutcome::NoLiveCode);
    let (found, sad) = storage.by_sad(&[6; 32]).await.expect("read").expect("there");
    assert_eq!((found.items, sad.ends, sad.sealed), (items, NOW + Duration::minutes(5), Some(vec![9])));
    let failed = State::Failed { at: NOW, reason: FailureReason::Interrupted };
    let event = AuditEvent::Failed { transaction: t.id.clone(), reason: "interrupted".into() };
    let moved = storage.advance(&t.id, StateKind::Confirmed, &failed, entry(event)).await.expect("asked");
    assert_eq!(moved, Outcome::Done);
    let (_, sad) = storage.by_sad(&[6; 32]).await.expect("read").expect("there");
    assert_eq!(sad.sealed, None, "what opens the key goes with the SAD");
    assert!(storage.by_sad(&[7; 32]).await.expect("read").is_none());
}

async fn a_changed_pin_replaces_exactly_the_keys_it_names(storage: &dyn Storage) {
    populate(storage).await;
    let signer = SignerId::parse("an").expect("id");
    let key = |credential: &str, old: u8| Rewrapped {
        credential: CredentialId::parse(credential).expect("id"),
        old: WrappedKey(vec![1, 2, old]),
        new: WrappedKey(vec![9]),
    };
    let change = async |keys: &[Rewrapped]| {
        let event = AuditEvent::PinChanged { signer: signer.clone(), credentials: Vec::new() };
        storage.change_pin(&signer, "hash", keys, entry(event)).await.expect("asked")
    };
    let stored = async || {
        let credential =
            storage.credential(&CredentialId::parse("ec").expect("id")).await.expect("read").expect("there");
        let signer = storage.signer(&signer).await.expect("read").expect("there");
        (credential.key.0, credential.factors, signer.pin_hash)
    };
    let before = (vec![1, 2, 3], Factors::Code, None);
    assert_eq!(change(&[key("ec", 4)]).await, Outcome::Stale, "the key has changed meanwhile");
    assert_eq!(change(&[key("ec", 3), key("none", 3)]).await, Outcome::Stale, "all or none");
    assert_eq!(stored().await, before);
    assert_eq!(change(&[key("ec", 3)]).await, Outcome::Done);
    assert_eq!(stored().await, (vec![9], Factors::CodeAndPin, Some("hash".into())));
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

async fn two_codes_at_once_are_sent_once(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", request(), &["a"]);
    create(storage, &t).await;
    let first = challenge(storage, &t, "c1", 1).await;
    // Both saw one code sent before; only one of them may send the second.
    let event = || entry(AuditEvent::CodeSent { transaction: t.id.clone(), channel: "sms".into(), sequence: 2 });
    let second = Challenge { id: "c2".into(), sequence: 2, ..first.clone() };
    let rival = Challenge { id: "c3".into(), sequence: 2, ..first };
    assert_eq!(storage.put_challenge(&second, &limits(), event()).await.expect("asked"), Sending::Stored);
    assert_eq!(storage.put_challenge(&rival, &limits(), event()).await.expect("asked"), Sending::Stale);
    assert_eq!(storage.codes_sent(&t.id).await.expect("read"), 2);
    assert_eq!(storage.live_challenge(&t.id).await.expect("read"), Some(second));
}

fn access_token(holder: Holder, family: Option<&str>) -> AccessToken {
    AccessToken {
        portal: PortalId::parse("portal").expect("id"),
        holder,
        authorization: family.map(str::to_owned),
        certificate: None,
        expires_at: NOW + Duration::hours(1),
    }
}

async fn tokens_speak_for_whom_they_were_given_and_end(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", Origin::Oauth, &["a"]);
    create(storage, &t).await;
    let signer = t.signer.clone();
    let credential = Holder::Credential { signer: signer.clone(), credential: t.credential, transaction: t.id };
    for (n, holder) in (0u8..).zip([Holder::Portal, Holder::Signer(signer), credential]) {
        let token = access_token(holder, Some("f"));
        storage.add_access_token(&[n; 32], &token).await.expect("added");
        assert_eq!(storage.access_token(&[n; 32]).await.expect("read"), Some(token));
    }
    storage.remove_access_token(&[0; 32]).await.expect("removed");
    storage.forget_ended(NOW + Duration::hours(1)).await.expect("forgotten");
    assert_eq!(storage.access_token(&[0; 32]).await.expect("read"), None);
    assert!(storage.access_token(&[1; 32]).await.expect("read").is_some());
    storage.forget_ended(NOW + Duration::hours(2)).await.expect("forgotten");
    assert_eq!(storage.access_token(&[1; 32]).await.expect("read"), None);
}

async fn a_client_has_two_secrets_at_most(storage: &dyn Storage) {
    populate(storage).await;
    let portal = PortalId::parse("portal").expect("id");
    let event = || entry(AuditEvent::ClientChanged { portal: portal.clone(), change: "x".into() });
    let secrets = async || storage.client(&portal).await.expect("read").expect("there").secrets;
    assert_eq!(secrets().await, [[7; 32]]);
    assert_eq!(storage.retire_secret(&portal, event()).await.expect("asked"), Outcome::Stale);
    assert_eq!(storage.rotate_secret(&portal, &[8; 32], event()).await.expect("asked"), Outcome::Done);
    assert_eq!(secrets().await, [[8; 32], [7; 32]]);
    assert_eq!(storage.rotate_secret(&portal, &[9; 32], event()).await.expect("asked"), Outcome::Stale);
    assert_eq!(storage.retire_secret(&portal, event()).await.expect("asked"), Outcome::Done);
    assert_eq!(secrets().await, [[8; 32]]);
    let auth = ClientAuth::Tls { certificates: vec!["00".into()] };
    assert_eq!(storage.set_client_auth(&portal, &auth, event()).await.expect("asked"), Outcome::Done);
    storage.add_redirect_uri(&portal, "https://p.example/cb", event()).await.expect("added");
    let twice = storage.add_redirect_uri(&portal, "https://p.example/cb", event()).await;
    assert!(matches!(twice, Err(StorageError::Duplicate)));
    let client = storage.client(&portal).await.expect("read").expect("there");
    assert_eq!((client.auth, client.redirect_uris), (auth, vec!["https://p.example/cb".to_owned()]));
    let removed = storage.remove_redirect_uri(&portal, "https://p.example/other", event()).await.expect("asked");
    assert_eq!(removed, Outcome::Stale);
    assert_eq!(storage.take_assertion(&portal, &[1; 32], NOW).await.expect("asked"), Outcome::Done);
    assert_eq!(storage.take_assertion(&portal, &[1; 32], NOW).await.expect("asked"), Outcome::Stale);
}

fn authorization(stage: AuthorizationStage) -> Authorization {
    Authorization {
        id: "f1".into(),
        portal: PortalId::parse("portal").expect("id"),
        request: AuthorizationRequest {
            redirect_uri: "https://p.example/cb".into(),
            state: Some("s".into()),
            code_challenge: "c".into(),
            lang: None,
            description: String::new(),
            account: None,
            credential: None,
        },
        stage,
        arrival: Arrival::Pushed,
        signer: None,
        transaction: None,
        sealed_sad: None,
        created_at: NOW,
        expires_at: NOW + Duration::seconds(90),
    }
}

async fn a_pushed_request_is_opened_once_by_its_own_client(storage: &dyn Storage) {
    populate(storage).await;
    let (own, other) = (PortalId::parse("portal").expect("id"), PortalId::parse("other").expect("id"));
    storage.add_authorization(&authorization(AuthorizationStage::Pushed), &[1; 32]).await.expect("added");
    assert_eq!(storage.waiting_authorizations(&own, Arrival::Pushed, NOW).await.expect("read"), 1);
    let open = async |portal: &PortalId, at: OffsetDateTime| {
        let next = (&[2; 32], NOW + Duration::minutes(15));
        storage.open_pushed(portal, &[1; 32], next, at).await.expect("asked")
    };
    assert!(open(&other, NOW).await.is_none());
    assert!(open(&own, NOW + Duration::seconds(90)).await.is_none(), "too late");
    assert_eq!(open(&own, NOW).await.map(|opened| opened.stage), Some(AuthorizationStage::Open));
    assert!(open(&own, NOW).await.is_none());
    assert!(storage.authorization(&[1; 32]).await.expect("read").is_none());
    assert!(storage.authorization(&[2; 32]).await.expect("read").is_some());
}

async fn a_code_is_redeemed_once(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", Origin::Oauth, &[]);
    create(storage, &t).await;
    storage.add_authorization(&authorization(AuthorizationStage::Open), &[1; 32]).await.expect("added");
    assert_eq!(storage.attach("f1", &t.signer, &t.id).await.expect("asked"), Outcome::Done);
    assert_eq!(storage.attach("f1", &t.signer, &t.id).await.expect("asked"), Outcome::Stale);
    let found = storage.authorization_of(&t.id).await.expect("read").expect("there");
    assert_eq!(found.signer.as_ref(), Some(&t.signer));
    let grant = CodeGrant {
        code: [2; 32],
        signer: t.signer.clone(),
        sealed_sad: Some(vec![1]),
        expires_at: NOW + Duration::minutes(1),
    };
    let scope = Scope::Service;
    let event = || entry(AuditEvent::AccessGranted { portal: found.portal.clone(), signer: t.signer.clone(), scope });
    assert_eq!(storage.grant_code("f1", &grant, event()).await.expect("asked"), Outcome::Done);
    assert_eq!(storage.grant_code("f1", &grant, event()).await.expect("asked"), Outcome::Stale);
    let issue =
        |n: u8| Issued { access: ([n; 32], access_token(Holder::Signer(t.signer.clone()), Some("f1"))), refresh: None };
    let redeem = async |n: u8| storage.redeem_code("f1", &issue(n), NOW + Duration::days(30)).await.expect("asked");
    assert_eq!([redeem(3).await, redeem(4).await], [Outcome::Done, Outcome::Stale]);
    assert!(storage.access_token(&[4; 32]).await.expect("read").is_none(), "the second gets nothing");
    let known = storage.authorization(&[2; 32]).await.expect("read").expect("known again");
    assert_eq!((known.stage, known.sealed_sad), (AuthorizationStage::Redeemed, None));
}

async fn a_refresh_token_is_used_once_and_its_family_ends_together(storage: &dyn Storage) {
    populate(storage).await;
    let signer = SignerId::parse("an").expect("id");
    let refresh = RefreshToken {
        portal: PortalId::parse("portal").expect("id"),
        signer: signer.clone(),
        authorization: "f1".into(),
        expires_at: NOW + Duration::days(30),
    };
    let issue = |n: u8| Issued {
        access: ([n; 32], access_token(Holder::Signer(signer.clone()), Some("f1"))),
        refresh: Some(([n; 32], refresh.clone())),
    };
    let none = storage.rotate_refresh_token(&[0; 32], &issue(1)).await.expect("asked");
    assert_eq!(none, Outcome::Stale);
    storage.add_authorization(&authorization(AuthorizationStage::Granted), &[9; 32]).await.expect("added");
    assert_eq!(storage.redeem_code("f1", &issue(1), NOW).await.expect("asked"), Outcome::Done);
    assert_eq!(storage.rotate_refresh_token(&[1; 32], &issue(2)).await.expect("asked"), Outcome::Done);
    assert_eq!(storage.rotate_refresh_token(&[1; 32], &issue(3)).await.expect("asked"), Outcome::Stale);
    assert_eq!(storage.refresh_token(&[1; 32]).await.expect("read"), Some(refresh.clone()), "known again");
    let event = AuditEvent::AccessRevoked { portal: refresh.portal.clone(), reason: "x".into() };
    storage.end_family("f1", entry(event)).await.expect("ended");
    assert!(storage.refresh_token(&[2; 32]).await.expect("read").is_none());
    assert!(storage.access_token(&[2; 32]).await.expect("read").is_none());
}

async fn a_sign_in_ends_once_in_the_browser_it_began_in(storage: &dyn Storage) {
    populate(storage).await;
    let signer = SignerId::parse("an").expect("id");
    let ends = NOW + Duration::minutes(10);
    storage.begin_sign_in(&[1; 32], &[2; 32], ends).await.expect("begun");
    let end = async |browser: u8, at| storage.end_sign_in(&[1; 32], &[browser; 32], at).await.expect("asked");
    assert_eq!(end(3, NOW).await, Outcome::Stale, "another browser");
    assert_eq!(end(2, ends).await, Outcome::Stale, "too late");
    assert_eq!([end(2, NOW).await, end(2, NOW).await], [Outcome::Done, Outcome::Stale]);
    storage.add_session(&[4; 32], &signer, ends).await.expect("added");
    assert_eq!(storage.session(&[4; 32], NOW).await.expect("read"), Some(signer.clone()));
    assert_eq!(storage.session(&[4; 32], ends).await.expect("read"), None);
    let event = || entry(AuditEvent::SignerIdentified { signer: signer.clone(), issuer: "i".into() });
    storage.add_identity(&[5; 32], &signer, event()).await.expect("added");
    assert!(matches!(storage.add_identity(&[5; 32], &signer, event()).await, Err(StorageError::Duplicate)));
    assert_eq!(storage.identity(&[5; 32]).await.expect("read"), Some(signer.clone()));
    assert_eq!(storage.signers_with_phone("+84900000001").await.expect("read"), [signer]);
}
