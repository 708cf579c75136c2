//! Pieces of bytes shown as files, wherever they are stored: SQLite files, dumps, tars, packed files, exports.
//!
//! A format has no timeline, polls nothing and gives out no identity: the source that holds the bytes does.

pub(crate) mod blob;
pub(crate) mod decoders;
pub mod dump;
pub(crate) mod form;
pub mod sqlite;
pub mod zip;

/// Removes the temporary files of earlier processes of this program that were killed: once, however often it is called.
pub fn remove_leftovers() {
    static SWEPT: std::sync::Once = std::sync::Once::new();
    SWEPT.call_once(blob::sweep);
}
