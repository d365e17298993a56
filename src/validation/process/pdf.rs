//! A PDF: one report for each signature of its form, in the order of signing.

use std::collections::HashSet;

use crate::formats::cms::{SignedData, ValidationData};
use crate::formats::pdf::dss::SecurityStore;
use crate::formats::pdf::{Limits, Password, Pdf, PdfError, SignatureDictionary, revisions, signature};
use crate::validation::blocks::crypto::SignedContent;
use crate::validation::blocks::format_checking::{self, SubFilter};
use crate::validation::evidence::{self, Evidence};
use crate::validation::process::archival::{Proof, ProofsOfExistence};
use crate::validation::process::basic::{self, Answer, Basic, Setting, Subject};
use crate::validation::process::cms::empty_report;
use crate::validation::process::history;
use crate::validation::process::long_term::{self, Material};
use crate::validation::process::past;
use crate::validation::process::rests_on;
use crate::validation::process::timestamp::{self, TimeStamp};
use crate::validation::profile::{Container, Entry, PdfFacts};
use crate::validation::report::facts::StampKind;
use crate::validation::report::{FileReport, Format, Kind, SignatureReport};

/// Validates every signature and document time-stamp of a PDF that is not encrypted or opens without a password.
///
/// # Errors
/// [`PdfError`] when the file cannot be read as a PDF.
pub fn validate_pdf(bytes: &[u8], setting: Setting<'_>) -> Result<FileReport, PdfError> {
    validate_pdf_with(bytes, None, setting)
}

/// As [`validate_pdf`], with the password of an encrypted file.
///
/// # Errors
/// As [`validate_pdf`].
pub fn validate_pdf_with(
    bytes: &[u8],
    password: Option<&Password>,
    setting: Setting<'_>,
) -> Result<FileReport, PdfError> {
    let pdf = Pdf::open_with(bytes, &Limits::default(), password)?;
    let mut dictionaries = signature::signatures(&pdf)?;
    // A dictionary that several fields share is one signature.
    let mut seen = HashSet::new();
    dictionaries.retain(|dictionary| dictionary.object.is_none_or(|object| seen.insert(object)));
    dictionaries.sort_by_key(|dictionary| dictionary.byte_range.covered_end().unwrap_or(usize::MAX));
    let store = SecurityStore::read(&pdf).map(|store| evidence::of_store(&store)).unwrap_or_default();
    let given = setting.evidence;
    let evidence = given.for_one_file().with(&store);
    let setting = Setting { evidence: &evidence, ..setting };
    let mut file = File { pdf: &pdf, setting, given, store: &store, proofs: ProofsOfExistence::default() };
    // Newest first: a document time-stamp proves the existence of what was there before it.
    let newest_first = dictionaries.iter().enumerate().rev();
    let mut signatures: Vec<_> =
        newest_first.map(|(position, dictionary)| file.within_budget(dictionary, position.saturating_add(1))).collect();
    signatures.reverse();
    let revisions = revisions::revisions(&pdf);
    let history = history::of(&pdf, &revisions);
    Ok(FileReport { format: Format::Pdf, signatures, revisions: revisions.len(), history })
}

/// What the signatures of one file share.
struct File<'f, 'a> {
    pdf: &'f Pdf<'a>,
    setting: Setting<'f>,
    /// What the caller handed in.
    given: &'f Evidence,
    /// The newest document security store.
    store: &'f ValidationData,
    proofs: ProofsOfExistence,
}

/// Hashing runs some thirty times as fast as reading objects.
const HASHED_BYTES_A_BYTE_READ: usize = 32;

impl File<'_, '_> {
    /// Validates a signature unless those before it used up what may be spent on the file.
    fn within_budget(&mut self, dictionary: &SignatureDictionary, index: usize) -> SignatureReport {
        let hashing = self.pdf.data().len() / HASHED_BYTES_A_BYTE_READ;
        if let Err(PdfError::TooLarge(reached)) = self.pdf.spend_of_states(hashing) {
            let mut report = empty_report(index, Kind::from(dictionary.kind), Some(dictionary.field_name.clone()));
            // Nothing was found against it.
            report.sub_indication = None;
            report.cut_short(reached.to_string());
            return report;
        }
        let mut report = self.validate(dictionary, index);
        basic::tell_exhaustion(self.setting, &mut report);
        report
    }

