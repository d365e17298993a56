//! `signatures/signDoc`: documents, or their hashes, become CAdES and PAdES signatures of a level.
//!
//! Both shapes are read: entries with their own members, and the older one (TS 119 432 V1.2.1) whose `documentDigests` is one
//! object and whose format and level stand beside it.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::crypto::{Digest, SignatureAlgorithm};
use crate::domain::Secret;
use crate::domain::settings::{SignatureFormat, SignatureOptions};
use crate::formats::cms::ValidationData;
use crate::formats::level::Baseline;
use crate::service::operations::KEPT;
use crate::service::{Certify, Documents, MadeDocument, ServiceError, SignDocuments, Subject, ToSign, ValidationInfo};

use super::super::auth::Authenticated;
use super::super::body::RawBody;
use super::super::fault::Fault;
use super::super::{AppState, problem};
use super::algorithms;
use super::mode::Mode;
use super::params::{Params, invalid, missing};
use super::{sad, signed_props};

/// Members of an entry that the older shape has at the top.
const SHARED: [&str; 9] = [
    "signature_format",
    "conformance_level",
    "signed_envelope_property",
    "signed_props",
    "signAlgo",
    "signAlgoParams",
    "hashAlgorithmOID",
    "hashAlgo",
    "operationMode",
];

