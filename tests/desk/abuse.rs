//! Who should not get in does not, and what comes from outside does not run: other portals, other sites, frames, script, guessing,
//! sessions left open.

use serde_json::json;

use super::support::{Portal, Sandbox, send, shared};
use super::{Staff, ask, form_token, id, move_clock};

const SCRIPT: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

/// Every form of the desk: path and fields beside its token.
fn forms(request: &str, webhook: &str, event: &str) -> Vec<String> {
    vec![
        "/desk/sign-out".into(),
        format!("/desk/requests/{request}/cancel"),
        format!("/desk/webhooks/{webhook}/ping"),
        format!("/desk/webhooks/{webhook}/secret"),
        format!("/desk/webhooks/{webhook}/deliveries/{event}/resend"),
        "/desk/secrets".into(),
        "/desk/secrets/retire".into(),
    ]
}

/// Something of the sandbox's own portal to reach for.
async fn belongings(sandbox: &Sandbox) -> (Portal, String, String, String) {
    let portal = Portal::connect(sandbox).await;
    let request = ask(&portal, "Hồ sơ mật", "mat.pdf", "ec-p256-hosted").await;
    let hook = portal.call("/v1/webhooks", &json!({"url": "https://portal.invalid/mine"})).await.json();
    let sent = send(portal.get(&format!("/v1/webhooks/{}/deliveries", id(&hook)))).await.expect("an answer").json();
    let event = sent["deliveries"][0]["event"].as_str().expect("a ping").to_owned();
    (portal, id(&request).to_owned(), id(&hook).to_owned(), event)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_its_own_token_or_from_another_site_does_nothing() {
    let sandbox = Sandbox::start();
    let (portal, request, hook, event) = belongings(&sandbox).await;
    let mut staff = Staff::at_work(&sandbox).await;
    let mut colleague = Staff::at_work(&sandbox).await;
    let own = form_token(&staff.page("/desk/requests").await);
    let others = form_token(&colleague.page("/desk/requests").await);
    assert_ne!(own, others);
    let secret = sandbox.says("/portal/client_secret");
    for path in forms(&request, &hook, &event) {
        for token in [None, Some(""), Some("0000"), Some(others.as_str())] {
            let mut fields = vec![("client_secret", secret)];
            fields.extend(token.map(|token| ("form", token)));
            let answer = staff.send_form(&path, &fields).await;
            assert!(answer.status == 403 && answer.text().contains("bị chặn"), "{path} {token:?}: {}", answer.status);
        }
        for (name, value) in
            [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site")]
        {
            let form = [("form", own.as_str()), ("client_secret", secret)];
            let sent = staff.http.post(format!("{}{path}", staff.url)).header(name, value).form(&form);
            assert_eq!(staff.call(sent).await.status, 403, "{path} {name}: {value}");
        }
        let bare = send(staff.http.post(format!("{}{path}", staff.url)).form(&[("form", own.as_str())])).await;
        assert_eq!(bare.expect("an answer").header("location"), "/desk?lang=vi&n=ended", "{path} without the cookie");
        assert_ne!(staff.get(&path).await.status, 500, "{path} is no link");
    }
    // Signing in is a form too: nobody is signed in as somebody else by a page of another site.
    let page = Staff::new(&sandbox).page("/desk").await;
    let client = sandbox.says("/portal/client_id");
    let fields = [("form", form_token(&page)), ("client_id", client.to_owned()), ("client_secret", secret.to_owned())];
    let mut victim = Staff::new(&sandbox);
    victim.page("/desk").await;
    assert_eq!(victim.send_form("/desk/sign-in", &fields.each_ref().map(|(n, v)| (*n, v.as_str()))).await.status, 403);
    assert_eq!(portal.read(&request).await["state"], "waiting");
    assert_eq!(
        send(portal.get("/v1/client")).await.expect("an answer").json()["secrets"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(staff.get("/desk/requests").await.status, 200, "still signed in");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_portal_sees_or_touches_anything_of_another() {
    let sandbox = Sandbox::start();
    let (portal, request, hook, event) = belongings(&sandbox).await;
    let (client, secret) = sandbox.add_portal("cong-khac");
    let mut stranger = Staff::new(&sandbox);
    stranger.enter(&client, &secret).await;
    for path in
        ["/desk/requests", "/desk/webhooks", "/desk/usage?days=90", "/desk/secrets", "/desk/requests?state=waiting"]
    {
        let page = stranger.page(path).await;
        assert!(!page.contains("Hồ sơ mật") && !page.contains(&request) && !page.contains(&hook), "{path}: {page}");
        assert!(!page.contains("<svg viewBox=\"0 0 344"), "{path} counts what is another's");
    }
    for path in [
        format!("/desk/requests/{request}"),
        format!("/desk/requests/{request}/cancel"),
        format!("/desk/webhooks/{hook}"),
        format!("/desk/webhooks/{hook}?state=pending"),
        "/desk/requests/..%2f".into(),
        format!("/desk/requests/{}", "a".repeat(300)),
        "/desk/webhooks/wh_0".into(),
        "/desk/nothing".into(),
    ] {
        let answer = stranger.get(&path).await;
        assert!(answer.status == 404 && answer.text().contains("Không tìm thấy"), "{path}: {}", answer.status);
        assert!(!answer.text().contains("mat.pdf"));
    }
    for path in
        forms(&request, &hook, &event).into_iter().filter(|path| path.contains(&request) || path.contains(&hook))
    {
        let answer = stranger.post(&path, &[]).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
    }
    let own = Portal::connect_as(&sandbox, &client, &secret).await;
    let theirs = own.call("/v1/webhooks", &json!({"url": "https://portal.invalid/theirs"})).await.json();
    let crossed = format!("/desk/webhooks/{}/deliveries/{event}/resend", id(&theirs));
    assert_eq!(stranger.post(&crossed, &[]).await.status, 404, "another's event to one's own address");
    let events = send(own.get(&format!("/v1/requests/{request}/events"))).await.expect("an answer");
    assert_eq!(events.status, 404);
    assert_eq!(portal.read(&request).await["state"], "waiting");
    let hooks = send(portal.get(&format!("/v1/webhooks/{hook}"))).await.expect("an answer").json();
    assert!(hooks.get("old_secret_until").is_none(), "its secret is what it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_from_outside_is_text_and_pages_stand_in_no_frame() {
    let sandbox = shared();
    let portal = Portal::connect(&sandbox).await;
    let request = ask(&portal, SCRIPT, &format!("{SCRIPT}.pdf"), "ec-p256-hosted").await;
    let hook = portal.call("/v1/webhooks", &json!({"url": format!("https://portal.invalid/?{SCRIPT}")})).await.json();
    let (client, secret) = sandbox.add_portal("cong-xss");
    let mut staff = Staff::at_work(&sandbox).await;
    let mut paths = vec![
        "/desk/requests".to_owned(),
        format!("/desk/requests/{}", id(&request)),
        format!("/desk/requests/{}/cancel", id(&request)),
        "/desk/webhooks".to_owned(),
        "/desk/usage".to_owned(),
        "/desk/secrets".to_owned(),
        // What is written into a link comes back in links.
        "/desk/requests?x=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&lang=vi".to_owned(),
        "/desk/requests?n=%3Cscript%3E".to_owned(),
        "/desk/requests?state=%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
        "/desk/requests?cursor=%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
        "/desk/%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
    ];
    paths.extend(hook["id"].as_str().map(|id| format!("/desk/webhooks/{id}")));
    for path in &paths {
        let answer = staff.get(path).await;
        let page = answer.text();
        assert!(
            !page.contains("<script") && !page.contains("<img") && !page.contains("onerror=alert(1)>\""),
            "{path}: {page}"
        );
        assert!(!page.contains(" style=") && !page.contains("javascript:"), "{path}");
        let policy = answer.header("content-security-policy");
        let strict = policy.starts_with(
            "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; frame-ancestors 'none'",
        );
        assert!(strict && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!((answer.header("x-frame-options"), answer.header("cache-control")), ("DENY", "no-store"), "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
    }
    assert!(staff.page(&format!("/desk/requests/{}", id(&request))).await.contains("&#60;script&#62;"));
    let mut visitor = Staff::new(&sandbox);
    let refused = visitor.try_to_enter(SCRIPT, &secret).await;
    assert!(refused.status == 403 && !refused.text().contains("<script"), "{}", refused.text());
    // The way on after signing in leads to the desk alone.
    for next in
        ["https://evil.example/", "//evil.example", "/desk/../c/x", "/desk/\r\nset-cookie: a=b", "javascript:alert(1)"]
    {
        let mut visitor = Staff::new(&sandbox);
        let form = form_token(&visitor.page("/desk").await);
        let fields = [("form", form.as_str()), ("client_id", &client), ("client_secret", &secret), ("next", next)];
        let there = visitor.send_form("/desk/sign-in", &fields).await;
        assert_eq!((there.status, there.header("location")), (303, "/desk/requests?lang=vi"), "{next}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_held_off_without_keeping_staff_out() {
    let sandbox = shared();
    let (client, secret) = sandbox.add_portal("cong-do");
    let mut staff = Staff::new(&sandbox);
    staff.enter(&client, &secret).await;
    staff.post("/desk/sign-out", &[]).await;
    let mut guesser = Staff::new(&sandbox);
    let mut statuses = Vec::new();
    for n in 0..14 {
        statuses.push(guesser.try_to_enter(&client, &format!("guess-{n}")).await.status);
    }
    // The tenth was used by the staff's own browser, when it was not known yet.
    assert!(statuses[..9].iter().all(|status| *status == 403) && statuses.contains(&429), "{statuses:?}");
    let full = guesser.try_to_enter(&client, &secret).await;
    assert!(
        full.status == 429 && full.text().contains("Đã thử quá nhiều lần"),
        "not even the right one: {}",
        full.status
    );
    guesser.cookies.insert("kyso-desk-known".into(), "bm8".into());
    assert_eq!(guesser.try_to_enter(&client, &secret).await.status, 429, "a browser is not known by saying so");
    staff.enter(&client, &secret).await;
    Portal::connect_as(&sandbox, &client, &secret).await;
    // Unknown clients are treated alike.
    let mut statuses = Vec::new();
    for _ in 0..14 {
        statuses.push(guesser.try_to_enter("cong-khong-co", "x").await.status);
    }
    assert!(statuses[..10].iter().all(|status| *status == 403) && statuses.contains(&429), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_unused_and_at_the_end_of_the_day() {
    let sandbox = Sandbox::start();
    let mut staff = Staff::at_work(&sandbox).await;
    let minute = 60;
    move_clock(&sandbox, 29 * minute).await;
    assert_eq!(staff.get("/desk/requests").await.status, 200);
    move_clock(&sandbox, 58 * minute).await;
    assert_eq!(staff.get("/desk/requests").await.status, 200, "used, so it lives on");
    move_clock(&sandbox, 89 * minute).await;
    assert_eq!(staff.get("/desk/requests").await.status, 303, "half an hour unused");
    let mut staff = Staff::at_work(&sandbox).await;
    for half_hours in 1..=16 {
        move_clock(&sandbox, (89 + half_hours * 29) * minute).await;
        assert_eq!(staff.get("/desk/requests").await.status, 200, "{half_hours}");
    }
    move_clock(&sandbox, (89 + 8 * 60 + 1) * minute).await;
    assert_eq!(staff.get("/desk/requests").await.status, 303, "eight hours are the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_authenticates_by_key_has_no_secret_to_come_in_with() {
    let sandbox = Sandbox::start();
    let (client, secret) = sandbox.add_portal("cong-khoa");
    let mut staff = Staff::new(&sandbox);
    staff.enter(&client, &secret).await;
    let jwks = sandbox.file("keys.json");
    let key = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "alg": "EdDSA", "use": "sig",
                               "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]});
    std::fs::write(&jwks, key.to_string()).expect("written");
    let set = sandbox.admin(&[
        "portal",
        "auth",
        &client,
        "--method",
        "private-key-jwt",
        "--jwks",
        super::support::text(&jwks),
    ]);
    assert!(set.status.success(), "{}", super::support::stderr(&set));
    assert_eq!(staff.get("/desk/requests").await.status, 303, "the open session ends too");
    assert_eq!(Staff::new(&sandbox).try_to_enter(&client, &secret).await.status, 403);
}
