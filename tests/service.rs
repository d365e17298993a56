//! The use cases over the real parts: SQLite, software keys, the development PKI, the sample documents.

use std::path::Path;
use std::sync::Arc;

use kyso::app::channels::Outbox;
use kyso::app::sandbox::{self, Sandbox};
use kyso::app::system::SystemClock;
use kyso::app::wiring;
use kyso::crypto::{Digest, DigestAlgorithm, PublicKey, SignatureAlgorithm};
use kyso::domain::{
    AuditEvent, Clock, CredentialId, FailureReason, PortalId, Secret, SignatureOptions, SignerId, State, StateKind,
};
use kyso::service::{
    Authorization, AuthorizeHashes, Caller, DocumentProblem, Limits, NewDocument, NewRequest, Service, ServiceError,
    SignHashes,
};
use kyso::storage::sqlite::SqliteStorage;
use kyso::storage::{Entry, Outcome, Transactions};

struct World {
    _folder: tempfile::TempDir,
    data: std::path::PathBuf,
    service: Arc<Service>,
    outbox: Arc<Outbox>,
    caller: Caller,
}

async fn open(data: &Path) -> (Arc<Service>, Arc<Outbox>) {
    let outbox = Arc::new(Outbox::new(Arc::new(SystemClock)));
    let kek = sandbox::kek(data).expect("a key-encryption key");
    let service = wiring::open(data, &kek, outbox.clone(), Limits::default()).await.expect("opens");
    Sandbox::open(&service, sandbox::dev_pki(data, "http://127.0.0.1:1").await.expect("a development PKI"), data)
        .await
        .expect("provisioned");
    (service, outbox)
}

async fn world() -> World {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_owned();
    let (service, outbox) = open(&data).await;
    let caller = Caller::of_portal(PortalId::parse("sandbox-portal").expect("id"));
    World { _folder: folder, data, service, outbox, caller }
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)).expect("a sample")
}

fn request(credential: &str, documents: Vec<NewDocument>) -> NewRequest {
    NewRequest {
        credential: id(credential),
        documents,
        description: "Tờ khai xác nhận cư trú".into(),
        return_url: None,
        valid_for: None,
        idempotency_key: None,
        algorithm: None,
        options: SignatureOptions::default(),
        password: None,
    }
}

fn form() -> Vec<NewDocument> {
    vec![NewDocument { name: "to-khai.pdf".into(), bytes: sample("to-khai-xac-nhan-cu-tru.pdf") }]
}

fn id(text: &str) -> CredentialId {
    CredentialId::parse(text).expect("id")
}

fn last_code(outbox: &Outbox) -> Secret {
    let messages = outbox.messages();
    let last = messages.as_array().and_then(|all| all.last().cloned()).expect("a message");
    Secret::new(last["code"].as_str().expect("a code"))
}

fn wrong(code: &Secret) -> Secret {
    Secret::new(if code.expose() == "000000" { "000001" } else { "000000" })
}

fn link(path: &str) -> Secret {
    Secret::new(path.strip_prefix("/c/").expect("a link"))
}

fn sha256(text: &str) -> Digest {
    DigestAlgorithm::Sha256.digest(text.as_bytes())
}

