//! `kyso sign`: a portal's part in one command, and against a sandbox the citizen's too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::appearance_args::AppearanceArgs;
use super::portal::{Access, Ask, Portal};
use crate::app::config::secret_file;
use crate::app::sandbox::{Readers, write_atomically};
use crate::domain::Secret;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// PDF files to have signed
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Address of the service
    #[arg(long, value_name = "URL", required_unless_present = "ready_file")]
    server: Option<String>,
    /// Credential to sign with
    #[arg(long, value_name = "ID")]
    credential: String,
    /// Signature level; B-B is offered now
    #[arg(long, default_value = "B-B", value_parser = ["B-B"])]
    level: String,
    /// Signature format; pdf is offered now
    #[arg(long, default_value = "pdf", value_parser = ["pdf"])]
    format: String,
    /// Where the signed file goes: a file for one input, a folder for several; NAME.signed.pdf beside the input by default
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// OAuth client id
    #[arg(long, env = "KYSO_CLIENT_ID", required_unless_present = "ready_file")]
    client_id: Option<String>,
    /// File with the client secret; the variable KYSO_CLIENT_SECRET is read otherwise
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// What the citizen reads above the document
    #[arg(long, default_value = "")]
    description: String,
    #[arg(long)]
    reason: Option<String>,
    #[arg(long)]
    location: Option<String>,
    /// Signature algorithm as a dotted identifier, e.g. 1.2.840.113549.1.1.11 for RSA PKCS#1 v1.5 with SHA-256; the
    /// credential's default is RSASSA-PSS or ECDSA
    #[arg(long, value_name = "OID")]
    sign_algo: Option<String>,
    /// Empty signature field to fill
    #[arg(long)]
    field: Option<String>,
    #[command(flatten)]
    appearance: AppearanceArgs,
    /// Ready file of a sandbox: where it is and which portal to be
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Play the citizen too (sandbox only)
    #[arg(long, requires = "ready_file")]
    auto_confirm: bool,
    /// How long to wait for the citizen, in seconds
    #[arg(long, default_value_t = 900)]
    timeout: u64,
}

/// # Errors
/// Any refusal, with its reason; the file it concerns leaves no output then.
pub fn run(args: Args) -> Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let portal = Portal::connect(access(&args)?).await?;
            let mut refused = false;
            for file in &args.files {
                if let Err(error) = sign(&portal, file, &args).await {
                    refused = true;
                    eprintln!("kyso sign: {}: {error:#}", file.display());
                }
            }
            Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        })
        .or_else(|error: anyhow::Error| {
            eprintln!("kyso sign: {error:#}");
            Ok(ExitCode::FAILURE)
        })
}

async fn sign(portal: &Portal, file: &Path, args: &Args) -> Result<()> {
    let out = output(file, args)?;
    let document = fs::read(file).context("cannot be read")?;
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let ask = Ask {
        credential: args.credential.clone(),
        description: args.description.clone(),
        level: args.level.clone(),
        reason: args.reason.clone(),
        location: args.location.clone(),
        field: args.field.clone(),
        sign_algo: args.sign_algo.clone(),
        appearance: args.appearance.json()?,
    };
    let request = portal.create(&name, &document, &ask).await?;
    if args.auto_confirm {
        portal.confirm_as_citizen(&request).await?;
    } else {
        eprintln!("{name}: the citizen confirms at {}", request.confirm_url);
    }
    portal.wait(&request.id, Duration::from_secs(args.timeout)).await?;
    let signed = portal.document(&request.id).await?;
    // A signature is an appended update: what was handed over stands before it, byte for byte.
    if signed.len() <= document.len() || !signed.starts_with(&document) {
        bail!("the service's answer does not begin with the document handed over");
    }
    write_atomically(&out, &signed, Readers::Others).with_context(|| format!("cannot write {}", out.display()))?;
    println!("{}", out.display());
    Ok(())
}

fn access(args: &Args) -> Result<Access> {
    if let Some(file) = &args.ready_file {
        return Access::from_ready_file(file);
    }
    let url = args.server.as_deref().context("--server is missing")?.trim_end_matches('/').to_owned();
    let secret = match &args.client_secret_file {
        Some(file) => secret_file(file)?.to_string(),
        None => std::env::var("KYSO_CLIENT_SECRET").context("set KYSO_CLIENT_SECRET or give --client-secret-file")?,
    };
    Ok(Access {
        token_url: format!("{url}/oauth2/token"),
        url,
        client_id: args.client_id.clone().context("--client-id is missing")?,
        client_secret: Secret::new(secret),
        outbox_url: None,
    })
}

fn output(file: &Path, args: &Args) -> Result<PathBuf> {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let signed = format!("{stem}.signed.pdf");
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
