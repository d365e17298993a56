//! An OAuth client in Rust and the citizen in front of its pages, over real HTTP.

#![allow(dead_code)] // Each test binary uses its own part.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kyso::crypto::{Digest, DigestAlgorithm};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::support::{Answer, PATIENCE, Sandbox, base64, http, send, shared};

pub const SHA256: &str = "2.16.840.1.101.3.4.2.1";
pub const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
pub const REDIRECT: &str = "http://127.0.0.1:51004/callback";
pub const TYPE_2025: &str = "https://cloudsignatureconsortium.org/2025/credential";
/// RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub fn hash(text: &str) -> Digest {
    DigestAlgorithm::Sha256.digest(text.as_bytes())
}

/// `authorization_details` for these texts' hashes.
pub fn details(kind: &str, credential: &str, texts: &[&str]) -> Value {
    let digest = |text: &&str| json!({"hash": base64(hash(text).as_bytes()), "label": text, "hashType": "DTBSR"});
    let digests: Vec<Value> = texts.iter().map(digest).collect();
    json!([{"type": kind, "credentialID": credential, "numSignatures": texts.len(), "hashAlgorithmOID": SHA256,
            "documentDigests": digests, "locations": ["https://ignored.example"]}])
}

/// Parameters of an authorisation request; `change` takes one away when it is empty.
pub type Parameters = BTreeMap<String, String>;

