//! Two factors, apps and budgets on the pages that OAuth clients lead to: the same as on every other.

use super::helper::{Oauth, REDIRECT, answered, asked, asked_to_sign, now};
use super::support::{Answer, PATIENCE, Sandbox, send, stderr, stdout, totp, wrong};
use super::verifies;

/// Its key opens with its signer's PIN only.
const UNDER_PIN: &str = "binh-pin";
const BINHS_PIN: &str = "864209";
const HOSTED: &str = "ec-p256-hosted";

async fn post(client: &Oauth, url: &str, form: &[(&str, &str)]) -> Answer {
    send(client.http.post(url).form(form)).await.expect("an answer")
}

async fn get(client: &Oauth, url: &str) -> String {
    send(client.http.get(url)).await.expect("an answer").text()
}

/// The text of the first element of class `print` after `mark`.
fn printed(html: &str, mark: &str) -> String {
    let (_, rest) = html.split_once(mark).unwrap_or_else(|| panic!("no {mark}: {html}"));
    let (_, rest) = rest.split_once("class=\"print\">").expect("an element");
    rest.split_once('<').expect("an end").0.to_owned()
}

/// A counter of `/metrics`.
async fn counted(client: &Oauth, name: &str) -> u64 {
    let text = get(client, &format!("{}/metrics", client.url)).await;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    line.unwrap_or_else(|| panic!("no {name}: {text}"))
}

async fn messages(client: &Oauth) -> usize {
    let outbox = send(client.http.get(format!("{}/sandbox/outbox", client.url))).await.expect("an answer").json();
    outbox.as_array().expect("messages").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_under_a_pin_asks_for_both_factors_and_its_token_signs() {
    let client = Oauth::shared();
    let page = client.page(&asked_to_sign(UNDER_PIN, &["both"])).await;
    let code = client.code(&page).await;
    let html = get(&client, &page).await;
    assert!(html.contains("name=\"pin\"") && html.contains("name=\"code\""), "{html}");
    let confirm = format!("{page}/confirm");
    for form in [&[("code", &*code)][..], &[("code", &*code), ("pin", "000000")]] {
        let refused = post(&client, &confirm, form).await;
        assert!(refused.header("location").contains("n=pin"), "{}", refused.header("location"));
    }
    let granted = post(&client, &confirm, &[("code", &code), ("pin", BINHS_PIN)]).await;
    let code = answered(&granted, "code").expect("a code: the wrong PINs did not use the message up");
    let answer = client.exchange(&code, &[]).await.json();
    let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}"));
    let signed = client.sign(token, UNDER_PIN, &["both"]).await;
    verifies(&client, token, UNDER_PIN, &["both"], &signed).await;
    assert_ne!(client.sign(token, UNDER_PIN, &["both"]).await.status, 200, "each hash once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authenticator_app_confirms_for_a_client_without_a_message() {
    let sandbox = Sandbox::start();
    let client = Oauth::of(&sandbox);
    let enrol = sandbox.admin(&["signer", "enrol", "nguyen-van-an"]);
    assert!(enrol.status.success(), "{}", stderr(&enrol));
    let link = format!("{}{}", client.url, stdout(&enrol).trim());
    let secret = printed(&get(&client, &link).await, "class=\"qr\"").replace(' ', "");
    let registered = post(&client, &format!("{link}/totp"), &[("code", &totp(&secret, now()))]).await;
    assert_eq!(registered.status, 200, "{}", registered.text());

    let page = client.page(&asked_to_sign(HOSTED, &["by app"])).await;
    assert!(get(&client, &page).await.contains("value=\"totp\""), "it is offered");
    post(&client, &format!("{page}/code"), &[("way", "totp")]).await;
    let control = printed(&get(&client, &page).await, "id=\"control-shown\"");
    let next = totp(&secret, now() + 30);
    let alone = post(&client, &format!("{page}/confirm"), &[("code", &next)]).await;
    assert!(!alone.header("location").starts_with(REDIRECT), "{}", alone.header("location"));
    let granted = post(&client, &format!("{page}/confirm"), &[("code", &next), ("control", &control)]).await;
    let code = answered(&granted, "code").unwrap_or_else(|| panic!("{}", granted.header("location")));
    let answer = client.exchange(&code, &[]).await.json();
    let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}"));
    verifies(&client, token, HOSTED, &["by app"], &client.sign(token, HOSTED, &["by app"]).await).await;
    assert_eq!(messages(&client).await, 0, "nothing was sent");
    let confirmed = sandbox.audit().into_iter().find(|event| event["event"] == "confirmed");
    assert_eq!(confirmed.expect("recorded")["method"], "totp");
}

