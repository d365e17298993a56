//! The verifier in a process of its own: what a hostile file can cost or break is that process and nothing else.
//!
//! `kyso verify-document` limits its memory and processor time before it opens the file; here its time on the wall and the number
//! of such processes are limited. It reads trust anchors and revocation lists itself, so a list the operator exchanged counts from
//! the next call on. A caller that hangs up ends its process.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use super::accept::ReportForm;
use super::given::Given;

/// How files are verified.
#[derive(Debug, Clone)]
pub struct VerifySettings {
    /// The `kyso` executable.
    pub program: PathBuf,
    /// A folder for the files of calls in progress, of this service alone; emptied at the start.
    pub folder: PathBuf,
    /// Trust anchors: PEM or DER files, or folders of them.
    pub anchors: Vec<PathBuf>,
    /// Revocation lists and OCSP responses: files, or folders of them.
    pub revocation: Vec<PathBuf>,
    /// Folder of an installed trust bundle; without one, no bundle is looked for.
    pub trust_store: Option<PathBuf>,
    /// A file that takes longer is given up. Hostile ones end within 2 seconds on a quiet machine.
    pub timeout: Duration,
    /// Processes at a time.
    pub workers: usize,
}

impl VerifySettings {
    /// Ten seconds a file, a process for each processor.
    pub fn new(program: PathBuf, folder: PathBuf) -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let timeout = Duration::from_secs(10);
        Self { program, folder, anchors: Vec::new(), revocation: Vec::new(), trust_store: None, timeout, workers }
    }
}

/// Verifies files; cheap to clone.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    settings: VerifySettings,
    workers: Semaphore,
}

/// How a verification ended.
#[derive(Debug)]
pub enum Ran {
    Report(Vec<u8>),
    /// It was ended at a limit of time or memory.
    TooCostly,
    /// A defect, or a configuration the verifier does not take.
    Failed(String),
}

/// Largest report read: one with pictures of all pages stays below.
const MAX_REPORT: u64 = 64 << 20;

impl Verifier {
    /// # Errors
    /// When the folder cannot be emptied and made.
    pub fn new(settings: VerifySettings) -> io::Result<Self> {
        // What a killed service left behind are other people's documents.
        match std::fs::remove_dir_all(&settings.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700).create(&settings.folder)?;
        let workers = Semaphore::new(settings.workers.max(1));
        Ok(Self(Arc::new(Inner { settings, workers })))
    }

    /// Verifies one file as of `now`, unless the call names another time.
    ///
    /// # Errors
    /// When the process cannot be run.
    pub(super) async fn run(&self, given: Given, form: ReportForm, now: OffsetDateTime) -> io::Result<Ran> {
        let _worker = self.0.workers.acquire().await.map_err(io::Error::other)?;
        // Removed with what is in it when this call ends, however it ends.
        let folder = tempfile::tempdir_in(&self.0.settings.folder)?;
        let (file, content) = (folder.path().join("file"), folder.path().join("content"));
        tokio::fs::write(&file, &given.file).await?;
        if let Some(bytes) = &given.content {
            tokio::fs::write(&content, bytes).await?;
        }
        let content = given.content.is_some().then_some(content.as_path());
        let arguments = self.arguments(&given, form, now, content)?;
        let child = Command::new(&self.0.settings.program)
            .arg("verify-document")
            .args(arguments)
            .arg(&file)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        match tokio::time::timeout(self.0.settings.timeout, talk(child, &given)).await {
            Ok(ended) => ended,
            Err(_) => Ok(Ran::TooCostly),
        }
    }

    fn arguments(
        &self,
        given: &Given,
        form: ReportForm,
        now: OffsetDateTime,
        content: Option<&Path>,
    ) -> io::Result<Vec<OsString>> {
        let at = given.at.unwrap_or(now).format(&Rfc3339).map_err(io::Error::other)?;
        // One argument each, so that no value passes for an option.
        let option = |name: &str, value: &std::ffi::OsStr| {
            let mut argument = OsString::from(format!("--{name}="));
            argument.push(value);
            argument
        };
        let settings = &self.0.settings;
        let mut arguments: Vec<OsString> = settings.anchors.iter().map(|path| option("trust", path.as_ref())).collect();
        arguments.extend(settings.revocation.iter().map(|path| option("crl", path.as_ref())));
        arguments.extend(settings.trust_store.iter().map(|path| option("trust-store", path.as_ref())));
        let words = [
            ("at", at.as_str()),
            ("revocation", given.revocation),
            ("lang", given.language),
            ("report", form.word()),
            ("label", &given.name),
        ];
        arguments.extend(words.map(|(name, word)| option(name, word.as_ref())));
        arguments.extend(content.map(|path| option("content", path.as_ref())));
        arguments.extend(given.password.as_ref().map(|_| OsString::from("--password-file=/dev/stdin")));
        Ok(arguments)
    }
}

