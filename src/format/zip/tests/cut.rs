//! Zips that lost their end, or their beginning: none of their inner zips passes for the outer one.

use super::build::{Packed, Zip, zip};
use super::*;

/// Zips that a member may be: plain, with a comment, empty, of zips, with zip64 records, after a program, of streams.
pub(super) fn inner_zips() -> Vec<Vec<u8>> {
    let old = [Packed::stored("readme.txt", b"old"), Packed::deflated("issues.jsonl", b"{\"id\":\"old\"}\n")];
    let plain = zip(&old);
    let with = |how: Zip| how.build(&old);
    vec![
        plain.clone(),
        with(Zip { comment: b"made by hand".to_vec(), ..Zip::default() }),
        zip(&[]),
        zip(&[Packed::stored("attachment.zip", &plain)]),
        zip(&[Packed::stored("deeper.zip", &zip(&[Packed::stored("attachment.zip", &plain)]))]),
        with(Zip { zip64: true, ..Zip::default() }),
        with(Zip { prefix: b"#!/bin/sh\nexit\n".to_vec(), ..Zip::default() }),
        with(Zip { prefix: b"#!/bin/sh\nexit\n".to_vec(), counts_prefix: true, ..Zip::default() }),
        zip(&old.clone().map(Packed::streamed)),
    ]
}

/// Zips that hold an inner zip, in several places, and their names.
fn outer_zips(inner: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let issues = Packed::deflated("issues.jsonl", b"{\"id\":\"bd-1\"}\n");
    let attachment = Packed::stored("attachment.zip", inner);
    let last = [issues.clone(), attachment.clone()];
    let first = [attachment.clone(), issues.clone()];
    let twice = [attachment.clone(), issues, Packed { name: b"again.zip".to_vec(), ..attachment.clone() }];
    let program = b"MZ a program that unpacks what follows it ".repeat(7);
    vec![
        ("last", zip(&last)),
        ("first", zip(&first)),
        ("alone", zip(&[attachment])),
        ("twice", zip(&twice)),
        ("streamed", zip(&last.clone().map(Packed::streamed))),
        ("streamed, first", zip(&first.map(Packed::streamed))),
        ("zip64", Zip { zip64: true, ..Zip::default() }.build(&last)),
        (
            "behind a program",
            Zip { prefix: program.clone(), counts_prefix: true, ..Zip::default() }.build(&last),
        ),
        (
            "streamed, behind a program",
            Zip { prefix: program, ..Zip::default() }.build(&last.clone().map(Packed::streamed)),
        ),
        ("marked", Zip { prefix: b"PK00".to_vec(), counts_prefix: true, ..Zip::default() }.build(&last)),
        ("marked as split", Zip { prefix: b"PK\x07\x08".to_vec(), ..Zip::default() }.build(&last)),
    ]
}

/// go/archive/zip comment-truncated.zip, unzip#19: the directory that is found at the end is that of a member.
#[test]
fn a_zip_that_is_cut_anywhere_never_shows_an_inner_one() {
    for inner in inner_zips() {
        for (name, whole) in outer_zips(&inner) {
            assert!(directory(&whole).is_ok_and(|found| found.flaws.is_empty()), "{name}: whole");
            for cut in 0..whole.len() {
                let error = match directory(&whole[..cut]) {
                    Ok(found) => {
                        let paths: Vec<_> = found.members.into_iter().map(|member| member.path).collect();
                        panic!("{name}: {cut} of {} bytes show {paths:?}", whole.len())
                    }
                    Err(error) => error,
                };
                // If a zip begins like a split one, its end may be in another part.
                let is_split =
                    whole.starts_with(b"PK\x07\x08") && matches!(error, ZipError::Unsupported { .. });
                let is_damaged = matches!(error, ZipError::Damaged(_) | ZipError::CutOff(_));
                assert!(is_split || is_damaged, "{name}, {cut}: {error}");
                assert!(is_split || error.to_string().contains("cut off"), "{name}, {cut}: {error}");
            }
        }
    }
}

#[test]
fn what_a_cut_zip_ends_in_is_explained() {
    let inner = zip(&[Packed::stored("readme.txt", b"old")]);
    let whole = zip(&[Packed::stored("a", b"a"), Packed::stored("attachment.zip", &inner)]);
    let error = directory(&whole[..whole.len() - 10]).expect_err("it is cut").to_string();
    assert!(error.contains("it is cut off") && error.contains("a zip at byte"), "{error}");
}

/// The members are all there, and shown; the flaw says that the end is missing.
#[test]
fn a_cut_comment_hides_no_member_and_is_a_flaw() {
    let inner = zip(&[Packed::stored("readme.txt", b"old")]);
    let members = [Packed::stored("a", b"a"), Packed::stored("attachment.zip", &inner)];
    let whole = Zip { comment: b"made by backup 1.0".to_vec(), ..Zip::default() }.build(&members);
    for cut in 1..=18 {
        let zip = &whole[..whole.len() - cut];
        assert_eq!(super::whole(zip).len(), 2);
        let flaws = directory(zip).expect("its members are there").flaws;
        assert!(
            flaws[0].contains("cut off") && flaws[0].contains(&format!("{cut} bytes fewer")),
            "{flaws:?}"
        );
    }
}

/// Missing bytes at the beginning cost only the members that they belonged to.
#[test]
fn without_its_beginning_a_zip_shows_what_is_left_and_is_damaged() {
    let whole = zip(&[Packed::stored("a", b"first"), Packed::stored("b", b"second")]);
    for cut in 1..30 {
        let zip = &whole[cut..];
        let found = directory(zip).expect("its directory is there");
        assert!(found.flaws[0].contains(&format!("{cut} bytes are missing")), "{:?}", found.flaws);
        let members = members(zip).expect("its directory is there");
        assert!(matches!(members[0].1, Err(ZipError::Damaged(_))), "{members:?}");
        assert_eq!(members[1].1.as_ref().expect("the second is whole"), b"second");
    }
}

#[test]
fn two_zips_in_one_file_are_said_to_be_that() {
    let one = Zip { comment: b"first".to_vec(), ..Zip::default() }.build(&[Packed::stored("a", b"a")]);
    let both = [&one[..], &zip(&[Packed::stored("b", b"b")])].concat();
    match directory(&both).expect_err("which one counts?") {
        ZipError::Unsupported { reason, remedy: crate::format::zip::Remedy::CutAt(at) } => {
            assert_eq!(at, one.len() as u64);
            assert!(reason.contains("two zips"), "{reason}");
        }
        other => panic!("{other}"),
    }
    let begun = [&one[..], &one[..40]].concat();
    assert_eq!(whole(&begun).len(), 1);
    assert!(directory(&begun).expect("the first is whole").flaws[0].contains("begin like another member"));
}
