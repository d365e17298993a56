//! The portal's desk over real HTTP: what staff see and do is what the API has, and nobody else gets in.

#[path = "desk/abuse.rs"]
mod abuse;
#[path = "desk/api.rs"]
mod api;
#[path = "support/browser.rs"]
mod browser;
#[path = "desk/chromium.rs"]
mod chromium;
mod support;

use std::collections::BTreeMap;

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use support::{Answer, Portal, Sandbox, base64, http, sample, send};

/// One browser without scripts: its cookies, and the token of its forms.
struct Staff {
    http: Client,
    url: String,
    cookies: BTreeMap<String, String>,
}

/// The value of the hidden field that every form carries.
fn form_token(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"form\" value=\"").unwrap_or_else(|| panic!("no form: {page}"));
    rest.split('"').next().expect("a value").to_owned()
}

impl Staff {
    fn new(sandbox: &Sandbox) -> Self {
        Self { http: http(), url: sandbox.says("/url").to_owned(), cookies: BTreeMap::new() }
    }

    /// Signed in as the sandbox's own portal.
    async fn at_work(sandbox: &Sandbox) -> Self {
        let mut staff = Self::new(sandbox);
        staff.enter(sandbox.says("/portal/client_id"), sandbox.says("/portal/client_secret")).await;
        staff
    }

    async fn enter(&mut self, id: &str, secret: &str) {
        let answer = self.try_to_enter(id, secret).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/desk/requests?lang=vi"), "{}", answer.text());
    }

    async fn try_to_enter(&mut self, id: &str, secret: &str) -> Answer {
        let page = self.get("/desk").await.text();
        let form = form_token(&page);
        self.send_form("/desk/sign-in", &[("form", &form), ("client_id", id), ("client_secret", secret), ("next", "")])
            .await
    }

    fn with_cookies(&self, request: RequestBuilder) -> RequestBuilder {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { request } else { request.header("cookie", pairs.join("; ")) }
    }

