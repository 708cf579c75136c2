//! What the names of one series show together: `02-01-2026` is a day in January beside `21-01-2026`.

use std::collections::HashMap;

use super::ArchiveName;
use crate::model::name_time::{Convention, Conventions};

/// The folder of weekly backups, as many programs call it: a number of six digits is a week there.
const WEEKLY: &str = "weekly";

/// The conventions of all series of a folder.
#[derive(Debug, Default)]
pub(crate) struct SeriesConventions {
    of_all: Conventions,
    by_series: HashMap<String, Conventions>,
}

impl SeriesConventions {
    /// Those of the folder that is called so.
    pub(crate) fn of_folder(name: &str) -> Self {
        let mut of_all = Conventions::default();
        if name.eq_ignore_ascii_case(WEEKLY) {
            of_all.learn(Convention::Weeks);
        }
        Self { of_all, by_series: HashMap::new() }
    }

    /// Takes up what a name shows; true if that is new, so that other names of its series may mean something else now.
    pub(crate) fn learn(&mut self, name: &ArchiveName) -> bool {
        let Some(shown) = name.time.as_ref().and_then(|time| time.parsed.shows()) else { return false };
        let conventions = self.by_series.entry(name.prefix.clone()).or_insert_with(|| self.of_all.clone());
        conventions.learn(shown)
    }

    /// Those of the series of a name.
    pub(crate) fn of(&self, name: &ArchiveName) -> &Conventions {
        self.by_series.get(&name.prefix).unwrap_or(&self.of_all)
    }
}
