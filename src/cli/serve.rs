//! `kyso serve`: the service.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::app::config::Config;
use crate::app::serve::{Mode, Options, start};
use crate::app::telemetry;

/// Where a production service listens unless told otherwise: behind a TLS-terminating proxy on the same machine.
const LISTEN: &str = "127.0.0.1:8080";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the database and the documents
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Development keys, invented signers and an outbox instead of a message gateway
    #[arg(long)]
    sandbox: bool,
    /// Written, all at once, when the service is ready
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// # Errors
/// Each says what is missing or wrong.
pub fn run(args: Args) -> Result<ExitCode> {
    telemetry::start();
    let config = args.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
    let default_data = if args.sandbox { "kyso-sandbox" } else { "kyso-data" };
    let options = Options {
        data: args.data.or_else(|| config.data.clone()).unwrap_or_else(|| default_data.into()),
        listen: match args.listen.or(config.listen) {
            Some(listen) => listen,
            None => LISTEN.parse()?,
        },
        mode: if args.sandbox { Mode::Sandbox } else { Mode::Production },
        ready_file: args.ready_file,
        renderer: std::env::current_exe().context("this program's own file is not known")?,
        config,
    };
    tokio::runtime::Runtime::new()?.block_on(async {
        let running = start(options).await?;
        eprintln!("kyso: ready on {}", running.url);
        running.until_asked_to_stop().await
    })?;
    Ok(ExitCode::SUCCESS)
}
