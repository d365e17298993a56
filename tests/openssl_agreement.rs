//! A second opinion: messages assembled here verify with OpenSSL, and messages OpenSSL makes verify here.
//!
//! Needs the `openssl` program; without it the tests say so and pass.

use std::path::Path;
use std::process::Command;

use kyso::crypto::{DigestAlgorithm, SignatureAlgorithm};
use kyso::formats::cms::mime;
use kyso::formats::x509::Certificate;
use kyso::signing::attributes::{Profile, SignedAttributes};
use kyso::signing::cms::assemble;
use kyso::validation::report::{Baseline, Indication, Level};
use kyso::validation::{Evidence, Policy, RevocationPolicy, Setting, validate_cms};

const CONTENT: &[u8] = "Kính gửi Ủy ban nhân dân\n".as_bytes();

fn has_openssl() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("skipped: the openssl program is not installed");
    }
    found
}

fn openssl(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output().expect("openssl runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Makes `key.pem` and the self-signed `cert.der`, `cert.pem`; gives the certificate.
fn signer(folder: &Path, new_key: &[&str]) -> Certificate {
    let mut arguments = vec!["req", "-x509", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "30"];
    arguments.extend_from_slice(&[
        "-utf8",
        "-subj",
        "/CN=Nguyễn Văn An",
        "-addext",
        "keyUsage=critical,digitalSignature",
    ]);
    arguments.extend_from_slice(new_key);
    openssl(folder, &arguments);
    openssl(folder, &["x509", "-in", "cert.pem", "-outform", "DER", "-out", "cert.der"]);
    Certificate::from_der(&std::fs::read(folder.join("cert.der")).expect("certificate")).expect("readable")
}

/// Validates with the signer as trust anchor, a day after the certificate begins.
fn validate(message: &[u8], signer: &Certificate) -> (Indication, Level) {
    let evidence = Evidence { anchors: vec![signer.clone()], ..Evidence::default() };
    let policy = Policy::strict_with(RevocationPolicy::IfPresent);
    let time = signer.validity().not_before + time::Duration::days(1);
    let report = validate_cms(message, Some(CONTENT), Setting { evidence: &evidence, policy, time }).expect("readable");
    let signature = report.signatures.first().expect("one signature");
    (signature.indication(), signature.level)
}

#[test]
fn assembled_messages_verify_with_openssl() {
    if !has_openssl() {
        return;
    }
    use DigestAlgorithm::{Sha256, Sha384};
    let rsa: &[&str] = &["-newkey", "rsa:3072"];
    let p256: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let p384: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"];
    let pss: &[&str] = &["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"];
    for (key, algorithm, options) in [
        (rsa, SignatureAlgorithm::RsaPkcs1(Sha256), &[][..]),
        (rsa, SignatureAlgorithm::RsaPss { digest: Sha256, salt_len: 32 }, pss),
        (p256, SignatureAlgorithm::Ecdsa(Sha256), &[]),
        (p384, SignatureAlgorithm::Ecdsa(Sha384), &[]),
    ] {
        let folder = tempfile::tempdir().expect("folder");
        let at = folder.path();
        let certificate = signer(at, key);
        let digest = algorithm.digest().expect("a hash");
        let profile = Profile::Cades { signing_time: certificate.validity().not_before };
        let attributes = SignedAttributes::build(&digest.digest(CONTENT), &certificate, profile);
        std::fs::write(at.join("attributes"), attributes.der()).expect("written");
        std::fs::write(at.join("content"), CONTENT).expect("written");
        let hash = if digest == Sha256 { "-sha256" } else { "-sha384" };
        let mut arguments = vec!["dgst", hash, "-sign", "key.pem", "-out", "value"];
        arguments.extend_from_slice(options);
        arguments.push("attributes");
        openssl(at, &arguments);
        let value = std::fs::read(at.join("value")).expect("value");
        let message = assemble(&attributes, &value, algorithm, &certificate, &[]).expect("assembled");
        std::fs::write(at.join("message"), &message).expect("written");
        let verify = ["cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "message", "-content", "content"];
        let said = openssl(at, &[&verify[..], &["-CAfile", "cert.pem", "-purpose", "any", "-out", "seen"]].concat());
        assert!(said.contains("uccessful"), "{said}");
        assert_eq!(
            validate(&message, &certificate),
            (Indication::TotalPassed, Level::Cades(Baseline::B)),
            "{algorithm:?}"
        );
    }
}

#[test]
fn messages_of_openssl_verify_here_in_der_and_ber() {
    if !has_openssl() {
        return;
    }
    let folder = tempfile::tempdir().expect("folder");
    let at = folder.path();
    let certificate = signer(at, &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    std::fs::write(at.join("content"), CONTENT).expect("written");
    for options in [&["-cades"][..], &["-stream", "-nodetach", "-cades"], &["-keyid", "-cades"]] {
        let sign = ["cms", "-sign", "-binary", "-outform", "DER", "-in", "content", "-out", "message"];
        openssl(at, &[&sign[..], &["-signer", "cert.pem", "-inkey", "key.pem"], options].concat());
        let message = std::fs::read(at.join("message")).expect("message");
        assert_eq!(
            validate(&message, &certificate),
            (Indication::TotalPassed, Level::Cades(Baseline::B)),
            "{options:?}"
        );
    }
}

#[test]
fn every_flavour_openssl_writes_is_read_and_another_content_is_not_taken_for_it() {
    if !has_openssl() {
        return;
    }
    let folder = tempfile::tempdir().expect("folder");
    let at = folder.path();
    let certificate = signer(at, &["-newkey", "rsa:3072"]);
    std::fs::write(at.join("content"), CONTENT).expect("written");
    let evidence = Evidence { anchors: vec![certificate.clone()], ..Evidence::default() };
    let setting = Setting {
        evidence: &evidence,
        policy: Policy::strict_with(RevocationPolicy::IfPresent),
        time: certificate.validity().not_before + time::Duration::days(1),
    };
    let indication = |message: &[u8], content: Option<&[u8]>| {
        let report = validate_cms(message, content, setting).expect("readable");
        report.signatures.first().expect("one signature").indication()
    };
    let flavours: [&[&str]; 8] = [
        &[],
        &["-noattr"],
        &["-nodetach"],
        &["-nodetach", "-stream", "-md", "sha512"],
        &["-keyid", "-md", "sha384"],
        &["-keyopt", "rsa_padding_mode:pss"],
        &["-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:max", "-md", "sha512"],
        &["-nosmimecap", "-econtent_type", "1.2.3.4"],
    ];
    for options in flavours {
        let sign = [
            "cms", "-sign", "-binary", "-in", "content", "-out", "message", "-signer", "cert.pem", "-inkey", "key.pem",
        ];
        openssl(at, &[&sign[..], &["-outform", "DER"], options].concat());
        let message = std::fs::read(at.join("message")).expect("message");
        assert_eq!(indication(&message, Some(CONTENT)), Indication::TotalPassed, "{options:?}");
        assert_ne!(indication(&message, Some(b"other")), Indication::TotalPassed, "{options:?}");
        // The same as mail carries it: with its content or beside it.
        let mail: Vec<&str> = sign.into_iter().filter(|word| *word != "-binary").collect();
        openssl(at, &[&mail[..], &["-outform", "SMIME"], options].concat());
        let mail = std::fs::read(at.join("message")).expect("message");
        assert!(mime::looks_signed(&mail), "{options:?}");
        let entity = mime::read(&mail).expect("an entity");
        assert_eq!(indication(&entity.message, entity.content.as_deref()), Indication::TotalPassed, "{options:?}");
        let text = String::from_utf8(mail).expect("text").replace("Kính gửi", "Kinh gui");
        let forged = mime::read(text.as_bytes()).expect("an entity");
        if forged.content.is_some() {
            assert_ne!(indication(&forged.message, forged.content.as_deref()), Indication::TotalPassed, "{options:?}");
        }
    }
}
