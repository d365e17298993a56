//! Requests: the list by pages, one of them, its end.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};

use crate::domain::binding::fingerprint;
use crate::domain::{Item, Origin, State as Standing, StateKind};
use crate::service::joint::SignatoryView;
use crate::service::webhooks::SignedEvent;
use crate::service::{RequestView, ServiceError};
use crate::storage::ItemState;

use super::super::AppState;
use super::super::confirm::{Language, plain};
use super::super::fault::Fault;
use super::super::paging::fields;
use super::super::requests::{STATES, page, transaction_id};
use super::frame::{self, Chip, Choice, Notice, Section, back, choices, link, pages};
use super::session::{Posted, Visitor};
use super::text::{self, Words, machine_time};

const PATH: &str = "/desk/requests";

#[derive(Template)]
#[template(path = "desk_requests.html")]
struct List {
    t: &'static Words,
    choices: Vec<Choice>,
    rows: Vec<Row>,
    next: Option<String>,
    first: Option<String>,
}

struct Row {
    link: String,
    title: String,
    state: Chip,
    created: Moment,
    signers: String,
    id: String,
}

/// A time for people, and for programs.
struct Moment {
    text: String,
    machine: String,
}

impl Moment {
    fn new(at: time::OffsetDateTime, language: Language) -> Self {
        Self { text: language.date_time(at), machine: machine_time(at) }
    }
}

pub async fn list(State(state): State<AppState>, visitor: Visitor, query: RawQuery) -> Result<Response, Fault> {
    let (fields, language) = (fields(&query), visitor.language);
    let (found, next) = page(&state, &visitor.caller, &fields).await?;
    let states = STATES.into_iter().map(|kind| (kind.name(), text::state(kind, language)));
    let (next, first) = pages(PATH, &fields, next, language);
    let main = List {
        t: Words::of(language),
        choices: choices(PATH, states, fields.get("state"), language),
        rows: found.iter().map(|view| row(view, language)).collect(),
        next,
        first,
    };
    Ok(frame::page(&state, &visitor, Section::Requests, main.t.requests, &main))
}

fn row(view: &RequestView, language: Language) -> Row {
    let transaction = &view.transaction;
    let signers: Vec<&str> = match view.signatories.is_empty() {
        true => vec![transaction.signer.as_str()],
        false => view.signatories.iter().map(|one| one.signer.as_str()).collect(),
    };
    Row {
        link: link(&format!("{PATH}/{}", transaction.id), language),
        title: title(view, language),
        state: Chip::of_request(transaction.state.kind(), language),
        created: Moment::new(transaction.created_at, language),
        signers: signers.join(", "),
        id: transaction.id.to_string(),
    }
}

/// The portal's words, else the documents.
fn title(view: &RequestView, language: Language) -> String {
    let transaction = &view.transaction;
    if !transaction.description.is_empty() {
        return plain(&transaction.description);
    }
    let first = transaction.items.first().map(|item| plain(&item.label)).unwrap_or_default();
    text::and_others(&first, transaction.items.len().saturating_sub(1), language)
}

