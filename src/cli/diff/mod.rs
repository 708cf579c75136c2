//! `asof diff`.

use std::borrow::Cow;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::failure::Failure;
use super::output::{ColourChoice, Output};
use super::tree::{FromArgs, OpenTree};
use crate::model::time_expr::Clock;

mod json;
mod print;
mod sides;
mod text;
mod value;
mod words;

use print::DiffOutcome;
use sides::{ResolvedDiff, SideResolver, Words};

/// Status of --exit-code if something differs, as in git.
const DIFFERENT: u8 = 1;

/// Status if something could not be compared, as in diff.
const TROUBLE: u8 = 2;

/// Show what changed between two snapshots, row by row and column by column
///
/// A and B are names under asof/ (yesterday, 2026-01-05T12:00, '3 days ago', HEAD~3, a branch, a tag, a commit hash),
/// `latest` for the newest snapshot, or `live` for uncommitted changes. Rows only in B are shown with +, rows only in A
/// with -, and changed rows with ~ and their columns, old -> new. In long texts, [-removed-] and {+added+} words are marked
/// and unchanged text is cut (…). Rows with + and - are shown without empty columns, and long values are cut; --json prints
/// everything, in the same lines as diff/ in a mount.
///
/// Without a database (DATABASE/A), all databases are compared; for a database that begins after A, only its first snapshot
/// is named. For files that are not tables, only sizes are shown.
#[derive(Debug, clap::Args)]
#[command(override_usage = USAGE, after_help = EXAMPLES)]
pub(super) struct DiffArgs {
    #[command(flatten)]
    from: FromArgs,
    /// Count the changed rows of each table instead
    #[arg(long, visible_alias = "summary")]
    stat: bool,
    /// Print only the names of changed tables and files
    #[arg(long, conflicts_with_all = ["stat", "json"])]
    name_only: bool,
    /// Print one JSON object per changed row; with --stat, one per database
    #[arg(long)]
    json: bool,
    /// Print secret values too; without this option they are masked (********)
    #[arg(long)]
    show_secrets: bool,
    /// Exit with 1 if something differs
    #[arg(long)]
    exit_code: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: ColourChoice,
    /// The earlier side, or both sides as A..B
    #[arg(value_name = "[DATABASE/]A")]
    first: String,
    /// The later side
    #[arg(value_name = "B")]
    second: Option<String>,
    /// Compare only this table
    #[arg(value_name = "TABLE")]
    third: Option<String>,
    /// Compare only the row with this key, as in history/: bd-42; with several columns bd-42,docs
    #[arg(value_name = "KEY")]
    fourth: Option<String>,
}

const USAGE: &str = "\
asof diff [OPTIONS] [--from <[NAME=]SOURCE>] [DATABASE/]A B [TABLE [KEY]]
       asof diff [OPTIONS] [--from <[NAME=]SOURCE>] [DATABASE/]A..B [TABLE [KEY]]";

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
  Print the rows that were deleted
    asof diff --from ~/gt/.dolt-data/beads HEAD~1..HEAD --json |
      jq -c 'select(.change == \"removed\").from'

Exit status:
  0   everything was compared
  1   something differs, with --exit-code
  2   something could not be compared, or the command line is invalid";

/// How long the command waits for lost commits, the same as a mount.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

pub(super) fn run(args: &DiffArgs) -> Result<ExitCode, Failure> {
    let mut outcome = DiffOutcome::default();
    if let Err(failure) = compare_all(args, &mut outcome) {
        failure.print();
        outcome.is_partial = !failure.is_output_closed();
    }
    Ok(match (outcome.is_partial, args.exit_code && outcome.differs) {
        (true, _) => ExitCode::from(TROUBLE),
        (false, true) => ExitCode::from(DIFFERENT),
        (false, false) => ExitCode::SUCCESS,
    })
}

/// Resolves the words. Waits for lost commits, which are found last, if a word may be the hash of one.
async fn resolve<'a>(tree: &OpenTree, words: &Words<'a>) -> Result<ResolvedDiff<'a>, Failure> {
    let now = tree.clock.now();
    let begun = Instant::now();
    loop {
        let resolver = SideResolver { state: tree.catalog.state(), clock: Clock { now, zone: &tree.zone } };
        let resolved = resolver.resolve(words);
        let is_clear = resolved.as_ref().is_ok_and(|resolved| resolved.failed.is_empty());
        if is_clear || !resolver.may_be_lost(words) || begun.elapsed() > PATIENCE {
            let Err(failure) = resolved else { return resolved };
            return Err(resolver.missing_side(words).await.unwrap_or(failure));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The first word, with the database that is meant if it names none.
fn in_database<'w>(tree: &OpenTree, first: &'w str) -> Cow<'w, str> {
    let names_one = |first: &str| tree.catalog.state().database(first).is_some();
    match &tree.database {
        Some(meant) if !names_one(first.split('/').next().unwrap_or(first)) => {
            format!("{meant}/{first}").into()
        }
        _ => first.into(),
    }
}

fn compare_all(args: &DiffArgs, outcome: &mut DiffOutcome) -> Result<(), Failure> {
    let tree = OpenTree::open(&args.from)?;
    let rest = [&args.second, &args.third, &args.fourth].map(Option::as_deref);
    let first = in_database(&tree, &args.first);
    let diff = tree.runtime.block_on(resolve(&tree, &Words { first: &first, rest }))?;
    if diff.wanted.key.is_some() && (args.stat || args.name_only) {
        return Err(Failure::usage("a KEY shows one row: leave out --stat and --name-only"));
    }
    let mut out = Output::coloured(args.color);
    tree.runtime.block_on(print::all(&tree, &diff, args, &mut out, outcome))?;
    out.flush()?;
    for failure in &diff.failed {
        failure.print();
        outcome.is_partial = true;
    }
    tree.save();
    Ok(())
}
