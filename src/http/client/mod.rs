//! `/v1/client` and `/v1/usage`: what a portal can know and change of itself.
//!
//! Reading order: [`secrets`] (two live ones, so that a portal can change over), [`usage`] (counts by day). Secrets are changed by
//! whoever shows one, never by a bearer token: a stolen token must not become a secret that outlives it.

mod secrets;
mod usage;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use super::{AppState, Limits};

pub fn router(limits: &Limits) -> Router<AppState> {
    Router::new()
        .route("/v1/client", get(secrets::read))
        .route("/v1/client/secrets", post(secrets::add))
        .route("/v1/client/secrets/retire", post(secrets::retire))
        .route("/v1/usage", get(usage::read))
        .layer(DefaultBodyLimit::max(limits.form_body))
}
