//! Signing the documents of a confirmed request, in stages whose values are stored: prepare → hash → sign → embed.
//!
//! ```text
//! confirmed ──prepare, hash──▶ intents committed ──▶ key used ──embed──▶ results committed ─▶ signed
//!     ▲ a crash here prepares anew      ▲ a crash here signs the stored DTBSR
//! ```

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use time::OffsetDateTime;

use super::credentials::UsableCredential;
use super::{DocumentProblem, Result, Service, ServiceError};
use crate::crypto::{Digest, DigestAlgorithm, SignatureAlgorithm};
use crate::custody::SignatureValue;
use crate::domain::{
    AuditEvent, AuthorizedHash, AuthorizedHashes, FailureReason, Item, Origin, SignatureSettings, StateKind,
    Transaction, TransactionId,
};
use crate::formats::pdf::{Limits, Pdf, PdfError};
use crate::mapping::Mapped;
use crate::signing::attributes::{Profile, SignedAttributes};
use crate::signing::cms::{assemble, cms_capacity};
use crate::signing::{FieldChoice, PrepareRequest, Prepared, SigningError, embed, prepare};
use crate::storage::{Intent, Outcome, SignatureResult, SignatureRow};

/// What embedding needs after the signature value is there.
#[derive(Serialize, Deserialize)]
struct Stage {
    prepared: Prepared,
    /// DER of the signed attributes.
    attributes: Vec<u8>,
    algorithm: SignatureAlgorithm,
}

impl Service {
    /// Brings a confirmed request to its end, or takes up one that stopped half-way. What comes back is the transaction as it
    /// is now: signed, or failed with its reason.
    ///
    /// # Errors
    /// When storage does not answer; the transaction is settled later then.
    pub(super) async fn sign_request(self: &Arc<Self>, id: &TransactionId) -> Result<Transaction> {
        let in_hand = self.take_in_hand(id);
        let transaction = self.storage().transaction(id).await?.ok_or(ServiceError::NotFound("request"))?;
        let state = transaction.state.kind();
        let done = match state {
            _ if in_hand.is_none() => return Ok(transaction),
            StateKind::Confirmed => self.begin(&transaction).await,
            StateKind::Signing => self.take_up(&transaction).await,
            _ => return Ok(transaction),
        };
        if let Err(error) = done {
            let reason = failure(error)?;
            let now = self.storage().transaction(id).await?.map_or(state, |t| t.state.kind());
            self.fail(&transaction, now, reason).await?;
        }
        self.storage().transaction(id).await?.ok_or(ServiceError::NotFound("request"))
    }

    async fn begin(self: &Arc<Self>, transaction: &Transaction) -> Result<()> {
        let credential = self.usable(self.stored_credential(transaction).await?)?;
        let settings = settings(transaction)?.clone();
        let (paths, items, now) = (self.paths(transaction), transaction.items.clone(), self.now());
        let prepare_all = {
            let (credential, settings) = (credential.clone(), settings.clone());
            let prepare_one =
                move |(path, item): (&PathBuf, &Item)| prepare_file(path, item, &credential, &settings, now);
            move || paths.iter().zip(&items).map(prepare_one).collect::<Result<Vec<_>>>()
        };
        let intents = blocking(prepare_all).await??;
        let intents = (0u32..).zip(intents).map(|(ordinal, intent)| Intent { ordinal, ..intent }).collect();
        let redeemed = self.backends.sole_control.redeem_request(transaction, settings.algorithm, intents).await;
        let tokens = redeemed?;
        self.finish(transaction, credential, tokens).await
    }

    async fn take_up(self: &Arc<Self>, transaction: &Transaction) -> Result<()> {
        let credential = self.usable(self.stored_credential(transaction).await?)?;
        let algorithm = settings(transaction)?.algorithm;
        let resumed = self.backends.sole_control.resume(transaction, algorithm).await;
        let tokens = resumed?;
        self.finish(transaction, credential, tokens).await
    }

