//! The stages of one document's signature: checked, prepared to its DTBSR, and put together once the value is there.

use serde::{Deserialize, Serialize};
use std::path::Path;
use time::macros::offset;
use time::{OffsetDateTime, UtcOffset};

use super::credentials::UsableCredential;
use super::{DocumentProblem, Result, ServiceError};
use crate::crypto::{Digest, DigestAlgorithm, SignatureAlgorithm};
use crate::custody::SignatureValue;
use crate::domain::settings::SignatureFormat;
use crate::domain::{AuthorizedHash, Item, SignatureSettings};
use crate::formats::pdf::{Limits, Password, Pdf, PdfError};
use crate::mapping::Mapped;
use crate::signing::appearance::{Appearance, SignatureFacts};
use crate::signing::attributes::{Profile, SignedAttributes};
use crate::signing::cades::assemble_enveloping;
use crate::signing::cms::{assemble, cms_capacity};
use crate::signing::{FieldChoice, PrepareRequest, Prepared, SigningError, embed, prepare, prepare_visible};
use crate::storage::{Intent, SignatureRow};

/// Largest file that is put inside its signature: it is kept in the database a second time.
const MAX_ENVELOPED: usize = 16 << 20;

/// The clocks that people who look at a signature have.
const VIET_NAM: UtcOffset = offset!(+7);

/// What is kept between the intent and the signature value.
#[derive(Serialize, Deserialize)]
pub(super) struct Stage {
    container: Container,
    /// DER of the signed attributes.
    attributes: Vec<u8>,
    algorithm: SignatureAlgorithm,
}

/// Where the finished message goes.
#[derive(Serialize, Deserialize)]
enum Container {
    Pdf(Box<Prepared>),
    Detached,
    Enveloping,
}

/// A document whose content has its hash; the attributes come next.
pub(super) struct Content {
    ordinal: u32,
    container: Container,
    digest: Digest,
}

/// What preparing depends on besides the document.
#[derive(Clone)]
pub(super) struct Task {
    pub credential: UsableCredential,
    pub settings: SignatureSettings,
    /// The claimed signing time.
    pub now: OffsetDateTime,
    /// Octets to reserve for time-stamp tokens.
    pub token_octets: usize,
    /// Opens encrypted documents.
    pub password: Option<Password>,
}

impl Task {
    fn digest_algorithm(&self) -> DigestAlgorithm {
        self.settings.algorithm.digest().unwrap_or(DigestAlgorithm::Sha512)
    }

    fn profile(&self) -> Profile {
        match self.settings.options.format {
            SignatureFormat::Pdf | SignatureFormat::PdfHash => Profile::Pades,
            SignatureFormat::Cms | SignatureFormat::CmsEnveloping | SignatureFormat::CmsHash => {
                Profile::Cades { signing_time: self.now }
            }
        }
    }

    /// Checks, before anyone is asked to confirm, that the document could be signed; gives its SHA-256.
    ///
    /// # Errors
    /// [`ServiceError::Document`] with the reason.
    pub fn check_signable(&self, name: &str, bytes: &[u8]) -> Result<Digest> {
        let (_, sha256) = self.container(bytes).map_err(|error| named(error, name))?;
        Ok(sha256)
    }

    /// Maps the stored original, prepares it and hashes its content.
    ///
    /// # Errors
    /// [`ServiceError::Document`] when the document cannot be signed (any more).
    pub fn prepare_file(&self, path: &Path, (ordinal, item): (u32, &Item)) -> Result<Content> {
        if self.settings.options.format.is_of_hash() {
            return Ok(Content { ordinal, container: Container::Detached, digest: item.digest.clone() });
        }
        let original = Mapped::open(path).map_err(|error| ServiceError::Internal(format!("documents: {error}")))?;
        let (container, sha256) = self.container(&original).map_err(|error| named(error, &item.label))?;
        if sha256 != item.digest {
            // The signer confirmed other bytes: whoever changed the file on disk gets no signature.
            return Err(ServiceError::Document { name: item.label.clone(), problem: DocumentProblem::Changed });
        }
        let algorithm = self.digest_algorithm();
        let digest = match &container {
            Container::Pdf(prepared) => prepared.digest(&original, algorithm).map_err(not_signable)?,
            Container::Detached | Container::Enveloping => algorithm.digest(&original),
        };
        Ok(Content { ordinal, container, digest })
    }

