//! What stands in a bundle, and the one form it is written in.
//!
//! The form is canonical: JSON, every member in the order below, indented by two spaces, a line's end at the end; certificates, CRLs and
//! NameConstraints as standard base64 of their DER; times in UTC and whole seconds. A payload that would be written differently is
//! refused, so that equal contents are equal octets, and no two readers understand one file differently.

use base64ct::{Base64, Encoding as _};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, UtcOffset};

use super::signed::Fingerprint;
use super::{MAX_BUNDLE_BYTES, Refusal};
use crate::crypto::DigestAlgorithm;
use crate::crypto::digest::hex;
use crate::formats::crl::CertificateList;
use crate::formats::x509::development::is_development_certificate;
use crate::formats::x509::extensions::name_constraints;
use crate::formats::x509::{Certificate, NameConstraints};
use crate::validation::Evidence;
use crate::validation::evidence::AnchorLimit;
use crate::validation::policy::{self, NamedPolicy};

const FORMAT: &str = "kyso-trust-bundle-1";

/// Most anchors: all of the European trusted lists together have some 400 for signatures.
pub const MAX_ANCHORS: usize = 1_024;

/// Most intermediates, and most CRLs: each is copied (by reference) and looked through for each signature.
pub const MAX_INTERMEDIATES: usize = 4_096;
pub const MAX_CRLS: usize = 1_024;

/// Most successors: a publisher changes its key one at a time, and may keep a spare.
const MAX_SUCCESSORS: usize = 8;

/// Longest publisher's name and note, in characters.
const MAX_NAME: usize = 200;
const MAX_NOTE: usize = 1_000;

/// A bundle's content, read and checked; equal contents have equal octets.
#[derive(Debug, Clone)]
pub struct Payload {
    /// What the publisher calls itself; whose signature counts is told by its certificate.
    pub publisher: String,
    /// From 1, growing with each bundle.
    pub number: u64,
    pub issued: OffsetDateTime,
    /// When a newer bundle is due: after it nobody knows whether the anchors are still trusted.
    pub next_update: OffsetDateTime,
    /// SHA-256 of certificates that may sign later bundles.
    pub successors: Vec<Fingerprint>,
    pub anchors: Vec<Anchor>,
    pub intermediates: Vec<Certificate>,
    /// Unverified, as all revocation information given.
    pub crls: Vec<CertificateList>,
    pub policy: Option<NamedPolicy>,
}

/// A trusted root.
#[derive(Debug, Clone)]
pub struct Anchor {
    pub certificate: Certificate,
    /// Where the certificate came from and how it was checked.
    pub note: String,
    /// NameConstraints it is trusted within, besides its own (RFC 5937), as DER and read.
    pub limit: Option<(Vec<u8>, NameConstraints)>,
}

impl Payload {
    /// Reads the canonical form.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] and [`Refusal::Policy`] name what is wrong.
    pub fn from_canonical(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > MAX_BUNDLE_BYTES {
            return Err(Refusal::TooLarge);
        }
        let wire: Wire = serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        let payload = wire.read()?;
        if payload.to_canonical() != bytes {
            return Err(malformed("the content is not in canonical form"));
        }
        Ok(payload)
    }