    /// Uses the key, puts the signatures into the documents, and commits the results.
    async fn finish(
        &self,
        transaction: &Transaction,
        credential: UsableCredential,
        tokens: AuthorizedHashes,
    ) -> Result<()> {
        let rows = self.storage().signatures(&transaction.id).await?;
        let signed = self.sign_tokens(credential.clone(), with_messages(tokens, &rows)?).await?;
        let embed_all = move || {
            let stage_of = |ordinal| {
                rows.iter().find(|row| row.intent.ordinal == ordinal).and_then(|row| row.intent.prepared.as_deref())
            };
            signed
                .iter()
                .map(|(ordinal, value)| {
                    let stage =
                        stage_of(*ordinal).ok_or_else(|| ServiceError::Internal("a stage is missing".into()))?;
                    let output = embed_stage(stage, value, &credential)?;
                    Ok(SignatureResult { ordinal: *ordinal, signature: value.0.clone(), output: Some(output) })
                })
                .collect::<Result<Vec<_>>>()
        };
        let results = blocking(embed_all).await??;
        self.record(transaction, &results).await
    }

    /// The door to the keys: one signature for each token, in the order of the tokens.
    pub(super) async fn sign_tokens(
        &self,
        credential: UsableCredential,
        tokens: impl IntoIterator<Item = AuthorizedHash> + Send + 'static,
    ) -> Result<Vec<(u32, SignatureValue)>> {
        let custody = self.backends.custody.clone();
        blocking(move || {
            let key = credential.key();
            tokens.into_iter().map(|token| Ok((token.ordinal(), custody.sign(&key, token)?))).collect()
        })
        .await?
    }

    /// Commits results; whoever finds them there already releases nothing of its own.
    pub(super) async fn record(&self, transaction: &Transaction, results: &[SignatureResult]) -> Result<()> {
        let fingerprint = |r: &SignatureResult| DigestAlgorithm::Sha256.digest(&r.signature).to_hex();
        let signatures = results.iter().map(fingerprint).collect();
        let event = AuditEvent::Signed { transaction: transaction.id.clone(), signatures };
        match self.storage().record_results(&transaction.id, results, self.entry(event)).await? {
            Outcome::Done => Ok(()),
            Outcome::Stale => Err(ServiceError::HashNotAuthorized),
        }
    }

    async fn stored_credential(&self, transaction: &Transaction) -> Result<crate::domain::Credential> {
        self.storage().credential(&transaction.credential).await?.ok_or(ServiceError::NotFound("credential"))
    }

    fn paths(&self, transaction: &Transaction) -> Vec<PathBuf> {
        (1u32..).zip(&transaction.items).map(|(n, _)| self.backends.documents.path(&transaction.id, n)).collect()
    }
}

/// Checks, before anyone is asked to confirm, that the document could be signed; gives its SHA-256, which preparing took.
///
/// # Errors
/// [`ServiceError::Document`] with the reason.
pub(super) fn check_signable(
    name: &str,
    bytes: &[u8],
    credential: &UsableCredential,
    settings: &SignatureSettings,
    now: OffsetDateTime,
) -> Result<Digest> {
    let problem = |problem| ServiceError::Document { name: name.to_owned(), problem };
    let prepared = prepare_bytes(bytes, credential, settings, now).map_err(|error| match error {
        ServiceError::Document { problem: p, .. } => problem(p),
        other => other,
    })?;
    Ok(prepared.original_sha256().clone())
}

/// Maps the stored original, prepares it and computes its DTBSR.
fn prepare_file(
    path: &Path,
    item: &Item,
    credential: &UsableCredential,
    settings: &SignatureSettings,
    now: OffsetDateTime,
) -> Result<Intent> {
    let original = Mapped::open(path).map_err(|error| ServiceError::Internal(format!("documents: {error}")))?;
    let prepared = prepare_bytes(&original, credential, settings, now)?;
    if prepared.original_sha256() != &item.digest {
        // The signer confirmed other bytes: whoever changed the file on disk gets no signature.
        return Err(ServiceError::Document { name: item.label.clone(), problem: DocumentProblem::Changed });
    }
    let digest = settings.algorithm.digest().unwrap_or(DigestAlgorithm::Sha512);
    let content = prepared.digest(&original, digest).map_err(not_signable)?;
    let attributes = SignedAttributes::build(&content, &credential.signer, Profile::Pades);
    let dtbsr = attributes.dtbsr(digest);
    let stage = Stage { prepared, attributes: attributes.der().to_vec(), algorithm: settings.algorithm };
    let kept = postcard::to_stdvec(&stage).map_err(|error| ServiceError::Internal(error.to_string()))?;
    Ok(Intent { ordinal: 0, digest: dtbsr, prepared: Some(kept) })
}

