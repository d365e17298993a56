//! The sandbox as an integrator meets it: a clock that moves, authorities that fail on demand, a PKI that other programs accept.

use std::path::Path;
use std::process::Command;

use kyso::app::config::Config;
use kyso::app::serve::{Mode, Options, Running, start};
use kyso::crypto::{Digest, DigestAlgorithm};
use kyso::formats::cms::ValidationData;
use kyso::formats::crl::CertificateList;
use kyso::formats::tsp::TokenRefusal;
use kyso::formats::x509::{Certificate, pem};
use kyso::trust::fetch::{Fetch as _, FetchError, Limits, Method, Origin, Request};
use kyso::trust::guard::Guard;
use kyso::trust::{Collected, TsaProblem, Why, client::HttpFetch};
use kyso::validation::blocks::x509::Purpose;
use kyso::validation::fetched::OcspRefusal;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

struct Sandbox {
    running: Running,
    client: Client,
    data: tempfile::TempDir,
}

impl Sandbox {
    async fn start() -> Self {
        let data = tempfile::tempdir().expect("folder");
        let options = Options {
            config: Config::default(),
            data: data.path().to_owned(),
            listen: ([127, 0, 0, 1], 0).into(),
            mode: Mode::Sandbox,
            ready_file: None,
            renderer: Path::new(env!("CARGO_BIN_EXE_kyso")).to_owned(),
        };
        Self { running: start(options).await.expect("starts"), client: Client::new(), data }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.url)
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let answer = self.client.post(self.url(path)).json(&body).send().await.expect("answers");
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    async fn get(&self, path: &str) -> Value {
        self.client.get(self.url(path)).send().await.expect("answers").json().await.expect("JSON")
    }

    async fn now(&self) -> OffsetDateTime {
        let clock = self.get("/sandbox/clock").await;
        OffsetDateTime::parse(clock["now"].as_str().expect("text"), &Rfc3339).expect("time")
    }

    /// Moves on, so that an authority that failed is asked again.
    async fn advance(&self, by: Duration) {
        let offset = self.get("/sandbox/clock").await["offset_seconds"].as_i64().expect("seconds");
        let moved = self.post("/sandbox/clock", json!({"offset_seconds": offset + by.whole_seconds()})).await;
        assert_eq!(moved.0, 200);
    }

    fn pki(&self, name: &str) -> Vec<Certificate> {
        let bytes = std::fs::read(self.data.path().join("dev-pki").join(name)).expect("file");
        pem::certificates(&bytes).expect("certificates")
    }

    /// The time-stamping unit stands for any certificate of the issuing authority.
    async fn collect(&self) -> Collected {
        let wanted = [(self.pki("tsa.pem").remove(0), Purpose::TimeStamping)];
        let (known, now) = (ValidationData::default(), self.now().await);
        self.running.trust.collect(&wanted, &known, &self.pki("root.pem"), now).await
    }
}

