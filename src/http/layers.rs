//! What surrounds every handler, from the outside in: request id, error bodies and security headers; panics; overload; time.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

use super::budget::Told;
use super::fault::{Fault, Shape};
use super::oauth::client_auth;
use super::{AppState, Limits, problem};
use super::{confirm, desk, verify};

/// Wraps the routes.
pub fn surround(routes: Router<AppState>, state: &AppState) -> Router<AppState> {
    let gate = Gate {
        requests: Arc::new(Semaphore::new(state.limits.concurrency)),
        uploads: Arc::new(Semaphore::new(state.limits.uploads)),
    };
    routes
        .layer(from_fn_with_state(state.clone(), client_auth::read_certificate))
        .layer(from_fn_with_state(state.limits, limit_time))
        .layer(from_fn_with_state(gate, limit_load))
        .layer(CatchPanicLayer::custom(after_panic))
        .layer(from_fn_with_state(state.clone(), finish))
}

/// The id of a request: on every answer, in every error and log line.
#[derive(Debug, Clone)]
pub struct RequestId(pub Arc<str>);

async fn finish(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let id: Arc<str> = incoming_id(request.headers()).unwrap_or_else(|| (state.request_ids)()).into();
    request.extensions_mut().insert(RequestId(Arc::clone(&id)));
    let budget = Told::default();
    request.extensions_mut().insert(budget.clone());
    let shape = Shape::of_path(request.uri().path());
    let language = confirm::Language::of_query(request.uri().query());
    let mut response = next.run(request).await;
    if let Some(fault) = response.extensions_mut().remove::<Fault>() {
        response = write_fault(&fault, shape, language, &id, response);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", value);
    }
    budget.write(headers);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'"));
    response
}

/// Gives the bodiless answer of a fault its body, keeping its headers.
fn write_fault(fault: &Fault, shape: Shape, language: confirm::Language, id: &str, bare: Response) -> Response {
    let mut response = match shape {
        Shape::Page => confirm::fault_page(fault, language, id),
        Shape::Desk => desk::fault_page(fault, language, id),
        Shape::Csc | Shape::OAuth | Shape::Neac | Shape::Problem => {
            let kind = if shape == Shape::Problem { "application/problem+json" } else { "application/json" };
            let body = fault.body(shape, id).unwrap_or_default();
            ([(header::CONTENT_TYPE, kind)], body).into_response()
        }
    };
    *response.status_mut() = fault.status(shape);
    for (name, value) in bare.headers() {
        if name != header::CONTENT_LENGTH && name != header::CONTENT_TYPE {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// A caller's own id is kept when it cannot do harm in logs and headers.
fn incoming_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let sane = (8..=64).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    sane.then(|| id.to_owned())
}

fn after_panic(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Fault::new(&problem::CRASHED).cause(&text.unwrap_or("panic")).into_response()
}

/// Slots for work in progress.
#[derive(Clone)]
struct Gate {
    requests: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
}

async fn limit_load(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let busy = || Fault::new(&problem::OVERLOADED).retry_after(2).into_response();
    // Health has to be told also when the house is full.
    if matches!(request.uri().path(), "/livez" | "/readyz") {
        return next.run(request).await;
    }
    let Ok(_slot) = gate.requests.try_acquire() else { return busy() };
    if !is_upload(&request) {
        return next.run(request).await;
    }
    let Ok(_upload) = gate.uploads.try_acquire() else { return busy() };
    next.run(request).await
}

async fn limit_time(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let limit = if is_upload(&request) { limits.upload_timeout } else { limits.timeout };
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Fault::new(&problem::TIMEOUT).into_response(),
    }
}

fn is_upload(request: &Request) -> bool {
    let path = request.uri().path();
    let known = matches!(path, "/v1/requests" | verify::PATH) || path.ends_with("/signatures/signDoc");
    request.method() == Method::POST && known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_with_a_line_break_or_markup_is_replaced() {
        let with = |text: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert("x-request-id", HeaderValue::from_bytes(text).expect("a header"));
            incoming_id(&headers)
        };
        assert_eq!(with(b"trace-0123456789"), Some("trace-0123456789".to_owned()));
        for bad in [b"short".as_slice(), b"<script>alert(1)</script>", b"id with spaces", &[b'a'; 65], &[0xff; 10]] {
            assert_eq!(with(bad), None, "{bad:?}");
        }
    }

    async fn call(routes: Router) -> Response {
        use tower::ServiceExt as _;
        let request = Request::builder().uri("/x").body(axum::body::Body::empty()).expect("a request");
        routes.oneshot(request).await.expect("infallible")
    }

    fn code(response: &Response) -> &'static str {
        response.extensions().get::<Fault>().expect("a fault").problem().code
    }

    #[tokio::test]
    async fn a_full_house_turns_away_at_once_and_says_when_to_come_back() {
        let gate = Gate { requests: Arc::new(Semaphore::new(0)), uploads: Arc::new(Semaphore::new(1)) };
        let routes = Router::new().route("/x", axum::routing::get(|| async {}));
        let response = call(routes.layer(from_fn_with_state(gate, limit_load))).await;
        assert_eq!((code(&response), &response.headers()[header::RETRY_AFTER]), ("overloaded", &HeaderValue::from(2)));
    }

    #[tokio::test]
    async fn a_handler_that_never_ends_is_given_up_without_saying_that_nothing_was_signed() {
        let routes = Router::new().route("/x", axum::routing::get(std::future::pending::<()>));
        let limits = Limits { timeout: std::time::Duration::ZERO, ..Limits::default() };
        let response = call(routes.layer(from_fn_with_state(limits, limit_time))).await;
        assert_eq!(code(&response), "timeout");
        assert_eq!(problem::TIMEOUT.signed.json(), None);
    }

    #[tokio::test]
    async fn a_panic_becomes_a_fault() {
        async fn panics() {
            panic!("on purpose")
        }
        let routes = Router::new().route("/x", axum::routing::get(panics));
        assert_eq!(code(&call(routes.layer(CatchPanicLayer::custom(after_panic))).await), "crashed");
    }
}
