//! What a client may ask a citizen for.

use super::{OauthError, pkce, redirect, refusal};
use crate::domain::oauth::{AuthorizationRequest, Client, CredentialRequest, Holder};
use crate::domain::{Secret, SignerId};
use crate::service::credentials::UsableCredential;
use crate::service::requests::is_direction_mark;
use crate::service::{Caller, Result, Service, ServiceError};

/// Longest `state`, in characters.
const STATE: usize = 1024;
/// Longest description (v2.0.0.2 §8.2.2) and label.
const DESCRIPTION: usize = 500;
const LABEL: usize = 200;

/// An authorisation request as it was read, not yet checked.
#[derive(Debug, Default)]
pub struct AskedFor {
    pub response_type: Option<String>,
    pub state: Option<String>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
    pub lang: Option<String>,
    pub description: Option<String>,
    pub account_token: Option<Secret>,
    /// What is to be signed; none for scope `service`.
    pub credential: Option<CredentialRequest>,
}

impl Service {
    /// The client and whether it may send citizens to this address. Until both are known nothing is sent anywhere.
    ///
    /// # Errors
    /// [`ServiceError::UnknownClient`]; [`ServiceError::Invalid`] for an address that is not registered.
    pub async fn redirect_target(&self, client_id: &str, uri: &str) -> Result<Client> {
        let client = self.find_client(client_id).await?.ok_or(ServiceError::UnknownClient)?;
        check_redirect(&client, uri)?;
        Ok(client)
    }

    /// Checks everything that can be checked before the citizen sees it.
    ///
    /// # Errors
    /// [`ServiceError::Oauth`] and whatever else stands against it; [`super::authorize::error_words`] puts it into OAuth's.
    pub async fn check_authorization(
        &self,
        client: &Client,
        redirect_uri: String,
        asked: AskedFor,
    ) -> Result<AuthorizationRequest> {
        let invalid = |text: &str| refusal(OauthError::InvalidRequest, text);
        match asked.response_type.as_deref() {
            Some("code") => {}
            None => return Err(invalid("Missing parameter response_type")),
            Some(_) => {
                return Err(refusal(OauthError::UnsupportedResponseType, "Only the response type code is offered"));
            }
        }
        let challenge = asked.code_challenge.ok_or_else(|| invalid("Missing parameter code_challenge"))?;
        // RFC 7636 §4.3: without a method it would be plain.
        if asked.code_challenge_method.as_deref() != Some("S256") || !pkce::is_challenge(&challenge) {
            return Err(invalid("code_challenge_method must be S256, and code_challenge such a value"));
        }
        if asked.state.as_ref().is_some_and(|state| state.chars().count() > STATE) {
            return Err(invalid("Invalid parameter state"));
        }
        let description = asked.description.unwrap_or_default();
        if !is_plain(&description, DESCRIPTION) {
            return Err(invalid("Invalid parameter description"));
        }
        let account = match &asked.account_token {
            Some(token) => Some(self.account_of(client, token).await?),
            None => None,
        };
        let request = AuthorizationRequest {
            redirect_uri,
            state: asked.state,
            code_challenge: challenge,
            lang: asked.lang,
            description,
            account,
            credential: asked.credential,
        };
        if let Some(wanted) = &request.credential {
            self.check_wanted(client, &request, wanted).await?;
        }
        Ok(request)
    }

    /// The credential a request is about, if this client may ask for it and it can sign what is asked.
    pub(super) async fn check_wanted(
        &self,
        client: &Client,
        request: &AuthorizationRequest,
        wanted: &CredentialRequest,
    ) -> Result<UsableCredential> {
        let caller = Caller { portal: client.portal.clone(), holder: Holder::Portal };
        let credential = self.usable(self.credential(&caller, &wanted.credential).await?)?;
        credential.check_signs_hashes()?;
        let (count, max) = (u32::try_from(wanted.documents.len()).unwrap_or(u32::MAX), credential.credential.multisign);
        if wanted.documents.is_empty() {
            return Err(refusal(OauthError::InvalidRequest, "Missing parameter hashes"));
        }
        if count > wanted.num_signatures || wanted.num_signatures > max {
            return Err(ServiceError::NumberOfSignatures { max });
        }
        if !wanted.documents.iter().all(|document| is_plain(&document.label, LABEL)) {
            return Err(refusal(OauthError::InvalidRequest, "Invalid label of a document"));
        }
        let tied = self.tied_signer(client, request).await?;
        if tied.is_some_and(|tied| tied != credential.credential.signer) {
            return Err(refusal(OauthError::AccessDenied, "The account belongs to another signer"));
        }
        Ok(credential)
    }

    /// The signer the portal's account was tied to by an earlier confirmation.
    pub(super) async fn tied_signer(
        &self,
        client: &Client,
        request: &AuthorizationRequest,
    ) -> Result<Option<SignerId>> {
        let Some(account) = &request.account else { return Ok(None) };
        let key = crate::crypto::digest::sha256(account.as_bytes());
        Ok(self.storage().account(&client.portal, &key).await?)
    }
}

pub(super) fn check_redirect(client: &Client, uri: &str) -> Result<()> {
    if client.redirect_uris.iter().any(|registered| redirect::matches(registered, uri)) {
        Ok(())
    } else {
        Err(ServiceError::Invalid { what: "redirect_uri", why: "it is not registered for this client" })
    }
}

fn is_plain(text: &str, characters: usize) -> bool {
    text.chars().count() <= characters && !text.chars().any(|c| c.is_control() || is_direction_mark(c))
}