pub async fn sign_doc(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Json<Value>, Fault> {
    let mut params = algorithms::request(&headers, raw)?;
    let mode = Mode::read(&params)?;
    let call = read(&mut params, mode, sad::serving(&caller, &headers))?;
    match mode {
        Mode::Synchronous => {
            let made = state.service.sign_documents(&caller, call).await.map_err(in_words_of_sign_doc)?;
            Ok(Json(answer(&made)))
        }
        Mode::Asynchronous { .. } => {
            let id = state.service.sign_documents_later(&caller, call).await.map_err(in_words_of_sign_doc)?;
            Ok(Json(json!({ "responseID": id.as_str() })))
        }
    }
}

/// The documents in their order: with what they sign inside, or alone.
pub fn answer(made: &Documents) -> Value {
    let (mut whole, mut detached) = (Vec::new(), Vec::new());
    for part in &made.parts {
        match part {
            MadeDocument::Whole(bytes) => whole.push(STANDARD.encode(bytes)),
            MadeDocument::Detached(bytes) => detached.push(STANDARD.encode(bytes)),
        }
    }
    let mut answer = Map::new();
    if !whole.is_empty() {
        answer.insert("DocumentWithSignature".into(), json!(whole));
    }
    if !detached.is_empty() {
        answer.insert("SignatureObject".into(), json!(detached));
    }
    if let Some(data) = &made.validation {
        answer.insert("validationInfo".into(), validation_info(data));
    }
    Value::Object(answer)
}

fn validation_info(data: &ValidationData) -> Value {
    json!({
        "ocsp": data.ocsps.iter().map(|ocsp| STANDARD.encode(ocsp.der())).collect::<Vec<_>>(),
        "crl": data.crls.iter().map(|crl| STANDARD.encode(crl.der())).collect::<Vec<_>>(),
        "certificates": data.certificates.iter().map(|one| STANDARD.encode(one.der())).collect::<Vec<_>>(),
    })
}

fn read(params: &mut Params, mode: Mode, serving: Option<Secret>) -> Result<SignDocuments, Fault> {
    let credential = params.credential()?;
    let sad = sad::read(params, serving)?;
    let (documents, digests) = (params.take("documents"), params.take("documentDigests"));
    let empty = |value: &Value| matches!(value, Value::Array(all) if all.is_empty());
    let documents = documents.filter(|value| !empty(value));
    let digests = digests.filter(|value| !empty(value));
    let entries = match (documents, digests) {
        (Some(_), Some(_)) => return Err(invalid("Both documentDigests and documents parameters passed")),
        (None, None) => return Err(invalid("Empty documentDigests and documents objects")),
        (Some(Value::Array(all)), None) => each(&all, params, whole)?,
        (Some(_), None) => return Err(invalid("Invalid array parameter documents")),
        (None, Some(Value::Array(all))) => each(&all, params, hashes)?,
        (None, Some(one @ Value::Object(_))) => each(&[one], params, hashes)?,
        (None, Some(_)) => return Err(invalid("Invalid object parameter documentDigests")),
    };
    let wanted = params.flag("returnValidationInfo")? || params.flag("returnValidationInformation")?;
    Ok(SignDocuments {
        credential,
        sad,
        documents: entries,
        keep_for: match mode {
            Mode::Synchronous => KEPT,
            Mode::Asynchronous { kept_for } => kept_for,
        },
        validation: if wanted { ValidationInfo::Wanted } else { ValidationInfo::Without },
    })
}

fn each(
    entries: &[Value],
    outer: &Params,
    read: impl Fn(&Params) -> Result<Vec<ToSign>, Fault>,
) -> Result<Vec<ToSign>, Fault> {
    let mut all = Vec::new();
    for entry in entries {
        let mut entry = Params::nested(entry, || invalid("Invalid object parameter documentDigests"))?;
        entry.inherit(outer, &SHARED);
        all.extend(read(&entry)?);
    }
    Ok(all)
}

fn whole(entry: &Params) -> Result<Vec<ToSign>, Fault> {
    let bad = || invalid("Invalid Base64 documents string parameter");
    let text = entry.value("document").ok_or_else(|| missing("string", "document"))?.as_str().ok_or_else(bad)?;
    let bytes = STANDARD.decode(text).map_err(|_| bad())?;
    let format = Format::read(entry)?;
    let (format, certify) = match (format, entry.optional_string(&["signed_envelope_property"])?) {
        (Format::Pades, None) => (SignatureFormat::Pdf, Certify::IfFirst),
        (Format::Pades, Some(text)) if text.eq_ignore_ascii_case("Certification") => {
            (SignatureFormat::Pdf, Certify::Always)
        }
        (Format::Pades, Some(text)) if text.eq_ignore_ascii_case("Revision") => (SignatureFormat::Pdf, Certify::Never),
        (Format::Cades, None) => (SignatureFormat::CmsEnveloping, Certify::Never),
        (Format::Cades, Some(text)) if text.eq_ignore_ascii_case("Attached") => {
            (SignatureFormat::CmsEnveloping, Certify::Never)
        }
        (Format::Cades, Some(text)) if text.eq_ignore_ascii_case("Detached") => (SignatureFormat::Cms, Certify::Never),
        _ => return Err(invalid("Invalid parameter signed_envelope_property")),
    };
    let algorithm = algorithm(entry)?;
    Ok(vec![ToSign { subject: Subject::Whole(bytes), algorithm, options: options(entry, format)?, certify }])
}

fn hashes(entry: &Params) -> Result<Vec<ToSign>, Fault> {
    let words = |fault: Fault| {
        let text = "Invalid Base64 hashes string parameter";
        if fault.says("Invalid Base64 hash string parameter") { fault.csc_description(text) } else { fault }
    };
    let values = entry.hashes().map_err(words)?.ok_or_else(|| invalid("Invalid object parameter documentDigests"))?;
    let format = match (Format::read(entry)?, entry.optional_string(&["signed_envelope_property"])?) {
        (Format::Pades, None) => SignatureFormat::PdfHash,
        (Format::Pades, Some(text)) if ["certification", "revision"].contains(&text.to_lowercase().as_str()) => {
            SignatureFormat::PdfHash
        }
        (Format::Cades, None) => SignatureFormat::CmsHash,
        (Format::Cades, Some(text)) if text.eq_ignore_ascii_case("Detached") => SignatureFormat::CmsHash,
        _ => return Err(invalid("Invalid parameter signed_envelope_property")),
    };
    let algorithm = algorithm(entry)?;
    let named = algorithms::digest_algorithm(entry)?.unwrap_or(algorithm.message_digest());
    if named != algorithm.message_digest() {
        return Err(invalid("hashAlgorithmOID contradicts with signAlgo"));
    }
    let digests: Vec<Digest> = algorithms::digests(&values, named)?;
    let options = options(entry, format)?;
    let one = |digest| ToSign {
        subject: Subject::Hash(digest),
        algorithm,
        options: options.clone(),
        certify: Certify::Never,
    };
    Ok(digests.into_iter().map(one).collect())
}

fn algorithm(entry: &Params) -> Result<SignatureAlgorithm, Fault> {
    algorithms::signature_algorithm(entry, algorithms::digest_algorithm(entry)?)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Cades,
    Pades,
}

impl Format {
    fn read(entry: &Params) -> Result<Self, Fault> {
        match entry.string(&["signature_format"]).map_err(|_| invalid("Invalid parameter signature_format"))? {
            "C" => Ok(Self::Cades),
            "P" => Ok(Self::Pades),
            "X" => Err(invalid("Invalid parameter signature_format: XAdES is not offered")),
            "J" => Err(invalid("Invalid parameter signature_format: JAdES is not offered")),
            _ => Err(invalid("Invalid parameter signature_format")),
        }
    }
}

fn options(entry: &Params, format: SignatureFormat) -> Result<SignatureOptions, Fault> {
    let mut options = SignatureOptions { format, level: level(entry)?, ..SignatureOptions::default() };
    if let Some(props) = entry.value("signed_props") {
        signed_props::read(props, &mut options)?;
    }
    Ok(options)
}

/// Written `AdES-` and `Ades-`; the names from before the baseline levels mean the same.
fn level(entry: &Params) -> Result<Baseline, Fault> {
    let bad = || invalid("Invalid parameter conformance_level");
    let Some(text) = entry.optional_string(&["conformance_level"]).map_err(|_| bad())? else { return Ok(Baseline::B) };
    match text.to_ascii_lowercase().as_str() {
        "ades-b-b" | "ades-b" => Ok(Baseline::B),
        "ades-b-t" | "ades-t" => Ok(Baseline::T),
        "ades-b-lt" | "ades-lt" => Ok(Baseline::Lt),
        "ades-b-lta" | "ades-lta" => Ok(Baseline::Lta),
        _ => Err(bad()),
    }
}

/// A document that is not the one authorised has an error of its own.
fn in_words_of_sign_doc(error: ServiceError) -> Fault {
    let words = match &error {
        ServiceError::HashNotAuthorized => {
            return Fault::new(&problem::DOCUMENT_NOT_AUTHORIZED).detail(error.to_string());
        }
        ServiceError::CertificateNotValid => Some("Signing certificate is expired".to_owned()),
        ServiceError::Attribute(_) => Some(format!("Invalid parameter signed_props: {error}")),
        ServiceError::Document { .. } => Some(error.to_string()),
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

    const HASH: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    const ECDSA: &str = r#""signAlgo":"1.2.840.10045.4.3.2""#;

    fn call(members: &str) -> Result<SignDocuments, String> {
        let mut params = params(&format!(r#"{{"credentialID":"c","SAD":"s",{members}}}"#));
        read(&mut params, Mode::Synchronous, None).map_err(|fault| description(&fault))
    }

    fn document(members: &str) -> Result<ToSign, String> {
        call(&format!(r#""documents":[{{"document":"JVBERg==",{ECDSA},{members}}}]"#))
            .map(|mut call| call.documents.remove(0))
    }

    #[test]
    fn formats_levels_and_envelopes_have_their_defaults() {
        let pdf = document(r#""signature_format":"P""#).expect("read");
        assert_eq!((pdf.options.format, pdf.options.level), (SignatureFormat::Pdf, Baseline::B));
        assert_eq!(pdf.certify, Certify::IfFirst);
        let lta = document(
            r#""signature_format":"P","conformance_level":"Ades-B-LTA","signed_envelope_property":"Revision""#,
        );
        let lta = lta.expect("read");
        assert_eq!((lta.options.level, lta.certify), (Baseline::Lta, Certify::Never));
        let cms = document(r#""signature_format":"C""#).expect("read");
        assert_eq!(cms.options.format, SignatureFormat::CmsEnveloping);
        let cms = document(r#""signature_format":"C","signed_envelope_property":"Detached""#).expect("read");
        assert_eq!(cms.options.format, SignatureFormat::Cms);
    }

    #[test]
    fn what_is_not_offered_is_refused_by_name() {
        for (members, said) in [
            (r#""signature_format":"X""#, "Invalid parameter signature_format: XAdES is not offered"),
            (r#""signature_format":"J""#, "Invalid parameter signature_format: JAdES is not offered"),
            (r#""x":1"#, "Invalid parameter signature_format"),
            (r#""signature_format":"P","conformance_level":"AdES-B-X""#, "Invalid parameter conformance_level"),
            (
                r#""signature_format":"P","signed_envelope_property":"Attached""#,
                "Invalid parameter signed_envelope_property",
            ),
            (
                r#""signature_format":"C","signed_envelope_property":"Parallel""#,
                "Invalid parameter signed_envelope_property",
            ),
        ] {
            assert_eq!(document(members).expect_err("refused"), said);
        }
    }

    #[test]
    fn both_shapes_of_digests_are_read_and_one_hash_may_stand_alone() {
        let entry = format!(r#"{{"hashes":"{HASH}","signature_format":"P",{ECDSA}}}"#);
        let list = call(&format!(r#""documentDigests":[{entry}]"#)).expect("read");
        let old = call(&format!(
            r#""documentDigests":{{"hashes":["{HASH}"],"hashAlgorithmOID":"2.16.840.1.101.3.4.2.1"}},"signature_format":"P",{ECDSA}"#
        ));
        for call in [list, old.expect("read")] {
            assert_eq!(call.documents.len(), 1);
            assert_eq!(call.documents[0].options.format, SignatureFormat::PdfHash);
        }
    }

    #[test]
    fn entries_that_say_nothing_or_too_much_have_their_texts() {
        let entry = format!(r#"{{"hashes":["{HASH}"],"signature_format":"C",{ECDSA}}}"#);
        let contradicting = entry.replace(ECDSA, &format!(r#"{ECDSA},"hashAlgorithmOID":"2.16.840.1.101.3.4.2.3""#));
        for (members, said) in [
            (r#""documents":[],"documentDigests":[]"#.to_owned(), "Empty documentDigests and documents objects"),
            (
                format!(r#""documents":[{entry}],"documentDigests":[{entry}]"#),
                "Both documentDigests and documents parameters passed",
            ),
            (r#""documents":{}"#.to_owned(), "Invalid array parameter documents"),
            (r#""documentDigests":"x""#.to_owned(), "Invalid object parameter documentDigests"),
            (r#""documentDigests":[1]"#.to_owned(), "Invalid object parameter documentDigests"),
            (format!(r#""documentDigests":[{}]"#, entry.replace(HASH, "%")), "Invalid Base64 hashes string parameter"),
            (format!(r#""documentDigests":[{}]"#, entry.replace(HASH, "AAAA")), "Invalid digest value length"),
            (format!(r#""documentDigests":[{contradicting}]"#), "hashAlgorithmOID contradicts with signAlgo"),
            (
                r#""documents":[{"document":"%","signature_format":"P"}]"#.to_owned(),
                "Invalid Base64 documents string parameter",
            ),
        ] {
            assert_eq!(call(&members).expect_err("refused"), said);
        }
    }
}
