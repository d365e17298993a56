//! Citizens who sign in through an identity provider. Here is what is remembered of it: that a browser set out, and who came back.
//!
//! Nonce and PKCE verifier follow from the browser's cookie, so they are stored nowhere and nobody else's browser has them.

use time::Duration;

use super::pkce;
use crate::crypto::digest::sha256;
use crate::domain::{AuditEvent, Secret, SignerId};
use crate::service::{Result, Service, ServiceError};
use crate::storage::{Outcome, StorageError};

/// How long a citizen may take at the provider, and how long they then stay signed in.
const AWAY: Duration = Duration::minutes(10);
const SESSION: Duration = Duration::minutes(15);

/// What goes to the provider and what stays in the browser.
#[derive(Debug)]
pub struct SignIn {
    pub state: Secret,
    pub nonce: Secret,
    pub code_challenge: String,
    /// Cookie: lives until the citizen is back.
    pub browser: Secret,
}

/// What the token request and the ID token are checked with.
#[derive(Debug)]
pub struct Returned {
    pub nonce: Secret,
    pub verifier: Secret,
    /// Path of the page the citizen came from.
    pub page: String,
}

impl Service {
    /// A browser sets out from `page`, a path of this service.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn begin_sign_in(&self, page: &str) -> Result<SignIn> {
        let state = self.random_text();
        let browser = Secret::new(format!("{}.{page}", self.random_text().expose()));
        let (nonce, verifier) = self.derived(&browser)?;
        let ends = self.now() + AWAY;
        let key = |secret: &Secret| sha256(secret.expose().as_bytes());
        self.storage().begin_sign_in(&key(&state), &key(&browser), ends).await?;
        Ok(SignIn { state, nonce, code_challenge: pkce::challenge(&verifier), browser })
    }

    /// The same browser comes back with the state it left with; both are used up.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for another browser, an old state, or one that was used.
    pub async fn return_from_sign_in(&self, state: &Secret, browser: &Secret) -> Result<Returned> {
        let key = |secret: &Secret| sha256(secret.expose().as_bytes());
        if self.storage().end_sign_in(&key(state), &key(browser), self.now()).await? == Outcome::Stale {
            return Err(ServiceError::NotFound("sign-in"));
        }
        let (nonce, verifier) = self.derived(browser)?;
        let page = browser.expose().split_once('.').map(|(_, page)| page.to_owned()).unwrap_or_default();
        Ok(Returned { nonce, verifier, page })
    }

    /// The person the provider named: a session for the signer they are. The cookie is a new one, so one that was planted before
    /// is worth nothing.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the person is no signer here.
    pub async fn sign_in(&self, issuer: &str, person: &Secret) -> Result<Secret> {
        let signer = self.storage().identity(&self.identity_mac(issuer, person)?).await?;
        let signer = signer.ok_or(ServiceError::NotFound("signer"))?;
        let cookie = self.random_text();
        let ends = self.now() + SESSION;
        self.storage().add_session(&sha256(cookie.expose().as_bytes()), &signer, ends).await?;
        Ok(cookie)
    }

    /// The signer who is signed in with this cookie.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn signed_in(&self, cookie: &Secret) -> Result<Option<SignerId>> {
        Ok(self.storage().session(&sha256(cookie.expose().as_bytes()), self.now()).await?)
    }

    /// Records which person of the provider a signer is.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an unknown signer, [`ServiceError::Invalid`] when the person is a signer already.
    pub async fn add_identity(&self, signer: &SignerId, issuer: &str, person: &Secret) -> Result<()> {
        self.signer(signer).await?;
        let mac = self.identity_mac(issuer, person)?;
        let event = AuditEvent::SignerIdentified { signer: signer.clone(), issuer: issuer.to_owned() };
        match self.storage().add_identity(&mac, signer, self.entry(event)).await {
            Err(StorageError::Duplicate) => {
                Err(ServiceError::Invalid { what: "person", why: "this person of the provider is a signer already" })
            }
            other => Ok(other?),
        }
    }

    fn identity_mac(&self, issuer: &str, person: &Secret) -> Result<[u8; 32]> {
        self.oauth_mac(&format!("kyso identity v1 {issuer}"), person.expose())
    }

    fn derived(&self, browser: &Secret) -> Result<(Secret, Secret)> {
        let of = |purpose| self.oauth_secret(purpose, browser.expose());
        Ok((of("kyso nonce v1")?, of("kyso verifier v1")?))
    }
}
