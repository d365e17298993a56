//! `sign` and its status: hashes, confirmed by their signer on this service's page.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::crypto::{Digest, DigestAlgorithm};
use crate::domain::{FailureReason, TransactionId};
use crate::service::ServiceError;
use crate::service::hash_requests::{HashRequest, HashRequestState};

use super::super::body::RawBody;
use super::super::csc::params::Params;
use super::super::fault::Fault;
use super::super::{AppState, problem};
use super::{answer, certificates, invalid, read};

/// Files of one call, as of one authorisation.
const FILES: usize = 100;
const TEXT: usize = 500;

pub async fn sign(State(state): State<AppState>, headers: HeaderMap, raw: RawBody) -> Result<Json<Value>, Fault> {
    let (caller, params) = read(&state, &headers, raw).await?;
    let items = files(&params)?;
    let key = params.string(&["transaction_id"])?;
    let description = params.optional_string(&["transaction_desc"])?.unwrap_or_default();
    if key.len() > 200 || description.chars().count() > TEXT {
        return Err(invalid("transaction_id or transaction_desc is too long"));
    }
    let found = certificates::of_person(&state, &caller, &params).await?;
    let credential = found.into_iter().next().ok_or_else(|| invalid("Invalid parameter serial_number"))?;
    let request =
        HashRequest { credential: credential.id, items, description: description.to_owned(), key: key.to_owned() };
    let id = state.service.create_hash_request(&caller, request).await?;
    let page = format!("{}{}", state.public_url, state.service.confirm_path(&id));
    let data = json!({
        "transaction_id": id.as_str(),
        "tran_code": id.as_str(),
        "sp_transaction_id": key,
        // Not in the original, whose signer has an app: here the portal sends the signer to this page.
        "confirm_url": page,
    });
    Ok(answer("sig_wait_for_user_confirm", data))
}

pub async fn status(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Json<Value>, Fault> {
    let (caller, _) = read(&state, &headers, raw).await?;
    let id = TransactionId::parse(&id).map_err(|_| Fault::new(&problem::NOT_FOUND))?;
    let outcome = state.service.hash_request(&caller, &id).await;
    let (code, message, signatures) = match outcome {
        Ok(HashRequestState::Waiting) => (4000, "sig_wait_for_user_confirm", Vec::new()),
        Ok(HashRequestState::Signed(all)) => (1, "success", all),
        Ok(HashRequestState::Expired) | Err(ServiceError::SadExpired) => (4001, "sig_expired", Vec::new()),
        Ok(HashRequestState::Refused) => (4002, "sig_user_rejected", Vec::new()),
        Ok(HashRequestState::Failed(FailureReason::TooManyWrongCodes)) => {
            (4003, "sig_key_authorisation_failed", Vec::new())
        }
        Ok(HashRequestState::Failed(_)) => (4004, "sig_failed", Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let one = |(doc, value): &(String, crate::custody::SignatureValue)| json!({"doc_id": doc, "signature_value": STANDARD.encode(&value.0), "timestamp_signature": null});
    let signatures: Vec<Value> = signatures.iter().map(one).collect();
    Ok(answer(message, json!({"transaction_id": id.as_str(), "tran_status": code, "signatures": signatures})))
}

/// `sign_files`: each a hash in hexadecimal digits, of SHA-256, SHA-384 or SHA-512 by its length.
fn files(params: &Params) -> Result<Vec<(String, Digest)>, Fault> {
    let bad = || invalid("Invalid parameter sign_files");
    let all = params.value("sign_files").and_then(Value::as_array).ok_or_else(bad)?;
    if all.is_empty() || all.len() > FILES {
        return Err(Fault::new(&problem::NUMBER_OF_SIGNATURES));
    }
    let mut files: Vec<(String, Digest)> = Vec::with_capacity(all.len());
    for file in all {
        let file = Params::nested(file, bad)?;
        if file.string(&["sign_type"])? != "hash" {
            return Err(invalid("Invalid parameter sign_type: only hash is offered"));
        }
        let name = file.string(&["doc_id"])?;
        if name.len() > 120 || name.chars().any(char::is_control) || files.iter().any(|(known, _)| known == name) {
            return Err(invalid("Invalid parameter doc_id"));
        }
        let digest = hash(file.string(&["data_to_be_signed"])?);
        let digest = digest.ok_or_else(|| invalid("Invalid parameter data_to_be_signed"))?;
        if files.first().is_some_and(|(_, first)| first.algorithm() != digest.algorithm()) {
            return Err(invalid("Invalid parameter data_to_be_signed: hashes of different functions"));
        }
        files.push((name.to_owned(), digest));
    }
    Ok(files)
}

fn hash(text: &str) -> Option<Digest> {
    if text.len() > 128 || text.len() % 2 == 1 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let pair = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..text.len()).step_by(2).map(pair).collect::<Option<_>>()?;
    let algorithms = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];
    algorithms.into_iter().find_map(|algorithm| Digest::from_bytes(algorithm, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files_json: &str) -> Result<usize, ()> {
        let json = format!(r#"{{"sign_files":{files_json}}}"#);
        let params = Params::read(&HeaderMap::new(), json.as_bytes()).expect("an object");
        files(&params).map(|files| files.len()).map_err(drop)
    }

    #[test]
    fn only_hashes_of_known_length_and_one_function_are_taken() {
        let file =
            |id: &str, hex: &str| format!(r#"{{"doc_id":"{id}","sign_type":"hash","data_to_be_signed":"{hex}"}}"#);
        let (short, long) = ("ab".repeat(32), "ab".repeat(64));
        assert_eq!(read(&format!("[{},{}]", file("a", &short), file("b", &short))), Ok(2));
        for bad in [
            "[]".to_owned(),
            "{}".to_owned(),
            format!("[{},{}]", file("a", &short), file("a", &short)),
            format!("[{},{}]", file("a", &short), file("b", &long)),
            format!("[{}]", file("a", &"ab".repeat(20))),
            format!("[{}]", file("a", "zz")),
            format!("[{}]", file("a", "éé")),
            format!("[{}]", file("a", &short).replace("\"hash\"", "\"file\"")),
            format!("[{}]", vec![file("a", &short); 101].join(",")),
        ] {
            assert_eq!(read(&bad), Err(()), "{bad}");
        }
    }
}
