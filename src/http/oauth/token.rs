//! `POST /oauth2/token`: client credentials, authorization code, refresh token.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::Value;

use crate::domain::oauth::Client;
use crate::domain::{CredentialId, Secret};
use crate::service::oauth::OauthError;
use crate::service::oauth::token::{CodeExchange, TokenAnswer};
use crate::service::{Service, ServiceError};

use super::super::AppState;
use super::super::body::{self, Fields, RawBody};
use super::super::fault::Fault;
use super::client_auth::{ClientCertificate, proof};
use super::{details, invalid, params, refused};

/// What this endpoint reads; none may come twice.
const NAMES: [&str; 10] = [
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "client_id",
    "client_secret",
    "client_assertion",
    "refresh_token",
    "scope",
    "authorization_details",
];

pub async fn token(
    State(state): State<AppState>,
    certificate: Option<Extension<ClientCertificate>>,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Response, Fault> {
    let bytes = body::read(raw)?;
    let fields = body::form(&headers, &bytes)?;
    let certificate = certificate.as_ref().map(|Extension(certificate)| certificate);
    let answered = async {
        let grant = grant(&fields)?;
        let proof = proof((&headers, &fields), certificate, (&state.public_url, "/oauth2/token"))?;
        let client = state.service.authenticate_client(&proof).await?;
        answer(&state.service, &client, grant, certificate.map(|certificate| certificate.0.as_str())).await
    };
    let answer = answered.await.map_err(refused)?;
    let no_cache = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
    Ok((StatusCode::OK, no_cache, Json(write(&answer))).into_response())
}

/// What the client wants a token for.
#[derive(Debug)]
enum Grant {
    Client,
    Code(CodeExchange),
    Refresh(Secret),
}

fn grant(fields: &Fields) -> Result<Grant, ServiceError> {
    if let Some(name) = NAMES.into_iter().find(|name| fields.count(name) > 1) {
        return Err(invalid(format!("Repeated parameter {name}")));
    }
    let needed = |name: &str| params::one(fields, name).ok_or_else(|| invalid(format!("Missing parameter {name}")));
    let oauth = |error, text: &str| ServiceError::Oauth { error, description: text.to_owned() };
    // Scope credential comes of a code alone.
    let service_only = || match params::one(fields, "scope") {
        None | Some("service") => Ok(()),
        Some(_) => Err(oauth(OauthError::InvalidScope, "Only the scope service is offered for this grant")),
    };
    match needed("grant_type")? {
        "client_credentials" => service_only().map(|()| Grant::Client),
        "refresh_token" => service_only().and_then(|()| Ok(Grant::Refresh(Secret::new(needed("refresh_token")?)))),
        "authorization_code" => Ok(Grant::Code(CodeExchange {
            code: Secret::new(needed("code")?),
            redirect_uri: params::one(fields, "redirect_uri").map(str::to_owned),
            code_verifier: params::one(fields, "code_verifier").map(Secret::new),
            details: params::one(fields, "authorization_details").map(details::read).transpose()?,
        })),
        _ => Err(oauth(OauthError::UnsupportedGrantType, "Invalid parameter grant_type")),
    }
}

async fn answer(
    service: &Service,
    client: &Client,
    grant: Grant,
    certificate: Option<&str>,
) -> Result<TokenAnswer, ServiceError> {
    match grant {
        Grant::Client => service.client_credentials(client, certificate).await,
        Grant::Code(exchange) => service.exchange_code(client, exchange, certificate).await,
        Grant::Refresh(token) => service.refresh(client, &token, certificate).await,
    }
}

#[derive(Serialize)]
struct Body<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    scope: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(rename = "credentialID", skip_serializing_if = "Option::is_none")]
    credential: Option<&'a CredentialId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<Value>,
}

fn write(answer: &TokenAnswer) -> Body<'_> {
    Body {
        access_token: answer.token.expose(),
        token_type: answer.token_type(),
        expires_in: answer.expires_in.whole_seconds(),
        scope: answer.scope.name(),
        refresh_token: answer.refresh_token.as_ref().map(Secret::expose),
        credential: answer.credential.as_ref().map(|credential| &credential.credential),
        authorization_details: answer.credential.as_ref().and_then(details::write),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_grants_and_scopes_have_their_own_errors() {
        let of = |form| match grant(&Fields::parse(form)) {
            Err(ServiceError::Oauth { error, .. }) => error.name(),
            other => panic!("{other:?}"),
        };
        assert_eq!(of("scope=service"), "invalid_request");
        assert_eq!(of("grant_type=password"), "unsupported_grant_type");
        assert_eq!(of("grant_type=client_credentials&scope=credential"), "invalid_scope");
        assert_eq!(of("grant_type=refresh_token&refresh_token=x&scope=credential"), "invalid_scope");
        assert_eq!(of("grant_type=authorization_code"), "invalid_request");
        assert_eq!(of("grant_type=authorization_code&code=a&code=b"), "invalid_request");
        assert!(grant(&Fields::parse("grant_type=client_credentials&scope=")).is_ok());
    }
}
