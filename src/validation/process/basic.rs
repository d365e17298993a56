//! Basic signature validation (EN 319 102-1 §5.3): one signature, judged at the validation time.

use time::OffsetDateTime;

use crate::crypto::DigestAlgorithm;
use crate::formats::cms::{SignedData, SignerInfo, ValidationData, oid};
use crate::formats::tsp::TstInfo;
use crate::formats::x509::Certificate;
use crate::validation::blocks::crypto::{CryptographicallyValid, SignedContent};
use crate::validation::blocks::signing_certificate::SigningCertificate;
use crate::validation::blocks::x509::{self, Purpose, ValidatedPath, policies::PolicyInputs};
use crate::validation::blocks::{acceptance, crypto, signing_certificate};
use crate::validation::budget::Budget;
use crate::validation::evidence::Evidence;
use crate::validation::lifetime;
use crate::validation::policy::Policy;
use crate::validation::process::timestamp::TimeStamp;
use crate::validation::process::{content_time_stamp, counter};
use crate::validation::profile::{self, Container};
use crate::validation::report::{
    Baseline, Code, Finding, Indication, Integrity, Kind, Level, Message, SignatureReport, Signer, SubIndication,
};

/// What every signature of a file is judged with.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    pub evidence: &'a Evidence,
    pub policy: Policy,
    /// The validation time.
    pub time: OffsetDateTime,
}

/// One signature, as its container presents it.
pub struct Subject<'a> {
    pub signed_data: &'a SignedData<'a>,
    pub signer: &'a SignerInfo,
    pub content: SignedContent<'a>,
    pub container: Container<'a>,
    pub kind: Kind,
    /// The container's claimed time; the signing-time attribute is used when there is none.
    pub claimed_time: Option<OffsetDateTime>,
}

impl Subject<'_> {
    /// What the key was used for.
    pub fn purpose(&self) -> Purpose<'static> {
        match self.kind {
            Kind::Signature => Purpose::DocumentSigning,
            Kind::DocumentTimestamp => Purpose::TimeStamping,
        }
    }
}

/// Findings and messages on the way to one report.
#[derive(Debug, Default)]
pub struct Answer {
    pub findings: Vec<Finding>,
    pub messages: Vec<Message>,
}

impl Answer {
    /// Keeps a block's proof, or its finding.
    pub fn take<T>(&mut self, outcome: Result<T, Finding>) -> Option<T> {
        outcome.map_err(|finding| self.findings.push(finding)).ok()
    }

    /// The finding that decides: the first that fails the signature, else the first that leaves it undetermined.
    fn decisive(&self) -> Option<&Finding> {
        let failed = |finding: &&Finding| finding.sub_indication.indication() == Indication::TotalFailed;
        self.findings.iter().find(failed).or(self.findings.first())
    }

    /// Turns what was found into the report's verdict and messages, the decisive one first.
    pub fn conclude(self, report: &mut SignatureReport) {
        let decisive = self.decisive().cloned();
        report.sub_indication = decisive.as_ref().map(|finding| finding.sub_indication);
        let mut messages: Vec<Message> = decisive.into_iter().map(|finding| finding.message).collect();
        messages.extend(self.findings.into_iter().map(|finding| finding.message));
        messages.extend(self.messages);
        for message in messages {
            if !report.messages.contains(&message) {
                report.messages.push(message);
            }
        }
    }
}

/// Where the blocks came to with one signature: what they proved and what they found. Later processes may settle findings that
/// only time decides; [`Self::conclude`] turns the rest into the verdict.
pub struct Basic {
    pub answer: Answer,
    pub signing_certificate: Option<SigningCertificate>,
    pub valid: Option<CryptographicallyValid>,
    /// What a content time-stamp proves.
    pub made_after: Option<OffsetDateTime>,
    /// What the policy asks of the level, once it is known.
    demanded: Option<Baseline>,
    /// The signer's path, once it validated: now, or for a proven time.
    pub path: Option<ValidatedPath>,
}

