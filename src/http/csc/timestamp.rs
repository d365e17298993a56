//! `signatures/timestamp`: a time-stamp of the service's own authorities over a hash.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::crypto::Digest;
use crate::service::ServiceError;

use super::super::auth::Authenticated;
use super::super::body::RawBody;
use super::super::fault::Fault;
use super::super::{AppState, problem};
use super::algorithms;
use super::params::{Params, invalid};

/// Longest nonce in octets; RFC 3161 asks for 64 bits at least.
const NONCE: usize = 32;

pub async fn timestamp(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Json<Value>, Fault> {
    caller.needs_service()?;
    let params = algorithms::request(&headers, raw)?;
    let (digest, nonce) = read(&params)?;
    let token = state.service.timestamp(digest, nonce.as_deref()).await.map_err(|error| match error {
        ServiceError::NoTrustServices => Fault::new(&problem::NOT_IMPLEMENTED),
        other => other.into(),
    })?;
    Ok(Json(json!({ "timestamp": STANDARD.encode(token) })))
}

fn read(params: &Params) -> Result<(Digest, Option<Vec<u8>>), Fault> {
    let text = match params.value("hash") {
        None => return Err(invalid("Missing parameter hash")),
        Some(Value::String(text)) if text.is_empty() => return Err(invalid("Empty hash parameter")),
        Some(Value::String(text)) => text,
        Some(_) => return Err(invalid("Invalid Base64 hash string parameter")),
    };
    let value = STANDARD.decode(text).map_err(|_| invalid("Invalid Base64 hash string parameter"))?;
    let algorithm = algorithms::digest_algorithm(params).map_err(|_| invalid("Invalid parameter hashAlgo"))?;
    let algorithm = algorithm.ok_or_else(|| invalid("Invalid parameter hashAlgo"))?;
    let digest = Digest::from_bytes(algorithm, &value).ok_or_else(|| invalid("Invalid digest value length"))?;
    let nonce = params.value("nonce").map(|value| value.as_str().and_then(octets));
    match nonce {
        None => Ok((digest, None)),
        Some(Some(nonce)) => Ok((digest, Some(nonce))),
        Some(None) => Err(invalid("Invalid parameter nonce")),
    }
}

/// An even or odd number of hexadecimal digits, read as a number.
fn octets(text: &str) -> Option<Vec<u8>> {
    let padded = if text.len() % 2 == 1 { format!("0{text}") } else { text.to_owned() };
    if padded.is_empty() || padded.len() > 2 * NONCE || !padded.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let pair = |at| padded.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..padded.len()).step_by(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::super::params::tests::{description, params};
    use super::*;

    const HASH: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test]
    fn each_fault_has_its_text() {
        let sha256 = r#""hashAlgo":"2.16.840.1.101.3.4.2.1""#;
        for (json, said) in [
            (format!("{{{sha256}}}"), "Missing parameter hash"),
            (format!(r#"{{"hash":"",{sha256}}}"#), "Empty hash parameter"),
            (format!(r#"{{"hash":"%%",{sha256}}}"#), "Invalid Base64 hash string parameter"),
            (format!(r#"{{"hash":"AAAA",{sha256}}}"#), "Invalid digest value length"),
            (format!(r#"{{"hash":"{HASH}"}}"#), "Invalid parameter hashAlgo"),
            (format!(r#"{{"hash":"{HASH}","hashAlgo":"1.3.14.3.2.26"}}"#), "Invalid parameter hashAlgo"),
            (format!(r#"{{"hash":"{HASH}",{sha256},"nonce":"xyz"}}"#), "Invalid parameter nonce"),
            (format!(r#"{{"hash":"{HASH}",{sha256},"nonce":7}}"#), "Invalid parameter nonce"),
        ] {
            assert_eq!(description(&read(&params(&json)).expect_err("refused")), said, "{json}");
        }
        let (_, nonce) = read(&params(&format!(r#"{{"hash":"{HASH}",{sha256},"nonce":"abc"}}"#))).expect("read");
        assert_eq!(nonce, Some(vec![0x0a, 0xbc]));
    }
}
