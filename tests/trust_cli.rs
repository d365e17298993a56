//! `kyso trust` as a program, from the publisher's manifest to a verdict without `--trust`, on files that OpenSSL makes and signs.
//!
//! All but the last two need the `openssl` program; without it they say so and pass.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

const CONFIGURATION: &str = "
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
[signer]
keyUsage = critical,digitalSignature,nonRepudiation
[ca]
default_ca = lists
[lists]
database = index.txt
default_md = sha256
default_crl_days = 20
";

/// root.pem → leaf.pem, root.crl, the document contract.txt signed by the leaf (contract.p7m), and two publishers.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn make() -> Option<Self> {
        if !Command::new("openssl").arg("version").output().is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: the openssl program is not installed");
            return None;
        }
        let world = Self { folder: tempfile::tempdir().expect("folder") };
        world.write("c.cnf", CONFIGURATION);
        world.write("index.txt", "");
        for (name, extensions) in [("root", "root"), ("publisher", "signer"), ("second", "signer")] {
            world.key(name);
            let subject = format!("/CN={name}");
            let key = format!("{name}.key");
            let out = format!("{name}.pem");
            let own = ["req", "-x509", "-days", "30", "-extensions", extensions, "-config", "c.cnf", "-subj"];
            world.openssl(&[&own[..], &[&subject, "-key", &key, "-out", &out]].concat());
        }
        world.key("leaf");
        world.openssl(&["req", "-new", "-config", "c.cnf", "-subj", "/CN=An", "-key", "leaf.key", "-out", "leaf.csr"]);
        let issue = ["x509", "-req", "-in", "leaf.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial"];
        let extensions = ["-days", "30", "-extfile", "c.cnf", "-extensions", "signer", "-out", "leaf.pem"];
        world.openssl(&[&issue[..], &extensions[..]].concat());
        let list =
            ["ca", "-config", "c.cnf", "-cert", "root.pem", "-keyfile", "root.key", "-gencrl", "-out", "root.crl"];
        world.openssl(&list);
        world.write("contract.txt", "hợp đồng");
        world.sign("contract.txt", "leaf", "contract.p7m");
        Some(world)
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

    fn key(&self, name: &str) {
        let key = format!("{name}.key");
        self.openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", &key]);
    }

    fn sign(&self, content: &str, signer: &str, out: &str) {
        let (certificate, key) = (format!("{signer}.pem"), format!("{signer}.key"));
        let how = ["cms", "-sign", "-cades", "-binary", "-nodetach", "-md", "sha256", "-outform", "DER"];
        self.openssl(&[&how[..], &["-signer", &certificate, "-inkey", &key, "-in", content, "-out", out]].concat());
    }

    /// Makes bundle-N.p7m signed by this publisher; `extra` overrides members of the manifest.
    fn publish(&self, number: u64, publisher: &str, extra: &Value) -> String {
        let mut manifest = json!({
            "publisher": "Sở Khoa học và Công nghệ tỉnh Mẫu", "number": number, "valid_days": 5,
            "anchors": [{"file": "root.pem", "note": "nhận trực tiếp"}], "crls": ["root.crl"]
        });
        for (name, value) in extra.as_object().expect("object") {
            manifest[name] = value.clone();
        }
        self.write("manifest.json", &manifest.to_string());
        let created = self.kyso(&["trust", "create", "manifest.json", "--out", "content.json"]);
        assert_eq!(code(&created), Some(0), "{}", text(&created.stderr));
        let out = format!("bundle-{number}-{publisher}.p7m");
        self.sign("content.json", publisher, &out);
        out
    }

    fn kyso(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kyso"));
        command.args(arguments).env("KYSO_TRUST_STORE", self.path().join("store")).current_dir(self.path());
        command.output().expect("kyso runs")
    }

    fn import(&self, bundle: &str) -> Output {
        self.kyso(&["trust", "import", bundle, "--json", "--lang", "en"])
    }

    fn import_first(&self, bundle: &str) {
        let output = self.kyso(&["trust", "import", bundle, "--publisher", "publisher.pem"]);
        assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    }
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[expect(clippy::disallowed_methods, reason = "certificates made by OpenSSL begin now")]
fn in_days(days: i64) -> String {
    (OffsetDateTime::now_utc() + Duration::days(days)).format(&Rfc3339).expect("a time")
}

