//! A development PKI: CA, CRL, OCSP and TSA for the demonstration, the sandbox and the tests. Never to be trusted.
//!
//! Reading order: [`spec`] (`keys-dev/pki.toml`), [`marker`] (how its certificates are recognised and refused elsewhere),
//! `authority` (certificates and CRLs), `ledger` (what was issued and revoked), `directory` (the files), `tsa` and `ocsp` (the
//! responders, as functions from request to response).
//!
//! What this folder does not do: listen on a socket, know signers' keys (custody has them; a certification request comes
//! here), or serve production. Follows RFC 5280, RFC 6960, RFC 3161, RFC 5816.

mod authority;
mod directory;
mod ledger;
mod ocsp;
pub mod spec;
mod tsa;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use der::{Decode as _, Encode as _, EncodePem as _};
use spki::SubjectPublicKeyInfoOwned;
use time::{Duration, OffsetDateTime};
use x509_cert::crl::CertificateList;
use x509_cert::name::Name;
use x509_cert::request::CertReq;

use crate::crypto::{PublicKey, SignatureAlgorithm};
use crate::custody::CustodyError;
use crate::custody::software::request::parse_subject;
pub use crate::formats::x509::development::{self as marker, is_development_certificate};
use authority::{Identity, Profile, Subject, encoding};
use ledger::Ledger;
pub use ocsp::OcspMode;
pub use spec::{CertificateState, CredentialSpec, KnownOutcome, PkiSpec, SealSpec, SignerSpec};
pub use tsa::TsaMode;

/// How far a subscriber's validity begins before its issuance: clocks of verifiers differ.
const BACKDATE: Duration = Duration::minutes(5);
/// How long before generation an expired certificate ended.
const EXPIRED_FOR: Duration = Duration::days(30);

/// Paths under the base URL that issued certificates point to; the HTTP side serves them.
pub mod paths {
    /// The issuing CA's CRL, DER.
    pub const ISSUING_CRL: &str = "/pki/issuing.crl";
    /// The root's CRL, DER.
    pub const ROOT_CRL: &str = "/pki/root.crl";
    /// The issuing CA's certificate, DER.
    pub const ISSUING_CERTIFICATE: &str = "/pki/issuing.cer";
    /// The root's certificate, DER.
    pub const ROOT_CERTIFICATE: &str = "/pki/root.cer";
    /// RFC 6960, POST.
    pub const OCSP: &str = "/pki/ocsp";
    /// RFC 3161, POST.
    pub const TSA: &str = "/pki/tsa";
}

/// Why the development PKI could not be made, read or asked.
#[derive(Debug, thiserror::Error)]
pub enum DevPkiError {
    /// The specification is at fault.
    #[error("the PKI specification cannot be used: {0}")]
    Spec(String),
    /// The caller's request is at fault.
    #[error("no certificate is issued: {0}")]
    Refused(&'static str),
    /// The directory holds something else; nothing was touched.
    #[error("{0} holds files that are not of a development PKI; give another directory")]
    Foreign(PathBuf),
    /// A file of the directory is not what was written.
    #[error("the development PKI's directory is damaged ({0}); remove it, and a new one is made")]
    Damaged(String),
    #[error("{path} cannot be used: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Custody(#[from] CustodyError),
    #[error("a structure could not be encoded: {0}")]
    Encoding(String),
    #[error("the time is outside what certificates can hold")]
    Time,
    #[error("the random generator failed")]
    NoRandomness,
}

/// Which CA a CRL is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrlIssuer {
    Issuing,
    Root,
}

/// An opened development PKI. Its keys are in memory.
pub struct DevPki {
    spec: PkiSpec,
    directory: PathBuf,
    base_url: String,
    root: Identity,
    issuing: Identity,
    ocsp: Identity,
    tsa: Identity,
    ledger: Mutex<Ledger>,
}

impl DevPki {
    /// Opens the PKI in `directory`, after making it when it is missing or half-written.
    ///
    /// Certificates issued from now on point to `base_url` (e.g. `http://127.0.0.1:8080`) and [`paths`]. An existing complete
    /// directory is read as it is, whatever `spec` says of CAs; its `crl.pem` is made anew when half its time has passed.
    ///
    /// # Errors
    /// [`DevPkiError`]; a directory with foreign files in it is never touched.
    pub fn open(spec: PkiSpec, directory: &Path, base_url: &str, now: OffsetDateTime) -> Result<Self, DevPkiError> {
        let base_url = base_url.trim_end_matches('/').to_owned();
        if !directory::is_complete(directory) {
            directory::create(directory, &directory::generate(&spec, &base_url, now)?)?;
        }
        let stored = directory::load(directory)?;
        let pki = Self {
            spec,
            directory: directory.to_owned(),
            base_url,
            root: stored.root,
            issuing: stored.issuing,
            ocsp: stored.ocsp,
            tsa: stored.tsa,
            ledger: Mutex::new(stored.ledger),
        };
        pki.refresh_crl(now)?;
        Ok(pki)
    }

    pub fn spec(&self) -> &PkiSpec {
        &self.spec
    }

