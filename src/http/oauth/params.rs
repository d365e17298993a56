//! The parameters of an authorisation request, in the names of v1, of v2, and as `authorization_details`.

use crate::crypto::{Digest, DigestAlgorithm};
use crate::domain::oauth::{CredentialRequest, Dialect, DocumentHash};
use crate::domain::{CredentialId, Secret};
use crate::service::ServiceError;
use crate::service::oauth::OauthError;
use crate::service::oauth::request::AskedFor;

use super::super::body::Fields;
use super::{details, invalid};

/// What decides what is asked for; none of them may come twice (RFC 6749 §3.1).
const NAMES: [&str; 22] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "authorization_details",
    "request_uri",
    "request",
    "lang",
    "credentialID",
    "signatureQualifier",
    "numSignatures",
    "hash",
    "hashes",
    "hashAlgorithmOID",
    "description",
    "account_token",
    "clientData",
    "client_secret",
    "client_assertion",
];
/// Longest `clientData`, in characters; it is not kept.
const CLIENT_DATA: usize = 4096;

/// The one value of a parameter; empty counts as absent (RFC 6749 §3.1).
pub fn one<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    fields.get(name).filter(|value| !value.is_empty())
}

/// # Errors
/// `invalid_request` names the parameter that comes twice.
pub fn check_once(fields: &Fields) -> Result<(), ServiceError> {
    match NAMES.into_iter().find(|name| fields.count(name) > 1) {
        Some(name) => Err(invalid(format!("Repeated parameter {name}"))),
        None => Ok(()),
    }
}

/// Reads everything but client and redirect URI, which are checked before.
///
/// # Errors
/// [`ServiceError::Oauth`].
pub fn read(fields: &Fields) -> Result<AskedFor, ServiceError> {
    check_once(fields)?;
    if one(fields, "request").is_some() {
        return Err(invalid("request objects are not served; push the request instead"));
    }
    if fields.get("clientData").is_some_and(|data| data.chars().count() > CLIENT_DATA) {
        return Err(invalid("Invalid parameter clientData"));
    }
    let text = |name: &str| one(fields, name).map(str::to_owned);
    Ok(AskedFor {
        response_type: text("response_type"),
        state: text("state"),
        code_challenge: text("code_challenge"),
        code_challenge_method: text("code_challenge_method"),
        lang: text("lang"),
        description: text("description"),
        account_token: one(fields, "account_token").map(Secret::new),
        credential: credential(fields)?,
    })
}

/// Scope and what it needs.
fn credential(fields: &Fields) -> Result<Option<CredentialRequest>, ServiceError> {
    let details = one(fields, "authorization_details").map(details::read).transpose()?;
    let scope = one(fields, "scope").unwrap_or(if details.is_some() { "credential" } else { "service" });
    let words: Vec<&str> = scope.split(' ').filter(|word| !word.is_empty()).collect();
    if words.is_empty() || words.iter().any(|word| !matches!(*word, "service" | "credential")) {
        return Err(ServiceError::Oauth {
            error: OauthError::InvalidScope,
            description: "The scopes service and credential are offered".to_owned(),
        });
    }
    // A credential token serves for the calls about its credential too, so both together mean credential.
    if !words.contains(&"credential") {
        return match details {
            None => Ok(None),
            Some(_) => Err(invalid("authorization_details need the scope credential")),
        };
    }
    match details {
        Some(_) if one(fields, "credentialID").is_some() => {
            Err(invalid("Either authorization_details or credentialID, not both"))
        }
        Some(details) => Ok(Some(details)),
        None => parameters(fields).map(Some),
    }
}

