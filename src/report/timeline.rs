//! The revisions of a PDF: what each one brought, and which one changed what had been signed.

use super::Input;
use super::card::State;
use super::plot::{self, WHOLE};
use super::times;
use super::words::Word;
use crate::validation::report::facts::{RevisionFact, Wrote};
use crate::validation::report::{FileReport, Format, Indication, Kind, Language, Modification, SignatureReport};

/// The revisions, oldest first; empty for anything but a PDF.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// How many revisions before the first step are not told.
    pub left_out: Option<String>,
    pub steps: Vec<Step>,
}

/// One revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub number: usize,
    /// "Revision 2".
    pub name: String,
    /// What it is, e.g. "signature 1 by An".
    pub what: String,
    /// How much it added.
    pub size: String,
    /// Kinds of objects it wrote.
    pub wrote: Option<String>,
    pub look: Look,
    /// Where it starts and how wide it is on a strip of all, as places of an axis; narrow ones are widened to be seen.
    pub place: i64,
    pub width: i64,
}

/// How a step is told from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Plain,
    Signed(State),
    Stamped(State),
    Data,
    Suspicious,
    Forbidden,
}

/// Most steps drawn; the newest are the ones a reader asks for.
const MAX_STEPS: usize = 24;

impl Timeline {
    pub(super) fn of(input: &Input<'_>, language: Language) -> Self {
        let pdf = input.report.filter(|report| report.format == Format::Pdf);
        let Some(report) = pdf.filter(|report| !report.history.is_empty()) else { return Self::default() };
        let skipped = report.history.len().saturating_sub(MAX_STEPS);
        let told: Vec<&RevisionFact> = report.history.iter().skip(skipped).collect();
        let before = report.revisions.saturating_sub(told.len());
        let blamed = Blame::of(report);
        let mut steps: Vec<Step> = told.iter().map(|revision| step(revision, report, &blamed, language)).collect();
        lay_out(&mut steps, &told);
        let left_out = (before > 0).then(|| Word::EarlierLeftOut.with(language, &[&before.to_string()]));
        Self { left_out, steps }
    }
}

/// Which revisions brought the worst change after a signature.
struct Blame {
    modification: Modification,
    numbers: Vec<usize>,
}

impl Blame {
    /// Those after the oldest signature it happened to that are no signature themselves and not mere validation data; when none is
    /// left, every later one.
    fn of(report: &FileReport) -> Self {
        let worst = report.signatures.iter().map(|signature| signature.modification).max();
        let modification = worst.unwrap_or(Modification::None);
        let end = report.signatures.iter().filter(|signature| signature.modification == modification);
        let end = end.filter_map(|signature| signature.facts.covered_end).min();
        let (Some(end), true) = (end, modification > Modification::Allowed) else {
            return Self { modification, numbers: Vec::new() };
        };
        let later = || report.history.iter().filter(|revision| revision.octets.end > end && !holds(revision, end));
        let suspect = |revision: &&RevisionFact| {
            sealed_by(revision, report).is_none() && revision.wrote != [Wrote::ValidationData]
        };
        let number = |revision: &RevisionFact| revision.number;
        let mut numbers: Vec<usize> = later().filter(suspect).map(number).collect();
        if numbers.is_empty() {
            numbers = later().map(number).collect();
        }
        Self { modification, numbers }
    }
}

/// Whether a signature that covers the file up to `end` closes this revision.
fn holds(revision: &RevisionFact, end: usize) -> bool {
    revision.octets.start < end && end <= revision.octets.end
}

fn sealed_by<'r>(revision: &RevisionFact, report: &'r FileReport) -> Option<&'r SignatureReport> {
    let covers = |signature: &&SignatureReport| signature.facts.covered_end.is_some_and(|end| holds(revision, end));
    report.signatures.iter().find(covers)
}

fn step(revision: &RevisionFact, report: &FileReport, blamed: &Blame, language: Language) -> Step {
    let say = |word: Word| word.say(language).to_owned();
    let guilty = blamed.numbers.contains(&revision.number);
    let (what, look) = match (sealed_by(revision, report), guilty, blamed.modification) {
        (_, true, Modification::Forbidden) => (say(Word::StepChanged), Look::Forbidden),
        (_, true, _) => (say(Word::StepSuspicious), Look::Suspicious),
        (Some(signature), false, _) => sealed(signature, language),
        (None, false, _) if revision.wrote == [Wrote::ValidationData] => (say(Word::StepData), Look::Data),
        (None, false, _) if revision.number == 1 => (say(Word::StepOriginal), Look::Plain),
        (None, false, _) => (say(Word::StepUpdate), Look::Plain),
    };
    let wrote: Vec<&str> = revision.wrote.iter().map(|wrote| wrote_word(*wrote).say(language)).collect();
    let [octets, added, changed] =
        [revision.octets.len(), revision.added, revision.changed].map(|count| times::number(count, language));
    Step {
        number: revision.number,
        name: Word::RevisionName.with(language, &[&revision.number.to_string()]),
        what,
        size: Word::StepSize.with(language, &[&octets, &added, &changed]),
        wrote: (!wrote.is_empty()).then(|| Word::StepWrote.with(language, &[&wrote.join(", ")])),
        look,
        place: 0,
        width: 0,
    }
}

fn sealed(signature: &SignatureReport, language: Language) -> (String, Look) {
    let index = signature.index.to_string();
    let state = match signature.indication() {
        Indication::TotalPassed => State::Good,
        Indication::Indeterminate => State::Unsure,
        Indication::TotalFailed => State::Bad,
    };
    match (signature.kind, &signature.signer) {
        (Kind::Signature, Some(signer)) => {
            (Word::StepSigned.with(language, &[&index, &signer.name]), Look::Signed(state))
        }
        (Kind::Signature, None) => (Word::StepSigned.with(language, &[&index, "?"]), Look::Signed(state)),
        (Kind::DocumentTimestamp, _) => (Word::StepStamped.with(language, &[&index]), Look::Stamped(state)),
    }
}

fn wrote_word(wrote: Wrote) -> Word {
    match wrote {
        Wrote::Pages => Word::WrotePages,
        Wrote::Fields => Word::WroteFields,
        Wrote::Annotations => Word::WroteAnnotations,
        Wrote::ValidationData => Word::WroteData,
    }
}

/// Half the strip is shared evenly, so that a small revision can be seen and numbered; half by size.
fn lay_out(steps: &mut [Step], revisions: &[&RevisionFact]) {
    let total = revisions.iter().map(|revision| revision.octets.len()).sum();
    let even = plot::share(1, steps.len().saturating_mul(2));
    let mut place = 0;
    for (step, revision) in steps.iter_mut().zip(revisions) {
        step.place = place;
        step.width = even + plot::share(revision.octets.len(), total) / 2;
        place = (place + step.width).min(WHOLE);
    }
}
