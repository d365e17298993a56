//! Time-stamps and validation material from a development PKI that answers in memory: honest, broken, slow, and none at all.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration as StdDuration;

use async_trait::async_trait;
use kyso::crypto::{Digest, DigestAlgorithm};
use kyso::custody::KeyCustody as _;
use kyso::custody::software::SoftwareCustody;
use kyso::custody::software::kek::KeyEncryptionKey;
use kyso::dev_pki::{CrlIssuer, DevPki, PkiSpec, TsaMode, paths};
use kyso::domain::{Clock, CredentialId, Entropy, KeyAlgorithm};
use kyso::formats::cms::ValidationData;
use kyso::formats::tsp::TokenRefusal;
use kyso::formats::x509::Certificate;
use kyso::trust::fetch::{Method, Origin, Request};
use kyso::trust::{Budget, Exhausted, Fetch, FetchError, Settings, TrustServices, Tsa, TsaProblem, Why};
use kyso::validation::blocks::x509::Purpose;
use kyso::validation::fetched::{CrlRefusal, OcspRefusal};
use kyso::validation::missing::Prefer;
use kyso::validation::report::SubIndication;
use time::{Duration, OffsetDateTime, macros::datetime};

const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
const URL: &str = "http://127.0.0.1:8080";

struct At(Mutex<OffsetDateTime>);

impl Clock for At {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().expect("clock")
    }
}

struct Counter(AtomicU32);

impl Entropy for Counter {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0.fetch_add(1, Ordering::SeqCst) as u8);
    }
}

/// What stands in for an answer at a path.
#[derive(Clone)]
enum Instead {
    Bytes(Vec<u8>),
    Error(FetchError),
}

/// A development PKI behind the trait the real client stands behind.
struct World {
    pki: DevPki,
    clock: Arc<At>,
    tsa: Mutex<TsaMode>,
    /// How far the PKI's own time lies behind.
    behind: Mutex<Duration>,
    instead: Mutex<HashMap<String, Instead>>,
    asked: Mutex<Vec<String>>,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Arc<Self> {
        let folder = tempfile::tempdir().expect("folder");
        let pki =
            DevPki::open(PkiSpec::embedded().expect("spec"), &folder.path().join("pki"), URL, NOW).expect("opened");
        Arc::new(Self {
            pki,
            clock: Arc::new(At(Mutex::new(NOW))),
            tsa: Mutex::new(TsaMode::Ok),
            behind: Mutex::default(),
            instead: Mutex::default(),
            asked: Mutex::default(),
            _folder: folder,
        })
    }

    fn leaf(&self) -> Certificate {
        let custody = SoftwareCustody::new(&KeyEncryptionKey::from_text(&"07".repeat(32)).expect("key"));
        let id = CredentialId::parse("an").expect("id");
        let made = custody.generate(&id, KeyAlgorithm::P256).expect("generated");
        let der = self.pki.issue(&made.spki, "CN=An", Duration::days(365), NOW).expect("issued");
        Certificate::from_der(&der).expect("certificate")
    }

    fn root(&self) -> Certificate {
        Certificate::from_der(&self.pki.root().expect("DER")).expect("root")
    }

    fn services(self: &Arc<Self>, change: impl FnOnce(&mut Settings)) -> TrustServices {
        let mut settings = Settings { tsas: vec![tsa("/pki/tsa")], anchors: vec![self.root()], ..Settings::default() };
        change(&mut settings);
        TrustServices::new(settings, self.clone(), self.clock.clone(), Arc::new(Counter(AtomicU32::new(1))))
    }

    fn instead(&self, path: &str, answer: Instead) {
        self.instead.lock().expect("answers").insert(path.to_owned(), answer);
    }

    fn advance(&self, by: Duration) {
        *self.clock.0.lock().expect("clock") += by;
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().expect("list"))
    }
}

fn tsa(path: &str) -> Tsa {
    Tsa { url: format!("{URL}{path}"), authorization: None, policy: None, timeout: StdDuration::from_secs(5) }
}

fn digest() -> Digest {
    DigestAlgorithm::Sha256.digest(b"the signature value")
}