fn none() -> Value {
    json!({})
}

#[test]
fn from_manifest_to_verdict_without_naming_a_root() {
    let Some(world) = World::make() else { return };
    let before = world.kyso(&["verify", "--json", "contract.p7m"]);
    assert_eq!((code(&before), json_of(&before)["trust"]["source"].as_str()), (Some(3), Some("none")));
    let bundle = world.publish(1, "publisher", &none());
    let unnamed = world.import(&bundle);
    assert_eq!((code(&unnamed), json_of(&unnamed)["reason"].as_str()), (Some(1), Some("unknown-publisher")));
    assert!(text(&unnamed.stderr).contains("--publisher"), "{}", text(&unnamed.stderr));
    world.import_first(&bundle);

    let verified = world.kyso(&["verify", "--json", "contract.p7m"]);
    let line = json_of(&verified);
    assert_eq!((code(&verified), line["signatures"][0]["indication"].as_str()), (Some(0), Some("TOTAL-PASSED")));
    assert_eq!((&line["trust"]["source"], &line["trust"]["anchors"]), (&json!("bundle"), &json!(1)));
    let told = &line["trust"]["bundle"];
    assert_eq!((&told["number"], &told["age_days"], &told["state"]), (&json!(1), &json!(0), &json!("current")));
    let vietnamese = world.kyso(&["verify", "contract.p7m"]);
    let vietnamese = text(&vietnamese.stdout);
    assert!(vietnamese.contains("gói tin cậy số 1 của Sở Khoa học và Công nghệ tỉnh Mẫu"), "{vietnamese}");
    assert!(vietnamese.contains("1 gốc tin cậy") && vietnamese.contains("strict ("), "{vietnamese}");

    let chain = world.kyso(&["chain", "--json", "--require-revocation", "leaf.pem"]);
    assert_eq!((code(&chain), &json_of(&chain)["trust"]["bundle"]["number"]), (Some(0), &json!(1)));
    let shown = world.kyso(&["trust", "show"]);
    assert!(text(&shown.stdout).contains("nhận trực tiếp"), "{}", text(&shown.stdout));
}

#[test]
fn bundle_past_its_date_is_indeterminate_and_names_its_age() {
    let Some(world) = World::make() else { return };
    world.import_first(&world.publish(1, "publisher", &none()));
    let late = in_days(8);
    let output = world.kyso(&["verify", "--json", "--lang", "en", "--at", &late, "contract.p7m"]);
    let line = json_of(&output);
    let signature = &line["signatures"][0];
    assert_eq!((code(&output), signature["sub_indication"].as_str()), (Some(3), Some("TRY_LATER")));
    let first = &signature["messages"][0];
    assert_eq!(first["code"], "trust-bundle-outdated");
    assert!(first["text"].as_str().is_some_and(|text| text.contains("8 d")), "{first}");
    assert_eq!(
        (&line["trust"]["bundle"]["state"], &line["trust"]["bundle"]["age_days"]),
        (&json!("outdated"), &json!(8))
    );
    let text_report = world.kyso(&["verify", "--at", &late, "contract.p7m"]);
    assert!(text(&text_report.stdout).contains("ĐÃ QUÁ HẠN"), "{}", text(&text_report.stdout));
    assert_eq!(code(&world.kyso(&["chain", "--at", &late, "leaf.pem"])), Some(1));
    let given = world.kyso(&["verify", "--json", "--at", &late, "--trust", "root.pem", "contract.p7m"]);
    assert_eq!(code(&given), Some(0), "roots that were named do not depend on the bundle; its list still helps");
}