pub fn asked(more: &[(&str, &str)]) -> Parameters {
    let base = [
        ("response_type", "code"),
        ("redirect_uri", REDIRECT),
        ("state", "xyz ~ é"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    base.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// For a credential, by `authorization_details`.
pub fn asked_to_sign(credential: &str, texts: &[&str]) -> Parameters {
    asked(&[("scope", "credential"), ("authorization_details", &details(TYPE_2025, credential, texts).to_string())])
}

pub fn change(mut parameters: Parameters, name: &str, value: &str) -> Parameters {
    match value {
        "" => parameters.remove(name),
        _ => parameters.insert(name.to_owned(), value.to_owned()),
    };
    parameters
}

/// A client that authenticates with a secret.
#[derive(Clone)]
pub struct Oauth {
    pub http: Client,
    pub url: String,
    pub id: String,
    pub secret: String,
    /// The shared sandbox lives as long as a client that uses it.
    pub keeps: Option<Arc<Sandbox>>,
}

impl Oauth {
    pub fn shared() -> Self {
        let sandbox = shared();
        Self { keeps: Some(sandbox.clone()), ..Self::of(&sandbox) }
    }

    pub fn of(sandbox: &Sandbox) -> Self {
        Self::as_client(sandbox, sandbox.says("/portal/client_id"), sandbox.says("/portal/client_secret"))
    }

    pub fn as_client(sandbox: &Sandbox, id: &str, secret: &str) -> Self {
        Self { http: http(), url: sandbox.says("/url").into(), id: id.into(), secret: secret.into(), keeps: None }
    }

    /// `GET /oauth2/authorize`.
    pub async fn authorize(&self, parameters: &Parameters) -> Answer {
        let query = [("client_id".to_owned(), self.id.clone())];
        let query: Vec<_> = query.into_iter().chain(parameters.clone()).collect();
        let mut url = reqwest::Url::parse(&format!("{}/oauth2/authorize", self.url)).expect("an address");
        url.query_pairs_mut().extend_pairs(query);
        send(self.http.get(url)).await.expect("an answer")
    }

    /// The page an authorisation leads to.
    pub async fn page(&self, parameters: &Parameters) -> String {
        let answer = self.authorize(parameters).await;
        let place = answer.header("location");
        assert!(answer.status == 302 && place.starts_with("/"), "{} {place}: {}", answer.status, answer.text());
        format!("{}{}", self.url, place.split('?').next().expect("a path"))
    }

    pub fn form(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.url)).basic_auth(&self.id, Some(&self.secret)).form(form)
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        send(self.form(path, form)).await.expect("an answer")
    }

    pub async fn push(&self, parameters: &Parameters) -> Answer {
        let form: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post("/oauth2/pushed_authorize", &form).await
    }

    pub async fn exchange(&self, code: &str, more: &[(&str, &str)]) -> Answer {
        let base = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let replaced = |name: &str| more.iter().any(|(other, _)| *other == name);
        let form: Vec<_> = base.iter().filter(|(name, _)| !replaced(name)).chain(more).copied().collect();
        let form: Vec<_> = form.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        self.post("/oauth2/token", &form).await
    }

    /// The citizen's part of a page `/c/{token}`: ask for a code, enter it. The answer leads back to the client.
    pub async fn confirm(&self, page: &str) -> Answer {
        let code = self.code(page).await;
        send(self.http.post(format!("{page}/confirm")).form(&[("code", &code)])).await.expect("an answer")
    }

    /// Has a code sent on a page `/c/{token}` and reads it.
    pub async fn code(&self, page: &str) -> String {
        let asked = send(self.http.post(format!("{page}/code"))).await.expect("an answer");
        assert!(asked.header("location").contains("n=sent"), "{}", asked.header("location"));
        // A link is the transaction's id and a MAC of 32 characters.
        let token = page.rsplit('/').next().expect("a token");
        let transaction = &token[..token.len() - 32];
        self.newest(|message| message["transaction"] == *transaction).await
    }

    /// The newest code that a message of the outbox holds; waits for one.
    pub async fn newest(&self, wanted: impl Fn(&Value) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let messages = send(self.http.get(format!("{}/sandbox/outbox", self.url))).await.expect("an answer").json();
            let found = messages.as_array().into_iter().flatten().rev().find(|message| wanted(message));
            if let Some(code) = found.and_then(|message| message["code"].as_str()) {
                return code.to_owned();
            }
            assert!(Instant::now() < deadline, "no code was sent");
            tokio::task::yield_now().await;
        }
    }

    /// A whole authorisation: the code.
    pub async fn granted(&self, parameters: &Parameters) -> String {
        let answer = self.confirm(&self.page(parameters).await).await;
        answered(&answer, "code").unwrap_or_else(|| panic!("{}: {}", answer.status, answer.text()))
    }

    /// A whole authorisation for these texts: the token.
    pub async fn token_to_sign(&self, credential: &str, texts: &[&str]) -> String {
        let code = self.granted(&asked_to_sign(credential, texts)).await;
        let answer = self.exchange(&code, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["access_token"].as_str().expect("a token").to_owned()
    }

    pub async fn csc(&self, token: &str, path: &str, body: &Value) -> Answer {
        send(self.http.post(format!("{}{path}", self.url)).bearer_auth(token).json(body)).await.expect("an answer")
    }

    /// `signHash` in v2's names, the token serving as SAD.
    pub async fn sign(&self, token: &str, credential: &str, texts: &[&str]) -> Answer {
        let hashes: Vec<_> = texts.iter().map(|text| base64(hash(text).as_bytes())).collect();
        let body = json!({"credentialID": credential, "hashes": hashes, "hashAlgorithmOID": SHA256,
                          "signAlgo": ECDSA_SHA256});
        self.csc(token, "/csc/v2/signatures/signHash", &body).await
    }

    /// A token of the client itself.
    pub async fn own_token(&self) -> String {
        let answer = self.post("/oauth2/token", &[("grant_type", "client_credentials")]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["access_token"].as_str().expect("a token").to_owned()
    }
}

/// A parameter of the redirect an answer is.
pub fn answered(answer: &Answer, name: &str) -> Option<String> {
    let url = reqwest::Url::parse(answer.header("location")).ok()?;
    let mut found = url.query_pairs().filter(|(key, _)| key == name);
    let value = found.next()?.1.into_owned();
    found.next().is_none().then_some(value)
}

/// Checks an error of a token, revocation or pushed-request endpoint.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, error: &str) {
    let body = answer.json();
    assert_eq!((answer.status, &body["error"]), (status, &json!(error)), "{body}");
    assert!(body["error_description"].is_string() && body.get("access_token").is_none(), "{body}");
}

/// Checks an error told to the client by redirect.
#[track_caller]
pub fn sent_back(answer: &Answer, error: &str) {
    let place = answer.header("location");
    assert!(place.starts_with(REDIRECT), "{} {place}: {}", answer.status, answer.text());
    assert_eq!(answered(answer, "error").as_deref(), Some(error), "{place}");
    assert_eq!(answered(answer, "code"), None, "{place}");
    assert!(answered(answer, "iss").is_some(), "{place}");
}

/// A signed token with these header members and claims.
pub fn jwt(header: &Value, claims: &Value, key: &jsonwebtoken::EncodingKey) -> String {
    let header = serde_json::from_value(header.clone()).expect("a header");
    jsonwebtoken::encode(&header, claims, key).expect("signed")
}

/// A token with a header and a signature of any kind.
pub fn raw_jwt(header: &Value, claims: &Value, signature: &str) -> String {
    let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", text(header), text(claims))
}

/// A fresh P-256 key: to sign with, and its public half as a JSON Web Key.
pub fn p256_key(kid: &str) -> (jsonwebtoken::EncodingKey, Value) {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    let random = aws_lc_rs::rand::SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).expect("read");
    let point = pair.public_key().as_ref();
    let coordinate = |from: usize| URL_SAFE_NO_PAD.encode(&point[from..from + 32]);
    let jwk = json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": coordinate(1), "y": coordinate(33)});
    (jsonwebtoken::EncodingKey::from_ec_der(pkcs8.as_ref()), jwk)
}

/// Seconds since 1970, now.
#[allow(clippy::disallowed_methods)]
pub fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}
