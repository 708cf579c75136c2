//! Where log lines go. Every field is made safe for terminals on its way, because logs are read on terminals later.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use super::failure::Failure;
use super::log_file;
use super::wire::EXPOSED;
use crate::model::terminal;

/// Environment variable with the level (`warn`, `info`, `debug`, or per module in the syntax of `tracing`).
const LEVEL: &str = "ASOF_LOG";

/// Formats a line as usual, then escapes what would control a terminal or start another line. Levels keep colours.
struct SafeFields;

impl<'w> FormatFields<'w> for SafeFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> std::fmt::Result {
        let mut text = String::new();
        DefaultFields::new().format_fields(Writer::new(&mut text), fields)?;
        writer.write_str(&terminal::line(&text))
    }
}

fn lines<S: tracing::Subscriber + for<'a> LookupSpan<'a>>(has_colours: bool) -> fmt::Layer<S, SafeFields> {
    fmt::layer().fmt_fields(SafeFields).with_ansi(has_colours).with_target(false)
}

/// Logs to stderr: for a mount in the foreground.
#[allow(clippy::disallowed_methods, reason = "SafeFields escapes every line")]
pub(super) fn to_stderr() {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let layer = lines(io::stderr().is_terminal() && !no_colour).with_writer(io::stderr);
    // Here and below: fails only if a subscriber is already set, which then gets the lines.
    let _ = registry().with(layer.with_filter(filter())).try_init();
}

/// Logs to stderr what the environment asks for; by default, only what endangers a password.
#[allow(clippy::disallowed_methods, reason = "SafeFields escapes every line")]
pub(super) fn to_stderr_if_asked() {
    if std::env::var_os(LEVEL).is_some() {
        return to_stderr();
    }
    let layer = lines(false).without_time().with_writer(io::stderr);
    let exposed = EnvFilter::new(format!("off,{EXPOSED}=warn"));
    let _ = registry().with(layer.with_filter(exposed)).try_init();
}

/// Appends to a file: for a mount in the background.
#[allow(clippy::disallowed_methods, reason = "SafeFields escapes every line")]
pub(super) fn to_file(path: &Path) -> Result<(), Failure> {
    let to_file = lines(false).with_writer(Mutex::new(log_file::open(path)?));
    // Until the tree answers, the waiting command shows warnings too; after that, stderr leads nowhere.
    let to_caller = lines(false).without_time().with_writer(io::stderr);
    let subscriber = registry().with(to_file.with_filter(filter()));
    let _ = subscriber.with(to_caller.with_filter(LevelFilter::WARN)).try_init();
    Ok(())
}

fn filter() -> EnvFilter {
    let level = std::env::var(LEVEL).unwrap_or_default();
    // The levels that fuser logs at are meant for its own developers.
    let default = || EnvFilter::new("asof=info,warn");
    if level.is_empty() {
        return default();
    }
    EnvFilter::try_new(&level).unwrap_or_else(|error| {
        Failure::new(format!("{LEVEL}={level} is not a log level ({error}); using info")).print();
        default()
    })
}