#[test]
fn roots_that_are_named_replace_the_bundles() {
    let Some(world) = World::make() else { return };
    world.import_first(&world.publish(1, "publisher", &none()));
    let output = world.kyso(&["verify", "--json", "--trust", "second.pem", "contract.p7m"]);
    let line = json_of(&output);
    assert_eq!(line["signatures"][0]["sub_indication"], "NO_CERTIFICATE_CHAIN_FOUND");
    assert_eq!((&line["trust"]["source"], &line["trust"]["anchors"]), (&json!("given"), &json!(1)));
    let said = world.kyso(&["verify", "--lang", "en", "--trust", "second.pem", "contract.p7m"]);
    assert!(text(&said.stdout).contains("the roots of trust bundle 1 are not used"), "{}", text(&said.stdout));
}

#[test]
fn each_wrong_import_is_refused_by_its_name_and_changes_nothing() {
    let Some(world) = World::make() else { return };
    let third = world.publish(3, "publisher", &none());
    world.import_first(&third);
    let again = world.import(&third);
    assert_eq!((code(&again), &json_of(&again)["outcome"]), (Some(0), &json!("unchanged")));
    let other_content = world.publish(3, "publisher", &json!({"valid_days": 9}));
    let foreign = world.publish(9, "second", &none());
    let tomorrow = world.publish(4, "publisher", &json!({"issued": in_days(1)}));
    let older = world.publish(2, "publisher", &none());
    std::fs::copy(world.path().join("content.json"), world.path().join("unsigned.json")).expect("copied");
    let mut changed = std::fs::read(world.path().join(world.publish(5, "publisher", &none()))).expect("bundle");
    let at = changed.windows(11).position(|window| window == b"\"number\": 5").expect("number");
    changed[at + 10] = b'6';
    std::fs::write(world.path().join("changed.p7m"), changed).expect("written");
    world.write("junk.p7m", "junk");
    for (file, reason) in [
        (other_content.as_str(), "same-number"),
        (&foreign, "unknown-publisher"),
        (&tomorrow, "from-the-future"),
        (&older, "rolled-back"),
        ("unsigned.json", "unsigned"),
        ("changed.p7m", "tampered"),
        ("junk.p7m", "malformed"),
    ] {
        let output = world.import(file);
        assert_eq!((code(&output), json_of(&output)["reason"].as_str()), (Some(1), Some(reason)), "{file}");
        assert!(text(&output.stderr).contains(reason));
    }
    assert_eq!(json_of(&world.kyso(&["trust", "show", "--json"]))["bundle"]["number"], 3);
}

#[test]
fn publisher_hands_over_to_the_successor_it_named() {
    let Some(world) = World::make() else { return };
    world.import_first(&world.publish(1, "publisher", &json!({"successors": ["second.pem"]})));
    let second = world.publish(2, "second", &none());
    assert_eq!(code(&world.import(&second)), Some(0));
    let back = world.import(&world.publish(3, "publisher", &none()));
    assert_eq!((code(&back), json_of(&back)["reason"].as_str()), (Some(1), Some("unknown-publisher")));
    let named = world.kyso(&["trust", "import", &second, "--json", "--publisher", "publisher.pem"]);
    assert_eq!((code(&named), json_of(&named)["reason"].as_str()), (Some(1), Some("pinned-to-another")));
}

