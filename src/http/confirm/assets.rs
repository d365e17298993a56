//! The stylesheet, the script and the logo: part of the executable, addressed by content so that browsers keep them.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::crypto::DigestAlgorithm;

pub static CSS: &str = include_str!("kyso.css");
static JS: &str = include_str!("passkey.js");
static LOGO: &[u8] = include_bytes!("kyso.png");

pub static CSS_URL: LazyLock<String> = LazyLock::new(|| address("/assets/kyso.css", CSS));

/// Address of a stylesheet or script with the first 48 bits of its SHA-256.
pub fn address(path: &str, text: &str) -> String {
    let hash = DigestAlgorithm::Sha256.digest(text.as_bytes()).to_hex();
    format!("{path}?{}", hash.get(..12).unwrap_or_default())
}

/// Address of the script, likewise.
pub static JS_URL: LazyLock<String> = LazyLock::new(|| address("/assets/passkey.js", JS));

/// A year: another stylesheet has another address.
const KEEP: &str = "public, max-age=31536000, immutable";

pub fn sheet(text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, KEEP)], text).into_response()
}

pub async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, KEEP)], JS).into_response()
}

pub async fn logo() -> Response {
    ([(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "public, max-age=86400")], LOGO).into_response()
}
