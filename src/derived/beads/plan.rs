//! In which order issues are written, and how many are held at a time.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::cells::unset_time;
use super::related::{blocker, owner};
use super::tables::{Readers, Table};
use crate::derived::DerivedError;

/// An issue's place.
pub struct Place {
    /// Which row of its table it is, from 0.
    pub row: usize,
    /// Its id.
    pub id: Arc<str>,
    priority: i64,
    created: Timestamp,
    /// Its row and those that belong to it, in bytes.
    bytes: u64,
}

/// All issues in order, and who waits for them.
pub struct Plan {
    places: Vec<Place>,
    dependents: HashMap<String, u64>,
}

impl Plan {
    /// Reads the tables once, and keeps of each issue what orders it.
    ///
    /// # Errors
    /// Why a table cannot be read, or which row is none of Beads.
    pub async fn of(readers: &Readers) -> Result<Self, DerivedError> {
        let mut places = places_in_table(readers).await?;
        let by_id: HashMap<Arc<str>, usize> =
            places.iter().enumerate().map(|(at, place)| (place.id.clone(), at)).collect();
        let mut dependents: HashMap<String, u64> = HashMap::new();
        for table in [Table::Labels, Table::Dependencies, Table::Comments] {
            readers
                .each_sized(table, |cells, len| {
                    if let Some(at) = by_id.get(&*owner(&cells)?) {
                        places[*at].bytes += len;
                    }
                    if table == Table::Dependencies
                        && let Some(blocker) = blocker(&cells)?.filter(|id| by_id.contains_key(&**id))
                    {
                        *dependents.entry(blocker).or_default() += 1;
                    }
                    Ok(())
                })
                .await?;
        }
        // As the query of `bd export` has it: ORDER BY priority ASC, created_at DESC, id ASC.
        places.sort_by(|a, b| {
            let by_rank = a.priority.cmp(&b.priority).then_with(|| b.created.cmp(&a.created));
            by_rank.then_with(|| a.id.cmp(&b.id)).then_with(|| a.row.cmp(&b.row))
        });
        Ok(Self { places, dependents })
    }

    /// How many issues wait for one.
    pub fn dependents(&self, id: &str) -> u64 {
        self.dependents.get(id).copied().unwrap_or_default()
    }

    /// The issues in order, in runs that take up to `most` bytes; an issue that takes more is a run by itself.
    pub fn windows(&self, most: u64) -> impl Iterator<Item = &[Place]> {
        let mut rest = &self.places[..];
        std::iter::from_fn(move || {
            let mut bytes = 0_u64;
            let fits = |place: &&Place| {
                bytes = bytes.saturating_add(place.bytes);
                bytes <= most
            };
            let count = rest.iter().take_while(fits).count().max(1).min(rest.len());
            let (window, after) = rest.split_at(count);
            rest = after;
            (!window.is_empty()).then_some(window)
        })
    }
}

async fn places_in_table(readers: &Readers) -> Result<Vec<Place>, DerivedError> {
    let mut places = Vec::new();
    readers
        .each_sized(Table::Issues, |cells, bytes| {
            places.push(Place {
                row: places.len(),
                id: Arc::from(&*cells.must("id")?),
                priority: cells.whole("priority")?.unwrap_or_default(),
                created: cells.time("created_at")?.unwrap_or_else(unset_time),
                bytes,
            });
            Ok(())
        })
        .await?;
    Ok(places)
}
