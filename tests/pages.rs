//! The citizen's journey in a real browser: with and without JavaScript, in both languages; every page held to WCAG by axe, its
//! weight printed; and what goes wrong between two browsers.

#[path = "support/browser.rs"]
mod browser;
mod support;

use std::path::Path;

use browser::{Browser, Scripts};
use serde_json::json;
use support::{Portal, Sandbox, base64, sample, send, wrong};

const PHONE: (u32, u32) = (360, 640);
const SIZES: [(&str, (u32, u32)); 3] = [("phone", PHONE), ("tablet", (768, 1024)), ("desktop", (1280, 800))];
/// The first page of a document with all it needs, in bytes; all scripts of the service together.
const FIRST_PAGE: usize = 150_000;
const SCRIPTS: usize = 30_000;

/// Writes the documentation's pictures when `KYSO_UPDATE` is set; looks at the page at every size either way.
async fn pictures(browser: &Browser, name: &str) {
    for (size, (width, height)) in SIZES {
        browser.resize(width, height).await;
        browser.check(&format!("{name} at {width}")).await;
        let picture = browser.picture().await;
        if std::env::var_os("KYSO_UPDATE").is_some() {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/page-{name}-{size}.png"));
            std::fs::write(file, &picture).expect("written");
        }
        assert!(picture.len() < 120_000, "{name} at {width}: {} bytes", picture.len());
    }
}

