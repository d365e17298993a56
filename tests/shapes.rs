//! Files of many shapes, signed without a service: encrypted by qpdf in every way it knows, damaged, large, with many pages.
//! Our own verifier judges each; qpdf, poppler and pyHanko judge too where they are installed (`KYSO_JUDGES=require` makes an
//! absent one a failure).

#[path = "support/signer.rs"]
mod signer;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kyso::formats::pdf::{Limits, Password, Pdf, PdfError, pages};
use kyso::signing::SigningError;
use kyso::validation::report::{Coverage, Indication};
use signer::TestSigner;

const SAMPLE: &str = "samples/to-khai-xac-nhan-cu-tru.pdf";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn judge_is_there(program: &str, arguments: &[&str]) -> bool {
    let there = Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success());
    let required = std::env::var("KYSO_JUDGES").is_ok_and(|value| value == "require");
    assert!(there || !required, "{program} is required and does not answer");
    if !there {
        eprintln!("skipped: {program} is not installed");
    }
    there
}

/// Signs, and lets our own verifier judge the result.
fn sign(file: &[u8], password: Option<&Password>) -> Result<Vec<u8>, SigningError> {
    let signer = TestSigner::new();
    let pdf = Pdf::open_for_signing(file, &Limits::default(), password)?;
    let signed = [file, &signer.sign(&pdf)?].concat();
    let report = signer.validate(&signed, password)?;
    let ours = report.signatures.last().expect("a signature");
    assert_eq!(
        (ours.indication(), ours.coverage),
        (Indication::TotalPassed, Coverage::WholeFile),
        "{:?}",
        ours.messages
    );
    Ok(signed)
}

/// qpdf, poppler and pyHanko on a signed file.
fn judges_accept(folder: &Path, what: &str, signed: &[u8], password: &str) {
    let file = folder.join(format!("{}.pdf", what.replace(['/', ' '], "-")));
    std::fs::write(&file, signed).expect("written");
    if judge_is_there("qpdf", &["--version"]) {
        let option = format!("--password={password}");
        let output = Command::new("qpdf").args([&option, "--check", path(&file)]).output().expect("runs");
        assert!(output.status.success(), "{what}: {}", text(&output));
    }
    if judge_is_there("pdfsig", &["-v"]) {
        let output = Command::new("pdfsig").args(["-nocert", "-upw", password, path(&file)]).output().expect("runs");
        let said = text(&output);
        assert!(said.contains("Signature is Valid") && said.contains("Total document signed"), "{what}: {said}");
    }
    let python = std::env::var("KYSO_JUDGES_PYTHON").unwrap_or_else(|_| "python3".into());
    if judge_is_there(&python, &["-c", "import pyhanko"]) {
        let script = root().join("tests/judges/pyhanko_shapes.py");
        let output = Command::new(&python).args([path(&script), password, path(&file)]).output().expect("runs");
        let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let expected = serde_json::json!({
            "intact": true, "valid": true, "coverage": "ENTIRE_FILE", "name": "Nguyễn Văn An"
        });
        assert_eq!(verdict, expected, "{what}: {}", text(&output));
    }
}

/// The sample, encrypted by qpdf.
fn encrypted(folder: &Path, user: &str, arguments: &[&str]) -> Vec<u8> {
    let out = folder.join("encrypted.pdf");
    let mut command = Command::new("qpdf");
    command.args(["--allow-weak-crypto", "--encrypt", user, "owner"]).args(arguments).arg("--");
    let output = command.args([path(&root().join(SAMPLE)), path(&out)]).output().expect("runs");
    assert!(output.status.success(), "{}", text(&output));
    std::fs::read(out).expect("written")
}

const WAYS: [&[&str]; 8] = [
    &["40"],
    &["128", "--use-aes=n"],
    &["128", "--use-aes=n", "--force-V4"],
    &["128", "--use-aes=y"],
    &["128", "--use-aes=y", "--cleartext-metadata"],
    &["256"],
    &["256", "--force-R5"],
    &["256", "--cleartext-metadata"],
];

