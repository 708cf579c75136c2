//! Any bytes as an archive, and as the data of a table.

use std::sync::Arc;

use super::column_types::{ColumnType, NAMED, TableDefinition};
use super::encoding::DumpEncoding;
use super::table::{PgTable, RowRenderer};
use super::{PgDump, is_readable};
use crate::content::Sink;
use crate::format::blob::{Blob, InMemory};

/// One encoding of each kind.
const ENCODINGS: [&str; 5] = ["UTF8", "SQL_ASCII", "WIN1255", "EUC_JP", "SJIS"];

/// Reads the table of contents, and all that it leads to.
pub(crate) fn archive(bytes: &[u8]) {
    let blob: Arc<dyn Blob> = Arc::new(InMemory::new(bytes));
    let Ok(dump) = PgDump::open(&"probe".into(), blob) else { return };
    for file in dump.files() {
        let _ = file.fingerprint.map(|fingerprint| fingerprint.digest());
    }
    for (place, entry) in dump.toc.entries.iter().enumerate() {
        let (label, blob) = (Arc::clone(&dump.label), Arc::clone(&dump.blob));
        let table = PgTable { label, blob, toc: Arc::clone(&dump.toc), entries: vec![place] };
        if is_readable(entry) {
            // The rows are thrown away piece by piece.
            let _ = table.render(Sink::new(1).0);
        }
    }
}

/// Each line as a row of one column, of each type in turn.
pub(crate) fn copy_text(bytes: &[u8]) {
    let types = NAMED.iter().map(|&(_, column_type)| column_type).chain([ColumnType::Text]);
    for column_type in types {
        let columns = [("v".to_owned(), column_type)];
        for encoding in ENCODINGS {
            let Some(encoding) = DumpEncoding::named(encoding) else { continue };
            let mut rows = RowRenderer::new(&columns, encoding);
            for line in bytes.split(|&byte| byte == b'\n') {
                let mut out = Vec::new();
                let rendered = rows.append(line, &mut out);
                assert_eq!(rendered.is_err(), out.is_empty(), "a row is there whole or not at all");
            }
        }
    }
}

/// A CREATE TABLE statement, and a COPY statement.
pub(crate) fn statements(bytes: &[u8]) {
    let _ = TableDefinition::parse(bytes);
    let _ = super::copy_statement::copied_columns(bytes);
}
