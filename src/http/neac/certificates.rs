//! `get_certificate`: the certificates of a person, by their identity number.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::domain::credential::KeyStatus;
use crate::domain::{Credential, Factors, SignerId};
use crate::formats::x509::Certificate;
use crate::service::Caller;

use super::super::AppState;
use super::super::body::RawBody;
use super::super::csc::params::Params;
use super::super::fault::Fault;
use super::{answer, invalid, read};

pub async fn get_certificate(
    State(state): State<AppState>,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Json<Value>, Fault> {
    let (caller, params) = read(&state, &headers, raw).await?;
    let found = of_person(&state, &caller, &params).await?;
    let list: Vec<Value> = found.iter().filter_map(entry).collect();
    let transaction = params.optional_string(&["transaction_id"])?;
    Ok(answer("success", json!({ "transaction_id": transaction, "user_certificates": list })))
}

/// Usable credentials of the person, of one serial number if that is named.
pub async fn of_person(state: &AppState, caller: &Caller, params: &Params) -> Result<Vec<Credential>, Fault> {
    let signer = SignerId::parse(params.string(&["user_id"])?).map_err(|_| invalid("Invalid parameter user_id"))?;
    let mut found = state.service.list_credentials(caller, Some(&signer)).await?;
    let now = (state.clock)();
    let serial = params.optional_string(&["serial_number"])?.filter(|serial| !serial.is_empty());
    found.retain(|credential| {
        let Some(certificate) = certificate(credential) else { return false };
        credential.status == KeyStatus::Enabled
            && !credential.algorithm.is_pure()
            // There is no place for what a PIN opens: see `create_hash_request`.
            && credential.factors == Factors::Code
            && certificate.validity().contains(now)
            && serial.is_none_or(|serial| serial.eq_ignore_ascii_case(&certificate.serial_hex()))
    });
    Ok(found)
}

fn certificate(credential: &Credential) -> Option<Certificate> {
    Certificate::from_der(credential.certificates.first()?).ok()
}

fn entry(credential: &Credential) -> Option<Value> {
    let certificate = certificate(credential)?;
    let encoded = |n: usize| credential.certificates.get(n).map(|der| STANDARD.encode(der));
    let validity = certificate.validity();
    Some(json!({
        "service_type": "KYSO",
        "cert_id": credential.id.as_str(),
        "serial_number": certificate.serial_hex(),
        "cert_subject": certificate.subject().to_string(),
        "cert_valid_from": validity.not_before.format(&Rfc3339).ok()?,
        "cert_valid_to": validity.not_after.format(&Rfc3339).ok()?,
        "cert_data": encoded(0),
        // The root is not kept here: whoever relies on it has it from its authority.
        "chain_data": { "ca_cert": encoded(1), "root_cert": null },
    }))
}
