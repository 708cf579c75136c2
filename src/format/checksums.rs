//! Lists of checksums as `sha256sum` writes and checks them: `backup.dump.sha256`.
//!
//! Reads its two forms, `<hex>  <name>` (or ` *<name>`) and `--tag`'s `SHA256 (<name>) = <hex>`, both with the leading
//! backslash that says that the name is escaped; also a lone `<hex>`, which many scripts write.

use std::io;
use std::sync::Arc;

use data_encoding::HEXLOWER_PERMISSIVE;

use super::error::FormatError;
use super::hasher::sha256_of;
use crate::content::SourceError;
use crate::format::blob::Blob;

/// The longest list that is read, in bytes: 100,000 files with long names.
pub(crate) const LONGEST_LIST: u64 = 16 << 20;

const HEX_LEN: usize = 64;

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// The expected SHA-256.
    pub sha256: [u8; 32],
    /// The file's name as the list has it, unescaped: often a path, sometimes an older name. `None` for a lone
    /// checksum.
    pub name: Option<Vec<u8>>,
}

/// A line of no known form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ListError {
    /// The line's number, from 1.
    pub line: usize,
    /// What is wrong with the line.
    pub problem: &'static str,
}

/// Two lines that expect different bytes of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it has different checksums for one file")]
pub struct Ambiguous;

/// Reads a list. Empty lines and those that begin with `#` say nothing.
pub fn parse(list: &[u8]) -> Result<Vec<Sum>, ListError> {
    let mut sums = Vec::new();
    for (index, line) in list.split(|&byte| byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line).trim_ascii_start();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        sums.push(parse_line(line).map_err(|problem| ListError { line: index + 1, problem })?);
    }
    Ok(sums)
}

fn parse_line(line: &[u8]) -> Result<Sum, &'static str> {
    let (is_escaped, line) = match line.strip_prefix(b"\\") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (hex, name) = match tagged(line) {
        Some((hex, name)) => (hex, Some(name)),
        None => untagged(line)?,
    };
    let sha256 = from_hex(hex).ok_or("no SHA-256: 64 hex digits are expected")?;
    let name = name.map(|name| if is_escaped { unescape(name) } else { Ok(name.to_owned()) }).transpose()?;
    Ok(Sum { sha256, name })
}

/// `SHA256 (<name>) = <hex>`
fn tagged(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.strip_prefix(b"SHA256 (")?;
    let end = memchr::memmem::rfind(rest, b") = ")?;
    Some((rest[end + 4..].trim_ascii_end(), &rest[..end]))
}

type HexAndName<'a> = (&'a [u8], Option<&'a [u8]>);

/// `<hex>  <name>`, `<hex> *<name>`, and what BSD's tools write: `<hex> <name>`
fn untagged(line: &[u8]) -> Result<HexAndName<'_>, &'static str> {
    let (hex, rest) = line.split_at_checked(HEX_LEN).ok_or("no SHA-256: 64 hex digits are expected")?;
    if rest.trim_ascii().is_empty() {
        return Ok((hex, None));
    }
    let name = rest.strip_prefix(b" ").ok_or("more than 64 digits, or no space after them")?;
    let name = name.strip_prefix(b" ").or_else(|| name.strip_prefix(b"*")).unwrap_or(name);
    if name.is_empty() { Err("a name is missing") } else { Ok((hex, Some(name))) }
}

/// Undoes what `sha256sum` does to a name with a newline, a carriage return or a backslash.
fn unescape(name: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut plain = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'\\') => b'\\',
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                _ => return Err("the name has an unknown escape"),
            },
            byte => byte,
        });
    }
    Ok(plain)
}

/// Reads a digest in hex digits of either case.
fn from_hex(hex: &[u8]) -> Option<[u8; 32]> {
    HEXLOWER_PERMISSIVE.decode(hex).ok()?.try_into().ok()
}

/// What a list expects of the file with this name: the checksum whose name in the list ends in this component. If there
/// is none, that of the only line of the list, since files are renamed together with their lists. `None` if the list
/// says nothing of the file.
pub fn expected(sums: &[Sum], file_name: &[u8]) -> Result<Option<[u8; 32]>, Ambiguous> {
    let last = |sum: &Sum| {
        let name = sum.name.as_deref()?;
        Some(name.rsplit(|&byte| byte == b'/').next().unwrap_or(name) == file_name)
    };
    let mut named = sums.iter().filter(|sum| last(sum) == Some(true)).map(|sum| sum.sha256);
    match (named.next(), sums) {
        (Some(first), _) if named.any(|other| other != first) => Err(Ambiguous),
        (Some(first), _) => Ok(Some(first)),
        (None, [only]) => Ok(Some(only.sha256)),
        (None, _) => Ok(None),
    }
}

