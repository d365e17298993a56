//! `kyso chain` as a program, on certificates that OpenSSL makes: exit codes, JSON, and where its words go.
//!
//! All but the first need the `openssl` program; without it they say so and pass.

use std::path::Path;
use std::process::{Command, Output};

const POLICY: &str = "1.3.6.1.4.1.32473.1";
const DOCUMENT_SIGNING: &str = "1.3.6.1.5.5.7.3.36";
const SERVER: &str = "1.3.6.1.5.5.7.3.1";

/// Extensions of the certificates, and what `openssl ca` needs for a revocation list.
const CONFIGURATION: &str = "
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
[authority]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
certificatePolicies = 1.3.6.1.4.1.32473.1
[signer]
keyUsage = critical,digitalSignature,nonRepudiation
extendedKeyUsage = 1.3.6.1.5.5.7.3.36
certificatePolicies = 1.3.6.1.4.1.32473.1
[ca]
default_ca = lists
[lists]
database = index.txt
default_md = sha256
default_crl_days = 20
";

/// root.pem → ca.pem → leaf.pem, and leaf-revoked.pem; crl.pem holds the lists of both authorities.
struct Pki {
    folder: tempfile::TempDir,
}

impl Pki {
    fn make() -> Option<Self> {
        if !Command::new("openssl").arg("version").output().is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: the openssl program is not installed");
            return None;
        }
        let pki = Self { folder: tempfile::tempdir().expect("folder") };
        pki.write("c.cnf", CONFIGURATION);
        pki.issue("root", "/CN=Root", "root", None);
        pki.issue("ca", "/CN=CA", "authority", Some("root"));
        pki.issue("leaf", "/CN=Nguyễn Văn An", "signer", Some("ca"));
        pki.issue("revoked", "/CN=Trần Thị Bình", "signer", Some("ca"));
        let lists = [pki.list("root", &[]), pki.list("ca", &["revoked.pem"])].concat();
        pki.write("crl.pem", &lists);
        Some(pki)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("file");
    }

    fn openssl(&self, arguments: &[&str]) {
        let output = Command::new("openssl").args(arguments).current_dir(self.path()).output().expect("openssl runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Makes `name.key` and `name.pem`, valid for 30 days from now.
    fn issue(&self, name: &str, subject: &str, extensions: &str, issuer: Option<&str>) {
        let (key, request, certificate) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
        self.openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", &key]);
        let common = ["-config", "c.cnf", "-utf8", "-subj", subject, "-key", &key];
        let Some(issuer) = issuer else {
            let own = ["req", "-x509", "-days", "30", "-extensions", extensions, "-out", &certificate];
            return self.openssl(&[&own[..], &common[..]].concat());
        };
        self.openssl(&[&["req", "-new", "-out", &request][..], &common[..]].concat());
        self.certify(name, extensions, issuer);
    }

    /// Makes `name.pem` from `name.csr`.
    fn certify(&self, name: &str, extensions: &str, issuer: &str) {
        let (request, certificate) = (format!("{name}.csr"), format!("{name}.pem"));
        let (ca, ca_key) = (format!("{issuer}.pem"), format!("{issuer}.key"));
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-CAcreateserial",
            "-days",
            "30",
            "-extfile",
            "c.cnf",
            "-extensions",
            extensions,
            "-out",
            &certificate,
        ]);
    }

    /// A revocation list of an authority, PEM.
    fn list(&self, issuer: &str, revoked: &[&str]) -> String {
        let (certificate, key) = (format!("{issuer}.pem"), format!("{issuer}.key"));
        self.write("index.txt", "");
        let common = ["ca", "-config", "c.cnf", "-cert", &certificate, "-keyfile", &key];
        for file in revoked {
            self.openssl(&[&common[..], &["-revoke", file]].concat());
        }
        self.openssl(&[&common[..], &["-gencrl", "-out", "list.pem"]].concat());
        std::fs::read_to_string(self.path().join("list.pem")).expect("list")
    }

    /// Runs `kyso chain --trust root.pem --intermediates ca.pem` with these further arguments.
    fn chain(&self, arguments: &[&str]) -> Output {
        chain(self.path(), &[&["--trust", "root.pem", "--intermediates", "ca.pem"], arguments].concat())
    }
}

fn chain(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kyso"));
    command
        .arg("chain")
        .args(arguments)
        .env("KYSO_TRUST_STORE", folder.join("no-store"))
        .current_dir(folder)
        .output()
        .expect("kyso runs")
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn wrong_usage_is_two_and_unreadable_input_is_four() {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("note.txt"), "no certificate").expect("file");
    for arguments in [
        &["leaf.pem"][..],
        &["--trust", "note.txt"],
        &["--trust", "note.txt", "--at", "yesterday", "note.txt"],
        &["--trust", "note.txt", "--eku", "serverAuth", "note.txt"],
        &["--trust", "note.txt", "--require-revocation", "note.txt"],
    ] {
        let output = chain(folder.path(), arguments);
        assert_eq!(code(&output), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?}");
    }
    for leaf in ["note.txt", "missing.pem"] {
        let output = chain(folder.path(), &["--trust", "note.txt", leaf]);
        assert_eq!(code(&output), Some(4), "{leaf}");
        assert!(text(&output.stderr).contains(leaf) && output.stdout.is_empty());
        let output = chain(folder.path(), &["--json", "--trust", "note.txt", leaf]);
        assert_eq!(code(&output), Some(4), "{leaf}");
        assert_eq!(json(&output)["valid"], false);
        assert!(json(&output)["error"].is_string());
    }
}

