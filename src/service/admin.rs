//! What an operator does: portals, signers, grants, keys and certificates, the audit chain.

use super::sign::blocking;
use super::{Result, Service, ServiceError};
use crate::crypto::DigestAlgorithm;
use crate::crypto::digest::sha256;
use crate::custody::{Activation, CustodyError, GeneratedKey, KeyCustody, KeyRef};
use crate::domain::audit::{ChainError, check_chain};
use crate::domain::credential::{KeyStatus, Purpose};
use crate::domain::party::OWN_PORTAL;
use crate::domain::{
    AuditEvent, AuditRecord, AuthMode, Credential, CredentialId, Factors, KeyAlgorithm, Portal, PortalId, Secret,
    Signer, SignerId,
};
use crate::formats::x509::Certificate;
use crate::storage::{Outcome, Rewrapped, StorageError};

/// Most signatures of one authorisation.
const MULTISIGN: u32 = 100;
/// Records read at a time when the chain is walked.
const AUDIT_PAGE: u32 = 1000;
/// Longest life of a subscriber's certificate in years (Decree 23/2025/NĐ-CP), with a day to spare for leap years.
const SUBSCRIBER_DAYS: i64 = 3 * 366;

/// A new portal.
#[derive(Debug)]
pub struct NewPortal {
    pub id: PortalId,
    pub name: String,
    pub host: Option<String>,
    pub support_phone: Option<String>,
    /// Client secret of 256 random bits; made here when absent.
    pub secret: Option<Secret>,
}

/// A new signer.
#[derive(Debug)]
pub struct NewSigner {
    pub id: SignerId,
    pub name: String,
    pub phone: String,
    /// Where codes may go too.
    pub email: Option<String>,
    pub pin: Option<Secret>,
}

/// A new key.
#[derive(Debug)]
pub struct NewCredential {
    pub id: CredentialId,
    pub signer: SignerId,
    pub algorithm: KeyAlgorithm,
    pub auth: AuthMode,
    /// With a PIN, the key is made under it and never stored otherwise.
    pub protection: Protection,
    pub purpose: Purpose,
}

/// What a new key is under besides the key-encryption key.
#[derive(Debug)]
pub enum Protection {
    None,
    Pin(Secret),
}

impl Service {
    /// Adds a portal and gives its client secret, shown this once.
    ///
    /// # Errors
    /// [`StorageError::Duplicate`] when the id is taken.
    pub async fn add_portal(&self, new: NewPortal) -> Result<Secret> {
        let secret = new.secret.unwrap_or_else(|| self.random_text());
        let portal = Portal {
            id: new.id,
            name: named(new.name)?,
            host: new.host,
            support_phone: new.support_phone,
            secret_sha256: sha256(secret.expose().as_bytes()),
            created_at: self.now(),
        };
        let event = AuditEvent::PortalAdded { portal: portal.id.clone(), name: portal.name.clone() };
        self.storage().add_portal(&portal, self.entry(event)).await?;
        Ok(secret)
    }

    /// # Errors
    /// When storage does not answer.
    pub async fn portals(&self) -> Result<Vec<Portal>> {
        let own = |portal: &Portal| portal.id.as_str() == OWN_PORTAL;
        Ok(self.storage().portals().await?.into_iter().filter(|portal| !own(portal)).collect())
    }

