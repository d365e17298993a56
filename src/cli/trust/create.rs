//! The publisher's side: a manifest and the files it names become the content of a bundle, ready to be signed.
//!
//! ```json
//! {
//!   "publisher": "Sở Khoa học và Công nghệ tỉnh Mẫu",
//!   "number": 7,
//!   "valid_days": 90,
//!   "anchors": [{ "file": "roots/neac.pem", "note": "rootca.gov.vn, 2026-11-02", "permitted": ["dn:C=VN"], "excluded": [] }],
//!   "intermediates": ["cas/"],
//!   "crls": ["crls/"],
//!   "policy": "vietnam",
//!   "successors": ["next-publisher.pem"]
//! }
//! ```
//!
//! Relative paths begin at the manifest's folder. Without `issued` the bundle is dated now; `next_update` may stand for `valid_days`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde::Deserialize;
use time::{Duration, OffsetDateTime, UtcOffset};

use super::super::basis;
use super::super::material::{self, now};
use super::{COMMAND, say};
use crate::bundle::payload::Anchor;
use crate::bundle::{Fingerprint, Payload, limits};
use crate::formats::x509::Certificate;
use crate::validation::Evidence;

/// Largest manifest read, in bytes.
const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;

/// Longest time until the next bundle, in days: three years. Who trusts anchors for longer than that does not look after them.
const MAX_VALID_DAYS: u32 = 1_096;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The manifest (JSON): publisher, number, anchors, intermediates, crls, policy, successors
    manifest: PathBuf,

    /// Where to write the content
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// The bundle's number, instead of the manifest's
    #[arg(long)]
    number: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    publisher: String,
    number: Option<u64>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    issued: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    next_update: Option<OffsetDateTime>,
    valid_days: Option<u32>,
    anchors: Vec<AnchorFile>,
    #[serde(default)]
    intermediates: Vec<PathBuf>,
    #[serde(default)]
    crls: Vec<PathBuf>,
    policy: Option<String>,
    #[serde(default)]
    successors: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnchorFile {
    file: PathBuf,
    note: String,
    #[serde(default)]
    permitted: Vec<String>,
    #[serde(default)]
    excluded: Vec<String>,
}

impl Arguments {
    /// Writes the content and says how to go on.
    ///
    /// # Errors
    /// When the manifest or a file it names cannot be used.
    pub fn run(&self) -> anyhow::Result<u8> {
        let bytes =
            std::fs::read(&self.manifest).with_context(|| format!("cannot read {}", self.manifest.display()))?;
        ensure!(bytes.len() <= MAX_MANIFEST_BYTES, "the manifest is larger than {MAX_MANIFEST_BYTES} bytes");
        let manifest: Manifest =
            serde_json::from_slice(&bytes).with_context(|| format!("cannot use {}", self.manifest.display()))?;
        let folder = self.manifest.parent().unwrap_or(Path::new(""));
        let payload = manifest.payload(folder, self.number)?;
        remarks(&payload).iter().for_each(|remark| eprintln!("{COMMAND} create: {remark}"));
        let content = payload.to_canonical();
        // What cannot be read back must not be signed.
        Payload::from_canonical(&content)?;
        std::fs::write(&self.out, &content).with_context(|| format!("cannot write {}", self.out.display()))?;
        let (out, number, anchors) = (self.out.display(), payload.number, payload.anchors.len());
        say(&format!(
            "{out}: number {number}, {anchors} anchors, SHA-256 {}\n\
             sign it: kyso sign --format cms --enveloping --credential ID --out bundle.p7m {out}\n     \
             or: openssl cms -sign -cades -binary -nodetach -md sha256 -outform DER -signer publisher.pem -inkey KEY -in {out} \
             -out bundle.p7m\n",
            payload.sha256()
        ));
        Ok(0)
    }
}

