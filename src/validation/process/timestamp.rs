//! Time-stamp validation (EN 319 102-1 §5.4): the same blocks on the token, its imprint against what it is said to cover.

use time::OffsetDateTime;

use crate::formats::cms::{SignedData, ValidationData, oid};
use crate::formats::tsp::TstInfo;
use crate::formats::x509::Certificate;
use crate::validation::blocks::crypto::SignedContent;
use crate::validation::blocks::format_checking;
use crate::validation::lifetime;
use crate::validation::process::basic::{self, Answer, Basic, Setting, Subject};
use crate::validation::process::cms::empty_report;
use crate::validation::process::past::{self, Proven};
use crate::validation::profile::Container;
use crate::validation::report::{Code, Finding, Indication, Kind, Message, SignatureReport, SubIndication};

/// Most signature time-stamps of one signature that are validated: each costs a path of its own. Honest
/// signatures carry one or two.
const MAX_SIGNATURE_TIME_STAMPS: usize = 4;

/// Proof that a time-stamping unit saw something at a time; minted only from a validated token.
#[derive(Debug, Clone)]
pub struct TimeStamp {
    time: OffsetDateTime,
    lasts_until: OffsetDateTime,
    unit: Certificate,
    brought: ValidationData,
}

impl TimeStamp {
    /// genTime.
    pub fn time(&self) -> OffsetDateTime {
        self.time
    }

    /// Until when the token itself proves something.
    pub fn lasts_until(&self) -> OffsetDateTime {
        self.lasts_until
    }

    /// The time-stamping unit's certificate.
    pub fn unit(&self) -> &Certificate {
        &self.unit
    }

    /// Certificates and revocation information inside the token.
    pub fn brought(&self) -> &ValidationData {
        &self.brought
    }

    /// The proof from a token whose validation ended TOTAL-PASSED. A time after the validation time proves nothing yet.
    pub fn of(
        subject: &Subject<'_>,
        unit: Certificate,
        report: &SignatureReport,
        setting: Setting<'_>,
    ) -> Option<Self> {
        let passed = subject.kind == Kind::DocumentTimestamp && report.indication() == Indication::TotalPassed;
        let time = report.best_signature_time.filter(|time| passed && *time <= setting.time)?;
        let imprint = subject.signed_data.content.as_deref().and_then(|content| TstInfo::from_der(content).ok());
        let imprint = imprint.and_then(|info| info.imprint_algorithm.ok());
        let lasts_until = lifetime::end(&unit, subject.signer, imprint);
        Some(Self { time, lasts_until, unit, brought: ValidationData::of(subject.signed_data, subject.signer) })
    }
}

/// Validates the signature-time-stamp attributes of a signature (EN 319 122-1 §5.3): those that prove a time. Of the others only a
/// message is left.
///
/// `proven` tells when a token provably existed: one whose unit has expired since may still hold.
pub fn signature_time_stamps<'p>(
    subject: &Subject<'_>,
    setting: Setting<'_>,
    proven: impl Fn(&[u8]) -> Option<Proven<'p>>,
    messages: &mut Vec<Message>,
) -> Vec<TimeStamp> {
    let tokens = subject.signer.unsigned_attributes.values(&oid::SIGNATURE_TIME_STAMP);
    let mut found = Vec::new();
    for token in tokens.take(MAX_SIGNATURE_TIME_STAMPS) {
        // The imprint is of the signature value's octets, without tag and length.
        let value = SignedContent::Parts(vec![&subject.signer.signature]);
        match validate(token, value, setting, proven(token)) {
            Ok(time_stamp) => {
                let detail = format!("{}, {}", time_stamp.time, time_stamp.unit.subject());
                messages.push(Message::info(Code::TimestampValid).detail(detail));
                found.push(time_stamp);
            }
            Err(message) => {
                let detail = message.detail.as_deref().unwrap_or_default();
                let detail = format!("{} {detail}", message.code.as_str());
                messages.push(Message::warning(Code::TimestampNotValid).detail(detail.trim_end()));
            }
        }
    }
    found
}

/// Validates one token over `covered`. `proven` is when the token itself provably existed.
///
/// # Errors
/// The message of the finding that decided against it.
pub fn validate(
    token: &[u8],
    covered: SignedContent<'_>,
    setting: Setting<'_>,
    proven: Option<Proven<'_>>,
) -> Result<TimeStamp, Message> {
    let mut answer = Answer::default();
    let malformed = |detail: String| Message::warning(Code::TimestampMalformed).detail(detail);
    let signed_data = SignedData::parse(token).map_err(|error| malformed(error.to_string()))?;
    answer.take(format_checking::single_signer(&signed_data));
    let signer = signed_data.signers.first().ok_or_else(|| malformed("SignerInfo".to_owned()))?;
    let subject = Subject {
        signed_data: &signed_data,
        signer,
        content: covered,
        container: Container::Cms,
        kind: Kind::DocumentTimestamp,
        claimed_time: None,
    };
    let mut report = empty_report(0, Kind::DocumentTimestamp, None);
    let mut basic = basic::validate(&subject, setting, answer, &mut report);
    refuse_unbound(&mut basic);
    if let Some(proven) = proven {
        past::settle(&mut basic, &subject, setting, proven);
    }
    let unit = basic.signing_certificate.as_ref().map(|signing| signing.certificate().clone());
    basic.conclude(&subject, &mut report);
    let proof = unit.and_then(|unit| TimeStamp::of(&subject, unit, &report, setting));
    proof.ok_or_else(|| refusal(&report))
}

/// A token whose validation ran through but whose content was never compared proves nothing.
fn refuse_unbound(basic: &mut Basic) {
    if basic.valid.is_none() && basic.answer.findings.is_empty() {
        let finding = Finding::new(SubIndication::FormatFailure, Code::TimestampMalformed);
        basic.answer.findings.push(finding);
    }
}

/// The decisive message stands first; a token that passed was refused for its time.
fn refusal(report: &SignatureReport) -> Message {
    let first = report.sub_indication.and(report.messages.first()).cloned();
    first.unwrap_or_else(|| Message::warning(Code::TimestampNotValid).detail("genTime lies after the validation time"))
}
