//! Sessions of `kyso sign` and `kyso augment`: levels, forms and refusals, as a stranger types them.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use support::{Sandbox, kyso, sample, sample_path, shared, stderr, stdout, text};

const FORM: &str = "to-khai-xac-nhan-cu-tru.pdf";
const INVOICE: &str = "hoa-don-gtgt.pdf";

/// A folder to work in beside a sandbox.
struct Desk {
    sandbox: Arc<Sandbox>,
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { sandbox: shared(), folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let file = self.path(name);
        fs::write(&file, bytes).expect("written");
        file
    }

    fn sign(&self, arguments: &[&str]) -> Output {
        let ready = self.sandbox.ready_file();
        let base = ["sign", "--ready-file", text(&ready), "--auto-confirm", "--credential", "ec-p256"];
        kyso(&[&base[..], arguments].concat())
    }

    /// Signs, and gives the file.
    #[track_caller]
    fn signed(&self, file: &Path, name: &str, more: &[&str]) -> PathBuf {
        let out = self.path(name);
        let done = self.sign(&[&[text(file), "--out", text(&out)], more].concat());
        assert_eq!(done.status.code(), Some(0), "{more:?}: {}", stderr(&done));
        out
    }

    fn augment(&self, arguments: &[&str]) -> Output {
        let ready = self.sandbox.ready_file();
        kyso(&[&["augment", "--ready-file", text(&ready)], arguments].concat())
    }

