//! `kyso sign`: a portal's part in one command, and against a sandbox the citizen's too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::appearance_args::AppearanceArgs;
use super::hash_only;
use super::material::first_line;
use super::portal::{AccessArgs, Ask, By, Document, Paper, Portal};
use crate::app::sandbox::{Readers, write_atomically};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files to have signed
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) access: AccessArgs,
    /// Credential to sign with
    #[arg(long, value_name = "ID")]
    pub(super) credential: String,
    /// Signature level
    #[arg(long, default_value = "B-B", value_parser = ["B-B", "B-T", "B-LT", "B-LTA"])]
    pub(super) level: String,
    /// pdf: PAdES inside the PDF; cms: CAdES beside any file (.p7s)
    #[arg(long, default_value = "pdf", value_parser = ["pdf", "cms"])]
    pub(super) format: String,
    /// With --format cms: the file goes inside the signature (.p7m)
    #[arg(long)]
    enveloping: bool,
    /// Where the signed file goes: a file for one input, a folder for several; NAME.signed.pdf beside the input by default
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// All files in one request: the citizen confirms once
    #[arg(long)]
    batch: bool,
    /// Only the hash leaves this machine (CSC signHash, credentials with auth explicit); the signature is put in here
    #[arg(long, conflicts_with_all = ["batch", "enveloping"])]
    pub(super) hash_only: bool,
    /// File with the signer's PIN, for --hash-only; the variable KYSO_PIN is read otherwise
    #[arg(long, value_name = "FILE")]
    pub(super) pin_file: Option<PathBuf>,
    /// File whose first line is the user or owner password of encrypted PDFs
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
    /// What the citizen reads above the document
    #[arg(long, default_value = "")]
    description: String,
    #[arg(long)]
    pub(super) reason: Option<String>,
    #[arg(long)]
    pub(super) location: Option<String>,
    #[arg(long)]
    pub(super) contact_info: Option<String>,
    /// Certify the document: 1 no changes, 2 form filling and signing, 3 annotations too (DocMDP)
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u8).range(1..=3))]
    certify: Option<u8>,
    /// Form field that may not change afterwards; may be given several times (FieldMDP)
    #[arg(long, value_name = "NAME")]
    lock_field: Vec<String>,
    /// What the signature means instead of a reason, e.g. proof-of-approval
    #[arg(long, value_name = "TYPE")]
    commitment: Option<String>,
    /// Role the signer claims; may be given several times
    #[arg(long, value_name = "TEXT")]
    role: Vec<String>,
    /// With --format cms: kind of the file, e.g. application/xml
    #[arg(long, value_name = "TYPE/SUBTYPE")]
    mime_type: Option<String>,
    /// Time-stamp the content before it is signed
    #[arg(long)]
    content_time_stamp: bool,
    /// Signature algorithm as a dotted identifier, e.g. 1.2.840.113549.1.1.11 for RSA PKCS#1 v1.5 with SHA-256; the
    /// credential's default is RSASSA-PSS or ECDSA
    #[arg(long, value_name = "OID")]
    pub(super) sign_algo: Option<String>,
    /// Empty signature field to fill
    #[arg(long)]
    pub(super) field: Option<String>,
    #[command(flatten)]
    appearance: AppearanceArgs,
    /// Play the citizen too (sandbox only)
    #[arg(long, requires = "ready_file")]
    pub(super) auto_confirm: bool,
    /// How long to wait for the citizen, in seconds
    #[arg(long, default_value_t = 900)]
    timeout: u64,
}

/// # Errors
/// Any refusal, with its reason; the file it concerns leaves no output then.
pub fn run(args: Args) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signed = runtime.block_on(async {
        let portal = Portal::connect(args.access.read()?).await?;
        if args.batch {
            return sign(&portal, &args.files, &args).await;
        }
        let mut whole = true;
        for file in &args.files {
            let done = match args.hash_only {
                true => hash_only::sign(&portal, file, &output(file, &args)?, &args).await.map(|()| true),
                false => sign(&portal, std::slice::from_ref(file), &args).await,
            };
            whole &= done.unwrap_or_else(|error| {
                eprintln!("kyso sign: {}: {error:#}", file.display());
                false
            });
        }
        Ok(whole)
    });
    Ok(match signed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("kyso sign: {error:#}");
            ExitCode::FAILURE
        }
    })
}

