//! The `kyso` program: parses its arguments and hands over to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    kyso::cli::run(std::env::args_os())
}