#[tokio::test]
async fn a_form_is_signed_after_the_right_code_and_not_before() {
    let w = world().await;
    let view = w.service.create_request(&w.caller, request("ec-p256-hosted", form())).await.expect("created");
    let token = link(&view.confirm_path);
    let missing = w.service.submit_code(&token, &Secret::new("123456")).await;
    assert!(matches!(missing, Err(ServiceError::CodeExpired)), "{missing:?}");
    w.service.send_code(&token).await.expect("sent");
    let code = last_code(&w.outbox);
    let refused = w.service.submit_code(&token, &wrong(&code)).await;
    assert!(matches!(refused, Err(ServiceError::WrongAuthenticationData { tries_left: 4 })), "{refused:?}");
    let early = w.service.signed_document(&w.caller, &view.transaction.id, 1).await;
    assert!(matches!(early, Err(ServiceError::State(StateKind::Waiting))), "{early:?}");
    let done = w.service.submit_code(&token, &code).await.expect("signed");
    assert_eq!(done.state.kind(), StateKind::Signed);
    let again = w.service.submit_code(&token, &code).await;
    assert!(matches!(again, Err(ServiceError::State(StateKind::Signed))), "{again:?}");
    let signed = w.service.signed_document(&w.caller, &view.transaction.id, 1).await.expect("there");
    let original = std::fs::read(&signed.original).expect("the original");
    assert_eq!(original, sample("to-khai-xac-nhan-cu-tru.pdf"), "earlier bytes stay as they are");
    assert!(
        signed.update.windows(23).any(|w| w == b"/ETSI.CAdES.detached\n/By" || w.starts_with(b"/ETSI.CAdES.detached"))
    );
    let (records, chain) = w.service.audit().await.expect("read");
    chain.expect("an unbroken chain");
    let events: Vec<_> =
        records.iter().filter(|r| r.event.contains(view.transaction.id.as_str())).map(|r| event(&r.event)).collect();
    let expected = ["transaction_created", "code_sent", "code_rejected", "confirmed", "signing_intended", "signed"]
        .map(str::to_owned);
    assert_eq!(events, expected);
}

fn event(json: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(json).expect("json");
    value["event"].as_str().expect("a name").to_owned()
}

#[tokio::test]
async fn a_code_for_one_request_does_not_confirm_another() {
    let w = world().await;
    let first = w.service.create_request(&w.caller, request("ec-p256-hosted", form())).await.expect("created");
    let second = w.service.create_request(&w.caller, request("ec-p256-hosted", form())).await.expect("created");
    w.service.send_code(&link(&first.confirm_path)).await.expect("sent");
    let code = last_code(&w.outbox);
    w.service.send_code(&link(&second.confirm_path)).await.expect("sent");
    let crossed = w.service.submit_code(&link(&second.confirm_path), &code).await;
    let same = last_code(&w.outbox).expose() == code.expose();
    assert!(same || matches!(crossed, Err(ServiceError::WrongAuthenticationData { .. })), "{crossed:?}");
}

#[tokio::test]
async fn five_wrong_codes_end_the_request() {
    let w = world().await;
    let view = w.service.create_request(&w.caller, request("ec-p256-hosted", form())).await.expect("created");
    let token = link(&view.confirm_path);
    w.service.send_code(&token).await.expect("sent");
    let code = last_code(&w.outbox);
    for left in (1..5).rev() {
        let outcome = w.service.submit_code(&token, &wrong(&code)).await;
        assert!(matches!(outcome, Err(ServiceError::WrongAuthenticationData { tries_left }) if tries_left == left));
    }
    assert!(matches!(w.service.submit_code(&token, &wrong(&code)).await, Err(ServiceError::Locked)));
    assert!(matches!(w.service.submit_code(&token, &code).await, Err(ServiceError::State(StateKind::Failed))));
}

#[tokio::test]
async fn a_refused_request_is_never_signed() {
    let w = world().await;
    let view = w.service.create_request(&w.caller, request("ec-p256-hosted", form())).await.expect("created");
    let token = link(&view.confirm_path);
    w.service.send_code(&token).await.expect("sent");
    let code = last_code(&w.outbox);
    assert_eq!(w.service.refuse(&token).await.expect("refused").state.kind(), StateKind::Refused);
    assert_eq!(w.service.refuse(&token).await.expect("a second click").state.kind(), StateKind::Refused);
    assert!(matches!(w.service.submit_code(&token, &code).await, Err(ServiceError::State(StateKind::Refused))));
}

#[tokio::test]
async fn documents_that_cannot_be_signed_are_refused_at_once() {
    let w = world().await;
    let truncated = {
        let mut bytes = sample("hop-dong-dich-vu.pdf");
        bytes.truncate(bytes.len() / 2);
        bytes
    };
    for (name, bytes, expected) in
        [("empty.pdf", Vec::new(), DocumentProblem::Empty), ("text.pdf", b"hello".to_vec(), DocumentProblem::NotAPdf)]
    {
        let made = w
            .service
            .create_request(&w.caller, request("ec-p256", vec![NewDocument { name: name.into(), bytes }]))
            .await;
        assert!(matches!(&made, Err(ServiceError::Document { problem, .. }) if *problem == expected), "{made:?}");
    }
    let cut = vec![NewDocument { name: "cut.pdf".into(), bytes: truncated }];
    let made = w.service.create_request(&w.caller, request("ec-p256", cut)).await;
    assert!(matches!(&made, Err(ServiceError::Document { problem: DocumentProblem::Damaged(_), .. })), "{made:?}");
}

