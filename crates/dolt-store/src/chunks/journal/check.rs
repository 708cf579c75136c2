//! What only a check of a journal reads.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::Journal;
use super::record::{CHECKSUM_LEN, LENGTH_LEN, MAX_RECORD_LEN};
use super::window::{JournalWindow, Search, SearchResult, WINDOW_LEN};
use crate::address::Address;
use crate::chunks::block;
use crate::error::StoreError;

/// What is wrong, or may be wrong, with a file as a whole.
#[derive(Debug)]
pub enum FileFlaw {
    /// It is damaged.
    Damage(StoreError),
    /// A journal ends in the first `len` bytes of a record, at `offset`: an interrupted write, a copy made during a
    /// write, or damage.
    #[allow(missing_docs)]
    CutOff { file: PathBuf, offset: u64, len: u64 },
}

impl Journal {
    /// Where it is, or was.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The chunk, if it is here. Checks its content against its address, and not only against its record.
    pub fn get_verified(&self, address: &Address) -> Result<Option<Bytes>, StoreError> {
        let Some(chunk) = self.get(address)? else { return Ok(None) };
        match block::check_address(address, &chunk) {
            Ok(()) => Ok(Some(chunk)),
            Err(problem) => {
                Err(StoreError::DamagedChunk { address: *address, file: self.path().to_owned(), problem })
            }
        }
    }

    /// What is wrong with the bytes that now follow the last record that counts. Nothing is wrong with no bytes,
    /// or with only zeros.
    pub fn tail(&self) -> Result<Option<FileFlaw>, StoreError> {
        let (mut window, offset) = (JournalWindow::new(&self.file, self.end)?, self.end);
        let Some(end) = end_of_data(&mut window, offset)? else { return Ok(None) };
        let len = end - offset;
        let stated = window.at(offset, LENGTH_LEN)?.first_chunk().map(|len| u32::from_be_bytes(*len));
        // The whole record is there, although its checksum may end in zeros.
        let is_record =
            |len: u64| len >= 8 && len <= MAX_RECORD_LEN as u64 && offset + len < end + CHECKSUM_LEN as u64;
        let is_all_there = stated.is_some_and(|len| is_record(len.into()));
        let mut search = Search::through(len);
        if is_all_there || search.next(&mut window, offset + 1)? != SearchResult::Nothing {
            let problem = format!("{len} bytes at {offset} are no record: what was written last is lost");
            return Ok(Some(FileFlaw::Damage(StoreError::damaged(self.path(), problem))));
        }
        Ok(Some(FileFlaw::CutOff { file: self.path().to_owned(), offset, len }))
    }
}

/// The end of the last byte from `from` on that is not zero.
fn end_of_data(window: &mut JournalWindow<'_>, from: u64) -> Result<Option<u64>, StoreError> {
    let (mut at, mut end) = (from, None);
    loop {
        let bytes = window.at(at, WINDOW_LEN)?;
        if bytes.is_empty() {
            return Ok(end);
        }
        if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
            end = Some(at + last as u64 + 1);
        }
        at += bytes.len() as u64;
    }
}
