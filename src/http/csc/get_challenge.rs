//! `credentials/getChallenge`, and its ancestor `credentials/sendOTP`: sends a one-time code; 204 without a body.
//!
//! The specification has no way to name hashes here. A caller may add `hashes` and `hashAlgorithmOID` all the same; the
//! message then names what is going to be signed.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use super::super::AppState;
use super::super::auth::Authenticated;
use super::super::body::RawBody;
use super::super::fault::Fault;
use super::algorithms;
use super::params::invalid;

pub async fn get_challenge(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<StatusCode, Fault> {
    let params = algorithms::request(&headers, raw)?;
    let credential = params.credential()?;
    match params.optional_string(&["authObjectID"])? {
        None | Some("OTP") => {}
        Some(_) => return Err(invalid("Invalid parameter authObjectID")),
    }
    let values = params.hashes()?.unwrap_or_default();
    let named = algorithms::digest_algorithm(&params)?;
    let hashes = match named.or_else(|| algorithms::by_length(&values)) {
        Some(algorithm) => algorithms::digests(&values, algorithm)?,
        None if values.is_empty() => Vec::new(),
        None => return Err(invalid("Invalid digest value length")),
    };
    state.service.get_challenge(&caller, &credential, hashes).await?;
    Ok(StatusCode::NO_CONTENT)
}
