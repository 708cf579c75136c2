//! What members are called in the tree (docs/SEMANTICS.md, "Names of members").

use std::borrow::Cow;
use std::collections::HashSet;

use super::central::{CentralHeader, Host};
use crate::model::names::{escape_bytes_with_suffix, nested_paths};

/// The flag of names in UTF-8 (APPNOTE.TXT 4.4.4, bit 11).
const UTF_8: u16 = 1 << 11;

/// The characters of code page 437 from 0x80 on.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
                     αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// The files among the members, each with its place in the directory and its path. No two have one path, and none is a
/// folder of another.
///
/// Where several have one name, the last one counts, as for `unzip -o`. Where names that differ come to the same path,
/// each is shown: all but one under the name as it stands in the zip, with its number.
pub(super) fn paths(headers: &[CentralHeader]) -> Vec<(usize, String)> {
    let mut files: Vec<(Vec<u8>, usize)> = headers
        .iter()
        .enumerate()
        .filter_map(|(index, header)| Some((plain(header, &name_of(header))?, index)))
        .collect();
    files.sort_unstable();
    let mut chosen: Vec<(Vec<u8>, usize)> = Vec::with_capacity(files.len());
    let mut others = Vec::new();
    for group in files.chunk_by(|(a, _), (b, _)| a == b) {
        if let [only] = group {
            chosen.push(only.clone());
            continue;
        }
        let plain = &group[0].0;
        let raw = |index: usize| &*headers[index].name;
        let mut seen = HashSet::new();
        // The last one of each name.
        let distinct: Vec<usize> =
            group.iter().rev().map(|(_, index)| *index).filter(|index| seen.insert(raw(*index))).collect();
        let winner = distinct.iter().copied().find(|index| raw(*index) == &plain[..]).unwrap_or(distinct[0]);
        chosen.push((plain.clone(), winner));
        others.extend(distinct.into_iter().filter(|index| *index != winner));
    }
    remove_folders(&mut chosen, headers);
    let paths = nested_paths(chosen.iter().map(|(name, _)| name.as_slice()));
    // No name is escaped to `%~`, so no path is one of these.
    let other = |index: usize| (index, escape_bytes_with_suffix(&headers[index].name, &format!("%~{index}")));
    chosen.into_iter().map(|(_, index)| index).zip(paths).chain(others.into_iter().map(other)).collect()
}

/// Removes members that are marked as folders and are folders of other members. `files` are sorted by name.
fn remove_folders(files: &mut Vec<(Vec<u8>, usize)>, headers: &[CentralHeader]) {
    let is_folder = |(name, index): &(Vec<u8>, usize)| {
        if !headers[*index].is_marked_as_folder() {
            return false;
        }
        let within = [name, &b"/"[..]].concat();
        let next = files.partition_point(|(other, _)| other < &within);
        files.get(next).is_some_and(|(other, _)| other.starts_with(&within))
    };
    let kept: Vec<bool> = files.iter().map(|file| !is_folder(file)).collect();
    let mut kept = kept.into_iter();
    files.retain(|_| kept.next().unwrap_or(true));
}

/// The name of a member: in UTF-8 if its flag says so; else that of its extra field; else in UTF-8 if it can be and was
/// not packed on DOS or Windows; else in code page 437.
fn name_of(header: &CentralHeader) -> Cow<'_, [u8]> {
    let name = &*header.name;
    // A name in UTF-8 needs no other one: `unzip` ignores the extra field then, too.
    if let Some(unicode) = header.unicode.as_ref().filter(|_| header.flags & UTF_8 == 0) {
        return unicode.as_bytes().into();
    }
    let is_utf8 = std::str::from_utf8(name).is_ok();
    let as_it_is = match header.host {
        _ if header.flags & UTF_8 != 0 || name.is_ascii() => true,
        Host::Dos | Host::Windows => false,
        Host::Unix | Host::Other => is_utf8,
    };
    if as_it_is { name.into() } else { from_cp437(name).into_bytes().into() }
}

