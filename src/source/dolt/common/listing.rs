//! Which tables and views there are at one revision.

use std::sync::Arc;

use globset::GlobSet;

use super::views::{SortedViews, StoredView, sort_out};
use crate::model::content_id::ContentId;
use crate::model::names::escape_with_suffix;

/// The file name of a table or view.
pub fn rows_path(name: &str) -> Arc<str> {
    escape_with_suffix(name, ".jsonl").into()
}

/// The identity of a table's content: the version that `origin` made. `database` is what its contents are known by.
pub fn table_id(database: &str, table: &str, origin: &str) -> ContentId {
    ContentId::of(&[b"dolt", database.as_bytes(), table.as_bytes(), origin.as_bytes()])
}

/// The tables and views of one revision.
#[derive(Debug, Default)]
pub struct Listing {
    /// Tables to show, by name.
    pub tables: Vec<Arc<str>>,
    /// Tables left out by pattern, by name.
    pub excluded: Vec<Arc<str>>,
    /// All views, sorted out.
    pub views: SortedViews,
    /// All views as stored, by name.
    pub stored: Vec<StoredView>,
}

impl Listing {
    /// Sorts out views, which come by name, against the tables listed.
    pub fn set_views(&mut self, stored: Vec<StoredView>, database: &str, exclude: &GlobSet) {
        self.views = sort_out(&stored, &self.tables);
        self.stored = stored;
        let is_excluded =
            |name: &str| exclude.is_match(name) || exclude.is_match(format!("{database}/{name}"));
        let excluded = self.views.shown.extract_if(.., |view| is_excluded(&view.name));
        let excluded = excluded.map(|view| (view.name, "is excluded by a pattern".to_owned()));
        self.views.left_out.extend(excluded);
        self.views.left_out.sort();
    }
}
