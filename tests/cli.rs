//! Sessions of the program: what it prints, what it leaves, and its exit codes.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use support::{Portal, Sandbox, kyso, sample, sample_path, shared, stderr, stdout, text, with_page_changed};

/// The program ends with this code, and its standard error says this.
#[track_caller]
fn ends(arguments: &[&str], code: i32, said: &str) {
    let output = kyso(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, bytes).expect("written");
    file
}

#[test]
fn help_names_every_command_and_its_purpose() {
    let output = kyso(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = stdout(&output);
    for command in ["verify", "demo", "serve", "sign", "admin"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command}: {help}");
        assert_eq!(kyso(&[command, "--help"]).status.code(), Some(0), "{command}");
    }
    assert!(!help.contains("render "), "the page-drawing process is nobody's command: {help}");
    assert!(stdout(&kyso(&["--version"])).starts_with("kyso "));
    ends(&[], 2, "Usage");
    ends(&["sing"], 2, "sing");
}

#[tokio::test]
async fn verify_tells_by_its_exit_code_what_it_found() {
    let sandbox = shared();
    let portal = Portal::connect(&sandbox).await;
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = portal.sign("ec-p256", &sample("hop-dong-dich-vu.pdf")).await;
    let signed = write(folder.path(), "signed.pdf", &bytes);
    let mut broken = bytes.clone();
    broken[2000] ^= 1;
    let tampered = write(folder.path(), "tampered.pdf", &broken);
    let changed = write(folder.path(), "changed.pdf", &with_page_changed(&bytes));
    let empty = write(folder.path(), "empty.pdf", b"");
    let unsigned = sample_path("hoa-don-gtgt.pdf");
    for (files, code) in [
        (vec![&signed], 0),
        (vec![&tampered], 1),
        (vec![&changed], 1),
        (vec![&unsigned], 4),
        (vec![&empty], 4),
        (vec![&signed, &tampered], 1),
        (vec![&signed, &tampered, &unsigned], 4),
    ] {
        let files: Vec<PathBuf> = files.into_iter().cloned().collect();
        let (found, reports) = sandbox.verify(&files);
        assert_eq!((found, reports.len()), (code, files.len()), "{reports:?}");
    }
    let report = |file: &PathBuf| sandbox.verify(std::slice::from_ref(file)).1.remove(0)["signatures"][0].clone();
    let good = report(&signed);
    assert_eq!(
        (&good["integrity"], &good["coverage"], &good["modification"]),
        (&"intact".into(), &"whole-file".into(), &"none".into())
    );
    assert_eq!(report(&tampered)["integrity"], "broken");
    let forbidden = report(&changed);
    assert_eq!(
        (&forbidden["integrity"], &forbidden["modification"]),
        (&"intact".into(), &"forbidden".into()),
        "{forbidden}"
    );
    // Without a trust anchor nobody vouches for the signer: not proven, not disproven.
    let untrusted = kyso(&["verify", "--json", text(&signed)]);
    assert_eq!(untrusted.status.code(), Some(3));
    assert!(stdout(&untrusted).contains("NO_CERTIFICATE_CHAIN_FOUND"), "{}", stdout(&untrusted));
    // Without a CRL the standard asks to try later.
    let unchecked = kyso(&["verify", "--trust", sandbox.says("/trust_anchor"), "--json", text(&signed)]);
    assert_eq!(unchecked.status.code(), Some(3));
    assert!(stdout(&unchecked).contains("TRY_LATER"), "{}", stdout(&unchecked));
    ends(&["verify", text(&signed), "--at", "tomorrow"], 2, "--at");
}

#[test]
fn sign_is_one_command_and_refusals_leave_no_file() {
    let sandbox = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let ready = sandbox.ready_file();
    let out = folder.path().join("out.pdf");
    let source = sample_path("to-khai-xac-nhan-cu-tru.pdf");
    let sign = |credential: &'static str, file: &Path, more: &[&str]| {
        let base = ["sign", "--ready-file", text(&ready), "--auto-confirm", "--credential", credential, text(file)];
        let out = ["--out", text(&out)];
        kyso(&[&base[..], &out[..], more].concat())
    };
    let done = sign("ec-p256", &source, &[]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    assert_eq!(stdout(&done).trim(), text(&out));
    assert_eq!(sandbox.verify(std::slice::from_ref(&out)).0, 0);
    fs::remove_file(&out).expect("there");

    let empty = write(folder.path(), "empty.pdf", b"");
    let no_pdf = write(folder.path(), "text.pdf", b"hello");
    let missing = folder.path().join("missing.pdf");
    for (credential, file, said) in [
        ("ec-p256", &empty, "empty"),
        ("ec-p256", &no_pdf, "not a PDF"),
        ("ec-p256", &missing, "cannot be read"),
        ("no-such", &source, "no such credential"),
        ("expired-ec-p256", &source, "not valid"),
    ] {
        let refused = sign(credential, file, &[]);
        assert_eq!(refused.status.code(), Some(1), "{said}: {}", stderr(&refused));
        assert!(stderr(&refused).contains(said) && stdout(&refused).is_empty(), "{said}: {}", stderr(&refused));
        assert!(!out.exists(), "{said}");
    }
    let refused = sign("ec-p256", &source, &["--field", "NoSuchField"]);
    assert!(refused.status.code() == Some(1) && !out.exists(), "{}", stderr(&refused));
    let left: Vec<_> = fs::read_dir(folder.path()).expect("read").map(|e| e.expect("entry").file_name()).collect();
    assert_eq!(left.len(), 2, "only what the test wrote: {left:?}");
    ends(&["sign", "--credential", "x", text(&source)], 2, "--server");
}

