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