/// Bytes of a page: the document, its stylesheet, and the first picture.
async fn weight(portal: &Portal, page: &str) -> (usize, usize) {
    let get = async |url: &str| send(portal.http.get(url)).await.expect("an answer").bytes;
    let html = get(page).await;
    let text = String::from_utf8_lossy(&html).into_owned();
    let address = |after: &str| text.split(after).nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned);
    let mut bytes = html.len();
    for part in [address("rel=\"stylesheet\" href=\""), address("<img src=\""), Some("/assets/kyso.png".to_owned())] {
        if let Some(part) = part {
            bytes += get(&format!("{}{part}", portal.url)).await.len();
        }
    }
    (html.len(), bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn citizen_reads_and_signs_with_and_without_scripts_in_both_languages() {
    for (scripts, lang) in [(Scripts::On, "vi"), (Scripts::On, "en"), (Scripts::Off, "vi"), (Scripts::Off, "en")] {
        let Some(browser) = Browser::start(scripts).await else { return };
        let sandbox = Sandbox::start();
        let portal = Portal::connect(&sandbox).await;
        let documents = [sample("to-khai-xac-nhan-cu-tru.pdf"), sample("hop-dong-dich-vu.pdf")];
        let documents: Vec<_> = [("Tờ khai.pdf", &documents[0]), ("Hợp đồng.pdf", &documents[1])]
            .map(|(name, bytes)| json!({"name": name, "content": base64(bytes)}))
            .into();
        let body = json!({"documents": documents, "credential": "ec-p256-hosted", "description": "Hồ sơ thử nghiệm"});
        let request = portal.call("/v1/requests", &body).await.json();
        let (id, page) = (request["id"].as_str().expect("an id"), request["confirm_url"].as_str().expect("a link"));
        let looks = scripts == Scripts::On;
        let english = lang == "en";
        let look = async |name: &str| match looks {
            true if !english => pictures(&browser, name).await,
            true => browser.check(name).await,
            false => {}
        };
        let (html, bytes) = weight(&portal, page).await;
        println!("{lang}: the page {html} bytes, with stylesheet, logo and first picture {bytes}");
        assert!(bytes < FIRST_PAGE, "{bytes}");

        browser.resize(PHONE.0, PHONE.1).await;
        browser.open(&format!("{page}?lang={lang}")).await;
        look("reading").await;
        browser.click(".paper .textlink").await;
        look("text").await;
        assert!(browser.text("main").await.contains("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"));
        browser.click("main .button.second").await;
        let button = browser.text(".sign .button.first").await;
        assert_eq!(button, if english { "Send the code" } else { "Gửi mã xác nhận" });
        browser.click(".sign .button.first").await;
        look("code").await;
        let code = portal.code_for(id).await.expect("an answer").expect("a code");
        browser.enter("#code", wrong(&code)).await;
        browser.click(".sign .button.first").await;
        let notice = browser.text("#notice").await;
        assert!(notice.contains(if english { "4 tries left" } else { "Bạn còn 4 lần thử" }), "{notice}");
        look("wrong-code").await;
        let sign = browser.text(".sign .button.first").await;
        assert_eq!(
            sign,
            if english { "Sign 2 documents" } else { "Ký số 2 tài liệu" },
            "the number stands on the button"
        );
        browser.enter("#code", &code).await;
        browser.click(".sign .button.first").await;
        while portal.read(id).await["state"] != "signed" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        browser.open(&format!("{page}?lang={lang}")).await;
        let title = browser.text("h1").await;
        assert_eq!(title, if english { "The documents have been signed" } else { "Các tài liệu đã được ký" });
        look("receipt").await;
        // The way back leads to what is true now, not to a form that could be sent again.
        browser.back().await;
        browser.open(page).await;
        assert_eq!(browser.count("#code").await, 0, "nothing to sign any more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn citizen_refuses_freezes_and_looks_at_their_own_page_in_a_browser() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let signed = portal.create("ec-p256-hosted", &sample("hoa-don-gtgt.pdf")).await;
    portal.confirm(&signed).await;
    let url = &portal.url;

    browser.open(&format!("{url}/me")).await;
    pictures(&browser, "me-open").await;
    browser.enter("#phone", "0900 000 001").await;
    browser.click(".button.first").await;
    pictures(&browser, "me-code").await;
    let code = loop {
        let messages = send(portal.http.get(format!("{url}/sandbox/outbox"))).await.expect("an answer").json();
        let last = messages.as_array().and_then(|all| all.last()).expect("messages").clone();
        if last["text"].as_str().is_some_and(|text| text.contains("khong dung de ky")) {
            break last["code"].as_str().expect("a code").to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    browser.enter("#code", &code).await;
    browser.click(".button.first").await;
    let fingerprint = signed["documents"][0]["fingerprint"].as_str().expect("text");
    assert!(browser.text("main").await.contains(fingerprint));
    pictures(&browser, "me").await;
    browser.open(&format!("{url}/me?lang=en")).await;
    browser.check("the own page in English").await;

    let refused = portal.create("ec-p256-hosted", &sample("hoa-don-gtgt.pdf")).await;
    browser.open(refused["confirm_url"].as_str().expect("a link")).await;
    browser.click(".refuse a").await;
    pictures(&browser, "refuse").await;
    browser.click(".button.danger").await;
    assert_eq!(browser.text("h1").await, "Đã từ chối ký");

    let strange = portal.create("ec-p256-hosted", &sample("hoa-don-gtgt.pdf")).await;
    browser.open(strange["confirm_url"].as_str().expect("a link")).await;
    browser.click(".refuse a:last-child").await;
    pictures(&browser, "not-me").await;
    browser.click(".button.danger").await;
    assert_eq!(browser.text("h1").await, "Chữ ký số đang tạm khóa");
    pictures(&browser, "frozen").await;
    browser.open(&format!("{url}/me")).await;
    assert!(browser.text(".notice").await.contains("Tạm khóa từ"));
    browser.check("the own page, frozen").await;
    browser.open(&format!("{url}/c/0123456789abcdef0123456789abcdef?lang=en")).await;
    browser.check("a link that leads nowhere").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_browsers_and_a_double_click_confirm_once() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let request = portal.create("ec-p256-hosted", &sample("hop-dong-dich-vu.pdf")).await;
    let (id, page) = (request["id"].as_str().expect("an id"), request["confirm_url"].as_str().expect("a link"));
    let code = portal.ask_for_code(&request).await;
    let click = || portal.step(page, "confirm", &code);
    let (a, b, c, d) = tokio::join!(click(), click(), click(), click());
    for answer in [a, b, c, d] {
        let notice = answer.expect("an answer").expect("a redirect to the true state");
        assert!(["", "late"].contains(&notice.as_str()), "{notice}");
    }
    while portal.read(id).await["state"] != "signed" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let audit = sandbox.audit();
    let of = |name: &str| audit.iter().filter(|event| event["event"] == name && event["transaction"] == id).count();
    assert_eq!((of("confirmed"), of("signing_intended"), of("signed")), (1, 1, 1));
    // The form of a page that was left open, sent again after the end.
    let late = portal.step(page, "confirm", &code).await.expect("an answer").expect("a redirect");
    assert_eq!(late, "");
    assert_eq!(of("signed"), 1);
    let bytes = portal.document(id, 1).await.bytes;
    assert_eq!(bytes, portal.document(id, 1).await.bytes, "the same signature however often it is fetched");
}

#[tokio::test]
async fn no_step_leads_a_browser_elsewhere_and_all_scripts_are_small() {
    let sandbox = support::shared();
    let portal = Portal::shared().await;
    let request = portal.create("ngoc-ec-p256", &sample("hoa-don-gtgt.pdf")).await;
    let page = request["confirm_url"].as_str().expect("a link");
    let own = format!("{}/me", portal.url);
    for query in [
        "lang=https://evil.example",
        "lang=//evil.example&n=//evil.example",
        "lang=en%0d%0aLocation:x",
        "return_url=//evil.example",
    ] {
        for step in [
            format!("{page}/code"),
            format!("{page}/confirm"),
            format!("{own}/code"),
            format!("{own}/open"),
            format!("{own}/close"),
        ] {
            let answer =
                send(portal.http.post(format!("{step}?{query}")).form(&[("code", "1")])).await.expect("an answer");
            let to = answer.header("location").to_owned();
            assert!(
                answer.status == 303 && to.starts_with('/') && !to.starts_with("//") && !to.contains("evil"),
                "{step}: {to}"
            );
        }
    }
    for path in [page.to_owned(), format!("{page}/not-me"), format!("{page}/documents/1/text"), own] {
        let answer = send(portal.http.get(&path)).await.expect("an answer");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("frame-ancestors 'none'")
                && policy.contains("default-src 'none'")
                && !policy.contains("unsafe"),
            "{policy}"
        );
    }
    let script = send(portal.http.get(format!("{}/assets/passkey.js", portal.url))).await.expect("an answer");
    println!("all scripts: {} bytes", script.bytes.len());
    assert!(script.status == 200 && script.bytes.len() < SCRIPTS);
    drop(sandbox);
}
