//! `GET /v1/requests/{id}/receipts/{n}`: what one signer confirmed, under the service's own seal.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::service::receipts::Receipt;

use super::super::auth::Authenticated;
use super::super::fault::Fault;
use super::super::{AppState, problem};
use super::download::attachment;
use super::transaction_id;

pub async fn receipt(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path((id, n)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let number = n.parse().map_err(|_| Fault::new(&problem::NOT_FOUND).detail("no such receipt"))?;
    Ok(sealed(state.service.receipt(&caller, &transaction_id(&id)?, number).await?))
}

/// A receipt as a download.
pub fn sealed(Receipt { name, pdf }: Receipt) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "application/pdf".to_owned()), (header::CONTENT_DISPOSITION, attachment(&name))];
    (headers, pdf).into_response()
}