/// Reads a list, if it is no longer than [`LONGEST_LIST`]. Blocks.
pub(crate) fn read_list(label: &str, blob: &Arc<dyn Blob>) -> Result<Vec<Sum>, SourceError> {
    let what = blob.describe();
    let read = || -> Result<Vec<Sum>, FormatError> {
        if blob.len() > LONGEST_LIST {
            return Err(FormatError::Unsupported(format!("a list of checksums of {} bytes", blob.len())));
        }
        let mut list = Vec::new();
        blob.read()?.read_to_end(&mut list)?;
        parse(&list).map_err(|error| FormatError::Damaged(error.to_string()))
    };
    read().map_err(|error| error.at(label, format!("cannot read the checksums in {what}"), &what))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checked {
    Matches,
    Differs {
        /// The SHA-256 of the blob's bytes.
        found: [u8; 32],
    },
}

/// Reads a whole blob and compares it with a checksum. Reports the bytes to `progress` as they are read. Blocks.
pub(crate) fn check(
    label: &str,
    blob: &dyn Blob,
    sha256: &[u8; 32],
    progress: &mut dyn FnMut(u64),
) -> Result<Checked, SourceError> {
    let what = blob.describe();
    let fail = |error: io::Error| FormatError::from(error).at(label, format!("cannot check {what}"), &what);
    let found = sha256_of(blob.read().map_err(fail)?, progress).map_err(fail)?;
    Ok(if found == *sha256 { Checked::Matches } else { Checked::Differs { found } })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn name(line: &str) -> Option<Vec<u8>> {
        let sums = parse(line.as_bytes()).expect("it is a list");
        assert_eq!(sums.len(), 1, "{line:?}");
        assert_eq!(sums[0].sha256[..3], [0xe3, 0xb0, 0xc4]);
        sums.into_iter().next().and_then(|sum| sum.name)
    }

    #[test]
    fn every_form_of_a_line_is_read() {
        for (line, expected) in [
            (format!("{HEX}  a.dump\n"), &b"a.dump"[..]),
            (format!("{HEX} *a.dump"), b"a.dump"),
            (format!("{HEX} a.dump"), b"a.dump"),
            (format!("{HEX}   a"), b" a"),
            (format!("{HEX}  *a"), b"*a"),
            (format!("{}  dir/a.dump\r\n", HEX.to_uppercase()), b"dir/a.dump"),
            (format!("\\{HEX}  a\\nb\\\\c\\rd"), b"a\nb\\c\rd"),
            (format!("{HEX}  a\\nb"), b"a\\nb"),
            (format!("SHA256 (a) = {HEX}"), b"a"),
            (format!("SHA256 (a) = b) = {HEX}\r\n"), b"a) = b"),
            (format!("\\SHA256 (a\\nb) = {HEX}"), b"a\nb"),
            (format!("# made by hand\n\n  {HEX}  -\n"), b"-"),
        ] {
            assert_eq!(name(&line).as_deref(), Some(expected), "{line:?}");
        }
        assert_eq!(name(&format!("{HEX}\n")), None);
    }

    #[test]
    fn what_is_no_checksum_is_refused_with_its_line() {
        for line in [
            "hello".to_owned(),
            HEX[1..].to_owned(),
            format!("{HEX}0  a"),
            format!("{HEX}\ta"),
            format!("g{}  a", &HEX[1..]),
            format!("SHA256 (a) = {}", &HEX[1..]),
            format!("\\{HEX}  a\\x"),
            format!("\\{HEX}  a\\"),
            format!("SHA512 (a) = {HEX}{HEX}"),
        ] {
            let list = format!("{HEX}  ok\n{line}\n");
            assert_eq!(parse(list.as_bytes()).expect_err(&line).line, 2, "{line:?}");
        }
    }

    #[test]
    fn a_list_speaks_of_a_file_by_its_name_or_by_being_its_only_line() {
        let sum = |name: Option<&str>, byte| Sum {
            sha256: [byte; 32],
            name: name.map(|name| name.as_bytes().to_owned()),
        };
        let other_name = [sum(Some("db/restore.dump"), 1)];
        assert_eq!(expected(&other_name, b"v1.dump"), Ok(Some([1; 32])));
        assert_eq!(expected(&[sum(None, 1)], b"v1.dump"), Ok(Some([1; 32])));
        let several = [sum(Some("b"), 1), sum(Some("./x/a"), 2), sum(Some("a"), 2), sum(Some("b"), 3)];
        assert_eq!(expected(&several, b"a"), Ok(Some([2; 32])));
        assert_eq!(expected(&several, b"b"), Err(Ambiguous));
        assert_eq!(expected(&several, b"c"), Ok(None));
        assert_eq!(expected(&[], b"a"), Ok(None));
    }
}
