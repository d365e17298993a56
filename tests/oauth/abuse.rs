//! Abuse: each of these was an attack on somebody's server. Nothing is signed, and no token comes of it.

use serde_json::json;
use tokio::task::JoinSet;

use super::helper::{
    CHALLENGE, Oauth, REDIRECT, TYPE_2025, VERIFIER, asked, asked_to_sign, change, details, jwt, now, refused,
    sent_back,
};
use super::support::{Sandbox, send};

const CREDENTIAL: &str = "ec-p256-hosted";

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_comes_twice_gives_nothing_and_takes_back_what_it_gave() {
    let client = Oauth::shared();
    let code = client.granted(&asked_to_sign(CREDENTIAL, &["replayed"])).await;
    let token = client.exchange(&code, &[]).await.json()["access_token"].as_str().expect("a token").to_owned();
    refused(&client.exchange(&code, &[]).await, 400, "invalid_grant");
    refused(&client.sign(&token, CREDENTIAL, &["replayed"]).await, 401, "invalid_token");
    refused(&client.exchange(&code, &[]).await, 400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_who_bring_one_code_at_once_one_is_served() {
    let client = Oauth::shared();
    let code = client.granted(&asked_to_sign(CREDENTIAL, &["a hundred"])).await;
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let (client, code) = (client.clone(), code.clone());
        calls.spawn(async move { client.exchange(&code, &[]).await.status });
    }
    let statuses = calls.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 400)), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_who_open_one_pushed_request_at_once_one_sees_the_page() {
    let client = Oauth::shared();
    let pushed = client.push(&asked_to_sign(CREDENTIAL, &["fifty"])).await.json();
    let uri = pushed["request_uri"].as_str().expect("an address").to_owned();
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let (client, parameters) = (client.clone(), [("request_uri".to_owned(), uri.clone())].into());
        calls.spawn(async move { client.authorize(&parameters).await.status });
    }
    let statuses = calls.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 302).count(), 1, "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_who_refresh_with_one_token_at_once_at_most_one_is_served_and_nothing_lives_on() {
    let sandbox = Sandbox::start();
    let client = Oauth::of(&sandbox);
    let code = super::answered(&super::let_in(&client, "0900000001").await, "code").expect("a code");
    let tokens = client.exchange(&code, &[]).await.json();
    let refresh = tokens["refresh_token"].as_str().expect("a token").to_owned();
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let (client, refresh) = (client.clone(), refresh.clone());
        calls.spawn(async move {
            let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
            client.post("/oauth2/token", &form).await
        });
    }
    let answers = calls.join_all().await;
    let served: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(served.len(), 1);
    let token = served[0].json()["access_token"].as_str().expect("a token").to_owned();
    refused(&client.csc(&token, "/csc/v2/credentials/list", &json!({})).await, 401, "invalid_token");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_who_use_one_token_at_once_one_signs() {
    let client = Oauth::shared();
    let token = client.token_to_sign(CREDENTIAL, &["one hash"]).await;
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let (client, token) = (client.clone(), token.clone());
        calls.spawn(async move { client.sign(&token, CREDENTIAL, &["one hash"]).await.status });
    }
    let statuses = calls.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pkce_is_demanded_and_plain_is_refused() {
    let client = Oauth::shared();
    let sign = asked_to_sign(CREDENTIAL, &["pkce"]);
    for (name, value) in [
        ("code_challenge", ""),
        ("code_challenge_method", ""),
        ("code_challenge_method", "plain"),
        ("code_challenge_method", "s256"),
        ("code_challenge", "short"),
        ("code_challenge", &*format!("{CHALLENGE}=")),
    ] {
        sent_back(&client.authorize(&change(sign.clone(), name, value)).await, "invalid_request");
        refused(&client.push(&change(sign.clone(), name, value)).await, 400, "invalid_request");
    }
    let code = client.granted(&sign).await;
    let long = "a".repeat(129);
    refused(&client.exchange(&code, &[("code_verifier", "")]).await, 400, "invalid_request");
    for wrong in [CHALLENGE, "x", &long, &VERIFIER.to_lowercase(), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"] {
        refused(&client.exchange(&code, &[("code_verifier", wrong)]).await, 400, "invalid_grant");
    }
    assert_eq!(client.exchange(&code, &[]).await.status, 200, "guesses do not use the code up");
}

