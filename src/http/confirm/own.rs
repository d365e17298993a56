//! `/me`: the citizen's own page. What they signed and for whom, who may act for them, and freezing.
//!
//! It opens with a code to the registered number, or with the identity provider's word where citizens sign in there. The
//! page says the same for a number that is registered and for one that is not.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::domain::binding::fingerprint;
use crate::domain::{PortalId, Secret, SignerId, State as Stands, TransactionId};
use crate::service::ServiceError;
use crate::service::citizens::{FrozenBy, OwnEntry, OwnPage};

use super::super::body::{self, Fields, RawBody};
use super::super::cookie::{Cookie, SameSite};
use super::super::fault::Fault;
use super::super::{AppState, problem};
use super::assets::CSS_URL;
use super::freeze::FreezePage;
use super::text::{Language, Words, plain, utc};
use super::view::File;
use super::{answer, check_same_site, return_origin, sign_in};

/// What the open page is known by, and before that the browser that waits for its code.
const OWN: Cookie = Cookie { name: "kyso-me", seconds: 3600, same_site: SameSite::Never };
/// Documents shown of an entry before the rest is folded.
const SHOWN: usize = 3;

#[derive(Template)]
#[template(path = "own_open.html")]
struct Opening {
    w: &'static Words,
    css: &'static str,
    language_link: Option<String>,
    sandbox: bool,
    cookies: bool,
    /// The identity provider, where citizens sign in.
    provider: Option<String>,
    /// A code was asked for.
    code: bool,
    wrong: bool,
    code_label: String,
}

#[derive(Template)]
#[template(path = "own.html")]
struct Own {
    w: &'static Words,
    css: &'static str,
    language_link: Option<String>,
    sandbox: bool,
    cookies: bool,
    signer_name: String,
    phone: String,
    frozen_since: Option<String>,
    entries: Vec<Entry>,
    next: Option<String>,
    accesses: Vec<Portal>,
    /// The session is this page's own, and can be closed.
    closable: bool,
}

struct Entry {
    portal: String,
    standing: String,
    /// Class of the standing: `good` or `plain`.
    class: &'static str,
    local: String,
    utc: String,
    serial: Option<String>,
    method: Option<&'static str>,
    files: Vec<File>,
    more: Vec<File>,
    more_text: String,
    link: String,
}

struct Portal {
    id: String,
    name: String,
    until: String,
}

pub async fn show(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let language = Language::of_query(query.as_deref());
    let fields = Fields::parse(query.as_deref().unwrap_or_default());
    let Some(signer) = whose(&state, &headers).await? else {
        return Ok(opening(&state, language, &fields));
    };
    // An entry of somebody else's leads to an empty page, like one that never was.
    let after = fields.get("after").and_then(|id| TransactionId::parse(id).ok());
    let page = state.service.own_page(&signer, after.as_ref()).await?;
    let closable = OWN.read(&headers, &state.public_url).is_some();
    Ok(answer(own(&state, language, page, closable).render().unwrap_or_default(), None))
}

/// Whose page is open in this browser.
async fn whose(state: &AppState, headers: &HeaderMap) -> Result<Option<SignerId>, Fault> {
    if state.citizens.is_some() {
        return sign_in::signer(state, headers).await;
    }
    match OWN.read(headers, &state.public_url) {
        Some(cookie) => Ok(state.service.own_signer(&cookie).await?),
        None => Ok(None),
    }
}

fn opening(state: &AppState, language: Language, fields: &Fields) -> Response {
    let notice = fields.get("n");
    let page = Opening {
        w: language.words(),
        css: &CSS_URL,
        language_link: Some(format!("/me?lang={}", language.words().other_lang)),
        sandbox: state.sandbox.is_some(),
        cookies: true,
        provider: state.citizens.as_ref().map(|provider| plain(&provider.settings().name)),
        code: matches!(notice, Some("sent" | "wrong")),
        wrong: notice == Some("wrong"),
        code_label: language.code_label(state.service.code_digits()),
    };
    let onward = state.citizens.as_ref().and_then(|provider| return_origin(&provider.settings().issuer));
    answer(page.render().unwrap_or_default(), onward)
}

fn own(state: &AppState, language: Language, page: OwnPage, closable: bool) -> Own {
    let w = language.words();
    let OwnPage { signer, entries, next, accesses } = page;
    let portal = |access: &crate::storage::citizens::Access| Portal {
        id: access.portal.id.to_string(),
        name: plain(&access.portal.name),
        until: language.date_time(access.until),
    };
    Own {
        w,
        css: &CSS_URL,
        language_link: Some(format!("/me?lang={}", w.other_lang)),
        sandbox: state.sandbox.is_some(),
        cookies: true,
        signer_name: plain(&signer.name),
        phone: signer.masked_phone(),
        frozen_since: signer.frozen_at.map(|at| language.date_time(at)),
        entries: entries.into_iter().map(|one| entry(one, language)).collect(),
        next: next.map(|id| format!("/me?lang={}&after={id}", w.lang)),
        accesses: accesses.iter().map(portal).collect(),
        closable,
    }
}

