//! `kyso verify`: offline verification of PDF and CMS files.

use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, ValueEnum};
use time::OffsetDateTime;

use super::basis::{BasisArgs, Grounds};
use super::material::{self, parse_time};
use super::output::{self, FileResult};
use super::pages::Pages;
use crate::bundle::facts::Basis;
use crate::formats::cms::mime;
use crate::formats::pdf::Password;
use crate::formats::x509::pem;
use crate::mapping::Mapped;
use crate::report::{Drawn, Input, Trust, View, html, text};
use crate::validation::report::{FileReport, Format, Indication, Language};
use crate::validation::{Evidence, Policy, RevocationPolicy, Setting, validate_cms, validate_pdf_with};

/// What diagnostics begin with.
const COMMAND: &str = "kyso verify";

#[derive(Debug, Args)]
pub struct Arguments {
    /// Trusted root certificates: a PEM or DER file, or a folder of them; without it, those of the installed trust bundle
    #[arg(long, value_name = "FILE_OR_DIR")]
    trust: Vec<PathBuf>,

    /// Revocation lists (PEM or DER) or OCSP responses (DER): a file, or a folder of them
    #[arg(long, value_name = "FILE_OR_DIR")]
    crl: Vec<PathBuf>,

    /// What missing revocation information means, whatever the policy says; by default require, as the policy strict has it
    #[arg(long, value_enum)]
    revocation: Option<Revocation>,

    #[command(flatten)]
    basis: BasisArgs,

    /// Validation time, e.g. 2026-06-01T00:00:00Z; now by default
    #[arg(long, value_name = "RFC3339", value_parser = parse_time)]
    at: Option<OffsetDateTime>,

    /// The content a detached CMS signature covers
    #[arg(long, value_name = "FILE")]
    content: Option<PathBuf>,

    /// File whose first line is the user or owner password of encrypted PDFs
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// JSON Lines, one object a file; the same as --report json
    #[arg(long, conflicts_with = "report")]
    json: bool,

    /// Form of the report
    #[arg(long, value_enum, default_value = "text")]
    report: ReportForm,

    /// Language of the sentences: Vietnamese for people, English in JSON, unless told
    #[arg(long, value_enum)]
    lang: Option<Lang>,

    /// Files verified at the same time; 0 is one for each processor
    #[arg(long, default_value_t = 0)]
    jobs: usize,

    /// Signed files, or folders searched for .pdf, .p7s and .p7m
    #[arg(required = true, value_name = "FILE_OR_DIR")]
    files: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Revocation {
    /// No usable information is INDETERMINATE / TRY_LATER
    Require,
    /// Use what is there; its absence is a warning
    IfPresent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportForm {
    Html,
    Json,
    Text,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Lang {
    Vi,
    En,
}

/// How a run ends, worst last (exit codes 0, 3, 1, 4 and 70).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Passed,
    Indeterminate,
    Failed,
    Unreadable,
    Internal,
}

impl Outcome {
    fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Indeterminate => 3,
            Self::Failed => 1,
            Self::Unreadable => 4,
            Self::Internal => 70,
        }
    }
}

/// Wrong usage: 2.
const USAGE: u8 = 2;

impl Arguments {
    /// Verifies all files; the exit code is the worst file's.
    pub fn run(self) -> ExitCode {
        let task = match self.prepare() {
            Ok(task) => task,
            Err(error) => {
                eprintln!("{COMMAND}: {error:#}");
                return ExitCode::from(USAGE);
            }
        };
        ExitCode::from(task.run().code())
    }

    /// Verifies one file against one root and the CRLs of one file, in the default form.
    pub fn of_file(file: PathBuf, trust: PathBuf, crl: PathBuf) -> Self {
        Self {
            trust: vec![trust],
            crl: vec![crl],
            revocation: None,
            basis: BasisArgs::default(),
            at: None,
            content: None,
            password_file: None,
            json: false,
            report: ReportForm::Text,
            lang: None,
            jobs: 1,
            files: vec![file],
        }
    }

    fn prepare(self) -> anyhow::Result<Task> {
        let form = if self.json { ReportForm::Json } else { self.report };
        let installed = self.basis.store.installed();
        let Grounds { mut evidence, policy, time, basis, trust } =
            self.basis.read(installed, &self.trust, self.at, COMMAND)?;
        material::revocation(&self.crl, COMMAND, &mut evidence)?;
        let revocation = match self.revocation {
            Some(Revocation::Require) => RevocationPolicy::Require,
            Some(Revocation::IfPresent) => RevocationPolicy::IfPresent,
            None => policy.policy.revocation,
        };
        Ok(Task {
            evidence,
            trust,
            pages: Pages::default(),
            policy: Policy { revocation, ..policy.policy },
            time,
            basis,
            content: self.content.as_deref().map(read_content).transpose()?,
            password: self.password_file.as_deref().map(material::password).transpose()?,
            form,
            language: match (self.lang, form) {
                (Some(Lang::Vi), _) | (None, ReportForm::Html | ReportForm::Text) => Language::Vietnamese,
                (Some(Lang::En), _) | (None, ReportForm::Json) => Language::English,
            },
            jobs: jobs(self.jobs),
            files: signed_files(&self.files)?,
        })
    }
}

