//! The rest of the CSC API over real HTTP: login, lists, challenges answered elsewhere, asynchronous operations that survive a
//! kill, documents, time-stamps, and other tenants who get nothing.

mod support;

use kyso::crypto::{Digest, DigestAlgorithm};
use serde_json::{Value, json};
use support::{Answer, POLL, Portal, SAMPLES, Sandbox, base64, sample, send, shared, unbase64};

const SHA256: &str = "2.16.840.1.101.3.4.2.1";
const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
const RSA: &str = "1.2.840.113549.1.1.1";
const PIN: &str = "135790";

#[track_caller]
fn refused(answer: &Answer, status: u16, error: &str, description: &str) {
    let body = answer.json();
    assert_eq!((answer.status, &body["error"]), (status, &json!(error)), "{body}");
    assert!(body["error_description"].as_str().unwrap_or_default().contains(description), "{body}");
    assert_eq!(body["signed"], json!(false), "{body}");
}

fn hash(bytes: &[u8]) -> Digest {
    DigestAlgorithm::Sha256.digest(bytes)
}

fn ask(credential: &str, hashes: &[Digest], code: Option<&str>) -> Value {
    let encoded: Vec<String> = hashes.iter().map(|hash| base64(hash.as_bytes())).collect();
    let mut factors = vec![json!({"id": "PIN", "value": PIN})];
    factors.extend(code.map(|code| json!({"id": "OTP", "value": code})));
    json!({"credentialID": credential, "numSignatures": hashes.len(), "hashes": encoded, "hashAlgorithmOID": SHA256,
           "authData": factors})
}

async fn v2(portal: &Portal, method: &str, body: &Value) -> Answer {
    portal.call(&format!("/csc/v2/{method}"), body).await
}

async fn sad(portal: &Portal, credential: &str, hashes: &[Digest]) -> String {
    let asked = v2(portal, "credentials/authorize", &ask(credential, hashes, None)).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    let handle = asked.json()["handle"].as_str().expect("a handle").to_owned();
    let code = portal.code_for(&handle).await.expect("an answer").expect("a code");
    let given = v2(portal, "credentials/authorize", &ask(credential, hashes, Some(&code))).await;
    assert_eq!(given.status, 200, "{}", given.text());
    given.json()["SAD"].as_str().expect("a SAD").to_owned()
}

fn sign_hash(credential: &str, sad: &str, hashes: &[Digest], algorithm: &str) -> Value {
    let encoded: Vec<String> = hashes.iter().map(|hash| base64(hash.as_bytes())).collect();
    json!({"credentialID": credential, "SAD": sad, "hashes": encoded, "hashAlgorithmOID": SHA256, "signAlgo": algorithm})
}

/// Polls until the operation is finished.
async fn poll(portal: &Portal, id: &str) -> Answer {
    loop {
        let answer = v2(portal, "signatures/signPolling", &json!({"requestID": id})).await;
        if answer.status != 202 {
            return answer;
        }
        assert_eq!(answer.json()["error"], "accepted_request");
        tokio::time::sleep(POLL).await;
    }
}

