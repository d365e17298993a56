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
fn html_is_one_document_for_all_files_and_keeps_the_exit_codes() {
    let (unsigned, missing) = (sample("hop-dong-dich-vu.pdf"), "<script>alert(1)</script>.pdf");
    let output = kyso(&["verify", "--report", "html", "--lang", "en", &unsigned, missing]);
    assert_eq!(code(&output), Some(4));
    let page = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"), "{page}");
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(&page, options).expect("well-formed");
    let named = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count();
    assert_eq!((named("html"), named("article"), named("script")), (1, 2, 0));
    let index = document.descendants().find(|node| node.has_tag_name("nav")).expect("an index");
    let links: Vec<_> = index.descendants().filter_map(|node| node.attribute("href")).collect();
    assert_eq!(links, ["#f1", "#f2"]);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;.pdf"));
}

#[test]
fn json_is_english_and_people_read_vietnamese_unless_told_otherwise() {
    let signature = tempfile::NamedTempFile::new().expect("file");
    std::fs::write(&signature, b"\x30\x80").expect("file");
    let file = signature.path().display().to_string();
    let said = |arguments: &[&str]| String::from_utf8(kyso(arguments).stdout).expect("UTF-8");
    assert!(said(&["verify", "--json", &file]).contains("the CMS is not readable"));
    assert!(said(&["verify", &file]).contains("không đọc được CMS"));
    assert!(said(&["verify", "--lang", "en", &file]).contains("the CMS is not readable"));
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
