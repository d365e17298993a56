//! `POST /oauth2/token`: OAuth 2.0 client credentials (RFC 6749 §4.4), scope `service`.

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::domain::Secret;

use super::body::{self, Fields, RawBody};
use super::fault::Fault;
use super::{AppState, Limits, problem};

pub fn router(limits: &Limits) -> Router<AppState> {
    Router::new().route("/oauth2/token", post(token)).layer(DefaultBodyLimit::max(limits.csc_body))
}

#[derive(Serialize)]
struct Token<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    scope: &'static str,
}

async fn token(State(state): State<AppState>, headers: HeaderMap, raw: RawBody) -> Result<Response, Fault> {
    let bytes = body::read(raw)?;
    let fields = body::form(&headers, &bytes)?;
    check_grant(&fields)?;
    let (client_id, secret) = client(&headers, &fields)?;
    let issued = state.service.client_credentials(&client_id, &secret).await.map_err(|error| {
        // RFC 6749 §5.2: the answer names the scheme the client may use.
        Fault::from(error).header(header::WWW_AUTHENTICATE, "Basic realm=\"kyso\"")
    })?;
    let token = Token {
        access_token: issued.token.expose(),
        token_type: "Bearer",
        expires_in: issued.expires_in.whole_seconds(),
        scope: "service",
    };
    let no_cache = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
    Ok((StatusCode::OK, no_cache, axum::Json(token)).into_response())
}

fn check_grant(fields: &Fields) -> Result<(), Fault> {
    let refuse = |error, text: &str| Err(Fault::new(&problem::INVALID_GRANT_REQUEST).csc(error, text));
    match fields.get("grant_type") {
        None | Some("") => return refuse("invalid_request", "Missing parameter grant_type"),
        Some("client_credentials") => {}
        Some(_) => return refuse("unsupported_grant_type", "Only client_credentials is offered"),
    }
    match fields.get("scope") {
        None | Some("" | "service") => Ok(()),
        Some(_) => refuse("invalid_scope", "Only the scope service is offered"),
    }
}

/// Client id and secret from `client_secret_basic` or `client_secret_post`, never from both (RFC 6749 §2.3).
fn client(headers: &HeaderMap, fields: &Fields) -> Result<(String, Secret), Fault> {
    let bad = |text: &str| Fault::new(&problem::INVALID_GRANT_REQUEST).csc("invalid_request", text);
    let posted = fields.get("client_secret");
    let Some(authorization) = headers.get(header::AUTHORIZATION) else {
        let id = fields.get("client_id").ok_or_else(|| bad("Missing parameter client_id"))?;
        let secret = posted.ok_or_else(|| bad("Client authorization required"))?;
        return Ok((id.to_owned(), Secret::new(secret)));
    };
    if posted.is_some() {
        return Err(bad("Client authentication by header and by body at once"));
    }
    let pair = authorization.to_str().ok().and_then(basic);
    pair.ok_or_else(|| bad("Malformed authentication parameter"))
}

/// `Basic base64(id:secret)`, both form-encoded (RFC 6749 §2.3.1).
pub(super) fn basic(value: &str) -> Option<(String, Secret)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((body::decode(id)?, Secret::new(body::decode(secret)?)))
}

#[cfg(test)]
mod tests {
    use super::super::fault::Shape;
    use super::*;
    use axum::http::HeaderValue;

    fn with_basic(pair: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = format!("Basic {}", STANDARD.encode(pair));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&value).expect("a header"));
        headers
    }

    fn error(fault: &Fault) -> String {
        let body: serde_json::Value =
            serde_json::from_str(&fault.body(Shape::OAuth, "r").expect("body")).expect("JSON");
        body["error"].as_str().expect("a string").to_owned()
    }

    #[test]
    fn both_ways_of_client_authentication_are_read() {
        let (id, secret) = client(&with_basic("portal:a%2Bb"), &Fields::parse("")).expect("basic");
        assert_eq!((id.as_str(), secret.expose()), ("portal", "a+b"));
        let fields = Fields::parse("client_id=portal&client_secret=s");
        let (id, secret) = client(&HeaderMap::new(), &fields).expect("post");
        assert_eq!((id.as_str(), secret.expose()), ("portal", "s"));
    }

    #[test]
    fn two_authentications_at_once_are_refused() {
        let fault = client(&with_basic("portal:s"), &Fields::parse("client_secret=s")).expect_err("refused");
        assert_eq!(error(&fault), "invalid_request");
    }

    #[test]
    fn other_grants_and_scopes_have_their_own_errors() {
        let of = |form| error(&check_grant(&Fields::parse(form)).expect_err("refused"));
        assert_eq!(of("scope=service"), "invalid_request");
        assert_eq!(of("grant_type=password"), "unsupported_grant_type");
        assert_eq!(of("grant_type=client_credentials&scope=credential"), "invalid_scope");
        assert!(check_grant(&Fields::parse("grant_type=client_credentials")).is_ok());
    }
}
