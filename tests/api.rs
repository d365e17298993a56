//! Signing requests and the citizen's page over real HTTP: what goes wrong is said clearly, with whether anything was signed.

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::{Answer, Portal, Sandbox, base64, request_body, sample, send, shared, text, wrong};

/// The sentence of a page after which nothing was signed.
const NOT_SIGNED: &str = "chưa được ký";

/// Checks a problem document (RFC 9457): status, code, and whether anything was signed.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str, signed: Value) -> String {
    let problem = answer.json();
    assert_eq!(answer.status, status, "{problem}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(problem["type"], format!("urn:kyso:problem:{code}"), "{problem}");
    assert_eq!((&problem["status"], &problem["signed"]), (&json!(status), &signed), "{problem}");
    for member in ["title", "what_to_do", "request_id"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
    }
    problem["detail"].as_str().unwrap_or_default().to_owned()
}

fn id(request: &Value) -> &str {
    request["id"].as_str().expect("an id")
}

fn page(request: &Value) -> &str {
    request["confirm_url"].as_str().expect("a link")
}

fn small() -> Vec<u8> {
    sample("hoa-don-gtgt.pdf")
}

async fn notice(portal: &Portal, request: &Value, step: &str, code: &str) -> String {
    portal.step(page(request), step, code).await.expect("an answer").expect("a redirect")
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let done = Command::new(program).args(arguments).output();
    done.is_ok_and(|output| {
        assert!(output.status.success(), "{program}: {}", support::stderr(&output));
        true
    })
}

#[tokio::test]
async fn what_cannot_be_signed_is_refused_before_anybody_is_asked() {
    let sandbox = shared();
    let portal = Portal::connect(&sandbox).await;
    let whole = small();
    let mut cases = vec![
        ("empty".to_owned(), Vec::new(), "the file is empty"),
        ("text".to_owned(), b"hello, this is no PDF".to_vec(), "not a PDF"),
        ("half".to_owned(), whole[..whole.len() / 2].to_vec(), "damaged"),
        ("header only".to_owned(), b"%PDF-1.7\n".to_vec(), "damaged"),
    ];
    let out = sandbox.file("closed.pdf");
    let from = support::sample_path("hoa-don-gtgt.pdf");
    if run("qpdf", &["--encrypt", "secret", "owner", "256", "--", text(&from), text(&out)]) {
        let closed = std::fs::read(&out).expect("encrypted");
        let mut body = request_body("ec-p256", &[&closed]);
        body["password"] = json!("wrong");
        let detail = refused(&portal.call("/v1/requests", &body).await, 422, "document-not-signable", json!(false));
        assert!(detail.contains("password does not open"), "{detail}");
        body["password"] = json!("secret");
        assert_eq!(portal.call("/v1/requests", &body).await.status, 201);
        cases.push(("encrypted".to_owned(), closed, "encrypted"));
    } else {
        eprintln!("skipped: qpdf is not installed");
    }
    if let Some(certified) = certified(sandbox.folder.path()) {
        cases.push(("certified".to_owned(), certified, "no further change"));
    }
    for (name, bytes, said) in cases {
        let answer = portal.call("/v1/requests", &request_body("ec-p256", &[&bytes])).await;
        let detail = refused(&answer, 422, "document-not-signable", json!(false));
        assert!(detail.contains(said) && detail.contains("1.pdf"), "{name}: {detail}");
        let second = portal.call("/v1/requests", &request_body("ec-p256", &[&whole, &bytes])).await;
        let detail = refused(&second, 422, "document-not-signable", json!(false));
        assert!(detail.contains("2.pdf"), "the document at fault is named: {detail}");
    }
}

