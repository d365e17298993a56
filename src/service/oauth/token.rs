//! Tokens: given for client authentication, for codes and for refresh tokens; checked; ended.

use super::{FAMILY_LIFE, OauthError, pkce, refusal};
use crate::crypto::digest::sha256;
use crate::domain::oauth::{
    AccessToken, Authorization, AuthorizationStage, Client, ClientAuth, CredentialRequest, Dialect, Holder,
    RefreshToken, Scope,
};
use crate::domain::{
    AuditEvent, CredentialId, FailureReason, PortalId, Secret, SignerId, StateKind, Transaction, TransactionId,
};
use crate::service::{Caller, Result, Service, ServiceError};
use crate::storage::Outcome;
use crate::storage::oauth::Issued;
use time::Duration;

/// A code to be exchanged, as the client sent it.
#[derive(Debug)]
pub struct CodeExchange {
    pub code: Secret,
    pub redirect_uri: Option<String>,
    pub code_verifier: Option<Secret>,
    /// `authorization_details` repeated: must ask for the same.
    pub details: Option<CredentialRequest>,
}

/// What the token endpoint answers.
#[derive(Debug)]
pub struct TokenAnswer {
    pub token: Secret,
    pub expires_in: Duration,
    pub scope: Scope,
    pub refresh_token: Option<Secret>,
    /// What a credential token signs.
    pub credential: Option<CredentialRequest>,
}

impl TokenAnswer {
    /// `SAD` for whoever asked in v1's words for a credential token (v1.0.4.0 §8.3.3), else `Bearer`.
    pub fn token_type(&self) -> &'static str {
        match &self.credential {
            Some(credential) if credential.dialect == Dialect::V1 => "SAD",
            _ => "Bearer",
        }
    }
}

