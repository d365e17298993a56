//! A small certification authority for unit tests: P-256 keys made from names, certificates valid in 2026.

use const_oid::ObjectIdentifier;
use p256::ecdsa::{DerSignature, SigningKey, signature::Signer as _};
use time::{OffsetDateTime, macros::datetime};

use super::{Certificate, Validity};
use crate::crypto::{DigestAlgorithm, SignatureAlgorithm};
use crate::formats::der::{tag, write};

/// A key with its certificate.
pub(crate) struct Issuer {
    pub key: SigningKey,
    pub certificate: Certificate,
}

/// What to put into the next certificate.
pub(crate) struct Template {
    pub subject: Vec<u8>,
    pub key_seed: String,
    pub validity: Validity,
    pub serial: u8,
    /// Complete Extension elements, basicConstraints and keyUsage first.
    pub base: Vec<Vec<u8>>,
    pub extra: Vec<Vec<u8>>,
}

/// What an OCSP response of [`Issuer::ocsp`] says.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    Good,
    Unknown,
    /// Date and CRLReason.
    Revoked(OffsetDateTime, u8),
}

impl Template {
    pub fn signer(common_name: &str) -> Self {
        let usage = critical("2.5.29.15", &[3, 2, 6, 0xc0]);
        Self::new(common_name, vec![usage])
    }

    pub fn authority(common_name: &str) -> Self {
        let constraints = critical("2.5.29.19", &write::sequence(&[&[1, 1, 0xff]]));
        let usage = critical("2.5.29.15", &[3, 2, 1, 0x06]);
        Self::new(common_name, vec![constraints, usage])
    }

    /// A time-stamping unit: critical extKeyUsage with its purpose alone.
    pub fn time_stamping(common_name: &str) -> Self {
        Self { extra: vec![purposes("1.3.6.1.5.5.7.3.8")], ..Self::signer(common_name) }
    }

    /// A delegated OCSP responder with id-pkix-ocsp-nocheck.
    pub fn responder(common_name: &str) -> Self {
        let nocheck = extension("1.3.6.1.5.5.7.48.1.5", &[5, 0]);
        Self { extra: vec![purposes("1.3.6.1.5.5.7.3.9"), nocheck], ..Self::signer(common_name) }
    }

    fn new(common_name: &str, base: Vec<Vec<u8>>) -> Self {
        Self {
            subject: name(&[("2.5.4.3", tag::UTF8_STRING, common_name)]),
            key_seed: common_name.to_owned(),
            validity: Validity {
                not_before: datetime!(2026-01-01 0:00 UTC),
                not_after: datetime!(2026-12-31 0:00 UTC),
            },
            serial: 7,
            base,
            extra: Vec::new(),
        }
    }
}

impl Issuer {
    pub fn root(common_name: &str) -> Self {
        let template = Template { serial: 1, ..Template::authority(common_name) };
        let key = key(&template.key_seed);
        let der = sign_certificate(&template, &template.subject, &key);
        Self { key, certificate: Certificate::from_der(&der).expect("root") }
    }

    pub fn issue(&self, template: &Template) -> Self {
        let certificate = Certificate::from_der(&self.issue_der(template)).expect("certificate");
        Self { key: key(&template.key_seed), certificate }
    }

    pub fn issue_der(&self, template: &Template) -> Vec<u8> {
        sign_certificate(template, self.certificate.subject().der(), &self.key)
    }

    /// A CRL of this issuer. `revoked` holds serial numbers and times, `extensions` complete Extension elements.
    pub fn crl(
        &self,
        this: OffsetDateTime,
        next: OffsetDateTime,
        revoked: &[(u8, OffsetDateTime)],
        extensions: &[Vec<u8>],
    ) -> Vec<u8> {
        let entries: Vec<u8> = revoked.iter().flat_map(|(serial, at)| entry(*serial, *at, &[])).collect();
        self.crl_of(this, next, &entries, extensions)
    }

