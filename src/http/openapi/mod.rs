//! `/openapi.json` and `/docs`: what the service offers, made from typed tables beside the handlers.
//!
//! Reading order: [`operation`] (what is said of one), [`table`] with [`csc`] and [`neac`] (all of them), [`schemas`] (the shapes), [`document`] (the OpenAPI
//! document), [`page`] (the same for people). A test reads the sources and fails on a route that the table does not have;
//! schemathesis compares a running service's answers with the document.

mod csc;
mod document;
mod neac;
mod operation;
mod page;
mod schemas;
mod table;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};

use super::AppState;
use super::confirm::Language;

pub fn router() -> Router<AppState> {
    Router::new().route("/openapi.json", get(json)).route("/docs", get(docs))
}

async fn json(State(state): State<AppState>) -> Json<serde_json::Value> {
    Json(document::document(&state.public_url))
}

async fn docs(RawQuery(query): RawQuery) -> Response {
    page::answer(Language::of_query(query.as_deref()))
}