    fn validate(&mut self, dictionary: &SignatureDictionary, index: usize) -> SignatureReport {
        let mut report = empty_report(index, Kind::from(dictionary.kind), Some(dictionary.field_name.clone()));
        report.coverage = dictionary.byte_range.coverage;
        report.facts.covered_end = dictionary.byte_range.covered_end();
        let mut answer = Answer::default();
        let (sub_filter, signed_data) = check_format(self.pdf, dictionary, &mut answer, &mut report);
        let signer = signed_data.as_ref().and_then(|signed_data| signed_data.signers.first());
        let (Some(sub_filter), Some(signed_data), Some(signer)) = (sub_filter, &signed_data, signer) else {
            report.claimed_signing_time = dictionary.signing_time;
            answer.conclude(&mut report);
            return report;
        };
        answer.take(format_checking::single_signer(signed_data));
        let subject = Subject {
            signed_data,
            signer,
            content: content(self.pdf, dictionary, sub_filter, signed_data),
            container: Container::Pdf(facts(dictionary)),
            kind: report.kind,
            claimed_time: dictionary.signing_time,
        };
        let basic = basic::validate(&subject, self.setting, answer, &mut report);
        match (report.kind, dictionary.byte_range.covered_end()) {
            (Kind::DocumentTimestamp, Some(end)) => self.time_stamp(basic, &subject, dictionary, end, &mut report),
            (Kind::Signature, Some(end)) => self.signature(basic, &subject, end, &mut report),
            _ => basic.conclude(&subject, &mut report),
        }
        report
    }

    /// A document time-stamp, with the help of newer ones that cover it (EN 319 102-1 §5.6.3.4 step 3).
    fn time_stamp(
        &mut self,
        mut basic: Basic,
        subject: &Subject<'_>,
        dictionary: &SignatureDictionary,
        end: usize,
        report: &mut SignatureReport,
    ) {
        if let Some(proven) = self.proofs.earliest(end) {
            past::settle(&mut basic, subject, self.setting, proven);
        }
        let unit = basic.signing_certificate.as_ref().map(|signing| signing.certificate().clone());
        self.gather(&basic, subject, &[], end, report);
        basic.conclude(subject, report);
        let newest = self.proofs.newest(end).map(TimeStamp::lasts_until);
        if let Some(time_stamp) = unit.and_then(|unit| TimeStamp::of(subject, unit, report, self.setting)) {
            report.renew_by = newest.or(Some(time_stamp.lasts_until()));
            let covered = dictionary.signed_revision(self.pdf).ok();
            let store = covered.and_then(|covered| SecurityStore::read(&covered));
            let store = store.map(|store| evidence::of_store(&store)).unwrap_or_default();
            self.proofs.add(Proof { covered_end: end, time_stamp, store });
        }
    }

    fn signature(&self, mut basic: Basic, subject: &Subject<'_>, end: usize, report: &mut SignatureReport) {
        let proven = self.proofs.earliest(end);
        let own = timestamp::signature_time_stamps(subject, self.setting, |_| proven, &mut basic.answer.messages);
        let time_stamps: Vec<&TimeStamp> =
            own.iter().chain(self.proofs.covering(end).map(|proof| &proof.time_stamp)).collect();
        let protected = self.proofs.covering(end).next().map(|proof| &proof.store);
        let material = Material { kept: self.store, protected };
        long_term::validate(&mut basic, subject, self.setting, &time_stamps, material, report);
        report.renew_by = match self.proofs.newest(end) {
            Some(newest) => Some(newest.lasts_until()),
            None => basic.lasts_until(subject, &own),
        };
        self.gather(&basic, subject, &own, end, report);
        basic.conclude(subject, report);
    }

    fn gather(
        &self,
        basic: &Basic,
        subject: &Subject<'_>,
        own: &[TimeStamp],
        end: usize,
        report: &mut SignatureReport,
    ) {
        let own = own.iter().map(|stamp| (StampKind::Signature, stamp));
        let covering = self.proofs.covering(end).map(|proof| (StampKind::Document, &proof.time_stamp));
        rests_on::gather(basic, subject, self.setting, self.given, own.chain(covering), &mut report.facts);
    }
}

/// Format checking of the file, the dictionary and the message in it.
fn check_format<'d>(
    pdf: &Pdf<'_>,
    dictionary: &'d SignatureDictionary,
    answer: &mut Answer,
    report: &mut SignatureReport,
) -> (Option<SubFilter>, Option<SignedData<'d>>) {
    let structure = format_checking::structure(pdf, &mut answer.messages);
    answer.take(structure);
    answer.take(format_checking::byte_range(dictionary));
    let changes = format_checking::changes(pdf, dictionary, &mut answer.findings, &mut answer.messages);
    report.modification = changes.modification;
    report.facts.changes = history::changes(pdf, changes.findings);
    let sub_filter = SubFilter::read(dictionary, &mut answer.messages);
    let sub_filter = answer.take(sub_filter);
    report.kind = sub_filter.map_or(report.kind, SubFilter::kind);
    let signed_data = sub_filter.and_then(|sub_filter| {
        let message = format_checking::message(&dictionary.contents, sub_filter, &mut answer.messages);
        answer.take(message)
    });
    (sub_filter, signed_data)
}

