//! What the desk shows is what `/v1` has: client secrets, usage by day, a request's events.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::support::{Answer, Portal, Sandbox, http, send, shared};
use super::{ask, id, move_clock};

async fn answer(request: RequestBuilder) -> Answer {
    send(request).await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_changed_by_who_shows_one_and_never_by_a_token() {
    let sandbox = shared();
    let (client, first) = sandbox.add_portal("cong-api");
    let portal = Portal::connect_as(&sandbox, &client, &first).await;
    let url = |path: &str| format!("{}/v1/client{path}", portal.url);
    let stolen = answer(portal.post("/v1/client/secrets", &json!({}))).await;
    assert_ne!(stolen.status, 201, "{}", stolen.text());
    let bare = answer(http().post(url("/secrets"))).await;
    assert_eq!(bare.status, 400, "{}", bare.text());
    let wrong = answer(http().post(url("/secrets")).basic_auth(&client, Some("wrong"))).await;
    assert_eq!((wrong.status, wrong.header("www-authenticate").starts_with("Basic")), (401, true));
    assert_eq!(wrong.header("content-type"), "application/problem+json");

    let made = answer(http().post(url("/secrets")).basic_auth(&client, Some(&first))).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let second = made.json()["secret"].as_str().expect("a secret").to_owned();
    let third = answer(http().post(url("/secrets")).basic_auth(&client, Some(&first))).await;
    assert_eq!(third.status, 422, "two at most: {}", third.text());
    let form = [("client_id", client.as_str()), ("client_secret", second.as_str())];
    Portal::connect_as(&sandbox, &client, &second).await;
    let read = answer(portal.get("/v1/client")).await.json();
    assert_eq!((&read["client_id"], &read["auth"]), (&json!(client), &json!("secret")));
    let live = read["secrets"].as_array().expect("a list");
    assert!(live.len() == 2 && live.iter().all(|secret| secret["used_at"].is_string()), "{read}");
    assert!(read.get("secret").is_none() && !read.to_string().contains(&second));

    let kept = answer(http().post(url("/secrets/retire")).form(&form)).await;
    assert_eq!((kept.status, kept.json()["secrets"].as_array().map(Vec::len)), (200, Some(1)));
    let over = answer(http().post(url("/secrets/retire")).basic_auth(&client, Some(&first))).await;
    assert_eq!(over.status, 401, "the other one has ended");
    let none = answer(http().post(url("/secrets/retire")).form(&form)).await;
    assert_eq!(none.status, 422, "the last one stays: {}", none.text());
}

fn total(usage: &Value, what: &str) -> u64 {
    usage["days"].as_array().expect("days").iter().map(|day| day[what].as_u64().expect("a number")).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_counts_each_request_once_on_the_day_it_ended_in_viet_nam() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let signed = ask(&portal, "a", "a.pdf", "ec-p256-hosted").await;
    portal.confirm(&signed).await;
    ask(&portal, "b", "b.pdf", "ec-p256-hosted").await;
    let usage = answer(portal.get("/v1/usage")).await.json();
    assert_eq!((usage["days"].as_array().map(Vec::len), &usage["utc_offset"]), (Some(30), &json!("+07:00")));
    let of = |what| total(&usage, what);
    assert_eq!((of("created"), of("signed"), of("expired"), of("signatures")), (2, 1, 0, 1));
    let began = usage["days"][29]["date"].as_str().expect("a day").to_owned();
    move_clock(&sandbox, 3 * 86_400).await;
    let portal = Portal::connect(&sandbox).await;
    // The one that waited ends when it is looked at, or swept.
    let listed = answer(portal.get("/v1/requests?state=expired")).await;
    drop(answer(portal.get("/v1/requests")).await);
    drop(listed);
    let usage = answer(portal.get(&format!("/v1/usage?from={began}"))).await.json();
    let days = usage["days"].as_array().expect("days");
    assert_eq!(days.len(), 4, "{usage}");
    assert_eq!(
        (&days[0]["created"], &days[0]["signed"], &days[3]["expired"]),
        (&json!(2), &json!(1), &json!(1)),
        "{usage}"
    );
    for bad in [
        "from=2026-13-01",
        "from=x",
        "to=2026-02-30",
        "from=2020-01-01",
        "from=2026-01-02&to=2026-01-01",
        "from=9999-12-31",
        "from=9999-12-31&to=9999-12-31",
        "to=0000-01-01",
    ] {
        let refused = answer(portal.get(&format!("/v1/usage?{bad}"))).await;
        let expected = if bad == "to=0000-01-01" { [200, 422] } else { [422, 422] };
        assert!(expected.contains(&refused.status), "{bad}: {}", refused.text());
    }
    let (other, secret) = sandbox.add_portal("khac");
    let other = Portal::connect_as(&sandbox, &other, &secret).await;
    let usage = answer(other.get("/v1/usage?from=2026-01-01&to=2026-12-31")).await.json();
    assert_eq!(total(&usage, "created"), 0, "nothing of another portal");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_signers_are_one_request_and_as_many_signatures() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let document = json!({"name": "a.pdf", "content": super::base64(&super::sample("hop-dong-dich-vu.pdf"))});
    let signers = json!([{"credential": "ec-p256-hosted"}, {"credential": "ngoc-ec-p256"}]);
    let joint = portal.call("/v1/requests", &json!({"documents": [document], "signers": signers})).await.json();
    for n in 0..2 {
        // Each signer's codes are sent for their own transaction: the newest is theirs.
        let page = joint["signers"][n]["confirm_url"].as_str().expect("a link");
        assert_eq!(portal.step(page, "code", "").await.expect("an answer").expect("a redirect"), "sent");
        let outbox = answer(portal.http.get(format!("{}/sandbox/outbox", portal.url))).await.json();
        let code = outbox.as_array().and_then(|all| all.last()).and_then(|last| last["code"].as_str()).expect("a code");
        assert_eq!(portal.step(page, "confirm", code).await.expect("an answer").expect("a redirect"), "");
    }
    assert_eq!(portal.read(id(&joint)).await["state"], "signed");
    let usage = answer(portal.get("/v1/usage")).await.json();
    let of = |what| total(&usage, what);
    assert_eq!((of("created"), of("signed"), of("signatures")), (1, 1, 2), "{usage}");
    let events = answer(portal.get(&format!("/v1/requests/{}/events", id(&joint)))).await.json();
    let kinds: Vec<&str> =
        events["events"].as_array().expect("a list").iter().filter_map(|e| e["type"].as_str()).collect();
    assert_eq!(kinds, ["signer.signed", "request.signed"]);
    assert_eq!(events["last"], events["events"][1]["sequence"]);
}
