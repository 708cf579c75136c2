//! Zips that are odd, and what becomes of them: the same as with `unzip`, 7-Zip and Python, where these agree.

use super::build::{Packed, Zip, zip};
use super::*;

fn one() -> [Packed; 1] {
    [Packed::stored("a.txt", b"hello\n")]
}

/// Zips of [`one`] member, each odd in a way that changes nothing.
pub(super) fn odd_zips() -> Vec<(&'static str, Vec<u8>)> {
    let with = |member: Packed| zip(&[member]);
    let built = |how: Zip| how.build(&one());
    let member = || one().into_iter().next().expect("there is one");
    let both = |extra: &[u8]| with(Packed { extra: [extra.to_vec(), extra.to_vec()], ..member() });
    let field = |id: u16, data: &[u8]| [&id.to_le_bytes()[..], &[data.len() as u8, 0], data].concat();
    let then = |suffix: &[u8]| [zip(&one()), suffix.to_vec()].concat();
    let program = b"#!/bin/sh\nexec unzip \"$0\"\n".repeat(9);
    vec![
        ("an extra field longer than its list", both(b"\x55\x54\x56\x30xxxxxxxxxxxx")),
        ("three zeros for extra fields", both(b"\0\0\0")),
        ("one zero", both(b"\0")),
        ("padding behind a field", both(&[&field(0x5455, b"\x01\0\xa6\xce\x12")[..], &[0, 0]].concat())),
        ("a zip64 field of no number", both(&field(1, b"\0\0\0\0"))),
        ("a zip64 field that nobody needs", both(&field(1, &[6; 16]))),
        (
            "all kinds of fields",
            both(
                &[0x000a, 0x5855, 0x7855, 0x7875, 0x6375, 0xcafe, 0xd935]
                    .map(|id| field(id, b"abcd"))
                    .concat(),
            ),
        ),
        (
            "an extra field in the local header alone",
            with(Packed { extra: [vec![0; 9], vec![]], ..member() }),
        ),
        ("a comment of a member", with(Packed { comment: b"PK\x01\x02".to_vec(), ..member() })),
        (
            "a comment with the signature of an end",
            built(Zip { comment: [&b"zz PK\x05\x06 zz"[..], &[b'x'; 30]].concat(), ..Zip::default() }),
        ),
        (
            "a comment that is a zip",
            built(Zip { comment: zip(&[Packed::stored("b", b"b")]), ..Zip::default() }),
        ),
        ("a comment that is an empty zip", built(Zip { comment: zip(&[]), ..Zip::default() })),
        ("a line end behind", then(b"\r\n")),
        ("text behind", then(&[b'x'; 1000])),
        ("zeros behind", then(&[0; 70_000])),
        ("much behind", then(&[b'x'; 900_000])),
        ("a program before, not counted", built(Zip { prefix: program.clone(), ..Zip::default() })),
        ("a program before, counted", built(Zip { prefix: program, counts_prefix: true, ..Zip::default() })),
        ("zip64", built(Zip { zip64: true, ..Zip::default() })),
        ("zip64 behind a program", built(Zip { zip64: true, prefix: b"MZ".repeat(99), ..Zip::default() })),
        (
            "a signature over the directory",
            built(Zip { behind_directory: b"PK\x05\x05\x04\0abcd".to_vec(), ..Zip::default() }),
        ),
        ("lengths behind the data", zip(&one().map(Packed::streamed))),
        (
            "the same without a signature",
            with(Packed { descriptor: Some(false), ..Packed::deflated("a.txt", b"hello\n") }),
        ),
        (
            "another name in the local header",
            with(Packed { local_name: Some(b"b.txt".to_vec()), ..member() }),
        ),
        ("masked local headers", with(Packed { flags: 0x2000, ..member() })),
        ("a number of its part that is wrong", built(Zip { part: 1, ..Zip::default() })),
    ]
}

/// None of these oddities keeps a member from being read, and none of these zips is damaged.
#[test]
fn oddities_that_change_nothing_are_no_damage() {
    for (what, zip) in odd_zips() {
        assert_eq!(whole(&zip), [("a.txt".to_owned(), b"hello\n".to_vec())], "{what}");
        assert_eq!(directory(&zip).expect("it was read").flaws, [""; 0], "{what}");
    }
    assert!(whole(&zip(&[])).is_empty());
}

/// The end record of a zip of two members, with another number in it.
fn with_end(at: usize, change: i64) -> Vec<u8> {
    let mut zip = zip(&[Packed::stored("a", b"a"), Packed::stored("b", b"b")]);
    let place = zip.len() - 22 + at;
    let number = u16::from_le_bytes([zip[place], zip[place + 1]]);
    let changed = u16::try_from(i64::from(number) + change).expect("short").to_le_bytes();
    zip[place..place + 2].copy_from_slice(&changed);
    zip
}

