//! Sign-in at an identity provider, where one is configured: no document and no step of the page without it, and only for the
//! signer who is asked.
//!
//! Two cookies, both for this service alone and out of scripts' reach: one ties the way to the provider to the browser that set
//! out, one says who came back. A form of another site carries neither with it (`SameSite=Lax`), and is refused besides.

use askama::Template;
use axum::extract::{OriginalUri, Path, RawQuery, Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::domain::{Secret, SignerId};
use crate::identity::{Provider, ProviderError};
use crate::service::ServiceError;

use super::super::body::Fields;
use super::super::cookie::{Cookie, SameSite};
use super::super::fault::Fault;
use super::super::{AppState, problem};
use super::assets::CSS_URL;
use super::text::{Language, Words, plain};
use super::{answer, check_same_site, token};

/// Ties the way to the provider to the browser that set out.
const AWAY: Cookie = Cookie { name: "kyso-away", seconds: 600, same_site: SameSite::Lax };
/// Says who came back.
const SESSION: Cookie = Cookie { name: "kyso", seconds: 900, same_site: SameSite::Lax };

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    w: &'static Words,
    css: &'static str,
    language_link: Option<String>,
    sandbox: bool,
    cookies: bool,
    base: &'a str,
    provider: String,
    portal_name: String,
    /// Somebody else is signed in.
    other: bool,
}

/// Lets nobody but the signed-in signer through to a request's page.
pub async fn guard(
    State(state): State<AppState>,
    Path(path): Path<Vec<(String, String)>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(provider) = state.citizens.clone() else { return next.run(request).await };
    let page = path.into_iter().find(|(name, _)| name == "token").map(|(_, value)| value).unwrap_or_default();
    let headers = request.headers().clone();
    match admitted(&state, &page, &headers).await {
        Ok(Admitted::Yes) => next.run(request).await,
        Ok(Admitted::No { portal, other }) => refer(&state, &provider, (&page, &request), (&portal, other)),
        Err(fault) => fault.into_response(),
    }
}

enum Admitted {
    Yes,
    /// The portal's name; whether somebody else is signed in.
    No {
        portal: String,
        other: bool,
    },
}

async fn admitted(state: &AppState, page: &str, headers: &HeaderMap) -> Result<Admitted, Fault> {
    let view = state.service.confirmation(&token(page)?).await?;
    Ok(match signer(state, headers).await? {
        Some(signer) if signer == view.signer.id => Admitted::Yes,
        other => Admitted::No { portal: view.portal.name, other: other.is_some() },
    })
}

fn refer(
    state: &AppState,
    provider: &Provider,
    (page, request): (&str, &Request),
    (portal, other): (&str, bool),
) -> Response {
    let base = format!("/c/{page}");
    let query = request.uri().query();
    let language = Language::of_query(query);
    if request.method() != Method::GET || request.uri().path() != base {
        return Redirect::to(&format!("{base}?lang={}", language.words().lang)).into_response();
    }
    let html = SignInPage {
        w: language.words(),
        css: &CSS_URL,
        language_link: Some(format!("{base}?lang={}", language.words().other_lang)),
        sandbox: state.sandbox.is_some(),
        cookies: true,
        base: &base,
        provider: plain(&provider.settings().name),
        portal_name: plain(portal),
        other,
    };
    answer(html.render().unwrap_or_default(), origin_of(provider))
}

fn origin_of(provider: &Provider) -> Option<String> {
    super::return_origin(&provider.settings().issuer)
}

/// `POST …/sign-in`: off to the provider.
pub async fn begin(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    check_same_site(&headers, &state.public_url)?;
    let provider = state.citizens.as_ref().ok_or_else(|| Fault::new(&problem::NO_SUCH_PATH))?;
    let page = uri.path().strip_suffix("/sign-in").unwrap_or_default();
    if page != "/me" {
        token(page.rsplit('/').next().unwrap_or_default())?;
    }
    let language = Language::of_query(query.as_deref()).words().lang;
    let set_out = state.service.begin_sign_in(&format!("{page}?lang={language}")).await?;
    let url = provider.authorization_url(&set_out.state, &set_out.nonce, &set_out.code_challenge, language).await;
    let url = url.map_err(|error| fault_of(&error))?;
    let mut response = Redirect::to(&url).into_response();
    AWAY.set(&mut response, &state.public_url, Some(&set_out.browser));
    Ok(response)
}

/// `GET /oidc/callback`: back from the provider.
pub async fn callback(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let provider = state.citizens.as_ref().ok_or_else(|| Fault::new(&problem::NO_SUCH_PATH))?;
    let fields = Fields::parse(query.as_deref().unwrap_or_default());
    let failed = || Fault::new(&problem::SIGN_IN_FAILED);
    let one = |name: &str| fields.get(name).filter(|value| !value.is_empty() && fields.count(name) == 1);
    let state_value = Secret::new(one("state").ok_or_else(failed)?);
    let browser = AWAY.read(&headers, &state.public_url).ok_or_else(failed)?;
    let returned = state.service.return_from_sign_in(&state_value, &browser).await;
    let returned = returned.map_err(|error| unless_unknown(error, failed()))?;
    // RFC 9207: an answer that names its issuer names ours.
    if fields.get("iss").is_some_and(|issuer| issuer != provider.settings().issuer) {
        return Err(failed());
    }
    let mut response = Redirect::to(&returned.page).into_response();
    AWAY.set(&mut response, &state.public_url, None);
    // The citizen said no, or the provider did: the page offers it again.
    let Some(code) = one("code").map(Secret::new) else { return Ok(response) };
    let person = provider.person(&code, &returned.verifier, &returned.nonce).await.map_err(|error| fault_of(&error))?;
    let session = state.service.sign_in(&provider.settings().issuer, &person).await;
    let session = session.map_err(|error| unless_unknown(error, Fault::new(&problem::UNKNOWN_PERSON)))?;
    SESSION.set(&mut response, &state.public_url, Some(&session));
    Ok(response)
}

/// Who is signed in with this browser; nobody where there is no provider.
pub async fn signer(state: &AppState, headers: &HeaderMap) -> Result<Option<SignerId>, Fault> {
    let Some(cookie) = state.citizens.as_ref().and_then(|_| SESSION.read(headers, &state.public_url)) else {
        return Ok(None);
    };
    Ok(state.service.signed_in(&cookie).await?)
}

fn unless_unknown(error: ServiceError, fault: Fault) -> Fault {
    match error {
        ServiceError::NotFound(_) => fault,
        other => other.into(),
    }
}

fn fault_of(error: &ProviderError) -> Fault {
    let row = match error {
        ProviderError::Down(_) => &problem::PROVIDER_DOWN,
        ProviderError::Refused | ProviderError::Token(_) => &problem::SIGN_IN_FAILED,
    };
    Fault::new(row).cause(error)
}
