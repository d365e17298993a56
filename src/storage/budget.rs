//! Budgets of codes and PINs. They are checked inside the commit that uses them up, so they hold over all processes that
//! share the database.

use time::{Duration, OffsetDateTime};

/// How many wrong entries a signer's factor survives in a rolling window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuessLimits {
    pub window: Duration,
    /// Over all portals: what bounds guessing.
    pub signer: u32,
    /// Through one portal. Less than `signer`, so that one portal alone cannot use up what the others need.
    pub portal: u32,
}

impl GuessLimits {
    /// 25 a day, of which one portal uses at most 20: one whole code is always left to the others.
    pub const DEFAULT: Self = Self { window: Duration::hours(24), signer: 25, portal: 20 };
}

/// What a PIN may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinLimits {
    /// Wrong PINs in a row through one portal within `lock`.
    pub tries: u32,
    pub lock: Duration,
    pub day: GuessLimits,
}

/// Messages a day, by who asks and where they go. A day is one of Viet Nam's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageLimits {
    pub all: u32,
    pub portal: u32,
    /// To one prefix of telephone numbers (their first five characters, `+8491`), or one e-mail domain.
    pub prefix: u32,
}

impl MessageLimits {
    pub const NONE: Self = Self { all: u32::MAX, portal: u32::MAX, prefix: u32::MAX };
}

/// What is checked before a code is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendLimits {
    /// Codes of a signer in `window` that confirmed nothing. A portal that has sent none in it may always send one, so that
    /// another portal cannot keep it from its signer.
    pub unconfirmed: u32,
    pub window: Duration,
    pub guesses: GuessLimits,
    /// Where the message goes, and what that may cost; `None` when nothing is sent.
    pub message: Option<(MessageScope, MessageLimits)>,
}

/// Where a message goes, for the budgets: `sms`, `+8491`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageScope {
    pub channel: &'static str,
    pub prefix: String,
}

/// A budget that is used up, and when it opens again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// Too many wrong entries for this signer.
    Guesses { until: OffsetDateTime },
    /// Too many codes that confirmed nothing.
    Codes { until: OffsetDateTime },
    /// The day's messages.
    Messages { until: OffsetDateTime },
}

impl Spent {
    pub fn until(self) -> OffsetDateTime {
        match self {
            Self::Guesses { until } | Self::Codes { until } | Self::Messages { until } => until,
        }
    }
}

/// What storing a new code came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Sending {
    Stored,
    /// The transaction no longer waits, or somebody else sent a code meanwhile.
    Stale,
    Spent(Spent),
}

/// A try at a PIN, taken before it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum PinTry {
    Taken(PinTryId),
    Locked { until: OffsetDateTime },
}

/// Names a taken try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinTryId(pub i64);

/// Entries of all signers in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EntryCounts {
    pub right: u64,
    pub wrong: u64,
}
