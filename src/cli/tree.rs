//! The tree of the sources that a command without a mount reads.

use std::ffi::OsString;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::failure::Failure;
use super::found::{self, Announce};
use super::reading::{ReadingArgs, ReadingPlan};
use super::workers::Workers;
use super::{cache_folder, logging};
use crate::catalog::{Catalog, Watcher};
use crate::model::secrets::Secrets;
use crate::util::clock::WallClock;
use crate::vfs::Vfs;

/// Which sources a command without a mount reads, and how.
#[derive(Debug, clap::Args)]
pub(super) struct FromArgs {
    /// What to read, as for `asof mount`; may be repeated. NAME= names a database; sources with the same NAME share one
    /// timeline [default: $ASOF_FROM, or what `asof sources` finds]
    #[arg(long, value_name = "[NAME=]SOURCE")]
    from: Vec<OsString>,
    #[command(flatten)]
    reading: ReadingArgs,
}

/// The tree of one command's sources, and what it is made of.
pub(super) struct OpenTree {
    pub runtime: Workers,
    pub catalog: Arc<Catalog>,
    pub vfs: Vfs,
    pub zone: TimeZone,
    pub clock: WallClock,
    pub secrets: Arc<Secrets>,
    /// The database that is meant where none is named, if the command runs in its folder of a mount.
    pub database: Option<String>,
    /// Finds lost commits as long as it lives.
    _watcher: Watcher,
}

impl OpenTree {
    /// Opens the sources and reads their history. Logs only what the environment asks for.
    pub fn open(from: &FromArgs) -> Result<Self, Failure> {
        logging::to_stderr_if_asked();
        let chosen = found::or_found(&from.from, Announce::ToPeople)?;
        let mut plan = ReadingPlan::new(&chosen.arguments, &from.reading)?;
        if let Some(warning) = &plan.warning {
            Failure::new(warning).print();
        }
        let runtime = Workers::start(plan.sources.len())?;
        let sources = plan.open()?;
        let (catalog, watcher) = runtime.block_on(plan.load(sources))?;
        let (engine, zone) = (plan.engine(), plan.zone());
        let (secrets, clock) = (plan.secrets, plan.options.clock);
        let vfs = Vfs::new(catalog.clone(), engine, secrets.clone(), zone.clone(), clock.clone());
        Ok(Self { runtime, catalog, vfs, zone, clock, secrets, database: chosen.database, _watcher: watcher })
    }

    pub fn save(&self) {
        if let Err(error) = self.vfs.save() {
            cache_folder::not_saved(&error);
        }
    }
}
