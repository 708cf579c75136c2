//! Zips, whole and strange.

use std::io::Write;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::content::ErrorKind;
use crate::format::zip::tests::build::{self, Packed};

pub(super) const NAME: &str = "2026-01-02T150405.zip";

pub(super) fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Packs with the library, where `zip` would refuse.
pub(super) fn pack(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in members {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn replace_all(bytes: &mut [u8], from: &[u8], to: &[u8]) -> usize {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> =
        (0..bytes.len() - from.len()).filter(|&at| bytes[at..].starts_with(from)).collect();
    for &at in &places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    places.len()
}

/// All files of the only snapshot that can be read, and the errors of the others.
pub(super) async fn read_all(folder: &Folder) -> (Vec<(String, Vec<u8>)>, Vec<SourceError>) {
    let database = database(&folder.open()).await;
    let (mut whole, mut broken) = (Vec::new(), Vec::new());
    match files(&database, NAME).await {
        Err(error) => broken.push(error),
        Ok(files) => {
            for file in files.iter() {
                match read(&file.content).await {
                    Ok(bytes) => whole.push((file.path.to_string(), bytes)),
                    Err(error) => broken.push(error),
                }
            }
        }
    }
    (whole, broken)
}

#[tokio::test]
async fn every_member_is_what_unzip_says() {
    let long = noise(700_000);
    let repetitive = b"{\"id\":1}\n".repeat(200_000);
    let contents: &[(&str, &[u8])] = &[
        ("events.jsonl", &repetitive),
        ("messages/a.jsonl", b"{}\n"),
        ("messages/deep/er/b.jsonl", &long),
        ("empty", b""),
        ("local/with space and ü.jsonl", b"x"),
        ("exactly-one-piece", &repetitive[..256 * 1024]),
    ];
    for options in [&["-D"][..], &["-0"], &["-9", "-fd"], &["-fz", "-D"]] {
        let folder = Folder::new();
        let zip = folder.zip(NAME, options, contents);
        let database = database(&folder.open()).await;
        let files = files(&database, NAME).await.unwrap();
        let mut expected: Vec<&str> = contents.iter().map(|(path, _)| *path).collect();
        expected.sort_unstable();
        assert_eq!(files.iter().map(|file| &*file.path).collect::<Vec<_>>(), expected, "{options:?}");
        for file in files.iter() {
            let output = run(Command::new("unzip").arg("-p").arg(&zip).arg(&*file.path));
            assert!(output.status.success());
            let bytes = read(&file.content).await.unwrap();
            assert!(bytes == output.stdout, "{} with {options:?}", file.path);
            assert_eq!(file.content.stated_len(), Some(bytes.len() as u64));
            assert!(file.content.describe().starts_with(&format!("member {} of /", file.path)));
        }
    }
}

#[tokio::test]
async fn names_cannot_leave_the_snapshot() {
    let folder = Folder::new();
    folder.write(
        NAME,
        pack(&[
            ("../../etc/passwd", b"1"),
            ("/etc/shadow", b"2"),
            ("a//b", b"3"),
            ("c\nd", b"4"),
            ("folder/", b""),
        ]),
    );
    let database = database(&folder.open()).await;
    let files = files(&database, NAME).await.unwrap();
    assert_eq!(files.len(), 4);
    for file in files.iter() {
        let safe = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\n');
        assert!(file.path.split('/').all(safe), "{}", file.path);
        assert_eq!(read(&file.content).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn of_duplicate_names_the_last_counts() {
    let folder = Folder::new();
    let mut bytes = pack(&[("one.txt", b"first"), ("two.txt", b"second")]);
    assert_eq!(replace_all(&mut bytes, b"two.txt", b"one.txt"), 2);
    folder.write(NAME, bytes);
    let (files, errors) = read_all(&folder).await;
    assert_eq!(files, [("one.txt".to_owned(), b"second".to_vec())]);
    assert!(errors.is_empty());
}

/// Data descriptors, zip64 and streams, as `zip` writes them, are what `unzip` says.
#[tokio::test]
async fn every_way_in_which_zip_writes_is_read() {
    let folder = Folder::new();
    let text = b"{\"a\":1}\n".repeat(1000);
    for (name, options) in [
        ("2026-01-01T000000.zip", &["-fd"][..]),
        ("2026-01-02T000000.zip", &["-fz"]),
        ("2026-01-03T000000.zip", &["-fd", "-0"]),
    ] {
        let zip = folder.zip(name, options, &[("a.jsonl", &text), ("b", b"x"), ("empty", b"")]);
        let database = database(&folder.open()).await;
        let files = files(&database, name).await.unwrap();
        assert_eq!(files.len(), 3, "{name}");
        for file in files.iter() {
            let said = run(Command::new("unzip").arg("-p").arg(&zip).arg(&*file.path)).stdout;
            assert_eq!(read(&file.content).await.unwrap(), said, "{name}: {}", file.path);
        }
    }
    let streamed = folder.archives().join("2026-01-04T000000.zip");
    let script = r#"head -c 300000 /dev/zero | tr '\0' x | zip -q -fz - - > "$1""#;
    assert!(run(Command::new("sh").args(["-c", script, "sh"]).arg(&streamed)).status.success());
    assert_eq!(read_newest(&folder.open(), "-").await.unwrap(), b"x".repeat(300_000));
}

/// Names that differ in case, and names of no encoding, are files of their own; a link is a file that says where it led.
#[tokio::test]
async fn strange_names_are_files_of_their_own() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    let staging = tempfile::tempdir().unwrap();
    for name in [&b"README"[..], b"readme", b"caf\xe9", b"sp ace"] {
        fs::write(staging.path().join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
    }
    std::os::unix::fs::symlink("/etc/passwd", staging.path().join("link")).unwrap();
    let zip = folder.archives().join(NAME);
    let mut packing = Command::new("zip");
    packing.args(["-q", "-y", "-r"]).arg(&zip).arg(".").current_dir(staging.path());
    assert!(run(&mut packing).status.success());
    let (files, errors) = read_all(&folder).await;
    assert!(errors.is_empty(), "{errors:?}");
    let find = |path: &str| files.iter().find(|file| file.0 == path).map(|file| file.1.as_slice());
    assert_eq!(find("README"), Some(&b"README"[..]));
    assert_eq!(find("readme"), Some(&b"readme"[..]));
    assert_eq!(find("sp ace"), Some(&b"sp ace"[..]));
    assert_eq!(find("link"), Some(&b"/etc/passwd"[..]), "never what it leads to");
    let odd = files.iter().find(|file| file.1 == b"caf\xe9").expect("it is listed under some name");
    assert!(odd.0.starts_with("caf") && odd.0 != "caf", "{}", odd.0);
    assert_eq!(files.len(), 5);
}

#[tokio::test]
async fn seventy_thousand_members_are_those_that_unzip_lists() {
    let folder = Folder::new();
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for number in 0..70_000 {
        writer.start_file(format!("messages/{:02}/{number}.jsonl", number % 100), options).unwrap();
        writer.write_all(number.to_string().as_bytes()).unwrap();
    }
    let zip = folder.write(NAME, writer.finish().unwrap().into_inner());
    let database = database(&folder.open()).await;
    let files = files(&database, NAME).await.unwrap();
    let mut said: Vec<String> = String::from_utf8(run(Command::new("unzip").arg("-Z1").arg(&zip)).stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    said.sort();
    assert!(files.iter().map(|file| &*file.path).eq(said.iter().map(String::as_str)));
    for number in [0, 65_535, 65_536, 69_999] {
        let path = format!("messages/{:02}/{number}.jsonl", number % 100);
        let file = files.iter().find(|file| *file.path == path).unwrap();
        assert_eq!(read(&file.content).await.unwrap(), number.to_string().as_bytes());
    }
}

#[tokio::test]
async fn encrypted_and_unknown_methods_are_named() {
    let folder = Folder::new();
    folder.zip(NAME, &["-P", "secret"], &[("a", b"hidden text")]);
    let (_, errors) = read_all(&folder).await;
    assert_eq!(errors[0].kind, ErrorKind::Unsupported);
    assert!(errors[0].chain().contains("encrypted"), "{}", errors[0].chain());

    let hint = errors[0].hint.as_deref().unwrap();
    assert!(hint.contains("7z x ") && hint.contains("password"), "{hint}");

    std::fs::remove_file(folder.archives().join(NAME)).unwrap();
    let unknown = Packed::by(96, "a.jpg", b"picture", b"packed".to_vec());
    folder.write(NAME, build::zip(&[unknown]));
    let (_, errors) = read_all(&folder).await;
    assert_eq!(errors[0].kind, ErrorKind::Unsupported);
    assert!(errors[0].chain().contains("JPEG (method 96)"), "{}", errors[0].chain());
}

#[tokio::test]
async fn members_that_zip_packs_by_bzip2_are_read() {
    let folder = Folder::new();
    let text = b"compressible ".repeat(100_000);
    folder.zip(NAME, &["-Z", "bzip2"], &[("a", &text)]);
    let (files, errors) = read_all(&folder).await;
    assert!(errors.is_empty() && files == [("a".to_owned(), text)], "{errors:?}");
}

/// The parts of a split zip, each as a file of its own, and all of them as one.
#[tokio::test]
async fn parts_of_a_split_zip_are_named_and_joined_ones_are_read() {
    let folder = Folder::new();
    let contents: [(&str, &[u8]); 3] = [("a", &noise(50_000)), ("b", &noise(90_000)), ("c", &noise(60_000))];
    let last = folder.zip(NAME, &["-0", "-s", "64k"], &contents);
    let parts = [".z01", ".z02", ".z03"].map(|end| std::fs::read(last.with_extension(&end[1..])).unwrap());
    let end = std::fs::read(&last).unwrap();
    for part in [&end, &parts[0]] {
        folder.write(NAME, part);
        let (files, errors) = read_all(&folder).await;
        assert!(files.is_empty());
        assert_eq!(errors[0].kind, ErrorKind::Unsupported, "{}", errors[0].chain());
        assert!(errors[0].chain().contains("part of a split zip"), "{}", errors[0].chain());
        assert!(errors[0].hint.as_deref().unwrap().contains("zip -s 0 "), "{:?}", errors[0].hint);
    }
    folder.write(NAME, [&parts.concat()[..], &end].concat());
    let (files, errors) = read_all(&folder).await;
    assert!(errors.is_empty(), "{errors:?}");
    let expected: Vec<_> = contents.map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).into();
    assert!(files == expected);
}

/// Places beyond 4 GiB have lost their upper bits, as macOS writes them. The file has a hole where no member is.
#[tokio::test]
async fn members_beyond_four_gigabytes_without_zip64_are_found() {
    use std::os::unix::fs::FileExt;
    const LOST: u64 = 1 << 32;
    let near = build::zip(&[Packed::stored("a", b"near")]);
    let all = build::zip(&[
        Packed::stored("a", b"near"),
        Packed::stored("b", b"far"),
        Packed::stored("c", b"farther"),
    ]);
    let header = 30 + 1 + 4;
    assert_eq!(near[..header], all[..header]);
    let folder = Folder::new();
    let path = folder.write(NAME, &all[..header]);
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&all[header..], LOST + header as u64).unwrap();
    drop(file);
    let (files, errors) = read_all(&folder).await;
    assert!(errors.is_empty(), "{errors:?}");
    let expected = [("a", "near"), ("b", "far"), ("c", "farther")];
    assert_eq!(files, expected.map(|(name, bytes)| (name.to_owned(), bytes.as_bytes().to_vec())));
}

#[tokio::test]
async fn a_zip_replaced_while_listed_is_never_read_as_the_old_one() {
    let folder = Folder::new();
    folder.zip(NAME, &["-0"], &[("a", b"old content")]);
    let database = database(&folder.open()).await;
    let listed = files(&database, NAME).await.unwrap();
    assert_eq!(read(&listed[0].content).await.unwrap(), b"old content");

    let other = folder.zip("other.zip", &["-0"], &[("a", b"new content")]);
    std::fs::rename(other, folder.archives().join(NAME)).unwrap();
    let error = read(&listed[0].content).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Changed, "{}", error.chain());

    std::fs::remove_file(folder.archives().join(NAME)).unwrap();
    let error = read(&listed[0].content).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Missing, "{}", error.chain());
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_read() {
    let folder = Folder::new();
    folder.zip(NAME, &["-0"], &[("a", &noise(3_000_000))]);
    let database = database(&folder.open()).await;
    let listed = files(&database, NAME).await.unwrap();
    let (sink, mut pieces) = Sink::new(1);
    let gone = async move { pieces.recv().await.map(|piece| piece.len()) };
    let (outcome, first) = tokio::join!(listed[0].content.read(sink), gone);
    assert!(outcome.is_ok());
    assert_eq!(first, Some(256 * 1024));
}

/// The manifest says when the content was captured, the name only when it was archived.
#[tokio::test]
async fn the_time_of_a_thrum_backup_is_that_of_its_manifest() {
    let folder = Folder::new();
    let manifest = br#"{"version":1,"timestamp":"2026-01-01T12:00:00.5+01:00","repo_name":"x","counts":{}}"#;
    folder.zip(NAME, &[], &[("manifest.json", manifest), ("events.jsonl", b"")]);
    folder.zip("pre-restore-2026-01-03T000000.zip", &[], &[("manifest.json", b"{}")]);
    folder.zip("2026-01-04T000000.zip", &[], &[("deep/manifest.json", manifest)]);
    folder.zip("named-by-hand.zip", &[], &[("manifest.json", manifest)]);
    folder.zip("no-time-at-all.zip", &[], &[("a", b"a")]);
    let database = database(&folder.open()).await;
    let told: Vec<_> = database
        .history()
        .timeline
        .iter()
        .map(|snapshot| (snapshot.known_as.as_deref().unwrap(), snapshot.time.to_string(), snapshot.mark))
        .collect();
    let expected = [
        ("2026-01-04T000000.zip", "2026-01-04T00:00:00Z", None),
        ("pre-restore-2026-01-03T000000.zip", "2026-01-03T00:00:00Z", Some("pre-restore")),
        ("named-by-hand.zip", "2026-01-01T11:00:00.5Z", None),
        ("captured 2026-01-01T11:00:00.5Z", "2026-01-01T11:00:00.5Z", None),
    ];
    assert_eq!(told, expected.map(|(id, time, mark)| (id, time.to_owned(), mark)));
}
