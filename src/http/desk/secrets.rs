//! Client secrets: which are live, a second one, the end of the first. Changing them takes typing one: a session that was left open
//! must not become a secret that outlives it.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};

use crate::domain::Secret;
use crate::service::ServiceError;

use super::super::AppState;
use super::super::fault::Fault;
use super::frame::{self, Notice, Section, back};
use super::session::{Doors, Posted, Visitor};
use super::text::Words;

const PATH: &str = "/desk/secrets";

#[derive(Template)]
#[template(path = "desk_secrets.html")]
struct Secrets<'a> {
    t: &'static Words,
    form: &'a str,
    client_id: &'a str,
    rows: Vec<Row>,
}

struct Row {
    name: &'static str,
    created: String,
    used: Option<String>,
}

pub async fn show(State(state): State<AppState>, visitor: Visitor) -> Result<Response, Fault> {
    let (language, t) = (visitor.language, Words::of(visitor.language));
    let client = state.service.client(&visitor.caller.portal).await?;
    let row = |(name, secret): (&'static str, &crate::domain::oauth::ClientSecret)| Row {
        name,
        created: language.date_time(secret.created_at),
        used: secret.used_at.map(|at| language.date_time(at)),
    };
    let rows = [t.current, t.old].into_iter().zip(&client.secrets).map(row).collect();
    let main = Secrets { t, form: visitor.form.expose(), client_id: visitor.portal.id.as_str(), rows };
    Ok(frame::page(&state, &visitor, Section::Secrets, t.secrets, &main))
}

pub async fn add(State(state): State<AppState>, posted: Posted) -> Result<Response, Fault> {
    if let Err(notice) = proven(&state, &posted).await? {
        return Ok(returned(&posted.visitor, notice));
    }
    let Posted { visitor, .. } = posted;
    match state.service.rotate_secret(&visitor.caller.portal).await {
        Ok(secret) => {
            let title = Words::of(visitor.language).secret_title;
            Ok(frame::secret_page(&state, &visitor, Section::Secrets, (title, secret.expose(), PATH)))
        }
        Err(error) => not_done(&visitor, error),
    }
}

/// The secret that was typed stays; the other one ends.
pub async fn retire(State(state): State<AppState>, posted: Posted) -> Result<Response, Fault> {
    if let Err(notice) = proven(&state, &posted).await? {
        return Ok(returned(&posted.visitor, notice));
    }
    match state.service.keep_secret(&posted.visitor.caller.portal, &typed(&posted)).await {
        Ok(()) => Ok(returned(&posted.visitor, Notice::Retired)),
        Err(error) => not_done(&posted.visitor, error),
    }
}

/// Whether the form holds a live secret of the portal; else what to say.
async fn proven(state: &AppState, posted: &Posted) -> Result<Result<(), Notice>, Fault> {
    let portal = &posted.visitor.caller.portal;
    if Doors::take_try(state, &posted.headers, portal).is_err() {
        return Ok(Err(Notice::TooMany));
    }
    match state.service.client_with_secret(portal.as_str(), &typed(posted)).await {
        Ok(_) => Ok(Ok(())),
        Err(ServiceError::UnknownClient) => Ok(Err(Notice::WrongSecret)),
        Err(error) => Err(error.into()),
    }
}

fn typed(posted: &Posted) -> Secret {
    Secret::new(posted.fields.get("client_secret").unwrap_or_default())
}

fn returned(visitor: &Visitor, notice: Notice) -> Response {
    back(PATH, visitor.language, Some(notice)).into_response()
}

/// Somebody else was there first, or it is a second click.
fn not_done(visitor: &Visitor, error: ServiceError) -> Result<Response, Fault> {
    match error {
        ServiceError::Invalid { .. } => Ok(returned(visitor, Notice::NotDone)),
        other => Err(other.into()),
    }
}
