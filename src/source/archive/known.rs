//! What was read of zips once, kept on disk: a folder of 10,000 is looked through without opening each.

use std::collections::HashMap;
use std::path::Path;

use crate::model::time::Timestamp;
use crate::util::clock::WallClock;

use super::zip_facts::ZipFacts;
use crate::model::content_id::ContentId;
use crate::model::terminal::ShowPath;
use crate::util::records::{Kind, RecordFile, later};

/// The key of a file's state, the nanoseconds since 1970 at which its content was captured, and the number of members;
/// little-endian.
const FACTS: usize = 16 + 8 + 4;

/// Counts the formats of the records.
const FORMAT: u32 = 2;

/// Stands in the place of the nanoseconds of a zip that does not tell when it was captured.
const NOT_CAPTURED: i64 = i64::MIN;

#[derive(Debug, Default)]
pub(super) struct KnownZips {
    file: Option<RecordFile<FACTS>>,
    known: HashMap<ContentId, ZipFacts>,
    /// Not on disk yet.
    news: Vec<[u8; FACTS]>,
}

impl KnownZips {
    /// What is kept in a folder; without one nothing is kept.
    pub(super) fn in_folder(folder: Option<&Path>, clock: WallClock) -> Self {
        let Some(folder) = folder else { return Self::default() };
        let file = RecordFile::new(folder, Kind::Zips, FORMAT, later, clock);
        let records = file.read().unwrap_or_else(|error| {
            let path = file.path().shown();
            tracing::warn!(%path, %error, "what earlier mounts read of zips is not known");
            Vec::new()
        });
        let known = records.iter().filter_map(decoded).collect();
        Self { file: Some(file), known, news: Vec::new() }
    }

    pub(super) fn get(&self, key: ContentId) -> Option<ZipFacts> {
        self.known.get(&key).copied()
    }

    pub(super) fn keep(&mut self, key: ContentId, facts: ZipFacts) {
        if self.file.is_some() && self.known.insert(key, facts).is_none() {
            self.news.extend(encoded(key, facts));
        }
    }

    /// Puts on disk what is new. What cannot be put there is read again next time.
    pub(super) fn save(&mut self) {
        let Some(file) = &self.file else { return };
        file.note_use();
        if self.news.is_empty() {
            return;
        }
        if let Err(error) = file.add(self.news.drain(..)) {
            tracing::debug!(path = %file.path().shown(), %error, "what was read of zips is not kept");
        }
    }
}

/// The record of a zip; none of a time beyond the years 1677 to 2262, which is read again each time.
fn encoded(key: ContentId, facts: ZipFacts) -> Option<[u8; FACTS]> {
    let captured = match facts.captured {
        Some(time) => i64::try_from(time.as_nanosecond()).ok().filter(|time| *time != NOT_CAPTURED)?,
        None => NOT_CAPTURED,
    };
    let mut record = [0; FACTS];
    record[..16].copy_from_slice(key.as_bytes());
    record[16..24].copy_from_slice(&captured.to_le_bytes());
    record[24..].copy_from_slice(&u32::try_from(facts.members).ok()?.to_le_bytes());
    Some(record)
}

fn decoded(record: &[u8; FACTS]) -> Option<(ContentId, ZipFacts)> {
    let (key, rest) = record.split_first_chunk::<16>()?;
    let (captured, members) = rest.split_first_chunk::<8>()?;
    let captured = match i64::from_le_bytes(*captured) {
        NOT_CAPTURED => None,
        time => Some(Timestamp::from_nanosecond(time.into())),
    };
    let members = usize::try_from(u32::from_le_bytes(*members.first_chunk()?)).ok()?;
    Some((ContentId::from_bytes(*key), ZipFacts { captured, members }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_known_to_the_next_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let time = |text: &str| Some(text.parse().expect("a time"));
        let all = [
            ZipFacts { captured: None, members: 70_000 },
            ZipFacts { captured: time("2026-01-01T10:00:00.5Z"), members: 3 },
            ZipFacts { captured: time("1969-12-31T23:59:59.25Z"), members: 0 },
        ];
        let key = |number: usize| ContentId::of(&[&number.to_le_bytes()]);
        let mut zips = KnownZips::in_folder(Some(folder.path()), WallClock::system());
        for (number, facts) in all.into_iter().enumerate() {
            assert_eq!(zips.get(key(number)), None);
            zips.keep(key(number), facts);
        }
        zips.save();
        let next = KnownZips::in_folder(Some(folder.path()), WallClock::system());
        for (number, facts) in all.into_iter().enumerate() {
            assert_eq!(next.get(key(number)), Some(facts), "{number}");
        }
        assert!(KnownZips::in_folder(None, WallClock::system()).get(key(0)).is_none());
    }
}
