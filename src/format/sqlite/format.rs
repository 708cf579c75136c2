//! SQLite files as a format: each table and view, and the schema.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{Relation, RelationKind, SqliteFile, is_sqlite};
use crate::content::text::TextContent;
use crate::content::{Content, ErrorKind, SourceError};
use crate::format::api::Format;
use crate::format::flaw::{Flaw, Weight};
use crate::format::input::FormatInput;
use crate::format::shown::{FileGroup, Fingerprint, ShownFile};
use crate::model::content_id::ContentId;
use crate::model::names::escape_with_suffix;
use crate::model::shell;

/// What the schema of a database is called.
const SCHEMA: &str = "schema.sql";

pub(crate) static SQLITE: &dyn Format = &Sqlite;

struct Sqlite;

impl Format for Sqlite {
    fn endings(&self) -> &'static [&'static str] {
        &super::NAME_ENDINGS
    }

    fn head_test(&self) -> Option<fn(&[u8]) -> bool> {
        Some(|head| is_sqlite(head, head.len() as u64))
    }

    fn files(&self, input: &FormatInput<'_>) -> Result<Vec<ShownFile>, SourceError> {
        let Some(file) = SqliteFile::of(input)? else { return Ok(Vec::new()) };
        let (listing, schema) = file.listing_and_schema()?;
        let mut files: Vec<ShownFile> = listing.shown.iter().map(|relation| table(&file, relation)).collect();
        let what = format!("schema of {}", input.blob.describe());
        let fingerprint = TextFingerprint(Sha256::digest(&schema).into());
        let text = Content::stream(TextContent { text: schema, what });
        let schema = ShownFile::of_blob(FileGroup::Tables, SCHEMA, text);
        files.push(ShownFile { fingerprint: Some(Arc::new(fingerprint)), ..schema });
        Ok(files)
    }

    fn stand_in(&self) -> Option<(FileGroup, &'static str)> {
        Some((FileGroup::Tables, SCHEMA))
    }

    fn check(&self, input: &FormatInput<'_>) -> Option<Vec<Flaw>> {
        // Reading a file that is a database by name only says what is wrong with it.
        let file = SqliteFile::of(input).ok().flatten()?;
        let check = match file.quick_check() {
            Ok(check) => check,
            Err(error) => return Some(vec![Flaw::of(&error)]),
        };
        let command = input.blob.as_file().map(|file| shell::command("sqlite3", &*file.path));
        let wrong = check.wrong.into_iter().map(|message| {
            let flaw = Flaw::new(Weight::Wrong, message);
            match &command {
                Some(command) => flaw.with_hint(format!("`{command} .recover` takes out what can be saved")),
                None => flaw,
            }
        });
        let unchecked = check.unchecked.into_iter().map(|what| Flaw::new(Weight::Unchecked, what));
        Some(wrong.chain(unchecked).collect())
    }

    fn counted_as(&self) -> Option<&'static str> {
        Some("SQLite file")
    }
}

impl SqliteFile {
    /// The database that a blob is, with what is beside it; `None` if only its name is that of one. Blocks.
    pub(crate) fn of(input: &FormatInput<'_>) -> Result<Option<Arc<Self>>, SourceError> {
        let head = input.head().map_err(|error| input.fail("read", error))?;
        if !is_sqlite(head, head.len() as u64) {
            return Ok(None);
        }
        let (label, spools) = (Arc::clone(&input.context.label), Arc::clone(&input.context.spools));
        Ok(Some(Arc::new(Self::new(label, input.unpacked()?, input.beside.clone(), spools))))
    }
}

fn table(file: &Arc<SqliteFile>, relation: &Relation) -> ShownFile {
    let path = escape_with_suffix(&relation.name, ".jsonl");
    let shown = ShownFile::of_blob(FileGroup::Tables, path, Content::stream(file.rows(relation)));
    if relation.kind != RelationKind::Table {
        // Computed rows are not computed just to compare them: they are the same as long as the whole file is.
        return shown;
    }
    let fingerprint = RowsFingerprint { file: Arc::clone(file), relation: relation.clone() };
    ShownFile { fingerprint: Some(Arc::new(fingerprint)), ..shown }
}

/// The rows of a table, of which nothing is known without reading them.
struct RowsFingerprint {
    file: Arc<SqliteFile>,
    relation: Relation,
}

impl Fingerprint for RowsFingerprint {
    fn likeness(&self) -> ContentId {
        ContentId::of(&[b"table"])
    }

    fn digest(&self) -> Result<[u8; 32], ErrorKind> {
        self.file.digest(&self.relation).map_err(|error| error.kind)
    }
}

/// A text that was read already, by its SHA-256.
struct TextFingerprint([u8; 32]);

impl Fingerprint for TextFingerprint {
    fn likeness(&self) -> ContentId {
        ContentId::of(&[b"text", &self.0])
    }

    fn digest(&self) -> Result<[u8; 32], ErrorKind> {
        Ok(self.0)
    }
}
