//! Files of a store that cannot be read. The chunks in the others can.

use std::sync::Arc;

use crate::error::{ErrorKind, StoreError};
use crate::files::{LookAgain, Stamp, is_unchanged};

/// A file that stays unreadable until it is mended, and the places that show when it was.
pub struct BrokenFile {
    /// What is wrong with the file.
    pub error: Arc<StoreError>,
    /// Where the file was looked for, and what was there.
    places: Vec<(LookAgain, Option<Stamp>)>,
}

impl BrokenFile {
    /// A file that was looked for at `places`. Returns `error` itself if trying again may help.
    pub fn new(error: StoreError, places: Vec<LookAgain>) -> Result<Self, StoreError> {
        if error.kind() == ErrorKind::Io {
            return Err(error);
        }
        let stamped = places.into_iter().map(|look| Ok((look()?, look)).map(|(stamp, look)| (look, stamp)));
        Ok(Self { error: Arc::new(error), places: stamped.collect::<Result<_, StoreError>>()? })
    }

    /// Whether the file is certainly as it was.
    pub fn is_unchanged(&self) -> Result<bool, StoreError> {
        for (look, then) in &self.places {
            if !is_unchanged(look()?, *then) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
