//! What belongs to an issue in other tables: labels, dependencies, comments.

use std::borrow::Cow;

use jiff::Timestamp;

use super::cells::{Cells, unset_time};
use super::json::{Object, push_dolt_json, quoted};
use super::tables::Table;
use crate::model::row::compare_keys;
use crate::views::DerivedError;

/// The type of dependency that `bd` counts (`GetDependencyCounts`).
const BLOCKS: &str = "blocks";

/// Where a dependency leads, in the columns of Beads up to 1.0.4, then of later versions, which have one for each kind of
/// target; only one of these has a value (`DepTargetExpr`, migration 0041).
const TARGETS: [&str; 4] = ["depends_on_id", "depends_on_issue_id", "depends_on_wisp_id", EXTERNAL];

/// The column of targets in other trackers.
const EXTERNAL: &str = "depends_on_external";

/// What belongs to one issue, each piece as JSON.
#[derive(Default)]
pub struct Related {
    labels: Vec<String>,
    /// With the external target, if it is one.
    dependencies: Vec<(Option<String>, Vec<u8>)>,
    /// With the id as JSON text.
    comments: Vec<(Timestamp, String, Vec<u8>)>,
    blockers: u64,
}

/// The issue that a row of one of these tables belongs to.
///
/// # Errors
/// [`DerivedError::Unfit`] for a row that names none.
pub fn owner(cells: &Cells<'_>) -> Result<String, DerivedError> {
    Ok(cells.must("issue_id")?.into_owned())
}

/// The issue that a row of `dependencies` makes wait for another one: the issue waited for.
///
/// # Errors
/// [`DerivedError::Unfit`] for a row without a target.
pub fn blocker(cells: &Cells<'_>) -> Result<Option<String>, DerivedError> {
    if cells.text("type").as_deref() != Some(BLOCKS) {
        return Ok(None);
    }
    target(cells).map(Some)
}

fn target(cells: &Cells<'_>) -> Result<String, DerivedError> {
    let found = TARGETS.iter().find_map(|column| cells.text(column));
    found.map_or_else(|| cells.must(TARGETS[0]), Ok).map(Cow::into_owned)
}

impl Related {
    /// Adds a row of one of these tables.
    ///
    /// # Errors
    /// [`DerivedError::Unfit`] for a row that is none of Beads.
    pub fn add(&mut self, table: Table, cells: &Cells<'_>) -> Result<(), DerivedError> {
        match table {
            Table::Labels => self.labels.push(cells.must("label")?.into_owned()),
            Table::Dependencies => {
                self.blockers += u64::from(blocker(cells)?.is_some());
                let external = cells.text(EXTERNAL).map(Cow::into_owned);
                self.dependencies.push((external, dependency(cells)?));
            }
            Table::Comments => {
                let time = cells.time("created_at")?.unwrap_or_else(unset_time);
                self.comments.push((time, cells.raw("id").to_owned(), comment(cells, time)?));
            }
            Table::Issues | Table::Config => {}
        }
        Ok(())
    }

    /// As `bd` orders them. Of dependencies it says nothing but that those of one issue stand together: they come as the table
    /// has them, external ones last, which is what its query gives.
    pub fn sort(&mut self) {
        self.labels.sort();
        self.dependencies.sort_by(|(a, _), (b, _)| a.cmp(b));
        // Ids were numbers once, and are texts now.
        self.comments.sort_by(|(time_a, id_a, _), (time_b, id_b, _)| {
            time_a.cmp(time_b).then_with(|| compare_keys(&[id_a], &[id_b]))
        });
    }

    /// Writes `labels`, `dependencies` and `comments`, as far as there are any.
    pub fn write_lists(&self, object: &mut Object<'_>) {
        if !self.labels.is_empty() {
            let labels: Vec<Vec<u8>> = self.labels.iter().map(|label| quoted(label)).collect();
            object.list("labels", labels.iter().map(Vec::as_slice));
        }
        if !self.dependencies.is_empty() {
            object.list("dependencies", self.dependencies.iter().map(|(_, json)| json.as_slice()));
        }
        if !self.comments.is_empty() {
            object.list("comments", self.comments.iter().map(|(_, _, json)| json.as_slice()));
        }
    }

    /// Writes the counts; `dependents` is how many issues wait for this one.
    pub fn write_counts(&self, dependents: u64, object: &mut Object<'_>) {
        object.shown("dependency_count", self.blockers);
        object.shown("dependent_count", dependents);
        object.shown("comment_count", self.comments.len());
    }
}

/// `types.Dependency`. Its metadata is a string that holds JSON.
fn dependency(cells: &Cells<'_>) -> Result<Vec<u8>, DerivedError> {
    let mut out = Vec::new();
    let mut object = Object::begin(&mut out);
    object.text("issue_id", &cells.must("issue_id")?);
    object.text("depends_on_id", &target(cells)?);
    object.text("type", &cells.must("type")?);
    object.text("created_at", &cells.time("created_at")?.unwrap_or_else(unset_time).to_string());
    object.text_if_any("created_by", &cells.text("created_by").unwrap_or_default());
    if let Some(json) = cells.json("metadata") {
        let mut stored = Vec::new();
        push_dolt_json(json.as_bytes(), &mut stored);
        object.text_if_any("metadata", &String::from_utf8_lossy(&stored));
    }
    object.text_if_any("thread_id", &cells.text("thread_id").unwrap_or_default());
    object.end();
    Ok(out)
}

/// `types.Comment`.
fn comment(cells: &Cells<'_>, time: Timestamp) -> Result<Vec<u8>, DerivedError> {
    let mut out = Vec::new();
    let mut object = Object::begin(&mut out);
    object.text("id", &cells.must("id")?);
    object.text("issue_id", &cells.must("issue_id")?);
    object.text("author", &cells.text("author").unwrap_or_default());
    object.text("text", &cells.must("text")?);
    object.text("created_at", &time.to_string());
    object.end();
    Ok(out)
}
