//! File formats: what a blob is shown as, wherever it is stored.
//!
//! [`shown_as`] serves archives and git alike. A format has no timeline, polls nothing and assigns no ids: the source
//! that holds the blob does. To add a format, implement [`Format`] in a folder here, and add it to [`FORMATS`].
//!
//! | file | what it is |
//! | --- | --- |
//! | `api` | the trait [`Format`], and [`shown_as`] |
//! | `input`, `shown` | what a format works on, and the files that it makes |
//! | `file_format` | which format a file has, by its name |
//! | `beside` | blobs in trees: their files are in folders beside them |
//! | `flaw` | what the check of a file finds |
//! | `blob/` | bytes, wherever they are stored |
//! | `raw`, `broken` | a blob as it is; an error in the place of a file |
//! | `export`, `sqlite/`, `pg_dump/`, `sql_text`, `tar/`, `zip/` | the formats |
//! | `packed/`, `decoders/` | what is packed as a whole; unpacking within bounds |
//! | `checksums` | lists of `sha256sum` |
//! | `probe` | what fuzzing calls |

mod api;
pub(crate) mod beside;
pub(crate) mod blob;
mod broken;
pub(crate) mod checksums;
pub(crate) mod decoders;
mod error;
pub(crate) mod export;
mod file_format;
pub(crate) mod flaw;
pub(crate) mod hasher;
mod head;
pub(crate) mod input;
pub(crate) mod packed;
pub(crate) mod pg_dump;
mod pieces;
pub mod probe;
pub(crate) mod raw;
pub(crate) mod shown;
mod sql_text;
pub mod sqlite;
pub(crate) mod tar;
#[cfg(test)]
pub(crate) mod tests;
pub mod zip;

pub(crate) use api::{Format, shown_as};
pub(crate) use export::EXPORT;
pub(crate) use file_format::FileFormat;
pub(crate) use sqlite::SQLITE;
pub(crate) use tar::TAR;
pub(crate) use zip::ZIP;

pub(crate) use pg_dump::PG_DUMP;
pub(crate) use sql_text::SQL_TEXT;

/// All formats whose files are shown as more than their bytes. The end of a file's name says which one it has.
static FORMATS: &[&dyn Format] = &[ZIP, EXPORT, SQLITE, PG_DUMP, SQL_TEXT, TAR];

/// Removes the temporary files of earlier processes of this program that were killed. Works once.
pub fn remove_leftovers() {
    static SWEPT: std::sync::Once = std::sync::Once::new();
    SWEPT.call_once(blob::sweep);
}
