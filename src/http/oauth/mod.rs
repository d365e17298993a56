//! OAuth 2.0 endpoints under `/oauth2`, and the document that lists them.
//!
//! Reading order: [`client_auth`] (which client calls), [`details`] and [`params`] (what it asks for), then one file an endpoint:
//! [`authorize`], [`pushed`], [`token`], [`revoke`], [`metadata`]. Standards: RFC 6749, 6750, 7009, 7523, 7636, 8252, 8414, 8705,
//! 9126, 9207, 9396, and the CSC API's scopes and parameters (v1.0.4.0 and v2.0.0.2 §8).

mod authorize;
pub mod client_auth;
mod details;
mod metadata;
mod params;
mod pushed;
mod revoke;
mod token;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header;
use axum::routing::{get, post};

use crate::service::ServiceError;
use crate::service::oauth::OauthError;
use crate::service::oauth::authorize::error_words;

use super::fault::Fault;
use super::{AppState, Limits, problem};

pub fn router(limits: &Limits) -> Router<AppState> {
    Router::new()
        .route("/oauth2/authorize", get(authorize::authorize))
        .route("/oauth2/pushed_authorize", post(pushed::push))
        .route("/oauth2/token", post(token::token))
        .route("/oauth2/revoke", post(revoke::revoke))
        .route("/.well-known/oauth-authorization-server", get(metadata::metadata))
        .layer(DefaultBodyLimit::max(limits.csc_body))
}

/// A refusal at an endpoint that clients call directly (RFC 6749 §5.2).
fn refused(error: ServiceError) -> Fault {
    match &error {
        // The answer names the scheme the client may use.
        ServiceError::UnknownClient => {
            Fault::from(error).header(header::WWW_AUTHENTICATE, "Basic realm=\"kyso\", charset=\"UTF-8\"")
        }
        ServiceError::Storage(_) | ServiceError::Custody(_) | ServiceError::ChannelDown | ServiceError::Internal(_) => {
            error.into()
        }
        _ => {
            let (word, description) = error_words(&error);
            let row = match word {
                OauthError::TemporarilyUnavailable => &problem::OVERLOADED,
                _ => &problem::INVALID_GRANT_REQUEST,
            };
            Fault::new(row).csc(word.name(), description)
        }
    }
}

/// `400 invalid_request`.
fn invalid(description: impl Into<String>) -> ServiceError {
    ServiceError::Oauth { error: OauthError::InvalidRequest, description: description.into() }
}
