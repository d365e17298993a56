//! OAuth 2.0 (RFC 6749, with the CSC API's scopes): who a client is, what a citizen lets it do, and the tokens of that.
//!
//! Reading order: [`redirect`] and [`pkce`] (two small rules), [`client`] (authentication of clients), [`request`] (what may be
//! asked for), [`authorize`] (pushed and opened), [`access`] (the page for scope `service`), [`grant`] (from the citizen's
//! confirmation to a code), [`token`] (codes and refresh tokens to tokens; the end of tokens), [`citizen`] (sign-in through an
//! identity provider), [`desk`] (a portal's staff), [`admin`].
//!
//! Scope `credential` adds nothing to sole control: the citizen confirms a transaction on the hosted page as always, the SAD of
//! that confirmation is sealed under the authorization code, and the token given for the code *is* the SAD.

pub mod access;
pub mod admin;
pub mod authorize;
pub mod citizen;
pub mod client;
pub mod desk;
pub mod grant;
pub mod pkce;
pub mod redirect;
pub mod request;
pub mod token;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use time::Duration;

use super::{Result, Service, ServiceError};
use crate::crypto::digest::hex;

/// How long a pushed request waits to be used (RFC 9126 §4: 5 to 600 seconds).
pub const PUSHED_LIFE: Duration = Duration::seconds(90);
/// How long a code waits to be redeemed (RFC 6749 §4.1.2: at most ten minutes).
const CODE_LIFE: Duration = Duration::seconds(60);
/// How long a family of refresh tokens lives, whatever happens.
const FAMILY_LIFE: Duration = Duration::days(30);
/// Authorisations of one portal that may wait at a time: those that any browser may begin, and those the client pushed. One kind
/// cannot take the other's room.
const WAITING_BROWSERS: u32 = 1_000;
const WAITING_PUSHED: u32 = 10_000;

/// The error words of RFC 6749 §4.1.2.1 and §5.2, RFC 7009, RFC 9126 and RFC 9396.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OauthError {
    InvalidRequest,
    InvalidGrant,
    UnauthorizedClient,
    UnsupportedGrantType,
    UnsupportedResponseType,
    InvalidScope,
    InvalidAuthorizationDetails,
    AccessDenied,
    ServerError,
    TemporarilyUnavailable,
}

impl OauthError {
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidAuthorizationDetails => "invalid_authorization_details",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }
}

/// A refusal in OAuth's words.
pub(super) fn refusal(error: OauthError, description: impl Into<String>) -> ServiceError {
    ServiceError::Oauth { error, description: description.into() }
}

impl Service {
    /// HMAC-SHA256 of `text` for one purpose, under a key that is not in the database.
    fn oauth_mac(&self, purpose: &str, text: &str) -> Result<[u8; 32]> {
        let mac = Hmac::<Sha256>::new_from_slice(self.backends.oauth_key.as_slice());
        let mut mac = mac.map_err(|_| ServiceError::Internal("a MAC could not be made".into()))?;
        for field in [purpose, text] {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field.as_bytes());
        }
        Ok(mac.finalize().into_bytes().into())
    }

    /// The same as hex: a secret that follows from another one and needs no storing.
    fn oauth_secret(&self, purpose: &str, text: &str) -> Result<crate::domain::Secret> {
        Ok(crate::domain::Secret::new(hex(&self.oauth_mac(purpose, text)?)))
    }
}
