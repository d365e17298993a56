//! `kyso verify` over folders: order, one bad file among good ones, being stopped, and going on.

#[path = "support/signer.rs"]
mod signer;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use kyso::formats::pdf::{Limits, Pdf};
use kyso::validation::report::Indication;
use signer::TestSigner;

const SAMPLE: &[u8] = include_bytes!("../samples/hop-dong-dich-vu.pdf");

/// A folder of signed files, tampered ones, unsigned ones and rubbish, and the root they lead to.
struct Archive {
    folder: tempfile::TempDir,
}

impl Archive {
    fn new(count: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let signer = TestSigner::new();
        let update = signer.sign(&Pdf::open(SAMPLE, &Limits::default()).expect("a PDF")).expect("signed");
        let signed = [SAMPLE, &update].concat();
        let mut tampered = signed.clone();
        let at = tampered.windows(4).position(|window| window == b"/MCI" || window == b"595.").expect("a number");
        tampered[at] ^= 1;
        fs::create_dir_all(folder.path().join("in/b/c")).expect("folders");
        for number in 0..count {
            let place = ["in", "in/b", "in/b/c"][number % 3];
            let (name, bytes) = match number % 10 {
                3 => (format!("{number:05}.pdf"), &tampered),
                5 => (format!("{number:05}.p7s"), &b"rubbish".to_vec()),
                7 => (format!("{number:05}.pdf"), &SAMPLE.to_vec()),
                _ => (format!("{number:05}.pdf"), &signed),
            };
            fs::write(folder.path().join(place).join(name), bytes).expect("written");
        }
        fs::write(folder.path().join("root.der"), signer.root().der()).expect("written");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command over the whole folder with more arguments.
    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kyso"));
        command.args(["verify", "--json", "--revocation=if-present", "--trust"]).arg(self.path("root.der"));
        command.args(["--at", "2026-06-01T05:00:00Z"]).args(more).arg(self.path("in")).stdin(Stdio::null());
        command
    }

