//! What a portal has made of the service, day by day in Viet Nam.

use std::collections::BTreeMap;

use time::{Date, Duration, OffsetDateTime, Time, UtcOffset};

use super::{Caller, Result, Service, ServiceError};
use crate::domain::StateKind;
use crate::storage::usage::{Count, Counted, Span};

/// Viet Nam has one time, and no summer time.
pub const VIET_NAM: UtcOffset = time::macros::offset!(+7);
/// Days of one answer at most.
pub const MOST_DAYS: i64 = 366;
/// Days of an answer when nothing else is asked for.
pub const USUAL_DAYS: i64 = 30;

/// Counts of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    pub date: Date,
    /// Requests handed over.
    pub created: u64,
    /// Requests that came to each end.
    pub signed: u64,
    pub refused: u64,
    pub expired: u64,
    pub failed: u64,
    /// Signatures released: of documents, and of bare hashes.
    pub signatures: u64,
}

impl Day {
    pub fn empty(date: Date) -> Self {
        Self { date, created: 0, signed: 0, refused: 0, expired: 0, failed: 0, signatures: 0 }
    }

    fn add(&mut self, count: &Count) {
        let place = match count.what {
            Counted::Created => &mut self.created,
            Counted::Signatures => &mut self.signatures,
            Counted::Ended(StateKind::Signed) => &mut self.signed,
            Counted::Ended(StateKind::Refused) => &mut self.refused,
            Counted::Ended(StateKind::Expired) => &mut self.expired,
            Counted::Ended(StateKind::Failed) => &mut self.failed,
            Counted::Ended(StateKind::Waiting | StateKind::Confirmed | StateKind::Signing) => return,
        };
        *place = place.saturating_add(count.number);
    }
}

impl Service {
    /// Today in Viet Nam.
    pub fn today(&self) -> Date {
        self.now().to_offset(VIET_NAM).date()
    }

    /// One entry a day from `from` to `to`, both counted, the earliest first. `to` is today when absent, `from` then
    /// [`USUAL_DAYS`] before its end.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when the days are in the wrong order or more than [`MOST_DAYS`].
    pub async fn usage(&self, caller: &Caller, from: Option<Date>, to: Option<Date>) -> Result<Vec<Day>> {
        caller.needs_portal()?;
        let to = to.unwrap_or_else(|| self.today());
        let from = from.unwrap_or_else(|| to.saturating_sub(Duration::days(USUAL_DAYS - 1)));
        let length = (to - from).whole_days() + 1;
        let refused = |why| ServiceError::Invalid { what: "from", why };
        if !(1..=MOST_DAYS).contains(&length) {
            return Err(refused("from 1 to 366 days, the earlier one first"));
        }
        let starts = |date| OffsetDateTime::new_in_offset(date, Time::MIDNIGHT, VIET_NAM);
        let until = starts(to).checked_add(Duration::DAY).ok_or_else(|| refused("the last day is too far away"))?;
        let span = Span { from: starts(from), until, offset: VIET_NAM };
        let mut days: BTreeMap<Date, Day> =
            (0..length).map(|n| from.saturating_add(Duration::days(n))).map(|date| (date, Day::empty(date))).collect();
        for count in self.storage().usage(&caller.portal, span).await? {
            if let Some(day) = days.get_mut(&count.day) {
                day.add(&count);
            }
        }
        Ok(days.into_values().collect())
    }
}
