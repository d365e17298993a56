//! Receipts: what a signer confirmed, when and how, as a PDF that the service seals and anybody can verify offline.
//!
//! A receipt is made when it is first asked for, and is the same ever after. It belongs to one confirmation by one signer, so a
//! request with several signers has several. Reading order: here, then `paper` (what it says, in both languages).
//!
//! ```text
//! signed ──facts, PDF, DTBSR──▶ intent committed ──▶ seal used ──embed──▶ result committed ─▶ handed out
//!                                    ▲ a crash here seals the stored DTBSR when it is next asked for
//! ```
//!
//! What this does not do: keep receipts of hashes alone (their portal holds the documents), or raise a receipt above B-T.

mod paper;

use std::path::Path;
use std::sync::Arc;

use super::credentials::UsableCredential;
use super::sign::blocking;
use super::stage::{Stage, Task, with_message};
use super::{Caller, Result, Service, ServiceError};
use crate::crypto::DigestAlgorithm;
use crate::custody::SignatureValue;
use crate::domain::credential::KeyStatus;
use crate::domain::{
    AuditEvent, AuthMode, Credential, Item, Origin, Secret, SignatureSettings, StateKind, Transaction, TransactionId,
};
use crate::formats::level::Baseline;
use crate::formats::x509::Certificate;
use crate::storage::receipts::{ReceiptIntent, StoredReceipt};
use crate::storage::{Intent, Outcome, SignatureRow};
use paper::Facts;

/// A sealed receipt.
#[derive(Debug)]
pub struct Receipt {
    pub name: String,
    pub pdf: Vec<u8>,
}

impl Service {
    pub fn offers_receipts(&self) -> bool {
        self.backends.seal.is_some()
    }

    /// Checks that the configured seal is one and could be used now; call it before the port opens.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::CredentialDisabled`], [`ServiceError::CertificateNotValid`].
    pub async fn check_seal(&self) -> Result<()> {
        if let Some(seal) = &self.backends.seal {
            let credential = self.storage().credential(seal).await?;
            let credential = credential.filter(|credential| credential.auth == AuthMode::Seal);
            self.usable(credential.ok_or(ServiceError::NotFound("credential with auth \"seal\""))?)?;
        }
        Ok(())
    }

    /// The receipt of a request's `n`-th signer, from 1.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::State`] while that signer has not signed, [`ServiceError::NoReceipts`].
    pub async fn receipt(self: &Arc<Self>, caller: &Caller, id: &TransactionId, n: u32) -> Result<Receipt> {
        let missing = || ServiceError::NotFound("receipt");
        let transaction = self.request(caller, id).await?.transaction;
        let index = n.checked_sub(1).and_then(|index| usize::try_from(index).ok()).ok_or_else(missing)?;
        let signer = match self.storage().joint(id).await? {
            None if index == 0 => return self.receipt_of(transaction).await,
            None => None,
            Some(joint) => joint.parts.get(index).map(|part| part.transaction.clone()),
        };
        let part = self.storage().transaction(&signer.ok_or_else(missing)?).await?;
        self.receipt_of(part.ok_or_else(missing)?).await
    }

    /// The signer's own, by the link of the page.
    ///
    /// # Errors
    /// As [`Self::receipt`].
    pub async fn receipt_by_link(self: &Arc<Self>, token: &Secret) -> Result<Receipt> {
        let transaction = self.confirmation(token).await?.transaction;
        self.receipt_of(transaction).await
    }

    async fn receipt_of(self: &Arc<Self>, transaction: Transaction) -> Result<Receipt> {
        if !matches!(transaction.origin, Origin::Request { .. }) {
            return Err(ServiceError::NotFound("receipt"));
        }
        match transaction.state.kind() {
            StateKind::Signed if self.offers_receipts() => {}
            StateKind::Signed => return Err(ServiceError::NoReceipts),
            other => return Err(ServiceError::State(other)),
        }
        let name = format!("bien-nhan-{}.pdf", transaction.id);
        // The caller may go away: what is begun is brought to its end.
        let service = self.clone();
        let sealing = tokio::spawn(async move { service.sealed_receipt(&transaction).await });
        let pdf = sealing.await.map_err(|error| ServiceError::Internal(error.to_string()))??;
        Ok(Receipt { name, pdf })
    }

