//! A citizen confirms with a passkey in a real browser: Chromium with a virtual authenticator.

mod support;

use std::path::Path;
use std::process::Command;

use support::{Portal, Sandbox, sample, stderr, stdout};

const CHROMIUM: &str = "chromium";

/// Whether browser and driver answer; their absence is a failure when judges are required.
fn browser_is_there(python: &str) -> bool {
    let runs = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
    };
    let there = runs(CHROMIUM, &["--version"]) && runs(python, &["-c", "import aiohttp"]);
    let required = std::env::var("KYSO_JUDGES").is_ok_and(|value| value == "require");
    assert!(there || !required, "chromium and aiohttp are required and do not answer");
    if !there {
        eprintln!("skipped: chromium or aiohttp is not installed");
    }
    there
}

#[tokio::test(flavor = "multi_thread")]
async fn citizen_registers_a_passkey_and_signs_with_it_in_a_browser() {
    let python = std::env::var("KYSO_JUDGES_PYTHON").unwrap_or_else(|_| "python3".into());
    if !browser_is_there(&python) {
        return;
    }
    // Browsers know passkeys for names only, and take `localhost` as safe.
    let sandbox = Sandbox::start_named("localhost");
    let portal = Portal::connect(&sandbox).await;
    let printed = sandbox.admin(&["signer", "enrol", "nguyen-van-an"]);
    assert!(printed.status.success(), "{}", stderr(&printed));
    let enrol = format!("{}{}", sandbox.says("/url"), stdout(&printed).trim());
    let request = portal.create("ec-p256-hosted", &sample("hop-dong-dich-vu.pdf")).await;
    let confirm = request["confirm_url"].as_str().expect("a link").to_owned();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/passkey_browser.py");
    let profile = sandbox.file("profile");
    let mut command = Command::new(python);
    command.arg(script).arg(CHROMIUM).arg(profile).arg(enrol).arg(confirm);
    if let Ok(folder) = std::env::var("KYSO_TEST_SHOTS") {
        command.arg(folder);
    }
    let played = tokio::task::spawn_blocking(move || command.output().expect("runs")).await.expect("joined");
    assert!(played.status.success(), "{}{}", stdout(&played), stderr(&played));
    assert_eq!(stdout(&played).trim(), "Tài liệu đã được ký");
    let id = request["id"].as_str().expect("an id");
    assert_eq!(portal.read(id).await["state"], "signed");
    let audit = sandbox.audit();
    let confirmed = audit.iter().find(|event| event["event"] == "confirmed" && event["transaction"] == id);
    assert_eq!(confirmed.expect("recorded")["method"], "passkey");
    assert_eq!(portal.code_for(id).await.expect("an answer"), None, "no code was sent");
}

#[tokio::test]
async fn made_up_answers_and_links_are_refused_by_name_and_sign_nothing() {
    let sandbox = support::shared();
    let portal = Portal::shared().await;
    let request = portal.create("ec-p256-hosted", &sample("hop-dong-dich-vu.pdf")).await;
    let page = request["confirm_url"].as_str().expect("a link").to_owned();
    let post = async |url: &str, form: &[(&str, &str)]| {
        support::send(portal.http.post(url).form(form)).await.expect("an answer")
    };
    let nothing = post(&format!("{page}/code"), &[("way", "totp")]).await;
    assert_eq!(nothing.status, 404, "nothing of that kind is registered: {}", nothing.text());
    let rubbish = [("credential", "%%"), ("client_data", "e30"), ("authenticator_data", "e30"), ("signature", "e30")];
    assert_eq!(post(&format!("{page}/confirm"), &rubbish).await.status, 422);
    portal.ask_for_code(&request).await;
    let well_formed =
        [("credential", "e30"), ("client_data", "e30"), ("authenticator_data", "e30"), ("signature", "e30")];
    let answer = post(&format!("{page}/confirm"), &well_formed).await;
    assert!(answer.header("location").contains("n=late"), "no passkey was asked for: {}", answer.header("location"));
    for path in ["/e/0123456789abcdef0123456789abcdef", "/e/..%2f..", "/e/x"] {
        let answer = support::send(portal.http.get(format!("{}{path}", portal.url))).await.expect("an answer");
        assert_eq!(answer.status, 404, "{path}");
    }
    let printed = sandbox.admin(&["signer", "enrol", "tran-thi-bich-ngoc"]);
    let link = format!("{}{}", portal.url, stdout(&printed).trim());
    // A sandbox at a bare address offers no passkey, and its page runs no script.
    let shown = support::send(portal.http.get(&link)).await.expect("an answer");
    assert!(shown.status == 200 && !shown.text().contains("<script"), "{}", shown.text());
    assert!(!shown.header("content-security-policy").contains("script-src"));
    assert_eq!(post(&format!("{link}/passkey"), &[("client_data", "e30"), ("attestation", "oA")]).await.status, 404);
    let wrong = post(&format!("{link}/totp"), &[("code", "000000")]).await;
    assert!(wrong.status == 200 && wrong.text().contains("Chưa đăng ký được"), "{}", wrong.text());
    let foreign = portal.http.post(format!("{link}/totp")).header("sec-fetch-site", "cross-site");
    let foreign = support::send(foreign.form(&[("code", "000000")])).await.expect("an answer");
    assert_eq!(foreign.status, 403);
    assert_eq!(portal.read(request["id"].as_str().expect("an id")).await["state"], "waiting");
}
