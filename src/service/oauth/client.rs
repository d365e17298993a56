//! Which client calls: by secret, by signed assertion, or by the certificate of its TLS connection. A client uses the one way it
//! is registered with; whoever knows less than that learns nothing about what exists.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use time::Duration;

use super::{OauthError, refusal};
use crate::crypto::digest::sha256;
use crate::domain::oauth::{Client, ClientAuth, ClientSecret};
use crate::domain::{PortalId, Secret};
use crate::identity::jwt::{self, Keys};
use crate::service::{Result, Service, ServiceError};
use crate::storage::Outcome;

/// Longest life an assertion may name: its identifier is remembered for as long.
const ASSERTION_LIFE: Duration = Duration::minutes(10);
/// How exactly the last use of a secret is noted.
const USE_NOTED: Duration = Duration::hours(1);
/// How old an `account_token` may be.
const ACCOUNT_TOKEN_LIFE: Duration = Duration::minutes(10);

/// What a caller shows to prove which client it is.
#[derive(Debug)]
pub enum ClientProof {
    Secret {
        id: String,
        secret: Secret,
    },
    /// RFC 7523 §2.2.
    Assertion {
        /// `client_id` beside it, if one was sent.
        id: Option<String>,
        assertion: Secret,
        /// What its `aud` may be: this service's names.
        audiences: Vec<String>,
    },
    /// Hex SHA-256 of the certificate.
    Tls {
        id: String,
        certificate: String,
    },
}

impl Service {
    /// # Errors
    /// [`ServiceError::UnknownClient`] for whatever does not fit; which part did not is not told.
    pub async fn authenticate_client(&self, proof: &ClientProof) -> Result<Client> {
        match proof {
            ClientProof::Secret { id, secret } => self.by_secret(id, secret).await,
            ClientProof::Assertion { id, assertion, audiences } => {
                self.by_assertion(id.as_deref(), assertion, audiences).await
            }
            ClientProof::Tls { id, certificate } => {
                let client = self.find_client(id).await?.ok_or(ServiceError::UnknownClient)?;
                match &client.auth {
                    ClientAuth::Tls { certificates } if certificates.contains(certificate) => Ok(client),
                    _ => Err(ServiceError::UnknownClient),
                }
            }
        }
    }

    /// A registered client, not authenticated.
    pub(super) async fn find_client(&self, id: &str) -> Result<Option<Client>> {
        match PortalId::parse(id) {
            Ok(id) => Ok(self.storage().client(&id).await?),
            Err(_) => Ok(None),
        }
    }

    async fn by_secret(&self, id: &str, secret: &Secret) -> Result<Client> {
        let client = self.find_client(id).await?.filter(|client| client.auth == ClientAuth::Secret);
        let presented = sha256(secret.expose().as_bytes());
        let Some(client) = client else {
            // An unknown client costs the same comparison as a known one.
            let _ = verify_slices_are_equal(&[0; 32], &presented);
            return Err(ServiceError::UnknownClient);
        };
        let right = |live: &&ClientSecret| verify_slices_are_equal(&live.sha256, &presented).is_ok();
        let (used, now) = (client.secrets.iter().find(right).ok_or(ServiceError::UnknownClient)?, self.now());
        if used.used_at.is_none_or(|at| at < now - USE_NOTED) {
            self.storage().secret_used(&client.portal, &used.sha256, now, now - USE_NOTED).await?;
        }
        Ok(client)
    }

    async fn by_assertion(&self, id: Option<&str>, assertion: &Secret, audiences: &[String]) -> Result<Client> {
        let unknown = || ServiceError::UnknownClient;
        let named = jwt::claimed(assertion.expose(), "sub").ok_or_else(unknown)?;
        if id.is_some_and(|id| id != named) {
            return Err(unknown());
        }
        let client = self.find_client(&named).await?.ok_or_else(unknown)?;
        let ClientAuth::PrivateKeyJwt { jwks } = &client.auth else { return Err(unknown()) };
        let keys = Keys::read(jwks).map_err(|error| ServiceError::Internal(format!("keys of {named}: {error}")))?;
        let claims = keys.verify(assertion.expose()).map_err(|_| unknown())?;
        let ours = claims.audiences().iter().any(|audience| audiences.iter().any(|known| known == audience));
        let fits = ours && claims.is("iss", &named).is_ok() && claims.is("sub", &named).is_ok();
        let ends = claims.alive(self.now(), ASSERTION_LIFE).ok().filter(|_| fits).ok_or_else(unknown)?;
        let jti = claims.text("jti").ok_or_else(unknown)?;
        match self.storage().take_assertion(&client.portal, &sha256(jti.as_bytes()), ends).await? {
            Outcome::Done => Ok(client),
            Outcome::Stale => Err(unknown()),
        }
    }

    /// The account a portal says its citizen is signed in with (CSC API v2.0.0.2 §8.2.2, `account_token`): an HS256 token under
    /// the SHA-256 of a live client secret, used once.
    pub(super) async fn account_of(&self, client: &Client, token: &Secret) -> Result<String> {
        let bad = || refusal(OauthError::InvalidRequest, "Invalid parameter account_token");
        let verified = client.secrets.iter().find_map(|secret| jwt::verify_hs256(token.expose(), &secret.sha256).ok());
        let claims = verified.ok_or_else(bad)?;
        claims.is("azp", client.portal.as_str()).map_err(|_| bad())?;
        let (now, issued) = (self.now(), claims.time("iat").ok_or_else(bad)?);
        if issued < now - ACCOUNT_TOKEN_LIFE || issued > now + Duration::minutes(1) {
            return Err(bad());
        }
        let (account, jti) = (claims.text("sub").ok_or_else(bad)?, claims.text("jti").ok_or_else(bad)?);
        let jti = sha256(format!("account_token {jti}").as_bytes());
        match self.storage().take_assertion(&client.portal, &jti, issued + ACCOUNT_TOKEN_LIFE * 2).await? {
            Outcome::Done => Ok(account.to_owned()),
            Outcome::Stale => Err(bad()),
        }
    }
}
