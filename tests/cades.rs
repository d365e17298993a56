//! CAdES from B-B to a renewed B-LTA with real tokens, lists and responses of the development PKI; OpenSSL agrees at every level.
//!
//! Needs the `openssl` program; without it the test says so and passes.

use std::path::Path;
use std::process::Command;

use kyso::crypto::{DigestAlgorithm, SignatureAlgorithm};
use kyso::dev_pki::{CrlIssuer, DevPki, PkiSpec};
use kyso::formats::cms::{SignedData, ValidationData, oid};
use kyso::formats::crl::CertificateList;
use kyso::formats::der::{Reader, Rules, tag, write};
use kyso::formats::ocsp::OcspResponse;
use kyso::formats::x509::Certificate;
use kyso::signing::attributes::{Profile, SignedAttributes};
use kyso::signing::cades::{
    ArchivedContent, NewSigner, add_signer, assemble_enveloping, prepare_archive, signature_imprint,
    with_certificates_and_revocations, with_signature_time_stamp,
};
use kyso::signing::extras::{Commitment, ContentFormat, Extras, Reason, SignerLocation};
use kyso::validation::report::{Baseline, Indication, Level};
use kyso::validation::{Evidence, Policy, RevocationPolicy, Setting, validate_cms};
use time::{Duration, OffsetDateTime, macros::datetime};

const CONTENT: &[u8] = "<HDon><TTChung>Hóa đơn giá trị gia tăng</TTChung></HDon>".as_bytes();
const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
const SHA256: DigestAlgorithm = DigestAlgorithm::Sha256;
const ECDSA: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(SHA256);

fn has_openssl() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("skipped: the openssl program is not installed");
    }
    found
}

struct World {
    folder: tempfile::TempDir,
    pki: DevPki,
}

