//! Validation of signatures with time and long-term data (EN 319 102-1 §5.5): the best signature time, what it settles, and the
//! baseline level that really is there.

use time::OffsetDateTime;

use crate::formats::cms::ValidationData;
use crate::formats::x509::Certificate;
use crate::validation::blocks::x509::policies::PolicyInputs;
use crate::validation::blocks::x509::{self, Purpose};
use crate::validation::budget::Budget;
use crate::validation::evidence::Evidence;
use crate::validation::policy::{Policy, RevocationPolicy};
use crate::validation::process::basic::{Basic, Setting, Subject};
use crate::validation::process::past::{self, Proven};
use crate::validation::process::timestamp::TimeStamp;
use crate::validation::report::{Baseline, Code, Finding, Level, Message, SignatureReport, SubIndication};

/// How far the clocks of two time-stamping authorities may lie apart; RFC 3628 §4.2 asks for one second each, few state theirs.
const CLOCKS: time::Duration = time::Duration::minutes(1);

/// Settles what the proven time decides and fills in best signature time and level.
///
/// `time_stamps` are all that cover the signature; `kept` is the material the container's profile asks to be in the document, and
/// `protected` that part of it a time-stamp covers, when one does.
pub fn validate(
    basic: &mut Basic,
    subject: &Subject<'_>,
    setting: Setting<'_>,
    time_stamps: &[&TimeStamp],
    material: Material<'_>,
    report: &mut SignatureReport,
) {
    let Some(best) = time_stamps.iter().copied().min_by_key(|time_stamp| time_stamp.time()) else { return };
    report.best_signature_time = Some(best.time());
    if let Some(made_after) = basic.made_after.filter(|made_after| best.time() + CLOCKS < *made_after) {
        // "if the order … is not coherent": what was signed cannot be younger than the signature (§5.5.4 step 5).
        let detail = format!("{made_after}, {}", best.time());
        let finding = Finding::with(SubIndication::TimestampOrderFailure, Code::TimestampOrder, detail);
        basic.answer.findings.push(finding);
    }
    past::settle(basic, subject, setting, Proven::at(best.time()));
    if let Some(signing) = &basic.signing_certificate {
        let (level, missing) = baseline(signing.certificate(), subject, setting, best, material);
        report.level = report.level.at(level);
        if matches!(report.level, Level::Pades(_) | Level::Cades(_)) {
            basic.answer.messages.extend(missing);
        }
    }
}

/// Validation material in the document itself; what the caller hands in does not raise a level.
#[derive(Debug, Clone, Copy)]
pub struct Material<'a> {
    pub kept: &'a ValidationData,
    /// What a valid time-stamp over the material covers of it.
    pub protected: Option<&'a ValidationData>,
}

/// The level reached (EN 319 142-1 §6.1, EN 319 122-1 §6.1), given a valid time-stamp, and what the next one lacks.
fn baseline(
    signer: &Certificate,
    subject: &Subject<'_>,
    setting: Setting<'_>,
    best: &TimeStamp,
    material: Material<'_>,
) -> (Baseline, Option<Message>) {
    let lacks = |level: &str, what: &str| Some(Message::info(Code::LevelNotReached).detail(format!("{level}: {what}")));
    // B-T asks for a time-stamp from before the certificate's end.
    if best.time() > signer.validity().not_after {
        return (Baseline::B, lacks("B-T", "the time-stamp is younger than the certificate's end"));
    }
    let complete = |data: &ValidationData| {
        let mut evidence = setting.evidence.anchors_alone().with(data);
        evidence.certificates.extend_from_slice(&subject.signed_data.certificates);
        evidence.certificates.extend_from_slice(&best.brought().certificates);
        status_known(signer, Purpose::DocumentSigning, &evidence, setting.policy, best.time())?;
        status_known(best.unit(), Purpose::TimeStamping, &evidence, setting.policy, best.time())
    };
    if let Err(finding) = complete(material.kept) {
        return (
            Baseline::T,
            lacks("B-LT", finding.message.detail.as_deref().unwrap_or(finding.message.code.as_str())),
        );
    }
    match material.protected.map(complete) {
        Some(Ok(())) => (Baseline::Lta, None),
        _ => (Baseline::Lt, lacks("B-LTA", "no valid time-stamp over the validation material")),
    }
}

/// Checks that this evidence alone shows the whole path good at `time`.
fn status_known(
    certificate: &Certificate,
    purpose: Purpose<'_>,
    evidence: &Evidence,
    policy: Policy,
    time: OffsetDateTime,
) -> Result<(), Finding> {
    // Fresh then is what was in date then: how old the evidence may be is asked of the verdict, not of the level.
    let policy = Policy { revocation: RevocationPolicy::Require, max_age: None, ..policy };
    let context = x509::Context { evidence, policy, time, purpose, policies: PolicyInputs::default() };
    x509::validate(certificate, context, &mut Budget::default(), &mut Vec::new()).map(|_| ())
}
