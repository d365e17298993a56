//! Signing requests, the portal's simple way: whole documents in, a page for the citizen, signed documents out.
//!
//! Reading order: [`wire`] (what a request looks like to its portal), [`create`] with [`options`]
//! (how to sign), [`read`] (state and cancellation), [`list`],
//! [`download`]. Unknown JSON members are refused here: a misspelt one must not be silently without effect.

mod appearance;
mod create;
mod download;
mod list;
mod options;
mod read;
mod wire;

pub use create::return_origin;
pub use download::attachment;
pub use list::{STATES, page};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

use crate::domain::TransactionId;

use super::fault::Fault;
use super::{AppState, Limits, problem};

pub fn router(limits: &Limits) -> Router<AppState> {
    Router::new()
        .route("/v1/requests", get(list::list).post(create::create).layer(DefaultBodyLimit::max(limits.request_body)))
        .route("/v1/requests/{id}", get(read::read).delete(read::cancel))
        .route("/v1/requests/{id}/documents/{n}", get(download::download))
}

/// An id from the path; what cannot be one does not exist.
pub fn transaction_id(text: &str) -> Result<TransactionId, Fault> {
    TransactionId::parse(text).map_err(|_| Fault::new(&problem::NOT_FOUND).detail("no such request"))
}