#[test]
fn difference_is_told_in_words_before_anything_is_installed() {
    let Some(world) = World::make() else { return };
    world.import_first(&world.publish(1, "publisher", &none()));
    let anchors = json!([{"file": "second.pem", "note": "", "permitted": ["dn:CN=second"]}]);
    let next = world.publish(2, "publisher", &json!({"anchors": anchors, "crls": [], "policy": "vietnam"}));
    let output = world.kyso(&["trust", "diff", &next]);
    let said = text(&output.stdout);
    for words in
        ["Có thể nhập", "- gốc tin cậy: CN=root", "+ gốc tin cậy: CN=second", "- danh sách thu hồi", "+ chính sách"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(json_of(&world.kyso(&["trust", "show", "--json"]))["bundle"]["number"], 1);
}

#[test]
fn bundles_policy_and_limits_judge_where_its_roots_do() {
    let Some(world) = World::make() else { return };
    let limited = json!([{"file": "root.pem", "note": "x", "permitted": ["dn:CN=Binh"]}]);
    world.import_first(&world.publish(1, "publisher", &json!({"anchors": limited, "policy": "vietnam"})));
    let line = json_of(&world.kyso(&["verify", "--json", "contract.p7m"]));
    assert_eq!(line["signatures"][0]["sub_indication"], "CERTIFICATE_CHAIN_GENERAL_FAILURE");
    assert_eq!(line["policy"]["name"], "vietnam");
    let named = json_of(&world.kyso(&["verify", "--json", "--trust", "root.pem", "contract.p7m"]));
    assert_eq!(
        (&named["policy"]["name"], &named["signatures"][0]["indication"]),
        (&json!("strict"), &json!("TOTAL-PASSED"))
    );
    let asked = ["verify", "--json", "--trust", "root.pem", "--validation-policy", "bundle", "contract.p7m"];
    assert_eq!(json_of(&world.kyso(&asked))["policy"]["name"], "vietnam");
}

#[test]
fn policy_file_decides_and_its_digest_is_told() {
    let Some(world) = World::make() else { return };
    let strict = world.kyso(&["trust", "policy", "strict"]);
    let own =
        text(&strict.stdout).replace("\"strict\"", "\"ours\"").replace("\"p256\": \"open\"", "\"p256\": \"never\"");
    world.write("ours.json", &own);
    let output =
        world.kyso(&["verify", "--json", "--trust", "root.pem", "--validation-policy", "ours.json", "contract.p7m"]);
    let line = json_of(&output);
    assert_eq!(line["signatures"][0]["sub_indication"], "CRYPTO_CONSTRAINTS_FAILURE_NO_POE");
    assert_eq!((code(&output), line["signatures"][0]["integrity"].as_str()), (Some(3), Some("intact")));
    let digest = kyso::crypto::DigestAlgorithm::Sha256.digest(own.as_bytes());
    assert_eq!(line["policy"]["sha256"], kyso::crypto::digest::hex(digest.as_bytes()));
    world.write("bad.json", "{}");
    let refused = world.kyso(&["verify", "--validation-policy", "bad.json", "contract.p7m"]);
    assert_eq!(code(&refused), Some(2));
}

#[test]
fn damaged_store_stops_verification_unless_roots_are_named() {
    let Some(world) = World::make() else { return };
    world.import_first(&world.publish(1, "publisher", &none()));
    world.write("store/installed.json", "{}");
    let output = world.kyso(&["verify", "contract.p7m"]);
    assert_eq!((code(&output), output.stdout.is_empty()), (Some(2), true));
    assert!(text(&output.stderr).contains("damaged"), "{}", text(&output.stderr));
    let named = world.kyso(&["verify", "--trust", "root.pem", "--crl", "root.crl", "contract.p7m"]);
    assert_eq!(code(&named), Some(0));
    assert!(text(&named.stderr).contains("damaged"), "{}", text(&named.stderr));
    assert_eq!(code(&world.kyso(&["trust", "show"])), Some(1));
}

fn alone(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_kyso"));
    command.args(arguments).env("KYSO_TRUST_STORE", folder.path().join("store")).output().expect("kyso runs")
}

#[test]
fn wrong_usage_is_two_unreadable_is_four_and_nothing_installed_is_one() {
    assert_eq!(code(&alone(&["trust"])), Some(2));
    assert_eq!(code(&alone(&["trust", "import", "missing.p7m"])), Some(4));
    assert_eq!(code(&alone(&["trust", "create", "missing.json", "--out", "x"])), Some(4));
    assert_eq!(code(&alone(&["trust", "policy", "missing.json"])), Some(4));
    assert_eq!(code(&alone(&["trust", "import", "Cargo.toml", "--publisher", "nonsense"])), Some(2));
    let shown = alone(&["trust", "show"]);
    assert_eq!(code(&shown), Some(1));
    assert!(text(&shown.stderr).contains("chưa cài gói tin cậy nào"));
}

#[test]
fn built_in_policies_print_the_files_of_the_repository() {
    for (name, file) in
        [("strict", include_str!("../policies/strict.json")), ("vietnam", include_str!("../policies/vietnam.json"))]
    {
        assert_eq!(text(&alone(&["trust", "policy", name]).stdout), file);
    }
}
