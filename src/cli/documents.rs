//! `asof completions` and `asof man`: what a package installs beside the program.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Args, Failure};

/// Print the completion script of a shell
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Write the man pages into a folder
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// The folder; made when missing
    folder: PathBuf,
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "asof", &mut script);
    io::stdout()
        .write_all(&script)
        .map_err(|error| Failure::new("cannot write the completion script").because(&error))
}

pub(super) fn man(args: &ManArgs) -> Result<(), Failure> {
    std::fs::create_dir_all(&args.folder)
        .and_then(|()| clap_mangen::generate_to(Args::command().disable_help_subcommand(true), &args.folder))
        .map_err(|error| {
            Failure::new(format!("cannot write the man pages into {}", args.folder.display())).because(&error)
        })
}