fn parameters(fields: &Fields) -> Result<CredentialRequest, ServiceError> {
    let id = one(fields, "credentialID").ok_or_else(|| invalid("Missing parameter credentialID"))?;
    let credential = CredentialId::parse(id).map_err(|_| invalid("Invalid parameter credentialID"))?;
    let number = one(fields, "numSignatures").ok_or_else(|| invalid("Missing parameter numSignatures"))?;
    let num_signatures: u32 = number.parse().map_err(|_| invalid("Invalid value for parameter numSignatures"))?;
    let (dialect, list) = match (one(fields, "hashes"), one(fields, "hash")) {
        (Some(list), None) => (Dialect::V2, list),
        (None, Some(list)) => (Dialect::V1, list),
        (Some(_), Some(_)) => return Err(invalid("Either hashes or hash, not both")),
        (None, None) => return Err(invalid("Missing parameter hashes")),
    };
    let values = list.split(',').map(details::decode).collect::<Option<Vec<_>>>();
    let values = values.ok_or_else(|| invalid("Invalid Base64 hash string parameter"))?;
    let algorithm = match (one(fields, "hashAlgorithmOID"), dialect) {
        (Some(oid), _) => details::algorithm_of(oid).ok_or_else(|| invalid("Invalid parameter hashAlgorithmOID"))?,
        (None, Dialect::V1) => by_length(&values).ok_or_else(|| invalid("Invalid digest value length"))?,
        (None, Dialect::V2) => return Err(invalid("Missing parameter hashAlgorithmOID")),
    };
    let document = |(n, value): (usize, &Vec<u8>)| {
        let digest = Digest::from_bytes(algorithm, value).ok_or_else(|| invalid("Invalid digest value length"))?;
        Ok(DocumentHash { label: details::label(n), digest })
    };
    let documents = values.iter().enumerate().map(document).collect::<Result<Vec<_>, ServiceError>>()?;
    Ok(CredentialRequest { credential, num_signatures, documents, dialect, details_type: None })
}

/// v1 names no algorithm: the length of the first hash tells.
fn by_length(values: &[Vec<u8>]) -> Option<DigestAlgorithm> {
    let length = values.first()?.len();
    let known = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];
    known.into_iter().find(|algorithm| algorithm.output_len() == length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

    fn refused(query: &str) -> (OauthError, String) {
        match read(&Fields::parse(query)) {
            Err(ServiceError::Oauth { error, description }) => (error, description),
            other => panic!("{query}: {other:?}"),
        }
    }

    #[test]
    fn v1_and_v2_names_ask_for_the_same_hashes() {
        let v1 = format!("scope=credential&credentialID=c&numSignatures=2&hash={HASH},{HASH}");
        let v2 = format!("{}&hashAlgorithmOID=2.16.840.1.101.3.4.2.1", v1.replace("hash=", "hashes="));
        let read = |query: &str| read(&Fields::parse(query)).expect("read").credential.expect("a credential");
        let (v1, v2) = (read(&v1), read(&v2));
        assert_eq!((v1.dialect, v2.dialect), (Dialect::V1, Dialect::V2));
        assert_eq!(v1.documents, v2.documents);
        assert_eq!(v1.documents.len(), 2);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let base = format!("scope=credential&credentialID=c&numSignatures=1&hashes={HASH}");
        for (query, text) in [
            ("scope=credential", "Missing parameter credentialID"),
            ("scope=credential&credentialID=../x", "Invalid parameter credentialID"),
            ("scope=credential&credentialID=c", "Missing parameter numSignatures"),
            ("scope=credential&credentialID=c&numSignatures=-1", "Invalid value for parameter numSignatures"),
            ("scope=credential&credentialID=c&numSignatures=1", "Missing parameter hashes"),
            (&base, "Missing parameter hashAlgorithmOID"),
            (&format!("{base}&hashAlgorithmOID=1.3.14.3.2.26"), "Invalid parameter hashAlgorithmOID"),
            (&format!("{base}&hash=x"), "Either hashes or hash, not both"),
            ("state=a&state=b", "Repeated parameter state"),
            ("request=a.b.c", "request objects are not served; push the request instead"),
        ] {
            assert_eq!(refused(query), (OauthError::InvalidRequest, text.to_owned()), "{query}");
        }
        assert_eq!(refused("scope=openid").0, OauthError::InvalidScope);
        assert_eq!(refused("scope=service+admin").0, OauthError::InvalidScope);
    }

    #[test]
    fn without_scope_it_is_service() {
        assert!(read(&Fields::parse("scope=&state=x")).expect("read").credential.is_none());
    }
}
