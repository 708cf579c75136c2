//! Extended headers (POSIX.1, pax): records `<length> <key>=<value>\n` before a member, or for all members that follow.
//!
//! Only what decides names, lengths and sparse files is kept; a value of another key may hold any bytes. Where a key
//! comes twice the last one counts, as for GNU tar, bsdtar and Python.

use std::io::{self, BufRead, Read};

use super::sparse::MOST_PARTS;
use crate::format::error::FormatError;

/// Bytes of a name, and of a key that is kept, at most.
const LONGEST: u64 = 1 << 20;

/// The key that names a file of another volume that continues in this one.
const VOLUME: &[u8] = b"GNU.volume.filename";

/// Digits of a record's length at most.
const MOST_DIGITS: u64 = 20;

/// What the extended headers say of a member.
#[derive(Debug, Default, Clone)]
pub(super) struct ExtendedHeader {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    /// What GNU tar says of a sparse file; `None` if the file is not sparse.
    pub(super) sparse: Option<PaxSparse>,
    /// Whether it continues a file of the volume before.
    pub(super) is_volume: bool,
    /// What is wrong with a record. Then nothing is known for sure of the member.
    pub(super) problem: Option<String>,
}

/// A sparse file, in one of the three forms that GNU tar has used in extended headers.
#[derive(Debug, Default, Clone)]
pub(super) struct PaxSparse {
    pub(super) major: Option<u64>,
    pub(super) minor: Option<u64>,
    pub(super) name: Option<Vec<u8>>,
    pub(super) real_size: Option<u64>,
    /// Offset and length of each part, if the header has them: forms 0.0 and 0.1.
    pub(super) parts: Option<Vec<(u64, u64)>>,
    /// The offset of a part whose length follows.
    offset: Option<u64>,
}