fn digest() -> Digest {
    DigestAlgorithm::Sha256.digest(b"x")
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_moves_the_whole_service_and_says_where_it_stands() {
    let sandbox = Sandbox::start().await;
    assert_eq!(sandbox.get("/sandbox/clock").await["offset_seconds"], 0);
    let before = sandbox.now().await;
    let (status, moved) = sandbox.post("/sandbox/clock", json!({"offset_seconds": 40 * 86_400})).await;
    assert_eq!((status, &moved["offset_seconds"]), (StatusCode::OK, &json!(40 * 86_400)));
    let token = sandbox.running.trust.timestamp(digest()).await.expect("token");
    assert!(token.gen_time() - before >= Duration::days(39));
    let crl = sandbox.client.get(sandbox.url("/pki/issuing.crl")).send().await.expect("answers");
    let crl = CertificateList::from_der(&crl.bytes().await.expect("bytes")).expect("CRL");
    assert!(crl.this_update() - before >= Duration::days(39));
    let file = std::fs::read(sandbox.data.path().join("dev-pki/crl.pem")).expect("file");
    let listed = kyso::formats::crl::lists(&file).expect("lists");
    assert!(listed[0].this_update() - before >= Duration::days(39), "the file of the offline verifier follows");
    let collected = sandbox.collect().await;
    assert!(collected.is_complete() && collected.data.ocsps[0].produced_at() - before >= Duration::days(39));
    let set = sandbox.post("/sandbox/clock", json!({"now": "2027-01-02T03:04:05Z"})).await.1;
    assert!(set["now"].as_str().expect("text").starts_with("2027-01-02T03:04:0"), "{set}");
    for bad in [
        json!({}),
        json!({"now": "tomorrow"}),
        json!({"offset_seconds": 1, "now": "x"}),
        json!({"offset_seconds": i64::MAX}),
    ] {
        assert_eq!(sandbox.post("/sandbox/clock", bad.clone()).await.0, 400, "{bad}");
    }
    sandbox.running.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn time_stamping_authority_fails_on_demand() {
    let sandbox = Sandbox::start().await;
    assert_eq!(sandbox.get("/sandbox/tsa").await, json!({"mode": "ok"}));
    for mode in ["down", "wrong-imprint", "wrong-nonce", "unknown-signer", "rejects"] {
        let (status, told) = sandbox.post("/sandbox/tsa", json!({"mode": mode})).await;
        assert_eq!((status, told), (StatusCode::OK, json!({"mode": mode})));
        let failed = sandbox.running.trust.timestamp(digest()).await.expect_err(mode).0.remove(0).1;
        let expected = match mode {
            "down" => failed == TsaProblem::Fetch(FetchError::Status(503)),
            "wrong-imprint" => failed == TsaProblem::Token(TokenRefusal::WrongImprint),
            "wrong-nonce" => failed == TsaProblem::Token(TokenRefusal::WrongNonce),
            "unknown-signer" => matches!(failed, TsaProblem::UnknownSigner(_)),
            _ => failed.to_string().contains("timeNotAvailable"),
        };
        assert!(expected, "{mode}: {failed}");
        sandbox.advance(Duration::minutes(5)).await;
    }
    assert_eq!(sandbox.post("/sandbox/tsa", json!({"mode": "broken"})).await.0, 400);
    sandbox.post("/sandbox/tsa", json!({"mode": "slow"})).await;
    let fetch = HttpFetch::new(Guard::default()).expect("client");
    let timeout = std::time::Duration::from_millis(50);
    let method = Method::Post { content_type: "application/timestamp-query", body: vec![0x30, 0] };
    let (url, limits) = (sandbox.url("/pki/tsa"), Limits { bytes: 1_000, timeout });
    let slow = Request { url, method, origin: Origin::Operator, authorization: None, limits };
    assert_eq!(fetch.fetch(&slow).await, Err(FetchError::TimedOut(timeout)));
    sandbox.post("/sandbox/tsa", json!({"mode": "ok"})).await;
    assert!(sandbox.running.trust.timestamp(digest()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn responder_fails_on_demand_and_the_list_steps_in() {
    let sandbox = Sandbox::start().await;
    for mode in ["down", "unknown", "try-later"] {
        sandbox.post("/sandbox/ocsp", json!({"mode": mode})).await;
        assert_eq!(sandbox.get("/sandbox/ocsp").await, json!({"mode": mode}));
        let collected = sandbox.collect().await;
        let why = &collected.unavailable[0].why;
        let expected = match mode {
            "down" => *why == Why::Fetch(FetchError::Status(503)),
            "unknown" => *why == Why::Ocsp(OcspRefusal::Unknown),
            _ => why.to_string().contains("tryLater"),
        };
        assert!(expected && collected.is_complete(), "{mode}: {why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_sandboxs_own_address_is_opened() {
    let sandbox = Sandbox::start().await;
    let collected = sandbox.collect().await;
    assert!(collected.is_complete(), "{:?}", collected.unavailable);
    assert_eq!((collected.data.ocsps.len(), collected.data.crls.len()), (1, 1));
    // The same material over a client that knows no exception.
    let strict = HttpFetch::new(Guard::default()).expect("client");
    let limits = Limits { bytes: 1_000, timeout: std::time::Duration::from_secs(5) };
    let url = sandbox.url("/pki/issuing.cer");
    let request = Request { url, method: Method::Get, origin: Origin::Document, authorization: None, limits };
    assert!(matches!(strict.fetch(&request).await, Err(FetchError::Forbidden(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_asks_the_responder_over_http_in_both_ways() {
    let sandbox = Sandbox::start().await;
    let file = |name: &str| sandbox.data.path().join("dev-pki").join(name).display().to_string();
    let (issuing, root, unit) = (file("issuing.pem"), file("root.pem"), file("tsa.pem"));
    let request = sandbox.data.path().join("request.der").display().to_string();
    let url = sandbox.url("/pki/ocsp");
    let asked = tokio::task::spawn_blocking(move || {
        let names = ["ocsp", "-issuer", &issuing, "-cert", &unit];
        let how = ["-url", &url, "-CAfile", &root, "-verify_other", &issuing, "-reqout", &request];
        let output = Command::new("openssl").args(names).args(how).output().ok()?;
        Some((output, std::fs::read(request).expect("request")))
    });
    let Some((output, request)) = asked.await.expect("ran") else {
        eprintln!("openssl is not installed: not checked with it");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("Response verify OK") && text.contains(": good"), "{text}");
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(request).replace('/', "%2F").replace('+', "%2B");
    let answer = sandbox.client.get(sandbox.url(&format!("/pki/ocsp/{encoded}"))).send().await.expect("answers");
    assert_eq!(answer.status(), 200);
    let response = kyso::formats::ocsp::OcspResponse::from_der(&answer.bytes().await.expect("bytes"));
    let (unit, issuing) = (sandbox.pki("tsa.pem").remove(0), sandbox.pki("issuing.pem").remove(0));
    assert_eq!(response.expect("response").answers(&unit, &issuing).count(), 1);
}
