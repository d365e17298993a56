//! A portal's staff at its desk: whoever has a live client secret opens a session with it. There are no accounts and no other
//! passwords; whoever should no longer come in is kept out by retiring the secret, which ends its sessions too.
//!
//! What ties a form to its browser, and what a browser is known again by, follows from a key and needs no storing.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use time::Duration;

use super::client::ClientProof;
use crate::crypto::digest::sha256;
use crate::domain::oauth::{Client, ClientAuth};
use crate::domain::{AuditEvent, Portal, Secret};
use crate::service::{Caller, Result, Service};
use crate::storage::oauth::DeskSession;

/// How long a session lives unused, and at most.
pub const IDLE: Duration = Duration::minutes(30);
pub const LONGEST: Duration = Duration::hours(8);

/// Somebody at a portal's desk.
#[derive(Debug)]
pub struct DeskVisit {
    pub caller: Caller,
    pub portal: Portal,
}

impl Service {
    /// Opens a session; gives its cookie.
    ///
    /// # Errors
    /// [`crate::service::ServiceError::UnknownClient`] for whatever does not fit; which part did not is not told.
    pub async fn open_desk(&self, id: &str, secret: &Secret) -> Result<Secret> {
        let client = self.client_with_secret(id, secret).await?;
        let (cookie, now) = (self.random_text(), self.now());
        let event = AuditEvent::DeskOpened { portal: client.portal.clone() };
        let session = DeskSession {
            portal: client.portal,
            secret: sha256(secret.expose().as_bytes()),
            expires_at: now + LONGEST,
        };
        self.storage().open_desk(&key(&cookie), &session, now + IDLE, self.entry(event)).await?;
        Ok(cookie)
    }

    /// A client by its secret: also asked again before secrets are changed.
    ///
    /// # Errors
    /// [`crate::service::ServiceError::UnknownClient`].
    pub async fn client_with_secret(&self, id: &str, secret: &Secret) -> Result<Client> {
        let proof = ClientProof::Secret { id: id.to_owned(), secret: Secret::new(secret.expose()) };
        self.authenticate_client(&proof).await
    }

    /// Who is at the desk with this cookie. The session lives on from now.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn at_desk(&self, cookie: &Secret) -> Result<Option<DeskVisit>> {
        let now = self.now();
        let Some(session) = self.storage().desk_session(&key(cookie), now, now + IDLE).await? else { return Ok(None) };
        let client = self.storage().client(&session.portal).await?;
        let live = |client: &Client| {
            client.auth == ClientAuth::Secret && client.secrets.iter().any(|secret| secret.sha256 == session.secret)
        };
        let portal = self.storage().portal(&session.portal).await?;
        let found = client.filter(live).and(portal);
        Ok(found.map(|portal| DeskVisit { caller: Caller::of_portal(session.portal), portal }))
    }

    /// # Errors
    /// When storage does not answer.
    pub async fn close_desk(&self, cookie: &Secret) -> Result<()> {
        Ok(self.storage().close_desk(&key(cookie)).await?)
    }

    /// What every form of a browser with this cookie carries.
    ///
    /// # Errors
    /// Only if a MAC cannot be made.
    pub fn form_token(&self, cookie: &Secret) -> Result<Secret> {
        self.oauth_secret("kyso desk form v1", cookie.expose())
    }

    /// A value that nobody can guess, for a browser that is not signed in yet.
    pub fn visitor_cookie(&self) -> Secret {
        self.random_text()
    }

    /// What a browser is given that has signed in for this client, to be told from strangers' later.
    ///
    /// # Errors
    /// Only if a MAC cannot be made.
    pub fn known_browser(&self, client_id: &str) -> Result<Secret> {
        self.oauth_secret("kyso desk browser v1", client_id)
    }
}

/// Whether two secrets are one, in constant time.
pub fn same(a: &Secret, b: &Secret) -> bool {
    verify_slices_are_equal(a.expose().as_bytes(), b.expose().as_bytes()).is_ok()
}

fn key(cookie: &Secret) -> [u8; 32] {
    sha256(cookie.expose().as_bytes())
}
