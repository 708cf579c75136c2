//! The names of tables and other files, as people write them.

/// The ending of files that hold one row per line.
pub const ROWS: &str = ".jsonl";

/// Whether `name`, with or without the ending, means the file at `path` of a snapshot.
pub fn is_called(path: &str, name: &str) -> bool {
    path == name || path.strip_suffix(ROWS) == Some(name)
}

/// The name of a file among tables.
pub fn table_name(path: &str) -> &str {
    path.strip_suffix(ROWS).unwrap_or(path)
}
