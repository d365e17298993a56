//! Who is at the desk, and which forms come from their own pages.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{RequestExt as _, RequestPartsExt as _};

use crate::domain::{Portal, PortalId, Secret};
use crate::service::Caller;
use crate::service::oauth::desk::{DeskVisit, same};

use super::super::body::{self, Fields, RawBody};
use super::super::budget::Budgets;
use super::super::confirm::{Language, check_same_site};
use super::super::cookie::{Cookie, SameSite};
use super::super::fault::Fault;
use super::super::{AppState, problem};

/// Who is at the desk: as long as a session may last.
pub const SESSION: Cookie = Cookie { name: "kyso-desk", seconds: 8 * 3600, same_site: SameSite::Never };
/// What the form for signing in is tied to, before there is a session.
pub const VISITOR: Cookie = Cookie { name: "kyso-desk-form", seconds: 3600, same_site: SameSite::Never };
/// A browser that has signed in for a portal: strangers' tries are not counted against it.
pub const KNOWN: Cookie = Cookie { name: "kyso-desk-known", seconds: 180 * 86_400, same_site: SameSite::Never };

/// Tries a minute for one client id, and pages a minute for one portal.
const TRIES: u32 = 10;
const PAGES: u32 = 240;

/// Budgets of the desk, in this process's memory. Secrets have 256 random bits; what is held off here is noise.
#[derive(Debug)]
pub struct Doors {
    strangers: Budgets,
    known: Budgets,
    pages: Budgets,
}

impl Default for Doors {
    fn default() -> Self {
        Self { strangers: Budgets::new(TRIES), known: Budgets::new(TRIES), pages: Budgets::new(PAGES) }
    }
}

impl Doors {
    /// Takes one try at a client's secret. Who has never been in cannot use up the tries of those who have.
    ///
    /// # Errors
    /// [`problem::TOO_MANY_CALLS`].
    pub fn take_try(state: &AppState, headers: &HeaderMap, client: &PortalId) -> Result<(), Fault> {
        let expected = state.service.known_browser(client.as_str())?;
        let known = KNOWN.read(headers, &state.public_url).is_some_and(|shown| same(&shown, &expected));
        let tries = if known { &state.doors.known } else { &state.doors.strangers };
        tries.take(client, (state.clock)(), None)
    }
}

/// Somebody who is signed in.
#[derive(Debug)]
pub struct Visitor {
    pub caller: Caller,
    pub portal: Portal,
    pub cookie: Secret,
    /// What their forms carry.
    pub form: Secret,
    pub language: Language,
    pub uri: Uri,
    /// Not by a form.
    pub came_by_link: bool,
}

impl FromRequestParts<AppState> for Visitor {
    /// The way to the form for signing in, or a fault.
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let language = Language::of_query(parts.uri.query());
        let found = find(state, &parts.headers).await.map_err(Fault::into_response)?;
        let Some((cookie, visit)) = found else {
            let what = if parts.method.is_safe() { format!("next={}", parts.uri.path()) } else { "n=ended".to_owned() };
            let lang = language.words().lang;
            return Err(Redirect::to(&format!("/desk?lang={lang}&{what}")).into_response());
        };
        let counted = state.doors.pages.take(&visit.caller.portal, (state.clock)(), None);
        let form = counted.and_then(|()| Ok(state.service.form_token(&cookie)?)).map_err(Fault::into_response)?;
        let (caller, portal) = (visit.caller, visit.portal);
        let came_by_link = parts.method.is_safe();
        Ok(Self { caller, portal, cookie, form, language, uri: parts.uri.clone(), came_by_link })
    }
}

async fn find(state: &AppState, headers: &HeaderMap) -> Result<Option<(Secret, DeskVisit)>, Fault> {
    let Some(cookie) = SESSION.read(headers, &state.public_url) else { return Ok(None) };
    Ok(state.service.at_desk(&cookie).await?.map(|visit| (cookie, visit)))
}

/// A form that a visitor sent from a page of theirs.
#[derive(Debug)]
pub struct Posted {
    pub visitor: Visitor,
    pub fields: Fields,
    pub headers: HeaderMap,
}

impl FromRequest<AppState> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        check_same_site(&parts.headers, &state.public_url).map_err(Fault::into_response)?;
        let visitor = parts.extract_with_state::<Visitor, _>(state).await?;
        let headers = parts.headers.clone();
        let fields = fields(&headers, Request::from_parts(parts, body)).await.map_err(Fault::into_response)?;
        check_form(&fields, &visitor.form).map_err(Fault::into_response)?;
        Ok(Self { visitor, fields, headers })
    }
}

pub async fn fields(headers: &HeaderMap, request: Request) -> Result<Fields, Fault> {
    let raw: RawBody = request.extract().await;
    body::form(headers, &body::read(raw)?)
}

/// Whether a form carries the token of its browser.
pub fn check_form(fields: &Fields, token: &Secret) -> Result<(), Fault> {
    let shown = fields.get("form").map(Secret::new);
    if shown.is_some_and(|shown| same(&shown, token)) { Ok(()) } else { Err(Fault::new(&problem::CROSS_SITE)) }
}
