//! What a report says, in one language, before it takes a form.

use time::OffsetDateTime;

use super::bars::Bars;
use super::card::Card;
use super::drawn::Drawn;
use super::timeline::Timeline;
use super::times;
use super::words::{Word, advice};
use super::{Input, Origin};
use crate::validation::report::{Code, Format, Indication, Kind, Language, Message, SignatureReport, told};

/// One file's report in words.
#[derive(Debug, Clone)]
pub struct View {
    pub language: Language,
    pub file: String,
    pub verdict: Verdict,
    /// One sentence for everybody.
    pub lead: &'static str,
    /// Why the file could not be checked, or what decided against the worst signature.
    pub why: Option<String>,
    pub what_to_do: Option<&'static str>,
    /// The file: format, what it holds, when it was checked for.
    pub about: Vec<Row>,
    /// What the verdicts are anchored in. A trust bundle's number, date and age, and the policy.
    pub trust: Vec<Row>,
    pub cards: Vec<Card>,
    pub timeline: Timeline,
    pub bars: Option<Bars>,
    pub drawn: Drawn,
}

/// A label and what stands beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub label: &'static str,
    pub value: String,
}

impl Row {
    pub(super) fn new(label: &'static str, value: impl Into<String>) -> Self {
        Self { label, value: value.into() }
    }
}

/// The answer, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Valid,
    CannotTell,
    NotValid,
    NotChecked,
}

impl From<Indication> for Verdict {
    fn from(indication: Indication) -> Self {
        match indication {
            Indication::TotalPassed => Self::Valid,
            Indication::Indeterminate => Self::CannotTell,
            Indication::TotalFailed => Self::NotValid,
        }
    }
}

impl Verdict {
    pub fn word(self, language: Language) -> &'static str {
        let word = match self {
            Self::Valid => Word::Valid,
            Self::CannotTell => Word::CannotTell,
            Self::NotValid => Word::NotValid,
            Self::NotChecked => Word::NotChecked,
        };
        word.say(language)
    }

    /// A sign that needs no colour to be told from the others.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Valid => "✓",
            Self::NotValid => "✗",
            Self::CannotTell | Self::NotChecked => "?",
        }
    }

    fn lead(self) -> Word {
        match self {
            Self::Valid => Word::LeadValid,
            Self::CannotTell => Word::LeadCannotTell,
            Self::NotValid => Word::LeadNotValid,
            Self::NotChecked => Word::LeadNotChecked,
        }
    }
}

impl View {
    pub(super) fn of(input: Input<'_>, language: Language) -> Self {
        let signatures = input.report.map_or(&[][..], |report| &report.signatures);
        let worst = signatures.iter().max_by_key(|signature| signature.indication());
        let verdict = match (input.error, worst) {
            (None, Some(worst)) => worst.indication().into(),
            _ => Verdict::NotChecked,
        };
        Self {
            language,
            file: input.file.to_owned(),
            verdict,
            lead: verdict.lead().say(language),
            why: match input.error {
                Some(error) => Some(times::humanised(&told(error, language), language)),
                None => worst.and_then(|worst| why(worst, language)),
            },
            what_to_do: worst.and_then(|worst| worst.sub_indication).map(|sub| advice(sub, language)),
            about: about(&input, signatures, language),
            trust: trust(&input, language),
            cards: signatures.iter().map(|signature| Card::of(signature, &input, language)).collect(),
            timeline: Timeline::of(&input, language),
            bars: Bars::of(signatures, input.time, language),
            drawn: input.drawn.clone(),
        }
    }
}

/// The message that decided a verdict other than TOTAL-PASSED stands first.
pub(super) fn decisive(signature: &SignatureReport) -> Option<&Message> {
    signature.sub_indication.and(signature.messages.first())
}

/// What decided, in a sentence. Of changes the pages are named; where exactly they stand is in the list of changes.
pub(super) fn why(signature: &SignatureReport, language: Language) -> Option<String> {
    let message = decisive(signature)?;
    let changed = matches!(message.code, Code::ModifiedForbidden | Code::ModifiedSuspicious);
    let worst = signature.facts.changes.iter().filter(|change| change.modification == signature.modification);
    let mut pages: Vec<usize> = worst.filter(|_| changed).filter_map(|change| change.page).collect();
    pages.sort_unstable();
    pages.dedup();
    if pages.is_empty() {
        return Some(sentence(message, language));
    }
    let pages = pages.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let bare = sentence(&Message { detail: None, ..message.clone() }, language);
    Some(format!("{bare} ({})", Word::ChangePage.with(language, &[&pages])))
}

/// A message as a sentence of its own, moments written for people.
pub(super) fn sentence(message: &Message, language: Language) -> String {
    let text = times::humanised(&message.text(language), language);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// "2 signatures, 1 document time-stamp".
fn counted(signatures: &[SignatureReport], language: Language) -> String {
    let count = |kind| signatures.iter().filter(|signature| signature.kind == kind).count();
    let words = |count: usize, one: Word, many: Word| match count {
        0 => None,
        1 => Some(one.say(language).to_owned()),
        count => Some(many.with(language, &[&count.to_string()])),
    };
    let parts = [
        words(count(Kind::Signature), Word::OneSignature, Word::Signatures),
        words(count(Kind::DocumentTimestamp), Word::OneTimeStamp, Word::TimeStamps),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn about(input: &Input<'_>, signatures: &[SignatureReport], language: Language) -> Vec<Row> {
    let mut rows = Vec::new();
    let revisions = input.report.map_or(0, |report| report.revisions);
    let format = match input.format {
        Some(Format::Pdf) if revisions == 1 => Some(Word::FormatPdfOne.say(language).to_owned()),
        Some(Format::Pdf) if revisions > 1 => Some(Word::FormatPdf.with(language, &[&revisions.to_string()])),
        Some(Format::Pdf) => Some("PDF".to_owned()),
        Some(Format::Cms) => Some(Word::FormatCms.say(language).to_owned()),
        None => None,
    };
    rows.extend(format.map(|format| Row::new(Word::Format.say(language), format)));
    if !signatures.is_empty() {
        rows.push(Row::new(Word::Contains.say(language), counted(signatures, language)));
    }
    rows.push(Row::new(Word::CheckedAt.say(language), moment(input.time, language)));
    rows
}

fn trust(input: &Input<'_>, language: Language) -> Vec<Row> {
    let trust = input.trust;
    let sources: Vec<String> = trust.anchors.iter().map(|source| origin_name(&source.origin).to_owned()).collect();
    let anchors = match trust.count() {
        0 => Word::AnchorsNone.say(language).to_owned(),
        count => Word::AnchorsCount.with(language, &[&count.to_string(), &listed(&sources)]),
    };
    let mut rows = vec![Row::new(Word::Anchors.say(language), anchors)];
    if let Some(basis) = input.basis {
        let [bundle, policy] = basis.sentences(language).map(|(label, sentence)| Row::new(label, sentence));
        rows.extend(basis.trust.bundle.is_some().then_some(bundle));
        rows.push(policy);
    }
    rows
}

/// The first few, then how many more.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}, … (+{more})"),
    }
}

fn origin_name(origin: &Origin) -> &str {
    match origin {
        Origin::File(name) | Origin::Bundle(name) => name,
    }
}

pub(super) fn moment(time: OffsetDateTime, language: Language) -> String {
    times::moment(time, language)
}