    fn container(&self, bytes: &[u8]) -> Result<(Container, Digest)> {
        match self.settings.options.format {
            SignatureFormat::Pdf => {
                let prepared = self.prepare_pdf(bytes)?;
                let sha256 = prepared.original_sha256().clone();
                Ok((Container::Pdf(Box::new(prepared)), sha256))
            }
            _ if bytes.is_empty() => Err(problem(DocumentProblem::Empty)),
            SignatureFormat::Cms => Ok((Container::Detached, DigestAlgorithm::Sha256.digest(bytes))),
            SignatureFormat::CmsEnveloping if bytes.len() > MAX_ENVELOPED => {
                let max = MAX_ENVELOPED >> 20;
                Err(problem(DocumentProblem::Unsupported(format!(
                    "more than {max} MiB are signed detached, not inside the signature"
                ))))
            }
            SignatureFormat::CmsEnveloping => Ok((Container::Enveloping, DigestAlgorithm::Sha256.digest(bytes))),
            SignatureFormat::PdfHash | SignatureFormat::CmsHash => {
                Err(problem(DocumentProblem::Unsupported("it was given as a hash".to_owned())))
            }
        }
    }

    fn prepare_pdf(&self, bytes: &[u8]) -> Result<Prepared> {
        let (limits, options, credential) = (Limits::default(), &self.settings.options, &self.credential);
        let pdf = Pdf::open_for_signing(bytes, &limits, self.password.as_ref())
            .map_err(|error| not_signable(error.into()))?;
        let (signer, chain) = (&credential.signer, &credential.chain);
        let capacity = cms_capacity(signer, chain, self.settings.algorithm, &options.extras, self.token_octets);
        let request = PrepareRequest {
            field: options.field.clone().map_or(FieldChoice::NewInvisible, FieldChoice::Existing),
            signing_time: self.now,
            name: Some(credential.signer.subject().common_name()),
            reason: options.reason.clone(),
            location: options.location.clone(),
            contact_info: options.contact_info.clone(),
            certify: options.certify,
            lock: options.lock.clone(),
            contents_capacity: capacity.map_err(|error| ServiceError::Internal(error.to_string()))?,
        };
        let Some(shown) = &options.appearance else { return prepare(&pdf, &request).map_err(not_signable) };
        let facts = SignatureFacts {
            signer: request.name.clone().unwrap_or_default(),
            reason: request.reason.clone(),
            location: request.location.clone(),
            signing_time: self.now.to_offset(VIET_NAM),
        };
        let drawing = Appearance::new(shown, facts).map_err(|error| not_signable(error.into()))?;
        prepare_visible(&pdf, &request, &drawing).map_err(not_signable)
    }
}

impl Content {
    /// Hash of what is signed, for a content time-stamp.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Builds the attributes: the intent to sign them, and what is kept until the value comes.
    ///
    /// # Errors
    /// [`ServiceError::Attribute`] when an attribute cannot be.
    pub fn intent(self, task: &Task, content_time_stamp: Option<Vec<u8>>) -> Result<Intent> {
        let mut extras = task.settings.options.extras.clone();
        extras.content_time_stamp = content_time_stamp;
        let (signer, reason) = (&task.credential.signer, task.settings.options.stated_reason());
        let attributes = SignedAttributes::build_with(&self.digest, signer, task.profile(), &extras, reason)?;
        let digest = attributes.dtbsr(task.digest_algorithm());
        let algorithm = task.settings.algorithm;
        let stage = Stage { container: self.container, attributes: attributes.der().to_vec(), algorithm };
        let kept = postcard::to_stdvec(&stage).map_err(|error| ServiceError::Internal(error.to_string()))?;
        Ok(Intent { ordinal: self.ordinal, digest, prepared: Some(kept) })
    }
}

