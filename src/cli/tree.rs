//! The tree of the sources that a command without a mount reads.

use std::ffi::OsString;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::reading::{ReadingArgs, ReadingPlan};
use super::workers::Workers;
use super::{Failure, disk_cache, logging};
use crate::catalog::{Catalog, Watcher};
use crate::engine::Engine;
use crate::model::secrets::Secrets;
use crate::util::clock::WallClock;
use crate::vfs::Vfs;

/// Which sources a command without a mount reads, and how.
#[derive(Debug, clap::Args)]
pub(super) struct FromArgs {
    /// What to read, as for `asof mount`; may be repeated. NAME= names a database; sources with the same NAME share one
    /// timeline
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
        let mut plan = ReadingPlan::new(&from.from, &from.reading)?;
        if let Some(warning) = &plan.warning {
            Failure::new(warning).print();
        }
        let runtime = Workers::start(plan.sources.len())?;
        let sources = plan.open()?;
        let (catalog, watcher) = runtime.block_on(plan.load(sources))?;
        let (engine, zone, clock) = (plan.engine(0), plan.zone(), plan.options.clock);
        Ok(Self { runtime, catalog, engine, zone, clock, secrets: plan.secrets, _watcher: watcher })
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
        let vfs = Vfs::new(Arc::clone(&catalog), engine, secrets, zone.clone(), clock.clone());
        Ok(Self { runtime, catalog, vfs, zone, clock, _watcher })
    }

    /// Keeps what was found out of contents for the next time.
    pub fn close(&self) {
        if let Err(error) = self.vfs.save() {
            disk_cache::not_kept(&error);
        }
    }
}
