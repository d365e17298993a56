//! HTTP: the CSC API, the portal's simple API, the citizen's page, health.
//!
//! Reading order: this file (state and routes), [`layers`] (what surrounds every handler), [`fault`] and [`problem`] (the one
//! table of errors), [`auth`] with [`budget`] and [`body`] (what every handler reads), then the endpoints: [`oauth`], [`csc`], [`requests`],
//! [`verify`], [`webhooks`], [`confirm`] with [`render`] (pages as pictures), [`health`], [`metrics`], [`openapi`] (what all of it is),
//! [`sandbox`]. A handler parses, authenticates, calls one use
//! case and answers; an endpoint is a file.
//!
//! What it does not do: decide anything, speak SQL, name a backend. Standards: CSC API v1.0.4.0 and v2.0.0.2, RFC 6749,
//! RFC 6750, RFC 9457.

pub mod auth;
pub mod body;
pub mod budget;
pub mod confirm;
pub mod cookie;
pub mod csc;
pub mod fault;
pub mod health;
pub mod layers;
pub mod metrics;
pub mod oauth;
pub mod openapi;
pub mod paging;
pub mod problem;
pub mod render;
pub mod requests;
pub mod sandbox;
pub mod verify;
pub mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use time::OffsetDateTime;

use crate::service::Service;
use fault::Fault;

/// What handlers work with; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    pub service: Arc<Service>,
    /// Where the service is reached from outside, without a slash at the end: `https://kyso.example.gov.vn`.
    pub public_url: Arc<str>,
    pub about: Arc<About>,
    /// The sandbox's outbox and development PKI; none in production.
    pub sandbox: Option<sandbox::SandboxState>,
    pub renderer: render::Renderer,
    pub verifier: verify::Verifier,
    /// Who ends TLS and passes clients' certificates on; none when clients do not use them.
    pub tls_proxy: Option<Arc<oauth::client_auth::TlsProxy>>,
    /// Where citizens sign in; none when the one-time code alone says who they are.
    pub citizens: Option<Arc<crate::identity::Provider>>,
    pub limits: Limits,
    pub clock: Clock,
    pub request_ids: RequestIds,
    pub budgets: Arc<budget::Budgets>,
}

/// The current time.
pub type Clock = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// A fresh request id: letters, digits, `-`, at most 64.
pub type RequestIds = Arc<dyn Fn() -> String + Send + Sync>;

/// What CSC `info` says of the service.
#[derive(Debug, Clone)]
pub struct About {
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub region: String,
    pub description: String,
}

impl Default for About {
    fn default() -> Self {
        Self {
            name: "KYSO".to_owned(),
            region: "VN".to_owned(),
            description: "Remote signing service: keys held server-side, confirmed by their owner".to_owned(),
        }
    }
}

/// Bounds of what the edge takes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a CSC or OAuth request. Hashes are 100 bytes each: room for some ten thousand.
    pub csc_body: usize,
    /// Bytes of `POST /v1/requests` and `POST /v1/verify`, documents in base64 included.
    pub request_body: usize,
    /// Bytes of a form of the citizen's page: a code, or a passkey's answer.
    pub form_body: usize,
    pub timeout: Duration,
    /// For `POST /v1/requests`, `POST /v1/verify` and downloads' beginnings, which slow links prolong.
    pub upload_timeout: Duration,
    /// Requests worked on at a time; more are turned away at once, so that a queue cannot build up.
    pub concurrency: usize,
    /// Uploads worked on at a time: each holds its documents in memory.
    pub uploads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            csc_body: 1024 * 1024,
            request_body: 64 * 1024 * 1024,
            form_body: 16 * 1024,
            timeout: Duration::from_secs(30),
            upload_timeout: Duration::from_secs(120),
            concurrency: 512,
            uploads: 8,
        }
    }
}

/// The whole service.
pub fn router(state: AppState) -> Router {
    let routes = Router::new()
        .nest("/csc/v1", csc::router(csc::Version::V1, &state.limits))
        .nest("/csc/v2", csc::router(csc::Version::V2, &state.limits))
        .merge(oauth::router(&state.limits))
        .merge(requests::router(&state.limits))
        .merge(verify::router(&state.limits))
        .merge(webhooks::router(&state.limits))
        .merge(confirm::router(&state))
        .merge(openapi::router())
        .merge(health::router())
        .merge(metrics::router());
    let routes = if state.sandbox.is_some() { routes.merge(sandbox::router()) } else { routes };
    let routes = routes.fallback(no_such_path).method_not_allowed_fallback(method_not_allowed);
    layers::surround(routes, &state).with_state(state)
}

async fn no_such_path() -> Fault {
    Fault::new(&problem::NO_SUCH_PATH)
}

async fn method_not_allowed() -> Fault {
    Fault::new(&problem::METHOD_NOT_ALLOWED)
}
