//! The SAD of a call: a member of the request, or the caller's own token.

use axum::http::HeaderMap;

use crate::domain::Secret;
use crate::domain::oauth::Holder;
use crate::service::Caller;

use super::super::auth::bearer;
use super::super::fault::Fault;
use super::params::Params;

/// A token of scope `credential` serves as the SAD (v2.0.0.2 §11.9); it may come in the body as well.
pub fn serving(caller: &Caller, headers: &HeaderMap) -> Option<Secret> {
    matches!(caller.holder, Holder::Credential { .. }).then(|| bearer(headers)).flatten()
}

/// # Errors
/// "Missing (or invalid type) string parameter SAD" when neither is there.
pub fn read(params: &Params, serving: Option<Secret>) -> Result<Secret, Fault> {
    match (params.optional_string(&["SAD"])?.filter(|sad| !sad.is_empty()), serving) {
        (None, Some(token)) => Ok(token),
        _ => Ok(Secret::new(params.string(&["SAD"])?)),
    }
}
