//! The offline build has no subcommand that needs the service or the network.

use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub enum Command {}

/// # Errors
/// None: there is no command to run.
pub fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {}
}
