//! "This was not me": `GET` and `POST /c/{token}/not-me`. One step freezes the signer's signature, from whatever state the
//! request is in.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{Redirect, Response};

use super::super::AppState;
use super::super::fault::Fault;
use super::assets::CSS_URL;
use super::pages::filters;
use super::text::{Language, Words, plain};
use super::{answer, check_same_site, token};

/// The question, or once it is frozen what that means.
#[derive(Template)]
#[template(path = "freeze.html")]
pub struct FreezePage {
    pub w: &'static Words,
    pub css: &'static str,
    pub language_link: Option<String>,
    pub sandbox: bool,
    pub cookies: bool,
    pub title: &'static str,
    pub text: &'static str,
    /// Where the form goes; none once it is frozen.
    pub action: Option<String>,
    pub back: String,
    pub back_text: &'static str,
    pub frozen_since: Option<String>,
    /// Who asked: name and support phone.
    pub portal: Option<(String, Option<String>)>,
}

pub async fn show(
    State(state): State<AppState>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let view = state.service.confirmation(&token(&path)?).await?;
    let language = Language::of_query(query.as_deref());
    let (w, base) = (language.words(), format!("/c/{path}"));
    let frozen = view.signer.frozen_at;
    let page = FreezePage {
        w,
        css: &CSS_URL,
        language_link: Some(format!("{base}/not-me?lang={}", w.other_lang)),
        sandbox: state.sandbox.is_some(),
        cookies: state.citizens.is_some(),
        title: if frozen.is_some() { w.frozen_title } else { w.not_me_title },
        text: if frozen.is_some() { w.frozen_text } else { w.not_me_text },
        action: frozen.is_none().then(|| format!("{base}/not-me?lang={}", w.lang)),
        back: format!("{base}?lang={}", w.lang),
        back_text: w.freeze_back,
        frozen_since: frozen.map(|at| language.date_time(at)),
        portal: Some((plain(&view.portal.name), view.portal.support_phone.as_deref().map(plain))),
    };
    Ok(answer(page.render().unwrap_or_default(), None))
}

pub async fn disown(
    State(state): State<AppState>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Redirect, Fault> {
    check_same_site(&headers, &state.public_url)?;
    state.service.disown(&token(&path)?).await?;
    let language = Language::of_query(query.as_deref()).words().lang;
    Ok(Redirect::to(&format!("/c/{path}/not-me?lang={language}")))
}
