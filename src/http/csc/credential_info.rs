//! `credentials/info`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};

use super::super::AppState;
use super::super::auth::Authenticated;
use super::super::body::RawBody;
use super::super::fault::Fault;
use super::wire::{CredentialInfo, Wanted};
use super::{Version, algorithms};

pub async fn info(
    State(state): State<AppState>,
    Extension(version): Extension<Version>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Json<CredentialInfo>, Fault> {
    let params = algorithms::request(&headers, raw)?;
    let id = params.credential()?;
    let wanted = Wanted::read(&params)?;
    let credential = state.service.credential(&caller, &id).await?;
    Ok(Json(CredentialInfo::new(&credential, version, wanted, (state.clock)())))
}