    /// Every signature of the file: what it is valid as.
    #[track_caller]
    fn levels(&self, file: &Path, content: Option<&Path>) -> Vec<String> {
        let (trust, crl) = (self.sandbox.says("/trust_anchor"), self.sandbox.says("/crl"));
        let mut arguments = vec!["verify", "--json", "--trust", trust, "--crl", crl, text(file)];
        arguments.extend(content.iter().flat_map(|content| ["--content", text(content)]));
        let output = kyso(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
        let report: serde_json::Value = serde_json::from_str(stdout(&output).trim()).expect("JSON");
        let signatures = report["signatures"].as_array().expect("signatures").iter();
        let signatures = signatures.filter(|signature| signature["kind"] == "signature");
        signatures.map(|signature| signature["level"].as_str().expect("a level").to_owned()).collect()
    }

    /// Names of all files here.
    fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("read");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

#[test]
fn each_level_is_one_option_and_a_hash_reaches_it_too() {
    let desk = Desk::new();
    for level in ["B-B", "B-T", "B-LT", "B-LTA"] {
        let out = desk.signed(&sample_path(FORM), &format!("{level}.pdf"), &["--level", level]);
        assert_eq!(desk.levels(&out, None), [format!("PAdES-{level}")]);
        let out = desk.signed(&sample_path(FORM), &format!("{level}.hash.pdf"), &["--level", level, "--hash-only"]);
        assert_eq!(desk.levels(&out, None), [format!("PAdES-{level}")], "only the hash left this machine");
    }
}

#[test]
fn any_file_is_signed_beside_it_or_inside_the_signature() {
    let desk = Desk::new();
    let invoice = desk.write("hoa-don.xml", "<HDon><DLHDon>đồng</DLHDon></HDon>".as_bytes());
    let beside = desk.signed(&invoice, "hoa-don.xml.p7s", &["--format", "cms", "--level", "B-LTA"]);
    assert_eq!(desk.levels(&beside, Some(&invoice)), ["CAdES-B-LTA"]);
    let inside = desk.signed(&invoice, "hoa-don.xml.p7m", &["--format", "cms", "--enveloping", "--level", "B-T"]);
    assert_eq!(desk.levels(&inside, None), ["CAdES-B-T"]);
    let raised = desk.augment(&["--to", "B-LTA", text(&inside)]);
    assert_eq!(raised.status.code(), Some(0), "{}", stderr(&raised));
    assert_eq!(desk.levels(&desk.path("hoa-don.xml.b-lta.p7m"), None), ["CAdES-B-LTA"]);
}

#[test]
fn a_batch_is_one_confirmation_and_one_file_each() {
    let desk = Desk::new();
    let out = desk.path("signed");
    fs::create_dir(&out).expect("made");
    let (form, invoice) = (sample_path(FORM), sample_path(INVOICE));
    let done = desk.sign(&["--batch", text(&form), text(&invoice), "--out", text(&out)]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    assert_eq!(stdout(&done).lines().count(), 2, "{}", stdout(&done));
    for line in stdout(&done).lines() {
        assert_eq!(desk.levels(Path::new(line), None), ["PAdES-B-B"], "{line}");
    }
}

#[test]
fn signed_files_are_raised_and_renewed_and_the_originals_stay() {
    let desk = Desk::new();
    let signed = desk.signed(&sample_path(INVOICE), "b.pdf", &[]);
    let before = fs::read(&signed).expect("read");
    let mut last = signed.clone();
    for level in ["B-T", "B-LT", "B-LTA", "B-LTA"] {
        let out = desk.path(&format!("{}-{level}.pdf", fs::metadata(&last).expect("there").len()));
        let done = desk.augment(&["--to", level, text(&last), "--out", text(&out)]);
        assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
        assert!(stdout(&done).contains(&format!(": {level}; renew before 20")), "{}", stdout(&done));
        assert_eq!(desk.levels(&out, None), [format!("PAdES-{level}")]);
        let (old, new) = (fs::read(&last).expect("read"), fs::read(&out).expect("read"));
        assert!(new.starts_with(&old) && new.len() > old.len(), "{level}: appended, nothing touched");
        last = out;
    }
    assert_eq!(fs::read(&signed).expect("read"), before);
    let had = desk.augment(&["--to", "B-T", text(&last), "--out", text(&desk.path("same.pdf"))]);
    assert!(stdout(&had).contains("B-T already"), "{}", stdout(&had));
}

#[test]
fn what_cannot_be_raised_is_told_and_leaves_nothing() {
    let desk = Desk::new();
    let signed = desk.signed(&sample_path(INVOICE), "b.pdf", &[]);
    let unsigned = desk.write("unsigned.pdf", &sample(INVOICE));
    let text_file = desk.write("note.txt", b"hello");
    let before = desk.left();
    let refused = |output: Output, code: i32, said: &str| {
        assert_eq!(output.status.code(), Some(code), "{said}: {}", stderr(&output));
        assert!(stderr(&output).contains(said) && stdout(&output).is_empty(), "{said}: {}", stderr(&output));
        assert_eq!(desk.left(), before, "{said}");
    };
    refused(desk.augment(&["--to", "B-T", text(&unsigned)]), 1, "holds no signature");
    refused(desk.augment(&["--to", "B-T", text(&text_file)]), 1, "the file is as it was");
    refused(desk.augment(&["--to", "B-T", text(&desk.path("missing.pdf"))]), 1, "cannot be read");
    refused(desk.augment(&["--to", "B-T", text(&signed), "--out", text(&signed)]), 1, "over an input");
    refused(kyso(&["augment", "--to", "B-T", text(&signed)]), 2, "--tsa");
    refused(kyso(&["augment", "--to", "B-LT", "--tsa", "http://tsa.example/", text(&signed)]), 2, "--trust");
    let nobody = "http://127.0.0.1:1/";
    refused(kyso(&["augment", "--to", "B-T", "--tsa", nobody, text(&signed)]), 1, "not reached");
}

#[test]
fn refusals_to_sign_name_their_rule_and_leave_nothing() {
    let desk = Desk::new();
    let invoice = sample_path(INVOICE);
    let certified = desk.signed(&invoice, "certified.pdf", &["--certify", "1"]);
    let bomb =
        desk.write("bomb.svg", b"<!DOCTYPE s [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><svg>&b;</svg>");
    let no_picture = desk.write("picture.png", b"\x89PNG\r\n\x1a\nnot one");
    let out = desk.path("out.pdf");
    let refused = |file: &Path, more: &[&str], said: &str| {
        let done = desk.sign(&[&[text(file), "--out", text(&out)], more].concat());
        assert_eq!(done.status.code(), Some(1), "{said}: {}", stderr(&done));
        assert!(stderr(&done).contains(said), "{said}: {}", stderr(&done));
        assert!(!out.exists(), "{said}");
    };
    refused(&certified, &[], "certified and permits no changes");
    let place = ["--visible", "--rect"];
    refused(&invoice, &[&place[..], &["5000,10,100,50"]].concat(), "outside page 1");
    refused(&invoice, &[&place[..], &["50,10,100,50", "--page", "77"]].concat(), "no page 77");
    refused(&invoice, &["--visible", "--anchor", "Không có chữ này"], "not on the page");
    let picture = |file: &Path| [&place[..], &["50,10,100,50", "--image", text(file)]].concat().join(" ");
    for (file, said) in [(&bomb, "image"), (&no_picture, "image")] {
        refused(&invoice, &picture(file).split(' ').collect::<Vec<_>>(), said);
    }
    let glyph = [&place[..], &["50,10,200,80", "--reason", "\u{1F600}"]].concat();
    refused(&invoice, &glyph, "glyph");
    // Proofs are no change of the document: they may be added to what nobody may sign any more.
    let raised = desk.augment(&["--to", "B-LTA", text(&certified)]);
    assert_eq!(raised.status.code(), Some(0), "{}", stderr(&raised));
    assert_eq!(desk.levels(&desk.path("certified.b-lta.pdf"), None), ["PAdES-B-LTA"]);
}
