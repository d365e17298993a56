//! `/a/{page}`: a citizen lets a portal see their credentials (OAuth scope `service`). Nothing is signed here.
//!
//! Who they are is proved by a code to their registered telephone, or at the identity provider where there is one. The page says
//! the same for a number that is registered and for one that is not.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::domain::{Secret, SignerId};
use crate::service::oauth::access::AccessView;
use crate::service::{Leaving, ServiceError};

use super::super::AppState;
use super::super::body::{self, Fields, RawBody};
use super::super::fault::Fault;
use super::assets::CSS_URL;
use super::text::{Language, Words, plain};
use super::{answer, check_same_site, sign_in, token};

#[derive(Template)]
#[template(path = "access.html")]
struct Access<'a> {
    w: &'static Words,
    css: &'static str,
    language_link: Option<String>,
    sandbox: bool,
    cookies: bool,
    base: &'a str,
    portal_name: String,
    portal_host: Option<String>,
    support_phone: Option<String>,
    description: String,
    step: Step,
    code_label: String,
    wrong: bool,
    until: String,
}

/// What the citizen does next.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Go to the provider of this name.
    SignIn(String),
    /// Signed in: agree, or not.
    Agree,
    /// Tell the registered number; the code is sent there.
    Number,
    /// The portal said who it is: have a code sent to this number.
    Known(String),
    Code,
}

pub async fn show(
    State(state): State<AppState>,
    Path(page): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let view = state.service.access_request(&token(&page)?).await?;
    let fields = Fields::parse(query.as_deref().unwrap_or_default());
    let signed_in = sign_in::signer(&state, &headers).await?;
    let language = Language::of_query(query.as_deref());
    let step = step(&state, &view, signed_in.as_ref(), fields.get("n"));
    let base = format!("/a/{page}");
    let html = Access {
        w: language.words(),
        css: &CSS_URL,
        language_link: Some(format!("{base}?lang={}", language.words().other_lang)),
        sandbox: state.sandbox.is_some(),
        cookies: state.citizens.is_some(),
        base: &base,
        portal_name: plain(&view.portal.name),
        portal_host: view.portal.host.as_deref().map(plain),
        support_phone: view.portal.support_phone.as_deref().map(plain),
        description: plain(&view.request.description),
        step,
        code_label: language.code_label(view.code_digits),
        wrong: fields.get("n") == Some("wrong"),
        until: language.request_until(view.expires_at),
    };
    Ok(answer(html.render().unwrap_or_default(), view.leaving().policy_source()))
}

fn step(state: &AppState, view: &AccessView, signed_in: Option<&SignerId>, notice: Option<&str>) -> Step {
    match (&state.citizens, signed_in, notice) {
        (Some(_), Some(_), _) => Step::Agree,
        (Some(provider), None, _) => Step::SignIn(plain(&provider.settings().name)),
        (None, _, Some("sent" | "wrong")) => Step::Code,
        (None, _, _) => match &view.signer {
            Some(signer) => Step::Known(signer.masked_phone()),
            None => Step::Number,
        },
    }
}

/// Has a code sent; leads to the field for it whether or not there was anybody to send one to.
pub async fn send_code(
    State(state): State<AppState>,
    Path(page): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Redirect, Fault> {
    check_same_site(&headers, &state.public_url)?;
    if state.citizens.is_some() {
        return Ok(back(&page, query.as_deref(), None));
    }
    let bytes = body::read(raw)?;
    let fields = body::form(&headers, &bytes)?;
    let phone = fields.get("phone").unwrap_or_default();
    state.service.send_access_code(&token(&page)?, phone).await?;
    Ok(back(&page, query.as_deref(), Some("sent")))
}

/// The code, or where the citizen signed in their word, lets the portal in.
pub async fn agree(
    State(state): State<AppState>,
    Path(page): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Response, Fault> {
    check_same_site(&headers, &state.public_url)?;
    let key = token(&page)?;
    let bytes = body::read(raw)?;
    let fields = body::form(&headers, &bytes)?;
    let agreed = match (&state.citizens, sign_in::signer(&state, &headers).await?) {
        (Some(_), Some(signer)) => state.service.agree_to_access(&key, &signer).await,
        (Some(_), None) => return Ok(back(&page, query.as_deref(), None).into_response()),
        (None, _) => {
            let typed = fields.get("code").unwrap_or_default();
            let code = Secret::new(typed.chars().filter(|c| !c.is_whitespace()).collect::<String>());
            state.service.confirm_access(&key, &code).await
        }
    };
    match agreed {
        Ok(leaving) => Ok(leave(&state, &leaving).into_response()),
        Err(ServiceError::WrongAuthenticationData { .. }) => {
            Ok(back(&page, query.as_deref(), Some("wrong")).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

pub async fn refuse(
    State(state): State<AppState>,
    Path(page): Path<String>,
    headers: HeaderMap,
) -> Result<Redirect, Fault> {
    check_same_site(&headers, &state.public_url)?;
    Ok(leave(&state, &state.service.refuse_access(&token(&page)?).await?))
}

/// On to the client.
pub fn leave(state: &AppState, leaving: &Leaving) -> Redirect {
    Redirect::to(leaving.url(&state.public_url).expose())
}

fn back(page: &str, query: Option<&str>, notice: Option<&str>) -> Redirect {
    let language = Language::of_query(query).words().lang;
    let notice = notice.map(|notice| format!("&n={notice}")).unwrap_or_default();
    Redirect::to(&format!("/a/{page}?lang={language}{notice}#step"))
}