    /// The root's certificate, PEM.
    ///
    /// # Errors
    /// [`DevPkiError::Encoding`].
    pub fn root_pem(&self) -> Result<String, DevPkiError> {
        self.root.pem()
    }

    /// The root's certificate, DER.
    ///
    /// # Errors
    /// [`DevPkiError::Encoding`].
    pub fn root(&self) -> Result<Vec<u8>, DevPkiError> {
        self.root.der()
    }

    /// The issuing CA's certificate, DER.
    ///
    /// # Errors
    /// [`DevPkiError::Encoding`].
    pub fn issuing(&self) -> Result<Vec<u8>, DevPkiError> {
        self.issuing.der()
    }

    /// DER of what stands between a signer's certificate and the root, which is left out: the issuing CA.
    ///
    /// # Errors
    /// [`DevPkiError::Encoding`].
    pub fn chain(&self) -> Result<Vec<Vec<u8>>, DevPkiError> {
        Ok(vec![self.issuing()?])
    }

    /// Issues a subscriber certificate: DER, valid from five minutes ago for `validity`.
    ///
    /// `spki` is the DER of the subject's public key, `subject` an RFC 4514 name.
    ///
    /// # Errors
    /// [`DevPkiError::Refused`] for more than three years, or longer than the issuing CA lives.
    pub fn issue(
        &self,
        spki: &[u8],
        subject: &str,
        validity: Duration,
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, DevPkiError> {
        let public_key = usable_key(spki)?;
        self.issue_for(public_key, parse_subject(subject)?, now - BACKDATE, validity, now)
    }

    /// Issues the certificate of a credential of the specification, DER: for the key and subject of a PKCS#10 `request`,
    /// valid, expired or revoked as the specification says.
    ///
    /// # Errors
    /// As [`Self::issue`]; [`DevPkiError::Refused`] also when the request does not verify.
    pub fn issue_credential(
        &self,
        credential: &CredentialSpec,
        request: &[u8],
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, DevPkiError> {
        let (public_key, subject) = checked_request(request)?;
        let validity = Duration::days(i64::from(credential.days));
        let not_before = match credential.certificate {
            CertificateState::Valid => now - BACKDATE,
            CertificateState::Expired => now - EXPIRED_FOR - validity,
            // Issued an hour before it is revoked, so that it was good for a while.
            CertificateState::Revoked => now - BACKDATE - Duration::hours(1),
        };
        let certificate = self.issue_for(public_key, subject, not_before, validity, now)?;
        if credential.certificate == CertificateState::Revoked {
            self.revoke(&certificate, now)?;
        }
        Ok(certificate)
    }

    /// Revokes a certificate (DER) this PKI issued, for keyCompromise, and writes a new `crl.pem`.
    ///
    /// # Errors
    /// [`DevPkiError::Refused`] when it was not issued here.
    pub fn revoke(&self, certificate: &[u8], now: OffsetDateTime) -> Result<(), DevPkiError> {
        let refused = |_| DevPkiError::Refused("the certificate cannot be read");
        let certificate = x509_cert::Certificate::from_der(certificate).map_err(refused)?;
        let serial = certificate.tbs_certificate().serial_number().as_bytes();
        self.change_ledger(|ledger| match ledger.revoke(serial, now) {
            true => Ok(()),
            false => Err(DevPkiError::Refused("the certificate was not issued here")),
        })?;
        self.write_crl(now)
    }

    /// A fresh CRL of one CA, DER.
    ///
    /// # Errors
    /// [`DevPkiError`].
    pub fn crl(&self, issuer: CrlIssuer, now: OffsetDateTime) -> Result<Vec<u8>, DevPkiError> {
        self.issue_crl(issuer, now)?.to_der().map_err(encoding)
    }

    /// Fresh CRLs of the issuing CA and the root, one after the other, PEM.
    ///
    /// # Errors
    /// [`DevPkiError`].
    pub fn crl_pem(&self, now: OffsetDateTime) -> Result<String, DevPkiError> {
        let pem = |issuer| self.issue_crl(issuer, now)?.to_pem(der::pem::LineEnding::LF).map_err(encoding);
        Ok(pem(CrlIssuer::Issuing)? + &pem(CrlIssuer::Root)?)
    }

    /// Writes a new `crl.pem` when half the time of the present one has passed; call it now and then while serving.
    ///
    /// # Errors
    /// [`DevPkiError`].
    pub fn refresh_crl(&self, now: OffsetDateTime) -> Result<(), DevPkiError> {
        let half = Duration::days(i64::from(self.spec.crl_days)) / 2;
        match directory::crl_made_at(&self.directory) {
            Some(made) if made <= now && now < made + half => Ok(()),
            _ => self.write_crl(now),
        }
    }

    /// Answers a time-stamp request (RFC 3161): DER TimeStampReq in, DER TimeStampResp out; `now` is the genTime.
    ///
    /// # Errors
    /// [`DevPkiError`]; what is wrong with the request is told in the response, not here.
    pub fn timestamp(&self, request: &[u8], now: OffsetDateTime) -> Result<Vec<u8>, DevPkiError> {
        self.timestamp_as(TsaMode::Ok, request, now)
    }

    /// The same from an authority that behaves as `mode` says.
    ///
    /// # Errors
    /// As [`Self::timestamp`].
    pub fn timestamp_as(&self, mode: TsaMode, request: &[u8], now: OffsetDateTime) -> Result<Vec<u8>, DevPkiError> {
        match mode {
            TsaMode::UnknownSigner => {
                let (root, unit) = directory::stranger(&self.spec, &self.base_url, now)?;
                tsa::respond(&unit, &root, mode, request, now)
            }
            _ => tsa::respond(&self.tsa, &self.issuing, mode, request, now),
        }
    }

    /// Answers a status request (RFC 6960): DER OCSPRequest in, DER OCSPResponse out.
    ///
    /// # Errors
    /// [`DevPkiError`]; what is wrong with the request is told in the response, not here.
    pub fn ocsp(&self, request: &[u8], now: OffsetDateTime) -> Result<Vec<u8>, DevPkiError> {
        self.ocsp_as(OcspMode::Ok, request, now)
    }

    /// The same from a responder that behaves as `mode` says.
    ///
    /// # Errors
    /// As [`Self::ocsp`].
    pub fn ocsp_as(&self, mode: OcspMode, request: &[u8], now: OffsetDateTime) -> Result<Vec<u8>, DevPkiError> {
        ocsp::respond(&self.ocsp, &self.issuing, &self.ledger(), (mode, request), now)
    }

    fn issue_for(
        &self,
        public_key: SubjectPublicKeyInfoOwned,
        name: Name,
        not_before: OffsetDateTime,
        validity: Duration,
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, DevPkiError> {
        if validity > Duration::days(i64::from(spec::MAX_SUBSCRIBER_DAYS)) || !validity.is_positive() {
            return Err(DevPkiError::Refused("a subscriber certificate is valid for three years at most"));
        }
        let not_after = not_before + validity;
        if not_after > self.issuing.not_after()? || now > self.issuing.not_after()? {
            return Err(DevPkiError::Refused("it would outlive the issuing CA"));
        }
        let subject = Subject { name, public_key, not_before, not_after };
        let at = directory::issuing_locations(&self.base_url);
        let certificate = self.issuing.issue(subject, Profile::Subscriber(self.spec.policy), &at)?;
        let tbs = certificate.tbs_certificate();
        let (serial, subject) = (tbs.serial_number().as_bytes(), tbs.subject().to_string());
        self.change_ledger(|ledger| {
            ledger.add(serial, subject, not_after);
            Ok(())
        })?;
        certificate.to_der().map_err(encoding)
    }

    fn issue_crl(&self, issuer: CrlIssuer, now: OffsetDateTime) -> Result<CertificateList, DevPkiError> {
        let validity = Duration::days(i64::from(self.spec.crl_days));
        match issuer {
            CrlIssuer::Issuing => self.issuing.crl(self.ledger().revocations()?.iter(), now, validity),
            CrlIssuer::Root => self.root.crl(std::iter::empty(), now, validity),
        }
    }

    fn write_crl(&self, now: OffsetDateTime) -> Result<(), DevPkiError> {
        directory::replace(&self.directory, directory::CRL, self.crl_pem(now)?.as_bytes())
    }

    /// Changes the ledger on disk first, then in memory.
    fn change_ledger(&self, change: impl FnOnce(&mut Ledger) -> Result<(), DevPkiError>) -> Result<(), DevPkiError> {
        let mut ledger = self.ledger();
        let mut changed = ledger.clone();
        change(&mut changed)?;
        directory::replace(&self.directory, directory::LEDGER, changed.to_text()?.as_bytes())?;
        *ledger = changed;
        Ok(())
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // The ledger is replaced whole, so it is sound even after a panic elsewhere.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for DevPki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DevPki({})", self.directory.display())
    }
}

fn usable_key(spki: &[u8]) -> Result<SubjectPublicKeyInfoOwned, DevPkiError> {
    let refused = || DevPkiError::Refused("the public key cannot be used");
    let public_key = SubjectPublicKeyInfoOwned::from_der(spki).map_err(|_| refused())?;
    PublicKey::from_spki(&public_key).map_err(|_| refused())?;
    Ok(public_key)
}

fn checked_request(der: &[u8]) -> Result<(SubjectPublicKeyInfoOwned, Name), DevPkiError> {
    let refused = || DevPkiError::Refused("the certification request does not verify");
    let request = CertReq::from_der(der).map_err(|_| refused())?;
    let key = PublicKey::from_spki(&request.info.public_key).map_err(|_| refused())?;
    let algorithm = SignatureAlgorithm::from_identifier(&request.algorithm, None).map_err(|_| refused())?;
    let message = request.info.to_der().map_err(encoding)?;
    let signature = request.signature.as_bytes().ok_or_else(refused)?;
    key.verify(algorithm, &message, signature).map_err(|_| refused())?;
    Ok((request.info.public_key, request.info.subject))
}

#[cfg(test)]
mod tests;