/// What looks like the registered address to somebody.
fn odd_addresses() -> Vec<String> {
    let mut odd: Vec<String> = [
        "http://127.0.0.1/callback/",
        "http://127.0.0.1/callback?x=1",
        "http://127.0.0.1/callback#f",
        "http://127.0.0.1/callback/../evil",
        "http://127.0.0.1/%63allback",
        "http://127.0.0.1/Callback",
        "http://127.0.0.1//callback",
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.1:80:81/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:8a/callback",
        "http://127.0.0.1:80@evil.example/callback",
        "http://127.0.0.1@evil.example/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://127.0.0.2/callback",
        "http://127.1/callback",
        "http://0x7f000001/callback",
        "http://2130706433/callback",
        "http://localhost/callback",
        "http://[::ffff:127.0.0.1]/callback",
        "http://[::2]/callback",
        "http://0.0.0.0/callback",
        "https://127.0.0.1/callback",
        "HTTP://127.0.0.1/callback",
        "http:/127.0.0.1/callback",
        "http:127.0.0.1/callback",
        "//127.0.0.1/callback",
        "/callback",
        "callback",
        "http://127.0.0.1\\callback",
        "http://evil.example/callback",
        "https://evil.example/callback",
        "http://127.0.0.1/callback\r\nx: y",
        "http://127.0.0.1/callback\u{0}",
        " http://127.0.0.1/callback",
        "http://127.0.0.1/callback ",
        "javascript:alert(1)",
        "data:text/html,x",
        "about:blank",
        "urn:ietf:wg:oauth:2.0:oob",
        "file:///etc/passwd",
        "com.example.app:/callback",
        "http://127.0.0.1/oauth",
        "http://127.0.0.1/oauth/callback/x",
    ]
    .map(str::to_owned)
    .into();
    odd.extend(
        [
            "https://dichvucong.example.gov.vn/callback/",
            "https://dichvucong.example.gov.vn:443/callback",
            "https://dichvucong.example.gov.vn:8443/callback",
            "https://DICHVUCONG.example.gov.vn/callback",
            "https://dichvucong.example.gov.vn./callback",
            "https://dichvucong.example.gov.vn@evil.example/callback",
            "https://evil.example@dichvucong.example.gov.vn/callback",
            "https://a.dichvucong.example.gov.vn/callback",
            "https://dichvucong.example.gov.vn.evil.example/callback",
            "http://dichvucong.example.gov.vn/callback",
            "https://dichvucong.example.gov.vn/callback?",
            "https://dichvucong.example.gov.vn/callback#",
            "https://dichvucong.example.gov.vn/callback%0d%0a",
            "https://dichvucong.example.gov.vn\\@evil.example/callback",
            "https://evil.example\\.dichvucong.example.gov.vn/callback",
            "https://dichvucong。example.gov.vn/callback",
            "https://evil.example/https://dichvucong.example.gov.vn/callback",
        ]
        .map(str::to_owned),
    );
    odd
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_to_an_address_that_only_looks_registered() {
    let client = Oauth::shared();
    let odd = odd_addresses();
    assert!(odd.len() >= 60, "{}", odd.len());
    for address in &odd {
        let parameters = change(asked_to_sign(CREDENTIAL, &["odd"]), "redirect_uri", address);
        let answer = client.authorize(&parameters).await;
        assert_eq!((answer.status, answer.header("location")), (400, ""), "{address}");
        assert!(answer.header("content-type").starts_with("text/html"), "a page for the citizen: {address}");
        assert_eq!(client.push(&parameters).await.status, 400, "{address}");
    }
    // Also for errors: what is wrong with the request is not told to an address that is not the client's.
    let parameters = change(asked(&[("scope", "nonsense")]), "redirect_uri", "https://evil.example/");
    assert_eq!(client.authorize(&parameters).await.header("location"), "");
    for parameters in [change(asked(&[]), "redirect_uri", ""), change(asked(&[]), "client_id", "somebody")] {
        assert_eq!(client.authorize(&parameters).await.header("location"), "");
    }
    let unknown = Oauth { id: "unknown".into(), ..client.clone() };
    assert_eq!(
        (unknown.authorize(&asked(&[])).await.status, unknown.authorize(&asked(&[])).await.header("location")),
        (400, "")
    );
    // Twice the same parameter, and the code is for the address that asked for it.
    let twice = format!(
        "{}/oauth2/authorize?client_id={}&redirect_uri={REDIRECT}&redirect_uri=https://evil.example/",
        client.url, client.id
    );
    let answer = send(client.http.get(twice)).await.expect("answers");
    assert_eq!((answer.status, answer.header("location")), (400, ""));
    let code = client.granted(&asked_to_sign(CREDENTIAL, &["address"])).await;
    for other in ["", "http://127.0.0.1:51005/callback", "http://127.0.0.1/callback"] {
        refused(&client.exchange(&code, &[("redirect_uri", other)]).await, 400, "invalid_grant");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_portal_was_given_is_useless_to_another() {
    let sandbox = Sandbox::start();
    let client = Oauth::of(&sandbox);
    let (id, secret) = sandbox.add_portal("other-portal");
    let granted = sandbox.admin(&["signer", "grant", "nguyen-van-an", "other-portal"]);
    assert!(granted.status.success());
    let added = sandbox.admin(&["portal", "redirect", "add", "other-portal", "http://127.0.0.1/callback"]);
    assert!(added.status.success());
    let thief = Oauth::as_client(&sandbox, &id, &secret);

    let code = client.granted(&asked_to_sign(CREDENTIAL, &["tenant"])).await;
    refused(&thief.exchange(&code, &[]).await, 400, "invalid_grant");
    let token = client.exchange(&code, &[]).await.json()["access_token"].as_str().expect("unharmed").to_owned();
    // The thief's own bearer with the victim's SAD.
    let own = thief.own_token().await;
    let body = json!({"credentialID": CREDENTIAL, "SAD": token, "hashAlgorithmOID": super::SHA256,
        "hashes": [super::base64(super::hash("tenant").as_bytes())], "signAlgo": super::ECDSA_SHA256});
    let answer = thief.csc(&own, "/csc/v2/signatures/signHash", &body).await;
    assert_eq!(answer.json()["error_description"], "Invalid parameter SAD");
    // A credential token is for its credential.
    let other = client.sign(&token, "ec-p256", &["tenant"]).await;
    assert_eq!(other.json()["error_description"], "Invalid parameter credentialID");
    let list = client.csc(&token, "/csc/v2/credentials/list", &json!({})).await;
    assert_eq!(list.status, 403, "{}", list.text());
    assert_eq!(client.sign(&token, CREDENTIAL, &["tenant"]).await.status, 200, "to its owner it is still good");

    // A portal that was not granted the signer cannot even ask.
    let ungranted = asked_to_sign("ngoc-ec-p256", &["tenant"]);
    sent_back(&thief.authorize(&ungranted).await, "invalid_request");
    // Client authentication is of the client named.
    let posed = [("grant_type", "client_credentials"), ("client_id", client.id.as_str())];
    refused(&thief.post("/oauth2/token", &posed).await, 400, "invalid_request");
    let posed = Oauth { id: client.id.clone(), ..thief.clone() };
    refused(&posed.post("/oauth2/token", &posed_form()).await, 401, "invalid_client");
    let answer = posed.post("/oauth2/token", &posed_form()).await;
    assert!(answer.header("www-authenticate").starts_with("Basic"), "RFC 6749 §5.2");
}

fn posed_form() -> [(&'static str, &'static str); 1] {
    [("grant_type", "client_credentials")]
}

#[tokio::test(flavor = "multi_thread")]
async fn other_hashes_than_those_confirmed_are_not_exchanged_and_not_signed() {
    let client = Oauth::shared();
    let code = client.granted(&asked_to_sign(CREDENTIAL, &["confirmed", "also"])).await;
    for other in [
        details(TYPE_2025, CREDENTIAL, &["confirmed", "other"]),
        details(TYPE_2025, CREDENTIAL, &["confirmed"]),
        details(TYPE_2025, CREDENTIAL, &["confirmed", "also", "also"]),
        details(TYPE_2025, "ec-p256", &["confirmed", "also"]),
    ] {
        let answer = client.exchange(&code, &[("authorization_details", &other.to_string())]).await;
        refused(&answer, 400, "invalid_authorization_details");
    }
    let same = details("credential", CREDENTIAL, &["also", "confirmed"]).to_string();
    let token = client.exchange(&code, &[("authorization_details", &same)]).await.json();
    let token = token["access_token"].as_str().expect("the same hashes in another order are the same");
    for more in [&["other"][..], &["confirmed", "other"], &["confirmed", "confirmed"], &["confirmed", "also", "also"]] {
        let answer = client.sign(token, CREDENTIAL, more).await;
        assert_eq!(answer.json()["error_description"], "Hash is not authorized by the SAD", "{more:?}");
    }
    assert_eq!(client.sign(token, CREDENTIAL, &["also", "confirmed"]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_five_times_ends_the_authorisation_and_the_client_hears_of_it() {
    let client = Oauth::shared();
    let page = client.page(&asked_to_sign(CREDENTIAL, &["guessed"])).await;
    let code = client.code(&page).await;
    let wrong = super::support::wrong(&code);
    for _ in 0..5 {
        let answer = send(client.http.post(format!("{page}/confirm")).form(&[("code", wrong)])).await.expect("answers");
        assert!(!answer.header("location").contains("code="), "{}", answer.header("location"));
    }
    let late = send(client.http.post(format!("{page}/confirm")).form(&[("code", &code)])).await.expect("answers");
    assert!(!late.header("location").contains("code="), "{}", late.header("location"));
    let html = send(client.http.get(&page)).await.expect("answers").text();
    assert!(html.contains("error=access_denied"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_and_tokens_end_with_their_time() {
    let sandbox = Sandbox::start();
    let client = Oauth::of(&sandbox);
    let clock = async |seconds: i64| {
        let body = json!({ "offset_seconds": seconds });
        send(client.http.post(format!("{}/sandbox/clock", client.url)).json(&body)).await.expect("answers");
    };
    let code = client.granted(&asked_to_sign(CREDENTIAL, &["late code"])).await;
    clock(61).await;
    refused(&client.exchange(&code, &[]).await, 400, "invalid_grant");
    let token = client.token_to_sign(CREDENTIAL, &["late token"]).await;
    let own = client.own_token().await;
    clock(61 + 301).await;
    let answer = client.sign(&token, CREDENTIAL, &["late token"]).await;
    assert!(matches!(answer.status, 400 | 401) && answer.json().get("signatures").is_none(), "{}", answer.text());
    clock(61 + 3601).await;
    let answer = client.csc(&own, "/csc/v2/credentials/list", &json!({"userID": "nguyen-van-an"})).await;
    assert_eq!(answer.status, 401, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_belongs_to_whoever_confirmed_first_and_its_token_is_used_once() {
    let sandbox = Sandbox::start();
    let client = Oauth::of(&sandbox);
    let key = kyso::crypto::digest::sha256(client.secret.as_bytes());
    let key = jsonwebtoken::EncodingKey::from_secret(&key).expect("a key");
    let claims = |jti: &str| json!({"sub": "citizen-7", "iat": now(), "jti": jti, "azp": client.id, "iss": "portal"});
    let header = json!({"typ": "JWT", "alg": "HS256"});
    let with = |token: &str| change(asked_to_sign(CREDENTIAL, &[token]), "account_token", token);
    let first = jwt(&header, &claims("1"), &key);
    client.granted(&with(&first)).await;
    sent_back(&client.authorize(&with(&first)).await, "invalid_request");
    // The same account at the portal, another signer here.
    let second = jwt(&header, &claims("2"), &key);
    let other = change(asked_to_sign("ngoc-ec-p256", &["x"]), "account_token", &second);
    sent_back(&client.authorize(&other).await, "access_denied");
    client.granted(&with(&jwt(&header, &claims("3"), &key))).await;
    // For scope service the page knows who it is, and asks no number.
    let service = change(asked(&[]), "account_token", &jwt(&header, &claims("4"), &key));
    let page = client.page(&service).await;
    let html = send(client.http.get(&page)).await.expect("answers").text();
    assert!(html.contains("001") && !html.contains("name=\"phone\""), "{html}");

    let old = json!({"sub": "citizen-7", "iat": now() - 3600, "jti": "5", "azp": client.id});
    let foreign = json!({"sub": "citizen-7", "iat": now(), "jti": "6", "azp": "other"});
    let other_key = jsonwebtoken::EncodingKey::from_secret(&[7; 32]).expect("a key");
    for bad in [
        jwt(&header, &old, &key),
        jwt(&header, &foreign, &key),
        jwt(&header, &json!({"sub": "citizen-7", "iat": now(), "azp": client.id}), &key),
        jwt(&header, &claims("7"), &other_key),
        super::helper::raw_jwt(&json!({"alg": "none"}), &claims("8"), ""),
    ] {
        sent_back(&client.authorize(&with(&bad)).await, "invalid_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_any_endpoint_or_error_is_in_the_log_or_the_audit() {
    let sandbox = Sandbox::start_with(None, "127.0.0.1:0", &[("KYSO_LOG", "debug")]);
    let client = Oauth::of(&sandbox);
    let code = client.granted(&asked_to_sign(CREDENTIAL, &["canary"])).await;
    let answer = client.exchange(&code, &[]).await.json();
    let token = answer["access_token"].as_str().expect("a token").to_owned();
    client.sign(&token, CREDENTIAL, &["canary"]).await;
    let pushed = client.push(&asked(&[])).await.json()["request_uri"].as_str().expect("text").to_owned();
    let service = super::let_in(&client, "0900000001").await;
    let service_code = super::answered(&service, "code").expect("a code");
    let tokens = client.exchange(&service_code, &[]).await.json();
    let refresh = tokens["refresh_token"].as_str().expect("a token").to_owned();
    let mut canaries =
        vec![client.secret.clone(), code, token, pushed, service_code, refresh.clone(), VERIFIER.to_owned()];
    // Errors of every endpoint, each with a value that must not turn up anywhere.
    for (path, fields) in [
        ("/oauth2/token", &["client_secret", "code", "code_verifier", "refresh_token", "client_assertion"][..]),
        ("/oauth2/pushed_authorize", &["client_secret", "account_token", "client_assertion"]),
        ("/oauth2/revoke", &["token", "client_secret", "client_assertion"]),
    ] {
        for grant in ["authorization_code", "refresh_token", "client_credentials", "password"] {
            for field in fields {
                let canary = format!("CANARY-{}-{grant}-{field}", path.len());
                let form =
                    [("grant_type", grant), ("client_id", &client.id), (*field, &canary), ("redirect_uri", REDIRECT)];
                send(client.http.post(format!("{}{path}", client.url)).form(&form)).await.expect("answers");
                client.post(path, &form[..3]).await;
                canaries.push(canary);
            }
        }
    }
    for field in ["account_token", "request_uri", "state", "code", "authorization_details"] {
        let canary = format!("CANARY-authorize-{field}");
        client.authorize(&change(asked(&[]), field, &canary)).await;
        canaries.push(canary);
    }
    client.csc("CANARY-bearer", "/csc/v2/credentials/list", &json!({})).await;
    let callback = format!("{}/oidc/callback?state=CANARY-state&code=CANARY-code", client.url);
    send(client.http.get(callback)).await.expect("answers");
    let again = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    client.post("/oauth2/token", &again).await;
    client.post("/oauth2/token", &again).await;
    canaries.extend(["CANARY".to_owned()]);
    let (log, audit) = (sandbox.log(), sandbox.audit().iter().map(ToString::to_string).collect::<String>());
    assert!(log.len() > 500 && audit.contains("access_revoked"), "{log}");
    for canary in canaries {
        assert!(!log.contains(&canary), "{canary} is in the log");
        assert!(!audit.contains(&canary), "{canary} is in the audit records");
    }
    // Nor does the database hold one: what it keeps are hashes.
    let database = ["kyso.db", "kyso.db-wal"].map(|name| std::fs::read(sandbox.data().join(name)).unwrap_or_default());
    for canary in [&client.secret, &refresh] {
        assert!(!database.iter().any(|bytes| contains(bytes, canary.as_bytes())), "a secret stands in the database");
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
