//! Algorithm identifiers of the wire, turned into what keys are asked for.

use const_oid::ObjectIdentifier;
use der::{Any, Decode as _};
use spki::AlgorithmIdentifierOwned;

use crate::crypto::{Digest, DigestAlgorithm, SignatureAlgorithm};
use crate::domain::KeyAlgorithm;

use super::super::body::RawBody;
use super::super::fault::Fault;
use super::params::{Params, invalid};

/// No other identifier is accepted; each is listed in `key.algo` of the keys that can do it, because clients check there
/// before they pass it as `signAlgo`.
const RSA: [&str; 5] = [
    "1.2.840.113549.1.1.1",  // rsaEncryption, the hash named beside it
    "1.2.840.113549.1.1.10", // RSASSA-PSS, with signAlgoParams
    "1.2.840.113549.1.1.11",
    "1.2.840.113549.1.1.12",
    "1.2.840.113549.1.1.13",
];
const ECDSA: [&str; 4] = ["1.2.840.10045.2.1", "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4"];

/// Pure schemes, which sign documents but no hashes.
const ED25519: [&str; 1] = ["1.3.101.112"];
const ML_DSA_44: [&str; 1] = ["2.16.840.1.101.3.4.3.17"];
const ML_DSA_65: [&str; 1] = ["2.16.840.1.101.3.4.3.18"];
const ML_DSA_87: [&str; 1] = ["2.16.840.1.101.3.4.3.19"];

/// Values of `signAlgo` for a key.
pub fn sign_algorithms(key: KeyAlgorithm) -> &'static [&'static str] {
    match key {
        KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => &RSA,
        KeyAlgorithm::P256 | KeyAlgorithm::P384 | KeyAlgorithm::P521 => &ECDSA,
        KeyAlgorithm::Ed25519 => &ED25519,
        KeyAlgorithm::MlDsa44 => &ML_DSA_44,
        KeyAlgorithm::MlDsa65 => &ML_DSA_65,
        KeyAlgorithm::MlDsa87 => &ML_DSA_87,
    }
}

/// All values of `signAlgo` that this build knows keys for, for `info`.
pub fn all_sign_algorithms() -> impl Iterator<Item = &'static str> {
    let keys = KeyAlgorithm::ALL.into_iter().filter(|key| key.is_available());
    let mut all: Vec<_> = keys.flat_map(sign_algorithms).copied().collect();
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|oid| seen.insert(*oid));
    all.into_iter()
}

/// `key.curve`.
pub fn curve(key: KeyAlgorithm) -> Option<&'static str> {
    match key {
        KeyAlgorithm::P256 => Some("1.2.840.10045.3.1.7"),
        KeyAlgorithm::P384 => Some("1.3.132.0.34"),
        KeyAlgorithm::P521 => Some("1.3.132.0.35"),
        // RFC 8410: the identifier of an Ed25519 key names its curve.
        KeyAlgorithm::Ed25519 => Some("1.3.101.112"),
        KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => None,
        KeyAlgorithm::MlDsa44 | KeyAlgorithm::MlDsa65 | KeyAlgorithm::MlDsa87 => None,
    }
}

/// `hashAlgorithmOID`, or v1's `hashAlgo`; SHA-256 and stronger.
///
/// # Errors
/// "Invalid parameter hashAlgorithmOID" for anything else.
pub fn digest_algorithm(params: &Params) -> Result<Option<DigestAlgorithm>, Fault> {
    let Some(text) = params.optional_string(&["hashAlgorithmOID", "hashAlgo"])? else { return Ok(None) };
    let bad = || invalid("Invalid parameter hashAlgorithmOID");
    let oid = ObjectIdentifier::new(text).map_err(|_| bad())?;
    let algorithm = DigestAlgorithm::from_oid(&oid).map_err(|_| bad())?;
    if algorithm >= DigestAlgorithm::Sha256 { Ok(Some(algorithm)) } else { Err(bad()) }
}

/// `signAlgo` with `signAlgoParams` and the hash named beside it.
///
/// # Errors
/// The texts of the signHash table.
pub fn signature_algorithm(params: &Params, digest: Option<DigestAlgorithm>) -> Result<SignatureAlgorithm, Fault> {
    let text = params.string(&["signAlgo"])?;
    let bad = || invalid("Invalid parameter signAlgo");
    if !all_sign_algorithms().any(|known| known == text) {
        return Err(bad());
    }
    let oid = ObjectIdentifier::new(text).map_err(|_| bad())?;
    let needs_digest = matches!(text, "1.2.840.113549.1.1.1" | "1.2.840.10045.2.1");
    if needs_digest && digest.is_none() {
        return Err(invalid("Missing (or invalid type) string parameter hashAlgorithmOID"));
    }
    let pss = text == "1.2.840.113549.1.1.10";
    let parameters = if pss { Some(sign_algo_params(params)?) } else { None };
    let identifier = AlgorithmIdentifierOwned { oid, parameters };
    let algorithm = SignatureAlgorithm::from_identifier(&identifier, digest)
        .map_err(|_| if pss { invalid("Invalid parameter signAlgoParams") } else { bad() })?;
    // A pure scheme is known here and refused by name where the key is: it signs no hash.
    if algorithm.message_digest() >= DigestAlgorithm::Sha256 { Ok(algorithm) } else { Err(bad()) }
}

/// `signAlgoParams`: base64 of the DER RSASSA-PSS-params. Required: their defaults would be SHA-1.
fn sign_algo_params(params: &Params) -> Result<Any, Fault> {
    use base64::Engine as _;
    let text = params.string(&["signAlgoParams"])?;
    let bad = || invalid("Invalid parameter signAlgoParams");
    let der = base64::engine::general_purpose::STANDARD.decode(text).map_err(|_| bad())?;
    Any::from_der(&der).map_err(|_| bad())
}

