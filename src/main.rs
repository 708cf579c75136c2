//! The `asof` program: parse, run, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    asof::cli::main()
}
