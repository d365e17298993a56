//! The steps of the page: `POST …/code`, `…/confirm`, `…/refuse`. Each ends in a redirect to the page, which shows the true
//! state whatever happened to the connection.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Redirect;

use crate::authorization::{Assertion, Proof};
use crate::domain::{Method, Secret};
use crate::service::{Answer, LiveCode, ServiceError, StepOutcome};

use super::super::body::{self, Fields, RawBody};
use super::super::fault::Fault;
use super::super::{AppState, problem};
use super::view::Notice;
use super::{Language, access, check_same_site, token};

pub async fn send_code(
    State(state): State<AppState>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Redirect, Fault> {
    check_same_site(&headers, &state.public_url)?;
    let bytes = body::read(raw)?;
    // The button for the usual way names none, and older clients send no form at all.
    let fields = if bytes.is_empty() { Fields::default() } else { body::form(&headers, &bytes)? };
    let way = fields.get("way").and_then(Method::from_name);
    let token = token(&path)?;
    let outcome = match way {
        Some(method) => state.service.begin_confirmation(&token, method).await,
        None => state.service.send_code(&token).await,
    };
    let sent = |live: LiveCode| Ok(live.method.is_message().then_some(Notice::CodeSent));
    let notice = outcome.map_or_else(notice_of, sent)?;
    Ok(back(&path, query.as_deref(), notice))
}

pub async fn confirm(
    State(state): State<AppState>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Redirect, Fault> {
    check_same_site(&headers, &state.public_url)?;
    let token = token(&path)?;
    let bytes = body::read(raw)?;
    let fields = body::form(&headers, &bytes)?;
    let pin = fields.get("pin").filter(|pin| !pin.is_empty()).map(Secret::new);
    let outcome = state.service.submit(&token, Answer { proof: proof(&fields)?, pin }).await;
    onward(&state, outcome, (&path, query.as_deref()))
}

pub async fn refuse(
    State(state): State<AppState>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Redirect, Fault> {
    check_same_site(&headers, &state.public_url)?;
    onward(&state, state.service.refuse(&token(&path)?).await, (&path, query.as_deref()))
}

/// Back to the page, or on to the OAuth client that brought the citizen.
fn onward(
    state: &AppState,
    outcome: Result<StepOutcome, ServiceError>,
    (path, query): (&str, Option<&str>),
) -> Result<Redirect, Fault> {
    match outcome {
        Ok(StepOutcome { leaving: Some(leaving), .. }) => Ok(access::leave(state, &leaving)),
        Ok(_) => Ok(back(path, query, None)),
        Err(error) => Ok(back(path, query, notice_of(error)?)),
    }
}

/// Whichever of the page's forms was sent.
fn proof(fields: &Fields) -> Result<Proof, Fault> {
    // Spaces come with pasting; anything else that is no digit makes a wrong code.
    let digits = |name: &str| {
        let typed = fields.get(name).unwrap_or_default();
        Secret::new(typed.chars().filter(|c| !c.is_whitespace()).collect::<String>())
    };
    if fields.get("credential").is_some() {
        let assertion = Assertion {
            credential: octets(fields, "credential")?,
            client_data: octets(fields, "client_data")?,
            authenticator_data: octets(fields, "authenticator_data")?,
            signature: octets(fields, "signature")?,
        };
        return Ok(Proof::Passkey(Box::new(assertion)));
    }
    Ok(match fields.get("control") {
        Some(_) => Proof::Totp { code: digits("code"), control: digits("control") },
        None => Proof::Code(digits("code")),
    })
}

/// A field in base64url, as the page's script writes it.
pub fn octets(fields: &Fields, name: &str) -> Result<Vec<u8>, Fault> {
    let decoded = URL_SAFE_NO_PAD.decode(fields.get(name).unwrap_or_default());
    decoded.map_err(|_| Fault::new(&problem::INVALID).detail(format!("{name} is not base64url")))
}

/// What the page itself can say about an error; everything else is a page of its own.
fn notice_of(error: ServiceError) -> Result<Option<Notice>, Fault> {
    use ServiceError as E;
    match error {
        E::WrongAuthenticationData { .. } => Ok(Some(Notice::WrongCode)),
        E::WrongPin => Ok(Some(Notice::WrongPin)),
        E::CodeExpired => Ok(Some(Notice::CodeExpired)),
        E::ResendTooSoon { .. } => Ok(Some(Notice::TooSoon)),
        E::NoMoreCodes => Ok(Some(Notice::NoMoreCodes)),
        E::ChannelDown => Ok(Some(Notice::ChannelDown)),
        E::GuessesSpent { .. } | E::CodesSpent { .. } | E::MessagesSpent { .. } => Ok(Some(Notice::Spent)),
        // The state has changed, and the page shows it.
        E::Locked | E::State(_) | E::NotYet | E::Frozen => Ok(None),
        other => Err(other.into()),
    }
}

fn back(path: &str, query: Option<&str>, notice: Option<Notice>) -> Redirect {
    let language = Language::of_query(query).words().lang;
    let notice = notice.map(|notice| format!("&n={}", notice.word())).unwrap_or_default();
    Redirect::to(&format!("/c/{path}?lang={language}{notice}#sign"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header;
    use axum::response::IntoResponse as _;

    #[test]
    fn a_wrong_code_leads_back_to_the_field_in_the_same_language() {
        let response = back("token", Some("lang=en"), Some(Notice::WrongCode)).into_response();
        assert_eq!(response.status(), 303);
        assert_eq!(response.headers()[header::LOCATION], "/c/token?lang=en&n=wrong#sign");
    }

    #[test]
    fn an_unknown_link_is_no_notice() {
        assert!(notice_of(ServiceError::NotFound("request")).is_err());
        assert_eq!(notice_of(ServiceError::Locked).ok(), Some(None));
    }
}
