//! Webhooks, after the Standard Webhooks specification: a portal's addresses, what was sent to them, and the events themselves for
//! whoever cannot be reached.
//!
//! Reading order: [`wire`] (what they look like), [`manage`] (addresses), [`deliveries`], [`events`].

mod deliveries;
mod events;
mod manage;
mod wire;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::domain::WebhookId;

use super::fault::Fault;
use super::{AppState, Limits, problem};
pub use deliveries::page;

pub fn router(limits: &Limits) -> Router<AppState> {
    Router::new()
        .route("/v1/webhooks", get(manage::list).post(manage::add))
        .route("/v1/webhooks/{id}", get(manage::read).delete(manage::remove))
        .route("/v1/webhooks/{id}/secret", post(manage::rotate))
        .route("/v1/webhooks/{id}/ping", post(manage::ping))
        .route("/v1/webhooks/{id}/deliveries", get(deliveries::list))
        .route("/v1/webhooks/{id}/deliveries/{event}/resend", post(deliveries::resend))
        .route("/v1/events", get(events::list))
        .route("/v1/requests/{id}/events", get(events::of_request))
        .route("/v1/events/secret", get(events::secret))
        .layer(DefaultBodyLimit::max(limits.form_body))
}

/// An id from the path; what cannot be one does not exist.
pub fn webhook_id(text: &str) -> Result<WebhookId, Fault> {
    WebhookId::parse(text).map_err(|_| Fault::new(&problem::NOT_FOUND).detail("no such webhook"))
}
