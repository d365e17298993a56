//! `POST /v1/verify`: a signed file in, the report of `kyso verify` out.
//!
//! Reading order: [`verify`] (the call), [`given`] (what a body may be), [`accept`] (in which form the report is wanted),
//! [`worker`] (the verifier in a process of its own). The judgement is the command line's own: same engine, same words, same JSON.
//!
//! What it does not do: fetch anything, keep anything. Evidence is what the file brings and what the operator configured.

mod accept;
mod given;
mod worker;

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use super::auth::Authenticated;
use super::body::{self, RawBody};
use super::fault::Fault;
use super::{AppState, Limits, problem};
use accept::ReportForm;
use given::Given;
use worker::Ran;
pub use worker::{Verifier, VerifySettings};

pub fn router(limits: &Limits) -> Router<AppState> {
    Router::new().route(PATH, post(verify)).layer(DefaultBodyLimit::max(limits.request_body))
}

/// Where it is called.
pub const PATH: &str = "/v1/verify";

async fn verify(
    State(state): State<AppState>,
    _: Authenticated,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Response, Fault> {
    let form = ReportForm::wanted(&headers)?;
    let bytes = body::read(raw)?;
    let given = Given::read(&headers, query.as_deref(), &bytes)?;
    drop(bytes);
    let now = (state.clock)();
    let ran = state.verifier.run(given, form, now).await.map_err(|error| failed().cause(&error))?;
    match ran {
        Ran::Report(report) => Ok(answer(form, report)),
        Ran::TooCostly => Err(Fault::new(&problem::VERIFICATION_TOO_COSTLY)),
        Ran::Failed(how) => Err(failed().cause(&how)),
    }
}

fn failed() -> Fault {
    Fault::new(&problem::VERIFIER_FAILED)
}

fn answer(form: ReportForm, report: Vec<u8>) -> Response {
    let mut response = ([(header::CONTENT_TYPE, form.media_type())], report).into_response();
    if form == ReportForm::Html {
        // The report brings its own style and pictures and nothing else; no script runs in it.
        let policy =
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'";
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}
