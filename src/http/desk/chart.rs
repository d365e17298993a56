//! The picture of usage: for each day a bar of requests that ended signed, and above it those that ended unsigned. Drawn here, without
//! styles or scripts inside; the table beside it says the same in numbers.

use askama::Template;

use crate::service::usage::Day;

use super::super::confirm::Language;
use super::text::{self, Words, short_date};

/// The picture in its own units: about one CSS pixel on a telephone, two on a desk.
const WIDTH: u64 = 344;
const HEIGHT: u64 = 180;
const LEFT: u64 = 30;
const TOP: u64 = 10;
const BOTTOM: u64 = 156;
/// Tenths of a unit, in which bars are measured.
const FINE: u64 = 10;
/// Dates written below the axis at most.
const DATES: usize = 5;
/// Lines across at most, the axis left out.
const LINES: u64 = 4;

#[derive(Template)]
#[template(path = "desk_chart.svg", escape = "html")]
pub struct Chart {
    t: &'static Words,
    width: u64,
    height: u64,
    left: u64,
    bottom: u64,
    summary: String,
    bars: Vec<Bar>,
    lines: Vec<Line>,
    dates: Vec<Label>,
}

/// In tenths, written with their point.
struct Bar {
    x: String,
    width: String,
    signed: Option<Piece>,
    unsigned: Option<Piece>,
}

struct Piece {
    y: String,
    height: String,
}

struct Line {
    y: u64,
    text: u64,
}

struct Label {
    x: String,
    text: String,
}

impl Chart {
    /// Of these days, in their order; none when there is nothing to show.
    pub fn new(days: &[Day], language: Language) -> Option<Self> {
        let (first, last) = (days.first()?, days.last()?);
        let ended: Vec<(u64, u64)> = days.iter().map(|day| (day.signed, unsigned(day))).collect();
        let most = ended.iter().map(|(signed, unsigned)| signed.saturating_add(*unsigned)).max().filter(|n| *n > 0)?;
        let scale = Scale::new(most);
        let slot = ((WIDTH - LEFT) * FINE).checked_div(u64::try_from(days.len()).ok()?)?;
        let left = |n: usize| LEFT * FINE + slot * u64::try_from(n).unwrap_or_default();
        let bars = ended.iter().enumerate().filter(|(_, ended)| **ended != (0, 0)).map(|(n, ended)| {
            let gap = slot / 6;
            bar(left(n) + gap, slot - 2 * gap, *ended, &scale)
        });
        let every = days.len().div_ceil(DATES);
        let dated = days.iter().enumerate().step_by(every.max(1));
        let total = |of: fn(&Day) -> u64| days.iter().map(of).fold(0, u64::saturating_add);
        let best = days.iter().zip(&ended).map(|(day, (a, b))| (day.date, a.saturating_add(*b)));
        let best = best.rev().max_by_key(|(_, number)| *number);
        Some(Self {
            t: Words::of(language),
            width: WIDTH,
            height: HEIGHT,
            left: LEFT,
            bottom: BOTTOM,
            summary: text::summary((first.date, last.date), total(|day| day.signed), total(unsigned), best, language),
            bars: bars.collect(),
            lines: scale.lines(),
            dates: dated.map(|(n, day)| Label { x: tenths(left(n) + slot / 2), text: short_date(day.date) }).collect(),
        })
    }
}

pub fn unsigned(day: &Day) -> u64 {
    day.refused.saturating_add(day.expired).saturating_add(day.failed)
}

fn bar(x: u64, width: u64, (signed, unsigned): (u64, u64), scale: &Scale) -> Bar {
    let (low, high) = (scale.y(signed), scale.y(signed.saturating_add(unsigned)));
    let piece = |top: u64, bottom: u64| Piece { y: tenths(top), height: tenths(bottom.saturating_sub(top)) };
    Bar {
        x: tenths(x),
        width: tenths(width.max(1)),
        signed: (signed > 0).then(|| piece(low, BOTTOM * FINE)),
        unsigned: (unsigned > 0).then(|| piece(high, low)),
    }
}

fn tenths(value: u64) -> String {
    format!("{}.{}", value / FINE, value % FINE)
}

/// From numbers to heights.
struct Scale {
    step: u64,
    top: u64,
}

impl Scale {
    /// The least of 1, 2, 5, 10, 20, … that needs no more than [`LINES`] lines.
    fn new(most: u64) -> Self {
        let steps =
            (0..19).flat_map(|power| [1, 2, 5].map(|unit: u64| unit.saturating_mul(10u64.saturating_pow(power))));
        let step = steps.into_iter().find(|step| most.div_ceil(*step) <= LINES).unwrap_or(u64::MAX);
        Self { step, top: most.div_ceil(step).saturating_mul(step).max(1) }
    }

    /// In tenths, from the picture's upper edge.
    fn y(&self, number: u64) -> u64 {
        let room = u128::from((BOTTOM - TOP) * FINE);
        let height = u128::from(number.min(self.top)) * room / u128::from(self.top);
        (BOTTOM * FINE).saturating_sub(u64::try_from(height).unwrap_or_default())
    }

    fn lines(&self) -> Vec<Line> {
        let numbers = (1..=LINES).map(|n| self.step.saturating_mul(n)).take_while(|number| *number <= self.top);
        numbers.map(|number| Line { y: self.y(number) / FINE, text: number }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn days(ended: &[(u64, u64)]) -> Vec<Day> {
        let day = |(n, (signed, refused)): (i64, &(u64, u64))| Day {
            signed: *signed,
            refused: *refused,
            ..Day::empty(date!(2026 - 01 - 30).saturating_add(time::Duration::days(n)))
        };
        (0..).zip(ended).map(day).collect()
    }

    #[test]
    fn nothing_is_no_picture() {
        assert!(Chart::new(&[], Language::Vi).is_none());
        assert!(Chart::new(&days(&[(0, 0); 30]), Language::Vi).is_none());
    }

    #[test]
    fn heights_are_in_proportion_and_stay_inside() {
        for most in [1, 2, 3, 4, 7, 99, 100, 12_345, u64::MAX / 2, u64::MAX] {
            let scale = Scale::new(most);
            assert!(scale.y(0) == BOTTOM * FINE && scale.y(most) >= TOP * FINE, "{most}");
            assert!(scale.y(most / 2) >= scale.y(most), "{most}");
            let lines = scale.lines();
            assert!(
                (1..=4).contains(&lines.len()) && lines.iter().all(|line| (TOP..BOTTOM).contains(&line.y)),
                "{most}"
            );
        }
        assert_eq!(Scale::new(7).lines().iter().map(|line| line.text).collect::<Vec<_>>(), [2, 4, 6, 8]);
    }

    #[test]
    fn a_year_fits_and_the_best_day_is_named() {
        let mut year = days(&[(1, 0); 366]);
        if let Some(day) = year.get_mut(100) {
            (day.signed, day.failed) = (3, 2);
        }
        let chart = Chart::new(&year, Language::En).expect("a picture");
        assert!(chart.bars.len() == 366 && chart.dates.len() <= DATES + 1);
        assert!(chart.summary.contains("368 requests signed, 2 ended unsigned"), "{}", chart.summary);
        assert!(chart.summary.contains("The most on 10/05/2026: 5"), "{}", chart.summary);
        let svg = chart.render().expect("drawn");
        assert!(!svg.contains("style") && !svg.contains("<script"), "nothing that the page's policy forbids");
    }
}