#[tokio::test]
async fn an_expired_certificate_signs_nothing() {
    let w = world().await;
    let signers = w.service.signers().await.expect("read");
    let mut outcomes = Vec::new();
    for signer in signers {
        for credential in w.service.credentials_of(&signer.id).await.expect("read") {
            let made = w.service.create_request(&w.caller, request(credential.id.as_str(), form())).await;
            outcomes.push((credential.id.to_string(), matches!(made, Err(ServiceError::CertificateNotValid))));
        }
    }
    assert_eq!(outcomes.iter().filter(|(_, expired)| *expired).count(), 1, "{outcomes:?}");
}

async fn sad(w: &World, credential: &str, hashes: &[Digest]) -> Secret {
    let ask = |code: Option<Secret>| AuthorizeHashes {
        credential: id(credential),
        hashes: hashes.to_vec(),
        num_signatures: hashes.len() as u32,
        description: String::new(),
        pin: Some(Secret::new("135790")),
        code,
    };
    let first = w.service.authorize_hashes(&w.caller, ask(None)).await.expect("a code is sent");
    assert!(matches!(first, Authorization::CodeSent { .. }));
    match w.service.authorize_hashes(&w.caller, ask(Some(last_code(&w.outbox)))).await.expect("authorised") {
        Authorization::Sad { sad, .. } => sad,
        other => panic!("{other:?}"),
    }
}

fn sign(credential: &str, sad: &Secret, hashes: &[Digest], algorithm: SignatureAlgorithm) -> SignHashes {
    SignHashes { credential: id(credential), sad: sad.clone(), hashes: hashes.to_vec(), algorithm }
}

#[tokio::test]
async fn hashes_are_signed_once_in_order_and_verify() {
    let w = world().await;
    let hashes = [sha256("b"), sha256("a"), sha256("c")];
    for (credential, algorithm) in [
        ("ec-p256", SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256)),
        ("rsa-2048", SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha256)),
        ("rsa-3072", SignatureAlgorithm::RsaPss { digest: DigestAlgorithm::Sha256, salt_len: 32 }),
    ] {
        let sad = sad(&w, credential, &hashes).await;
        let values =
            w.service.sign_hashes(&w.caller, sign(credential, &sad, &hashes, algorithm)).await.expect("signed");
        let spki = w.service.credential(&w.caller, &id(credential)).await.expect("there").spki;
        let key = PublicKey::from_spki(&der::Decode::from_der(&spki).expect("spki")).expect("a key");
        for (hash, value) in hashes.iter().zip(&values) {
            key.verify_digest(algorithm, hash, &value.0).expect("verifies, in the order of the hashes");
        }
        let replay = w.service.sign_hashes(&w.caller, sign(credential, &sad, &hashes[..1], algorithm)).await;
        assert!(matches!(replay, Err(ServiceError::InvalidSad | ServiceError::HashNotAuthorized)), "{replay:?}");
    }
}

#[tokio::test]
async fn a_sad_opens_only_its_hashes_for_its_portal_and_credential() {
    let w = world().await;
    let algorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);
    let sad = sad(&w, "ec-p256", &[sha256("a")]).await;
    let other = w.service.sign_hashes(&w.caller, sign("ec-p256", &sad, &[sha256("b")], algorithm)).await;
    assert!(matches!(other, Err(ServiceError::HashNotAuthorized)), "{other:?}");
    let stranger = Caller::of_portal(PortalId::parse("stranger").expect("id"));
    let stolen = w.service.sign_hashes(&stranger, sign("ec-p256", &sad, &[sha256("a")], algorithm)).await;
    assert!(matches!(stolen, Err(ServiceError::NotFound("credential"))), "{stolen:?}");
    let p384 = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha384);
    let moved = w.service.sign_hashes(&w.caller, sign("ec-p384", &sad, &[sha256("a")], algorithm)).await;
    assert!(matches!(moved, Err(ServiceError::InvalidSad)), "{moved:?}");
    let downgraded = w.service.sign_hashes(&w.caller, sign("ec-p256", &sad, &[sha256("a")], p384)).await;
    assert!(matches!(downgraded, Err(ServiceError::UnsupportedAlgorithm { .. })), "{downgraded:?}");
    w.service
        .sign_hashes(&w.caller, sign("ec-p256", &sad, &[sha256("a")], algorithm))
        .await
        .expect("the right call works");
}

