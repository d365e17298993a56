//! `kyso verify`: offline verification of PDF and CMS files.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::basis::{BasisArgs, Grounds};
use super::batch::journal::{Journal, Key};
use super::batch::progress::{self, Progress, Wish};
use super::batch::{self, Item, Judge, Judged, Outcome, files};
use super::material::{self, parse_time};
use super::output::{self, FileResult};
use super::pages::Pages;
use crate::bundle::facts::{Basis, BundleFacts};
use crate::crypto::{Digest, DigestAlgorithm};
use crate::formats::pdf::Password;
use crate::mapping::Mapped;
use crate::report::{Drawn, Input, Trust, View, html, text};
use crate::validation::process::format;
use crate::validation::report::{FileReport, Indication, Language};
use crate::validation::{Beside, Evidence, Policy, RevocationPolicy, Setting, validate_file};

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

    /// Show progress on standard error also when that is no terminal
    #[arg(long)]
    progress: bool,

    /// Note every verdict in this file, and take those noted there by an earlier run with the same options, whose validation
    /// time is kept: a run that was stopped goes on where it stopped
    #[arg(long, value_name = "JOURNAL")]
    resume: Option<PathBuf>,

    /// Signed files, or folders. Folders are searched at any depth for .pdf, .p7s and .p7m, in the order of their names;
    /// hidden files and folders (a dot in front) and links to folders are left out
    #[arg(required = true, value_name = "FILE_OR_DIR")]
    files: Vec<PathBuf>,

    /// What the report calls the one file
    #[arg(long, hide = true)]
    label: Option<String>,
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

/// Wrong usage: 2.
const USAGE: u8 = 2;

/// The reader of the report went away before its end: what a shell tells of programs that end so (128 + SIGPIPE).
const READER_GONE: u8 = 141;

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
        ExitCode::from(task.run())
    }

    /// Verifies one file against one root and the CRLs of one file, in the default form.
    pub fn of_file(file: PathBuf, trust: PathBuf, crl: PathBuf) -> Self {
        Self {
            trust: vec![trust],
            crl: vec![crl],
            revocation: Some(Revocation::Require),
            basis: BasisArgs::default(),
            at: None,
            content: None,
            password_file: None,
            json: false,
            report: ReportForm::Text,
            lang: None,
            jobs: 1,
            progress: false,
            resume: None,
            files: vec![file],
            label: None,
        }
    }

    /// The same on one thread: a process for one file needs no more.
    #[must_use]
    pub fn one_at_a_time(self) -> Self {
        Self { jobs: 1, ..self }
    }

    fn prepare(self) -> anyhow::Result<Task> {
        let form = if self.json { ReportForm::Json } else { self.report };
        if form == ReportForm::Html && self.resume.is_some() {
            bail!("--resume goes with json and text reports; an HTML report is made whole");
        }
        let installed = self.basis.store.installed();
        let Grounds { mut evidence, policy, time, basis, trust } =
            self.basis.read(installed, &self.trust, self.at, COMMAND)?;
        material::revocation(&self.crl, COMMAND, &mut evidence)?;
        let revocation = match self.revocation {
            Some(Revocation::Require) => RevocationPolicy::Require,
            Some(Revocation::IfPresent) => RevocationPolicy::IfPresent,
            None => policy.policy.revocation,
        };
        let mut task = Task {
            evidence,
            trust,
            basis,
            policy: Policy { revocation, ..policy.policy },
            time,
            pages: Pages::default(),
            views: Mutex::default(),
            content: self.content.as_deref().map(read_content).transpose()?,
            password: self.password_file.as_deref().map(material::password).transpose()?,
            form,
            language: match (self.lang, form) {
                (Some(Lang::Vi), _) | (None, ReportForm::Html | ReportForm::Text) => Language::Vietnamese,
                (Some(Lang::En), _) | (None, ReportForm::Json) => Language::English,
            },
            spoken: if matches!(self.lang, Some(Lang::En)) { Language::English } else { Language::Vietnamese },
            jobs: jobs(self.jobs),
            progress: if self.progress { Wish::Always } else { Wish::Auto },
            journal: None,
            files: files::listed(&self.files)?,
            // A folder is a batch, even one of a single file.
            summary: self.files.len() > 1 || self.files.iter().any(|path| path.is_dir()),
            label: self.label,
        };
        if let Some(path) = &self.resume {
            let journal = Journal::open(path, &task.settings(self.at).to_hex(), task.time)?;
            task.goes_on_at(journal.time());
            task.journal = Some(Mutex::new(journal));
        }
        Ok(task)
    }
}

