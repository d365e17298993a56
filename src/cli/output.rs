//! Reports of `kyso verify` as JSON Lines and as text.

use std::fmt::Write as _;

use serde::Serialize;
use time::{
    OffsetDateTime, UtcOffset,
    format_description::well_known::Rfc3339,
    macros::{format_description, offset},
};

use crate::bundle::facts::Basis;
use crate::validation::report::{
    FileReport, Format, Indication, Integrity, Kind, Language, Message, Modification, Severity, SignatureReport,
    coverage_str, modification_str,
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

/// The report for people: first the answer, then why. Ends with an empty line.
pub fn text(result: &FileResult, basis: &Basis, language: Language) -> String {
    let words = Words(language);
    let mut out = String::new();
    let signatures = result.report.as_ref().map_or(&[][..], |report| &report.signatures);
    // Writing to a String cannot fail.
    let _ = match (&result.error, worst(signatures)) {
        (Some(error), _) => {
            writeln!(out, "? {} — {}\n    {}", words.unreadable(), printable(&result.file), printable(error))
        }
        (None, worst) => writeln!(out, "{} {} — {}", mark(worst), words.answer(worst), printable(&result.file)),
    };
    for signature in signatures {
        write_signature(&mut out, signature, words);
    }
    out.push('\n');
    for (label, sentence) in basis.sentences(language) {
        let _ = writeln!(out, "  {label}: {}", printable(&sentence));
    }
    out.push('\n');
    out
}

fn worst(signatures: &[SignatureReport]) -> Indication {
    signatures.iter().map(SignatureReport::indication).max().unwrap_or(Indication::Indeterminate)
}

fn write_signature(out: &mut String, signature: &SignatureReport, words: Words) {
    let indication = signature.indication();
    let sub = signature.sub_indication.map(|sub| format!(" / {}", sub.as_str())).unwrap_or_default();
    let _ = writeln!(
        out,
        "\n  {} {} {}: {} ({}{sub})",
        mark(indication),
        words.kind(signature.kind),
        signature.index,
        words.answer(indication).to_lowercase(),
        indication.as_str(),
    );
    if let Some(reason) = decisive(signature) {
        let _ = writeln!(out, "      {}", printable(&reason.text(words.0)));
    }
    let mut row = |label: &str, value: String| {
        let padding = " ".repeat(LABEL_WIDTH.saturating_sub(label.chars().count()));
        let _ = writeln!(out, "      {label}{padding}  {}", printable(value.trim_end()));
    };
    if let Some(signer) = &signature.signer {
        row(words.signer(), signer.name.clone());
        row(words.certificate(), format!("{} ({})", signer.subject, signer.serial));
        row(words.issuer(), signer.issuer_name.clone());
    }
    if let Some(time) = signature.claimed_signing_time {
        row(words.claimed_time(signature.kind), format!("{}{}", local(time, words.0), words.claimed(signature.kind)));
    }
    if let Some(time) = signature.best_signature_time {
        row(words.proven_time(), local(time, words.0));
    }
    if let Some(time) = signature.renew_by {
        row(words.renew_by(), local(time, words.0));
    }
    row(words.integrity_label(), words.integrity(signature.integrity).to_owned());
    row(words.coverage_label(), words.coverage(signature).to_owned());
    row(words.modification_label(), words.modification(signature.modification).to_owned());
    if let Some(level) = signature.level.as_str() {
        let algorithm = signature.signature_algorithm.as_deref().unwrap_or("?");
        row(words.level_label(), format!("{level}, {algorithm}"));
    }
    for message in remarks(signature) {
        let mark = match message.severity {
            Severity::Error => "✗",
            Severity::Warning => "!",
            Severity::Info => "·",
        };
        let _ = writeln!(out, "      {mark} {}", printable(&message.text(words.0)));
    }
}

/// Widest label in either language.
const LABEL_WIDTH: usize = 20;

/// The message that decided a verdict other than TOTAL-PASSED stands first.
fn decisive(signature: &SignatureReport) -> Option<&Message> {
    signature.sub_indication.and(signature.messages.first())
}

fn remarks(signature: &SignatureReport) -> impl Iterator<Item = &Message> {
    signature.messages.iter().skip(usize::from(signature.sub_indication.is_some()))
}

fn mark(indication: Indication) -> &'static str {
    match indication {
        Indication::TotalPassed => "✓",
        Indication::TotalFailed => "✗",
        Indication::Indeterminate => "?",
    }
}

/// Text from files must not steer the terminal nor turn the writing direction.
pub(super) fn printable(text: &str) -> String {
    let harmless = |c: char| {
        !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if harmless(c) { c } else { '\u{fffd}' }).collect()
}

/// A moment as people read it: in Vietnamese on Viet Nam's clocks, in English with the zone it came with.
fn local(time: OffsetDateTime, language: Language) -> String {
    let viet_nam = format_description!("[hour]:[minute]:[second] [day]/[month]/[year] (giờ Việt Nam)");
    let zoned = format_description!(
        "[day]/[month]/[year] [hour]:[minute]:[second] [offset_hour sign:mandatory]:[offset_minute]"
    );
    match language {
        Language::Vietnamese => time.to_offset(offset!(+7)).format(&viet_nam),
        Language::English => time.format(&zoned),
    }
    .unwrap_or_default()
}

