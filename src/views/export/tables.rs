//! Finds the tables of Beads among the files of a snapshot.

use super::cells::Cells;
use crate::content::FileEntry;
use crate::engine::{Engine, Reader};
use crate::model::access::Access;
use crate::model::content_id::ContentId;
use crate::model::secrets::Secrets;
use crate::views::derived::TABLE;
use crate::views::error::DerivedError;

/// The columns that issues have in every version of Beads that keeps them in tables (its migration 0001).
const COLUMNS: [&str; 7] = ["id", "title", "status", "priority", "issue_type", "created_at", "updated_at"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeadsTable {
    Issues,
    Labels,
    Dependencies,
    Comments,
    Config,
}

impl BeadsTable {
    /// The required ones, in the order in which the rows of an issue are read: its own row first. `config` is optional: some
    /// archives lack it.
    const NEEDED: [Self; 4] = [Self::Issues, Self::Labels, Self::Dependencies, Self::Comments];

    pub fn name(self) -> &'static str {
        match self {
            Self::Issues => "issues",
            Self::Labels => "labels",
            Self::Dependencies => "dependencies",
            Self::Comments => "comments",
            Self::Config => "config",
        }
    }
}

/// The files of these tables in one snapshot.
#[derive(Clone)]
pub struct Tables(Vec<(BeadsTable, FileEntry)>);

impl Tables {
    pub fn find(files: &[FileEntry]) -> Option<Self> {
        let of = |table: BeadsTable| {
            let file = files.iter().find(|file| file.path.strip_suffix(TABLE) == Some(table.name()));
            file.map(|file| (table, file.clone()))
        };
        let needed: Option<Vec<_>> = BeadsTable::NEEDED.into_iter().map(of).collect();
        needed.map(|tables| Self(tables.into_iter().chain(of(BeadsTable::Config)).collect()))
    }

    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        self.0.iter().map(|(_, file)| file)
    }

    /// Who may read what is made from all of them. From `config` only the memories of `bd remember` are used, and no
    /// setting: so only a user's own rule makes it secret, not the built-in one.
    pub fn access(&self, secrets: &Secrets) -> Access {
        let one = |(table, file): &(BeadsTable, FileEntry)| match table {
            BeadsTable::Config if !secrets.is_own(&file.path) => file.access.without_values(),
            _ => file.access,
        };
        self.0.iter().map(one).fold(Access::default(), Access::and)
    }

    /// Opens them, the required ones first.
    pub async fn open(&self, engine: &Engine) -> Result<Vec<(BeadsTable, Reader)>, DerivedError> {
        let mut readers = Vec::with_capacity(self.0.len());
        for (table, file) in &self.0 {
            readers.push((*table, engine.open(file.id, &file.content).await?));
        }
        Ok(readers)
    }

    /// Whether the issues have the columns of Beads, by the first row.
    pub async fn are_of_beads(&self, engine: &Engine) -> Result<bool, DerivedError> {
        let Some((_, file)) = self.0.first() else { return Ok(false) };
        let reader = engine.open(file.id, &file.content).await?;
        let mut begin = Vec::new();
        loop {
            let piece = reader.read(begin.len() as u64, FIRST).await?;
            let end = memchr::memchr(b'\n', &piece);
            begin.extend_from_slice(&piece[..end.unwrap_or(piece.len())]);
            if end.is_some() || piece.is_empty() {
                break;
            }
        }
        if begin.is_empty() {
            return Ok(true);
        }
        let row = Cells::parse(BeadsTable::Issues.name(), &begin);
        Ok(row.is_ok_and(|row| COLUMNS.iter().all(|column| row.has(column))))
    }
}

/// How many bytes of the issues are read at once to find the first row.
const FIRST: usize = 64 * 1024;

/// The content id of the export of these files in format `version`.
pub fn id_of(tables: &Tables, version: u8) -> ContentId {
    let ids: Vec<_> = tables.files().map(|file| file.id).collect();
    let mut parts: Vec<&[u8]> = vec![b"beads export", std::slice::from_ref(&version)];
    parts.extend(ids.iter().map(|id| &id.as_bytes()[..]));
    ContentId::of(&parts)
}