    fn run(&self, more: &[&str]) -> Output {
        self.command(more).output().expect("kyso runs")
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn output_is_the_same_whatever_the_jobs_and_a_bad_file_stops_nothing() {
    let archive = Archive::new(60);
    let one = archive.run(&["--jobs", "1"]);
    let lines = String::from_utf8(one.stdout.clone()).expect("UTF-8");
    assert_eq!(lines.lines().count(), 60);
    for (indication, files) in [("TOTAL-PASSED", 42), ("TOTAL-FAILED", 6)] {
        let found = lines.lines().filter(|line| line.contains(indication)).count();
        assert_eq!(found, files, "{indication}");
    }
    assert_eq!(one.status.code(), Some(4), "unsigned and unreadable files are worse than failed ones");
    for jobs in ["2", "9", "0"] {
        assert_eq!(archive.run(&["--jobs", jobs]).stdout, one.stdout, "{jobs}");
    }
}

#[test]
fn summary_goes_to_standard_error_and_progress_only_where_it_was_asked_for() {
    let archive = Archive::new(10);
    let quiet = archive.run(&["--lang", "en"]);
    assert_eq!(said(&quiet).lines().count(), 1, "{}", said(&quiet));
    let counts = "7 valid, 1 not valid, 0 cannot tell, 2 could not be checked\n";
    assert!(said(&quiet).starts_with("10 files in ") && said(&quiet).ends_with(counts), "{}", said(&quiet));
    let shown = archive.run(&["--progress"]);
    assert!(said(&shown).starts_with("[####################] 10/10  ✓ 7  ✗ 1  ? 0  ! 2"), "{}", said(&shown));
    assert!(said(&shown).contains("10 tệp trong ") && !said(&shown).contains('\u{1b}'), "{}", said(&shown));
    assert_eq!(shown.stdout, archive.run(&[]).stdout);
    // One file is its own summary.
    let single = Command::new(env!("CARGO_BIN_EXE_kyso")).args(["verify"]).arg(archive.path("in/00000.pdf")).output();
    assert!(single.expect("runs").stderr.is_empty());
}

#[test]
fn killed_run_goes_on_where_it_stopped_and_ends_with_the_same_output() {
    let archive = Archive::new(400);
    let whole = archive.run(&[]);
    let journal = archive.path("journal");
    let resume = ["--jobs", "2", "--resume", text(&journal)];
    let mut child = archive.command(&resume).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("runs");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut first).expect("a line");
    child.kill().expect("killed");
    child.wait().expect("waited for");
    let noted = fs::read(&journal).expect("a journal");
    assert!(noted.iter().filter(|byte| **byte == b'\n').count() > 1, "something was noted");
    let resumed = archive.run(&resume);
    assert!(said(&resumed).contains("lấy từ nhật ký"), "{}", said(&resumed));
    assert_eq!((resumed.stdout, resumed.status.code()), (whole.stdout.clone(), whole.status.code()));
    // Torn in the middle of a line, as by a power cut.
    let noted = fs::read(&journal).expect("a journal");
    fs::write(&journal, &noted[..noted.len() / 2 + 7]).expect("torn");
    assert_eq!(archive.run(&resume).stdout, whole.stdout);
}

#[test]
fn file_exchanged_between_two_runs_is_verified_anew() {
    let archive = Archive::new(10);
    let journal = archive.path("journal");
    let resume = ["--resume", text(&journal)];
    archive.run(&resume);
    // The same size and, for what a clock tells, the same age.
    let (good, bad) = (archive.path("in/00000.pdf"), archive.path("in/00003.pdf"));
    let age = fs::metadata(&good).expect("there").modified().expect("a time");
    fs::copy(&bad, &good).expect("exchanged");
    fs::File::options().write(true).open(&good).expect("open").set_modified(age).expect("set");
    let second = archive.run(&resume);
    let first_line = String::from_utf8_lossy(&second.stdout).lines().next().expect("a line").to_owned();
    assert!(first_line.contains("00000.pdf") && first_line.contains("TOTAL-FAILED"), "{first_line}");
}

#[test]
fn journal_of_other_options_or_anchors_is_refused() {
    let archive = Archive::new(10);
    let journal = archive.path("journal");
    let resume = ["--resume", text(&journal)];
    archive.run(&resume);
    fs::write(archive.path("other.der"), TestSigner::new().root().der()).expect("written");
    let other = archive.path("other.der");
    for more in
        [&["--lang", "vi"][..], &["--content", text(&other)], &["--trust", text(&other)], &["--crl", "/dev/null"]]
    {
        let refused = archive.run(&[&resume[..], more].concat());
        assert_eq!(refused.status.code(), Some(2), "{more:?}");
        assert!(refused.stdout.is_empty() && !refused.stderr.is_empty(), "{more:?}");
    }
    let foreign = archive.path("root.der");
    assert_eq!(archive.run(&["--resume", text(&foreign)]).status.code(), Some(2));
    assert_eq!(fs::read(&foreign).expect("there"), TestSigner::new().root().der(), "nothing was written into it");
}

#[test]
fn time_of_the_first_run_stays_the_validation_time() {
    let archive = Archive::new(10);
    let journal = archive.path("journal");
    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kyso"));
        command.args(["verify", "--json", "--trust"]).arg(archive.path("root.der"));
        command.args(["--revocation=if-present", "--resume"]).arg(&journal).arg(archive.path("in"));
        command.output().expect("runs")
    };
    run();
    let noted = fs::read_to_string(&journal).expect("a journal");
    // The same journal, begun when the certificates were valid, with no verdict noted yet.
    let mut head: serde_json::Value = serde_json::from_str(noted.lines().next().expect("a head")).expect("JSON");
    head["time"] = "2026-06-01T05:00:00Z".into();
    fs::write(&journal, format!("{head}\n")).expect("written");
    assert_eq!(run().stdout, archive.run(&[]).stdout);
}

#[test]
fn reader_that_closes_the_pipe_ends_the_run_without_a_word() {
    let archive = Archive::new(400);
    let mut child =
        archive.command(&["--progress"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    let mut first = String::new();
    BufReader::with_capacity(64, child.stdout.take().expect("piped")).read_line(&mut first).expect("a line");
    let mut words = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut words).expect("words");
    assert_eq!(child.wait().expect("ends").code(), Some(141));
    assert!(!words.contains("panicked") && !words.contains("cannot write"), "{words}");
}

#[test]
fn contract_of_a_hundred_signatures_stays_within_what_is_spent_on_a_file() {
    let (signer, mut file) = (TestSigner::new(), SAMPLE.to_vec());
    let count = 100;
    for _ in 0..count {
        let update = signer.sign(&Pdf::open(&file, &Limits::default()).expect("a PDF")).expect("signed");
        file.extend(update);
    }
    let report = signer.validate(&file, None).expect("readable");
    let passed = report.signatures.iter().filter(|signature| signature.indication() == Indication::TotalPassed);
    assert_eq!((report.signatures.len(), passed.count()), (count, count));
}
