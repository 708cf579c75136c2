//! Opens a SOURCE of the command line. The only file of the command line that names concrete sources.

use std::path::Path;
use std::sync::Arc;

use super::failure::Failure;
use super::source_args::SourceOptions;
use super::source_spec::{SourceAddress, SourceSpec};
use super::suggest::listed;
use crate::content::ErrorKind;
use crate::files::root::Links;
use crate::format::remove_leftovers;
use crate::model::terminal::ShowPath;
use crate::source::Source;
use crate::source::archive::{ArchiveOptions, ArchiveSource, folders_with_archives};
use crate::source::dolt::server::{DoltOptions, DoltSqlSource, check_url};
use crate::source::dolt::store::{DoltStoreOptions, DoltStoreSource};
use crate::source::git::{GitPlace, GitSource};

pub(super) use crate::source::archive::Undated;
pub(super) use crate::source::dolt::server::{
    EXPOSED, Password, Pin, ReadAgain, SECRET_TABLES, TlsOptions, read_small_file,
};

type Opening = Result<Arc<dyn Source>, Failure>;

/// How each kind of source opens an address; `None` if the kind does not recognise it. The first kind that does wins.
const KINDS: [fn(&SourceSpec, &SourceOptions) -> Option<Opening>; 4] =
    [dolt_server, dolt_store, git_repository, archives];

/// Where projects and Gas Town keep their Dolt databases.
const DOLT_FOLDERS: [&str; 3] = [".dolt-data", ".beads", "data"];

/// Opens a source. For a path, the files decide which kind of source it is.
pub(super) fn open(source: &SourceSpec, options: &SourceOptions) -> Opening {
    remove_leftovers();
    if let SourceAddress::Path(path) = &source.address {
        check_exists(path)?;
    }
    KINDS.iter().find_map(|open| open(source, options)).expect("archives recognise every path")
}

fn dolt_server(source: &SourceSpec, options: &SourceOptions) -> Option<Opening> {
    let SourceAddress::Server(url) = &source.address else { return None };
    let dolt = DoltOptions {
        name: source.name.clone(),
        password: options.password.clone(),
        read_password_again: options.read_password_again.clone(),
        tls: options.tls.clone(),
        exclude: options.exclude.clone(),
        clock: options.clock.clone(),
        ..DoltOptions::default()
    };
    Some(opened(DoltSqlSource::new(url, dolt)))
}

fn dolt_store(source: &SourceSpec, options: &SourceOptions) -> Option<Opening> {
    let dolt = |reference| DoltStoreOptions {
        name: source.name.clone(),
        exclude: options.exclude.clone(),
        links: options.links,
        reference,
        clock: options.clock.clone(),
    };
    match &source.address {
        SourceAddress::Git(place) => {
            let place = GitPlace::parse(place).ok()?;
            let (repository, name) = place.chosen()?;
            let reference = DoltStoreSource::named_in_git(repository, options.links, name)?;
            Some(opened(DoltStoreSource::open(repository, dolt(Some(reference)))))
        }
        SourceAddress::Path(path) if path.is_dir() && DoltStoreSource::is_at(path, options.links) => {
            Some(opened(DoltStoreSource::open(path, dolt(None))))
        }
        SourceAddress::Path(_) | SourceAddress::Server(_) => None,
    }
}

fn git_repository(source: &SourceSpec, options: &SourceOptions) -> Option<Opening> {
    let open = |place| GitSource::open(place, source.name.clone(), options.zone.clone(), options.links);
    let path = match &source.address {
        SourceAddress::Git(place) => return Some(opened(GitPlace::parse(place).and_then(open))),
        SourceAddress::Path(path) if path.is_dir() && !ArchiveSource::is_clearly_at(path) => path,
        SourceAddress::Path(_) | SourceAddress::Server(_) => return None,
    };
    let place = GitPlace::whole(path)?;
    let git = open(place).map_err(|mut error| {
        if let Some(problem) = DoltStoreSource::missing_in_git(path, options.links) {
            let hint = error.hint.take().unwrap_or_default();
            error.hint = Some(format!("{hint}; or, for a Dolt database in git: {problem}"));
        }
        error
    });
    if git.is_ok() {
        mention_dolt_in_repository(path, options);
    }
    Some(opened(git))
}

/// Logs which Dolt data a git repository contains, since the mount shows only its commits.
fn mention_dolt_in_repository(path: &Path, options: &SourceOptions) {
    let shown = path.shown();
    let branches = DoltStoreSource::branches_in_git(path, options.links);
    if let Some(first) = branches.first() {
        let branches = branches.join(", ");
        let hint = format!("mount git:{shown}?ref={first}");
        tracing::warn!(
            hint,
            "{shown} is shown as a git repository; these branches hold Dolt data: {branches}"
        );
    }
    if let Some(folder) = dolt_folder_in(path, options) {
        tracing::info!("{shown} is shown as a git repository; its Dolt databases are in {folder}");
    }
}

