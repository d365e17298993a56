//! Authorisation requests on their way: pushed by the client (RFC 9126), or brought by a browser, then opened for the citizen.

use super::{OauthError, PUSHED_LIFE, WAITING_BROWSERS, WAITING_PUSHED, redirect, refusal};
use crate::crypto::digest::sha256;
use crate::domain::oauth::{
    Arrival, Authorization, AuthorizationRequest, AuthorizationStage, Client, CredentialRequest,
};
use crate::domain::{CredentialId, Item, Origin, Secret, SignerId, State, Transaction, TransactionId};
use crate::service::{Result, Service, ServiceError, links};

/// How `request_uri`s begin (RFC 9126 §2.2).
const REQUEST_URI: &str = "urn:ietf:params:oauth:request_uri:";

impl Service {
    /// Takes a pushed request. What comes back is its `request_uri`, good for one use within [`PUSHED_LIFE`].
    ///
    /// # Errors
    /// [`OauthError::TemporarilyUnavailable`] when too many wait.
    pub async fn push_authorization(&self, client: &Client, request: AuthorizationRequest) -> Result<Secret> {
        self.check_room(client, Arrival::Pushed).await?;
        let secret = self.random_text();
        let mut authorization = self.new_authorization(client, request, Arrival::Pushed)?;
        authorization.stage = AuthorizationStage::Pushed;
        authorization.expires_at = self.now() + PUSHED_LIFE;
        self.storage().add_authorization(&authorization, &sha256(secret.expose().as_bytes())).await?;
        Ok(Secret::new(format!("{REQUEST_URI}{}", secret.expose())))
    }

    /// Takes a pushed request up, once; only for the client that pushed it. Gives the request and the path of the citizen's page.
    ///
    /// # Errors
    /// [`ServiceError::UnknownClient`], [`ServiceError::Invalid`] for a `request_uri` that is unknown, used or old. Later refusals
    /// come as the second value, since by then it is known where to send them.
    pub async fn open_pushed(
        &self,
        client_id: &str,
        request_uri: &str,
    ) -> Result<(AuthorizationRequest, Result<String>)> {
        let client = self.find_client(client_id).await?.ok_or(ServiceError::UnknownClient)?;
        let unknown = || ServiceError::Invalid { what: "request_uri", why: "it is unknown, was used, or is too old" };
        let secret = request_uri.strip_prefix(REQUEST_URI).ok_or_else(unknown)?;
        let page = self.random_text();
        let now = self.now();
        let next = sha256(page.expose().as_bytes());
        let expires_at = now + self.limits().request_life;
        let opened =
            self.storage().open_pushed(&client.portal, &sha256(secret.as_bytes()), (&next, expires_at), now).await?;
        let authorization = opened.ok_or_else(unknown)?;
        let path = self.present(&client, &authorization, &page).await;
        Ok((authorization.request, path))
    }

    /// Opens a request that a browser brought, and gives the path of the citizen's page.
    ///
    /// # Errors
    /// [`OauthError::TemporarilyUnavailable`] when too many wait.
    pub async fn open_authorization(&self, client: &Client, request: AuthorizationRequest) -> Result<String> {
        self.check_room(client, Arrival::Browser).await?;
        let page = self.random_text();
        let authorization = self.new_authorization(client, request, Arrival::Browser)?;
        self.storage().add_authorization(&authorization, &sha256(page.expose().as_bytes())).await?;
        self.present(client, &authorization, &page).await
    }

    fn new_authorization(
        &self,
        client: &Client,
        request: AuthorizationRequest,
        arrival: Arrival,
    ) -> Result<Authorization> {
        let now = self.now();
        Ok(Authorization {
            id: self.random_id(),
            portal: client.portal.clone(),
            request,
            stage: AuthorizationStage::Open,
            arrival,
            signer: None,
            transaction: None,
            sealed_sad: None,
            created_at: now,
            expires_at: now + self.limits().request_life,
        })
    }