fn from_cp437(name: &[u8]) -> String {
    let char = |&byte: &u8| match byte {
        0..0x80 => char::from(byte),
        _ => CP437.chars().nth(usize::from(byte - 0x80)).unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    name.iter().map(char).collect()
}

/// A name without components that mean nothing or would lead out of the folder: `./a//b` is `a/b`, and so are `/a/b`
/// and `../a/b`, as `unzip` unpacks them. `None` for a folder.
fn plain(header: &CentralHeader, name: &[u8]) -> Option<Vec<u8>> {
    // .NET programs packed folders with backslashes, which the format does not know.
    let is_windows = header.host == Host::Dos && !name.contains(&b'/');
    let is_slash = |byte: &u8| *byte == b'/' || is_windows && *byte == b'\\';
    if name.last().is_some_and(is_slash) {
        return None;
    }
    let components = name.split(is_slash).filter(|part| !matches!(*part, b"" | b"." | b".."));
    let plain = components.collect::<Vec<_>>().join(&b'/');
    Some(if plain.is_empty() { name.to_owned() } else { plain })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::zip::extra::Numbers;

    fn header(host: u8, flags: u16, name: &[u8]) -> CentralHeader {
        let numbers = Numbers { len: 1, packed: 1, offset: 0, part: 0 };
        CentralHeader {
            host: Host::of(host),
            flags,
            method: 0,
            crc: 0,
            numbers,
            attributes: 0,
            name: name.into(),
            unicode: None,
        }
    }

    fn shown(headers: &[CentralHeader]) -> Vec<(usize, String)> {
        let mut paths = paths(headers);
        paths.sort_unstable();
        paths
    }

    fn path(header: CentralHeader) -> String {
        shown(&[header]).remove(0).1
    }

    #[test]
    fn the_encoding_of_a_name_is_that_of_the_format() {
        assert_eq!(CP437.chars().count(), 128);
        assert_eq!(path(header(0, 0, b"\x81.txt")), "ü.txt", "DOS");
        assert_eq!(path(header(11, 0, b"\x81.txt")), "ü.txt", "Windows");
        assert_eq!(path(header(0, UTF_8, "ü.txt".as_bytes())), "ü.txt", "the flag");
        assert_eq!(path(header(3, 0, "ü.txt".as_bytes())), "ü.txt", "Unix");
        assert_eq!(path(header(3, 0, b"\x81.txt")), "ü.txt", "Unix, in no UTF-8");
        assert_eq!(path(header(19, 0, "ü.txt".as_bytes())), "ü.txt", "macOS");
        assert_eq!(path(header(0, UTF_8, b"\xfc.txt")), "%FC.txt", "a flag that is wrong");
        assert_eq!(path(header(0, 0, b"\xfd\xff")), "²\u{a0}");
        assert_eq!(path(header(2, 0, "ü".as_bytes())), "ü", "VMS");
        let named = CentralHeader { unicode: Some("ü.txt".into()), ..header(0, 0, b"\x99.txt") };
        assert_eq!(path(named), "ü.txt", "the extra field");
    }

    #[test]
    fn names_lead_nowhere_else_and_mean_what_unzip_makes_of_them() {
        for (name, expected) in [
            (&b"./issues.jsonl"[..], "issues.jsonl"),
            (b"a/./b", "a/b"),
            (b"//d", "d"),
            (b"../../etc/passwd", "etc/passwd"),
            (b"./b/../c", "b/c"),
            (b"/", "%2F"),
            (b"", "%"),
            (b"..", "%2E."),
        ] {
            let found = shown(&[header(3, 0, name)]);
            let expected: Vec<_> =
                (!name.ends_with(b"/")).then(|| (0, expected.to_owned())).into_iter().collect();
            assert_eq!(found, expected, "{name:?}");
        }
    }

    #[test]
    fn backslashes_of_dos_are_folders_and_those_of_unix_are_not() {
        assert_eq!(path(header(0, 0, b"dir\\sub\\a.txt")), "dir/sub/a.txt");
        assert_eq!(shown(&[header(0, 0, b"dir\\empty\\")]), []);
        assert_eq!(path(header(3, 0, b"dir\\a.txt")), "dir\\a.txt");
        assert_eq!(path(header(0, 0, b"dir/a\\b")), "dir/a\\b");
    }

    #[test]
    fn of_one_name_the_last_counts_and_no_other_name_is_lost() {
        let same = [header(3, 0, b"a"), header(3, 0, b"a")];
        assert_eq!(shown(&same), [(1, "a".to_owned())]);
        let twice = [header(0, 0, b"\x81"), header(0, UTF_8, "ü".as_bytes()), header(0, 0, b"./\x81")];
        assert_eq!(
            shown(&twice),
            [(0, "%81%~0".to_owned()), (1, "ü".to_owned()), (2, "./%81%~2".replace('/', "%2F"))]
        );
        let dots = [header(3, 0, b"a"), header(3, 0, b"./a")];
        assert_eq!(shown(&dots), [(0, "a".to_owned()), (1, ".%2Fa%~1".to_owned())]);
    }

    #[test]
    fn what_is_marked_as_a_folder_is_one_where_something_is_in_it() {
        let folder = || CentralHeader {
            attributes: 0o040_755 << 16,
            numbers: Numbers { len: 0, packed: 0, offset: 0, part: 0 },
            ..header(3, 0, b"d")
        };
        assert_eq!(shown(&[folder(), header(3, 0, b"d!"), header(3, 0, b"d/x")]).len(), 2);
        assert_eq!(shown(&[folder(), header(3, 0, b"d/x")]), [(1, "d/x".to_owned())]);
        assert_eq!(shown(&[folder()]), [(0, "d".to_owned())], "an empty one: as unzip shows it");
        let data = CentralHeader { numbers: Numbers { len: 1, ..folder().numbers }, ..folder() };
        assert_eq!(shown(&[data, header(3, 0, b"d/x")]).len(), 2, "its data is not lost");
    }
}
