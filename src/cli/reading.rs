//! Flags that say how to read what is in sources: as given on the command line, and checked.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use clap::builder::{OsStringValueParser, TypedValueParser};
use jiff::tz::TimeZone;

use super::failure::Failure;
use super::progress::Notice;
use super::source_args::{SourceArgs, SourceOptions};
use super::source_spec::SourceSpec;
use super::{cache_folder, size, wire};
use crate::catalog::{Catalog, Watcher};
use crate::engine::Engine;
use crate::model::secrets::Secrets;
use crate::source::Source;

/// Default of `--cache-size`.
const CACHE_SIZE: u64 = 256 << 20;

/// With less, neighbouring reads of one table would evict each other's bytes.
const SMALLEST_CACHE: u64 = 8 << 20;

/// How sources are read, the same for all commands that show their content.
#[derive(Debug, clap::Args)]
pub(super) struct ReadingArgs {
    /// Memory for contents and the work on them, at least 8M [default: 256M]
    ///
    /// The program needs up to about 64 MiB more. What does not fit goes to temporary files (in TMPDIR or /var/tmp).
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub cache_size: Option<u64>,
    /// Folder for sizes and hashes that later runs reuse ('' for none) [default: asof in $XDG_CACHE_HOME or ~/.cache]
    #[arg(long, value_name = "PATH", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub cache_dir: Option<PathBuf>,
    /// Leave out tables that match (TABLE or DATABASE/TABLE; * and ? as in the shell); may be repeated
    ///
    /// By default, federation_peers is left out: Beads stores passwords in it. `--exclude ''` leaves nothing out.
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Treat more as secret: tables or files that match TABLE, or only their settings and columns that match KEY; may be
    /// repeated
    ///
    /// config and federation_peers are always secret, because Beads stores tokens and passwords there. In a mount, only
    /// their owner may read such files (0400), whatever allow_other, mode= and umask= say. diff and find mask the values
    /// of keys such as *_key, *token and *password*; in a table given without KEY, all values except those that identify
    /// the row.
    #[arg(long, value_name = "TABLE[:KEY]")]
    pub secret: Vec<String>,
    #[command(flatten)]
    pub source: SourceArgs,
}

/// Sources and how to read them: arguments that are checked and ready to use.
pub(super) struct ReadingPlan {
    pub sources: Vec<SourceSpec>,
    pub options: SourceOptions,
    pub secrets: Arc<Secrets>,
    cache_size: u64,
    /// What to tell the user about a cache that is too small.
    pub warning: Option<String>,
}

impl ReadingPlan {
    /// Checks the arguments without touching a source.
    pub fn new(sources: &[OsString], args: &ReadingArgs) -> Result<Self, Failure> {
        let exclude: Vec<&str> = args.exclude.iter().map(String::as_str).collect();
        let secrets = Secrets::new(args.secret.iter().map(String::as_str)).map_err(|error| {
            Failure::usage("--secret is not a valid pattern")
                .because(&error)
                .hint("* and ? work as in the shell")
        })?;
        let cache_size = args.cache_size.unwrap_or(CACHE_SIZE);
        let smallest = SMALLEST_CACHE >> 20;
        Ok(Self {
            options: args.source.options(&exclude, cache_folder::folder(args.cache_dir.as_deref()))?,
            sources: SourceSpec::parse_all(sources)?,
            secrets: Arc::new(secrets),
            cache_size: cache_size.max(SMALLEST_CACHE),
            warning: (cache_size < SMALLEST_CACHE).then(|| {
                format!("a cache below {smallest} MiB would evict what is being read; using {smallest} MiB")
            }),
        })
    }

    /// How time expressions without a zone are read.
    pub fn zone(&self) -> TimeZone {
        self.options.zone.clone().unwrap_or(TimeZone::UTC)
    }

    pub fn open(&mut self) -> Result<Vec<Arc<dyn Source>>, Failure> {
        self.options.cache_dir =
            self.options.cache_dir.take().filter(|folder| cache_folder::is_trusted(folder));
        let open = |source: &SourceSpec| {
            let _opening = Notice::of(format!("opening {source}"));
            wire::open(source, &self.options)
        };
        self.sources.iter().map(open).collect()
    }

    pub async fn load(&self, sources: Vec<Arc<dyn Source>>) -> Result<(Arc<Catalog>, Watcher), Failure> {
        let reading = |label: &str| Notice::of(format!("reading the history of {label}"));
        Ok(Watcher::start(sources, self.options.clock.clone(), reading).await?)
    }

    /// An engine that knows what earlier runs saved.
    pub fn engine(&self) -> Engine {
        cache_folder::engine(self.cache_size, self.options.cache_dir.as_deref(), &self.options.clock)
    }
}
