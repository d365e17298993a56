//! One signature in words: who, when, what holds and what does not.

use time::OffsetDateTime;

use super::Input;
use super::chain::Tree;
use super::times;
use super::view::{Row, Verdict, moment, sentence, why};
use super::words::{Word, advice};
use crate::validation::report::facts::{ChainState, ChangeFact, RevocationFact, Role, Says, TimeStampFact};
use crate::validation::report::{
    Code, Coverage, Integrity, Kind, Language, Message, Modification, Severity, SignatureReport, SubIndication, told,
};

/// What a report shows of one signature or document time-stamp.
#[derive(Debug, Clone)]
pub struct Card {
    pub index: usize,
    pub kind: Kind,
    /// "Chữ ký 1".
    pub title: String,
    /// Whose it is.
    pub who: Option<String>,
    pub verdict: Verdict,
    /// The standard's words: `TOTAL-FAILED / HASH_FAILURE`.
    pub standard: String,
    pub why: Option<String>,
    pub what_to_do: Option<&'static str>,
    pub marks: Vec<Mark>,
    /// What Circular 15/2025 asks a checking program to show, and what else decides.
    pub rows: Vec<Row>,
    pub remarks: Vec<Remark>,
    pub changes: Vec<ChangeLine>,
    pub tree: Option<Tree>,
}

/// One of four questions everybody asks, with its answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub label: &'static str,
    pub state: State,
    pub word: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Good,
    Unsure,
    Bad,
}

impl State {
    pub fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Unsure => "?",
            Self::Bad => "✗",
        }
    }
}

/// A message beside the decisive one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    pub severity: Severity,
    pub word: &'static str,
    pub text: String,
    /// The stable code of the message.
    pub code: &'static str,
}

/// One change after the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeLine {
    pub state: State,
    pub word: &'static str,
    /// "page 2".
    pub page: Option<String>,
    pub text: String,
    /// Where in the object graph.
    pub paths: Vec<String>,
}

impl Card {
    pub(super) fn of(signature: &SignatureReport, input: &Input<'_>, language: Language) -> Self {
        let say = |word: Word| word.say(language);
        let kind = match signature.kind {
            Kind::Signature => Word::Signature,
            Kind::DocumentTimestamp => Word::TimeStamp,
        };
        let sub = signature.sub_indication.map(|sub| format!(" / {}", sub.as_str())).unwrap_or_default();
        Self {
            index: signature.index,
            kind: signature.kind,
            title: format!("{} {}", say(kind), signature.index),
            who: signature.signer.as_ref().map(|signer| signer.name.clone()),
            verdict: signature.indication().into(),
            standard: format!("{}{sub}", signature.indication().as_str()),
            why: why(signature, language),
            what_to_do: signature.sub_indication.map(|sub| advice(sub, language)),
            marks: marks(signature, language),
            rows: rows(signature, language),
            remarks: remarks(signature).map(|message| remark(message, language)).collect(),
            changes: changes(signature, language),
            tree: Tree::of(signature, input.trust, language),
        }
    }
}

/// What is told besides the decisive message; changes have a list of their own.
fn remarks(signature: &SignatureReport) -> impl Iterator<Item = &Message> {
    let listed = !signature.facts.changes.is_empty();
    let change = |code| matches!(code, Code::ModifiedAllowed | Code::ModifiedSuspicious | Code::ModifiedForbidden);
    let others = signature.messages.iter().skip(usize::from(signature.sub_indication.is_some()));
    others.filter(move |message| !(listed && change(message.code)))
}

/// One difference may be met on several paths; the worst stand first.
fn changes(signature: &SignatureReport, language: Language) -> Vec<ChangeLine> {
    let mut lines: Vec<ChangeLine> = Vec::new();
    for change in &signature.facts.changes {
        let line = change_line(change, language);
        match lines.iter_mut().find(|known| (known.state, &known.text) == (line.state, &line.text)) {
            Some(known) if known.page.is_none() || known.page == line.page => {
                known.paths.extend(line.paths);
                known.page = known.page.take().or(line.page);
            }
            _ => lines.push(line),
        }
    }
    lines
}

fn remark(message: &Message, language: Language) -> Remark {
    let word = match message.severity {
        Severity::Error => Word::SeverityError,
        Severity::Warning => Word::SeverityWarning,
        Severity::Info => Word::SeverityInfo,
    };
    Remark {
        severity: message.severity,
        word: word.say(language),
        text: sentence(message, language),
        code: message.code.as_str(),
    }
}