impl Service {
    /// Client credentials (RFC 6749 §4.4): a token for the portal itself. `certificate` is the one the client authenticated with.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn client_credentials(&self, client: &Client, certificate: Option<&str>) -> Result<TokenAnswer> {
        let token = self.random_text();
        let expires_in = self.limits().token_life;
        let access = AccessToken {
            portal: client.portal.clone(),
            holder: Holder::Portal,
            authorization: None,
            certificate: bound(client, certificate),
            expires_at: self.now() + expires_in,
        };
        self.storage().add_access_token(&sha256(token.expose().as_bytes()), &access).await?;
        Ok(TokenAnswer { token, expires_in, scope: Scope::Service, refresh_token: None, credential: None })
    }

    /// Exchanges a code (RFC 6749 §4.1.3, RFC 7636 §4.6). A code that comes twice ends everything it was exchanged for.
    ///
    /// # Errors
    /// [`OauthError::InvalidGrant`] and its kin.
    pub async fn exchange_code(
        &self,
        client: &Client,
        exchange: CodeExchange,
        certificate: Option<&str>,
    ) -> Result<TokenAnswer> {
        let unknown = || refusal(OauthError::InvalidGrant, "Invalid parameter code");
        let key = sha256(exchange.code.expose().as_bytes());
        let found = self.storage().authorization(&key).await?;
        let authorization = found.filter(|found| found.portal == client.portal).ok_or_else(unknown)?;
        check_exchange(&authorization, &exchange)?;
        match authorization.stage {
            AuthorizationStage::Granted => {}
            AuthorizationStage::Redeemed => return Err(self.replayed(&authorization).await?),
            _ => return Err(unknown()),
        }
        if authorization.expires_at <= self.now() {
            return Err(refusal(OauthError::InvalidGrant, "Authorization code is invalid or expired"));
        }
        let (answer, issued) = match &authorization.request.credential {
            Some(wanted) => {
                self.credential_token(client, &authorization, wanted, (&exchange.code, certificate)).await?
            }
            None => self.service_tokens(client, &authorization, certificate)?,
        };
        let family_ends = issued.refresh.as_ref().map_or(issued.access.1.expires_at, |(_, refresh)| refresh.expires_at);
        match self.storage().redeem_code(&authorization.id, &issued, family_ends).await? {
            Outcome::Done => Ok(answer),
            // Somebody else came first with the same code, this very moment.
            Outcome::Stale => Err(self.replayed(&authorization).await?),
        }
    }

    /// The SAD itself becomes the token: it opens the confirmed hashes, each once, until its own end.
    async fn credential_token(
        &self,
        client: &Client,
        authorization: &Authorization,
        wanted: &CredentialRequest,
        (code, certificate): (&Secret, Option<&str>),
    ) -> Result<(TokenAnswer, Issued)> {
        let over = || refusal(OauthError::InvalidGrant, "Authorization code is invalid or expired");
        let sad = self.unseal_sad(authorization, code)?;
        let key = sha256(sad.expose().as_bytes());
        let (transaction, kept) = self.storage().by_sad(&key).await?.ok_or_else(over)?;
        let expires_at = kept.ends;
        let expires_in = expires_at - self.now();
        if transaction.state.kind() != StateKind::Confirmed || !expires_in.is_positive() {
            return Err(over());
        }
        let holder = Holder::Credential {
            signer: transaction.signer,
            credential: transaction.credential,
            transaction: transaction.id,
        };
        let access = AccessToken {
            portal: client.portal.clone(),
            holder,
            authorization: Some(authorization.id.clone()),
            certificate: bound(client, certificate),
            expires_at,
        };
        let credential = Some(wanted.clone());
        let answer = TokenAnswer { token: sad, expires_in, scope: Scope::Credential, refresh_token: None, credential };
        Ok((answer, Issued { access: (key, access), refresh: None }))
    }

    fn service_tokens(
        &self,
        client: &Client,
        authorization: &Authorization,
        certificate: Option<&str>,
    ) -> Result<(TokenAnswer, Issued)> {
        let signer = authorization.signer.clone();
        let signer = signer.ok_or_else(|| ServiceError::Internal("a granted authorisation without signer".into()))?;
        let refresh = RefreshToken {
            portal: client.portal.clone(),
            signer,
            authorization: authorization.id.clone(),
            expires_at: self.now() + FAMILY_LIFE,
        };
        Ok(self.pair(refresh, bound(client, certificate)))
    }

    /// An access token, bound to a certificate if the client has one, and its refresh token, which is bound to the client and so
    /// outlives the change of a certificate (RFC 8705 §7.1).
    fn pair(&self, refresh: RefreshToken, certificate: Option<String>) -> (TokenAnswer, Issued) {
        let (token, refresh_token) = (self.random_text(), self.random_text());
        let expires_in = self.limits().token_life;
        let access = AccessToken {
            portal: refresh.portal.clone(),
            holder: Holder::Signer(refresh.signer.clone()),
            authorization: Some(refresh.authorization.clone()),
            certificate,
            expires_at: self.now() + expires_in,
        };
        let key = |secret: &Secret| sha256(secret.expose().as_bytes());
        let issued = Issued { access: (key(&token), access), refresh: Some((key(&refresh_token), refresh)) };
        let answer = TokenAnswer {
            token,
            expires_in,
            scope: Scope::Service,
            refresh_token: Some(refresh_token),
            credential: None,
        };
        (answer, issued)
    }

    /// A refresh token for its successors (RFC 6749 §6, RFC 9700 §4.14). One that comes twice ends its family.
    ///
    /// # Errors
    /// [`OauthError::InvalidGrant`].
    pub async fn refresh(&self, client: &Client, token: &Secret, certificate: Option<&str>) -> Result<TokenAnswer> {
        let unknown = || refusal(OauthError::InvalidGrant, "Invalid parameter refresh_token");
        let key = sha256(token.expose().as_bytes());
        let found = self.storage().refresh_token(&key).await?.filter(|found| found.portal == client.portal);
        let found = found.ok_or_else(unknown)?;
        if found.expires_at <= self.now() {
            return Err(refusal(OauthError::InvalidGrant, "Refresh token expired"));
        }
        if !self.storage().is_granted(&found.portal, &found.signer).await? {
            return Err(unknown());
        }
        let (answer, issued) = self.pair(found.clone(), bound(client, certificate));
        if self.storage().rotate_refresh_token(&key, &issued).await? == Outcome::Done {
            return Ok(answer);
        }
        self.end_family(&found.portal, &found.authorization, "a refresh token came twice").await?;
        Err(unknown())
    }

    /// Ends a token of this client (RFC 7009): an access token alone, or with a refresh token its whole family. What is no token
    /// of this client's is none at all, which is not an error (§2.2); the outcome is [`Outcome::Stale`] then.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn revoke(&self, portal: &PortalId, token: &Secret) -> Result<Outcome> {
        let key = sha256(token.expose().as_bytes());
        let mut outcome = Outcome::Stale;
        if let Some(access) = self.storage().access_token(&key).await?.filter(|found| found.portal == *portal) {
            self.storage().remove_access_token(&key).await?;
            outcome = Outcome::Done;
            if let Holder::Credential { transaction, .. } = &access.holder {
                self.end_sad(transaction).await?;
            }
        }
        if let Some(refresh) = self.storage().refresh_token(&key).await?.filter(|found| found.portal == *portal) {
            self.end_family(portal, &refresh.authorization, "revoked by the client").await?;
            outcome = Outcome::Done;
        }
        Ok(outcome)
    }

    /// Who holds this bearer token. `certificate` is that of the caller's TLS connection, which a bound token demands.
    ///
    /// # Errors
    /// [`ServiceError::InvalidToken`], [`ServiceError::ExpiredToken`].
    pub async fn authenticate(&self, bearer: &Secret, certificate: Option<&str>) -> Result<Caller> {
        let found = self.storage().access_token(&sha256(bearer.expose().as_bytes())).await?;
        let token = found.ok_or(ServiceError::InvalidToken)?;
        if token.certificate.as_deref().is_some_and(|bound| certificate != Some(bound)) {
            return Err(ServiceError::InvalidToken);
        }
        if token.expires_at <= self.now() {
            return Err(ServiceError::ExpiredToken);
        }
        Ok(Caller { portal: token.portal, holder: token.holder })
    }

    /// Ends what a replayed code was exchanged for, and says so.
    async fn replayed(&self, authorization: &Authorization) -> Result<ServiceError> {
        if let Some(transaction) =
            authorization.transaction.as_ref().filter(|_| authorization.request.credential.is_some())
        {
            self.end_sad(transaction).await?;
        }
        self.end_family(&authorization.portal, &authorization.id, "its code came twice").await?;
        Ok(refusal(OauthError::InvalidGrant, "Authorization code is invalid or expired"))
    }

    async fn end_family(&self, portal: &PortalId, authorization: &str, reason: &str) -> Result<()> {
        let event = AuditEvent::AccessRevoked { portal: portal.clone(), reason: reason.to_owned() };
        Ok(self.storage().end_family(authorization, self.entry(event)).await?)
    }

    /// A confirmation whose token was taken back opens nothing any more. Hashes that are being signed this moment still are.
    async fn end_sad(&self, id: &TransactionId) -> Result<()> {
        let Some(transaction) = self.storage().transaction(id).await? else { return Ok(()) };
        let rows = self.storage().signatures(id).await?;
        match transaction.state.kind() {
            StateKind::Confirmed => self.fail(&transaction, StateKind::Confirmed, FailureReason::Cancelled).await,
            StateKind::Signing if rows.iter().all(|row| row.signature.is_some()) => {
                self.fail(&transaction, StateKind::Signing, FailureReason::Cancelled).await
            }
            _ => Ok(()),
        }
    }
}

