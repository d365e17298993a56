//! Places on a time axis, in hundredths of a percent of its length, so that charts need no floating point.

use time::OffsetDateTime;

/// The whole length of an axis.
pub const WHOLE: i64 = 10_000;

/// A stretch of time that fills a chart's width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    pub start: OffsetDateTime,
    pub end: OffsetDateTime,
}

impl Axis {
    /// From the earliest to the latest of these moments, with a little air; `None` when they are fewer than two different ones.
    pub fn over(moments: impl Iterator<Item = OffsetDateTime>) -> Option<Self> {
        let (mut start, mut end): (Option<OffsetDateTime>, Option<OffsetDateTime>) = (None, None);
        for moment in moments {
            start = Some(start.map_or(moment, |start| start.min(moment)));
            end = Some(end.map_or(moment, |end| end.max(moment)));
        }
        let (start, end) = (start?, end?);
        let air = (end - start) / 40;
        let axis = Self { start: start.checked_sub(air)?, end: end.checked_add(air)? };
        (end > start).then_some(axis)
    }

    /// Where a moment stands, held to the axis.
    pub fn place(&self, moment: OffsetDateTime) -> i64 {
        let length = (self.end - self.start).whole_seconds().max(1);
        let passed = (moment - self.start).whole_seconds();
        let place = i128::from(passed).saturating_mul(i128::from(WHOLE)) / i128::from(length);
        i64::try_from(place.clamp(0, i128::from(WHOLE))).unwrap_or(WHOLE)
    }

    pub fn holds(&self, moment: OffsetDateTime) -> bool {
        self.start <= moment && moment <= self.end
    }

    /// `count` moments at even distances, both ends left out.
    pub fn ticks(&self, count: i32) -> impl Iterator<Item = OffsetDateTime> + '_ {
        let step = (self.end - self.start) / count.saturating_add(1).max(1);
        (1..=count).filter_map(move |index| self.start.checked_add(step.checked_mul(index)?))
    }
}

/// A place as SVG writes it: `12.5%`.
pub fn percent(place: i64) -> String {
    let place = place.clamp(0, WHOLE);
    format!("{}.{:02}%", place / 100, place % 100)
}

/// `part` of `whole` as a place, rounded down.
pub fn share(part: usize, whole: usize) -> i64 {
    let part = u128::try_from(part).unwrap_or(u128::MAX);
    let whole = u128::try_from(whole).unwrap_or(u128::MAX).max(1);
    let place = part.saturating_mul(WHOLE.unsigned_abs().into()) / whole;
    i64::try_from(place).unwrap_or(WHOLE).min(WHOLE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn moments_outside_the_axis_are_held_to_its_ends() {
        let (a, b) = (datetime!(2026-01-01 0:00 UTC), datetime!(2027-01-01 0:00 UTC));
        let axis = Axis::over([b, a].into_iter()).expect("an axis");
        assert!(axis.start < a && axis.end > b);
        assert_eq!(axis.place(datetime!(1990-01-01 0:00 UTC)), 0);
        assert_eq!(axis.place(datetime!(9999-01-01 0:00 UTC)), WHOLE);
        assert!(axis.place(a) < axis.place(b));
        assert_eq!(Axis::over(std::iter::once(a)), None);
    }

    #[test]
    fn percentages_are_written_with_two_places() {
        assert_eq!([percent(0), percent(1_205), percent(WHOLE)], ["0.00%", "12.05%", "100.00%"]);
        assert_eq!((share(1, 3), share(5, 0)), (3_333, WHOLE));
    }
}