fn prepare_bytes(
    bytes: &[u8],
    credential: &UsableCredential,
    settings: &SignatureSettings,
    now: OffsetDateTime,
) -> Result<Prepared> {
    let limits = Limits::default();
    let pdf = Pdf::open(bytes, &limits).map_err(|error| not_signable(error.into()))?;
    let capacity = cms_capacity(&credential.signer, &credential.chain, settings.algorithm);
    let request = PrepareRequest {
        field: settings.field.clone().map_or(FieldChoice::NewInvisible, FieldChoice::Existing),
        signing_time: now,
        name: Some(credential.signer.subject().common_name()),
        reason: settings.reason.clone(),
        location: settings.location.clone(),
        contact_info: None,
        contents_capacity: capacity.map_err(|error| ServiceError::Internal(error.to_string()))?,
    };
    prepare(&pdf, &request).map_err(not_signable)
}

/// Gives pure schemes what they sign: the signed attributes, kept beside the hash that was authorised.
fn with_messages(tokens: AuthorizedHashes, rows: &[SignatureRow]) -> Result<Vec<AuthorizedHash>> {
    let attributes = |ordinal| {
        let row = rows.iter().find(|row| row.intent.ordinal == ordinal);
        let kept = row.and_then(|row| row.intent.prepared.as_deref());
        let kept = kept.ok_or_else(|| ServiceError::Internal("a stage is missing".into()))?;
        let stage: Stage = postcard::from_bytes(kept).map_err(|error| ServiceError::Internal(error.to_string()))?;
        Ok::<_, ServiceError>(stage.attributes)
    };
    let with_message = |token: AuthorizedHash| match token.algorithm().digest() {
        Some(_) => Ok(token),
        None => {
            let message = attributes(token.ordinal())?;
            token.with_message(message).map_err(|error| ServiceError::Internal(error.to_string()))
        }
    };
    tokens.into_iter().map(with_message).collect()
}

fn embed_stage(stage: &[u8], value: &SignatureValue, credential: &UsableCredential) -> Result<Vec<u8>> {
    let internal = |error: String| ServiceError::Internal(error);
    let stage: Stage = postcard::from_bytes(stage).map_err(|error| internal(error.to_string()))?;
    let digest = stage.algorithm.digest().unwrap_or(DigestAlgorithm::Sha512);
    let attributes =
        SignedAttributes::from_der(&stage.attributes, digest).map_err(|error| internal(error.to_string()))?;
    let cms = assemble(&attributes, &value.0, stage.algorithm, &credential.signer, &credential.chain);
    embed(&stage.prepared, &cms.map_err(|error| internal(error.to_string()))?).map_err(not_signable)
}

fn settings(transaction: &Transaction) -> Result<&SignatureSettings> {
    match &transaction.origin {
        Origin::Request { settings, .. } => Ok(settings),
        Origin::Csc => Err(ServiceError::Internal("hashes are signed by their caller".into())),
    }
}

/// What a failed attempt means for the transaction; a storage fault is no verdict on it, so it stays and is settled later.
fn failure(error: ServiceError) -> Result<FailureReason> {
    match error {
        ServiceError::Storage(_) => Err(error),
        ServiceError::Document { problem: DocumentProblem::Changed, .. } => Ok(FailureReason::DocumentChanged),
        ServiceError::Document { .. } => Ok(FailureReason::DocumentNotSignable),
        ServiceError::CertificateNotValid | ServiceError::CredentialDisabled => Ok(FailureReason::CertificateNotValid),
        // Somebody else is signing it: theirs is the result.
        ServiceError::HashNotAuthorized => Err(error),
        _ => Ok(FailureReason::KeyUnavailable),
    }
}

fn not_signable(error: SigningError) -> ServiceError {
    let problem = match error {
        SigningError::Pdf(PdfError::Empty) => DocumentProblem::Empty,
        SigningError::Pdf(PdfError::NotAPdf) => DocumentProblem::NotAPdf,
        SigningError::Pdf(PdfError::Encrypted) => DocumentProblem::Encrypted,
        SigningError::Pdf(error) => DocumentProblem::Damaged(error.to_string()),
        SigningError::CertifiedNoChanges | SigningError::FieldLocked { .. } => {
            DocumentProblem::Forbidden(error.to_string())
        }
        other => DocumentProblem::Unsupported(other.to_string()),
    };
    ServiceError::Document { name: String::new(), problem }
}

/// Runs work that hashes, maps files or uses keys off the event loop.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ServiceError::Internal(error.to_string()))
}
