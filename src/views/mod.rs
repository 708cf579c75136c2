//! Views: folders and files that the tree shows in the folder of each database, made from its snapshots.
//!
//! Each view is one file or folder here that implements one trait ([`View`]), and has one line in [`all`]. Views stand
//! between the engine, which gives the bytes of contents, and the tree, which shows them under names and gives out
//! inodes.

use std::sync::Arc;

use crate::engine::Engine;
use crate::model::period::Period;

mod asof;
mod change_index;
mod commits;
mod context;
mod derived;
mod diff;
mod error;
mod export;
mod history;
mod log;
mod lost;
mod newest;
pub mod paths;
mod periods;
mod refs;
mod rows;
mod sql;
mod sums;
mod versions;
mod view;

pub use change_index::{ChangeIndex, ChangeIndexes, IndexedChange};
pub use context::ViewContext;
pub use error::{DerivedError, ViewError};
pub use log::{committer, log_lines, lost_log_lines};
pub use rows::change::{RowChange, RowCounts, changed_columns, write_change};
pub use rows::diff::{TableDiff, diff};
pub use rows::names::{each_row_name, row_count};
pub use view::{Item, ListedFile, ListedItem, Ttl, View, ViewFolder, ViewRequest, join};

/// All views. Their order does not matter.
pub fn all(engine: &Engine) -> Vec<Arc<dyn View>> {
    let mut views: Vec<Arc<dyn View>> = vec![
        Arc::new(asof::AsOfView),
        Arc::new(commits::CommitsView),
        Arc::new(diff::DiffView),
        Arc::new(export::ExportView),
        Arc::new(history::HistoryView::new(engine)),
        Arc::new(newest::LatestView),
        Arc::new(newest::LiveView),
        Arc::new(log::LogView),
        Arc::new(lost::LostView),
        Arc::new(refs::RefsView::Branches),
        Arc::new(refs::RefsView::Tags),
        Arc::new(sql::SqlView),
        Arc::new(sums::SumsView),
        Arc::new(versions::VersionsView),
    ];
    for period in Period::ALL {
        views.push(Arc::new(periods::PeriodsView(period)));
    }
    views
}
