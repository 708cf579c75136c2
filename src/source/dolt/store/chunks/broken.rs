//! Files of a store that cannot be read: the chunks in the others are worth showing.

use std::sync::Arc;

use super::file::Stamp;
use crate::content::ErrorKind;
use crate::files::root::SourcePath;
use crate::source::dolt::store::chunks::file;
use crate::source::dolt::store::error::StoreError;

/// A file that cannot be read for good, and what tells that it was mended.
pub struct Broken {
    error: Arc<StoreError>,
    /// Where the file was looked for, and what was there.
    places: Vec<(SourcePath, Option<Stamp>)>,
}

impl Broken {
    /// A file that was looked for at `paths`.
    ///
    /// # Errors
    /// `error` itself where it may pass; what the operating system said.
    pub fn new(error: StoreError, paths: Vec<SourcePath>) -> Result<Self, StoreError> {
        match error.kind() {
            ErrorKind::Damaged | ErrorKind::Unsupported | ErrorKind::Missing => {}
            _ => return Err(error),
        }
        let mut places = Vec::with_capacity(paths.len());
        for path in paths {
            let stamp = Stamp::of_path(&path)?;
            places.push((path, stamp));
        }
        Ok(Self { error: Arc::new(error), places })
    }

    /// What is wrong with the file.
    pub fn error(&self) -> &Arc<StoreError> {
        &self.error
    }

    /// Whether the file is certainly as it was.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn is_unchanged(&self) -> Result<bool, StoreError> {
        for (path, then) in &self.places {
            if !file::is_unchanged(Stamp::of_path(path)?, *then) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
