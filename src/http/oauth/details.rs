//! `authorization_details` (RFC 9396) of the CSC API: what is to be signed, with the labels the signer reads.
//!
//! Two type names mean the same: `credential` (v2.0.0.2) and the address of 2025 (v2.2), which adds `numSignatures` and, for each
//! digest, `hashType`. Digests are bound by value, so `hashType` only has to be one that is known.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use const_oid::ObjectIdentifier;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::crypto::{Digest, DigestAlgorithm};
use crate::domain::CredentialId;
use crate::domain::oauth::{CredentialRequest, Dialect, DocumentHash};
use crate::service::ServiceError;
use crate::service::oauth::OauthError;

/// The accepted types.
pub const TYPES: [&str; 2] = ["credential", "https://cloudsignatureconsortium.org/2025/credential"];
/// Most documents of one authorisation that are read; the credential's own limit is lower.
const MOST: usize = 1000;

#[derive(Deserialize)]
struct Detail {
    r#type: String,
    #[serde(rename = "credentialID")]
    credential: Option<String>,
    #[serde(rename = "numSignatures")]
    num_signatures: Option<u32>,
    #[serde(rename = "documentDigests")]
    digests: Option<Vec<DocumentDigest>>,
    #[serde(rename = "hashAlgorithmOID")]
    algorithm: Option<String>,
}

#[derive(Deserialize)]
struct DocumentDigest {
    hash: String,
    label: Option<String>,
    #[serde(rename = "hashType")]
    hash_type: Option<String>,
}

fn bad(text: &str) -> ServiceError {
    ServiceError::Oauth { error: OauthError::InvalidAuthorizationDetails, description: text.to_owned() }
}

/// Reads the parameter.
///
/// # Errors
/// `invalid_authorization_details`, with the member that is wrong.
pub fn read(text: &str) -> Result<CredentialRequest, ServiceError> {
    let all: Vec<Value> = serde_json::from_str(text).map_err(|_| bad("It is not a JSON array"))?;
    let [detail] = all.as_slice() else { return Err(bad("One entry is accepted, of a credential")) };
    let kind = detail.get("type").and_then(Value::as_str).unwrap_or_default();
    if !TYPES.contains(&kind) {
        return Err(bad("Unknown type"));
    }
    let detail: Detail =
        serde_json::from_value(detail.clone()).map_err(|_| bad("A member is missing or of the wrong type"))?;
    let credential =
        detail.credential.ok_or_else(|| bad("Missing credentialID: signatureQualifier alone is not served"))?;
    let credential = CredentialId::parse(&credential).map_err(|_| bad("Invalid credentialID"))?;
    let algorithm = detail.algorithm.ok_or_else(|| bad("Missing hashAlgorithmOID"))?;
    let algorithm = algorithm_of(&algorithm).ok_or_else(|| bad("Invalid hashAlgorithmOID"))?;
    let digests = detail.digests.ok_or_else(|| bad("Missing documentDigests"))?;
    if digests.is_empty() || digests.len() > MOST {
        return Err(bad("Invalid number of documentDigests"));
    }
    let document = |(n, digest): (usize, &DocumentDigest)| {
        if !digest.hash_type.as_deref().is_none_or(is_known) {
            return Err(bad("Invalid hashType"));
        }
        let value = decode(&digest.hash).ok_or_else(|| bad("Invalid Base64 hash"))?;
        let value = Digest::from_bytes(algorithm, &value).ok_or_else(|| bad("Invalid digest value length"))?;
        let label = digest.label.clone().filter(|label| !label.trim().is_empty()).unwrap_or_else(|| label(n));
        Ok(DocumentHash { label, digest: value })
    };
    let documents = digests.iter().enumerate().map(document).collect::<Result<Vec<_>, _>>()?;
    let count = u32::try_from(documents.len()).unwrap_or(u32::MAX);
    Ok(CredentialRequest {
        credential,
        num_signatures: detail.num_signatures.unwrap_or(count),
        documents,
        dialect: Dialect::V2,
        details_type: Some(detail.r#type),
    })
}

/// The parameter as the token endpoint gives it back.
pub fn write(request: &CredentialRequest) -> Option<Value> {
    let kind = request.details_type.as_deref()?;
    let digest = |document: &DocumentHash| json!({"hash": encode(document.digest.as_bytes()), "label": document.label});
    #[derive(Serialize)]
    struct Written<'a> {
        r#type: &'a str,
        #[serde(rename = "credentialID")]
        credential: &'a CredentialId,
        #[serde(rename = "documentDigests")]
        digests: Vec<Value>,
        #[serde(rename = "hashAlgorithmOID")]
        algorithm: Option<String>,
        #[serde(rename = "numSignatures", skip_serializing_if = "Option::is_none")]
        num_signatures: Option<u32>,
    }
    let written = Written {
        r#type: kind,
        credential: &request.credential,
        digests: request.documents.iter().map(digest).collect(),
        algorithm: request.documents.first().map(|document| document.digest.algorithm().oid().to_string()),
        num_signatures: (kind != "credential").then_some(request.num_signatures),
    };
    serde_json::to_value([written]).ok()
}