/// A PDF whose author certified it and allows no changes; `None`, saying so, where pyHanko or OpenSSL is missing.
fn certified(folder: &Path) -> Option<Vec<u8>> {
    let python = std::env::var("KYSO_JUDGES_PYTHON").unwrap_or_else(|_| "python3".into());
    let there = Command::new(&python).args(["-c", "import pyhanko.sign"]).output().is_ok_and(|o| o.status.success());
    let (key, certificate, out) = (folder.join("key.pem"), folder.join("cert.pem"), folder.join("certified.pdf"));
    let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Author"];
    let request = [&request[..], &["-keyout", text(&key), "-out", text(&certificate)]].concat();
    if !there || !run("openssl", &request) {
        eprintln!("skipped: pyHanko or OpenSSL is not installed");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/pyhanko_judge.py");
    let source = support::sample_path("hoa-don-gtgt.pdf");
    let (key, certificate) = (text(&key), text(&certificate));
    let arguments = [text(&script), "sign", key, certificate, certificate, text(&source), text(&out), "certify"];
    assert!(run(&python, &arguments));
    Some(std::fs::read(out).expect("certified"))
}

#[tokio::test]
async fn bodies_of_the_wrong_shape_are_refused_by_name() {
    let portal = Portal::shared().await;
    let good = request_body("ec-p256", &[&small()]);
    let with = |member: &str, value: Value| {
        let mut body = good.clone();
        body[member] = value;
        body
    };
    let deep: Value = serde_json::from_str(&format!("{}{}", "[".repeat(120), "]".repeat(120))).expect("JSON");
    for (body, status, code, said) in [
        (json!([1, 2]), 400, "malformed-json", ""),
        (json!({}), 400, "malformed-json", "documents"),
        (with("documents", json!("x")), 400, "malformed-json", ""),
        (with("retrun_url", json!("x")), 400, "malformed-json", "retrun_url"),
        (with("description", deep), 400, "malformed-json", ""),
        (with("documents", json!([])), 422, "invalid-field", "documents"),
        (with("documents", json!([{"name": "a.pdf", "content": "%%%"}])), 422, "invalid-field", "base64"),
        (with("documents", json!([{"name": "/", "content": ""}])), 422, "invalid-field", "name"),
        (with("credential", json!("../../etc")), 422, "invalid-field", "credential"),
        (with("credential", json!("no-such-credential")), 404, "not-found", "credential"),
        (with("credential", json!("expired-ec-p256")), 409, "certificate-not-valid", ""),
        (with("level", json!("B-XL")), 422, "level-not-supported", "B-LTA"),
        (with("level", json!("b-b")), 422, "level-not-supported", ""),
        (with("format", json!("xades")), 422, "invalid-field", "format"),
        (with("certify", json!(4)), 422, "invalid-field", "certify"),
        (with("signer_location", json!({"country": "VN"})), 422, "attribute-not-allowed", "/Location"),
        (with("return_url", json!("javascript:alert(1)")), 422, "invalid-field", "return_url"),
        (with("return_url", json!("https://evil.example/")), 422, "invalid-field", "return_url"),
        (with("expires_in", json!(1)), 422, "invalid-field", "expires_in"),
        (with("expires_in", json!(-1)), 400, "malformed-json", ""),
        (with("field", json!("NoSuchField")), 422, "document-not-signable", ""),
        (with("description", json!("a\u{202e}b")), 422, "invalid-field", "description"),
        (with("description", json!("x".repeat(501))), 422, "limit-exceeded", "description"),
    ] {
        let detail = refused(&portal.call("/v1/requests", &body).await, status, code, json!(false));
        assert!(detail.contains(said), "{said}: {detail}");
    }
    let unlimited = "[".repeat(100_000);
    let raw = portal.post("/v1/requests", &json!(null)).body(unlimited);
    refused(&send(raw).await.expect("an answer"), 400, "malformed-json", json!(false));
    let untyped = portal.http.post(format!("{}/v1/requests", portal.url)).bearer_auth(&portal.token);
    let answer = send(untyped.header("content-type", "text/plain").body(good.to_string())).await.expect("an answer");
    refused(&answer, 415, "unsupported-media-type", json!(false));
}

#[tokio::test]
async fn too_large_is_refused_before_it_is_read() {
    let portal = Portal::shared().await;
    let large = portal.post("/v1/requests", &json!(null)).body(vec![b' '; 65 << 20]);
    // The service may answer before all is sent; a client that writes on sees a broken connection then.
    match send(large).await {
        Ok(answer) => drop(refused(&answer, 413, "body-too-large", json!(false))),
        Err(error) => assert!(error.is_request() || error.is_body(), "{error}"),
    }
    let many: Vec<Vec<u8>> = vec![b"%PDF-1.7\n".to_vec(); 201];
    let many: Vec<&[u8]> = many.iter().map(Vec::as_slice).collect();
    let answer = portal.call("/v1/requests", &request_body("ec-p256", &many)).await;
    assert!(refused(&answer, 422, "limit-exceeded", json!(false)).contains("200"));
}

#[tokio::test]
async fn callers_who_are_not_who_they_say_get_nothing() {
    let sandbox = shared();
    let portal = Portal::connect(&sandbox).await;
    let request = portal.create("ec-p256-hosted", &small()).await;
    let path = format!("{}/v1/requests/{}", portal.url, id(&request));
    let bare = send(portal.http.get(&path)).await.expect("an answer");
    refused(&bare, 401, "no-token", json!(false));
    assert!(bare.header("www-authenticate").starts_with("Bearer "), "{:?}", bare.headers);
    let guessed = send(portal.http.get(&path).bearer_auth("0".repeat(64))).await.expect("an answer");
    refused(&guessed, 401, "invalid-token", json!(false));
    for (id, secret) in [("sandbox-portal", "wrong"), ("nobody", "wrong"), ("../x", "")] {
        let form = [("grant_type", "client_credentials")];
        let asked = portal.http.post(sandbox.says("/token_url")).basic_auth(id, Some(secret)).form(&form);
        let answer = send(asked).await.expect("an answer");
        assert_eq!((answer.status, &answer.json()["error"]), (401, &json!("invalid_client")), "{}", answer.text());
        assert_eq!(answer.json()["signed"], json!(false));
    }
    let (other, secret) = sandbox.add_portal("second-portal");
    let stranger = Portal::connect_as(&sandbox, &other, &secret).await;
    let own = format!("/v1/requests/{}", id(&request));
    for request in [stranger.get(&own), stranger.delete(&own), stranger.get(&format!("{own}/documents/1"))] {
        refused(&send(request).await.expect("an answer"), 404, "not-found", json!(false));
    }
    let asked = stranger.call("/v1/requests", &request_body("ec-p256-hosted", &[&small()])).await;
    assert!(refused(&asked, 404, "not-found", json!(false)).contains("credential"), "nobody granted it the signer");
    assert_eq!(portal.read(id(&request)).await["state"], "waiting");
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_have_the_shape_of_their_place() {
    let portal = Portal::shared().await;
    refused(&send(portal.get("/v1/nothing")).await.expect("an answer"), 404, "no-such-path", json!(false));
    refused(&send(portal.delete("/v1/requests")).await.expect("an answer"), 405, "method-not-allowed", json!(false));
    for unknown in ["not-an-id", "../../../etc/passwd", "%00", &"a".repeat(4000), "0123456789abcdef0123456789abcdef"] {
        let answer = send(portal.get(&format!("/v1/requests/{unknown}"))).await.expect("an answer");
        assert_eq!((answer.status, &answer.json()["signed"]), (404, &json!(false)), "{unknown}: {}", answer.text());
    }
    for (path, status) in [("/livez", 200), ("/readyz", 200), ("/metrics-not-here", 404)] {
        assert_eq!(send(portal.http.get(format!("{}{path}", portal.url))).await.expect("an answer").status, status);
    }
    let ready = send(portal.http.get(format!("{}/readyz", portal.url))).await.expect("an answer").json();
    assert!(ready["checks"].as_array().is_some_and(|checks| checks.len() >= 2), "{ready}");
}

#[tokio::test]
async fn links_that_are_not_ours_show_a_page_that_tells_nothing() {
    let portal = Portal::shared().await;
    let request = portal.create("ec-p256-hosted", &small()).await;
    let changed = {
        let (head, last) = page(&request).split_at(page(&request).len() - 1);
        format!("{head}{}", if last == "0" { "1" } else { "0" })
    };
    let unknown = format!("{}/c/{}", portal.url, "0".repeat(64));
    for link in [changed.clone(), unknown, format!("{}/c/x", portal.url)] {
        for (query, said) in [("", "Liên kết không dùng được"), ("?lang=en", "This link cannot be used")] {
            let shown = send(portal.http.get(format!("{link}{query}"))).await.expect("an answer");
            assert_eq!(shown.status, 404, "{}", shown.text());
            assert!(shown.text().contains(said) && !shown.text().contains("Hồ sơ thử nghiệm"), "{}", shown.text());
        }
        for step in ["code", "confirm", "refuse"] {
            let answer = portal.step(&link, step, "123456").await.expect("an answer");
            assert_eq!(answer.expect_err("no redirect").status, 404);
        }
    }
    let crossed = portal.http.post(format!("{}/code", page(&request))).header("sec-fetch-site", "cross-site");
    let blocked = send(crossed).await.expect("an answer");
    assert!(blocked.status == 403 && blocked.text().contains(NOT_SIGNED), "{}", blocked.text());
}

#[tokio::test]
async fn wrong_codes_sign_nothing_and_five_end_the_request() {
    let portal = Portal::shared().await;
    let (first, second) = (portal.create("ec-p256-hosted", &small()).await, portal.create("ec-p256", &small()).await);
    assert_eq!(notice(&portal, &first, "confirm", "123456").await, "late", "no code was sent yet");
    let code = portal.ask_for_code(&first).await;
    assert_eq!(notice(&portal, &first, "code", "").await, "soon");
    let other = portal.ask_for_code(&second).await;
    if other != code {
        assert_eq!(notice(&portal, &second, "confirm", &code).await, "wrong", "a code for another request");
    }
    for bad in [wrong(&code), "", "abcdef", "12345", "1234567", "\u{0661}\u{0662}\u{0663}\u{0664}\u{0665}\u{0666}"] {
        let said = notice(&portal, &first, "confirm", bad).await;
        assert!(matches!(said.as_str(), "wrong" | ""), "{bad}: {said}");
        let early = portal.document(id(&first), 1).await;
        refused(&early, 409, "wrong-state", json!(false));
    }
    let ended = portal.read(id(&first)).await;
    assert_eq!((&ended["state"], &ended["failure"]["signed"]), (&json!("failed"), &json!(false)), "{ended}");
    assert_eq!(ended["failure"]["code"], "too-many-wrong-codes");
    assert_eq!(notice(&portal, &first, "confirm", &code).await, "", "the page shows the end");
    let shown = send(portal.http.get(page(&first))).await.expect("an answer").text();
    assert!(shown.contains(NOT_SIGNED), "{shown}");
    assert_eq!(portal.read(id(&first)).await["state"], "failed", "the right code comes too late");
}

#[tokio::test]
async fn a_wrong_code_is_said_on_the_page_in_both_languages() {
    let portal = Portal::shared().await;
    let request = portal.create("ec-p256-hosted", &small()).await;
    let code = portal.ask_for_code(&request).await;
    assert_eq!(notice(&portal, &request, "confirm", wrong(&code)).await, "wrong");
    for (language, said) in [("vi", NOT_SIGNED), ("en", "othing has been signed")] {
        let shown =
            send(portal.http.get(format!("{}?lang={language}&n=wrong", page(&request)))).await.expect("an answer");
        assert!(shown.status == 200 && shown.text().contains(said), "{}", shown.text());
    }
}

#[tokio::test]
async fn refused_and_cancelled_requests_are_never_signed() {
    let portal = Portal::shared().await;
    let request = portal.create("ec-p256-hosted", &small()).await;
    let code = portal.ask_for_code(&request).await;
    assert_eq!(notice(&portal, &request, "refuse", "").await, "");
    assert_eq!(notice(&portal, &request, "confirm", &code).await, "");
    assert_eq!(portal.read(id(&request)).await["state"], "refused");
    refused(&portal.document(id(&request), 1).await, 409, "wrong-state", json!(false));

    let request = portal.create("ec-p256-hosted", &small()).await;
    let code = portal.ask_for_code(&request).await;
    let path = format!("/v1/requests/{}", id(&request));
    let cancelled = send(portal.delete(&path)).await.expect("an answer").json();
    assert_eq!((&cancelled["state"], &cancelled["failure"]["code"]), (&json!("failed"), &json!("cancelled")));
    assert_eq!(notice(&portal, &request, "confirm", &code).await, "");
    refused(&send(portal.delete(&path)).await.expect("an answer"), 409, "wrong-state", json!(false));
    assert_eq!(portal.read(id(&request)).await["state"], "failed");

    let request = portal.create("ec-p256-hosted", &small()).await;
    portal.confirm(&request).await;
    let late = send(portal.delete(&format!("/v1/requests/{}", id(&request)))).await.expect("an answer");
    refused(&late, 409, "already-signed", json!(true));
    assert_eq!(notice(&portal, &request, "refuse", "").await, "");
    assert_eq!(portal.read(id(&request)).await["state"], "signed");
    for n in [0, 2, u32::MAX] {
        refused(&portal.document(id(&request), n).await, 404, "not-found", json!(false));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_submitted_twenty_times_at_once_signs_once() {
    let sandbox = shared();
    let portal = Portal::connect(&sandbox).await;
    let request = portal.create("ec-p256-hosted", &small()).await;
    let code = portal.ask_for_code(&request).await;
    let mut clicks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (portal, page, code) = (portal.clone(), page(&request).to_owned(), code.clone());
        clicks.spawn(async move { portal.step(&page, "confirm", &code).await.expect("an answer") });
    }
    for click in clicks.join_all().await {
        let notice = click.unwrap_or_else(|answer| panic!("{}: {}", answer.status, answer.text()));
        assert!(matches!(notice.as_str(), "" | "late"), "{notice}");
    }
    assert_eq!(portal.read(id(&request)).await["state"], "signed");
    let events = sandbox.audit();
    let signed = events.iter().filter(|e| e["transaction"] == request["id"] && e["event"] == "signed").count();
    assert_eq!(signed, 1);
}

#[tokio::test]
async fn a_repeated_key_is_the_same_request_and_another_body_is_refused() {
    let portal = Portal::shared().await;
    let keyed = |body: &Value, key: &str| portal.post("/v1/requests", body).header("Idempotency-Key", key);
    let body = request_body("ec-p256-hosted", &[&small()]);
    let first = send(keyed(&body, "key-1")).await.expect("an answer").json();
    let again = send(keyed(&body, "key-1")).await.expect("an answer");
    assert_eq!((again.status, &again.json()["id"]), (201, &first["id"]));
    let mut other = body.clone();
    other["description"] = json!("something else");
    let answer = send(keyed(&other, "key-1")).await.expect("an answer");
    refused(&answer, 422, "idempotency-mismatch", json!(false));
    let bad = send(keyed(&body, "bad key with spaces")).await.expect("an answer");
    refused(&bad, 422, "invalid-field", json!(false));
}

#[tokio::test]
async fn hostile_file_names_lose_their_teeth() {
    let portal = Portal::shared().await;
    for (name, kept) in [
        ("../../../../etc/passwd", "passwd"),
        ("C:\\Windows\\system32\\a.pdf", "a.pdf"),
        ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
        ("a\r\nSet-Cookie: x=1.pdf", "aSet-Cookie: x=1.pdf"),
        ("<script>alert(1)</script>.pdf", "script>.pdf"),
        ("Tờ khai \"đặc biệt\".pdf", "Tờ khai \"đặc biệt\".pdf"),
    ] {
        let body = json!({"documents": [{"name": name, "content": base64(&small())}], "credential": "ec-p256-hosted"});
        let answer = portal.call("/v1/requests", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let request = answer.json();
        assert_eq!(request["documents"][0]["name"], kept);
        let shown = send(portal.http.get(page(&request))).await.expect("an answer").text();
        assert!(!shown.contains("<script") && shown.contains("<form"), "{shown}");
        portal.confirm(&request).await;
        let signed = portal.document(id(&request), 1).await;
        assert!(signed.status == 200 && signed.header("content-disposition").starts_with("attachment; filename=\""));
        assert!(signed.headers.get("set-cookie").is_none());
    }
}

#[tokio::test]
async fn lists_go_by_pages_without_gaps_or_repetitions_while_new_requests_come() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let list = |query: String| {
        let portal = portal.clone();
        async move { send(portal.get(&format!("/v1/requests{query}"))).await.expect("an answer") }
    };
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(id(&portal.create("ec-p256-hosted", &small()).await).to_owned());
    }
    let refused_one = &made[1];
    let waiting = portal.read(refused_one).await;
    assert_eq!(notice(&portal, &waiting, "refuse", "").await, "");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = list(format!("?limit=2{cursor}")).await.json();
        seen.extend(page["requests"].as_array().expect("a page").iter().map(|one| id(one).to_owned()));
        // What comes meanwhile stands before the first page.
        portal.create("ec-p256-hosted", &small()).await;
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    made.reverse();
    assert_eq!(seen, made, "newest first, each once");
    let refused_list = list("?state=refused".into()).await.json();
    let ids: Vec<&str> = refused_list["requests"].as_array().expect("a page").iter().map(id).collect();
    assert_eq!(ids, [made[3].as_str()]);
    for bad in ["?limit=0", "?limit=101", "?state=signing", "?cursor=%00", "?cursor=abc"] {
        refused(&list(bad.into()).await, 422, "invalid-field", json!(false));
    }
    let (other, secret) = sandbox.add_portal("second-portal");
    let stranger = Portal::connect_as(&sandbox, &other, &secret).await;
    let theirs = send(stranger.get("/v1/requests")).await.expect("an answer").json();
    assert_eq!(theirs, json!({"requests": []}));
}

#[tokio::test]
async fn every_answer_names_its_request_and_counted_ones_say_what_is_left() {
    let sandbox = Sandbox::start_configured("[limits]\nportal_calls_per_minute = 30\n");
    let portal = Portal::connect(&sandbox).await;
    let ask = |path: &str| portal.http.get(format!("{}{path}", portal.url));
    for path in ["/livez", "/readyz", "/docs", "/openapi.json", "/assets/kyso.css", "/nothing", "/c/x", "/csc/v2/info"]
    {
        let answer = send(ask(path)).await.expect("an answer");
        assert!(!answer.header("x-request-id").is_empty() && answer.header("ratelimit").is_empty(), "{path}");
        let own = send(ask(path).header("x-request-id", "trace-0123456789")).await.expect("an answer");
        assert_eq!(own.header("x-request-id"), "trace-0123456789", "{path}");
    }
    let first = send(portal.get("/v1/requests")).await.expect("an answer");
    assert_eq!(first.header("ratelimit-policy"), "\"portal\";q=30;w=60");
    assert!(first.header("ratelimit").starts_with("\"portal\";r=29;t="), "{:?}", first.headers);
    let mut last = first;
    for _ in 0..40 {
        last = send(portal.get("/v1/requests/0123456789abcdef0123456789abcdef")).await.expect("an answer");
        if last.status == 429 {
            break;
        }
        assert_eq!(last.status, 404);
    }
    refused(&last, 429, "too-many-calls", json!(false));
    let wait: u32 = last.header("retry-after").parse().expect("seconds");
    assert!((1..=2).contains(&wait) && last.header("ratelimit").starts_with("\"portal\";r=0;"), "{:?}", last.headers);
    assert_eq!(last.json()["who_acts"], "nobody");
    let (other, secret) = sandbox.add_portal("second-portal");
    let stranger = Portal::connect_as(&sandbox, &other, &secret).await;
    assert_eq!(send(stranger.get("/v1/requests")).await.expect("an answer").status, 200, "each has its own");
}

#[tokio::test]
async fn documentation_loads_nothing_from_elsewhere_and_needs_no_script() {
    let portal = Portal::shared().await;
    for (query, said) in
        [("", "Gửi tài liệu để một hoặc nhiều người ký"), ("?lang=en", "Hand over documents to be signed")]
    {
        let page = send(portal.http.get(format!("{}/docs{query}", portal.url))).await.expect("an answer");
        assert!(page.status == 200 && page.text().contains(said), "{}", page.text());
        assert!(!page.text().contains("<script") && !page.text().contains("src=\"http"), "nothing from elsewhere");
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    }
    let document = send(portal.http.get(format!("{}/openapi.json", portal.url))).await.expect("an answer").json();
    assert_eq!(document["servers"][0]["url"], portal.url.as_str());
}
