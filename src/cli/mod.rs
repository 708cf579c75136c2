//! The command-line interface: one file per command.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod background;
mod cache_folder;
mod cat;
mod changed_files;
mod diff;
mod documents;
mod failure;
mod find;
mod found;
mod heap;
mod log;
mod log_file;
mod logging;
mod ls;
mod mount;
mod mount_options;
mod mount_status;
mod mount_table;
mod mountpoint;
mod output;
mod password;
mod password_pipe;
mod progress;
mod reading;
mod selection;
mod signals;
mod size;
mod snapshot_meta;
mod source_args;
mod source_spec;
mod sources;
mod status;
mod suggest;
mod tree;
mod tree_path;
mod umount;
mod user_folders;
mod verify;
mod wire;
mod workers;

use crate::format::sqlite;
use crate::model::terminal;
use failure::Failure;

/// Mount databases and their snapshot history as a read-only file tree.
///
/// Every commit, archive and export becomes a folder named after its time, and every table a JSONL file in it, so that
/// ls, grep, diff, cp and rsync work across time. asof never writes to a source.
#[derive(Debug, Parser)]
#[command(name = "asof", version, propagate_version = true, subcommand_required = true)]
#[command(arg_required_else_help = true, after_help = EXAMPLES)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  Mount every database of a running Dolt server
    asof mount dolt://root@127.0.0.1:3307 /db
  Mount a folder of zips and JSONL exports
    asof mount ~/backups/archives /db
  Merge both into one timeline
    asof mount b=dolt://127.0.0.1/beads b=$HOME/gt/.dolt-archive/jsonl /db
  Read yesterday's issues, see what changed, restore a file
    cat /db/beads/asof/yesterday/issues.jsonl
    diff -r /db/beads/asof/2026-01-05 /db/beads/latest/
    cp /db/beads/asof/2026-01-05T12:00/issues.jsonl .
    asof umount /db
  Do the same without a mount
    asof cat --from dolt://127.0.0.1 beads/asof/yesterday/issues.jsonl
    asof diff --from dolt://127.0.0.1 beads/yesterday latest
  Check last night's backup
    asof verify --max-age 25h ~/backups/archives
  In a mount, or in the folder of a project, let asof find the databases
    asof log issues
  Does everything that is mounted answer?
    asof status";

#[derive(Debug, Subcommand)]
enum Command {
    Mount(mount::MountArgs),
    #[command(visible_alias = "unmount")]
    Umount(umount::UmountArgs),
    Ls(ls::LsArgs),
    Cat(cat::CatArgs),
    Log(log::LogArgs),
    Diff(diff::DiffArgs),
    Find(find::FindArgs),
    Verify(verify::VerifyArgs),
    Sources(sources::SourcesArgs),
    Status(status::StatusArgs),
    Completions(documents::CompletionsArgs),
    Man(documents::ManArgs),
}

/// Parses the command line, runs the command, and reports a failure on stderr. The exit status is 0 for success,
/// 1 for a failure and 2 for an invalid command line; `verify`, `find` and `diff` define their own.
pub fn main() -> ExitCode {
    let outcome = if std::env::args_os().nth(1).is_some_and(|argument| argument == sqlite::ARGUMENT) {
        answer_sqlite_query()
    } else {
        sqlite::use_processes();
        password_pipe::take_from_environment().and_then(|()| run())
    };
    outcome.unwrap_or_else(|failure| {
        failure.print();
        failure.exit_code()
    })
}

fn answer_sqlite_query() -> Result<ExitCode, Failure> {
    let answered = sqlite::answer_one().map(|()| ExitCode::SUCCESS);
    answered.map_err(|error| Failure::new("--answer-sqlite-query is internal to asof").because(&error))
}

fn run() -> Result<ExitCode, Failure> {
    match parse().command {
        Command::Mount(args) => mount::run(args).map(|()| ExitCode::SUCCESS),
        Command::Umount(args) => umount::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Ls(args) => ls::run(&args),
        Command::Cat(args) => cat::run(&args),
        Command::Log(args) => log::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Find(args) => find::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Sources(args) => sources::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Status(args) => Ok(status::run(&args)),
        Command::Completions(args) => documents::completions(&args).map(|()| ExitCode::SUCCESS),
        Command::Man(args) => documents::man(&args).map(|()| ExitCode::SUCCESS),
    }
}

/// Parses the arguments; on an error, prints it and exits. clap's messages repeat the arguments, which a shell may have
/// expanded from hostile file names.
#[allow(clippy::disallowed_methods, reason = "the text is made safe")]
fn parse() -> Args {
    let error = match Args::try_parse() {
        Ok(args) => return args,
        Err(error) => error,
    };
    if std::env::args_os().all(|argument| terminal::is_safe(&argument.to_string_lossy())) {
        error.exit()
    }
    // Without clap's colours, which cannot be told apart from escape codes in the arguments.
    let text = error.render().to_string();
    // If stderr is closed, the exit status still reports the error.
    let _ = io::stderr().write_all(terminal::lines(&text).as_bytes());
    std::process::exit(error.exit_code())
}
