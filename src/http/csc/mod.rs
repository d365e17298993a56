//! The Cloud Signature Consortium API, v1.0.4.0 under `/csc/v1` and v2 under `/csc/v2`: one code path.
//!
//! The reader is tolerant (names of both versions are taken under both paths, unknown members are ignored), the writer is
//! strict (each path answers with its own version's names). Reading order: [`params`] (typed access to a request, with the
//! specification's error texts), [`algorithms`] (OIDs), [`wire`] (the credential as clients see it), then one file an
//! endpoint. Offered are the methods that sign hashes under explicit authorisation; documents go through `/v1/requests`.

mod algorithms;
mod authorize;
mod get_challenge;
mod info;
mod list;
mod params;
mod sign_hash;
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
const NOT_OFFERED: [&str; 9] = [
    "/auth/login",
    "/auth/revoke",
    "/credentials/authorizeCheck",
    "/credentials/extendTransaction",
    "/credentials/create",
    "/credentials/delete",
    "/signatures/signDoc",
    "/signatures/signPolling",
    "/signatures/timestamp",
];

/// Methods of one version, below `/csc/v1` or `/csc/v2`.
pub fn router(version: Version, limits: &Limits) -> Router<AppState> {
    // Each version's clients use the other's name too.
    let offered = Router::new()
        .route("/info", get(info::info).post(info::info))
        .route("/credentials/list", post(list::list))
        .route("/credentials/info", post(credential_info::info))
        .route("/credentials/authorize", post(authorize::authorize))
        .route("/credentials/getChallenge", post(get_challenge::get_challenge))
        .route("/credentials/sendOTP", post(get_challenge::get_challenge))
        .route("/signatures/signHash", post(sign_hash::sign_hash));
    let all = NOT_OFFERED.iter().fold(offered, |router, path| router.route(path, post(not_implemented)));
    all.fallback(super::no_such_path).layer(Extension(version)).layer(DefaultBodyLimit::max(limits.csc_body))
}

async fn not_implemented() -> Fault {
    Fault::new(&problem::NOT_IMPLEMENTED)
}
