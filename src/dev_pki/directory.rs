//! The PKI's directory: made whole in a temporary place and moved into its own, read when it is complete.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use der::pem::LineEnding;
use der::{Decode as _, DecodePem as _, EncodePem as _};
use spki::SubjectPublicKeyInfoOwned;
use time::{Duration, OffsetDateTime};
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;
use zeroize::Zeroizing;

use super::authority::{Identity, Locations, Profile, Subject, encoding};
use super::ledger::Ledger;
use super::spec::{EntitySpec, PkiSpec};
use super::{DevPkiError, paths};
use crate::crypto::PublicKey;
use crate::crypto::digest::hex;
use crate::custody::software::engine::PrivateKey;
use crate::custody::software::request::parse_subject;
use crate::domain::KeyAlgorithm;

pub(super) const CRL: &str = "crl.pem";
pub(super) const LEDGER: &str = "issued.jsonl";
const FILES: [&str; 11] = [
    "root.pem",
    "root.key",
    "issuing.pem",
    "issuing.key",
    "ocsp.pem",
    "ocsp.key",
    "tsa.pem",
    "tsa.key",
    "chain.pem",
    CRL,
    LEDGER,
];
const KEY_LABEL: &str = "PRIVATE KEY";
/// Longest file read, in bytes: a ledger of a hundred thousand certificates.
const MAX_FILE: u64 = 32 << 20;

/// What a directory holds.
pub(super) struct Stored {
    pub root: Identity,
    pub issuing: Identity,
    pub ocsp: Identity,
    pub tsa: Identity,
    pub ledger: Ledger,
}

/// One file to be written.
pub(super) struct NewFile {
    name: &'static str,
    bytes: Zeroizing<Vec<u8>>,
}

pub(super) fn is_complete(directory: &Path) -> bool {
    FILES.iter().all(|name| directory.join(name).is_file())
}

/// Makes keys, certificates and first CRLs.
pub(super) fn generate(spec: &PkiSpec, base_url: &str, now: OffsetDateTime) -> Result<Vec<NewFile>, DevPkiError> {
    let key = PrivateKey::generate(spec.root.algorithm)?;
    let subject = entity(&spec.root, &key, now)?;
    let root = Identity::self_signed(key, subject)?;
    let issuing = issue(&root, &spec.issuing, Profile::IssuingCa, &root_locations(base_url), now)?;
    let at = issuing_locations(base_url);
    let ocsp = issue(&issuing, &spec.ocsp, Profile::OcspResponder, &at, now)?;
    let tsa = issue(&issuing, &spec.tsa, Profile::TimeStamping, &at, now)?;

    let crl = |issuer: &Identity| {
        let crl = issuer.crl(std::iter::empty(), now, Duration::days(i64::from(spec.crl_days)))?;
        crl.to_pem(LineEnding::LF).map_err(encoding)
    };
    let mut ledger = Ledger::default();
    for service in [&ocsp, &tsa] {
        let tbs = service.certificate.tbs_certificate();
        ledger.add(tbs.serial_number().as_bytes(), tbs.subject().to_string(), service.not_after()?);
    }
    let text = |name, text: String| NewFile { name, bytes: Zeroizing::new(text.into_bytes()) };
    Ok(vec![
        text("root.pem", root.pem()?),
        private_key("root.key", &root)?,
        text("issuing.pem", issuing.pem()?),
        private_key("issuing.key", &issuing)?,
        text("ocsp.pem", ocsp.pem()?),
        private_key("ocsp.key", &ocsp)?,
        text("tsa.pem", tsa.pem()?),
        private_key("tsa.key", &tsa)?,
        text("chain.pem", issuing.pem()? + &root.pem()?),
        text(CRL, crl(&issuing)? + &crl(&root)?),
        text(LEDGER, ledger.to_text()?),
    ])
}