fn jobs(asked: usize) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    if asked == 0 { processors() } else { asked.min(256) }
}

fn read_content(path: &Path) -> anyhow::Result<Mapped> {
    Mapped::open(path).with_context(|| format!("cannot read {}", path.display()))
}

/// One run with everything read and checked.
struct Task {
    evidence: Evidence,
    trust: Trust,
    basis: Basis,
    policy: Policy,
    time: OffsetDateTime,
    pages: Pages,
    /// What an HTML report says of each file; its document is written last.
    views: Mutex<BTreeMap<PathBuf, View>>,
    content: Option<Mapped>,
    password: Option<Password>,
    form: ReportForm,
    language: Language,
    /// Of what is said to the person waiting, whatever form the report has.
    spoken: Language,
    jobs: usize,
    progress: Wish,
    journal: Option<Mutex<Journal>>,
    files: Vec<Item>,
    summary: bool,
    label: Option<String>,
}

impl Task {
    /// Takes the validation time of the run this one goes on with: reports of both tell one age of the trust bundle.
    fn goes_on_at(&mut self, time: OffsetDateTime) {
        self.time = time;
        let trust = &mut self.basis.trust;
        trust.bundle = trust.bundle.take().map(|bundle| bundle.aged(time));
        if self.evidence.anchors_in_doubt.is_some() {
            self.evidence.anchors_in_doubt = trust.bundle.as_ref().and_then(BundleFacts::doubt);
        }
    }

    /// Verifies the files and prints them in the order given; the exit code.
    fn run(&self) -> u8 {
        let mut progress = Progress::new(self.progress, self.spoken);
        let ended = batch::run(&self.files, self.jobs, self, &mut io::stdout().lock(), &mut progress);
        let recalled = self.journal.as_ref().map_or(0, |journal| locked(journal).recalled());
        if self.summary {
            eprintln!("{}", progress::summary(&ended.tally, recalled, progress.elapsed(), self.spoken));
        }
        let broken_off = ended.broken_off.or_else(|| self.write_document().err());
        match broken_off {
            None => ended.tally.worst().code(),
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => READER_GONE,
            Some(error) => {
                eprintln!("{COMMAND}: cannot write the report: {error}");
                Outcome::Internal.code()
            }
        }
    }

    /// The one document of an HTML report.
    fn write_document(&self) -> io::Result<()> {
        if self.form != ReportForm::Html {
            return Ok(());
        }
        let views = locked(&self.views);
        let views: Vec<View> = self.files.iter().filter_map(|item| views.get(&item.path).cloned()).collect();
        let mut out = io::stdout().lock();
        out.write_all(html::document(&views, self.language).as_bytes())?;
        out.flush()
    }