fn content<'a>(
    pdf: &Pdf<'a>,
    dictionary: &SignatureDictionary,
    sub_filter: SubFilter,
    signed_data: &'a SignedData<'_>,
) -> SignedContent<'a> {
    let Some(parts) = dictionary.byte_range.parts(pdf.data()) else { return SignedContent::Missing };
    match (sub_filter, signed_data.content.as_deref()) {
        (SubFilter::Pkcs7Sha1, Some(inside)) => SignedContent::DigestInside { parts: parts.to_vec(), inside },
        _ => SignedContent::Parts(parts.to_vec()),
    }
}

fn facts(dictionary: &SignatureDictionary) -> PdfFacts<'_> {
    PdfFacts {
        sub_filter: dictionary.sub_filter.as_deref(),
        m: Entry::of(&dictionary.signing_time),
        cert: if dictionary.cert_present { Entry::Present } else { Entry::Absent },
        reason: Entry::of(&dictionary.reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::report::{Baseline, Code, Coverage, Indication, Integrity, Level, SubIndication};
    use crate::validation::testing::{self, Signed};
    use crate::validation::{Policy, RevocationPolicy};
    use time::macros::datetime;

    const M: &str = "/M(D:20260501000000Z)";

    fn run(signed: &Signed, file: &[u8]) -> SignatureReport {
        let evidence = Evidence { anchors: vec![signed.root.certificate.clone()], ..Evidence::default() };
        let policy = Policy::strict_with(RevocationPolicy::IfPresent);
        let setting = Setting { evidence: &evidence, policy, time: datetime!(2026-06-01 0:00 UTC) };
        validate_pdf(file, setting).expect("readable").signatures.remove(0)
    }

    #[test]
    fn honest_pdf_passes_as_pades() {
        let (signed, file) = testing::pdf(M);
        let report = run(&signed, &file);
        assert_eq!((report.sub_indication, report.level), (None, Level::Pades(Baseline::B)), "{:?}", report.messages);
        assert_eq!((report.coverage, report.integrity), (Coverage::WholeFile, Integrity::Intact));
        assert_eq!(report.claimed_signing_time, Some(datetime!(2026-05-01 0:00 UTC)));
        assert_eq!(report.field.as_deref(), Some("Sig"));
    }

    #[test]
    fn missing_m_is_off_profile_and_the_rule_is_named() {
        let (signed, file) = testing::pdf("");
        let report = run(&signed, &file);
        assert_eq!((report.indication(), report.level), (Indication::TotalPassed, Level::Pkcs7));
        assert!(report.messages.iter().any(|m| m.detail.as_deref() == Some("/M shall be present")));
    }

    #[test]
    fn changed_page_is_hash_failure() {
        let (signed, mut file) = testing::pdf(M);
        let at = file.windows(3).position(|w| w == b"842").expect("page box");
        file[at] = b'9';
        let report = run(&signed, &file);
        assert_eq!((report.sub_indication, report.integrity), (Some(SubIndication::HashFailure), Integrity::Broken));
    }

    #[test]
    fn signatures_beyond_the_files_budget_are_told_and_do_not_pass() {
        let (signed, bytes) = testing::pdf(M);
        let evidence = Evidence { anchors: vec![signed.root.certificate.clone()], ..Evidence::default() };
        let policy = Policy::strict_with(RevocationPolicy::IfPresent);
        let setting = Setting { evidence: &evidence, policy, time: datetime!(2026-06-01 0:00 UTC) };
        let pdf = Pdf::open(&bytes, &Limits::default()).expect("readable");
        let dictionary = signature::signatures(&pdf).expect("readable").remove(0);
        let store = ValidationData::default();
        let mut file =
            File { pdf: &pdf, setting, given: &evidence, store: &store, proofs: ProofsOfExistence::default() };
        assert_eq!(file.within_budget(&dictionary, 1).sub_indication, None);
        let _ = pdf.spend_of_states(usize::MAX);
        let report = file.within_budget(&dictionary, 1);
        assert_eq!(report.indication(), Indication::Indeterminate);
        assert_eq!(report.messages[0].code, Code::BudgetExceeded);
        assert!(report.messages[0].detail.as_deref().is_some_and(|detail| detail.contains("at most")));
    }

    #[test]
    fn zeroed_contents_is_format_failure() {
        let (signed, mut file) = testing::pdf(M);
        let start = file.windows(11).position(|w| w == b"/Contents <").expect("hole") + 11;
        file[start..start + 4000].fill(b'0');
        let report = run(&signed, &file);
        assert_eq!(report.sub_indication, Some(SubIndication::FormatFailure));
        assert_eq!(report.messages[0].code, Code::CmsUnreadable);
    }
}
