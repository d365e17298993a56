//! Signing the documents of a confirmed request, in stages whose values are stored: prepare → hash → sign → embed.
//!
//! ```text
//! confirmed ──prepare, hash──▶ intents committed ──▶ key used ──embed, raise──▶ results committed ─▶ signed
//!     ▲ a crash here prepares anew      ▲ a crash here signs the stored DTBSR
//! ```
//!
//! A document that cannot be signed after all is left out with its reason; the others are signed. Results are committed a
//! few documents at a time, so that a large batch shows how far it is and loses little to a crash.

use std::path::PathBuf;
use std::sync::Arc;

use super::credentials::UsableCredential;
use super::stage::{Content, Stage, Task, with_message};
use super::{DocumentProblem, Result, Service, ServiceError};
use crate::crypto::DigestAlgorithm;
use crate::custody::{Activation, CustodyError, SignatureValue};
use crate::domain::{
    AuditEvent, AuthorizedHash, AuthorizedHashes, FailureReason, Origin, SignatureSettings, StateKind, Transaction,
    TransactionId,
};
use crate::storage::{LeftOut, Outcome, SignatureResult, SignatureRow};

/// Documents whose results are committed together.
const TOGETHER: usize = 16;

/// What became of one document after its key was used.
type Finished = std::result::Result<SignatureResult, LeftOut>;

impl Service {
    /// Brings a confirmed request to its end, or takes up one that stopped half-way. A key under a PIN opens with `activation`
    /// only, which no restart brings back: such a request then fails as interrupted. What comes back is the transaction as it
    /// is now: signed, or failed with its reason.
    ///
    /// # Errors
    /// When storage does not answer; the transaction is settled later then.
    pub(super) async fn sign_request(
        self: &Arc<Self>,
        id: &TransactionId,
        activation: Option<Activation>,
    ) -> Result<Transaction> {
        let joint = self.storage().joint(id).await?;
        let _turn = match &joint {
            Some(joint) => self.turn_to_sign(joint).await,
            None => None,
        };
        let in_hand = self.take_in_hand(id);
        let transaction = self.storage().transaction(id).await?.ok_or(ServiceError::NotFound("request"))?;
        let state = transaction.state.kind();
        let done = match state {
            _ if in_hand.is_none() => return Ok(transaction),
            StateKind::Confirmed => self.begin(&transaction, activation).await,
            StateKind::Signing => self.take_up(&transaction, activation).await,
            _ => return Ok(transaction),
        };
        if let Err(error) = done {
            let reason = failure(error)?;
            let now = self.storage().transaction(id).await?.map_or(state, |t| t.state.kind());
            self.fail(&transaction, now, reason).await?;
        }
        self.storage().transaction(id).await?.ok_or(ServiceError::NotFound("request"))
    }

    async fn begin(self: &Arc<Self>, transaction: &Transaction, activation: Option<Activation>) -> Result<()> {
        let credential = self.usable(self.stored_credential(transaction).await?)?;
        let settings = settings(transaction)?.clone();
        let token_octets = self.token_octets(&settings).await;
        let password = self.unseal(&transaction.id, settings.sealed_password.as_deref())?;
        let task = Task { credential: credential.clone(), settings, now: self.now(), token_octets, password };
        // Read again: by now it is this one's turn.
        let items = match self.storage().joint(&transaction.id).await? {
            Some(joint) => self.lay_base(transaction, &joint).await?,
            None => transaction.items.clone(),
        };
        let paths = self.paths(transaction);
        let preparing = task.clone();
        let prepare_all = move || {
            let documents = paths.iter().zip((0u32..).zip(&items));
            sort_out(documents.map(|(path, (ordinal, item))| (ordinal, preparing.prepare_file(path, (ordinal, item)))))
        };
        let (contents, left_out) = blocking(prepare_all).await??;
        let intents = self.intents(&task, contents).await?;
        let redeemed =
            self.backends.activation.redeem_request(transaction, task.settings.algorithm, intents, &left_out).await;
        self.finish(transaction, credential, activation, redeemed?).await
    }

    async fn take_up(self: &Arc<Self>, transaction: &Transaction, activation: Option<Activation>) -> Result<()> {
        let credential = self.usable(self.stored_credential(transaction).await?)?;
        let algorithm = settings(transaction)?.algorithm;
        let resumed = self.backends.activation.resume(transaction, algorithm).await;
        self.finish(transaction, credential, activation, resumed?).await
    }

    /// Uses the key, puts the signatures into the documents, and commits the results.
    async fn finish(
        self: &Arc<Self>,
        transaction: &Transaction,
        credential: UsableCredential,
        activation: Option<Activation>,
        tokens: AuthorizedHashes,
    ) -> Result<()> {
        let rows = self.storage().signatures(&transaction.id).await?;
        let tokens = tokens.into_iter().map(|token| with_message(token, &rows)).collect::<Result<Vec<_>>>();
        let mut tokens: Vec<AuthorizedHash> = tokens?;
        while !tokens.is_empty() {
            let rest = tokens.split_off(tokens.len().min(TOGETHER));
            let now = std::mem::replace(&mut tokens, rest);
            let mut finished = Vec::with_capacity(now.len());
            for (ordinal, value) in self.sign_tokens(credential.clone(), activation.clone(), now).await? {
                finished.push(self.finish_one(transaction, &rows, ordinal, &value, &credential).await?);
            }
            let left_out: Vec<LeftOut> = finished.iter().filter_map(|one| one.as_ref().err().copied()).collect();
            let results: Vec<SignatureResult> = finished.into_iter().filter_map(std::result::Result::ok).collect();
            self.record(transaction, &results, &left_out).await?;
        }
        Ok(())
    }