#[test]
fn what_qpdf_encrypts_is_signed_in_kind() {
    if !judge_is_there("qpdf", &["--version"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for way in WAYS {
        let file = encrypted(folder.path(), "", way);
        let signed = sign(&file, None).expect("signed");
        judges_accept(folder.path(), &way.join(" "), &signed, "");
        let again = sign(&signed, None).expect("countersigned");
        judges_accept(folder.path(), &format!("twice {}", way.join(" ")), &again, "");
    }
}

#[test]
fn passwords_open_what_qpdf_protects_and_others_are_told_apart() {
    if !judge_is_there("qpdf", &["--version"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let opened = |file: &[u8], password: Option<&str>| {
        let password = password.map(Password::new);
        Pdf::open_with(file, &Limits::default(), password.as_ref()).map(|_| ()).err()
    };
    for way in WAYS {
        let file = encrypted(folder.path(), "user", way);
        assert_eq!(opened(&file, None), Some(PdfError::PasswordNeeded), "{way:?}");
        assert_eq!(opened(&file, Some("other")), Some(PdfError::PasswordWrong), "{way:?}");
        for password in ["user", "owner"] {
            let signed = sign(&file, Some(&Password::new(password))).expect("signed");
            judges_accept(folder.path(), &format!("{password} {}", way.join(" ")), &signed, password);
        }
    }
}

#[test]
fn permissions_bind_the_user_and_not_the_owner() {
    if !judge_is_there("qpdf", &["--version"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let closed = encrypted(folder.path(), "", &["256", "--modify=none", "--annotate=n", "--form=n"]);
    assert_eq!(sign(&closed, None).err(), Some(SigningError::NotPermitted));
    assert!(sign(&closed, Some(&Password::new("owner"))).is_ok());
    let fillable = encrypted(folder.path(), "", &["256", "--modify=form"]);
    assert!(sign(&fillable, None).is_ok());
}

#[test]
fn damaged_files_are_signed_so_that_every_judge_finds_the_same_document() {
    let sample = std::fs::read(root().join(SAMPLE)).expect("the sample");
    let folder = tempfile::tempdir().expect("a folder");
    let at = memchr::memmem::rfind(&sample, b"startxref").expect("startxref");
    let header = memchr::memmem::find(&sample, b"\n").expect("a line") + 1;
    let cases = [
        ("without its end", sample[..at].to_vec()),
        ("wrong startxref", [&sample[..at], b"startxref\n7\n%%EOF\n"].concat()),
        ("junk before the header", [b"junk\r\n", &sample[..at]].concat()),
        ("shifted objects", [&sample[..header], b"% shifted by a comment\n", &sample[header..]].concat()),
    ];
    for (what, damaged) in cases {
        let signed = sign(&damaged, None).expect(what);
        judges_accept(folder.path(), what, &signed, "");
        let again = sign(&signed, None).expect(what);
        judges_accept(folder.path(), &format!("twice {what}"), &again, "");
    }
}

/// A file of `count` pages in a tree two levels deep, with a classic table. Each page draws `content`.
fn many_pages(count: usize, content: &str) -> Vec<u8> {
    let mut bodies = vec!["<</Type/Catalog/Pages 2 0 R>>".to_owned()];
    let groups: Vec<usize> = (0..count.div_ceil(100)).map(|group| 4 + group).collect();
    let kids = |numbers: &[usize]| numbers.iter().map(|n| format!("{n} 0 R ")).collect::<String>();
    bodies.push(format!("<</Type/Pages/Kids[{}]/Count {count}/MediaBox[0 0 595 842]>>", kids(&groups)));
    bodies.push(format!("<</Length {}>>stream\n{content}\nendstream", content.len()));
    let first_page = 4 + groups.len();
    for group in 0..groups.len() {
        let pages: Vec<usize> = (group * 100..count.min(group * 100 + 100)).map(|page| first_page + page).collect();
        bodies.push(format!("<</Type/Pages/Parent 2 0 R/Kids[{}]/Count {}>>", kids(&pages), pages.len()));
    }
    bodies.extend((0..count).map(|page| format!("<</Type/Page/Parent {} 0 R/Contents 3 0 R>>", 4 + page / 100)));
    file(&bodies)
}

fn file(bodies: &[String]) -> Vec<u8> {
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", bodies.len() + 1);
    for (number, body) in (1..).zip(bodies) {
        table.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.extend(format!("{number} 0 obj\n{body}\nendobj\n").bytes());
    }
    let (at, size) = (file.len(), bodies.len() + 1);
    file.extend(format!("{table}trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{at}\n%%EOF\n").bytes());
    file
}

#[test]
fn thousand_pages_are_signed() {
    let folder = tempfile::tempdir().expect("a folder");
    let original = many_pages(1000, "q Q");
    assert_eq!(pages::pages(&Pdf::open(&original, &Limits::default()).expect("opens")).expect("pages").len(), 1000);
    let signed = sign(&original, None).expect("signed");
    assert!(signed.len() - original.len() < 20_000, "the update does not grow with the document");
    judges_accept(folder.path(), "a thousand pages", &signed, "");
    judges_accept(folder.path(), "again", &sign(&signed[..original.len() - 9], None).expect("repaired"), "");
}

#[test]
fn generations_above_zero_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = String::from_utf8(many_pages(1, "q Q")).expect("ASCII");
    // The page (object 5) gets generation 3, everywhere.
    let entry = file.lines().filter(|line| line.ends_with(" n ")).nth(4).expect("the entry").to_owned();
    let file = file.replace("5 0 obj", "5 3 obj").replace("5 0 R", "5 3 R");
    let file = file.replace(&entry, &entry.replace(" 00000 ", " 00003 "));
    let signed = sign(file.as_bytes(), None).expect("signed");
    assert!(memchr::memmem::find(&signed[file.len()..], b"5 3 obj").is_some());
    judges_accept(folder.path(), "generations", &signed, "");
}

#[test]
fn old_versions_with_new_structures_and_linearised_files_are_signed() {
    if !judge_is_there("qpdf", &["--version"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let ways: [&[&str]; 4] = [
        &["--linearize"],
        &["--object-streams=generate"],
        &["--linearize", "--object-streams=generate"],
        &["--object-streams=generate", "--force-version=1.0"],
    ];
    for way in ways {
        let out: PathBuf = folder.path().join("shape.pdf");
        let output =
            Command::new("qpdf").args(way).args([path(&root().join(SAMPLE)), path(&out)]).output().expect("runs");
        assert!(output.status.success(), "{}", text(&output));
        let signed = sign(&std::fs::read(&out).expect("written"), None).expect("signed");
        judges_accept(folder.path(), &way.join(" "), &signed, "");
    }
}
