//! Repositories of OAuth 2.0: clients, authorisations, tokens, and citizens who signed in elsewhere.
//!
//! What leads on (a `request_uri`, a page's address, a code, a token, a cookie) is known here by its SHA-256 alone. Each use is
//! one conditional commit, so of a hundred callers with the same code one is served.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{Entry, Outcome, Result};
use crate::domain::oauth::{AccessToken, Arrival, Authorization, Client, ClientAuth, RefreshToken};
use crate::domain::{PortalId, SignerId, TransactionId};

/// SHA-256 of a secret of 256 random bits.
pub type Key = [u8; 32];

/// A code just given out.
#[derive(Debug, Clone)]
pub struct CodeGrant {
    pub code: Key,
    pub signer: SignerId,
    pub sealed_sad: Option<Vec<u8>>,
    pub expires_at: OffsetDateTime,
}

/// Tokens just given out.
#[derive(Debug, Clone)]
pub struct Issued {
    pub access: (Key, AccessToken),
    pub refresh: Option<(Key, RefreshToken)>,
}

/// Portals as clients.
#[async_trait]
pub trait Clients: Send + Sync {
    async fn client(&self, portal: &PortalId) -> Result<Option<Client>>;
    /// Notes that a live secret was used at `at`, unless it is noted to have been since `not_since`.
    async fn secret_used(
        &self,
        portal: &PortalId,
        sha256: &Key,
        at: OffsetDateTime,
        not_since: OffsetDateTime,
    ) -> Result<()>;
    /// Makes `new` the current secret and the current one the previous. [`Outcome::Stale`] when two are live already.
    async fn rotate_secret(&self, portal: &PortalId, new: &Key, entry: Entry) -> Result<Outcome>;
    /// Keeps this live secret and ends the other one. [`Outcome::Stale`] when there are not both.
    async fn keep_secret(&self, portal: &PortalId, kept: &Key, entry: Entry) -> Result<Outcome>;
    async fn set_client_auth(&self, portal: &PortalId, auth: &ClientAuth, entry: Entry) -> Result<Outcome>;
    /// [`super::StorageError::Duplicate`] when it is registered already.
    async fn add_redirect_uri(&self, portal: &PortalId, uri: &str, entry: Entry) -> Result<()>;
    async fn remove_redirect_uri(&self, portal: &PortalId, uri: &str, entry: Entry) -> Result<Outcome>;
    /// Takes an assertion's identifier; [`Outcome::Stale`] when it was taken before.
    async fn take_assertion(&self, portal: &PortalId, jti: &Key, expires_at: OffsetDateTime) -> Result<Outcome>;
    /// The signer an account of the portal is tied to.
    async fn account(&self, portal: &PortalId, account: &Key) -> Result<Option<SignerId>>;
    /// Ties it, unless it is tied already: then [`Outcome::Stale`], whoever it is tied to.
    async fn tie_account(&self, portal: &PortalId, account: &Key, signer: &SignerId) -> Result<Outcome>;
}

/// Authorisations under way.
#[async_trait]
pub trait Authorizations: Send + Sync {
    async fn add_authorization(&self, authorization: &Authorization, key: &Key) -> Result<()>;
    /// Pushed to open: the `request_uri` is used up, `next` leads on. `None` for anything but this portal's live one.
    async fn open_pushed(
        &self,
        portal: &PortalId,
        key: &Key,
        next: (&Key, OffsetDateTime),
        now: OffsetDateTime,
    ) -> Result<Option<Authorization>>;
    /// In whatever stage that key leads to.
    async fn authorization(&self, key: &Key) -> Result<Option<Authorization>>;
    async fn authorization_of(&self, transaction: &TransactionId) -> Result<Option<Authorization>>;
    /// How many of the portal wait for a citizen.
    async fn waiting_authorizations(&self, portal: &PortalId, arrival: Arrival, now: OffsetDateTime) -> Result<u32>;
    /// Ties an open authorisation to its signer and transaction, once.
    async fn attach(&self, id: &str, signer: &SignerId, transaction: &TransactionId) -> Result<Outcome>;
    /// Open to granted.
    async fn grant_code(&self, id: &str, grant: &CodeGrant, entry: Entry) -> Result<Outcome>;
    /// Granted to redeemed, and the tokens: in one commit. The row stays until `expires_at`, to know its code again.
    async fn redeem_code(&self, id: &str, issued: &Issued, expires_at: OffsetDateTime) -> Result<Outcome>;
    /// Open to ended.
    async fn end_authorization(&self, id: &str) -> Result<Outcome>;
}

/// A portal's staff at its desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskSession {
    pub portal: PortalId,
    /// The client secret that opened it.
    pub secret: Key,
    /// Its end, however much it is used.
    pub expires_at: OffsetDateTime,
}

/// Sessions at portals' desks, by the SHA-256 of a cookie.
#[async_trait]
pub trait DeskSessions: Send + Sync {
    async fn open_desk(&self, sha256: &Key, session: &DeskSession, idle_at: OffsetDateTime, entry: Entry)
    -> Result<()>;
    /// The session that is live at `now`; its idle end moves on to `idle_at`.
    async fn desk_session(
        &self,
        sha256: &Key,
        now: OffsetDateTime,
        idle_at: OffsetDateTime,
    ) -> Result<Option<DeskSession>>;
    async fn close_desk(&self, sha256: &Key) -> Result<()>;
}

/// Tokens.
#[async_trait]
pub trait Tokens: Send + Sync {
    async fn add_access_token(&self, sha256: &Key, token: &AccessToken) -> Result<()>;
    async fn access_token(&self, sha256: &Key) -> Result<Option<AccessToken>>;
    async fn remove_access_token(&self, sha256: &Key) -> Result<()>;
    /// Also when it was used before.
    async fn refresh_token(&self, sha256: &Key) -> Result<Option<RefreshToken>>;
    /// Uses a refresh token up and stores its successors; [`Outcome::Stale`] when it was used before.
    async fn rotate_refresh_token(&self, sha256: &Key, issued: &Issued) -> Result<Outcome>;
    /// Ends every token of an authorisation.
    async fn end_family(&self, authorization: &str, entry: Entry) -> Result<()>;
    /// Forgets what ended before `now`: tokens, authorisations, assertions, sign-ins, sessions, links to register an authenticator.
    async fn forget_ended(&self, now: OffsetDateTime) -> Result<()>;
}

/// Citizens as an identity provider knows them.
#[async_trait]
pub trait Identities: Send + Sync {
    /// [`super::StorageError::Duplicate`] when that person is a signer already.
    async fn add_identity(&self, mac: &[u8; 32], signer: &SignerId, entry: Entry) -> Result<()>;
    async fn identity(&self, mac: &[u8; 32]) -> Result<Option<SignerId>>;
    /// At most two.
    async fn signers_with_phone(&self, phone: &str) -> Result<Vec<SignerId>>;
    async fn begin_sign_in(&self, state: &Key, browser: &Key, expires_at: OffsetDateTime) -> Result<()>;
    /// Uses up the state that this browser began with; [`Outcome::Stale`] for any other.
    async fn end_sign_in(&self, state: &Key, browser: &Key, now: OffsetDateTime) -> Result<Outcome>;
    async fn add_session(&self, sha256: &Key, signer: &SignerId, expires_at: OffsetDateTime) -> Result<()>;
    async fn session(&self, sha256: &Key, now: OffsetDateTime) -> Result<Option<SignerId>>;
}
