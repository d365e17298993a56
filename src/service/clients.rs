//! Portals prove who they are: OAuth 2.0 client credentials, and the bearer tokens that come of them.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::{AccessToken, Caller, Result, Service, ServiceError};
use crate::crypto::digest::{hex, sha256};
use crate::domain::{PortalId, Secret, ports};
use crate::storage::Outcome;

impl Service {
    /// OAuth 2.0 client credentials (RFC 6749 §4.4).
    ///
    /// # Errors
    /// [`ServiceError::UnknownClient`] for an unknown client or a wrong secret, which are not told apart.
    pub async fn client_credentials(&self, client_id: &str, client_secret: &Secret) -> Result<AccessToken> {
        let Caller { portal } = self.authenticate_client(client_id, client_secret).await?;
        let token = self.random_text();
        let expires_in = self.limits().token_life;
        let now = self.now();
        self.storage().drop_expired_tokens(now).await?;
        self.storage().add_access_token(&sha256(token.expose().as_bytes()), &portal, now + expires_in).await?;
        Ok(AccessToken { token, expires_in })
    }

    /// The portal with this id and secret.
    ///
    /// # Errors
    /// As [`Self::client_credentials`].
    pub async fn authenticate_client(&self, client_id: &str, client_secret: &Secret) -> Result<Caller> {
        let portal = match PortalId::parse(client_id) {
            Ok(id) => self.storage().portal(&id).await?,
            Err(_) => None,
        };
        // An unknown client costs the same comparison as a known one.
        let expected = portal.as_ref().map_or([0; 32], |portal| portal.secret_sha256);
        let right = verify_slices_are_equal(&expected, &sha256(client_secret.expose().as_bytes())).is_ok();
        let portal = portal.filter(|_| right).ok_or(ServiceError::UnknownClient)?;
        Ok(Caller { portal: portal.id })
    }

    /// Who holds this bearer token.
    ///
    /// # Errors
    /// [`ServiceError::InvalidToken`], [`ServiceError::ExpiredToken`].
    pub async fn authenticate(&self, bearer: &Secret) -> Result<Caller> {
        let found = self.storage().access_token(&sha256(bearer.expose().as_bytes())).await?;
        let (portal, expires_at) = found.ok_or(ServiceError::InvalidToken)?;
        if expires_at <= self.now() {
            return Err(ServiceError::ExpiredToken);
        }
        Ok(Caller { portal })
    }

    /// Ends one of the caller's own tokens.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a token that is not theirs, or none any more.
    pub async fn revoke_token(&self, caller: &Caller, token: &Secret) -> Result<()> {
        let sha256 = sha256(token.expose().as_bytes());
        match self.storage().drop_access_token(&sha256, &caller.portal).await? {
            Outcome::Done => Ok(()),
            Outcome::Stale => Err(ServiceError::NotFound("token")),
        }
    }

    /// 256 random bits as hex.
    pub(super) fn random_text(&self) -> Secret {
        let bytes: [u8; 32] = ports::random(self.backends.entropy.as_ref());
        Secret::new(hex(&bytes))
    }

    /// 128 random bits as hex.
    pub(super) fn random_id(&self) -> String {
        let bytes: [u8; 16] = ports::random(self.backends.entropy.as_ref());
        hex(&bytes)
    }
}
