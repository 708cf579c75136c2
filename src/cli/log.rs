//! `asof log`.

use std::process::ExitCode;
use std::sync::Arc;

use super::Failure;
use super::log_json;
use super::log_text;
use super::output::{ColourChoice, Output};
use super::target::Target;
use super::tree::{FromArgs, Opened};
use crate::catalog::{Database, Snapshot};
use crate::content::SourceError;
use crate::engine::{Engine, Listings};
use crate::query::{ChangeSize, CountedChange, DatabaseLog, SnapshotChanges, newest_first};

/// Show who changed what, and when, the newest first
///
/// Each snapshot is held against its first parent, an archive against the one before it. Of each table that changed, rows
/// that are new (+), gone (-) and changed (~) are counted; where no primary key is known, a changed row is one line gone
/// and one new. Only what differs is read.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct LogArgs {
    #[command(flatten)]
    from: FromArgs,
    /// Show the newest N snapshots only
    #[arg(short = 'n', long, value_name = "N")]
    max_count: Option<usize>,
    /// Show whole messages, whole hashes, and the source
    #[arg(short, long)]
    verbose: bool,
    /// Name the tables that changed without counting: no row is read
    #[arg(long)]
    no_stat: bool,
    /// Print one JSON object per snapshot
    #[arg(long)]
    json: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: ColourChoice,
    /// Only this database; only the snapshots that changed this table
    #[arg(value_name = "DATABASE[/TABLE]")]
    target: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  What happened lately, in all databases?
    asof log --from dolt://127.0.0.1:3307 -n 20
  Who changed that table?
    asof log --from ~/gt/.dolt-data/beads issues
  Which backups are there?
    asof log --from ~/backups/archives --no-stat";

/// A snapshot as it is shown.
pub(super) struct LogEntry<'e> {
    pub database: &'e Database,
    pub snapshot: &'e Snapshot,
    /// Branches and tags that name it.
    pub names: &'e [String],
    /// `None` where the snapshot before it is not known.
    pub changes: Result<Option<SnapshotChanges<CountedChange>>, Arc<SourceError>>,
}

pub(super) fn run(args: &LogArgs) -> Result<ExitCode, Failure> {
    let opened = Opened::new(&args.from)?;
    let target = Target::of(&opened.catalog, args.target.as_deref())?;
    let mut out = Output::coloured(args.color);
    let status = opened.runtime.block_on(print_all(&opened.engine, &target, args, &mut out))?;
    out.flush()?;
    opened.close();
    Ok(status)
}

async fn print_all(
    engine: &Engine,
    target: &Target,
    args: &LogArgs,
    out: &mut Output,
) -> Result<ExitCode, Failure> {
    let logs: Vec<DatabaseLog> = target.databases.iter().map(|database| DatabaseLog::of(database)).collect();
    let listings = Listings::new(Arc::default(), engine.budget());
    let (mut printed, mut is_whole) = (0, true);
    for (log, snapshot) in newest_first(&logs) {
        if args.max_count.is_some_and(|most| printed >= most) {
            break;
        }
        let changes = changes(engine, &listings, log, snapshot, target, args).await;
        is_whole &= !failed_in(&changes);
        let is_wanted = match &changes {
            Ok(Some(changes)) => target.table.is_none() || !changes.files.is_empty(),
            Ok(None) => target.table.is_none(),
            Err(_) => true,
        };
        if !is_wanted {
            continue;
        }
        let names = log.names_of(snapshot);
        let entry = LogEntry { database: log.database, snapshot, names, changes };
        match args.json {
            true => out.json(&log_json::object(&entry))?,
            false => log_text::write(out, &entry, args.verbose, printed == 0)?,
        }
        out.flush()?;
        printed += 1;
    }
    match &target.table {
        Some(table) if printed == 0 && args.max_count != Some(0) && is_whole => {
            Err(target.unknown_table(table).await)
        }
        _ if is_whole => Ok(ExitCode::SUCCESS),
        _ => Ok(ExitCode::FAILURE),
    }
}

fn failed_in(changes: &Result<Option<SnapshotChanges<CountedChange>>, Arc<SourceError>>) -> bool {
    match changes {
        Ok(changes) => {
            let files = changes.iter().flat_map(|changes| &changes.files);
            files.into_iter().any(|change| matches!(change.size, ChangeSize::Failed(_)))
        }
        Err(_) => true,
    }
}

/// The files that a snapshot has changed.
async fn changes(
    engine: &Engine,
    listings: &Listings,
    log: &DatabaseLog<'_>,
    snapshot: &Snapshot,
    target: &Target,
    args: &LogArgs,
) -> Result<Option<SnapshotChanges<CountedChange>>, Arc<SourceError>> {
    let Some(changes) = log.changes(snapshot, listings, |path| target.wants(path)).await? else {
        return Ok(None);
    };
    Ok(Some(if args.no_stat { changes.uncounted() } else { changes.counted(engine).await }))
}