#[test]
fn bundle_signed_through_the_service_is_imported_and_a_development_root_is_not() {
    let sandbox = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let manifest = |root: &Path| {
        let manifest = serde_json::json!({"publisher": "Đơn vị phát hành", "number": 1, "valid_days": 30,
                                          "anchors": [{"file": root, "note": "thử"}]});
        write(folder.path(), "manifest.json", manifest.to_string().as_bytes())
    };
    let create = |manifest: &Path| kyso(&["trust", "create", text(manifest), "--out", text(&path("content.json"))]);
    let development = PathBuf::from(sandbox.ready["trust_anchor"].as_str().expect("a path"));
    let refused = create(&manifest(&development));
    assert!(stderr(&refused).contains("development certificate"), "{}", stderr(&refused));

    let root = path("root.pem");
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=Root"])
        .args(["-keyout", "/dev/null", "-out", text(&root)])
        .output();
    if !made.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: the openssl program is not installed");
        return;
    }
    assert_eq!(create(&manifest(&root)).status.code(), Some(0));
    let (content, bundle, store) = (path("content.json"), path("bundle.p7m"), path("store"));
    let ready = sandbox.ready_file();
    let sign = ["sign", "--ready-file", text(&ready), "--auto-confirm", "--credential", "ec-p256"];
    let signed = [&sign[..], &["--format", "cms", "--enveloping", text(&content), "--out", text(&bundle)]].concat();
    assert_eq!(kyso(&signed).status.code(), Some(0));
    let import = ["trust", "import", text(&bundle), "--lang", "en", "--trust-store", text(&store)];
    let unnamed = stderr(&kyso(&import));
    let fingerprint = unnamed.split("SHA-256 ").nth(1).and_then(|rest| rest.get(..64)).expect("a fingerprint");
    let imported = kyso(&[&import[..], &["--publisher", fingerprint]].concat());
    assert_eq!(imported.status.code(), Some(0), "{}", stderr(&imported));
    assert!(stderr(&imported).contains("for trials only"), "{}", stderr(&imported));
}

#[test]
fn serve_refuses_what_would_be_unsafe() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let serve = |config: &str| {
        let file = write(folder.path(), "kyso.toml", config.as_bytes());
        kyso(&["serve", "--config", text(&file), "--data", text(&data), "--listen", "127.0.0.1:0"])
    };
    let refused = |config: &str, said: &[&str]| {
        let output = serve(config);
        assert!(!output.status.success(), "{config}");
        assert!(said.iter().all(|said| stderr(&output).contains(said)), "{config}: {}", stderr(&output));
    };
    refused("[limits]\ndocumets = 3\n", &["documets", "kyso.toml"]);
    refused("listen = 8080\n", &["listen"]);
    refused("", &["public_url"]);
    let public = "public_url = \"https://ky.example.gov.vn\"\n";
    refused(public, &["kek_file"]);
    let kek = folder.path().join("kek");
    assert!(kyso(&["admin", "kek", "create", text(&kek)]).status.success());
    assert_eq!(fs::metadata(&kek).expect("made").permissions().mode() & 0o777, 0o600);
    ends(&["admin", "kek", "create", text(&kek)], 70, "never overwritten");
    let keyed = format!("{public}[keys]\nkek_file = \"{}\"\n", text(&kek));
    refused(&keyed, &["sms_gateway"]);
    fs::set_permissions(&kek, fs::Permissions::from_mode(0o644)).expect("set");
    refused(&keyed, &["chmod 600", text(&kek)]);
}

#[test]
fn development_data_is_refused_outside_the_sandbox_and_one_service_holds_a_folder() {
    let mut sandbox = Sandbox::start();
    let data = sandbox.data();
    let second = kyso(&["serve", "--sandbox", "--data", text(&data), "--listen", "127.0.0.1:0"]);
    assert!(!second.status.success() && stderr(&second).contains("another kyso service"), "{}", stderr(&second));
    sandbox.kill();
    let config = format!(
        "public_url = \"https://ky.example.gov.vn\"\n[keys]\nkek_file = \"{}\"\n[messages]\nsms_gateway = \"http://127.0.0.1:9/\"\n",
        text(&data.join("sandbox.kek"))
    );
    let config = write(sandbox.folder.path(), "kyso.toml", config.as_bytes());
    let output = kyso(&["serve", "--config", text(&config), "--data", text(&data), "--listen", "127.0.0.1:0"]);
    assert!(!output.status.success() && stderr(&output).contains("development keys"), "{}", stderr(&output));
    assert!(stderr(&output).contains("--sandbox"), "{}", stderr(&output));
    sandbox.restart();
    assert!(sandbox.admin(&["audit", "check"]).status.success());
}
