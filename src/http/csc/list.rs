//! `credentials/list`: credentials of a signer that the calling portal may address, never another portal's.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::domain::{CredentialId, SignerId};

use super::super::AppState;
use super::super::auth::Authenticated;
use super::super::body::RawBody;
use super::super::fault::Fault;
use super::params::{Params, invalid};
use super::wire::{CredentialInfo, Wanted, is_valid};
use super::{Version, algorithms};

/// Entries of a page when the caller names no number, and the most it gets.
const PAGE: usize = 100;

#[derive(Serialize)]
pub struct List {
    #[serde(rename = "credentialIDs")]
    ids: Vec<String>,
    /// v1: what the next call passes as `pageToken`, when there is more.
    #[serde(rename = "nextPageToken", skip_serializing_if = "Option::is_none")]
    next: Option<String>,
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
    let (size, after) = page(&params)?;
    let now = (state.clock)();
    let mut credentials = state.service.list_credentials(&caller, signer.as_ref()).await?;
    credentials.retain(|credential| !only_valid || is_valid(credential, now));
    credentials.sort_by(|a, b| a.id.cmp(&b.id));
    credentials.retain(|credential| after.as_ref().is_none_or(|after| credential.id > *after));
    let more = credentials.len() > size;
    credentials.truncate(size);
    let next = credentials.last().filter(|_| more).map(|last| STANDARD.encode(last.id.as_str()));
    let info = |credential| CredentialInfo::new(credential, version, wanted, now).named(credential);
    Ok(Json(List {
        ids: credentials.iter().map(|credential| credential.id.to_string()).collect(),
        next,
        infos: with_infos.then(|| credentials.iter().map(info).collect()),
        only_valid: only_valid.then_some(true),
    }))
}

/// v1's paging; v2 has dropped it, and its clients still ask.
fn page(params: &Params) -> Result<(usize, Option<CredentialId>), Fault> {
    let bad_size = || invalid("Invalid parameter maxResults");
    let size = match params.optional_integer("maxResults")? {
        None => PAGE,
        Some(number) => usize::try_from(number).ok().filter(|n| *n > 0).ok_or_else(bad_size)?.min(PAGE),
    };
    let bad_token = || invalid("Invalid parameter pageToken");
    let Some(token) = params.optional_string(&["pageToken"]).map_err(|_| bad_token())? else { return Ok((size, None)) };
    let id = STANDARD.decode(token).ok().and_then(|id| CredentialId::try_from(String::from_utf8(id).ok()?).ok());
    id.map(|id| (size, Some(id))).ok_or_else(bad_token)
}

#[cfg(test)]
mod tests {
    use super::super::params::tests::{description, params};
    use super::*;

    #[test]
    fn pages_have_bounds_and_tokens_of_their_own() {
        assert_eq!(page(&params("{}")).expect("read"), (PAGE, None));
        let (size, after) = page(&params(r#"{"maxResults":"2","pageToken":"YWJj"}"#)).expect("read");
        assert_eq!((size, after.map(|id| id.to_string())), (2, Some("abc".to_owned())));
        assert_eq!(page(&params(r#"{"maxResults":1000000}"#)).expect("read").0, PAGE);
        for (json, said) in [
            (r#"{"maxResults":0}"#, "Invalid parameter maxResults"),
            (r#"{"maxResults":{}}"#, "Invalid parameter maxResults"),
            (r#"{"pageToken":1}"#, "Invalid parameter pageToken"),
            (r#"{"pageToken":"Li4v"}"#, "Invalid parameter pageToken"),
        ] {
            assert_eq!(description(&page(&params(json)).expect_err("refused")), said);
        }
    }
}
