//! What an operator sets for a client: secrets, the way it authenticates, redirect URIs.

use super::redirect;
use crate::crypto::digest::{hex, sha256};
use crate::domain::oauth::{Client, ClientAuth};
use crate::domain::{AuditEvent, PortalId, Secret};
use crate::formats::x509::Certificate;
use crate::identity::jwt::Keys;
use crate::service::{Result, Service, ServiceError};
use crate::storage::{Entry, Outcome, StorageError};

impl Service {
    /// A registered client.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn client(&self, portal: &PortalId) -> Result<Client> {
        self.storage().client(portal).await?.ok_or(ServiceError::NotFound("portal"))
    }

    /// A new client secret, shown this once; the old one lives on until it is retired.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when two live already.
    pub async fn rotate_secret(&self, portal: &PortalId) -> Result<Secret> {
        self.client(portal).await?;
        let secret = self.random_text();
        let entry = self.change(portal, "client secret rotated");
        match self.storage().rotate_secret(portal, &sha256(secret.expose().as_bytes()), entry).await? {
            Outcome::Done => Ok(secret),
            Outcome::Stale => {
                Err(ServiceError::Invalid { what: "secret", why: "two are live; retire the old one first" })
            }
        }
    }

    /// Ends the old client secret.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when only one lives.
    pub async fn retire_secret(&self, portal: &PortalId) -> Result<()> {
        let newest = self.client(portal).await?.secrets.into_iter().next();
        let newest = newest.ok_or(ServiceError::NotFound("secret"))?;
        self.keep(portal, &newest.sha256, "old client secret retired").await
    }

    /// Keeps this live secret and ends the other one, be it the older or the newer: nobody ends the secret they have.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when only one lives.
    pub async fn keep_secret(&self, portal: &PortalId, kept: &Secret) -> Result<()> {
        self.keep(portal, &sha256(kept.expose().as_bytes()), "other client secret retired").await
    }

    async fn keep(&self, portal: &PortalId, kept: &[u8; 32], change: &str) -> Result<()> {
        match self.storage().keep_secret(portal, kept, self.change(portal, change)).await? {
            Outcome::Done => Ok(()),
            Outcome::Stale => Err(ServiceError::Invalid { what: "secret", why: "there is no other one" }),
        }
    }

    /// Sets the one way the client authenticates.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for keys that cannot be used.
    pub async fn set_client_auth(&self, portal: &PortalId, auth: ClientAuth) -> Result<()> {
        if let ClientAuth::PrivateKeyJwt { jwks } = &auth {
            Keys::read(jwks).map_err(|_| ServiceError::Invalid {
                what: "jwks",
                why: "a set of public keys is needed: RSA of 2048 bits or more, P-256, P-384 or Ed25519",
            })?;
        }
        let entry = self.change(portal, &format!("authenticates by {}", auth.name()));
        match self.storage().set_client_auth(portal, &auth, entry).await? {
            Outcome::Done => Ok(()),
            Outcome::Stale => Err(ServiceError::NotFound("portal")),
        }
    }

    /// Registers where citizens may be sent back to. Registering twice changes nothing.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] says why an address is not taken.
    pub async fn add_redirect_uri(&self, portal: &PortalId, uri: &str) -> Result<()> {
        self.client(portal).await?;
        if let Some(why) = redirect::fault(uri) {
            return Err(ServiceError::Invalid { what: "redirect_uri", why });
        }
        let entry = self.change(portal, &format!("redirect URI added: {uri}"));
        match self.storage().add_redirect_uri(portal, uri, entry).await {
            Ok(()) | Err(StorageError::Duplicate) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// # Errors
    /// [`ServiceError::NotFound`] when it is not registered.
    pub async fn remove_redirect_uri(&self, portal: &PortalId, uri: &str) -> Result<()> {
        let entry = self.change(portal, &format!("redirect URI removed: {uri}"));
        match self.storage().remove_redirect_uri(portal, uri, entry).await? {
            Outcome::Done => Ok(()),
            Outcome::Stale => Err(ServiceError::NotFound("redirect URI")),
        }
    }

    fn change(&self, portal: &PortalId, change: &str) -> Entry {
        self.entry(AuditEvent::ClientChanged { portal: portal.clone(), change: change.to_owned() })
    }
}

/// How a client's certificate is named: hex SHA-256 of its DER.
pub fn certificate_name(certificate: &Certificate) -> String {
    hex(&sha256(certificate.der()))
}
