//! CSC: authorise hashes and sign them (CSC API 2.0 §11.6, §11.9).

use std::sync::Arc;
use time::OffsetDateTime;

use super::credentials::UsableCredential;
use super::{Authorization, AuthorizeHashes, Caller, Result, Service, ServiceError, SignHashes};
use crate::authorization::Verdict;
use crate::authorization::challenge::binding;
use crate::crypto::Digest;
use crate::custody::{Activation, SignatureValue};
use crate::domain::{
    AuthMode, AuthorizedHashes, CredentialId, Factors, FailureReason, Item, Origin, Secret, Signer, State, StateKind,
    Transaction, TransactionId,
};
use crate::storage::SignatureResult;

impl Service {
    /// `credentials/authorize` in explicit mode: PIN and code pass through the caller. Without a code one is sent, tied to
    /// exactly these hashes.
    ///
    /// # Errors
    /// [`ServiceError::HostedOnly`], [`ServiceError::NoHashes`], [`ServiceError::NumberOfSignatures`],
    /// [`ServiceError::WrongAuthenticationData`], [`ServiceError::CodeExpired`], [`ServiceError::Locked`], …
    pub async fn authorize_hashes(&self, caller: &Caller, request: AuthorizeHashes) -> Result<Authorization> {
        let credential = self.explicit(caller, &request.credential).await?;
        check_count(&request, credential.credential.multisign)?;
        let signer = self.signer(&credential.credential.signer).await?;
        let activation = self.check_pin(caller, &signer, &credential, request.pin.as_ref()).await?;
        let items = items(&request.hashes);
        match &request.code {
            Some(code) => self.confirm_in_band(caller, &credential, &items, code, activation.as_ref()).await,
            None => {
                let handle = self.start_challenge(caller, &credential, items, request.description.clone()).await?;
                Ok(Authorization::CodeSent { handle })
            }
        }
    }

    /// `credentials/getChallenge`: sends a code before `authorize`. With hashes the code is tied to them; without, to the
    /// first set that is authorised with it, as the specification leaves no other way.
    ///
    /// # Errors
    /// As [`Self::authorize_hashes`].
    pub async fn get_challenge(&self, caller: &Caller, credential: &CredentialId, hashes: Vec<Digest>) -> Result<()> {
        let credential = self.explicit(caller, credential).await?;
        self.start_challenge(caller, &credential, items(&hashes), String::new()).await.map(drop)
    }

    /// `signatures/signHash`: the values come back in the order of the hashes. Signing goes on in its own task if the caller
    /// goes away, so a recorded intent is always followed by its result.
    ///
    /// # Errors
    /// [`ServiceError::InvalidSad`], [`ServiceError::SadExpired`], [`ServiceError::HashNotAuthorized`],
    /// [`ServiceError::UnsupportedAlgorithm`], …
    pub async fn sign_hashes(self: &Arc<Self>, caller: &Caller, request: SignHashes) -> Result<Vec<SignatureValue>> {
        let credential = self.usable(self.credential(caller, &request.credential).await?)?;
        check_algorithm(&credential, &request, self.now())?;
        let (service, caller) = (self.clone(), caller.clone());
        let work = async move {
            let redeemed = service
                .backends
                .activation
                .redeem_sad(&request.sad, &caller.portal, &request.credential, request.algorithm, &request.hashes)
                .await;
            let (transaction, tokens, activation) = redeemed?;
            service.use_key(&transaction, &credential, activation, tokens).await
        };
        tokio::spawn(work).await.map_err(|error| ServiceError::Internal(error.to_string()))?
    }

    /// Uses the key once for each token and records the results before anyone sees them.
    async fn use_key(
        &self,
        transaction: &Transaction,
        credential: &UsableCredential,
        activation: Option<Activation>,
        tokens: AuthorizedHashes,
    ) -> Result<Vec<SignatureValue>> {
        let _in_hand = self.take_in_hand(&transaction.id);
        let signed = match self.sign_tokens(credential.clone(), activation, tokens).await {
            Ok(signed) => signed,
            Err(error) => {
                self.fail(transaction, StateKind::Signing, FailureReason::KeyUnavailable).await?;
                return Err(error);
            }
        };
        let results: Vec<SignatureResult> = signed
            .iter()
            .map(|(ordinal, value)| SignatureResult { ordinal: *ordinal, signature: value.0.clone(), output: None })
            .collect();
        self.record(transaction, &results, &[]).await?;
        Ok(signed.into_iter().map(|(_, value)| value).collect())
    }

    async fn explicit(&self, caller: &Caller, id: &CredentialId) -> Result<UsableCredential> {
        caller.needs_service()?;
        let credential = self.usable(self.credential(caller, id).await?)?;
        credential.check_signs_hashes()?;
        match credential.credential.auth {
            AuthMode::Explicit => Ok(credential),
            AuthMode::Hosted | AuthMode::Seal => Err(ServiceError::HostedOnly),
        }
    }

