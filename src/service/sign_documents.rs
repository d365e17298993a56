//! `signatures/signDoc`: whole documents, or their hashes, signed under a SAD that was issued for their hashes.
//!
//! The SAD opens the hash of what the signer was shown: the document as it was before the signature (SODR), or the hash the
//! caller computed. Redeeming it creates transactions that count as confirmed with it, and these are signed like any portal's
//! request: same stages, same levels, same queue, same end after a crash.

use std::sync::Arc;
use time::Duration;

use super::credentials::UsableCredential;
use super::operations::{Documents, OperationResult};
use super::requests::check_options;
use super::sign::blocking;
use super::stage::Task;
use super::{Caller, DocumentProblem, Result, Service, ServiceError};
use crate::authorization::OpenedSad;
use crate::crypto::{Digest, DigestAlgorithm, SignatureAlgorithm};
use crate::custody::Activation;
use crate::domain::{
    CredentialId, Item, Operation, OperationId, OperationKind, Origin, Part, Secret, SignatureOptions,
    SignatureSettings, State, Transaction, TransactionId,
};
use crate::formats::level::Baseline;
use crate::formats::pdf::permissions::DocMdpPermission;
use crate::storage::Entry;
use crate::validation::blocks::x509::Purpose;

/// Any of these may be what the signer authorised.
const SODR: [DigestAlgorithm; 3] = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];

/// The call.
#[derive(Debug)]
pub struct SignDocuments {
    pub credential: CredentialId,
    pub sad: Secret,
    pub documents: Vec<ToSign>,
    /// How long an operation that is only polled for later keeps its results.
    pub keep_for: Duration,
    pub validation: ValidationInfo,
}

/// One document.
#[derive(Debug)]
pub struct ToSign {
    pub subject: Subject,
    pub algorithm: SignatureAlgorithm,
    pub options: SignatureOptions,
    pub certify: Certify,
}

#[derive(Debug)]
pub enum Subject {
    Whole(Vec<u8>),
    /// Of the file; of the ByteRange for a PDF.
    Hash(Digest),
}

/// Whether the signature of a PDF is a certification (DocMDP, form filling and further signatures allowed).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certify {
    Never,
    /// When no signature is there yet.
    IfFirst,
    Always,
}

/// Whether revocation information and certificates come with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValidationInfo {
    Without,
    Wanted,
}

/// Documents that are signed in the same way: one transaction.
struct Group {
    id: TransactionId,
    settings: SignatureSettings,
    items: Vec<Item>,
    /// Empty for hashes.
    files: Vec<Vec<u8>>,
}

/// Documents whose SAD is used up.
struct Begun {
    credential: UsableCredential,
    operation: Operation,
    /// What opens a key under a PIN.
    activation: Option<Activation>,
}

impl Service {
    /// Signs now: the documents in the caller's order.
    ///
    /// # Errors
    /// Those of `sign_hashes`; [`ServiceError::Document`], [`ServiceError::Attribute`], [`ServiceError::NoTrustServices`],
    /// [`ServiceError::LevelPending`] when a trust service was down and the policy is to raise later.
    pub async fn sign_documents(self: &Arc<Self>, caller: &Caller, call: SignDocuments) -> Result<Documents> {
        let validation = call.validation;
        let Begun { credential, operation, activation } = self.begin_documents(caller, call).await?;
        let ids = transactions(&operation);
        let service = self.clone();
        // In its own task: signing goes on when the caller goes away.
        let work = async move {
            for id in ids {
                service.sign_request(&id, activation.clone()).await?;
            }
            service.result(&operation).await.map_err(|error| match error {
                ServiceError::NotReady => ServiceError::LevelPending(operation.id.clone()),
                other => other,
            })
        };
        let result = tokio::spawn(work).await.map_err(|error| ServiceError::Internal(error.to_string()))?;
        let OperationResult::Documents(mut documents) = result? else {
            return Err(ServiceError::Internal("documents became hashes".into()));
        };
        if validation == ValidationInfo::Wanted {
            documents.validation = Some(self.validation_info(&credential).await?);
        }
        Ok(documents)
    }

    /// Signs in its own time; what comes back is where the documents can be asked for.
    ///
    /// # Errors
    /// As [`Self::sign_documents`], before anything is signed.
    pub async fn sign_documents_later(self: &Arc<Self>, caller: &Caller, call: SignDocuments) -> Result<OperationId> {
        let Begun { operation, activation, .. } = self.begin_documents(caller, call).await?;
        let (service, ids) = (self.clone(), transactions(&operation));
        tokio::spawn(async move {
            for id in ids {
                if let Err(error) = service.sign_request(&id, activation.clone()).await {
                    tracing::warn!(%error, transaction = %id, "documents could not be signed");
                }
            }
        });
        Ok(operation.id)
    }

