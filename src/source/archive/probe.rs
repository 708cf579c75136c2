//! Reads any bytes as what a folder of archives may hold: what the fuzz targets in `fuzz/` do with bytes that they made
//! up, and a test with all that they ever found.

use jiff::tz::TimeZone;

use super::naming::parse_file_name;
use super::thrum::Manifest;
use crate::content::{Sink, SourceError};
use crate::format::dump::packed::Packing;
use crate::format::dump::probe::InMemory;
use crate::format::form::read_export;
use crate::model::name_time::Conventions;

/// Bytes as the name of an archive.
pub fn archive_name(bytes: &[u8]) {
    let Ok(name) = std::str::from_utf8(bytes) else { return };
    if let Ok(parsed) = parse_file_name(name)
        && let Some(time) = parsed.time
    {
        // Whether it is a moment at all.
        let _ = time.resolve(&Conventions::default(), None, &TimeZone::UTC);
    }
}

/// Bytes as the manifest of a Thrum backup.
pub fn thrum_manifest(bytes: &[u8]) {
    let _ = Manifest::read(bytes);
}

/// Bytes as an export, in whichever of both forms they look like.
pub fn export(bytes: &[u8]) {
    let (sink, mut pieces) = Sink::new(4);
    let stored = InMemory::new(bytes);
    let read = || -> Result<(), SourceError> { read_export("a probe", &stored, Packing::Plain, false, sink) };
    std::thread::scope(|scope| {
        scope.spawn(move || while pieces.blocking_recv().is_some() {});
        let _ = read();
    });
}
