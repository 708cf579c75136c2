//! Lines of two contents, paired: a row that was modified is on both sides.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::DerivedError;
use super::diff::{RowChange, changed_columns};
use super::ids::count_ids;
use super::key::{Pairing, id_of};
use super::sides::Sides;
use crate::engine::Engine;
use crate::model::row::{Row, compare_keys};
use crate::source::FileEntry;

/// A line that differs.
struct Line {
    text: Vec<u8>,
    /// What it is paired by; none for one without a key.
    key: Option<Vec<String>>,
    /// Where it stands: by the values of its key as JSON texts, or by all of it.
    place: Vec<String>,
}

/// Pairs the lines of both sides by `pairing`, in the order of the keys; what has no key comes last.
///
/// # Errors
/// Why a content cannot be read.
pub(super) async fn paired(
    engine: &Engine,
    [from, to]: [Option<&FileEntry>; 2],
    pairing: &Pairing,
    sides: Sides,
) -> Result<Vec<RowChange>, DerivedError> {
    let lines = |lines: Vec<Vec<u8>>| lines.into_iter().map(|text| Line::of(pairing, text)).collect();
    let (mut removed, mut added): (Vec<Line>, Vec<Line>) = (lines(sides.removed), lines(sides.added));
    if *pairing == Pairing::Id {
        let repeated = repeated(engine, [from, to], &removed, &added).await?;
        for line in removed.iter_mut().chain(&mut added) {
            line.key = line.key.take().filter(|key| !repeated.contains(&key[0]));
        }
    }
    Ok(changes(removed, added))
}

impl Line {
    fn of(pairing: &Pairing, text: Vec<u8>) -> Self {
        let columns = pairing.columns();
        let row = Row::parse(&text).filter(|_| !columns.is_empty());
        let key = row.as_ref().and_then(|row| match pairing {
            Pairing::Id => id_of(row).map(|id| vec![id]),
            _ => Some(row.values(&columns).into_iter().map(str::to_owned).collect()),
        });
        let place = match row.filter(|_| key.is_some()) {
            Some(row) => row.values(&columns).into_iter().map(str::to_owned).collect(),
            None => vec![String::from_utf8_lossy(&text).into_owned()],
        };
        Self { text, key, place }
    }
}

/// The ids that several rows of one side have. What both sides share counts: all of the later one is looked at.
async fn repeated(
    engine: &Engine,
    [from, to]: [Option<&FileEntry>; 2],
    removed: &[Line],
    added: &[Line],
) -> Result<HashSet<String>, DerivedError> {
    let ids = |lines: &[Line]| {
        let mut counts: HashMap<String, u64> = HashMap::new();
        lines
            .iter()
            .flat_map(|line| &line.key)
            .for_each(|key| *counts.entry(key[0].clone()).or_default() += 1);
        counts
    };
    let (removed, added) = (ids(removed), ids(added));
    let all: HashSet<String> = removed.keys().chain(added.keys()).cloned().collect();
    let now = match (from, to) {
        (Some(_), Some(to)) if !all.is_empty() => count_ids(engine, to, all.iter().cloned()).await?,
        _ => added.clone(),
    };
    let count = |counts: &HashMap<String, u64>, id: &String| counts.get(id).copied().unwrap_or(0);
    let is_repeated = |id: &String| {
        let after = count(&now, id);
        // Of what differs not, both sides have as much.
        let before = (after + count(&removed, id)).saturating_sub(count(&added, id));
        after > 1 || before > 1
    };
    Ok(all.into_iter().filter(is_repeated).collect())
}

fn changes(removed: Vec<Line>, added: Vec<Line>) -> Vec<RowChange> {
    let mut changes: Vec<(Vec<String>, RowChange)> = Vec::with_capacity(removed.len().max(added.len()));
    let mut by_key: HashMap<Vec<String>, usize> = HashMap::new();
    for Line { text, key, place } in removed {
        let has_key = key.is_some();
        if let Some(key) = key {
            by_key.insert(key, changes.len());
        }
        changes.push((place, RowChange { from: Some(text), to: None, has_key }));
    }
    for Line { text, key, place } in added {
        match key.as_ref().and_then(|key| by_key.remove(key)) {
            Some(at) => changes[at].1.to = Some(text),
            None => {
                changes.push((place, RowChange { from: None, to: Some(text), has_key: key.is_some() }));
            }
        }
    }
    changes.retain(|(_, change)| differs(change));
    changes.sort_by(|(a, one), (b, other)| {
        (!one.has_key).cmp(&!other.has_key).then_with(|| compare_places(a, b))
    });
    changes.into_iter().map(|(_, change)| change).collect()
}

fn compare_places(a: &[String], b: &[String]) -> Ordering {
    compare_keys(&texts(a), &texts(b)).then_with(|| a.cmp(b))
}

fn texts(place: &[String]) -> Vec<&str> {
    place.iter().map(String::as_str).collect()
}

/// Whether both sides differ in more than columns without a value.
fn differs(change: &RowChange) -> bool {
    let (Some(from), Some(to)) = (&change.from, &change.to) else { return true };
    match (Row::parse(from), Row::parse(to)) {
        (Some(from), Some(to)) => !changed_columns(&from, &to).is_empty(),
        _ => true,
    }
}