    /// Checks everything, then uses up the SAD: from here on the documents are confirmed.
    async fn begin_documents(&self, caller: &Caller, call: SignDocuments) -> Result<Begun> {
        let credential = self.usable(self.credential(caller, &call.credential).await?)?;
        self.check_to_sign(&credential, &call.documents)?;
        let (documents, wanted) = blocking(move || {
            let wanted: Vec<Vec<Digest>> = call.documents.iter().map(|one| one.subject.hashes()).collect();
            (call.documents, wanted)
        })
        .await?;
        let module = &self.backends.activation;
        let opened = module.open_sad(&call.sad, &caller.portal, &call.credential, &wanted).await?;
        let (groups, parts) = self.grouped(&credential, documents).await?;
        let operation = self.operation(opened.transaction(), OperationKind::Documents, parts, call.keep_for)?;
        let stored = self.store(&groups).await;
        let redeemed = match stored {
            Ok(()) => {
                let children = groups.iter().map(|group| self.child(&opened, group)).collect();
                module.redeem_sad_for_documents(&opened, children, &operation).await.map_err(ServiceError::from)
            }
            Err(error) => Err(error),
        };
        if let Err(error) = redeemed {
            let (documents, ids) = (self.backends.documents.clone(), transactions(&operation));
            // Nobody will look for these files; what cannot be removed now is swept at the next start.
            let _ = blocking(move || ids.iter().for_each(|id| drop(documents.remove(id)))).await;
            return Err(error);
        }
        Ok(Begun { credential, operation, activation: opened.activation() })
    }

    fn check_to_sign(&self, credential: &UsableCredential, documents: &[ToSign]) -> Result<()> {
        let limits = self.limits();
        if documents.is_empty() {
            return Err(ServiceError::NoHashes);
        }
        if documents.len() > limits.documents {
            return Err(ServiceError::Limit { what: "the number of documents", max: limits.documents as u64 });
        }
        for one in documents {
            credential.check_algorithm(one.algorithm, self.now())?;
            check_options(&one.options)?;
            self.check_level(&SignatureSettings {
                options: one.options.clone(),
                ..SignatureSettings::new(one.algorithm)
            })?;
            match &one.subject {
                Subject::Whole(bytes) if bytes.len() as u64 > limits.document_bytes => {
                    return Err(ServiceError::Limit {
                        what: "the size of a document in bytes",
                        max: limits.document_bytes,
                    });
                }
                Subject::Whole(_) => {}
                Subject::Hash(digest) => check_hash(one, digest)?,
            }
        }
        Ok(())
    }

    /// Checks that every document can be signed, and puts those together that are signed in the same way.
    async fn grouped(&self, credential: &UsableCredential, documents: Vec<ToSign>) -> Result<(Vec<Group>, Vec<Part>)> {
        let (mut groups, mut parts): (Vec<Group>, Vec<Part>) = (Vec::new(), Vec::new());
        for (n, one) in documents.into_iter().enumerate() {
            let label = format!("document {}", n + 1);
            let (one, item) = self.checked(credential, one, label).await?;
            let settings = SignatureSettings { options: one.options, ..SignatureSettings::new(one.algorithm) };
            let known = groups.iter().position(|group| group.settings == settings);
            let index = match known {
                Some(index) => index,
                None => {
                    let id = TransactionId::try_from(self.random_id());
                    let id = id.map_err(|_| ServiceError::Internal("an id".into()))?;
                    groups.push(Group { id, settings, items: Vec::new(), files: Vec::new() });
                    groups.len() - 1
                }
            };
            let group = groups.get_mut(index).ok_or_else(|| ServiceError::Internal("a group is missing".into()))?;
            let ordinal = u32::try_from(group.items.len()).unwrap_or(u32::MAX);
            parts.push(Part { transaction: group.id.clone(), ordinal });
            group.items.push(item);
            if let Subject::Whole(bytes) = one.subject {
                group.files.push(bytes);
            }
        }
        Ok((groups, parts))
    }

