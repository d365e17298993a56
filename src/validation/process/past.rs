//! Past signature validation (EN 319 102-1 §5.6.2): findings that only time decides, judged again for a proven time.

use time::OffsetDateTime;

use crate::formats::cms::ValidationData;
use crate::formats::x509::Certificate;
use crate::validation::blocks::acceptance;
use crate::validation::blocks::x509::policies::PolicyInputs;
use crate::validation::blocks::x509::{self, Purpose, ValidatedPath};
use crate::validation::budget::Budget;
use crate::validation::policy::{Policy, RevocationPolicy};
use crate::validation::process::basic::{Basic, Setting, Subject};
use crate::validation::report::{Code, Finding, Message, SubIndication};

/// When something provably existed, and the validation material that provably was there with it: what the time-stamp that proves it
/// covers.
#[derive(Debug, Clone, Copy)]
pub struct Proven<'a> {
    pub time: OffsetDateTime,
    pub covered: Option<&'a ValidationData>,
}

impl Proven<'_> {
    /// A time alone.
    pub fn at(time: OffsetDateTime) -> Self {
        Self { time, covered: None }
    }
}

/// Settles the findings of a basic validation for something that provably existed at `proven`.
///
/// Nothing changes when one of them is not a question of time, or when the certificates and algorithms were not good at the
/// proven time either. A proven time before the signer's certificate began fails the signature (NOT_YET_VALID).
pub fn settle(basic: &mut Basic, subject: &Subject<'_>, setting: Setting<'_>, proven: Proven<'_>) {
    if basic.answer.findings.is_empty() || !basic.answer.findings.iter().all(decided_by_time) {
        return;
    }
    let Some(certificate) = basic.signing_certificate.as_ref().map(|signing| signing.certificate().clone()) else {
        return;
    };
    let out_of_bounds = basic.answer.findings.iter().any(|finding| is_out_of_bounds(finding.sub_indication));
    if out_of_bounds && proven.time < certificate.validity().not_before {
        let limit = format!("{}, {}", certificate.subject(), proven.time);
        basic.answer.findings.push(Finding::with(SubIndication::NotYetValid, Code::CertificateNotYetValid, limit));
        return;
    }
    let mut remarks = Vec::new();
    if let Ok(path) = good_at(basic, &certificate, subject, setting, proven, &mut remarks) {
        basic.path = Some(path);
        let settled = std::mem::take(&mut basic.answer.findings);
        basic.answer.messages.extend(settled.into_iter().map(|finding| explained(&finding, proven.time)));
        basic.answer.messages.extend(remarks);
    }
}

/// The sub-indications the long-term processes go on with (EN 319 102-1 §5.5.4, §5.6.2.4). REVOKED_CA_NO_POE is not among
/// them: whoever holds an authority's revoked key can write revocation information of any date.
fn decided_by_time(finding: &Finding) -> bool {
    is_out_of_bounds(finding.sub_indication)
        || matches!(
            finding.sub_indication,
            SubIndication::RevokedNoPoe
                | SubIndication::CryptoConstraintsFailureNoPoe
                | SubIndication::TryLater
                | SubIndication::RevocationOutOfBoundsNoPoe
        )
}

fn is_out_of_bounds(sub: SubIndication) -> bool {
    matches!(sub, SubIndication::OutOfBoundsNoPoe | SubIndication::OutOfBoundsNotRevoked)
}

/// Certificates and algorithms at the proven time. The long-term process asks for the status at that time (§5.5.4); where the
/// certificate has expired since and its status is not known now, only past certificate validation can answer (§5.6.2.1).
fn good_at(
    basic: &Basic,
    certificate: &Certificate,
    subject: &Subject<'_>,
    setting: Setting<'_>,
    proven: Proven<'_>,
    remarks: &mut Vec<Message>,
) -> Result<ValidatedPath, Finding> {
    let evidence = setting.evidence.with(&ValidationData::of(subject.signed_data, subject.signer));
    let (purpose, policies) = (subject.purpose(), PolicyInputs::default());
    let context = x509::Context { evidence: &evidence, policy: setting.policy, time: proven.time, purpose, policies };
    let unknown = |finding: &Finding| finding.sub_indication == SubIndication::OutOfBoundsNoPoe;
    let path = if basic.answer.findings.iter().any(unknown) {
        let past = x509::validate_past(certificate, context, setting.time, &mut Budget::default(), remarks);
        past.or_else(|finding| renewed(certificate, subject, setting, proven).ok_or(finding))?
    } else {
        x509::validate(certificate, context, &mut Budget::default(), remarks)?
    };
    if let Some(valid) = &basic.valid {
        acceptance::algorithms(valid, certificate, setting.policy, proven.time)?;
    }
    Ok(path)
}

/// A time-stamping unit judged when its time-stamp was renewed, by the material the newer time-stamp covers.
///
/// By the letter of the validation time sliding (§5.6.2.2) revocation information slides the control time to the day it was made, so
/// that only information from after the renewal would do; of a unit that ended soon after, there is none. Whoever renewed in time
/// had validated the older time-stamp with information that was in date then, and the newer one proves that it was there: the
/// judgement of that day stands (EN 319 142-1 §5.4.3, annex A.2: material for the last time-stamp first, then the next time-stamp).
/// Signers' certificates stay under the letter: information made before a signature knows nothing of its time.
fn renewed(
    unit: &Certificate,
    subject: &Subject<'_>,
    setting: Setting<'_>,
    proven: Proven<'_>,
) -> Option<ValidatedPath> {
    let covered = proven.covered.filter(|_| subject.purpose() == Purpose::TimeStamping)?;
    let mut evidence = setting.evidence.anchors_alone().with(covered);
    evidence.certificates.extend_from_slice(&setting.evidence.certificates);
    evidence.certificates.extend_from_slice(&subject.signed_data.certificates);
    let policy = Policy { revocation: RevocationPolicy::Require, ..setting.policy };
    let (purpose, policies) = (subject.purpose(), PolicyInputs::default());
    let context = x509::Context { evidence: &evidence, policy, time: proven.time, purpose, policies };
    x509::validate(unit, context, &mut Budget::default(), &mut Vec::new()).ok()
}

fn explained(finding: &Finding, proven: OffsetDateTime) -> Message {
    let detail = finding.message.detail.as_deref().unwrap_or_default();
    Message::info(Code::ProvenEarlier).detail(format!("{proven}; {}: {detail}", finding.message.code.as_str()))
}