/// Writes `files` beside `directory` and moves them there as one; a half-written directory is cleared before.
pub(super) fn create(directory: &Path, files: &[NewFile]) -> Result<(), DevPkiError> {
    clear(directory)?;
    let temporary = temporary_beside(directory)?;
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent).map_err(io_at(parent))?;
    }
    DirBuilder::new().mode(0o700).create(&temporary).map_err(io_at(&temporary))?;
    let written = files
        .iter()
        .try_for_each(|file| write_new(&temporary.join(file.name), &file.bytes))
        .and_then(|()| fs::rename(&temporary, directory).map_err(io_at(directory)));
    if written.is_err() {
        // Ours, made above under a random name.
        let _ = fs::remove_dir_all(&temporary);
    }
    written
}

/// Reads a complete directory.
pub(super) fn load(directory: &Path) -> Result<Stored, DevPkiError> {
    Ok(Stored {
        root: identity(directory, "root.pem", "root.key")?,
        issuing: identity(directory, "issuing.pem", "issuing.key")?,
        ocsp: identity(directory, "ocsp.pem", "ocsp.key")?,
        tsa: identity(directory, "tsa.pem", "tsa.key")?,
        ledger: Ledger::parse(&read(directory, LEDGER)?)?,
    })
}

/// Replaces one file as a whole.
pub(super) fn replace(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), DevPkiError> {
    let (path, temporary) = (directory.join(name), temporary_beside(&directory.join(name))?);
    write_new(&temporary, bytes)?;
    fs::rename(&temporary, &path).map_err(|source| {
        let _ = fs::remove_file(&temporary);
        DevPkiError::Io { path, source }
    })
}

