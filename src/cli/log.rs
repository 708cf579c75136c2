//! `asof log`.

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;

use crate::model::time::Timestamp;

use super::Failure;
use super::log_json;
use super::log_text::Stat;
use super::output::{ColourChoice, Output};
use super::target::Target;
use super::tree::{FromArgs, Opened};
use crate::catalog::{self, Database, Snapshot};
use crate::cli::log_text;
use crate::content::SourceError;
use crate::engine::{Engine, Listings};
use crate::query::{ChangedFile, Changes, changed_files, count};
use crate::views::{Ancestry, Counts};

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

/// One file of one snapshot, with what is known of its change.
pub(super) struct FileChange {
    pub file: ChangedFile,
    pub stat: Stat,
}

/// A snapshot as it is shown.
pub(super) struct Entry<'e> {
    pub database: &'e Database,
    pub snapshot: &'e Snapshot,
    /// Branches and tags that name it.
    pub names: &'e [String],
    /// `None` where the snapshot before it is not known.
    pub changes: Result<Option<Changes<FileChange>>, Arc<SourceError>>,
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

/// What is needed to tell what a snapshot of a database has changed.
struct History<'h> {
    database: &'h Database,
    ancestry: Ancestry<'h>,
    names: HashMap<Arc<str>, Vec<String>>,
}

async fn print_all(
    engine: &Engine,
    target: &Target,
    args: &LogArgs,
    out: &mut Output,
) -> Result<ExitCode, Failure> {
    let histories: Vec<History> = target.databases.iter().map(|database| History::of(database)).collect();
    let listings = Listings::new(Arc::default(), engine.budget());
    let (mut printed, mut is_whole) = (0, true);
    for (history, snapshot) in newest_first(&histories) {
        if args.max_count.is_some_and(|most| printed >= most) {
            break;
        }
        let changes = changes(engine, &listings, history, snapshot, target, args).await;
        is_whole &= !failed_in(&changes);
        let is_wanted = match &changes {
            Ok(Some(changes)) => target.table.is_none() || !changes.files.is_empty(),
            Ok(None) => target.table.is_none(),
            Err(_) => true,
        };
        if !is_wanted {
            continue;
        }
        let names = history.names.get(&snapshot.name).map_or(&[][..], Vec::as_slice);
        let entry = Entry { database: history.database, snapshot, names, changes };
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

impl<'h> History<'h> {
    fn of(database: &'h Database) -> Self {
        let mut names: HashMap<Arc<str>, Vec<String>> = HashMap::new();
        let branches = database.branches().map(|(path, key)| (path.to_owned(), key));
        let tags = database.tags().map(|(path, key)| (format!("tag: {path}"), key));
        for (shown, key) in branches.chain(tags) {
            if let Some(catalog::Target::Listed(name)) = database.target(key) {
                names.entry(name).or_default().push(shown);
            }
        }
        Self { database, ancestry: Ancestry::of(database), names }
    }
}

/// The snapshots of all databases: within one in the order in which they came to be, whatever their dates say.
fn newest_first<'h>(histories: &'h [History<'h>]) -> Vec<(&'h History<'h>, &'h Snapshot)> {
    let mut all: Vec<(Timestamp, &History, &Snapshot)> = Vec::new();
    for history in histories {
        // What came before a snapshot is no newer than it.
        let mut least = Timestamp::MAX;
        for &at in history.database.in_order().iter().rev() {
            let snapshot = &history.database.snapshots()[at];
            least = least.min(snapshot.meta.time);
            all.push((least, history, snapshot));
        }
    }
    all.sort_by_key(|(least, ..)| std::cmp::Reverse(*least));
    all.into_iter().map(|(_, history, snapshot)| (history, snapshot)).collect()
}

fn failed_in(changes: &Result<Option<Changes<FileChange>>, Arc<SourceError>>) -> bool {
    match changes {
        Ok(changes) => {
            let files = changes.iter().flat_map(|changes| &changes.files);
            files.into_iter().any(|change| matches!(change.stat, Stat::Failed(_)))
        }
        Err(_) => true,
    }
}

/// The files that a snapshot has changed.
async fn changes(
    engine: &Engine,
    listings: &Listings,
    history: &History<'_>,
    snapshot: &Snapshot,
    target: &Target,
    args: &LogArgs,
) -> Result<Option<Changes<FileChange>>, Arc<SourceError>> {
    let found = changed_files(history.database, &history.ancestry, snapshot, listings).await?;
    let Some(Changes { files, lacks_parent }) = found else { return Ok(None) };
    let mut changes = Vec::new();
    for file in files.into_iter().filter(|file| target.wants(&file.path)) {
        let stat = if args.no_stat { Stat::NotAsked } else { stat(engine, &file).await };
        // Another identity need not mean other bytes.
        let is_same = matches!(&stat, Stat::Rows(counts) if *counts == Counts::default());
        if !(is_same && file.before.is_some() && file.after.is_some()) {
            changes.push(FileChange { file, stat });
        }
    }
    Ok(Some(Changes { files: changes, lacks_parent }))
}

async fn stat(engine: &Engine, file: &ChangedFile) -> Stat {
    match count(engine, file.before.as_ref(), file.after.as_ref()).await {
        Ok(Some(counts)) => Stat::Rows(counts),
        Ok(None) => Stat::Binary,
        Err(error) => Stat::Failed(error),
    }
}
