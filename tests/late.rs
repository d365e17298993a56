//! What comes too late, on a clock that the test moves: codes, requests, SADs, tokens, PIN locks and certificates.

use std::path::Path;
use std::sync::{Arc, Mutex};

use kyso::app::channels::Outbox;
use kyso::app::sandbox::{self, Sandbox};
use kyso::app::system::{SystemClock, SystemEntropy};
use kyso::authorization::{Channels, CodePolicy, Parts, SoleControl};
use kyso::crypto::{Digest, DigestAlgorithm, SignatureAlgorithm};
use kyso::custody::software::SoftwareCustody;
use kyso::domain::{Clock, CredentialId, PortalId, Secret, SignatureOptions, StateKind};
use kyso::service::{
    Authorization, AuthorizeHashes, Backends, Caller, Limits, NewDocument, NewRequest, RequestView, Service,
    ServiceError, SignHashes,
};
use kyso::storage::documents::DocumentStore;
use kyso::storage::sqlite::SqliteStorage;
use time::{Duration, OffsetDateTime};

struct MovableClock(Mutex<OffsetDateTime>);

impl MovableClock {
    fn advance(&self, by: Duration) {
        *self.0.lock().expect("lock") += by;
    }
}

impl Clock for MovableClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().expect("lock")
    }
}

struct World {
    _folder: tempfile::TempDir,
    service: Arc<Service>,
    outbox: Arc<Outbox>,
    clock: Arc<MovableClock>,
    caller: Caller,
}

async fn world() -> World {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let clock = Arc::new(MovableClock(Mutex::new(SystemClock.now())));
    let outbox = Arc::new(Outbox::new(clock.clone()));
    let kek = sandbox::kek(data).expect("a key-encryption key");
    let storage = Arc::new(SqliteStorage::open(&data.join("kyso.db")).await.expect("opens"));
    let (pepper, entropy) = (kek.derive("kyso code v1"), Arc::new(SystemEntropy));
    let custody = Arc::new(SoftwareCustody::new(&kek));
    let sole_control = SoleControl::new(Parts {
        storage: storage.clone(),
        custody: custody.clone(),
        channels: Channels::one(outbox.clone()),
        clock: clock.clone(),
        entropy: entropy.clone(),
        pepper,
        policy: CodePolicy::default(),
    });
    let service = Service::new(Backends {
        storage,
        custody,
        documents: DocumentStore::open(&data.join("documents")).expect("opens"),
        activation: Arc::new(sole_control.clone()),
        sole_control,
        clock: clock.clone(),
        entropy,
        link_key: kek.derive("kyso link v1"),
        password_key: kek.derive("kyso document password v1"),
        oauth_key: kek.derive("kyso oauth v1"),
        limits: Limits::default(),
        levels: None,
        deliver: kyso::app::wiring::webhooks(Vec::new()),
    });
    let pki = sandbox::dev_pki(data, "http://127.0.0.1:1").await.expect("a development PKI");
    Sandbox::open(&service, pki, data).await.expect("provisioned");
    let caller = Caller::of_portal(PortalId::parse("sandbox-portal").expect("id"));
    World { _folder: folder, service, outbox, clock, caller }
}

impl World {
    async fn create(&self) -> Result<RequestView, ServiceError> {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/hoa-don-gtgt.pdf");
        let request = NewRequest {
            credential: CredentialId::parse("ec-p256-hosted").expect("id"),
            documents: vec![NewDocument { name: "a.pdf".into(), bytes: std::fs::read(sample).expect("a sample") }],
            description: String::new(),
            return_url: None,
            valid_for: None,
            idempotency_key: None,
            algorithm: None,
            options: SignatureOptions::default(),
            password: None,
        };
        self.service.create_request(&self.caller, request).await
    }

    async fn state(&self, request: &RequestView) -> StateKind {
        let now = self.service.request(&self.caller, &request.transaction.id).await.expect("there");
        now.transaction.state.kind()
    }

    fn last_code(&self) -> Secret {
        let messages = self.outbox.messages();
        let last = messages.as_array().and_then(|all| all.last()).expect("a message");
        Secret::new(last["code"].as_str().expect("a code"))
    }

    fn ask(&self, pin: &str, code: Option<Secret>) -> AuthorizeHashes {
        AuthorizeHashes {
            credential: CredentialId::parse("ec-p256").expect("id"),
            hashes: vec![hash()],
            num_signatures: 1,
            description: String::new(),
            pin: Some(Secret::new(pin)),
            code,
        }
    }
}

fn hash() -> Digest {
    DigestAlgorithm::Sha256.digest(b"a")
}

fn link(request: &RequestView) -> Secret {
    Secret::new(request.confirm_path.strip_prefix("/c/").expect("a link"))
}

#[tokio::test]
async fn a_late_code_signs_nothing_and_a_new_one_does() {
    let w = world().await;
    let request = w.create().await.expect("created");
    let live = w.service.send_code(&link(&request)).await.expect("sent");
    let old = w.last_code();
    w.clock.advance(live.expires_at - w.clock.now());
    let late = w.service.submit_code(&link(&request), &old).await;
    assert!(matches!(late, Err(ServiceError::CodeExpired)), "{late:?}");
    assert_eq!(w.state(&request).await, StateKind::Waiting);
    w.service.send_code(&link(&request)).await.expect("a new one");
    let signed = w.service.submit_code(&link(&request), &w.last_code()).await.expect("signed");
    assert_eq!(signed.state.kind(), StateKind::Signed);
}

