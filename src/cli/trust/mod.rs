//! `kyso trust`: the trust bundle, from its publisher to the machine that verifies offline.
//!
//! Reading order: [`run`](Arguments::run) (import, show, diff, policy), [`create`] (the publisher's side), [`words`] (both languages).
//! Exit codes: 0 done, 1 refused (or nothing is installed), 2 usage, 4 unreadable input.
//!
//! What this folder does not do: sign. `create` writes the content; whoever holds the publisher's key signs it, as any enveloping CMS.

pub mod create;
mod words;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use self::words::Words;
use super::basis::{self, StoreArgs};
use super::material::now;
use crate::bundle::accept::{self, Follow};
use crate::bundle::changes::{self, Change};
use crate::bundle::facts::BundleFacts;
use crate::bundle::{Bundle, Fingerprint, MAX_BUNDLE_BYTES, Refusal, open};
use crate::formats::x509::development::is_development_certificate;
use crate::formats::x509::pem;
use crate::installed::{Imported, Store, StoreError};
use crate::mapping::Mapped;
use crate::validation::report::Language;

const COMMAND: &str = "kyso trust";

/// Refused, or nothing there to show.
const REFUSED: u8 = 1;
const USAGE: u8 = 2;
const UNREADABLE: u8 = 4;

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write the content of a new bundle from a manifest; it then has to be signed
    Create(create::Arguments),
    /// Install a bundle; the first import pins its publisher
    Import(FileArguments),
    /// Tell what a bundle would add, remove and change, and whether it would be accepted
    Diff(FileArguments),
    /// Tell what is installed
    Show(ShowArguments),
    /// Print a validation policy in its canonical form, whose SHA-256 stands in reports
    Policy {
        /// strict, vietnam, or a file
        #[arg(value_name = "NAME_OR_FILE")]
        policy: String,
    },
}

#[derive(Debug, Args)]
struct FileArguments {
    /// The signed bundle
    file: PathBuf,

    /// The publisher's certificate (PEM or DER), or its SHA-256 fingerprint, as it was told over another channel
    #[arg(long, value_name = "CERT_OR_FINGERPRINT")]
    publisher: Option<String>,

    #[command(flatten)]
    show: ShowArguments,
}

#[derive(Debug, Args)]
struct ShowArguments {
    #[command(flatten)]
    store: StoreArgs,

    /// One JSON object
    #[arg(long)]
    json: bool,

    /// Language of the sentences
    #[arg(long, value_enum, default_value = "vi")]
    lang: Lang,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Lang {
    Vi,
    En,
}

impl ShowArguments {
    fn words(&self) -> Words {
        Words(match self.lang {
            Lang::Vi => Language::Vietnamese,
            Lang::En => Language::English,
        })
    }

    fn store(&self) -> anyhow::Result<Store> {
        self.store.store().context("there is no home folder; name the store with --trust-store")
    }
}

impl Arguments {
    /// Does it, and gives the exit code.
    pub fn run(self) -> ExitCode {
        let done = match &self.action {
            Action::Create(arguments) => arguments.run(),
            Action::Import(arguments) => arguments.import(),
            Action::Diff(arguments) => arguments.diff(),
            Action::Show(arguments) => arguments.run(),
            Action::Policy { policy } => basis::policy(policy, Path::new("")).map(|policy| {
                say(&policy.canonical());
                0
            }),
        };
        ExitCode::from(done.unwrap_or_else(|error| {
            eprintln!("{COMMAND}: {error:#}");
            if error.is::<UsageError>() { USAGE } else { UNREADABLE }
        }))
    }
}

/// The command line itself is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UsageError(String);

impl FileArguments {
    fn import(&self) -> anyhow::Result<u8> {
        let (store, expected, bytes) = (self.show.store()?, self.expected()?, read(&self.file)?);
        match store.import(&bytes, expected, now()) {
            Ok(Imported::Installed { new, before }) => {
                let changes = changes::between(before.as_ref().map(Bundle::payload), new.payload());
                self.tell("installed", &new, &changes);
                if is_development_certificate(new.publisher().der()) {
                    eprintln!("{COMMAND}: {}", self.show.words().development_publisher());
                }
                if new.payload().next_update < now() {
                    eprintln!("{COMMAND}: {}", self.show.words().outdated());
                }
                Ok(0)
            }
            Ok(Imported::InstalledAlready(bundle)) => {
                self.tell("unchanged", &bundle, &[]);
                Ok(0)
            }
            Err(error) => self.refused(&error),
        }
    }

