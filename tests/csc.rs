//! The CSC API over real HTTP, in the names of v1 and of v2: what is signed verifies, and everything else signs nothing.

mod support;

use der::Decode as _;
use kyso::crypto::{Digest, DigestAlgorithm, PublicKey, SignatureAlgorithm};
use serde_json::{Value, json};
use support::{Answer, Portal, Sandbox, base64, send, shared, unbase64, wrong};

const SHA256: &str = "2.16.840.1.101.3.4.2.1";
const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
const RSA: &str = "1.2.840.113549.1.1.1";
const PIN: &str = "135790";

/// Checks a CSC error: status, error, its description, and that it says nothing was signed.
#[track_caller]
fn refused(answer: &Answer, status: u16, error: &str, description: &str) {
    let body = answer.json();
    assert_eq!((answer.status, &body["error"]), (status, &json!(error)), "{body}");
    let said = body["error_description"].as_str().unwrap_or_default();
    assert!(said.contains(description), "{body}");
    assert_eq!(body["signed"], json!(false), "{body}");
    assert!(body["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{body}");
}

fn hash(text: &str) -> Digest {
    DigestAlgorithm::Sha256.digest(text.as_bytes())
}

fn encoded(hashes: &[Digest]) -> Vec<String> {
    hashes.iter().map(|hash| base64(hash.as_bytes())).collect()
}

fn ask_v2(credential: &str, hashes: &[Digest], pin: &str, code: Option<&str>) -> Value {
    let mut factors = vec![json!({"id": "PIN", "value": pin})];
    factors.extend(code.map(|code| json!({"id": "OTP", "value": code})));
    json!({"credentialID": credential, "numSignatures": hashes.len(), "hashes": encoded(hashes),
           "hashAlgorithmOID": SHA256, "authData": factors})
}

fn ask_v1(credential: &str, hashes: &[Digest], pin: &str, code: Option<&str>) -> Value {
    let mut body =
        json!({"credentialID": credential, "numSignatures": hashes.len(), "hash": encoded(hashes), "PIN": pin});
    if let Some(code) = code {
        body["OTP"] = json!(code);
    }
    body
}

fn sign(credential: &str, sad: &str, hashes: &[Digest], algorithm: &str) -> Value {
    json!({"credentialID": credential, "SAD": sad, "hashes": encoded(hashes), "hashAlgorithmOID": SHA256,
           "signAlgo": algorithm})
}

/// A SAD for these hashes, by code.
async fn sad(portal: &Portal, credential: &str, hashes: &[Digest], pin: &str) -> String {
    let asked = portal.call("/csc/v2/credentials/authorize", &ask_v2(credential, hashes, pin, None)).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    let handle = asked.json()["handle"].as_str().expect("a handle").to_owned();
    let code = portal.code_for(&handle).await.expect("an answer").expect("a code");
    let given = portal.call("/csc/v2/credentials/authorize", &ask_v2(credential, hashes, pin, Some(&code))).await;
    assert_eq!(given.status, 200, "{}", given.text());
    given.json()["SAD"].as_str().expect("a SAD").to_owned()
}

/// Checks every signature against the credential's certificate, in the order of the hashes.
async fn check(portal: &Portal, credential: &str, hashes: &[Digest], answer: &Answer, algorithm: SignatureAlgorithm) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let info = portal.call("/csc/v2/credentials/info", &json!({"credentialID": credential})).await.json();
    let der = unbase64(info["cert"]["certificates"][0].as_str().expect("a certificate"));
    let certificate = x509_cert::Certificate::from_der(&der).expect("a certificate");
    let key = PublicKey::from_spki(certificate.tbs_certificate().subject_public_key_info()).expect("a key");
    let signatures = answer.json()["signatures"].as_array().cloned().expect("signatures");
    assert_eq!(signatures.len(), hashes.len());
    for (hash, signature) in hashes.iter().zip(&signatures) {
        let value = unbase64(signature.as_str().expect("text"));
        key.verify_digest(algorithm, hash, &value).expect("verifies, in the order of the hashes");
    }
}

fn default_algorithm(name: &str) -> (&'static str, SignatureAlgorithm) {
    if name.starts_with("rsa") {
        (RSA, SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha256))
    } else {
        (ECDSA_SHA256, SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256))
    }
}

