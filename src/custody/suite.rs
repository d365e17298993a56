//! The tests every custody backend passes. A backend's own tests call [`run`] with the key types it makes.

use std::io::Write as _;
use std::process::{Command, Stdio};

use der::{Decode as _, Encode as _};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::request::CertReq;

use super::{CustodyError, GeneratedKey, KeyCustody, KeyRef};
use crate::crypto::{CryptoError, Digest, DigestAlgorithm, MlDsaSet, PublicKey, SignatureAlgorithm};
use crate::domain::{AuthorizedHash, CredentialId, KeyAlgorithm};

const STRONG: [DigestAlgorithm; 3] = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];
const SUBJECT: &str = "CN=Nguyễn Văn An,UID=CCCD:001085000001,L=Quận Ba Đình,ST=Hà Nội,C=VN";

/// Runs the whole suite for each of `algorithms`.
///
/// # Panics
/// On the first thing the backend does wrong.
pub fn run(custody: &dyn KeyCustody, algorithms: &[KeyAlgorithm]) {
    for algorithm in algorithms {
        let case = Case::new(custody, *algorithm);
        case.public_key_has_its_type_and_size();
        case.every_supported_algorithm_signs_the_digest_it_is_given();
        case.every_supported_algorithm_signs_the_message_it_is_given();
        case.a_pure_scheme_signs_no_bare_hash();
        case.what_the_key_cannot_do_is_refused();
        case.an_authorisation_for_another_credential_is_refused();
        case.a_key_opens_only_with_what_it_is_bound_to();
        case.the_certification_request_proves_possession();
        case.malformed_subjects_are_refused();
        case.two_keys_differ();
    }
}

struct Case<'a> {
    custody: &'a dyn KeyCustody,
    algorithm: KeyAlgorithm,
    credential: CredentialId,
    made: GeneratedKey,
}

impl<'a> Case<'a> {
    fn new(custody: &'a dyn KeyCustody, algorithm: KeyAlgorithm) -> Self {
        let credential = id(&format!("suite-{algorithm}"));
        let made = custody.generate(&credential, algorithm).expect("a key is generated");
        Self { custody, algorithm, credential, made }
    }

