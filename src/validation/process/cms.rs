//! A CMS file: one report for each SignerInfo.

use const_oid::ObjectIdentifier;

use crate::formats::cms::{CmsError, Frame, SignedData, Trailing, ValidationData, oid};
use crate::validation::blocks::crypto::SignedContent;
use crate::validation::evidence::Evidence;
use crate::validation::process::archive_time_stamp::{self, Archive};
use crate::validation::process::basic::{self, Answer, Setting, Subject};
use crate::validation::process::evidence_record;
use crate::validation::process::long_term::{self, Material};
use crate::validation::process::rests_on;
use crate::validation::process::timestamp;
use crate::validation::profile::Container;
use crate::validation::report::facts::StampKind;
use crate::validation::report::{
    Baseline, Code, Coverage, Facts, FileReport, Finding, Format, Integrity, Kind, Level, Message, Modification,
    SignatureReport, SubIndication,
};

/// Validates a CMS SignedData file. `content` is what a detached signature covers.
///
/// # Errors
/// [`CmsError`] when the bytes are not a readable SignedData.
pub fn validate_cms(bytes: &[u8], content: Option<&[u8]>, setting: Setting<'_>) -> Result<FileReport, CmsError> {
    let signed_data = SignedData::parse(bytes)?;
    let frame = Frame::read(bytes)?;
    let kept = ValidationData::of_message(&signed_data);
    let fresh = setting.evidence.for_one_file();
    let setting = Setting { evidence: &fresh, ..setting };
    let evidence = setting.evidence.with(&kept);
    let stamps = Setting { evidence: &evidence, ..setting };
    let message = Whole { frame: &frame, kept: &kept, stamps, given: setting.evidence };
    let reports = signed_data.signers.iter().enumerate().map(|(position, signer)| {
        let mut answer = Answer::default();
        let content = covered(&signed_data, content, &mut answer);
        if let Trailing::Other(count) = signed_data.trailing {
            answer.messages.push(Message::warning(Code::CmsTrailingBytes).detail(count.to_string()));
        }
        let subject = Subject {
            signed_data: &signed_data,
            signer,
            content,
            container: Container::Cms,
            kind: Kind::Signature,
            claimed_time: None,
        };
        let mut report = empty_report(position.saturating_add(1), Kind::Signature, None);
        report.coverage = Coverage::WholeFile;
        validate_one(&message, position, &subject, setting, answer, &mut report);
        basic::tell_exhaustion(setting, &mut report);
        report
    });
    Ok(FileReport { format: Format::Cms, signatures: reports.collect(), revisions: 1, history: Vec::new() })
}

/// Proofs that are told and not evaluated.
const NOT_EVALUATED: [ObjectIdentifier; 2] = [oid::ARCHIVE_TIME_STAMP_V1, oid::ARCHIVE_TIME_STAMP_V2];

/// What the signers of one message share.
struct Whole<'m> {
    frame: &'m Frame<'m>,
    /// SignedData's certificates and crls: where CAdES keeps the validation material (EN 319 122-1 §6.3, rows for the LT level).
    kept: &'m ValidationData,
    /// What time-stamps are judged with: their authorities' status is kept there too.
    stamps: Setting<'m>,
    /// What the caller handed in.
    given: &'m Evidence,
}

