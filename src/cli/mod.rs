//! The command line: one file a subcommand.
//!
//! Reading order: [`run`] (arguments in, exit code out), [`verify`] (offline verification), [`output`] (reports as JSON Lines and as
//! text). Results go to standard output, diagnostics to standard error.
//!
//! What this folder does not do: judge. It reads files and the clock, and prints what `validation` says.

pub mod output;
pub mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Remote digital signing and offline verification.
#[derive(Debug, Parser)]
#[command(name = "kyso", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Each variant's arguments have `fn run(self) -> ExitCode`.
#[derive(Debug, Subcommand)]
enum Command {
    /// Verify signed files offline; never opens a socket
    Verify(verify::Arguments),
}

impl Command {
    fn run(self) -> ExitCode {
        match self {
            Self::Verify(arguments) => arguments.run(),
        }
    }
}

/// Parses the arguments, runs the subcommand and gives the exit code; wrong usage gives 2.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Cli::try_parse_from(arguments) {
        Ok(cli) => cli.command.run(),
        Err(error) => {
            // Nothing sensible is left to do when the terminal is gone.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}
