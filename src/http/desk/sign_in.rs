//! `/desk`: the form for signing in; in and out.

use askama::Template;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::domain::{PortalId, Secret};
use crate::service::ServiceError;

use super::super::AppState;
use super::super::body::Fields;
use super::super::confirm::{Language, check_same_site};
use super::super::fault::Fault;
use super::frame::{self, Notice, back, link};
use super::session::{self, Doors, KNOWN, Posted, SESSION, VISITOR, check_form};
use super::text::Words;

const FIRST_PAGE: &str = "/desk/requests";

#[derive(Template)]
#[template(path = "desk_sign_in.html")]
struct SignIn<'a> {
    t: &'static Words,
    form: &'a str,
    client_id: &'a str,
    /// Where to go on; empty for the first page.
    next: &'a str,
    /// What was typed does not fit.
    wrong: Option<&'static str>,
}

pub async fn show(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let language = Language::of_query(query.as_deref());
    if let Some(cookie) = SESSION.read(&headers, &state.public_url)
        && state.service.at_desk(&cookie).await?.is_some()
    {
        return Ok(Redirect::to(&link(FIRST_PAGE, language)).into_response());
    }
    let fields = Fields::parse(query.as_deref().unwrap_or_default());
    let next = fields.get("next").filter(|next| is_desk(next)).unwrap_or_default();
    let notice = Notice::of_query(query.as_deref()).filter(|n| matches!(n, Notice::Ended | Notice::SignedOut));
    form(&state, &headers, language, Shown { client_id: "", next, wrong: None, notice })
}

pub async fn sign_in(State(state): State<AppState>, request: Request) -> Result<Response, Fault> {
    let headers = request.headers().clone();
    let language = Language::of_query(request.uri().query());
    check_same_site(&headers, &state.public_url)?;
    let fields = session::fields(&headers, request).await?;
    let Some(visitor) = VISITOR.read(&headers, &state.public_url) else {
        // The form was open for too long: it begins anew.
        return form(&state, &headers, language, Shown::default());
    };
    check_form(&fields, &state.service.form_token(&visitor)?)?;
    let id = fields.get("client_id").unwrap_or_default().trim();
    let next = fields.get("next").filter(|next| is_desk(next)).unwrap_or_default();
    let again = |status: StatusCode, wrong| -> Result<Response, Fault> {
        let client_id = PortalId::parse(id).map_or("", |_| id);
        let mut response =
            form(&state, &headers, language, Shown { client_id, next, wrong: Some(wrong), notice: None })?;
        *response.status_mut() = status;
        Ok(response)
    };
    let t = Words::of(language);
    let Ok(portal) = PortalId::parse(id) else { return again(StatusCode::FORBIDDEN, t.wrong) };
    if Doors::take_try(&state, &headers, &portal).is_err() {
        return again(StatusCode::TOO_MANY_REQUESTS, t.too_many);
    }
    let secret = Secret::new(fields.get("client_secret").unwrap_or_default());
    match state.service.open_desk(id, &secret).await {
        Ok(cookie) => enter(&state, &portal, &cookie, if next.is_empty() { FIRST_PAGE } else { next }, language),
        Err(ServiceError::UnknownClient) => {
            tracing::warn!(client = id, "somebody did not get in to the desk");
            again(StatusCode::FORBIDDEN, t.wrong)
        }
        Err(error) => Err(error.into()),
    }
}

/// A session of its own: a cookie that was planted before is worth nothing.
fn enter(
    state: &AppState,
    portal: &PortalId,
    cookie: &Secret,
    next: &str,
    language: Language,
) -> Result<Response, Fault> {
    let mut response = back(next, language, None).into_response();
    SESSION.set(&mut response, &state.public_url, Some(cookie));
    KNOWN.set(&mut response, &state.public_url, Some(&state.service.known_browser(portal.as_str())?));
    VISITOR.set(&mut response, &state.public_url, None);
    Ok(response)
}

pub async fn sign_out(State(state): State<AppState>, posted: Posted) -> Result<Response, Fault> {
    state.service.close_desk(&posted.visitor.cookie).await?;
    let mut response = back("/desk", posted.visitor.language, Some(Notice::SignedOut)).into_response();
    SESSION.set(&mut response, &state.public_url, None);
    Ok(response)
}

#[derive(Default)]
struct Shown<'a> {
    client_id: &'a str,
    next: &'a str,
    wrong: Option<&'static str>,
    notice: Option<Notice>,
}

fn form(state: &AppState, headers: &HeaderMap, language: Language, shown: Shown<'_>) -> Result<Response, Fault> {
    let old = VISITOR.read(headers, &state.public_url);
    let visitor = old.unwrap_or_else(|| state.service.visitor_cookie());
    let token = state.service.form_token(&visitor)?;
    let t = Words::of(language);
    let main = SignIn { t, form: token.expose(), client_id: shown.client_id, next: shown.next, wrong: shown.wrong };
    let mut response = frame::outside(state, t.sign_in_title, &main, shown.notice, language);
    VISITOR.set(&mut response, &state.public_url, Some(&visitor));
    Ok(response)
}

/// A page of the desk, as a path of this service and nothing else.
fn is_desk(path: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/');
    path.len() <= 200 && path.starts_with("/desk/") && !path.contains("//") && path.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_on_leads_to_the_desk_alone() {
        assert!(is_desk("/desk/requests/0a1b-_"));
        for bad in [
            "",
            "/",
            "/desk",
            "//evil.example",
            "/desk//evil.example",
            "/desk/../c/x",
            "/desk/x?y",
            "/desk/\\evil",
            "https://evil.example/desk/",
            "/desk/%0d%0a",
            "/deskx/y",
        ] {
            assert!(!is_desk(bad), "{bad}");
        }
    }
}