/// Basic validation, then what the signature's own time-stamps add.
fn validate_one(
    message: &Whole<'_>,
    position: usize,
    subject: &Subject<'_>,
    setting: Setting<'_>,
    answer: Answer,
    report: &mut SignatureReport,
) {
    let mut basic = basic::validate(subject, setting, answer, report);
    let messages = &mut basic.answer.messages;
    let records = evidence_record::validate(message.frame, subject, message.stamps, messages);
    let proven = Archive::from_records(&records, subject, message.kept);
    let archive = archive_time_stamp::validate(message.frame, position, subject, message.stamps, proven, messages);
    let own = timestamp::signature_time_stamps(subject, message.stamps, |token| archive.proven(token), messages);
    let time_stamps: Vec<_> = own.iter().chain(archive.time_stamps()).collect();
    let material = Material { kept: message.kept, protected: archive.protected() };
    long_term::validate(&mut basic, subject, setting, &time_stamps, material, report);
    if own.is_empty() && !time_stamps.is_empty() {
        // Every level above B-B asks for a signature-time-stamp (EN 319 122-1 §6.3).
        report.level = report.level.at(Baseline::B);
        let lacks = "B-T: no valid signature time-stamp";
        basic.answer.messages.push(Message::info(Code::LevelNotReached).detail(lacks));
    }
    for oid in NOT_EVALUATED {
        if subject.signer.unsigned_attributes.contains(&oid) {
            basic.answer.messages.push(Message::info(Code::TimestampNotEvaluated).detail(oid.to_string()));
        }
    }
    // The newest archive time-stamp, or the last of a record, carries all others.
    let last = records.iter().filter_map(|record| record.last());
    let newest = archive.time_stamps().chain(last).max_by_key(|time_stamp| time_stamp.time());
    report.renew_by = match newest {
        Some(newest) => Some(newest.lasts_until()),
        None => basic.lasts_until(subject, &own),
    };
    let stamps = own.iter().map(|stamp| (StampKind::Signature, stamp));
    let stamps = stamps.chain(archive.time_stamps().map(|stamp| (StampKind::Archive, stamp)));
    let renewals = records.iter().flat_map(|record| record.iter().skip(1));
    let stamps = stamps.chain(renewals.map(|stamp| (StampKind::Archive, stamp)));
    rests_on::gather(&basic, subject, message.stamps, message.given, stamps, &mut report.facts);
    basic.conclude(subject, report);
}

fn covered<'a>(signed_data: &'a SignedData<'_>, given: Option<&'a [u8]>, answer: &mut Answer) -> SignedContent<'a> {
    match (signed_data.content.as_deref(), given) {
        (Some(inside), Some(given)) if inside != given => {
            answer.findings.push(Finding::new(SubIndication::HashFailure, Code::CmsContentDiffers));
            SignedContent::Parts(vec![inside])
        }
        (Some(inside), _) => SignedContent::Parts(vec![inside]),
        (None, Some(given)) => SignedContent::Parts(vec![given]),
        (None, None) => SignedContent::Missing,
    }
}

