//! From the sources on the command line to what is in them: what a mount shows, and what the commands without a
//! mount print.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use jiff::tz::TimeZone;

use super::progress::Progress;
use super::server_args::ServerArgs;
use super::{Failure, disk_cache, logging, size, wire, workers};
use crate::catalog::{Catalog, Watcher};
use crate::engine::Engine;
use crate::format::sqlite::{RUNNING, set_running};
use crate::model::secrets::Secrets;
use crate::source::Source;
use crate::source::archive::Undated;
use crate::util::clock::WallClock;
use crate::vfs::Vfs;

/// Default of `--cache-size`.
const CACHE_SIZE: u64 = 256 << 20;

/// With less, neighbouring reads of one table would drop each other's bytes.
const SMALLEST_CACHE: u64 = 8 << 20;

/// How sources are read, the same for all commands that show what is in them.
#[derive(Debug, clap::Args)]
pub(super) struct ReadingArgs {
    /// Memory for contents and all work on them, 8M at least [default: 256M]
    ///
    /// The program takes up to some 64 MiB beside it. What does not fit goes to temporary files (TMPDIR, else /var/tmp).
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub cache_size: Option<u64>,
    /// How times without a zone are read, in look-ups and in names of archives: Europe/Berlin, UTC, system
    ///
    /// Listed names are always UTC. Without this, look-ups are UTC, and an archive's name is read as the
    /// program that writes such names means it.
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// What to do with archives whose names hold no time: skip leaves them out, mtime takes the time at which the file was last
    /// changed [default: skip]
    #[arg(long, value_name = "skip|mtime")]
    pub undated: Option<Undated>,
    /// Leave out tables that match (TABLE or DATABASE/TABLE, * and ? as in the shell); may be repeated
    ///
    /// Without this, federation_peers is left out: Beads keeps passwords in it. `--exclude ''` leaves nothing
    /// out.
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Keep more secret: tables or files that match TABLE, and of them the values of settings and columns that match KEY;
    /// may be repeated
    ///
    /// config and federation_peers always are, as Beads keeps tokens and passwords there. In a mount such files are their
    /// owner's alone (0400), whatever allow_other, mode= and umask= say. diff and find mask the values of keys such as
    /// *_key, *token and *password*; of a table named here without KEY, all values but those that name the row.
    #[arg(long, value_name = "TABLE[:KEY]")]
    pub secret: Vec<String>,
    #[command(flatten)]
    pub server: ServerArgs,
    /// Follow links that lead out of a source, where link and target belong to you or to root
    ///
    /// Without this only links within the source are followed. A user who can write to a source could otherwise make asof
    /// show files that only you may read. It also holds for what a git repository borrows objects from.
    #[arg(long)]
    pub follow_links: bool,
    /// Where sizes and hashes are kept for the next time ('' for nowhere) [default: asof in $XDG_CACHE_HOME or
    /// ~/.cache]
    #[arg(long, value_name = "PATH", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub cache_dir: Option<PathBuf>,
    /// How long a view of a SQLite file, or what else it computes, may run [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub query_seconds: Option<u32>,
}

impl ReadingArgs {
    /// What to say of a cache that is smaller than what is used all the same.
    pub fn too_small(&self) -> Option<String> {
        let smallest = SMALLEST_CACHE >> 20;
        self.cache_size.filter(|size| *size < SMALLEST_CACHE).map(|_| {
            format!("a cache below {smallest} MiB would drop what is being read: {smallest} MiB are used")
        })
    }
}

/// Sources, and how each is named among mounts.
type OpenSources = (Vec<Arc<dyn Source>>, Vec<String>);

/// What is to be opened and how, checked and made ready.
pub(super) struct Opening {
    sources: Vec<wire::SourceArg>,
    options: wire::SourceOptions,
    cache_size: u64,
    pub secrets: Arc<Secrets>,
    pub cache_dir: Option<PathBuf>,
    /// How time expressions without a zone are read.
    pub zone: TimeZone,
}

impl Opening {
    /// Checks the arguments without touching a source.
    pub fn new(sources: &[OsString], reading: &ReadingArgs) -> Result<Self, Failure> {
        let zone = reading.timezone.as_deref().map(wire::zone).transpose()?;
        let cache_dir = disk_cache::folder(reading.cache_dir.as_deref());
        limit_queries(reading.query_seconds);
        let options = wire::SourceOptions::new(
            zone.clone(),
            &reading.exclude,
            &reading.server,
            cache_dir.clone(),
            wire::links(reading.follow_links),
            reading.undated.unwrap_or_default(),
        )?;
        let secrets = Secrets::new(reading.secret.iter().map(String::as_str)).map_err(|error| {
            Failure::usage("--secret names no pattern").because(&error).hint("* and ? work as in the shell")
        })?;
        Ok(Self {
            secrets: Arc::new(secrets),
            sources: sources.iter().map(|s| wire::SourceArg::parse(s)).collect::<Result<_, _>>()?,
            options,
            cache_size: reading.cache_size.unwrap_or(CACHE_SIZE).max(SMALLEST_CACHE),
            cache_dir,
            zone: zone.unwrap_or(TimeZone::UTC),
        })
    }

