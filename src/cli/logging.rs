//! Where log lines go.

use std::fs::File;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use super::Failure;
use crate::model::names;

/// Environment variable that chooses the level (`warn`, `info`, `debug`, or per module as `tracing` has it).
const LEVEL: &str = "ASOF_LOG";

/// Logs to stderr: for a mount in the foreground.
pub(super) fn to_stderr() {
    let colours =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter()).with_ansi(colours);
    // Only fails where a subscriber is set already, which then gets the lines.
    let _ = subscriber.with_writer(std::io::stderr).with_target(false).try_init();
}

/// Appends to a file: for a mount in the background.
pub(super) fn to_file(path: &Path) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| {
        Failure::new(format!("cannot open the log file {}", path.display()))
            .because(&error)
            .hint("choose another place with --log-file PATH")
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(cannot)?;
    }
    let file = File::options().create(true).append(true).open(path).map_err(cannot)?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter()).with_ansi(false);
    let _ = subscriber.with_writer(Mutex::new(file)).with_target(false).try_init();
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
    EnvFilter::try_new(&chosen)
        .ok()
        .filter(|_| !chosen.is_empty())
        .unwrap_or_else(|| EnvFilter::new("asof=info,warn"))
}