#[async_trait]
impl Fetch for World {
    async fn fetch(&self, request: &Request) -> Result<Vec<u8>, FetchError> {
        let path = request.url.strip_prefix(URL).expect("the PKI's own address").to_owned();
        self.asked.lock().expect("list").push(path.clone());
        let expected = if path.starts_with(paths::TSA) { Origin::Operator } else { Origin::Document };
        assert_eq!(request.origin, expected, "{path}");
        match self.instead.lock().expect("answers").get(&path).cloned() {
            Some(Instead::Bytes(bytes)) if bytes.len() > request.limits.bytes => {
                return Err(FetchError::TooLarge(request.limits.bytes));
            }
            Some(Instead::Bytes(bytes)) => return Ok(bytes),
            Some(Instead::Error(error)) => return Err(error),
            None => {}
        }
        let now = self.clock.now() - *self.behind.lock().expect("time");
        let body = match &request.method {
            Method::Get => &[][..],
            Method::Post { body, .. } => body,
        };
        let answer = match path.as_str() {
            paths::TSA => self.pki.timestamp_as(*self.tsa.lock().expect("mode"), body, now),
            paths::OCSP => self.pki.ocsp(body, now),
            paths::ISSUING_CRL => self.pki.crl(CrlIssuer::Issuing, now),
            paths::ROOT_CRL => self.pki.crl(CrlIssuer::Root, now),
            paths::ISSUING_CERTIFICATE => self.pki.issuing(),
            paths::ROOT_CERTIFICATE => self.pki.root(),
            _ => return Err(FetchError::Status(404)),
        };
        Ok(answer.expect("answered"))
    }
}

async fn problem(world: &Arc<World>, services: &TrustServices) -> TsaProblem {
    let problem = services.timestamp(digest()).await.expect_err("refused").0.remove(0).1;
    // The next question is not to be paused.
    world.advance(Duration::minutes(5));
    problem
}

#[tokio::test]
async fn honest_token_is_checked_and_says_where_it_came_from() {
    let world = World::new();
    let token = world.services(|_| ()).timestamp(digest()).await.expect("token");
    assert_eq!((token.gen_time(), token.authority()), (NOW, "http://127.0.0.1:8080/pki/tsa"));
    assert_eq!(token.checked().info().imprint, digest().as_bytes());
    assert_eq!(world.asked(), ["/pki/tsa"]);
}

#[tokio::test]
async fn each_lie_of_an_authority_has_its_name() {
    let world = World::new();
    let services = world.services(|_| ());
    let token = |refusal| TsaProblem::Token(refusal);
    for (mode, expected) in [
        (TsaMode::WrongImprint, token(TokenRefusal::WrongImprint)),
        (TsaMode::WrongNonce, token(TokenRefusal::WrongNonce)),
    ] {
        *world.tsa.lock().expect("mode") = mode;
        assert_eq!(problem(&world, &services).await, expected);
    }
    *world.tsa.lock().expect("mode") = TsaMode::UnknownSigner;
    assert!(matches!(problem(&world, &services).await, TsaProblem::UnknownSigner(_)));
    let trusting = world.services(|settings| settings.anchors.clear());
    assert!(trusting.timestamp(digest()).await.is_ok(), "without anchors nobody is unknown");
    *world.tsa.lock().expect("mode") = TsaMode::Rejects;
    let rejected = problem(&world, &services).await.to_string();
    assert!(rejected.contains("timeNotAvailable"), "{rejected}");
    *world.tsa.lock().expect("mode") = TsaMode::Ok;
    *world.behind.lock().expect("time") = Duration::hours(1);
    assert!(matches!(problem(&world, &services).await, TsaProblem::Token(TokenRefusal::TimeOff { .. })));
}

#[tokio::test]
async fn garbage_oversized_and_silent_authorities_are_told_apart() {
    let world = World::new();
    let services = world.services(|_| ());
    world.instead(paths::TSA, Instead::Bytes(b"<html>busy</html>".to_vec()));
    assert!(matches!(problem(&world, &services).await, TsaProblem::Token(TokenRefusal::Response(_))));
    world.instead(paths::TSA, Instead::Bytes(vec![0x30; 1 << 20]));
    assert_eq!(problem(&world, &services).await, TsaProblem::Fetch(FetchError::TooLarge(65_536)));
    let silent = FetchError::TimedOut(StdDuration::from_secs(5));
    world.instead(paths::TSA, Instead::Error(silent.clone()));
    assert_eq!(problem(&world, &services).await, TsaProblem::Fetch(silent));
}

