//! What citizens do for themselves: "this was not me", freezing, and the page of their own; and what others try there.

mod support;
#[path = "support/world.rs"]
mod world;

use kyso::crypto::DigestAlgorithm;
use kyso::domain::{CredentialId, FailureReason, KeyAlgorithm, PortalId, Secret, SignerId, State};
use kyso::formats::level::Baseline;
use kyso::service::citizens::FrozenBy;
use kyso::service::{Authorization, AuthorizeHashes, RequestView, ServiceError, SignHashes, WhenDown};
use serde_json::{Value, json};
use support::{Answer, Portal, Sandbox, base64, sample, send, wrong};
use time::Duration;
use world::{World, ask, contract};

const AN: &str = "nguyen-van-an";
const AN_PHONE: &str = "0900 000 001";

async fn world() -> World {
    World::open(WhenDown::RaiseLater).await
}

fn an() -> SignerId {
    SignerId::parse(AN).expect("id")
}

async fn asked(w: &World, credential: &str) -> RequestView {
    w.service.create_request(&w.caller, ask(credential, Baseline::B, contract())).await.expect("created")
}

fn link(view: &RequestView) -> Secret {
    Secret::new(view.confirm_path.strip_prefix("/c/").expect("a link"))
}

async fn state(w: &World, view: &RequestView) -> State {
    w.service.request(&w.caller, &view.transaction.id).await.expect("there").transaction.state
}

fn codes(w: &World) -> Vec<String> {
    let messages = w.outbox.messages();
    let all = messages.as_array().expect("a list").iter();
    all.map(|one| one["code"].as_str().expect("a code").to_owned()).collect()
}