#[derive(Template)]
#[template(path = "desk_request.html")]
struct One {
    t: &'static Words,
    title: String,
    state: Chip,
    outcome: Outcome,
    facts: Vec<(&'static str, String)>,
    documents: Vec<Document>,
    signers: Vec<Signer>,
    events: Vec<Told>,
    /// Where it is cancelled, while it can be.
    cancel: Option<String>,
    list: String,
}

/// Whether anything was signed, and why not.
struct Outcome {
    text: String,
    class: &'static str,
    why: Option<&'static str>,
}

struct Document {
    name: String,
    size: String,
    fingerprint: String,
    level: Option<&'static str>,
    raise: Option<&'static str>,
    failure: Option<&'static str>,
}

struct Signer {
    name: String,
    credential: String,
    turn: u32,
    state: Chip,
    since: Option<Moment>,
}

struct Told {
    text: &'static str,
    kind: &'static str,
    sequence: u64,
    at: Moment,
}

pub async fn show(State(state): State<AppState>, visitor: Visitor, Path(id): Path<String>) -> Result<Response, Fault> {
    let (id, language) = (transaction_id(&id)?, visitor.language);
    let view = state.service.request(&visitor.caller, &id).await?;
    let events = state.service.request_events(&visitor.caller, &id).await?;
    let main = one(&view, &events, language);
    let title = main.title.clone();
    Ok(frame::page(&state, &visitor, Section::Requests, &title, &main))
}

fn one(view: &RequestView, events: &[SignedEvent], language: Language) -> One {
    let transaction = &view.transaction;
    let waits = transaction.state.kind() == StateKind::Waiting;
    One {
        t: Words::of(language),
        title: title(view, language),
        state: Chip::of_request(transaction.state.kind(), language),
        outcome: outcome(view, language),
        facts: facts(view, language),
        documents: documents(view, language),
        signers: view.signatories.iter().map(|one| signer(one, language)).collect(),
        events: events.iter().map(|signed| told(signed, language)).collect(),
        cancel: waits.then(|| link(&format!("{PATH}/{}/cancel", transaction.id), language)),
        list: link(PATH, language),
    }
}

fn outcome(view: &RequestView, language: Language) -> Outcome {
    let (transaction, t) = (&view.transaction, Words::of(language));
    let signed = view.signatories.iter().filter(|one| one.state.kind() == StateKind::Signed).count();
    let people = view.signatories.len();
    let left_out = view.documents.iter().filter(|state| state.failure.is_some()).count();
    let documents = transaction.items.len();
    let (text, class) = match transaction.state.kind() {
        StateKind::Signed if left_out > 0 => {
            (text::partly_signed(documents.saturating_sub(left_out), documents, language), "warn")
        }
        StateKind::Signed => (t.all_signed.to_owned(), "good"),
        StateKind::Confirmed | StateKind::Signing => (t.being_signed.to_owned(), ""),
        StateKind::Waiting if signed > 0 => (text::waits_for_others(signed, people, language), ""),
        StateKind::Waiting => (t.nothing_signed.to_owned(), ""),
        _ if signed > 0 => (text::released_nothing(signed, people, language), "bad"),
        _ => (t.nothing_signed.to_owned(), "bad"),
    };
    let why = match transaction.state {
        Standing::Failed { reason, .. } => Some(text::failure(reason, language)),
        _ => None,
    };
    Outcome { text, class, why }
}

fn facts(view: &RequestView, language: Language) -> Vec<(&'static str, String)> {
    let (transaction, t) = (&view.transaction, Words::of(language));
    let mut facts = vec![(t.number, transaction.id.to_string())];
    if view.signatories.is_empty() {
        facts.push((t.signer, transaction.signer.to_string()));
        facts.push((t.credential, transaction.credential.to_string()));
    }
    facts.push((t.created, language.date_time(transaction.created_at)));
    match transaction.state.since() {
        Some(at) => facts.push((t.changed, language.date_time(at))),
        None => facts.push((t.expires, language.date_time(transaction.expires_at))),
    }
    if let Origin::Request { return_url: Some(url), .. } = &transaction.origin {
        facts.push((t.return_url, plain(url)));
    }
    facts
}

fn documents(view: &RequestView, language: Language) -> Vec<Document> {
    let released = view.transaction.state.kind() == StateKind::Signed;
    let nothing = ItemState::default();
    let document = |(n, item): (usize, &Item)| {
        let state = view.documents.get(n).unwrap_or(&nothing);
        Document {
            name: plain(&item.label),
            size: language.size(item.len),
            fingerprint: fingerprint(&item.digest),
            level: state.level.filter(|_| released).map(|level| level.name()),
            raise: state.raise.as_ref().map(|raise| raise.wanted.name()),
            failure: state.failure.map(|reason| text::failure(reason, language)),
        }
    };
    view.transaction.items.iter().enumerate().map(document).collect()
}

fn signer(one: &SignatoryView, language: Language) -> Signer {
    Signer {
        name: one.signer.clone(),
        credential: one.credential.clone(),
        turn: one.turn,
        state: Chip::of_request(one.state.kind(), language),
        since: one.state.since().map(|at| Moment::new(at, language)),
    }
}

fn told(signed: &SignedEvent, language: Language) -> Told {
    let event = &signed.event;
    Told {
        text: text::event(event.kind, language),
        kind: event.kind.name(),
        sequence: event.sequence,
        at: Moment::new(event.created_at, language),
    }
}

#[derive(Template)]
#[template(path = "desk_cancel.html")]
struct Cancel<'a> {
    t: &'static Words,
    title: String,
    form: &'a str,
    action: String,
    keep: String,
}

/// "Are you sure?", a page of its own because there is no script.
pub async fn ask_cancel(
    State(state): State<AppState>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let (id, language) = (transaction_id(&id)?, visitor.language);
    let view = state.service.request(&visitor.caller, &id).await?;
    if view.transaction.state.kind() != StateKind::Waiting {
        return Ok(back(&format!("{PATH}/{id}"), language, Some(Notice::NotCancelled)).into_response());
    }
    let main = Cancel {
        t: Words::of(language),
        title: title(&view, language),
        form: visitor.form.expose(),
        action: link(&format!("{PATH}/{id}/cancel"), language),
        keep: link(&format!("{PATH}/{id}"), language),
    };
    Ok(frame::page(&state, &visitor, Section::Requests, main.t.cancel_title, &main))
}

pub async fn cancel(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Posted { visitor, .. }: Posted,
) -> Result<Response, Fault> {
    let id = transaction_id(&id)?;
    let notice = match state.service.cancel_request(&visitor.caller, &id).await {
        Ok(_) => Notice::Cancelled,
        Err(ServiceError::State(_)) => Notice::NotCancelled,
        Err(error) => return Err(error.into()),
    };
    Ok(back(&format!("{PATH}/{id}"), visitor.language, Some(notice)).into_response())
}