    /// A CRL of this issuer with these entries, one after the other.
    pub fn crl_of(
        &self,
        this: OffsetDateTime,
        next: OffsetDateTime,
        entries: &[u8],
        extensions: &[Vec<u8>],
    ) -> Vec<u8> {
        let tbs = self.crl_tbs(&ecdsa_sha256(), (this, next), entries, extensions);
        sign(&tbs, &self.key)
    }

    /// A CRL signed with ECDSA and SHA-1.
    pub fn crl_by_sha1(&self, this: OffsetDateTime, next: OffsetDateTime, revoked: &[(u8, OffsetDateTime)]) -> Vec<u8> {
        let entries: Vec<u8> = revoked.iter().flat_map(|(serial, at)| entry(*serial, *at, &[])).collect();
        self.crl_by_sha1_of(this, next, &entries, &[])
    }

    pub fn crl_by_sha1_of(
        &self,
        this: OffsetDateTime,
        next: OffsetDateTime,
        entries: &[u8],
        extensions: &[Vec<u8>],
    ) -> Vec<u8> {
        let algorithm = write::sequence(&[&write::oid(&identifier("1.2.840.10045.4.1"))]);
        let tbs = self.crl_tbs(&algorithm, (this, next), entries, extensions);
        let signature: DerSignature = {
            use p256::ecdsa::signature::hazmat::PrehashSigner as _;
            self.key.sign_prehash(DigestAlgorithm::Sha1.digest(&tbs).as_bytes()).expect("signature")
        };
        write::sequence(&[&tbs, &algorithm, &write::bit_string(signature.as_bytes())])
    }

    fn crl_tbs(
        &self,
        algorithm: &[u8],
        (this, next): (OffsetDateTime, OffsetDateTime),
        entries: &[u8],
        extensions: &[Vec<u8>],
    ) -> Vec<u8> {
        let mut parts = vec![
            write::small_integer(1),
            algorithm.to_vec(),
            self.certificate.subject().der().to_vec(),
            write::time(this),
            write::time(next),
        ];
        if !entries.is_empty() {
            parts.push(write::tlv(tag::SEQUENCE, entries));
        }
        if !extensions.is_empty() {
            parts.push(write::tlv(0xa0, &write::tlv(tag::SEQUENCE, &extensions.concat())));
        }
        write::tlv(tag::SEQUENCE, &parts.concat())
    }

    /// An OCSPResponse signed by this key about a certificate of `issuer`, with these certificates along.
    pub fn ocsp(
        &self,
        issuer: &Issuer,
        certificate: &Certificate,
        answer: Answer,
        (this, next): (OffsetDateTime, OffsetDateTime),
        certificates: &[&Certificate],
    ) -> Vec<u8> {
        let sha1 = DigestAlgorithm::Sha1;
        let id = write::sequence(&[
            &write::sequence(&[&write::oid(&sha1.oid()), &[5, 0]]),
            &write::octet_string(sha1.digest(issuer.certificate.subject().der()).as_bytes()),
            &write::octet_string(sha1.digest(issuer.key.verifying_key().to_sec1_point(false).as_bytes()).as_bytes()),
            &write::tlv(2, certificate.serial()),
        ]);
        let status = match answer {
            Answer::Good => vec![0x80, 0],
            Answer::Unknown => vec![0x82, 0],
            Answer::Revoked(date, reason) => {
                write::tlv(0xa1, &[generalized(date), vec![0xa0, 3, 0x0a, 1, reason]].concat())
            }
        };
        let single = write::sequence(&[&id, &status, &generalized(this), &write::tlv(0xa0, &generalized(next))]);
        let data = write::sequence(&[
            &write::tlv(0xa1, self.certificate.subject().der()),
            &generalized(this),
            &write::sequence(&[&single]),
        ]);
        let list: Vec<u8> = certificates.iter().flat_map(|certificate| certificate.der().to_vec()).collect();
        let basic = write::sequence(&[
            &data,
            &ecdsa_sha256(),
            &write::bit_string(&self.sign(&data)),
            &write::tlv(0xa0, &write::tlv(tag::SEQUENCE, &list)),
        ]);
        let bytes = write::sequence(&[&write::oid(&identifier("1.3.6.1.5.5.7.48.1.1")), &write::octet_string(&basic)]);
        write::sequence(&[&[0x0a, 1, 0], &write::tlv(0xa0, &bytes)])
    }