impl Basic {
    /// When the signature needs a (newer) time-stamp: at the end of the longest-lived time-stamp over it, or without one at
    /// the end of its own certificate and algorithms.
    pub fn lasts_until(&self, subject: &Subject<'_>, time_stamps: &[TimeStamp]) -> Option<OffsetDateTime> {
        let stamped = time_stamps.iter().map(TimeStamp::lasts_until).max();
        let own = || Some(lifetime::end(self.signing_certificate.as_ref()?.certificate(), subject.signer, None));
        stamped.or_else(own)
    }

    /// Fills in verdict and messages.
    pub fn conclude(mut self, subject: &Subject<'_>, report: &mut SignatureReport) {
        if subject.kind == Kind::Signature {
            self.answer.take(profile::reaches(report.level, self.demanded));
        }
        self.answer.conclude(report);
        if subject.kind == Kind::DocumentTimestamp && report.indication() == Indication::TotalPassed {
            // Only a valid token proves its time.
            report.best_signature_time = report.claimed_signing_time;
        }
    }
}

/// Runs the blocks on one signature and describes it in the report. `answer` brings what format checking found before.
pub fn validate(
    subject: &Subject<'_>,
    setting: Setting<'_>,
    mut answer: Answer,
    report: &mut SignatureReport,
) -> Basic {
    describe(subject, report);
    let candidates = subject.signed_data.certificates.iter().chain(&setting.evidence.certificates);
    let candidates = candidates.chain(&setting.evidence.anchors);
    let identified = signing_certificate::identify(subject.signer, candidates, &mut answer.messages);
    let identified = answer.take(identified);
    if identified.is_none() {
        integrity_alone(subject, setting, report);
    }
    let (mut valid, mut path) = (None, None);
    if let Some(identified) = &identified {
        let certificate = identified.certificate();
        report.signer = Some(signer(certificate));
        valid = verify(subject, certificate, &mut answer, report);
        path = chain(subject, certificate, setting, &mut answer);
        accept(subject, identified, valid.as_ref(), setting, &mut answer, report);
    }
    let made_after = content_time_stamp::made_after(subject, setting, &mut answer.messages);
    let demanded = setting.policy.demands.level;
    let mut basic = Basic { answer, signing_certificate: identified, valid, path, made_after, demanded };
    if let Some(made_after) = made_after {
        content_time_stamp::settle(&mut basic, subject, setting, made_after);
    }
    basic
}

/// When the file's signature checks are used up, something that speaks against a signature may not have been looked at.
pub fn tell_exhaustion(setting: Setting<'_>, report: &mut SignatureReport) {
    if let Some(most) = setting.evidence.known.exhausted() {
        report.cut_short(format!("signature checks for all signers together (at most {most})"));
    }
}

/// Without an identified certificate nothing can pass, but the certificate the SignerInfo names still tells whether digest and
/// value fit.
fn integrity_alone(subject: &Subject<'_>, setting: Setting<'_>, report: &mut SignatureReport) {
    let certificates = subject.signed_data.certificates.iter().chain(&setting.evidence.certificates);
    let named = certificates.chain(&setting.evidence.anchors).find(|c| subject.signer.identifier.names(c));
    if let Some(certificate) = named {
        report.signer = Some(signer(certificate));
        verify(subject, certificate, &mut Answer::default(), report);
    }
}

fn describe(subject: &Subject<'_>, report: &mut SignatureReport) {
    report.claimed_signing_time = match subject.kind {
        Kind::Signature => subject.claimed_time.or_else(|| subject.signer.signing_time()),
        Kind::DocumentTimestamp => None,
    };
    report.signature_algorithm = subject.signer.signature_algorithm().ok().map(|algorithm| algorithm.name());
    report.digest_algorithm = subject.signer.digest_algorithm().ok().map(|digest| digest.name().to_owned());
}

