//! Content time-stamps (EN 319 122-1 §5.2.8): signed attributes made before the signature, so that they prove it is younger. What a
//! later revocation or end would leave undetermined they turn into a failure (EN 319 102-1 §5.3.4 steps 5 and 6).

use time::OffsetDateTime;

use crate::formats::cms::{ValidationData, oid};
use crate::validation::blocks::acceptance;
use crate::validation::blocks::crypto::SignedContent;
use crate::validation::blocks::x509::{self, policies::PolicyInputs};
use crate::validation::budget::Budget;
use crate::validation::process::basic::{Basic, Setting, Subject};
use crate::validation::process::timestamp;
use crate::validation::report::{Code, Finding, Kind, Message, SubIndication};

/// Most content time-stamps that are validated: each costs a path of its own. Honest signatures carry one.
const MAX_CONTENT_TIME_STAMPS: usize = 4;

/// The time after which the signature was provably made: the latest of its valid content time-stamps.
pub fn made_after(subject: &Subject<'_>, setting: Setting<'_>, messages: &mut Vec<Message>) -> Option<OffsetDateTime> {
    let signed = subject.signer.signed_attributes.as_ref().filter(|_| subject.kind == Kind::Signature)?;
    let SignedContent::Parts(parts) = &subject.content else { return None };
    let mut latest = None;
    for token in signed.attributes.values(&oid::CONTENT_TIME_STAMP).take(MAX_CONTENT_TIME_STAMPS) {
        match timestamp::validate(token, SignedContent::Parts(parts.clone()), setting, None) {
            Ok(time_stamp) => {
                let detail = format!("{}, {}", time_stamp.time(), time_stamp.unit().subject());
                messages.push(Message::info(Code::ContentTimestampValid).detail(detail));
                latest = latest.max(Some(time_stamp.time()));
            }
            Err(message) => {
                let detail = format!("{} {}", message.code.as_str(), message.detail.as_deref().unwrap_or_default());
                messages.push(Message::warning(Code::TimestampNotValid).detail(detail.trim_end()));
            }
        }
    }
    latest
}

/// Turns findings that leave the signature undetermined into failures where it was made after the event.
pub fn settle(basic: &mut Basic, subject: &Subject<'_>, setting: Setting<'_>, made_after: OffsetDateTime) {
    let Some(certificate) = basic.signing_certificate.as_ref().map(|signing| signing.certificate().clone()) else {
        return;
    };
    let found = |basic: &Basic, subs: &[SubIndication]| {
        basic.answer.findings.iter().any(|finding| subs.contains(&finding.sub_indication))
    };
    let detail = format!("{}, {made_after}", certificate.subject());
    if found(basic, &[SubIndication::RevokedNoPoe]) && revoked_by(&certificate, subject, setting, made_after) {
        let finding = Finding::with(SubIndication::Revoked, Code::CertificateRevoked, detail.clone());
        basic.answer.findings.push(finding);
    }
    let out_of_bounds = [SubIndication::OutOfBoundsNoPoe, SubIndication::OutOfBoundsNotRevoked];
    if found(basic, &out_of_bounds) && certificate.validity().not_after < made_after {
        basic.answer.findings.push(Finding::with(SubIndication::Expired, Code::CertificateExpired, detail));
    }
    let weak = [SubIndication::CryptoConstraintsFailureNoPoe];
    let then = basic
        .valid
        .as_ref()
        .and_then(|valid| acceptance::algorithms(valid, &certificate, setting.policy, made_after).err());
    if let Some(finding) = then.filter(|_| found(basic, &weak)) {
        let finding = Finding { sub_indication: SubIndication::CryptoConstraintsFailure, ..finding };
        basic.answer.findings.push(finding);
    }
}

/// Whether the signer's certificate was revoked at `time` already.
fn revoked_by(
    certificate: &crate::formats::x509::Certificate,
    subject: &Subject<'_>,
    setting: Setting<'_>,
    time: OffsetDateTime,
) -> bool {
    let evidence = setting.evidence.with(&ValidationData::of(subject.signed_data, subject.signer));
    let (purpose, policies) = (subject.purpose(), PolicyInputs::default());
    let context = x509::Context { evidence: &evidence, policy: setting.policy, time, purpose, policies };
    let outcome = x509::validate(certificate, context, &mut Budget::default(), &mut Vec::new());
    outcome.is_err_and(|finding| finding.sub_indication == SubIndication::RevokedNoPoe)
}
