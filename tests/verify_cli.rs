//! `kyso verify` as a program: arguments, exit codes and where its words go.

use std::path::Path;
use std::process::{Command, Output};

fn kyso(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kyso"))
        .args(arguments)
        .env("KYSO_TRUST_STORE", "no-such-folder")
        .output()
        .expect("kyso runs")
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn sample(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name).display().to_string()
}

#[test]
fn wrong_usage_is_two_and_says_why_on_standard_error() {
    for arguments in [
        &["verify"][..],
        &["verify", "--at", "yesterday", "a.pdf"],
        &["verify", "--revocation=never", "a.pdf"],
        &["verify", "--json", "--report", "text", "a.pdf"],
        &["verify", "--trust", "does-not-exist.pem", "a.pdf"],
        &["verify", "--report", "html", "a.pdf"],
        &["unknown"],
    ] {
        let output = kyso(arguments);
        assert_eq!(code(&output), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn unsigned_and_unreadable_files_are_four() {
    let folder = tempfile::tempdir().expect("folder");
    let text = folder.path().join("note.txt");
    std::fs::write(&text, "not signed").expect("file");
    let missing = folder.path().join("missing.pdf").display().to_string();
    for file in [sample("hop-dong-dich-vu.pdf"), text.display().to_string(), missing] {
        let output = kyso(&["verify", "--json", &file]);
        assert_eq!(code(&output), Some(4), "{file}");
        let line: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(line["signatures"].as_array().map(Vec::len), Some(0));
        assert!(line["error"].is_string());
    }
}

#[test]
fn several_files_give_one_line_each_in_order() {
    let (a, b) = (sample("hop-dong-dich-vu.pdf"), sample("hoa-don-gtgt.pdf"));
    let output = kyso(&["verify", "--json", "--jobs", "4", &a, &b, &a]);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let files: Vec<String> = text
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["file"].as_str().expect("file").to_owned()
        })
        .collect();
    assert_eq!(files, [a.clone(), b, a]);
}

#[test]
fn text_report_speaks_the_asked_language() {
    let file = sample("hop-dong-dich-vu.pdf");
    let vietnamese = String::from_utf8(kyso(&["verify", &file]).stdout).expect("UTF-8");
    assert!(vietnamese.starts_with("? KHÔNG KIỂM TRA ĐƯỢC"), "{vietnamese}");
    let english = String::from_utf8(kyso(&["verify", "--lang", "en", &file]).stdout).expect("UTF-8");
    assert!(english.starts_with("? COULD NOT BE CHECKED"), "{english}");
}

#[test]
fn help_is_an_answer() {
    let output = kyso(&["verify", "--help"]);
    assert_eq!(code(&output), Some(0));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    for option in ["--trust", "--crl", "--revocation", "--at", "--content", "--json", "--report", "--lang", "--jobs"] {
        assert!(text.contains(option), "{option}");
    }
}
