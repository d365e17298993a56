//! Another program's signing half: the document stays here, the key is somewhere else, and only a hash travels between them.
//!
//! ```text
//! PDF ──prepare──▶ hash of the document ──attributes──▶ hash to sign ──▶ (key holder) ──▶ value ──assemble──▶ CMS ──embed──▶ PDF
//! ```
//!
//! Run it with `cargo run --example deferred_signing --no-default-features`; `-- IN.pdf OUT.pdf` signs a file of yours.
//! Key and certificate are made for this run and trusted by nobody else.

use std::error::Error;
use std::str::FromStr as _;
use std::time::Duration;

use kyso::crypto::{Digest, DigestAlgorithm, SignatureAlgorithm};
use kyso::formats::pdf::Pdf;
use kyso::formats::x509::Certificate;
use kyso::signing::attributes::{Profile, SignedAttributes};
use kyso::signing::cms::{assemble, cms_capacity};
use kyso::signing::extras::Extras;
use kyso::signing::{FieldChoice, PrepareRequest, embed, prepare};
use kyso::validation::report::Integrity;
use kyso::validation::{Evidence, Policy, RevocationPolicy, Setting, validate_pdf};
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::ecdsa::{DerSignature, SigningKey};
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder as _, CertificateBuilder, Error as BuilderError};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::Encode as _;
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};
use x509_cert::ext::{Extension, ToExtension as _};
use x509_cert::spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use x509_cert::{name::Name, serial_number::SerialNumber, time::Validity};

type Fallible<T> = Result<T, Box<dyn Error>>;

const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);

/// Whoever holds the key: a smart card, an HSM, a remote service. It sees 32 octets and gives back a signature value.
struct KeyHolder(SigningKey);

impl KeyHolder {
    fn sign(&self, hash: &Digest) -> Fallible<Vec<u8>> {
        let value: DerSignature = self.0.sign_prehash(hash.as_bytes())?;
        Ok(value.as_bytes().to_vec())
    }

    /// A certificate of its own making; a real one comes from a certification authority.
    fn certificate(&self) -> Fallible<Certificate> {
        let profile = SelfIssued(Name::from_str("CN=Nguyễn Văn An,C=VN")?);
        let validity = Validity::from_now(Duration::from_secs(3600))?;
        let key = SubjectPublicKeyInfoOwned::from_key(self.0.verifying_key())?;
        let builder = CertificateBuilder::new(profile, SerialNumber::from(1_u32), validity, key)?;
        Ok(Certificate::from_der(&builder.build::<_, DerSignature>(&self.0)?.to_der()?)?)
    }
}

/// A certificate for signing documents, issued by its own subject.
struct SelfIssued(Name);

impl BuilderProfile for SelfIssued {
    fn get_issuer(&self, subject: &Name) -> Name {
        subject.clone()
    }

    fn get_subject(&self) -> Name {
        self.0.clone()
    }

    fn build_extensions(
        &self,
        _: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        certificate: &TbsCertificate,
    ) -> Result<Vec<Extension>, BuilderError> {
        let usage = KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation);
        Ok(vec![usage.to_extension(certificate.subject(), &[])?])
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge of a program is where the clock is read")]
fn main() -> Fallible<()> {
    let mut arguments = std::env::args().skip(1);
    let input =
        arguments.next().unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/samples/hoa-don-gtgt.pdf").into());
    let original = std::fs::read(&input)?;
    let holder = KeyHolder(SigningKey::from_slice(&[7; 32])?);
    let certificate = holder.certificate()?;
    let now = time::OffsetDateTime::now_utc();

    // 1. The document with room for the signature. `prepared` can be stored until the value arrives.
    let pdf = Pdf::open(&original, &kyso::formats::pdf::Limits::default())?;
    let prepared = prepare(
        &pdf,
        &PrepareRequest {
            field: FieldChoice::NewInvisible,
            signing_time: now,
            name: Some("Nguyễn Văn An".into()),
            reason: Some("Tôi đồng ý với nội dung".into()),
            location: None,
            contact_info: None,
            certify: None,
            lock: None,
            contents_capacity: cms_capacity(&certificate, &[], ALGORITHM, &Extras::default(), 0)?,
        },
    )?;

    // 2. What is signed: attributes that name the document's hash and the signer's certificate. Their hash goes out.
    let document = prepared.digest(&original, DigestAlgorithm::Sha256)?;
    let attributes = SignedAttributes::build(&document, &certificate, Profile::Pades);
    let hash = attributes.dtbsr(DigestAlgorithm::Sha256);
    println!("hash to sign  {}", hash.to_hex());

    // 3. Elsewhere, at some other time.
    let value = holder.sign(&hash)?;

    // 4. The value comes in. It is verified before anything is released; the earlier bytes of the file stay as they are.
    let cms = assemble(&attributes, &value, ALGORITHM, &certificate, &[])?;
    let signed = [original.as_slice(), &embed(&prepared, &cms)?].concat();

    // 5. The verifier's own verdict, with the certificate as the only trust anchor.
    let evidence = Evidence { anchors: vec![certificate], ..Evidence::default() };
    let policy = Policy::strict_with(RevocationPolicy::IfPresent);
    let report = validate_pdf(&signed, Setting { evidence: &evidence, policy, time: now })?;
    let signature = report.signatures.first().ok_or("no signature was found")?;
    println!("verdict       {}", signature.indication().as_str());
    println!("integrity     {}", if signature.integrity == Integrity::Intact { "intact" } else { "broken" });
    if let Some(output) = arguments.next() {
        std::fs::write(output, signed)?;
    }
    Ok(())
}
