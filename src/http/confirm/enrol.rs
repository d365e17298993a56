//! `/e/{token}`: the signer registers an authenticator app or a passkey by a one-time link.

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use crate::authorization::{NewAuthenticator, Registration};
use crate::domain::{Method, Secret};
use crate::service::ServiceError;

use super::super::AppState;
use super::super::body::{self, Fields, RawBody};
use super::super::fault::Fault;
use super::pages;
use super::show::context;
use super::steps::octets;
use super::{Scripts, answer_with, check_same_site, token};

pub async fn show(
    State(state): State<AppState>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    page(&state, &path, query.as_deref(), None).await
}

pub async fn totp(
    state: State<AppState>,
    path: Path<String>,
    query: RawQuery,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Response, Fault> {
    let read = |fields: &Fields| {
        let typed = fields.get("code").unwrap_or_default();
        let code = Secret::new(typed.chars().filter(|c| !c.is_whitespace()).collect::<String>());
        Ok(NewAuthenticator::Totp { code })
    };
    register(state, path, query, headers, raw, read).await
}

pub async fn passkey(
    state: State<AppState>,
    path: Path<String>,
    query: RawQuery,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Response, Fault> {
    let read = |fields: &Fields| {
        let registration = Registration {
            client_data: octets(fields, "client_data")?,
            attestation_object: octets(fields, "attestation")?,
        };
        Ok(NewAuthenticator::Passkey(registration))
    };
    register(state, path, query, headers, raw, read).await
}

async fn register(
    State(state): State<AppState>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    raw: RawBody,
    read: impl FnOnce(&Fields) -> Result<NewAuthenticator, Fault>,
) -> Result<Response, Fault> {
    check_same_site(&headers, &state.public_url)?;
    let bytes = body::read(raw)?;
    let fields = body::form(&headers, &bytes)?;
    let name = fields.get("name").unwrap_or_default();
    match state.service.enrol(&token(&path)?, name, read(&fields)?).await {
        Ok(method) => Ok(done(&state, &path, query.as_deref(), method)),
        Err(ServiceError::NotProven) => page(&state, &path, query.as_deref(), Some(())).await,
        Err(other) => Err(other.into()),
    }
}

async fn page(state: &AppState, path: &str, query: Option<&str>, failed: Option<()>) -> Result<Response, Fault> {
    let view = state.service.enrolment(&token(path)?).await?;
    let base = format!("/e/{path}");
    let html = pages::enrol(context(state, &base, query), &view, failed.is_some().then_some(()));
    let scripts = if view.passkey.is_some() { Scripts::Own } else { Scripts::None };
    Ok(answer_with(html, None, scripts))
}

fn done(state: &AppState, path: &str, query: Option<&str>, method: Method) -> Response {
    let base = format!("/e/{path}");
    answer_with(pages::enrolled(context(state, &base, query), method), None, Scripts::None)
}
