//! Directories whose members seem to share their data, and members that are not where the directory puts them.

use super::build::{Packed, Zip, zip};
use super::*;
use crate::format::hasher::crc32;

/// Where a header of the directory of `zip` is.
fn header(zip: &[u8], number: usize) -> usize {
    let places = (0..zip.len() - 4).filter(|&at| zip[at..].starts_with(b"PK\x01\x02"));
    places.clone().nth(number).expect("it has so many")
}

#[test]
fn a_header_that_stands_twice_in_the_directory_is_one_member() {
    let once = zip(&[Packed::stored("a", b"hello")]);
    let directory = once[header(&once, 0)..once.len() - 22].to_vec();
    let mut twice = once;
    let end = twice.len() - 22;
    twice.splice(end..end, directory.clone());
    let end = twice.len() - 22;
    twice[end + 8..end + 12].copy_from_slice(&[2, 0, 2, 0]);
    twice[end + 12..end + 16].copy_from_slice(&(2 * directory.len() as u32).to_le_bytes());
    assert_eq!(whole(&twice), [("a".to_owned(), b"hello".to_vec())]);
}

#[test]
fn a_member_that_would_reach_into_the_directory_hides_no_other() {
    let mut bytes = zip(&[Packed::stored("a", b"hello"), Packed::stored("b", b"world")]);
    let packed = header(&bytes, 0) + 20;
    bytes[packed..packed + 4].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    assert_eq!(directory(&bytes).expect("its end is proven").flaws.len(), 1);
    let members = members(&bytes).expect("its end is proven");
    assert!(members[0].1.is_err());
    assert_eq!(members[1].1.as_ref().expect("it is whole"), b"world");
}

#[test]
fn members_behind_bytes_that_were_put_in_between_are_found() {
    let mut bytes = zip(&[Packed::stored("a", b"hello"), Packed::stored("b", b"world")]);
    let second = (4..bytes.len()).find(|&at| bytes[at..].starts_with(b"PK\x03\x04")).expect("two members");
    bytes.splice(second..second, *b"PK\x07\x08and 12 more..");
    assert!(!directory(&bytes).expect("its end is proven").flaws.is_empty(), "the zip is damaged");
    let members = members(&bytes).expect("its end is proven");
    for (member, text) in members.iter().zip([b"hello", b"world"]) {
        assert_eq!(member.1.as_ref().expect("its data is whole"), text);
    }
}

#[test]
fn a_name_in_utf_8_counts_more_than_that_of_an_extra_field() {
    let path = [&[1][..], &crc32(b"name").to_le_bytes(), b"other"].concat();
    let field = [&[0x75, 0x70, path.len() as u8, 0][..], &path].concat();
    let member =
        |flags| Packed { flags, extra: [field.clone(), field.clone()], ..Packed::stored("name", b"x") };
    assert_eq!(whole(&zip(&[member(1 << 11)]))[0].0, "name");
    assert_eq!(whole(&zip(&[member(0)]))[0].0, "other");
}

#[test]
fn a_link_to_nowhere_is_an_empty_file() {
    let link = Packed { attributes: 0o120_777 << 16, ..Packed::stored("a", b"") };
    let found = directory(&Zip::default().build(&[link])).expect("it is whole");
    assert_eq!(found.members[0].kind, crate::content::FileKind::Regular);
}

#[test]
fn a_header_that_states_other_numbers_than_the_directory_contradicts_it() {
    let found = |bytes: &[u8]| {
        let directory = directory(bytes).expect("its end is proven");
        contradiction(&directory, &directory.members[0], Cursor::new(bytes)).expect("memory does not fail")
    };
    let sound = zip(&[Packed::deflated("a", b"hello, hello, hello")]);
    assert_eq!(found(&sound), None);
    for (at, what) in [(8, "method"), (14, "the CRC-32"), (18, "the packed length"), (22, "the length")] {
        let mut changed = sound.clone();
        changed[at] ^= 4;
        assert!(found(&changed).expect("they differ").starts_with(what), "{what}");
        assert_eq!(whole(&changed)[0].1, b"hello, hello, hello", "the directory counts");
    }
    // Numbers that follow the data, that are in zip64 fields, or that no program wrote.
    assert_eq!(found(&zip(&[Packed::deflated("a", b"hello").streamed()])), None);
    let mut large = sound.clone();
    large[18..26].copy_from_slice(&[0xff; 8]);
    assert_eq!(found(&large), None);
    let mut odd = sound.clone();
    odd[14..18].copy_from_slice(&[0xff; 4]);
    assert!(found(&odd).expect("no CRC-32 stands elsewhere").starts_with("the CRC-32"));
    let mut unstated = sound;
    unstated[14..26].copy_from_slice(&[0; 12]);
    assert_eq!(found(&unstated), None);
}
