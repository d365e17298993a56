//! `/v1/webhooks`: add, list, read, remove; a new secret; a ping.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::domain::webhook::EventKind;

use super::super::AppState;
use super::super::auth::Authenticated;
use super::super::body::{self, RawBody};
use super::super::fault::Fault;
use super::super::paging::invalid;
use super::webhook_id;
use super::wire::{WebhookJson, WebhookList};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    url: String,
    #[serde(default)]
    events: Vec<String>,
}

pub async fn add(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Response, Fault> {
    let New { url, events } = body::json(&headers, &body::read(raw)?)?;
    let created = state.service.add_webhook(&caller, &url, kinds(&events)?).await?;
    let location = format!("{}/v1/webhooks/{}", state.public_url, created.webhook.id);
    let json = WebhookJson::with_secret(&created);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(json)).into_response())
}

/// Each kind once, in the order of the table.
fn kinds(names: &[String]) -> Result<Vec<EventKind>, Fault> {
    let all = || EventKind::ALL.into_iter().filter(|kind| *kind != EventKind::Ping);
    if let Some(unknown) = names.iter().find(|name| !all().any(|kind| kind.name() == name.as_str())) {
        let known: Vec<_> = all().map(EventKind::name).collect();
        let shown: String = unknown.chars().filter(|c| !c.is_control()).take(40).collect();
        return Err(invalid(format!("events: {shown:?} is none of {}", known.join(", "))));
    }
    Ok(all().filter(|kind| names.iter().any(|name| kind.name() == name.as_str())).collect())
}

pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<WebhookList>, Fault> {
    let webhooks = state.service.webhooks(&caller).await?;
    Ok(Json(WebhookList { webhooks: webhooks.iter().map(WebhookJson::new).collect() }))
}

pub async fn read(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<WebhookJson>, Fault> {
    let webhook = state.service.webhook(&caller, &webhook_id(&id)?).await?;
    Ok(Json(WebhookJson::new(&webhook)))
}

pub async fn remove(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    state.service.delete_webhook(&caller, &webhook_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn rotate(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<WebhookJson>, Fault> {
    let created = state.service.rotate_webhook_secret(&caller, &webhook_id(&id)?).await?;
    Ok(Json(WebhookJson::with_secret(&created)))
}

pub async fn ping(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<WebhookJson>), Fault> {
    let webhook = state.service.ping_webhook(&caller, &webhook_id(&id)?).await?;
    Ok((StatusCode::ACCEPTED, Json(WebhookJson::new(&webhook))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_kind_is_refused_by_name_and_pings_are_not_chosen() {
        let of = |names: &[&str]| kinds(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let both = of(&["request.failed", "request.signed", "request.failed"]).expect("known");
        assert_eq!(both, [EventKind::RequestSigned, EventKind::RequestFailed]);
        assert_eq!(of(&[]).expect("all"), []);
        assert!(of(&["request.sighed"]).is_err() && of(&["webhook.ping"]).is_err());
    }
}