/// Hands over the password, if there is one, and takes the report.
async fn talk(mut child: Child, given: &Given) -> io::Result<Ran> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    if let (Some(mut stdin), Some(password)) = (stdin, &given.password) {
        // A worker that ended without reading it says why with its exit code.
        let _ = stdin.write_all(password.expose().as_bytes()).await;
    }
    let mut report = Vec::new();
    if let Some(stdout) = stdout {
        stdout.take(MAX_REPORT).read_to_end(&mut report).await?;
    }
    let status = child.wait().await?;
    Ok(match status.code() {
        // Valid, not valid, cannot tell, unreadable: each is an answer.
        Some(0 | 1 | 3 | 4) => Ran::Report(report),
        // Ended by a limit: of processor time by the kernel, of memory by itself.
        None => Ran::TooCostly,
        Some(code) => Ran::Failed(format!("the verifier ended with {code}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// A stand-in for the program, and its answer to one call.
    async fn run(script: &str) -> (Ran, usize) {
        let folder = tempfile::tempdir().expect("folder");
        let program = folder.path().join("program");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("executable");
        let work = folder.path().join("work");
        let settings =
            VerifySettings { timeout: Duration::from_millis(300), ..VerifySettings::new(program, work.clone()) };
        let settings = VerifySettings { trust_store: Some("/bundles".into()), ..settings };
        let given = Given {
            name: "--evil".into(),
            file: b"bytes".to_vec(),
            content: Some(b"content".to_vec()),
            password: Some(crate::domain::Secret::new("secret")),
            language: "vi",
            revocation: "require",
            at: None,
        };
        let verifier = Verifier::new(settings).expect("made");
        let ran = verifier.run(given, ReportForm::Json, OffsetDateTime::UNIX_EPOCH).await.expect("runs");
        (ran, std::fs::read_dir(work).expect("there").count())
    }

    #[tokio::test]
    async fn verdicts_are_answers_and_the_documents_are_gone_afterwards() {
        for code in [0, 1, 3, 4] {
            let script = format!("shift; for a; do last=$a; done; cat \"$last\"; exit {code}");
            let (ran, left) = run(&script).await;
            assert!(matches!(&ran, Ran::Report(report) if report == b"bytes"), "{ran:?}");
            assert_eq!(left, 0);
        }
    }

    #[tokio::test]
    async fn password_comes_on_standard_input_and_no_value_passes_for_an_option() {
        let (ran, _) = run("cat; for a; do echo; printf %s \"$a\"; done").await;
        let Ran::Report(said) = ran else { panic!("{ran:?}") };
        let said = String::from_utf8(said).expect("UTF-8");
        assert!(said.starts_with("secret\nverify-document\n") && said.contains("\n--label=--evil\n"), "{said}");
        assert!(said.contains("\n--trust-store=/bundles\n"), "{said}");
        assert!(said.contains("--at=1970-01-01T00:00:00Z") && said.matches("secret").count() == 1, "{said}");
    }

    #[tokio::test]
    async fn process_that_hangs_or_is_killed_was_too_costly_and_one_that_fails_is_a_defect() {
        assert!(matches!(run("exec sleep 60").await.0, Ran::TooCostly));
        assert!(matches!(run("kill -9 $$").await.0, Ran::TooCostly));
        for code in [2, 70] {
            assert!(matches!(run(&format!("exit {code}")).await.0, Ran::Failed(_)), "{code}");
        }
    }

    #[test]
    fn what_a_killed_service_left_behind_is_removed() {
        let folder = tempfile::tempdir().expect("folder");
        let work = folder.path().join("work");
        std::fs::create_dir_all(work.join("left")).expect("folders");
        let made = Verifier::new(VerifySettings::new("/bin/true".into(), work.clone()));
        assert!(made.is_ok() && !work.join("left").exists() && work.exists());
    }
}