    fn key(&self) -> KeyRef<'_> {
        KeyRef {
            credential: &self.credential,
            algorithm: self.algorithm,
            wrapped: &self.made.wrapped,
            spki: &self.made.spki,
            activation: None,
        }
    }

    fn public_key(&self) -> PublicKey {
        public_key(&self.made.spki)
    }

    fn sign(&self, algorithm: SignatureAlgorithm, digest: &Digest) -> Result<Vec<u8>, CustodyError> {
        let token = AuthorizedHash::for_test(&self.credential, algorithm, digest.clone());
        self.custody.sign(&self.key(), token).map(|value| value.0)
    }

    fn sign_message(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, CustodyError> {
        let digest = algorithm.message_digest().digest(message);
        let token = AuthorizedHash::for_test(&self.credential, algorithm, digest);
        let token = token.with_message(message.to_vec()).expect("its own hash");
        self.custody.sign(&self.key(), token).map(|value| value.0)
    }

    fn public_key_has_its_type_and_size(&self) {
        let key = self.public_key();
        assert_eq!(key.bits(), self.algorithm.bits() as usize);
        assert_eq!(matches!(key, PublicKey::Rsa(_)), self.algorithm.is_rsa());
    }

    fn every_supported_algorithm_signs_the_digest_it_is_given(&self) {
        for algorithm in supported(self.algorithm) {
            let Some(hash) = algorithm.digest() else { continue };
            let (digest, other) = (hash.digest(b"this"), hash.digest(b"that"));
            let value = self.sign(algorithm, &digest).unwrap_or_else(|e| panic!("{}: {e}", algorithm.name()));
            let name = format!("{} with {}", self.algorithm, algorithm.name());
            assert!(self.public_key().verify_digest(algorithm, &digest, &value).is_ok(), "{name}");
            let wrong = self.public_key().verify_digest(algorithm, &other, &value);
            assert_eq!(wrong, Err(CryptoError::BadSignature), "{name}");
            assert_eq!(self.custody.probe(&self.key(), algorithm), Ok(()), "{name}");
        }
    }

    fn every_supported_algorithm_signs_the_message_it_is_given(&self) {
        for algorithm in supported(self.algorithm) {
            let name = format!("{} with {}", self.algorithm, algorithm.name());
            let value = self.sign_message(algorithm, b"this").unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(self.public_key().verify(algorithm, b"this", &value).is_ok(), "{name}");
            let wrong = self.public_key().verify(algorithm, b"that", &value);
            assert_eq!(wrong, Err(CryptoError::BadSignature), "{name}");
            assert_eq!(self.custody.probe(&self.key(), algorithm), Ok(()), "{name}");
        }
    }

    fn a_pure_scheme_signs_no_bare_hash(&self) {
        let (algorithm, digest) = default_digest(self.algorithm);
        let refused = matches!(self.sign(algorithm, &digest), Err(CustodyError::Unsupported(_)));
        assert_eq!(refused, self.algorithm.is_pure());
    }

    fn what_the_key_cannot_do_is_refused(&self) {
        let foreign = if self.algorithm.is_rsa() {
            SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256)
        } else {
            SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha256)
        };
        let weak = match self.algorithm.is_rsa() {
            true => SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha1),
            false => SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha1),
        };
        let pure = match self.algorithm {
            KeyAlgorithm::Ed25519 => SignatureAlgorithm::MlDsa(MlDsaSet::MlDsa65),
            _ => SignatureAlgorithm::Ed25519,
        };
        for algorithm in [foreign, weak, pure] {
            let digest = algorithm.message_digest().digest(b"x");
            assert!(matches!(self.sign_message(algorithm, b"x"), Err(CustodyError::Unsupported(_))));
            assert!(matches!(self.sign(algorithm, &digest), Err(CustodyError::Unsupported(_))));
            assert!(matches!(self.custody.probe(&self.key(), algorithm), Err(CustodyError::Unsupported(_))));
        }
        // A digest made with another hash than the algorithm names.
        let own = self.algorithm.default_signature();
        let other = match own.message_digest() {
            DigestAlgorithm::Sha512 => DigestAlgorithm::Sha256,
            _ => DigestAlgorithm::Sha512,
        };
        let mixed = self.sign(own, &other.digest(b"x"));
        assert!(matches!(mixed, Err(CustodyError::Unsupported(_))));
    }

    fn an_authorisation_for_another_credential_is_refused(&self) {
        let (algorithm, digest) = default_digest(self.algorithm);
        let token = AuthorizedHash::for_test(&id("another"), algorithm, digest);
        assert_eq!(self.custody.sign(&self.key(), token), Err(CustodyError::WrongCredential));
    }

    fn a_key_opens_only_with_what_it_is_bound_to(&self) {
        let other = id("another");
        let made = self.custody.generate(&other, self.algorithm).expect("generated");
        let moved = KeyRef { credential: &other, ..self.key() };
        let exchanged = KeyRef { spki: &made.spki, ..self.key() };
        let replaced = KeyRef { wrapped: &made.wrapped, ..self.key() };
        for wrong in [moved, exchanged, replaced] {
            let (algorithm, digest) = default_digest(self.algorithm);
            let refused = Err(CustodyError::CannotUnwrap(wrong.credential.clone()));
            let token = AuthorizedHash::for_test(wrong.credential, algorithm, digest);
            let token = token.with_message(b"x".to_vec()).expect("its own hash");
            assert_eq!(self.custody.probe(&wrong, algorithm), refused);
            assert_eq!(self.custody.certification_request(&wrong, SUBJECT).map(|_| ()), refused);
            assert_eq!(self.custody.sign(&wrong, token).map(|_| ()), refused);
        }
    }

    fn the_certification_request_proves_possession(&self) {
        let der = self.custody.certification_request(&self.key(), SUBJECT).expect("request");
        let request = CertReq::from_der(&der).expect("PKCS#10");
        assert_eq!(request.info.subject.to_string(), SUBJECT);
        assert_eq!(request.info.public_key.to_der().expect("DER"), self.made.spki);
        let algorithm = SignatureAlgorithm::from_identifier(&request.algorithm, None).expect("known");
        let message = request.info.to_der().expect("DER");
        assert!(self.public_key().verify(algorithm, &message, request.signature.raw_bytes()).is_ok());
        // OpenSSL knows ML-DSA from 3.5 on.
        if self.algorithm.ml_dsa().is_none() {
            openssl_verifies_request(&der);
        }
    }

    fn malformed_subjects_are_refused(&self) {
        for subject in ["", "Nguyễn Văn An", "CN="] {
            let refused = self.custody.certification_request(&self.key(), subject);
            assert!(matches!(refused, Err(CustodyError::Subject(_))), "{subject:?}");
        }
    }

    fn two_keys_differ(&self) {
        let again = self.custody.generate(&self.credential, self.algorithm).expect("generated");
        assert_ne!(again.spki, self.made.spki);
        assert_ne!(again.wrapped, self.made.wrapped);
    }
}

fn supported(key: KeyAlgorithm) -> Vec<SignatureAlgorithm> {
    if key.is_pure() {
        return vec![key.default_signature()];
    }
    let of = |digest: DigestAlgorithm| match key.is_rsa() {
        true => vec![
            SignatureAlgorithm::RsaPkcs1(digest),
            SignatureAlgorithm::RsaPss { digest, salt_len: digest.output_len() },
            SignatureAlgorithm::RsaPss { digest, salt_len: key.longest_salt(digest).expect("an RSA key") },
        ],
        false => vec![SignatureAlgorithm::Ecdsa(digest)],
    };
    STRONG.into_iter().flat_map(of).collect()
}

fn default_digest(key: KeyAlgorithm) -> (SignatureAlgorithm, Digest) {
    let algorithm = key.default_signature();
    (algorithm, algorithm.message_digest().digest(b"x"))
}

fn public_key(spki: &[u8]) -> PublicKey {
    PublicKey::from_spki(&SubjectPublicKeyInfoOwned::from_der(spki).expect("SPKI")).expect("public key")
}

fn id(text: &str) -> CredentialId {
    CredentialId::parse(text).expect("id")
}

/// Has a second implementation check the request; says so and goes on where it is not installed.
fn openssl_verifies_request(der: &[u8]) {
    let spawned = Command::new("openssl")
        .args(["req", "-inform", "DER", "-verify", "-noout", "-subject", "-nameopt", "utf8,sep_comma_plus"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut openssl) = spawned else {
        eprintln!("openssl is not installed: the request was not checked with it");
        return;
    };
    openssl.stdin.take().expect("pipe").write_all(der).expect("written");
    let output = openssl.wait_with_output().expect("finished");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("verify OK"), "{text}");
    assert!(text.contains("Nguyễn Văn An"), "{text}");
}
