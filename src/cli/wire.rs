//! From a SOURCE on the command line to an open source. The only place that names the kinds of source.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use jiff::tz::TimeZone;

use super::server_args::ServerArgs;
use super::{Failure, password};
use crate::content::ErrorKind;
use crate::files::root::Links;
use crate::format::remove_leftovers;
use crate::model::terminal::ShowPath;
use crate::source::Source;
use crate::source::archive::{ArchiveOptions, ArchiveSource, Undated, folders_with_archives};
use crate::source::dolt::server::{
    DoltOptions, DoltSqlSource, Password, ReadAgain, SECRET_TABLES, TlsOptions, check_url,
};
use crate::source::dolt::store::{DoltStoreOptions, DoltStoreSource};
use crate::source::git::{GitPlace, GitSource};
use crate::util::clock::WallClock;

/// A SOURCE argument, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SourceArg {
    /// `NAME=`.
    name: Option<String>,
    place: Place,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    Dolt(String),
    /// `PATH[?ref=BRANCH]` in a git repository.
    Git(OsString),
    Path(PathBuf),
}

/// What holds for every source of a mount.
pub(super) struct SourceOptions {
    zone: Option<TimeZone>,
    exclude: GlobSet,
    password: Option<Password>,
    read_password_again: Option<ReadAgain>,
    tls: Option<TlsOptions>,
    cache_dir: Option<PathBuf>,
    links: Links,
    undated: Undated,
    /// What time it is.
    pub clock: WallClock,
}

impl SourceArg {
    /// Takes `[NAME=]SOURCE` apart, without touching the source.
    pub fn parse(argument: &OsStr) -> Result<Self, Failure> {
        let (name, place) = split_name(argument);
        if name.is_some_and(OsStr::is_empty) || place.is_empty() {
            return Err(Failure::usage(format!("`{}` names no source", argument.shown())).hint(
                "write [NAME=]SOURCE, where SOURCE is dolt://HOST:PORT, git:PATH, a folder or a file",
            ));
        }
        let name = match name.map(|name| name.to_str().ok_or(name)).transpose() {
            Ok(name) => name.map(str::to_owned),
            Err(name) => {
                let failure = Failure::usage(format!("the name `{}` is not UTF-8", name.shown()));
                return Err(failure.hint("a path may have any bytes; write another NAME= before it"));
            }
        };
        let is_git = |place: &&[u8]| !place.starts_with(b"//");
        if let Some(place) = place.as_bytes().strip_prefix(GIT.as_bytes()).filter(is_git) {
            return Ok(Self { name, place: Place::Git(OsStr::from_bytes(place).to_owned()) });
        }
        // What is not UTF-8 is no URL.
        let Some(text) = place.to_str() else { return Ok(Self { name, place: Place::Path(place.into()) }) };
        // A colon or slash that is missing must not make a URL with a password in it a path, which messages repeat.
        let is_url = text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("dolt:"));
        if is_url && !Path::new(text).exists() {
            check_url(text).map_err(|error| {
                let failure = Failure::usage(error.chain());
                failure.hint(error.hint.unwrap_or_default())
            })?;
            return Ok(Self { name, place: Place::Dolt(text.to_owned()) });
        }
        match text.split_once("://") {
            Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric()) => Err(Failure::usage(
                format!("`{scheme}://` is not a source that asof reads"),
            )
            .hint(
                "for a Dolt server write dolt://[USER@]HOST[:PORT][/DATABASE], for a git repository git:PATH",
            )),
            _ => Ok(Self { name, place: Place::Path(text.into()) }),
        }
    }
}

impl SourceArg {
    /// Whether it is a server, behind which no file lies.
    pub fn is_server(&self) -> bool {
        matches!(self.place, Place::Dolt(_))
    }

