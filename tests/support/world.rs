//! The whole service over real parts, with a clock the test moves and trust services that fail on demand, all in memory: no
//! socket, no sleep.

#![allow(dead_code)] // Each test binary uses its own part.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kyso::app::channels::Outbox;
use kyso::app::sandbox::{self, Sandbox};
use kyso::app::system::{SystemClock, SystemEntropy};
use kyso::authorization::{Channels, CodePolicy, Parts, SoleControl};
use kyso::custody::software::SoftwareCustody;
use kyso::dev_pki::{CrlIssuer, DevPki, OcspMode, PkiSpec, TsaMode, paths};
use kyso::domain::settings::SignatureFormat;
use kyso::domain::{Clock, CredentialId, Entropy, PortalId, Secret, SignatureOptions, State, TransactionId};
use kyso::formats::crl::CertificateList;
use kyso::formats::level::Baseline;
use kyso::formats::x509::Certificate;
use kyso::service::{
    Backends, Caller, LevelServices, Limits, NewDocument, NewRequest, RequestView, Service, ServiceError, WhenDown,
};
use kyso::storage::documents::DocumentStore;
use kyso::storage::sqlite::SqliteStorage;
use kyso::trust::deliver::{Answer, Deliver, Message};
use kyso::trust::fetch::{Method, Request};
use kyso::trust::guard::{Forbidden, Guard};
use kyso::trust::{Fetch, FetchError, Settings, TrustServices, Tsa};
use kyso::validation::report::FileReport;
use kyso::validation::{Evidence, Policy, Setting, validate_cms, validate_pdf};
use time::{Duration, OffsetDateTime};

/// Between two looks at a request that is being signed.
const POLL: std::time::Duration = std::time::Duration::from_millis(5);
/// The authority everybody begins with, and one that is founded when its time comes to an end.
const FIRST: &str = "http://127.0.0.1:1";
const SECOND: &str = "http://127.0.0.1:2";

pub struct MovableClock(Mutex<OffsetDateTime>);

impl MovableClock {
    pub fn advance(&self, by: Duration) {
        *self.0.lock().expect("lock") += by;
    }

    pub fn set(&self, to: OffsetDateTime) {
        *self.0.lock().expect("lock") = to;
    }
}

impl Clock for MovableClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().expect("lock")
    }
}

/// Nonces that differ.
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn fill(&self, buffer: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        buffer.iter_mut().rev().zip(count.iter().rev().chain(std::iter::repeat(&1))).for_each(|(to, from)| *to = *from);
    }
}

/// How the trust services behave; `None` is silence.
#[derive(Clone, Copy)]
pub struct Behaviour {
    pub tsa: Option<TsaMode>,
    pub ocsp: Option<OcspMode>,
    /// `None`: none is given. How old the lists are that are given otherwise.
    pub crl_age: Option<Duration>,
}

pub const HONEST: Behaviour =
    Behaviour { tsa: Some(TsaMode::Ok), ocsp: Some(OcspMode::Ok), crl_age: Some(Duration::ZERO) };

/// Development PKIs behind the trait the real client stands behind.
pub struct Net {
    pub pki: Arc<DevPki>,
    pub second: Mutex<Option<DevPki>>,
    pub behaviour: Mutex<Behaviour>,
    pub hooks: Arc<Hooks>,
    clock: Arc<MovableClock>,
}

/// What a portal answers to a message.
pub type Reply = Box<dyn Fn(&Message) -> Result<Answer, FetchError> + Send>;

/// Portals that receive webhooks: what they heard, and how they answer.
pub struct Hooks {
    pub heard: Mutex<Vec<Message>>,
    pub reply: Mutex<Reply>,
}

impl Default for Hooks {
    fn default() -> Self {
        let accepts = |_: &Message| Ok(Answer { status: 204, retry_after: None });
        Self { heard: Mutex::default(), reply: Mutex::new(Box::new(accepts)) }
    }
}

impl Hooks {
    pub fn answer(&self, status: u16) {
        *self.reply.lock().expect("lock") = Box::new(move |_| Ok(Answer { status, retry_after: None }));
    }

    pub fn heard(&self) -> Vec<Message> {
        std::mem::take(&mut *self.heard.lock().expect("lock"))
    }
}

#[async_trait]
impl Deliver for Hooks {
    fn check(&self, url: &str) -> Result<(), Forbidden> {
        Guard::default().destination(url).map(drop)
    }

    async fn deliver(&self, message: &Message) -> Result<Answer, FetchError> {
        self.heard.lock().expect("lock").push(message.clone());
        (self.reply.lock().expect("lock"))(message)
    }
}