    /// Adds a signer with the telephone number codes are sent to.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a number that is not E.164, or an address that is none, [`StorageError::Duplicate`].
    pub async fn add_signer(&self, new: NewSigner) -> Result<()> {
        let digits = new.phone.strip_prefix('+').unwrap_or_default();
        if !(8..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ServiceError::Invalid { what: "phone", why: "it is not in the form +84912345678" });
        }
        if new.email.as_deref().is_some_and(|email| !is_address(email)) {
            return Err(ServiceError::Invalid { what: "email", why: "it is not in the form an@example.vn" });
        }
        let pin_hash = new.pin.map(|pin| self.backends.sole_control.hash_pin(&pin)).transpose();
        let signer = Signer {
            id: new.id,
            name: named(new.name)?,
            phone: new.phone,
            email: new.email,
            pin_hash: pin_hash.map_err(|error| ServiceError::Internal(error.to_string()))?,
            created_at: self.now(),
            frozen_at: None,
        };
        let event = AuditEvent::SignerAdded { signer: signer.id.clone() };
        Ok(self.storage().add_signer(&signer, self.entry(event)).await?)
    }

    /// # Errors
    /// When storage does not answer.
    pub async fn signers(&self) -> Result<Vec<Signer>> {
        Ok(self.storage().signers().await?)
    }

    /// Lets a portal ask a signer. Granting twice changes nothing.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an unknown portal or signer.
    pub async fn grant(&self, portal: &PortalId, signer: &SignerId) -> Result<()> {
        self.storage().portal(portal).await?.ok_or(ServiceError::NotFound("portal"))?;
        self.signer(signer).await?;
        let event = AuditEvent::SignerGranted { portal: portal.clone(), signer: signer.clone() };
        match self.storage().grant(portal, signer, self.entry(event)).await {
            Ok(()) | Err(StorageError::Duplicate) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a key for a signer; it waits for its certificate.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`StorageError::Duplicate`], [`ServiceError::Custody`].
    pub async fn generate_credential(&self, new: NewCredential) -> Result<Credential> {
        self.signer(&new.signer).await?;
        let (custody, id, algorithm) = (self.backends.custody.clone(), new.id.clone(), new.algorithm);
        let factors = match &new.protection {
            Protection::None => Factors::Code,
            Protection::Pin(pin) => strong(pin).map(|()| Factors::CodeAndPin)?,
        };
        let protection = new.protection;
        let GeneratedKey { wrapped, spki } =
            blocking(move || generate(custody.as_ref(), &id, algorithm, &protection)).await??;
        let credential = Credential {
            id: new.id,
            signer: new.signer,
            algorithm,
            auth: new.auth,
            factors,
            status: KeyStatus::Pending,
            purpose: new.purpose,
            key: wrapped,
            spki,
            certificates: Vec::new(),
            multisign: MULTISIGN,
            created_at: self.now(),
        };
        let event = AuditEvent::CredentialGenerated {
            credential: credential.id.clone(),
            signer: credential.signer.clone(),
            algorithm: algorithm.name().to_owned(),
            spki_sha256: DigestAlgorithm::Sha256.digest(&credential.spki).to_hex(),
        };
        self.storage().add_credential(&credential, self.entry(event)).await?;
        Ok(credential)
    }

    /// A PKCS#10 certification request for a credential's key, DER.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Custody`] also for a subject that cannot be read.
    pub async fn certification_request(
        &self,
        id: &CredentialId,
        subject: &str,
        protection: &Protection,
    ) -> Result<Vec<u8>> {
        let credential = self.any_credential(id).await?;
        let (custody, subject) = (self.backends.custody.clone(), subject.to_owned());
        let pin = pin_of(protection);
        let work = move || {
            let activation = stretched(custody.as_ref(), &credential, pin.as_ref())?;
            custody.certification_request(&KeyRef::of(&credential, activation.as_ref()), &subject)
        };
        Ok(blocking(work).await??)
    }

    /// Sets a signer's PIN. Keys under the old one are wrapped anew under it; with `include` so are those that are under none.
    ///
    /// # Errors
    /// [`ServiceError::WrongPin`], [`ServiceError::Invalid`] for a short PIN, [`ServiceError::NotFound`],
    /// [`ServiceError::Custody`].
    pub async fn change_pin(&self, id: &SignerId, old: Protection, new: Secret, include: Include) -> Result<usize> {
        self.signer(id).await?;
        strong(&new)?;
        let held = self.storage().credentials_of(id).await?;
        let wanted = |c: &Credential| c.factors == Factors::CodeAndPin || include == Include::All;
        let held: Vec<Credential> = held.into_iter().filter(wanted).collect();
        let hash = self.backends.sole_control.hash_pin(&new);
        let hash = hash.map_err(|error| ServiceError::Internal(error.to_string()))?;
        let custody = self.backends.custody.clone();
        let keys = blocking(move || {
            let rewrap = |credential: &Credential| {
                let activation = stretched(custody.as_ref(), credential, pin_of(&old).as_ref())?;
                let wrapped = custody.protect(&KeyRef::of(credential, activation.as_ref()), &new)?;
                Ok(Rewrapped { credential: credential.id.clone(), old: credential.key.clone(), new: wrapped })
            };
            held.iter().map(rewrap).collect::<std::result::Result<Vec<_>, CustodyError>>()
        });
        let keys = keys.await?.map_err(|error| match error {
            CustodyError::NotActivated(_) => ServiceError::WrongPin,
            other => other.into(),
        })?;
        let credentials = keys.iter().map(|key| key.credential.clone()).collect();
        let event = AuditEvent::PinChanged { signer: id.clone(), credentials };
        match self.storage().change_pin(id, &hash, &keys, self.entry(event)).await? {
            Outcome::Done => Ok(keys.len()),
            Outcome::Stale => Err(ServiceError::Internal("a key was changed meanwhile; try again".into())),
        }
    }

    /// Gives a pending credential its certificate and the certificates above it, the signer's first, and enables it.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when the certificate is unreadable, holds another key or lives longer than three years;
    /// [`ServiceError::NotFound`] when no such credential waits for one.
    pub async fn certify(&self, id: &CredentialId, chain: Vec<Vec<u8>>) -> Result<()> {
        let credential = self.any_credential(id).await?;
        let refused = |why| ServiceError::Invalid { what: "certificate", why };
        let first = chain.first().ok_or(refused("there is none"))?;
        let certificate = Certificate::from_der(first).map_err(|_| refused("it cannot be read"))?;
        if certificate.spki_der() != credential.spki {
            return Err(refused("it is for another key"));
        }
        let validity = certificate.validity();
        if (validity.not_after - validity.not_before).whole_days() > SUBSCRIBER_DAYS {
            return Err(refused("it is valid for more than three years"));
        }
        let certificate_sha256 = DigestAlgorithm::Sha256.digest(first).to_hex();
        let event = AuditEvent::CredentialCertified { credential: id.clone(), certificate_sha256 };
        match self.storage().certify(id, &chain, self.entry(event)).await? {
            Outcome::Done => Ok(()),
            Outcome::Stale => Err(ServiceError::NotFound("credential that waits for a certificate")),
        }
    }

    /// Enables or disables a certified credential.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn set_credential_status(&self, id: &CredentialId, status: KeyStatus) -> Result<()> {
        let event = AuditEvent::CredentialStatus { credential: id.clone(), status: status.name().to_owned() };
        match self.storage().set_status(id, status, self.entry(event)).await? {
            Outcome::Done => Ok(()),
            Outcome::Stale => Err(ServiceError::NotFound("credential")),
        }
    }

    /// All credentials of a signer, pending ones too.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn credentials_of(&self, signer: &SignerId) -> Result<Vec<Credential>> {
        Ok(self.storage().credentials_of(signer).await?)
    }

    /// Whether any credential came from the development PKI.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn holds_development_credentials(&self) -> Result<bool> {
        Ok(self.storage().holds_development_credentials().await?)
    }

    /// The whole audit chain, oldest first, and the first place where it is broken.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn audit(&self) -> Result<(Vec<AuditRecord>, std::result::Result<String, ChainError>)> {
        let mut records: Vec<AuditRecord> = Vec::new();
        loop {
            let after = records.last().map_or(0, |record| record.sequence);
            let page = self.storage().audit_after(after, AUDIT_PAGE).await?;
            if page.is_empty() {
                let checked = check_chain(&records);
                return Ok((records, checked));
            }
            records.extend(page);
        }
    }

    async fn any_credential(&self, id: &CredentialId) -> Result<Credential> {
        self.storage().credential(id).await?.ok_or(ServiceError::NotFound("credential"))
    }
}