/// A signer: the name of the key's file, and the certificate.
struct Signer(String, Certificate);

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let spec = PkiSpec::embedded().expect("spec");
        let pki = DevPki::open(spec, &folder.path().join("pki"), "http://127.0.0.1:8080", NOW).expect("PKI");
        let world = Self { folder, pki };
        world.write("root.pem", world.pki.root_pem().expect("root").as_bytes());
        world.write("content", CONTENT);
        world
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path().join(name), bytes).expect("written");
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path().join(name)).expect("read")
    }

    fn openssl(&self, arguments: &[&str]) -> String {
        let output = Command::new("openssl").args(arguments).current_dir(self.path()).output().expect("openssl runs");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    }

    fn signer(&self, name: &str) -> Signer {
        let key = format!("{name}.key");
        self.openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &key]);
        self.openssl(&["pkey", "-in", &key, "-pubout", "-outform", "DER", "-out", "spki"]);
        let subject = format!("CN={name},C=VN");
        let der = self.pki.issue(&self.read("spki"), &subject, Duration::days(365), NOW).expect("issued");
        Signer(key, Certificate::from_der(&der).expect("certificate"))
    }

    fn sign(&self, signer: &Signer, message: &[u8]) -> Vec<u8> {
        self.write("attributes", message);
        self.openssl(&["dgst", "-sha256", "-sign", &signer.0, "-out", "value", "attributes"]);
        self.read("value")
    }

    fn chain(&self) -> Vec<Certificate> {
        vec![Certificate::from_der(&self.pki.issuing().expect("issuing")).expect("certificate")]
    }

    /// A TimeStampToken over this imprint.
    fn token(&self, imprint: &[u8], at: OffsetDateTime) -> Vec<u8> {
        let algorithm = write::sequence(&[&write::oid(&SHA256.oid())]);
        let imprint = write::sequence(&[&algorithm, &write::octet_string(imprint)]);
        let request = write::sequence(&[&write::small_integer(1), &imprint, &write::tlv(tag::BOOLEAN, &[0xff])]);
        let response = self.pki.timestamp(&request, at).expect("response");
        let mut fields = Reader::single(&response, tag::SEQUENCE).expect("response").reader().expect("fields");
        fields.next().expect("status");
        fields.next().expect("granted").raw().to_vec()
    }

    /// Lists of both authorities and the signer's status, as of `at`.
    fn material(&self, signer: &Signer, at: OffsetDateTime) -> ValidationData {
        self.write("leaf.cer", signer.1.der());
        self.write("issuing.cer", &self.pki.issuing().expect("issuing"));
        let issuer = ["ocsp", "-issuer", "issuing.cer", "-cert", "leaf.cer", "-no_nonce", "-reqout", "request"];
        self.openssl(&issuer);
        let ocsp = self.pki.ocsp(&self.read("request"), at).expect("OCSP");
        let crl = |issuer| CertificateList::from_der(&self.pki.crl(issuer, at).expect("CRL")).expect("readable");
        ValidationData {
            certificates: vec![Certificate::from_der(&self.pki.root().expect("root")).expect("certificate")],
            crls: vec![crl(CrlIssuer::Issuing), crl(CrlIssuer::Root)],
            ocsps: vec![OcspResponse::from_der(&ocsp).expect("readable")],
        }
    }

    fn levels(&self, message: &[u8], at: OffsetDateTime) -> Vec<Level> {
        let root = Certificate::from_der(&self.pki.root().expect("root")).expect("certificate");
        let evidence = Evidence { anchors: vec![root], ..Evidence::default() };
        let setting =
            Setting { evidence: &evidence, policy: Policy::strict_with(RevocationPolicy::IfPresent), time: at };
        let report = validate_cms(message, None, setting).expect("readable");
        let passed = |report: &kyso::validation::report::SignatureReport| {
            assert_eq!(report.indication(), Indication::TotalPassed, "{:?}", report.messages);
            report.level
        };
        report.signatures.iter().map(passed).collect()
    }

    /// `openssl cms -verify -cades`, and `asn1parse` over the whole structure.
    fn openssl_agrees(&self, message: &[u8], at: OffsetDateTime) {
        self.write("message", message);
        let at = at.unix_timestamp().to_string();
        let said = self.openssl(&[
            "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "message", "-CAfile", "root.pem",
            "-purpose", "any", "-attime", &at, "-out", "seen",
        ]);
        assert!(said.contains("uccessful"), "{said}");
        assert_eq!(self.read("seen"), CONTENT);
        self.openssl(&["asn1parse", "-inform", "DER", "-in", "message", "-noout"]);
    }

    /// `openssl ts -verify` of every value of this attribute, over `imprint`.
    fn openssl_accepts_tokens(
        &self,
        message: &[u8],
        kind: &const_oid::ObjectIdentifier,
        imprint: &str,
        at: OffsetDateTime,
    ) {
        let read = SignedData::parse(message).expect("message");
        let at = at.unix_timestamp().to_string();
        let token = read.signers[0].unsigned_attributes.values(kind).next().expect("a token");
        self.write("token", token);
        self.write("issuing.cer", &self.pki.issuing().expect("issuing"));
        self.openssl(&["x509", "-inform", "DER", "-in", "issuing.cer", "-out", "issuing.pem"]);
        let said = self.openssl(&[
            "ts",
            "-verify",
            "-in",
            "token",
            "-token_in",
            "-digest",
            imprint,
            "-CAfile",
            "root.pem",
            "-untrusted",
            "issuing.pem",
            "-attime",
            &at,
        ]);
        assert!(said.contains("Verification: OK"), "{said}");
    }
}

