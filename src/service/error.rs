//! Why a use case did not do what was asked. In every case nothing was signed or released.

use crate::authorization::{AuthorizationError, SpentBudget};
use crate::custody::CustodyError;
use crate::domain::{KeyAlgorithm, StateKind};
use crate::service::oauth::OauthError;
use crate::signing::extras::AttributeRule;
use crate::storage::StorageError;
use crate::trust::guard::Forbidden;

/// The error of every use case; the HTTP edge turns it into CSC errors, problem documents or a page.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    // The caller's fault.
    #[error("the client id or its secret is wrong")]
    UnknownClient,
    #[error("the access token is not valid")]
    InvalidToken,
    #[error("the access token has expired")]
    ExpiredToken,
    #[error("the access token does not reach as far")]
    InsufficientScope,
    /// OAuth has words of its own.
    #[error("{description}")]
    Oauth { error: OauthError, description: String },
    /// It does not exist, or belongs to somebody else: the two are not told apart.
    #[error("no such {0}")]
    NotFound(&'static str),
    #[error("the credential is disabled")]
    CredentialDisabled,
    /// The signer froze their signature; only the operator lifts it.
    #[error("the signer has frozen their signature")]
    Frozen,
    #[error("the signing certificate is not valid now")]
    CertificateNotValid,
    /// The credential's code is typed on the hosted page only.
    #[error("this credential is authorised on the service's own page only")]
    HostedOnly,
    #[error("the signature activation data is not valid")]
    InvalidSad,
    #[error("the signature activation data has expired")]
    SadExpired,
    #[error("a hash is not authorised by the signature activation data, or was used before")]
    HashNotAuthorized,
    #[error("a {key} key does not sign with {algorithm}")]
    UnsupportedAlgorithm { key: KeyAlgorithm, algorithm: String },
    #[error("no hash was given")]
    NoHashes,
    #[error("numSignatures must be at least the number of hashes, and at most {max}")]
    NumberOfSignatures { max: u32 },
    #[error("the authenticator did not prove itself")]
    NotProven,
    #[error("the PIN is wrong")]
    WrongPin,
    /// The code is wrong.
    #[error("the authentication data is wrong; {tries_left} tries left")]
    WrongAuthenticationData { tries_left: u32 },
    /// No live code: expired, used, or never sent. A new one has to be asked for.
    #[error("the one-time code has expired or was used; ask for a new one")]
    CodeExpired,
    #[error("too many wrong codes: the transaction has ended")]
    Locked,
    /// Another code may be sent only after this many seconds.
    #[error("a new code can be sent in {seconds} seconds")]
    ResendTooSoon { seconds: u64 },
    #[error("no more codes can be sent for this transaction")]
    NoMoreCodes,
    /// Too many wrong PINs, or wrong codes of this signer today: nothing is compared until then.
    #[error("too many wrong entries for this signer; possible again in {seconds} seconds")]
    GuessesSpent { seconds: u64 },
    /// Too many codes for this signer confirmed nothing.
    #[error("too many codes were sent for this signer; possible again in {seconds} seconds")]
    CodesSpent { seconds: u64 },
    #[error("the day's messages are used up; possible again in {seconds} seconds")]
    MessagesSpent { seconds: u64 },
    #[error("{name}: {problem}")]
    Document { name: String, problem: DocumentProblem },
    /// The transaction has left the state the call needs.
    #[error("the transaction is {0}")]
    State(StateKind),
    /// Others of the same request sign first.
    #[error("others have to sign before")]
    NotYet,
    #[error("the idempotency key was used with another body")]
    IdempotencyMismatch,
    /// The same key is being worked on by another call.
    #[error("a call with this idempotency key is still being worked on")]
    IdempotencyInFlight,
    /// Where no message may be sent.
    #[error("url: {0}")]
    Address(#[from] Forbidden),
    #[error("{what} exceeds the limit of {max}")]
    Limit { what: &'static str, max: u64 },
    #[error("{what} is not acceptable: {why}")]
    Invalid { what: &'static str, why: &'static str },
    #[error(transparent)]
    Attribute(#[from] AttributeRule),
    /// The operator has not configured what this needs.
    #[error("this service offers no level above B-B: no time-stamping authority is configured")]
    NoTrustServices,
    // The service's fault.
    #[error("the message channel does not answer")]
    ChannelDown,
    /// What a level needs could not be had.
    #[error("{0}")]
    TrustService(String),
    #[error(transparent)]
    Storage(StorageError),
    #[error(transparent)]
    Custody(#[from] CustodyError),
    #[error("internal error: {0}")]
    Internal(String),
}

/// Why a document cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentProblem {
    #[error("the file is empty")]
    Empty,
    #[error("the file is not a PDF")]
    NotAPdf,
    #[error("the PDF is damaged: {0}")]
    Damaged(String),
    #[error("the PDF is encrypted, and no password was given")]
    Encrypted,
    #[error("the password does not open the PDF")]
    WrongPassword,
    #[error("an earlier signature allows no further change: {0}")]
    Forbidden(String),
    /// The stored file is not the one whose hash was confirmed.
    #[error("the stored file is no longer the one that was confirmed")]
    Changed,
    #[error("the PDF cannot be signed: {0}")]
    Unsupported(String),
}

impl From<StorageError> for ServiceError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Frozen => Self::Frozen,
            other => Self::Storage(other),
        }
    }
}

/// What a refused authorisation means to the caller of a use case.
impl From<AuthorizationError> for ServiceError {
    fn from(error: AuthorizationError) -> Self {
        match error {
            AuthorizationError::NotWaiting(state) => Self::State(state),
            AuthorizationError::ResendTooSoon { seconds } => Self::ResendTooSoon { seconds },
            AuthorizationError::NoMoreCodes => Self::NoMoreCodes,
            AuthorizationError::NoAuthenticator => Self::NotFound("authenticator"),
            AuthorizationError::NotProven => Self::NotProven,
            AuthorizationError::WrongPin => Self::WrongPin,
            AuthorizationError::PinLocked { seconds } => Self::GuessesSpent { seconds },
            AuthorizationError::Spent { what, seconds } => match what {
                SpentBudget::Guesses => Self::GuessesSpent { seconds },
                SpentBudget::Codes => Self::CodesSpent { seconds },
                SpentBudget::Messages => Self::MessagesSpent { seconds },
            },
            AuthorizationError::InvalidSad => Self::InvalidSad,
            AuthorizationError::SadExpired => Self::SadExpired,
            AuthorizationError::NotAuthorized => Self::HashNotAuthorized,
            AuthorizationError::Channel(_) => Self::ChannelDown,
            AuthorizationError::Custody(error) => Self::Custody(error),
            AuthorizationError::Storage(error) => error.into(),
            AuthorizationError::Internal(what) => Self::Internal(what.to_owned()),
        }
    }
}
