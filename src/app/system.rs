//! The clock and the randomness of this machine: the one place where the globals are used.

use time::OffsetDateTime;

use crate::domain::{Clock, Entropy};

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// The system's random generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[allow(clippy::disallowed_methods)]
    fn fill(&self, buffer: &mut [u8]) {
        if let Err(error) = getrandom::fill(buffer) {
            // No code, token or id may be made without randomness, and nothing sensible can be answered instead.
            tracing::error!(%error, "the system's random generator failed; stopping");
            std::process::abort();
        }
    }
}