#[tokio::test]
async fn a_hundred_parallel_uses_of_one_sad_sign_once() {
    let w = world().await;
    let algorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);
    let sad = sad(&w, "ec-p256", &[sha256("a")]).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (service, caller, request) =
            (w.service.clone(), w.caller.clone(), sign("ec-p256", &sad, &[sha256("a")], algorithm));
        calls.spawn(async move { service.sign_hashes(&caller, request).await });
    }
    let outcomes = calls.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

#[tokio::test]
async fn a_code_for_one_hash_does_not_authorise_another() {
    let w = world().await;
    let ask = |text: &str, code: Option<Secret>| AuthorizeHashes {
        credential: id("ec-p256"),
        hashes: vec![sha256(text)],
        num_signatures: 1,
        description: String::new(),
        pin: Some(Secret::new("135790")),
        code,
    };
    w.service.authorize_hashes(&w.caller, ask("a", None)).await.expect("sent");
    let code = last_code(&w.outbox);
    let crossed = w.service.authorize_hashes(&w.caller, ask("b", Some(code.clone()))).await;
    assert!(matches!(crossed, Err(ServiceError::WrongAuthenticationData { .. })), "{crossed:?}");
    let right = w.service.authorize_hashes(&w.caller, ask("a", Some(code))).await;
    assert!(matches!(right, Ok(Authorization::Sad { .. })), "{right:?}");
}

#[tokio::test]
async fn a_wrong_pin_is_counted_and_locks() {
    let w = world().await;
    let ask = |pin: &str| AuthorizeHashes {
        credential: id("ec-p256"),
        hashes: vec![sha256("a")],
        num_signatures: 1,
        description: String::new(),
        pin: Some(Secret::new(pin)),
        code: None,
    };
    for _ in 0..5 {
        assert!(matches!(w.service.authorize_hashes(&w.caller, ask("999999")).await, Err(ServiceError::WrongPin)));
    }
    assert!(matches!(
        w.service.authorize_hashes(&w.caller, ask("135790")).await,
        Err(ServiceError::GuessesSpent { .. })
    ));
    assert!(w.outbox.messages().as_array().is_some_and(Vec::is_empty), "no code is sent on a wrong PIN");
}

#[tokio::test]
async fn hosted_credentials_take_no_code_in_band() {
    let w = world().await;
    let ask = AuthorizeHashes {
        credential: id("ec-p256-hosted"),
        hashes: vec![sha256("a")],
        num_signatures: 1,
        description: String::new(),
        pin: Some(Secret::new("135790")),
        code: None,
    };
    assert!(matches!(w.service.authorize_hashes(&w.caller, ask).await, Err(ServiceError::HostedOnly)));
}

#[tokio::test]
async fn another_portals_requests_and_signers_do_not_exist() {
    let w = world().await;
    let view = w.service.create_request(&w.caller, request("ec-p256-hosted", form())).await.expect("created");
    let stranger = Caller::of_portal(PortalId::parse("stranger").expect("id"));
    let found = w.service.request(&stranger, &view.transaction.id).await;
    assert!(matches!(found, Err(ServiceError::NotFound("request"))), "{found:?}");
    assert!(w.service.cancel_request(&stranger, &view.transaction.id).await.is_err());
    let signer = SignerId::parse("nguyen-van-an").expect("id");
    assert!(matches!(
        w.service.list_credentials(&stranger, Some(&signer)).await,
        Err(ServiceError::NotFound("signer"))
    ));
    assert!(!w.service.list_credentials(&w.caller, Some(&signer)).await.expect("own").is_empty());
}

