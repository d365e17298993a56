//! The guides for integrators: every fenced block runs as it stands, against a sandbox, and what it leaves is verified.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use support::{Sandbox, sample, shared, stderr, stdout, text};

const GUIDES: [&str; 3] = ["hosted-request", "document-signing", "hash-signing"];
/// What is run. Nothing else stands in a fence: what is not run is not shown as code.
const LANGUAGES: [&str; 3] = ["sh", "python", "java"];

fn guide(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides").join(name).with_extension("md");
    fs::read_to_string(path).expect("a guide")
}

/// Fenced blocks with their languages, in order.
fn blocks(guide: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut open = false;
    for line in guide.lines() {
        match (open, line.strip_prefix("```")) {
            (false, Some(language)) => {
                blocks.push((language.to_owned(), String::new()));
                open = true;
            }
            (true, Some(_)) => open = false,
            (true, None) => {
                let (_, code) = blocks.last_mut().expect("an open block");
                code.push_str(line);
                code.push('\n');
            }
            (false, None) => {}
        }
    }
    assert!(!open, "a fence is left open");
    blocks
}

/// All of a guide's code in one language, as one program.
fn code(name: &str, language: &str) -> String {
    blocks(&guide(name)).into_iter().filter(|(own, _)| own == language).map(|(_, code)| code).collect()
}

/// A command whose `kyso` is this build's.
fn command(program: &str, folder: &Path) -> Command {
    let own = Path::new(env!("CARGO_BIN_EXE_kyso")).parent().expect("a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&path))).expect("a path");
    let mut command = Command::new(program);
    command.current_dir(folder).env("PATH", path);
    command
}

/// Runs shell code that stops at its first failure; whatever it leaves running in the background is ended with it.
fn shell(code: &str, folder: &Path) -> Output {
    fs::write(folder.join("guide.sh"), code).expect("written");
    let guarded = "trap 'kill $(jobs -p) 2>/dev/null || :' EXIT; set -eu; . ./guide.sh";
    command("bash", folder).args(["-c", guarded]).output().expect("a shell")
}

fn required() -> bool {
    std::env::var("KYSO_JUDGES").is_ok_and(|judges| judges == "require")
}

/// A folder with the sandbox's ready file.
fn beside(sandbox: &Sandbox) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::copy(sandbox.ready_file(), folder.path().join("ready.json")).expect("copied");
    folder
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}\n{}", stdout(output), stderr(output));
}

/// Every signature of these files is valid, with the level named.
fn all_valid(sandbox: &Sandbox, folder: &Path, files: &[(&str, &str)]) {
    for (file, level) in files {
        let (code, reports) = sandbox.verify(&[folder.join(file)]);
        assert_eq!((code, reports[0]["signatures"][0]["level"].as_str()), (0, Some(*level)), "{file}: {reports:?}");
    }
}

#[test]
fn guides_hold_code_of_each_language_and_nothing_that_is_not_run() {
    for name in GUIDES {
        let blocks = blocks(&guide(name));
        for language in LANGUAGES {
            assert!(blocks.iter().any(|(own, _)| own == language), "{name} has no {language}");
        }
        let others: Vec<&String> =
            blocks.iter().map(|(own, _)| own).filter(|own| !LANGUAGES.contains(&own.as_str())).collect();
        assert_eq!(others, [""; 0], "{name}: these would not be run");
    }
}

#[test]
fn a_failing_line_fails_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(!shell("false\ntrue\n", folder.path()).status.success());
    assert!(!shell("curl -fsS http://127.0.0.1:1/ > nothing\ntrue\n", folder.path()).status.success());
    assert!(shell("sleep 600 &\ntrue\n", folder.path()).status.success(), "and nobody waits for what runs on");
}

/// From an empty folder to a verified document and receipt. The time is told, and never judged.
#[test]
fn a_strangers_five_minutes_by_curl_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let began = Instant::now();
    let output = shell(&code("hosted-request", "sh"), folder.path());
    let took = began.elapsed().as_secs_f32();
    succeeded(&output);
    println!("a stranger's five minutes: from an empty folder to a signed PDF by curl in {took:.1} s");
    let said = stdout(&output);
    assert!(said.contains("/c/") && said.contains("signed\n") && said.contains("TOTAL-PASSED"), "{said}");
    let read = |name: &str| fs::read(folder.path().join(name)).expect("left there");
    let (original, signed) = (read("contract.pdf"), read("signed.pdf"));
    assert!(signed.starts_with(&original) && original == sample("hop-dong-dich-vu.pdf"));
}

#[test]
fn documents_are_signed_by_curl() {
    let sandbox = shared();
    let folder = beside(&sandbox);
    succeeded(&shell(&code("document-signing", "sh"), folder.path()));
    all_valid(&sandbox, folder.path(), &[("signed.pdf", "PAdES-B-LTA"), ("command.pdf", "PAdES-B-LTA")]);
    assert!(folder.path().join("invoice.xml.p7s").exists());
}

#[test]
fn hashes_are_signed_by_curl() {
    let sandbox = shared();
    let folder = beside(&sandbox);
    let output = shell(&code("hash-signing", "sh"), folder.path());
    succeeded(&output);
    assert!(stdout(&output).contains("Verified OK"), "{}", stdout(&output));
    all_valid(&sandbox, folder.path(), &[("signed.pdf", "PAdES-B-T")]);
}

/// Runs a guide's Python; without one that has pyHanko, that one guide is left out unless it is required.
fn python(name: &str, folder: &Path) -> bool {
    let judges = std::env::var_os("KYSO_JUDGES_PYTHON").map(PathBuf::from);
    let program = match (&judges, name) {
        (Some(python), _) => text(python),
        (None, "hash-signing") => {
            assert!(!required(), "KYSO_JUDGES_PYTHON names no Python");
            eprintln!("no Python with pyHanko is named: {name} is not run");
            return false;
        }
        (None, _) => "python3",
    };
    fs::write(folder.join("guide.py"), code(name, "python")).expect("written");
    succeeded(&command(program, folder).arg("guide.py").output().expect("a Python"));
    true
}

#[test]
fn pythons_snippets_run() {
    let sandbox = shared();
    for (name, files) in [
        ("hosted-request", &[("signed.pdf", "PAdES-B-B"), ("receipt.pdf", "PAdES-B-T")][..]),
        ("document-signing", &[("signed-1.pdf", "PAdES-B-LT"), ("signed-2.pdf", "PAdES-B-LT")][..]),
        ("hash-signing", &[("signed.pdf", "PAdES-B-B")][..]),
    ] {
        let folder = beside(&sandbox);
        if python(name, folder.path()) {
            all_valid(&sandbox, folder.path(), files);
        }
    }
}

#[test]
fn javas_snippets_run() {
    if Command::new("java").arg("--version").output().is_err() {
        assert!(!required(), "java is not installed");
        eprintln!("java is not installed: its snippets are not run");
        return;
    }
    let sandbox = shared();
    for (name, files) in [
        ("hosted-request", &[("signed.pdf", "PAdES-B-B"), ("receipt.pdf", "PAdES-B-T")][..]),
        ("document-signing", &[("signed.pdf", "PAdES-B-LTA")][..]),
        ("hash-signing", &[][..]),
    ] {
        let folder = beside(&sandbox);
        fs::write(folder.path().join("Guide.java"), code(name, "java")).expect("written");
        let run = command("java", folder.path()).args(["-Dfile.encoding=UTF-8", "Guide.java"]).output();
        succeeded(&run.expect("java runs"));
        all_valid(&sandbox, folder.path(), files);
    }
}
