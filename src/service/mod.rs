//! Use cases: what a portal, a citizen and an operator can ask for, one file each.
//!
//! This folder owns the order *record the intent, sign, record the result, commit*. Reading order: [`views`] (what goes in and
//! out), [`error`], then [`clients`], [`credentials`], [`requests`], [`confirm`], [`sign`], [`hashes`], [`admin`], [`settle`].
//!
//! What it does not do: speak HTTP or SQL, touch key material, or decide alone who may sign.

pub mod error;
pub mod views;

pub use error::{DocumentProblem, ServiceError};
pub use views::*;

use crate::domain::{Credential, CredentialId, Secret, SignerId, TransactionId};

/// All use cases over one set of backends.
pub struct Service {}

pub type Result<T> = std::result::Result<T, ServiceError>;

impl Service {
    /// OAuth 2.0 client credentials (RFC 6749 §4.4).
    pub async fn client_credentials(&self, client_id: &str, client_secret: &Secret) -> Result<AccessToken> {
        let _ = (client_id, client_secret);
        unimplemented!()
    }
    /// Who holds this bearer token.
    pub async fn authenticate(&self, bearer: &Secret) -> Result<Caller> {
        let _ = bearer;
        unimplemented!()
    }
    /// Credentials of one signer that the portal may address.
    pub async fn list_credentials(&self, caller: &Caller, signer: Option<&SignerId>) -> Result<Vec<Credential>> {
        let _ = (caller, signer);
        unimplemented!()
    }
    pub async fn credential(&self, caller: &Caller, id: &CredentialId) -> Result<Credential> {
        let _ = (caller, id);
        unimplemented!()
    }
    /// CSC `credentials/authorize` in explicit mode.
    pub async fn authorize_hashes(&self, caller: &Caller, request: AuthorizeHashes) -> Result<Authorization> {
        let _ = (caller, request);
        unimplemented!()
    }
    /// CSC `credentials/getChallenge`: sends a code before the hashes are known, or for the given ones.
    pub async fn get_challenge(
        &self,
        caller: &Caller,
        credential: &CredentialId,
        hashes: Vec<crate::crypto::Digest>,
    ) -> Result<()> {
        let _ = (caller, credential, hashes);
        unimplemented!()
    }
    /// CSC `signatures/signHash`; the values come back in the order of the hashes.
    pub async fn sign_hashes(
        &self,
        caller: &Caller,
        request: SignHashes,
    ) -> Result<Vec<crate::custody::SignatureValue>> {
        let _ = (caller, request);
        unimplemented!()
    }
    pub async fn create_request(&self, caller: &Caller, request: NewRequest) -> Result<RequestView> {
        let _ = (caller, request);
        unimplemented!()
    }
    pub async fn request(&self, caller: &Caller, id: &TransactionId) -> Result<RequestView> {
        let _ = (caller, id);
        unimplemented!()
    }
    pub async fn cancel_request(&self, caller: &Caller, id: &TransactionId) -> Result<RequestView> {
        let _ = (caller, id);
        unimplemented!()
    }
    /// The `n`-th signed document, from 1.
    pub async fn signed_document(&self, caller: &Caller, id: &TransactionId, n: u32) -> Result<SignedDocument> {
        let _ = (caller, id, n);
        unimplemented!()
    }
    /// What the citizen's page shows.
    pub async fn confirmation(&self, token: &Secret) -> Result<ConfirmationView> {
        let _ = token;
        unimplemented!()
    }
    /// Path of the `n`-th original document, from 1, for rendering on the citizen's page.
    pub async fn confirmation_document(&self, token: &Secret, n: u32) -> Result<std::path::PathBuf> {
        let _ = (token, n);
        unimplemented!()
    }
    /// Sends a (new) code to the signer's registered number; the old one dies.
    pub async fn send_code(&self, token: &Secret) -> Result<LiveCode> {
        let _ = token;
        unimplemented!()
    }
    /// Checks the code and, when it fits, signs. Runs on in its own task if the caller goes away.
    pub async fn submit_code(&self, token: &Secret, code: &Secret) -> Result<StepOutcome> {
        let _ = (token, code);
        unimplemented!()
    }
    pub async fn refuse(&self, token: &Secret) -> Result<StepOutcome> {
        let _ = token;
        unimplemented!()
    }
    /// One line a dependency for `/readyz`: name and, when it is not well, why.
    pub async fn health(&self) -> Vec<(&'static str, std::result::Result<(), String>)> {
        unimplemented!()
    }
}
