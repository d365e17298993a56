//! What portals are told, on a clock that the test moves and over a network that fails on demand: everything once, nothing lost.

#[path = "support/world.rs"]
mod world;

use std::collections::HashSet;

use kyso::domain::webhook::{EventKind, TRIES, WebhookSecret, WebhookState};
use kyso::domain::{PortalId, Secret, WebhookId};
use kyso::formats::level::Baseline;
use kyso::service::admin::NewPortal;
use kyso::service::{Caller, RequestView, ServiceError, WhenDown};
use kyso::storage::webhooks::DeliveryState;
use kyso::trust::FetchError;
use kyso::trust::deliver::{Answer, Message};
use serde_json::{Value, json};
use time::Duration;
use world::{Reply, World, ask, sample};

const URL: &str = "https://portal.example/hook";

fn small() -> Vec<u8> {
    sample("hoa-don-gtgt.pdf")
}

fn header<'m>(message: &'m Message, name: &str) -> &'m str {
    message.headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str()).expect("a header")
}

fn body(message: &Message) -> Value {
    serde_json::from_str(&message.body).expect("JSON")
}

/// The portal's own check, as a library of the specification does it.
fn verify(w: &World, message: &Message, secret: &WebhookSecret) -> Result<(), String> {
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| header(message, name));
    let checked = secret.verify((headers[0], headers[1], headers[2]), message.body.as_bytes(), now(w));
    checked.map_err(|error| error.to_string())
}

fn now(w: &World) -> time::OffsetDateTime {
    kyso::domain::Clock::now(w.clock.as_ref())
}

/// A world with an address that has accepted its ping.
async fn listening() -> (World, WebhookId, WebhookSecret) {
    let w = World::open(WhenDown::RaiseLater).await;
    let made = w.service.add_webhook(&w.caller, URL, Vec::new()).await.expect("added");
    w.service.deliver_due().await.expect("sent");
    let heard = w.net.hooks.heard();
    assert_eq!((heard.len(), body(&heard[0])["type"].as_str()), (1, Some("webhook.ping")));
    verify(&w, &heard[0], &made.secret).expect("authentic");
    assert_eq!(w.service.webhook(&w.caller, &made.webhook.id).await.expect("there").state, WebhookState::Active);
    (w, made.webhook.id, made.secret)
}

async fn create(w: &World) -> RequestView {
    w.service.create_request(&w.caller, ask("ec-p256-hosted", Baseline::B, small())).await.expect("created")
}

fn link(request: &RequestView) -> Secret {
    Secret::new(request.confirm_path.strip_prefix("/c/").expect("a link"))
}

async fn delivered(w: &World) -> Vec<Message> {
    w.service.deliver_due().await.expect("sent");
    w.net.hooks.heard()
}

#[tokio::test]
async fn every_end_of_a_request_is_told_once_with_ids_and_levels_alone() {
    let (w, _, secret) = listening().await;
    let signed = create(&w).await;
    w.confirm(&signed).await.expect("signed");
    let refused = create(&w).await;
    w.service.refuse(&link(&refused)).await.expect("refused");
    w.service.refuse(&link(&refused)).await.expect("a second click");
    let cancelled = create(&w).await;
    w.service.cancel_request(&w.caller, &cancelled.transaction.id).await.expect("cancelled");
    let expired = create(&w).await;
    w.clock.advance(Duration::minutes(16));
    w.service.expire_overdue().await.expect("swept");
    let heard = delivered(&w).await;
    let told: Vec<(String, String, String)> = heard
        .iter()
        .map(|message| {
            verify(&w, message, &secret).expect("authentic");
            let body = body(message);
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (text(&body["type"]), text(&body["data"]["request_id"]), text(&body["data"]["failure"]))
        })
        .collect();
    let expected = [
        ("request.signed", &signed, ""),
        ("request.refused", &refused, ""),
        ("request.failed", &cancelled, "cancelled"),
        ("request.expired", &expired, ""),
    ];
    let expected: Vec<_> = expected
        .map(|(kind, request, why)| (kind.to_owned(), request.transaction.id.to_string(), why.to_owned()))
        .to_vec();
    assert_eq!(told, expected);
    let first = body(&heard[0]);
    assert_eq!(first["data"]["documents"], json!([{"number": 1, "level": "B-B"}]));
    let sequences: Vec<u64> = heard.iter().map(|message| body(message)["sequence"].as_u64().expect("one")).collect();
    assert_eq!(sequences, [2, 3, 4, 5], "after the ping, without gaps");
    assert!(heard.iter().all(|message| message.body.len() < 400 && !message.body.contains("a.pdf")), "thin");
}

