//! Subcommands that need the service or the network.

use std::process::ExitCode;

use super::{admin, augment, demo, listen, render, serve, sign, verify_document};

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// The whole journey on this machine: portal, citizen, signed document, offline verdict
    Demo(demo::Args),
    /// Run the service
    Serve(serve::Args),
    /// Have documents signed: a portal's client in one command
    Sign(Box<sign::Args>),
    /// For a portal's developers
    #[command(subcommand)]
    Portal(listen::Command),
    /// Raise the level of signed files, anybody's, or renew their archive time-stamps
    Augment(Box<augment::Args>),
    /// Manage portals, signers, credentials, keys and the audit chain
    Admin(admin::Args),
    /// Draw one page of a PDF; the service runs it as a process of its own
    #[command(hide = true)]
    RenderPage(render::RenderArgs),
    /// Verify one file within limits; the service runs it as a process of its own
    #[command(hide = true)]
    VerifyDocument(Box<verify_document::Args>),
}

/// # Errors
/// What the subcommand could not do.
pub fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(args) => demo::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Sign(args) => sign::run(*args),
        Command::Portal(command) => listen::run(command),
        Command::Augment(args) => augment::run(*args),
        Command::Admin(args) => admin::run(args),
        Command::RenderPage(args) => Ok(render::run(&args)),
        Command::VerifyDocument(args) => Ok(verify_document::run(*args)),
    }
}