    /// Whether a mount at `mountpoint` would hide what is mounted: that lies at or below it. `mountpoint` has no links in it.
    pub fn is_hidden_by(&self, mountpoint: &Path) -> bool {
        let path = match &self.place {
            Place::Dolt(_) => return false,
            Place::Git(place) => {
                return GitPlace::parse(place).is_ok_and(|place| place.is_within(mountpoint));
            }
            Place::Path(path) => path,
        };
        path.canonicalize().is_ok_and(|path| path.starts_with(mountpoint))
    }

    /// How an open source is named among mounts. Never holds a secret.
    pub fn mounted_as(&self, source: &dyn Source) -> String {
        match &self.place {
            // A label is made not to hold one, unlike the URL as it was given.
            Place::Dolt(_) => source.label().replacen("://", "/", 1),
            Place::Git(place) => std::path::absolute(place)
                .map_or_else(|_| place.shown().to_string(), |path| path.shown().to_string()),
            Place::Path(path) => {
                std::path::absolute(path).unwrap_or_else(|_| path.clone()).shown().to_string()
            }
        }
    }
}

/// What is said while it is opened: a server is not asked then.
impl std::fmt::Display for SourceArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Place::Dolt(_) => f.write_str("the server"),
            Place::Git(place) => place.shown().fmt(f),
            Place::Path(path) => path.shown().fmt(f),
        }
    }
}

/// What begins a SOURCE that is a place in a git repository.
const GIT: &str = "git:";

/// How many folders a hint names.
const MOST_NAMED: usize = 8;

/// Where projects and Gas Town keep their Dolt databases.
const DOLT_FOLDERS: [&str; 3] = [".dolt-data", ".beads", "data"];

/// `NAME=` is everything before the first `=`, unless it holds a `/` or the whole is a path that exists.
fn split_name(argument: &OsStr) -> (Option<&OsStr>, &OsStr) {
    let bytes = argument.as_bytes();
    let Some(at) = memchr::memchr(b'=', bytes) else { return (None, argument) };
    let (name, place) = (&bytes[..at], &bytes[at + 1..]);
    // The `=` of `?ref=`.
    let is_ref = name.starts_with(GIT.as_bytes());
    if is_ref || name.contains(&b'/') || Path::new(argument).exists() {
        return (None, argument);
    }
    (Some(OsStr::from_bytes(name)), OsStr::from_bytes(place))
}

impl SourceOptions {
    /// Reads the password and compiles the patterns. `cache_dir` is where sources keep what they read.
    pub fn new(
        zone: Option<TimeZone>,
        exclude: &[String],
        server: &ServerArgs,
        cache_dir: Option<PathBuf>,
        links: Links,
        undated: Undated,
    ) -> Result<Self, Failure> {
        let password = password::password(server.password_file.as_deref())?;
        let read_password_again = server.password_file.clone().map(password::read_again);
        let (exclude, tls) = (globs(exclude)?, server.tls()?);
        Ok(Self {
            zone,
            exclude,
            password,
            read_password_again,
            tls,
            cache_dir,
            links,
            undated,
            clock: WallClock::system(),
        })
    }
}

impl SourceOptions {
    fn dolt_store(&self, name: Option<String>, reference: Option<String>) -> DoltStoreOptions {
        DoltStoreOptions {
            name,
            exclude: self.exclude.clone(),
            links: self.links,
            reference,
            clock: self.clock.clone(),
        }
    }

    /// The same where nothing that was kept on disk is believed.
    pub fn without_cache(&mut self) {
        self.cache_dir = None;
    }
}

/// What `--follow-links` means.
pub(super) fn links(follow: bool) -> Links {
    if follow { Links::Owned } else { Links::Beneath }
}

/// The time zone of `--timezone`.
pub(super) fn zone(name: &str) -> Result<TimeZone, Failure> {
    if name == "system" {
        return Ok(TimeZone::system());
    }
    TimeZone::get(name).map_err(|error| {
        Failure::usage(format!("unknown time zone `{name}`"))
            .because(&error)
            .hint("write it like Europe/Berlin, UTC or system")
    })
}