fn verify(
    subject: &Subject<'_>,
    certificate: &Certificate,
    answer: &mut Answer,
    report: &mut SignatureReport,
) -> Option<CryptographicallyValid> {
    let covered = match (subject.kind, &subject.signed_data.content) {
        // A token's signature covers the TSTInfo; the document is covered by its imprint.
        (Kind::DocumentTimestamp, Some(tst_info)) => SignedContent::Parts(vec![tst_info.as_ref()]),
        _ => subject.content.clone(),
    };
    let outcome = crypto::verify(subject.signer, &covered, certificate, &mut answer.messages);
    let mut valid = answer.take(outcome)?;
    if subject.kind == Kind::DocumentTimestamp {
        let (digest, gen_time) = answer.take(imprint(subject))?;
        valid.digests.push(digest);
        report.claimed_signing_time = Some(gen_time);
    }
    report.integrity = Integrity::Intact;
    Some(valid)
}

/// Compares the token's message imprint with the document (RFC 3161 §2.4.2; EN 319 142-1 §5.4.3).
fn imprint(subject: &Subject<'_>) -> Result<(DigestAlgorithm, OffsetDateTime), Finding> {
    let malformed = |detail: String| Finding::with(SubIndication::FormatFailure, Code::TimestampMalformed, detail);
    if subject.signed_data.content_type != oid::TST_INFO {
        return Err(malformed(subject.signed_data.content_type.to_string()));
    }
    let content = subject.signed_data.content.as_deref().unwrap_or_default();
    let info = TstInfo::from_der(content).map_err(|error| malformed(error.to_string()))?;
    let algorithm = info.imprint_algorithm.map_err(|error| {
        Finding::with(SubIndication::CryptoConstraintsFailure, Code::AlgorithmUnsupported, error.to_string())
    })?;
    let SignedContent::Parts(parts) = &subject.content else {
        return Err(Finding::new(SubIndication::SignedDataNotFound, Code::SignedContentMissing));
    };
    if algorithm.digest_parts(parts).as_bytes() == info.imprint {
        Ok((algorithm, info.gen_time))
    } else {
        Err(Finding::new(SubIndication::HashFailure, Code::TimestampImprint))
    }
}

fn chain(
    subject: &Subject<'_>,
    certificate: &Certificate,
    setting: Setting<'_>,
    answer: &mut Answer,
) -> Option<ValidatedPath> {
    let evidence = setting.evidence.with(&ValidationData::of(subject.signed_data, subject.signer));
    let purpose = subject.purpose();
    // Any certificate policy is acceptable; what authorities demand is still honoured.
    let policies = PolicyInputs::default();
    let context = x509::Context { evidence: &evidence, policy: setting.policy, time: setting.time, purpose, policies };
    let outcome = x509::validate(certificate, context, &mut Budget::default(), &mut answer.messages);
    answer.take(outcome)
}

fn accept(
    subject: &Subject<'_>,
    identified: &SigningCertificate,
    valid: Option<&CryptographicallyValid>,
    setting: Setting<'_>,
    answer: &mut Answer,
    report: &mut SignatureReport,
) {
    let outcome = acceptance::attributes(subject.signed_data, subject.signer, &mut answer.messages);
    answer.take(outcome);
    if let Some(valid) = valid {
        answer.take(acceptance::algorithms(valid, identified.certificate(), setting.policy, setting.time));
        acceptance::discouraged(valid, setting.policy, &mut answer.messages);
    }
    if subject.kind == Kind::DocumentTimestamp {
        report.level = Level::DocumentTimeStamp;
        answer.take(acceptance::token_time(report.claimed_signing_time, identified.certificate()));
        return;
    }
    acceptance::claimed_time(report.claimed_signing_time, identified.certificate(), &mut answer.messages);
    report.level = profile::level(
        subject.container,
        subject.signed_data,
        subject.signer,
        identified.binding(),
        &mut answer.messages,
    );
    let outcome = acceptance::time_stamps(subject.signer);
    answer.take(outcome);
    counter::tell(subject, setting, &mut answer.messages);
}

fn signer(certificate: &Certificate) -> Signer {
    let validity = certificate.validity();
    Signer {
        subject: certificate.subject().to_string(),
        name: certificate.subject().common_name(),
        issuer: certificate.issuer().to_string(),
        issuer_name: certificate.issuer().common_name(),
        serial: certificate.serial_hex(),
        not_before: validity.not_before,
        not_after: validity.not_after,
    }
}
