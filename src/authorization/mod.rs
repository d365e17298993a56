//! Sole control (EN 419 241-1): nobody but the signer makes the key sign, and only what the signer saw.
//!
//! Reading order: [`code`] (one-time codes), [`channel`] (how a code reaches the signer), [`wording`] (what
//! messages say), [`pin`], `sealed` (what a PIN gave, until the SAD
//! is used), [`totp`], [`webauthn`], [`authenticator`] (apps and
//! passkeys), [`challenge`] (send a code,
//! check it, confirm), [`meter`] (how often codes fail, and the alarm), `activation` (the interface of all
//! this, so that a certified module can take its place), [`redeem`] (the only file that mints the tokens custody asks for).
//!
//! The signature activation data (SAD) is opaque: 256 random bits whose meaning stays on the server. It names one transaction,
//! hence one portal, signer, credential and set of hashes; each hash is used up once.
//!
//! What this folder does not do: hold keys, prepare documents, speak HTTP. It is software on a general-purpose machine, not a
//! certified signature activation module.

mod activation;
pub mod authenticator;
pub mod challenge;
pub mod channel;
pub mod code;
pub mod meter;
pub mod pin;
pub mod redeem;
mod sealed;
pub mod totp;
pub mod webauthn;
pub mod wording;

use std::sync::Arc;
use time::Duration;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::custody::{CustodyError, KeyCustody};
use crate::domain::party::OWN_PORTAL;
use crate::domain::{Clock, Entropy, PortalId, StateKind};
use crate::storage::{GuessLimits, MessageLimits, MessageScope, PinLimits, SendLimits, Spent, Storage, StorageError};

pub use activation::SignatureActivation;
pub use authenticator::{NewAuthenticator, PasskeyRequest};
pub use challenge::{Proof, Verdict};
pub use channel::{ChannelError, Channels, CodeMessage, MessageChannel};
pub use code::Digits;
pub use meter::{Alarm, Meter, Readings};
pub use webauthn::{Assertion, Registration, RelyingParty};
pub use wording::{Alphabet, Facts};

/// Budgets of one-time codes. The defaults follow NIST SP 800-63B-4 and stay below its ceilings.
///
/// Guessing: a code has one million values and five tries, and 25 wrong entries a signer a day are compared at all, over all
/// codes, portals and processes; each million signers under attack for a day lose 25 codes, and 0.25 with eight digits.
///
/// Locking out: nobody but the signer enters codes without a link or a portal's token, and a wrong code first ends the
/// transaction it was for. One portal uses up at most 20 of the 25 entries, and however many codes another portal has sent,
/// each may send one an hour. All windows roll, so what is locked opens again by itself.
#[derive(Debug, Clone)]
pub struct CodePolicy {
    pub digits: Digits,
    /// How long a code lives.
    pub life: Duration,
    /// Wrong entries a code survives.
    pub tries: u32,
    /// Codes a transaction may ask for.
    pub codes: u32,
    /// Wait before the second code of a transaction may be asked for; it doubles with each further one.
    pub resend_after: Duration,
    /// Codes of a signer within an hour that confirmed nothing.
    pub unconfirmed: u32,
    /// Wrong codes of a signer within a day.
    pub guesses: GuessLimits,
    pub pin: PinLimits,
    /// Messages a day.
    pub messages: MessageLimits,
    /// Whose page passkeys are for; without it there are none.
    pub relying_party: Option<RelyingParty>,
    /// How long a SAD lives.
    pub sad_life: Duration,
}

impl Default for CodePolicy {
    fn default() -> Self {
        Self {
            digits: Digits::Six,
            life: Duration::minutes(5),
            tries: 5,
            codes: 5,
            resend_after: Duration::seconds(30),
            unconfirmed: 5,
            guesses: GuessLimits::DEFAULT,
            pin: PinLimits { tries: 5, lock: Duration::minutes(15), day: GuessLimits::DEFAULT },
            messages: MessageLimits { all: 100_000, portal: 20_000, prefix: 20_000 },
            relying_party: None,
            sad_life: Duration::minutes(5),
        }
    }
}

impl CodePolicy {
    /// How long after a code the next one of its transaction may be asked for: 30, 60, 120, 240 seconds.
    pub fn wait_after(&self, sequence: u32) -> Duration {
        self.resend_after * 2i32.pow(sequence.saturating_sub(1).min(8))
    }

