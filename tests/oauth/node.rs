//! A client in another language, which shares no code with this one: `tests/clients/csc_oauth.mjs`.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::helper::Oauth;
use super::support::send;

/// Whether Node answers; its absence is a failure when judges are required.
pub fn node_is_there() -> bool {
    let there = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    let required = std::env::var("KYSO_JUDGES").is_ok_and(|value| value == "require");
    assert!(there || !required, "node is required and does not answer");
    if !there {
        eprintln!("skipped: node is not installed");
    }
    there
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_node_signs_by_discovery_pushed_rich_requests_and_pkce() {
    if !node_is_there() {
        return;
    }
    let client = Oauth::shared();
    let batch = &["b", "a", "Tờ khai cư trú"][..];
    for (credential, scheme, digest, texts) in [
        ("ec-p256-hosted", "ecdsa", "sha256", &["một"][..]),
        ("ec-p256", "ecdsa", "sha256", batch),
        ("ec-p384", "ecdsa", "sha384", &["một"]),
        ("ec-p384", "ecdsa", "sha384", batch),
        ("rsa-2048", "pkcs1", "sha256", &["một"]),
        ("rsa-3072", "pkcs1", "sha256", batch),
        ("rsa-2048", "pss", "sha256", &["một"]),
        ("rsa-3072", "pss", "sha384", batch),
    ] {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/csc_oauth.mjs");
        let mut node = Command::new("node")
            .arg(script)
            .args([&client.url, &client.id, &client.secret, credential, scheme, digest])
            .args(texts)
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let mut lines = BufReader::new(node.stdout.take().expect("its output")).lines();
        let opened = lines.next().expect("a line").expect("text");
        let url = opened.strip_prefix("open ").expect("an address for the citizen");
        let there = send(client.http.get(url)).await.expect("an answer");
        let page = format!("{}{}", client.url, there.header("location").split('?').next().expect("a path"));
        let leaving = client.confirm(&page).await;
        send(client.http.get(leaving.header("location"))).await.expect("the client's page");
        let result = lines.next().expect("a result").expect("text");
        let result: Value = serde_json::from_str(&result).expect("JSON");
        assert_eq!(result["signatures"].as_array().map(Vec::len), Some(texts.len()), "{result}");
        assert!(node.wait().expect("ends").success());
    }
}
