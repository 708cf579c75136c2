//! Finds the sources of a command that names none: `ASOF_FROM`, those of the mount in which the command runs, or what Gas
//! Town, Beads, Thrum and Octopoid keep in the working folder or in one above it.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use super::failure::Failure;
use crate::model::terminal::{self, ShowPath};

mod found_source;
mod owners;
mod places;
mod servers;

pub(super) use found_source::FoundSource;
use places::Finder;

/// Names the sources of commands that are given none, separated by `;` as in the first field of fstab.
pub(super) const VARIABLE: &str = "ASOF_FROM";

/// When a command says which sources it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announce {
    Always,
    /// Only to people: if stderr is a terminal.
    ToPeople,
    Never,
}

/// The sources that a command reads.
#[derive(Debug, Default)]
pub(super) struct ChosenSources {
    pub arguments: Vec<OsString>,
    /// The database in whose folder of a mount the command runs: names without a database are of this one.
    pub database: Option<String>,
}

/// The sources that a command reads: those `given`, those of [`VARIABLE`], or those that are found.
#[allow(clippy::disallowed_methods, reason = "only asks whether it is a terminal")]
pub(super) fn or_found(given: &[OsString], announce: Announce) -> Result<ChosenSources, Failure> {
    if !given.is_empty() {
        return Ok(ChosenSources { arguments: given.to_vec(), database: None });
    }
    let (found, database) = find()?;
    let announces = match announce {
        Announce::Always => true,
        Announce::ToPeople => io::stderr().is_terminal(),
        Announce::Never => false,
    };
    if announces {
        say(&found);
    }
    Ok(ChosenSources { arguments: found.into_iter().map(|source| source.argument).collect(), database })
}

/// The sources of [`VARIABLE`], or else those of the working folder, and the database in whose folder that is. The failure
/// says where was looked.
pub(super) fn find() -> Result<(Vec<FoundSource>, Option<String>), Failure> {
    let by_variable = from_variable(std::env::var_os(VARIABLE).as_deref());
    if !by_variable.is_empty() {
        return Ok((by_variable, None));
    }
    let folder = std::env::current_dir()
        .map_err(|error| Failure::new("the working folder cannot be searched for sources").because(&error))?;
    let mut finder = Finder::new(|name| std::env::var(name).ok());
    let found = finder.find(&folder)?;
    if found.is_empty() { Err(none(&folder, &finder)) } else { Ok((found, finder.database)) }
}

fn from_variable(value: Option<&OsStr>) -> Vec<FoundSource> {
    let sources = value.unwrap_or_default().as_bytes().split(|byte| *byte == b';');
    sources
        .map(<[u8]>::trim_ascii)
        .filter(|source| !source.is_empty())
        .map(|source| FoundSource {
            argument: OsString::from_vec(source.to_vec()),
            what: format!("named by {VARIABLE}").into(),
        })
        .collect()
}

#[allow(clippy::disallowed_methods, reason = "the text is made safe")]
fn say(found: &[FoundSource]) {
    for source in found {
        let text = format!("asof: using {} ({})", source.argument.shown(), source.what);
        // If stderr is closed, nobody needs to know.
        let _ = writeln!(io::stderr(), "{}", terminal::line(&text));
    }
}

fn none(folder: &Path, finder: &Finder<impl Fn(&str) -> Option<String>>) -> Failure {
    let failure =
        Failure::usage(format!("no source is given, and none is found in {} or above it", folder.shown()));
    failure.hint(match finder.passed_over.first() {
        Some(stranger) => format!(
            "{} belongs to another user, so it is used only if you name it",
            stranger.shown()
        ),
        None => format!(
            "name one (dolt://HOST:PORT, a folder or a file), or set {VARIABLE}; `asof sources --help` says what is looked for"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_holds_sources_as_fstab_does() {
        let sources = |text: &str| -> Vec<OsString> {
            from_variable(Some(OsStr::new(text))).into_iter().map(|source| source.argument).collect()
        };
        assert_eq!(sources("b=dolt://127.0.0.1/beads; /a b/c;"), ["b=dolt://127.0.0.1/beads", "/a b/c"]);
        assert!(sources(" ; ").is_empty() && from_variable(None).is_empty());
    }
}
