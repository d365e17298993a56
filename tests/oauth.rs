//! OAuth 2.0 over real HTTP: what a client can do with a citizen's consent, and that nothing else works.

#[path = "oauth/abuse.rs"]
mod abuse;
#[path = "oauth/clients.rs"]
mod clients;
#[path = "oauth/factors.rs"]
mod factors;
#[path = "support/oauth.rs"]
mod helper;
#[path = "oauth/id_token.rs"]
mod id_token;
#[path = "oauth/node.rs"]
mod node;
#[path = "oauth/oidc.rs"]
mod oidc;
mod support;

use der::Decode as _;
use helper::{
    CHALLENGE, ECDSA_SHA256, Oauth, REDIRECT, SHA256, TYPE_2025, answered, asked, asked_to_sign, change, details, hash,
    refused, sent_back,
};
use kyso::crypto::{DigestAlgorithm, PublicKey, SignatureAlgorithm};
use serde_json::{Value, json};
use support::{Answer, Sandbox, base64, send, unbase64};

/// Checks that the signatures are of these texts and this credential, read with the token itself.
async fn verifies(client: &Oauth, token: &str, credential: &str, texts: &[&str], answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let info = client.csc(token, "/csc/v2/credentials/info", &json!({"credentialID": credential})).await.json();
    let der = unbase64(info["cert"]["certificates"][0].as_str().unwrap_or_else(|| panic!("{info}")));
    let certificate = x509_cert::Certificate::from_der(&der).expect("a certificate");
    let key = PublicKey::from_spki(certificate.tbs_certificate().subject_public_key_info()).expect("a key");
    let signatures = answer.json()["signatures"].as_array().cloned().expect("signatures");
    assert_eq!(signatures.len(), texts.len());
    for (text, signature) in texts.iter().zip(&signatures) {
        let value = unbase64(signature.as_str().expect("text"));
        let algorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);
        key.verify_digest(algorithm, &hash(text), &value).expect("verifies");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_and_info_lead_to_each_endpoint() {
    let client = Oauth::shared();
    let get = async |path: &str| send(client.http.get(format!("{}{path}", client.url))).await.expect("answers").json();
    let metadata = get("/.well-known/oauth-authorization-server").await;
    assert_eq!(metadata["issuer"], client.url.as_str());
    for (name, path) in [
        ("authorization_endpoint", "/oauth2/authorize"),
        ("token_endpoint", "/oauth2/token"),
        ("pushed_authorization_request_endpoint", "/oauth2/pushed_authorize"),
        ("revocation_endpoint", "/oauth2/revoke"),
    ] {
        assert_eq!(metadata[name], format!("{}{path}", client.url), "{name}");
    }
    assert_eq!(metadata["authorization_details_types_supported"], json!(["credential", TYPE_2025]));
    for version in ["v1", "v2"] {
        let info = get(&format!("/csc/{version}/info")).await;
        assert_eq!(info["oauth2"], client.url.as_str());
        assert_eq!(info["authType"], json!(["oauth2code", "oauth2client", "basic"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_token_signs_exactly_what_was_confirmed_in_any_order_and_once() {
    let client = Oauth::shared();
    for kind in ["credential", TYPE_2025] {
        let texts = [format!("{kind} b"), format!("{kind} a")];
        let texts = [texts[0].as_str(), texts[1].as_str()];
        let wanted = details(kind, "ec-p256-hosted", &texts).to_string();
        let code = client.granted(&asked(&[("authorization_details", &wanted), ("clientData", "trace")])).await;
        let answer = client.exchange(&code, &[("authorization_details", &wanted)]).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{}", answer.text());
        let body = answer.json();
        assert_eq!((&body["token_type"], &body["scope"]), (&json!("Bearer"), &json!("credential")), "{body}");
        assert!(body["expires_in"].as_i64().is_some_and(|seconds| (200..=300).contains(&seconds)), "{body}");
        assert_eq!(body["authorization_details"][0]["type"], kind);
        assert_eq!(body["authorization_details"][0]["credentialID"], "ec-p256-hosted");
        assert!(body.get("refresh_token").is_none(), "{body}");
        let token = body["access_token"].as_str().expect("a token");

        let other = client.sign(token, "ec-p256-hosted", &["something else"]).await;
        assert_eq!(other.json()["error_description"], "Hash is not authorized by the SAD");
        let signed = client.sign(token, "ec-p256-hosted", &[texts[1], texts[0]]).await;
        verifies(&client, token, "ec-p256-hosted", &[texts[1], texts[0]], &signed).await;
        let again = client.sign(token, "ec-p256-hosted", &[texts[0]]).await;
        assert_eq!(again.status, 400, "each hash once: {}", again.text());
    }
}

/// The token opens the hash of the document; everything else, and what others did, stays shut.
#[tokio::test(flavor = "multi_thread")]
async fn a_credential_token_signs_the_documents_whose_hashes_were_confirmed() {
    let client = Oauth::shared();
    let texts = ["nội dung một", "nội dung hai"];
    let token = async || {
        let code = client.granted(&asked_to_sign("ec-p256-hosted", &texts)).await;
        client.exchange(&code, &[]).await.json()["access_token"].as_str().expect("a token").to_owned()
    };
    let (first, second) = (token().await, token().await);
    let call = |text: &str, mode: &str| {
        let document = json!({"document": base64(text.as_bytes()), "signature_format": "C", "signAlgo": ECDSA_SHA256});
        json!({"credentialID": "ec-p256-hosted", "documents": [document], "operationMode": mode})
    };
    let path = "/csc/v2/signatures/signDoc";
    let other = client.csc(&first, path, &call("something else", "S")).await;
    assert_eq!((other.status, &other.json()["error"]), (403, &json!("invalid_hash")), "{}", other.text());
    let made = client.csc(&first, path, &call(texts[0], "S")).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let again = client.csc(&first, path, &call(texts[0], "S")).await;
    assert_eq!((again.status, &again.json()["error"]), (403, &json!("invalid_hash")), "{}", again.text());
    let later = client.csc(&first, path, &call(texts[1], "A")).await;
    let id = later.json()["responseID"].as_str().unwrap_or_else(|| panic!("{}", later.text())).to_owned();
    let poll = async |token: &str| client.csc(token, "/csc/v2/signatures/signPolling", &json!({"requestID": id})).await;
    assert_eq!(poll(&second).await.status, 400, "another token of the same portal and signer");
    loop {
        let answer = poll(&first).await;
        if answer.status != 202 {
            assert!(answer.json()["DocumentWithSignature"][0].is_string(), "{}", answer.text());
            break;
        }
        tokio::time::sleep(support::POLL).await;
    }
    let check = json!({"handle": id});
    let narrow = client.csc(&first, "/csc/v2/credentials/authorizeCheck", &check).await;
    assert_eq!((narrow.status, &narrow.json()["error"]), (403, &json!("access_denied")), "{}", narrow.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_in_v2s_and_in_v1s_names_do_the_same() {
    let client = Oauth::shared();
    let url_hash = |text: &str| base64(hash(text).as_bytes()).replace('+', "-").replace('/', "_").replace('=', "");
    let base = [("scope", "credential"), ("credentialID", "ec-p256"), ("numSignatures", "2")];
    let hashes = format!("{},{}", url_hash("v2 a"), url_hash("v2 b"));
    let v2 = [&base[..], &[("hashes", &*hashes), ("hashAlgorithmOID", SHA256), ("lang", "en-GB")]].concat();
    let answer = client.exchange(&client.granted(&asked(&v2)).await, &[]).await.json();
    assert_eq!((&answer["token_type"], &answer["credentialID"]), (&json!("Bearer"), &json!("ec-p256")), "{answer}");
    let token = answer["access_token"].as_str().expect("a token");
    verifies(&client, token, "ec-p256", &["v2 b"], &client.sign(token, "ec-p256", &["v2 b"]).await).await;
    verifies(&client, token, "ec-p256", &["v2 a"], &client.sign(token, "ec-p256", &["v2 a"]).await).await;

    // v1: the token is called SAD and goes into the body, beside a bearer of scope service.
    let hashes = format!("{},{}", url_hash("v1 a"), url_hash("v1 b"));
    let v1 = [&base[..], &[("hash", &*hashes)]].concat();
    let answer = client.exchange(&client.granted(&asked(&v1)).await, &[]).await.json();
    assert_eq!(answer["token_type"], "SAD", "{answer}");
    let own = client.own_token().await;
    let encoded: Vec<_> = ["v1 a", "v1 b"].iter().map(|text| base64(hash(text).as_bytes())).collect();
    let body = json!({"credentialID": "ec-p256", "SAD": answer["access_token"], "hash": encoded, "hashAlgo": SHA256,
                      "signAlgo": ECDSA_SHA256});
    let signed = client.csc(&own, "/csc/v1/signatures/signHash", &body).await;
    verifies(&client, &own, "ec-p256", &["v1 a", "v1 b"], &signed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_labels_fingerprints_and_number_and_is_guarded_like_any_other() {
    let client = Oauth::shared();
    let wanted = details("credential", "ec-p256-hosted", &["<b>Tờ khai</b>", "Hợp đồng"]).to_string();
    let asked = asked(&[("authorization_details", &wanted), ("description", "Hồ sơ H12-0007"), ("lang", "en")]);
    let answer = client.authorize(&asked).await;
    let place = format!("{}{}", client.url, answer.header("location"));
    assert!(place.ends_with("?lang=en"), "{place}");
    let page = send(client.http.get(&place)).await.expect("answers");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action 'self' http://127.0.0.1:51004; frame-ancestors 'none'"), "{policy}");
    assert_eq!((page.header("x-frame-options"), page.header("referrer-policy")), ("DENY", "no-referrer"));
    let html = page.text();
    for text in ["Hợp đồng", "Hồ sơ H12-0007", "<dd>2</dd>", "the portal sent only the document&#39;s hash"] {
        assert!(html.contains(text), "{text}: {html}");
    }
    assert!(!html.contains("<b>") && html.contains(&kyso::domain::binding::fingerprint(&hash("Hợp đồng"))), "{html}");

    let page = place.split('?').next().expect("a page");
    for step in ["code", "confirm", "refuse"] {
        let foreign = client.http.post(format!("{page}/{step}")).header("sec-fetch-site", "cross-site");
        let foreign = send(foreign.form(&[("code", "000000")])).await.expect("answers");
        assert_eq!(foreign.status, 403, "{step}");
        let foreign = client.http.post(format!("{page}/{step}")).header("origin", "https://evil.example");
        assert_eq!(send(foreign.form(&[("code", "1")])).await.expect("answers").status, 403, "{step}");
    }
    let refusal = send(client.http.post(format!("{page}/refuse"))).await.expect("answers");
    sent_back(&refusal, "access_denied");
    assert_eq!(answered(&refusal, "state").as_deref(), Some("xyz ~ é"));
    assert_eq!(answered(&refusal, "iss").as_deref(), Some(client.url.as_str()));
    let later = send(client.http.get(page)).await.expect("answers").text();
    assert!(later.contains("error=access_denied"), "the way back is still there: {later}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_request_is_used_once_by_its_client_and_soon() {
    let sandbox = Sandbox::start();
    let client = Oauth::of(&sandbox);
    let pushed = client.push(&asked_to_sign("ec-p256-hosted", &["pushed"])).await;
    assert_eq!((pushed.status, &pushed.json()["expires_in"]), (201, &json!(90)), "{}", pushed.text());
    let uri = pushed.json()["request_uri"].as_str().expect("an address").to_owned();
    assert!(uri.starts_with("urn:ietf:params:oauth:request_uri:"), "{uri}");
    let (id, secret) = sandbox.add_portal("other-portal");
    let stranger = Oauth::as_client(&sandbox, &id, &secret);
    let by_uri = |uri: &str| [("request_uri".to_owned(), uri.to_owned()), ("state".to_owned(), "x".to_owned())].into();
    assert_eq!(stranger.authorize(&by_uri(&uri)).await.status, 400, "another client's");
    let page = client.page(&by_uri(&uri)).await;
    assert_eq!(client.authorize(&by_uri(&uri)).await.status, 400, "used");
    let leaving = client.confirm(&page).await;
    assert_eq!(answered(&leaving, "state").as_deref(), Some("xyz ~ é"), "what was pushed counts");
    let code = answered(&leaving, "code").expect("a code");
    assert_eq!(client.exchange(&code, &[]).await.status, 200);

    let late = client.push(&asked_to_sign("ec-p256-hosted", &["late"])).await.json();
    let moved = json!({"offset_seconds": 91});
    send(client.http.post(format!("{}/sandbox/clock", client.url)).json(&moved)).await.expect("answers");
    let answer = client.authorize(&by_uri(late["request_uri"].as_str().expect("text"))).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(client.authorize(&by_uri("urn:ietf:params:oauth:request_uri:x")).await.status, 400);
    assert_eq!(client.authorize(&by_uri("https://evil.example/request")).await.status, 400);

    let client = Oauth::as_client(&sandbox, &client.id, "wrong");
    refused(&client.push(&asked(&[])).await, 401, "invalid_client");
}

/// Scope `service` by telephone number and code.
async fn let_in(client: &Oauth, phone: &str) -> Answer {
    let page = client.page(&asked(&[("scope", "service")])).await;
    assert!(page.contains("/a/"), "{page}");
    let html = send(client.http.get(&page)).await.expect("answers").text();
    assert!(html.contains("Cho phép truy cập") && html.contains("name=\"phone\""), "{html}");
    let before = send(client.http.get(format!("{}/sandbox/outbox", client.url))).await.expect("answers").json();
    let sent = send(client.http.post(format!("{page}/code")).form(&[("phone", phone)])).await.expect("answers");
    assert!(sent.header("location").contains("n=sent"), "{}", sent.header("location"));
    let html = send(client.http.get(format!("{page}?n=sent"))).await.expect("answers").text();
    assert!(html.contains("name=\"code\"") && html.contains("Nếu số này đã đăng ký"), "{html}");
    let code = client.newest(|message| !before.as_array().expect("messages").contains(message)).await;
    send(client.http.post(format!("{page}/agree")).form(&[("code", &code)])).await.expect("answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_token_sees_one_signer_and_lives_on_by_refreshing() {
    let sandbox = Sandbox::start();
    let client = Oauth::of(&sandbox);
    let code = answered(&let_in(&client, "0900 000 002").await, "code").expect("a code");
    let tokens = client.exchange(&code, &[]).await.json();
    assert_eq!((&tokens["scope"], &tokens["expires_in"]), (&json!("service"), &json!(3600)), "{tokens}");
    let token = tokens["access_token"].as_str().expect("a token");
    let list = client.csc(token, "/csc/v2/credentials/list", &json!({})).await;
    assert_eq!(list.json()["credentialIDs"], json!(["ngoc-ec-p256"]), "{}", list.text());
    let named = client.csc(token, "/csc/v2/credentials/list", &json!({"userID": "nguyen-van-an"})).await;
    refused(&named, 400, "invalid_request");
    let other = client.csc(token, "/csc/v2/credentials/info", &json!({"credentialID": "ec-p256"})).await;
    assert_eq!(other.json()["error_description"], "Invalid parameter credentialID");
    let requests = client.csc(token, "/v1/requests", &support::request_body("ngoc-ec-p256", &[b"x"])).await;
    assert_eq!((requests.status, requests.json()["type"].as_str()), (403, Some("urn:kyso:problem:insufficient-scope")));

    let refresh = async |token: &Value| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str().expect("a token"))];
        client.post("/oauth2/token", &form).await
    };
    let second = refresh(&tokens["refresh_token"]).await.json();
    let third = refresh(&second["refresh_token"]).await.json();
    let alive = async |tokens: &Value| {
        let token = tokens["access_token"].as_str().expect("a token");
        client.csc(token, "/csc/v2/credentials/list", &json!({})).await.status == 200
    };
    assert!(alive(&tokens).await && alive(&third).await);
    // Somebody shows a token that was used: all of the family ends.
    refused(&refresh(&second["refresh_token"]).await, 400, "invalid_grant");
    refused(&refresh(&third["refresh_token"]).await, 400, "invalid_grant");
    assert!(!alive(&tokens).await && !alive(&second).await && !alive(&third).await);
    let events = sandbox.audit();
    assert!(events.iter().any(|event| event["event"] == "access_granted" && event["scope"] == "service"), "{events:?}");
    assert!(events.iter().any(|event| event["event"] == "access_revoked"), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_page_does_not_tell_who_is_registered() {
    let sandbox = Sandbox::start();
    let client = Oauth::of(&sandbox);
    let mut seen = Vec::new();
    for phone in ["0900000001", "0999999999", "nonsense"] {
        let page = client.page(&asked(&[])).await;
        let mut trace = Vec::new();
        let sent = send(client.http.post(format!("{page}/code")).form(&[("phone", phone)])).await.expect("answers");
        trace.push(sent.header("location").replace(page.trim_start_matches(&client.url), "PAGE"));
        for _ in 0..7 {
            let answer = send(client.http.post(format!("{page}/agree")).form(&[("code", "00000x")])).await;
            let answer = answer.expect("answers");
            trace.push(format!("{} {}", answer.status, answer.header("location").contains("n=wrong")));
        }
        let html = send(client.http.get(format!("{page}?n=wrong"))).await.expect("answers").text();
        let until = html.find("hint until").expect("there");
        trace.push(html[..until].replace(page.trim_start_matches(&client.url), "PAGE"));
        seen.push(trace);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
    let page = client.page(&asked(&[])).await;
    let foreign = client.http.post(format!("{page}/agree")).header("sec-fetch-site", "cross-site");
    assert_eq!(send(foreign.form(&[("code", "1")])).await.expect("answers").status, 403);
    let refusal = send(client.http.post(format!("{page}/refuse"))).await.expect("answers");
    sent_back(&refusal, "access_denied");
    assert_eq!(send(client.http.get(&page)).await.expect("answers").status, 404, "it has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_opens_nothing() {
    let sandbox = Sandbox::start();
    let client = Oauth::of(&sandbox);
    let token = client.token_to_sign("ec-p256-hosted", &["revoked"]).await;
    let revoke = async |token: &str| client.post("/oauth2/revoke", &[("token", token)]).await;
    let (id, secret) = sandbox.add_portal("other-portal");
    let stranger = Oauth::as_client(&sandbox, &id, &secret);
    assert_eq!(stranger.post("/oauth2/revoke", &[("token", &token)]).await.status, 204, "says nothing, does nothing");
    let info = json!({"credentialID": "ec-p256-hosted"});
    assert_eq!(client.csc(&token, "/csc/v2/credentials/info", &info).await.status, 200);
    assert_eq!((revoke(&token).await.status, revoke("unknown").await.status), (204, 204));
    refused(&client.post("/oauth2/revoke", &[]).await, 400, "invalid_request");
    refused(&client.sign(&token, "ec-p256-hosted", &["revoked"]).await, 401, "invalid_token");
    // Nor does it as a SAD in the body of the portal's own call.
    let body = json!({"credentialID": "ec-p256-hosted", "SAD": token, "hashes": [base64(hash("revoked").as_bytes())],
                      "hashAlgorithmOID": SHA256, "signAlgo": ECDSA_SHA256});
    let own = client.own_token().await;
    let signed = client.csc(&own, "/csc/v2/signatures/signHash", &body).await;
    assert_eq!(signed.json()["error_description"], "Invalid parameter SAD");
    assert_eq!(revoke(&own).await.status, 204);
    refused(&client.csc(&own, "/csc/v2/credentials/info", &info).await, 401, "invalid_token");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_is_told_to_the_client() {
    let client = Oauth::shared();
    let sign = asked_to_sign("ec-p256-hosted", &["x"]);
    let with = |name: &str, value: &str| change(sign.clone(), name, value);
    let many = details("credential", "ec-p256-hosted", &["x"; 101]).to_string();
    for (parameters, error) in [
        (with("response_type", ""), "invalid_request"),
        (with("response_type", "token"), "unsupported_response_type"),
        (with("response_type", "code id_token"), "unsupported_response_type"),
        (with("scope", "openid"), "invalid_scope"),
        (with("scope", "service"), "invalid_request"),
        (with("authorization_details", "{}"), "invalid_authorization_details"),
        (with("authorization_details", &details("x", "ec-p256", &["x"]).to_string()), "invalid_authorization_details"),
        (with("authorization_details", &details("credential", "unknown", &["x"]).to_string()), "invalid_request"),
        (with("authorization_details", &details("credential", "ed25519", &["x"]).to_string()), "invalid_request"),
        (with("authorization_details", &many), "invalid_request"),
        (with("authorization_details", ""), "invalid_request"),
        (with("credentialID", "ec-p256"), "invalid_request"),
        (with("request", "a.b.c"), "invalid_request"),
        (with("description", "a\u{202e}b"), "invalid_request"),
        (with("state", &"s".repeat(1025)), "invalid_request"),
        (with("account_token", "a.b.c"), "invalid_request"),
    ] {
        sent_back(&client.authorize(&parameters).await, error);
        let pushed = client.push(&parameters).await;
        refused(&pushed, 400, error);
    }
    assert_eq!(CHALLENGE.len(), 43);
    assert!(client.authorize(&sign).await.header("location").starts_with("/c/"));
    assert_eq!(client.push(&change(sign, "redirect_uri", &format!("{REDIRECT}x"))).await.status, 400);
}