fn entry(entry: OwnEntry, language: Language) -> Entry {
    let OwnEntry { transaction, portal_name, confirmed_by, serial, link } = entry;
    let at = transaction.state.since().unwrap_or(transaction.created_at);
    let file = |item: &crate::domain::Item| File {
        name: plain(&item.label),
        fingerprint: fingerprint(&item.digest),
        failure: None,
    };
    let mut files: Vec<File> = transaction.items.iter().map(file).collect();
    let more = files.split_off(files.len().min(SHOWN));
    Entry {
        portal: plain(&portal_name),
        standing: language.own_standing(&transaction.state),
        class: if matches!(transaction.state, Stands::Signed { .. }) { "good" } else { "plain" },
        local: language.signing_time(at),
        utc: utc(at),
        serial,
        method: confirmed_by.map(|method| language.confirmed_by(method)),
        more_text: language.more_documents(more.len()),
        files,
        more,
        link: format!("{}?lang={}", link.expose(), language.words().lang),
    }
}

/// Has a code sent; leads to the field for it whether or not there was anybody to send one to.
pub async fn send_code(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Response, Fault> {
    check_same_site(&headers, &state.public_url)?;
    if state.citizens.is_some() {
        return Ok(back(query.as_deref(), None));
    }
    let bytes = body::read(raw)?;
    let fields = body::form(&headers, &bytes)?;
    let opening = state.service.begin_own_page(fields.get("phone").unwrap_or_default()).await?;
    let mut response = back(query.as_deref(), Some("sent"));
    OWN.set(&mut response, &state.public_url, Some(&opening));
    Ok(response)
}

pub async fn open(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Response, Fault> {
    check_same_site(&headers, &state.public_url)?;
    let bytes = body::read(raw)?;
    let fields = body::form(&headers, &bytes)?;
    let typed = fields.get("code").unwrap_or_default();
    let code = Secret::new(typed.chars().filter(|c| !c.is_whitespace()).collect::<String>());
    let Some(opening) = OWN.read(&headers, &state.public_url) else {
        return Ok(back(query.as_deref(), None));
    };
    match state.service.open_own_page(&opening, &code).await {
        Ok(opened) => {
            let mut response = back(query.as_deref(), None);
            OWN.set(&mut response, &state.public_url, Some(&opened));
            Ok(response)
        }
        Err(ServiceError::WrongAuthenticationData { .. }) => Ok(back(query.as_deref(), Some("wrong"))),
        Err(error) => Err(error.into()),
    }
}

pub async fn close(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    check_same_site(&headers, &state.public_url)?;
    if let Some(open) = OWN.read(&headers, &state.public_url) {
        state.service.close_own_page(&open).await?;
    }
    let mut response = back(query.as_deref(), None);
    OWN.set(&mut response, &state.public_url, None);
    Ok(response)
}

/// A portal may no longer act for this citizen.
pub async fn withdraw(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Response, Fault> {
    check_same_site(&headers, &state.public_url)?;
    let bytes = body::read(raw)?;
    let fields = body::form(&headers, &bytes)?;
    let Some(signer) = whose(&state, &headers).await? else { return Ok(back(query.as_deref(), None)) };
    let portal = PortalId::parse(fields.get("portal").unwrap_or_default());
    let portal = portal.map_err(|_| Fault::new(&problem::NOT_FOUND))?;
    state.service.withdraw_access(&signer, &portal).await?;
    Ok(back(query.as_deref(), None))
}

pub async fn ask_freeze(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    if whose(&state, &headers).await?.is_none() {
        return Ok(back(query.as_deref(), None));
    }
    let w = Language::of_query(query.as_deref()).words();
    let page = FreezePage {
        w,
        css: &CSS_URL,
        language_link: Some(format!("/me/freeze?lang={}", w.other_lang)),
        sandbox: state.sandbox.is_some(),
        cookies: true,
        title: w.freeze_title,
        text: w.freeze_text,
        action: Some(format!("/me/freeze?lang={}", w.lang)),
        back: format!("/me?lang={}", w.lang),
        back_text: w.freeze_back_own,
        frozen_since: None,
        portal: None,
    };
    Ok(answer(page.render().unwrap_or_default(), None))
}

pub async fn freeze(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    check_same_site(&headers, &state.public_url)?;
    if let Some(signer) = whose(&state, &headers).await? {
        state.service.freeze(&signer, FrozenBy::OwnPage).await?;
    }
    Ok(back(query.as_deref(), None))
}

fn back(query: Option<&str>, notice: Option<&str>) -> Response {
    let language = Language::of_query(query).words().lang;
    let notice = notice.map(|notice| format!("&n={notice}")).unwrap_or_default();
    Redirect::to(&format!("/me?lang={language}{notice}")).into_response()
}
