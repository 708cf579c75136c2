//! Reads any bytes as what a folder of archives may hold: what the fuzz targets in `fuzz/` do with bytes that they made
//! up, and a test with all that they ever found.

use jiff::tz::TimeZone;

use super::thrum::Manifest;
use crate::model::name_time::Conventions;
use crate::source::dated_names::parse_file_name;

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