    async fn finish_one(
        self: &Arc<Self>,
        transaction: &Transaction,
        rows: &[SignatureRow],
        ordinal: u32,
        value: &SignatureValue,
        credential: &UsableCredential,
    ) -> Result<Finished> {
        let stage = Stage::of(rows, ordinal)?;
        match self.release(transaction, ordinal, stage, value, credential).await {
            Ok(output) => Ok(Ok(SignatureResult { ordinal, signature: value.0.clone(), output: Some(output) })),
            Err(error) => Ok(Err(LeftOut { ordinal, reason: failure(error)? })),
        }
    }

    /// The door to the keys: one signature for each token, in the order of the tokens.
    pub(super) async fn sign_tokens(
        &self,
        credential: UsableCredential,
        activation: Option<Activation>,
        tokens: impl IntoIterator<Item = AuthorizedHash> + Send + 'static,
    ) -> Result<Vec<(u32, SignatureValue)>> {
        let module = self.backends.activation.clone();
        blocking(move || {
            let sign = |token| module.sign(&credential.credential, activation.as_ref(), token);
            tokens.into_iter().map(|token| Ok((token.ordinal(), sign(token)?))).collect()
        })
        .await?
    }

    /// Commits results; whoever finds them there already releases nothing of its own.
    pub(super) async fn record(
        &self,
        transaction: &Transaction,
        results: &[SignatureResult],
        left_out: &[LeftOut],
    ) -> Result<()> {
        let fingerprint = |r: &SignatureResult| DigestAlgorithm::Sha256.digest(&r.signature).to_hex();
        let signatures = results.iter().map(fingerprint).collect();
        let left_out_names = left_out.iter().map(LeftOut::name).collect();
        let event = AuditEvent::Signed { transaction: transaction.id.clone(), signatures, left_out: left_out_names };
        match self.storage().record_results(&transaction.id, results, left_out, self.entry(event)).await? {
            Outcome::Done => Ok(()),
            Outcome::Stale => Err(ServiceError::HashNotAuthorized),
        }
    }

    pub(super) async fn stored_credential(&self, transaction: &Transaction) -> Result<crate::domain::Credential> {
        self.storage().credential(&transaction.credential).await?.ok_or(ServiceError::NotFound("credential"))
    }

    /// The files that are signed.
    pub(super) fn paths(&self, transaction: &Transaction) -> Vec<PathBuf> {
        (1u32..).zip(&transaction.items).map(|(n, _)| self.backends.documents.signed_over(&transaction.id, n)).collect()
    }
}

/// Prepared documents, and those that are left out. Fails when nothing can be signed at all, or when it is not a document's fault.
fn sort_out(prepared: impl Iterator<Item = (u32, Result<Content>)>) -> Result<(Vec<Content>, Vec<LeftOut>)> {
    let (mut contents, mut left_out, mut first) = (Vec::new(), Vec::new(), None);
    for (ordinal, prepared) in prepared {
        match prepared {
            Ok(content) => contents.push(content),
            Err(ServiceError::Document { name, problem }) => {
                left_out.push(LeftOut { ordinal, reason: reason(&problem) });
                first.get_or_insert(ServiceError::Document { name, problem });
            }
            Err(other) => return Err(other),
        }
    }
    match first {
        Some(error) if contents.is_empty() => Err(error),
        _ => Ok((contents, left_out)),
    }
}

pub(super) fn settings(transaction: &Transaction) -> Result<&SignatureSettings> {
    match &transaction.origin {
        Origin::Request { settings, .. } => Ok(settings),
        Origin::Csc | Origin::Oauth => Err(ServiceError::Internal("hashes are signed by their caller".into())),
    }
}

/// What a failed attempt means for the transaction; a storage fault is no verdict on it, so it stays and is settled later.
fn failure(error: ServiceError) -> Result<FailureReason> {
    match error {
        ServiceError::Storage(_) => Err(error),
        ServiceError::Document { problem, .. } => Ok(reason(&problem)),
        ServiceError::CertificateNotValid | ServiceError::CredentialDisabled => Ok(FailureReason::CertificateNotValid),
        ServiceError::Frozen => Ok(FailureReason::Frozen),
        ServiceError::TrustService(_) => Ok(FailureReason::TrustServiceUnavailable),
        ServiceError::Custody(CustodyError::NotActivated(_)) => Ok(FailureReason::Interrupted),
        // Somebody else is signing it: theirs is the result.
        ServiceError::HashNotAuthorized => Err(error),
        _ => Ok(FailureReason::KeyUnavailable),
    }
}

fn reason(problem: &DocumentProblem) -> FailureReason {
    match problem {
        DocumentProblem::Changed => FailureReason::DocumentChanged,
        _ => FailureReason::DocumentNotSignable,
    }
}

/// Runs work that hashes, maps files or uses keys off the event loop.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ServiceError::Internal(error.to_string()))
}
