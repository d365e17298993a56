//! `kyso demo`: the whole journey on this machine, nothing to configure.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::portal::{Access, Ask, Paper, Portal};
use super::verify;
use crate::app::config::Config;
use crate::app::sandbox::{Readers, write_atomically};
use crate::app::serve::{Mode, Options, Running, start};

/// The e-form the demonstration signs.
const FORM: &[u8] = include_bytes!("../../samples/to-khai-xac-nhan-cu-tru.pdf");
const FORM_NAME: &str = "to-khai-xac-nhan-cu-tru.pdf";
/// The citizen's empty signature field in it.
const FORM_FIELD: &str = "ChuKyNguoiKhai";
/// Nobody is waited for: the demonstration is its own citizen.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder for the files it leaves
    #[arg(long, value_name = "DIR", default_value = "kyso-demo")]
    out: PathBuf,
    /// Keep the service's own data (database, keys, documents) too
    #[arg(long)]
    keep: bool,
}

/// # Errors
/// Any step that fails, by name.
pub fn run(args: Args) -> Result<ExitCode> {
    let began = Instant::now();
    fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    let data = args.out.join("data");
    if data.exists() {
        fs::remove_dir_all(&data).with_context(|| format!("cannot clear {}", data.display()))?;
    }
    let verdict = tokio::runtime::Runtime::new()?.block_on(journey(&args.out, &data))?;
    if !args.keep {
        fs::remove_dir_all(&data)?;
    }
    println!("\nLeft in {} after {:.1} s:", args.out.display(), began.elapsed().as_secs_f32());
    let mut left: Vec<_> = fs::read_dir(&args.out)?.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    left.sort();
    left.iter().for_each(|name| println!("  {}", Path::new(name).display()));
    Ok(verdict)
}

async fn journey(out: &Path, data: &Path) -> Result<ExitCode> {
    step(1, "Service: starting a sandbox with a fresh development PKI");
    let running = start(Options {
        config: Config::default(),
        data: data.to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        mode: Mode::Sandbox,
        ready_file: None,
        renderer: std::env::current_exe().context("this program's own file is not known")?,
    })
    .await?;
    println!("   {} (SQLite, keys wrapped, listening on loopback only)", running.url);
    let signed = sign(&running, out).await;
    let trust = keep_trust(&running, out);
    running.stop().await?;
    let (signed, (root, crl)) = (signed?, trust?);
    step(5, "Verifier: checking offline, with the root and the CRL only");
    Ok(verify::Arguments::of_file(signed, root, crl).run())
}

async fn sign(running: &Running, out: &Path) -> Result<PathBuf> {
    let ready = running.ready.as_ref().context("the sandbox is not ready")?;
    step(2, "Portal: uploading an e-form to be signed");
    let portal = Portal::connect(Access::from_ready(ready)?).await?;
    let ask = Ask {
        credential: "ec-p256-hosted".into(),
        description: "Tờ khai xác nhận thông tin về cư trú".into(),
        options: serde_json::Map::from_iter([
            ("level".to_owned(), "B-LTA".into()),
            ("field".to_owned(), FORM_FIELD.into()),
        ]),
    };
    let paper = Paper { name: FORM_NAME.to_owned(), bytes: FORM.to_vec() };
    let request = portal.create(&[paper], &ask).await?;
    println!("   {FORM_NAME}, {} kB → {}", FORM.len() / 1024, request.confirm_url);
    step(3, "Citizen: looking at the page, asking for a code, confirming with it");
    portal.confirm_as_citizen(&request).await?;
    let code = portal.code_for(&request.id).await?;
    println!("   code {} came by SMS (sandbox outbox) and was accepted", code.expose());
    step(4, "Portal: fetching the signed document");
    portal.wait(&request.id, PATIENCE).await?;
    let document = portal.document(&request.id, 1).await?;
    let file = out.join("to-khai-xac-nhan-cu-tru.signed.pdf");
    write_atomically(&file, &document, Readers::Others)?;
    println!(
        "   {} ({} kB: the original, untouched, and the signature after it)",
        file.display(),
        document.len() / 1024
    );
    Ok(file)
}

/// Copies the trust anchor and the CRL beside the signed document, for whoever verifies it later.
fn keep_trust(running: &Running, out: &Path) -> Result<(PathBuf, PathBuf)> {
    let ready = running.ready.as_ref().context("the sandbox is not ready")?;
    let copy = |member: &str, name: &str| -> Result<PathBuf> {
        let from = ready[member].as_str().with_context(|| format!("{member} is missing"))?;
        let to = out.join(name);
        fs::copy(from, &to).with_context(|| format!("cannot copy {from}"))?;
        Ok(to)
    };
    Ok((copy("trust_anchor", "root.pem")?, copy("crl", "crl.pem")?))
}

fn step(number: u32, what: &str) {
    println!("{number}. {what}");
}
