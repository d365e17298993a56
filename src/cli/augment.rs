//! `kyso augment`: raises the level of signed files, anybody's, with time-stamps and validation material.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use const_oid::ObjectIdentifier;
use time::OffsetDateTime;

use super::material::{self, now};
use crate::app::config::Config;
use crate::app::sandbox::{Readers, write_atomically};
use crate::app::system::SystemClock;
use crate::app::wiring;
use crate::formats::level::Baseline;
use crate::formats::pdf::Password;
use crate::mapping::Mapped;
use crate::raising::{Growing, Raised, Raiser};
use crate::trust::{TrustServices, Tsa};
use crate::validation::report::FileReport;
use crate::validation::{Evidence, Policy, RevocationPolicy, Setting, validate_cms, validate_pdf_with};

/// Diagnostics begin with this.
const COMMAND: &str = "kyso augment";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Signed PDF, .p7s or .p7m files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The level to reach; on a file that has it, B-LTA is renewed
    #[arg(long, value_name = "LEVEL", value_parser = ["B-T", "B-LT", "B-LTA"])]
    to: String,
    /// Where the raised file goes: a file for one input, a folder for several; NAME.b-lta.pdf beside the input by default
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Time-stamping authority (RFC 3161); several are asked in order
    #[arg(long, value_name = "URL")]
    tsa: Vec<String>,
    /// Policy to ask the authorities for
    #[arg(long, value_name = "OID")]
    tsa_policy: Option<ObjectIdentifier>,
    /// Trusted root certificates: PEM or DER files, or folders of them
    #[arg(long, value_name = "FILE_OR_DIR")]
    trust: Vec<PathBuf>,
    /// Revocation lists or OCSP responses for the date by which the result has to be renewed
    #[arg(long, value_name = "FILE_OR_DIR")]
    crl: Vec<PathBuf>,
    /// The content a detached CMS signature covers
    #[arg(long, value_name = "FILE")]
    content: Option<PathBuf>,
    /// File whose first line is the user or owner password of encrypted PDFs
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Addresses or hosts certificates may point to although they are not public, e.g. 10.1.2.3:8080
    #[arg(long, value_name = "HOST")]
    allow_private: Vec<String>,
    /// A service's configuration, of which the section on trust services is read
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Ready file of a sandbox: its authority, root and address
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// Trust services on the command line.
pub(super) struct Sources(Arc<TrustServices>);

impl Sources {
    /// Those of a sandbox.
    ///
    /// # Errors
    /// When its ready file cannot be used.
    pub fn of_sandbox(ready_file: &Path) -> Result<Self> {
        let (mut config, mut trust, mut authorities) = (Config::default(), Vec::new(), Vec::new());
        sandbox(ready_file, &mut config, &mut trust, &mut authorities)?;
        Self::new(&config, &trust, &authorities, None)
    }

    fn new(
        config: &Config,
        trust: &[PathBuf],
        authorities: &[String],
        policy: Option<ObjectIdentifier>,
    ) -> Result<Self> {
        let mut settings = config.trust.settings()?;
        settings.anchors.extend(material::certificates(trust, COMMAND)?);
        let timeout = settings.budget.timeout;
        let tsa = |url: &String| Tsa { url: url.clone(), authorization: None, policy, timeout };
        settings.tsas.extend(authorities.iter().map(tsa));
        Ok(Self(wiring::trust_services(settings, config.trust.allowed()?, Arc::new(SystemClock))?))
    }

    pub fn raiser<'a>(&'a self, now: OffsetDateTime, password: Option<&'a Password>) -> Raiser<'a> {
        Raiser { trust: &self.0, anchors: &self.0.settings().anchors, now, password }
    }
}

/// What all files share.
struct Work {
    sources: Sources,
    level: Baseline,
    content: Option<Mapped>,
    password: Option<Password>,
    /// For judging the result; trust services fetch their own.
    evidence: Evidence,
}

