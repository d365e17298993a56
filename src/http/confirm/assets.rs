//! The stylesheet, the script and the logo: part of the executable, addressed by content so that browsers keep them.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::crypto::DigestAlgorithm;

static CSS: &str = include_str!("kyso.css");
static JS: &str = include_str!("passkey.js");
static LOGO: &[u8] = include_bytes!("kyso.png");

/// Address of the stylesheet with the first 48 bits of its SHA-256.
pub static CSS_URL: LazyLock<String> = LazyLock::new(|| {
    let hash = DigestAlgorithm::Sha256.digest(CSS.as_bytes()).to_hex();
    format!("/assets/kyso.css?{}", hash.get(..12).unwrap_or_default())
});

/// Address of the script, likewise.
pub static JS_URL: LazyLock<String> = LazyLock::new(|| {
    let hash = DigestAlgorithm::Sha256.digest(JS.as_bytes()).to_hex();
    format!("/assets/passkey.js?{}", hash.get(..12).unwrap_or_default())
});

/// A year: another stylesheet has another address.
const KEEP: &str = "public, max-age=31536000, immutable";

pub async fn stylesheet() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, KEEP)], CSS).into_response()
}

pub async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, KEEP)], JS).into_response()
}

pub async fn logo() -> Response {
    ([(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "public, max-age=86400")], LOGO).into_response()
}
