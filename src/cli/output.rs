//! Reports of `kyso verify` as JSON Lines; [`crate::report`] has them for people.

use serde::Serialize;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use crate::bundle::facts::Basis;
use crate::validation::report::{
    FileReport, Format, Integrity, Language, Message, SignatureReport, coverage_str, modification_str,
};

/// The outcome for one file: a report, or why there is none. A report without signatures has an error too.
#[derive(Debug)]
pub struct FileResult {
    pub file: String,
    /// The format by the file's first bytes; `None` when it is neither.
    pub format: Option<Format>,
    pub report: Option<FileReport>,
    pub error: Option<String>,
}

/// One line of JSON, without the line's end.
pub fn json(result: &FileResult, basis: &Basis, language: Language) -> String {
    let report = result.report.as_ref();
    let line = JsonFile {
        file: &result.file,
        format: result.format.map(Format::as_str),
        signatures: report
            .iter()
            .flat_map(|report| &report.signatures)
            .map(|s| JsonSignature::new(s, language))
            .collect(),
        revisions: report.map_or(0, |report| report.revisions),
        basis,
        error: result.error.as_deref(),
    };
    // Strings and numbers only: serialising them cannot fail.
    serde_json::to_string(&line).unwrap_or_default()
}

#[derive(Serialize)]
struct JsonFile<'a> {
    file: &'a str,
    format: Option<&'static str>,
    signatures: Vec<JsonSignature<'a>>,
    revisions: usize,
    #[serde(flatten)]
    basis: &'a Basis,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct JsonSignature<'a> {
    index: usize,
    kind: &'static str,
    field: Option<&'a str>,
    indication: &'static str,
    sub_indication: Option<&'static str>,
    integrity: &'static str,
    level: Option<&'static str>,
    coverage: &'static str,
    modification: &'static str,
    signer: Option<JsonSigner<'a>>,
    claimed_signing_time: Option<String>,
    best_signature_time: Option<String>,
    renew_by: Option<String>,
    signature_algorithm: Option<&'a str>,
    digest_algorithm: Option<&'a str>,
    messages: Vec<JsonMessage>,
}

#[derive(Serialize)]
struct JsonSigner<'a> {
    subject: &'a str,
    issuer: &'a str,
    serial: &'a str,
    not_before: String,
    not_after: String,
}

#[derive(Serialize)]
struct JsonMessage {
    severity: &'static str,
    code: &'static str,
    text: String,
}

impl<'a> JsonSignature<'a> {
    fn new(signature: &'a SignatureReport, language: Language) -> Self {
        Self {
            index: signature.index,
            kind: signature.kind.as_str(),
            field: signature.field.as_deref(),
            indication: signature.indication().as_str(),
            sub_indication: signature.sub_indication.map(|sub| sub.as_str()),
            integrity: match signature.integrity {
                Integrity::Intact => "intact",
                Integrity::Broken => "broken",
            },
            level: signature.level.as_str(),
            coverage: coverage_str(signature.coverage),
            modification: modification_str(signature.modification),
            signer: signature.signer.as_ref().map(|signer| JsonSigner {
                subject: &signer.subject,
                issuer: &signer.issuer,
                serial: &signer.serial,
                not_before: rfc3339(signer.not_before),
                not_after: rfc3339(signer.not_after),
            }),
            claimed_signing_time: signature.claimed_signing_time.map(rfc3339),
            best_signature_time: signature.best_signature_time.map(rfc3339),
            renew_by: signature.renew_by.map(rfc3339),
            signature_algorithm: signature.signature_algorithm.as_deref(),
            digest_algorithm: signature.digest_algorithm.as_deref(),
            messages: signature.messages.iter().map(|message| JsonMessage::new(message, language)).collect(),
        }
    }
}

impl JsonMessage {
    fn new(message: &Message, language: Language) -> Self {
        Self { severity: message.severity.as_str(), code: message.code.as_str(), text: message.text(language) }
    }
}

/// UTC, whole seconds.
fn rfc3339(time: OffsetDateTime) -> String {
    let time = time.to_offset(UtcOffset::UTC);
    time.replace_nanosecond(0).unwrap_or(time).format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::facts::{PolicyFacts, Source, TrustFacts};
    use crate::validation::NamedPolicy;
    use crate::validation::testing::p7s;
    use crate::validation::{Evidence, Policy, RevocationPolicy, Setting, validate_cms};
    use time::macros::datetime;

    fn basis() -> Basis {
        let policy = PolicyFacts::from(&NamedPolicy::strict().expect("strict"));
        Basis { trust: TrustFacts { source: Source::None, anchors: 0, bundle: None }, policy }
    }

    fn result(content: &[u8]) -> FileResult {
        let signed = p7s();
        let evidence = Evidence { anchors: vec![signed.root.certificate.clone()], ..Evidence::default() };
        let policy = Policy::strict_with(RevocationPolicy::IfPresent);
        let setting = Setting { evidence: &evidence, policy, time: datetime!(2026-06-01 0:00 UTC) };
        let report = validate_cms(&signed.der, Some(content), setting).expect("readable");
        FileResult { file: "a.p7s".to_owned(), format: Some(Format::Cms), report: Some(report), error: None }
    }

    #[test]
    fn json_has_the_contracts_fields() {
        let line: serde_json::Value =
            serde_json::from_str(&json(&result(b"content"), &basis(), Language::English)).expect("JSON");
        let signature = &line["signatures"][0];
        assert_eq!((line["format"].as_str(), line["error"].is_null()), (Some("cms"), true));
        assert_eq!(signature["indication"], "TOTAL-PASSED");
        assert_eq!(signature["signature_algorithm"], "ecdsa-with-SHA256");
        assert_eq!(signature["signer"]["not_before"], "2026-01-01T00:00:00Z");
        for field in ["index", "kind", "field", "sub_indication", "integrity", "level", "coverage", "modification"] {
            assert!(signature.get(field).is_some(), "{field}");
        }
        for field in ["claimed_signing_time", "best_signature_time", "digest_algorithm", "messages"] {
            assert!(signature.get(field).is_some(), "{field}");
        }
    }

    #[test]
    fn error_leaves_signatures_empty() {
        let result =
            FileResult { file: "a".to_owned(), format: Some(Format::Pdf), report: None, error: Some("no".to_owned()) };
        let line: serde_json::Value = serde_json::from_str(&json(&result, &basis(), Language::English)).expect("JSON");
        assert_eq!((line["signatures"].clone(), line["error"].as_str()), (serde_json::json!([]), Some("no")));
        assert_eq!((line["trust"]["source"].as_str(), line["policy"]["name"].as_str()), (Some("none"), Some("strict")));
    }
}