fn jobs(asked: usize) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    if asked == 0 { processors() } else { asked.min(256) }
}

fn read_content(path: &Path) -> anyhow::Result<Mapped> {
    Mapped::open(path).with_context(|| format!("cannot read {}", path.display()))
}

fn signed_files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            files.extend(material::files_below(path, &["pdf", "p7s", "p7m"])?);
            if files.len() == before {
                bail!("{} holds no .pdf, .p7s or .p7m", path.display());
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// One run with everything read and checked.
struct Task {
    evidence: Evidence,
    trust: Trust,
    pages: Pages,
    policy: Policy,
    time: OffsetDateTime,
    basis: Basis,
    content: Option<Mapped>,
    password: Option<Password>,
    form: ReportForm,
    language: Language,
    jobs: usize,
    files: Vec<PathBuf>,
}

impl Task {
    /// Verifies the files on `jobs` threads and prints them in the order given.
    fn run(&self) -> Outcome {
        let next = AtomicUsize::new(0);
        let (send, receive) = mpsc::channel();
        let mut worst = Outcome::Passed;
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.min(self.files.len()) {
                let (send, next) = (send.clone(), &next);
                scope.spawn(move || {
                    while let Some((position, path)) = self.claim(next) {
                        let (result, outcome) = self.verify(path);
                        if send.send((position, (self.show(path, &result), outcome))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(send);
            worst = self.print_in_order(&receive);
        });
        worst
    }

    fn claim(&self, next: &AtomicUsize) -> Option<(usize, &Path)> {
        let position = next.fetch_add(1, Ordering::Relaxed);
        self.files.get(position).map(|path| (position, path.as_path()))
    }

    /// Prints what is ready in the order given; pages of HTML make one document, which comes last.
    fn print_in_order(&self, receive: &mpsc::Receiver<(usize, (Shown, Outcome))>) -> Outcome {
        let mut waiting = std::collections::BTreeMap::new();
        let mut expected = 0;
        let mut worst = Outcome::Passed;
        let mut views = Vec::new();
        for (position, result) in receive {
            waiting.insert(position, result);
            while let Some((shown, outcome)) = waiting.remove(&expected) {
                expected += 1;
                worst = worst.max(outcome);
                match shown {
                    Shown::Now(text) => print(&text, &mut worst),
                    Shown::InDocument(view) => views.push(*view),
                }
            }
        }
        if self.form == ReportForm::Html {
            print(&html::document(&views, self.language), &mut worst);
        }
        worst
    }

    /// The report on one file in the form asked for.
    fn show(&self, path: &Path, result: &FileResult) -> Shown {
        let drawn = match (self.form, &result.report) {
            (ReportForm::Html, Some(report)) => self.pages.compare(path, report),
            _ => Drawn::Nothing,
        };
        let input = Input {
            file: &result.file,
            format: result.format,
            report: result.report.as_ref(),
            error: result.error.as_deref(),
            time: self.time,
            trust: &self.trust,
            basis: Some(&self.basis),
            drawn: &drawn,
        };
        match self.form {
            ReportForm::Json => Shown::Now(format!("{}\n", output::json(result, &self.basis, self.language))),
            ReportForm::Text => Shown::Now(text::write(&input.view(self.language))),
            ReportForm::Html => Shown::InDocument(Box::new(input.view(self.language))),
        }
    }

    /// Verifies one file; a defect of this program is caught here and does not take the other files down.
    fn verify(&self, path: &Path) -> (FileResult, Outcome) {
        let file = path.display().to_string();
        let bytes = match Mapped::open(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let error = Some(format!("the file cannot be read: {error}"));
                return (FileResult { file, format: None, report: None, error }, Outcome::Unreadable);
            }
        };
        let kind = kind(&bytes);
        let format = kind.map(Kind::format);
        match catch_unwind(AssertUnwindSafe(|| self.validate(&bytes, kind))) {
            Ok(Ok(report)) => {
                let outcome = outcome(&report);
                let error = report.signatures.is_empty().then(|| "the file holds no signature".to_owned());
                (FileResult { file, format, report: Some(report), error }, outcome)
            }
            Ok(Err(error)) => {
                // Each of these errors names its cause itself.
                let error = Some(error.to_string());
                (FileResult { file, format, report: None, error }, Outcome::Unreadable)
            }
            Err(_) => {
                let error = Some("internal error; please report this file".to_owned());
                (FileResult { file, format, report: None, error }, Outcome::Internal)
            }
        }
    }

    fn validate(&self, bytes: &[u8], kind: Option<Kind>) -> anyhow::Result<FileReport> {
        let setting = Setting { evidence: &self.evidence, policy: self.policy, time: self.time };
        match kind {
            Some(Kind::Pdf) => Ok(validate_pdf_with(bytes, self.password.as_ref(), setting)?),
            Some(Kind::Cms) => Ok(validate_cms(bytes, self.content.as_deref(), setting)?),
            Some(Kind::CmsPem) => {
                let blocks = pem::blocks(bytes, &["CMS", "PKCS7"])?;
                let der = blocks.first().ok_or_else(|| anyhow!("the file holds no CMS"))?;
                Ok(validate_cms(der, self.content.as_deref(), setting)?)
            }
            Some(Kind::CmsText) => {
                let entity = mime::read(bytes)?;
                let content = self.content.as_deref().or(entity.content.as_deref());
                Ok(validate_cms(&entity.message, content, setting)?)
            }
            None => bail!("the file is neither a PDF nor a CMS signature"),
        }
    }
}

/// What becomes of one file's report.
enum Shown {
    Now(String),
    /// A part of one document.
    InDocument(Box<View>),
}

fn print(text: &str, worst: &mut Outcome) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A reader that closed the pipe has seen enough; any other failure is ours to tell.
        if error.kind() != io::ErrorKind::BrokenPipe {
            eprintln!("{COMMAND}: cannot write the report: {error}");
            *worst = Outcome::Internal;
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Pdf,
    Cms,
    CmsPem,
    /// S/MIME, or base64 without any frame.
    CmsText,
}

impl Kind {
    fn format(self) -> Format {
        match self {
            Self::Pdf => Format::Pdf,
            Self::Cms | Self::CmsPem | Self::CmsText => Format::Cms,
        }
    }
}

/// The identifier id-signedData as it stands near the start of every CMS signature.
const SIGNED_DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];

/// Tells the format by its first bytes. A CMS may carry a PDF, so it is looked for first; the `%PDF-` header may stand
/// anywhere in the first 1024.
fn kind(bytes: &[u8]) -> Option<Kind> {
    let head = bytes.get(..1024).unwrap_or(bytes);
    let opening = bytes.get(..24).unwrap_or(bytes);
    if head.first() == Some(&0x30) && opening.windows(SIGNED_DATA.len()).any(|window| window == SIGNED_DATA) {
        Some(Kind::Cms)
    } else if head.windows(5).any(|window| window == b"%PDF-") {
        Some(Kind::Pdf)
    } else if head.first() == Some(&0x30) {
        Some(Kind::Cms)
    } else if head.windows(11).any(|window| window == b"-----BEGIN ") {
        Some(Kind::CmsPem)
    } else if mime::looks_signed(bytes) {
        Some(Kind::CmsText)
    } else {
        None
    }
}

fn outcome(report: &FileReport) -> Outcome {
    let worst = report.signatures.iter().map(|signature| signature.indication()).max();
    match worst {
        None => Outcome::Unreadable,
        Some(Indication::TotalPassed) => Outcome::Passed,
        Some(Indication::Indeterminate) => Outcome::Indeterminate,
        Some(Indication::TotalFailed) => Outcome::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worst_outcome_follows_the_contracts_order() {
        let order = [Outcome::Passed, Outcome::Indeterminate, Outcome::Failed, Outcome::Unreadable, Outcome::Internal];
        assert!(order.is_sorted());
        assert_eq!(order.map(Outcome::code), [0, 3, 1, 4, 70]);
    }

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        assert!(matches!(kind(b"junk\n%PDF-1.7"), Some(Kind::Pdf)));
        assert!(matches!(kind(&[0x30, 0x80]), Some(Kind::Cms)));
        assert!(matches!(kind(b"-----BEGIN PKCS7-----"), Some(Kind::CmsPem)));
        assert!(kind(b"hello").is_none() && kind(b"").is_none());
    }

    #[test]
    fn folders_give_their_signed_files_in_order() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::create_dir(folder.path().join("a")).expect("folder");
        for name in ["b.PDF", "a/c.p7s", "note.txt"] {
            std::fs::write(folder.path().join(name), b"").expect("file");
        }
        let files = signed_files(&[folder.path().to_owned()]).expect("files");
        let names: Vec<_> = files.iter().filter_map(|file| file.file_name()?.to_str()).collect();
        assert_eq!(names, ["c.p7s", "b.PDF"]);
    }
}
