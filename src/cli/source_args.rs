//! Flags that say how to open sources: as given on the command line, and checked.

use std::path::PathBuf;
use std::time::Duration;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use jiff::tz::TimeZone;

use super::failure::Failure;
use super::password;
use super::user_folders::absolute;
use super::wire::{Password, Pin, ReadAgain, SECRET_TABLES, TlsOptions, Undated};
use crate::files::root::Links;
use crate::format::sqlite;
use crate::util::clock::WallClock;

/// How sources are opened, the same for all commands.
#[derive(Debug, clap::Args)]
pub(super) struct SourceArgs {
    /// Time zone of times without one, in look-ups and archive names: Europe/Berlin, UTC, system
    ///
    /// Listed names are always UTC. By default, look-ups use UTC, and an archive's name is read in the zone that is usual
    /// for the program that writes such names.
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// Archives without a time in their names: skip leaves them out, mtime uses the time the file was last changed
    /// [default: skip]
    #[arg(long, value_name = "skip|mtime")]
    pub undated: Option<Undated>,
    /// Read the server's password from this file, which only you may read (or set ASOF_DOLT_PASSWORD)
    #[arg(long, value_name = "PATH")]
    pub password_file: Option<PathBuf>,
    /// Encrypt connections to servers; one of the certificates in this file must have signed the server's
    ///
    /// `?tls` at the end of a URL also encrypts, and uses the system's certificate authorities.
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// Encrypt connections to a server with this certificate (sha256:HEX), no matter who signed it
    ///
    /// On the server, `openssl x509 -in CERT -noout -fingerprint -sha256` prints the hex digits.
    #[arg(long, value_name = "PIN")]
    pub tls_pin: Option<Pin>,
    /// Encrypt connections to a server whose certificate has this name instead of the URL's host
    #[arg(long, value_name = "HOST")]
    pub tls_name: Option<String>,
    /// Follow links that lead out of a source, if both link and target belong to you or root
    ///
    /// By default, only links within the source are followed. Otherwise a user who can write to a source could make asof
    /// show files that only you may read. This also applies to a git repository that borrows objects from another.
    #[arg(long)]
    pub follow_links: bool,
    /// Time limit for a view of a SQLite file and other computed values [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub query_seconds: Option<u32>,
}

/// The checked options that apply to every source of a command.
pub(super) struct SourceOptions {
    pub zone: Option<TimeZone>,
    pub exclude: GlobSet,
    pub password: Option<Password>,
    pub read_password_again: Option<ReadAgain>,
    pub tls: Option<TlsOptions>,
    /// Where sources keep what they have read; `None` for nowhere.
    pub cache_dir: Option<PathBuf>,
    pub links: Links,
    pub undated: Undated,
    pub clock: WallClock,
}

impl SourceArgs {
    /// Checks the flags, reads the password and sets the time limit of SQLite queries, which is global.
    pub fn options(&self, exclude: &[&str], cache_dir: Option<PathBuf>) -> Result<SourceOptions, Failure> {
        let seconds = self.query_seconds.map(|seconds| Duration::from_secs(seconds.into()));
        sqlite::set_running(seconds.unwrap_or(sqlite::RUNNING));
        let password_file = self.password_file.as_deref();
        Ok(SourceOptions {
            zone: self.timezone.as_deref().map(zone).transpose()?,
            exclude: globs(exclude)?,
            password: password::password(password_file)?,
            read_password_again: password_file.map(password::read_again),
            tls: self.tls()?,
            cache_dir,
            links: if self.follow_links { Links::Owned } else { Links::Beneath },
            undated: self.undated.unwrap_or_default(),
            clock: WallClock::system(),
        })
    }

    /// How to recognise the server of an encrypted connection; `None` if no flag asks for encryption.
    fn tls(&self) -> Result<Option<TlsOptions>, Failure> {
        let (ca, pin, name) = (self.tls_ca.as_deref().map(absolute), self.tls_pin, self.tls_name.clone());
        match (pin.is_some(), ca.is_some() || name.is_some()) {
            (true, true) => Err(Failure::usage("--tls-pin cannot be combined with --tls-ca or --tls-name")
                .hint("with a pinned certificate, signer and name do not matter")),
            (false, false) => Ok(None),
            _ => Ok(Some(TlsOptions { ca, pin, name })),
        }
    }
}

fn zone(name: &str) -> Result<TimeZone, Failure> {
    if name == "system" {
        return Ok(TimeZone::system());
    }
    TimeZone::get(name).map_err(|error| {
        Failure::usage(format!("unknown time zone `{name}`"))
            .because(&error)
            .hint("write it like Europe/Berlin, UTC or system")
    })
}

/// The tables to leave out. Without a pattern, those in which Beads keeps passwords; an empty pattern matches nothing.
fn globs(patterns: &[&str]) -> Result<GlobSet, Failure> {
    let patterns = if patterns.is_empty() { &SECRET_TABLES[..] } else { patterns };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns.iter().filter(|pattern| !pattern.is_empty()) {
        let invalid = |error: globset::Error| {
            Failure::usage(format!("`{pattern}` is not a valid pattern"))
                .because(&error)
                .hint("* and ? work as in the shell")
        };
        set.add(GlobBuilder::new(pattern).literal_separator(true).build().map_err(invalid)?);
    }
    set.build().map_err(|error| Failure::usage("the patterns are too large").because(&error))
}

#[cfg(test)]
mod tests {
    use super::globs;

    #[test]
    fn the_default_pattern_is_replaced_by_given_ones() {
        assert!(globs(&[]).expect("compiles").is_match("federation_peers"));
        assert!(!globs(&[""]).expect("compiles").is_match("federation_peers"));
        let own = globs(&["secret_*"]).expect("compiles");
        assert!(own.is_match("secret_keys") && !own.is_match("federation_peers"));
        assert!(globs(&["["]).is_err());
    }
}
