//! Where log lines go.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use super::Failure;
use crate::model::names;

/// Environment variable that chooses the level (`warn`, `info`, `debug`, or per module as `tracing` has it).
const LEVEL: &str = "ASOF_LOG";

/// Logs to stderr: for a mount in the foreground.
pub(super) fn to_stderr() {
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter()).with_ansi(colours);
    // Only fails where a subscriber is set already, which then gets the lines.
    let _ = subscriber.with_writer(io::stderr).with_target(false).try_init();
}

/// Appends to a file: for a mount in the background.
pub(super) fn to_file(path: &Path) -> Result<(), Failure> {
    let cannot = |error: io::Error| {
        Failure::new(format!("cannot open the log file {}", path.display()))
            .because(&error)
            .hint("choose another place with --log-file PATH")
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(cannot)?;
    }
    let file = File::options().create(true).append(true).open(path).map_err(cannot)?;
    let to_file = fmt::layer().with_ansi(false).with_target(false).with_writer(Mutex::new(file));
    // Until the tree answers, warnings go to whoever waits for it as well; then stderr leads nowhere.
    let to_caller = fmt::layer().without_time().with_ansi(false).with_target(false).with_writer(io::stderr);
    let subscriber = tracing_subscriber::registry().with(to_file.with_filter(filter()));
    let _ = subscriber.with(to_caller.with_filter(LevelFilter::WARN)).try_init();
    Ok(())
}

/// The log file of a mount in the background: one per mountpoint, below `$XDG_STATE_HOME`.
pub(super) fn default_file(mountpoint: &Path) -> PathBuf {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let folder = state.or_else(home).unwrap_or_else(|| PathBuf::from("/var/log"));
    let place = mountpoint.to_string_lossy();
    let name = names::escape_with_suffix(place.trim_matches('/'), ".log");
    folder.join("asof").join(name)
}

fn filter() -> EnvFilter {
    let chosen = std::env::var(LEVEL).unwrap_or_default();
    // mysql_async and fuser speak through `log`, at levels meant for their own developers.
    let usual = || EnvFilter::new("asof=info,warn");
    if chosen.is_empty() {
        return usual();
    }
    EnvFilter::try_new(&chosen).unwrap_or_else(|error| {
        eprintln!("asof: {LEVEL}={chosen} is not a log level ({error}); using info");
        usual()
    })
}
