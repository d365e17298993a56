//! `auth/login` and `auth/revoke`: the specification's own way to a token, beside OAuth.
//!
//! Basic login takes a portal's client id and secret and gives the `service` token that `/oauth2/token` gives: the portal's,
//! not a signer's, since signers have no password here. Refresh tokens are not given this way.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::domain::Secret;
use crate::service::ServiceError;
use crate::service::oauth::client::ClientProof;
use crate::storage::Outcome;

use super::super::auth::Authenticated;
use super::super::body::RawBody;
use super::super::fault::Fault;
use super::super::oauth::client_auth::basic;
use super::super::{AppState, problem};
use super::algorithms;
use super::params::invalid;

pub async fn login(State(state): State<AppState>, headers: HeaderMap, raw: RawBody) -> Result<Response, Fault> {
    let params = algorithms::request(&headers, raw)?;
    params.flag("rememberMe")?;
    let refresh = params.optional_string(&["refresh_token"]);
    if refresh.map_err(|_| invalid("Invalid string parameter: refresh_token"))?.is_some() {
        return Err(invalid("Invalid refresh_token"));
    }
    let malformed = || Fault::new(&problem::MALFORMED_LOGIN);
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let scheme = authorization.and_then(|value| value.split_once(' ')).map(|(scheme, _)| scheme);
    if !scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic")) {
        return Err(malformed());
    }
    let pair = authorization.and_then(basic);
    let (id, secret) = pair.ok_or_else(|| invalid("Malformed username-password"))?;
    let service = &state.service;
    let client =
        service.authenticate_client(&ClientProof::Secret { id, secret }).await.map_err(|error| match error {
            ServiceError::UnknownClient => Fault::new(&problem::LOGIN_FAILED),
            other => other.into(),
        })?;
    let issued = service.client_credentials(&client, None).await?;
    let answer = json!({"access_token": issued.token.expose(), "expires_in": issued.expires_in.whole_seconds()});
    let no_cache = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
    Ok((StatusCode::OK, no_cache, Json(answer)).into_response())
}

pub async fn revoke(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<StatusCode, Fault> {
    let params = algorithms::request(&headers, raw)?;
    let token = Secret::new(params.string(&["token"])?);
    match params.optional_string(&["token_type_hint"]) {
        Ok(None | Some("access_token" | "refresh_token")) => {}
        _ => return Err(invalid("Invalid string parameter token_type_hint")),
    }
    match state.service.revoke(&caller.portal, &token).await? {
        Outcome::Done => Ok(StatusCode::NO_CONTENT),
        Outcome::Stale => Err(invalid("Invalid string parameter token")),
    }
}