    /// Writes the canonical form.
    pub fn to_canonical(&self) -> Vec<u8> {
        let der = |der: &[u8]| Base64::encode_string(der);
        let wire = Wire {
            format: FORMAT.to_owned(),
            publisher: self.publisher.clone(),
            number: self.number,
            issued: self.issued,
            next_update: self.next_update,
            successors: self.successors.clone(),
            anchors: self.anchors.iter().map(AnchorWire::of).collect(),
            intermediates: self.intermediates.iter().map(|certificate| der(certificate.der())).collect(),
            crls: self.crls.iter().map(|crl| der(crl.der())).collect(),
            policy: self.policy.as_ref().map(|policy| policy.wire().clone()),
        };
        // Strings, numbers and times of four-digit years: serialising them cannot fail.
        let mut text = serde_json::to_vec_pretty(&wire).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// SHA-256 of the canonical form, in lower-case hexadecimal.
    pub fn sha256(&self) -> String {
        hex(DigestAlgorithm::Sha256.digest(&self.to_canonical()).as_bytes())
    }

    /// Checks what the form alone does not.
    ///
    /// # Errors
    /// As [`Self::from_canonical`].
    pub fn check(&self) -> Result<(), Refusal> {
        let counts = [
            (self.anchors.len(), MAX_ANCHORS, "anchors"),
            (self.intermediates.len(), MAX_INTERMEDIATES, "intermediates"),
            (self.crls.len(), MAX_CRLS, "CRLs"),
            (self.successors.len(), MAX_SUCCESSORS, "successors"),
        ];
        if let Some((count, most, what)) = counts.into_iter().find(|(count, most, _)| count > most) {
            return Err(malformed(format!("{count} {what}, more than {most}")));
        }
        if self.number == 0 {
            return Err(malformed("numbers begin with 1"));
        }
        if self.publisher.trim().is_empty() || self.publisher.chars().count() > MAX_NAME {
            return Err(malformed("the publisher's name is empty or longer than 200 characters"));
        }
        if self.anchors.iter().any(|anchor| anchor.note.chars().count() > MAX_NOTE) {
            return Err(malformed("a note is longer than 1000 characters"));
        }
        let plain = |time: &OffsetDateTime| {
            time.offset() == UtcOffset::UTC && time.nanosecond() == 0 && (1970..=9999).contains(&time.year())
        };
        if ![self.issued, self.next_update].iter().all(plain) || self.next_update <= self.issued {
            return Err(malformed("the dates are not in UTC and whole seconds, or next_update is not after issued"));
        }
        if self.anchors.is_empty() {
            return Err(malformed("there is no anchor"));
        }
        self.check_development()?;
        self.check_repetitions()
    }

    /// Development keys are worth nothing, and anybody has them.
    fn check_development(&self) -> Result<(), Refusal> {
        let anchors = self.anchors.iter().map(|anchor| &anchor.certificate);
        let mut trusted = anchors.chain(&self.intermediates);
        match trusted.find(|certificate| is_development_certificate(certificate.der())) {
            Some(found) => Err(Refusal::Development(found.subject().to_string())),
            None => Ok(()),
        }
    }

    fn check_repetitions(&self) -> Result<(), Refusal> {
        let anchors: Vec<&[u8]> = self.anchors.iter().map(|anchor| anchor.certificate.der()).collect();
        let intermediates: Vec<&[u8]> = self.intermediates.iter().map(Certificate::der).collect();
        let crls: Vec<&[u8]> = self.crls.iter().map(CertificateList::der).collect();
        for (mut items, what) in [(anchors, "an anchor"), (intermediates, "an intermediate"), (crls, "a CRL")] {
            items.sort_unstable();
            if items.windows(2).any(|pair| pair.first() == pair.last()) {
                return Err(malformed(format!("{what} stands there twice")));
            }
        }
        Ok(())
    }

    /// Adds intermediates and CRLs, which help and are believed for their own signatures only.
    pub fn help(&self, evidence: &mut Evidence) {
        evidence.certificates.extend(self.intermediates.iter().cloned());
        evidence.crls.extend(self.crls.iter().cloned());
    }

    /// The whole bundle as evidence: anchors and their limits too.
    pub fn evidence(&self) -> Evidence {
        let limit = |anchor: &Anchor| {
            let (_, names) = anchor.limit.clone()?;
            Some(AnchorLimit { anchor: anchor.certificate.clone(), names })
        };
        let mut evidence = Evidence {
            anchors: self.anchors.iter().map(|anchor| anchor.certificate.clone()).collect(),
            anchor_limits: self.anchors.iter().filter_map(limit).collect(),
            ..Evidence::default()
        };
        self.help(&mut evidence);
        evidence
    }
}

fn malformed(why: impl Into<String>) -> Refusal {
    Refusal::Malformed(why.into())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    format: String,
    publisher: String,
    number: u64,
    #[serde(with = "time::serde::rfc3339")]
    issued: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    next_update: OffsetDateTime,
    successors: Vec<Fingerprint>,
    anchors: Vec<AnchorWire>,
    intermediates: Vec<String>,
    crls: Vec<String>,
    policy: Option<policy::file::Wire>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnchorWire {
    certificate: String,
    note: String,
    name_constraints: Option<String>,
}

impl AnchorWire {
    fn of(anchor: &Anchor) -> Self {
        Self {
            certificate: Base64::encode_string(anchor.certificate.der()),
            note: anchor.note.clone(),
            name_constraints: anchor.limit.as_ref().map(|(der, _)| Base64::encode_string(der)),
        }
    }

    fn read(self) -> Result<Anchor, Refusal> {
        let limit = |text: String| -> Result<_, Refusal> {
            let der = decode(&text)?;
            let names = name_constraints(&der).map_err(|error| malformed(format!("name constraints: {error}")))?;
            Ok((der, names))
        };
        let limit = self.name_constraints.map(limit).transpose()?;
        Ok(Anchor { certificate: certificate(&self.certificate)?, note: self.note, limit })
    }
}

impl Wire {
    fn read(self) -> Result<Payload, Refusal> {
        if self.format != FORMAT {
            return Err(malformed(format!("it is not of the format {FORMAT}")));
        }
        let crl = |text: &String| {
            CertificateList::from_der(&decode(text)?).map_err(|error| malformed(format!("a CRL: {error}")))
        };
        let payload = Payload {
            publisher: self.publisher,
            number: self.number,
            issued: self.issued,
            next_update: self.next_update,
            successors: self.successors,
            anchors: self.anchors.into_iter().map(AnchorWire::read).collect::<Result<_, _>>()?,
            intermediates: self.intermediates.iter().map(|text| certificate(text)).collect::<Result<_, _>>()?,
            crls: self.crls.iter().map(crl).collect::<Result<_, _>>()?,
            policy: self.policy.map(NamedPolicy::from_wire).transpose()?,
        };
        payload.check()?;
        Ok(payload)
    }
}

fn decode(text: &str) -> Result<Vec<u8>, Refusal> {
    Base64::decode_vec(text).map_err(|_| malformed("a value is not base64"))
}

fn certificate(text: &str) -> Result<Certificate, Refusal> {
    Certificate::from_der(&decode(text)?).map_err(|error| malformed(format!("a certificate: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::testing::payload;
    use crate::formats::x509::testing::Issuer;

    #[test]
    fn canonical_form_reads_back_with_everything_in_it() {
        let made = payload(3);
        let read = Payload::from_canonical(&made.to_canonical()).expect("readable");
        assert_eq!((read.number, read.anchors.len(), read.intermediates.len(), read.crls.len()), (3, 2, 1, 1));
        assert_eq!(read.anchors[1].limit.as_ref().map(|(_, names)| names.permitted.len()), Some(1));
        assert_eq!(read.policy, made.policy);
        let evidence = read.evidence();
        assert_eq!((evidence.anchors.len(), evidence.anchor_limits.len()), (2, 1));
        assert_eq!((evidence.certificates.len(), evidence.crls.len()), (1, 1));
    }

    #[test]
    fn other_layout_order_and_unknown_members_are_refused() {
        let text = String::from_utf8(payload(3).to_canonical()).expect("UTF-8");
        let compact: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        for changed in [
            compact.to_string(),
            text.trim_end().to_owned(),
            format!("{text} "),
            text.replace("\"number\": 3", "\"number\": 3.0"),
            text.replace("\"number\": 3", "\"number\": 3, \"number\": 3"),
            text.replace("\"number\"", "\"nummer\": 1, \"number\""),
            text.replace("00Z\"", "00+00:00\""),
            text.replace("00Z\"", "00.5Z\""),
            text.replace("bundle-1", "bundle-2"),
            text.replace("\"number\": 3", "\"number\": 0"),
            text.replacen("\"certificate\": \"", "\"certificate\": \" ", 1),
        ] {
            assert_ne!(changed, text);
            assert!(matches!(Payload::from_canonical(changed.as_bytes()), Err(Refusal::Malformed(_))), "{changed}");
        }
    }

    #[test]
    fn repeated_and_missing_anchors_and_dates_in_the_wrong_order_are_refused() {
        let twice = payload(1);
        let twice = Payload { anchors: vec![twice.anchors[0].clone(), twice.anchors[0].clone()], ..twice };
        let none = Payload { anchors: vec![], ..payload(1) };
        let backwards = Payload { next_update: payload(1).issued, ..payload(1) };
        for bad in [twice, none, backwards] {
            assert!(matches!(Payload::from_canonical(&bad.to_canonical()), Err(Refusal::Malformed(_))));
        }
    }

    #[test]
    fn development_root_is_refused() {
        let mut payload = payload(1);
        payload.anchors[0].certificate = Issuer::root(crate::formats::x509::development::MARKER).certificate;
        let refusal = Payload::from_canonical(&payload.to_canonical()).expect_err("refused");
        assert_eq!(refusal.name(), "development");
    }

    #[test]
    fn more_intermediates_than_the_limit_are_refused() {
        let root = Issuer::root("Root").certificate;
        let many = Payload { intermediates: vec![root; MAX_INTERMEDIATES + 1], ..payload(1) };
        let refusal = Payload::from_canonical(&many.to_canonical()).expect_err("refused");
        assert!(refusal.to_string().contains("4097 intermediates"), "{refusal}");
    }
}