/// # Errors
/// Wrong usage; a file that cannot be raised is told, leaves no output, and makes the exit code 1.
pub fn run(args: Args) -> Result<ExitCode> {
    let work = match prepare(&args) {
        Ok(work) => work,
        Err(error) => {
            eprintln!("{COMMAND}: {error:#}");
            return Ok(ExitCode::from(2));
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut failed = false;
    for file in &args.files {
        let done = output(file, &args, &work).and_then(|out| runtime.block_on(work.raise(file, &out)));
        if let Err(error) = done {
            failed = true;
            eprintln!("{COMMAND}: {}: {error:#}; the file is as it was", file.display());
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn prepare(args: &Args) -> Result<Work> {
    let level = Baseline::from_name(&args.to).context("--to is not a level")?;
    let mut config = args.config.as_deref().map_or_else(|| Ok(Config::default()), Config::read)?;
    config.trust.allow_private.extend(args.allow_private.iter().cloned());
    let mut trust = args.trust.clone();
    let mut authorities = args.tsa.clone();
    if let Some(file) = &args.ready_file {
        sandbox(file, &mut config, &mut trust, &mut authorities)?;
    }
    let sources = Sources::new(&config, &trust, &authorities, args.tsa_policy)?;
    let settings = sources.0.settings();
    if settings.tsas.is_empty() {
        bail!("no time-stamping authority: give --tsa URL, or a configuration with one");
    }
    if level >= Baseline::Lt && settings.anchors.is_empty() {
        bail!("{level} needs to know where certificate paths end: give --trust ROOT");
    }
    let content =
        args.content.as_ref().map(|file| Mapped::open(file).with_context(|| format!("cannot read {}", file.display())));
    let mut evidence = Evidence { anchors: settings.anchors.clone(), ..Evidence::default() };
    material::revocation(&args.crl, COMMAND, &mut evidence)?;
    let password = args.password_file.as_deref().map(material::password).transpose()?;
    Ok(Work { sources, level, content: content.transpose()?, password, evidence })
}

/// Takes over what a sandbox says of itself.
fn sandbox(file: &Path, config: &mut Config, trust: &mut Vec<PathBuf>, authorities: &mut Vec<String>) -> Result<()> {
    let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let ready: serde_json::Value = serde_json::from_slice(&text)?;
    let member = |name: &str| {
        let found = ready.get(name).and_then(serde_json::Value::as_str);
        found.with_context(|| format!("{} is not a ready file: {name} is missing", file.display()))
    };
    trust.push(member("trust_anchor")?.into());
    if authorities.is_empty() {
        authorities.push(member("tsa_url")?.to_owned());
    }
    config.trust.allow_private.extend(private_host(member("url")?));
    Ok(())
}

/// `host:port` of an address that is not public.
fn private_host(url: &str) -> Option<String> {
    let url: url::Url = url.parse().ok()?;
    let (host, port) = (url.host_str()?, url.port_or_known_default()?);
    let literal = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() || host == "localhost";
    literal.then(|| format!("{host}:{port}"))
}

fn output(file: &Path, args: &Args, work: &Work) -> Result<PathBuf> {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let extension = file.extension().map(|text| text.to_string_lossy().into_owned()).unwrap_or_default();
    let raised = format!("{stem}.{}.{extension}", work.level.name().to_lowercase());
    let out = match &args.out {
        None => file.with_file_name(raised),
        Some(folder) if folder.is_dir() => folder.join(raised),
        Some(_) if args.files.len() > 1 => bail!("--out must be a folder when several files are raised"),
        Some(out) => out.clone(),
    };
    if args.files.contains(&out) {
        bail!("{} would be written over an input", out.display());
    }
    Ok(out)
}

impl Work {
    async fn raise(&self, file: &Path, out: &Path) -> Result<()> {
        let original = Mapped::open(file).context("cannot be read")?;
        let is_pdf = original
            .get(..1024.min(original.len()))
            .is_some_and(|head| head.windows(5).any(|window| window == b"%PDF-"));
        if is_pdf { self.pdf(file, out).await } else { self.cms(&original, out).await }
    }

    async fn pdf(&self, file: &Path, out: &Path) -> Result<()> {
        let folder = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Beside the output, so that it becomes the output by being renamed.
        let scratch = tempfile::Builder::new().prefix(".kyso-augment-").tempdir_in(folder)?;
        let copy = scratch.path().join("document");
        let mut document = Growing::copy(file, &copy)?;
        let before = document.bytes().len();
        let raised = self.sources.raiser(now(), self.password.as_ref()).pdf(&mut document, self.level).await;
        self.reached(raised)?;
        let report = validate_pdf_with(document.bytes(), self.password.as_ref(), self.setting()).ok();
        let changed = document.bytes().len() > before;
        drop(document);
        std::fs::rename(&copy, out).with_context(|| format!("cannot write {}", out.display()))?;
        self.tell(out, if changed { "" } else { " already" }, report.as_ref());
        Ok(())
    }

    async fn cms(&self, original: &[u8], out: &Path) -> Result<()> {
        let mut message = original.to_vec();
        let content = self.content.as_deref();
        let raised = self.sources.raiser(now(), None).cms(&mut message, content, self.level).await;
        self.reached(raised)?;
        let report = validate_cms(&message, content, self.setting()).ok();
        write_atomically(out, &message, Readers::Others).with_context(|| format!("cannot write {}", out.display()))?;
        self.tell(out, if message != original { "" } else { " already" }, report.as_ref());
        Ok(())
    }

    /// All or nothing: a file that came half-way is not left behind.
    fn reached(&self, raised: Raised) -> Result<()> {
        match raised.problem {
            None => Ok(()),
            Some(problem) => bail!("{} cannot be reached: {problem}", self.level),
        }
    }

    fn setting(&self) -> Setting<'_> {
        Setting { evidence: &self.evidence, policy: Policy::strict_with(RevocationPolicy::IfPresent), time: now() }
    }

    /// The file, its level, and the date by which it has to be renewed: the earliest of its signatures' proofs.
    fn tell(&self, out: &Path, already: &str, report: Option<&FileReport>) {
        let ends = report.iter().flat_map(|report| &report.signatures).filter_map(|signature| signature.renew_by);
        let renew = ends.min().map(|end| format!("; renew before {}", end.date())).unwrap_or_default();
        println!("{}: {}{already}{renew}", out.display(), self.level);
    }
}
