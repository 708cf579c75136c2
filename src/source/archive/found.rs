//! What a scan finds, and the snapshots that it makes.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use data_encoding::HEXLOWER;

use crate::model::time::Timestamp;

use crate::content::{ErrorKind, SourceError};
use crate::files::access;
use crate::format::FileFormat;
use crate::format::blob::FileVersion;
use crate::model::access::Audience;
use crate::model::content_id::ContentId;
use crate::model::terminal::ShowPath;

/// A file that is a snapshot, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Artefact {
    pub(super) file: Arc<FileVersion>,
    /// What SQLite left beside it: rows that are not in the file yet, and pages as they were before a write that was
    /// broken off.
    pub(super) wal: Option<Arc<FileVersion>>,
    pub(super) journal: Option<Arc<FileVersion>>,
    /// The file's name, unique in its folder; the path below the folder where that is the snapshot.
    pub(super) name: Arc<str>,
    pub(super) format: FileFormat,
    /// Which part of a snapshot it is, where one has several; empty for the only or the first one.
    pub(super) part: Arc<str>,
    /// How many members a zip has; 0 for one that cannot be read, and for other formats.
    pub(super) members: usize,
    /// Whom its files let read them.
    pub(super) audience: Audience,
    /// Whom the folders on the way to it let pass.
    pub(super) way: Audience,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundArchive {
    pub(super) artefact: Artefact,
    /// The database that it belongs to, before any renaming.
    pub(super) database: Arc<str>,
    pub(super) time: Timestamp,
    /// Whether the time is when the content was captured, as a manifest inside tells.
    pub(super) is_captured: bool,
    /// Whether it is only when the file was last changed.
    pub(super) is_by_mtime: bool,
    pub(super) mark: Option<&'static str>,
    pub(super) tag: Option<Arc<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Archive {
    /// Names it among the snapshots of its database, as long as it is there.
    pub(super) id: Arc<str>,
    /// The database that it belongs to, before any renaming.
    pub(super) database: Arc<str>,
    pub(super) time: Timestamp,
    /// Whether the time is only when its file was last changed.
    pub(super) is_by_mtime: bool,
    pub(super) mark: Option<&'static str>,
    pub(super) tag: Option<Arc<str>>,
    /// What it consists of: one file, the files of one tag and time, or those of a folder. Sorted by name.
    pub(super) artefacts: Vec<Artefact>,
}

impl Artefact {
    pub(super) fn files(&self) -> impl Iterator<Item = &Arc<FileVersion>> {
        std::iter::once(&self.file).chain(&self.wal).chain(&self.journal)
    }

    /// What tells the files beside it from their next versions.
    pub(super) fn keys_beside(&self) -> Vec<ContentId> {
        self.files().skip(1).map(|file| file.key()).collect()
    }

    /// The same with another state of its file.
    #[must_use]
    pub(super) fn with_file(self, file: Arc<FileVersion>) -> Self {
        let artefact = Self { file, ..self };
        Self { audience: readers_of(artefact.files()), ..artefact }
    }

    /// Who may read what it shows.
    pub(super) fn readers(&self) -> Audience {
        self.audience.and(self.way)
    }
}

/// Whom all of these files let read them, with their ACLs.
pub(super) fn readers_of<'f>(files: impl IntoIterator<Item = &'f Arc<FileVersion>>) -> Audience {
    let one = |file: &Arc<FileVersion>| access::of_file_at(&file.root, &file.path, file.stamp.inode);
    files.into_iter().map(one).fold(Audience::Everyone, Audience::and)
}

impl Archive {
    /// What a part of it is called: the same in each snapshot.
    pub(super) fn name_of<'a>(&'a self, artefact: &'a Artefact) -> &'a str {
        if artefact.part.is_empty() { &self.database } else { &artefact.part }
    }

    /// Who may read all that it shows.
    pub(super) fn readers(&self) -> Audience {
        self.artefacts.iter().map(Artefact::readers).fold(Audience::Everyone, Audience::and)
    }

