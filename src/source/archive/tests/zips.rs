//! Zips, whole and strange.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, symlink};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::format::zip::tests::build::{self, Packed};

pub(super) const NAME: &str = "2026-01-02T150405.zip";

fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Packs without the `zip` program, which would refuse.
pub(super) fn pack(members: &[(&str, &[u8])]) -> Vec<u8> {
    let members: Vec<Packed> = members.iter().map(|(name, bytes)| Packed::deflated(name, bytes)).collect();
    build::zip(&members)
}

/// All files of the only snapshot that can be read, and the errors of the others.
pub(super) async fn read_all(folder: &Folder) -> (Vec<(String, Vec<u8>)>, Vec<SourceError>) {
    let (mut whole, mut broken) = (Vec::new(), Vec::new());
    match list(&database(&folder.open()).await, NAME).await {
        Err(error) => broken.push(error),
        Ok(files) => {
            for file in files.iter() {
                match try_read(&file.content).await {
                    Ok(bytes) => whole.push((file.path.to_string(), bytes)),
                    Err(error) => broken.push(error),
                }
            }
        }
    }
    (whole, broken)
}

/// The files of the only snapshot, all of which can be read.
async fn read_whole(folder: &Folder) -> Vec<(String, Vec<u8>)> {
    let (files, errors) = read_all(folder).await;
    assert!(errors.is_empty(), "{errors:?}");
    files
}

/// By all methods, and with data descriptors, zip64 and streams.
#[tokio::test]
async fn every_member_is_what_unzip_says() {
    let long = noise(700_000);
    let repetitive = b"{\"id\":1}\n".repeat(200_000);
    let contents: &[(&str, &[u8])] = &[
        ("empty", b""),
        ("events.jsonl", &repetitive),
        ("exactly-one-piece", &repetitive[..256 * 1024]),
        ("local/with space and ü.jsonl", b"x"),
        ("messages/a.jsonl", b"{}\n"),
        ("messages/deep/er/b.jsonl", &long),
    ];
    for options in [&["-D"][..], &["-0"], &["-9", "-fd"], &["-fz", "-D"], &["-fd", "-0"], &["-Z", "bzip2"]] {
        let folder = Folder::new();
        let zip = folder.zip(NAME, options, contents);
        let files = files(&database(&folder.open()).await, NAME).await;
        let expected: Vec<&str> = contents.iter().map(|(path, _)| *path).collect();
        assert_eq!(files.iter().map(|file| &*file.path).collect::<Vec<_>>(), expected, "{options:?}");
        for file in files.iter() {
            let said = run(Command::new("unzip").arg("-p").arg(&zip).arg(&*file.path));
            assert!(read(&file.content).await == said, "{} with {options:?}", file.path);
            assert_eq!(file.content.stated_len(), Some(said.len() as u64));
            assert!(file.content.describe().starts_with(&format!("member {} of /", file.path)));
        }
    }
    let folder = Folder::new();
    folder.shell(&format!("head -c 300000 /dev/zero | tr '\\0' x | zip -q -fz - - >{NAME}"));
    assert_eq!(bytes(&database(&folder.open()).await, NAME, "-").await, b"x".repeat(300_000));
}

#[tokio::test]
async fn of_duplicate_names_the_last_counts() {
    let folder = Folder::new();
    folder.write(NAME, pack(&[("one.txt", b"first"), ("one.txt", b"second")]));
    assert_eq!(read_whole(&folder).await, [("one.txt".to_owned(), b"second".to_vec())]);
}

/// Names that differ in case, and names of no encoding, are files of their own; a link is a file that says where it led.
#[tokio::test]
async fn strange_names_are_files_of_their_own() {
    let folder = Folder::new();
    let staging = tempfile::tempdir().unwrap();
    for name in [&b"README"[..], b"readme", b"caf\xe9", b"sp ace"] {
        fs::write(staging.path().join(OsStr::from_bytes(name)), name).unwrap();
    }
    symlink("/etc/passwd", staging.path().join("link")).unwrap();
    let mut zip = Command::new("zip");
    run(zip.args(["-q", "-y", "-r"]).arg(folder.at(NAME)).arg(".").current_dir(staging.path()));
    let files = read_whole(&folder).await;
    for (path, bytes) in
        [("README", "README"), ("readme", "readme"), ("sp ace", "sp ace"), ("link", "/etc/passwd")]
    {
        assert!(files.contains(&(path.to_owned(), bytes.as_bytes().to_vec())), "{path}: {files:?}");
    }
    let odd = files.iter().find(|file| file.1 == b"caf\xe9").expect("it is listed under some name");
    assert!(odd.0.starts_with("caf") && odd.0 != "caf", "{}", odd.0);
    assert_eq!(files.len(), 5);
}

