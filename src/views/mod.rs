//! Files that are made from the contents of snapshots: checksums, versions of tables, differences, histories of
//! rows, exports.
//!
//! They stand between the engine, which gives the bytes of contents, and the tree, which shows them under names.

use std::sync::Arc;

use crate::content::{ErrorKind, SourceError};

mod ancestry;
mod beads;
mod diff;
mod files;
mod history;
mod ids;
mod key;
mod lines;
mod pairs;
mod places;
mod row_changes;
mod row_index;
mod rows;
mod sides;
mod steps;
mod sums;
mod versions;

pub use ancestry::{Ancestry, Base};
pub use beads::beads_export;
pub use diff::{Counts, RowChange, TableDiff, changed_columns, diff, write_change};
pub use files::{DiffSides, diff_files, history_file};
pub use history::RowIndexes;
pub use rows::{each_row_name, row_count};
pub use sums::{no_sums, sums};
pub use versions::{Version, VersionIndex, Versions};

/// Why a file cannot be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DerivedError {
    /// A content that it is made of cannot be read.
    #[error(transparent)]
    Source(#[from] Arc<SourceError>),
    /// It would take more than a machine has.
    #[error("{0}")]
    TooMuch(String),
    /// The rows of a table are not what it is made of.
    #[error("{0}")]
    Unfit(String),
}

impl DerivedError {
    /// The failure of a content.
    fn into_source(self) -> Arc<SourceError> {
        match self {
            Self::Source(error) => error,
            other => Arc::new(other.of("a difference")),
        }
    }

    /// The failure of a content that is made of others.
    fn of(self, what: &str) -> SourceError {
        match self {
            Self::Source(error) => {
                let made =
                    SourceError::new(error.kind, error.source_label.clone(), format!("cannot make {what}"));
                let made = made.because(error.chain());
                match &error.hint {
                    Some(hint) => made.with_hint(hint.clone()),
                    None => made,
                }
            }
            Self::TooMuch(why) | Self::Unfit(why) => {
                SourceError::new(ErrorKind::Unsupported, "asof", format!("cannot make {what}")).because(why)
            }
        }
    }
}
