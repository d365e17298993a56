//! `GET /c/{token}` and `GET /c/{token}/refuse`.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use crate::domain::{Item, Secret, StateKind};

use super::super::body::Fields;
use super::super::fault::Fault;
use super::super::render::{PageSize, Width};
use super::super::{AppState, problem};
use super::pages::{self, Context};
use super::view::{self, Drawing, Notice};
use super::{Language, answer, token};

/// Pages drawn before the page is sent, so that what cannot be shown in full is said beside the document. Together with
/// pages the browser has asked for since, this is all of most documents by the time the code is entered; more would make
/// the citizen wait, a tenth of a second each.
const DRAWN_AHEAD: u32 = 4;

pub async fn show(
    State(state): State<AppState>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let token = token(&path)?;
    let view = state.service.confirmation(&token).await?;
    let drawings = match view.transaction.state.kind() {
        StateKind::Waiting => draw_ahead(&state, &token, &view.transaction.items).await,
        _ => Vec::new(),
    };
    let fields = Fields::parse(query.as_deref().unwrap_or_default());
    let notice = fields.get("n").and_then(Notice::from_word);
    let base = format!("/c/{path}");
    let html = pages::request(context(&state, &base, query.as_deref()), &view, &drawings, notice);
    Ok(answer(html, view::return_url(&view.transaction)))
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
    Ok(answer(html, view::return_url(&view.transaction)))
}

fn context<'a>(state: &AppState, base: &'a str, query: Option<&str>) -> Context<'a> {
    Context { base, language: Language::of_query(query), now: (state.clock)(), sandbox: state.sandbox.is_some() }
}

async fn draw_ahead(state: &AppState, token: &Secret, items: &[Item]) -> Vec<Drawing> {
    let mut drawings = Vec::with_capacity(items.len());
    let mut ahead = DRAWN_AHEAD;
    for (number, item) in (1u32..).zip(items) {
        drawings.push(drawing(state, token, (number, item), &mut ahead).await.unwrap_or_default());
    }
    drawings
}

/// `None` when the document cannot be opened; the page then says so. `ahead` is how many pages may still be drawn now.
async fn drawing(state: &AppState, token: &Secret, (number, item): (u32, &Item), ahead: &mut u32) -> Option<Drawing> {
    let path = state.service.confirmation_document(token, number).await.ok()?;
    let key = item.digest.to_hex();
    let sizes: Vec<PageSize> = state.renderer.pages(&key, &path).await.ok()?.to_vec();
    let count = u32::try_from(sizes.len()).unwrap_or(u32::MAX);
    let now = count.min(*ahead);
    for page in 1..=now {
        state.renderer.draw(&key, &path, page, Width::Reading).await;
    }
    *ahead -= now;
    let incomplete = (1..=count).filter(|page| state.renderer.known_incomplete(&key, *page)).collect();
    Some(Drawing { sizes: Some(sizes), incomplete })
}

/// Number of a document or page in a path, from 1.
pub fn number(text: &str) -> Result<u32, Fault> {
    let number = text.parse().ok().filter(|number| *number >= 1);
    number.ok_or_else(|| Fault::new(&problem::NOT_FOUND))
}