impl Net {
    fn answer(&self, pki: &DevPki, path: &str, body: &[u8]) -> Result<Vec<u8>, FetchError> {
        let (behaviour, now) = (*self.behaviour.lock().expect("lock"), self.clock.now());
        let crl = |issuer| Some(pki.crl(issuer, now - behaviour.crl_age?));
        let answer = match path {
            paths::TSA => behaviour.tsa.map(|mode| pki.timestamp_as(mode, body, now)),
            paths::OCSP => behaviour.ocsp.map(|mode| pki.ocsp_as(mode, body, now)),
            paths::ISSUING_CRL => crl(CrlIssuer::Issuing),
            paths::ROOT_CRL => crl(CrlIssuer::Root),
            paths::ISSUING_CERTIFICATE => Some(pki.issuing()),
            paths::ROOT_CERTIFICATE => Some(pki.root()),
            _ => return Err(FetchError::Status(404)),
        };
        answer.ok_or(FetchError::Status(503))?.map_err(|_| FetchError::Status(500))
    }
}

#[async_trait]
impl Fetch for Net {
    async fn fetch(&self, request: &Request) -> Result<Vec<u8>, FetchError> {
        let body = match &request.method {
            Method::Get => &[][..],
            Method::Post { body, .. } => body,
        };
        if let Some(path) = request.url.strip_prefix(FIRST) {
            return self.answer(&self.pki, path, body);
        }
        let second = self.second.lock().expect("lock");
        let path = request.url.strip_prefix(SECOND).ok_or(FetchError::Status(404))?;
        self.answer(second.as_ref().ok_or(FetchError::Status(503))?, path, body)
    }
}

pub struct World {
    pub folder: tempfile::TempDir,
    pub service: Arc<Service>,
    pub outbox: Arc<Outbox>,
    pub clock: Arc<MovableClock>,
    pub net: Arc<Net>,
    pub caller: Caller,
    pub start: OffsetDateTime,
}

/// What is asked for one signature.
pub fn ask(credential: &str, level: Baseline, bytes: Vec<u8>) -> NewRequest {
    NewRequest {
        credential: CredentialId::parse(credential).expect("id"),
        documents: vec![NewDocument { name: "a.pdf".into(), bytes }],
        description: String::new(),
        return_url: None,
        valid_for: None,
        idempotency_key: None,
        algorithm: None,
        options: SignatureOptions { level, ..SignatureOptions::default() },
        password: None,
    }
}

pub fn sample(name: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)).expect("a sample")
}

pub fn contract() -> Vec<u8> {
    sample("hop-dong-dich-vu.pdf")
}

fn tsa(base: &str) -> Tsa {
    let timeout = std::time::Duration::from_secs(5);
    Tsa { url: format!("{base}{}", paths::TSA), authorization: None, policy: None, timeout }
}