impl Manifest {
    fn payload(self, folder: &Path, number: Option<u64>) -> anyhow::Result<Payload> {
        let Some(number) = number.or(self.number) else {
            bail!("the bundle has no number; write one or give --number")
        };
        let whole = |time: OffsetDateTime| {
            let time = time.to_offset(UtcOffset::UTC);
            time.replace_nanosecond(0).unwrap_or(time)
        };
        let issued = whole(self.issued.unwrap_or_else(now));
        let next_update = match (self.next_update, self.valid_days) {
            (Some(time), None) => whole(time),
            (None, Some(days)) if days <= MAX_VALID_DAYS => issued + Duration::days(i64::from(days)),
            (None, Some(_)) => bail!("valid_days is more than {MAX_VALID_DAYS}"),
            _ => bail!("exactly one of next_update and valid_days has to be there"),
        };
        let mut help = Evidence::default();
        let below = |paths: &[PathBuf]| paths.iter().map(|path| folder.join(path)).collect::<Vec<_>>();
        material::revocation(&below(&self.crls), COMMAND, &mut help)?;
        ensure!(help.ocsps.is_empty(), "a bundle carries CRLs, no OCSP responses: those are of one certificate each");
        let mut anchors = Vec::new();
        for anchor in &self.anchors {
            anchors.extend(anchor.read(folder)?);
        }
        let successors = self.successors.iter().map(|text| successor(text, folder)).collect::<Result<_, _>>()?;
        Ok(Payload {
            publisher: self.publisher,
            number,
            issued,
            next_update,
            successors,
            anchors,
            intermediates: distinct(material::certificates(&below(&self.intermediates), COMMAND)?),
            crls: help.crls,
            policy: self.policy.map(|name| basis::policy(&name, folder)).transpose()?,
        })
    }
}

impl AnchorFile {
    /// Every certificate of the file, with the same note and limits.
    fn read(&self, folder: &Path) -> anyhow::Result<Vec<Anchor>> {
        let certificates = material::certificates(&[folder.join(&self.file)], COMMAND)?;
        let limit = match self.permitted.is_empty() && self.excluded.is_empty() {
            true => None,
            false => Some(limits::encode(&self.permitted, &self.excluded).map_err(anyhow::Error::msg)?),
        };
        let anchor = |certificate| Anchor { certificate, note: self.note.clone(), limit: limit.clone() };
        Ok(distinct(certificates).into_iter().map(anchor).collect())
    }
}

/// A fingerprint, or the certificate in a file.
fn successor(text: &str, folder: &Path) -> anyhow::Result<Fingerprint> {
    if let Some(fingerprint) = Fingerprint::parse(text) {
        return Ok(fingerprint);
    }
    match material::certificates(&[folder.join(text)], COMMAND)?.as_slice() {
        [certificate] => Ok(Fingerprint::of(certificate)),
        _ => bail!("{text} does not hold exactly one certificate"),
    }
}

fn distinct(certificates: Vec<Certificate>) -> Vec<Certificate> {
    let mut kept: Vec<Certificate> = Vec::new();
    for certificate in certificates {
        if !kept.contains(&certificate) {
            kept.push(certificate);
        }
    }
    kept
}

/// What is allowed and looks like a mistake.
fn remarks(payload: &Payload) -> Vec<String> {
    let mut remarks = Vec::new();
    for Anchor { certificate, note, .. } in &payload.anchors {
        if !certificate.validity().contains(payload.issued) {
            remarks.push(format!("the anchor {} is not valid on the day of issue", certificate.subject()));
        }
        if note.trim().is_empty() {
            remarks.push(format!("the anchor {} has no note on where it came from", certificate.subject()));
        }
    }
    for crl in &payload.crls {
        if crl.next_update().is_some_and(|next| next < payload.issued) {
            remarks.push(format!("the CRL of {} is out of date on the day of issue", crl.issuer()));
        }
        let mut known = payload.anchors.iter().map(|anchor| &anchor.certificate).chain(&payload.intermediates);
        let signed = |c: &Certificate| c.public_key().is_ok_and(|key| crl.verify_issued_with(&key).is_ok());
        if !known.any(signed) {
            remarks.push(format!("no certificate of the bundle signed the CRL of {}", crl.issuer()));
        }
    }
    remarks
}
