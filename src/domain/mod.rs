//! What the service is about, as plain data: parties, credentials, signing transactions, authorisation, audit.
//!
//! Reading order: [`ids`], [`secret`], [`party`], [`credential`], [`factor`] (what is proven before a key is used),
//! [`authenticator`] (what with), [`transaction`] (the state machine), [`joint`] (several signers), [`settings`] (how its
//! documents are signed), [`binding`] (what a
//! one-time code is tied to), [`authorized`] (the token that opens the key door), [`operation`] (what is answered later), [`oauth`],
//! [`audit`] (events and their hash chain), [`webhook`] (what portals are told), [`ports`] (time and randomness as parameters).
//!
//! What this folder does not do: store, sign, or decide who may do what. Words follow the CSC API and EN 419 241-1.

pub mod audit;
pub mod authenticator;
pub mod authorized;
pub mod binding;
pub mod credential;
pub mod factor;
pub mod ids;
pub mod joint;
pub mod oauth;
pub mod operation;
pub mod party;
pub mod ports;
pub mod secret;
pub mod settings;
pub mod transaction;
pub mod webhook;

pub use audit::{AuditEvent, AuditRecord};
pub use authenticator::{Authenticator, AuthenticatorKind, Enrolment};
pub use authorized::{AuthorizedHash, AuthorizedHashes};
pub use binding::Binding;
pub use credential::{AuthMode, Credential, KeyAlgorithm, WrappedKey};
pub use factor::{Factors, Method};
pub use ids::{CredentialId, OperationId, PortalId, SignerId, TransactionId, WebhookId};
pub use operation::{Operation, OperationKind, Part};
pub use party::{Portal, Signer};
pub use ports::{Clock, Entropy};
pub use secret::Secret;
pub use settings::{SignatureOptions, SignatureSettings};
pub use transaction::{FailureReason, Item, Origin, State, StateKind, Transaction};
