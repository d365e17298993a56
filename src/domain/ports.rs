//! Time and randomness as parameters: the linter bans the globals, and tests bring their own.

use time::OffsetDateTime;

/// Tells the time.
pub trait Clock: Send + Sync {
    fn now(&self) -> OffsetDateTime;
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