impl ExtendedHeader {
    /// Adds the records of one extended header. A record that makes no sense becomes the `problem`, and no further one
    /// is read.
    pub(super) fn add(&mut self, mut records: impl BufRead) -> io::Result<()> {
        loop {
            match self.record(&mut records) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(FormatError::Damaged(what)) => {
                    self.problem = Some(format!("its extended header is damaged: {what}"));
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Adds one record. Returns whether there was one.
    fn record(&mut self, records: &mut impl BufRead) -> Result<bool, FormatError> {
        let Some((len, digits)) = length(records)? else { return Ok(false) };
        // The length counts the digits and the space after them, too.
        let rest = len
            .checked_sub(digits + 1)
            .filter(|&rest| rest > 0)
            .ok_or_else(|| FormatError::damaged("a record of no length"))?;
        let mut record = records.take(rest - 1);
        let mut key = Vec::new();
        record.by_ref().take(LONGEST).read_until(b'=', &mut key)?;
        if key.pop() != Some(b'=') {
            return Err(FormatError::damaged("a record without a value"));
        }
        let mut value = None;
        if is_known(&key) {
            let mut kept = Vec::new();
            record.by_ref().take(LONGEST + 1).read_to_end(&mut kept)?;
            if kept.len() as u64 > LONGEST {
                return Err(FormatError::damaged(format!(
                    "{LONGEST} bytes and more for {}",
                    key.escape_ascii()
                )));
            }
            value = Some(kept);
        } else {
            io::copy(&mut record, &mut io::sink())?;
        }
        let is_whole = record.limit() == 0;
        let mut end = [0];
        if !is_whole || records.read(&mut end)? == 0 || end != *b"\n" {
            return Err(FormatError::damaged("a record that does not end where it should"));
        }
        if let Some(value) = value {
            self.set(&key, value)?;
        }
        Ok(true)
    }

    fn set(&mut self, key: &[u8], value: Vec<u8>) -> Result<(), FormatError> {
        // An empty value cancels what was said for all members.
        let text = |value: Vec<u8>| (!value.is_empty()).then(|| until_nul(value));
        match key {
            b"path" => self.path = text(value),
            b"linkpath" => self.link = text(value),
            b"size" if value.is_empty() => self.size = None,
            b"size" => self.size = Some(number(&value)?),
            VOLUME => self.is_volume = true,
            _ => self.sparse.get_or_insert_default().set(key, value)?,
        }
        Ok(())
    }
}

impl PaxSparse {
    fn set(&mut self, key: &[u8], value: Vec<u8>) -> Result<(), FormatError> {
        match key {
            b"GNU.sparse.major" => self.major = Some(number(&value)?),
            b"GNU.sparse.minor" => self.minor = Some(number(&value)?),
            b"GNU.sparse.name" => self.name = Some(until_nul(value)),
            b"GNU.sparse.realsize" | b"GNU.sparse.size" => self.real_size = Some(number(&value)?),
            b"GNU.sparse.offset" => self.offset = Some(number(&value)?),
            b"GNU.sparse.numbytes" => {
                let offset = self.offset.take();
                let offset = offset
                    .ok_or_else(|| FormatError::damaged("a part of a sparse file without its offset"))?;
                self.push((offset, number(&value)?))?;
            }
            b"GNU.sparse.map" => {
                self.parts = Some(Vec::new());
                let mut numbers = value.split(|&byte| byte == b',');
                while let Some(offset) = numbers.next().filter(|text| !text.is_empty()) {
                    let len = numbers.next();
                    let len = len
                        .ok_or_else(|| FormatError::damaged("a part of a sparse file without its length"))?;
                    self.push((number(offset)?, number(len)?))?;
                }
            }
            // The number of parts is not needed: the parts follow.
            _ => {
                self.parts.get_or_insert_default();
            }
        }
        Ok(())
    }

    fn push(&mut self, part: (u64, u64)) -> Result<(), FormatError> {
        let parts = self.parts.get_or_insert_default();
        if parts.len() == MOST_PARTS {
            return Err(FormatError::damaged(format!("a sparse file of more than {MOST_PARTS} parts")));
        }
        parts.push(part);
        Ok(())
    }
}

/// Whether a record of this key decides what is shown.
fn is_known(key: &[u8]) -> bool {
    const OF_SPARSE_FILES: [&[u8]; 9] =
        [b"major", b"minor", b"name", b"realsize", b"size", b"offset", b"numbytes", b"map", b"numblocks"];
    matches!(key, b"path" | b"linkpath" | b"size" | VOLUME)
        || key.strip_prefix(b"GNU.sparse.").is_some_and(|rest| OF_SPARSE_FILES.contains(&rest))
}

/// The length that a record begins with, and how many bytes its digits and the blanks before them take. `None` after
/// the last record.
fn length(records: &mut impl BufRead) -> Result<Option<(u64, u64)>, FormatError> {
    let mut digits = Vec::new();
    records.take(MOST_DIGITS + 1).read_until(b' ', &mut digits)?;
    if digits.first().is_none_or(|&byte| byte == 0) {
        return Ok(None);
    }
    if digits.pop() != Some(b' ') {
        return Err(FormatError::damaged("a record without a length"));
    }
    Ok(Some((number(&digits)?, digits.len() as u64)))
}

/// Decimal digits.
fn number(digits: &[u8]) -> Result<u64, FormatError> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| is_number);
    text.and_then(|text| text.parse().ok()).ok_or_else(|| {
        FormatError::damaged(format!(
            "{} where a number should be",
            digits[..digits.len().min(40)].escape_ascii()
        ))
    })
}

/// Cuts a text at its first NUL, as tar does: no name has a NUL in it.
fn until_nul(mut text: Vec<u8>) -> Vec<u8> {
    text.truncate(text.iter().position(|&byte| byte == 0).unwrap_or(text.len()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(records: &[u8]) -> ExtendedHeader {
        let mut extended = ExtendedHeader::default();
        extended.add(records).expect("it is in memory");
        extended
    }

    #[test]
    fn the_last_value_counts_and_an_empty_one_takes_it_back() {
        assert_eq!(parsed(b"9 path=a\n9 path=b\n").path.as_deref(), Some(&b"b"[..]));
        assert_eq!(parsed(b"9 path=a\n8 path=\n").path, None);
        assert_eq!(parsed(b"9 size=3\n8 size=\n").size, None);
        assert_eq!(parsed(b"12 path=a\0b\n").path.as_deref(), Some(&b"a"[..]));
    }

    #[test]
    fn records_that_make_no_sense_are_a_problem() {
        for records in [
            &b"99 path=xx\n"[..],
            b"x path=a\n",
            b"9 path=ab\n",
            b"3 \n",
            b"1 path=a\n",
            b"0 path=a\n",
            b"7 path\n",
            b"9 size=x\n",
            b"11 size=-1\n",
            b"18446744073709551617 path=a\n",
            b"111111111111111111111111111 path=a\n",
            b"25 GNU.sparse.numbytes=1\n",
            b"20 GNU.sparse.map=1\n",
        ] {
            assert!(parsed(records).problem.is_some(), "{}", records.escape_ascii());
        }
    }

    #[test]
    fn maps_of_sparse_files_in_both_old_forms() {
        let parts = |records: &[u8]| parsed(records).sparse.and_then(|sparse| sparse.parts);
        let expected = Some(vec![(0, 5), (10, 1)]);
        assert_eq!(parts(b"27 GNU.sparse.map=0,5,10,1\n"), expected);
        let each = b"23 GNU.sparse.offset=0\n25 GNU.sparse.numbytes=5\n24 GNU.sparse.offset=10\n25 GNU.sparse.numbytes=1\n";
        assert_eq!(parts(each), expected);
        assert_eq!(parts(b"26 GNU.sparse.numblocks=0\n"), Some(vec![]));
    }
}
