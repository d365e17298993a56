//! The queue that raises levels, killed with SIGKILL while it works: each document gets there, once.

mod support;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{PATIENCE, Portal, Sandbox, kyso, request_body, sample, send, stderr, stdout, text};

const REQUESTS: usize = 8;
/// How long each process may work on the queue before it is killed, in milliseconds.
const LIVES: [u64; 6] = [3, 15, 40, 80, 150, 300];
/// Farther than the first wait of the queue, shorter than an access token lives; in seconds.
const STEP: i64 = 120;

async fn switch(portal: &Portal, path: &str, body: Value) {
    let answer = portal.call(path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// The documents of a request as its portal sees them.
async fn documents(portal: &Portal, id: &str) -> Vec<Value> {
    let request = portal.read(id).await;
    assert_eq!(request["state"], "signed", "{request}");
    request["documents"].as_array().expect("documents").clone()
}

fn level(document: &Value) -> &str {
    document["level"].as_str().expect("a level")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_while_levels_are_raised_lose_nothing_and_raise_nothing_twice() {
    let mut sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    switch(&portal, "/sandbox/tsa", json!({"mode": "down"})).await;
    let files = [sample("hoa-don-gtgt.pdf"), sample("to-khai-xac-nhan-cu-tru.pdf")];
    let mut ids = Vec::new();
    for _ in 0..REQUESTS {
        let mut body = request_body("ec-p256-hosted", &files.each_ref().map(Vec::as_slice));
        body["level"] = "B-LTA".into();
        let made = portal.call("/v1/requests", &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        portal.confirm(&made.json()).await;
        ids.push(made.json()["id"].as_str().expect("an id").to_owned());
    }
    for id in &ids {
        for document in documents(&portal, id).await {
            assert_eq!((level(&document), &document["raise"]["to"]), ("B-B", &json!("B-LTA")), "the portal is told");
        }
    }
    // A new process finds the authority well again; moving its clock makes everything in the queue due.
    for life in LIVES {
        tokio::task::block_in_place(|| {
            sandbox.kill();
            sandbox.restart();
        });
        switch(&portal, "/sandbox/clock", json!({"offset_seconds": STEP})).await;
        tokio::time::sleep(Duration::from_millis(life)).await;
    }
    tokio::task::block_in_place(|| {
        sandbox.kill();
        sandbox.restart();
    });
    let deadline = Instant::now() + PATIENCE;
    let mut steps = 1;
    for id in &ids {
        while documents(&portal, id).await.iter().any(|document| level(document) != "B-LTA") {
            assert!(Instant::now() < deadline, "stuck: {:?}", documents(&portal, id).await);
            steps += 1;
            switch(&portal, "/sandbox/clock", json!({"offset_seconds": steps * STEP})).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(documents(&portal, id).await.iter().all(|document| document["raise"].is_null()));
    }
    check(&sandbox, &portal, &ids).await;
}

async fn check(sandbox: &Sandbox, portal: &Portal, ids: &[String]) {
    let checked = sandbox.admin(&["audit", "check"]);
    assert!(checked.status.success(), "{}", stderr(&checked));
    let mut raised = HashMap::<String, usize>::new();
    for event in sandbox.audit().iter().filter(|event| event["event"] == "level_raised") {
        *raised.entry(format!("{}/{}", event["transaction"], event["ordinal"])).or_default() += 1;
    }
    assert_eq!((raised.len(), raised.values().max()), (REQUESTS * 2, Some(&1)), "once a document: {raised:?}");
    let mut files: Vec<PathBuf> = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        for document in 1..=2 {
            let file = sandbox.file(&format!("{n}-{document}.pdf"));
            let signed = send(portal.get(&format!("/v1/requests/{id}/documents/{document}"))).await.expect("an answer");
            std::fs::write(&file, signed.bytes).expect("written");
            files.push(file);
        }
    }
    let clock = send(portal.get("/sandbox/clock")).await.expect("an answer").json();
    let at = clock["now"].as_str().expect("a time").to_owned();
    let mut arguments = vec!["verify", "--json", "--at", &at, "--trust", sandbox.says("/trust_anchor")];
    arguments.extend(["--crl", sandbox.says("/crl")]);
    arguments.extend(files.iter().map(|file| text(file)));
    let output = kyso(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    for line in stdout(&output).lines() {
        let report: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(report["signatures"][0]["level"], "PAdES-B-LTA", "{report}");
    }
}
