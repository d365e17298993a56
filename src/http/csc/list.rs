//! `credentials/list`: credentials of a signer that the calling portal may address, never another portal's.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use serde::Serialize;

use crate::domain::SignerId;

use super::super::AppState;
use super::super::auth::Authenticated;
use super::super::body::RawBody;
use super::super::fault::Fault;
use super::params::invalid;
use super::wire::{CredentialInfo, Wanted, is_valid};
use super::{Version, algorithms};

/// v1's `nextPageToken` never occurs: the whole list fits one page.
#[derive(Serialize)]
pub struct List {
    #[serde(rename = "credentialIDs")]
    ids: Vec<String>,
    #[serde(rename = "credentialInfos", skip_serializing_if = "Option::is_none")]
    infos: Option<Vec<CredentialInfo>>,
    #[serde(rename = "onlyValid", skip_serializing_if = "Option::is_none")]
    only_valid: Option<bool>,
}

pub async fn list(
    State(state): State<AppState>,
    Extension(version): Extension<Version>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Json<List>, Fault> {
    let params = algorithms::request(&headers, raw)?;
    let bad_user = || invalid("Invalid parameter userID");
    let user = params.optional_string(&["userID"]).map_err(|_| bad_user())?;
    let signer = user.map(SignerId::parse).transpose().map_err(|_| bad_user())?;
    let (with_infos, only_valid) = (params.flag("credentialInfo")?, params.flag("onlyValid")?);
    let wanted = Wanted::read(&params)?;
    let now = (state.clock)();
    let mut credentials = state.service.list_credentials(&caller, signer.as_ref()).await?;
    credentials.retain(|credential| !only_valid || is_valid(credential, now));
    let info = |credential| CredentialInfo::new(credential, version, wanted, now).named(credential);
    Ok(Json(List {
        ids: credentials.iter().map(|credential| credential.id.to_string()).collect(),
        infos: with_infos.then(|| credentials.iter().map(info).collect()),
        only_valid: only_valid.then_some(true),
    }))
}
