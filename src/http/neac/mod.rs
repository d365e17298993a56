//! The interface Vietnamese systems call today (`get_certificate`, `sign`, status; the "769" set), as a thin facade over the
//! use cases of CSC. Off unless the operator turns it on.
//!
//! Reading order: this file (routes, authentication, the envelope), [`certificates`], [`sign`]. What is rebuilt from
//! integrators' code and what is this service's own choice stands in `docs/neac.md`.
//!
//! What it does not do: sign anything the signer did not confirm on this service's own page; trust a transaction's id as
//! authentication, as the original's status call does.

mod certificates;
mod sign;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderMap;
use axum::routing::post;
use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::Secret;
use crate::service::Caller;
use crate::service::oauth::client::ClientProof;

use super::body::RawBody;
use super::csc::params::Params;
use super::fault::Fault;
use super::{AppState, Limits, problem};

/// Below this path the facade answers.
pub const PREFIX: &str = "/sp769/";

/// Whether the facade is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facade {
    On,
    Off,
}

pub fn router(limits: &Limits) -> Router<AppState> {
    Router::new()
        .route("/sp769/v1/credentials/get_certificate", post(certificates::get_certificate))
        .route("/sp769/v1/signatures/sign", post(sign::sign))
        .route("/sp769/v1/signatures/sign/{id}/status", post(sign::status))
        .layer(DefaultBodyLimit::max(limits.csc_body))
}

/// Reads a request and authenticates it: every body carries `sp_id` and `sp_password`, the client id and secret of a portal.
async fn read(state: &AppState, headers: &HeaderMap, raw: RawBody) -> Result<(Caller, Params), Fault> {
    let bytes = super::body::read(raw)?;
    let params = Params::read(headers, &bytes)?;
    let (id, password) = (params.string(&["sp_id"])?, Secret::new(params.string(&["sp_password"])?));
    let proof = ClientProof::Secret { id: id.to_owned(), secret: password };
    let portal = state.service.authenticate_client(&proof).await?.portal;
    state.budgets.take(&portal, (state.clock)(), None)?;
    Ok((Caller::of_portal(portal), params))
}

/// The envelope of a good answer.
fn answer(message: &str, data: impl Serialize) -> axum::Json<Value> {
    axum::Json(json!({ "status_code": 200, "message": message, "data": data }))
}

fn invalid(detail: &str) -> Fault {
    Fault::new(&problem::INVALID).detail(detail).csc_description(detail)
}