/// Hash values with their function.
///
/// # Errors
/// "Invalid digest value length".
pub fn digests(values: &[Vec<u8>], algorithm: DigestAlgorithm) -> Result<Vec<Digest>, Fault> {
    let digest =
        |value: &Vec<u8>| Digest::from_bytes(algorithm, value).ok_or_else(|| invalid("Invalid digest value length"));
    values.iter().map(digest).collect()
}

/// The hash function a v1 client left unsaid: the one whose values are that long.
pub fn by_length(values: &[Vec<u8>]) -> Option<DigestAlgorithm> {
    let length = values.first()?.len();
    [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512]
        .into_iter()
        .find(|algorithm| algorithm.output_len() == length)
}

/// Reads the request of a CSC method.
///
/// # Errors
/// As [`Params::read`], and when the body is too large.
pub fn request(headers: &axum::http::HeaderMap, raw: RawBody) -> Result<Params, Fault> {
    let bytes = super::super::body::read(raw)?;
    Params::read(headers, &bytes)
}

#[cfg(test)]
mod tests {
    use super::super::params::tests::{description, params};
    use super::*;
    use base64::Engine as _;
    use der::Encode as _;

    fn read(json: &str) -> Result<SignatureAlgorithm, String> {
        let params = params(json);
        let digest = digest_algorithm(&params).map_err(|fault| description(&fault))?;
        signature_algorithm(&params, digest).map_err(|fault| description(&fault))
    }

    #[test]
    fn rsa_encryption_needs_the_hash_named() {
        let missing = "Missing (or invalid type) string parameter hashAlgorithmOID";
        assert_eq!(read(r#"{"signAlgo":"1.2.840.113549.1.1.1"}"#), Err(missing.to_owned()));
        assert_eq!(
            read(r#"{"signAlgo":"1.2.840.113549.1.1.1","hashAlgo":"2.16.840.1.101.3.4.2.3"}"#),
            Ok(SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha512))
        );
    }

    #[test]
    fn a_hash_implied_by_sign_algo_wins() {
        assert_eq!(
            read(r#"{"signAlgo":"1.2.840.10045.4.3.2","hashAlgorithmOID":"2.16.840.1.101.3.4.2.3"}"#),
            Ok(SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256))
        );
    }

    #[test]
    fn pss_without_its_parameters_is_refused_and_with_them_read() {
        let algorithm = SignatureAlgorithm::RsaPss { digest: DigestAlgorithm::Sha256, salt_len: 32 };
        let der = algorithm.to_identifier().expect("made").parameters.expect("present").to_der().expect("DER");
        let encoded = base64::engine::general_purpose::STANDARD.encode(der);
        let json = format!(r#"{{"signAlgo":"1.2.840.113549.1.1.10","signAlgoParams":"{encoded}"}}"#);
        assert_eq!(read(&json), Ok(algorithm));
        let without = read(r#"{"signAlgo":"1.2.840.113549.1.1.10"}"#);
        assert_eq!(without, Err("Missing (or invalid type) string parameter signAlgoParams".to_owned()));
        let empty = read(r#"{"signAlgo":"1.2.840.113549.1.1.10","signAlgoParams":"MAA="}"#);
        assert_eq!(empty, Err("Invalid parameter signAlgo".to_owned()), "the defaults mean SHA-1");
    }

    #[test]
    fn sha1_and_unknown_identifiers_are_refused() {
        assert_eq!(read(r#"{"signAlgo":"1.2.840.113549.1.1.5"}"#), Err("Invalid parameter signAlgo".into()));
        assert_eq!(read(r#"{"signAlgo":"rsa"}"#), Err("Invalid parameter signAlgo".into()));
        let sha1 = r#"{"signAlgo":"1.2.840.113549.1.1.1","hashAlgorithmOID":"1.3.14.3.2.26"}"#;
        assert_eq!(read(sha1), Err("Invalid parameter hashAlgorithmOID".into()));
    }

    #[test]
    fn a_hash_of_another_length_is_refused() {
        let fault = digests(&[vec![0; 31]], DigestAlgorithm::Sha256).expect_err("refused");
        assert_eq!(description(&fault), "Invalid digest value length");
        assert_eq!(by_length(&[vec![0; 48]]), Some(DigestAlgorithm::Sha384));
        assert_eq!(by_length(&[vec![0; 20]]), None);
    }

    #[test]
    fn each_key_type_lists_the_algorithm_of_its_default_and_ml_dsa_only_where_it_is() {
        let all: Vec<_> = all_sign_algorithms().collect();
        for key in KeyAlgorithm::ALL {
            let oid = key.default_signature().to_identifier().expect("made").oid.to_string();
            assert!(sign_algorithms(key).contains(&oid.as_str()), "{key}");
            assert_eq!(all.contains(&oid.as_str()), key.is_available(), "{key}");
        }
        assert_eq!(read(r#"{"signAlgo":"1.3.101.112"}"#), Ok(SignatureAlgorithm::Ed25519));
        assert_eq!(curve(KeyAlgorithm::P521), Some("1.3.132.0.35"));
    }

    #[test]
    fn every_listed_algorithm_can_be_asked_for() {
        for oid in all_sign_algorithms().filter(|oid| *oid != "1.2.840.113549.1.1.10") {
            let json = format!(r#"{{"signAlgo":"{oid}","hashAlgorithmOID":"2.16.840.1.101.3.4.2.1"}}"#);
            let algorithm = read(&json).expect("known");
            let fits = KeyAlgorithm::ALL.into_iter().filter(|key| key.supports(algorithm));
            assert!(fits.into_iter().all(|key| sign_algorithms(key).contains(&oid)), "{oid}");
        }
    }
}
