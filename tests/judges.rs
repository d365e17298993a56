//! Independent judges: what we sign is checked by poppler, qpdf, OpenSSL and pyHanko, and what pyHanko signs by us.
//!
//! `tests/run.sh` installs them and sets `KYSO_JUDGES=require`, with which an absent judge is a failure. Without it an absent
//! judge is skipped, saying so.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kyso::app::config::Config;
use kyso::app::serve::{Mode, Options, Running, start};
use kyso::cli::portal::{Access, Ask, Paper, Portal};
use kyso::formats::pdf::{Limits, Pdf, signature};
use serde_json::Value;

const SAMPLES: [&str; 3] = ["to-khai-xac-nhan-cu-tru.pdf", "hoa-don-gtgt.pdf", "hop-dong-dich-vu.pdf"];
/// One of each key type, the hosted one, and the agency's seal.
const CREDENTIALS: [&str; 6] = ["rsa-2048", "rsa-3072", "ec-p256", "ec-p384", "ec-p256-hosted", "seal-rsa-3072"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn python() -> String {
    std::env::var("KYSO_JUDGES_PYTHON").unwrap_or_else(|_| "python3".into())
}

/// Whether a judge answers; its absence is a failure when judges are required.
fn judge_is_there(program: &str, arguments: &[&str]) -> bool {
    let there = Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success());
    let required = std::env::var("KYSO_JUDGES").is_ok_and(|value| value == "require");
    assert!(there || !required, "{program} is required and does not answer");
    if !there {
        eprintln!("skipped: {program} is not installed");
    }
    there
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().expect("runs")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

struct World {
    folder: tempfile::TempDir,
    running: Running,
}

impl World {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options {
            config: Config::default(),
            data: folder.path().join("data"),
            listen: ([127, 0, 0, 1], 0).into(),
            mode: Mode::Sandbox,
            ready_file: None,
            renderer: env!("CARGO_BIN_EXE_kyso").into(),
        };
        let running = start(options).await.expect("starts");
        Self { folder, running }
    }

    fn pki(&self, name: &str) -> PathBuf {
        self.folder.path().join("data/dev-pki").join(name)
    }

    async fn sign(&self, sample: &Path, credential: &str) -> anyhow::Result<PathBuf> {
        self.sign_with(sample, credential, None, "B-B").await
    }

    async fn sign_with(
        &self,
        sample: &Path,
        credential: &str,
        sign_algo: Option<&str>,
        level: &str,
    ) -> anyhow::Result<PathBuf> {
        let portal = Portal::connect(Access::from_ready(self.running.ready.as_ref().expect("a sandbox"))?).await?;
        let mut options = serde_json::Map::from_iter([
            ("level".to_owned(), level.into()),
            ("reason".to_owned(), "Tôi đồng ý với nội dung".into()),
        ]);
        if let Some(oid) = sign_algo {
            options.insert("sign_algo".into(), oid.into());
        }
        let ask = Ask { credential: credential.into(), description: String::new(), options };
        let name = sample.file_name().expect("a name").to_string_lossy().into_owned();
        let paper = Paper { name: name.clone(), bytes: std::fs::read(sample)? };
        let request = portal.create(&[paper], &ask).await?;
        portal.confirm_as_citizen(&request).await?;
        portal.wait(&request.id, std::time::Duration::from_secs(30)).await?;
        let out = self.folder.path().join(format!("{credential}{}-{level}-{name}", sign_algo.unwrap_or_default()));
        std::fs::write(&out, portal.document(&request.id, 1).await?)?;
        Ok(out)
    }

    async fn sign_everything(&self) -> Vec<PathBuf> {
        let mut signed = Vec::new();
        for credential in CREDENTIALS {
            for sample in SAMPLES {
                signed.push(self.sign(&root().join("samples").join(sample), credential).await.expect(credential));
            }
        }
        let pkcs1 = Some("1.2.840.113549.1.1.11");
        signed.push(
            self.sign_with(&root().join("samples").join(SAMPLES[0]), "rsa-2048", pkcs1, "B-B")
                .await
                .expect("PKCS#1 v1.5"),
        );
        signed
    }

    /// Our own verdict, as the command line gives it.
    fn verify(&self, file: &Path) -> (i32, Value) {
        let (anchor, crl) = (self.pki("root.pem"), self.pki("crl.pem"));
        let arguments = ["verify", "--trust", path(&anchor), "--crl", path(&crl), "--json", path(file)];
        let output = run(env!("CARGO_BIN_EXE_kyso"), &arguments);
        let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)));
        (output.status.code().expect("a code"), report)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_judge_accepts_what_every_credential_signs() {
    let world = World::open().await;
    let signed = world.sign_everything().await;
    for file in &signed {
        let (code, report) = world.verify(file);
        assert_eq!((code, &report["signatures"][0]["level"]), (0, &Value::from("PAdES-B-B")), "{report}");
    }
    if judge_is_there("qpdf", &["--version"]) {
        for file in &signed {
            let output = run("qpdf", &["--check", path(file)]);
            assert!(output.status.success(), "{}: {}", file.display(), text(&output));
        }
    }
    if judge_is_there("pdfsig", &["-v"]) {
        for file in &signed {
            let said = text(&run("pdfsig", &["-nocert", path(file)]));
            assert!(said.contains("Signature is Valid") && said.contains("Total document signed"), "{said}");
        }
    }
    openssl_accepts(&world, &signed);
    pyhanko_accepts(&world, &signed);
    world.running.stop().await.expect("stops");
}