    /// ECDSA with SHA-256 over `message`, DER.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.key.sign(message);
        signature.as_bytes().to_vec()
    }
}

/// An entry of a CRL; `extensions` holds complete Extension elements.
pub(crate) fn entry(serial: u8, at: OffsetDateTime, extensions: &[Vec<u8>]) -> Vec<u8> {
    let listed = if extensions.is_empty() { Vec::new() } else { write::tlv(tag::SEQUENCE, &extensions.concat()) };
    write::sequence(&[&write::small_integer(serial), &write::time(at), &listed])
}

pub(crate) fn extension(oid: &str, value: &[u8]) -> Vec<u8> {
    write::sequence(&[&write::oid(&identifier(oid)), &write::octet_string(value)])
}

pub(crate) fn critical(oid: &str, value: &[u8]) -> Vec<u8> {
    write::sequence(&[&write::oid(&identifier(oid)), &[1, 1, 0xff], &write::octet_string(value)])
}

/// A critical extKeyUsage with one purpose.
pub(crate) fn purposes(oid: &str) -> Vec<u8> {
    critical("2.5.29.37", &write::sequence(&[&write::oid(&identifier(oid))]))
}

pub(crate) fn generalized(time: OffsetDateTime) -> Vec<u8> {
    let (date, clock) = (time.date(), time.time());
    let text = format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    );
    write::tlv(tag::GENERALIZED_TIME, text.as_bytes())
}

/// A Name of single-attribute parts: type, string tag, text.
pub(crate) fn name(parts: &[(&str, u8, &str)]) -> Vec<u8> {
    let rdns = parts.iter().map(|(oid, tag, text)| {
        let attribute = write::sequence(&[&write::oid(&identifier(oid)), &write::tlv(*tag, text.as_bytes())]);
        write::set_of(vec![attribute])
    });
    write::tlv(tag::SEQUENCE, &rdns.collect::<Vec<_>>().concat())
}

pub(crate) fn pem(der: &[u8]) -> String {
    use ::der::pem::{LineEnding, encode_string};
    encode_string("CERTIFICATE", LineEnding::LF, der).expect("PEM")
}

/// A P-256 key made from a text.
pub(crate) fn key(seed: &str) -> SigningKey {
    SigningKey::from_slice(DigestAlgorithm::Sha256.digest(seed.as_bytes()).as_bytes()).expect("key")
}

pub(crate) fn ecdsa_sha256() -> Vec<u8> {
    use ::der::Encode as _;
    SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256).to_identifier().expect("identifier").to_der().expect("DER")
}

fn identifier(oid: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(oid)
}

fn sign_certificate(template: &Template, issuer: &[u8], issuer_key: &SigningKey) -> Vec<u8> {
    let subject_key = key(&template.key_seed);
    let point = subject_key.verifying_key().to_sec1_point(false);
    let curve = write::sequence(&[
        &write::oid(&identifier("1.2.840.10045.2.1")),
        &write::oid(&identifier("1.2.840.10045.3.1.7")),
    ]);
    let spki = write::sequence(&[&curve, &write::bit_string(point.as_bytes())]);
    let validity =
        write::sequence(&[&write::time(template.validity.not_before), &write::time(template.validity.not_after)]);
    let extensions = [template.base.concat(), template.extra.concat()].concat();
    let tbs = write::sequence(&[
        &write::tlv(0xa0, &write::small_integer(2)),
        &write::small_integer(template.serial),
        &ecdsa_sha256(),
        issuer,
        &validity,
        &template.subject,
        &spki,
        &write::tlv(0xa3, &write::tlv(tag::SEQUENCE, &extensions)),
    ]);
    sign(&tbs, issuer_key)
}

fn sign(tbs: &[u8], key: &SigningKey) -> Vec<u8> {
    let signature: DerSignature = key.sign(tbs);
    write::sequence(&[tbs, &ecdsa_sha256(), &write::bit_string(signature.as_bytes())])
}
