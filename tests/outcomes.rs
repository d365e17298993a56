//! The sandbox's signers whose outcome is known beforehand, and the receipts of those who sign: as a portal meets them over HTTP.

mod support;

use std::time::Instant;

use serde_json::{Value, json};
use support::{PATIENCE, Portal, Sandbox, base64, kyso, sample, send, stdout, text};

/// Between two looks at a request that somebody else moves.
const LOOK: std::time::Duration = std::time::Duration::from_millis(50);

/// The request once it is in another state than `waiting` and `confirmed`.
async fn ended(portal: &Portal, id: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let request = portal.read(id).await;
        if !["waiting", "confirmed"].contains(&request["state"].as_str().expect("a state")) {
            return request;
        }
        assert!(Instant::now() < deadline, "still {request}");
        tokio::time::sleep(LOOK).await;
    }
}

async fn advance(portal: &Portal, seconds: i64) {
    let clock = send(portal.http.get(format!("{}/sandbox/clock", portal.url))).await.expect("an answer").json();
    let offset = clock["offset_seconds"].as_i64().expect("seconds") + seconds;
    assert_eq!(portal.call("/sandbox/clock", &json!({"offset_seconds": offset})).await.status, 200);
}

fn id(request: &Value) -> &str {
    request["id"].as_str().expect("an id")
}

/// Events of one request, oldest first, without ids and times.
async fn events(portal: &Portal, request: &str) -> Vec<String> {
    let page = send(portal.get("/v1/events?after=0&limit=100")).await.expect("an answer").json();
    let of = |event: &Value| {
        let body: Value = serde_json::from_str(event["body"].as_str().expect("text")).expect("JSON");
        (body["data"]["request_id"] == *request).then(|| body["type"].as_str().unwrap_or_default().to_owned())
    };
    page["events"].as_array().expect("events").iter().filter_map(of).collect()
}

/// What the audit chain tells of one transaction.
fn audit(sandbox: &Sandbox, request: &str) -> Vec<String> {
    let name =
        |event: &Value| (event["transaction"] == *request).then(|| event["event"].as_str().expect("a name").to_owned());
    sandbox.audit().iter().filter_map(name).collect()
}

#[tokio::test]
async fn every_outcome_is_as_told_through_the_states_events_and_records_of_anybody() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let signers = sandbox.ready["signers"].as_array().expect("signers");
    let outcomes: Vec<&str> = signers.iter().filter_map(|signer| signer["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["signs", "refuses", "times-out", "wrong-code", "sms-delayed"]);
    assert!(signers[0]["outcome"].is_null() && signers[0]["id"] == "nguyen-van-an", "the first ones stay as they are");
    let form = sample("to-khai-xac-nhan-cu-tru.pdf");
    let mut requests = Vec::new();
    for outcome in &outcomes {
        requests.push(portal.create(&format!("sandbox-{outcome}"), &form).await);
    }
    let [signs, refuses, times_out, wrong, late] = requests.as_slice() else { panic!("five") };

    assert_eq!(ended(&portal, id(signs)).await["state"], "signed");
    let as_anybody = ["transaction_created", "code_sent", "confirmed", "signing_intended", "signed"];
    assert_eq!(audit(&sandbox, id(signs)), as_anybody);
    assert_eq!(ended(&portal, id(refuses)).await["state"], "refused");
    assert_eq!(audit(&sandbox, id(refuses)), ["transaction_created", "refused"]);
    let locked = ended(&portal, id(wrong)).await;
    assert_eq!((&locked["state"], &locked["failure"]["code"]), (&json!("failed"), &json!("too-many-wrong-codes")));
    let tries = audit(&sandbox, id(wrong)).iter().filter(|event| *event == "code_rejected").count();
    assert_eq!(tries, 5);

    // The message is on its way: nobody has it, and the request waits for it.
    let before = portal.read(id(late)).await;
    assert_eq!(before["state"], "waiting");
    while !audit(&sandbox, id(late)).contains(&"code_sent".to_owned()) {
        tokio::time::sleep(LOOK).await;
    }
    assert_eq!(portal.code_for(id(late)).await.expect("an answer"), None);
    advance(&portal, 91).await;
    assert_eq!(ended(&portal, id(late)).await["state"], "signed");
    assert_eq!(audit(&sandbox, id(late)), as_anybody);

    assert_eq!(portal.read(id(times_out)).await["state"], "waiting");
    advance(&portal, 900).await;
    assert_eq!(ended(&portal, id(times_out)).await["state"], "expired");
    for (request, event) in [
        (signs, "request.signed"),
        (refuses, "request.refused"),
        (wrong, "request.failed"),
        (late, "request.signed"),
        (times_out, "request.expired"),
    ] {
        assert_eq!(events(&portal, id(request)).await, [event]);
    }
}

#[tokio::test]
async fn a_late_message_that_was_overtaken_is_not_entered() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let body = json!({"credential": "sandbox-sms-delayed", "expires_in": 7200,
        "documents": [{"name": "a.pdf", "content": base64(&sample("hoa-don-gtgt.pdf"))}]});
    let request = portal.call("/v1/requests", &body).await.json();
    while !audit(&sandbox, id(&request)).contains(&"code_sent".to_owned()) {
        tokio::time::sleep(LOOK).await;
    }
    // By then the code has died with the message on its way; the citizen asks for another, which is late as well.
    advance(&portal, 1800).await;
    while audit(&sandbox, id(&request)).iter().filter(|event| *event == "code_sent").count() < 2 {
        tokio::time::sleep(LOOK).await;
    }
    advance(&portal, 91).await;
    assert_eq!(ended(&portal, id(&request)).await["state"], "signed");
    assert!(!audit(&sandbox, id(&request)).contains(&"code_rejected".to_owned()));
}

