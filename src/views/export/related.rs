//! The rows of other tables that belong to an issue: labels, dependencies, comments.

use std::borrow::Cow;

use jiff::Timestamp;

use super::cells::{Cells, unset_time};
use super::json::{ObjectWriter, push_dolt_json, quoted};
use super::tables::BeadsTable;
use crate::model::row::compare_keys;
use crate::views::error::DerivedError;

/// The type of dependency that `bd` counts (`GetDependencyCounts`).
const BLOCKS: &str = "blocks";

/// The columns that hold the target of a dependency: that of Beads up to 1.0.4, then those of later versions, one for
/// each kind of target. Only one of them has a value (`DepTargetExpr`, migration 0041).
const TARGETS: [&str; 4] = ["depends_on_id", "depends_on_issue_id", "depends_on_wisp_id", EXTERNAL];

/// The column of targets in other trackers.
const EXTERNAL: &str = "depends_on_external";

/// The labels, dependencies and comments of one issue, each as JSON.
#[derive(Default)]
pub struct Related {
    labels: Vec<String>,
    /// Each with its target, if that is external.
    dependencies: Vec<(Option<String>, Vec<u8>)>,
    /// Each with its time, and its id as JSON text.
    comments: Vec<(Timestamp, String, Vec<u8>)>,
    blockers: u64,
}

/// The issue that a row of `dependencies` depends on; `None` for other types of dependency.
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
    pub fn add(&mut self, table: BeadsTable, cells: &Cells<'_>) -> Result<(), DerivedError> {
        match table {
            BeadsTable::Labels => self.labels.push(cells.must("label")?.into_owned()),
            BeadsTable::Dependencies => {
                self.blockers += u64::from(blocker(cells)?.is_some());
                let external = cells.text(EXTERNAL).map(Cow::into_owned);
                self.dependencies.push((external, dependency(cells)?));
            }
            BeadsTable::Comments => {
                let time = cells.time("created_at")?.unwrap_or_else(unset_time);
                self.comments.push((time, cells.raw("id").to_owned(), comment(cells, time)?));
            }
            BeadsTable::Issues | BeadsTable::Config => {}
        }
        Ok(())
    }

    /// Sorts everything as `bd` does. `bd` only groups dependencies by issue: within an issue its query returns them in
    /// table order, external ones last.
    pub fn sort(&mut self) {
        self.labels.sort();
        self.dependencies.sort_by(|(a, _), (b, _)| a.cmp(b));
        // Ids used to be numbers, and are texts now.
        self.comments.sort_by(|(time_a, id_a, _), (time_b, id_b, _)| {
            time_a.cmp(time_b).then_with(|| compare_keys(&[id_a], &[id_b]))
        });
    }

    /// Writes `labels`, `dependencies` and `comments`, without those that are empty.
    pub fn write_lists(&self, object: &mut ObjectWriter<'_>) {
        object.list_if_any("labels", self.labels.iter().map(|label| quoted(label)));
        object.list_if_any("dependencies", self.dependencies.iter().map(|(_, json)| json));
        object.list_if_any("comments", self.comments.iter().map(|(_, _, json)| json));
    }

    /// Writes the counts; `dependents` is how many issues depend on this one.
    pub fn write_counts(&self, dependents: u64, object: &mut ObjectWriter<'_>) {
        object.shown("dependency_count", self.blockers);
        object.shown("dependent_count", dependents);
        object.shown("comment_count", self.comments.len());
    }
}

/// `types.Dependency`. Its metadata is a string that holds JSON.
fn dependency(cells: &Cells<'_>) -> Result<Vec<u8>, DerivedError> {
    let mut out = Vec::new();
    let mut object = ObjectWriter::begin(&mut out);
    object.text("issue_id", &cells.must("issue_id")?);
    object.text("depends_on_id", &target(cells)?);
    object.text("type", &cells.must("type")?);
    object.text("created_at", &cells.time("created_at")?.unwrap_or_else(unset_time).to_string());
    object.text_if_any("created_by", cells.text("created_by").as_deref());
    if let Some(json) = cells.json("metadata") {
        let mut stored = Vec::new();
        push_dolt_json(json.as_bytes(), &mut stored);
        object.text_if_any("metadata", Some(&String::from_utf8_lossy(&stored)));
    }
    object.text_if_any("thread_id", cells.text("thread_id").as_deref());
    object.end();
    Ok(out)
}

/// `types.Comment`.
fn comment(cells: &Cells<'_>, time: Timestamp) -> Result<Vec<u8>, DerivedError> {
    let mut out = Vec::new();
    let mut object = ObjectWriter::begin(&mut out);
    object.text("id", &cells.must("id")?);
    object.text("issue_id", &cells.must("issue_id")?);
    object.text("author", &cells.text("author").unwrap_or_default());
    object.text("text", &cells.must("text")?);
    object.text("created_at", &time.to_string());
    object.end();
    Ok(out)
}
