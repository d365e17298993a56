//! From a citizen's confirmation to an authorization code.
//!
//! The code is the only key to the SAD: between confirmation and exchange the database holds the SAD encrypted under the code,
//! and the code as a hash. A process that dies in between loses the SAD for good; the citizen confirms again.

use aes_gcm_siv::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};

use super::{CODE_LIFE, OauthError, redirect, refusal};
use crate::crypto::digest::sha256;
use crate::domain::oauth::{Authorization, AuthorizationRequest};
use crate::domain::{AuditEvent, Origin, Secret, SignerId, Transaction};
use crate::service::{Leaving, Result, Service, ServiceError};
use crate::storage::Outcome;
use crate::storage::oauth::CodeGrant;

impl Service {
    /// After the confirmation of a transaction with hashes: the SAD goes under a fresh code.
    pub(in crate::service) async fn grant_confirmed(&self, transaction: &Transaction, sad: &Secret) -> Result<Leaving> {
        let missing = || ServiceError::Internal("a confirmed transaction without its authorisation".into());
        let authorization = self.storage().authorization_of(&transaction.id).await?.ok_or_else(missing)?;
        self.give_code(&authorization, &transaction.signer, Some(sad)).await
    }

    /// Gives out a code and says where the citizen's browser takes it.
    pub(super) async fn give_code(
        &self,
        authorization: &Authorization,
        signer: &SignerId,
        sad: Option<&Secret>,
    ) -> Result<Leaving> {
        self.tie_account(authorization, signer).await?;
        let code = self.random_text();
        let grant = CodeGrant {
            code: sha256(code.expose().as_bytes()),
            signer: signer.clone(),
            sealed_sad: sad.map(|sad| self.seal_sad(authorization, &code, sad)).transpose()?,
            expires_at: self.now() + CODE_LIFE,
        };
        let event = AuditEvent::AccessGranted {
            portal: authorization.portal.clone(),
            signer: signer.clone(),
            scope: authorization.request.scope(),
        };
        match self.storage().grant_code(&authorization.id, &grant, self.entry(event)).await? {
            Outcome::Done => Ok(Leaving::with_code(&authorization.request, code)),
            Outcome::Stale => Err(refusal(OauthError::AccessDenied, "The authorisation has ended")),
        }
    }

    /// The first confirmation decides whose account it is.
    async fn tie_account(&self, authorization: &Authorization, signer: &SignerId) -> Result<()> {
        let Some(account) = &authorization.request.account else { return Ok(()) };
        let (portal, key) = (&authorization.portal, sha256(account.as_bytes()));
        if self.storage().tie_account(portal, &key, signer).await? == Outcome::Done
            || self.storage().account(portal, &key).await?.as_ref() == Some(signer)
        {
            return Ok(());
        }
        Err(refusal(OauthError::AccessDenied, "The account belongs to another signer"))
    }

    /// What the client is told when the transaction of its request ends unconfirmed; none for other transactions.
    pub(in crate::service) async fn leave_unconfirmed(&self, transaction: &Transaction) -> Result<Option<Leaving>> {
        if transaction.origin != Origin::Oauth {
            return Ok(None);
        }
        let found = self.storage().authorization_of(&transaction.id).await?;
        Ok(found.map(|authorization| Leaving::denied(&authorization.request)))
    }

    fn seal_sad(&self, authorization: &Authorization, code: &Secret, sad: &Secret) -> Result<Vec<u8>> {
        let payload = Payload { msg: sad.expose().as_bytes(), aad: authorization.id.as_bytes() };
        // One message a key: the code is drawn for it.
        let sealed = self.sad_cipher(code)?.encrypt(&Nonce::from([0; 12]), payload);
        sealed.map_err(|_| ServiceError::Internal("a SAD could not be sealed".into()))
    }

    /// The SAD that a code stands for.
    pub(super) fn unseal_sad(&self, authorization: &Authorization, code: &Secret) -> Result<Secret> {
        let damaged = || ServiceError::Internal("a sealed SAD is damaged".into());
        let sealed = authorization.sealed_sad.as_deref().ok_or_else(damaged)?;
        let payload = Payload { msg: sealed, aad: authorization.id.as_bytes() };
        let sad = self.sad_cipher(code)?.decrypt(&Nonce::from([0; 12]), payload).map_err(|_| damaged())?;
        String::from_utf8(sad).map(Secret::new).map_err(|_| damaged())
    }

    fn sad_cipher(&self, code: &Secret) -> Result<Aes256GcmSiv> {
        let key = self.oauth_mac("kyso sealed sad v1", code.expose())?;
        Ok(Aes256GcmSiv::new(&key.into()))
    }
}

impl Leaving {
    fn with_code(request: &AuthorizationRequest, code: Secret) -> Self {
        Self { redirect_uri: request.redirect_uri.clone(), state: request.state.clone(), code: Some(code) }
    }

    pub(super) fn denied(request: &AuthorizationRequest) -> Self {
        Self { redirect_uri: request.redirect_uri.clone(), state: request.state.clone(), code: None }
    }

    /// The address with the answer: code or `access_denied`, `state`, and who answers (RFC 9207).
    pub fn url(&self, issuer: &str) -> Secret {
        let mut parameters = match &self.code {
            Some(code) => vec![("code", code.expose())],
            None => vec![("error", "access_denied"), ("error_description", "The signer did not confirm")],
        };
        parameters.push(("iss", issuer));
        parameters.extend(self.state.as_deref().map(|state| ("state", state)));
        Secret::new(redirect::with_parameters(&self.redirect_uri, &parameters))
    }

    /// What a page's policy must allow for its form to lead there.
    pub fn policy_source(&self) -> Option<String> {
        redirect::policy_source(&self.redirect_uri)
    }
}