fn change_line(change: &ChangeFact, language: Language) -> ChangeLine {
    let (state, word) = match change.modification {
        Modification::None | Modification::Allowed => (State::Good, Word::Allowed),
        Modification::Suspicious => (State::Unsure, Word::Suspicious),
        Modification::Forbidden => (State::Bad, Word::Forbidden),
    };
    ChangeLine {
        state,
        word: word.say(language),
        page: change.page.map(|page| Word::ChangePage.with(language, &[&page.to_string()])),
        text: told(&change.text, language).into_owned(),
        paths: vec![change.path.clone()],
    }
}

fn marks(signature: &SignatureReport, language: Language) -> Vec<Mark> {
    let mark = |label: Word, state: State| {
        let word = match state {
            State::Good => Word::Yes,
            State::Unsure => Word::Unsure,
            State::Bad => Word::No,
        };
        Mark { label: label.say(language), state, word: word.say(language) }
    };
    let mut marks = vec![
        mark(Word::MarkIntact, unaltered(signature)),
        mark(Word::MarkIdentity, identity(signature)),
        mark(Word::MarkNotRevoked, not_revoked(signature)),
    ];
    let time = if signature.best_signature_time.is_some() { State::Good } else { State::Unsure };
    marks.insert(2, mark(Word::MarkTime, time));
    marks
}

fn unaltered(signature: &SignatureReport) -> State {
    match (integrity(signature), signature.modification) {
        (State::Bad, _) | (_, Modification::Forbidden) => State::Bad,
        (State::Unsure, _) | (_, Modification::Suspicious) => State::Unsure,
        (State::Good, Modification::None | Modification::Allowed) => State::Good,
    }
}

/// "Broken" is also what cannot be checked; that is no accusation.
fn integrity(signature: &SignatureReport) -> State {
    let unchecked = matches!(
        signature.sub_indication,
        Some(
            SubIndication::SignedDataNotFound
                | SubIndication::NoSigningCertificateFound
                | SubIndication::CryptoConstraintsFailure
        )
    );
    match signature.integrity {
        Integrity::Intact => State::Good,
        Integrity::Broken if unchecked => State::Unsure,
        Integrity::Broken => State::Bad,
    }
}

fn identity(signature: &SignatureReport) -> State {
    let wanting = matches!(
        signature.sub_indication,
        Some(SubIndication::ChainConstraintsFailure | SubIndication::CertificateChainGeneralFailure)
    );
    match signature.facts.chain.state {
        ChainState::Valid => State::Good,
        ChainState::Refused if wanting => State::Bad,
        // It leads to a trusted root; what was refused is told by another mark.
        ChainState::Refused => State::Good,
        ChainState::Incomplete => State::Unsure,
    }
}

fn signer_status(signature: &SignatureReport) -> &[RevocationFact] {
    signature.facts.chain.certificates.first().map_or(&[], |certificate| &certificate.revocation)
}

fn not_revoked(signature: &SignatureReport) -> State {
    let passed = signature.sub_indication.is_none();
    let says = |wanted: fn(&Says) -> bool| signer_status(signature).iter().any(|fact| wanted(&fact.says));
    let anchored = signature.facts.chain.certificates.first().is_some_and(|signer| signer.role == Role::Anchor);
    match () {
        () if says(|says| matches!(says, Says::Revoked(_) | Says::OnHold(_))) => {
            // One revoked after it was used: the verdict took that into account.
            if passed { State::Good } else { State::Bad }
        }
        // What an authority says that nobody trusts settles nothing.
        () if signature.facts.chain.state == ChainState::Incomplete => State::Unsure,
        () if anchored || says(|says| *says == Says::Good) => State::Good,
        () => State::Unsure,
    }
}

fn rows(signature: &SignatureReport, language: Language) -> Vec<Row> {
    let row = |label: Word, value: String| Row::new(label.say(language), value);
    let mut rows = Vec::new();
    if let Some(signer) = &signature.signer {
        let role = if signature.kind == Kind::Signature { Word::Signer } else { Word::RoleStampUnit };
        rows.push(row(role, signer.name.clone()));
        rows.push(row(Word::ManagedBy, managed_by(signature, language)));
        rows.push(row(Word::Issuer, signer.issuer_name.clone()));
        rows.push(row(Word::Certificate, format!("{} ({})", signer.subject, signer.serial)));
        let (from, to) = (times::date(signer.not_before, language), times::date(signer.not_after, language));
        rows.push(row(Word::Validity, Word::FromTo.with(language, &[&from, &to])));
    }
    rows.extend(time_rows(signature, language));
    rows.push(row(Word::Integrity, integrity_word(signature).say(language).to_owned()));
    if let Some(then) = then(signature, language) {
        rows.push(row(Word::ThenValid, then));
    }
    rows.push(row(Word::Coverage, coverage_word(signature.coverage).say(language).to_owned()));
    rows.push(row(Word::AfterSigning, modification_word(signature.modification).say(language).to_owned()));
    rows.extend(signature.level.as_str().map(|level| row(Word::Level, level.to_owned())));
    let digest = signature.digest_algorithm.as_ref().map(|digest| format!(", {digest}")).unwrap_or_default();
    let algorithm = signature.signature_algorithm.as_ref();
    rows.extend(algorithm.map(|algorithm| row(Word::Algorithm, format!("{algorithm}{digest}"))));
    rows.extend(signature.field.clone().map(|field| row(Word::Field, field)));
    let lasting = signature.renew_by.filter(|_| signature.sub_indication.is_none());
    rows.extend(lasting.map(|time| row(Word::RenewBy, moment(time, language))));
    rows
}

