//! The stages of one document's signature: checked, prepared to its DTBSR, and put together once the value is there.

use serde::{Deserialize, Serialize};
use std::path::Path;
use time::OffsetDateTime;

use super::credentials::UsableCredential;
use super::{DocumentProblem, Result, ServiceError};
use crate::crypto::{Digest, DigestAlgorithm, SignatureAlgorithm};
use crate::custody::SignatureValue;
use crate::domain::{Item, SignatureSettings};
use crate::formats::pdf::{Limits, Pdf, PdfError};
use crate::mapping::Mapped;
use crate::signing::appearance::{Appearance, SignatureFacts};
use crate::signing::attributes::{Profile, SignedAttributes};
use crate::signing::cms::{assemble, cms_capacity};
use crate::signing::extras::Extras;
use crate::signing::{FieldChoice, PrepareRequest, Prepared, SigningError, embed, prepare, prepare_visible};
use crate::storage::Intent;

/// What is kept between the intent and the signature value.
#[derive(Serialize, Deserialize)]
pub(super) struct Stage {
    prepared: Prepared,
    /// DER of the signed attributes.
    attributes: Vec<u8>,
    algorithm: SignatureAlgorithm,
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
    let prepared = prepare_bytes(bytes, credential, settings, now).map_err(|error| named(error, name))?;
    Ok(prepared.original_sha256().clone())
}

/// Maps the stored original, prepares it and computes its DTBSR.
///
/// # Errors
/// [`ServiceError::Document`] when the document cannot be signed (any more).
pub(super) fn prepare_file(
    path: &Path,
    (ordinal, item): (u32, &Item),
    credential: &UsableCredential,
    settings: &SignatureSettings,
    now: OffsetDateTime,
) -> Result<Intent> {
    let original = Mapped::open(path).map_err(|error| ServiceError::Internal(format!("documents: {error}")))?;
    let prepared = prepare_bytes(&original, credential, settings, now).map_err(|error| named(error, &item.label))?;
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
    Ok(Intent { ordinal, digest: dtbsr, prepared: Some(kept) })
}

fn prepare_bytes(
    bytes: &[u8],
    credential: &UsableCredential,
    settings: &SignatureSettings,
    now: OffsetDateTime,
) -> Result<Prepared> {
    let (limits, options) = (Limits::default(), &settings.options);
    let pdf = Pdf::open(bytes, &limits).map_err(|error| not_signable(error.into()))?;
    let capacity = cms_capacity(&credential.signer, &credential.chain, settings.algorithm, &Extras::default(), 0);
    let request = PrepareRequest {
        field: options.field.clone().map_or(FieldChoice::NewInvisible, FieldChoice::Existing),
        signing_time: now,
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
        signing_time: now,
    };
    let drawing = Appearance::new(shown, facts).map_err(|error| not_signable(error.into()))?;
    prepare_visible(&pdf, &request, &drawing).map_err(not_signable)
}

impl Stage {
    pub fn read(stored: &[u8]) -> Result<Self> {
        postcard::from_bytes(stored).map_err(|error| ServiceError::Internal(error.to_string()))
    }

    /// The finished CMS, DER.
    pub fn assemble(&self, value: &SignatureValue, credential: &UsableCredential) -> Result<Vec<u8>> {
        let internal = |error: String| ServiceError::Internal(error);
        let digest = self.algorithm.digest().unwrap_or(DigestAlgorithm::Sha512);
        let attributes =
            SignedAttributes::from_der(&self.attributes, digest).map_err(|error| internal(error.to_string()))?;
        let cms = assemble(&attributes, &value.0, self.algorithm, &credential.signer, &credential.chain);
        cms.map_err(|error| internal(error.to_string()))
    }

    /// The bytes to release.
    pub fn embed(&self, cms: &[u8]) -> Result<Vec<u8>> {
        embed(&self.prepared, cms).map_err(not_signable)
    }
}

/// Says which document it was.
fn named(error: ServiceError, name: &str) -> ServiceError {
    match error {
        ServiceError::Document { problem, .. } => ServiceError::Document { name: name.to_owned(), problem },
        other => other,
    }
}

fn not_signable(error: SigningError) -> ServiceError {
    let problem = match error {
        SigningError::Pdf(PdfError::Empty) => DocumentProblem::Empty,
        SigningError::Pdf(PdfError::NotAPdf) => DocumentProblem::NotAPdf,
        SigningError::Pdf(PdfError::PasswordNeeded | PdfError::PasswordWrong) => DocumentProblem::Encrypted,
        SigningError::Pdf(error) => DocumentProblem::Damaged(error.to_string()),
        SigningError::CertifiedNoChanges | SigningError::FieldLocked { .. } => {
            DocumentProblem::Forbidden(error.to_string())
        }
        other => DocumentProblem::Unsupported(other.to_string()),
    };
    ServiceError::Document { name: String::new(), problem }
}