/// A report that says nothing good yet.
pub(super) fn empty_report(index: usize, kind: Kind, field: Option<String>) -> SignatureReport {
    SignatureReport {
        index,
        kind,
        field,
        sub_indication: Some(SubIndication::FormatFailure),
        integrity: Integrity::Broken,
        level: Level::Pkcs7,
        coverage: Coverage::Partial,
        modification: Modification::None,
        signer: None,
        claimed_signing_time: None,
        best_signature_time: None,
        renew_by: None,
        signature_algorithm: None,
        digest_algorithm: None,
        messages: Vec::new(),
        facts: Facts::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::der::write;
    use crate::formats::x509::testing::Issuer;
    use crate::validation::report::Indication;
    use crate::validation::testing::{Builder, Signed, attribute, p7s, signed};
    use crate::validation::{Policy, RevocationPolicy};
    use time::macros::datetime;

    fn run(signed: &Signed, der: &[u8], content: Option<&[u8]>) -> SignatureReport {
        let evidence = Evidence { anchors: vec![signed.root.certificate.clone()], ..Evidence::default() };
        let policy = Policy::strict_with(RevocationPolicy::IfPresent);
        let setting = Setting { evidence: &evidence, policy, time: datetime!(2026-06-01 0:00 UTC) };
        validate_cms(der, content, setting).expect("readable").signatures.remove(0)
    }

    #[test]
    fn honest_signature_passes() {
        let signed = p7s();
        let report = run(&signed, &signed.der, Some(b"content"));
        assert_eq!((report.indication(), report.integrity), (Indication::TotalPassed, Integrity::Intact));
        assert_eq!(report.signer.expect("signer").name, "An");
    }

    #[test]
    fn cades_is_named_when_signing_time_is_there() {
        let time = attribute(&oid::SIGNING_TIME, write::time(datetime!(2026-05-01 0:00 UTC)));
        let signed = signed(b"content", &[time]);
        let report = run(&signed, &signed.der, Some(b"content"));
        assert_eq!((report.indication(), report.level), (Indication::TotalPassed, Level::Cades(Baseline::B)));
        assert_eq!(report.claimed_signing_time, Some(datetime!(2026-05-01 0:00 UTC)));
    }

    #[test]
    fn proofs_that_are_not_evaluated_are_told() {
        for oid in NOT_EVALUATED {
            let unsigned = |_: &Issuer, _: &[u8]| vec![attribute(&oid, write::sequence(&[]))];
            let signed = Builder { unsigned: &unsigned, ..Builder::default() }.build();
            let report = run(&signed, &signed.der, Some(b"content"));
            assert_eq!(report.indication(), Indication::TotalPassed);
            assert!(report.messages.iter().any(|message| message.code == Code::TimestampNotEvaluated), "{oid}");
        }
    }

    #[test]
    fn missing_and_other_content_are_told_apart() {
        let signed = p7s();
        assert_eq!(run(&signed, &signed.der, None).sub_indication, Some(SubIndication::SignedDataNotFound));
        assert_eq!(run(&signed, &signed.der, Some(b"other")).sub_indication, Some(SubIndication::HashFailure));
    }

    #[test]
    fn without_anchor_integrity_is_still_told() {
        let signed = p7s();
        let evidence = Evidence::default();
        let setting = Setting { evidence: &evidence, policy: Policy::default(), time: datetime!(2026-06-01 0:00 UTC) };
        let report = validate_cms(&signed.der, Some(b"content"), setting).expect("readable").signatures.remove(0);
        assert_eq!(report.sub_indication, Some(SubIndication::NoCertificateChainFound));
        assert_eq!(report.integrity, Integrity::Intact);
    }

    #[test]
    fn every_flipped_byte_is_noticed() {
        let signed = p7s();
        for at in 0..signed.der.len() {
            let mut der = signed.der.clone();
            der[at] ^= 0x01;
            let evidence = Evidence { anchors: vec![signed.root.certificate.clone()], ..Evidence::default() };
            let policy = Policy::strict_with(RevocationPolicy::IfPresent);
            let setting = Setting { evidence: &evidence, policy, time: datetime!(2026-06-01 0:00 UTC) };
            let passed = validate_cms(&der, Some(b"content"), setting).is_ok_and(|report| {
                report.signatures.iter().any(|s| s.indication() == Indication::TotalPassed && !warned(s))
            });
            // What no rule protects: the version numbers, the unsigned list of digest algorithms, parameters' absence.
            assert!(
                !passed || unprotected(&signed.der, at),
                "flip at {at} passed: {:02x?}",
                &signed.der[at.saturating_sub(12)..at + 4]
            );
        }
    }

    /// The SignerIdentifier is not signed; the signing-certificate attribute decides, and the difference is told.
    fn warned(report: &SignatureReport) -> bool {
        report.messages.iter().any(|message| message.code == Code::SignerIdentifierMismatch)
    }

    /// Version numbers and the list of digest algorithms are hints nobody signs.
    fn unprotected(der: &[u8], at: usize) -> bool {
        let start = der.windows(3).position(|w| w == [2, 1, 1]).expect("version");
        let digest_algorithms = start..start + 3 + 2 + 13 + 2;
        let signer_info = der.windows(5).rposition(|w| w[..3] == [2, 1, 1] && w[3] == 0x30).expect("SignerInfo");
        digest_algorithms.contains(&at) || (signer_info..signer_info + 3).contains(&at)
    }
}