/// Organization and unit of the certificate's subject.
fn managed_by(signature: &SignatureReport, language: Language) -> String {
    let signer = signature.facts.chain.certificates.first();
    let parts = signer.map(|signer| [signer.unit.clone(), signer.organization.clone()]);
    let parts: Vec<String> = parts.into_iter().flatten().flatten().collect();
    if parts.is_empty() { Word::NotStated.say(language).to_owned() } else { parts.join(", ") }
}

fn time_rows(signature: &SignatureReport, language: Language) -> Vec<Row> {
    let row = |label: Word, value: String| Row::new(label.say(language), value);
    let claimed = signature.claimed_signing_time.map(|time| moment(time, language));
    if signature.kind == Kind::DocumentTimestamp {
        return claimed.into_iter().map(|time| row(Word::Stamped, time)).collect();
    }
    let claimed = claimed.map(|time| Word::Claimed.with(language, &[&time]));
    let claimed = claimed.unwrap_or_else(|| Word::NotClaimed.say(language).to_owned());
    let proven = match (signature.best_signature_time, earliest_stamp(signature)) {
        (Some(time), Some(unit)) => Word::ProvenBy.with(language, &[&moment(time, language), unit]),
        (Some(time), None) => moment(time, language),
        (None, _) => Word::NotProven.say(language).to_owned(),
    };
    vec![row(Word::SigningTime, claimed), row(Word::Proven, proven)]
}

fn earliest_stamp(signature: &SignatureReport) -> Option<&str> {
    signature.facts.time_stamps.first().and_then(stamp_unit)
}

/// The name of the unit that made a time-stamp.
pub(super) fn stamp_unit(stamp: &TimeStampFact) -> Option<&str> {
    stamp.chain.first().map(|unit| unit.name.as_str())
}

fn integrity_word(signature: &SignatureReport) -> Word {
    match integrity(signature) {
        State::Good if signature.modification == Modification::Forbidden => Word::IntactButChanged,
        State::Good => Word::Intact,
        State::Unsure => Word::IntegrityUnknown,
        State::Bad if signature.sub_indication == Some(SubIndication::HashFailure) => Word::Broken,
        State::Bad => Word::IntegrityUnknown,
    }
}

fn coverage_word(coverage: Coverage) -> Word {
    match coverage {
        Coverage::WholeFile => Word::CoversFile,
        Coverage::WholeRevision => Word::CoversRevision,
        Coverage::Partial => Word::CoversPart,
    }
}

fn modification_word(modification: Modification) -> Word {
    match modification {
        Modification::None => Word::ChangedNone,
        Modification::Allowed => Word::ChangedAllowed,
        Modification::Suspicious => Word::ChangedSuspicious,
        Modification::Forbidden => Word::ChangedForbidden,
    }
}

/// Whether the certificate was in force when it was used (Circular 15/2025, Annex II); `None` without a certificate.
fn then(signature: &SignatureReport, language: Language) -> Option<String> {
    let signer = signature.signer.as_ref()?;
    let used = signature.best_signature_time.or(signature.claimed_signing_time);
    let outside = used.is_some_and(|time| time < signer.not_before || time > signer.not_after);
    let before = |date: OffsetDateTime| used.is_none_or(|time| date <= time);
    let ended = signer_status(signature).iter().find_map(|fact| match fact.says {
        Says::Revoked(date) if before(date) => Some((Word::ThenRevoked, date)),
        Says::OnHold(date) if before(date) => Some((Word::ThenHeld, date)),
        _ => None,
    });
    Some(match (ended, signature.facts.chain.state) {
        (Some((word, date)), _) => word.with(language, &[&moment(date, language)]),
        (None, _) if outside => Word::ThenExpired.say(language).to_owned(),
        (None, ChainState::Valid) if not_revoked(signature) != State::Good => {
            Word::ThenNoStatus.say(language).to_owned()
        }
        (None, ChainState::Valid) if signature.best_signature_time.is_some() => Word::ThenYes.say(language).to_owned(),
        (None, ChainState::Valid) => Word::ThenYesClaimed.say(language).to_owned(),
        _ => Word::ThenUnknown.say(language).to_owned(),
    })
}