#[tokio::test]
async fn a_raised_document_is_told() {
    let (w, ..) = listening().await;
    w.behave(|net| net.tsa = None);
    let view = w.confirmed(ask("ec-p256-hosted", Baseline::Lta, small())).await.expect("signed");
    w.behave(|_| {});
    w.clock.advance(Duration::minutes(2));
    assert_eq!(w.service.raise_due().await.expect("raised"), 1);
    let heard = delivered(&w).await;
    let kinds: Vec<String> = heard.iter().map(|message| body(message)["type"].as_str().expect("text").into()).collect();
    assert_eq!(kinds, ["request.signed", "document.raised"]);
    let level = |message| body(message)["data"]["documents"][0]["level"].clone();
    assert_eq!((level(&heard[0]), level(&heard[1])), (json!("B-B"), json!("B-LTA")));
    assert_eq!(body(&heard[1])["data"]["request_id"], view.transaction.id.as_str());
}

#[tokio::test]
async fn nothing_but_pings_goes_to_an_address_that_has_not_answered_one() {
    let w = World::open(WhenDown::RaiseLater).await;
    w.net.hooks.answer(404);
    let made = w.service.add_webhook(&w.caller, URL, Vec::new()).await.expect("added");
    let request = create(&w).await;
    w.confirm(&request).await.expect("signed");
    let heard = delivered(&w).await;
    assert_eq!((heard.len(), body(&heard[0])["type"].as_str()), (1, Some("webhook.ping")));
    w.net.hooks.answer(200);
    w.service.ping_webhook(&w.caller, &made.webhook.id).await.expect("sent");
    let kinds: Vec<Value> = delivered(&w).await.iter().map(|message| body(message)["type"].clone()).collect();
    assert_eq!(kinds, ["webhook.ping", "request.signed"], "what was held back follows");
}

#[tokio::test]
async fn a_portal_that_is_down_for_a_day_gets_everything_with_the_same_ids() {
    let (w, id, secret) = listening().await;
    let mut failing: Vec<Reply> = vec![
        Box::new(|_| Ok(Answer { status: 500, retry_after: None })),
        Box::new(|_| Ok(Answer { status: 302, retry_after: None })),
        Box::new(|_| Err(FetchError::Unreachable("connection refused".into()))),
        Box::new(|_| Err(FetchError::TimedOut(std::time::Duration::from_secs(15)))),
    ];
    let mut requests = HashSet::new();
    let mut ids = HashSet::new();
    let down = now(&w);
    while now(&w) - down < Duration::hours(24) {
        if requests.len() < 5 {
            let request = create(&w).await;
            w.confirm(&request).await.expect("signed");
            requests.insert(request.transaction.id.to_string());
        }
        let reply = failing.remove(0);
        *w.net.hooks.reply.lock().expect("lock") = reply;
        ids.extend(delivered(&w).await.iter().map(|message| header(message, "webhook-id").to_owned()));
        failing.push(Box::new(|_| Ok(Answer { status: 503, retry_after: None })));
        w.clock.advance(Duration::minutes(47));
    }
    w.net.hooks.answer(204);
    let mut told = HashSet::new();
    for _ in 0..40 {
        for message in delivered(&w).await {
            verify(&w, &message, &secret).expect("authentic, with the time of this try");
            assert!(ids.contains(header(&message, "webhook-id")), "a try of the same message has its id");
            told.insert(body(&message)["data"]["request_id"].as_str().expect("an id").to_owned());
        }
        w.clock.advance(Duration::hours(1));
    }
    assert_eq!((told, ids.len()), (requests, 5));
    let open = w.service.deliveries(&w.caller, &id, Some(DeliveryState::Pending), u64::MAX, 10).await.expect("read");
    assert!(open.is_empty() && delivered(&w).await.is_empty(), "and each only until it is accepted");
}