#[tokio::test]
async fn basic_login_gives_a_token_that_revocation_ends() {
    let sandbox = shared();
    let portal = Portal::shared().await;
    let (id, secret) = (sandbox.says("/portal/client_id"), sandbox.says("/portal/client_secret"));
    let url = format!("{}/csc/v1/auth/login", portal.url);
    let login = |secret: &str| portal.http.post(&url).basic_auth(id, Some(secret)).json(&json!({"rememberMe": true}));
    let given = send(login(secret)).await.expect("an answer");
    assert_eq!(given.status, 200, "{}", given.text());
    assert_eq!(given.json()["expires_in"], 3600);
    assert!(given.json().get("refresh_token").is_none());
    let token = given.json()["access_token"].as_str().expect("a token").to_owned();
    let mut own = portal.clone();
    own.token = token.clone();
    assert_eq!(v2(&own, "credentials/info", &json!({"credentialID": "ec-p256"})).await.status, 200);

    refused(&send(login("wrong")).await.expect("an answer"), 400, "authentication_error", "authentication");
    let bare = send(portal.http.post(&url).json(&json!({}))).await.expect("an answer");
    refused(&bare, 401, "invalid_request", "Malformed authentication parameter");
    let half = send(portal.http.post(&url).header("authorization", "Basic eA==")).await.expect("an answer");
    refused(&half, 400, "invalid_request", "Malformed username-password");
    let with = |body: Value| portal.http.post(&url).basic_auth(id, Some(secret)).json(&body);
    refused(
        &send(with(json!({"refresh_token": 1}))).await.expect("an answer"),
        400,
        "invalid_request",
        "Invalid string parameter: refresh_token",
    );
    refused(
        &send(with(json!({"refresh_token": "x"}))).await.expect("an answer"),
        400,
        "invalid_request",
        "Invalid refresh_token",
    );

    let (stranger, secret) = sandbox.add_portal("csc-more-login");
    let stranger = Portal::connect_as(&sandbox, &stranger, &secret).await;
    refused(&v2(&stranger, "auth/revoke", &json!({"token": token})).await, 400, "invalid_request", "token");
    refused(
        &v2(&portal, "auth/revoke", &json!({"token": token, "token_type_hint": "x"})).await,
        400,
        "invalid_request",
        "token_type_hint",
    );
    let ended = v2(&portal, "auth/revoke", &json!({"token": token, "token_type_hint": "access_token"})).await;
    assert_eq!((ended.status, ended.bytes.len()), (204, 0));
    refused(&v2(&own, "credentials/info", &json!({"credentialID": "ec-p256"})).await, 401, "invalid_token", "");
}

