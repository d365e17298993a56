//! Time and randomness as parameters: the linter bans the globals, and tests bring their own.

use std::sync::{Arc, Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

/// Tells the time.
pub trait Clock: Send + Sync {
    fn now(&self) -> OffsetDateTime;
}

/// A clock that is moved away from another one: what a sandbox shows of days to come.
pub struct ShiftedClock {
    base: Arc<dyn Clock>,
    offset: Mutex<Duration>,
}

impl ShiftedClock {
    /// Not moved yet.
    pub fn new(base: Arc<dyn Clock>) -> Self {
        Self { base, offset: Mutex::new(Duration::ZERO) }
    }

    pub fn offset(&self) -> Duration {
        *self.offset.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows the base clock's time plus `offset` from now on.
    pub fn shift(&self, offset: Duration) {
        *self.offset.lock().unwrap_or_else(PoisonError::into_inner) = offset;
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> OffsetDateTime {
        let base = self.base.now();
        base.checked_add(self.offset()).unwrap_or(base)
    }
}

/// A cryptographically secure source of randomness.
pub trait Entropy: Send + Sync {
    /// Fills `buffer` with random bytes. A source that cannot answer stops the process: nothing may go on without it.
    fn fill(&self, buffer: &mut [u8]);
}

/// `N` random bytes.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    struct Fixed(OffsetDateTime);

    impl Clock for Fixed {
        fn now(&self) -> OffsetDateTime {
            self.0
        }
    }

    #[test]
    fn shifted_clock_keeps_its_distance_and_never_leaves_the_calendar() {
        let base = datetime!(2026-06-01 12:00 UTC);
        let clock = ShiftedClock::new(Arc::new(Fixed(base)));
        assert_eq!(clock.now(), base);
        clock.shift(Duration::hours(2));
        assert_eq!((clock.offset(), clock.now()), (Duration::hours(2), base + Duration::hours(2)));
        clock.shift(Duration::MAX);
        assert_eq!(clock.now(), base);
    }
}
