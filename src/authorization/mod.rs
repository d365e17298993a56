//! Sole control (EN 419 241-1): nobody but the signer makes the key sign, and only what the signer saw.
//!
//! Reading order: [`code`] (one-time codes), [`channel`] (how a code reaches the signer), [`pin`], [`challenge`] (send a code,
//! check it, confirm), [`redeem`] (the only file that mints the tokens custody asks for).
//!
//! The signature activation data (SAD) is opaque: 256 random bits whose meaning stays on the server. It names one transaction,
//! hence one portal, signer, credential and set of hashes; each hash is used up once.
//!
//! What this folder does not do: hold keys, prepare documents, speak HTTP. It is software on a general-purpose machine, not a
//! certified signature activation module.

pub mod challenge;
pub mod channel;
pub mod code;
pub mod pin;
pub mod redeem;

use std::sync::Arc;
use time::Duration;
use zeroize::Zeroizing;

use crate::domain::{Clock, Entropy, StateKind};
use crate::storage::{Storage, StorageError};

pub use challenge::Verdict;
pub use channel::{ChannelError, CodeMessage, MessageChannel};
pub use redeem::OpenedSad;

/// Budgets of one-time codes. The defaults follow NIST SP 800-63B-4 and stay below its ceilings.
#[derive(Debug, Clone)]
pub struct CodePolicy {
    /// How long a code lives.
    pub life: Duration,
    /// Wrong entries a code survives.
    pub tries: u32,
    /// Codes a transaction may ask for.
    pub codes: u32,
    /// Wait before another code may be asked for.
    pub resend_after: Duration,
    /// Wrong PINs in a row before explicit mode locks, and for how long it does.
    pub pin_tries: u32,
    pub pin_lock: Duration,
    /// How long a SAD lives.
    pub sad_life: Duration,
}

impl Default for CodePolicy {
    fn default() -> Self {
        Self {
            life: Duration::minutes(5),
            tries: 5,
            codes: 5,
            resend_after: Duration::seconds(30),
            pin_tries: 5,
            pin_lock: Duration::minutes(15),
            sad_life: Duration::minutes(5),
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
    #[error("the PIN is wrong")]
    WrongPin,
    #[error("too many wrong PINs")]
    PinLocked,
    #[error("the signature activation data is not valid")]
    InvalidSad,
    #[error("the signature activation data has expired")]
    SadExpired,
    #[error("a hash is not authorised, or was used before")]
    NotAuthorized,
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("internal error: {0}")]
    Internal(&'static str),
}

pub type Result<T> = std::result::Result<T, AuthorizationError>;

/// The signature activation component: small, so that a certified module can take its place.
#[derive(Clone)]
pub struct SoleControl {
    storage: Arc<dyn Storage>,
    channel: Arc<dyn MessageChannel>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pepper: Zeroizing<[u8; 32]>,
    policy: CodePolicy,
    pin_turns: Arc<pin::Turns>,
}

impl SoleControl {
    /// `pepper` keys the MACs of codes; it must come from outside the database.
    pub fn new(
        storage: Arc<dyn Storage>,
        channel: Arc<dyn MessageChannel>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        pepper: Zeroizing<[u8; 32]>,
        policy: CodePolicy,
    ) -> Self {
        Self { storage, channel, clock, entropy, pepper, policy, pin_turns: Arc::default() }
    }

    pub fn policy(&self) -> &CodePolicy {
        &self.policy
    }
}
