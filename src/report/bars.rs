//! Certificates, revocation information and time-stamps as stretches of one time axis, with the date until which the proof lasts.

use time::OffsetDateTime;

use super::card::stamp_unit;
use super::chain::revocation_name;
use super::plot::Axis;
use super::times;
use super::view::moment;
use super::words::Word;
use crate::validation::report::facts::{CertificateFact, Role};
use crate::validation::report::{Indication, Language, SignatureReport};

/// The chart of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bars {
    /// Until when the proof lasts, in a sentence.
    pub lead: String,
    pub axis: Axis,
    /// Dates written along the axis.
    pub ticks: Vec<(OffsetDateTime, String)>,
    pub marks: Vec<AxisMark>,
    pub bars: Vec<Bar>,
}

/// A moment that is drawn through all bars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AxisMark {
    pub kind: MarkKind,
    pub time: OffsetDateTime,
    /// "time checked for: 12:00 …".
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    Checked,
    Proven,
    Renew,
}

/// One stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    pub kind: BarKind,
    pub label: String,
    /// "from … to …": the bar in words.
    pub span: String,
    pub start: OffsetDateTime,
    pub end: OffsetDateTime,
    /// "partly beyond the axis".
    pub beyond: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BarKind {
    Certificate,
    Authority,
    TimeStamp,
    Revocation,
}

/// Most bars drawn.
const MAX_BARS: usize = 24;

impl Bars {
    pub(super) fn of(signatures: &[SignatureReport], checked: OffsetDateTime, language: Language) -> Option<Self> {
        let mut bars = Vec::new();
        for signature in signatures {
            let facts = &signature.facts;
            for certificate in &facts.chain.certificates {
                add(&mut bars, certificate_bars(certificate, language));
            }
            for stamp in &facts.time_stamps {
                let unit = stamp_unit(stamp).unwrap_or("?");
                let ends = [moment(stamp.time, language), times::date(stamp.lasts_until, language)];
                let bar = Bar {
                    kind: BarKind::TimeStamp,
                    label: Word::BarStamp.with(language, &[unit]),
                    span: Word::BarStampSpan.with(language, &[&ends[0], &ends[1]]),
                    start: stamp.time,
                    end: stamp.lasts_until,
                    beyond: None,
                };
                add(&mut bars, vec![bar]);
                for certificate in &stamp.chain {
                    add(&mut bars, certificate_bars(certificate, language));
                }
            }
        }
        bars.sort_by_key(|bar| bar.kind);
        bars.truncate(MAX_BARS);
        let proven = signatures.iter().filter_map(|signature| signature.best_signature_time).min();
        let renew = lasts_until(signatures);
        // Authorities live for decades; they would press everything else together.
        let own = bars.iter().filter(|bar| bar.kind != BarKind::Authority).flat_map(|bar| [bar.start, bar.end]);
        let axis = Axis::over(own.chain([checked]).chain(proven).chain(renew))?;
        for bar in &mut bars {
            let inside = axis.holds(bar.start) && axis.holds(bar.end);
            bar.beyond = (!inside).then(|| Word::BarOutside.say(language));
        }
        let mark = |kind, word: Word, time| {
            let text = format!("{}: {}", word.say(language), moment(time, language));
            AxisMark { kind, time, text }
        };
        let marks = proven.map(|time| mark(MarkKind::Proven, Word::MarkProven, time)).into_iter();
        let marks = marks.chain([mark(MarkKind::Checked, Word::MarkChecked, checked)]);
        let marks = marks.chain(renew.map(|time| mark(MarkKind::Renew, Word::MarkRenew, time))).collect();
        let lead = match renew {
            Some(time) if time > checked => Word::BarsLead.with(language, &[&times::date(time, language)]),
            Some(time) => Word::BarsPast.with(language, &[&times::date(time, language)]),
            None => Word::BarsNoLead.say(language).to_owned(),
        };
        // Short enough to stand beside each other on a phone.
        let years = (axis.end - axis.start).whole_days() > 2 * 365;
        let written = |time| if years { times::month(time) } else { times::date(time, language) };
        let ticks = axis.ticks(3).map(|time| (time, written(time))).collect();
        (!bars.is_empty()).then_some(Self { lead, axis, ticks, marks, bars })
    }
}

/// The file's proof lasts while that of each of its signatures that pass does; a time-stamp is only a means to that.
fn lasts_until(signatures: &[SignatureReport]) -> Option<OffsetDateTime> {
    let passed = signatures.iter().filter(|signature| signature.indication() == Indication::TotalPassed);
    if signatures.iter().any(|signature| signature.indication() != Indication::TotalPassed) {
        return None;
    }
    passed.filter_map(|signature| signature.renew_by).min()
}

/// The same certificate or list stands behind several signatures.
fn add(bars: &mut Vec<Bar>, more: Vec<Bar>) {
    for bar in more {
        if !bars.contains(&bar) {
            bars.push(bar);
        }
    }
}

fn certificate_bars(certificate: &CertificateFact, language: Language) -> Vec<Bar> {
    let (from, to) = (times::date(certificate.not_before, language), times::date(certificate.not_after, language));
    let mut bars = vec![Bar {
        kind: if certificate.role == Role::Signer { BarKind::Certificate } else { BarKind::Authority },
        label: Word::BarCertificate.with(language, &[&certificate.name]),
        span: Word::FromTo.with(language, &[&from, &to]),
        start: certificate.not_before,
        end: certificate.not_after,
        beyond: None,
    }];
    for fact in &certificate.revocation {
        let this = moment(fact.this_update, language);
        let span = match fact.next_update {
            Some(next) => Word::FromTo.with(language, &[&this, &moment(next, language)]),
            None => Word::BarOpenEnd.with(language, &[&this]),
        };
        bars.push(Bar {
            kind: BarKind::Revocation,
            label: Word::BarRevocation.with(language, &[revocation_name(fact.kind), &certificate.name]),
            span,
            start: fact.this_update,
            end: fact.next_update.unwrap_or(fact.this_update),
            beyond: None,
        });
    }
    bars
}
