//! `POST /v1/verify` over HTTP: the verdicts of the command line, its forms, and what hostile bodies get.

mod support;

use std::path::Path;
use std::process::Command;

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use support::{Answer, Portal, Sandbox, base64, sample, send, shared, text};

const CONTRACT: &str = "hop-dong-dich-vu.pdf";

/// The file as the whole body.
fn raw(portal: &Portal, query: &str, kind: &str, file: &[u8]) -> RequestBuilder {
    let request = portal.http.post(format!("{}/v1/verify{query}", portal.url)).bearer_auth(&portal.token);
    request.header("content-type", kind).body(file.to_vec())
}

async fn pdf(portal: &Portal, file: &[u8]) -> Answer {
    send(raw(portal, "?name=a.pdf", "application/pdf", file)).await.expect("an answer")
}

/// Main indication of the first signature; what the answer says when there is none.
fn indication(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{}", answer.text());
    let signature = &answer.json()["signatures"][0];
    signature["indication"].as_str().map_or_else(|| answer.text(), str::to_owned)
}

fn problem(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.text());
    let body = answer.json();
    assert!(body["request_id"].is_string() && body["what_to_do"].is_string(), "{body}");
    (answer.status, body["type"].as_str().expect("a type").trim_start_matches("urn:kyso:problem:").to_owned())
}

/// Signs a file with the command line's own client; detached CMS.
fn cms(sandbox: &Sandbox, content: &[u8]) -> Vec<u8> {
    let (input, out) = (sandbox.file("content.bin"), sandbox.file("content.bin.p7s"));
    std::fs::write(&input, content).expect("written");
    let signed = Command::new(env!("CARGO_BIN_EXE_kyso"))
        .args(["sign", "--ready-file", text(&sandbox.ready_file()), "--auto-confirm", "--credential", "ec-p256"])
        .args(["--format", "cms", text(&input), "--out", text(&out)])
        .output()
        .expect("runs");
    assert!(signed.status.success(), "{}", support::stderr(&signed));
    std::fs::read(out).expect("signed")
}

