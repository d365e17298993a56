//! The sandbox's own addresses: the outbox in place of a message gateway, and the development PKI's files.
//!
//! Mounted only when the state holds a [`SandboxState`]; a production service has no such paths.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::fault::Fault;
use super::{AppState, problem};

/// What only a sandbox offers.
#[derive(Clone)]
pub struct SandboxState {
    /// `[{"to","channel","code","text","transaction","sent_at"}]`, newest last.
    pub outbox: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    /// Files of the development PKI by name (`root.pem`, `ca.crt`, `ca.crl`), made anew for each call.
    pub files: Arc<BTreeMap<String, SandboxFile>>,
}

/// A file below `/sandbox/crl/`.
#[derive(Clone)]
pub struct SandboxFile {
    /// E.g. `application/pkix-crl`, `application/pkix-cert`, `application/x-pem-file`.
    pub content_type: &'static str,
    pub bytes: Arc<dyn Fn() -> Vec<u8> + Send + Sync>,
}

pub fn router() -> Router<AppState> {
    Router::new().route("/sandbox/outbox", get(outbox)).route("/sandbox/crl/{name}", get(file))
}

async fn outbox(State(state): State<AppState>) -> Result<Response, Fault> {
    let sandbox = state.sandbox.ok_or_else(missing)?;
    Ok(axum::Json((sandbox.outbox)()).into_response())
}

async fn file(State(state): State<AppState>, Path(name): Path<String>) -> Result<Response, Fault> {
    let sandbox = state.sandbox.ok_or_else(missing)?;
    let file = sandbox.files.get(&name).ok_or_else(missing)?;
    Ok(([(header::CONTENT_TYPE, file.content_type)], (file.bytes)()).into_response())
}

fn missing() -> Fault {
    Fault::new(&problem::NO_SUCH_PATH)
}