fn globs(patterns: &[String]) -> Result<GlobSet, Failure> {
    let default = SECRET_TABLES.map(str::to_owned);
    let chosen = if patterns.is_empty() { &default[..] } else { patterns };
    let mut set = GlobSetBuilder::new();
    for pattern in chosen.iter().filter(|p| !p.is_empty()) {
        let wrong = |error: globset::Error| {
            Failure::usage(format!("`{pattern}` is not a pattern"))
                .because(&error)
                .hint("* and ? work as in the shell")
        };
        set.add(GlobBuilder::new(pattern).literal_separator(true).build().map_err(wrong)?);
    }
    set.build().map_err(|error| Failure::usage("the patterns are too large").because(&error))
}

/// Opens a source: finds out what it is by looking.
pub(super) fn open(source: &SourceArg, options: &SourceOptions) -> Result<Arc<dyn Source>, Failure> {
    remove_leftovers();
    match &source.place {
        Place::Dolt(url) => {
            let dolt = DoltOptions {
                name: source.name.clone(),
                password: options.password.clone(),
                read_password_again: options.read_password_again.clone(),
                tls: options.tls.clone(),
                exclude: options.exclude.clone(),
                clock: options.clock.clone(),
                ..DoltOptions::default()
            };
            Ok(Arc::new(DoltSqlSource::new(url, dolt)?))
        }
        Place::Git(place) => {
            let place = GitPlace::parse(place)?;
            if let Some((repository, name)) = place.chosen()
                && let Some(reference) = DoltStoreSource::named_in_git(repository, options.links, name)
            {
                let dolt = options.dolt_store(source.name.clone(), Some(reference));
                return Ok(Arc::new(DoltStoreSource::open(repository, dolt)?));
            }
            Ok(Arc::new(GitSource::open(place, source.name.clone(), options.zone.clone(), options.links)?))
        }
        Place::Path(path) => open_path(path, source.name.clone(), options),
    }
}

fn open_path(path: &Path, name: Option<String>, options: &SourceOptions) -> Result<Arc<dyn Source>, Failure> {
    let shown = path.shown();
    let kind = std::fs::metadata(path).map_err(|error| {
        let failure = Failure::new(format!("cannot open the source {shown}")).because(&error);
        if path.starts_with("~") {
            return failure.hint("the shell expands ~ at the start of a word only: write $HOME instead");
        }
        if error.kind() == std::io::ErrorKind::NotFound {
            return failure
                .hint("a source is a folder or file that exists, or dolt://HOST:PORT for a running server");
        }
        failure
    })?;
    if kind.is_dir() && DoltStoreSource::is_at(path, options.links) {
        return Ok(Arc::new(DoltStoreSource::open(path, options.dolt_store(name, None))?));
    }
    let dolt_within = || {
        let mut folders = DOLT_FOLDERS.iter().map(|name| path.join(name));
        folders.find(|path| DoltStoreSource::is_at(path, options.links))
    };
    if let Some(place) =
        GitPlace::whole(path).filter(|_| kind.is_dir() && !ArchiveSource::is_clearly_at(path))
    {
        let source =
            GitSource::open(place, name, options.zone.clone(), options.links).map_err(|mut error| {
                if let Some(problem) = DoltStoreSource::missing_in_git(path, options.links) {
                    let hint = error.hint.take().unwrap_or_default();
                    error.hint = Some(format!("{hint}; or, for a Dolt database in git: {problem}"));
                }
                error
            })?;
        let branches = DoltStoreSource::branches_in_git(path, options.links);
        if let Some(first) = branches.first() {
            let branches = branches.join(", ");
            let hint = format!("mount git:{shown}?ref={first}");
            tracing::warn!(
                hint,
                "{shown} is shown as a git repository; these branches hold Dolt data: {branches}"
            );
        }
        if let Some(within) = dolt_within() {
            let within = within.shown();
            tracing::info!("{shown} is shown as a git repository; its Dolt databases are in {within}");
        }
        return Ok(Arc::new(source));
    }
    let archive = ArchiveOptions {
        name,
        zone: options.zone.clone(),
        cache_dir: options.cache_dir.clone(),
        links: options.links,
        undated: options.undated,
        clock: options.clock.clone(),
    };
    let source = ArchiveSource::open(path, archive).map_err(|mut error| {
        if let Some(within) = dolt_within() {
            error.hint = Some(format!("its Dolt databases are in {}: mount that", within.shown()));
        } else if error.kind == ErrorKind::Invalid
            && kind.is_dir()
            && let Some(hint) = what_lies_below(path, options)
        {
            error.hint = Some(hint);
        }
        error
    })?;
    Ok(Arc::new(source))
}

