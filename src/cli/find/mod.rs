//! `asof find`.

use std::cell::Cell;
use std::process::ExitCode;
use std::sync::Arc;

use super::failure::Failure;
use super::output::{ColourChoice, Output};
use super::progress::Bar;
use super::selection::DatabaseSelection;
use super::tree::{FromArgs, OpenTree};
use super::tree_path;
use crate::catalog::{Database, DatabaseView};
use crate::query::{Matcher, Pattern, SourceFindings, UnreadVersion, WantedText, main_line, search};
use crate::source::verify::Progress;

mod json;
mod text;

/// Status if nothing was found, as in grep.
const NOTHING_FOUND: u8 = 1;

/// Status if something could not be searched, as in grep.
const TROUBLE: u8 = 2;

/// Show when a text appeared and when it vanished
///
/// Searches every version of every table along the main line of each source (first parents, if there are commits). For
/// each row that contains the text, prints the first and the last snapshot. Reads what versions share only once. Rows
/// are identified by the primary key; without a known key, by id or else by their first value.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct FindArgs {
    #[command(flatten)]
    from: FromArgs,
    /// Ignore upper and lower case
    #[arg(short, long)]
    ignore_case: bool,
    /// TEXT is a regular expression (of Rust's regex crate) that matches within one line of JSON
    #[arg(short = 'e', long)]
    regex: bool,
    /// Print one JSON object per row
    #[arg(long)]
    json: bool,
    /// Search secret values too, and print them; without this option they are masked (********) and not searched
    #[arg(long)]
    show_secrets: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: ColourChoice,
    /// The text, either plain or in its JSON form
    text: String,
    /// Search only this database, or only this table
    #[arg(value_name = "DATABASE[/TABLE]")]
    selection: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  Which tables contained it, from when to when?
    asof find bd-1234 --from dolt://127.0.0.1:3307
  Who wrote the old title?
    asof find 'old title' --from ~/gt/.dolt-data/beads issues --json
  When were issues closed?
    asof find -e '\"status\":\"(closed|done)\"' --from ~/backups/archives

Exit status:
  0   the text was found
  1   no version contains it
  2   something could not be searched, or the command line is invalid";

pub(super) fn run(args: &FindArgs) -> Result<ExitCode, Failure> {
    match find_all(args) {
        Err(failure) if !failure.is_output_closed() => {
            failure.print();
            Ok(ExitCode::from(TROUBLE))
        }
        outcome => outcome,
    }
}

fn find_all(args: &FindArgs) -> Result<ExitCode, Failure> {
    let matcher = matcher(args)?;
    let tree = OpenTree::open(&args.from)?;
    let selection =
        DatabaseSelection::of(&tree.catalog, tree.database.as_deref(), args.selection.as_deref())?;
    let mut out = Output::coloured(args.color);
    let secrets = if args.show_secrets { None } else { Some(&*tree.secrets) };
    let wanted = WantedText { matcher: &matcher, secrets };
    let (mut is_found, mut is_whole) = (false, true);
    let knows_table = Cell::new(selection.table.is_none());
    for database in &selection.databases {
        for view in database.views() {
            let findings = search_source(&tree, database, view, wanted, |path| {
                let is_included = selection.includes(path);
                knows_table.set(knows_table.get() || is_included);
                is_included
            });
            is_found |= !findings.found.is_empty();
            is_whole &= findings.unread.is_empty();
            for row in &findings.found {
                match args.json {
                    true => out.json(&json::row(&findings, row))?,
                    false => out.text(&text::row(&out, &findings, row))?,
                }
            }
            out.flush()?;
            findings.unread.iter().for_each(|unread| print_unread(&findings, unread));
        }
    }
    if let Some(table) = selection.table.as_ref().filter(|_| !knows_table.get() && is_whole) {
        return Err(tree.runtime.block_on(selection.unknown_table(table)));
    }
    tree.save();
    Ok(match (is_whole, is_found) {
        (false, _) => ExitCode::from(TROUBLE),
        (true, true) => ExitCode::SUCCESS,
        (true, false) => ExitCode::from(NOTHING_FOUND),
    })
}

fn matcher(args: &FindArgs) -> Result<Matcher, Failure> {
    if args.text.is_empty() {
        return Err(Failure::usage("an empty text matches everything").hint("`asof log` shows all changes"));
    }
    let pattern = if args.regex { Pattern::Regex(&args.text) } else { Pattern::Text(&args.text) };
    Matcher::new(pattern, args.ignore_case).map_err(|error| {
        // Before the reason, the error repeats the expression over several lines.
        let error = error.to_string();
        let why = error.rsplit("error: ").next().unwrap_or_default();
        Failure::usage(format!("`{}` is not a regular expression: {why}", args.text))
    })
}

fn search_source<'s>(
    tree: &OpenTree,
    database: &'s Database,
    view: &'s Arc<DatabaseView>,
    wanted: WantedText<'_>,
    wants: impl Fn(&str) -> bool,
) -> SourceFindings<'s> {
    let progress = Progress::default();
    let _bar = Bar::show(format!("{} of {}", database.name, view.label), progress.clone());
    let line = main_line(view);
    let searching = search(view, &line, wants, wanted, tree.vfs.engine(), &progress);
    let (found, unread) = tree.runtime.block_on(searching);
    SourceFindings { database, view, line, found, unread }
}

fn print_unread(findings: &SourceFindings, unread: &UnreadVersion) {
    let name = findings.name(unread.at);
    let path = unread.path.as_deref().unwrap_or_default();
    let path = format!("{}/asof/{name}/{path}", findings.database.name);
    tree_path::failure(path.trim_end_matches('/'), &unread.error.clone().into()).print();
}