    /// The source that a mount at `mountpoint` would hide, if any.
    pub fn hidden_by(&self, mountpoint: &Path) -> Option<&wire::SourceArg> {
        self.sources.iter().find(|source| source.is_hidden_by(mountpoint))
    }

    /// What says what time it is.
    pub fn clock(&self) -> WallClock {
        self.options.clock.clone()
    }

    /// Whether one of the sources is a server.
    pub fn has_server(&self) -> bool {
        self.sources.iter().any(wire::SourceArg::is_server)
    }

    /// Opens the sources, and gives with each how it is named among mounts.
    pub fn open(&mut self) -> Result<OpenSources, Failure> {
        if let Some(folder) = &self.cache_dir
            && !disk_cache::is_believed(folder)
        {
            self.cache_dir = None;
            self.options.without_cache();
        }
        let open = |argument: &wire::SourceArg| {
            let _opening = Progress::of(format!("opening {argument}"));
            let source = wire::open(argument, &self.options)?;
            let name = argument.mounted_as(source.as_ref());
            Ok((source, name))
        };
        self.sources.iter().map(open).collect()
    }

    /// An engine that knows what earlier runs have found out, and keeps segments in up to `segments` bytes of disk.
    pub fn engine(&self, segments: u64) -> Engine {
        disk_cache::engine(self.cache_size, self.cache_dir.as_deref(), segments, &self.options.clock)
    }
}

/// Sets for how long a query of a SQLite file may run.
pub(super) fn limit_queries(seconds: Option<u32>) {
    set_running(seconds.map_or(RUNNING, |seconds| Duration::from_secs(seconds.into())));
}

/// Reads the history of open sources.
pub(super) async fn load(
    sources: Vec<Arc<dyn Source>>,
    clock: WallClock,
) -> Result<(Arc<Catalog>, Watcher), Failure> {
    let reading = |label: &str| Progress::of(format!("reading the history of {label}"));
    Ok(Watcher::start(sources, clock, reading).await?)
}

/// The threads of a command. Nobody waits for what they still wait for when it ends.
pub(super) struct Workers(Option<tokio::runtime::Runtime>);

impl Workers {
    /// Starts them, for so many sources.
    fn start(sources: usize) -> Result<Self, Failure> {
        Ok(Self(Some(workers::start(sources)?)))
    }

    /// Waits for `work`.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.0.as_ref().expect("they end when this is dropped").block_on(work)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Which sources a command without a mount reads, and how.
#[derive(Debug, clap::Args)]
pub(super) struct FromArgs {
    /// What to read, as for `asof mount`; may be repeated: NAME= gives a database its name, and one name given
    /// twice merges both timelines
    #[arg(long, required = true, value_name = "[NAME=]SOURCE")]
    from: Vec<OsString>,
    #[command(flatten)]
    reading: ReadingArgs,
}

/// Sources that were opened for one command.
pub(super) struct Opened {
    pub runtime: Workers,
    pub catalog: Arc<Catalog>,
    pub engine: Engine,
    pub zone: TimeZone,
    pub clock: WallClock,
    pub secrets: Arc<Secrets>,
    /// What is found out late (lost commits) shows as long as this lives.
    _watcher: Watcher,
}

impl Opened {
    /// Opens the sources and reads their history. Logs only what the environment asks for.
    pub fn new(from: &FromArgs) -> Result<Self, Failure> {
        logging::to_stderr_if_asked();
        if let Some(warning) = from.reading.too_small() {
            Failure::new(warning).print();
        }
        let mut opening = Opening::new(&from.from, &from.reading)?;
        let runtime = Workers::start(from.from.len())?;
        let (sources, _) = opening.open()?;
        let (catalog, watcher) = runtime.block_on(load(sources, opening.clock()))?;
        let (engine, clock) = (opening.engine(0), opening.clock());
        let (zone, secrets) = (opening.zone, opening.secrets);
        Ok(Self { runtime, catalog, engine, zone, clock, secrets, _watcher: watcher })
    }
}

impl Opened {
    /// Keeps what was found out of contents for the next time.
    pub fn close(&self) {
        if let Err(error) = self.engine.save() {
            disk_cache::not_kept(&error);
        }
    }
}

/// The tree of the sources of one command.
pub(super) struct Tree {
    pub runtime: Workers,
    pub catalog: Arc<Catalog>,
    pub vfs: Vfs,
    pub zone: TimeZone,
    pub clock: WallClock,
    _watcher: Watcher,
}

impl Tree {
    /// Opens the sources and shows them as a tree.
    pub fn open(from: &FromArgs) -> Result<Self, Failure> {
        let Opened { runtime, catalog, engine, zone, clock, secrets, _watcher } = Opened::new(from)?;
        let vfs = Vfs::new(Arc::clone(&catalog), engine, zone.clone(), clock.clone()).with_secrets(secrets);
        Ok(Self { runtime, catalog, vfs, zone, clock, _watcher })
    }

    /// Keeps what was found out of contents for the next time.
    pub fn close(&self) {
        if let Err(error) = self.vfs.save() {
            disk_cache::not_kept(&error);
        }
    }
}