/// Whoever knows a client's id can lead browsers to pages that send messages. It costs the client and the signer, so both
/// have a budget.
#[tokio::test(flavor = "multi_thread")]
async fn messages_through_a_known_client_are_bounded_for_signer_and_client() {
    let sandbox = Sandbox::start_configured("[codes]\nunconfirmed_per_hour = 2\n[messages]\nper_day_and_portal = 5\n");
    let client = Oauth::of(&sandbox);
    let sends = async |credential: &str| {
        let page = client.page(&asked_to_sign(credential, &["pumped"])).await;
        let sent = post(&client, &format!("{page}/code"), &[]).await;
        let notice =
            sent.header("location").split("n=").nth(1).unwrap_or_default().trim_end_matches("#sign").to_owned();
        (notice, get(&client, &format!("{page}?n=spent")).await)
    };
    for _ in 0..2 {
        assert_eq!(sends(HOSTED).await.0, "sent");
    }
    let (notice, html) = sends(HOSTED).await;
    assert!(notice == "spent" && html.contains("Đã gửi nhiều mã mà chưa dùng"), "{notice}: {html}");
    // By the number on the access page, too, which does not tell; its budget is another one.
    let by_number = async |phone: &str| {
        let page = client.page(&asked(&[("scope", "service")])).await;
        let sent = post(&client, &format!("{page}/code"), &[("phone", phone)]).await;
        assert!(sent.header("location").contains("n=sent"), "{}", sent.header("location"));
    };
    let refused = counted(&client, "kyso_codes_refused_total").await;
    for _ in 0..3 {
        by_number("0900000001").await;
    }
    let deadline = std::time::Instant::now() + PATIENCE;
    while counted(&client, "kyso_codes_refused_total").await == refused || messages(&client).await < 4 {
        assert!(std::time::Instant::now() < deadline, "two are sent, the third is refused");
    }
    assert_eq!(messages(&client).await, 4);
    // The next signer still gets one; then the client's day is over, for every signer.
    assert_eq!(sends("ngoc-ec-p256").await.0, "sent");
    for credential in ["ngoc-ec-p256", UNDER_PIN] {
        assert_eq!(sends(credential).await.0, "spent", "{credential}");
    }
    assert_eq!((messages(&client).await, counted(&client, "kyso_codes_sent_total").await), (5, 5));
}

/// Anybody who knows a client and a number can enter wrong codes on the access page.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_of_sign_ins_do_not_keep_the_signer_from_signing() {
    let sandbox = Sandbox::start_configured("[codes]\nwrong_per_day = 5\n");
    let client = Oauth::of(&sandbox);
    let page = client.page(&asked(&[("scope", "service")])).await;
    post(&client, &format!("{page}/code"), &[("phone", "0900000001")]).await;
    let code = client.newest(|_| true).await;
    for _ in 0..4 {
        post(&client, &format!("{page}/agree"), &[("code", wrong(&code))]).await;
    }
    let late = post(&client, &format!("{page}/agree"), &[("code", &code)]).await;
    assert!(late.header("location").contains("n=wrong"), "not even the right one: {}", late.header("location"));
    let token = client.token_to_sign(HOSTED, &["undisturbed"]).await;
    verifies(&client, &token, HOSTED, &["undisturbed"], &client.sign(&token, HOSTED, &["undisturbed"]).await).await;
}