/// SharpZipLib#291 and others: two of the number, the length and the place of its headers have to be right.
#[test]
fn a_record_of_which_one_number_is_wrong_hides_no_member_and_is_a_flaw() {
    for (at, change, flaw) in [
        (10, -1, "counts 1 members, its directory has 2"),
        (10, 1, "counts 3 members"),
        (10, -2, "counts 0 members"),
        (12, 1, "gives its directory"),
        (12, -47, "gives its directory"),
        (16, 1, "puts the directory at byte"),
        (16, -64, "puts the directory at byte"),
    ] {
        let zip = with_end(at, change);
        assert_eq!(whole(&zip).len(), 2, "{at} {change}");
        let flaws = directory(&zip).expect("it was read").flaws;
        assert!(flaws.len() == 1 && flaws[0].contains(flaw), "{at} {change}: {flaws:?}");
    }
    let gap = Zip { behind_directory: b"junk".repeat(5), ..Zip::default() }.build(&one());
    assert_eq!(whole(&gap).len(), 1);
    assert!(directory(&gap).expect("it was read").flaws[0].contains("20 bytes stand between"));
}

/// libzip's incons-central-compsize-larger and incons-central-file-comment-longer: headers that state too large a
/// length.
#[test]
fn a_header_that_reaches_too_far_hides_no_member_and_is_a_flaw() {
    let member = Packed::deflated("a", b"some text, some text");
    let whole_zip = zip(&[Packed { comment: b"c".to_vec(), ..member }]);
    let header = whole_zip.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").expect("there is one");
    for (at, flaw) in [(20, "into its directory"), (32, "into its end record")] {
        let mut zip = whole_zip.clone();
        zip[header + at] += 100;
        assert_eq!(whole(&zip), [("a".to_owned(), b"some text, some text".to_vec())]);
        let flaws = directory(&zip).expect("it was read").flaws;
        assert!(flaws.len() == 1 && flaws[0].contains(flaw), "{flaws:?}");
    }
}

#[test]
fn a_record_of_which_two_numbers_are_wrong_is_not_believed() {
    let mut zip = with_end(10, 1);
    let place = zip.len() - 22 + 12;
    zip[place] += 1;
    assert!(matches!(directory(&zip), Err(ZipError::Damaged(_))));
    let mut zip = with_end(12, 1);
    let place = zip.len() - 22 + 16;
    zip[place] += 1;
    assert!(matches!(directory(&zip), Err(ZipError::Damaged(_))));
}

/// macOS and .NET count no further than 65,535.
#[test]
fn more_members_than_the_record_counts_are_all_there() {
    for count in [65_535, 65_536, 70_000, 131_072 + 5] {
        let members: Vec<_> =
            (0..count).map(|at| Packed::stored(format!("{at:06}.txt"), at.to_string().as_bytes())).collect();
        let zip = zip(&members);
        let found = directory(&zip).unwrap_or_else(|error| panic!("{count}: {error}"));
        assert_eq!((found.members.len(), found.flaws.len()), (count, 0));
        let last = &found.members[count - 1];
        assert_eq!(read(&found, &zip, last).expect("it is whole"), (count - 1).to_string().as_bytes());
    }
}

#[test]
fn what_unix_says_of_a_file_is_kept() {
    use crate::content::FileKind;
    let with = |name: &str, attributes: u32| Packed { attributes, ..Packed::stored(name, b"a") };
    let zip = zip(&[
        with("a link", 0o120_777 << 16),
        Packed { host: 0, ..with("b link of DOS", 0o120_777 << 16) },
        with("c program", 0o100_755 << 16),
        with("d file", 0o100_644 << 16),
        with("e pipe", 0o010_755 << 16),
        Packed { attributes: 0o120_777 << 16, ..Packed::stored("f too long", &[b'x'; 5000]) },
    ]);
    let kinds: Vec<_> =
        directory(&zip).expect("it is whole").members.iter().map(|member| member.kind).collect();
    let expected = [
        FileKind::Symlink,
        FileKind::Regular,
        FileKind::Executable,
        FileKind::Regular,
        FileKind::Regular,
        FileKind::Regular,
    ];
    assert_eq!(kinds, expected);
}

/// The last part of a split zip is not called damaged.
#[test]
fn the_last_part_of_a_split_zip_is_said_to_be_that() {
    use crate::format::zip::Remedy;
    let whole = Zip { prefix: b"PK\x07\x08".to_vec(), counts_prefix: true, part: 1, ..Zip::default() }
        .build(&[Packed::stored("a", &[b'x'; 500])]);
    let is_split = |part: &[u8]| matches!(directory(part), Err(ZipError::Unsupported { remedy: Remedy::Join, reason }) if reason.contains("split"));
    assert!(is_split(&whole[..300]), "the first");
    // The offsets are those within the part.
    let last = Zip { part: 1, prefix: vec![b'x'; 200], ..Zip::default() }.build(&[Packed::stored("a", b"a")]);
    let without_header: Vec<u8> = [&last[..200], &last[232..]].concat();
    let mut last = without_header;
    let place = last.len() - 22 + 16;
    last[place..place + 4].copy_from_slice(&200_u32.to_le_bytes());
    assert!(is_split(&last), "{:?}", directory(&last).map(|found| found.members));
}
