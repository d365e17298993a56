//! The sandbox's own addresses: the outbox in place of a message gateway, a sample to sign, the development PKI as a real CA would answer, a clock
//! that can be moved, and switches that make the time-stamping authority and the OCSP responder fail.
//!
//! Mounted only when the state holds a [`SandboxState`]; a production service has no such paths.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration as StdDuration;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;

use crate::dev_pki::{CrlIssuer, DevPki, DevPkiError, OcspMode, TsaMode, paths};
use crate::domain::Clock as _;
use crate::domain::ports::ShiftedClock;

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
    /// The clock of the whole service.
    pub clock: Arc<ShiftedClock>,
    pub switches: Arc<Switches>,
    /// Told whenever the clock is moved, so that what is due by then happens then.
    pub moved: Arc<Notify>,
}

/// How the authority and the responder behave at the moment.
#[derive(Debug, Default)]
pub struct Switches {
    tsa: Mutex<TsaSwitch>,
    ocsp: Mutex<OcspSwitch>,
}

/// Behaviours of the time-stamping authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TsaSwitch {
    #[default]
    Ok,
    /// 503, nothing else.
    Down,
    /// Answers after [`SLOW`].
    Slow,
    WrongImprint,
    WrongNonce,
    UnknownSigner,
    Rejects,
}

/// Behaviours of the OCSP responder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OcspSwitch {
    #[default]
    Ok,
    Down,
    Slow,
    Unknown,
    TryLater,
}

/// Longer than clients wait, shorter than the service lets any request take.
const SLOW: StdDuration = StdDuration::from_secs(20);

/// Farthest the clock is moved: certificates of the development PKI live for twenty years.
const FARTHEST: Duration = Duration::days(50 * 365);

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/sandbox/outbox", get(outbox))
        .route("/sandbox/sample.pdf", get(sample))
        .route("/sandbox/clock", get(clock).post(move_clock))
        .route("/sandbox/tsa", get(tsa_switch).post(switch_tsa))
        .route("/sandbox/ocsp", get(ocsp_switch).post(switch_ocsp))
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
        // RFC 6960 §A.1: the request in the path, base64.
        .route(&format!("{}/{{*request}}", paths::OCSP), get(ocsp_in_path))
        .route(paths::OCSP, post(ocsp).layer(DefaultBodyLimit::max(REQUEST_BYTES)))
        .route(paths::TSA, post(time_stamp).layer(DefaultBodyLimit::max(REQUEST_BYTES)))
}

const CRL: &str = "application/pkix-crl";
const CERTIFICATE: &str = "application/pkix-cert";

async fn outbox(State(state): State<AppState>) -> Result<Response, Fault> {
    let sandbox = state.sandbox.ok_or_else(missing)?;
    Ok(Json((sandbox.outbox)()).into_response())
}

/// Something to sign, for whoever has nothing at hand.
async fn sample() -> Response {
    const CONTRACT: &[u8] = include_bytes!("../../samples/hop-dong-dich-vu.pdf");
    ([(header::CONTENT_TYPE, "application/pdf")], CONTRACT).into_response()
}

