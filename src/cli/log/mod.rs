//! `asof log`.

use std::process::ExitCode;
use std::sync::Arc;

use super::failure::Failure;
use super::output::{ColourChoice, Output};
use super::selection::DatabaseSelection;
use super::tree::{FromArgs, OpenTree};
use crate::catalog::Listings;
use crate::engine::Engine;
use crate::query::{DatabaseLog, newest_first};

mod entry;
mod json;
mod text;

use entry::LogEntry;

/// Show who changed what and when, newest first
///
/// Compares each commit with its first parent, and an archive with the one before it. For each changed table, counts
/// the rows that are new (+), gone (-) and changed (~). Rows are identified by the primary key; without a known key, by
/// an id that no other row has. Any other changed row counts as one gone and one new. Reads only what differs.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct LogArgs {
    #[command(flatten)]
    from: FromArgs,
    /// Show only the newest N snapshots
    #[arg(short = 'n', long, value_name = "N")]
    max_count: Option<usize>,
    /// Show whole messages, whole hashes, and the source
    #[arg(short, long)]
    verbose: bool,
    /// Name the changed tables without counting; reads no rows
    #[arg(long)]
    no_stat: bool,
    /// Print one JSON object per snapshot
    #[arg(long)]
    json: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: ColourChoice,
    /// Show only this database, or only the snapshots that changed this table
    #[arg(value_name = "DATABASE[/TABLE]")]
    selection: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  What happened recently, in all databases?
    asof log --from dolt://127.0.0.1:3307 -n 20
  Who changed that table?
    asof log --from ~/gt/.dolt-data/beads issues
  Which backups are there?
    asof log --from ~/backups/archives --no-stat";

pub(super) fn run(args: &LogArgs) -> Result<ExitCode, Failure> {
    let tree = OpenTree::open(&args.from)?;
    let selection =
        DatabaseSelection::of(&tree.catalog, tree.database.as_deref(), args.selection.as_deref())?;
    let mut out = Output::coloured(args.color);
    let status = tree.runtime.block_on(print_all(tree.vfs.engine(), &selection, args, &mut out))?;
    out.flush()?;
    tree.save();
    Ok(status)
}

async fn print_all(
    engine: &Engine,
    selection: &DatabaseSelection,
    args: &LogArgs,
    out: &mut Output,
) -> Result<ExitCode, Failure> {
    let logs: Vec<DatabaseLog> =
        selection.databases.iter().map(|database| DatabaseLog::of(database)).collect();
    let listings = Listings::new(Arc::default(), engine.budget());
    let (mut printed, mut is_whole) = (0, true);
    for (log, snapshot) in newest_first(&logs) {
        if args.max_count.is_some_and(|most| printed >= most) {
            break;
        }
        let changes = match log.changes(snapshot, &listings, |path| selection.includes(path)).await {
            Ok(Some(changes)) => Ok(Some(changes.counted((!args.no_stat).then_some(engine)).await)),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        let entry = LogEntry { database: log.database, snapshot, names: log.names_of(snapshot), changes };
        is_whole &= entry.is_whole();
        if selection.table.is_some() && entry.changes.is_ok() && entry.files().is_empty() {
            continue;
        }
        match args.json {
            true => out.json(&json::entry(&entry))?,
            false => text::write(out, &entry, args.verbose, printed == 0)?,
        }
        out.flush()?;
        printed += 1;
    }
    match &selection.table {
        Some(table) if printed == 0 && args.max_count != Some(0) && is_whole => {
            Err(selection.unknown_table(table).await)
        }
        _ if is_whole => Ok(ExitCode::SUCCESS),
        _ => Ok(ExitCode::FAILURE),
    }
}
