//! `GET /c/{token}` and `GET /c/{token}/refuse`.

use std::path::PathBuf;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use crate::domain::settings::SignatureFormat;
use crate::domain::{Item, Origin, Secret, StateKind, Transaction};
use crate::formats::pdf::{Limits, Pdf, fields};
use crate::mapping::Mapped;
use crate::service::requests::is_direction_mark;

use super::super::body::Fields;
use super::super::fault::Fault;
use super::super::render::Width;
use super::super::{AppState, problem};
use super::pages::{self, Context};
use super::view::{self, Drawing, Notice};
use super::{Language, Scripts, answer, answer_with, token};

/// Pages drawn before the page is sent, so that what cannot be shown in full is said beside the document. Together with
/// pages the browser has asked for since, this is all of most documents by the time the code is entered; more would make
/// the citizen wait, a tenth of a second each.
const DRAWN_AHEAD: u32 = 4;
/// Longest text document shown on the page, in bytes: an invoice's XML has some ten thousand.
const MAX_TEXT: u64 = 256 * 1024;

pub async fn show(
    State(state): State<AppState>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let token = token(&path)?;
    let view = state.service.confirmation(&token).await?;
    let drawings = match view.transaction.state.kind() {
        StateKind::Waiting if view.in_turn && !view::is_hashes_only(&view.transaction) => {
            draw_ahead(&state, &token, &view.transaction).await
        }
        _ => Vec::new(),
    };
    let fields = Fields::parse(query.as_deref().unwrap_or_default());
    let notice = fields.get("n").and_then(Notice::from_word);
    let base = format!("/c/{path}");
    let html = pages::request(context(&state, &base, query.as_deref()), &view, &drawings, notice);
    let asks_passkey = view.code.as_ref().is_some_and(|code| code.passkey.is_some());
    let scripts = if asks_passkey { Scripts::Own } else { Scripts::None };
    Ok(answer_with(html, view::onward(&view), scripts))
}

pub async fn ask_refusal(
    State(state): State<AppState>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let view = state.service.confirmation(&token(&path)?).await?;
    let base = format!("/c/{path}");
    let context = context(&state, &base, query.as_deref());
    let html = match view.transaction.state.kind() {
        StateKind::Waiting => pages::ask_refusal(context, &view),
        _ => pages::request(context, &view, &[], None),
    };
    Ok(answer(html, view::onward(&view)))
}

pub fn context<'a>(state: &'a AppState, base: &'a str, query: Option<&str>) -> Context<'a> {
    Context {
        base,
        language: Language::of_query(query),
        now: (state.clock)(),
        sandbox: state.sandbox.is_some(),
        issuer: &state.public_url,
        cookies: state.citizens.is_some(),
    }
}

async fn draw_ahead(state: &AppState, token: &Secret, transaction: &Transaction) -> Vec<Drawing> {
    let mut drawings = Vec::with_capacity(transaction.items.len());
    let mut ahead = DRAWN_AHEAD;
    let is_pdf = match &transaction.origin {
        Origin::Request { settings, .. } => settings.options.format == SignatureFormat::Pdf,
        Origin::Csc | Origin::Oauth => false,
    };
    for (number, item) in (1u32..).zip(&transaction.items) {
        let drawing = match is_pdf {
            true => drawing(state, token, (number, item), &mut ahead).await,
            false => text(state, token, (number, item)).await,
        };
        drawings.push(drawing.unwrap_or_default());
    }
    drawings
}

/// A document that is no PDF, as the text it is; `None` when it is none, or longer than a person reads on a page.
async fn text(state: &AppState, token: &Secret, (number, item): (u32, &Item)) -> Option<Drawing> {
    if item.len > MAX_TEXT {
        return None;
    }
    let path = state.service.confirmation_document(token, number).await.ok()?;
    let text = String::from_utf8(tokio::fs::read(path).await.ok()?).ok()?;
    // Signs that hide or reorder what stands there would show something else than what is signed.
    let misleading = |c: char| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || is_direction_mark(c);
    let text = Some(text).filter(|text| !text.chars().any(misleading));
    text.map(|text| Drawing { text: Some(text), ..Drawing::default() })
}

/// `None` when the document cannot be opened; the page then says so. `ahead` is how many pages may still be drawn now.
async fn drawing(state: &AppState, token: &Secret, (number, item): (u32, &Item), ahead: &mut u32) -> Option<Drawing> {
    let path = state.service.confirmation_document(token, number).await.ok()?;
    let key = item.digest.to_hex();
    if needs_xfa(path.clone()).await {
        // Its pages are a placeholder; what a reader would show is drawn from the form's XML.
        return None;
    }
    let outline = state.renderer.outline(&key, &path).await.ok()?;
    let count = u32::try_from(outline.pages.len()).unwrap_or(u32::MAX);
    let now = count.min(*ahead);
    for page in 1..=now {
        state.renderer.draw(&key, &path, page, Width::Reading).await;
    }
    *ahead -= now;
    let incomplete = (1..=count).filter(|page| state.renderer.known_incomplete(&key, *page)).collect();
    Some(Drawing { sizes: Some(outline.pages.clone()), incomplete, text: None, holds: outline.holds })
}

async fn needs_xfa(path: PathBuf) -> bool {
    let looked = tokio::task::spawn_blocking(move || {
        let bytes = Mapped::open(&path).ok()?;
        let limits = Limits::default();
        let pdf = Pdf::open_for_signing(&bytes, &limits, None).ok()?;
        fields::needs_xfa(&pdf).ok()
    });
    looked.await.ok().flatten().unwrap_or(false)
}

/// Number of a document or page in a path, from 1.
pub fn number(text: &str) -> Result<u32, Fault> {
    let number = text.parse().ok().filter(|number| *number >= 1);
    number.ok_or_else(|| Fault::new(&problem::NOT_FOUND))
}
