//! The sandbox's own addresses: the outbox in place of a message gateway, and the development PKI as a real CA would answer.
//!
//! Mounted only when the state holds a [`SandboxState`]; a production service has no such paths.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use time::OffsetDateTime;

use crate::dev_pki::{CrlIssuer, DevPki, DevPkiError, paths};

use super::body::{self, RawBody};
use super::fault::Fault;
use super::{AppState, problem};

/// Bytes of an OCSP or time-stamp request; real ones have a few hundred.
const REQUEST_BYTES: usize = 64 * 1024;

/// What only a sandbox offers.
#[derive(Clone)]
pub struct SandboxState {
    /// `[{"to","channel","code","text","transaction","sent_at"}]`, newest last.
    pub outbox: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    pub pki: Arc<DevPki>,
}

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/sandbox/outbox", get(outbox))
        .route(
            paths::ISSUING_CRL,
            get(|s: State<AppState>| async { made(s, CRL, |pki, now| pki.crl(CrlIssuer::Issuing, now)) }),
        )
        .route(
            paths::ROOT_CRL,
            get(|s: State<AppState>| async { made(s, CRL, |pki, now| pki.crl(CrlIssuer::Root, now)) }),
        )
        .route(
            paths::ISSUING_CERTIFICATE,
            get(|s: State<AppState>| async { made(s, CERTIFICATE, |pki, _| pki.issuing()) }),
        )
        .route(paths::ROOT_CERTIFICATE, get(|s: State<AppState>| async { made(s, CERTIFICATE, |pki, _| pki.root()) }))
        .route(paths::OCSP, post(ocsp).layer(DefaultBodyLimit::max(REQUEST_BYTES)))
        .route(paths::TSA, post(time_stamp).layer(DefaultBodyLimit::max(REQUEST_BYTES)))
}

const CRL: &str = "application/pkix-crl";
const CERTIFICATE: &str = "application/pkix-cert";

async fn outbox(State(state): State<AppState>) -> Result<Response, Fault> {
    let sandbox = state.sandbox.ok_or_else(missing)?;
    Ok(axum::Json((sandbox.outbox)()).into_response())
}

async fn ocsp(state: State<AppState>, raw: RawBody) -> Result<Response, Fault> {
    let request = body::read(raw)?;
    made(state, "application/ocsp-response", |pki, now| pki.ocsp(&request, now))
}

async fn time_stamp(state: State<AppState>, raw: RawBody) -> Result<Response, Fault> {
    let request = body::read(raw)?;
    made(state, "application/timestamp-reply", |pki, now| pki.timestamp(&request, now))
}

/// Answers with what the development PKI makes, fresh for each call.
fn made(
    State(state): State<AppState>,
    content_type: &'static str,
    make: impl FnOnce(&DevPki, OffsetDateTime) -> Result<Vec<u8>, DevPkiError>,
) -> Result<Response, Fault> {
    let sandbox = state.sandbox.ok_or_else(missing)?;
    let bytes = make(&sandbox.pki, (state.clock)()).map_err(|error| Fault::new(&problem::INTERNAL).cause(&error))?;
    Ok(([(header::CONTENT_TYPE, content_type)], bytes).into_response())
}

fn missing() -> Fault {
    Fault::new(&problem::NO_SUCH_PATH)
}