#[tokio::test]
async fn a_code_in_its_last_second_still_signs() {
    let w = world().await;
    let request = w.create().await.expect("created");
    let live = w.service.send_code(&link(&request)).await.expect("sent");
    w.clock.advance(live.expires_at - w.clock.now() - Duration::seconds(1));
    let signed = w.service.submit_code(&link(&request), &w.last_code()).await.expect("signed");
    assert_eq!(signed.state.kind(), StateKind::Signed);
}

#[tokio::test]
async fn a_request_past_its_end_is_expired_whoever_asks_first() {
    let w = world().await;
    let (asked, swept) = (w.create().await.expect("created"), w.create().await.expect("created"));
    w.service.send_code(&link(&asked)).await.expect("sent");
    let code = w.last_code();
    w.clock.advance(asked.transaction.expires_at - w.clock.now());
    let late = w.service.submit_code(&link(&asked), &code).await;
    assert!(matches!(late, Err(ServiceError::State(StateKind::Expired))), "{late:?}");
    w.service.expire_overdue().await.expect("swept");
    for request in [&asked, &swept] {
        assert_eq!(w.state(request).await, StateKind::Expired);
        let sent = w.service.send_code(&link(request)).await;
        assert!(matches!(sent, Err(ServiceError::State(StateKind::Expired))), "{sent:?}");
        let cancelled = w.service.cancel_request(&w.caller, &request.transaction.id).await;
        assert!(matches!(cancelled, Err(ServiceError::State(StateKind::Expired))), "{cancelled:?}");
    }
    let (records, chain) = w.service.audit().await.expect("read");
    chain.expect("unbroken");
    assert_eq!(records.iter().filter(|record| record.event.contains("\"expired\"")).count(), 2, "one record each");
}

#[tokio::test]
async fn codes_come_after_growing_waits_and_five_at_most() {
    let w = world().await;
    let request = w.create().await.expect("created");
    for wait in [30, 60, 120, 240] {
        w.service.send_code(&link(&request)).await.expect("sent");
        for waited in [0, wait - 1] {
            w.clock.advance(Duration::seconds(waited));
            let soon = w.service.send_code(&link(&request)).await;
            assert!(matches!(soon, Err(ServiceError::ResendTooSoon { .. })), "{wait}: {soon:?}");
        }
        w.clock.advance(Duration::seconds(1));
    }
    w.service.send_code(&link(&request)).await.expect("the fifth");
    let sixth = w.service.send_code(&link(&request)).await;
    assert!(matches!(sixth, Err(ServiceError::NoMoreCodes)), "{sixth:?}");
}

#[tokio::test]
async fn a_late_sad_opens_nothing() {
    let w = world().await;
    w.service.authorize_hashes(&w.caller, w.ask("135790", None)).await.expect("sent");
    let ask = w.ask("135790", Some(w.last_code()));
    let Authorization::Sad { sad, expires_in } = w.service.authorize_hashes(&w.caller, ask).await.expect("authorised")
    else {
        panic!("no SAD");
    };
    w.clock.advance(expires_in);
    let credential = CredentialId::parse("ec-p256").expect("id");
    let algorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);
    let request = || SignHashes { credential: credential.clone(), sad: sad.clone(), hashes: vec![hash()], algorithm };
    let late = w.service.sign_hashes(&w.caller, request()).await;
    assert!(matches!(late, Err(ServiceError::SadExpired)), "{late:?}");
    w.service.expire_overdue().await.expect("swept");
    let later = w.service.sign_hashes(&w.caller, request()).await;
    assert!(matches!(later, Err(ServiceError::InvalidSad)), "{later:?}");
    let (records, _) = w.service.audit().await.expect("read");
    assert!(!records.iter().any(|record| record.event.contains("signing_intended")), "nothing was even begun");
}

#[tokio::test]
async fn a_pin_lock_ends() {
    let w = world().await;
    for _ in 0..5 {
        let wrong = w.service.authorize_hashes(&w.caller, w.ask("000000", None)).await;
        assert!(matches!(wrong, Err(ServiceError::WrongPin)), "{wrong:?}");
    }
    w.clock.advance(Duration::minutes(14));
    let locked = w.service.authorize_hashes(&w.caller, w.ask("135790", None)).await;
    assert!(matches!(locked, Err(ServiceError::GuessesSpent { seconds: 1..=61 })), "{locked:?}");
    w.clock.advance(Duration::minutes(2));
    w.service.authorize_hashes(&w.caller, w.ask("135790", None)).await.expect("the lock is over");
}

#[tokio::test]
async fn a_certificate_that_ended_meanwhile_signs_nothing() {
    let w = world().await;
    let request = w.create().await.expect("created");
    w.clock.advance(Duration::days(1096));
    let made = w.create().await;
    assert!(matches!(made, Err(ServiceError::CertificateNotValid)), "{made:?}");
    assert_eq!(w.state(&request).await, StateKind::Expired);
    let asked = w.service.authorize_hashes(&w.caller, w.ask("135790", None)).await;
    assert!(matches!(asked, Err(ServiceError::CertificateNotValid)), "{asked:?}");
}
