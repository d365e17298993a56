//! Credentials as a portal may see and use them.

use time::OffsetDateTime;

use super::{Caller, Result, Service, ServiceError};
use crate::crypto::{SignatureAlgorithm, suites};
use crate::domain::credential::KeyStatus;
use crate::domain::{Credential, CredentialId, Signer, SignerId};
use crate::formats::x509::Certificate;

/// A credential that may sign now: enabled, with a certificate in its validity. Only [`Service::usable`] makes one.
#[derive(Debug, Clone)]
pub struct UsableCredential {
    pub credential: Credential,
    pub signer: Certificate,
    pub chain: Vec<Certificate>,
}

impl UsableCredential {
    /// Checks that the key signs hashes.
    ///
    /// # Errors
    /// [`ServiceError::UnsupportedAlgorithm`] for a pure scheme: no hash that is authorised could ever be signed with it.
    pub(super) fn check_signs_hashes(&self) -> Result<()> {
        let key = self.credential.algorithm;
        if !key.is_pure() {
            return Ok(());
        }
        let algorithm = format!("{} over a hash; documents can be signed", key.default_signature().name());
        Err(ServiceError::UnsupportedAlgorithm { key, algorithm })
    }

    /// Checks that the key makes such signatures, and that they may still be made.
    ///
    /// # Errors
    /// [`ServiceError::UnsupportedAlgorithm`] names the algorithm and, when its time has passed, since when.
    pub(super) fn check_algorithm(&self, algorithm: SignatureAlgorithm, now: OffsetDateTime) -> Result<()> {
        let key = self.credential.algorithm;
        let refused = |algorithm| ServiceError::UnsupportedAlgorithm { key, algorithm };
        if !key.supports(algorithm) {
            return Err(refused(algorithm.name()));
        }
        let public_key = self.signer.public_key().map_err(|_| refused(algorithm.name()))?;
        suites::check_new(algorithm, &public_key, now).map_err(|outdated| refused(outdated.to_string()))
    }
}

impl Service {
    /// Credentials of one signer, certified ones only.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] without a signer where the token is not tied to one, and with one where it is;
    /// [`ServiceError::NotFound`] when the portal may not ask that signer.
    pub async fn list_credentials(&self, caller: &Caller, signer: Option<&SignerId>) -> Result<Vec<Credential>> {
        caller.needs_service()?;
        let signer = match (caller.signer(), signer) {
            (None, Some(named)) => named,
            (Some(own), None) => own,
            (None, None) => return Err(ServiceError::Invalid { what: "userID", why: "it is missing" }),
            (Some(_), Some(_)) => {
                return Err(ServiceError::Invalid { what: "userID", why: "the token is tied to a signer already" });
            }
        };
        self.granted(caller, signer).await?;
        let found = self.storage().credentials_of(signer).await?;
        Ok(found.into_iter().filter(|credential| credential.status != KeyStatus::Pending).collect())
    }

    /// One credential.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when there is none, or the portal may not ask its signer.
    pub async fn credential(&self, caller: &Caller, id: &CredentialId) -> Result<Credential> {
        let visible = |credential: &Credential| credential.status != KeyStatus::Pending && caller.reaches(id);
        let found = self.storage().credential(id).await?.filter(visible);
        let credential = found.ok_or(ServiceError::NotFound("credential"))?;
        match self.granted(caller, &credential.signer).await {
            Err(ServiceError::NotFound(_)) => Err(ServiceError::NotFound("credential")),
            other => other.map(|_| credential),
        }
    }

    /// The signer, if the caller may ask them.
    pub(super) async fn granted(&self, caller: &Caller, signer: &SignerId) -> Result<Signer> {
        let own = caller.signer().is_none_or(|own| own == signer);
        if !own || !self.storage().is_granted(&caller.portal, signer).await? {
            return Err(ServiceError::NotFound("signer"));
        }
        self.signer(signer).await
    }

    pub(super) async fn signer(&self, id: &SignerId) -> Result<Signer> {
        self.storage().signer(id).await?.ok_or(ServiceError::NotFound("signer"))
    }

    /// Checks that the credential may sign now.
    pub(super) fn usable(&self, credential: Credential) -> Result<UsableCredential> {
        match credential.status {
            KeyStatus::Enabled => {}
            KeyStatus::Frozen => return Err(ServiceError::Frozen),
            KeyStatus::Pending | KeyStatus::Disabled => return Err(ServiceError::CredentialDisabled),
        }
        let unreadable =
            |error| ServiceError::Internal(format!("certificate of credential {}: {error}", credential.id));
        let mut certificates = credential
            .certificates
            .iter()
            .map(|der| Certificate::from_der(der))
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(unreadable)?
            .into_iter();
        let signer = certificates.next().ok_or(ServiceError::CredentialDisabled)?;
        if !signer.validity().contains(self.now()) {
            return Err(ServiceError::CertificateNotValid);
        }
        let chain = certificates.collect();
        Ok(UsableCredential { credential, signer, chain })
    }
}
