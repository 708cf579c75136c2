//! `asof diff`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::Failure;
use super::output::{ColourChoice, Output};
use super::tree::{FromArgs, Opened};
use crate::model::time_expr::Clock;

mod json;
mod key;
mod print;
mod sides;
mod text;
mod value;
mod words;

use print::Seen;
use sides::{Meant, Names, Words};

/// Status where something differs, if that is asked for, as of git.
const DIFFERENT: u8 = 1;

/// Status where something could not be compared, as of diff.
const TROUBLE: u8 = 2;

/// Show what changed between two snapshots, row by row and column by column
///
/// A and B are anything that stands under asof/ (yesterday, 2026-01-05T12:00, '3 days ago', HEAD~3, a branch, a tag, a
/// commit hash), `latest`, the newest snapshot, or `live`, what is not committed yet. B is compared with A: rows that are
/// only in B are shown with +, rows only in A with -, changed ones with ~ and their columns, old -> new. In long texts
/// [-what went-] and {+what came+} are marked word by word; what stayed is cut (…). Of rows with + and -, columns without
/// a value are left out and long values cut; --json has all of it, the very lines of diff/ in a mount.
///
/// Without a database (DATABASE/A), all databases are compared; of those that are younger than A, their first snapshot is
/// told. Of other files than tables their sizes are told.
#[derive(Debug, clap::Args)]
#[command(override_usage = USAGE, after_help = EXAMPLES)]
pub(super) struct DiffArgs {
    #[command(flatten)]
    from: FromArgs,
    /// Count the changed rows of each table instead
    #[arg(long, visible_alias = "summary")]
    stat: bool,
    /// Name the tables and files that changed, and no more
    #[arg(long, conflicts_with_all = ["stat", "json"])]
    name_only: bool,
    /// Print one JSON object per changed row; with --stat, one per database
    #[arg(long)]
    json: bool,
    /// Print secret values too; without this they are masked (********)
    #[arg(long)]
    show_secrets: bool,
    /// Exit with 1 where something differs
    #[arg(long)]
    exit_code: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: ColourChoice,
    /// The earlier side; or both in one word, A..B
    #[arg(value_name = "[DATABASE/]A")]
    first: String,
    /// The later side
    #[arg(value_name = "B")]
    second: Option<String>,
    /// Only this table
    #[arg(value_name = "TABLE")]
    third: Option<String>,
    /// Only the row with this key, as in history/: bd-42; of several columns bd-42,docs
    #[arg(value_name = "KEY")]
    fourth: Option<String>,
}

const USAGE: &str = "\
asof diff [OPTIONS] --from <[NAME=]SOURCE> [DATABASE/]A B [TABLE [KEY]]
       asof diff [OPTIONS] --from <[NAME=]SOURCE> [DATABASE/]A..B [TABLE [KEY]]";

const EXAMPLES: &str = "\
Examples:
  What happened since yesterday, in all databases?
    asof diff --from dolt://127.0.0.1:3307 yesterday latest
  What did that issue say before?
    asof diff --from ~/gt/.dolt-data beads/yesterday latest issues bd-42
  What is not committed yet?
    asof diff --from ~/gt/.dolt-data beads/HEAD live
  How much changed that day?
    asof diff --from ~/backups/archives 2026-01-05..2026-01-06 --stat
  Is the backup complete?
    asof diff --from old=backup.zip --from new=dolt://127.0.0.1/beads \\
      old/latest new/latest issues
  Give me the rows that were deleted
    asof diff --from ~/gt/.dolt-data/beads HEAD~1..HEAD --json |
      jq -c 'select(.change == \"removed\").from'

Exit status:
  0   all was compared
  1   something differs, with --exit-code
  2   something could not be compared, or the command line makes no sense";

/// How long lost commits are waited for, as long as by a mount.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

pub(super) fn run(args: &DiffArgs) -> Result<ExitCode, Failure> {
    let mut seen = Seen::default();
    let outcome = compare_all(args, &mut seen);
    let is_whole = match outcome {
        Ok(()) => seen.is_whole,
        Err(failure) => {
            failure.print();
            failure.is_enough()
        }
    };
    Ok(match (is_whole, args.exit_code && seen.differs) {
        (false, _) => ExitCode::from(TROUBLE),
        (true, true) => ExitCode::from(DIFFERENT),
        (true, false) => ExitCode::SUCCESS,
    })
}

/// What the words mean. A hash may be that of a lost commit, which is found out after the rest.
async fn read<'a>(opened: &Opened, words: &Words<'a>) -> Result<Meant<'a>, Failure> {
    let now = opened.clock.now();
    let begun = Instant::now();
    loop {
        let names = Names { state: opened.catalog.state(), clock: Clock { now, zone: &opened.zone } };
        let meant = names.read(words);
        let is_clear = meant.as_ref().is_ok_and(|meant| meant.failed.is_empty());
        if is_clear || !names.may_be_lost(words) || begun.elapsed() > PATIENCE {
            let Err(failure) = meant else { return meant };
            return Err(names.forgotten(words).await.unwrap_or(failure));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn compare_all(args: &DiffArgs, seen: &mut Seen) -> Result<(), Failure> {
    let opened = Opened::new(&args.from)?;
    let rest = [&args.second, &args.third, &args.fourth].map(Option::as_deref);
    let meant = opened.runtime.block_on(read(&opened, &Words { first: &args.first, rest }))?;
    if meant.wanted.key.is_some() && (args.stat || args.name_only) {
        return Err(Failure::usage("a KEY shows one row: leave out --stat and --name-only"));
    }
    let mut out = Output::coloured(args.color);
    opened.runtime.block_on(print::all(&opened, &meant, args, &mut out, seen))?;
    out.flush()?;
    for failure in &meant.failed {
        failure.print();
        seen.is_whole = false;
    }
    opened.close();
    Ok(())
}