    async fn call(&mut self, request: RequestBuilder) -> Answer {
        let answer = send(self.with_cookies(request)).await.expect("an answer");
        for cookie in answer.headers.get_all("set-cookie") {
            let text = cookie.to_str().expect("text");
            let (name, rest) = text.split_once('=').expect("a pair");
            match rest.split(';').next().expect("a value") {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    async fn get(&mut self, path: &str) -> Answer {
        let request = self.http.get(format!("{}{path}", self.url));
        self.call(request).await
    }

    /// A page that must be there.
    async fn page(&mut self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    async fn send_form(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.http.post(format!("{}{path}", self.url)).form(fields);
        self.call(request).await
    }

    /// A form of a page, with its token.
    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = form_token(&self.page("/desk/requests").await);
        self.send_form(path, &[&[("form", form.as_str())], fields].concat()).await
    }

    /// A form that leads back to a page; what it says then.
    async fn told(&mut self, path: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.post(path, fields).await;
        assert_eq!(answer.status, 303, "{path}: {}", answer.text());
        let page = self.page(answer.header("location")).await;
        let (_, rest) = page.split_once("<p class=\"notice ").unwrap_or_else(|| panic!("no notice: {page}"));
        rest.split(['>', '<']).nth(1).expect("text").to_owned()
    }
}

async fn move_clock(sandbox: &Sandbox, seconds: i64) {
    let moved =
        http().post(format!("{}/sandbox/clock", sandbox.says("/url"))).json(&json!({"offset_seconds": seconds}));
    assert_eq!(send(moved).await.expect("an answer").status, 200);
}

/// A request that waits, with these words and this file name.
async fn ask(portal: &Portal, description: &str, name: &str, credential: &str) -> Value {
    let document = json!({"name": name, "content": base64(&sample("hoa-don-gtgt.pdf"))});
    let body =
        json!({"documents": [document], "credential": credential, "description": description, "expires_in": 86_400});
    let answer = portal.call("/v1/requests", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn id(value: &Value) -> &str {
    value["id"].as_str().expect("an id")
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_come_in_with_a_client_secret_and_go_out() {
    let sandbox = support::shared();
    let mut staff = Staff::new(&sandbox);
    let away = staff.get("/desk/webhooks").await;
    assert_eq!((away.status, away.header("location")), (303, "/desk?lang=vi&next=/desk/webhooks"));
    let planted = "cGxhbnRlZA";
    staff.cookies.insert("kyso-desk".into(), planted.into());
    let wrong = staff.try_to_enter(sandbox.says("/portal/client_id"), "wrong").await;
    assert!(wrong.status == 403 && wrong.text().contains("không đúng"), "{}", wrong.text());
    assert!(wrong.text().contains("value=\"dvc-") || wrong.text().contains(sandbox.says("/portal/client_id")));
    assert!(!wrong.text().contains("value=\"wrong\""), "a secret is not written back");
    let page = staff.page("/desk?next=/desk/usage&lang=en").await;
    let form = form_token(&page);
    let client = (sandbox.says("/portal/client_id"), sandbox.says("/portal/client_secret"));
    let fields =
        [("form", form.as_str()), ("client_id", client.0), ("client_secret", client.1), ("next", "/desk/usage")];
    let there = staff.send_form("/desk/sign-in?lang=en", &fields).await;
    assert_eq!((there.status, there.header("location")), (303, "/desk/usage?lang=en"));
    let cookies: Vec<&str> = there.headers.get_all("set-cookie").iter().map(|c| c.to_str().expect("text")).collect();
    assert!(cookies.iter().all(|cookie| cookie.contains("; HttpOnly; SameSite=Strict")), "{cookies:?}");
    assert_ne!(staff.cookies["kyso-desk"], planted, "a cookie that was there before is worth nothing");
    let page = staff.page("/desk/requests?lang=en").await;
    assert!(page.contains("Sign out") && page.contains("lang=vi"), "{page}");
    let old = staff.cookies["kyso-desk"].clone();
    let out = staff.post("/desk/sign-out", &[]).await;
    assert_eq!((out.status, out.header("location")), (303, "/desk?lang=vi&n=out"));
    staff.cookies.insert("kyso-desk".into(), old);
    assert_eq!(staff.get("/desk/requests").await.status, 303, "the session is gone, not only its cookie");
    let audit = sandbox.audit();
    assert!(audit.iter().any(|event| event["event"] == "desk_opened" && event["portal"] == client.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_listed_by_state_shown_and_cancelled() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let signed = ask(&portal, "Tờ khai cư trú", "to-khai.pdf", "ec-p256-hosted").await;
    portal.confirm(&signed).await;
    let waiting = ask(&portal, "Hợp đồng thuê", "hop-dong.pdf", "ec-p256-hosted").await;
    let mut staff = Staff::at_work(&sandbox).await;
    let all = staff.page("/desk/requests").await;
    assert!(all.contains("Tờ khai cư trú") && all.contains("Hợp đồng thuê"), "{all}");
    let only = staff.page("/desk/requests?state=signed").await;
    assert!(only.contains("Tờ khai cư trú") && !only.contains("Hợp đồng thuê"), "{only}");
    let first = staff.page("/desk/requests?limit=1").await;
    let next = first.split("href=\"").find(|part| part.contains("cursor=")).expect("a next page");
    let next = next.split('"').next().expect("a link").replace("&#38;", "&");
    assert!(!first.contains("Tờ khai cư trú") && staff.page(&next).await.contains("Tờ khai cư trú"), "{next}");

    let page = staff.page(&format!("/desk/requests/{}", id(&signed))).await;
    for part in
        ["Tài liệu đã được ký.", "to-khai.pdf", "B-B", "request.signed", signed["signer"].as_str().expect("text")]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("/c/"), "the signer's link is not for staff");
    assert!(!page.contains("/cancel"), "nothing to cancel");

    let path = format!("/desk/requests/{}", id(&waiting));
    let page = staff.page(&path).await;
    assert!(page.contains("Tài liệu chưa được ký.") && page.contains(&format!("{path}/cancel")), "{page}");
    assert!(staff.page(&format!("{path}/cancel")).await.contains("Hủy yêu cầu này?"));
    assert_eq!(portal.read(id(&waiting)).await["state"], "waiting", "asking changes nothing");
    assert_eq!(staff.told(&format!("{path}/cancel"), &[]).await, "Đã hủy yêu cầu.");
    let read = portal.read(id(&waiting)).await;
    assert_eq!((&read["state"], &read["failure"]["code"]), (&json!("failed"), &json!("cancelled")));
    let again = staff.told(&format!("{path}/cancel"), &[]).await;
    assert!(again.starts_with("Không hủy được"), "{again}");
    let page = staff.page(&format!("{path}?lang=en")).await;
    for part in ["Nothing has been signed.", "The portal cancelled it.", "request.failed"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_signers_are_told_apart_and_say_who_has_signed() {
    let sandbox = support::shared();
    let portal = Portal::connect(&sandbox).await;
    let document = json!({"name": "hop-dong.pdf", "content": base64(&sample("hop-dong-dich-vu.pdf"))});
    let signers = json!([{"credential": "ec-p256-hosted"}, {"credential": "ngoc-ec-p256"}]);
    let answer = portal.call("/v1/requests", &json!({"documents": [document], "signers": signers})).await;
    let joint = answer.json();
    let first = json!({"id": joint["id"], "confirm_url": joint["signers"][0]["confirm_url"]});
    portal.confirm(&first).await;
    let mut staff = Staff::at_work(&sandbox).await;
    let path = format!("/desk/requests/{}", id(&joint));
    let page = staff.page(&path).await;
    for part in ["Đã có 1 trong 2 người ký.", "ngoc-ec-p256", "signer.signed", "hop-dong.pdf"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(staff.told(&format!("{path}/cancel"), &[]).await, "Đã hủy yêu cầu.");
    let page = staff.page(&path).await;
    assert!(page.contains("không có tài liệu nào được giao ra"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_seen_and_sent_again_and_the_secret_is_replaced_once() {
    let sandbox = support::shared();
    let portal = Portal::connect(&sandbox).await;
    let made = portal.call("/v1/webhooks", &json!({"url": "https://portal.invalid/hook?a=1&b=2"})).await.json();
    let request = ask(&portal, "Đơn", "don.pdf", "ec-p256-hosted").await;
    portal.delete(&format!("/v1/requests/{}", id(&request))).send().await.expect("cancelled");
    let mut staff = Staff::at_work(&sandbox).await;
    assert!(staff.page("/desk/webhooks").await.contains("https://portal.invalid/hook?a=1&#38;b=2"));
    let path = format!("/desk/webhooks/{}", id(&made));
    let page = staff.page(&path).await;
    assert!(page.contains("webhook.ping") && page.contains("request.failed"), "{page}");
    assert!(staff.page(&format!("{path}?state=dead")).await.contains("Không có mục nào."));
    let sent = send(portal.get(&format!("/v1/webhooks/{}/deliveries", id(&made)))).await.expect("an answer").json();
    let event = sent["deliveries"][0]["event"].as_str().expect("an event");
    assert!(page.contains(&format!("{path}/deliveries/{event}/resend")), "{page}");
    let told = staff.told(&format!("{path}/deliveries/{event}/resend"), &[]).await;
    assert!(told.starts_with("Sự kiện được gửi lại"), "{told}");
    assert!(staff.told(&format!("{path}/ping"), &[]).await.starts_with("Đã gửi thử"));

    let fresh = staff.post(&format!("{path}/secret"), &[]).await;
    let text = fresh.text();
    assert!(fresh.status == 201 && text.contains("whsec_") && text.contains("chỉ hiện một lần"), "{text}");
    assert!(!text.contains(made["secret"].as_str().expect("text")), "another one");
    let second = staff.told(&format!("{path}/secret"), &[]).await;
    assert!(second.starts_with("Khóa đã được đổi"), "a double click: {second}");
    assert!(staff.page(&path).await.contains("name=\"again\""));
    assert_eq!(staff.post(&format!("{path}/secret"), &[("again", "yes")]).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_secret_is_added_and_the_first_retired_with_its_sessions() {
    let sandbox = support::shared();
    let (id, first) = sandbox.add_portal("cong-hai");
    let (mut staff, mut other) = (Staff::new(&sandbox), Staff::new(&sandbox));
    staff.enter(&id, &first).await;
    other.enter(&id, &first).await;
    let told = staff.told("/desk/secrets", &[("client_secret", "guessed")]).await;
    assert!(told.starts_with("Khóa bí mật không đúng"), "{told}");
    let made = staff.post("/desk/secrets", &[("client_secret", &first)]).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let text = made.text();
    let (_, rest) = text.split_once("translate=\"no\">").expect("a secret");
    let second = rest.split('<').next().expect("text").to_owned();
    let told = staff.told("/desk/secrets", &[("client_secret", &first)]).await;
    assert!(told.starts_with("Không thực hiện được"), "a double click makes no third: {told}");
    for live in [&first, &second] {
        Portal::connect_as(&sandbox, &id, live).await;
    }
    let page = staff.page("/desk/secrets").await;
    assert!(page.contains("Khóa mới nhất") && page.contains("Khóa cũ") && !page.contains(&second), "{page}");
    // The secret that is typed stays, so nobody ends the one they have.
    let mut newcomer = Staff::new(&sandbox);
    newcomer.enter(&id, &second).await;
    let told = newcomer.told("/desk/secrets/retire", &[("client_secret", &second)]).await;
    assert_eq!(told, "Khóa kia đã ngừng dùng.");
    assert_eq!(other.get("/desk/requests").await.status, 303, "sessions of the old secret are over");
    assert_eq!(newcomer.get("/desk/requests").await.status, 200);
    let mut late = Staff::new(&sandbox);
    assert_eq!(late.try_to_enter(&id, &first).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_the_apis_in_a_picture_and_in_a_table() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    for n in 0..3 {
        let request = ask(&portal, "Đơn", "don.pdf", "ec-p256-hosted").await;
        match n {
            0 => portal.confirm(&request).await,
            1 => drop(portal.step(request["confirm_url"].as_str().expect("a link"), "refuse", "").await),
            _ => drop(portal.delete(&format!("/v1/requests/{}", id(&request))).send().await),
        }
    }
    let mut staff = Staff::at_work(&sandbox).await;
    let page = staff.page("/desk/usage?lang=en").await;
    assert!(page.contains("<svg viewBox") && page.contains("1 requests signed, 2 ended unsigned"), "{page}");
    assert!(page.contains("<td>3</td><td>1</td><td>1</td><td>0</td><td>1</td><td>1</td>"), "{page}");
    assert!(staff.page("/desk/usage?days=90").await.contains("aria-current=\"true\">90 ngày qua"));
    assert_eq!(staff.get("/desk/usage?days=10000").await.status, 422);
    move_clock(&sandbox, 8 * 86_400).await;
    let mut staff = Staff::at_work(&sandbox).await;
    assert!(staff.page("/desk/usage?days=7").await.contains("Chưa có gì trong khoảng thời gian này."));
    assert!(staff.page("/desk/usage?days=30").await.contains("<svg viewBox"));
}
