//! `credentials/authorize` in explicit mode: the portal passes PIN and one-time code in band.
//!
//! Without a code, one is sent to the signer and the answer is 202 with a `handle`; the same call with the code gives the SAD,
//! and so does `authorizeCheck` after the code was typed on the service's own page.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::json;

use crate::crypto::Digest;
use crate::domain::{Secret, TransactionId};
use crate::service::{Authorization, AuthorizeHashes, ServiceError};

use super::super::AppState;
use super::super::auth::Authenticated;
use super::super::body::RawBody;
use super::super::fault::Fault;
use super::params::{Params, invalid};
use super::{Version, algorithms};

/// Longest description (v2.0.0.2 §11.6).
const DESCRIPTION: usize = 500;

pub async fn authorize(
    State(state): State<AppState>,
    Extension(version): Extension<Version>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Response, Fault> {
    let params = algorithms::request(&headers, raw)?;
    let request = read(&params, version)?;
    let outcome = state.service.authorize_hashes(&caller, request).await;
    answer(&state, outcome.map_err(|error| in_words_of(version, error))?)
}

/// `credentials/authorizeCheck`: whether the signer has confirmed, and the SAD once they have.
pub async fn authorize_check(
    State(state): State<AppState>,
    Extension(version): Extension<Version>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Response, Fault> {
    let params = algorithms::request(&headers, raw)?;
    let handle = params.string(&["handle"])?;
    let handle = TransactionId::parse(handle).map_err(|_| invalid("Invalid parameter handle"))?;
    let outcome = state.service.collect_authorization(&caller, &handle).await;
    answer(&state, outcome.map_err(|error| in_words_of(version, error))?)
}

/// `credentials/extendTransaction`: another SAD for hashes the old one opens. Hashes it does not open were never shown to the
/// signer, so they are authorised like those of `credentials/authorize`, with the same factors.
pub async fn extend_transaction(
    State(state): State<AppState>,
    Extension(version): Extension<Version>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Response, Fault> {
    let params = algorithms::request(&headers, raw)?;
    let credential = params.credential()?;
    let sad = Secret::new(params.string(&["SAD"])?);
    let hashes = hashes(&params, version)?;
    let num_signatures = u32::try_from(hashes.len()).unwrap_or(u32::MAX);
    let (pin, code) = (params.factor("PIN")?, params.factor("OTP")?);
    let request = AuthorizeHashes { credential, hashes, num_signatures, description: String::new(), pin, code };
    let outcome = state.service.extend(&caller, &sad, request).await;
    answer(&state, outcome.map_err(|error| in_words_of(version, error))?)
}

/// While a person is confirming, the answer names the page of this service where they can do it, too: the code is typed
/// there and never passes through the portal.
fn answer(state: &AppState, outcome: Authorization) -> Result<Response, Fault> {
    match outcome {
        Authorization::Sad { sad, expires_in } => {
            Ok(Json(json!({"SAD": sad.expose(), "expiresIn": expires_in.whole_seconds()})).into_response())
        }
        Authorization::CodeSent { handle, page } => {
            let page = page.map(|path| [(header::LINK, format!("<{}{path}>; rel=\"confirm\"", state.public_url))]);
            Ok((StatusCode::ACCEPTED, page, Json(json!({ "handle": handle.as_str() }))).into_response())
        }
    }
}

fn read(params: &Params, version: Version) -> Result<AuthorizeHashes, Fault> {
    let credential = params.credential()?;
    let num_signatures = params.positive("numSignatures")?;
    let hashes = hashes(params, version)?;
    if u32::try_from(hashes.len()).map_or(true, |count| count > num_signatures) {
        return Err(invalid("Invalid value for parameter numSignatures"));
    }
    let description = params.optional_string(&["description"])?.unwrap_or_default();
    if description.chars().count() > DESCRIPTION {
        return Err(invalid("Invalid parameter description"));
    }
    let (pin, code) = (params.factor("PIN")?, params.factor("OTP")?);
    Ok(AuthorizeHashes { credential, hashes, num_signatures, description: description.to_owned(), pin, code })
}

/// The hashes to authorise: needed, because every SAD of this service is bound to its hashes (SCAL2).
fn hashes(params: &Params, version: Version) -> Result<Vec<Digest>, Fault> {
    let values = params.hashes()?.ok_or_else(|| invalid("Missing (or invalid type) array parameter hash"))?;
    let named = algorithms::digest_algorithm(params)?;
    let v1 = version == Version::V1 || params.speaks_v1();
    let algorithm = match named {
        Some(algorithm) => algorithm,
        // v1 has no such parameter: the length tells.
        None if v1 => algorithms::by_length(&values).ok_or_else(|| invalid("Invalid digest value length"))?,
        None => return Err(invalid("Missing (or invalid type) string parameter hashAlgorithmOID")),
    };
    algorithms::digests(&values, algorithm)
}

/// v1 has an error of its own for each factor.
fn in_words_of(version: Version, error: ServiceError) -> Fault {
    let words = match (version, &error) {
        (Version::V1, ServiceError::WrongPin) => Some(("invalid_pin", "The PIN is invalid")),
        (Version::V1, ServiceError::WrongAuthenticationData { .. } | ServiceError::CodeExpired) => {
            Some(("invalid_otp", "The OTP is invalid"))
        }
        _ => None,
    };
    let fault = Fault::from(error);
    match words {
        Some((error, description)) => fault.csc(error, description),
        None => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::super::params::tests::{description, params};
    use super::*;

    /// SHA-256 of nothing.
    const HASH: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test]
    fn v2_needs_the_hash_algorithm_and_v1_tells_it_by_length() {
        let json = format!(r#"{{"credentialID":"c","numSignatures":1,"hash":["{HASH}"],"PIN":"1","OTP":"2"}}"#);
        let request = read(&params(&json), Version::V1).expect("read");
        assert_eq!(request.hashes.len(), 1);
        assert!(request.pin.is_some() && request.code.is_some());
        assert!(read(&params(&json), Version::V2).is_ok(), "v1's name on v2's path");
        let fault = read(&params(&json.replace("hash", "hashes")), Version::V2).expect_err("refused");
        assert_eq!(description(&fault), "Missing (or invalid type) string parameter hashAlgorithmOID");
    }

    #[test]
    fn more_hashes_than_signatures_are_refused() {
        let json = format!(r#"{{"credentialID":"c","numSignatures":1,"hash":["{HASH}","{HASH}"]}}"#);
        let fault = read(&params(&json), Version::V1).expect_err("refused");
        assert_eq!(description(&fault), "Invalid value for parameter numSignatures");
    }

    #[test]
    fn a_call_without_hashes_is_refused() {
        let fault = read(&params(r#"{"credentialID":"c","numSignatures":1}"#), Version::V2).expect_err("refused");
        assert_eq!(description(&fault), "Missing (or invalid type) array parameter hash");
    }

    #[test]
    fn wrong_factors_have_their_words_in_each_version() {
        use super::super::super::fault::Shape;
        let body = |version, error| in_words_of(version, error).body(Shape::Csc, "r").expect("a body");
        let wrong_code = || ServiceError::WrongAuthenticationData { tries_left: 2 };
        let otp = r#"{"error":"invalid_otp","error_description":"The OTP is invalid""#;
        let pin = r#"{"error":"invalid_pin","error_description":"The PIN is invalid""#;
        assert!(body(Version::V1, wrong_code()).starts_with(otp));
        assert!(body(Version::V1, ServiceError::WrongPin).starts_with(pin));
        assert!(body(Version::V2, wrong_code()).starts_with(r#"{"error":"invalid_authentication_data""#));
    }
}
