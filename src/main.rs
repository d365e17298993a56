//! The `kyso` program: parse arguments, run, set the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    kyso::cli::run()
}
