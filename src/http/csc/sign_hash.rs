//! `signatures/signHash`: signs exactly the hashes the SAD opens.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::crypto::SignatureAlgorithm;
use crate::custody::SignatureValue;
use crate::domain::Secret;
use crate::service::{ServiceError, SignHashes};

use super::super::AppState;
use super::super::auth::Authenticated;
use super::super::body::RawBody;
use super::super::fault::Fault;
use super::mode::Mode;
use super::params::{Params, invalid};
use super::{algorithms, sad};

pub async fn sign_hash(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Json<Value>, Fault> {
    let params = algorithms::request(&headers, raw)?;
    let (request, mode) = (read(&params, sad::serving(&caller, &headers))?, Mode::read(&params)?);
    let algorithm = request.algorithm;
    let made = match mode {
        Mode::Synchronous => state.service.sign_hashes(&caller, request).await.map(|values| answer(&values)),
        Mode::Asynchronous { kept_for } => {
            let begun = state.service.sign_hashes_later(&caller, request, kept_for).await;
            begun.map(|id| json!({ "responseID": id.as_str() }))
        }
    };
    made.map(Json).map_err(|error| in_words_of_sign_hash(algorithm, error))
}

/// Signature values in the order of the hashes: PKCS#1 octet strings, or DER `SEQUENCE { r, s }` for ECDSA.
pub fn answer(values: &[SignatureValue]) -> Value {
    json!({ "signatures": values.iter().map(|value| STANDARD.encode(&value.0)).collect::<Vec<_>>() })
}

fn read(params: &Params, serving: Option<Secret>) -> Result<SignHashes, Fault> {
    let credential = params.credential()?;
    let sad = sad::read(params, serving)?;
    let values = params.hashes()?.ok_or_else(|| invalid("Missing (or invalid type) array parameter hash"))?;
    let named = algorithms::digest_algorithm(params)?;
    let algorithm = algorithms::signature_algorithm(params, named)?;
    let digest = algorithm.digest().ok_or_else(|| invalid("Invalid parameter signAlgo"))?;
    Ok(SignHashes { credential, sad, hashes: algorithms::digests(&values, digest)?, algorithm })
}

/// The key is fine and the salt is not: the parameters are at fault.
fn in_words_of_sign_hash(algorithm: SignatureAlgorithm, error: ServiceError) -> Fault {
    let words = match &error {
        ServiceError::CertificateNotValid => Some("Signing certificate is expired"),
        ServiceError::UnsupportedAlgorithm { key, .. }
            if key.is_rsa() && matches!(algorithm, SignatureAlgorithm::RsaPss { .. }) =>
        {
            Some("Invalid parameter signAlgoParams: the salt is as long as the hash, or as long as the key lets it be")
        }
        _ => None,
    };
    let fault = Fault::from(error);
    match words {
        Some(words) => fault.csc_description(words),
        None => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::super::params::tests::{description, params};
    use super::*;
    use crate::crypto::DigestAlgorithm;

    const HASH: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    fn refused(json: &str) -> String {
        description(&read(&params(json), None).expect_err("refused"))
    }

    #[test]
    fn both_dialects_ask_for_the_same() {
        for (hashes, algorithm) in [("hash", "hashAlgo"), ("hashes", "hashAlgorithmOID")] {
            let json = format!(
                r#"{{"credentialID":"c","SAD":"s","{hashes}":["{HASH}"],"{algorithm}":"2.16.840.1.101.3.4.2.1",
                    "signAlgo":"1.2.840.113549.1.1.1","clientData":"x","unknown":1}}"#
            );
            let request = read(&params(&json), None).expect("read");
            assert_eq!(request.algorithm, SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha256));
            assert_eq!(request.hashes.len(), 1);
        }
    }

    #[test]
    fn each_missing_member_is_named() {
        assert_eq!(refused(r#"{"credentialID":"c"}"#), "Missing (or invalid type) string parameter SAD");
        let json = r#"{"credentialID":"c","SAD":"s"}"#;
        assert_eq!(refused(json), "Missing (or invalid type) array parameter hash");
        let json = format!(r#"{{"credentialID":"c","SAD":"s","hashes":["{HASH}"]}}"#);
        assert_eq!(refused(&json), "Missing (or invalid type) string parameter signAlgo");
    }

    #[test]
    fn a_hash_that_does_not_fit_the_algorithm_is_refused() {
        let json = format!(r#"{{"credentialID":"c","SAD":"s","hashes":["{HASH}"],"signAlgo":"1.2.840.10045.4.3.3"}}"#);
        assert_eq!(refused(&json), "Invalid digest value length");
    }
}
