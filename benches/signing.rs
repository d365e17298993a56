//! The worker of `signing.py`: does what one line on its input says, then answers with a line, and takes no times itself.
//! Who asks reads this process's processor clock before and after.
//!
//! ```text
//! raw ALGORITHM COUNT               signatures of the engine alone
//! kept ALGORITHM COUNT              … of the software custody, the opened key kept
//! each ALGORITHM COUNT              … the key unwrapped and opened for each
//! floor IN OUT COUNT                a document mapped, hashed once, written with 20 KB more
//! sign FOLDER IN OUT COUNT          the document mapped, signed with FOLDER/key.der (PKCS#8), written
//! ```

use std::collections::HashMap;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufRead as _, Write as _};
use std::path::Path;

use aws_lc_rs::digest::{self, digest};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, RsaKeyPair};
use kyso::crypto::{DigestAlgorithm, SignatureAlgorithm};
use kyso::custody::software::measure::{Measured, Opening};
use kyso::domain::KeyAlgorithm;
use kyso::formats::pdf::{Limits, Pdf};
use kyso::formats::x509::Certificate;
use kyso::mapping::Mapped;
use kyso::signing::attributes::{Profile, SignedAttributes};
use kyso::signing::cms::{assemble, cms_capacity};
use kyso::signing::extras::Extras;
use kyso::signing::{FieldChoice, PrepareRequest, embed, prepare};
use time::macros::datetime;

/// Bytes appended to the floor's copy: about what a signature with its chain takes.
const APPENDED: usize = 20_000;

fn main() {
    let mut worker = Worker::default();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        worker.work(&line.split(' ').collect::<Vec<_>>());
        println!("done");
    }
}

/// Keys stay from one command to the next.
#[derive(Default)]
struct Worker {
    raw: HashMap<String, RawKey>,
    custody: HashMap<String, Measured>,
    signers: HashMap<String, Signer>,
}

impl Worker {
    fn work(&mut self, words: &[&str]) {
        match words {
            ["raw", name, count] => {
                let key = self.raw.entry((*name).to_owned()).or_insert_with(|| RawKey::generate(algorithm(name)));
                repeat(count, || drop(black_box(key.sign())));
            }
            [how @ ("kept" | "each"), name, count] => {
                let opening = if *how == "kept" { Opening::Kept } else { Opening::EachTime };
                let made = || Measured::new(algorithm(name), opening).expect("a key");
                let measured = self.custody.entry(format!("{how} {name}")).or_insert_with(made);
                measured.sign(count.parse().expect("a count")).expect("signed");
            }
            ["floor", from, to, count] => repeat(count, || floor(Path::new(from), Path::new(to))),
            ["sign", folder, from, to, count] => {
                let signer =
                    self.signers.entry((*folder).to_owned()).or_insert_with(|| Signer::read(Path::new(folder)));
                repeat(count, || signer.sign(Path::new(from), Path::new(to)));
            }
            ["nothing"] => (),
            other => panic!("no such command: {other:?}"),
        }
    }
}

fn repeat(count: &str, mut work: impl FnMut()) {
    (0..count.parse::<u32>().expect("a count")).for_each(|_| work());
}

fn algorithm(name: &str) -> KeyAlgorithm {
    KeyAlgorithm::from_name(name).expect("a key algorithm")
}

/// A key of the engine with its hash ready.
enum RawKey {
    Rsa(RsaKeyPair, digest::Digest),
    Ec(EcdsaKeyPair, digest::Digest),
}

impl RawKey {
    fn generate(algorithm: KeyAlgorithm) -> Self {
        let (sha256, sha384) = (digest(&digest::SHA256, b"measured"), digest(&digest::SHA384, b"measured"));
        let rsa = |size| Self::Rsa(RsaKeyPair::generate(size).expect("a key"), sha256);
        let ec = |curve, hash| Self::Ec(EcdsaKeyPair::generate(curve).expect("a key"), hash);
        match algorithm {
            KeyAlgorithm::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyAlgorithm::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyAlgorithm::Rsa4096 => rsa(KeySize::Rsa4096),
            KeyAlgorithm::P256 => ec(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, sha256),
            KeyAlgorithm::P384 => ec(&signature::ECDSA_P384_SHA384_ASN1_SIGNING, sha384),
            other => panic!("{other} is not measured"),
        }
    }

