//! Where log lines go. Every field is made safe for terminals on its way there, because logs are read on terminals later.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use super::{Failure, home, mountpoint};
use crate::model::terminal::ShowPath;
use crate::model::{names, terminal};
use crate::source::dolt::server::EXPOSED;
use crate::util::private;

/// Environment variable that chooses the level (`warn`, `info`, `debug`, or per module as `tracing` has it).
const LEVEL: &str = "ASOF_LOG";

/// What the name of a log ends in.
const LOG: &str = "log";

/// What the name of a log that was put aside ends in.
const OLD: &str = "log-old";

/// A longer log is put aside when its mountpoint is used anew.
const LONGEST_LOG: u64 = 1 << 20;

/// How many logs of former mounts are kept.
const FORMER_LOGS: usize = 20;

/// Formats the message and the fields of a line as usual, and escapes what would control a terminal or begin another
/// line. Levels keep their colours.
struct SafeFields;

impl<'w> FormatFields<'w> for SafeFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> std::fmt::Result {
        let mut text = String::new();
        DefaultFields::new().format_fields(Writer::new(&mut text), fields)?;
        writer.write_str(&terminal::line(&text))
    }
}

/// A layer for lines without colours.
fn plain<S: tracing::Subscriber + for<'a> LookupSpan<'a>>() -> fmt::Layer<S, SafeFields> {
    fmt::layer().fmt_fields(SafeFields).with_ansi(false).with_target(false)
}

/// Logs to stderr: for a mount in the foreground.
#[allow(clippy::disallowed_methods, reason = "SafeFields stands before it")]
pub(super) fn to_stderr() {
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter()).with_ansi(colours);
    // Only fails where a subscriber is set already, which then gets the lines.
    let subscriber = subscriber.fmt_fields(SafeFields);
    let _ = subscriber.with_writer(io::stderr).with_target(false).try_init();
}

/// Logs to stderr what the environment asks for. Without, only what endangers a password: for commands that say themselves
/// what they find.
#[allow(clippy::disallowed_methods, reason = "SafeFields stands before it")]
pub(super) fn to_stderr_if_asked() {
    if std::env::var_os(LEVEL).is_some() {
        return to_stderr();
    }
    let only = EnvFilter::new(format!("off,{EXPOSED}=warn"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(only).without_time().with_ansi(false);
    let subscriber = subscriber.fmt_fields(SafeFields);
    let _ = subscriber.with_writer(io::stderr).with_target(false).try_init();
}

/// Appends to a file: for a mount in the background.
#[allow(clippy::disallowed_methods, reason = "SafeFields stands before it")]
pub(super) fn to_file(path: &Path) -> Result<(), Failure> {
    let cannot = |error: io::Error| {
        Failure::new(format!("cannot open the log file {}", path.shown()))
            .because(&error)
            .hint("choose another place with --log-file PATH")
    };
    // Logs hold paths and what went wrong with them. A folder that the user chose is not ours to change or clean up.
    let file = match path.parent() {
        Some(folder) if folder == default_folder() => {
            private::make_own_folder(folder).map_err(cannot)?;
            tidy(folder, path);
            private::append_to_own(path)
        }
        Some(folder) => std::fs::create_dir_all(folder).and_then(|()| private::append_to(path)),
        None => private::append_to(path),
    };
    let file = file.map_err(cannot)?;
    let to_file = plain().with_writer(Mutex::new(file));
    // Until the tree answers, warnings go to whoever waits for it as well; then stderr leads nowhere.
    let to_caller = plain().without_time().with_writer(io::stderr);
    let subscriber = tracing_subscriber::registry().with(to_file.with_filter(filter()));
    let _ = subscriber.with(to_caller.with_filter(LevelFilter::WARN)).try_init();
    Ok(())
}

/// The log file of a mount in the background: one per mountpoint, below `$XDG_STATE_HOME`.
pub(super) fn default_file(mountpoint: &Path) -> PathBuf {
    let place = mountpoint.to_string_lossy();
    default_folder().join(names::escape_with_suffix(place.trim_matches('/'), &format!(".{LOG}")))
}

fn default_folder() -> PathBuf {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let of_user = || home::folder().map(|home| home.join(".local/state"));
    state.or_else(of_user).unwrap_or_else(|| PathBuf::from("/var/log")).join("asof")
}

/// Puts a long log of `own` aside, and removes the oldest logs of mounts that are no more. What fails is left as it is:
/// a mount does not depend on it.
fn tidy(folder: &Path, own: &Path) {
    if std::fs::metadata(own).is_ok_and(|log| log.len() > LONGEST_LOG) {
        let _ = std::fs::rename(own, own.with_extension(OLD));
    }
    let ours = mountpoint::all_mounted().into_iter().filter(|(_, mounted)| mounted.kind == mountpoint::TYPE);
    let in_use: Vec<PathBuf> = ours.map(|(place, _)| default_file(&place)).chain([own.to_owned()]).collect();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut former: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == LOG || ending == OLD))
        .filter(|path| !in_use.contains(path) && !in_use.contains(&path.with_extension(LOG)))
        .filter_map(|path| Some((std::fs::metadata(&path).ok()?.modified().ok()?, path)))
        .collect();
    former.sort_unstable();
    let too_many = former.len().saturating_sub(FORMER_LOGS);
    for (_, path) in &former[..too_many] {
        let _ = std::fs::remove_file(path);
    }
}

fn filter() -> EnvFilter {
    let chosen = std::env::var(LEVEL).unwrap_or_default();
    // fuser speaks through `log`, at levels meant for its own developers.
    let usual = || EnvFilter::new("asof=info,warn");
    if chosen.is_empty() {
        return usual();
    }
    EnvFilter::try_new(&chosen).unwrap_or_else(|error| {
        Failure::new(format!("{LEVEL}={chosen} is not a log level ({error}); using info")).print();
        usual()
    })
}