fn enveloping(world: &World, signer: &Signer) -> Vec<u8> {
    let extras = Extras {
        commitment: Some(Commitment::ProofOfOrigin),
        roles: vec!["Kế toán trưởng".into()],
        location: Some(SignerLocation { locality: Some("Đà Nẵng".into()), ..SignerLocation::default() }),
        content_format: Some(ContentFormat::MimeType("application/xml".into())),
        ..Extras::default()
    };
    let profile = Profile::Cades { signing_time: NOW };
    let content = SHA256.digest(CONTENT);
    let attributes =
        SignedAttributes::build_with(&content, &signer.1, profile, &extras, Reason::Absent).expect("built");
    let value = world.sign(signer, attributes.der());
    let made = assemble_enveloping(&attributes, CONTENT, &value, ECDSA, &signer.1, &world.chain());
    made.expect("assembled").with(CONTENT)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_level_is_reached_and_openssl_agrees() {
    if !has_openssl() {
        return;
    }
    let world = World::new();
    let signer = world.signer("An");
    let b = enveloping(&world, &signer);
    let soon = NOW + Duration::minutes(10);
    assert_eq!(world.levels(&b, soon), [Level::Cades(Baseline::B)]);
    world.openssl_agrees(&b, soon);

    let imprint = signature_imprint(&b, 0, SHA256).expect("imprint");
    let t = with_signature_time_stamp(&b, 0, &world.token(imprint.as_bytes(), NOW + Duration::minutes(1))).expect("T");
    assert_eq!(world.levels(&t, soon), [Level::Cades(Baseline::T)]);
    world.openssl_agrees(&t, soon);
    world.openssl_accepts_tokens(&t, &oid::SIGNATURE_TIME_STAMP, &imprint.to_hex(), soon);

    let lt = with_certificates_and_revocations(&t, &world.material(&signer, NOW + Duration::minutes(2))).expect("LT");
    assert_eq!(world.levels(&lt, soon), [Level::Cades(Baseline::Lt)]);
    world.openssl_agrees(&lt, soon);

    let request = prepare_archive(&lt, 0, ArchivedContent::Inside, SHA256).expect("prepared");
    let lta = request.embed(&lt, &world.token(request.imprint(), NOW + Duration::minutes(3))).expect("LTA");
    assert_eq!(world.levels(&lta, soon), [Level::Cades(Baseline::Lta)]);
    world.openssl_agrees(&lta, soon);
    world.openssl_accepts_tokens(&lta, &oid::ARCHIVE_TIME_STAMP_V3, &hex(request.imprint()), soon);

    let later = NOW + Duration::days(300);
    let more = with_certificates_and_revocations(&lta, &world.material(&signer, later)).expect("material");
    let request = prepare_archive(&more, 0, ArchivedContent::Inside, SHA256).expect("prepared");
    let renewed = request.embed(&more, &world.token(request.imprint(), later)).expect("renewed");
    assert_eq!(
        world.levels(&renewed, later + Duration::days(200)),
        [Level::Cades(Baseline::Lta)],
        "the signer has expired"
    );
    world.openssl_agrees(&renewed, soon);
}

#[test]
fn second_signer_beside_an_archived_one_verifies_with_openssl() {
    if !has_openssl() {
        return;
    }
    let world = World::new();
    let (first, second) = (world.signer("An"), world.signer("Binh"));
    let message = enveloping(&world, &first);
    let attributes = SignedAttributes::build(&SHA256.digest(CONTENT), &second.1, Profile::Cades { signing_time: NOW });
    let value = world.sign(&second, attributes.der());
    let chain = world.chain();
    let new = NewSigner {
        attributes: &attributes,
        signature_value: &value,
        algorithm: ECDSA,
        certificate: &second.1,
        chain: &chain,
    };
    let both = add_signer(&message, None, new).expect("added");
    let soon = NOW + Duration::minutes(10);
    assert_eq!(world.levels(&both, soon), [Level::Cades(Baseline::B); 2]);
    world.openssl_agrees(&both, soon);
}

#[test]
fn streamed_message_of_openssl_is_raised_without_losing_its_signature() {
    if !has_openssl() {
        return;
    }
    let world = World::new();
    let signer = world.signer("An");
    world.write("leaf.cer", signer.1.der());
    world.openssl(&["x509", "-inform", "DER", "-in", "leaf.cer", "-out", "leaf.pem"]);
    world.openssl(&["x509", "-inform", "PEM", "-in", "pki/issuing.pem", "-out", "chain.pem"]);
    world.openssl(&[
        "cms",
        "-sign",
        "-binary",
        "-outform",
        "DER",
        "-in",
        "content",
        "-out",
        "message",
        "-signer",
        "leaf.pem",
        "-inkey",
        &signer.0,
        "-certfile",
        "chain.pem",
        "-cades",
        "-stream",
        "-nodetach",
    ]);
    let message = world.read("message");
    assert!(Reader::new(&message, Rules::Ber).next().expect("element").is_indefinite());
    let imprint = signature_imprint(&message, 0, SHA256).expect("imprint");
    let soon = NOW + Duration::minutes(10);
    let t = with_signature_time_stamp(&message, 0, &world.token(imprint.as_bytes(), NOW)).expect("T");
    world.openssl_agrees(&t, soon);
    let lt = with_certificates_and_revocations(&t, &world.material(&signer, NOW + Duration::minutes(2))).expect("LT");
    let request = prepare_archive(&lt, 0, ArchivedContent::Inside, SHA256).expect("prepared");
    let lta = request.embed(&lt, &world.token(request.imprint(), NOW + Duration::minutes(3))).expect("LTA");
    assert_eq!(world.levels(&lta, soon), [Level::Cades(Baseline::Lta)]);
    world.openssl_agrees(&lta, soon);
}
