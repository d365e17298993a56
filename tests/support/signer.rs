//! A signer for tests and fuzz targets: a P-256 key made from a text, certified by a root made the same way.

#![allow(dead_code)] // Each test binary uses its own part.

use const_oid::ObjectIdentifier;
use kyso::crypto::{DigestAlgorithm, SignatureAlgorithm};
use kyso::formats::der::{tag, write};
use kyso::formats::pdf::{Password, Pdf, PdfError};
use kyso::formats::x509::Certificate;
use kyso::signing::attributes::{Profile, SignedAttributes};
use kyso::signing::cms::assemble;
use kyso::signing::{FieldChoice, PrepareRequest, Prepared, SigningError, embed, prepare};
use kyso::validation::report::FileReport;
use kyso::validation::{Evidence, Policy, RevocationPolicy, Setting, validate_pdf_with};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use time::OffsetDateTime;
use time::macros::datetime;

/// The moment of signing and of validation; the certificates are valid around it.
pub const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 +07:00);
const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);

pub struct TestSigner {
    key: SigningKey,
    certificate: Certificate,
    evidence: Evidence,
}

impl TestSigner {
    pub fn new() -> Self {
        let authority =
            [extension("2.5.29.19", &write::sequence(&[&[1, 1, 0xff]])), extension("2.5.29.15", &[3, 2, 1, 0x06])];
        let signer = [extension("2.5.29.15", &[3, 2, 6, 0xc0])];
        let root = certificate("Root", &authority.concat());
        let evidence = Evidence { anchors: vec![root], ..Evidence::default() };
        Self { key: key("An"), certificate: certificate("An", &signer.concat()), evidence }
    }

    /// The root the signer's certificate leads to.
    pub fn root(&self) -> &Certificate {
        &self.evidence.anchors[0]
    }

    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Signs invisibly; the file signed is the document followed by what comes back.
    pub fn sign(&self, pdf: &Pdf<'_>) -> Result<Vec<u8>, SigningError> {
        let request = PrepareRequest {
            field: FieldChoice::NewInvisible,
            signing_time: NOW,
            name: Some("Nguyễn Văn An".into()),
            reason: Some("Tôi đồng ý".into()),
            location: None,
            contact_info: None,
            certify: None,
            lock: None,
            contents_capacity: 4096,
        };
        self.finish(pdf.data(), &prepare(pdf, &request)?)
    }

    /// Makes the CMS for what was prepared on `original` and puts it into its place.
    pub fn finish(&self, original: &[u8], prepared: &Prepared) -> Result<Vec<u8>, SigningError> {
        let digest = prepared.digest(original, DigestAlgorithm::Sha256)?;
        let attributes = SignedAttributes::build(&digest, &self.certificate, Profile::Pades);
        let value: DerSignature = self.key.sign(attributes.der());
        let cms = assemble(&attributes, value.as_bytes(), ALGORITHM, &self.certificate, &[]).expect("a CMS");
        embed(prepared, &cms)
    }

    /// Our own verdict.
    pub fn validate(&self, file: &[u8], password: Option<&Password>) -> Result<FileReport, PdfError> {
        let policy = Policy::strict_with(RevocationPolicy::IfPresent);
        validate_pdf_with(file, password, Setting { evidence: &self.evidence, policy, time: NOW })
    }
}

fn key(seed: &str) -> SigningKey {
    SigningKey::from_slice(DigestAlgorithm::Sha256.digest(seed.as_bytes()).as_bytes()).expect("a key")
}

fn oid(text: &str) -> Vec<u8> {
    write::oid(&ObjectIdentifier::new_unwrap(text))
}

fn extension(id: &str, value: &[u8]) -> Vec<u8> {
    write::sequence(&[&oid(id), &[1, 1, 0xff], &write::octet_string(value)])
}

fn name(common_name: &str) -> Vec<u8> {
    let value = write::tlv(tag::UTF8_STRING, common_name.as_bytes());
    write::sequence(&[&write::set_of(vec![write::sequence(&[&oid("2.5.4.3"), &value])])])
}

/// A certificate issued by "Root".
fn certificate(subject: &str, extensions: &[u8]) -> Certificate {
    let algorithm = write::sequence(&[&oid("1.2.840.10045.4.3.2")]);
    let curve = write::sequence(&[&oid("1.2.840.10045.2.1"), &oid("1.2.840.10045.3.1.7")]);
    let point = key(subject).verifying_key().to_sec1_point(false);
    let (from, to) = (datetime!(2026-01-01 0:00 UTC), datetime!(2026-12-31 0:00 UTC));
    let tbs = write::sequence(&[
        &write::tlv(0xa0, &write::small_integer(2)),
        &write::small_integer(u8::try_from(subject.len()).expect("a short name")),
        &algorithm,
        &name("Root"),
        &write::sequence(&[&write::time(from), &write::time(to)]),
        &name(subject),
        &write::sequence(&[&curve, &write::bit_string(point.as_bytes())]),
        &write::tlv(0xa3, &write::tlv(tag::SEQUENCE, extensions)),
    ]);
    let value: DerSignature = key("Root").sign(&tbs);
    let der = write::sequence(&[&tbs, &algorithm, &write::bit_string(value.as_bytes())]);
    Certificate::from_der(&der).expect("a certificate")
}
