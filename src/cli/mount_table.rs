//! What is mounted where, from `/proc/self/mountinfo` (proc(5)).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// The file system type under which the kernel lists mounts of asof.
pub(super) const OUR_KIND: &str = "fuse.asof";

pub(super) struct MountEntry {
    pub place: PathBuf,
    /// `major:minor` of the device.
    pub device: String,
    pub kind: String,
    /// The user who mounted it, if the file system says so (`user_id=` of FUSE).
    pub user: Option<u32>,
}

/// All mounts; a later one hides an earlier one at the same place.
pub(super) fn read() -> Vec<MountEntry> {
    let table = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    table.split(|b| *b == b'\n').filter_map(parse).collect()
}

/// The topmost mount at `path`, if any.
pub(super) fn at(path: &Path) -> Option<MountEntry> {
    read().into_iter().rev().find(|mount| mount.place == path)
}

fn parse(line: &[u8]) -> Option<MountEntry> {
    let text = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
    let fields: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
    // Optional fields stand between the sixth field and the separator.
    let separator = fields.iter().position(|field| *field == b"-")?;
    let (device, place, kind) = (fields.get(2)?, fields.get(4)?, fields.get(separator + 1)?);
    let options = fields.get(separator + 3).map(|options| text(options)).unwrap_or_default();
    let user = options.split(',').find_map(|option| option.strip_prefix("user_id=")?.parse().ok());
    Some(MountEntry { place: unescape(place).into(), device: text(device), kind: text(kind), user })
}

/// Reverts the escapes of mountinfo: space, tab, newline and backslash are written as `\ooo`.
fn unescape(field: &[u8]) -> OsString {
    let mut out = Vec::new();
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let octal =
            after.get(..3).filter(|_| byte == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        let code = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        out.push(code.unwrap_or(byte));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    OsString::from_vec(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mountinfo_escapes() {
        for (field, path) in [
            (&br"/mnt/a\040b\134c"[..], &br"/mnt/a b\c"[..]),
            (br"/mnt/\9", br"/mnt/\9"),
            (br"/mnt/\", br"/mnt/\"),
            (b"/mnt/\xff", b"/mnt/\xff"),
        ] {
            assert_eq!(unescape(field).into_vec(), path);
        }
    }
}
