//! Zips that are damaged, lie about their members, or are bombs.

use super::zips::{NAME, noise, pack, read_all};
use super::*;
use crate::content::ErrorKind;
use crate::format::zip::tests::build::{Packed, Zip};

#[tokio::test]
async fn a_truncated_zip_is_listed_and_says_what_to_do() {
    let folder = Folder::new();
    let whole =
        std::fs::read(folder.zip("w.zip", &[], &[("a.jsonl", &noise(3000)), ("b.jsonl", b"b\n")])).unwrap();
    std::fs::remove_file(folder.archives().join("w.zip")).unwrap();
    folder.zip("2026-01-01T000000.zip", &[], &[("good", b"good")]);
    for cut in 0..20 {
        folder.write(NAME, &whole[..whole.len() * cut / 20]);
        let source = folder.open();
        let database = database(&source).await;
        assert_eq!(ids(&database), [NAME, "2026-01-01T000000.zip"]);
        let error = files(&database, NAME).await.err().expect("a truncated zip cannot be listed");
        assert_eq!(error.kind, ErrorKind::Damaged, "{}", error.chain());
        assert!(error.hint.as_ref().unwrap().contains("unzip -t"));
        assert!(error.chain().contains(NAME), "{}", error.chain());
        let good = &files(&database, "2026-01-01T000000.zip").await.unwrap()[0];
        assert_eq!(read(&good.content).await.unwrap(), b"good");
    }
}

#[tokio::test]
async fn no_flipped_byte_gives_wrong_bytes() {
    let contents: [(&str, &[u8]); 3] = [
        ("a.jsonl", b"{\"id\":1,\"text\":\"aaaaaaaaaaaaaaaaaaaaaaaa\"}\n"),
        ("b", b"stored"),
        ("c/d", b"x\n"),
    ];
    let folder = Folder::new();
    let whole = std::fs::read(folder.zip(NAME, &[], &contents)).unwrap();
    let flips = (0..whole.len()).flat_map(|at| [0x01, 0x80, 0xff].map(|bit| (at, bit)));
    // All are written before the first is read: a file just written would be waited for.
    let damaged: Vec<_> = flips
        .map(|(at, bit)| {
            let (folder, mut bytes) = (Folder::new(), whole.clone());
            bytes[at] ^= bit;
            folder.write(NAME, &bytes);
            (at, bit, folder)
        })
        .collect();
    let mut refused = 0;
    for (at, bit, folder) in damaged {
        let (files, errors) = read_all(&folder).await;
        refused += errors.len();
        for (path, bytes) in files {
            // A flip in a name shows the right bytes under another name.
            let same_name = contents.iter().find(|(name, _)| *name == path).map(|(_, bytes)| *bytes);
            let known = contents.iter().any(|(_, known)| *known == bytes);
            assert!(same_name.map_or(known, |known| known == bytes), "{path}: byte {at} ^ {bit:#x}");
        }
    }
    assert!(refused > 100, "{refused}");
}

#[tokio::test]
async fn a_directory_that_lies_about_the_size_is_refused() {
    for stored in [true, false] {
        let folder = Folder::new();
        let text = b"0123456789".repeat(10);
        let path = folder.zip(NAME, if stored { &["-0"] } else { &[] }, &[("a", &text)]);
        let whole = std::fs::read(&path).unwrap();
        let entry = whole.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
        for lie in [0_u32, 1, 99, 101, 5_000_000, 0xffff_fff0] {
            let mut bytes = whole.clone();
            bytes[entry + 24..entry + 28].copy_from_slice(&lie.to_le_bytes());
            folder.write(NAME, &bytes);
            let (files, errors) = read_all(&folder).await;
            assert!(files.is_empty(), "{lie}");
            assert!(
                matches!(errors[0].kind, ErrorKind::Damaged | ErrorKind::Unsupported),
                "{}",
                errors[0].chain()
            );
            assert!(errors[0].chain().contains("member a of"), "{}", errors[0].chain());
            assert!(errors[0].hint.is_some());
        }
    }
}

#[tokio::test]
async fn a_bomb_is_refused_before_it_is_unpacked() {
    let folder = Folder::new();
    let mut bytes = pack(&[("bomb", &vec![0; 1 << 20])]);
    let entry = bytes.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    bytes[entry + 24..entry + 28].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    folder.write(NAME, &bytes);
    let (_, errors) = read_all(&folder).await;
    assert_eq!(errors[0].kind, ErrorKind::Unsupported);
    assert!(errors[0].chain().contains("zip bomb"), "{}", errors[0].chain());
}

/// One piece of data, listed twice: what bombs of many petabytes are made of.
#[tokio::test]
async fn members_that_share_their_data_are_refused() {
    let folder = Folder::new();
    let mut bytes = pack(&[("one", b"first"), ("two", b"second"), ("three", b"third")]);
    let entries: Vec<usize> =
        (0..bytes.len() - 4).filter(|&at| bytes[at..].starts_with(b"PK\x01\x02")).collect();
    let offset = |entry: usize| entry + 42..entry + 46;
    let first = bytes[offset(entries[0])].to_vec();
    bytes[offset(entries[1])].copy_from_slice(&first);
    folder.write(NAME, bytes);
    let (files, errors) = read_all(&folder).await;
    assert_eq!(files, [("three".to_owned(), b"third".to_vec())]);
    assert_eq!(errors.len(), 2);
    for error in errors {
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(error.chain().contains("within that of another"), "{}", error.chain());
    }
}

/// What `asof verify` says of a zip beside reading it.
#[tokio::test]
async fn what_contradicts_a_directory_is_found_by_verify() {
    use crate::source::verify::{Progress, Severity};
    let whole = Zip { comment: b"by hand".to_vec(), ..Zip::default() }.build(&[Packed::stored("a", b"a")]);
    for (bytes, expected) in [(&whole[..], None), (&whole[..whole.len() - 3], Some("cut off"))] {
        let folder = Folder::new();
        folder.write(NAME, bytes);
        let database = database(&folder.open()).await;
        let findings = database.verify(&Progress::default()).await.unwrap().findings;
        assert_eq!(findings.len(), usize::from(expected.is_some()), "{findings:?}");
        for finding in findings {
            assert_eq!(finding.severity, Severity::Wrong);
            assert!(finding.problem.contains(expected.unwrap()), "{}", finding.problem);
        }
        assert_eq!(files(&database, NAME).await.unwrap().len(), 1, "its members are shown");
    }
}
