//! The tables and views of a file.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A table or view that can be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Relation {
    pub(crate) name: Arc<str>,
    pub(crate) kind: RelationKind,
    /// Whether it is a table `WITHOUT ROWID`.
    pub(super) is_without_rowid: bool,
    /// Whether it is a table with columns that an expression makes.
    pub(super) is_computed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RelationKind {
    Table,
    /// A table whose rows a module makes.
    VirtualTable,
    View {
        /// Whether its outermost query says in which order the rows come.
        is_ordered: bool,
    },
}

impl RelationKind {
    /// The word for it in messages.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::VirtualTable => "virtual table",
            Self::View { .. } => "view",
        }
    }
}

impl Relation {
    /// What it is and its name, for messages.
    pub(super) fn describe(&self) -> String {
        format!("{} {}", self.kind.word(), self.name.escape_debug())
    }
}

/// A table or view that is not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftOutRelation {
    /// Its name, with U+FFFD for what is not UTF-8.
    pub(crate) name: String,
    /// `table`, `virtual table` or `view`.
    pub(crate) what: Cow<'static, str>,
    /// Why, as the end of a sentence that begins with it: `calls random`.
    pub(crate) reason: String,
    /// Whether `schema.sql` has its statement in a comment: nothing could run it.
    pub(super) is_broken: bool,
}

/// What the tables and views of a file are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RelationListing {
    /// Those that can be shown, in the order in which they were made.
    pub(crate) shown: Vec<Relation>,
    /// The others.
    pub(crate) left_out: Vec<LeftOutRelation>,
}
