//! The bytes of an archive that is shown as it is.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::file::{FileVersion, PIECE, read_full};
use super::problem::file_error;
use crate::source::blocking::on_blocking_thread;
use crate::source::{Content, ErrorKind, Sink, SourceError};

/// A whole file.
pub(super) struct RawFile {
    pub(super) label: Arc<str>,
    pub(super) file: Arc<FileVersion>,
}

#[async_trait]
impl Content for RawFile {
    fn stated_len(&self) -> Option<u64> {
        Some(self.file.stamp.len)
    }

    fn describe(&self) -> String {
        format!("file {}", self.file.path.display())
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let (label, version) = (Arc::clone(&self.label), Arc::clone(&self.file));
        on_blocking_thread(&self.label, move || copy_file(&label, &version, sink)).await
    }
}

fn copy_file(label: &str, version: &FileVersion, mut sink: Sink) -> Result<(), SourceError> {
    let operation = || format!("cannot read file {}", version.path.display());
    let fail = |error| file_error(label, operation(), &version.path, error);
    let mut file = version.open().map_err(fail)?;
    let mut left = version.stamp.len;
    while left > 0 {
        let mut piece = vec![0; usize::try_from(left.min(PIECE as u64)).expect("at most PIECE")];
        let count = read_full(&mut file, &mut piece).map_err(fail)?;
        if count < piece.len() {
            return Err(SourceError::new(ErrorKind::Changed, label, operation())
                .because(format!("the file ends {left} bytes too early, it was cut meanwhile")));
        }
        left -= count as u64;
        if sink.push_blocking(Bytes::from(piece)).is_err() {
            return Ok(());
        }
    }
    version.check(&file).map_err(fail)
}
