//! How codes fare: counters of this process for the metrics, and the alarm when entries fail all over.
//!
//! One signer's mistakes are bounded by that signer's budget. An attack on many signers at once shows only in the sum: the
//! rate of wrong entries over all signers and processes, which the database counts.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use time::Duration;

use super::{Result, SoleControl};
use crate::storage::EntryCounts;

/// Entries are looked at over this long.
const WINDOW: Duration = Duration::minutes(15);
/// Fewer wrong entries than this are people who mistype.
const FEW: u64 = 50;

/// Counters of this process.
#[derive(Debug, Default)]
pub struct Meter {
    sent: AtomicU64,
    right: AtomicU64,
    wrong: AtomicU64,
    refused: AtomicU64,
    alarms: AtomicU64,
    alarming: AtomicBool,
}

/// What the counters show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Readings {
    pub sent: u64,
    pub right: u64,
    pub wrong: u64,
    /// Steps refused because a budget was used up.
    pub refused: u64,
    /// Times the alarm went off.
    pub alarms: u64,
}

/// Whether the failure rate is alarming, and whether that is news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    Quiet,
    Raised(EntryCounts),
    /// Raised before, and still so.
    Standing,
    Ended,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Count {
    Sent,
    Right,
    Wrong,
    Refused,
}

impl Meter {
    pub fn read(&self) -> Readings {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Readings {
            sent: load(&self.sent),
            right: load(&self.right),
            wrong: load(&self.wrong),
            refused: load(&self.refused),
            alarms: load(&self.alarms),
        }
    }

    pub(super) fn count(&self, what: Count) {
        let counter = match what {
            Count::Sent => &self.sent,
            Count::Right => &self.right,
            Count::Wrong => &self.wrong,
            Count::Refused => &self.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn judge(&self, counts: EntryCounts) -> Alarm {
        // More than half of what is entered is wrong, and it is not a handful.
        let alarming = counts.wrong >= FEW && counts.wrong > counts.right;
        match (self.alarming.swap(alarming, Ordering::Relaxed), alarming) {
            (false, true) => {
                self.alarms.fetch_add(1, Ordering::Relaxed);
                Alarm::Raised(counts)
            }
            (true, true) => Alarm::Standing,
            (true, false) => Alarm::Ended,
            (false, false) => Alarm::Quiet,
        }
    }
}

impl SoleControl {
    /// Looks at the entries of all signers. Call it now and then.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn watch_failures(&self) -> Result<Alarm> {
        let counts = self.storage.entries_since(self.clock.now() - WINDOW).await?;
        Ok(self.meter.judge(counts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alarm_goes_off_once_and_ends() {
        let meter = Meter::default();
        let of = |right, wrong| EntryCounts { right, wrong };
        assert_eq!(meter.judge(of(0, FEW - 1)), Alarm::Quiet, "a handful");
        assert_eq!(meter.judge(of(900, 300)), Alarm::Quiet, "people who mistype");
        assert_eq!(meter.judge(of(40, 60)), Alarm::Raised(of(40, 60)));
        assert_eq!(meter.judge(of(40, 90)), Alarm::Standing);
        assert_eq!(meter.judge(of(900, 90)), Alarm::Ended);
        assert_eq!(meter.judge(of(0, 60)), Alarm::Raised(of(0, 60)));
        assert_eq!(meter.read().alarms, 2);
    }
}