/// The certificate a client's tokens are bound to: its own, when that is how it authenticates (RFC 8705 §3).
fn bound(client: &Client, certificate: Option<&str>) -> Option<String> {
    matches!(client.auth, ClientAuth::Tls { .. }).then(|| certificate.unwrap_or_default().to_owned())
}

/// What proves that whoever brings the code also began the authorisation.
fn check_exchange(authorization: &Authorization, exchange: &CodeExchange) -> Result<()> {
    let request = &authorization.request;
    if exchange.redirect_uri.as_deref() != Some(request.redirect_uri.as_str()) {
        return Err(refusal(OauthError::InvalidGrant, "redirect_uri parameter does not match"));
    }
    let Some(verifier) = &exchange.code_verifier else {
        return Err(refusal(OauthError::InvalidRequest, "Missing parameter code_verifier"));
    };
    if !pkce::fits(&request.code_challenge, verifier) {
        return Err(refusal(OauthError::InvalidGrant, "Invalid parameter code_verifier"));
    }
    match (&exchange.details, &request.credential) {
        (None, _) => Ok(()),
        (Some(again), Some(first)) if same(again, first) => Ok(()),
        _ => Err(refusal(OauthError::InvalidAuthorizationDetails, "authorization_details differ from those confirmed")),
    }
}

/// Whether two details ask for the same signatures; labels and order do not count.
fn same(a: &CredentialRequest, b: &CredentialRequest) -> bool {
    let hashes = |request: &CredentialRequest| {
        let mut hashes: Vec<_> = request.documents.iter().map(|document| document.digest.clone()).collect();
        hashes.sort();
        hashes
    };
    a.credential == b.credential && hashes(a) == hashes(b)
}

/// What a caller's token allows, beyond the portal it belongs to.
impl Caller {
    /// For the portal itself.
    pub fn of_portal(portal: PortalId) -> Self {
        Self { portal, holder: Holder::Portal }
    }

    /// The one signer the token speaks for, if it does for one.
    pub fn signer(&self) -> Option<&SignerId> {
        match &self.holder {
            Holder::Portal => None,
            Holder::Signer(signer) | Holder::Credential { signer, .. } => Some(signer),
        }
    }

    /// Whether the token may touch this credential at all.
    pub(in crate::service) fn reaches(&self, credential: &CredentialId) -> bool {
        match &self.holder {
            Holder::Portal | Holder::Signer(_) => true,
            Holder::Credential { credential: own, .. } => own == credential,
        }
    }

    /// Whether the token may learn what became of this transaction.
    pub(in crate::service) fn sees(&self, transaction: &Transaction) -> bool {
        let own = match &self.holder {
            Holder::Portal => true,
            Holder::Signer(signer) => *signer == transaction.signer,
            Holder::Credential { transaction: own, .. } => *own == transaction.id,
        };
        own && self.portal == transaction.portal
    }

    /// # Errors
    /// [`ServiceError::InsufficientScope`] for a token of scope `credential`.
    pub fn needs_service(&self) -> Result<()> {
        if matches!(self.holder, Holder::Credential { .. }) { Err(ServiceError::InsufficientScope) } else { Ok(()) }
    }

    /// # Errors
    /// [`ServiceError::InsufficientScope`] for a token that speaks for one signer only.
    pub fn needs_portal(&self) -> Result<()> {
        if self.holder == Holder::Portal { Ok(()) } else { Err(ServiceError::InsufficientScope) }
    }
}
