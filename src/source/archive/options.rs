//! What the user chose about an archive source.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::undated::Undated;
use crate::files::root::Links;
use crate::util::clock::WallClock;

/// The choices.
#[derive(Debug, Clone, Default)]
pub struct ArchiveOptions {
    /// The name of the one database to show (`NAME=PATH`).
    pub name: Option<String>,
    /// The zone of archive names that name none (`--timezone`). Without it such a name is read as its writer
    /// meant it: dolt-archive writes local time, everybody else UTC.
    pub zone: Option<TimeZone>,
    /// Where what is read of archives is kept for the next mount; nowhere without it.
    pub cache_dir: Option<PathBuf>,
    /// Which links are followed (`--follow-links`).
    pub links: Links,
    /// What becomes of archives whose names hold no time (`--undated`).
    pub undated: Undated,
    /// What time it is.
    pub clock: WallClock,
}
