//! The citizen's page: who asks, what is to be signed, the code, the outcome.
//!
//! Plain HTML over post, redirect, get: nothing from third parties, no cookie but those of a sign-in, and no script but the one
//! that asks the browser for a passkey, on pages that offer one. Reading order: [`text`] (every
//! sentence, in both languages), [`view`] (what a page shows, from what the use cases say), [`pages`] (the templates), then
//! [`show`], [`steps`] (code, confirm, refuse), [`freeze`] ("this was not me"), [`own`] (the citizen's own page), [`enrol`] (registering an app or a passkey), [`documents`] (pages as pictures, the
//! file), [`assets`]; [`access`] (a portal asks to see a citizen's credentials) and [`sign_in`] (at an identity provider).
//!
//! The link's token is the only key to the page. An unknown or old one gets a page that tells nothing. Forms are guarded
//! against other sites by `Sec-Fetch-Site` and `Origin`; there is no cookie that another site could abuse.

mod access;
mod assets;
mod documents;
mod enrol;
mod freeze;
mod own;
mod pages;
mod show;
mod sign_in;
mod steps;
mod text;
mod view;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};

use crate::domain::Secret;

use super::fault::Fault;
use super::requests::return_origin;
use super::{AppState, problem};
pub use assets::CSS_URL;
pub use text::Language;

pub fn router(state: &AppState) -> Router<AppState> {
    Router::new()
        .route("/c/{token}", get(show::show))
        .route("/c/{token}/code", post(steps::send_code))
        .route("/c/{token}/confirm", post(steps::confirm))
        .route("/c/{token}/refuse", get(show::ask_refusal).post(steps::refuse))
        .route("/c/{token}/not-me", get(freeze::show).post(freeze::disown))
        .route("/c/{token}/documents/{n}", get(documents::file))
        .route("/c/{token}/documents/{n}/text", get(documents::text))
        .route("/c/{token}/documents/{n}/pages/{page}", get(documents::page))
        // Everything above, and nothing below, is for the signed-in signer where citizens sign in.
        .route_layer(from_fn_with_state(state.clone(), sign_in::guard))
        .route("/c/{token}/sign-in", post(sign_in::begin))
        .route("/a/{token}", get(access::show))
        .route("/a/{token}/code", post(access::send_code))
        .route("/a/{token}/agree", post(access::agree))
        .route("/a/{token}/refuse", post(access::refuse))
        .route("/a/{token}/sign-in", post(sign_in::begin))
        .route("/me", get(own::show))
        .route("/me/code", post(own::send_code))
        .route("/me/open", post(own::open))
        .route("/me/sign-in", post(sign_in::begin))
        .route("/me/close", post(own::close))
        .route("/me/withdraw", post(own::withdraw))
        .route("/me/freeze", get(own::ask_freeze).post(own::freeze))
        .route("/oidc/callback", get(sign_in::callback))
        .route("/e/{token}", get(enrol::show))
        .route("/e/{token}/totp", post(enrol::totp))
        .route("/e/{token}/passkey", post(enrol::passkey))
        .route("/assets/passkey.js", get(assets::script))
        .route("/assets/kyso.css", get(assets::stylesheet))
        .route("/assets/kyso.png", get(assets::logo))
        .layer(DefaultBodyLimit::max(state.limits.form_body))
}

/// The page that says what went wrong, for the layer that writes errors.
pub fn fault_page(fault: &Fault, language: Language, request_id: &str) -> Response {
    answer(pages::fault(fault.problem(), language, request_id), None)
}

/// A token as it may stand in a link; anything else is an unknown link.
fn token(text: &str) -> Result<Secret, Fault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let sane = (16..=128).contains(&text.len()) && text.chars().all(allowed);
    if sane { Ok(Secret::new(text)) } else { Err(Fault::new(&problem::NOT_FOUND)) }
}

/// Which scripts a page may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scripts {
    None,
    /// This service's own file, for passkeys.
    Own,
}

pub fn answer(html: String, onward: Option<String>) -> Response {
    answer_with(html, onward, Scripts::None)
}

/// An HTML answer under the page's policy. Forms go to this service, and on to one other source at most: an origin as
/// [`return_origin`] gives it, or the scheme of an application.
fn answer_with(html: String, onward: Option<String>, scripts: Scripts) -> Response {
    let plain = |source: &String| source.chars().all(|c| c.is_ascii_alphanumeric() || ".-+:[]/".contains(c));
    let origin = onward.filter(plain).map(|origin| format!(" {origin}")).unwrap_or_default();
    let scripts = match scripts {
        Scripts::None => "",
        Scripts::Own => " script-src 'self';",
    };
    let policy = format!(
        "default-src 'none';{scripts} img-src 'self'; style-src 'self'; form-action 'self'{origin}; frame-ancestors 'none'; base-uri 'none'"
    );
    let mut response = Html(html).into_response();
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    let features =
        "camera=(), geolocation=(), microphone=(), payment=(), usb=(), display-capture=(), browsing-topics=()";
    headers.insert("permissions-policy", HeaderValue::from_static(features));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    response
}

/// Refuses a form that another site sent. `Sec-Fetch-Site` decides where browsers send it; older ones send `Origin`, which
/// is `null` under the page's own referrer policy. Programs that play the citizen send neither.
fn check_same_site(headers: &HeaderMap, public_url: &str) -> Result<(), Fault> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let fine = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin == "null" || return_origin(public_url).as_deref() == Some(origin),
        (None, None) => true,
    };
    if fine { Ok(()) } else { Err(Fault::new(&problem::CROSS_SITE)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        check_same_site(&headers, "https://kyso.example").is_ok()
    }

    #[test]
    fn forms_of_other_sites_are_refused() {
        assert!(check(&[]));
        assert!(check(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(check(&[("origin", "https://kyso.example")]));
        assert!(!check(&[("sec-fetch-site", "cross-site")]));
        assert!(!check(&[("sec-fetch-site", "same-site"), ("origin", "https://kyso.example")]));
        assert!(!check(&[("origin", "https://evil.example")]));
    }

    #[test]
    fn tokens_that_are_no_tokens_are_unknown_links() {
        for bad in ["", "short", "../../../../etc/passwd-0", &"a".repeat(129), "0123456789abcdef%00"] {
            assert!(token(bad).is_err(), "{bad}");
        }
        assert!(token("0123456789abcdefABCDEF").is_ok());
    }

    #[test]
    fn the_policy_allows_the_portals_origin_and_nothing_that_could_end_the_directive() {
        let policy = |url: &str| {
            answer(String::new(), return_origin(url)).headers()[header::CONTENT_SECURITY_POLICY]
                .to_str()
                .map(str::to_owned)
        };
        let with = policy("https://portal.example/x").expect("text");
        assert!(with.contains("form-action 'self' https://portal.example; frame-ancestors 'none'"), "{with}");
        let without = policy("https://a;script-src *").expect("text");
        assert!(without.contains("form-action 'self'; frame-ancestors"), "{without}");
    }
}
