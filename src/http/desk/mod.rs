//! The portal's desk: what a portal's own staff sees of its requests, webhooks, usage and client secrets.
//!
//! Everything here is a use case that `/v1` has too; nothing is decided here. Plain HTML over post, redirect, get: no script, nothing from
//! third parties. Reading order: [`session`] (who is at the desk, and which forms are theirs), [`text`] (every sentence, in both languages),
//! [`frame`] (what surrounds each page), then the pages: [`sign_in`], [`requests`], [`webhooks`], [`usage`] with [`chart`], [`secrets`].
//!
//! Who comes in: whoever has a live client secret; there are no accounts. The cookie stays with this site (`SameSite=Strict`), each form
//! carries a token that follows from it, and secrets are changed only by somebody who types one again. A portal that authenticates
//! by key or certificate has no secret to type and so no desk.
//!
//! What it does not show: documents and signers' links, which let their holder read what a citizen is to sign.

mod chart;
mod frame;
mod requests;
mod secrets;
mod session;
mod sign_in;
mod text;
mod usage;
mod webhooks;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use super::{AppState, Limits, confirm};
pub use frame::fault_page;
pub use session::Doors;

pub fn router(limits: &Limits) -> Router<AppState> {
    Router::new()
        .route("/desk", get(sign_in::show))
        .route("/desk/sign-in", post(sign_in::sign_in))
        .route("/desk/sign-out", post(sign_in::sign_out))
        .route("/desk/requests", get(requests::list))
        .route("/desk/requests/{id}", get(requests::show))
        .route("/desk/requests/{id}/cancel", get(requests::ask_cancel).post(requests::cancel))
        .route("/desk/webhooks", get(webhooks::list))
        .route("/desk/webhooks/{id}", get(webhooks::show))
        .route("/desk/webhooks/{id}/ping", post(webhooks::ping))
        .route("/desk/webhooks/{id}/secret", post(webhooks::rotate))
        .route("/desk/webhooks/{id}/deliveries/{event}/resend", post(webhooks::resend))
        .route("/desk/usage", get(usage::show))
        .route("/desk/secrets", get(secrets::show).post(secrets::add))
        .route("/desk/secrets/retire", post(secrets::retire))
        .route("/assets/desk.css", get(|| async { confirm::sheet(frame::CSS) }))
        .layer(DefaultBodyLimit::max(limits.form_body))
}
