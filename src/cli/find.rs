//! `asof find`.

use std::cell::Cell;
use std::process::ExitCode;
use std::sync::Arc;

use super::Failure;
use super::find_json;
use super::log_text::author;
use super::output::{ColourChoice, Output, Style};
use super::place;
use super::progress::Bar;
use super::target::Target;
use super::tree::{FromArgs, Opened};
use crate::catalog::{Database, DatabaseView};
use crate::engine::Engine;
use crate::model::terminal;
use crate::query::{
    FoundRow, Matcher, Pattern, SourceFindings, UnreadVersion, WantedText, main_line, search, table_name,
};
use crate::source::verify::Progress;

/// Status where there is nothing to be found, as of grep.
const NOTHING_FOUND: u8 = 1;

/// Status where something could not be looked at, as of grep.
const TROUBLE: u8 = 2;

/// The longest part of a line that is shown, in characters.
const LONGEST_SHOWN: usize = 400;

/// Find out since when a text is there, and until when
///
/// Looks at every version of every table along the main line of each source (first parents, where there are commits), and
/// tells of each row that holds the text from which snapshot on and to which. What versions share is read once. Rows are
/// told apart by the primary key; where none is known, by id or else by their first value.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct FindArgs {
    #[command(flatten)]
    from: FromArgs,
    /// Do not distinguish upper and lower case
    #[arg(short, long)]
    ignore_case: bool,
    /// TEXT is a regular expression (of the regex crate), to match within one line of JSON
    #[arg(short = 'e', long)]
    regex: bool,
    /// Print one JSON object per row
    #[arg(long)]
    json: bool,
    /// Look at secret values too, and print them; without this they are masked (********), and no text is found in them
    #[arg(long)]
    show_secrets: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: ColourChoice,
    /// What to look for, as it is or as JSON spells it
    text: String,
    /// Only in this database; only in this table
    #[arg(value_name = "DATABASE[/TABLE]")]
    target: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  In which tables was it, from when to when?
    asof find bd-1234 --from dolt://127.0.0.1:3307
  Who wrote the old title?
    asof find 'old title' --from ~/gt/.dolt-data/beads issues --json
  When were issues closed?
    asof find -e '\"status\":\"(closed|done)\"' --from ~/backups/archives

Exit status:
  0   it was found
  1   it is in no version
  2   something could not be looked at, or the command line makes no sense";

pub(super) fn run(args: &FindArgs) -> Result<ExitCode, Failure> {
    match find_all(args) {
        Err(failure) if !failure.is_enough() => {
            failure.print();
            Ok(ExitCode::from(TROUBLE))
        }
        outcome => outcome,
    }
}

fn find_all(args: &FindArgs) -> Result<ExitCode, Failure> {
    if args.text.is_empty() {
        return Err(Failure::usage("an empty text is everywhere").hint("`asof log` shows all changes"));
    }
    let pattern = if args.regex { Pattern::Regex(&args.text) } else { Pattern::Text(&args.text) };
    let matcher = Matcher::new(pattern, args.ignore_case).map_err(|error| {
        // The expression is repeated over several lines before it.
        let error = error.to_string();
        let why = error.rsplit("error: ").next().unwrap_or_default();
        Failure::usage(format!("`{}` is not a regular expression: {why}", args.text))
    })?;
    let opened = Opened::new(&args.from)?;
    let target = Target::of(&opened.catalog, args.target.as_deref())?;
    let mut out = Output::coloured(args.color);
    let (mut is_found, mut is_whole) = (false, true);
    let knows_table = Cell::new(target.table.is_none());
    for database in &target.databases {
        for view in database.views() {
            let secrets = if args.show_secrets { None } else { Some(&*opened.secrets) };
            let wanted = WantedText { matcher: &matcher, secrets };
            let searched = searched(&opened, database, view, wanted, |path| {
                let wants = target.wants(path);
                knows_table.set(knows_table.get() || wants);
                wants
            });
            is_found |= !searched.found.is_empty();
            is_whole &= searched.unread.is_empty();
            for found in &searched.found {
                match args.json {
                    true => out.json(&find_json::object(&searched, found))?,
                    false => out.text(&text(&out, &searched, found))?,
                }
            }
            out.flush()?;
            searched.unread.iter().for_each(|unread| tell(&searched, unread));
        }
    }
    let unknown = target.table.as_ref().filter(|_| !knows_table.get() && is_whole);
    if let Some(table) = unknown {
        return Err(opened.runtime.block_on(target.unknown_table(table)));
    }
    opened.close();
    Ok(match (is_whole, is_found) {
        (false, _) => ExitCode::from(TROUBLE),
        (true, true) => ExitCode::SUCCESS,
        (true, false) => ExitCode::from(NOTHING_FOUND),
    })
}