#[tokio::test]
async fn a_repeated_call_with_the_same_key_is_the_same_request() {
    let w = world().await;
    let keyed = |name: &str| {
        let mut new = request("ec-p256-hosted", form());
        new.idempotency_key = Some("k-1".into());
        new.documents[0].name = name.into();
        new
    };
    let first = w.service.create_request(&w.caller, keyed("a.pdf")).await.expect("created");
    let again = w.service.create_request(&w.caller, keyed("a.pdf")).await.expect("replayed");
    assert_eq!(first.transaction.id, again.transaction.id);
    let other = w.service.create_request(&w.caller, keyed("b.pdf")).await;
    assert!(matches!(other, Err(ServiceError::IdempotencyMismatch)), "{other:?}");
    let stored = std::fs::read_dir(w.data.join("documents")).expect("read").count();
    assert_eq!(stored, 1, "refused and replayed calls leave no documents behind");
}

#[tokio::test]
async fn a_restart_keeps_codes_and_requests() {
    let w = world().await;
    let view = w.service.create_request(&w.caller, request("ec-p256-hosted", form())).await.expect("created");
    let token = link(&view.confirm_path);
    w.service.send_code(&token).await.expect("sent");
    let code = last_code(&w.outbox);
    drop(w.service);
    let (service, _) = open(&w.data).await;
    service.settle().await.expect("settled");
    assert_eq!(service.submit_code(&token, &code).await.expect("signed").state.kind(), StateKind::Signed);
}

#[tokio::test]
async fn a_request_stuck_after_its_confirmation_is_signed_and_a_fresh_one_left_alone() {
    let w = world().await;
    let storage = SqliteStorage::open(&w.data.join("kyso.db")).await.expect("opens");
    let confirm = async |age: time::Duration| {
        let view = w.service.create_request(&w.caller, request("ec-p256-hosted", form())).await.expect("created");
        let id = view.transaction.id;
        let at = SystemClock.now() - age;
        let event = AuditEvent::Confirmed { transaction: id.clone(), method: "sms".into() };
        let confirmed = State::Confirmed { at };
        let moved = storage.advance(&id, StateKind::Waiting, &confirmed, Entry { at, event }).await.expect("moved");
        assert_eq!(moved, Outcome::Done);
        id
    };
    let stuck = confirm(time::Duration::minutes(5)).await;
    let fresh = confirm(time::Duration::ZERO).await;
    let settled = w.service.settle_stalled().await.expect("settled");
    assert_eq!((settled.finished, settled.failed), (1, 0));
    let state = async |id| w.service.request(&w.caller, id).await.expect("there").transaction.state.kind();
    assert_eq!((state(&stuck).await, state(&fresh).await), (StateKind::Signed, StateKind::Confirmed));
    w.service.audit().await.expect("read").1.expect("an unbroken chain");
}

#[tokio::test]
async fn a_document_changed_on_disk_after_it_was_confirmed_is_not_signed() {
    let w = world().await;
    let view = w.service.create_request(&w.caller, request("ec-p256-hosted", form())).await.expect("created");
    let token = link(&view.confirm_path);
    w.service.send_code(&token).await.expect("sent");
    let file = w.data.join("documents").join(view.transaction.id.as_str()).join("1.pdf");
    std::fs::write(&file, sample("hop-dong-dich-vu.pdf")).expect("swapped");
    let outcome = w.service.submit_code(&token, &last_code(&w.outbox)).await.expect("ended");
    assert!(matches!(outcome.state, State::Failed { reason: FailureReason::DocumentChanged, .. }), "{outcome:?}");
}

#[tokio::test]
async fn many_calls_for_a_code_at_once_send_one() {
    let w = world().await;
    let view = w.service.create_request(&w.caller, request("ec-p256-hosted", form())).await.expect("created");
    let token = link(&view.confirm_path);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (service, token) = (w.service.clone(), token.clone());
        calls.spawn(async move { service.send_code(&token).await });
    }
    let outcomes = calls.join_all().await;
    let refused = outcomes.iter().filter(|o| matches!(o, Err(ServiceError::ResendTooSoon { .. }))).count();
    assert_eq!((outcomes.len() - refused, refused), (1, 19), "{outcomes:?}");
    assert_eq!(w.outbox.messages().as_array().map(Vec::len), Some(1));
}
