//! Chromium at the desk, with scripts and without: the whole way of a member of staff, axe on every page, pictures for the documentation.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;
use axum::routing::post;
use serde_json::json;

use super::browser::{Browser, Scripts};
use super::support::{Portal, Sandbox, send};
use super::{ask, id, move_clock};

/// Widths of a telephone, a tablet and a desk.
const WIDTHS: [(u32, u32); 3] = [(360, 640), (768, 1024), (1280, 800)];

/// A portal's receiver that takes two messages of three.
async fn receiver() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = listener.local_addr().expect("an address").to_string();
    let count = Arc::new(AtomicUsize::new(0));
    let take = move || {
        let n = count.fetch_add(1, Ordering::SeqCst);
        async move { if n % 3 == 2 { StatusCode::BAD_GATEWAY } else { StatusCode::NO_CONTENT } }
    };
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/hook", post(take))).await });
    address
}

/// A portal with a past: some days of requests that ended one way or another, and an address that was told.
async fn busy_portal(days: i64) -> (Sandbox, String, String, String) {
    let address = receiver().await;
    let sandbox = Sandbox::start_configured(&format!("[webhooks]\nallow_private = [\"{address}\"]\n"));
    let portal = Portal::connect(&sandbox).await;
    let url = format!("http://{address}/hook");
    let hook = portal.call("/v1/webhooks", &json!({"url": url, "events": ["request.signed", "request.refused"]})).await;
    let hook = id(&hook.json()).to_owned();
    let titles = [
        "Tờ khai xác nhận cư trú",
        "Đơn đề nghị cấp bản sao trích lục khai sinh",
        "Hợp đồng dịch vụ",
        "Giấy phép xây dựng",
    ];
    for day in 0..days {
        move_clock(&sandbox, day * 86_400).await;
        let portal = Portal::connect(&sandbox).await;
        // Fewer at the end of the week.
        let signed = if day % 7 > 4 { 1 } else { 2 + day % 3 };
        for n in 0..signed + i64::from(day % 4 == 1) {
            let title = titles[usize::try_from((day + n) % 4).expect("small")];
            let request = ask(&portal, title, "ho-so.pdf", "ec-p256-hosted").await;
            match n < signed {
                true => portal.confirm(&request).await,
                false => drop(portal.step(request["confirm_url"].as_str().expect("a link"), "refuse", "").await),
            }
        }
    }
    let portal = Portal::connect(&sandbox).await;
    let document = |name: &str| json!({"name": name, "content": super::base64(&super::sample("hop-dong-dich-vu.pdf"))});
    let body = json!({
        "documents": [document("hop-dong-dich-vu.pdf"), document("phu-luc-01.pdf")], "description": "Hợp đồng dịch vụ và phụ lục",
        "signers": [{"credential": "ec-p256-hosted"}, {"credential": "ngoc-ec-p256"}], "expires_in": 86_400,
    });
    let joint = portal.call("/v1/requests", &body).await.json();
    portal.confirm(&json!({"id": joint["id"], "confirm_url": joint["signers"][0]["confirm_url"]})).await;
    // What is on its way arrives.
    for _ in 0..200 {
        let sent =
            send(portal.get(&format!("/v1/webhooks/{hook}/deliveries?state=delivered"))).await.expect("an answer");
        if sent.json()["deliveries"].as_array().is_some_and(|all| all.len() > 1) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    (sandbox, id(&joint).to_owned(), hook, url)
}

async fn sign_in(browser: &Browser, sandbox: &Sandbox, lang: &str) {
    browser.open(&format!("{}/desk?lang={lang}", sandbox.says("/url"))).await;
    browser.enter("#client_id", sandbox.says("/portal/client_id")).await;
    browser.enter("#client_secret", sandbox.says("/portal/client_secret")).await;
    browser.click("form button.first").await;
    assert!(browser.url().await.contains("/desk/requests"), "{}", browser.url().await);
}

/// `KYSO_UPDATE=1` writes the documentation's pictures.
fn update() -> bool {
    std::env::var_os("KYSO_UPDATE").is_some()
}

async fn keep(browser: &Browser, name: &str) {
    if !update() {
        return;
    }
    let picture = browser.picture().await;
    assert!(picture.len() < 150_000, "{name}: {} bytes", picture.len());
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name), picture).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_serious_on_any_page_in_either_language_at_any_width() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let (sandbox, joint, hook, _) = busy_portal(if update() { 24 } else { 3 }).await;
    let url = sandbox.says("/url").to_owned();
    for lang in ["vi", "en"] {
        browser.resize(360, 640).await;
        browser.open(&format!("{url}/desk?lang={lang}")).await;
        browser.check(&format!("sign-in {lang}")).await;
        browser.enter("#client_id", "nobody").await;
        browser.enter("#client_secret", "nothing").await;
        browser.click("form button.first").await;
        assert_eq!(browser.count("[role=alert]").await, 1);
        browser.check(&format!("wrong sign-in {lang}")).await;
        sign_in(&browser, &sandbox, lang).await;
        for path in [
            "/desk/requests".to_owned(),
            "/desk/requests?state=failed".to_owned(),
            format!("/desk/requests/{joint}"),
            format!("/desk/requests/{joint}/cancel"),
            "/desk/webhooks".to_owned(),
            format!("/desk/webhooks/{hook}"),
            "/desk/usage".to_owned(),
            "/desk/secrets".to_owned(),
            "/desk/requests/nothing".to_owned(),
        ] {
            let joiner = if path.contains('?') { '&' } else { '?' };
            browser.open(&format!("{url}{path}{joiner}lang={lang}")).await;
            for (width, height) in WIDTHS {
                browser.resize(width, height).await;
                browser.check(&format!("{path} {lang} {width}")).await;
                match (path.as_str(), lang, width) {
                    ("/desk/usage", "vi", 1280) => keep(&browser, "desk-desktop.png").await,
                    (one, "vi", 360) if one.ends_with(&joint) => keep(&browser, "desk-phone.png").await,
                    (one, "vi", 768) if one.ends_with(&hook) => keep(&browser, "desk-tablet.png").await,
                    _ => {}
                }
            }
        }
        browser.resize(360, 640).await;
        browser.open(&format!("{url}/desk/secrets?lang={lang}")).await;
        browser.enter("#client_secret", sandbox.says("/portal/client_secret")).await;
        browser.click("main form button").await;
        browser.check(&format!("a new secret {lang}")).await;
        browser.click("main a.button").await;
        browser.check(&format!("two secrets {lang}")).await;
        browser.enter("#client_secret", sandbox.says("/portal/client_secret")).await;
        browser.click("main form button").await;
        assert_eq!(browser.count(".notice.good[role=status]").await, 1);
        browser.click(".out button").await;
        assert!(browser.url().await.contains("n=out"), "{}", browser.url().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_staff_come_in_find_cancel_send_again_and_go() {
    let Some(browser) = Browser::start(Scripts::Off).await else { return };
    let (sandbox, joint, hook, address) = busy_portal(1).await;
    browser.resize(360, 640).await;
    sign_in(&browser, &sandbox, "vi").await;
    assert_eq!(browser.text("h1").await, "Yêu cầu ký");
    browser.click(".choices a[href*='state=waiting']").await;
    assert_eq!(browser.count(".rows li").await, 1, "the one that waits");
    browser.click(".rows a").await;
    assert!(browser.url().await.contains(&joint) && browser.title().await.contains("Hợp đồng dịch vụ và phụ lục"));
    assert!(browser.text("main > .notice").await.contains("Đã có 1 trong 2 người ký"));
    browser.click("a.danger").await;
    browser.click("main form button.danger").await;
    assert_eq!(browser.text(".notice.good").await, "Đã hủy yêu cầu.");
    browser.back().await;
    browser.click("main form button.danger").await;
    assert!(browser.text(".notice.bad").await.starts_with("Không hủy được"), "the back button, and once more");
    browser.click(".lang").await;
    assert_eq!(browser.text(".chip").await, "Failed");
    browser.click(".sections a[href^='/desk/webhooks']").await;
    assert_eq!(browser.text(".rows a").await, address);
    browser.click(".rows a").await;
    browser.click("form[action*='/resend'] button").await;
    assert!(browser.text(".notice.good").await.starts_with("The event is on its way again"));
    browser.click(&format!("form[action*='/desk/webhooks/{hook}/secret'] button")).await;
    assert!(browser.text(".secret").await.starts_with("whsec_"));
    browser.click("main a.button").await;
    browser.click(".sections a[href^='/desk/usage']").await;
    assert!(browser.count("figure svg rect").await > 2 && browser.count("tbody tr").await == 1);
    browser.click(".out button").await;
    assert!(browser.text(".notice.good").await.contains("signed out"));
    browser.open(&format!("{}/desk/requests/{joint}?lang=en", sandbox.says("/url"))).await;
    assert!(browser.url().await.contains("/desk?lang=en&next="), "{}", browser.url().await);
}