#[test]
fn path_through_an_intermediate_is_valid_and_without_it_is_not() {
    let Some(pki) = Pki::make() else { return };
    let output = pki.chain(&["leaf.pem"]);
    assert_eq!(code(&output), Some(0));
    assert!(
        text(&output.stdout).starts_with("valid\n  CN=Nguyễn Văn An\n  CN=CA\n  CN=Root\nTrust: 1 trusted roots given")
    );
    let output = pki.chain(&["--json", "leaf.pem"]);
    let mut answer = json(&output);
    assert_eq!((&answer["trust"]["source"], &answer["policy"]["name"]), (&"given".into(), &"strict".into()));
    answer.as_object_mut().expect("object").retain(|name, _| !["trust", "policy"].contains(&name.as_str()));
    let expected = serde_json::json!({"valid": true, "error": null, "path": ["CN=Nguyễn Văn An", "CN=CA", "CN=Root"]});
    assert_eq!((code(&output), answer), (Some(0), expected));
    let output = chain(pki.path(), &["--json", "--trust", "root.pem", "leaf.pem"]);
    assert_eq!(code(&output), Some(1));
    assert_eq!((json(&output)["valid"].clone(), json(&output)["path"].clone()), (false.into(), serde_json::json!([])));
    assert!(json(&output)["error"].as_str().is_some_and(|error| error.contains("path")));
    let both = ["leaf.pem", "ca.pem"].map(|name| std::fs::read_to_string(pki.path().join(name)).expect("PEM"));
    pki.write("both.pem", &both.concat());
    assert_eq!(code(&chain(pki.path(), &["--trust", "root.pem", "both.pem"])), Some(0));
}

#[test]
fn time_outside_the_validity_is_invalid() {
    let Some(pki) = Pki::make() else { return };
    let output = pki.chain(&["--at", "2020-01-01T00:00:00Z", "leaf.pem"]);
    assert_eq!(code(&output), Some(1));
    assert!(text(&output.stdout).starts_with("invalid: "), "{}", text(&output.stdout));
}

#[test]
fn revocation_is_looked_at_when_lists_are_given() {
    let Some(pki) = Pki::make() else { return };
    let listed = |leaf| pki.chain(&["--crl", "crl.pem", "--require-revocation", leaf]);
    assert_eq!(code(&listed("leaf.pem")), Some(0));
    let output = listed("revoked.pem");
    assert_eq!(code(&output), Some(1));
    assert!(text(&output.stdout).contains("revoked"), "{}", text(&output.stdout));
    assert_eq!(code(&pki.chain(&["revoked.pem"])), Some(0), "no list, no word on revocation");
    let root_only = pki.list("root", &[]);
    pki.write("root-crl.pem", &root_only);
    assert_eq!(code(&pki.chain(&["--crl", "root-crl.pem", "--require-revocation", "leaf.pem"])), Some(1));
    let output = pki.chain(&["--crl", "root-crl.pem", "leaf.pem"]);
    assert_eq!(code(&output), Some(0));
    assert!(text(&output.stderr).contains("no usable revocation information"), "{}", text(&output.stderr));
}

#[test]
fn key_purpose_must_be_the_certificates() {
    let Some(pki) = Pki::make() else { return };
    assert_eq!(code(&pki.chain(&["--eku", DOCUMENT_SIGNING, "leaf.pem"])), Some(0));
    assert_eq!(code(&pki.chain(&["--eku", SERVER, "leaf.pem"])), Some(1));
    assert_eq!(code(&pki.chain(&["--eku", DOCUMENT_SIGNING, "--eku", SERVER, "leaf.pem"])), Some(1));
}

#[test]
fn policy_decides_only_where_one_is_required() {
    let Some(pki) = Pki::make() else { return };
    let other = "1.3.6.1.4.1.32473.2";
    assert_eq!(code(&pki.chain(&["--policy", POLICY, "--explicit-policy", "leaf.pem"])), Some(0));
    assert_eq!(code(&pki.chain(&["--policy", other, "--policy", POLICY, "--explicit-policy", "leaf.pem"])), Some(0));
    let output = pki.chain(&["--policy", other, "--explicit-policy", "leaf.pem"]);
    assert_eq!(code(&output), Some(1));
    assert!(text(&output.stdout).contains("policy"), "{}", text(&output.stdout));
    assert_eq!(code(&pki.chain(&["--policy", other, "leaf.pem"])), Some(0));
    let inhibited = ["--explicit-policy", "--inhibit-policy-mapping", "--inhibit-any-policy", "leaf.pem"];
    assert_eq!(code(&pki.chain(&inhibited)), Some(0), "nothing is mapped, and no anyPolicy is needed");
}

#[test]
fn weak_key_of_the_certificate_is_invalid() {
    let Some(pki) = Pki::make() else { return };
    let size = |bits: &str| {
        pki.openssl(&["genrsa", "-out", "rsa.key", bits]);
        pki.openssl(&["req", "-new", "-config", "c.cnf", "-subj", "/CN=RSA", "-key", "rsa.key", "-out", "rsa.csr"]);
        pki.certify("rsa", "signer", "ca");
        pki.chain(&["rsa.pem"])
    };
    assert_eq!(code(&size("3072")), Some(0));
    let output = size("1024");
    assert_eq!(code(&output), Some(1));
    assert!(text(&output.stdout).contains("1024 bit"), "{}", text(&output.stdout));
}
