//! The whole PKI, seen from outside: its directory, its certificates, and what a second implementation says of them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use proptest::prelude::*;
use time::macros::datetime;

use super::*;
use crate::custody::software::SoftwareCustody;
use crate::custody::software::engine::PrivateKey;
use crate::custody::software::kek::KeyEncryptionKey;
use crate::custody::{KeyCustody as _, KeyRef};
use crate::domain::KeyAlgorithm;
use crate::formats::ocsp::OcspResponse;
use crate::formats::x509::{Certificate, pem};
use crate::validation::Evidence;
use crate::validation::blocks::x509::revocation::{self, Status};
use crate::validation::budget::Budget;

const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
const URL: &str = "http://127.0.0.1:8080";

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("directory") }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("pki")
    }

    fn open(&self, now: OffsetDateTime) -> Result<DevPki, DevPkiError> {
        DevPki::open(PkiSpec::embedded().expect("spec"), &self.path(), URL, now)
    }

    fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.path()).expect("directory").map(|entry| entry.expect("entry"));
        entries.map(|e| (e.file_name().into_string().expect("name"), fs::read(e.path()).expect("file"))).collect()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.directory.path().join(name);
        fs::write(&path, bytes).expect("written");
        path.to_str().expect("path").to_owned()
    }

    /// `openssl verify` of a DER certificate at a time, with CRLs or without.
    fn verify(&self, certificate: &[u8], at: OffsetDateTime, with_crl: &str) -> Option<Output> {
        let leaf = self.write("leaf.pem", pem(certificate).as_bytes());
        let file = |name: &str| self.path().join(name).to_str().expect("path").to_owned();
        let (root, issuing, crl) = (file("root.pem"), file("issuing.pem"), file("crl.pem"));
        let at = at.unix_timestamp().to_string();
        let mut args = vec!["verify", "-x509_strict", "-attime", &at, "-CAfile", &root, "-untrusted", &issuing];
        if !with_crl.is_empty() {
            args.extend([with_crl, "-CRLfile", &crl]);
        }
        args.push(&leaf);
        openssl(&args)
    }
}