#[tokio::test]
async fn second_authority_steps_in_and_the_first_is_left_alone_for_a_while() {
    let world = World::new();
    let services = world.services(|settings| settings.tsas.insert(0, tsa("/pki/tsa-down")));
    for expected in [&["/pki/tsa-down", "/pki/tsa"][..], &["/pki/tsa"], &["/pki/tsa"]] {
        assert_eq!(services.timestamp(digest()).await.expect("token").authority(), format!("{URL}/pki/tsa"));
        assert_eq!(world.asked(), expected);
    }
    world.advance(Duration::seconds(5));
    services.timestamp(digest()).await.expect("token");
    assert_eq!(world.asked(), ["/pki/tsa-down", "/pki/tsa"], "asked again");
    world.instead(paths::TSA, Instead::Error(FetchError::Status(503)));
    let failed = services.timestamp(digest()).await.expect_err("none is left");
    assert!(matches!(failed.0[0].1, TsaProblem::Paused(_)));
    assert_eq!(failed.0[1].1, TsaProblem::Fetch(FetchError::Status(503)));
}

#[tokio::test]
async fn everything_a_path_lacks_is_fetched_and_validates_offline() {
    let world = World::new();
    let services = world.services(|_| ());
    let token = services.timestamp(digest()).await.expect("token");
    world.asked();
    let leaf = world.leaf();
    let wanted = [(leaf.clone(), Purpose::DocumentSigning), (token.checked().unit().clone(), Purpose::TimeStamping)];
    let collected = services.collect(&wanted, &ValidationData::default(), &[world.root()], NOW).await;
    assert!(collected.is_complete(), "{:?}", collected.unavailable);
    assert_eq!(collected.unavailable, []);
    assert_eq!(world.asked(), [paths::ISSUING_CERTIFICATE, paths::OCSP, paths::ROOT_CRL, paths::OCSP]);
    // Signer, unit, authority, root, responder.
    let data = &collected.data;
    assert_eq!((data.certificates.len(), data.ocsps.len(), data.crls.len()), (5, 2, 1));
    let again = services.collect(&wanted, data, &[world.root()], NOW).await;
    assert_eq!((again.requests, again.is_complete()), (0, true), "the document alone is enough");
}

#[tokio::test]
async fn lists_are_preferred_where_the_configuration_says_so() {
    let world = World::new();
    let services = world.services(|settings| settings.prefer = Prefer::Crl);
    let wanted = [(world.leaf(), Purpose::DocumentSigning)];
    let collected = services.collect(&wanted, &ValidationData::default(), &[world.root()], NOW).await;
    assert!(collected.is_complete());
    assert_eq!(world.asked(), [paths::ISSUING_CERTIFICATE, paths::ISSUING_CRL, paths::ROOT_CRL]);
}

#[tokio::test]
async fn second_collection_is_answered_by_the_cache_until_it_is_old() {
    let world = World::new();
    let services = world.services(|_| ());
    let wanted = [(world.leaf(), Purpose::DocumentSigning)];
    let (known, anchors) = (ValidationData::default(), [world.root()]);
    let collect = || services.collect(&wanted, &known, &anchors, world.clock.now());
    let first = collect().await;
    assert_eq!((first.requests, first.cache_hits), (3, 0));
    let second = collect().await;
    assert_eq!((second.requests, second.cache_hits, second.is_complete()), (0, 3, true));
    world.advance(Duration::minutes(59));
    assert_eq!(collect().await.requests, 0);
    world.advance(Duration::minutes(1));
    let aged = collect().await;
    assert_eq!((aged.requests, aged.cache_hits), (2, 1), "an authority's certificate lasts longer");
    world.pki.revoke(wanted[0].0.der(), world.clock.now()).expect("revoked");
    world.advance(Duration::hours(1));
    let revoked = collect().await.verdicts.remove(0).expect_err("revoked");
    assert_eq!(revoked.sub_indication, SubIndication::RevokedNoPoe);
}