#[tokio::test]
async fn a_receipt_is_sealed_once_verifies_and_tells_what_was_confirmed() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let request = portal.create("ec-p256-hosted", &sample("hop-dong-dich-vu.pdf")).await;
    let path = format!("/v1/requests/{}/receipts/1", id(&request));
    let early = send(portal.get(&path)).await.expect("an answer");
    assert_eq!((early.status, early.json()["type"].as_str()), (409, Some("urn:kyso:problem:wrong-state")));
    portal.confirm(&request).await;
    // Everybody at once: one seal is used.
    let asked = (0..8).map(|_| tokio::spawn(send(portal.get(&path))));
    let mut receipts = Vec::new();
    for one in asked {
        let answer = one.await.expect("ran").expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        receipts.push(answer.bytes);
    }
    assert!(receipts.windows(2).all(|pair| pair[0] == pair[1]));
    let file = sandbox.file("receipt.pdf");
    std::fs::write(&file, &receipts[0]).expect("written");
    let (code, reports) = sandbox.verify(std::slice::from_ref(&file));
    let signature = &reports[0]["signatures"][0];
    assert_eq!((code, &signature["level"], &signature["coverage"]), (0, &json!("PAdES-B-T"), &json!("whole-file")));
    assert!(signature["signer"]["subject"].as_str().expect("text").contains("Dịch vụ ký số"), "{signature}");
    let events = audit(&sandbox, id(&request));
    let of_receipt: Vec<&String> = events.iter().filter(|event| event.starts_with("receipt")).collect();
    assert_eq!(of_receipt, ["receipt_intended", "receipt_sealed"]);
    if let Ok(told) = std::process::Command::new("pdftotext").args(["-layout", text(&file), "-"]).output() {
        let told: String = stdout(&told).split_whitespace().collect::<Vec<_>>().join(" ");
        let document = &request["documents"][0];
        for part in
            [id(&request), document["fingerprint"].as_str().expect("text"), "Nguyễn Văn An", "tin nhắn", "text message"]
        {
            assert!(told.contains(part), "{part}: {told}");
        }
        let hash = document["sha256"].as_str().expect("text");
        assert!(told.replace(' ', "").contains(hash), "{hash}: {told}");
    }
    // The citizen's own page leads to the same file.
    let page = request["confirm_url"].as_str().expect("a link");
    let shown = send(portal.http.get(page)).await.expect("an answer").text();
    let link =
        shown.split("href=\"").find_map(|part| part.split_once('"').filter(|(url, _)| url.ends_with("/receipt")));
    let (link, _) = link.expect("a link to the receipt");
    let own = send(portal.http.get(format!("{}{link}", portal.url))).await.expect("an answer");
    assert_eq!((own.status, own.header("content-type"), &own.bytes), (200, "application/pdf", &receipts[0]));
}