    async fn checked(&self, credential: &UsableCredential, one: ToSign, label: String) -> Result<(ToSign, Item)> {
        let bytes = match &one.subject {
            Subject::Whole(bytes) => bytes,
            Subject::Hash(digest) => {
                let item = Item { label, digest: digest.clone(), len: 0 };
                return Ok((one, item));
            }
        };
        let (len, mut options) = (bytes.len() as u64, one.options.clone());
        if one.certify != Certify::Never {
            options.certify = Some(DocMdpPermission::FormFilling);
        }
        let settings = SignatureSettings { options, ..SignatureSettings::new(one.algorithm) };
        let token_octets = self.token_octets(&settings).await;
        let (credential, now) = (credential.clone(), self.now());
        let task = Task { credential, settings, now, token_octets, password: None };
        let checked = blocking(move || {
            let mut task = task;
            let Subject::Whole(bytes) = &one.subject else { return Err(ServiceError::NoHashes) };
            let first = task.check_signable(&label, bytes);
            let digest = match first {
                Err(ServiceError::Document { problem: DocumentProblem::Forbidden(_), .. })
                    if one.certify == Certify::IfFirst =>
                {
                    task.settings.options.certify = None;
                    task.check_signable(&label, bytes)
                }
                other => other,
            }?;
            Ok((ToSign { options: task.settings.options, ..one }, Item { label, digest, len }))
        });
        checked.await?
    }

    async fn store(&self, groups: &[Group]) -> Result<()> {
        for group in groups.iter().filter(|group| !group.files.is_empty()) {
            let (documents, id, files) = (self.backends.documents.clone(), group.id.clone(), group.files.clone());
            let put = blocking(move || {
                let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
                documents.put(&id, &files)
            });
            put.await?.map_err(|error| ServiceError::Internal(format!("documents: {error}")))?;
        }
        Ok(())
    }

    fn child(&self, opened: &OpenedSad, group: &Group) -> (Transaction, Entry) {
        let (parent, now) = (opened.transaction(), self.now());
        let child = Transaction {
            id: group.id.clone(),
            portal: parent.portal.clone(),
            signer: parent.signer.clone(),
            credential: parent.credential.clone(),
            origin: Origin::Request { return_url: None, settings: Box::new(group.settings.clone()) },
            description: parent.description.clone(),
            created_at: now,
            expires_at: parent.expires_at,
            items: group.items.clone(),
            state: State::Confirmed { at: now },
        };
        let created = self.created(&child);
        (child, created)
    }

    /// Certificates, OCSP responses and CRLs for the signer's certificate.
    async fn validation_info(&self, credential: &UsableCredential) -> Result<crate::formats::cms::ValidationData> {
        let levels = self.backends.levels.as_ref().ok_or(ServiceError::NoTrustServices)?;
        let known = crate::formats::cms::ValidationData {
            certificates: credential.chain.clone(),
            ..crate::formats::cms::ValidationData::default()
        };
        let wanted = [(credential.signer.clone(), Purpose::DocumentSigning)];
        let anchors = levels.trust.settings().anchors.as_slice();
        let mut data = levels.trust.collect(&wanted, &known, anchors, self.now()).await.data;
        for certificate in &credential.chain {
            if !data.certificates.contains(certificate) {
                data.certificates.push(certificate.clone());
            }
        }
        Ok(data)
    }
}

impl Subject {
    /// Any of these may have been authorised.
    fn hashes(&self) -> Vec<Digest> {
        match self {
            Self::Whole(bytes) => SODR.iter().map(|algorithm| algorithm.digest(bytes)).collect(),
            Self::Hash(digest) => vec![digest.clone()],
        }
    }
}

/// What can be made of a hash alone: time-stamps over the signature, but nothing that has to read the document.
fn check_hash(one: &ToSign, digest: &Digest) -> Result<()> {
    use crate::domain::settings::SignatureFormat::{CmsHash, PdfHash};
    let refused = |what, why| Err(ServiceError::Invalid { what, why });
    if one.algorithm.message_digest() != digest.algorithm() {
        return refused("hashAlgorithmOID", "it contradicts signAlgo");
    }
    match (one.options.format, one.options.level) {
        (PdfHash, Baseline::B | Baseline::T) | (CmsHash, Baseline::B | Baseline::T | Baseline::Lt) => Ok(()),
        _ => refused("conformance_level", "it needs the document, not its hash"),
    }
}

/// Each transaction of an operation once.
fn transactions(operation: &Operation) -> Vec<TransactionId> {
    let mut ids: Vec<TransactionId> = Vec::new();
    for part in &operation.parts {
        if !ids.contains(&part.transaction) {
            ids.push(part.transaction.clone());
        }
    }
    ids
}
