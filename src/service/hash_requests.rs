//! Hashes that are confirmed on the service's own page and signed when their portal asks for the result: what the interface of
//! provincial systems does, in terms of CSC's use cases.

use std::sync::Arc;

use super::credentials::UsableCredential;
use super::{Caller, Result, Service, ServiceError, SignHashes};
use crate::authorization::AuthorizationError;
use crate::crypto::{Digest, SignatureAlgorithm};
use crate::custody::SignatureValue;
use crate::domain::{
    CredentialId, Factors, FailureReason, Item, KeyAlgorithm, Origin, State, Transaction, TransactionId,
};
use crate::storage::Idempotency;

/// Hashes to be confirmed by their signer.
#[derive(Debug)]
pub struct HashRequest {
    pub credential: CredentialId,
    pub items: Vec<(String, Digest)>,
    pub description: String,
    /// The portal's own name for the call: the same name with the same content is the same request.
    pub key: String,
}

/// What became of them.
#[derive(Debug)]
pub enum HashRequestState {
    Waiting,
    /// Labels and signatures, in the order asked for.
    Signed(Vec<(String, SignatureValue)>),
    Refused,
    Expired,
    Failed(FailureReason),
}

impl Service {
    /// Creates the request; its signer confirms it on the page [`Self::confirm_path`] leads to.
    ///
    /// # Errors
    /// Those of a credential that cannot sign; [`ServiceError::NoHashes`], [`ServiceError::NumberOfSignatures`],
    /// [`ServiceError::IdempotencyMismatch`].
    pub async fn create_hash_request(&self, caller: &Caller, request: HashRequest) -> Result<TransactionId> {
        let credential = self.usable(self.credential(caller, &request.credential).await?)?;
        if credential.credential.factors == Factors::CodeAndPin {
            let why = "its key opens with a PIN, and what that gives cannot wait until the portal asks";
            return Err(ServiceError::Invalid { what: "credential", why });
        }
        let max = credential.credential.multisign;
        if request.items.is_empty() {
            return Err(ServiceError::NoHashes);
        }
        if u32::try_from(request.items.len()).map_or(true, |count| count > max) {
            return Err(ServiceError::NumberOfSignatures { max });
        }
        for (_, digest) in &request.items {
            let algorithm = usual(credential.credential.algorithm, digest)?;
            credential.check_algorithm(algorithm, self.now())?;
        }
        let item = |(label, digest): &(String, Digest)| Item {
            label: label.chars().filter(|c| !c.is_control()).take(120).collect(),
            digest: digest.clone(),
            len: 0,
        };
        let items = request.items.iter().map(item).collect();
        self.create_named(caller, &credential, items, request.description, request.key).await
    }

    /// Where the request stands. Once its signer has confirmed, this signs.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another portal's; why the key could not be used.
    pub async fn hash_request(self: &Arc<Self>, caller: &Caller, id: &TransactionId) -> Result<HashRequestState> {
        let own = |t: &Transaction| caller.sees(t) && t.origin == Origin::Csc;
        let found = self.storage().transaction(id).await?.filter(own).ok_or(ServiceError::NotFound("request"))?;
        let transaction = self.expire_if_due(found).await?;
        match transaction.state {
            State::Waiting | State::Signing { .. } => Ok(HashRequestState::Waiting),
            State::Refused { .. } => Ok(HashRequestState::Refused),
            State::Expired { .. } => Ok(HashRequestState::Expired),
            State::Failed { reason, .. } => Ok(HashRequestState::Failed(reason)),
            State::Signed { .. } => self.signed(&transaction).await,
            State::Confirmed { .. } => self.sign_confirmed(caller, &transaction).await,
        }
    }

    async fn sign_confirmed(self: &Arc<Self>, caller: &Caller, transaction: &Transaction) -> Result<HashRequestState> {
        let sad = match self.backends.activation.collect_sad(transaction).await {
            Ok((sad, _)) => sad,
            // Somebody else asks at the same moment and signs.
            Err(AuthorizationError::InvalidSad | AuthorizationError::NotWaiting(_)) => {
                return Ok(HashRequestState::Waiting);
            }
            Err(error) => return Err(error.into()),
        };
        let stored = self.credential(caller, &transaction.credential).await?;
        let hashes: Vec<Digest> = transaction.items.iter().map(|item| item.digest.clone()).collect();
        let first = hashes.first().ok_or(ServiceError::NoHashes)?;
        let algorithm = usual(stored.algorithm, first)?;
        let call = SignHashes { credential: stored.id, sad, hashes, algorithm };
        match self.sign_hashes(caller, call).await {
            Ok(_) => self.signed(transaction).await,
            Err(ServiceError::InvalidSad | ServiceError::HashNotAuthorized) => Ok(HashRequestState::Waiting),
            Err(error) => Err(error),
        }
    }

    async fn signed(&self, transaction: &Transaction) -> Result<HashRequestState> {
        let rows = self.storage().signatures(&transaction.id).await?;
        let one = |(ordinal, item): (u32, &Item)| {
            let row = rows.iter().find(|row| row.intent.ordinal == ordinal)?;
            Some((item.label.clone(), SignatureValue(row.signature.clone()?)))
        };
        let all: Option<Vec<_>> = (0u32..).zip(&transaction.items).map(one).collect();
        Ok(all.map_or(HashRequestState::Waiting, HashRequestState::Signed))
    }

    async fn create_named(
        &self,
        caller: &Caller,
        credential: &UsableCredential,
        items: Vec<Item>,
        description: String,
        key: String,
    ) -> Result<TransactionId> {
        let waiting = self.storage().waiting_for(&caller.portal, &credential.credential.id).await?;
        if waiting.len() >= self.limits().waiting {
            return Err(ServiceError::NoMoreCodes);
        }
        let transaction = self.new_csc(caller, credential, items, description)?;
        let listed: Vec<String> = transaction.items.iter().map(|item| item.digest.to_hex()).collect();
        let body = format!("{}\n{}\n{}", transaction.credential, transaction.description, listed.join("\n"));
        let claim = Idempotency {
            key: format!("hashes {key}"),
            body_sha256: crate::crypto::digest::sha256(body.as_bytes()),
            not_before: transaction.created_at - time::Duration::hours(24),
        };
        match self.storage().create(&transaction, Some(claim), self.created(&transaction)).await? {
            crate::storage::Created::New => Ok(transaction.id),
            crate::storage::Created::Replayed(first) => Ok(first),
            crate::storage::Created::Mismatch => Err(ServiceError::IdempotencyMismatch),
        }
    }
}

/// What these interfaces expect without saying: PKCS#1 v1.5 from RSA keys, ECDSA from the others.
fn usual(key: KeyAlgorithm, digest: &Digest) -> Result<SignatureAlgorithm> {
    match key {
        key if key.is_rsa() => Ok(SignatureAlgorithm::RsaPkcs1(digest.algorithm())),
        key if key.is_ecdsa() => Ok(SignatureAlgorithm::Ecdsa(digest.algorithm())),
        key => Err(ServiceError::UnsupportedAlgorithm { key, algorithm: "hashes alone".into() }),
    }
}