impl Stage {
    /// The stage kept for one item.
    pub fn of(rows: &[SignatureRow], ordinal: u32) -> Result<Self> {
        let row = rows.iter().find(|row| row.intent.ordinal == ordinal);
        let kept = row.and_then(|row| row.intent.prepared.as_deref());
        let kept = kept.ok_or_else(|| ServiceError::Internal("a stage is missing".into()))?;
        postcard::from_bytes(kept).map_err(|error| ServiceError::Internal(error.to_string()))
    }

    /// The finished message, DER; `original` is read only when it goes inside.
    pub fn assemble(&self, value: &SignatureValue, credential: &UsableCredential, original: &Path) -> Result<Vec<u8>> {
        let internal = |error: String| ServiceError::Internal(error);
        let digest = self.algorithm.digest().unwrap_or(DigestAlgorithm::Sha512);
        let attributes =
            SignedAttributes::from_der(&self.attributes, digest).map_err(|error| internal(error.to_string()))?;
        let UsableCredential { signer, chain, .. } = credential;
        let cms = match self.container {
            Container::Enveloping => {
                let content = Mapped::open(original).map_err(|error| internal(format!("documents: {error}")))?;
                assemble_enveloping(&attributes, &content, &value.0, self.algorithm, signer, chain)
                    .map(|message| message.with(&content))
            }
            Container::Pdf(_) | Container::Detached => assemble(&attributes, &value.0, self.algorithm, signer, chain),
        };
        cms.map_err(|error| internal(error.to_string()))
    }

    /// The bytes to release at the level the message has.
    pub fn embed(&self, cms: Vec<u8>) -> Result<Vec<u8>> {
        match &self.container {
            Container::Pdf(prepared) => embed(prepared, &cms).map_err(not_signable),
            Container::Detached | Container::Enveloping => Ok(cms),
        }
    }

    /// Whether a message of this size can be embedded.
    pub fn holds(&self, cms: &[u8]) -> bool {
        match &self.container {
            Container::Pdf(prepared) => cms.len() <= prepared.capacity(),
            Container::Detached | Container::Enveloping => true,
        }
    }
}

/// Gives pure schemes what they sign: the signed attributes, kept beside the hash that was authorised.
pub(super) fn with_message(token: AuthorizedHash, rows: &[SignatureRow]) -> Result<AuthorizedHash> {
    match token.algorithm().digest() {
        Some(_) => Ok(token),
        None => {
            let message = Stage::of(rows, token.ordinal())?.attributes;
            token.with_message(message).map_err(|error| ServiceError::Internal(error.to_string()))
        }
    }
}

fn problem(problem: DocumentProblem) -> ServiceError {
    ServiceError::Document { name: String::new(), problem }
}

/// Says which document it was.
fn named(error: ServiceError, name: &str) -> ServiceError {
    match error {
        ServiceError::Document { problem, .. } => ServiceError::Document { name: name.to_owned(), problem },
        other => other,
    }
}

fn not_signable(error: SigningError) -> ServiceError {
    problem(match error {
        SigningError::Pdf(PdfError::Empty) => DocumentProblem::Empty,
        SigningError::Pdf(PdfError::NotAPdf) => DocumentProblem::NotAPdf,
        SigningError::Pdf(PdfError::PasswordNeeded) => DocumentProblem::Encrypted,
        SigningError::Pdf(PdfError::PasswordWrong) => DocumentProblem::WrongPassword,
        SigningError::Pdf(error @ PdfError::SecurityHandler(_)) => DocumentProblem::Unsupported(error.to_string()),
        SigningError::Pdf(error) => DocumentProblem::Damaged(error.to_string()),
        SigningError::CertifiedNoChanges
        | SigningError::FieldLocked { .. }
        | SigningError::AlreadyCertified(_)
        | SigningError::NotFirst(_)
        | SigningError::NotPermitted => DocumentProblem::Forbidden(error.to_string()),
        other => DocumentProblem::Unsupported(other.to_string()),
    })
}
