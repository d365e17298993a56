//! CSC calls that are answered later: their results, and their end when a process died over them.

use std::collections::HashSet;
use time::Duration;

use super::credentials::UsableCredential;
use super::sign::{blocking, settings};
use super::{Caller, Result, Service, ServiceError};
use crate::custody::{Activation, SignatureValue};
use crate::domain::settings::SignatureFormat;
use crate::domain::{
    AuthorizedHash, AuthorizedHashes, Factors, FailureReason, Operation, OperationId, OperationKind, Part, State,
    StateKind, Transaction,
};
use crate::formats::cms::ValidationData;

/// How long results can be fetched when the caller names no time, and the longest it may name.
pub const KEPT: Duration = Duration::hours(24);
pub const LONGEST_KEPT: Duration = Duration::days(7);

/// What an operation made, in the caller's order.
#[derive(Debug)]
pub enum OperationResult {
    Hashes(Vec<SignatureValue>),
    Documents(Documents),
}

/// Signed documents.
#[derive(Debug)]
pub struct Documents {
    pub parts: Vec<MadeDocument>,
    /// What proves the signer's certificate, when it was asked for.
    pub validation: Option<ValidationData>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MadeDocument {
    /// The document with the signature inside, or the signature with the document inside.
    Whole(Vec<u8>),
    /// The signature alone.
    Detached(Vec<u8>),
}

impl Service {
    /// `signatures/signPolling`.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an unknown operation, another portal's, or one whose time is over;
    /// [`ServiceError::NotReady`]; [`ServiceError::OperationFailed`], [`ServiceError::OperationPartlyFailed`].
    pub async fn operation_result(&self, caller: &Caller, id: &OperationId) -> Result<OperationResult> {
        let missing = || ServiceError::NotFound("operation");
        let alive = |operation: &Operation| operation.expires_at > self.now();
        let operation = self.storage().operation(id).await?.filter(alive).ok_or_else(missing)?;
        let confirmed = self.storage().transaction(&operation.sad_of).await?;
        confirmed.filter(|transaction| caller.sees(transaction)).ok_or_else(missing)?;
        self.result(&operation).await
    }

    pub(super) async fn result(&self, operation: &Operation) -> Result<OperationResult> {
        match operation.kind {
            OperationKind::Hashes { .. } => Ok(OperationResult::Hashes(self.values(operation).await?)),
            OperationKind::Documents => {
                let parts = self.documents(operation).await?;
                Ok(OperationResult::Documents(Documents { parts, validation: None }))
            }
        }
    }

    async fn values(&self, operation: &Operation) -> Result<Vec<SignatureValue>> {
        if let Some(reason) = operation.failure {
            return Err(ServiceError::OperationFailed(reason));
        }
        let rows = self.storage().signatures(&operation.sad_of).await?;
        let value = |part: &Part| {
            let row = rows.iter().find(|row| row.intent.ordinal == part.ordinal);
            row.and_then(|row| row.signature.clone()).map(SignatureValue)
        };
        let values: Option<Vec<_>> = operation.parts.iter().map(value).collect();
        if let Some(values) = values {
            return Ok(values);
        }
        match self.storage().transaction(&operation.sad_of).await?.map(|transaction| transaction.state) {
            Some(State::Failed { reason, .. }) => Err(ServiceError::OperationFailed(reason)),
            _ => Err(ServiceError::NotReady),
        }
    }

    async fn documents(&self, operation: &Operation) -> Result<Vec<MadeDocument>> {
        let ids: HashSet<_> = operation.parts.iter().map(|part| &part.transaction).collect();
        let (mut signed, mut failure) = (0, None);
        for id in ids {
            let transaction = self.storage().transaction(id).await?.ok_or(ServiceError::NotFound("operation"))?;
            match &transaction.state {
                State::Signed { .. } => {}
                State::Failed { reason, .. } => {
                    failure.get_or_insert(*reason);
                    continue;
                }
                _ => return Err(ServiceError::NotReady),
            }
            let states = self.storage().item_states(id).await?;
            if states.iter().any(|state| state.raise.is_some()) {
                return Err(ServiceError::NotReady);
            }
            signed += states.iter().filter(|state| state.level.is_some()).count();
            failure = failure.or(states.iter().find_map(|state| state.failure));
        }
        match failure {
            Some(reason) if signed == 0 => return Err(ServiceError::OperationFailed(reason)),
            Some(reason) => return Err(ServiceError::OperationPartlyFailed(reason)),
            None => {}
        }
        let mut made = Vec::with_capacity(operation.parts.len());
        for part in &operation.parts {
            made.push(self.made_document(part).await?);
        }
        Ok(made)
    }