/// The folders below one in which nothing was found that hold something, for a person to choose from.
fn what_lies_below(path: &Path, options: &SourceOptions) -> Option<String> {
    let archives = folders_with_archives(path);
    let mut databases: Vec<String> = std::fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| DoltStoreSource::is_at(&entry.path(), options.links))
        .map(|entry| entry.file_name().shown().to_string())
        .collect();
    databases.sort();
    let named = |folders: &[String], what: &str| {
        let (noun, verb) = if folders.len() == 1 { ("folder", "holds") } else { ("folders", "hold") };
        let shown = folders.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = match folders.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!folders.is_empty()).then(|| format!("its {noun} {shown}{more} {verb} {what}"))
    };
    let said: Vec<String> =
        [named(&archives, "archives"), named(&databases, "Dolt databases")].into_iter().flatten().collect();
    (!said.is_empty()).then(|| format!("{}: mount one of them", said.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(argument: &str) -> (Option<String>, Place) {
        let source = SourceArg::parse(OsStr::new(argument)).expect("a source");
        (source.name, source.place)
    }

    #[test]
    fn names_and_places() {
        let dolt = |url: &str| Place::Dolt(url.into());
        assert_eq!(parsed("dolt://h/db"), (None, dolt("dolt://h/db")));
        assert_eq!(parsed("beads=dolt://h"), (Some("beads".into()), dolt("dolt://h")));
        assert_eq!(parsed("b=archives"), (Some("b".into()), Place::Path("archives".into())));
        assert_eq!(parsed("./a=b"), (None, Place::Path("./a=b".into())));
        assert_eq!(parsed("/x/a=b"), (None, Place::Path("/x/a=b".into())));
        let git = |place: &str| Place::Git(place.into());
        assert_eq!(parsed("git:/x/a.git"), (None, git("/x/a.git")));
        assert_eq!(parsed("git:a?ref=b"), (None, git("a?ref=b")));
        assert_eq!(parsed("b=git:/x?ref=c/d"), (Some("b".into()), git("/x?ref=c/d")));
        for wrong in [
            "dolt:/h",
            "dolt:a:b@h",
            "dolt://a%3Ab@h",
            "git://h/x",
            "",
            "=x",
            "x=",
            "mysql://h",
            "a=postgres://h",
        ] {
            assert!(SourceArg::parse(OsStr::new(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_path_may_have_any_bytes() {
        let parsed = |argument: &[u8]| SourceArg::parse(OsStr::from_bytes(argument));
        let place = |argument: &[u8]| parsed(argument).expect("a source").place;
        let os = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
        assert_eq!(place(b"/x/r\xe9po"), Place::Path(os(b"/x/r\xe9po").into()));
        assert_eq!(place(b"a=r\xe9po"), Place::Path(os(b"r\xe9po").into()));
        assert_eq!(place(b"git:r\xe9po/.beads?ref=b"), Place::Git(os(b"r\xe9po/.beads?ref=b")));
        assert!(parsed(b"\xe9=x").is_err());
    }

    #[test]
    fn the_default_pattern_is_replaced_by_given_ones() {
        assert!(globs(&[]).expect("compiles").is_match("federation_peers"));
        assert!(!globs(&[String::new()]).expect("compiles").is_match("federation_peers"));
        let own = globs(&["secret_*".into()]).expect("compiles");
        assert!(own.is_match("secret_keys") && !own.is_match("federation_peers"));
        assert!(globs(&["[".into()]).is_err());
    }
}
