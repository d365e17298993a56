//! `kyso verify-document`: `kyso verify` of one file nobody vouches for, in a process that limits itself first.
//!
//! The service runs it for `POST /v1/verify` ([`crate::http::verify`]), which also limits its time on the wall.

use std::process::ExitCode;

use super::{render, verify};

/// Address space in bytes: the file, mapped, beside the 256 MiB that the engine's own budgets keep hostile files below, the stack of
/// its thread and room for the report.
const MEMORY: u64 = 1 << 30;
/// Processor time in seconds; the parent's clock usually ends the process first.
const CPU_SECONDS: u64 = 10;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    verify: verify::Arguments,
}

/// Exit codes are those of `kyso verify`.
pub fn run(args: Args) -> ExitCode {
    if let Err(error) = render::limit_process(MEMORY, CPU_SECONDS) {
        eprintln!("kyso: cannot limit the verifying process: {error}");
        return ExitCode::from(super::INTERNAL_ERROR);
    }
    args.verify.one_at_a_time().run()
}