impl World {
    pub async fn open(when_down: WhenDown) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // The sandbox's signers are certified at the time it really is; from there on the test moves on.
        let start = SystemClock.now();
        let clock = Arc::new(MovableClock(Mutex::new(start)));
        let spec = PkiSpec::embedded().expect("spec");
        let pki = Arc::new(DevPki::open(spec, &folder.path().join("dev-pki"), FIRST, start).expect("a PKI"));
        let net = Net {
            pki,
            second: Mutex::new(None),
            behaviour: Mutex::new(HONEST),
            hooks: Arc::default(),
            clock: clock.clone(),
        };
        let net = Arc::new(net);
        let (service, outbox) = Self::service(&folder, &clock, &net, when_down).await;
        let caller = Caller::of_portal(PortalId::parse("sandbox-portal").expect("id"));
        Self { folder, service, outbox, clock, net, caller, start }
    }

    async fn service(
        folder: &tempfile::TempDir,
        clock: &Arc<MovableClock>,
        net: &Arc<Net>,
        when_down: WhenDown,
    ) -> (Arc<Service>, Arc<Outbox>) {
        let data = folder.path();
        let outbox = Arc::new(Outbox::new(clock.clone()));
        let kek = sandbox::kek(data).expect("a key-encryption key");
        let storage = Arc::new(SqliteStorage::open(&data.join("kyso.db")).await.expect("opens"));
        let (pepper, entropy) = (kek.derive("kyso code v1"), Arc::new(SystemEntropy));
        let policy = CodePolicy::default();
        let custody = Arc::new(SoftwareCustody::new(&kek));
        let sole_control = SoleControl::new(Parts {
            storage: storage.clone(),
            custody: custody.clone(),
            channels: Channels::one(outbox.clone()),
            clock: clock.clone(),
            entropy: entropy.clone(),
            pepper,
            policy,
        });
        let trust = Arc::new(services(net, clock, vec![tsa(FIRST)]));
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
            levels: Some(LevelServices { trust, when_down }),
            deliver: net.hooks.clone(),
        });
        Sandbox::open(&service, net.pki.clone(), data).await.expect("provisioned");
        (service, outbox)
    }

    /// The service again, over the same data.
    pub async fn reopen(&mut self, when_down: WhenDown) {
        (self.service, self.outbox) = Self::service(&self.folder, &self.clock, &self.net, when_down).await;
    }

    /// Trust services that ask the second authority, which is founded now.
    pub fn second_authority(&self) -> TrustServices {
        let folder = self.folder.path().join("second-pki");
        let spec = PkiSpec::embedded().expect("spec");
        let pki = DevPki::open(spec, &folder, SECOND, self.clock.now()).expect("a PKI");
        *self.net.second.lock().expect("lock") = Some(pki);
        services(&self.net, &self.clock, vec![tsa(SECOND)])
    }

    pub fn first_authority(&self) -> TrustServices {
        services(&self.net, &self.clock, vec![tsa(FIRST)])
    }

    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        let mut behaviour = HONEST;
        change(&mut behaviour);
        *self.net.behaviour.lock().expect("lock") = behaviour;
    }

    /// Asks, and confirms as the citizen does. The request in its end state.
    pub async fn confirmed(&self, new: NewRequest) -> Result<RequestView, ServiceError> {
        let view = self.service.create_request(&self.caller, new).await?;
        self.confirm(&view).await?;
        self.service.request(&self.caller, &view.transaction.id).await
    }

    pub async fn confirm(&self, view: &RequestView) -> Result<(), ServiceError> {
        let token = Secret::new(view.confirm_path.strip_prefix("/c/").expect("a link"));
        self.service.send_code(&token).await?;
        let messages = self.outbox.messages();
        let last = messages.as_array().and_then(|all| all.last()).expect("a message");
        self.service.submit_code(&token, &Secret::new(last["code"].as_str().expect("a code"))).await?;
        // What takes long goes on by itself.
        while let State::Confirmed { .. } | State::Signing { .. } =
            self.service.request(&self.caller, &view.transaction.id).await?.transaction.state
        {
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    pub async fn document(&self, id: &TransactionId, n: u32) -> Result<Vec<u8>, ServiceError> {
        let signed = self.service.signed_document(&self.caller, id, n).await?;
        let original = match signed.format {
            SignatureFormat::Pdf => std::fs::read(&signed.original).expect("the original"),
            _ => Vec::new(),
        };
        Ok([original, signed.update].concat())
    }

    /// One document signed from end to end.
    pub async fn sign(&self, new: NewRequest) -> Vec<u8> {
        let view = self.confirmed(new).await.expect("confirmed");
        assert!(matches!(view.transaction.state, State::Signed { .. }), "{view:?}");
        self.document(&view.transaction.id, 1).await.expect("released")
    }

    pub fn roots(&self) -> Vec<Certificate> {
        let root = |pki: &DevPki| Certificate::from_der(&pki.root().expect("DER")).expect("a root");
        let second = self.net.second.lock().expect("lock");
        std::iter::once(root(&self.net.pki)).chain(second.as_ref().map(root)).collect()
    }

    /// Only what the document itself brings, and the roots.
    pub fn evidence(&self) -> Evidence {
        Evidence { anchors: self.roots(), ..Evidence::default() }
    }

    /// With today's lists from outside, as levels below B-LT and the newest time-stamp of an authority new to the document need.
    pub fn evidence_with_lists(&self) -> Evidence {
        let now = self.clock.now();
        let lists = |pki: &DevPki| {
            [CrlIssuer::Issuing, CrlIssuer::Root]
                .map(|issuer| CertificateList::from_der(&pki.crl(issuer, now).expect("a list")).expect("a list"))
        };
        let second = self.net.second.lock().expect("lock").as_ref().map(lists);
        let crls = lists(&self.net.pki).into_iter().chain(second.into_iter().flatten()).collect();
        Evidence { crls, ..self.evidence() }
    }

    pub fn verdict(&self, pdf: &[u8], evidence: &Evidence) -> FileReport {
        let setting = Setting { evidence, policy: Policy::default(), time: self.clock.now() };
        validate_pdf(pdf, setting).expect("read")
    }

    pub fn cms_verdict(&self, message: &[u8], content: Option<&[u8]>, evidence: &Evidence) -> FileReport {
        let setting = Setting { evidence, policy: Policy::default(), time: self.clock.now() };
        validate_cms(message, content, setting).expect("read")
    }

    /// Names of the audit events about a request, oldest first.
    pub async fn events(&self, id: &TransactionId) -> Vec<String> {
        let (records, chain) = self.service.audit().await.expect("read");
        chain.expect("an unbroken chain");
        let name = |json: &str| {
            let event: serde_json::Value = serde_json::from_str(json).expect("JSON");
            event["event"].as_str().expect("a name").to_owned()
        };
        records.iter().filter(|record| record.event.contains(id.as_str())).map(|record| name(&record.event)).collect()
    }
}

fn services(net: &Arc<Net>, clock: &Arc<MovableClock>, tsas: Vec<Tsa>) -> TrustServices {
    let root = |pki: &DevPki| Certificate::from_der(&pki.root().expect("DER")).expect("a root");
    let second = net.second.lock().expect("lock");
    let anchors = std::iter::once(root(&net.pki)).chain(second.as_ref().map(root)).collect();
    let settings = Settings { tsas, anchors, ..Settings::default() };
    TrustServices::new(settings, net.clone(), clock.clone(), Arc::new(Counter(AtomicU64::new(1))))
}