    async fn sealed_receipt(self: &Arc<Self>, transaction: &Transaction) -> Result<Vec<u8>> {
        let _turn = self.turn_of(&transaction.id).await;
        let intent = match self.storage().receipt(&transaction.id).await? {
            Some(StoredReceipt { intent, sealed: Some(sealed) }) => return Ok([intent.document, sealed].concat()),
            Some(StoredReceipt { intent, sealed: None }) => intent,
            None => self.draw_receipt(transaction).await?,
        };
        let credential = self.usable(self.seal_credential(&intent.credential).await?)?;
        let algorithm = credential.credential.algorithm.default_signature();
        let module = &self.backends.activation;
        let tokens = module.redeem_receipt(transaction, &credential.credential, algorithm, &intent).await?;
        let row = row(&intent);
        let tokens = tokens.into_iter().map(|token| with_message(token, std::slice::from_ref(&row)));
        let tokens = tokens.collect::<Result<Vec<_>>>()?;
        let signed = self.sign_tokens(credential.clone(), None, tokens).await?;
        let (_, value) = signed.into_iter().next().ok_or_else(|| ServiceError::Internal("no seal was made".into()))?;
        let sealed = self.embed_seal(&row, &value, &credential).await?;
        let signature = DigestAlgorithm::Sha256.digest(&value.0).to_hex();
        let event = AuditEvent::ReceiptSealed { transaction: transaction.id.clone(), signature };
        match self.storage().record_receipt(&transaction.id, &sealed, self.entry(event)).await? {
            Outcome::Done => Ok([intent.document, sealed].concat()),
            // Another process was faster: whoever asks again gets what that one made.
            Outcome::Stale => Err(ServiceError::State(StateKind::Signing)),
        }
    }

    async fn seal_credential(&self, id: &crate::domain::CredentialId) -> Result<Credential> {
        let found = self.storage().credential(id).await?;
        found.filter(|seal| seal.status != KeyStatus::Pending).ok_or(ServiceError::NoReceipts)
    }

    /// The PDF, and everything its signature needs but the value.
    async fn draw_receipt(&self, transaction: &Transaction) -> Result<ReceiptIntent> {
        let id = self.backends.seal.as_ref().ok_or(ServiceError::NoReceipts)?;
        let credential = self.usable(self.seal_credential(id).await?)?;
        let facts = self.facts(transaction).await?;
        let mut settings = SignatureSettings::new(credential.credential.algorithm.default_signature());
        settings.options.level = if self.backends.levels.is_some() { Baseline::T } else { Baseline::B };
        settings.options.reason = Some("Biên nhận ký số".to_owned());
        let token_octets = self.token_octets(&settings).await;
        let seal = id.clone();
        let task = Task { credential, settings, now: self.now(), token_octets, password: None };
        blocking(move || {
            let document = paper::draw(&facts)?;
            let digest = DigestAlgorithm::Sha256.digest(&document);
            let item = Item { label: "receipt".to_owned(), digest, len: document.len() as u64 };
            let Intent { digest, prepared, .. } = task.prepare(&document, (0, &item))?.intent(&task, None)?;
            let prepared = prepared.ok_or_else(|| ServiceError::Internal("a stage is missing".into()))?;
            Ok(ReceiptIntent { credential: seal, document, digest, prepared })
        })
        .await?
    }

    async fn facts(&self, transaction: &Transaction) -> Result<Facts> {
        let missing = |what: &str| ServiceError::Internal(format!("a {what} is missing"));
        let credential = self.stored_credential(transaction).await?;
        let certificate = credential.certificates.first().ok_or_else(|| missing("certificate"))?;
        let certificate =
            Certificate::from_der(certificate).map_err(|error| ServiceError::Internal(error.to_string()))?;
        let states = self.storage().item_states(&transaction.id).await?;
        let documents = transaction.items.iter().cloned().zip(states.into_iter().map(|state| state.failure)).collect();
        // One of several signers: the request's own number is the portal's word for it.
        let request =
            self.storage().joint(&transaction.id).await?.map_or(transaction.id.clone(), |joint| joint.request);
        Ok(Facts {
            signer: self.signer(&transaction.signer).await?.name,
            portal: self.storage().portal(&transaction.portal).await?.ok_or_else(|| missing("portal"))?,
            request: request.to_string(),
            description: transaction.description.clone(),
            certificate,
            confirmed: self.storage().confirmed(&transaction.id).await?,
            factors: credential.factors,
            signed_at: transaction.state.since().unwrap_or(transaction.created_at),
            documents,
        })
    }

    /// What follows the document: the signature, time-stamped where an authority answers now.
    async fn embed_seal(
        &self,
        row: &SignatureRow,
        value: &SignatureValue,
        credential: &UsableCredential,
    ) -> Result<Vec<u8>> {
        let stage = Stage::of(std::slice::from_ref(row), 0)?;
        // A PDF's message holds no content: the path is not opened.
        let cms = stage.assemble(value, credential, Path::new(""))?;
        let cms = match self.stamped(&cms).await {
            Ok(stamped) if stage.holds(&stamped) => stamped,
            _ => cms,
        };
        stage.embed(cms)
    }
}

/// The intent as [`Stage`] reads it.
fn row(intent: &ReceiptIntent) -> SignatureRow {
    let intent = Intent { ordinal: 0, digest: intent.digest.clone(), prepared: Some(intent.prepared.clone()) };
    SignatureRow { intent, signature: None, output: None, level: None }
}
