//! The command line: one file a subcommand.
//!
//! Reading order: the offline verifier first, then [`online`] (the service, its administration and its client), which the
//! offline build leaves out.
//!
//! What this folder does not do: anything a program could not do with the library.

#[cfg(feature = "server")]
pub mod admin;
#[cfg(feature = "server")]
mod online;
#[cfg(not(feature = "server"))]
#[path = "offline.rs"]
mod online;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Exit code when nothing in the contract's table fits: the program's own fault.
const INTERNAL_ERROR: u8 = 70;

/// Remote signing service and offline verifier (ký số).
#[derive(Debug, Parser)]
#[command(name = "kyso", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Online(online::Command),
}

/// Parses the process's arguments and runs them.
pub fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Online(command) => online::run(command),
    };
    done.unwrap_or_else(|error| {
        eprintln!("kyso: {error:#}");
        ExitCode::from(INTERNAL_ERROR)
    })
}