    /// Everything that decides a verdict or its wording, the files apart. Whether there is a password counts, not which: a wrong
    /// one makes a file unreadable, and that is never noted.
    fn settings(&self, at: Option<OffsetDateTime>) -> Digest {
        let evidence = &self.evidence;
        let at = at.and_then(|at| at.format(&Rfc3339).ok());
        let rules = (&self.basis.policy.sha256, self.policy.revocation, evidence.anchors_in_doubt.is_some());
        let chosen = (env!("CARGO_PKG_VERSION"), rules, self.form, self.language, at, self.password.is_some());
        let chosen = format!("{chosen:?}{:?}", self.label);
        let certificates = evidence.anchors.iter().map(|anchor| ("anchor", anchor.der()));
        let certificates = certificates.chain(evidence.certificates.iter().map(|other| ("certificate", other.der())));
        let revocation = evidence.crls.iter().map(|list| ("crl", list.der()));
        let revocation = revocation.chain(evidence.ocsps.iter().map(|response| ("ocsp", response.der())));
        let content = self.content.iter().map(|content| ("content", &**content));
        let digest = |(kind, bytes): (&str, &[u8])| {
            DigestAlgorithm::Sha256.digest_parts(&[kind.as_bytes(), DigestAlgorithm::Sha256.digest(bytes).as_bytes()])
        };
        let parts: Vec<Digest> = certificates.chain(revocation).chain(content).map(digest).collect();
        let parts = std::iter::once(chosen.as_bytes()).chain(parts.iter().map(Digest::as_bytes));
        DigestAlgorithm::Sha256.digest_parts(&parts.collect::<Vec<_>>())
    }

    fn name(&self, item: &Item) -> String {
        self.label.clone().unwrap_or_else(|| item.path.display().to_string())
    }

    /// The report on one file in the form asked for.
    fn told(&self, item: &Item, result: &FileResult, outcome: Outcome) -> Judged {
        let drawn = match (self.form, &result.report) {
            (ReportForm::Html, Some(report)) => self.pages.compare(&item.path, report),
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
        let text = match self.form {
            ReportForm::Json => format!("{}\n", output::json(result, &self.basis, self.language)),
            ReportForm::Text => text::write(&input.view(self.language)),
            ReportForm::Html => {
                locked(&self.views).insert(item.path.clone(), input.view(self.language));
                String::new()
            }
        };
        Judged { text, outcome }
    }

    fn unread(&self, item: &Item, error: String) -> Judged {
        let result = FileResult { file: self.name(item), format: None, report: None, error: Some(error) };
        self.told(item, &result, Outcome::Unreadable)
    }

    fn verify(&self, item: &Item, bytes: &[u8]) -> Judged {
        let setting = Setting { evidence: &self.evidence, policy: self.policy, time: self.time };
        let beside = Beside { content: self.content.as_deref(), password: self.password.as_ref() };
        let (file, format) = (self.name(item), format(bytes));
        match validate_file(bytes, beside, setting) {
            Ok(report) => {
                let outcome = outcome(&report);
                let error = report.signatures.is_empty().then(|| "the file holds no signature".to_owned());
                self.told(item, &FileResult { file, format, report: Some(report), error }, outcome)
            }
            Err(error) => {
                let error = Some(error.to_string());
                self.told(item, &FileResult { file, format, report: None, error }, Outcome::Unreadable)
            }
        }
    }

    /// Takes the verdict from the journal, or verifies and notes it.
    fn once(&self, journal: &Mutex<Journal>, item: &Item, bytes: &[u8]) -> Judged {
        let key = Key::of(&item.path, bytes);
        if let Some(known) = locked(journal).recall(key) {
            return known;
        }
        let judged = self.verify(item, bytes);
        if let Err(error) = locked(journal).note(key, &item.path, &judged) {
            eprintln!("{COMMAND}: cannot write the journal: {error}");
        }
        judged
    }
}

impl Judge for Task {
    fn judge(&self, item: &Item) -> Judged {
        if let Some(trouble) = &item.trouble {
            return self.unread(item, trouble.clone());
        }
        match (Mapped::open(&item.path), &self.journal) {
            (Err(error), _) => self.unread(item, format!("the file cannot be read: {error}")),
            (Ok(bytes), Some(journal)) => self.once(journal, item, &bytes),
            (Ok(bytes), None) => self.verify(item, &bytes),
        }
    }

    fn crashed(&self, item: &Item) -> Judged {
        let error = Some("internal error; please report this file".to_owned());
        self.told(item, &FileResult { file: self.name(item), format: None, report: None, error }, Outcome::Internal)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