/// Which keys a new PIN goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Include {
    /// Those that are under a PIN already.
    UnderPin,
    All,
}

fn generate(
    custody: &dyn KeyCustody,
    credential: &CredentialId,
    algorithm: KeyAlgorithm,
    protection: &Protection,
) -> std::result::Result<GeneratedKey, CustodyError> {
    let GeneratedKey { wrapped, spki } = custody.generate(credential, algorithm)?;
    let Protection::Pin(pin) = protection else { return Ok(GeneratedKey { wrapped, spki }) };
    let key = KeyRef { credential, algorithm, wrapped: &wrapped, spki: &spki, activation: None };
    let wrapped = custody.protect(&key, pin)?;
    Ok(GeneratedKey { wrapped, spki })
}

fn pin_of(protection: &Protection) -> Option<Secret> {
    match protection {
        Protection::None => None,
        Protection::Pin(pin) => Some(pin.clone()),
    }
}

fn stretched(
    custody: &dyn KeyCustody,
    credential: &Credential,
    pin: Option<&Secret>,
) -> std::result::Result<Option<Activation>, CustodyError> {
    pin.map(|pin| custody.stretch(&KeyRef::of(credential, None), pin)).transpose().map(Option::flatten)
}

/// One address and nothing that could make it two, or a header.
fn is_address(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    let part = |part: &str| !part.is_empty() && part.chars().all(plain);
    text.len() <= 254
        && text.split_once('@').is_some_and(|(local, domain)| part(local) && part(domain) && domain.contains('.'))
}

/// A PIN that keys are put under.
fn strong(pin: &Secret) -> Result<()> {
    let length = pin.expose().chars().count();
    let printable = !pin.expose().chars().any(char::is_control);
    if (6..=64).contains(&length) && printable {
        Ok(())
    } else {
        Err(ServiceError::Invalid { what: "pin", why: "6 to 64 characters without control characters" })
    }
}

fn named(name: String) -> Result<String> {
    let clean = name.trim();
    if clean.is_empty() || clean.chars().count() > 200 || clean.chars().any(char::is_control) {
        return Err(ServiceError::Invalid { what: "name", why: "1 to 200 characters without control characters" });
    }
    Ok(clean.to_owned())
}