/// `{"now":"2026-06-01T12:00:00Z","offset_seconds":0}`
async fn clock(State(state): State<AppState>) -> Result<Json<Value>, Fault> {
    let clock = state.sandbox.ok_or_else(missing)?.clock;
    let now = clock.now().format(&Rfc3339).map_err(|error| Fault::new(&problem::INTERNAL).cause(&error))?;
    Ok(Json(json!({"now": now, "offset_seconds": clock.offset().whole_seconds()})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
enum Moved {
    #[serde(rename = "offset_seconds")]
    Offset(i64),
    /// RFC 3339.
    #[serde(rename = "now")]
    Now(String),
}

async fn move_clock(state: State<AppState>, headers: HeaderMap, raw: RawBody) -> Result<Json<Value>, Fault> {
    let sandbox = state.sandbox.clone().ok_or_else(missing)?;
    let bad = |detail: String| Fault::new(&problem::MALFORMED_JSON).detail(detail);
    let offset = match body::json(&headers, &body::read(raw)?)? {
        Moved::Offset(seconds) => Duration::seconds(seconds),
        Moved::Now(text) => {
            let now = OffsetDateTime::parse(&text, &Rfc3339).map_err(|error| bad(format!("now: {error}")))?;
            now - sandbox.clock.now() + sandbox.clock.offset()
        }
    };
    if offset.abs() > FARTHEST {
        return Err(bad("the clock is moved by fifty years at most".to_owned()));
    }
    sandbox.clock.shift(offset);
    let refreshed = sandbox.pki.refresh_crl(sandbox.clock.now());
    refreshed.map_err(|error| Fault::new(&problem::INTERNAL).cause(&error))?;
    sandbox.moved.notify_one();
    clock(state).await
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mode<T> {
    mode: T,
}

async fn tsa_switch(State(state): State<AppState>) -> Result<Json<Mode<TsaSwitch>>, Fault> {
    Ok(Json(Mode { mode: read(&state.sandbox.ok_or_else(missing)?.switches.tsa) }))
}

async fn switch_tsa(
    State(state): State<AppState>,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Json<Mode<TsaSwitch>>, Fault> {
    let Mode { mode } = body::json(&headers, &body::read(raw)?)?;
    set(&state.sandbox.ok_or_else(missing)?.switches.tsa, mode);
    Ok(Json(Mode { mode }))
}

async fn ocsp_switch(State(state): State<AppState>) -> Result<Json<Mode<OcspSwitch>>, Fault> {
    Ok(Json(Mode { mode: read(&state.sandbox.ok_or_else(missing)?.switches.ocsp) }))
}

async fn switch_ocsp(
    State(state): State<AppState>,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Json<Mode<OcspSwitch>>, Fault> {
    let Mode { mode } = body::json(&headers, &body::read(raw)?)?;
    set(&state.sandbox.ok_or_else(missing)?.switches.ocsp, mode);
    Ok(Json(Mode { mode }))
}

fn read<T: Copy>(switch: &Mutex<T>) -> T {
    *switch.lock().unwrap_or_else(PoisonError::into_inner)
}

fn set<T>(switch: &Mutex<T>, mode: T) {
    *switch.lock().unwrap_or_else(PoisonError::into_inner) = mode;
}

async fn ocsp(state: State<AppState>, raw: RawBody) -> Result<Response, Fault> {
    let request = body::read(raw)?;
    answer_ocsp(state, &request).await
}

async fn ocsp_in_path(state: State<AppState>, Path(request): Path<String>) -> Result<Response, Fault> {
    // What is not base64 is no request, which the responder itself says.
    answer_ocsp(state, &STANDARD.decode(request).unwrap_or_default()).await
}

async fn answer_ocsp(state: State<AppState>, request: &[u8]) -> Result<Response, Fault> {
    let mode = match read(&state.sandbox.as_ref().ok_or_else(missing)?.switches.ocsp) {
        OcspSwitch::Down => return Ok(StatusCode::SERVICE_UNAVAILABLE.into_response()),
        OcspSwitch::Slow => {
            tokio::time::sleep(SLOW).await;
            OcspMode::Ok
        }
        OcspSwitch::Ok => OcspMode::Ok,
        OcspSwitch::Unknown => OcspMode::Unknown,
        OcspSwitch::TryLater => OcspMode::TryLater,
    };
    made(state, "application/ocsp-response", |pki, now| pki.ocsp_as(mode, request, now))
}

async fn time_stamp(state: State<AppState>, raw: RawBody) -> Result<Response, Fault> {
    let request = body::read(raw)?;
    let mode = match read(&state.sandbox.as_ref().ok_or_else(missing)?.switches.tsa) {
        TsaSwitch::Down => return Ok(StatusCode::SERVICE_UNAVAILABLE.into_response()),
        TsaSwitch::Slow => {
            tokio::time::sleep(SLOW).await;
            TsaMode::Ok
        }
        TsaSwitch::Ok => TsaMode::Ok,
        TsaSwitch::WrongImprint => TsaMode::WrongImprint,
        TsaSwitch::WrongNonce => TsaMode::WrongNonce,
        TsaSwitch::UnknownSigner => TsaMode::UnknownSigner,
        TsaSwitch::Rejects => TsaMode::Rejects,
    };
    made(state, "application/timestamp-reply", |pki, now| pki.timestamp_as(mode, &request, now))
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
