//! `kyso demo`: the whole service on this machine, nothing to configure. It is its own portal, its own citizens and its own
//! receiver of webhooks, over real HTTP.
//!
//! Reading order: here (start and end), `chapters` (what happens), `receiver` (webhooks), `verdict` (what is left, verified).

mod chapters;
mod receiver;
mod verdict;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::app::config::Config;
use crate::app::serve::{Mode, Options, Running, start};
use chapters::Story;
use receiver::Receiver;

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
    println!("kyso demo · ký số từ xa, từ đầu đến cuối · remote signing from end to end");
    let left = tokio::runtime::Runtime::new()?.block_on(journey(&args.out, &data))?;
    if !args.keep {
        fs::remove_dir_all(&data)?;
    }
    chapter(6, "Anybody, offline: every document and receipt, with nothing but the root and the CRL");
    let code = verdict::tell(&left)?;
    println!(
        "\nLeft in {} after {:.1} s; the whole report of a file:",
        args.out.display(),
        began.elapsed().as_secs_f32()
    );
    println!("   {}", left.command(left.signed.first()));
    Ok(code)
}

/// What the journey leaves.
struct Left {
    /// Documents and receipts.
    signed: Vec<PathBuf>,
    root: PathBuf,
    crl: PathBuf,
}

impl Left {
    /// How anybody verifies one of the files.
    fn command(&self, file: Option<&PathBuf>) -> String {
        let file = file.map(|file| file.display().to_string()).unwrap_or_default();
        format!("kyso verify --trust {} --crl {} {file}", self.root.display(), self.crl.display())
    }
}

async fn journey(out: &Path, data: &Path) -> Result<Left> {
    chapter(1, "The service starts: a sandbox with fresh development keys, on SQLite, listening on loopback only");
    let receiver = Receiver::open().await?;
    let mut config = Config::default();
    // The sender reaches public addresses only; this one is named.
    config.webhooks.allow_private = vec![receiver.address().to_string()];
    let running = start(Options {
        config,
        data: data.to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        mode: Mode::Sandbox,
        ready_file: None,
        renderer: std::env::current_exe().context("this program's own file is not known")?,
    })
    .await?;
    line("service", &running.url);
    let told = tell(&running, receiver, out).await;
    let trust = keep_trust(&running, out);
    running.stop().await?;
    let (signed, (root, crl)) = (told?, trust?);
    Ok(Left { signed, root, crl })
}

async fn tell(running: &Running, receiver: Receiver, out: &Path) -> Result<Vec<PathBuf>> {
    let ready = running.ready.as_ref().context("the sandbox is not ready")?;
    let mut story = Story::begin(ready, receiver, out).await?;
    chapter(2, "An e-form and one citizen, at level B-LTA");
    story.form().await?;
    chapter(3, "A contract and two signers, one after the other, at level B-LTA");
    story.contract().await?;
    chapter(4, "A contract that the second signer refuses");
    story.refusal().await?;
    chapter(5, "What the portal's webhook was told meanwhile, each message checked against its signature");
    story.webhooks().await
}

/// Copies the trust anchor and the CRL beside the signed documents, for whoever verifies them later.
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

fn chapter(number: u32, what: &str) {
    println!("\n{number}. {what}");
}

/// Who does what.
fn line(who: &str, what: &str) {
    println!("   {who:<9} {what}");
}