/// The codes once there are this many: they are sent in the background.
async fn code_number(w: &World, count: usize) -> Secret {
    loop {
        if let Some(code) = codes(w).get(count - 1) {
            return Secret::new(code.as_str());
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn not_me_ends_every_request_and_nothing_is_signed_until_the_operator_lifts_it() {
    let w = world().await;
    let (first, second) = (asked(&w, "ec-p256-hosted").await, asked(&w, "rsa-4096").await);
    let others = asked(&w, "ngoc-ec-p256").await;
    w.service.send_code(&link(&first)).await.expect("sent");
    let code = code_number(&w, 1).await;
    w.service.disown(&link(&first)).await.expect("frozen");
    w.service.disown(&link(&first)).await.expect("saying it twice changes nothing");
    let reason = |state: State| match state {
        State::Failed { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(state(&w, &first).await), FailureReason::NotRequested);
    assert_eq!(reason(state(&w, &second).await), FailureReason::Frozen);
    assert_eq!(state(&w, &others).await, State::Waiting, "another signer's");
    assert!(matches!(w.service.submit_code(&link(&first), &code).await, Err(ServiceError::State(_))));
    let refused = w.service.create_request(&w.caller, ask("ec-p256", Baseline::B, contract())).await;
    assert!(matches!(refused, Err(ServiceError::Frozen)), "{refused:?}");

    w.service.unfreeze(&an()).await.expect("lifted");
    assert!(matches!(w.service.unfreeze(&an()).await, Err(ServiceError::NotFound(_))), "once");
    w.sign(ask("ec-p256-hosted", Baseline::B, contract())).await;
    assert_eq!(reason(state(&w, &first).await), FailureReason::NotRequested, "what ended stays ended");
    let (records, chain) = w.service.audit().await.expect("read");
    chain.expect("unbroken");
    let events = |word: &str| records.iter().filter(|record| record.event.contains(word)).count();
    assert_eq!((events("\"signer_frozen\""), events("\"signer_unfrozen\"")), (1, 1));
}

#[tokio::test]
async fn authorisation_given_before_the_freeze_signs_nothing_after_it() {
    let w = world().await;
    let (id, digest) = (CredentialId::parse("ec-p256").expect("id"), DigestAlgorithm::Sha256.digest(b"a hash"));
    let authorize = |code: Option<Secret>| AuthorizeHashes {
        credential: id.clone(),
        hashes: vec![digest.clone()],
        num_signatures: 1,
        description: String::new(),
        pin: Some(Secret::new("135790")),
        code,
    };
    w.service.authorize_hashes(&w.caller, authorize(None)).await.expect("a code is sent");
    let code = code_number(&w, 1).await;
    let authorised = w.service.authorize_hashes(&w.caller, authorize(Some(code))).await.expect("authorised");
    let Authorization::Sad { sad, .. } = authorised else { panic!("{authorised:?}") };
    w.service.freeze(&an(), FrozenBy::OwnPage).await.expect("frozen");
    let algorithm = KeyAlgorithm::P256.default_signature();
    let sign = || SignHashes { credential: id.clone(), sad: sad.clone(), hashes: vec![digest.clone()], algorithm };
    let refused = w.service.sign_hashes(&w.caller, sign()).await;
    assert!(matches!(refused, Err(ServiceError::Frozen)), "{refused:?}");
    w.service.unfreeze(&an()).await.expect("lifted");
    w.service.sign_hashes(&w.caller, sign()).await.expect("the refusal used nothing up");
}

#[tokio::test]
async fn own_page_opens_with_its_code_alone_and_closes_when_it_lies_unused() {
    let w = world().await;
    let opening = w.service.begin_own_page(AN_PHONE).await.expect("begun");
    let code = code_number(&w, 1).await;
    let refused = w.service.open_own_page(&opening, &Secret::new(wrong(code.expose()))).await;
    assert!(matches!(refused, Err(ServiceError::WrongAuthenticationData { .. })));
    assert_eq!(w.service.own_signer(&opening).await.expect("answers"), None, "what waits for its code opens nothing");
    let stranger = w.service.begin_own_page("0999 999 999").await.expect("the same for everybody");
    assert!(w.service.open_own_page(&stranger, &code).await.is_err(), "another browser");
    let cookie = w.service.open_own_page(&opening, &code).await.expect("opened");
    assert_ne!(cookie.expose(), opening.expose(), "another cookie than before");
    assert_eq!(w.service.own_signer(&opening).await.expect("answers"), None);
    assert!(w.service.open_own_page(&opening, &code).await.is_err(), "a code works once");
    for _ in 0..3 {
        w.clock.advance(Duration::minutes(9));
        assert_eq!(w.service.own_signer(&cookie).await.expect("answers"), Some(an()), "used, it stays open");
    }
    w.clock.advance(Duration::minutes(11));
    assert_eq!(w.service.own_signer(&cookie).await.expect("answers"), None, "unused, it closes");
}

#[tokio::test]
async fn strangers_who_know_the_number_leave_the_signer_codes_and_tries() {
    let w = world().await;
    for _ in 0..20 {
        let opening = w.service.begin_own_page(AN_PHONE).await.expect("begun");
        tokio::task::yield_now().await;
        for _ in 0..5 {
            let _ = w.service.open_own_page(&opening, &Secret::new("000000")).await;
        }
    }
    code_number(&w, 2).await;
    assert_eq!(codes(&w).len(), 2, "two codes an hour, however often it is asked");
    w.sign(ask("ec-p256-hosted", Baseline::B, contract())).await;
    // A day of it: wrong codes through this page use up a fifth of the day's at most.
    for _ in 0..10 {
        w.clock.advance(Duration::minutes(61));
        let before = codes(&w).len();
        let opening = w.service.begin_own_page(AN_PHONE).await.expect("begun");
        code_number(&w, before + 1).await;
        for _ in 0..5 {
            let _ = w.service.open_own_page(&opening, &Secret::new("000000")).await;
        }
    }
    w.sign(ask("ec-p256-hosted", Baseline::B, contract())).await;
}

#[tokio::test]
async fn history_is_the_signers_own_complete_and_in_pages() {
    let w = world().await;
    let mut mine = Vec::new();
    for _ in 0..23 {
        mine.push(asked(&w, "ec-p256-hosted").await.transaction.id);
        w.clock.advance(Duration::seconds(1));
    }
    let others = asked(&w, "ngoc-ec-p256").await.transaction.id;
    w.confirmed(ask("ec-p256-hosted", Baseline::B, contract())).await.expect("signed");
    let first = w.service.own_page(&an(), None).await.expect("a page");
    let second = w.service.own_page(&an(), first.next.as_ref()).await.expect("a page");
    assert_eq!((first.entries.len(), second.entries.len(), second.next.is_none()), (20, 4, true));
    let newest = &first.entries[0];
    assert!(matches!(newest.transaction.state, State::Signed { .. }));
    assert_eq!(newest.confirmed_by, Some(kyso::domain::Method::Sms));
    assert!(newest.serial.as_ref().is_some_and(|serial| serial.len() > 8));
    let shown: Vec<_> =
        first.entries.iter().chain(&second.entries).skip(1).map(|one| one.transaction.id.clone()).collect();
    mine.reverse();
    assert_eq!(shown, mine, "newest first, none twice, none left out, no sign-in, nobody else's");
    let crossed = w.service.own_page(&an(), Some(&others)).await.expect("a page");
    assert!(crossed.entries.is_empty(), "another signer's entry is no place to begin at");
}

#[tokio::test]
async fn withdrawing_what_was_never_given_changes_nothing() {
    let w = world().await;
    let portal = PortalId::parse("sandbox-portal").expect("id");
    w.service.withdraw_access(&an(), &portal).await.expect("nothing to do");
    assert!(w.service.own_page(&an(), None).await.expect("a page").accesses.is_empty());
    assert!(w.service.portals().await.expect("listed").iter().all(|portal| portal.id.as_str() != "kyso-me"));
}

// Over HTTP.

async fn get(portal: &Portal, path: &str, cookie: Option<&str>) -> Answer {
    let request = portal.http.get(format!("{}{path}", portal.url));
    let request = match cookie {
        Some(cookie) => request.header("cookie", cookie),
        None => request,
    };
    send(request).await.expect("an answer")
}

async fn post(portal: &Portal, path: &str, cookie: Option<&str>, form: &[(&str, &str)]) -> Answer {
    let request = portal.http.post(format!("{}{path}", portal.url)).form(form);
    let request = match cookie {
        Some(cookie) => request.header("cookie", cookie),
        None => request,
    };
    send(request).await.expect("an answer")
}

fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().expect("a pair").to_owned()
}

/// The newest code sent to a number, once there is one that differs from `known`.
async fn new_code(portal: &Portal, to: &str, known: &[String]) -> String {
    loop {
        let messages = get(portal, "/sandbox/outbox", None).await.json();
        let sent =
            messages.as_array().into_iter().flatten().rev().find(|one| {
                one["to"] == to && !known.iter().any(|seen| Value::from(seen.as_str()) == one["transaction"])
            });
        if let Some(code) = sent.and_then(|one| one["code"].as_str()) {
            return code.to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// Opens a signer's page in a browser of its own: its cookie.
async fn open_page(portal: &Portal, phone: &str, to: &str) -> String {
    let before = get(portal, "/sandbox/outbox", None).await.json();
    let known: Vec<String> = before
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["transaction"].as_str().map(str::to_owned))
        .collect();
    let begun = post(portal, "/me/code?lang=en", None, &[("phone", phone)]).await;
    assert_eq!((begun.status, begun.header("location")), (303, "/me?lang=en&n=sent"));
    let code = new_code(portal, to, &known).await;
    let opened = post(portal, "/me/open", Some(&cookie_of(&begun)), &[("code", &code)]).await;
    assert_eq!((opened.status, opened.header("location")), (303, "/me?lang=vi"), "{}", opened.text());
    let attributes = opened.header("set-cookie");
    assert!(attributes.contains("HttpOnly") && attributes.contains("SameSite=Strict"), "{attributes}");
    cookie_of(&opened)
}

#[tokio::test]
async fn own_page_shows_what_was_signed_freezes_and_belongs_to_its_browser() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let request = portal.create("ec-p256-hosted", &sample("hop-dong-dich-vu.pdf")).await;
    portal.confirm(&request).await;
    let others = portal.create("ngoc-ec-p256", &sample("hoa-don-gtgt.pdf")).await;
    let known = post(&portal, "/me/code", None, &[("phone", "+84900000009")]).await;
    assert_eq!((known.status, known.header("location")), (303, "/me?lang=vi&n=sent"), "no word on who is registered");
    let cookie = open_page(&portal, AN_PHONE, "+84900000001").await;
    let page = get(&portal, "/me", Some(&cookie)).await.text();
    let fingerprint = request["documents"][0]["fingerprint"].as_str().expect("text");
    for expected in [fingerprint, "Đã ký", "mã xác nhận (OTP) qua tin nhắn", "UTC", "Số hiệu chứng thư"]
    {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    assert!(!page.contains(others["documents"][0]["fingerprint"].as_str().expect("text")), "another signer's");
    let theirs = others["id"].as_str().expect("an id");
    assert!(!get(&portal, &format!("/me?after={theirs}"), Some(&cookie)).await.text().contains(fingerprint));
    // Nobody without the cookie, no other site, and no second cookie of the name.
    assert!(!get(&portal, "/me", None).await.text().contains(fingerprint));
    assert!(!get(&portal, "/me", Some(&format!("{cookie}; {cookie}"))).await.text().contains(fingerprint));
    for path in ["/me/freeze", "/me/withdraw", "/me/close", "/me/code", "/me/open"] {
        let foreign = portal.http.post(format!("{}{path}", portal.url)).header("sec-fetch-site", "cross-site");
        let foreign =
            send(foreign.header("cookie", &cookie).form(&[("portal", "sandbox-portal")])).await.expect("answers");
        assert_eq!(foreign.status, 403, "{path}");
        let bare = post(&portal, path, None, &[("portal", "sandbox-portal")]).await;
        assert_eq!(bare.status, 303, "{path}");
    }
    let before = get(&portal, "/me?lang=en", Some(&cookie)).await;
    assert!(before.text().contains("Freeze my signature"), "{}", before.text());
    assert!(before.header("content-security-policy").contains("default-src 'none'"));
    assert_eq!(before.header("x-frame-options"), "DENY");
    assert_eq!(post(&portal, "/me/freeze?lang=en", Some(&cookie), &[]).await.status, 303);
    assert!(get(&portal, "/me?lang=en", Some(&cookie)).await.text().contains("Your signature is frozen"));
    let refused =
        portal.call("/v1/requests", &support::request_body("ec-p256-hosted", &[&sample("hoa-don-gtgt.pdf")])).await;
    assert_eq!((refused.status, &refused.json()["type"]), (409, &json!("urn:kyso:problem:signature-frozen")));
    let info = portal.call("/csc/v2/credentials/info", &json!({"credentialID": "ec-p256-hosted"})).await.json();
    assert_eq!(info["key"]["status"], "disabled", "{info}");
    // Frozen or not, the page itself opens again; closed, its cookie is worth nothing.
    let again = open_page(&portal, AN_PHONE, "+84900000001").await;
    assert_eq!(post(&portal, "/me/close", Some(&again), &[]).await.status, 303);
    assert!(!get(&portal, "/me", Some(&again)).await.text().contains(fingerprint));
    let lifted = sandbox.admin(&["signer", "unfreeze", AN]);
    assert!(lifted.status.success(), "{}", support::stderr(&lifted));
    portal.create("ec-p256-hosted", &sample("hoa-don-gtgt.pdf")).await;
}

#[tokio::test]
async fn not_me_stands_on_every_page_of_a_request_and_needs_the_link() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let request = portal.create("ngoc-ec-p256", &sample("hoa-don-gtgt.pdf")).await;
    let page = request["confirm_url"].as_str().expect("a link");
    let path = page.strip_prefix(&portal.url).expect("of this service").to_owned();
    portal.ask_for_code(&request).await;
    assert!(get(&portal, &path, None).await.text().contains("Không phải tôi yêu cầu"));
    let shown = get(&portal, &format!("{path}/not-me?lang=en"), None).await;
    assert!(shown.text().contains("Freeze my signature now"), "{}", shown.text());
    let foreign = portal.http.post(format!("{page}/not-me")).header("sec-fetch-site", "cross-site");
    assert_eq!(send(foreign).await.expect("answers").status, 403);
    let (good, bad) = (path.clone(), format!("{}0", &path[..path.len() - 1]));
    let unknown = post(&portal, &format!("{bad}/not-me"), None, &[]).await;
    assert_eq!(unknown.status, if bad == good { 303 } else { 404 });
    assert_eq!(post(&portal, &format!("{path}/not-me?lang=en"), None, &[]).await.status, 303);
    assert!(get(&portal, &format!("{path}/not-me?lang=en"), None).await.text().contains("Your signature is frozen"));
    let failed = portal.read(request["id"].as_str().expect("an id")).await;
    assert_eq!((&failed["state"], &failed["failure"]["code"]), (&json!("failed"), &json!("not-requested")), "{failed}");
    let outcome = get(&portal, &path, None).await.text();
    assert!(outcome.contains("Tài liệu chưa được ký") && outcome.contains("Không phải tôi yêu cầu"), "{outcome}");
}

#[tokio::test]
async fn each_pages_text_is_there_and_what_pictures_do_not_show_is_named() {
    let portal = Portal::shared().await;
    let form = portal.create("ec-p256-hosted", &sample("to-khai-xac-nhan-cu-tru.pdf")).await;
    let page = form["confirm_url"].as_str().expect("a link").strip_prefix(&portal.url).expect("here").to_owned();
    let text = get(&portal, &format!("{page}/documents/1/text?lang=en"), None).await;
    assert_eq!(text.status, 200);
    assert!(text.text().contains("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"), "{}", text.text());
    assert!(text.text().contains("Page 1 of "), "{}", text.text());
    let page = get(&portal, &page, None).await.text();
    assert!(page.contains("ô còn điền được sau khi ký") && !page.contains("mã lệnh"), "{page}");
    let scripts = hostile_pdf();
    let body = json!({"documents": [{"name": "<img src=x onerror=alert(1)>.pdf", "content": base64(&scripts)}],
        "credential": "ec-p256-hosted", "description": "</bdi><script>alert(2)</script>"});
    let request = portal.call("/v1/requests", &body).await;
    assert_eq!(request.status, 201, "{}", request.text());
    let request = request.json();
    let page = request["confirm_url"].as_str().expect("a link").strip_prefix(&portal.url).expect("here").to_owned();
    let text = get(&portal, &format!("{page}/documents/1/text"), None).await.text();
    assert!(text.contains("&#60;script&#62;alert(3)") || text.contains("&lt;script&gt;alert(3)"), "{text}");
    let shown = get(&portal, &page, None).await.text();
    assert!(shown.contains("mã lệnh") && shown.contains("tệp đính kèm") && shown.contains("các lớp"), "{shown}");
    for html in [&text, &shown] {
        assert!(!html.contains("<script") && !html.contains("<img src=x") && !html.contains("</bdi><script"), "{html}");
    }
}

/// One page of text that is markup, with a script, a layer and an attached file.
fn hostile_pdf() -> Vec<u8> {
    let content = "BT /F 20 Tf 50 700 Td (<script>alert(3)</script>) Tj ET";
    let objects = [
        "<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>/OCProperties<</OCGs[6 0 R]/D<<>>>>\
         /Names<</EmbeddedFiles<</Names[(a.txt)7 0 R]>>>>>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>".to_owned(),
        format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_owned(),
        "<</Type/OCG/Name(b)>>".to_owned(),
        "<</Type/Filespec/F(a.txt)/EF<</F 8 0 R>>>>".to_owned(),
        "<</Type/EmbeddedFile/Length 1>>stream\na\nendstream".to_owned(),
    ];
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    for (number, object) in (1..).zip(&objects) {
        offsets.push(file.len());
        file.extend(format!("{number} 0 obj\n{object}\nendobj\n").bytes());
    }
    let start = file.len();
    file.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for offset in offsets {
        file.extend(format!("{offset:010} 00000 n \n").bytes());
    }
    let trailer = format!("trailer\n<</Size {}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1);
    file.extend(trailer.bytes());
    file
}
