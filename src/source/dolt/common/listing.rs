//! Which tables and views there are at one revision.

use std::sync::Arc;

use globset::GlobSet;

use super::views::{SortedViews, StoredView, sort_out};

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
        exclude_views(&mut self.views, database, exclude);
    }
}

fn exclude_views(views: &mut SortedViews, database: &str, exclude: &GlobSet) {
    let is_excluded = |name: &str| exclude.is_match(name) || exclude.is_match(format!("{database}/{name}"));
    let (excluded, shown): (Vec<_>, Vec<_>) =
        std::mem::take(&mut views.shown).into_iter().partition(|view| is_excluded(&view.name));
    views.shown = shown;
    views
        .left_out
        .extend(excluded.into_iter().map(|view| (view.name, "is excluded by a pattern".to_owned())));
    views.left_out.sort();
}