/// A document's name when the client gave none.
pub fn label(n: usize) -> String {
    format!("Tài liệu {0} (Document {0})", n + 1)
}

/// SHA-256 and stronger.
pub fn algorithm_of(oid: &str) -> Option<DigestAlgorithm> {
    let algorithm = DigestAlgorithm::from_oid(&ObjectIdentifier::new(oid).ok()?).ok()?;
    (algorithm >= DigestAlgorithm::Sha256).then_some(algorithm)
}

/// Base64 in either alphabet, padded or not: the specification uses one here and the other there, and clients mix them.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    GeneralPurpose::new(alphabet, lenient).decode(text).ok()
}

fn encode(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn is_known(hash_type: &str) -> bool {
    ["dtbsr", "sodr", "sdr"].iter().any(|known| known.eq_ignore_ascii_case(hash_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of nothing.
    const HASH: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    const SHA256: &str = "2.16.840.1.101.3.4.2.1";

    fn detail(kind: &str) -> Value {
        json!({"type": kind, "credentialID": "ec-p256", "hashAlgorithmOID": SHA256,
               "documentDigests": [{"hash": HASH, "label": "Tờ khai", "hashType": "DTBSR"}]})
    }

    fn refused(detail: Value) -> String {
        match read(&json!([detail]).to_string()) {
            Err(ServiceError::Oauth { error: OauthError::InvalidAuthorizationDetails, description }) => description,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_types_are_read_and_given_back() {
        for kind in TYPES {
            let request = read(&json!([detail(kind)]).to_string()).expect("read");
            assert_eq!((request.num_signatures, request.documents[0].label.as_str()), (1, "Tờ khai"));
            let written = write(&request).expect("written");
            assert_eq!(read(&written.to_string()).expect("read again"), request);
            assert_eq!(written[0].get("numSignatures").is_some(), kind != "credential");
        }
    }

    #[test]
    fn each_wrong_member_is_named() {
        let with = |name: &str, value: Value| {
            let mut changed = detail("credential");
            changed[name] = value;
            refused(changed)
        };
        assert_eq!(with("type", json!("openid_credential")), "Unknown type");
        assert_eq!(with("credentialID", json!("../x")), "Invalid credentialID");
        assert!(with("credentialID", Value::Null).starts_with("Missing credentialID"));
        assert_eq!(with("hashAlgorithmOID", json!("1.3.14.3.2.26")), "Invalid hashAlgorithmOID");
        assert_eq!(with("documentDigests", json!([])), "Invalid number of documentDigests");
        assert_eq!(with("documentDigests", json!([{"hash": "AAAA"}])), "Invalid digest value length");
        assert_eq!(with("documentDigests", json!([{"hash": "%"}])), "Invalid Base64 hash");
        assert_eq!(with("documentDigests", json!([{"hash": HASH, "hashType": "md5"}])), "Invalid hashType");
        for bad in ["", "{}", "[]", "[1,2]", &"[".repeat(100_000)] {
            assert!(read(bad).is_err());
        }
    }

    #[test]
    fn base64_of_either_alphabet_is_the_same_hash() {
        let url = HASH.replace('+', "-").replace('/', "_");
        assert_eq!(decode(HASH), decode(&url));
        assert_eq!(decode(HASH), decode(url.trim_end_matches('=')));
        assert_eq!(decode("-+"), None, "mixed");
    }
}