/// Has files signed in one confirmation; false when some of them were left out.
async fn sign(portal: &Portal, files: &[PathBuf], args: &Args) -> Result<bool> {
    let outputs = files.iter().map(|file| output(file, args)).collect::<Result<Vec<_>>>()?;
    let papers = files.iter().map(|file| paper(file)).collect::<Result<Vec<_>>>()?;
    let (credential, description) = (args.credential.clone(), args.description.clone());
    let mut options = options(args);
    if let Some(file) = &args.password_file {
        options.insert("password".to_owned(), first_line(file)?.as_str().into());
    }
    if let Some(appearance) = args.appearance.json()? {
        options.insert("appearance".to_owned(), appearance);
    }
    let request = portal.create(&papers, &Ask { by: By::One(credential), description, options }).await?;
    if args.auto_confirm {
        portal.confirm_as_citizen(&request).await?;
    } else {
        let names: Vec<&str> = papers.iter().map(|paper| paper.name.as_str()).collect();
        eprintln!("{}: the citizen confirms at {}", names.join(", "), request.confirm_url);
    }
    let ended = portal.wait(&request.id, Duration::from_secs(args.timeout)).await?;
    let mut whole = true;
    for (n, (paper, out)) in (1..).zip(papers.iter().zip(&outputs)) {
        let state = ended.documents.get(n - 1).cloned().unwrap_or_default();
        if let Some(failure) = &state.failure {
            eprintln!("kyso sign: {}: {} ({})", paper.name, failure.detail, failure.code);
            whole = false;
            continue;
        }
        let signed = portal.document(&request.id, n).await?;
        // A signature in a PDF is an appended update: what was handed over stands before it, byte for byte.
        if args.format == "pdf" && (signed.len() <= paper.bytes.len() || !signed.starts_with(&paper.bytes)) {
            bail!("the service's answer does not begin with the document handed over");
        }
        write_atomically(out, &signed, Readers::Others).with_context(|| format!("cannot write {}", out.display()))?;
        println!("{}", out.display());
        tell_level(paper, &state);
    }
    Ok(whole)
}

/// Says when the level asked for is still to come.
fn tell_level(paper: &Paper, state: &Document) {
    if let Some(raise) = &state.raise {
        let level = state.level.as_deref().unwrap_or("a lower level");
        let Paper { name, .. } = paper;
        eprintln!(
            "kyso sign: {name}: signed at {level}; the service raises it to {} later ({}); fetch it again then",
            raise.to, raise.last_error
        );
    }
}

fn paper(file: &Path) -> Result<Paper> {
    let bytes = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Paper { name, bytes })
}

/// How to sign, as the service's API names it.
fn options(args: &Args) -> Map<String, Value> {
    let format = if args.enveloping { "cms-enveloping" } else { args.format.as_str() };
    let lock = (!args.lock_field.is_empty()).then(|| json!({"action": "include", "fields": args.lock_field}));
    let members = [
        ("format", Some(format.into())),
        ("level", Some(args.level.as_str().into())),
        ("reason", args.reason.clone().map(Value::from)),
        ("location", args.location.clone().map(Value::from)),
        ("contact_info", args.contact_info.clone().map(Value::from)),
        ("field", args.field.clone().map(Value::from)),
        ("sign_algo", args.sign_algo.clone().map(Value::from)),
        ("certify", args.certify.map(Value::from)),
        ("lock", lock),
        ("commitment", args.commitment.clone().map(Value::from)),
        ("roles", (!args.role.is_empty()).then(|| args.role.clone().into())),
        ("mime_type", args.mime_type.clone().map(Value::from)),
        ("content_time_stamp", args.content_time_stamp.then_some(Value::Bool(true))),
    ];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn output(file: &Path, args: &Args) -> Result<PathBuf> {
    let text =
        |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default();
    let signed = match (args.format.as_str(), args.enveloping) {
        ("cms", false) => format!("{}.p7s", text(file.file_name())),
        ("cms", true) => format!("{}.p7m", text(file.file_name())),
        _ => format!("{}.signed.pdf", text(file.file_stem())),
    };
    let out = match &args.out {
        None => file.with_file_name(signed),
        Some(folder) if folder.is_dir() => folder.join(signed),
        Some(_) if args.files.len() > 1 => bail!("--out must be a folder when several files are signed"),
        Some(out) => out.clone(),
    };
    // In one folder, files of the same name would overwrite each other.
    let namesakes = args.files.iter().filter(|other| other.file_stem() == file.file_stem()).count();
    if args.files.contains(&out) || (args.out.is_some() && namesakes > 1) {
        bail!("{} would be written over another file of this call", out.display());
    }
    Ok(out)
}
