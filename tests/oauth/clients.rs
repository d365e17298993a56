//! How clients prove who they are: secrets that change, signed assertions, certificates passed on by a proxy.

use std::path::{Path, PathBuf};

use kyso::app::config::Config;
use kyso::app::serve::{Mode, Options, Running, start};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::helper::{Oauth, asked, asked_to_sign, change, jwt, now, p256_key, raw_jwt, refused};
use super::support::{Answer, Sandbox, http, kyso, send, stderr, stdout, text};

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

#[tokio::test(flavor = "multi_thread")]
async fn two_secrets_live_while_a_portal_changes_over() {
    let sandbox = Sandbox::start();
    let old = Oauth::of(&sandbox);
    let admin = |step: &str| sandbox.admin(&["portal", "secret", step, "sandbox-portal"]);
    let rotated = admin("rotate");
    assert!(rotated.status.success(), "{}", stderr(&rotated));
    let secret = stdout(&rotated).lines().find_map(|line| line.strip_prefix("client_secret=").map(str::to_owned));
    let new = Oauth::as_client(&sandbox, &old.id, &secret.expect("a secret"));
    old.own_token().await;
    new.own_token().await;
    assert!(!admin("rotate").status.success(), "a third would be one too many");
    assert!(admin("retire").status.success());
    let form = [("grant_type", "client_credentials")];
    refused(&old.post("/oauth2/token", &form).await, 401, "invalid_client");
    new.own_token().await;
    assert!(!admin("retire").status.success(), "the last one stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn assertions_are_believed_once_and_only_from_the_registered_key() {
    let sandbox = Sandbox::start();
    let client = Oauth::of(&sandbox);
    let ((key, jwk), (other_key, other_jwk)) = (p256_key("k1"), p256_key("k2"));
    let file = sandbox.file("jwks.json");
    std::fs::write(&file, json!({"keys": [jwk.clone()]}).to_string()).expect("written");
    let set = ["portal", "auth", "sandbox-portal", "--method", "private-key-jwt", "--jwks", text(&file)];
    let set = sandbox.admin(&set);
    assert!(set.status.success(), "{}", stderr(&set));

    let header = json!({"alg": "ES256", "typ": "JWT", "kid": "k1"});
    let token_url = format!("{}/oauth2/token", client.url);
    let claims = |jti: &str| json!({"iss": client.id, "sub": client.id, "aud": token_url, "jti": jti, "iat": now(), "exp": now() + 60});
    let with = |name: &str, value: Value| {
        let mut claims = claims(&format!("with {name} {value}"));
        claims[name] = value;
        claims
    };
    let call = async |assertion: &str, more: &[(&str, &str)]| {
        let base = [("grant_type", "client_credentials"), ("client_assertion_type", ASSERTION)];
        let form = [&base[..], &[("client_assertion", assertion)], more].concat();
        send(client.http.post(&token_url).form(&form)).await.expect("answers")
    };
    let good = jwt(&header, &claims("1"), &key);
    assert_eq!(call(&good, &[]).await.status, 200);
    refused(&call(&good, &[]).await, 401, "invalid_client");
    for audience in [json!(client.url), json!([client.url, "https://elsewhere.example"])] {
        assert_eq!(call(&jwt(&header, &with("aud", audience), &key), &[("client_id", &client.id)]).await.status, 200);
    }

    let signed = |header: Value, claims: &Value, key| jwt(&header, claims, key);
    let mut without_jti = claims("x");
    without_jti.as_object_mut().expect("an object").remove("jti");
    let mut without_end = claims("y");
    without_end.as_object_mut().expect("an object").remove("exp");
    let mut embedded = header.clone();
    embedded["jwk"] = other_jwk;
    let kid = |kid: &str| json!({"alg": "ES256", "kid": kid});
    let bad = [
        raw_jwt(&json!({"alg": "none"}), &claims("2"), ""),
        raw_jwt(&json!({"alg": "None", "kid": "k1"}), &claims("3"), "AAAA"),
        raw_jwt(&json!({"alg": "HS256", "kid": "k1"}), &claims("4"), "AAAA"),
        signed(header.clone(), &claims("5"), &other_key),
        signed(embedded, &claims("6"), &other_key),
        signed(kid("../../../../dev/null"), &claims("7"), &key),
        signed(kid("/etc/passwd"), &claims("8"), &key),
        signed(kid("k2"), &claims("9"), &key),
        signed(header.clone(), &with("aud", json!("https://elsewhere.example/oauth2/token")), &key),
        signed(header.clone(), &with("aud", json!([])), &key),
        signed(header.clone(), &with("iss", json!("other")), &key),
        signed(header.clone(), &with("sub", json!("other")), &key),
        signed(header.clone(), &with("exp", json!(now() - 120)), &key),
        signed(header.clone(), &with("exp", json!(now() + 86_400)), &key),
        signed(header.clone(), &with("nbf", json!(now() + 3600)), &key),
        signed(header.clone(), &without_jti, &key),
        signed(header.clone(), &without_end, &key),
        "..".to_owned(),
        "a".repeat(20_000),
    ];
    for assertion in &bad {
        refused(&call(assertion, &[]).await, 401, "invalid_client");
    }
    let assertion = jwt(&header, &claims("10"), &key);
    refused(&call(&assertion, &[("client_id", "other")]).await, 401, "invalid_client");
    refused(&call(&assertion, &[("client_secret", &client.secret)]).await, 400, "invalid_request");
    // The secret of a client that signs is no longer taken, nor the assertion of one that has a secret.
    refused(&client.post("/oauth2/token", &[("grant_type", "client_credentials")]).await, 401, "invalid_client");
    let (id, _) = sandbox.add_portal("with-secret");
    let foreign = json!({"iss": id, "sub": id, "aud": token_url, "jti": "11", "iat": now(), "exp": now() + 60});
    refused(&call(&jwt(&header, &foreign, &key), &[]).await, 401, "invalid_client");

    // A whole authorisation, pushed and exchanged by assertion.
    let pushed = asked_to_sign("ec-p256-hosted", &["by assertion"]);
    let pushed = change(pushed, "client_assertion_type", ASSERTION);
    let pushed = change(pushed, "client_assertion", &jwt(&header, &claims("12"), &key));
    let answer = send(client.http.post(format!("{}/oauth2/pushed_authorize", client.url)).form(&pushed)).await;
    let uri = answer.expect("answers").json()["request_uri"].as_str().expect("pushed").to_owned();
    let code = client.granted(&change(asked(&[]), "request_uri", &uri)).await;
    let assertion = jwt(&header, &claims("13"), &key);
    let more = [
        ("grant_type", "authorization_code"),
        ("client_assertion_type", ASSERTION),
        ("client_assertion", &assertion),
        ("code", &code),
        ("redirect_uri", super::REDIRECT),
        ("code_verifier", super::helper::VERIFIER),
    ];
    let answer = send(client.http.post(&token_url).form(&more)).await.expect("answers");
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn keys_that_would_not_do_are_not_registered() {
    let sandbox = Sandbox::start();
    let mut private = p256_key("k").1;
    private["d"] = json!("AAAA");
    for jwks in
        [json!({"keys": [private]}), json!({"keys": []}), json!({"keys": [{"kty": "oct", "k": "AAAA"}]}), json!([])]
    {
        let file = sandbox.file("bad.json");
        std::fs::write(&file, jwks.to_string()).expect("written");
        let arguments = ["portal", "auth", "sandbox-portal", "--method", "private-key-jwt", "--jwks", text(&file)];
        assert!(!sandbox.admin(&arguments).status.success(), "{jwks}");
    }
    for uri in ["http://portal.example/cb", "https://*.example/cb", "https://a.example/cb#f", "javascript:alert(1)"] {
        assert!(!sandbox.admin(&["portal", "redirect", "add", "sandbox-portal", uri]).status.success(), "{uri}");
    }
}

/// A service behind a proxy, in this process, with a portal that authenticates by certificate.
struct Proxied {
    running: Running,
    http: Client,
    header: String,
    folder: tempfile::TempDir,
}

impl Proxied {
    async fn start(proxy: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("kyso.toml");
        std::fs::write(&config, format!("[tls_proxy]\naddresses = [\"{proxy}\"]\n")).expect("written");
        let options = Options {
            config: Config::read(&config).expect("read"),
            data: folder.path().join("data"),
            listen: ([127, 0, 0, 1], 0).into(),
            mode: Mode::Sandbox,
            ready_file: None,
            renderer: Path::new(env!("CARGO_BIN_EXE_kyso")).to_owned(),
        };
        let running = start(options).await.expect("starts");
        let proxied = Self { running, http: http(), header: String::new(), folder };
        let header = Self::header(&proxied.certificate("tsa.pem"));
        let file = proxied.certificate("tsa.pem");
        let data = proxied.folder.path().join("data");
        let arguments = ["admin", "--data", text(&data), "portal", "auth", "sandbox-portal", "--method", "tls"];
        let set = kyso(&[&arguments[..], &["--certificates", text(&file)]].concat());
        assert!(set.status.success(), "{}", stderr(&set));
        Self { header, ..proxied }
    }

    fn certificate(&self, name: &str) -> PathBuf {
        self.folder.path().join("data/dev-pki").join(name)
    }

    /// As nginx passes a certificate on.
    fn header(file: &Path) -> String {
        let pem = std::fs::read_to_string(file).expect("a certificate");
        pem.bytes()
            .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect()
    }

    fn token(&self) -> RequestBuilder {
        let form = [("grant_type", "client_credentials"), ("client_id", "sandbox-portal")];
        self.http.post(format!("{}/oauth2/token", self.running.url)).form(&form)
    }

    async fn list(&self, token: &str, header: Option<&str>) -> Answer {
        let body = json!({"userID": "nguyen-van-an"});
        let call =
            self.http.post(format!("{}/csc/v2/credentials/list", self.running.url)).bearer_auth(token).json(&body);
        send(header.iter().fold(call, |call, header| call.header("client-cert", *header))).await.expect("answers")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_the_proxy_passes_on_is_the_client_and_binds_its_tokens() {
    let service = Proxied::start("127.0.0.1").await;
    let answer = send(service.token().header("client-cert", &service.header)).await.expect("answers");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let token = answer.json()["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(service.list(&token, Some(&service.header)).await.status, 200);
    // RFC 9440 spells it otherwise.
    let pem = std::fs::read_to_string(service.certificate("tsa.pem")).expect("a certificate");
    let der: String = pem.lines().skip(1).take_while(|line| !line.starts_with("-----END")).collect();
    assert_eq!(send(service.token().header("client-cert", format!(":{der}:"))).await.expect("answers").status, 200);
    // Without the certificate, or with another one, the token is nothing.
    let other = Proxied::header(&service.certificate("issuing.pem"));
    assert_eq!(service.list(&token, None).await.status, 401);
    assert_eq!(service.list(&token, Some(&other)).await.status, 401);
    for header in [other.as_str(), "garbage", "", ":AAAA:"] {
        let answer = send(service.token().header("client-cert", header)).await.expect("answers");
        assert!(matches!(answer.status, 400 | 401), "{header}: {}", answer.text());
    }
    let twice = service.token().header("client-cert", &service.header).header("client-cert", &service.header);
    assert_eq!(send(twice).await.expect("answers").status, 400, "one of the two was smuggled in");
    let url = format!("{}/.well-known/oauth-authorization-server", service.running.url);
    let metadata = send(service.http.get(url)).await.expect("answers").json();
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
    service.running.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_header_that_does_not_come_from_the_proxy_is_nothing() {
    let service = Proxied::start("192.0.2.1").await;
    let answer = send(service.token().header("client-cert", &service.header)).await.expect("answers");
    refused(&answer, 400, "invalid_request");
    let secret =
        service.running.ready.as_ref().expect("ready")["portal"]["client_secret"].as_str().expect("text").to_owned();
    let form = [("grant_type", "client_credentials")];
    let by_secret = service.http.post(format!("{}/oauth2/token", service.running.url)).form(&form);
    let answer = send(by_secret.basic_auth("sandbox-portal", Some(secret))).await.expect("answers");
    refused(&answer, 401, "invalid_client");
    service.running.stop().await.expect("stops");
}