#[tokio::test]
async fn unknown_certificate_and_responder_that_is_down_fall_back_to_the_list() {
    let world = World::new();
    let services = world.services(|_| ());
    world.instead(paths::OCSP, Instead::Error(FetchError::Status(503)));
    let wanted = [(world.leaf(), Purpose::DocumentSigning)];
    let collected = services.collect(&wanted, &ValidationData::default(), &[world.root()], NOW).await;
    assert!(collected.is_complete());
    assert_eq!(collected.unavailable[0].why, Why::Fetch(FetchError::Status(503)));
    assert_eq!(collected.unavailable[0].url.as_deref(), Some("http://127.0.0.1:8080/pki/ocsp"));
    assert_eq!((collected.data.ocsps.len(), collected.data.crls.len()), (0, 2));
}

#[tokio::test]
async fn refusals_of_responders_and_stale_lists_are_named() {
    let world = World::new();
    let services = world.services(|_| ());
    let wanted = [(world.leaf(), Purpose::DocumentSigning)];
    let stale_crl = world.pki.crl(CrlIssuer::Issuing, NOW - Duration::days(30)).expect("CRL");
    world.instead(paths::ISSUING_CRL, Instead::Bytes(stale_crl));
    for (answer, expected) in [(3, "tryLater"), (6, "unauthorized"), (1, "malformedRequest")] {
        world.instead(paths::OCSP, Instead::Bytes(vec![0x30, 3, 0x0a, 1, answer]));
        let collected = services.collect(&wanted, &ValidationData::default(), &[world.root()], NOW).await;
        assert!(!collected.is_complete());
        assert_eq!(collected.verdicts[0].as_ref().expect_err("no status").sub_indication, SubIndication::TryLater);
        assert!(collected.unavailable[0].why.to_string().contains(expected), "{:?}", collected.unavailable);
        assert!(matches!(collected.unavailable[1].why, Why::Crl(CrlRefusal::Stale(_))));
    }
    // A certificate of the same names that was never issued there.
    world.instead.lock().expect("answers").remove(paths::OCSP);
    let other = World::new();
    let other_root = other.root();
    let foreign = [(other.leaf(), Purpose::DocumentSigning)];
    let collected = services.collect(&foreign, &ValidationData::default(), &[other_root], NOW).await;
    assert_eq!(collected.unavailable[0].why, Why::NotTheIssuer);
    let known = ValidationData {
        certificates: vec![Certificate::from_der(&other.pki.issuing().expect("DER")).expect("certificate")],
        ..ValidationData::default()
    };
    let collected = services.collect(&foreign, &known, &[other.root()], NOW).await;
    assert!(matches!(
        collected.unavailable[0].why,
        Why::Ocsp(OcspRefusal::Unknown | OcspRefusal::OtherCertificate | OcspRefusal::Responder(_))
    ));
}

#[tokio::test]
async fn garbage_and_oversized_answers_are_no_evidence() {
    let world = World::new();
    let services = world.services(|_| ());
    for path in [paths::OCSP, paths::ISSUING_CRL] {
        world.instead(path, Instead::Bytes(vec![0x30; 300 * 1024]));
    }
    let wanted = [(world.leaf(), Purpose::DocumentSigning)];
    let collected = services.collect(&wanted, &ValidationData::default(), &[world.root()], NOW).await;
    assert_eq!(collected.unavailable[0].why, Why::Fetch(FetchError::TooLarge(256 * 1024)));
    assert!(matches!(collected.unavailable[1].why, Why::Crl(CrlRefusal::Crl(_))));
}

#[tokio::test]
async fn budget_that_runs_out_is_named() {
    let world = World::new();
    let wanted = [(world.leaf(), Purpose::DocumentSigning)];
    for (budget, expected) in [
        (Budget { requests: 1, ..Budget::default() }, Exhausted::Requests),
        (Budget { bytes: 1_000, ..Budget::default() }, Exhausted::Bytes),
        (Budget { time: StdDuration::ZERO, ..Budget::default() }, Exhausted::Time),
    ] {
        world.instead.lock().expect("answers").clear();
        if expected == Exhausted::Bytes {
            world.instead(paths::OCSP, Instead::Bytes(vec![0; 10_000]));
        }
        let services = world.services(|settings| settings.budget = budget);
        let collected = services.collect(&wanted, &ValidationData::default(), &[world.root()], NOW).await;
        let named = collected.unavailable.iter().any(|gone| gone.why == Why::Budget(expected));
        assert!(named && !collected.is_complete(), "{:?}", collected.unavailable);
    }
}
