//! The command line: one file a subcommand.
//!
//! Reading order: [`run`] (arguments in, exit code out), [`verify`] (offline verification), `batch` (many files in one run), [`chain`]
//! (one certificate's path), [`trust`] (the trust bundle), [`material`] and `basis` (what they read and judge by), [`output`] (reports
//! as JSON Lines; [`crate::report`] has them for people), `pages` (what changed on a PDF's pages, for HTML reports), then `online`: the
//! service, its administration and its client, which the offline build leaves out. Results
//! go to standard output, diagnostics to standard error.
//!
//! What this folder does not do: judge. It reads files and the clock, and prints what `validation` says.

#[cfg(feature = "server")]
pub mod admin;
#[cfg(feature = "server")]
mod appearance_args;
#[cfg(feature = "server")]
pub mod augment;
mod basis;
mod batch;
pub mod chain;
#[cfg(feature = "server")]
pub mod demo;
#[cfg(feature = "server")]
mod differences;
#[cfg(feature = "server")]
mod hash_only;
#[cfg(feature = "server")]
pub mod listen;
mod material;
#[cfg(feature = "server")]
mod online;
#[cfg(not(feature = "server"))]
#[path = "offline.rs"]
mod online;
pub mod output;
#[cfg(feature = "server")]
mod pages;
#[cfg(not(feature = "server"))]
#[path = "pages_absent.rs"]
mod pages;
#[cfg(feature = "server")]
pub mod portal;
#[cfg(feature = "server")]
pub mod render;
#[cfg(feature = "server")]
pub mod serve;
#[cfg(feature = "server")]
pub mod sign;
pub mod trust;
pub mod verify;
#[cfg(feature = "server")]
mod verify_document;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Exit code of a subcommand that could not do its work for a reason of its own.
const INTERNAL_ERROR: u8 = 70;

/// Remote digital signing and offline verification (ký số).
#[derive(Debug, Parser)]
#[command(name = "kyso", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Verify signed files offline; never opens a socket
    Verify(verify::Arguments),
    /// Validate one certificate's path to a trusted root offline (RFC 5280)
    Chain(chain::Arguments),
    /// Publish, import, compare and show trust bundles: the roots that verify and chain use by default
    Trust(trust::Arguments),
    #[command(flatten)]
    Online(online::Command),
}

/// Parses the arguments, runs the subcommand and gives the exit code; wrong usage gives 2.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Cli::try_parse_from(arguments) {
        Ok(Cli { command: Command::Verify(arguments) }) => arguments.run(),
        Ok(Cli { command: Command::Chain(arguments) }) => arguments.run(),
        Ok(Cli { command: Command::Trust(arguments) }) => arguments.run(),
        Ok(Cli { command: Command::Online(command) }) => online::run(command).unwrap_or_else(|error| {
            eprintln!("kyso: {error:#}");
            ExitCode::from(INTERNAL_ERROR)
        }),
        Err(error) => {
            // Nothing sensible is left to do when the terminal is gone.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}