/// thisUpdate of `crl.pem`; `None` when it is missing or cannot be read.
pub(super) fn crl_made_at(directory: &Path) -> Option<OffsetDateTime> {
    let text = read(directory, CRL).ok()?;
    let end = text.find("-----END X509 CRL-----")? + "-----END X509 CRL-----".len();
    let crl: CertificateList = CertificateList::from_pem(text.get(..end)?).ok()?;
    let seconds = i64::try_from(crl.tbs_cert_list.this_update.to_unix_duration().as_secs()).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

pub(super) fn issuing_locations(base_url: &str) -> Locations {
    Locations {
        crl: format!("{base_url}{}", paths::ISSUING_CRL),
        certificate: format!("{base_url}{}", paths::ISSUING_CERTIFICATE),
        ocsp: Some(format!("{base_url}{}", paths::OCSP)),
    }
}

fn root_locations(base_url: &str) -> Locations {
    Locations {
        crl: format!("{base_url}{}", paths::ROOT_CRL),
        certificate: format!("{base_url}{}", paths::ROOT_CERTIFICATE),
        // The responder speaks for the issuing CA only.
        ocsp: None,
    }
}

fn entity(spec: &EntitySpec, key: &PrivateKey, now: OffsetDateTime) -> Result<Subject, DevPkiError> {
    let not_before = now - spec.age();
    Ok(Subject {
        name: parse_subject(&spec.subject)?,
        public_key: SubjectPublicKeyInfoOwned::from_der(&key.spki()?).map_err(encoding)?,
        not_before,
        not_after: not_before + spec.validity(),
    })
}

fn issue(
    issuer: &Identity,
    spec: &EntitySpec,
    profile: Profile,
    at: &Locations,
    now: OffsetDateTime,
) -> Result<Identity, DevPkiError> {
    let key = PrivateKey::generate(spec.algorithm)?;
    let subject = entity(spec, &key, now)?;
    if subject.not_after > issuer.not_after()? {
        return Err(DevPkiError::Spec(format!("\"{}\" would outlive its issuer", spec.subject)));
    }
    let certificate = issuer.issue(subject, profile, at)?;
    Ok(Identity { key, certificate })
}

/// A root and a time-stamping unit with this PKI's names and keys that nobody knows; made for one answer, and gone after it.
pub(super) fn stranger(
    spec: &PkiSpec,
    base_url: &str,
    now: OffsetDateTime,
) -> Result<(Identity, Identity), DevPkiError> {
    let key = PrivateKey::generate(KeyAlgorithm::P256)?;
    let subject = entity(&spec.root, &key, now)?;
    let root = Identity::self_signed(key, subject)?;
    let unit = EntitySpec { algorithm: KeyAlgorithm::P256, ..spec.tsa.clone() };
    let unit = issue(&root, &unit, Profile::TimeStamping, &root_locations(base_url), now)?;
    Ok((root, unit))
}

fn private_key(name: &'static str, identity: &Identity) -> Result<NewFile, DevPkiError> {
    let pem = der::pem::encode_string(KEY_LABEL, LineEnding::LF, &identity.key.to_pkcs8()?).map_err(encoding)?;
    Ok(NewFile { name, bytes: Zeroizing::new(pem.into_bytes()) })
}

fn identity(directory: &Path, certificate: &str, key: &str) -> Result<Identity, DevPkiError> {
    let damaged = |name: &str| DevPkiError::Damaged(name.to_owned());
    let text = read(directory, certificate)?;
    let parsed = Certificate::from_pem(text.as_bytes()).map_err(|_| damaged(certificate))?;
    let spki = parsed.tbs_certificate().subject_public_key_info();
    let public_key = PublicKey::from_spki(spki).map_err(|_| damaged(certificate))?;
    let algorithm = key_algorithm(&public_key).ok_or_else(|| damaged(certificate))?;

    let pem = Zeroizing::new(read(directory, key)?);
    let (label, pkcs8) = der::pem::decode_vec(pem.as_bytes()).map_err(|_| damaged(key))?;
    let pkcs8 = Zeroizing::new(pkcs8);
    let private = PrivateKey::from_pkcs8(algorithm, &pkcs8).map_err(|_| damaged(key))?;
    let matches = SubjectPublicKeyInfoOwned::from_der(&private.spki()?).is_ok_and(|own| own == *spki);
    if label != KEY_LABEL || !matches {
        return Err(damaged(key));
    }
    Ok(Identity { key: private, certificate: parsed })
}

fn key_algorithm(key: &PublicKey) -> Option<KeyAlgorithm> {
    let is_rsa = matches!(key, PublicKey::Rsa(_));
    let fits =
        |algorithm: &KeyAlgorithm| usize::try_from(algorithm.bits()) == Ok(key.bits()) && algorithm.is_rsa() == is_rsa;
    KeyAlgorithm::ALL.into_iter().find(fits)
}

/// Removes a half-written PKI, but nothing else: a directory with other files in it stays as it is.
fn clear(directory: &Path) -> Result<(), DevPkiError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries.collect::<Result<Vec<_>, _>>().map_err(io_at(directory))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(DevPkiError::Io { path: directory.to_owned(), source }),
    };
    if !entries.iter().all(|entry| entry.file_name().to_str().is_some_and(is_own)) {
        return Err(DevPkiError::Foreign(directory.to_owned()));
    }
    entries.iter().try_for_each(|entry| fs::remove_file(entry.path()).map_err(io_at(&entry.path())))
}

/// One of [`FILES`], or what [`replace`] left of one when it was interrupted: `.NAME.` and random digits.
fn is_own(name: &str) -> bool {
    let base = name.strip_prefix('.').and_then(|rest| rest.rsplit_once('.')).map_or(name, |(base, _)| base);
    FILES.contains(&base)
}

fn temporary_beside(path: &Path) -> Result<PathBuf, DevPkiError> {
    let mut random = [0u8; 8];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| DevPkiError::NoRandomness)?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("pki");
    Ok(path.with_file_name(format!(".{name}.{}", hex(&random))))
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), DevPkiError> {
    // Certificates are public, keys are not.
    let mode = if path.extension().is_some_and(|extension| extension == "key") { 0o600 } else { 0o644 };
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all())).map_err(io_at(path))
}

fn read(directory: &Path, name: &str) -> Result<String, DevPkiError> {
    let path = directory.join(name);
    let size = fs::metadata(&path).map_err(io_at(&path))?.len();
    if size > MAX_FILE {
        return Err(DevPkiError::Damaged(format!("{name} is too large")));
    }
    fs::read_to_string(&path).map_err(io_at(&path))
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> DevPkiError + use<> {
    let path = path.to_owned();
    move |source| DevPkiError::Io { path, source }
}
