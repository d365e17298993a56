//! Nothing secret in the log, whatever is asked and whatever goes wrong.

mod support;

use serde_json::{Value, json};
use support::{Portal, Sandbox, request_body, sample, send, wrong};

const SHA256: &str = "2.16.840.1.101.3.4.2.1";

fn authorize(credential: &str, pin: &str, code: Option<&str>) -> Value {
    let mut factors = vec![json!({"id": "PIN", "value": pin})];
    factors.extend(code.map(|code| json!({"id": "OTP", "value": code})));
    json!({"credentialID": credential, "numSignatures": 1, "hashAlgorithmOID": SHA256,
           "hashes": ["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="], "authData": factors})
}

#[tokio::test]
async fn no_code_pin_sad_token_or_link_reaches_the_log_of_everything() {
    let sandbox = Sandbox::start_loud("[codes]\ndigits = 8\n");
    let portal = Portal::connect(&sandbox).await;
    let mut secrets: Vec<(&str, String)> =
        vec![("token", portal.token.clone()), ("client secret", sandbox.says("/portal/client_secret").to_owned())];
    // In band, right and wrong, for a key under a PIN.
    let path = "/csc/v2/credentials/authorize";
    for pin in ["71829364", "864209"] {
        secrets.push(("PIN", pin.to_owned()));
        portal.call(path, &authorize("binh-pin", pin, None)).await;
    }
    let outbox = send(portal.http.get(format!("{}/sandbox/outbox", portal.url))).await.expect("an answer").json();
    let code = outbox.as_array().and_then(|all| all.last()?["code"].as_str()).expect("a code").to_owned();
    assert_eq!(code.len(), 8);
    portal.call(path, &authorize("binh-pin", "864209", Some("98765432"))).await;
    secrets.push(("wrong code", "98765432".to_owned()));
    let given = portal.call(path, &authorize("binh-pin", "864209", Some(&code))).await;
    let sad = given.json()["SAD"].as_str().expect("a SAD").to_owned();
    secrets.extend([("code", code), ("SAD", sad.clone())]);
    for algorithm in ["1.2.840.113549.1.1.11", "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.2"] {
        let body = json!({"credentialID": "binh-pin", "SAD": sad, "hashAlgorithmOID": SHA256, "signAlgo": algorithm,
                          "hashes": ["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]});
        portal.call("/csc/v2/signatures/signHash", &body).await;
    }
    // On the page, with a document and its password.
    let mut body = request_body("ec-p256-hosted", &[&sample("hop-dong-dich-vu.pdf")]);
    body["password"] = json!("canary-password");
    let request = portal.call("/v1/requests", &body).await.json();
    body.as_object_mut().expect("an object").remove("password");
    let request = if request["id"].is_string() { request } else { portal.call("/v1/requests", &body).await.json() };
    let page = request["confirm_url"].as_str().expect("a link").to_owned();
    secrets.extend([
        ("link", page.rsplit('/').next().expect("a token").to_owned()),
        ("password", "canary-password".into()),
    ]);
    let code = portal.ask_for_code(&request).await;
    let _ = portal.step(&page, "confirm", wrong(&code)).await;
    let _ = portal.step(&page, "confirm", &code).await;
    secrets.push(("code", code));
    // Broken calls of every kind.
    for (path, bytes) in [
        (path, "{\"PIN\":\"canary-json\""),
        ("/oauth2/token", "client_secret=canary-form&x"),
        ("/c/canary-link-canary-link/confirm", "code=canary-code"),
    ] {
        let _ = send(portal.http.post(format!("{}{path}", portal.url)).bearer_auth("canary-bearer").body(bytes)).await;
    }
    let enrolment = sandbox.admin(&["signer", "enrol", "nguyen-van-an"]);
    let link = String::from_utf8_lossy(&enrolment.stdout).trim().rsplit('/').next().expect("a token").to_owned();
    let _ = send(portal.http.get(format!("{}/e/{link}", portal.url))).await;
    let _ = send(portal.http.post(format!("{}/e/{link}/totp", portal.url)).form(&[("code", "canary-totp")])).await;
    secrets.push(("enrolment link", link));
    for canary in ["canary-json", "canary-form", "canary-link", "canary-code", "canary-bearer", "canary-totp"] {
        secrets.push(("canary", canary.to_owned()));
    }
    let log = sandbox.log();
    assert!(log.contains("TRACE") && log.len() > 10_000, "everything is logged: {} octets", log.len());
    for (what, secret) in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{what} {secret}");
    }
}
