//! The queries of a SQLite file, and their answers as pieces of bytes.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::check::check;
use super::connection::Connected;
use super::listing::list;
use super::problem::{Result, SqliteProblem};
use super::relation::{Relation, RelationKind};
use super::rows::Take;
use super::schema::Schema;
use super::{dump, rows, schema_sql};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Query {
    /// Its tables and views, in JSON; and as a second piece the statements that make the schema.
    Listing,
    /// What SQLite's own check finds: a [`super::check::Check`] in JSON.
    Check,
    Dump,
    /// The rows of a table or view as JSON lines.
    Rows(Relation),
}

impl Query {
    /// What it does, for messages: `cannot read table t`.
    pub(super) fn doing(&self) -> String {
        match self {
            Self::Listing => "list the tables".to_owned(),
            Self::Check => "check the database".to_owned(),
            Self::Dump => "dump the tables".to_owned(),
            Self::Rows(relation) => format!("read {}", relation.describe()),
        }
    }

    /// Whether the query may run code that the file defines. Others read stored rows, in their order or sorted by a
    /// key.
    pub(super) fn runs_foreign_code(&self) -> bool {
        match self {
            Self::Rows(relation) => relation.kind != RelationKind::Table || relation.is_computed,
            Self::Listing | Self::Check | Self::Dump => true,
        }
    }

    /// Whether it is quick in any sound file, whatever its length. Other work waits for such a query.
    pub(super) fn is_short(&self) -> bool {
        matches!(self, Self::Listing)
    }

    /// Whether the length of the file does not say how long it takes.
    pub(super) fn is_view(&self) -> bool {
        matches!(self, Self::Rows(Relation { kind: RelationKind::View { .. }, .. }))
    }

    pub(super) fn answer(&self, connected: &mut Connected, take: Take<'_>) -> Result<()> {
        match self {
            Self::Listing => {
                let schema = Schema::read(&connected.connection)?;
                let listing = list(connected, &schema)?;
                let schema_sql = schema_sql::compose(&schema, &listing);
                give(&listing, take)?;
                take(schema_sql.into()).map_err(|_| SqliteProblem::Closed)
            }
            Self::Check => give(&check(connected)?, take),
            Self::Dump => dump::write(connected, take),
            Self::Rows(relation) => rows::render(connected, relation, take),
        }
    }
}

fn give(answer: &impl Serialize, take: Take<'_>) -> Result<()> {
    let text = serde_json::to_vec(answer).map_err(std::io::Error::other)?;
    take(Bytes::from(text)).map_err(|_| SqliteProblem::Closed)
}
