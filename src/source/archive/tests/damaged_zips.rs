//! Zips that are damaged, lie about their members, or are bombs.

use super::zips::{NAME, pack, read_all};
use super::*;

/// Where the headers of the directory begin.
fn entries(zip: &[u8]) -> Vec<usize> {
    (0..zip.len() - 4).filter(|&at| zip[at..].starts_with(b"PK\x01\x02")).collect()
}

#[tokio::test]
async fn no_flipped_byte_gives_wrong_bytes() {
    let contents: [(&str, &[u8]); 3] = [
        ("a.jsonl", b"{\"id\":1,\"text\":\"aaaaaaaaaaaaaaaaaaaaaaaa\"}\n"),
        ("b", b"stored"),
        ("c/d", b"x\n"),
    ];
    let folder = Folder::new();
    let whole = fs::read(folder.zip(NAME, &[], &contents)).unwrap();
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
    for options in [&["-0"][..], &[]] {
        let folder = Folder::new();
        let mut bytes = fs::read(folder.zip(NAME, options, &[("a", &b"0123456789".repeat(10))])).unwrap();
        let entry = entries(&bytes)[0];
        for lie in [0_u32, 1, 99, 101, 5_000_000, 0xffff_fff0] {
            bytes[entry + 24..entry + 28].copy_from_slice(&lie.to_le_bytes());
            folder.write(NAME, &bytes);
            let (files, errors) = read_all(&folder).await;
            assert!(files.is_empty(), "{lie}");
            let kind = errors[0].kind;
            assert!(matches!(kind, ErrorKind::Damaged | ErrorKind::Unsupported), "{lie}: {kind:?}");
            assert_says(&errors[0], kind, &["member a of"]);
            assert_hints(&errors[0], &[]);
        }
    }
}

#[tokio::test]
async fn a_bomb_is_refused_before_it_is_unpacked() {
    let folder = Folder::new();
    let mut bytes = pack(&[("bomb", &vec![0; 1 << 20])]);
    let entry = entries(&bytes)[0];
    bytes[entry + 24..entry + 28].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    folder.write(NAME, &bytes);
    assert_says(&read_all(&folder).await.1[0], ErrorKind::Unsupported, &["zip bomb"]);
}

/// One piece of data, listed twice: what bombs of many petabytes are made of.
#[tokio::test]
async fn members_that_share_their_data_are_refused() {
    let folder = Folder::new();
    let mut bytes = pack(&[("one", b"first"), ("two", b"second"), ("three", b"third")]);
    let entries = entries(&bytes);
    bytes.copy_within(entries[0] + 42..entries[0] + 46, entries[1] + 42);
    folder.write(NAME, bytes);
    let (files, errors) = read_all(&folder).await;
    assert_eq!(files, [("three".to_owned(), b"third".to_vec())]);
    assert_eq!(errors.len(), 2);
    for error in &errors {
        assert_says(error, ErrorKind::Unsupported, &["within that of another"]);
    }
}