#[tokio::test]
async fn every_explicit_credential_signs_hashes_in_their_order_in_v1_and_v2() {
    let sandbox = shared();
    let portal = Portal::shared().await;
    let hashes = [hash("b"), hash("a"), hash("c")];
    let mut signed = 0;
    for signer in sandbox.ready["signers"].as_array().expect("signers") {
        let pin = signer["pin"].as_str().expect("a PIN");
        for credential in signer["credentials"].as_array().expect("credentials") {
            let id = credential["id"].as_str().expect("an id");
            if credential["auth"] != "explicit" || id.starts_with("expired") || id.starts_with("revoked") {
                continue;
            }
            let (oid, algorithm) = default_algorithm(credential["algorithm"].as_str().expect("an algorithm"));
            let v2 = sign(id, &sad(&portal, id, &hashes, pin).await, &hashes, oid);
            check(&portal, id, &hashes, &portal.call("/csc/v2/signatures/signHash", &v2).await, algorithm).await;

            let asked = portal.call("/csc/v1/credentials/authorize", &ask_v1(id, &hashes, pin, None)).await;
            assert_eq!(asked.status, 202, "{}", asked.text());
            let handle = asked.json()["handle"].as_str().expect("a handle").to_owned();
            let code = portal.code_for(&handle).await.expect("an answer").expect("a code");
            let given = portal.call("/csc/v1/credentials/authorize", &ask_v1(id, &hashes, pin, Some(&code))).await;
            let sad = given.json()["SAD"].clone();
            let v1 = json!({"credentialID": id, "SAD": sad, "hash": encoded(&hashes), "hashAlgo": SHA256,
                            "signAlgo": oid});
            check(&portal, id, &hashes, &portal.call("/csc/v1/signatures/signHash", &v1).await, algorithm).await;
            signed += 1;
        }
    }
    assert!(signed >= 5, "{signed} credentials");
}

#[tokio::test]
async fn a_challenge_asked_for_first_opens_the_hashes_that_follow() {
    // The answer does not say which transaction the code is for: a sandbox of its own has no other codes.
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    for (challenge, credential, named) in
        [("/csc/v2/credentials/getChallenge", "rsa-2048", true), ("/csc/v1/credentials/sendOTP", "rsa-3072", false)]
    {
        let hashes = [hash(challenge)];
        let mut ask = json!({"credentialID": credential});
        if named {
            ask["hashes"] = json!(encoded(&hashes));
            ask["hashAlgorithmOID"] = json!(SHA256);
        }
        let sent = portal.call(challenge, &ask).await;
        assert_eq!((sent.status, sent.bytes.len()), (204, 0), "{}", sent.text());
        let outbox = send(portal.http.get(format!("{}/sandbox/outbox", portal.url))).await.expect("an answer").json();
        let code = outbox.as_array().and_then(|all| all.last()?["code"].as_str()).expect("a code").to_owned();
        let given = ask_v2(credential, &hashes, PIN, Some(&code));
        let given = portal.call("/csc/v2/credentials/authorize", &given).await;
        assert_eq!(given.status, 200, "{}", given.text());
        let sad = given.json()["SAD"].as_str().expect("a SAD").to_owned();
        let request = sign(credential, &sad, &hashes, RSA);
        let answer = portal.call("/csc/v2/signatures/signHash", &request).await;
        check(&portal, credential, &hashes, &answer, SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha256)).await;
    }
}

#[tokio::test]
async fn a_sad_opens_its_own_hashes_once() {
    let sandbox = shared();
    let portal = Portal::shared().await;
    let path = "/csc/v2/signatures/signHash";
    let hashes = [hash("one"), hash("two")];
    let sad = sad(&portal, "ec-p256", &hashes, PIN).await;
    let call = |hashes: &[Digest], credential: &str| sign(credential, &sad, hashes, ECDSA_SHA256);
    let other = portal.call(path, &call(&[hash("three")], "ec-p256")).await;
    refused(&other, 400, "invalid_request", "Hash is not authorized");
    let moved = portal.call(path, &call(&hashes, "ec-p384")).await;
    refused(&moved, 400, "invalid_request", "Invalid parameter SAD");
    let (id, secret) = sandbox.add_portal("csc-stranger");
    let stranger = Portal::connect_as(&sandbox, &id, &secret).await;
    refused(&stranger.call(path, &call(&hashes, "ec-p256")).await, 400, "invalid_request", "credentialID");

    // Twenty at once: one signs, and nineteen sign nothing.
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (portal, body) = (portal.clone(), call(&hashes[..1], "ec-p256"));
        calls.spawn(async move { portal.call(path, &body).await });
    }
    let answers = calls.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    answers
        .iter()
        .filter(|a| a.status != 200)
        .for_each(|a| refused(a, 400, "invalid_request", "Hash is not authorized"));
    let rest = portal.call(path, &call(&hashes[1..], "ec-p256")).await;
    check(&portal, "ec-p256", &hashes[1..], &rest, SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256)).await;
    refused(&portal.call(path, &call(&hashes[1..], "ec-p256")).await, 400, "invalid_request", "Invalid parameter SAD");
    let made_up = sign("ec-p256", &"0".repeat(64), &hashes, ECDSA_SHA256);
    refused(&portal.call(path, &made_up).await, 400, "invalid_request", "Invalid parameter SAD");
}

