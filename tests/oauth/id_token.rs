//! ID tokens of a provider that lies: each of OpenID Connect Core §3.1.3.7's checks, with a good token beside the bad ones.

use std::sync::{Arc, Mutex};

use axum::routing::{get, post};
use axum::{Json, Router};
use kyso::app::system::SystemClock;
use kyso::domain::Secret;
use kyso::identity::{JwtError, Provider, ProviderError, ProviderSettings};
use serde_json::{Value, json};

use super::helper::{jwt, now, p256_key, raw_jwt};

/// A provider that gives whatever ID token it is told to.
struct Fake {
    issuer: String,
    keys: Arc<Mutex<Value>>,
    token: Arc<Mutex<String>>,
    /// What the discovery document calls the issuer.
    called: Arc<Mutex<String>>,
}

impl Fake {
    async fn start(jwk: &Value) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("known"));
        let keys = Arc::new(Mutex::new(json!({ "keys": [jwk] })));
        let (token, called) = (Arc::new(Mutex::new(String::new())), Arc::new(Mutex::new(issuer.clone())));
        let (url, named, served, given) = (issuer.clone(), called.clone(), keys.clone(), token.clone());
        let discovery = move || async move {
            Json(json!({"issuer": *named.lock().expect("held"), "authorization_endpoint": format!("{url}/auth"),
                        "token_endpoint": format!("{url}/token"), "jwks_uri": format!("{url}/keys")}))
        };
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(move || async move { Json(served.lock().expect("held").clone()) }))
            .route("/token", post(move || async move { Json(json!({"id_token": *given.lock().expect("held")})) }));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { issuer, keys, token, called }
    }

    fn relying_party(&self) -> Provider {
        let settings = ProviderSettings {
            issuer: self.issuer.clone(),
            client_id: "kyso".into(),
            client_secret: Secret::new("s"),
            claim: "national_number".into(),
            scope: "openid".into(),
            name: "P".into(),
            redirect_uri: "http://127.0.0.1/oidc/callback".into(),
        };
        Provider::new(settings, Arc::new(SystemClock)).expect("a client")
    }

    async fn person(&self, provider: &Provider, token: String) -> Result<String, ProviderError> {
        *self.token.lock().expect("held") = token;
        let secret = Secret::new;
        let person = provider.person(&secret("code"), &secret("verifier"), &secret("the nonce")).await;
        person.map(|person| person.expose().to_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_with_anything_wrong_names_nobody() {
    let ((key, jwk), (other_key, _)) = (p256_key("k1"), p256_key("k1"));
    let fake = Fake::start(&jwk).await;
    let provider = fake.relying_party();
    let header = json!({"alg": "ES256", "kid": "k1"});
    let claims = json!({"iss": fake.issuer, "aud": "kyso", "sub": "1", "national_number": "001", "nonce": "the nonce",
                        "iat": now(), "exp": now() + 300});
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        let members = claims.as_object_mut().expect("an object");
        if value.is_null() {
            members.remove(name)
        } else {
            members.insert(name.to_owned(), value)
        };
        claims
    };
    let good = fake.person(&provider, jwt(&header, &claims, &key)).await;
    assert_eq!(good.expect("believed"), "001");
    let several = with("aud", json!(["kyso", "other"]));
    let mut addressed = several.clone();
    addressed["azp"] = json!("kyso");
    assert!(fake.person(&provider, jwt(&header, &addressed, &key)).await.is_ok());

    for (what, token) in [
        ("none", raw_jwt(&json!({"alg": "none"}), &claims, "")),
        ("symmetric", raw_jwt(&json!({"alg": "HS256", "kid": "k1"}), &claims, "AAAA")),
        ("another key", jwt(&header, &claims, &other_key)),
        ("a path for a kid", jwt(&json!({"alg": "ES256", "kid": "../../k1"}), &claims, &key)),
        ("another issuer", jwt(&header, &with("iss", json!("https://evil.example")), &key)),
        ("another audience", jwt(&header, &with("aud", json!("other")), &key)),
        ("no audience", jwt(&header, &with("aud", Value::Null), &key)),
        ("several audiences without azp", jwt(&header, &several, &key)),
        ("another azp", jwt(&header, &with("azp", json!("other")), &key)),
        ("expired", jwt(&header, &with("exp", json!(now() - 120)), &key)),
        ("without end", jwt(&header, &with("exp", Value::Null), &key)),
        ("from the future", jwt(&header, &with("iat", json!(now() + 3600)), &key)),
        ("without iat", jwt(&header, &with("iat", Value::Null), &key)),
        ("another nonce", jwt(&header, &with("nonce", json!("other")), &key)),
        ("without nonce", jwt(&header, &with("nonce", Value::Null), &key)),
        ("without sub", jwt(&header, &with("sub", Value::Null), &key)),
        ("without the person", jwt(&header, &with("national_number", Value::Null), &key)),
        ("a number for a person", jwt(&header, &with("national_number", json!(1)), &key)),
        ("nothing", String::new()),
    ] {
        let refused = fake.person(&provider, token).await;
        assert!(matches!(refused, Err(ProviderError::Token(_))), "{what}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_changed_its_keys_is_asked_again_but_not_each_time() {
    let ((old, old_jwk), (new, new_jwk)) = (p256_key("old"), p256_key("new"));
    let fake = Fake::start(&old_jwk).await;
    let provider = fake.relying_party();
    let token = |kid: &str, key| {
        let claims = json!({"iss": fake.issuer, "aud": "kyso", "sub": "1", "national_number": "001",
                            "nonce": "the nonce", "iat": now(), "exp": now() + 300});
        jwt(&json!({"alg": "ES256", "kid": kid}), &claims, key)
    };
    assert!(fake.person(&provider, token("old", &old)).await.is_ok());
    *fake.keys.lock().expect("held") = json!({"keys": [new_jwk]});
    // Asked a moment ago: an unknown kid does not make this service hammer the provider.
    let early = fake.person(&provider, token("new", &new)).await;
    assert!(matches!(early, Err(ProviderError::Token(JwtError::UnknownKey))), "{early:?}");
    assert!(fake.person(&fake.relying_party(), token("new", &new)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discovery_document_of_another_issuer_is_not_used() {
    let (key, jwk) = p256_key("k1");
    let fake = Fake::start(&jwk).await;
    *fake.called.lock().expect("held") = "https://evil.example".to_owned();
    let token = jwt(&json!({"alg": "ES256", "kid": "k1"}), &json!({}), &key);
    let refused = fake.person(&fake.relying_party(), token).await;
    assert!(matches!(refused, Err(ProviderError::Down(_))), "{refused:?}");
}