#[tokio::test(flavor = "multi_thread")]
async fn integrator_checks_what_was_signed_and_gets_the_command_lines_own_report() {
    let portal = Portal::shared().await;
    let signed = portal.sign("ec-p256-hosted", &sample(CONTRACT)).await;
    let answer = pdf(&portal, &signed).await;
    assert_eq!(indication(&answer), "TOTAL-PASSED", "{}", answer.text());
    assert_eq!(answer.json()["file"], "a.pdf");
    // The same bytes, the same words: only the file's name differs.
    let sandbox = shared();
    let file = sandbox.file("signed.pdf");
    std::fs::write(&file, &signed).expect("written");
    let mut by_hand = sandbox.verify(&[file]).1.remove(0);
    by_hand["file"] = "a.pdf".into();
    assert_eq!(answer.json(), by_hand);
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_unsigned_and_hostile_files_get_their_verdicts_and_the_service_lives() {
    let portal = Portal::shared().await;
    let mut tampered = portal.sign("ec-p256-hosted", &sample(CONTRACT)).await;
    let at = tampered.windows(4).position(|window| window == b"595.").expect("a page box");
    tampered[at] ^= 1;
    assert_eq!(indication(&pdf(&portal, &tampered).await), "TOTAL-FAILED");
    let deep = [b"%PDF-1.7\n1 0 obj\n".as_slice(), &b"[".repeat(1_000_000), b"\nstartxref\n9\n%%EOF"].concat();
    let long = [b"\x30\x84\xff\xff\xff\xff".as_slice(), &[0; 100]].concat();
    for file in [&sample(CONTRACT), &b"rubbish".to_vec(), &Vec::new(), &deep, &long, &tampered[..9_000].to_vec()] {
        let answer = pdf(&portal, file).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let report = answer.json();
        assert!(report["error"].is_string() && report["signatures"] == json!([]), "{report}");
    }
    assert_eq!(send(portal.get("/livez")).await.expect("an answer").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn detached_signature_is_verified_over_the_content_given_with_it() {
    let (portal, sandbox) = (Portal::shared().await, shared());
    let signed = cms(&sandbox, b"content");
    let with = |content: Option<&[u8]>| {
        let body = json!({"name": "c.p7s", "content": base64(&signed), "detached_content": content.map(base64)});
        let portal = portal.clone();
        async move { portal.call("/v1/verify", &body).await }
    };
    assert_eq!(indication(&with(Some(b"content")).await), "TOTAL-PASSED");
    assert_eq!(indication(&with(Some(b"other")).await), "TOTAL-FAILED");
    let alone = with(None).await.json();
    assert_eq!(alone["signatures"][0]["sub_indication"], "SIGNED_DATA_NOT_FOUND", "{alone}");
    let raw = send(raw(&portal, "", "application/pkcs7-signature", &signed)).await.expect("an answer").json();
    assert_eq!((&raw["format"], &raw["file"]), (&json!("cms"), &json!("document")));
}

#[tokio::test(flavor = "multi_thread")]
async fn report_comes_in_the_form_and_language_asked_for() {
    let portal = Portal::shared().await;
    let signed = portal.sign("ec-p256-hosted", &sample(CONTRACT)).await;
    for (query, start) in [("?lang=en", "✓ VALID — document"), ("", "✓ HỢP LỆ — document")] {
        let request = raw(&portal, query, "application/pdf", &signed).header("accept", "text/plain");
        let answer = send(request).await.expect("an answer");
        assert_eq!((answer.status, answer.header("content-type")), (200, "text/plain; charset=utf-8"));
        assert!(answer.text().starts_with(start), "{}", answer.text());
    }
    // Before the certificates were made.
    let early = send(raw(&portal, "?at=2001-01-01T00:00:00Z", "application/pdf", &signed)).await.expect("an answer");
    assert_ne!(indication(&early), "TOTAL-PASSED");
    let none =
        send(raw(&portal, "", "application/pdf", &signed).header("accept", "image/png")).await.expect("an answer");
    assert_eq!(problem(&none), (406, "not-acceptable".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn call_without_a_token_and_body_that_is_not_one_are_problems() {
    let portal = Portal::shared().await;
    let url = format!("{}/v1/verify", portal.url);
    let bare = portal.http.post(&url).header("content-type", "application/pdf").body("%PDF-");
    assert_eq!(problem(&send(bare).await.expect("an answer")), (401, "no-token".to_owned()));
    let forged = portal.http.post(&url).bearer_auth("forged").header("content-type", "application/pdf").body("%PDF-");
    assert_eq!(problem(&send(forged).await.expect("an answer")), (401, "invalid-token".to_owned()));
    let kind = send(raw(&portal, "", "text/plain", b"%PDF-")).await.expect("an answer");
    assert_eq!(problem(&kind), (415, "unsupported-media-type".to_owned()));
    let misspelt: Value = json!({"content": "", "contents": ""});
    assert_eq!(problem(&portal.call("/v1/verify", &misspelt).await), (400, "malformed-json".to_owned()));
    assert_eq!(send(portal.get("/v1/verify")).await.expect("an answer").status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn file_beyond_the_limit_is_turned_away() {
    let portal = Portal::shared().await;
    let large = vec![b' '; (64 << 20) + 1];
    // The service may close the connection before it has read all of it.
    if let Ok(answer) = send(raw(&portal, "", "application/pdf", &large)).await {
        assert_eq!(problem(&answer), (413, "body-too-large".to_owned()));
    }
    assert_eq!(send(portal.get("/livez")).await.expect("an answer").status, 200);
}

/// Files made to exhaust a verifier, where they are at hand.
#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_attack_corpus_are_answered() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/attacks");
    if !corpus.exists() {
        eprintln!("skipped: the corpus is not here");
        return;
    }
    let (portal, mut seen) = (Portal::shared().await, 0);
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).expect("a manifest");
    let rows = manifest.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    for row in rows.filter(|row| row["must"] == "survive") {
        let name = row["file"].as_str().expect("a file");
        let file = std::fs::read(corpus.join(name)).expect("there");
        let answer = pdf(&portal, &file).await;
        assert!(matches!(answer.status, 200 | 422), "{name}: {} {}", answer.status, answer.text());
        seen += 1;
    }
    assert!(seen > 0);
    eprintln!("{seen} files answered");
}
