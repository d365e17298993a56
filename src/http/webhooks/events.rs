//! `GET /v1/events`: the same messages for whoever cannot be reached from outside, fetched instead of sent.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, RawQuery, State};

use super::super::AppState;
use super::super::auth::Authenticated;
use super::super::fault::Fault;
use super::super::paging::{fields, invalid, limit, number};
use super::super::requests::transaction_id;
use super::wire::{EventJson, EventList, SecretJson};

/// Longest the call waits for an event, in seconds: less than proxies and the service's own limit allow.
const LONGEST_WAIT: u64 = 25;

pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    query: RawQuery,
) -> Result<Json<EventList>, Fault> {
    let fields = fields(&query);
    let (limit, after) = (limit(&fields)?, number(&fields, "after")?);
    let wait = number(&fields, "wait")?.unwrap_or_default();
    if wait > LONGEST_WAIT {
        return Err(invalid("wait: 0 to 25 seconds"));
    }
    let before = match after {
        Some(after) => after,
        None => state.service.last_event(&caller).await?,
    };
    let found = state.service.events(&caller, before, limit, Duration::from_secs(wait)).await?;
    let last = found.last().map_or(before, |signed| signed.event.sequence);
    Ok(Json(EventList { events: found.into_iter().map(EventJson::new).collect(), last }))
}

/// What was told of one request.
pub async fn of_request(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<EventList>, Fault> {
    let found = state.service.request_events(&caller, &transaction_id(&id)?).await?;
    let last = found.last().map_or(0, |signed| signed.event.sequence);
    Ok(Json(EventList { events: found.into_iter().map(EventJson::new).collect(), last }))
}

/// What these messages are signed with; no address's secret.
pub async fn secret(State(state): State<AppState>, Authenticated(caller): Authenticated) -> Json<SecretJson> {
    Json(SecretJson { secret: state.service.listening_secret(&caller).text().expose().to_owned() })
}