#[tokio::test]
async fn after_ten_tries_a_message_is_put_aside_and_can_be_sent_again() {
    let (w, id, _) = listening().await;
    w.net.hooks.answer(500);
    let request = create(&w).await;
    w.confirm(&request).await.expect("signed");
    let (began, mut tries, mut last) = (now(&w), 0, now(&w));
    for _ in 0..(80 * 12) {
        let made = delivered(&w).await.len();
        if made > 0 {
            (tries, last) = (tries + made, now(&w));
        }
        w.clock.advance(Duration::minutes(5));
    }
    assert_eq!(tries, TRIES as usize);
    assert!((Duration::hours(66)..Duration::hours(84)).contains(&(last - began)), "{}", last - began);
    let dead = w.service.deliveries(&w.caller, &id, Some(DeliveryState::Dead), u64::MAX, 10).await.expect("read");
    assert_eq!((dead.len(), dead[0].attempts, dead[0].last.as_ref().and_then(|last| last.status)), (1, 10, Some(500)));
    w.net.hooks.answer(200);
    w.service.resend(&w.caller, &id, &dead[0].event.id).await.expect("again");
    let again = delivered(&w).await;
    assert_eq!((again.len(), header(&again[0], "webhook-id")), (1, dead[0].event.id.as_str()));
    let unknown = w.service.resend(&w.caller, &id, "evt_0").await;
    assert!(matches!(unknown, Err(ServiceError::NotFound("event"))), "{unknown:?}");
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_fit_and_a_day_later_only_the_new_one() {
    let (w, id, old) = listening().await;
    let new = w.service.rotate_webhook_secret(&w.caller, &id).await.expect("rotated").secret;
    w.service.ping_webhook(&w.caller, &id).await.expect("sent");
    let heard = delivered(&w).await;
    verify(&w, &heard[0], &old).expect("the old one still");
    verify(&w, &heard[0], &new).expect("the new one already");
    w.clock.advance(Duration::hours(24));
    w.service.ping_webhook(&w.caller, &id).await.expect("sent");
    let heard = delivered(&w).await;
    assert!(verify(&w, &heard[0], &old).is_err());
    verify(&w, &heard[0], &new).expect("the new one alone");
}

#[tokio::test]
async fn gone_means_gone_until_somebody_pings() {
    let (w, id, _) = listening().await;
    w.net.hooks.answer(410);
    let request = create(&w).await;
    w.confirm(&request).await.expect("signed");
    assert_eq!(delivered(&w).await.len(), 1);
    assert_eq!(w.service.webhook(&w.caller, &id).await.expect("there").state, WebhookState::Disabled);
    w.net.hooks.answer(200);
    let second = create(&w).await;
    w.confirm(&second).await.expect("signed");
    w.clock.advance(Duration::hours(3));
    assert!(delivered(&w).await.is_empty());
    w.service.ping_webhook(&w.caller, &id).await.expect("sent");
    delivered(&w).await;
    assert_eq!(w.service.webhook(&w.caller, &id).await.expect("there").state, WebhookState::Active);
    // What it missed stands with the events.
    let missed = w.service.events(&w.caller, 0, 100, std::time::Duration::ZERO).await.expect("read");
    assert_eq!(missed.iter().filter(|signed| signed.event.kind == EventKind::RequestSigned).count(), 2);
}

#[tokio::test]
async fn an_address_hears_only_what_it_asked_for() {
    let (w, ..) = listening().await;
    let only = vec![EventKind::RequestRefused];
    w.service.add_webhook(&w.caller, "https://other.example/", only).await.expect("added");
    delivered(&w).await;
    let request = create(&w).await;
    w.confirm(&request).await.expect("signed");
    let urls: Vec<String> = delivered(&w).await.into_iter().map(|message| message.url).collect();
    assert_eq!(urls, [URL]);
    let request = create(&w).await;
    w.service.refuse(&link(&request)).await.expect("refused");
    assert_eq!(delivered(&w).await.len(), 2);
}

#[tokio::test]
async fn an_address_that_hangs_keeps_two_workers_and_not_the_others() {
    let (w, ..) = listening().await;
    for _ in 0..4 {
        let request = create(&w).await;
        w.service.refuse(&link(&request)).await.expect("refused");
    }
    let out = [w.service.claim_delivery().await.expect("read"), w.service.claim_delivery().await.expect("read")];
    assert!(out.iter().all(Option::is_some));
    assert!(w.service.claim_delivery().await.expect("read").is_none(), "two of one address at a time");
    w.service.add_webhook(&w.caller, "https://other.example/", Vec::new()).await.expect("added");
    let other = w.service.claim_delivery().await.expect("read").expect("another address's");
    assert_eq!(other.webhook.url, "https://other.example/");
    // A worker that was killed loses what it held.
    w.clock.advance(Duration::minutes(3));
    assert_eq!(w.service.deliver_due().await.expect("sent"), 5);
}

#[tokio::test]
async fn messages_survive_the_process() {
    let (mut w, _, secret) = listening().await;
    let request = create(&w).await;
    w.confirm(&request).await.expect("signed");
    let held = w.service.claim_delivery().await.expect("read");
    assert!(held.is_some(), "taken by a worker that is then killed");
    w.reopen(WhenDown::RaiseLater).await;
    assert!(delivered(&w).await.is_empty(), "its lease runs");
    w.clock.advance(Duration::minutes(3));
    let heard = delivered(&w).await;
    assert_eq!(heard.len(), 1);
    verify(&w, &heard[0], &secret).expect("the secret opens in the new process");
}

#[tokio::test]
async fn another_portal_sees_and_touches_nothing() {
    let (w, id, _) = listening().await;
    let portal = NewPortal {
        id: PortalId::parse("second").expect("id"),
        name: "Cổng thứ hai".into(),
        host: None,
        support_phone: None,
        secret: None,
    };
    w.service.add_portal(portal).await.expect("added");
    let stranger = Caller::of_portal(PortalId::parse("second").expect("id"));
    let request = create(&w).await;
    w.confirm(&request).await.expect("signed");
    let event = w.service.events(&w.caller, 0, 100, std::time::Duration::ZERO).await.expect("read").remove(1).event.id;
    fn missing<T: std::fmt::Debug>(answer: Result<T, ServiceError>) {
        assert!(matches!(answer, Err(ServiceError::NotFound(_))), "{answer:?}");
    }
    missing(w.service.webhook(&stranger, &id).await);
    missing(w.service.delete_webhook(&stranger, &id).await);
    missing(w.service.rotate_webhook_secret(&stranger, &id).await);
    missing(w.service.ping_webhook(&stranger, &id).await);
    missing(w.service.deliveries(&stranger, &id, None, u64::MAX, 10).await);
    missing(w.service.resend(&stranger, &id, &event).await);
    let own = w.service.add_webhook(&stranger, "https://second.example/", Vec::new()).await.expect("added");
    missing(w.service.resend(&stranger, &own.webhook.id, &event).await);
    let heard = w.service.events(&stranger, 0, 100, std::time::Duration::ZERO).await.expect("read");
    assert_eq!(heard.len(), 1, "its own ping");
    let keys = [&stranger, &w.caller].map(|caller| w.service.listening_secret(caller).text().expose().to_owned());
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn old_events_are_forgotten_and_their_numbers_are_not_given_again() {
    let (w, ..) = listening().await;
    let request = create(&w).await;
    w.service.refuse(&link(&request)).await.expect("refused");
    delivered(&w).await;
    w.clock.advance(Duration::days(31));
    assert_eq!(w.service.forget_events().await.expect("forgotten"), 2);
    let request = create(&w).await;
    w.service.refuse(&link(&request)).await.expect("refused");
    let events = w.service.events(&w.caller, 0, 100, std::time::Duration::ZERO).await.expect("read");
    assert_eq!(events.iter().map(|signed| signed.event.sequence).collect::<Vec<_>>(), [3]);
}

#[tokio::test]
async fn a_portal_has_ten_addresses_at_most_and_none_that_is_local() {
    let w = World::open(WhenDown::RaiseLater).await;
    for url in ["http://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/x", "ftp://portal.example/", "nonsense"] {
        let refused = w.service.add_webhook(&w.caller, url, Vec::new()).await;
        assert!(matches!(refused, Err(ServiceError::Address(_))), "{url}: {refused:?}");
    }
    for n in 0..10 {
        w.service.add_webhook(&w.caller, &format!("https://p{n}.example/"), Vec::new()).await.expect("added");
    }
    let eleventh = w.service.add_webhook(&w.caller, URL, Vec::new()).await;
    assert!(matches!(eleventh, Err(ServiceError::Limit { max: 10, .. })), "{eleventh:?}");
    assert_eq!(w.service.webhooks(&w.caller).await.expect("listed").len(), 10);
}