#[tokio::test]
async fn seventy_thousand_members_are_those_that_unzip_lists() {
    let folder = Folder::new();
    let path = |number: u32| format!("messages/{:02}/{number}.jsonl", number % 100);
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for number in 0..70_000 {
        writer.start_file(path(number), options).unwrap();
        writer.write_all(number.to_string().as_bytes()).unwrap();
    }
    let zip = folder.write(NAME, writer.finish().unwrap().into_inner());
    let database = database(&folder.open()).await;
    let said = String::from_utf8(run(Command::new("unzip").arg("-Z1").arg(&zip))).unwrap();
    let mut said: Vec<&str> = said.lines().collect();
    said.sort_unstable();
    assert_eq!(paths(&database, NAME).await, said);
    for number in [0, 65_535, 65_536, 69_999] {
        assert_eq!(text(&database, NAME, &path(number)).await, number.to_string());
    }
}

#[tokio::test]
async fn what_is_encrypted_says_so() {
    let folder = Folder::new();
    folder.zip(NAME, &["-P", "secret"], &[("a", b"hidden text")]);
    let (_, errors) = read_all(&folder).await;
    assert_says(&errors[0], ErrorKind::Unsupported, &["encrypted"]);
    assert_hints(&errors[0], &["7z x ", "password"]);
}

/// The parts of a split zip, each as a file of its own, and all of them as one.
#[tokio::test]
async fn parts_of_a_split_zip_are_named_and_joined_ones_are_read() {
    let folder = Folder::new();
    let contents: [(&str, &[u8]); 3] = [("a", &noise(50_000)), ("b", &noise(90_000)), ("c", &noise(60_000))];
    let last = folder.zip(NAME, &["-0", "-s", "64k"], &contents);
    let parts = ["z01", "z02", "z03"].map(|end| fs::read(last.with_extension(end)).unwrap());
    let end = fs::read(&last).unwrap();
    for part in [&end, &parts[0]] {
        folder.write(NAME, part);
        let (files, errors) = read_all(&folder).await;
        assert!(files.is_empty());
        assert_says(&errors[0], ErrorKind::Unsupported, &["part of a split zip"]);
        assert_hints(&errors[0], &["zip -s 0 "]);
    }
    folder.write(NAME, [&parts.concat()[..], &end].concat());
    assert!(read_whole(&folder).await == contents.map(|(name, bytes)| (name.to_owned(), bytes.to_vec())));
}

/// Places beyond 4 GiB have lost their upper bits, as macOS writes them. The file has a hole where no member is.
#[tokio::test]
async fn members_beyond_four_gigabytes_without_zip64_are_found() {
    const LOST: u64 = 1 << 32;
    let expected = [("a", &b"near"[..]), ("b", b"far"), ("c", b"farther")];
    let near = build::zip(&[Packed::stored("a", b"near")]);
    let all = build::zip(&expected.map(|(name, bytes)| Packed::stored(name, bytes)));
    let header = 30 + 1 + 4;
    assert_eq!(near[..header], all[..header]);
    let folder = Folder::new();
    let path = folder.write(NAME, &all[..header]);
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&all[header..], LOST + header as u64).unwrap();
    drop(file);
    let found = read_whole(&folder).await;
    assert_eq!(found, expected.map(|(name, bytes)| (name.to_owned(), bytes.to_vec())));
}

#[tokio::test]
async fn a_zip_replaced_while_listed_is_never_read_as_the_old_one() {
    let folder = Folder::new();
    folder.zip(NAME, &["-0"], &[("a", b"old content")]);
    let listed = file(&database(&folder.open()).await, NAME, "a").await;
    assert_eq!(read(&listed.content).await, b"old content");

    fs::rename(folder.zip("other.zip", &["-0"], &[("a", b"new content")]), folder.at(NAME)).unwrap();
    assert_says(&try_read(&listed.content).await.unwrap_err(), ErrorKind::Changed, &[]);

    fs::remove_file(folder.at(NAME)).unwrap();
    assert_says(&try_read(&listed.content).await.unwrap_err(), ErrorKind::Missing, &[]);
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
    assert_eq!(
        ids(&database),
        [
            "2026-01-04T000000.zip",
            "pre-restore-2026-01-03T000000.zip",
            "named-by-hand.zip",
            "captured 2026-01-01T11:00:00.5Z"
        ]
    );
    let captured = "2026-01-01T11:00:00.5Z";
    assert_eq!(times(&database), ["2026-01-04T00:00:00Z", "2026-01-03T00:00:00Z", captured, captured]);
    let marks: Vec<_> = database.history().timeline.iter().map(|snapshot| snapshot.mark).collect();
    assert_eq!(marks, [None, Some("pre-restore"), None, None]);
}