fn archives(source: &SourceSpec, options: &SourceOptions) -> Option<Opening> {
    let SourceAddress::Path(path) = &source.address else { return None };
    let archive = ArchiveOptions {
        name: source.name.clone(),
        zone: options.zone.clone(),
        cache_dir: options.cache_dir.clone(),
        links: options.links,
        undated: options.undated,
        clock: options.clock.clone(),
    };
    Some(opened(ArchiveSource::open(path, archive).map_err(|mut error| {
        if let Some(folder) = dolt_folder_in(path, options) {
            error.hint = Some(format!("its Dolt databases are in {folder}: mount that folder"));
        } else if error.kind == ErrorKind::Invalid && path.is_dir() {
            error.hint = sources_below(path, options).or(error.hint);
        }
        error
    })))
}

fn opened<S: Source + 'static>(source: Result<S, crate::content::SourceError>) -> Opening {
    Ok(Arc::new(source?))
}

/// Whether a folder holds Dolt databases that the user may read.
pub(super) fn holds_dolt_databases(folder: &Path) -> bool {
    DoltStoreSource::is_at(folder, Links::Beneath)
}

/// Whether a folder holds archives, or backups as Thrum lays them out, or has folders that do. Goes by names alone.
pub(super) fn holds_archives(folder: &Path) -> bool {
    let holds = |folder: &Path| {
        let of_thrum = || ArchiveSource::is_at(&folder.join("archives")) || folder.join("current").is_dir();
        ArchiveSource::is_at(folder) || of_thrum()
    };
    let below = std::fs::read_dir(folder).into_iter().flatten().flatten();
    holds(folder) || below.into_iter().any(|entry| holds(&entry.path()))
}

/// Whether a git repository has commits of a path.
pub(super) fn is_tracked(path: &Path) -> bool {
    let open = |place| GitSource::open(place, None, None, Links::Beneath);
    GitPlace::parse(path.as_os_str()).and_then(open).is_ok()
}

fn check_exists(path: &Path) -> Result<(), Failure> {
    let Err(error) = std::fs::metadata(path) else { return Ok(()) };
    let hint = if path.starts_with("~") {
        Some("the shell expands ~ only at the start of a word: write $HOME instead")
    } else if error.kind() == std::io::ErrorKind::NotFound {
        Some("a source is an existing folder or file, or dolt://HOST:PORT for a running server")
    } else {
        None
    };
    Err(Failure::new(format!("cannot open the source {}", path.shown())).because(&error).hint_if(hint))
}

fn dolt_folder_in(path: &Path, options: &SourceOptions) -> Option<String> {
    let mut folders = DOLT_FOLDERS.iter().map(|name| path.join(name));
    let folder = folders.find(|folder| DoltStoreSource::is_at(folder, options.links))?;
    Some(folder.shown().to_string())
}

/// Suggests the folders below `path` that are sources, if `path` itself is not one.
fn sources_below(path: &Path, options: &SourceOptions) -> Option<String> {
    let archives = folders_with_archives(path);
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut databases: Vec<String> = entries
        .filter(|entry| DoltStoreSource::is_at(&entry.path(), options.links))
        .map(|entry| entry.file_name().shown().to_string())
        .collect();
    databases.sort();
    let sentences: Vec<String> = [(archives, "archives"), (databases, "Dolt databases")]
        .iter()
        .filter(|(folders, _)| !folders.is_empty())
        .map(|(folders, content)| {
            let (noun, verb) = if folders.len() == 1 { ("folder", "holds") } else { ("folders", "hold") };
            let names: Vec<&str> = folders.iter().map(String::as_str).collect();
            format!("its {noun} {} {verb} {content}", listed(&names))
        })
        .collect();
    (!sentences.is_empty()).then(|| format!("{}: mount one of them", sentences.join("; ")))
}

/// Checks the URL of a server without connecting.
pub(super) fn check_server_url(url: &str) -> Result<(), Failure> {
    check_url(url).map(drop).map_err(|error| Failure::usage(error.chain()).hint_if(error.hint))
}

/// Whether a mount at `mountpoint`, a path without symlinks, would hide the files of the source.
pub(super) fn is_hidden_by(source: &SourceSpec, mountpoint: &Path) -> bool {
    match &source.address {
        SourceAddress::Server(_) => false,
        SourceAddress::Git(place) => GitPlace::parse(place).is_ok_and(|place| place.is_within(mountpoint)),
        SourceAddress::Path(path) => path.canonicalize().is_ok_and(|path| path.starts_with(mountpoint)),
    }
}