fn searched<'s>(
    opened: &Opened,
    database: &'s Database,
    view: &'s Arc<DatabaseView>,
    wanted: WantedText<'_>,
    wants: impl Fn(&str) -> bool,
) -> SourceFindings<'s> {
    let progress = Progress::default();
    let _bar = Bar::show(format!("{} of {}", database.name, view.label), progress.clone());
    let line = main_line(view);
    let engine: &Engine = &opened.engine;
    let (found, unread) = opened.runtime.block_on(search(view, &line, wants, wanted, engine, &progress));
    SourceFindings { database, view, line, found, unread }
}

/// Tells what could not be looked at.
fn tell(searched: &SourceFindings, unread: &UnreadVersion) {
    let name = searched.name(unread.at);
    let path = unread.path.as_deref().unwrap_or_default();
    let place = format!("{}/asof/{name}/{path}", searched.database.name);
    place::failed(place.trim_end_matches('/'), &unread.error.clone().into()).print();
}

fn text(out: &Output, searched: &SourceFindings, found: &FoundRow) -> String {
    let key: Vec<String> = found.key.iter().map(|(column, value)| format!("{column}={value}")).collect();
    let row = format!("{}/{} {}", searched.database.name, table_name(&found.path), key.join(" "));
    let mut text = out.styled(Style::Name, &terminal::line(row.trim_end()));
    if searched.database.views().len() > 1 {
        text.push_str(&format!(" ({})", terminal::line(&searched.view.label)));
    }
    text.push('\n');
    for (number, seen) in found.lines.iter().enumerate() {
        let (style, what) = if number == 0 { (Style::Added, "from") } else { (Style::Changed, "then") };
        text.push_str(&format!("  {} {}\n", out.styled(style, what), told(searched, seen.at)));
        text.push_str(&format!("       {}\n", shown(&seen.line)));
    }
    match found.gone {
        Some(gone) => {
            text.push_str(&format!("  {}  {}\n", out.styled(Style::Removed, "to "), searched.name(gone - 1)));
            text.push_str(&format!("  {} {}\n", out.styled(Style::Removed, "gone"), told(searched, gone)));
        }
        None => {
            let last = searched.name(searched.last_step(found));
            text.push_str(&format!("  {} in {last}\n", out.styled(Style::Added, "still there")));
        }
    }
    text
}

/// A step for people: its name, its commit, who made it, and the first line of the message.
fn told(searched: &SourceFindings, at: usize) -> String {
    let meta = &searched.line[at];
    let commit = meta.commit.as_deref().map(|hash| hash.get(..8).unwrap_or(hash)).unwrap_or_default();
    let message = meta.message.lines().next().unwrap_or_default();
    let parts = [searched.name(at), commit.to_owned(), author(&meta.author, &meta.email), message.to_owned()];
    let parts: Vec<_> =
        parts.iter().filter(|part| !part.is_empty()).map(|part| terminal::line(part)).collect();
    parts.join("  ")
}

fn shown(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let line = terminal::json(&line);
    match line.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}... (--json has all of it)", &line[..end]),
        None => line.into_owned(),
    }
}