#[tokio::test]
async fn receipts_and_the_seal_are_nobody_elses() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let request = portal.create("sandbox-signs", &sample("hoa-don-gtgt.pdf")).await;
    assert_eq!(ended(&portal, id(&request)).await["state"], "signed");
    let (name, secret) = sandbox.add_portal("second-portal");
    let stranger = Portal::connect_as(&sandbox, &name, &secret).await;
    let path = |n: &str| format!("/v1/requests/{}/receipts/{n}", id(&request));
    assert_eq!(send(stranger.get(&path("1"))).await.expect("an answer").status, 404);
    for n in ["0", "2", "x", "-1", "4294967296"] {
        assert_eq!(send(portal.get(&path(n))).await.expect("an answer").status, 404, "{n}");
    }
    let forged = format!("{}/c/{}/receipt", portal.url, "0".repeat(64));
    assert_eq!(send(portal.http.get(forged)).await.expect("an answer").status, 404);

    // No portal can ask for the seal, not even one that may ask its owner.
    let granted = sandbox.admin(&["signer", "grant", "dich-vu-ky-so", "sandbox-portal"]);
    assert!(granted.status.success());
    let asked =
        portal.call("/v1/requests", &support::request_body("con-dau-bien-nhan", &[&sample("hoa-don-gtgt.pdf")])).await;
    assert_eq!(asked.status, 404, "{}", asked.text());
    for (method, body) in [
        ("credentials/info", json!({"credentialID": "con-dau-bien-nhan"})),
        (
            "credentials/authorize",
            json!({"credentialID": "con-dau-bien-nhan", "numSignatures": 1,
            "hashes": [base64(&[1; 32])], "hashAlgorithmOID": "2.16.840.1.101.3.4.2.1"}),
        ),
    ] {
        let answer = portal.call(&format!("/csc/v2/{method}"), &body).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    let listed = portal.call("/csc/v2/credentials/list", &json!({"userID": "dich-vu-ky-so"})).await;
    assert_eq!(listed.json()["credentialIDs"], json!([]), "{}", listed.text());
}

#[tokio::test]
async fn a_receipt_whose_sealing_was_cut_off_is_sealed_from_what_was_recorded() {
    let mut sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let mut requests = Vec::new();
    for _ in 0..6 {
        let request = portal.create("ec-p256-hosted", &sample("hoa-don-gtgt.pdf")).await;
        portal.confirm(&request).await;
        requests.push(id(&request).to_owned());
    }
    let asking: Vec<_> = requests
        .iter()
        .map(|request| tokio::spawn(send(portal.get(&format!("/v1/requests/{request}/receipts/1")))))
        .collect();
    while !sandbox.audit().iter().any(|event| event["event"] == "receipt_intended") {
        tokio::task::yield_now().await;
    }
    sandbox.kill();
    for one in asking {
        drop(one.await);
    }
    sandbox.restart();
    let portal = Portal::connect(&sandbox).await;
    let mut files = Vec::new();
    for request in &requests {
        let answer = send(portal.get(&format!("/v1/requests/{request}/receipts/1"))).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let file = sandbox.file(&format!("{request}.pdf"));
        std::fs::write(&file, &answer.bytes).expect("written");
        files.push(file);
    }
    assert_eq!(sandbox.verify(&files).0, 0);
    let events = sandbox.audit();
    for request in &requests {
        let of = |name: &str| {
            events.iter().filter(|e| e["event"] == name && e["transaction"] == **request).collect::<Vec<_>>()
        };
        let intended: Vec<&Value> = of("receipt_intended").iter().map(|event| &event["hash"]).collect();
        assert!(
            intended.windows(2).all(|pair| pair[0] == pair[1]),
            "one DTBSR, however often it was begun: {intended:?}"
        );
        assert_eq!(of("receipt_sealed").len(), 1);
    }
}

#[test]
fn demo_shows_two_signers_a_refusal_and_webhooks_and_leaves_valid_receipts() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("demo");
    let output = kyso(&["demo", "--out", text(&out)]);
    assert_eq!(output.status.code(), Some(0), "{}\n{}", stdout(&output), support::stderr(&output));
    let said = stdout(&output);
    for part in ["Trần Thị Bích Ngọc", "refuses", "request.signed", "request.refused", "signer.signed", "receipt"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let left = |name: &str| out.join(name);
    let names = [
        "to-khai-xac-nhan-cu-tru.signed.pdf",
        "hop-dong-dich-vu.signed.pdf",
        "bien-nhan-to-khai-xac-nhan-cu-tru-1.pdf",
        "bien-nhan-hop-dong-dich-vu-1.pdf",
        "bien-nhan-hop-dong-dich-vu-2.pdf",
    ];
    let (root, crl) = (left("root.pem"), left("crl.pem"));
    let files: Vec<_> = names.iter().map(|name| left(name)).collect();
    let mut arguments = vec!["verify", "--trust", text(&root), "--crl", text(&crl)];
    arguments.extend(files.iter().map(|file| text(file)));
    assert_eq!(kyso(&arguments).status.code(), Some(0));
    let webhooks = std::fs::read_to_string(left("webhooks.jsonl")).expect("left there");
    assert!(webhooks.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()) && webhooks.lines().count() >= 6);
    assert!(!left("data").exists());
}
