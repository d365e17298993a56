//! CSC: authorise hashes and sign them (CSC API 2.0 §11.6, §11.9).

use std::sync::Arc;
use time::{Duration, OffsetDateTime};

use super::credentials::UsableCredential;
use super::{Authorization, AuthorizeHashes, Caller, Result, Service, ServiceError, SignHashes};
use crate::authorization::challenge::binding;
use crate::authorization::{AuthorizationError, OpenedSad, Verdict};
use crate::crypto::Digest;
use crate::custody::{Activation, SignatureValue};
use crate::domain::{
    AuthMode, AuthorizedHash, CredentialId, Factors, FailureReason, Item, OperationId, OperationKind, Origin, Part,
    Secret, Signer, State, StateKind, Transaction, TransactionId,
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
                let started = self.start_challenge(caller, &credential, items, request.description.clone()).await;
                self.code_sent(started?).await
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
        let max = credential.credential.multisign;
        if u32::try_from(hashes.len()).map_or(true, |count| count > max) {
            return Err(ServiceError::NumberOfSignatures { max });
        }
        self.start_challenge(caller, &credential, items(&hashes), String::new()).await.map(drop)
    }

    /// `credentials/authorizeCheck`: the SAD, once the signer has confirmed. An earlier SAD of the same confirmation is dead: who
    /// lost an answer asks again, until the first hash is signed.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an unknown handle, another portal's, or one that is used or over; [`ServiceError::Locked`]
    /// after too many wrong codes, [`ServiceError::Declined`].
    pub async fn collect_authorization(&self, caller: &Caller, handle: &TransactionId) -> Result<Authorization> {
        let missing = ServiceError::NotFound("handle");
        caller.needs_service()?;
        let own = |t: &Transaction| caller.sees(t) && t.origin == Origin::Csc;
        let Some(found) = self.storage().transaction(handle).await?.filter(own) else { return Err(missing) };
        let transaction = self.expire_if_due(found).await?;
        match &transaction.state {
            State::Waiting => self.code_sent(transaction).await,
            State::Confirmed { .. } => {
                let collected = self.backends.activation.collect_sad(&transaction).await;
                let (sad, ends) = collected?;
                Ok(Authorization::Sad { sad, expires_in: ends - self.now() })
            }
            State::Failed { reason: FailureReason::TooManyWrongCodes, .. } => Err(ServiceError::Locked),
            State::Refused { .. } => Err(ServiceError::Declined),
            _ => Err(missing),
        }
    }

    /// `credentials/extendTransaction`: hashes the SAD still opens get another SAD with the same end. Others were never shown to the signer: they
    /// are authorised anew, with PIN and code, and their SAD opens them alone.
    ///
    /// # Errors
    /// [`ServiceError::InvalidSad`], [`ServiceError::SadExpired`], and those of [`Self::authorize_hashes`].
    pub async fn extend(&self, caller: &Caller, sad: &Secret, request: AuthorizeHashes) -> Result<Authorization> {
        let module = &self.backends.activation;
        self.explicit(caller, &request.credential).await?;
        let wanted: Vec<Vec<Digest>> = request.hashes.iter().map(|hash| vec![hash.clone()]).collect();
        match module.open_sad(sad, &caller.portal, &request.credential, &wanted).await {
            Ok(opened) => {
                let replaced = module.replace_sad(&opened).await;
                Ok(Authorization::Sad { sad: replaced?, expires_in: opened.ends() - self.now() })
            }
            Err(AuthorizationError::NotAuthorized) => self.authorize_hashes(caller, request).await,
            Err(error) => Err(error.into()),
        }
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
            let opened = service.open_sad(&caller, &request).await?;
            let tokens = service.backends.activation.redeem_sad(&opened, request.algorithm, None).await;
            service.use_key(opened.transaction(), &credential, opened.activation(), tokens?).await
        };
        tokio::spawn(work).await.map_err(|error| ServiceError::Internal(error.to_string()))?
    }

    /// The same in its own time: what comes back is where the signatures can be asked for, and stands on disk by then. A process
    /// that dies goes on signing at its next start.
    ///
    /// # Errors
    /// As [`Self::sign_hashes`].
    pub async fn sign_hashes_later(
        self: &Arc<Self>,
        caller: &Caller,
        request: SignHashes,
        keep_for: Duration,
    ) -> Result<OperationId> {
        let credential = self.usable(self.credential(caller, &request.credential).await?)?;
        check_algorithm(&credential, &request, self.now())?;
        let opened = self.open_sad(caller, &request).await?;
        let kind = OperationKind::Hashes { algorithm: request.algorithm };
        let transaction = opened.transaction().clone();
        let part = |ordinal| Part { transaction: transaction.id.clone(), ordinal };
        let parts = opened.ordinals().into_iter().map(part).collect();
        let operation = self.operation(&transaction, kind, parts, keep_for)?;
        let id = operation.id.clone();
        let service = self.clone();
        // In a task from here on: a caller who goes away now leaves no intent without its result.
        let work = async move {
            let module = &service.backends.activation;
            let redeemed = module.redeem_sad(&opened, request.algorithm, Some(&operation)).await;
            let (tokens, activation) = (redeemed?, opened.activation());
            let rest = async move {
                let used = service.use_key_for(&operation, &transaction, &credential, activation, tokens).await;
                if let Err(error) = used {
                    tracing::warn!(%error, operation = %operation.id, "hashes could not be signed");
                }
            };
            tokio::spawn(rest);
            Ok(id)
        };
        tokio::spawn(work).await.map_err(|error| ServiceError::Internal(error.to_string()))?
    }

    async fn open_sad(&self, caller: &Caller, request: &SignHashes) -> Result<OpenedSad> {
        let wanted: Vec<Vec<Digest>> = request.hashes.iter().map(|hash| vec![hash.clone()]).collect();
        let module = &self.backends.activation;
        Ok(module.open_sad(&request.sad, &caller.portal, &request.credential, &wanted).await?)
    }

    /// Uses the key once for each token and records the results before anyone sees them.
    pub(super) async fn use_key(
        &self,
        transaction: &Transaction,
        credential: &UsableCredential,
        activation: Option<Activation>,
        tokens: impl IntoIterator<Item = AuthorizedHash> + Send + 'static,
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

    pub(super) async fn explicit(&self, caller: &Caller, id: &CredentialId) -> Result<UsableCredential> {
        caller.needs_service()?;
        let credential = self.usable(self.credential(caller, id).await?)?;
        credential.check_signs_hashes()?;
        match credential.credential.auth {
            AuthMode::Explicit => Ok(credential),
            AuthMode::Hosted => Err(ServiceError::HostedOnly),
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
    ) -> Result<Transaction> {
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
        Ok(transaction)
    }

    async fn code_sent(&self, transaction: Transaction) -> Result<Authorization> {
        let page = self.confirms_on_page(&transaction).await?.then(|| self.confirm_path(&transaction.id));
        Ok(Authorization::CodeSent { handle: transaction.id, page })
    }

    async fn create_csc(
        &self,
        caller: &Caller,
        credential: &UsableCredential,
        items: Vec<Item>,
        description: String,
    ) -> Result<Transaction> {
        let transaction = self.new_csc(caller, credential, items, description)?;
        self.storage().create(&transaction, None, self.created(&transaction)).await?;
        Ok(transaction)
    }

    /// A transaction that waits for its signer; not stored yet.
    pub(super) fn new_csc(
        &self,
        caller: &Caller,
        credential: &UsableCredential,
        items: Vec<Item>,
        description: String,
    ) -> Result<Transaction> {
        let now = self.now();
        let id = TransactionId::try_from(self.random_id()).map_err(|_| ServiceError::Internal("an id".into()))?;
        Ok(Transaction {
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
        })
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