    async fn check_pin(
        &self,
        caller: &Caller,
        signer: &Signer,
        credential: &UsableCredential,
        pin: Option<&Secret>,
    ) -> Result<Option<Activation>> {
        let credential = &credential.credential;
        match pin {
            None if signer.pin_hash.is_none() && credential.factors == Factors::Code => Ok(None),
            None => Err(ServiceError::Invalid { what: "authData", why: "the PIN is missing" }),
            Some(pin) => {
                let proven = self.backends.activation.check_pin(&caller.portal, signer, credential, pin).await;
                Ok(proven?)
            }
        }
    }

    async fn start_challenge(
        &self,
        caller: &Caller,
        credential: &UsableCredential,
        items: Vec<Item>,
        description: String,
    ) -> Result<TransactionId> {
        let waiting = self.waiting(caller, credential).await?;
        let same = waiting.iter().find(|transaction| transaction.items == items);
        let transaction = match same {
            Some(transaction) => transaction.clone(),
            None if waiting.len() >= self.limits().waiting => return Err(ServiceError::NoMoreCodes),
            None => self.create_csc(caller, credential, items, description).await?,
        };
        let portal = self.storage().portal(&caller.portal).await?.ok_or(ServiceError::InvalidToken)?;
        let signer = self.signer(&transaction.signer).await?;
        let sent = self.backends.sole_control.send_code(&transaction, &portal, &signer, None).await;
        sent?;
        Ok(transaction.id)
    }

    async fn create_csc(
        &self,
        caller: &Caller,
        credential: &UsableCredential,
        items: Vec<Item>,
        description: String,
    ) -> Result<Transaction> {
        let now = self.now();
        let id = TransactionId::try_from(self.random_id()).map_err(|_| ServiceError::Internal("an id".into()))?;
        let transaction = Transaction {
            id,
            portal: caller.portal.clone(),
            signer: credential.credential.signer.clone(),
            credential: credential.credential.id.clone(),
            origin: Origin::Csc,
            description: description.chars().filter(|c| !c.is_control()).take(500).collect(),
            created_at: now,
            expires_at: now + self.limits().request_life,
            items,
            state: State::Waiting,
        };
        self.storage().create(&transaction, None, self.created(&transaction)).await?;
        Ok(transaction)
    }

    /// Finds the challenge the code can be for. When none was sent for exactly these hashes, the try counts against the
    /// newest one: a code sent for document A buys no free guesses for document B.
    async fn confirm_in_band(
        &self,
        caller: &Caller,
        credential: &UsableCredential,
        items: &[Item],
        code: &Secret,
        activation: Option<&Activation>,
    ) -> Result<Authorization> {
        let waiting = self.waiting(caller, credential).await?;
        let wanted = |t: &&Transaction| binding(t, &t.items) == binding(t, items);
        let unbound = |t: &&Transaction| t.items.is_empty();
        let found = waiting.iter().find(wanted).or_else(|| waiting.iter().find(unbound)).or(waiting.first());
        let transaction = found.ok_or(ServiceError::CodeExpired)?;
        let verdict = self.backends.activation.confirm_hashes(transaction, items, code, activation).await;
        match verdict? {
            Verdict::Confirmed { sad: Some(sad) } => {
                Ok(Authorization::Sad { sad, expires_in: self.backends.sole_control.policy().sad_life })
            }
            Verdict::Confirmed { sad: None } => Err(ServiceError::Internal("no SAD was issued".into())),
            Verdict::Wrong { tries_left } => Err(ServiceError::WrongAuthenticationData { tries_left }),
            Verdict::Locked => Err(ServiceError::Locked),
            Verdict::NoLiveCode => Err(ServiceError::CodeExpired),
            Verdict::Spent { seconds } => Err(ServiceError::GuessesSpent { seconds }),
        }
    }

    async fn waiting(&self, caller: &Caller, credential: &UsableCredential) -> Result<Vec<Transaction>> {
        let found = self.storage().waiting_for(&caller.portal, &credential.credential.id).await?;
        let now = self.now();
        Ok(found.into_iter().filter(|transaction| transaction.expires_at > now).collect())
    }
}

fn items(hashes: &[Digest]) -> Vec<Item> {
    let item =
        |(n, digest): (usize, &Digest)| Item { label: format!("hash {}", n + 1), digest: digest.clone(), len: 0 };
    hashes.iter().enumerate().map(item).collect()
}

fn check_count(request: &AuthorizeHashes, multisign: u32) -> Result<()> {
    if request.hashes.is_empty() {
        return Err(ServiceError::NoHashes);
    }
    let count = u32::try_from(request.hashes.len()).unwrap_or(u32::MAX);
    if !(count..=multisign).contains(&request.num_signatures) {
        return Err(ServiceError::NumberOfSignatures { max: multisign });
    }
    Ok(())
}

fn check_algorithm(credential: &UsableCredential, request: &SignHashes, now: OffsetDateTime) -> Result<()> {
    if request.hashes.is_empty() {
        return Err(ServiceError::NoHashes);
    }
    let key = credential.credential.algorithm;
    let fits = |digest: &Digest| request.algorithm.digest() == Some(digest.algorithm());
    if !request.hashes.iter().all(fits) {
        return Err(ServiceError::UnsupportedAlgorithm { key, algorithm: request.algorithm.name() });
    }
    credential.check_algorithm(request.algorithm, now)
}