const LEVELS: [&str; 4] = ["B-B", "B-T", "B-LT", "B-LTA"];

/// Every level by pyHanko's own process, revocation checked; B-LTA also four years from now.
fn pyhanko_accepts_levels(world: &World, kind: &[&str], signed: &[(&str, PathBuf)]) {
    if !judge_is_there(&python(), &["-c", "import pyhanko"]) {
        return;
    }
    let script = root().join("tests/judges/pyhanko_levels.py");
    let (anchor, chain, crl) = (world.pki("root.pem"), world.pki("chain.pem"), world.pki("crl.pem"));
    let mut arguments = vec![path(&script), path(&anchor), path(&chain), path(&crl)];
    arguments.extend(kind);
    let entries: Vec<String> = signed.iter().map(|(level, file)| format!("{level}={}", path(file))).collect();
    arguments.extend(entries.iter().map(String::as_str));
    let output = run(&python(), &arguments);
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let verdicts: Vec<Value> = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
    assert_eq!(verdicts.len(), signed.len(), "{}", text(&output));
    for verdict in verdicts {
        assert_eq!(verdict["valid"], true, "{verdict} {}", text(&output));
        assert_eq!(verdict["stamped"], verdict["level"] != "B-B", "{verdict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_judge_accepts_every_level() {
    let world = World::open().await;
    let sample = root().join("samples").join(SAMPLES[2]);
    let pkcs1 = Some("1.2.840.113549.1.1.11");
    let mut signed = Vec::new();
    for level in LEVELS {
        for (credential, algorithm) in
            [("rsa-3072", None), ("rsa-2048", pkcs1), ("ec-p256", None), ("ec-p384", None), ("ec-p521", None)]
        {
            signed.push((level, world.sign_with(&sample, credential, algorithm, level).await.expect(credential)));
        }
    }
    // Poppler's NSS knows no Ed25519.
    let edwards = ("B-B", world.sign(&sample, "ed25519").await.expect("ed25519"));
    for (level, file) in signed.iter().chain([&edwards]) {
        let (code, report) = world.verify(file);
        let expected = format!("PAdES-{level}");
        assert_eq!((code, report["signatures"][0]["level"].as_str()), (0, Some(&*expected)), "{report}");
    }
    for (level, file) in &signed {
        if judge_is_there("qpdf", &["--version"]) {
            let output = run("qpdf", &["--check", path(file)]);
            assert!(output.status.success(), "{}: {}", file.display(), text(&output));
        }
        if judge_is_there("pdfsig", &["-v"]) {
            let said = text(&run("pdfsig", &["-nocert", path(file)]));
            // A document time-stamp is listed too and covers all, though poppler does not judge it; a store is covered by none.
            assert!(said.contains("Signature is Valid"), "{said}");
            assert_eq!(said.contains("- Total document signed"), *level != "B-LT", "{said}");
        }
    }
    signed.push(edwards);
    pyhanko_accepts_levels(&world, &["pdf"], &signed);
    world.running.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_judge_accepts_cms_signatures_of_every_level() {
    let world = World::open().await;
    let ready = world.folder.path().join("ready.json");
    std::fs::write(&ready, world.running.ready.as_ref().expect("a sandbox").to_string()).expect("written");
    let content = world.folder.path().join("hoa-don.xml");
    std::fs::write(&content, "<hoadon>một triệu đồng</hoadon>\n").expect("written");
    let mut signed = Vec::new();
    for level in LEVELS {
        for credential in ["ec-p256", "rsa-3072", "ec-p384"] {
            let out = world.folder.path().join(format!("{credential}-{level}.p7s"));
            let mut arguments =
                vec!["sign", "--ready-file", path(&ready), "--auto-confirm", "--credential", credential];
            arguments.extend(["--format", "cms", "--level", level, path(&content), "--out", path(&out)]);
            let output = run(env!("CARGO_BIN_EXE_kyso"), &arguments);
            assert!(output.status.success(), "{}", text(&output));
            signed.push((level, out));
        }
    }
    let anchor = world.pki("root.pem");
    for (_, file) in &signed {
        if judge_is_there("openssl", &["version"]) {
            let verify =
                ["cms", "-verify", "-binary", "-cades", "-inform", "DER", "-purpose", "any", "-in", path(file)];
            let over = ["-content", path(&content), "-CAfile", path(&anchor), "-out", "/dev/null"];
            let output = run("openssl", &[&verify[..], &over].concat());
            assert!(text(&output).contains("CAdES Verification successful"), "{}: {}", file.display(), text(&output));
        }
    }
    pyhanko_accepts_levels(&world, &["cms", path(&content)], &signed);
    world.running.stop().await.expect("stops");
}

/// `openssl cms -verify -cades` over the extracted SignedData and the signed bytes.
fn openssl_accepts(world: &World, signed: &[PathBuf]) {
    if !judge_is_there("openssl", &["version"]) {
        return;
    }
    for file in signed {
        let bytes = std::fs::read(file).expect("signed");
        let limits = Limits::default();
        let pdf = Pdf::open(&bytes, &limits).expect("opens");
        let found = signature::signatures(&pdf).expect("read");
        let range: Vec<usize> = byte_range(&bytes);
        let content = world.folder.path().join("content.bin");
        let cms = world.folder.path().join("signature.der");
        std::fs::write(&content, [&bytes[..range[1]], &bytes[range[2]..range[2] + range[3]]].concat())
            .expect("written");
        std::fs::write(&cms, &found.last().expect("a signature").contents).expect("written");
        let anchor = world.pki("root.pem");
        let arguments = [
            "cms",
            "-verify",
            "-cades",
            "-binary",
            "-inform",
            "DER",
            "-in",
            path(&cms),
            "-content",
            path(&content),
            "-CAfile",
            path(&anchor),
            "-purpose",
            "any",
            "-out",
            "/dev/null",
        ];
        let output = run("openssl", &arguments);
        assert!(text(&output).contains("CAdES Verification successful"), "{}: {}", file.display(), text(&output));
    }
}

/// The numbers of the last /ByteRange, read as plain text: no code of ours between the judge and the file.
fn byte_range(bytes: &[u8]) -> Vec<usize> {
    let at = bytes.windows(10).rposition(|w| w == b"/ByteRange").expect("a ByteRange");
    let text = String::from_utf8_lossy(&bytes[at..at + 80]).into_owned();
    let inner = text.split(['[', ']']).nth(1).expect("an array").to_owned();
    inner.split_whitespace().map(|number| number.parse().expect("a number")).collect()
}

fn pyhanko_accepts(world: &World, signed: &[PathBuf]) {
    if !judge_is_there(&python(), &["-c", "import pyhanko"]) {
        return;
    }
    let script = root().join("tests/judges/pyhanko_judge.py");
    let (anchor, chain, crl) = (world.pki("root.pem"), world.pki("chain.pem"), world.pki("crl.pem"));
    let mut arguments = vec![path(&script), "validate", path(&anchor), path(&chain), path(&crl)];
    arguments.extend(signed.iter().map(|file| path(file)));
    let output = run(&python(), &arguments);
    let said = text(&output);
    let verdicts: Vec<Value> =
        output.stdout.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    assert_eq!(verdicts.len(), signed.len(), "{said}");
    for verdict in verdicts {
        assert_eq!(verdict["valid"], true, "{verdict} {said}");
        assert_eq!(verdict["coverage"], "ENTIRE_FILE", "{verdict}");
        assert_eq!(verdict["subfilter"], "/ETSI.CAdES.detached", "{verdict}");
    }
}

/// A foreign signer's key and certificate, made by OpenSSL under an authority of its own.
fn foreign_signer(folder: &Path) {
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").current_dir(folder).args(arguments).output().expect("runs");
        assert!(output.status.success(), "{}", text(&output));
    };
    let ca_extensions =
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n";
    std::fs::write(folder.join("ca.ext"), ca_extensions).expect("written");
    let extensions = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,nonRepudiation\n\
                      subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";
    std::fs::write(folder.join("leaf.ext"), extensions).expect("written");
    openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ca.key"]);
    openssl(&["req", "-new", "-key", "ca.key", "-subj", "/CN=Foreign Root", "-out", "ca.csr"]);
    openssl(&[
        "x509", "-req", "-in", "ca.csr", "-signkey", "ca.key", "-days", "30", "-extfile", "ca.ext", "-out", "ca.pem",
    ]);
    openssl(&["genrsa", "-out", "leaf.key", "2048"]);
    openssl(&["req", "-new", "-utf8", "-key", "leaf.key", "-subj", "/CN=Trần Thị Bình", "-out", "leaf.csr"]);
    openssl(&[
        "x509",
        "-req",
        "-in",
        "leaf.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "30",
        "-extfile",
        "leaf.ext",
        "-out",
        "leaf.pem",
    ]);
}

fn pyhanko_signs(folder: &Path, source: &Path, target: &Path, kind: &str) {
    let script = root().join("tests/judges/pyhanko_judge.py");
    let file = |name: &str| folder.join(name);
    let (key, certificate, chain) = (file("leaf.key"), file("leaf.pem"), file("ca.pem"));
    let arguments =
        [path(&script), "sign", path(&key), path(&certificate), path(&chain), path(source), path(target), kind];
    let output = run(&python(), &arguments);
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn we_accept_what_pyhanko_signs_and_refuse_it_tampered() {
    if !judge_is_there(&python(), &["-c", "import pyhanko"]) || !judge_is_there("openssl", &["version"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    foreign_signer(folder.path());
    let anchor = folder.path().join("ca.pem");
    let verify = |file: &Path| {
        let arguments = ["verify", "--trust", path(&anchor), "--revocation", "if-present", "--json", path(file)];
        let output = run(env!("CARGO_BIN_EXE_kyso"), &arguments);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)));
        (output.status.code().expect("a code"), report["signatures"][0].clone())
    };
    for (kind, level) in [("pades", "PAdES-B-B"), ("pkcs7", "PKCS7")] {
        for sample in SAMPLES {
            let signed = folder.path().join(format!("{kind}-{sample}"));
            pyhanko_signs(folder.path(), &root().join("samples").join(sample), &signed, kind);
            let (code, report) = verify(&signed);
            assert_eq!(
                (code, &report["indication"], &report["level"]),
                (0, &"TOTAL-PASSED".into(), &level.into()),
                "{report}"
            );
            let mut bytes = std::fs::read(&signed).expect("signed");
            bytes[2000] ^= 1;
            let tampered = folder.path().join("tampered.pdf");
            std::fs::write(&tampered, bytes).expect("written");
            let (code, report) = verify(&tampered);
            assert_eq!((code, &report["integrity"]), (1, &"broken".into()), "{report}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_certified_against_changes_is_refused_and_a_signed_one_is_countersigned() {
    if !judge_is_there(&python(), &["-c", "import pyhanko"]) || !judge_is_there("openssl", &["version"]) {
        return;
    }
    let world = World::open().await;
    foreign_signer(world.folder.path());
    let sample = root().join("samples").join(SAMPLES[2]);
    let certified = world.folder.path().join("certified.pdf");
    pyhanko_signs(world.folder.path(), &sample, &certified, "certify");
    let refused = world.sign(&certified, "ec-p256").await.expect_err("no changes are allowed").to_string();
    assert!(refused.contains("certified") || refused.contains("no further change"), "{refused}");
    let first = world.folder.path().join("first.pdf");
    pyhanko_signs(world.folder.path(), &sample, &first, "pades");
    let both = world.sign(&first, "ec-p256").await.expect("a second signature");
    let (_, report) = world.verify(&both);
    let seen: Vec<_> =
        (0..2).map(|i| (&report["signatures"][i]["modification"], &report["signatures"][i]["integrity"])).collect();
    assert_eq!(seen, [(&"allowed".into(), &"intact".into()), (&"none".into(), &"intact".into())], "{report}");
    world.running.stop().await.expect("stops");
}

/// A portal that is not ours, over the CSC API: pyHanko prepares the document and lets us sign its hash.
#[tokio::test(flavor = "multi_thread")]
async fn pyhanko_signs_through_the_csc_api_of_both_versions() {
    if !judge_is_there(&python(), &["-c", "import pyhanko, aiohttp"]) {
        return;
    }
    let world = World::open().await;
    let ready = world.folder.path().join("ready.json");
    std::fs::write(&ready, world.running.ready.as_ref().expect("a sandbox").to_string()).expect("written");
    let script = root().join("tests/judges/pyhanko_csc.py");
    let samples: Vec<_> = SAMPLES.iter().map(|name| root().join("samples").join(name)).collect();
    for (credential, scheme, digest, wanted) in [
        ("rsa-2048", "pkcs1", "sha256", "sha256WithRSAEncryption"),
        ("rsa-3072", "pkcs1", "sha384", "sha384WithRSAEncryption"),
        // With the longest salt there is, which pyHanko asks for.
        ("rsa-2048", "pss", "sha256", "rsassa-pss"),
        ("rsa-3072", "pss", "sha384", "rsassa-pss"),
        ("ec-p256", "ecdsa", "sha256", "ecdsa-with-SHA256"),
        ("ec-p384", "ecdsa", "sha384", "ecdsa-with-SHA384"),
    ] {
        for (version, sources) in
            [("v1", &samples[..1]), ("v2", &samples[..1]), ("v1", &samples[..]), ("v2", &samples[..])]
        {
            let name = format!("csc-{credential}-{scheme}-{version}-{}", sources.len());
            let out = world.folder.path().join(&name);
            std::fs::create_dir(&out).expect("a folder");
            let mut arguments = vec![path(&script), path(&ready), credential, version, scheme, digest];
            arguments.extend(sources.iter().map(|source| path(source)));
            arguments.push(path(&out));
            let output = run(&python(), &arguments);
            assert!(output.status.success(), "{name}: {}", text(&output));
            for source in sources {
                let (code, report) = world.verify(&out.join(source.file_name().expect("a name")));
                let signature = &report["signatures"][0];
                assert_eq!((code, &signature["level"]), (0, &"PAdES-B-B".into()), "{name}: {report}");
                let algorithm = signature["signature_algorithm"].as_str().expect("text").to_lowercase();
                assert!(algorithm.starts_with(&wanted.to_lowercase()), "{name}: {algorithm}");
            }
        }
    }
    world.running.stop().await.expect("stops");
}
