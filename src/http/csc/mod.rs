//! The Cloud Signature Consortium API, v1.0.4.0 under `/csc/v1` and v2 under `/csc/v2`: one code path.
//!
//! The reader is tolerant (names of both versions are taken under both paths, unknown members are ignored), the writer is
//! strict (each path answers with its own version's names). Reading order: [`params`] (typed access to a request, with the
//! specification's error texts), [`algorithms`] (OIDs), [`wire`] (the credential as clients see it), then one file an
//! endpoint. What is served of each version, and what is not and why, stands in `docs/csc.md`, which a test holds against the
//! routes here.

mod algorithms;
mod auth;
mod authorize;
mod get_challenge;
mod info;
mod list;
mod mode;
pub(in crate::http) mod params;
mod sad;
mod sign_doc;
mod sign_hash;
mod sign_polling;
mod signed_props;
mod timestamp;
mod wire;

mod credential_info;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Extension, Router};

use super::fault::Fault;
use super::{AppState, Limits, problem};

/// The version a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

/// Methods of the specification that this service does not offer; they answer 501, anything else 404.
const NOT_OFFERED: [&str; 2] = ["/credentials/create", "/credentials/delete"];

/// Methods of one version, below `/csc/v1` or `/csc/v2`.
pub fn router(version: Version, limits: &Limits) -> Router<AppState> {
    let documents = Router::new()
        .route("/signatures/signDoc", post(sign_doc::sign_doc))
        .layer(DefaultBodyLimit::max(limits.request_body));
    // Each version's clients use the other's names too.
    let offered = Router::new()
        .route("/info", get(info::info).post(info::info))
        .route("/auth/login", get(auth::login).post(auth::login))
        .route("/auth/revoke", post(auth::revoke))
        .route("/credentials/list", post(list::list))
        .route("/credentials/info", post(credential_info::info))
        .route("/credentials/authorize", post(authorize::authorize))
        .route("/credentials/authorizeCheck", post(authorize::authorize_check))
        .route("/credentials/extendTransaction", post(authorize::extend_transaction))
        .route("/credentials/getChallenge", post(get_challenge::get_challenge))
        .route("/credentials/sendOTP", post(get_challenge::get_challenge))
        .route("/signatures/signHash", post(sign_hash::sign_hash))
        .route("/signatures/signPolling", post(sign_polling::sign_polling))
        .route("/signatures/timestamp", post(timestamp::timestamp))
        .layer(DefaultBodyLimit::max(limits.csc_body));
    let all = NOT_OFFERED.iter().fold(offered, |router, path| router.route(path, post(not_implemented)));
    all.merge(documents).fallback(super::no_such_path).layer(Extension(version))
}

async fn not_implemented() -> Fault {
    Fault::new(&problem::NOT_IMPLEMENTED)
}
