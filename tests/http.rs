//! The whole edge over a real sandbox: shapes of answers, CSC in both versions, the citizen's page without a script.

use std::path::Path;

use kyso::app::config::Config;
use kyso::app::serve::{Mode, Options, Running, start};
use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Value, json};

const FORM: &[u8] = include_bytes!("../samples/to-khai-xac-nhan-cu-tru.pdf");
/// SHA-256 of nothing, base64.
const HASH: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
const SHA256: &str = "2.16.840.1.101.3.4.2.1";

/// A sandbox and an authenticated portal.
struct Sandbox {
    running: Running,
    client: Client,
    token: String,
    _data: tempfile::TempDir,
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
        let running = start(options).await.expect("starts");
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("client");
        let ready = running.ready.clone().expect("a sandbox");
        let (id, secret) = (ready["portal"]["client_id"].as_str(), ready["portal"]["client_secret"].as_str());
        let form = [("grant_type", "client_credentials")];
        let request =
            client.post(format!("{}/oauth2/token", running.url)).basic_auth(id.expect("id"), secret).form(&form);
        let answer = request.send().await.expect("answers");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        let token = answer.json::<Value>().await.expect("JSON")["access_token"].as_str().expect("token").to_owned();
        Self { running, client, token, _data: data }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.url)
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let answer =
            self.client.post(self.url(path)).bearer_auth(&self.token).json(body).send().await.expect("answers");
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let answer = self.client.get(self.url(path)).bearer_auth(&self.token).send().await.expect("answers");
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    async fn form(&self, url: &str, fields: &[(&str, &str)]) -> Response {
        self.client.post(url).form(fields).send().await.expect("answers")
    }

    async fn newest_code(&self) -> String {
        let messages = self.get("/sandbox/outbox").await.1;
        messages
            .as_array()
            .and_then(|all| all.last())
            .and_then(|last| last["code"].as_str())
            .expect("a code")
            .to_owned()
    }

    async fn request(&self, extra: Value) -> (StatusCode, Value) {
        use base64::Engine as _;
        let content = base64::engine::general_purpose::STANDARD.encode(FORM);
        let mut body =
            json!({"documents": [{"name": "to-khai.pdf", "content": content}], "credential": "ec-p256-hosted"});
        let members = extra.as_object().expect("an object").clone();
        body.as_object_mut().expect("an object").extend(members);
        self.post("/v1/requests", &body).await
    }
}