#[tokio::test]
async fn authorisations_that_do_not_fit_are_refused() {
    let portal = Portal::shared().await;
    let path = "/csc/v2/credentials/authorize";
    let hashes = [hash("x")];
    let with = |member: &str, value: Value| {
        let mut body = ask_v2("ec-p384", &hashes, PIN, None);
        body[member] = value;
        body
    };
    let many = vec![encoded(&[hash("x")]).remove(0); 10_000];
    for (body, status, error, said) in [
        (with("credentialID", json!("no-such")), 400, "invalid_request", "credentialID"),
        (with("credentialID", json!(7)), 400, "invalid_request", "credentialID"),
        (with("credentialID", json!("expired-ec-p256")), 400, "invalid_request", "certificate"),
        (with("credentialID", json!("ec-p256-hosted")), 403, "access_denied", "page of the signing service"),
        (with("hashes", json!([])), 400, "invalid_request", "Empty hash array"),
        (with("hashes", json!(["%%%"])), 400, "invalid_request", "Base64"),
        (with("hashes", json!([base64(&[0; 31])])), 400, "invalid_request", "Invalid digest value length"),
        (with("hashes", json!({"a": 1})), 400, "invalid_request", "hash"),
        (with("hashAlgorithmOID", json!("1.3.14.3.2.26")), 400, "invalid_request", "hashAlgorithmOID"),
        (with("hashAlgorithmOID", json!("1.2.840.113549.2.5")), 400, "invalid_request", "hashAlgorithmOID"),
        (with("numSignatures", json!(0)), 400, "invalid_request", "numSignatures"),
        (with("numSignatures", json!(101)), 400, "invalid_request", "too high"),
        (with("hashes", json!(many)), 400, "invalid_request", "too high"),
        (with("hashes", json!(vec![encoded(&hashes).remove(0); 101])), 400, "invalid_request", "numSignatures"),
        (with("authData", json!([])), 400, "invalid_request", "authData"),
        (with("authData", json!("x")), 400, "invalid_request", "authData"),
        (json!([1]), 400, "invalid_request", ""),
    ] {
        refused(&portal.call(path, &body).await, status, error, said);
    }
    let hundred_thousand = with("hashes", json!(vec![encoded(&hashes).remove(0); 100_000]));
    match send(portal.post(path, &hundred_thousand)).await {
        Ok(answer) => refused(&answer, 413, "invalid_request", "too large"),
        Err(error) => assert!(error.is_request() || error.is_body(), "{error}"),
    }
    let deep = portal.post(path, &json!(null)).body(format!("{{\"a\":{}", "[".repeat(50_000)));
    refused(&send(deep).await.expect("an answer"), 400, "invalid_request", "JSON");
    let typed = portal.http.post(format!("{}{path}", portal.url)).bearer_auth(&portal.token).body("credentialID=x");
    let typed = typed.header("content-type", "application/x-www-form-urlencoded");
    refused(&send(typed).await.expect("an answer"), 415, "invalid_request", "application/json");
    let bare = send(portal.http.post(format!("{}{path}", portal.url)).json(&json!({}))).await.expect("an answer");
    refused(&bare, 400, "invalid_request", "authorization header");
    let guessed = portal.http.post(format!("{}{path}", portal.url)).bearer_auth("guess").json(&json!({}));
    refused(&send(guessed).await.expect("an answer"), 401, "invalid_token", "");
    refused(&send(portal.get(path)).await.expect("an answer"), 405, "invalid_request", "verb");
    refused(&portal.call("/csc/v2/signatures/nothing", &json!({})).await, 404, "access_denied", "");
    refused(&portal.call("/csc/v2/credentials/create", &json!({})).await, 501, "invalid_request", "");
    let twice = with("x", json!(1)).to_string().replacen('{', "{\"credentialID\":\"ec-p256\",", 1);
    let twice = portal.post(path, &json!(null)).body(twice);
    refused(&send(twice).await.expect("an answer"), 400, "invalid_request", "JSON");
}

