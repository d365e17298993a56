//! `GET …/documents/{n}` (the file), `GET …/documents/{n}/text` (its text) and `GET …/documents/{n}/pages/{p}.png` (a page as a
//! picture).

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tokio_util::io::ReaderStream;

use crate::domain::settings::SignatureFormat;
use crate::domain::{Origin, Transaction};

use super::super::body::Fields;
use super::super::fault::Fault;
use super::super::render::{Drawn, Width};
use super::super::requests::attachment;
use super::super::{AppState, problem};
use super::show::{self, number};
use super::{Language, answer, pages, token};

fn missing() -> Fault {
    Fault::new(&problem::NOT_FOUND)
}

/// The original document, as a download.
pub async fn file(State(state): State<AppState>, Path((path, n)): Path<(String, String)>) -> Result<Response, Fault> {
    let (token, n) = (token(&path)?, number(&n)?);
    let view = state.service.confirmation(&token).await?;
    let index = usize::try_from(n - 1).map_err(|_| missing())?;
    let item = view.transaction.items.get(index).ok_or_else(missing)?;
    let path = state.service.confirmation_document(&token, n).await?;
    let unreadable = |error: std::io::Error| Fault::new(&problem::STORAGE).cause(&error);
    let file = tokio::fs::File::open(&path).await.map_err(unreadable)?;
    let length = file.metadata().await.map_err(unreadable)?.len();
    let headers = [
        (header::CONTENT_TYPE, media_type(&view.transaction).to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CONTENT_DISPOSITION, attachment(&item.label)),
    ];
    Ok((headers, Body::from_stream(ReaderStream::with_capacity(file, 64 * 1024))).into_response())
}

/// A file that is no PDF is never opened by the browser: it could be a page with scripts.
fn media_type(transaction: &Transaction) -> &'static str {
    match &transaction.origin {
        Origin::Request { settings, .. } if settings.options.format == SignatureFormat::Pdf => "application/pdf",
        _ => "application/octet-stream",
    }
}

/// The text of a document's pages, for those who do not see the pictures.
pub async fn text(
    State(state): State<AppState>,
    Path((path, n)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let (token, n) = (token(&path)?, number(&n)?);
    let view = state.service.confirmation(&token).await?;
    let index = usize::try_from(n - 1).map_err(|_| missing())?;
    let item = view.transaction.items.get(index).ok_or_else(missing)?;
    let file = state.service.confirmation_document(&token, n).await?;
    let texts = state.renderer.texts(&item.digest.to_hex(), &file).await.ok();
    let base = format!("/c/{path}");
    let context = show::context(&state, &base, query.as_deref());
    Ok(answer(pages::text(context, (n, item), texts.as_deref()), None))
}

/// A page. One that cannot be drawn answers with a picture that says so.
pub async fn page(
    State(state): State<AppState>,
    Path((path, n, page)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let (token, n) = (token(&path)?, number(&n)?);
    let page = number(page.strip_suffix(".png").ok_or_else(missing)?)?;
    let fields = Fields::parse(query.as_deref().unwrap_or_default());
    let width = if fields.get("size") == Some("large") { Width::Large } else { Width::Reading };
    let view = state.service.confirmation(&token).await?;
    let index = usize::try_from(n - 1).map_err(|_| missing())?;
    let item = view.transaction.items.get(index).ok_or_else(missing)?;
    let path = state.service.confirmation_document(&token, n).await?;
    let key = item.digest.to_hex();
    let count = state.renderer.outline(&key, &path).await.map_or(1, |outline| outline.pages.len());
    if usize::try_from(page).map_or(true, |page| page > count) {
        return Err(missing());
    }
    Ok(match state.renderer.draw(&key, &path, page, width).await {
        Drawn::Whole(png) | Drawn::InPart(png) => ([(header::CONTENT_TYPE, "image/png")], png).into_response(),
        Drawn::Failed => placeholder(Language::of_query(query.as_deref())),
    })
}

/// A picture in words. The page beside it says the same as text, for those who do not see it.
fn placeholder(language: Language) -> Response {
    let (first, second) = match language {
        Language::Vi => ("Trang này không hiển thị được.", "Vui lòng tải tệp về và đọc trước khi ký."),
        Language::En => ("This page cannot be shown.", "Please download the file and read it before you sign."),
    };
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"600\" viewBox=\"0 0 900 600\">\
         <rect width=\"900\" height=\"600\" fill=\"#fff6e0\"/>\
         <g font-family=\"sans-serif\" font-size=\"34\" text-anchor=\"middle\" fill=\"#573800\">\
         <text x=\"450\" y=\"280\" font-weight=\"bold\">{first}</text><text x=\"450\" y=\"335\">{second}</text></g></svg>"
    );
    let mut response = ([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response();
    response.headers_mut().insert("x-kyso-page", HeaderValue::from_static("not-shown"));
    response
}
