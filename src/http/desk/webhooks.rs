//! Addresses for webhooks, what was sent to them, and sending it again.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};

use crate::domain::webhook::{Webhook, WebhookState};
use crate::storage::webhooks::{Delivery, DeliveryState};

use super::super::AppState;
use super::super::confirm::{Language, plain};
use super::super::fault::Fault;
use super::super::paging::fields;
use super::super::webhooks::{page, webhook_id};
use super::frame::{self, Chip, Choice, Notice, Section, back, choices, link, pages};
use super::session::{Posted, Visitor};
use super::text::{self, Words};

const PATH: &str = "/desk/webhooks";

#[derive(Template)]
#[template(path = "desk_webhooks.html")]
struct List {
    t: &'static Words,
    rows: Vec<Address>,
}

struct Address {
    link: String,
    url: String,
    state: Chip,
    told_of: String,
    old_secret_until: Option<String>,
}

pub async fn list(State(state): State<AppState>, visitor: Visitor) -> Result<Response, Fault> {
    let found = state.service.webhooks(&visitor.caller).await?;
    let now = (state.clock)();
    let rows = found.iter().map(|webhook| address(webhook, now, visitor.language)).collect();
    let main = List { t: Words::of(visitor.language), rows };
    Ok(frame::page(&state, &visitor, Section::Webhooks, main.t.webhooks, &main))
}

fn address(webhook: &Webhook, now: time::OffsetDateTime, language: Language) -> Address {
    let class = match webhook.state {
        WebhookState::Active => "good",
        WebhookState::Unverified => "busy",
        WebhookState::Disabled => "bad",
    };
    let names: Vec<&str> = webhook.events.iter().map(|kind| kind.name()).collect();
    Address {
        link: link(&format!("{PATH}/{}", webhook.id), language),
        url: plain(&webhook.url),
        state: Chip { text: text::webhook_state(webhook.state, language), class },
        told_of: if names.is_empty() { Words::of(language).told_of_all.to_owned() } else { names.join(", ") },
        old_secret_until: live_until(webhook, now).map(|until| language.date_time(until)),
    }
}

/// Until when the secret before signs too, if it still does.
fn live_until(webhook: &Webhook, now: time::OffsetDateTime) -> Option<time::OffsetDateTime> {
    webhook.old_secret.as_ref().map(|(_, until)| *until).filter(|until| *until > now)
}

#[derive(Template)]
#[template(path = "desk_webhook.html")]
struct One<'a> {
    t: &'static Words,
    form: &'a str,
    base: String,
    address: Address,
    choices: Vec<Choice>,
    rows: Vec<Row>,
    next: Option<String>,
    first: Option<String>,
    list: String,
}

struct Row {
    event: String,
    text: &'static str,
    kind: &'static str,
    sequence: u64,
    state: Chip,
    attempts: u32,
    next_at: Option<String>,
    /// When, and with which status; why it failed, in the words of programs.
    last: Option<(String, Option<String>, String)>,
}

pub async fn show(
    State(state): State<AppState>,
    visitor: Visitor,
    Path(id): Path<String>,
    query: RawQuery,
) -> Result<Response, Fault> {
    let (id, fields, language) = (webhook_id(&id)?, fields(&query), visitor.language);
    let webhook = state.service.webhook(&visitor.caller, &id).await?;
    let (found, next) = page(&state, &visitor.caller, &id, &fields).await?;
    let path = format!("{PATH}/{id}");
    let states = DeliveryState::ALL.into_iter().map(|one| (one.name(), text::delivery_state(one, language)));
    let (next, first) = pages(&path, &fields, next, language);
    let main = One {
        t: Words::of(language),
        form: visitor.form.expose(),
        address: address(&webhook, (state.clock)(), language),
        choices: choices(&path, states, fields.get("state"), language),
        rows: found.iter().map(|delivery| row(delivery, language)).collect(),
        next,
        first,
        list: link(PATH, language),
        base: path,
    };
    Ok(frame::page(&state, &visitor, Section::Webhooks, &main.address.url, &main))
}

fn row(delivery: &Delivery, language: Language) -> Row {
    let class = match delivery.state {
        DeliveryState::Pending => "busy",
        DeliveryState::Delivered => "good",
        DeliveryState::Dead => "bad",
    };
    let event = &delivery.event;
    let last = delivery.last.as_ref().map(|last| {
        let status = last.status.map(|status| text::answered(status, language));
        (language.date_time(last.at), status, plain(&last.error))
    });
    Row {
        event: event.id.clone(),
        text: text::event(event.kind, language),
        kind: event.kind.name(),
        sequence: event.sequence,
        state: Chip { text: text::delivery_state(delivery.state, language), class },
        attempts: delivery.attempts,
        next_at: (delivery.state == DeliveryState::Pending).then(|| language.date_time(delivery.next_at)),
        last,
    }
}

pub async fn ping(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Posted { visitor, .. }: Posted,
) -> Result<Response, Fault> {
    let id = webhook_id(&id)?;
    state.service.ping_webhook(&visitor.caller, &id).await?;
    Ok(back(&format!("{PATH}/{id}"), visitor.language, Some(Notice::Pinged)).into_response())
}

/// A double click must not end the secret that the portal still has: not again while the old one signs, unless they say so.
pub async fn rotate(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Posted { visitor, fields, .. }: Posted,
) -> Result<Response, Fault> {
    let id = webhook_id(&id)?;
    let path = format!("{PATH}/{id}");
    let webhook = state.service.webhook(&visitor.caller, &id).await?;
    if live_until(&webhook, (state.clock)()).is_some() && fields.get("again") != Some("yes") {
        return Ok(back(&path, visitor.language, Some(Notice::RotateAgain)).into_response());
    }
    let made = state.service.rotate_webhook_secret(&visitor.caller, &id).await?;
    let t = Words::of(visitor.language);
    let shown = (t.webhook_secret_title, made.secret.text().expose(), path.as_str());
    Ok(frame::secret_page(&state, &visitor, Section::Webhooks, shown))
}

pub async fn resend(
    State(state): State<AppState>,
    Path((id, event)): Path<(String, String)>,
    Posted { visitor, .. }: Posted,
) -> Result<Response, Fault> {
    let id = webhook_id(&id)?;
    state.service.resend(&visitor.caller, &id, &event).await?;
    Ok(back(&format!("{PATH}/{id}"), visitor.language, Some(Notice::Resent)).into_response())
}
