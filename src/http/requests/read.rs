//! `GET /v1/requests/{id}` and `DELETE /v1/requests/{id}`.

use axum::Json;
use axum::extract::{Path, State};

use super::super::AppState;
use super::super::auth::Authenticated;
use super::super::fault::Fault;
use super::transaction_id;
use super::wire::RequestJson;

pub async fn read(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<RequestJson>, Fault> {
    let view = state.service.request(&caller, &transaction_id(&id)?).await?;
    Ok(Json(RequestJson::new(&view, &state.public_url)))
}

/// Cancels a request that is still waiting; the answer shows its last state.
pub async fn cancel(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<RequestJson>, Fault> {
    let view = state.service.cancel_request(&caller, &transaction_id(&id)?).await?;
    Ok(Json(RequestJson::new(&view, &state.public_url)))
}