    fn sign(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key, hash) => {
                let mut value = vec![0; key.public_modulus_len()];
                key.sign_digest(&signature::RSA_PKCS1_SHA256, hash, &mut value).expect("signed");
                value
            }
            Self::Ec(key, hash) => key.sign_digest(hash).expect("signed").as_ref().to_vec(),
        }
    }
}

/// What no signer can go below: the document mapped, hashed with the engine's SHA-256, and written with an update. Reading it
/// into memory instead would cost more and make every ratio smaller.
fn floor(from: &Path, to: &Path) {
    let document = Mapped::open(from).expect("mapped");
    let hash = digest(&digest::SHA256, &document);
    let mut update = vec![b' '; APPENDED];
    update[..32].copy_from_slice(hash.as_ref());
    write(to, &document, &update);
}

fn write(to: &Path, document: &[u8], update: &[u8]) {
    let mut out = File::create(to).expect("a file");
    out.write_all(document).expect("written");
    out.write_all(update).expect("written");
}

/// A signer's key in the engine custody uses, and certificates. The key comes from a file so that the peer has the same.
struct Signer {
    key: SignerKey,
    algorithm: SignatureAlgorithm,
    certificate: Certificate,
    chain: [Certificate; 1],
}

enum SignerKey {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl Signer {
    fn read(folder: &Path) -> Self {
        let file = |name: &str| fs::read(folder.join(name)).expect("a readable file");
        let certificate = |name: &str| Certificate::from_der(&file(name)).expect("a certificate");
        let pkcs8 = file("key.der");
        let (key, algorithm) = match EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8) {
            Ok(key) => (SignerKey::Ec(key), SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256)),
            Err(_) => {
                let key = RsaKeyPair::from_pkcs8(&pkcs8).expect("a P-256 or RSA key");
                (SignerKey::Rsa(key), SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha256))
            }
        };
        Self { key, algorithm, certificate: certificate("leaf.der"), chain: [certificate("ca.der")] }
    }

    /// The whole way of a B-B signature, as the service goes it.
    fn sign(&self, from: &Path, to: &Path) {
        let document = Mapped::open(from).expect("mapped");
        let pdf = Pdf::open_for_signing(&document, &Limits::default(), None).expect("a PDF");
        let prepared = prepare(&pdf, &self.request()).expect("prepared");
        let digest = prepared.digest(&document, DigestAlgorithm::Sha256).expect("hashed");
        let attributes = SignedAttributes::build(&digest, &self.certificate, Profile::Pades);
        let value = self.value(attributes.dtbsr(DigestAlgorithm::Sha256).as_bytes());
        let cms = assemble(&attributes, &value, self.algorithm, &self.certificate, &self.chain).expect("a message");
        write(to, &document, &embed(&prepared, &cms).expect("embedded"));
    }

    fn request(&self) -> PrepareRequest {
        let capacity = cms_capacity(&self.certificate, &self.chain, self.algorithm, &Extras::default(), 0);
        PrepareRequest {
            field: FieldChoice::NewInvisible,
            signing_time: datetime!(2026-11-26 12:00 UTC),
            name: Some(self.certificate.subject().common_name()),
            reason: None,
            location: None,
            contact_info: None,
            certify: None,
            lock: None,
            contents_capacity: capacity.expect("a capacity"),
        }
    }

    fn value(&self, dtbsr: &[u8]) -> Vec<u8> {
        let hash = digest::Digest::import_less_safe(dtbsr, &digest::SHA256).expect("a hash");
        match &self.key {
            SignerKey::Ec(key) => key.sign_digest(&hash).expect("signed").as_ref().to_vec(),
            SignerKey::Rsa(key) => {
                let mut value = vec![0; key.public_modulus_len()];
                key.sign_digest(&signature::RSA_PKCS1_SHA256, &hash, &mut value).expect("signed");
                value
            }
        }
    }
}
