//! `asof sources`.

use serde_json::json;

use super::failure::Failure;
use super::found;
use super::output::Output;
use crate::model::terminal::ShowPath;

/// Show which sources a command uses if it is given none
///
/// These are the ones that ASOF_FROM names. Without it, asof looks in the working folder and then in each one above it, and
/// uses all sources of the first folder that has any. In a mount, these are the mount's sources; elsewhere:
///
/// - .dolt-data, the databases of a Gas Town, or its server if you may not read the files; .dolt-archive/jsonl
///
/// - .beads, the database of a project; or the server that .beads/dolt-server.port names; or its exports in git
///
/// - .thrum/backup, db-snapshots, project-management/db-snapshots, and what git kept of them
///
/// - .dolt, if the folder itself is a Dolt database
///
/// If there is nothing, asof uses the server that BEADS_DOLT_SERVER_HOST and _PORT name, or GT_DOLT_HOST and _PORT. It never
/// uses what another user could have put there, unless the working folder belongs to that user.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SourcesArgs {
    /// Print one JSON object per source
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  Which databases would asof read here?
    asof sources
  Use the same ones from anywhere
    export ASOF_FROM=\"$HOME/gt/.dolt-data;$HOME/gt/.dolt-archive/jsonl\"";

pub(super) fn run(args: &SourcesArgs) -> Result<(), Failure> {
    let (found, _) = found::find()?;
    let mut out = Output::plain();
    let shown: Vec<String> = found.iter().map(|source| source.argument.shown().to_string()).collect();
    let width = shown.iter().map(|argument| argument.chars().count()).max().unwrap_or(0);
    for (source, argument) in found.iter().zip(&shown) {
        match args.json {
            true => out.json(&json!({ "source": argument, "what": source.what }))?,
            false => {
                let padding = " ".repeat(width - argument.chars().count());
                out.line(&format!("{argument}{padding}  {}", source.what))?;
            }
        }
    }
    out.flush()
}
