//! Subcommands that need the service or the network.

use std::process::ExitCode;

use super::admin;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Manage portals, signers, credentials, keys and the audit chain
    Admin(admin::Args),
}

/// # Errors
/// What the subcommand could not do.
pub fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Admin(args) => admin::run(args),
    }
}