/// The report's fixed words in one language.
#[derive(Clone, Copy)]
struct Words(Language);

impl Words {
    fn pick(self, vietnamese: &'static str, english: &'static str) -> &'static str {
        match self.0 {
            Language::Vietnamese => vietnamese,
            Language::English => english,
        }
    }

    fn answer(self, indication: Indication) -> &'static str {
        match indication {
            Indication::TotalPassed => self.pick("HỢP LỆ", "VALID"),
            Indication::TotalFailed => self.pick("KHÔNG HỢP LỆ", "NOT VALID"),
            Indication::Indeterminate => self.pick("CHƯA ĐỦ CĂN CỨ KẾT LUẬN", "CANNOT TELL"),
        }
    }

    fn unreadable(self) -> &'static str {
        self.pick("KHÔNG KIỂM TRA ĐƯỢC", "COULD NOT BE CHECKED")
    }

    fn kind(self, kind: Kind) -> &'static str {
        match kind {
            Kind::Signature => self.pick("Chữ ký", "Signature"),
            Kind::DocumentTimestamp => self.pick("Dấu thời gian", "Time-stamp"),
        }
    }

    fn signer(self) -> &'static str {
        self.pick("Người ký", "Signer")
    }

    fn certificate(self) -> &'static str {
        self.pick("Chứng thư chữ ký số", "Certificate")
    }

    fn issuer(self) -> &'static str {
        self.pick("Tổ chức cấp", "Issuer")
    }

    fn claimed_time(self, kind: Kind) -> &'static str {
        match kind {
            Kind::Signature => self.pick("Thời điểm ký", "Signing time"),
            Kind::DocumentTimestamp => self.pick("Thời điểm đóng dấu", "Stamped"),
        }
    }

    fn claimed(self, kind: Kind) -> &'static str {
        match kind {
            Kind::Signature => self.pick(", người ký tự khai", ", as the signer claims"),
            Kind::DocumentTimestamp => "",
        }
    }

    fn proven_time(self) -> &'static str {
        self.pick("Đã chứng minh có từ", "Proven to exist")
    }

    fn renew_by(self) -> &'static str {
        self.pick("Gia hạn trước", "Renew before")
    }

    fn integrity_label(self) -> &'static str {
        self.pick("Tính toàn vẹn", "Integrity")
    }

    fn integrity(self, integrity: Integrity) -> &'static str {
        match integrity {
            Integrity::Intact => self.pick("toàn vẹn", "unchanged"),
            Integrity::Broken => self.pick("không xác nhận được hoặc đã bị thay đổi", "changed, or cannot be shown"),
        }
    }

    fn coverage_label(self) -> &'static str {
        self.pick("Phạm vi bảo vệ", "Covers")
    }

    fn coverage(self, signature: &SignatureReport) -> &'static str {
        match coverage_str(signature.coverage) {
            "whole-file" => self.pick("toàn bộ tệp", "the whole file"),
            "whole-revision" => self.pick("toàn bộ phiên bản được ký", "the whole signed revision"),
            _ => self.pick("một phần tệp", "a part of the file"),
        }
    }

    fn modification_label(self) -> &'static str {
        self.pick("Sau khi ký", "After signing")
    }

    fn modification(self, modification: Modification) -> &'static str {
        match modification {
            Modification::None => self.pick("không có thay đổi", "no changes"),
            Modification::Allowed => self.pick("có bổ sung trong phạm vi cho phép", "continued as permitted"),
            Modification::Suspicious => self.pick("có thay đổi đáng ngờ", "suspicious changes"),
            Modification::Forbidden => self.pick("đã bị thay đổi trái phép", "changed against its permissions"),
        }
    }

    fn level_label(self) -> &'static str {
        self.pick("Mức chữ ký", "Level")
    }
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
    fn text_says_the_answer_first() {
        let good = text(&result(b"content"), &basis(), Language::Vietnamese);
        assert!(good.starts_with("✓ HỢP LỆ — a.p7s\n"), "{good}");
        let bad = text(&result(b"other"), &basis(), Language::English);
        assert!(bad.starts_with("✗ NOT VALID — a.p7s\n"), "{bad}");
        assert!(bad.contains("HASH_FAILURE"));
    }

    #[test]
    fn error_leaves_signatures_empty() {
        let result =
            FileResult { file: "a".to_owned(), format: Some(Format::Pdf), report: None, error: Some("no".to_owned()) };
        let line: serde_json::Value = serde_json::from_str(&json(&result, &basis(), Language::English)).expect("JSON");
        assert_eq!((line["signatures"].clone(), line["error"].as_str()), (serde_json::json!([]), Some("no")));
        assert_eq!((line["trust"]["source"].as_str(), line["policy"]["name"].as_str()), (Some("none"), Some("strict")));
        assert!(text(&result, &basis(), Language::English).starts_with("? COULD NOT BE CHECKED — a"));
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[2J\u{202e}b"), "a\u{fffd}[2J\u{fffd}b");
    }
}
