//! The steps of the page: `POST …/code`, `…/confirm`, `…/refuse`. Each ends in a redirect to the page, which shows the true
//! state whatever happened to the connection.

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Redirect;

use crate::authorization::Proof;
use crate::domain::Secret;
use crate::service::{Answer, ServiceError, StepOutcome};

use super::super::AppState;
use super::super::body::{self, RawBody};
use super::super::fault::Fault;
use super::view::Notice;
use super::{Language, access, check_same_site, token};

pub async fn send_code(
    State(state): State<AppState>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Redirect, Fault> {
    check_same_site(&headers, &state.public_url)?;
    let outcome = state.service.send_code(&token(&path)?).await;
    let notice = outcome.map_or_else(notice_of, |_| Ok(Some(Notice::CodeSent)))?;
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
    // Spaces come with pasting; anything else that is no digit makes a wrong code.
    let typed = fields.get("code").unwrap_or_default();
    let code = Secret::new(typed.chars().filter(|c| !c.is_whitespace()).collect::<String>());
    let pin = fields.get("pin").filter(|pin| !pin.is_empty()).map(Secret::new);
    let outcome = state.service.submit(&token, Answer { proof: Proof::Code(code), pin }).await;
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
        E::Locked | E::State(_) | E::NotYet => Ok(None),
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