#[tokio::test]
async fn lists_come_in_pages_and_info_in_the_language_asked_for() {
    let sandbox = shared();
    let portal = Portal::shared().await;
    let signer = sandbox.says("/signers/0/id");
    let all = v2(&portal, "credentials/list", &json!({"userID": signer})).await.json()["credentialIDs"].clone();
    let all: Vec<String> = serde_json::from_value(all).expect("ids");
    let (mut seen, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut body = json!({"userID": signer, "maxResults": 2});
        if !token.is_null() {
            body["pageToken"] = token.clone();
        }
        let page = portal.call("/csc/v1/credentials/list", &body).await.json();
        let ids: Vec<String> = serde_json::from_value(page["credentialIDs"].clone()).expect("ids");
        assert!((1..=2).contains(&ids.len()), "{page}");
        seen.extend(ids);
        token = page["nextPageToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, all);
    let valid = v2(&portal, "credentials/list", &json!({"userID": "nguyen-van-an", "onlyValid": true})).await;
    assert!(valid.status == 400 || valid.json()["onlyValid"] == true, "{}", valid.text());
    let asked =
        json!({"credentialID": "ec-p256", "certInfo": true, "authInfo": true, "lang": "en", "certificates": "chain"});
    let info = v2(&portal, "credentials/info", &asked).await.json();
    assert_eq!(info["lang"], "en-US");
    assert!(info["auth"]["objects"][0]["description"].as_str().is_some_and(str::is_ascii), "{info}");
    assert!(info["cert"]["certificates"].as_array().is_some_and(|chain| chain.len() > 1));
    assert!(info["cert"]["validTo"].as_str().is_some_and(|at| at.len() == 15 && at.ends_with('Z')));
    let service = v2(&portal, "info", &json!({"lang": "en"})).await.json();
    assert_eq!((&service["lang"], &service["specs"]), (&json!("en-US"), &json!("2.2.0.0")));
    let bad = v2(&portal, "credentials/list", &json!({"userID": signer, "pageToken": "%"})).await;
    refused(&bad, 400, "invalid_request", "pageToken");
}

#[tokio::test]
async fn a_code_typed_on_the_services_page_opens_the_sad_for_who_asked() {
    let portal = Portal::shared().await;
    let hashes = [hash(b"elsewhere")];
    let asked = v2(&portal, "credentials/authorize", &ask("ec-p384", &hashes, None)).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    let handle = asked.json()["handle"].as_str().expect("a handle").to_owned();
    let check = json!({"handle": handle});
    assert_eq!(v2(&portal, "credentials/authorizeCheck", &check).await.status, 202);
    let page = asked.header("link").trim_start_matches('<').split('>').next().expect("a page").to_owned();
    let code = portal.code_for(&handle).await.expect("an answer").expect("a code");
    portal.step(&page, "confirm", &code).await.expect("an answer").expect("a redirect");
    let (first, second) = (
        v2(&portal, "credentials/authorizeCheck", &check).await.json()["SAD"].as_str().expect("a SAD").to_owned(),
        v2(&portal, "credentials/authorizeCheck", &check).await.json()["SAD"].as_str().expect("a SAD").to_owned(),
    );
    let call = |sad: &str| sign_hash("ec-p384", sad, &hashes, ECDSA_SHA256);
    refused(&v2(&portal, "signatures/signHash", &call(&first)).await, 400, "invalid_request", "Invalid parameter SAD");
    assert_eq!(v2(&portal, "signatures/signHash", &call(&second)).await.status, 200);
    // Used: there is nothing to collect any more.
    refused(&v2(&portal, "credentials/authorizeCheck", &check).await, 400, "invalid_request", "handle");
    refused(
        &v2(&portal, "credentials/authorizeCheck", &json!({"handle": "a/b"})).await,
        400,
        "invalid_request",
        "handle",
    );
}

#[tokio::test]
async fn extending_to_new_hashes_needs_a_new_confirmation() {
    let portal = Portal::shared().await;
    let (known, new) = ([hash(b"extend 1"), hash(b"extend 2")], [hash(b"extend 3")]);
    let first = sad(&portal, "rsa-2048", &known).await;
    let extend = |sad: &str, hashes: &[Digest], code: Option<&str>| {
        let mut body = ask("rsa-2048", hashes, code);
        body["SAD"] = json!(sad);
        body
    };
    let path = "credentials/extendTransaction";
    let renewed = v2(&portal, path, &extend(&first, &known[..1], None)).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    let renewed = renewed.json()["SAD"].as_str().expect("a SAD").to_owned();
    refused(&v2(&portal, path, &extend(&first, &known, None)).await, 400, "invalid_request", "Invalid parameter SAD");

    let asked = v2(&portal, path, &extend(&renewed, &new, None)).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    let other = v2(&portal, "signatures/signHash", &sign_hash("rsa-2048", &renewed, &new, RSA)).await;
    refused(&other, 400, "invalid_request", "Hash is not authorized");
    let code = portal.code_for(asked.json()["handle"].as_str().expect("a handle")).await.expect("an answer");
    let given = v2(&portal, path, &extend(&renewed, &new, code.as_deref())).await;
    assert_eq!(given.status, 200, "{}", given.text());
    let opened = given.json()["SAD"].as_str().expect("a SAD").to_owned();
    assert_eq!(v2(&portal, "signatures/signHash", &sign_hash("rsa-2048", &opened, &new, RSA)).await.status, 200);
    assert_eq!(v2(&portal, "signatures/signHash", &sign_hash("rsa-2048", &renewed, &known, RSA)).await.status, 200);
}

#[tokio::test]
async fn asynchronous_operations_survive_a_kill_and_belong_to_their_portal() {
    let mut sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let pdf = sample(SAMPLES[0]);
    let opened = sad(&portal, "ec-p256", &[hash(&pdf)]).await;
    let document = json!({"document": base64(&pdf), "signature_format": "P", "conformance_level": "AdES-B-T",
                          "signAlgo": ECDSA_SHA256});
    let call = json!({"credentialID": "ec-p256", "SAD": opened, "documents": [document], "operationMode": "A"});
    let begun = v2(&portal, "signatures/signDoc", &call).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    let document = begun.json()["responseID"].as_str().expect("an id").to_owned();
    let hashes: Vec<Digest> = (0..100).map(|n| hash(format!("later {n}").as_bytes())).collect();
    let opened = sad(&portal, "rsa-3072", &hashes).await;
    let mut call = sign_hash("rsa-3072", &opened, &hashes, RSA);
    call["operationMode"] = json!("A");
    call["validity_period"] = json!(600_000);
    let begun = v2(&portal, "signatures/signHash", &call).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    let id = begun.json()["responseID"].as_str().expect("an id").to_owned();
    // A hundred signatures take longer than this.
    sandbox.kill();
    sandbox.restart();
    let portal = Portal::connect(&sandbox).await;
    let made = poll(&portal, &id).await;
    assert_eq!(made.status, 200, "{}", made.text());
    assert_eq!(made.json()["signatures"].as_array().map(Vec::len), Some(100));
    assert!(sandbox.audit().iter().any(|event| event["event"] == "signing_resumed"), "killed in the middle");
    let again = v2(&portal, "signatures/signHash", &call).await;
    refused(&again, 400, "invalid_request", "Invalid parameter SAD");
    let made = poll(&portal, &document).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let file = sandbox.file("later.pdf");
    std::fs::write(&file, unbase64(made.json()["DocumentWithSignature"][0].as_str().expect("a document")))
        .expect("written");
    let (code, reports) = sandbox.verify(&[file]);
    assert_eq!((code, &reports[0]["signatures"][0]["level"]), (0, &json!("PAdES-B-T")), "{reports:?}");

    let (stranger, secret) = sandbox.add_portal("csc-more-later");
    let stranger = Portal::connect_as(&sandbox, &stranger, &secret).await;
    for id in [&id, &document, &"0".repeat(32)] {
        let other = v2(&stranger, "signatures/signPolling", &json!({"requestID": id})).await;
        refused(&other, 400, "invalid_request", "Invalid parameter requestID");
    }
    for (body, said) in [
        (json!({}), "requestID"),
        (json!({"requestID": "a/b"}), "Invalid parameter requestID"),
        (json!({"requestID": id, "userID": 1}), "userID"),
        (json!({"requestID": id, "clientData": 1}), "clientData"),
    ] {
        refused(&v2(&portal, "signatures/signPolling", &body).await, 400, "invalid_request", said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_and_their_hashes_become_signatures_of_every_level() {
    let sandbox = shared();
    let portal = Portal::shared().await;
    let pdf = sample(SAMPLES[1]);
    for (level, credential, algorithm) in [
        ("AdES-B-B", "ec-p256", ECDSA_SHA256),
        ("Ades-B-T", "rsa-2048", "1.2.840.113549.1.1.11"),
        ("AdES-B-LT", "ec-p256", ECDSA_SHA256),
        ("AdES-B-LTA", "ec-p256", ECDSA_SHA256),
    ] {
        let text = format!("nội dung {level}");
        let opened = sad(&portal, credential, &[hash(text.as_bytes()), hash(&pdf)]).await;
        let entry = |bytes: &[u8], format: &str| {
            json!({"document": base64(bytes), "signature_format": format, "conformance_level": level, "signAlgo": algorithm,
                   "hashAlgorithmOID": SHA256})
        };
        let documents = json!([entry(&pdf, "P"), entry(text.as_bytes(), "C")]);
        let call =
            json!({"credentialID": credential, "SAD": opened, "documents": documents, "returnValidationInfo": true});
        let made = v2(&portal, "signatures/signDoc", &call).await;
        assert_eq!(made.status, 200, "{level}: {}", made.text());
        let made = made.json();
        assert!(made["validationInfo"]["certificates"].as_array().is_some_and(|all| !all.is_empty()), "{level}");
        let files: Vec<_> = ["pdf", "p7m"].iter().map(|kind| sandbox.file(&format!("doc-{level}.{kind}"))).collect();
        for (n, file) in files.iter().enumerate() {
            let text = made["DocumentWithSignature"][n].as_str().expect("a document");
            std::fs::write(file, unbase64(text)).expect("written");
        }
        let (code, reports) = sandbox.verify(&files);
        let wanted = level.to_uppercase().replace("ADES-", "");
        let levels: Vec<_> = reports.iter().map(|report| report["signatures"][0]["level"].clone()).collect();
        assert_eq!(
            (code, levels),
            (0, vec![json!(format!("PAdES-{wanted}")), json!(format!("CAdES-{wanted}"))]),
            "{reports:?}"
        );
        refused(&v2(&portal, "signatures/signDoc", &call).await, 400, "invalid_request", "Invalid parameter SAD");
    }
}

#[tokio::test]
async fn a_hash_alone_becomes_a_detached_signature_that_fits_its_file() {
    let sandbox = shared();
    let portal = Portal::shared().await;
    let content = "văn bản không rời máy".as_bytes();
    let opened = sad(&portal, "ec-p256", &[hash(content)]).await;
    let digests = json!([{"hashes": [base64(hash(content).as_bytes())], "hashAlgorithmOID": SHA256, "signature_format": "C",
                          "conformance_level": "AdES-B-T", "signAlgo": ECDSA_SHA256}]);
    let call = json!({"credentialID": "ec-p256", "SAD": opened, "documentDigests": digests});
    let mut too_much = call.clone();
    too_much["documentDigests"][0]["conformance_level"] = json!("AdES-B-LTA");
    refused(&v2(&portal, "signatures/signDoc", &too_much).await, 400, "invalid_request", "conformance_level");
    let made = v2(&portal, "signatures/signDoc", &call).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let (file, signature) = (sandbox.file("content.txt"), sandbox.file("content.txt.p7s"));
    std::fs::write(&file, content).expect("written");
    std::fs::write(&signature, unbase64(made.json()["SignatureObject"][0].as_str().expect("one"))).expect("written");
    let arguments = ["verify", "--trust", sandbox.says("/trust_anchor"), "--crl", sandbox.says("/crl"), "--content"];
    let output =
        support::kyso(&[&arguments[..], &[support::text(&file), "--json", support::text(&signature)]].concat());
    let report: Value = serde_json::from_str(&support::stdout(&output)).expect("JSON");
    assert_eq!(report["signatures"][0]["indication"], "TOTAL-PASSED", "{report}");
    assert_eq!(report["signatures"][0]["level"], "CAdES-B-T", "{report}");
}

#[tokio::test]
async fn documents_that_do_not_fit_their_sad_are_refused_and_use_nothing_up() {
    let portal = Portal::shared().await;
    let pdf = sample(SAMPLES[2]);
    let opened = sad(&portal, "ec-p256", &[hash(&pdf)]).await;
    let with = |document: &[u8], member: &str, value: Value| {
        let mut entry = json!({"document": base64(document), "signature_format": "P", "signAlgo": ECDSA_SHA256,
                               "signed_envelope_property": "Revision"});
        entry[member] = value;
        json!({"credentialID": "ec-p256", "SAD": opened, "documents": [entry]})
    };
    let path = "signatures/signDoc";
    let mut other = pdf.clone();
    other.push(b'\n');
    refused(&v2(&portal, path, &with(&other, "x", json!(1))).await, 403, "invalid_hash", "does not match");
    for (body, said) in [
        (with(&pdf, "signature_format", json!("X")), "XAdES"),
        (with(&pdf, "signature_format", json!("J")), "JAdES"),
        (with(&pdf, "conformance_level", json!("B-B")), "conformance_level"),
        (with(&pdf, "signAlgo", json!("1.2.840.113549.1.1.5")), "signAlgo"),
        (with(&pdf, "signAlgo", json!("1.2.840.113549.1.1.11")), "signAlgo"),
        (with(&pdf, "document", json!("%")), "Base64"),
        (
            with(&pdf, "signed_props", json!([{"attribute_name": "SignerRoleV2", "attribute_value": "AA=="}])),
            "signed_props",
        ),
        (json!({"credentialID": "ec-p256", "SAD": opened}), "Empty documentDigests and documents objects"),
        (json!({"signatureQualifier": "eu_eidas_qes", "SAD": opened, "documents": []}), "credentialID"),
    ] {
        refused(&v2(&portal, path, &body).await, 400, "invalid_request", said);
    }
    let (stranger, secret) = shared().add_portal("csc-more-documents");
    let stranger = Portal::connect_as(&shared(), &stranger, &secret).await;
    refused(&v2(&stranger, path, &with(&pdf, "x", json!(1))).await, 400, "invalid_request", "credentialID");
    let text = base64("Tôi đồng ý".as_bytes());
    let good = with(&pdf, "signed_props", json!([{"attribute_name": "Reason", "attribute_value": text}]));
    assert_eq!(v2(&portal, path, &good).await.status, 200);
}

#[tokio::test]
async fn time_stamps_carry_the_callers_nonce() {
    let portal = Portal::shared().await;
    let body = json!({"hash": base64(hash(b"stamp").as_bytes()), "hashAlgo": SHA256, "nonce": "3ADE68B1"});
    let given = v2(&portal, "signatures/timestamp", &body).await;
    assert_eq!(given.status, 200, "{}", given.text());
    let token = unbase64(given.json()["timestamp"].as_str().expect("a token"));
    assert!(token.windows(6).any(|bytes| bytes == [0x02, 0x04, 0x3a, 0xde, 0x68, 0xb1]), "the nonce as an INTEGER");
    let weak = json!({"hash": base64(&[0; 20]), "hashAlgo": "1.3.14.3.2.26"});
    refused(&v2(&portal, "signatures/timestamp", &weak).await, 400, "invalid_request", "hashAlgo");
}

#[tokio::test]
async fn another_portal_gets_nothing_by_any_id() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let (id, secret) = sandbox.add_portal("stranger");
    let stranger = Portal::connect_as(&sandbox, &id, &secret).await;
    let hashes = [hash(b"mine")];
    let asked = v2(&portal, "credentials/authorize", &ask("ec-p256", &hashes, None)).await;
    let handle = asked.json()["handle"].as_str().expect("a handle").to_owned();
    refused(
        &v2(&stranger, "credentials/authorizeCheck", &json!({"handle": handle})).await,
        400,
        "invalid_request",
        "handle",
    );
    let opened = sad(&portal, "ec-p384", &hashes).await;
    for signer in sandbox.ready["signers"].as_array().expect("signers") {
        let list = v2(&stranger, "credentials/list", &json!({"userID": signer["id"]})).await;
        let unknown = v2(&stranger, "credentials/list", &json!({"userID": "nobody"})).await;
        assert_eq!(
            (list.status, list.json()["error_description"].clone()),
            (400, unknown.json()["error_description"].clone())
        );
        for credential in signer["credentials"].as_array().expect("credentials") {
            let own = credential["id"].as_str().expect("an id");
            for method in ["info", "authorize", "getChallenge", "sendOTP", "extendTransaction"] {
                let body = |credential: &str| {
                    let mut body = ask(credential, &hashes, None);
                    body["SAD"] = json!(opened);
                    body
                };
                let path = format!("credentials/{method}");
                let answers = [v2(&stranger, &path, &body(own)).await, v2(&stranger, &path, &body("no-such")).await];
                let said =
                    answers.map(|a| (a.status, a.json()["error"].clone(), a.json()["error_description"].clone()));
                assert_eq!(said[0], said[1], "{method}: somebody else's looks like nobody's");
                assert_eq!(said[0].0, 400);
            }
            let signed = v2(&stranger, "signatures/signHash", &sign_hash(own, &opened, &hashes, ECDSA_SHA256)).await;
            refused(&signed, 400, "invalid_request", "credentialID");
        }
    }
}

/// A portal's own count of what was signed, for attacks after which it must not have moved.
fn signed(sandbox: &Sandbox) -> usize {
    sandbox.audit().iter().filter(|event| event["event"] == "signed").count()
}

#[tokio::test]
async fn a_million_hashes_and_odd_json_are_refused_under_every_method() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let one = base64(hash(b"one").as_bytes());
    let methods =
        ["credentials/authorize", "credentials/extendTransaction", "signatures/signHash", "signatures/signDoc"];
    let million = json!({"credentialID": "ec-p256", "SAD": "x", "numSignatures": 1_000_000, "hashAlgorithmOID": SHA256,
                         "signAlgo": ECDSA_SHA256, "hashes": vec![one.clone(); 1_000_000]})
    .to_string();
    // For signDoc, whose documents are large, the body is not too large; the array is.
    let digests = r#"{"credentialID":"ec-p256","SAD":"x","documentDigests":[{"signature_format":"C","#;
    let in_digests = format!("{digests}{}]}}", &million[1..]);
    for method in methods {
        let body = if method == "signatures/signDoc" { in_digests.clone() } else { million.clone() };
        let path = format!("/csc/v2/{method}");
        match send(portal.post(&path, &json!(null)).body(body)).await {
            // Hung up on while still sending.
            Err(error) => assert!(error.is_request() || error.is_body(), "{error}"),
            Ok(answer) if method == "signatures/signDoc" => refused(&answer, 400, "invalid_request", "JSON"),
            Ok(answer) => refused(&answer, 413, "invalid_request", "too large"),
        }
        let deep = format!("{{\"hashes\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        for odd in [
            deep,
            format!(r#"{{"credentialID":"ec-p256","hashes":["{one}"],"hashes":["{one}"]}}"#),
            format!(
                r#"{{"credentialID":"ec-p256","documents":[{{"document":"AAAA","document":"BBBB"}}],"hash":["{one}"]}}"#
            ),
            "{\"credentialID\":\"ec-p256\"".to_owned(),
            "{\"credentialID\":\"\\ud800\"}".to_owned(),
            "[]".to_owned(),
            String::new(),
        ] {
            let answer = send(portal.post(&path, &json!(null)).body(odd.clone())).await.expect("an answer");
            refused(&answer, 400, "invalid_request", "");
        }
        let short = json!({"credentialID": "ec-p256", "SAD": "x", "numSignatures": 1, "hashes": [base64(&[7; 31])],
                           "hashAlgorithmOID": SHA256, "signAlgo": ECDSA_SHA256,
                           "documentDigests": [{"hashes": [base64(&[7; 31])], "signature_format": "C", "signAlgo": ECDSA_SHA256}]});
        refused(&v2(&portal, method, &short).await, 400, "invalid_request", "Invalid digest value length");
    }
    assert_eq!(signed(&sandbox), 0);
}

/// Names that would begin another header, another log line or another path.
#[tokio::test]
async fn line_breaks_in_names_reach_no_header_and_no_message() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let odd = "ec-p256\r\nX-Injected: 1";
    for (method, body) in [
        ("credentials/info", json!({"credentialID": odd})),
        ("credentials/list", json!({"userID": odd})),
        ("credentials/list", json!({"userID": sandbox.says("/signers/0/id"), "pageToken": odd})),
        ("credentials/authorizeCheck", json!({"handle": odd})),
        ("signatures/signPolling", json!({"requestID": odd})),
        ("auth/revoke", json!({"token": odd})),
        ("signatures/timestamp", json!({"hash": odd, "hashAlgo": SHA256})),
    ] {
        let answer = v2(&portal, method, &body).await;
        refused(&answer, 400, "invalid_request", "");
        assert!(answer.header("x-injected").is_empty() && !answer.text().contains("X-Injected"), "{}", answer.text());
    }
    let mut body = ask("ec-p256", &[hash(b"lines")], None);
    body["description"] = json!("Ký\r\nMã: 000000\u{2028}\u{202e}");
    let asked = v2(&portal, "credentials/authorize", &body).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    let page = asked.header("link").trim_start_matches('<').split('>').next().expect("a page").to_owned();
    let page = send(portal.http.get(page)).await.expect("an answer");
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("Mã: 000000\u{2028}") && !page.text().contains("Ký\r\n"), "no line of its own");
    let outbox: Value = send(portal.http.get(sandbox.says("/outbox_url"))).await.expect("an answer").json();
    assert!(!outbox.to_string().contains("000000\\u2028"), "{outbox}");
    assert_eq!(signed(&sandbox), 0);
}

/// A body shorter than its length says, and one without any length that never ends.
#[tokio::test]
async fn lengths_that_lie_get_no_answer_that_claims_success() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let portal = Portal::shared().await;
    let address = portal.url.trim_start_matches("http://").to_owned();
    let head = |more: &str| {
        format!(
            "POST /csc/v2/credentials/info HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nConnection: close\r\n{more}\r\n",
            portal.token
        )
    };
    let endless = format!("10000\r\n{}\r\n", " ".repeat(0x10000)).repeat(40);
    for (more, body) in [
        ("Content-Length: 500000\r\n", "{\"credentialID\":\"ec-p256\"}".to_owned()),
        ("Content-Length: 3\r\nContent-Length: 30\r\n", "{}".to_owned()),
        ("Content-Length: -1\r\n", "{}".to_owned()),
        ("Content-Length: 99999999999999999999\r\n", "{}".to_owned()),
        ("Transfer-Encoding: chunked\r\n", endless),
    ] {
        let mut stream = tokio::net::TcpStream::connect(&address).await.expect("connected");
        // The service may hang up while it is still being written to.
        let _ = stream.write_all(format!("{}{body}", head(more)).as_bytes()).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{more}: {}", String::from_utf8_lossy(&answer));
    }
}

/// `POST /sp769/v1/…`, as systems that know no OAuth call it.
async fn sp769(portal: &Portal, method: &str, members: Value, secret: &str) -> Answer {
    let mut body = members;
    body["sp_id"] = json!("sandbox-portal");
    body["sp_password"] = json!(secret);
    send(portal.http.post(format!("{}/sp769/v1/{method}", portal.url)).json(&body)).await.expect("an answer")
}

#[tokio::test]
async fn the_interface_of_provincial_systems_signs_what_its_signer_confirmed() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let secret = sandbox.says("/portal/client_secret").to_owned();
    let signer = sandbox.says("/signers/0/id").to_owned();
    let given = sp769(&portal, "credentials/get_certificate", json!({"user_id": signer}), &secret).await;
    assert_eq!(given.status, 200, "{}", given.text());
    let found = given.json()["data"]["user_certificates"].as_array().cloned().expect("certificates");
    let wanted = found.iter().find(|one| one["cert_id"] == "rsa-2048").expect("rsa-2048");
    let hashes = [hash(b"to khai"), hash(b"hop dong")];
    let files: Vec<Value> = hashes.iter().enumerate().map(|(n, hash)| {
        json!({"doc_id": format!("doc-{n}"), "file_type": "pdf", "sign_type": "hash", "data_to_be_signed": hash.to_hex()})
    }).collect();
    let call = json!({"user_id": signer, "transaction_id": "sp-1", "transaction_desc": "Ký hồ sơ",
                      "serial_number": wanted["serial_number"], "sign_files": files});
    let begun = sp769(&portal, "signatures/sign", call.clone(), &secret).await;
    assert_eq!(
        (begun.status, &begun.json()["message"]),
        (200, &json!("sig_wait_for_user_confirm")),
        "{}",
        begun.text()
    );
    let id = begun.json()["data"]["transaction_id"].as_str().expect("an id").to_owned();
    let again = sp769(&portal, "signatures/sign", call.clone(), &secret).await;
    assert_eq!(again.json()["data"]["transaction_id"], json!(id), "the same call is the same transaction");
    let status = format!("signatures/sign/{id}/status");
    let waits = sp769(&portal, &status, json!({}), &secret).await;
    assert_eq!(waits.json()["data"]["tran_status"], 4000, "{}", waits.text());
    let stolen = sp769(&portal, &status, json!({}), "guess").await;
    assert_eq!((stolen.status, &stolen.json()["status_code"]), (401, &json!(401)), "knowing the id is not enough");

    let request = json!({"id": id, "confirm_url": begun.json()["data"]["confirm_url"]});
    portal.confirm(&request).await;
    let done = sp769(&portal, &status, json!({}), &secret).await.json();
    assert_eq!(done["data"]["tran_status"], 1, "{done}");
    let info = v2(&portal, "credentials/info", &json!({"credentialID": "rsa-2048"})).await.json();
    let der = unbase64(info["cert"]["certificates"][0].as_str().expect("a certificate"));
    let certificate = <x509_cert::Certificate as der::Decode>::from_der(&der).expect("a certificate");
    let key =
        kyso::crypto::PublicKey::from_spki(certificate.tbs_certificate().subject_public_key_info()).expect("a key");
    for (n, hash) in hashes.iter().enumerate() {
        let one = &done["data"]["signatures"][n];
        assert_eq!(one["doc_id"], json!(format!("doc-{n}")));
        let value = unbase64(one["signature_value"].as_str().expect("a value"));
        let algorithm = kyso::crypto::SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha256);
        key.verify_digest(algorithm, hash, &value).expect("verifies");
    }
    assert_eq!(sp769(&portal, &status, json!({}), &secret).await.json(), done, "asked again, the same comes back");
    let (stranger, other) = sandbox.add_portal("sp-stranger");
    let mut body = json!({"sp_id": stranger, "sp_password": other, "user_id": signer});
    let foreign = |path: String, body: &Value| portal.http.post(format!("{}/sp769/v1/{path}", portal.url)).json(body);
    assert_eq!(send(foreign(status, &body)).await.expect("an answer").status, 404);
    assert_eq!(send(foreign("credentials/get_certificate".into(), &body)).await.expect("an answer").status, 404);
    body["sign_files"] = call["sign_files"].clone();
    body["transaction_id"] = json!("sp-2");
    assert_eq!(send(foreign("signatures/sign".into(), &body)).await.expect("an answer").status, 404);
}
