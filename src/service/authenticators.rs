//! Registering what signers confirm with, by one-time links, and starting a confirmation with it.

use time::Duration;

use super::{LiveCode, Result, Service, ServiceError};
use crate::authorization::{NewAuthenticator, PasskeyRequest, totp};
use crate::crypto::digest::sha256;
use crate::domain::{AuditEvent, Authenticator, Enrolment, Method, Secret, SignerId};
use crate::storage::Outcome;

/// How long a link to register an authenticator lives.
const LINK_LIFE: Duration = Duration::hours(24);
/// Longest name of an authenticator, in characters.
const NAME_CHARACTERS: usize = 60;

/// What the page of a registration link shows.
#[derive(Debug)]
pub struct EnrolmentView {
    pub signer_name: String,
    /// For typing into an app.
    pub secret: Secret,
    /// For the QR code.
    pub uri: Secret,
    /// `None` where the page's address can have no passkeys.
    pub passkey: Option<PasskeyRequest>,
}

impl Service {
    /// Starts a confirmation by any method: a message is sent, an app or a passkey is waited for.
    ///
    /// # Errors
    /// As [`Self::send_code`]; [`ServiceError::NotFound`] when the signer has registered nothing of that kind.
    pub async fn begin_confirmation(&self, token: &Secret, method: Method) -> Result<LiveCode> {
        if method.is_message() {
            return self.send_code_by(token, Some(method)).await;
        }
        let view = self.confirmation(token).await?;
        if !view.in_turn {
            return Err(ServiceError::NotYet);
        }
        let challenge = self.backends.sole_control.challenge(&view.transaction, &view.signer, method).await?;
        self.live_code(&view.transaction, &challenge).await
    }

    /// Makes a link by which a signer registers one authenticator within a day; the path below the public URL.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn open_enrolment(&self, signer: &SignerId) -> Result<Secret> {
        self.signer(signer).await?;
        let token = self.random_text();
        let sha256 = sha256(token.expose().as_bytes());
        let enrolment = Enrolment { sha256, signer: signer.clone(), expires_at: self.now() + LINK_LIFE };
        let event = AuditEvent::EnrolmentOpened { signer: signer.clone() };
        self.storage().add_enrolment(&enrolment, self.entry(event)).await?;
        Ok(Secret::new(format!("/e/{}", token.expose())))
    }

    /// # Errors
    /// [`ServiceError::NotFound`] for a link that is unknown, used or old.
    pub async fn enrolment(&self, token: &Secret) -> Result<EnrolmentView> {
        let control = &self.backends.sole_control;
        let enrolment = control.enrolment(token).await?;
        let signer = self.signer(&enrolment.signer).await?;
        let secret = control.offered_secret(token);
        Ok(EnrolmentView {
            signer_name: signer.name,
            uri: Secret::new(totp::uri(&secret, signer.id.as_str()).as_str()),
            secret: Secret::new(totp::base32(&secret).as_str()),
            passkey: control.registration_request(token),
        })
    }

    /// Registers what the signer brings, and uses the link up.
    ///
    /// # Errors
    /// [`ServiceError::NotProven`], [`ServiceError::NotFound`].
    pub async fn enrol(&self, token: &Secret, name: &str, new: NewAuthenticator) -> Result<Method> {
        let clean: String = name.trim().chars().filter(|c| !c.is_control()).take(NAME_CHARACTERS).collect();
        let enrolled = self.backends.sole_control.enrol(token, clean, new).await;
        Ok(enrolled?)
    }

    /// # Errors
    /// When storage does not answer.
    pub async fn authenticators_of(&self, signer: &SignerId) -> Result<Vec<Authenticator>> {
        Ok(self.storage().authenticators_of(signer).await?)
    }

    /// Forgets an authenticator.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn remove_authenticator(&self, signer: &SignerId, id: &str) -> Result<()> {
        let event = AuditEvent::AuthenticatorRemoved { signer: signer.clone(), authenticator: id.to_owned() };
        match self.storage().remove_authenticator(signer, id, self.entry(event)).await? {
            Outcome::Done => Ok(()),
            Outcome::Stale => Err(ServiceError::NotFound("authenticator")),
        }
    }
}
