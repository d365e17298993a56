//! The portal as a client: how it authenticates, its live secrets; a second secret, and the end of the first.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::{Json, RequestExt as _};
use serde::Serialize;
use time::OffsetDateTime;

use crate::domain::Secret;
use crate::domain::oauth::{Client, ClientSecret};
use crate::service::ServiceError;
use crate::service::oauth::client::ClientProof;

use super::super::AppState;
use super::super::auth::Authenticated;
use super::super::body::{self, Fields, RawBody};
use super::super::budget::Told;
use super::super::fault::Fault;
use super::super::oauth::client_auth;

#[derive(Debug, Serialize)]
pub struct ClientJson {
    pub client_id: String,
    /// `secret`, `private-key-jwt` or `tls`.
    pub auth: &'static str,
    /// The newest first.
    pub secrets: Vec<SecretJson>,
    pub redirect_uris: Vec<String>,
    /// Shown once: when it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct SecretJson {
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// To the hour; absent when it was never used.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub used_at: Option<OffsetDateTime>,
}

impl ClientJson {
    fn new(client: &Client, secret: Option<&Secret>) -> Self {
        let live = |secret: &ClientSecret| SecretJson {
            created_at: seconds(secret.created_at),
            used_at: secret.used_at.map(seconds),
        };
        Self {
            client_id: client.portal.to_string(),
            auth: client.auth.name(),
            secrets: client.secrets.iter().map(live).collect(),
            redirect_uris: client.redirect_uris.clone(),
            secret: secret.map(|secret| secret.expose().to_owned()),
        }
    }
}

fn seconds(time: OffsetDateTime) -> OffsetDateTime {
    time.replace_nanosecond(0).unwrap_or(time)
}

pub async fn read(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<ClientJson>, Fault> {
    caller.needs_portal()?;
    Ok(Json(ClientJson::new(&state.service.client(&caller.portal).await?, None)))
}

pub async fn add(State(state): State<AppState>, request: Request) -> Result<(StatusCode, Json<ClientJson>), Fault> {
    let (client, _) = proven(&state, request).await?;
    let secret = state.service.rotate_secret(&client.portal).await?;
    let client = state.service.client(&client.portal).await?;
    Ok((StatusCode::CREATED, Json(ClientJson::new(&client, Some(&secret)))))
}

/// The secret shown stays and the other one ends; who shows a key or a certificate ends the older one.
pub async fn retire(State(state): State<AppState>, request: Request) -> Result<Json<ClientJson>, Fault> {
    let (client, proof) = proven(&state, request).await?;
    match &proof {
        ClientProof::Secret { secret, .. } => state.service.keep_secret(&client.portal, secret).await?,
        ClientProof::Assertion { .. } | ClientProof::Tls { .. } => state.service.retire_secret(&client.portal).await?,
    }
    Ok(Json(ClientJson::new(&state.service.client(&client.portal).await?, None)))
}

/// The client that proves itself in this very call, as at the token endpoint, and how.
async fn proven(state: &AppState, request: Request) -> Result<(Client, ClientProof), Fault> {
    let (path, headers) = (request.uri().path().to_owned(), request.headers().clone());
    let (certificate, told) = (request.extensions().get().cloned(), request.extensions().get::<Told>().cloned());
    let raw: RawBody = request.extract().await;
    let bytes = body::read(raw)?;
    let fields = if bytes.is_empty() { Fields::default() } else { body::form(&headers, &bytes)? };
    let proof = client_auth::proof((&headers, &fields), certificate.as_ref(), (&state.public_url, &path))?;
    let client = state.service.authenticate_client(&proof).await.map_err(refused)?;
    state.budgets.take(&client.portal, (state.clock)(), told.as_ref())?;
    Ok((client, proof))
}

fn refused(error: ServiceError) -> Fault {
    let unknown = matches!(error, ServiceError::UnknownClient);
    let fault = Fault::from(error);
    if unknown { fault.header(header::WWW_AUTHENTICATE, "Basic realm=\"kyso\", charset=\"UTF-8\"") } else { fault }
}
