//! The chunks that a shallow clone left behind on purpose.

use std::collections::HashSet;

use crate::address::Address;
use crate::error::StoreError;
use crate::files::StoreFiles;

/// The file that lists them, one address a line.
const GHOSTS: &str = "ghostObjects.txt";

/// Reads the list; it is empty in a store that is no shallow clone.
pub fn read(files: &dyn StoreFiles) -> Result<HashSet<Address>, StoreError> {
    let now = files.at(&files.state()?)?;
    let Some(bytes) = now.read(GHOSTS)? else { return Ok(HashSet::new()) };
    let damaged = |problem: String| StoreError::damaged(&now.path(GHOSTS), problem);
    let text = String::from_utf8(bytes).map_err(|_| damaged("it is not text".to_owned()))?;
    let ghosts = text.lines().map(str::parse::<Address>).collect::<Result<_, _>>();
    ghosts.map_err(|error| damaged(error.to_string()))
}