    fn diff(&self) -> anyhow::Result<u8> {
        let (store, expected, bytes) = (self.show.store()?, self.expected()?, read(&self.file)?);
        let judged = store.load().and_then(|installed| {
            let trusted = installed.as_ref().map(Bundle::may_follow).unwrap_or_default();
            let trusted: Vec<Fingerprint> = if installed.is_some() { trusted } else { expected.into_iter().collect() };
            let new = open(&bytes, &trusted, now())?;
            let changes = changes::between(installed.as_ref().map(Bundle::payload), new.payload());
            Ok((accept::accept(new.clone(), installed.as_ref(), now()), new, changes))
        });
        match judged {
            Ok((verdict, new, changes)) => {
                let outcome = if matches!(verdict, Ok(Follow::Install(_))) { "acceptable" } else { "unchanged" };
                self.tell(if verdict.is_err() { "refused" } else { outcome }, &new, &changes);
                verdict.map_or_else(|refusal| self.refused(&refusal.into()), |_| Ok(0))
            }
            Err(error) => self.refused(&error),
        }
    }

    fn expected(&self) -> anyhow::Result<Option<Fingerprint>> {
        let Some(named) = &self.publisher else { return Ok(None) };
        if let Some(fingerprint) = Fingerprint::parse(named) {
            return Ok(Some(fingerprint));
        }
        let context = || UsageError(format!("{named} is neither a SHA-256 fingerprint nor a readable certificate"));
        let bytes = std::fs::read(named).map_err(|_| context())?;
        let certificates = pem::certificates(&bytes).map_err(|_| context())?;
        match certificates.as_slice() {
            [certificate] => Ok(Some(Fingerprint::of(certificate))),
            _ => Err(UsageError(format!("{named} does not hold exactly one certificate")).into()),
        }
    }

    /// `outcome`: installed, unchanged, acceptable or refused.
    fn tell(&self, outcome: &'static str, bundle: &Bundle, changes: &[Change]) {
        let (now, words) = (now(), self.show.words());
        let facts = BundleFacts::new(bundle, now, now);
        if self.show.json {
            let change = |change: &Change| json!({"sign": change.sign.as_str(), "what": change.what.as_str(), "detail": change.detail});
            let changes: Vec<_> = changes.iter().map(change).collect();
            return say(&format!("{}\n", json!({"outcome": outcome, "bundle": facts, "changes": changes})));
        }
        let mut lines = vec![format!("{}: {}", words.outcome(outcome), facts.sentence(words.0))];
        lines.extend(changes.iter().map(|change| format!("  {}", change.text(words.0))));
        if changes.is_empty() {
            lines.push(format!("  {}", words.no_changes()));
        }
        lines.iter().for_each(|line| say(&format!("{}\n", words::printable(line))));
    }

    fn refused(&self, error: &StoreError) -> anyhow::Result<u8> {
        let words = self.show.words();
        let (name, text) = words.refusal(error);
        if self.show.json {
            say(&format!("{}\n", json!({"outcome": "refused", "reason": name, "text": text})));
        }
        eprintln!("{COMMAND}: {}", words::printable(&text));
        if let (StoreError::Refused(Refusal::UnknownPublisher { .. }), None) = (error, &self.publisher) {
            eprintln!("{COMMAND}: {}", words.name_the_publisher());
        }
        Ok(REFUSED)
    }
}

impl ShowArguments {
    fn run(&self) -> anyhow::Result<u8> {
        let words = self.words();
        let bundle = match self.store()?.load() {
            Ok(Some(bundle)) => bundle,
            Ok(None) => {
                eprintln!("{COMMAND}: {}", words.nothing_installed());
                return Ok(REFUSED);
            }
            Err(error) => {
                eprintln!("{COMMAND}: {}", words.refusal(&error).1);
                return Ok(REFUSED);
            }
        };
        let now = now();
        let facts = BundleFacts::new(&bundle, now, now);
        match self.json {
            true => say(&format!("{}\n", words::details_json(&bundle, &facts))),
            false => say(&words.details(&bundle, &facts)),
        }
        Ok(0)
    }
}

/// Results go to standard output. A reader that closed the pipe has seen enough; any other failure is told.
fn say(text: &str) {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => eprintln!("{COMMAND}: cannot write: {error}"),
        _ => {}
    }
}

/// # Errors
/// When the file cannot be read or is larger than any bundle.
fn read(path: &Path) -> anyhow::Result<Mapped> {
    let bytes = Mapped::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    anyhow::ensure!(bytes.len() <= MAX_BUNDLE_BYTES, "{} is larger than {MAX_BUNDLE_BYTES} bytes", path.display());
    Ok(bytes)
}
