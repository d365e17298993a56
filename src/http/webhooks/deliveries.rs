//! `/v1/webhooks/{id}/deliveries`: what was sent, and sending it again.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;

use crate::domain::WebhookId;
use crate::service::Caller;
use crate::storage::webhooks::{Delivery, DeliveryState};

use super::super::AppState;
use super::super::auth::Authenticated;
use super::super::body::Fields;
use super::super::fault::Fault;
use super::super::paging::{fields, invalid, limit, number};
use super::webhook_id;
use super::wire::{DeliveryJson, DeliveryList};

pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    query: RawQuery,
) -> Result<Json<DeliveryList>, Fault> {
    let (found, next_cursor) = page(&state, &caller, &webhook_id(&id)?, &fields(&query)).await?;
    Ok(Json(DeliveryList { deliveries: found.iter().map(DeliveryJson::new).collect(), next_cursor }))
}

/// The page of deliveries that these fields of a query ask for, and where the next one goes on.
///
/// # Errors
/// [`super::super::problem::INVALID`], [`super::super::problem::NOT_FOUND`].
pub async fn page(
    state: &AppState,
    caller: &Caller,
    id: &WebhookId,
    fields: &Fields,
) -> Result<(Vec<Delivery>, Option<String>), Fault> {
    let (limit, before) = (limit(fields)?, number(fields, "cursor")?.unwrap_or(u64::MAX));
    let unknown = || invalid("state: pending, delivered or dead");
    let only = fields.get("state").map(|name| DeliveryState::from_name(name).ok_or_else(unknown)).transpose()?;
    let mut found = state.service.deliveries(caller, id, only, before, limit.saturating_add(1)).await?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > page;
    found.truncate(page);
    let next_cursor = found.last().filter(|_| more).map(|last| last.event.sequence.to_string());
    Ok((found, next_cursor))
}

pub async fn resend(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path((id, event)): Path<(String, String)>,
) -> Result<StatusCode, Fault> {
    state.service.resend(&caller, &webhook_id(&id)?, &event).await?;
    Ok(StatusCode::ACCEPTED)
}
