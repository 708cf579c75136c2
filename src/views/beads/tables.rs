//! The tables of Beads among the files of a snapshot.

use bytes::Bytes;

use super::cells::Cells;
use crate::content::FileEntry;
use crate::engine::{Engine, Reader};
use crate::model::access::Access;
use crate::model::content_id::ContentId;
use crate::model::secrets::Secrets;
use crate::views::DerivedError;
use crate::views::lines::LineBlocks;

/// What a table's file name ends in.
const SUFFIX: &str = ".jsonl";

/// What every version of Beads that keeps its issues in tables has for an issue (its migration 0001).
const COLUMNS: [&str; 7] = ["id", "title", "status", "priority", "issue_type", "created_at", "updated_at"];

/// A table that an export is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Issues,
    Labels,
    Dependencies,
    Comments,
    Config,
}

impl Table {
    /// In this order what belongs to an issue is taken up: its own row first.
    pub const ALL: [Self; 5] = [Self::Issues, Self::Labels, Self::Dependencies, Self::Comments, Self::Config];

    /// Those that there have to be. `config` only adds to them, and not all archives have it.
    const NEEDED: [Self; 4] = [Self::Issues, Self::Labels, Self::Dependencies, Self::Comments];

    /// Its name.
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
pub struct Tables(Vec<(Table, FileEntry)>);

impl Tables {
    /// Finds them; `None` where one is missing.
    pub fn find(files: &[FileEntry]) -> Option<Self> {
        let of = |table: Table| {
            let file = files.iter().find(|file| file.path.strip_suffix(SUFFIX) == Some(table.name()));
            file.map(|file| (table, file.clone()))
        };
        let needed: Option<Vec<_>> = Table::NEEDED.into_iter().map(of).collect();
        needed.map(|tables| Self(tables.into_iter().chain(of(Table::Config)).collect()))
    }

    /// Their files.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        self.0.iter().map(|(_, file)| file)
    }

    /// Who may read what is made of all of them. Of `config` that is what `bd remember` keeps there, and no setting: it is
    /// as secret as a user's own rule says, whatever the built-in one does.
    pub fn access(&self, secrets: &Secrets) -> Access {
        let one = |(table, file): &(Table, FileEntry)| match table {
            Table::Config if !secrets.is_own(&file.path) => file.access.without_values(),
            _ => file.access,
        };
        self.0.iter().map(one).fold(Access::default(), Access::and)
    }

    /// Opens them.
    ///
    /// # Errors
    /// Why one cannot be read.
    pub async fn open(&self, engine: &Engine) -> Result<Readers, DerivedError> {
        let mut readers = Vec::with_capacity(self.0.len());
        for (table, file) in &self.0 {
            readers.push((*table, engine.open(file.id, &file.content).await?));
        }
        Ok(Readers(readers))
    }

    /// Whether the issues have the columns of Beads' ones, as far as a first row tells.
    ///
    /// # Errors
    /// Why they cannot be read.
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
        let row = Cells::parse(Table::Issues.name(), &begin);
        Ok(row.is_ok_and(|row| COLUMNS.iter().all(|column| row.has(column))))
    }
}

/// How much of the issues is read at once to see the first one, in bytes.
const FIRST: usize = 64 * 1024;

/// The tables, open.
pub struct Readers(Vec<(Table, Reader)>);

impl Readers {
    /// The rows of a table, in blocks of lines; none where there is no such table.
    pub fn blocks(&self, table: Table) -> Blocks<'_> {
        Blocks(self.0.iter().find(|(of, _)| *of == table).map(|(_, reader)| LineBlocks::from(reader, 0)))
    }
}

/// The rows of a table that may not be there.
pub struct Blocks<'r>(Option<LineBlocks<'r>>);

impl Blocks<'_> {
    /// The next rows, as lines.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub async fn next(&mut self) -> Result<Option<Bytes>, DerivedError> {
        match &mut self.0 {
            Some(blocks) => blocks.next().await,
            None => Ok(None),
        }
    }
}

/// The id of what is made of these files by the rules of `version`.
pub fn id_of(tables: &Tables, version: u8) -> ContentId {
    let ids: Vec<_> = tables.files().map(|file| file.id).collect();
    let mut parts: Vec<&[u8]> = vec![b"beads export", std::slice::from_ref(&version)];
    parts.extend(ids.iter().map(|id| &id.as_bytes()[..]));
    ContentId::of(&parts)
}
