//! `signatures/signPolling`: what an asynchronous call made; 202 while it is being made.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::domain::{OperationId, SignerId};
use crate::service::{OperationResult, ServiceError};

use super::super::AppState;
use super::super::auth::Authenticated;
use super::super::body::RawBody;
use super::super::fault::Fault;
use super::params::invalid;
use super::{algorithms, sign_doc, sign_hash};

pub async fn sign_polling(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Response, Fault> {
    let params = algorithms::request(&headers, raw)?;
    params.optional_string(&["clientData"]).map_err(|_| invalid("Invalid parameter clientData"))?;
    let bad_user = || invalid("Invalid parameter \"userID\"");
    let user = params.optional_string(&["userID"]).map_err(|_| bad_user())?;
    user.map(SignerId::parse).transpose().map_err(|_| bad_user())?;
    // The answer to a call named it responseID; clients send back what they were given.
    let id = params.string(&["requestID", "responseID"])?;
    let id = OperationId::parse(id).map_err(|_| invalid("Invalid parameter requestID"))?;
    match state.service.operation_result(&caller, &id).await {
        Ok(OperationResult::Hashes(values)) => Ok(Json(sign_hash::answer(&values)).into_response()),
        Ok(OperationResult::Documents(made)) => Ok(Json(sign_doc::answer(&made)).into_response()),
        Err(ServiceError::NotReady) => {
            let pending =
                json!({"error": "accepted_request", "error_description": "The signature operation is not finished"});
            Ok((StatusCode::ACCEPTED, [(header::RETRY_AFTER, "2")], Json(pending)).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