fn openssl(args: &[&str]) -> Option<Output> {
    match Command::new("openssl").args(args).output() {
        Ok(output) => Some(output),
        Err(_) => {
            eprintln!("openssl is not installed: not checked with it");
            None
        }
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn pem(certificate: &[u8]) -> String {
    der::pem::encode_string("CERTIFICATE", der::pem::LineEnding::LF, certificate).expect("PEM")
}

fn request(algorithm: KeyAlgorithm, credential: &CredentialSpec, subject: &str) -> Vec<u8> {
    let custody = SoftwareCustody::new(&KeyEncryptionKey::from_bytes([7; 32]));
    let made = custody.generate(&credential.id, algorithm).expect("generated");
    let key =
        KeyRef { credential: &credential.id, algorithm, wrapped: &made.wrapped, spki: &made.spki, activation: None };
    custody.certification_request(&key, subject).expect("request")
}

/// Issues the certificates of every credential of the specification, by credential id.
fn issue_all(pki: &DevPki) -> BTreeMap<String, Vec<u8>> {
    let credentials = pki.spec().signers.iter().flat_map(|signer| signer.credentials.iter().map(move |c| (signer, c)));
    credentials
        .map(|(signer, credential)| {
            let request = request(credential.algorithm, credential, &signer.subject);
            let certificate = pki.issue_credential(credential, &request, NOW).expect("issued");
            (credential.id.to_string(), certificate)
        })
        .collect()
}

#[test]
fn every_certificate_verifies_except_the_expired_and_the_revoked_one() {
    let place = Place::new();
    let pki = place.open(NOW).expect("opened");
    // OpenSSL reads ML-DSA keys from 3.5 on.
    for (id, certificate) in issue_all(&pki).into_iter().filter(|(id, _)| !id.starts_with("ml-dsa")) {
        let Some(output) = place.verify(&certificate, NOW, "-crl_check_all") else { return };
        let text = text(&output);
        match id.as_str() {
            "expired-ec-p256" => {
                assert!(!output.status.success() && text.contains("certificate has expired"), "{text}");
                let before = place.verify(&certificate, NOW - Duration::days(60), "").expect("openssl");
                assert!(before.status.success(), "{before:?}");
            }
            "revoked-ec-p256" => assert!(!output.status.success() && text.contains("certificate revoked"), "{text}"),
            _ => assert!(output.status.success(), "{id}: {text}"),
        }
    }
}

#[test]
fn service_certificates_verify_for_their_purpose() {
    let place = Place::new();
    let pki = place.open(NOW).expect("opened");
    for identity in [&pki.ocsp, &pki.tsa, &pki.issuing] {
        let Some(output) = place.verify(&identity.der().expect("DER"), NOW, "-crl_check_all") else { return };
        assert!(output.status.success(), "{}", text(&output));
    }
    let printed = |identity: &Identity| {
        let file = place.write("cert.pem", identity.pem().expect("PEM").as_bytes());
        text(&openssl(&["x509", "-noout", "-text", "-in", &file]).expect("openssl"))
    };
    let tsa = printed(&pki.tsa);
    assert!(tsa.contains("Extended Key Usage: critical\n                Time Stamping\n"), "{tsa}");
    let ocsp = printed(&pki.ocsp);
    assert!(ocsp.contains("OCSP No Check") && ocsp.contains("OCSP Signing"), "{ocsp}");
    let issuing = printed(&pki.issuing);
    assert!(issuing.contains("CA:TRUE, pathlen:0") && issuing.contains("X509v3 Any Policy"), "{issuing}");
}

#[test]
fn a_subscriber_certificate_has_the_subject_and_extensions_of_one() {
    let place = Place::new();
    let pki = place.open(NOW).expect("opened");
    let spki = PrivateKey::generate(KeyAlgorithm::P256).expect("key").spki().expect("SPKI");
    let subject = &pki.spec().signers[0].subject;
    let certificate = pki.issue(&spki, subject, Duration::days(365), NOW).expect("issued");
    let file = place.write("cert.pem", pem(&certificate).as_bytes());
    let Some(output) = openssl(&["x509", "-noout", "-text", "-nameopt", "utf8,sep_comma_plus", "-in", &file]) else {
        return;
    };
    let text = text(&output);
    for expected in [
        "Subject: C=VN,ST=Hà Nội,L=Quận Ba Đình,UID=CCCD:001085000001,CN=Nguyễn Văn An",
        "O=KYSO PHÁT TRIỂN - KHÔNG TIN CẬY",
        "X509v3 Key Usage: critical\n                Digital Signature, Non Repudiation",
        "1.3.6.1.5.5.7.3.36, E-mail Protection, TLS Web Client Authentication",
        "Policy: 1.3.6.1.4.1.32473.23.1",
        "URI:http://127.0.0.1:8080/pki/issuing.crl",
        "OCSP - URI:http://127.0.0.1:8080/pki/ocsp",
        "CA Issuers - URI:http://127.0.0.1:8080/pki/issuing.cer",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
        "Not Before: Jun  1 11:55:00 2026 GMT",
        "Not After : Jun  1 11:55:00 2027 GMT",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
}

#[test]
fn opening_twice_changes_nothing() {
    let place = Place::new();
    let root = place.open(NOW).expect("opened").root_pem().expect("PEM");
    let before = place.contents();
    assert_eq!(place.open(NOW + Duration::days(1)).expect("opened").root_pem().expect("PEM"), root);
    assert_eq!(place.contents(), before);
}

#[test]
fn a_stale_crl_is_made_anew_and_keeps_its_revocations() {
    let place = Place::new();
    let revoked = issue_all(&place.open(NOW).expect("opened")).remove("revoked-ec-p256").expect("issued");
    let before = place.contents();
    let later = NOW + Duration::days(30);
    place.open(later).expect("opened");
    let after = place.contents();
    let changed: Vec<_> = after.keys().filter(|name| after.get(*name) != before.get(*name)).collect();
    assert_eq!(changed, ["crl.pem"]);
    let Some(output) = place.verify(&revoked, later, "-crl_check") else { return };
    assert!(text(&output).contains("certificate revoked"), "{}", text(&output));
}

#[test]
fn two_directories_have_different_roots() {
    let root = || Place::new().open(NOW).expect("opened").root().expect("DER");
    assert_ne!(root(), root());
}

#[test]
fn a_half_written_directory_is_made_again() {
    let place = Place::new();
    let root = place.open(NOW).expect("opened").root().expect("DER");
    fs::remove_file(place.path().join("issuing.key")).expect("removed");
    fs::write(place.path().join(".crl.pem.0123456789abcdef"), "left behind").expect("written");
    assert_ne!(place.open(NOW).expect("opened").root().expect("DER"), root);
    assert_eq!(place.contents().len(), 11);
}

#[test]
fn a_directory_with_foreign_files_is_left_alone() {
    let place = Place::new();
    fs::create_dir(place.path()).expect("directory");
    fs::write(place.path().join("thesis.txt"), "mine").expect("written");
    fs::write(place.path().join("root.pem"), "mine too").expect("written");
    assert!(matches!(place.open(NOW), Err(DevPkiError::Foreign(_))));
    assert_eq!(place.contents().len(), 2);
}

#[test]
fn an_exchanged_key_is_damage() {
    let place = Place::new();
    place.open(NOW).expect("opened");
    fs::copy(place.path().join("ocsp.key"), place.path().join("tsa.key")).expect("copied");
    let refused = place.open(NOW).expect_err("refused").to_string();
    assert!(refused.contains("tsa.key"), "{refused}");
}

#[test]
fn private_keys_are_readable_by_their_owner_alone() {
    let place = Place::new();
    place.open(NOW).expect("opened");
    for name in ["root.key", "issuing.key", "ocsp.key", "tsa.key"] {
        let mode = fs::metadata(place.path().join(name)).expect("file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(fs::metadata(place.path()).expect("directory").permissions().mode() & 0o777, 0o700);
}

#[test]
fn more_than_three_years_and_what_outlives_the_ca_are_refused() {
    let place = Place::new();
    let pki = place.open(NOW).expect("opened");
    let spki = PrivateKey::generate(KeyAlgorithm::P256).expect("key").spki().expect("SPKI");
    let issue = |days, now| pki.issue(&spki, "CN=An", Duration::days(days), now);
    assert!(issue(1095, NOW).is_ok());
    assert!(matches!(issue(1096, NOW), Err(DevPkiError::Refused(_))));
    assert!(matches!(issue(0, NOW), Err(DevPkiError::Refused(_))));
    assert!(matches!(issue(1095, NOW + Duration::days(5 * 365)), Err(DevPkiError::Refused(_))));
    assert!(matches!(pki.issue(&spki[1..], "CN=An", Duration::days(1), NOW), Err(DevPkiError::Refused(_))));
}

#[test]
fn a_request_that_does_not_verify_gets_no_certificate() {
    let place = Place::new();
    let pki = place.open(NOW).expect("opened");
    let credential = &pki.spec().signers[0].credentials[2];
    let mut request = request(KeyAlgorithm::P256, credential, "CN=Nguyen Van An");
    let at = request.windows(3).position(|window| window == b"Van").expect("name");
    request[at] = b'W';
    assert!(matches!(pki.issue_credential(credential, &request, NOW), Err(DevPkiError::Refused(_))));
}

#[test]
fn a_foreign_certificate_cannot_be_revoked() {
    let (one, other) = (Place::new(), Place::new());
    let pki = one.open(NOW).expect("opened");
    let foreign = other.open(NOW).expect("opened").chain().expect("chain").remove(0);
    assert!(matches!(pki.revoke(&foreign, NOW), Err(DevPkiError::Refused(_))));
    assert!(matches!(pki.revoke(b"nothing", NOW), Err(DevPkiError::Refused(_))));
}

#[test]
fn development_certificates_are_recognised_and_others_are_not() {
    let place = Place::new();
    let pki = place.open(NOW).expect("opened");
    let key = PrivateKey::generate(KeyAlgorithm::P256).expect("key");
    let spki = key.spki().expect("SPKI");
    let issued = pki.issue(&spki, "CN=An", Duration::days(1), NOW).expect("issued");
    assert!(
        [issued, pki.root().expect("DER"), pki.chain().expect("chain").remove(0)]
            .iter()
            .all(|der| is_development_certificate(der))
    );
    let subject = Subject {
        name: parse_subject("CN=Somebody's CA,C=VN").expect("name"),
        public_key: usable_key(&spki).expect("key"),
        not_before: NOW,
        not_after: NOW + Duration::days(1),
    };
    let other = Identity::self_signed(key, subject).expect("signed").der().expect("DER");
    assert!(!is_development_certificate(&other));
    assert!(!is_development_certificate(b""));
}

#[test]
fn openssl_accepts_time_stamps_and_refuses_them_for_other_data() {
    let place = Place::new();
    let pki = place.open(NOW).expect("opened");
    let (data, other) = (place.write("data", b"the document"), place.write("other", b"another document"));
    for hash in ["-sha256", "-sha384", "-sha512"] {
        let Some(query) = openssl(&["ts", "-query", "-data", &data, hash, "-cert"]) else { return };
        let response = pki.timestamp(&query.stdout, NOW).expect("response");
        let response = place.write("response.tsr", &response);
        let verify = |data: &str| {
            let file = |name: &str| place.path().join(name).to_str().expect("path").to_owned();
            let (root, issuing, at) = (file("root.pem"), file("issuing.pem"), NOW.unix_timestamp().to_string());
            let files = ["-in", &response, "-data", data, "-CAfile", &root, "-untrusted", &issuing, "-attime", &at];
            openssl(&[&["ts", "-verify"], &files[..]].concat()).expect("openssl")
        };
        let good = verify(&data);
        assert!(good.status.success() && text(&good).contains("Verification: OK"), "{}", text(&good));
        assert!(!verify(&other).status.success());
        let printed = text(&openssl(&["ts", "-reply", "-in", &response, "-text"]).expect("openssl"));
        assert!(printed.contains("Time stamp: Jun  1 12:00:00 2026 GMT"), "{printed}");
    }
}

#[test]
fn a_rejected_time_stamp_request_says_why() {
    let place = Place::new();
    let pki = place.open(NOW).expect("opened");
    let data = place.write("data", b"the document");
    let Some(query) = openssl(&["ts", "-query", "-data", &data, "-sha1"]) else { return };
    let response = place.write("response.tsr", &pki.timestamp(&query.stdout, NOW).expect("response"));
    let printed = text(&openssl(&["ts", "-reply", "-in", &response, "-text"]).expect("openssl"));
    assert!(
        printed.contains("Status: Rejected.") && printed.contains("unrecognized or unsupported algorithm"),
        "{printed}"
    );
}

#[test]
fn openssl_accepts_ocsp_answers_of_every_standing() {
    let place = Place::new();
    let pki = place.open(NOW).expect("opened");
    let mut certificates = issue_all(&pki);
    // A serial number this PKI never issued: the certificate of another one, asked of this issuer.
    let foreign = issue_all(&Place::new().open(NOW).expect("opened")).remove("ec-p256").expect("issued");
    certificates.insert("foreign".into(), foreign);
    for (id, expected) in [("ec-p256", "good"), ("revoked-ec-p256", "revoked"), ("foreign", "unknown")] {
        let leaf = place.write("leaf.pem", pem(&certificates[id]).as_bytes());
        let file = |name: &str| place.path().join(name).to_str().expect("path").to_owned();
        let (root, issuing, at) = (file("root.pem"), file("issuing.pem"), NOW.unix_timestamp().to_string());
        let (asked, answered) = (place.write("request.der", b""), place.directory.path().join("response.der"));
        let names = ["ocsp", "-issuer", &issuing, "-cert", &leaf];
        if openssl(&[&names[..], &["-reqout", &asked]].concat()).is_none() {
            return;
        }
        let response = pki.ocsp(&fs::read(&asked).expect("request"), NOW).expect("response");
        assert_eq!(standing(&place, &certificates[id], &response), expected, "the verifier agrees");
        fs::write(&answered, response).expect("written");
        let answered = answered.to_str().expect("path");
        // The answer's own time is compared with the machine's clock: leave room for any.
        let how = ["-respin", answered, "-CAfile", &root, "-verify_other", &issuing, "-attime", &at];
        let how = [&how[..], &["-validity_period", "2000000000"]].concat();
        let output = openssl(&[&names[..], &["-no_nonce"], &how].concat()).expect("openssl");
        // Only a request read from its file has the nonce that was answered.
        let nonce = openssl(&[&["ocsp", "-reqin", &asked], &how[..]].concat()).expect("openssl");
        assert!(nonce.status.success() && text(&nonce).contains("Response verify OK"), "{}", text(&nonce));
        assert!(!text(&nonce).contains("onc"), "{}", text(&nonce));
        let text = text(&output);
        assert!(output.status.success() && text.contains("Response verify OK"), "{text}");
        assert!(text.contains(&format!(": {expected}\n")), "{text}");
    }
}

/// What the verifier makes of an OCSP answer about a certificate said to be of the issuing authority.
fn standing(place: &Place, certificate: &[u8], response: &[u8]) -> &'static str {
    let read = |name: &str| pem::certificates(&fs::read(place.path().join(name)).expect("file")).expect("certificate");
    let issuers = [read("issuing.pem"), read("root.pem")].concat();
    let certificate = Certificate::from_der(certificate).expect("certificate");
    let ocsps = vec![OcspResponse::from_der(response).expect("response")];
    let evidence = Evidence { ocsps, ..Evidence::default() };
    match revocation::status(&certificate, &issuers, &evidence, NOW, &mut Budget::default()) {
        Status::Good => "good",
        Status::Revoked(_) => "revoked",
        Status::Unknown(_) | Status::OutOfBounds(_) => "unknown",
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_malformed_ocsp_request_gets_an_answer_that_says_so() {
    let place = Place::new();
    let pki = place.open(NOW).expect("opened");
    let malformed = [0x30, 0x03, 0x0a, 0x01, 0x01];
    assert_eq!(pki.ocsp(b"", NOW).expect("response"), malformed);
    assert_eq!(pki.ocsp(&[0x30; 5000], NOW).expect("response"), malformed);
}

#[test]
fn responders_answer_any_bytes() {
    let place = Place::new();
    let pki = place.open(NOW).expect("opened");
    let data = place.write("data", b"the document");
    let query = openssl(&["ts", "-query", "-data", &data, "-sha256"]).map_or_else(Vec::new, |query| query.stdout);
    proptest!(|(noise: Vec<u8>, at: prop::sample::Index, byte: u8)| {
        let mut changed = query.clone();
        if !changed.is_empty() {
            let at = at.index(changed.len());
            changed[at] = byte;
        }
        for request in [&noise, &changed] {
            prop_assert!(pki.timestamp(request, NOW).is_ok());
            prop_assert!(pki.ocsp(request, NOW).is_ok());
        }
    });
}

#[test]
fn an_opened_pki_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<DevPki>();
    shared::<SoftwareCustody>();
}