    async fn made_document(&self, part: &Part) -> Result<MadeDocument> {
        let missing = || ServiceError::Internal("a signed document is missing".into());
        let transaction = self.storage().transaction(&part.transaction).await?.ok_or_else(missing)?;
        let rows = self.storage().signatures(&part.transaction).await?;
        let row = rows.into_iter().find(|row| row.intent.ordinal == part.ordinal);
        let output = row.and_then(|row| row.output).ok_or_else(missing)?;
        match settings(&transaction)?.options.format {
            SignatureFormat::Pdf => {
                let path = self.backends.documents.path(&part.transaction, part.ordinal.saturating_add(1));
                let original = blocking(move || std::fs::read(path)).await?;
                let original = original.map_err(|error| ServiceError::Internal(format!("documents: {error}")))?;
                Ok(MadeDocument::Whole([original, output].concat()))
            }
            SignatureFormat::CmsEnveloping => Ok(MadeDocument::Whole(output)),
            SignatureFormat::Cms | SignatureFormat::PdfHash | SignatureFormat::CmsHash => {
                Ok(MadeDocument::Detached(output))
            }
        }
    }

    /// A new operation under the SAD of `transaction`.
    pub(super) fn operation(
        &self,
        transaction: &Transaction,
        kind: OperationKind,
        parts: Vec<Part>,
        keep_for: Duration,
    ) -> Result<Operation> {
        let now = self.now();
        Ok(Operation {
            id: OperationId::try_from(self.random_id()).map_err(|_| ServiceError::Internal("an id".into()))?,
            portal: transaction.portal.clone(),
            sad_of: transaction.id.clone(),
            kind,
            parts,
            created_at: now,
            expires_at: now + keep_for,
            failure: None,
        })
    }

    /// Uses the key for an operation, and records why it could not be used.
    pub(super) async fn use_key_for(
        &self,
        operation: &Operation,
        transaction: &Transaction,
        credential: &UsableCredential,
        activation: Option<Activation>,
        tokens: impl IntoIterator<Item = AuthorizedHash> + Send + 'static,
    ) -> Result<()> {
        match self.use_key(transaction, credential, activation, tokens).await {
            Ok(_) => Ok(()),
            // Tried again when what is stuck is settled, or done by somebody else.
            Err(error @ (ServiceError::Storage(_) | ServiceError::HashNotAuthorized)) => Err(error),
            Err(error) => {
                self.storage().fail_operation(&operation.id, FailureReason::KeyUnavailable).await?;
                Err(error)
            }
        }
    }

    /// Signs what operations of this transaction left unsigned. Whether nothing of it is open any more.
    pub(super) async fn take_up_operations(&self, transaction: &Transaction) -> Result<bool> {
        let operations = self.storage().operations_of(&transaction.id).await?;
        for operation in &operations {
            let OperationKind::Hashes { algorithm } = operation.kind else { continue };
            if transaction.state.kind() != StateKind::Signing || self.values(operation).await.is_ok() {
                continue;
            }
            let credential = self.storage().credential(&transaction.credential).await?;
            let credential = credential.ok_or(ServiceError::NotFound("credential")).and_then(|c| self.usable(c));
            let Ok(credential) = credential else {
                self.storage().fail_operation(&operation.id, FailureReason::CertificateNotValid).await?;
                continue;
            };
            if credential.credential.factors == Factors::CodeAndPin {
                // What the PIN gave was in the process that stopped.
                self.storage().fail_operation(&operation.id, FailureReason::Interrupted).await?;
                continue;
            }
            let resumed: std::result::Result<AuthorizedHashes, _> =
                self.backends.activation.resume(transaction, algorithm).await;
            let own = |token: &AuthorizedHash| operation.parts.iter().any(|part| part.ordinal == token.ordinal());
            let tokens: Vec<AuthorizedHash> = resumed?.into_iter().filter(own).collect();
            if let Err(error) = self.use_key_for(operation, transaction, &credential, None, tokens).await {
                tracing::warn!(%error, operation = %operation.id, "hashes could not be signed");
            }
        }
        let rows = self.storage().signatures(&transaction.id).await?;
        Ok(!operations.is_empty() && rows.iter().all(|row| row.signature.is_some()))
    }
}