    async fn check_room(&self, client: &Client, arrival: Arrival) -> Result<()> {
        let room = match arrival {
            Arrival::Browser => WAITING_BROWSERS,
            Arrival::Pushed => WAITING_PUSHED,
        };
        if self.storage().waiting_authorizations(&client.portal, arrival, self.now()).await? < room {
            return Ok(());
        }
        Err(refusal(OauthError::TemporarilyUnavailable, "Too many authorisations wait for their citizens"))
    }

    /// Puts an open request before its citizen: hashes on the confirmation page, all else on the page of [`super::access`].
    async fn present(&self, client: &Client, authorization: &Authorization, page: &Secret) -> Result<String> {
        let request = &authorization.request;
        let Some(wanted) = &request.credential else {
            if let Some(signer) = self.tied_signer(client, request).await? {
                self.start_sign_in(authorization, &signer).await?;
            }
            return Ok(format!("/a/{}", page.expose()));
        };
        // What held when it was pushed may no longer hold.
        let credential = self.check_wanted(client, request, wanted).await?.credential;
        let transaction = self.start(authorization, (&credential.signer, &credential.id), items(wanted)).await?;
        let token = links::token(&self.backends.link_key, &transaction.id);
        Ok(format!("/c/{}", token.expose()))
    }

    /// Creates the transaction the citizen confirms, and ties the authorisation to it.
    pub(super) async fn start(
        &self,
        authorization: &Authorization,
        (signer, credential): (&SignerId, &CredentialId),
        items: Vec<Item>,
    ) -> Result<Transaction> {
        let id = TransactionId::try_from(self.random_id()).map_err(|_| ServiceError::Internal("an id".into()))?;
        let now = self.now();
        let transaction = Transaction {
            id,
            portal: authorization.portal.clone(),
            signer: signer.clone(),
            credential: credential.clone(),
            origin: Origin::Oauth,
            description: authorization.request.description.clone(),
            created_at: now,
            // One that was opened earlier and identified later still ends with its page.
            expires_at: (now + self.limits().request_life).min(authorization.expires_at.max(now)),
            items,
            state: State::Waiting,
        };
        self.storage().create(&transaction, None, self.created(&transaction)).await?;
        match self.storage().attach(&authorization.id, signer, &transaction.id).await? {
            crate::storage::Outcome::Done => Ok(transaction),
            crate::storage::Outcome::Stale => Err(ServiceError::NotFound("authorization")),
        }
    }
}

fn items(wanted: &CredentialRequest) -> Vec<Item> {
    let item = |document: &crate::domain::oauth::DocumentHash| Item {
        label: document.label.clone(),
        digest: document.digest.clone(),
        len: 0,
    };
    wanted.documents.iter().map(item).collect()
}

/// Where an error is told to the client (RFC 6749 §4.1.2.1, RFC 9207).
pub fn error_redirect(request: (&str, Option<&str>), error: &ServiceError, issuer: &str) -> String {
    let (uri, state) = request;
    let (error, description) = error_words(error);
    let mut parameters = vec![("error", error.name()), ("error_description", description.as_str()), ("iss", issuer)];
    parameters.extend(state.map(|state| ("state", state)));
    redirect::with_parameters(uri, &parameters)
}

/// An error in the words of an authorisation endpoint, which has fewer of them.
pub fn error_words(error: &ServiceError) -> (OauthError, String) {
    use ServiceError as E;
    let invalid = |text: &str| (OauthError::InvalidRequest, text.to_owned());
    match error {
        E::Oauth { error, description } => (*error, description.clone()),
        E::NotFound("credential" | "signer") => invalid("Invalid parameter credentialID"),
        E::CredentialDisabled => invalid("The credential identified by credentialID is disabled"),
        E::CertificateNotValid => invalid("Invalid certificate status"),
        E::NumberOfSignatures { .. } => invalid("Invalid value for parameter numSignatures"),
        E::UnsupportedAlgorithm { .. } => invalid("The key signs no hashes"),
        E::State(_) | E::Locked => (OauthError::AccessDenied, "The signer did not confirm".to_owned()),
        E::Storage(_) | E::Custody(_) | E::ChannelDown => {
            (OauthError::TemporarilyUnavailable, "The service cannot answer now".to_owned())
        }
        E::Internal(_) => (OauthError::ServerError, "The service failed".to_owned()),
        _ => invalid("The request is not acceptable"),
    }
}