fn location(answer: &Response) -> &str {
    answer.headers()[header::LOCATION].to_str().expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_has_the_shape_of_its_path() {
    let sandbox = Sandbox::start().await;
    let client = &sandbox.client;
    for (method, path, status, kind, member) in [
        ("GET", "/csc/v2/credentials/list", 405, "application/json", "error_description"),
        ("POST", "/csc/v1/nothing", 404, "application/json", "error_description"),
        ("POST", "/csc/v2/credentials/create", 501, "application/json", "error_description"),
        ("POST", "/csc/v2/credentials/info", 400, "application/json", "error_description"),
        ("GET", "/oauth2/token", 405, "application/json", "error_description"),
        ("GET", "/nothing", 404, "application/problem+json", "what_to_do"),
        ("PUT", "/v1/requests", 405, "application/problem+json", "what_to_do"),
        ("GET", "/v1/requests/x", 401, "application/problem+json", "what_to_do"),
    ] {
        let method = method.parse().expect("a method");
        let answer = client.request(method, sandbox.url(path)).send().await.expect("answers");
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.headers()[header::CONTENT_TYPE], kind, "{path}");
        let id = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(body["request_id"], id.as_str(), "{path}");
        assert_eq!(body["signed"], false, "{path}");
        assert!(body[member].is_string(), "{path}: {body}");
    }
    let unknown = client.get(sandbox.url("/c/0123456789abcdef0123456789abcdef")).send().await.expect("answers");
    assert_eq!(unknown.status(), 404);
    assert!(unknown.text().await.expect("text").contains("Liên kết không dùng được"));
    let large = client.post(sandbox.url("/csc/v2/credentials/info")).bearer_auth(&sandbox.token);
    let large = large.header(header::CONTENT_TYPE, "application/json").body(vec![b' '; 2 << 20]).send().await;
    assert_eq!(large.expect("answers").status(), 413);
    sandbox.running.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn csc_signs_the_authorised_hash_once_in_both_versions() {
    let sandbox = Sandbox::start().await;
    let pin = sandbox.running.ready.as_ref().expect("ready")["signers"][0]["pin"].clone();
    // v2: the code is sent by authorize itself.
    let mut authorize = json!({"credentialID": "ec-p256", "numSignatures": 1, "hashes": [HASH],
        "hashAlgorithmOID": SHA256, "authData": [{"id": "PIN", "value": pin}]});
    let (status, answer) = sandbox.post("/csc/v2/credentials/authorize", &authorize).await;
    assert_eq!(status, 202, "{answer}");
    assert!(answer["handle"].is_string());
    authorize["authData"] = json!([{"id": "PIN", "value": pin}, {"id": "OTP", "value": sandbox.newest_code().await}]);
    let (status, answer) = sandbox.post("/csc/v2/credentials/authorize", &authorize).await;
    assert_eq!(status, 200, "{answer}");
    let mut sign =
        json!({"credentialID": "ec-p256", "SAD": answer["SAD"], "hashes": [HASH], "signAlgo": "1.2.840.10045.4.3.2"});
    let mut other = sign.clone();
    other["hashes"] = json!(["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]);
    let (status, refused) = sandbox.post("/csc/v2/signatures/signHash", &other).await;
    assert_eq!((status.as_u16(), &refused["error_description"]), (400, &json!("Hash is not authorized by the SAD")));
    let (status, signed) = sandbox.post("/csc/v2/signatures/signHash", &sign).await;
    assert_eq!((status.as_u16(), signed["signatures"].as_array().map(Vec::len)), (200, Some(1)));
    let (status, _) = sandbox.post("/csc/v2/signatures/signHash", &sign).await;
    assert_eq!(status, 400, "a SAD is used once");
    // v1: sendOTP, then PIN and OTP together.
    let (status, _) = sandbox.post("/csc/v1/credentials/sendOTP", &json!({"credentialID": "rsa-2048"})).await;
    assert_eq!(status, 204);
    let code = sandbox.newest_code().await;
    let v1 = json!({"credentialID": "rsa-2048", "numSignatures": 1, "hash": [HASH], "PIN": pin, "OTP": code});
    let (status, answer) = sandbox.post("/csc/v1/credentials/authorize", &v1).await;
    assert_eq!(status, 200, "{answer}");
    sign = json!({"credentialID": "rsa-2048", "SAD": answer["SAD"], "hash": [HASH], "hashAlgo": SHA256,
        "signAlgo": "1.2.840.113549.1.1.1"});
    assert_eq!(sandbox.post("/csc/v1/signatures/signHash", &sign).await.0, 200);
    let mut wrong = v1.clone();
    wrong["PIN"] = json!("000000");
    assert_eq!(sandbox.post("/csc/v1/credentials/authorize", &wrong).await.1["error"], "invalid_pin");
    sandbox.running.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_signs_without_a_script_after_one_wrong_code() {
    let sandbox = Sandbox::start().await;
    let (status, request) = sandbox.request(json!({"description": "<b>Tờ khai</b>"})).await;
    assert_eq!(status, 201, "{request}");
    let page = request["confirm_url"].as_str().expect("a page");
    let first = sandbox.client.get(page).send().await.expect("answers");
    let policy = first.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("text").to_owned();
    assert!(policy.starts_with("default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'"), "{policy}");
    assert_eq!(first.headers()[header::REFERRER_POLICY], "no-referrer");
    let html = first.text().await.expect("text");
    let fingerprint = request["documents"][0]["fingerprint"].as_str().expect("text");
    assert!(html.contains(fingerprint) && html.contains("Gửi mã xác nhận") && !html.contains("<b>"), "{html}");
    let picture = sandbox.client.get(format!("{page}/documents/1/pages/1.png")).send().await.expect("answers");
    assert_eq!(picture.headers()[header::CONTENT_TYPE], "image/png");
    assert!(picture.bytes().await.expect("bytes").len() < 150_000, "the first page is for slow networks");

    let foreign = sandbox.client.post(format!("{page}/code")).header("sec-fetch-site", "cross-site").send().await;
    assert_eq!(foreign.expect("answers").status(), 403);
    let sent = sandbox.form(&format!("{page}/code?lang=en"), &[]).await;
    assert_eq!((sent.status().as_u16(), location(&sent).ends_with("?lang=en&n=sent#sign")), (303, true));
    let code = sandbox.newest_code().await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let answer = sandbox.form(&format!("{page}/confirm?lang=vi"), &[("code", wrong)]).await;
    let html = sandbox.client.get(sandbox.url(location(&answer))).send().await.expect("answers").text().await;
    assert!(html.expect("text").contains("Mã không đúng. Bạn còn 4 lần thử. Tài liệu chưa được ký."));
    let path = format!("/v1/requests/{}", request["id"].as_str().expect("id"));
    let early =
        sandbox.client.get(sandbox.url(&format!("{path}/documents/1"))).bearer_auth(&sandbox.token).send().await;
    assert!(early.expect("answers").status().is_client_error(), "nothing to fetch before it is signed");
    sandbox.form(&format!("{page}/confirm"), &[("code", &code)]).await;

    let signed = until_final(&sandbox, &path).await;
    assert_eq!(signed["state"], "signed", "{signed}");
    let receipt = sandbox.client.get(page).send().await.expect("answers").text().await.expect("text");
    assert!(receipt.contains("Tài liệu đã được ký") && receipt.contains(fingerprint), "{receipt}");
    let url = signed["documents"][0]["signed_url"].as_str().expect("a URL");
    let document = sandbox.client.get(url).bearer_auth(&sandbox.token).send().await.expect("answers");
    assert_eq!(document.headers()[header::CONTENT_TYPE], "application/pdf");
    let bytes = document.bytes().await.expect("bytes");
    assert!(bytes.len() > FORM.len() && bytes.starts_with(FORM));
    sandbox.running.stop().await.expect("stops");
}

async fn until_final(sandbox: &Sandbox, path: &str) -> Value {
    for _ in 0..5_000 {
        let (_, request) = sandbox.get(path).await;
        if !matches!(request["state"].as_str(), Some("waiting" | "confirmed")) {
            return request;
        }
    }
    panic!("the request did not end");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusing_asks_once_more_and_then_ends_the_request() {
    let sandbox = Sandbox::start().await;
    let (_, request) = sandbox.request(json!({})).await;
    let page = request["confirm_url"].as_str().expect("a page");
    let asked = sandbox.client.get(format!("{page}/refuse")).send().await.expect("answers").text().await.expect("text");
    assert!(asked.contains("Từ chối ký?") && asked.contains("<form method=\"post\""), "{asked}");
    let path = format!("/v1/requests/{}", request["id"].as_str().expect("id"));
    assert_eq!(sandbox.get(&path).await.1["state"], "waiting", "asking changes nothing");
    assert_eq!(sandbox.form(&format!("{page}/refuse"), &[]).await.status(), 303);
    assert_eq!(sandbox.get(&path).await.1["state"], "refused");
    let late = sandbox.form(&format!("{page}/code"), &[]).await;
    let html = sandbox.client.get(sandbox.url(location(&late))).send().await.expect("answers").text().await;
    assert!(html.expect("text").contains("Đã từ chối ký"), "the page shows the true state");
    sandbox.running.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_makes_one_request_of_two_calls() {
    use base64::Engine as _;
    let sandbox = Sandbox::start().await;
    let content = base64::engine::general_purpose::STANDARD.encode(FORM);
    let ask = |description: &str| {
        let body = json!({"documents": [{"name": "a.pdf", "content": content}], "credential": "ec-p256-hosted",
            "description": description});
        let request = sandbox.client.post(sandbox.url("/v1/requests")).bearer_auth(&sandbox.token);
        request.header("Idempotency-Key", "k-1").json(&body).send()
    };
    let first: Value = ask("a").await.expect("answers").json().await.expect("JSON");
    let second: Value = ask("a").await.expect("answers").json().await.expect("JSON");
    assert_eq!(first["id"], second["id"]);
    let other: Value = ask("b").await.expect("answers").json().await.expect("JSON");
    assert_eq!(other["type"], "urn:kyso:problem:idempotency-mismatch");
    sandbox.running.stop().await.expect("stops");
}
