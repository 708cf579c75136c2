//! Which of a folder's databases are shown, and under which name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::found::Archive;
use crate::content::{ErrorKind, SourceError};

/// What `NAME=` means for a folder. Decided once, when the source is opened: databases that turn up later
/// change neither the name nor the choice.
#[derive(Debug)]
pub(super) enum Selection {
    /// Each database under its own name.
    All,
    /// One database, under the name that the user gave.
    One {
        database: Arc<str>,
        shown_as: Arc<str>,
        /// The others that were named in the log.
        told: BTreeSet<Arc<str>>,
    },
}

impl Selection {
    pub(super) fn new(
        wanted: Option<String>,
        archives: &[Archive],
        label: &str,
    ) -> Result<Self, SourceError> {
        let Some(wanted) = wanted else { return Ok(Self::All) };
        let found: BTreeSet<&Arc<str>> = archives.iter().map(|archive| &archive.database).collect();
        let only = if found.len() == 1 { found.first().copied() } else { None };
        match only.or_else(|| found.get(&Arc::from(wanted.as_str())).copied()) {
            Some(database) => {
                let (database, shown_as) = (Arc::clone(database), wanted.into());
                Ok(Self::One { database, shown_as, told: BTreeSet::new() })
            }
            None => {
                let names: Vec<&str> = found.iter().map(|name| &***name).collect();
                let operation = format!("cannot call the database '{wanted}'");
                Err(SourceError::new(ErrorKind::Invalid, label, operation)
                    .because(format!("the folder holds several databases: {}", names.join(", ")))
                    .with_hint("give NAME= the name of one of them, or leave it out to show all"))
            }
        }
    }

    /// The archives of each database that is shown, by the name under which it is shown, in the order given.
    pub(super) fn databases(
        &mut self,
        archives: &[Archive],
        label: &str,
    ) -> BTreeMap<Arc<str>, Vec<Archive>> {
        let mut shown: BTreeMap<Arc<str>, Vec<Archive>> = BTreeMap::new();
        for archive in archives {
            let name = match self {
                Self::All => &archive.database,
                Self::One { database, shown_as, .. } if *database == archive.database => &*shown_as,
                Self::One { told, shown_as, .. } => {
                    let database = &archive.database;
                    if told.insert(Arc::clone(database)) {
                        tracing::info!("{label}: database {database} is left out: {shown_as} was asked for");
                    }
                    continue;
                }
            };
            shown.entry(Arc::clone(name)).or_default().push(archive.clone());
        }
        shown
    }
}
