//! `/v1/webhooks/{id}/deliveries`: what was sent, and sending it again.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;

use crate::storage::webhooks::DeliveryState;

use super::super::AppState;
use super::super::auth::Authenticated;
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
    let fields = fields(&query);
    let (limit, before) = (limit(&fields)?, number(&fields, "cursor")?.unwrap_or(u64::MAX));
    let unknown = || invalid("state: pending, delivered or dead");
    let only = fields.get("state").map(|name| DeliveryState::from_name(name).ok_or_else(unknown)).transpose()?;
    let found = state.service.deliveries(&caller, &webhook_id(&id)?, only, before, limit.saturating_add(1)).await?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > page;
    let deliveries: Vec<_> = found.iter().take(page).map(DeliveryJson::new).collect();
    let next_cursor = deliveries.last().filter(|_| more).map(|last| last.sequence.to_string());
    Ok(Json(DeliveryList { deliveries, next_cursor }))
}

pub async fn resend(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path((id, event)): Path<(String, String)>,
) -> Result<StatusCode, Fault> {
    state.service.resend(&caller, &webhook_id(&id)?, &event).await?;
    Ok(StatusCode::ACCEPTED)
}