    /// Its id with the state of its files: another one when one of them is replaced.
    pub(super) fn state_id(&self) -> Arc<str> {
        let keys: Vec<ContentId> =
            self.artefacts.iter().flat_map(Artefact::files).map(|file| file.key()).collect();
        let keys: Vec<&[u8]> = keys.iter().map(|key| &key.as_bytes()[..]).collect();
        format!("{} {}", self.id, HEXLOWER.encode(ContentId::of(&keys).as_bytes())).into()
    }

    /// Bytes of its files, added up.
    pub(super) fn len(&self) -> u64 {
        let lens = self.artefacts.iter().flat_map(Artefact::files).map(|file| file.stamp.len);
        lens.fold(0, u64::saturating_add)
    }

    /// The message of the snapshot: the names of its files, and the origin of its time if they have none; of a folder that has
    /// many, how many there are.
    pub(super) fn message(&self) -> String {
        let names: Vec<&str> = self.artefacts.iter().map(|artefact| &*artefact.name).collect();
        if self.is_by_mtime {
            return format!("{} (no time in its name: when it was last changed)", names.join(", "));
        }
        let is_folder = self.artefacts.iter().any(|artefact| artefact.format == FileFormat::BYTES);
        if is_folder { format!("{} files", names.len()) } else { names.join(", ") }
    }

    pub(super) fn members(&self) -> usize {
        self.artefacts.iter().map(|artefact| artefact.members).sum()
    }
}

/// The snapshots of the files found, and a folder's own present state, sorted by time, then by id.
///
/// Files of one tag and time are one snapshot. Of a Thrum backup the present state becomes an archive when the
/// next one is made: both have the time of their manifest, and with it one id, so that it stays the same snapshot.
/// Once the archive is there it answers, as the folder may be written to at any moment.
pub(super) fn snapshots<'f>(
    found: impl Iterator<Item = &'f FoundArchive>,
    present: impl IntoIterator<Item = Archive>,
) -> Vec<Archive> {
    let mut tagged: BTreeMap<(Arc<str>, Arc<str>, Timestamp), Vec<Artefact>> = BTreeMap::new();
    let mut archives = Vec::new();
    for file in found {
        let FoundArchive { artefact, database, time, mark, tag, is_captured, is_by_mtime } = file.clone();
        match tag {
            Some(tag) => tagged.entry((database, tag, time)).or_default().push(artefact),
            None => {
                let id = Arc::clone(&artefact.name);
                let artefacts = vec![artefact];
                let archive = Archive { id, database, time, is_by_mtime, mark, tag: None, artefacts };
                archives.push((archive, is_captured && mark.is_none()));
            }
        }
    }
    archives.sort_unstable_by(|(a, _), (b, _)| (a.time, &a.id).cmp(&(b.time, &b.id)));
    let mut captured = HashSet::new();
    let mut all: Vec<Archive> = Vec::with_capacity(archives.len());
    for (mut archive, is_captured) in archives {
        if is_captured && captured.insert((Arc::clone(&archive.database), archive.time)) {
            archive.id = captured_id(archive.time);
        }
        all.push(archive);
    }
    all.extend(present.into_iter().filter(|now| !captured.contains(&(Arc::clone(&now.database), now.time))));
    all.extend(tagged.into_iter().map(|((database, tag, time), mut artefacts)| {
        artefacts.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let id = format!("{tag} {time}").into();
        Archive { id, database, time, is_by_mtime: false, mark: None, tag: Some(tag), artefacts }
    }));
    all.sort_unstable_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
    all
}

pub(super) fn cannot_list(label: &str, folder: &Path, error: io::Error) -> SourceError {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied => ErrorKind::Refused,
        _ => ErrorKind::Unavailable,
    };
    SourceError::new(kind, label, format!("cannot list folder {}", folder.shown()))
        .because(error)
        .with_hint("check that the folder is there, mounted and readable")
}

pub(super) fn captured_id(time: Timestamp) -> Arc<str> {
    format!("captured {time}").into()
}