#[tokio::test]
async fn weak_algorithms_and_keys_of_another_kind_are_refused_before_the_sad_is_used() {
    let portal = Portal::shared().await;
    let hashes = [hash("downgrade")];
    let sad = sad(&portal, "rsa-2048", &hashes, PIN).await;
    for (algorithm, digest, said) in [
        ("1.2.840.113549.1.1.5", SHA256, "signAlgo"),
        ("1.2.840.113549.1.1.4", SHA256, "signAlgo"),
        (RSA, "1.3.14.3.2.26", "hashAlgorithmOID"),
        (RSA, "1.2.840.113549.2.5", "hashAlgorithmOID"),
        ("1.2.840.10045.4.1", SHA256, "signAlgo"),
        (ECDSA_SHA256, SHA256, "signAlgo"),
        ("1.2.840.113549.1.1.10", SHA256, "signAlgoParams"),
        ("1.2.840.113549.1.1.13", SHA256, "Invalid digest value length"),
        ("rsa", SHA256, "signAlgo"),
    ] {
        let mut body = sign("rsa-2048", &sad, &hashes, algorithm);
        body["hashAlgorithmOID"] = json!(digest);
        let answer = portal.call("/csc/v2/signatures/signHash", &body).await;
        refused(&answer, 400, "invalid_request", said);
    }
    let right = portal.call("/csc/v2/signatures/signHash", &sign("rsa-2048", &sad, &hashes, RSA)).await;
    check(&portal, "rsa-2048", &hashes, &right, SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha256)).await;
}

#[tokio::test]
async fn wrong_factors_have_the_words_of_their_version() {
    let portal = Portal::shared().await;
    // A signer of its own, so that its wrong PINs lock nobody else out.
    let (credential, pin, hashes) = ("seal-rsa-3072", "975310", [hash("factors")]);
    let (v1, v2) = ("/csc/v1/credentials/authorize", "/csc/v2/credentials/authorize");
    refused(&portal.call(v1, &ask_v1(credential, &hashes, "000000", None)).await, 400, "invalid_pin", "");
    let wrong_pin = portal.call(v2, &ask_v2(credential, &hashes, "000000", None)).await;
    refused(&wrong_pin, 400, "invalid_authentication_data", "");
    let asked = portal.call(v2, &ask_v2(credential, &hashes, pin, None)).await.json();
    let code = portal.code_for(asked["handle"].as_str().expect("a handle")).await.expect("an answer").expect("a code");
    let soon = portal.call(v2, &ask_v2(credential, &hashes, pin, None)).await;
    refused(&soon, 429, "invalid_request", "cannot be sent yet");
    assert!(soon.header("retry-after").parse::<u32>().is_ok_and(|seconds| (1..=31).contains(&seconds)));
    let other = portal.call(v2, &ask_v2(credential, &[hash("other")], pin, Some(&code))).await;
    refused(&other, 400, "invalid_authentication_data", "");
    for (path, body, error) in [
        (v1, ask_v1(credential, &hashes, pin, Some(wrong(&code))), "invalid_otp"),
        (v2, ask_v2(credential, &hashes, pin, Some(wrong(&code))), "invalid_authentication_data"),
    ] {
        refused(&portal.call(path, &body).await, 400, error, "");
    }
    let given = portal.call(v2, &ask_v2(credential, &hashes, pin, Some(&code))).await;
    assert_eq!(given.status, 200, "{}", given.text());
    let twice = portal.call(v2, &ask_v2(credential, &hashes, pin, Some(&code))).await;
    refused(&twice, 400, "invalid_authentication_data", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_right_pins_at_once_lock_nobody_out() {
    let portal = Portal::shared().await;
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..15 {
        for credential in ["ec-p256", "ec-p384"] {
            let (portal, body) = (portal.clone(), ask_v2(credential, &[hash(&format!("many {n}"))], PIN, None));
            calls.spawn(async move { portal.call("/csc/v2/credentials/authorize", &body).await });
        }
    }
    for answer in calls.join_all().await {
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
}