    /// The budget of wrong codes through a portal. Anybody may ask for a code of a signer's own page, so little can be wasted there.
    fn guesses_through(&self, portal: &PortalId) -> GuessLimits {
        match portal.as_str() {
            OWN_PORTAL => GuessLimits { portal: self.tries.min(self.guesses.portal), ..self.guesses },
            _ => self.guesses,
        }
    }

    /// What is checked before a code is stored. `message` says where one is sent.
    fn send_limits(&self, message: Option<MessageScope>) -> SendLimits {
        SendLimits {
            unconfirmed: if message.is_some() { self.unconfirmed } else { u32::MAX },
            window: Duration::hours(1),
            guesses: self.guesses,
            message: message.map(|scope| (scope, self.messages)),
        }
    }
}

/// Why a step was not taken. Nothing was authorised.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizationError {
    /// The transaction does not wait for a confirmation.
    #[error("the transaction is {0}")]
    NotWaiting(StateKind),
    #[error("a new code can be sent in {seconds} seconds")]
    ResendTooSoon { seconds: u64 },
    #[error("no more codes can be sent for this transaction")]
    NoMoreCodes,
    /// The signer has registered no such authenticator, or the link to register one is no more.
    #[error("there is no such authenticator, or link")]
    NoAuthenticator,
    /// What was to be registered does not answer as it should.
    #[error("the authenticator did not prove itself")]
    NotProven,
    #[error("the PIN is wrong")]
    WrongPin,
    #[error("too many wrong PINs")]
    PinLocked { seconds: u64 },
    /// A budget is used up; the next one opens after this many seconds.
    #[error("{what} are used up for {seconds} seconds")]
    Spent { what: SpentBudget, seconds: u64 },
    #[error("the signature activation data is not valid")]
    InvalidSad,
    #[error("the signature activation data has expired")]
    SadExpired,
    #[error("a hash is not authorised, or was used before")]
    NotAuthorized,
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error(transparent)]
    Custody(#[from] CustodyError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("internal error: {0}")]
    Internal(&'static str),
}

/// Which budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpentBudget {
    /// Wrong codes of this signer today.
    Guesses,
    /// Codes of this signer that confirmed nothing.
    Codes,
    /// Messages of the day.
    Messages,
}

impl std::fmt::Display for SpentBudget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Guesses => "wrong codes",
            Self::Codes => "codes for this signer",
            Self::Messages => "messages of the day",
        })
    }
}

pub type Result<T> = std::result::Result<T, AuthorizationError>;

/// The signature activation in software, and what belongs to it: codes on their way, authenticators, budgets.
#[derive(Clone)]
pub struct SoleControl {
    storage: Arc<dyn Storage>,
    custody: Arc<dyn KeyCustody>,
    channels: Channels,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pepper: Zeroizing<[u8; 32]>,
    policy: CodePolicy,
    pin_turns: Arc<pin::Turns>,
    meter: Arc<Meter>,
    /// Places for stretching PINs.
    stretching: Arc<Semaphore>,
}

/// What [`SoleControl`] stands on.
pub struct Parts {
    pub storage: Arc<dyn Storage>,
    pub custody: Arc<dyn KeyCustody>,
    pub channels: Channels,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// Keys the MACs of codes; it must come from outside the database.
    pub pepper: Zeroizing<[u8; 32]>,
    pub policy: CodePolicy,
}

impl SoleControl {
    pub fn new(parts: Parts) -> Self {
        let Parts { storage, custody, channels, clock, entropy, pepper, policy } = parts;
        Self {
            storage,
            custody,
            channels,
            clock,
            entropy,
            pepper,
            policy,
            pin_turns: Arc::default(),
            meter: Arc::default(),
            stretching: Arc::new(Semaphore::new(pin::AT_ONCE)),
        }
    }

    pub fn policy(&self) -> &CodePolicy {
        &self.policy
    }

    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    fn seconds_until(&self, until: time::OffsetDateTime) -> u64 {
        (until - self.clock.now()).whole_seconds().max(0).unsigned_abs() + 1
    }

    fn spent(&self, spent: Spent) -> AuthorizationError {
        let what = match spent {
            Spent::Guesses { .. } => SpentBudget::Guesses,
            Spent::Codes { .. } => SpentBudget::Codes,
            Spent::Messages { .. } => SpentBudget::Messages,
        };
        AuthorizationError::Spent { what, seconds: self.seconds_until(spent.until()) }
    }
}
