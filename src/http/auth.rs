//! Who calls: the bearer token of a portal (RFC 6750).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use crate::domain::Secret;
use crate::service::Caller;

use super::budget::Told;
use super::fault::Fault;
use super::oauth::client_auth::ClientCertificate;
use super::{AppState, problem};

/// A portal that showed a live token and has not used up its budget of calls. Handlers that take this cannot run without one.
#[derive(Debug)]
pub struct Authenticated(pub Caller);

impl FromRequestParts<AppState> for Authenticated {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Fault> {
        let token =
            bearer(&parts.headers).ok_or_else(|| Fault::new(&problem::NO_TOKEN).challenge("invalid_request"))?;
        let certificate = parts.extensions.get::<ClientCertificate>().map(|certificate| certificate.0.as_str());
        let caller = state.service.authenticate(&token, certificate).await?;
        state.budgets.take(&caller.portal, (state.clock)(), parts.extensions.get::<Told>())?;
        Ok(Self(caller))
    }
}

/// The token of exactly one `Authorization: Bearer …` header.
pub fn bearer(headers: &HeaderMap) -> Option<Secret> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (all.next(), all.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    let well_formed = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.chars().all(allowed);
    well_formed.then(|| Secret::new(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn read(values: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        bearer(&headers).map(|token| token.expose().to_owned())
    }

    #[test]
    fn exactly_one_well_formed_bearer_is_read() {
        assert_eq!(read(&["Bearer abc.DEF-1"]).as_deref(), Some("abc.DEF-1"));
        assert_eq!(read(&["bearer abc"]).as_deref(), Some("abc"));
        for bad in [&[][..], &["Basic abc"], &["Bearer"], &["Bearer "], &["Bearer a b"], &["Bearer a", "Bearer b"]] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
