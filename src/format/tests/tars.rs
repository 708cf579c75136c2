//! Archives that the real `tar` wrote, and what it unpacks them to.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::FileFormat;
use super::super::blob::InMemory;
use super::super::packed::Packing;
use super::super::shown::ShownFile;
use super::super::tar::TarArchive;
use super::forge::Header;
use super::{check_paths, context, flipped, made_by, read, read_at, shell, shown, sound, stored};
use crate::content::{ErrorKind, FileKind, SourceError};
use crate::format::blob::Blob;

fn opened(path: &Path) -> TarArchive {
    let name = path.file_name().and_then(|name| name.to_str()).expect("a file");
    let (_, format) = FileFormat::of_name(name).expect("the name of a tar archive");
    sound(name, TarArchive::open(&context(), &stored(path), format.packing()))
}

pub(super) fn open_bytes(bytes: &[u8]) -> Result<TarArchive, SourceError> {
    let stored: Arc<dyn Blob> = Arc::new(InMemory::new(bytes));
    TarArchive::open(&context(), &stored, Packing::Plain)
}

/// Files and links below a folder: what each is and holds, by its path.
fn tree(folder: &Path) -> BTreeMap<PathBuf, (FileKind, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut next = vec![folder.to_owned()];
    while let Some(path) = next.pop() {
        let metadata = path.symlink_metadata().expect("it was just listed");
        let relative = path.strip_prefix(folder).expect("it is below").to_owned();
        if metadata.is_dir() {
            next.extend(
                fs::read_dir(&path).expect("it is ours").map(|entry| entry.expect("it is ours").path()),
            );
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path).expect("it is a link");
            found.insert(relative, (FileKind::Symlink, target.as_os_str().as_bytes().to_owned()));
        } else if metadata.is_file() {
            let executable = metadata.permissions().mode() & 0o100 != 0;
            let bytes = fs::read(&path).expect("it is ours");
            let kind = if executable { FileKind::Executable } else { FileKind::Regular };
            found.insert(relative, (kind, bytes));
        }
    }
    found
}

fn escaped(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    let parts = bytes.split(|&byte| byte == b'/').map(crate::model::names::escape_bytes);
    parts.collect::<Vec<_>>().join("/")
}

/// Compares an archive with what `tar -x` unpacks from it.
pub(super) fn check(archive: &Path) -> TarArchive {
    let unpacked = tempfile::tempdir().expect("a temporary folder");
    shell("tar -xf \"$0\" -C \"$1\"", &[archive, unpacked.path()]);
    let opened = opened(archive);
    let files = opened.files();
    check_paths(&files);
    let expected: BTreeMap<String, _> =
        tree(unpacked.path()).into_iter().map(|(path, file)| (escaped(&path), file)).collect();
    let paths: Vec<&str> = files.iter().map(|file| &*file.path).collect();
    assert_eq!(paths, expected.keys().collect::<Vec<_>>(), "{}", archive.display());
    for file in &files {
        let (kind, bytes) = &expected[&*file.path];
        assert_eq!(file.kind, *kind, "{}", file.path);
        let found = sound(&file.path, read(&*file.content));
        assert!(found == *bytes, "{} of {}", file.path, archive.display());
        assert_eq!(file.content.stated_len(), Some(bytes.len() as u64));
    }
    check_any_order(&opened, &expected);
    opened
}

/// Checks that reading from the middle gives the same bytes, and that a digest is the same in any archive.
fn check_any_order(archive: &TarArchive, expected: &BTreeMap<String, (FileKind, Vec<u8>)>) {
    use std::io::{Read, Seek, SeekFrom};
    for ((path, _, member), file) in archive.members().zip(archive.files()) {
        let bytes = &expected[&*path].1;
        let mut opened = member.open().unwrap_or_else(|error| panic!("{path}: {error}"));
        let middle = bytes.len() / 2;
        let mut rest = Vec::new();
        opened.seek(SeekFrom::Start(middle as u64)).expect("any place is fine");
        opened.read_to_end(&mut rest).unwrap_or_else(|error| panic!("{path}: {error}"));
        opened.check().expect("nothing changed");
        assert!(rest == bytes[middle..], "{path}");
        let digest = file.fingerprint.as_ref().expect("it is a member").digest().expect("it can be read");
        assert_eq!(digest, <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(bytes)), "{path}");
    }
}

/// A folder with all that an archive can hold, and no more. It is the same each time.
fn contents() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join("in").join(name);
    let write = |name: &str, bytes: &[u8]| {
        fs::create_dir_all(path(name).parent().expect("a folder")).expect("it is ours");
        fs::write(path(name), bytes).expect("it is ours");
    };
    write("a.txt", b"one\n");
    write("empty", b"");
    write("block", &[b'x'; 512]);
    write("large", &(0..300_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    write("sub/folder/größe ü.txt", b"unicode\n");
    write(&format!("{}/{}", "long".repeat(40), "name".repeat(50)), b"long name\n");
    write("run.sh", b"#!/bin/sh\n");
    write("%percent\nnewline", b"odd\n");
    fs::set_permissions(path("run.sh"), fs::Permissions::from_mode(0o755)).expect("it is ours");
    let latin = path("").join(OsStr::from_bytes(b"caf\xe9"));
    fs::write(latin, b"not UTF-8\n").expect("it is ours");
    fs::hard_link(path("a.txt"), path("z-hard")).expect("it is ours");
    std::os::unix::fs::symlink("a.txt", path("link")).expect("it is ours");
    std::os::unix::fs::symlink("../../../etc/passwd", path("escape")).expect("it is ours");
    std::os::unix::fs::symlink("t".repeat(300), path("long-link")).expect("it is ours");
    folder
}

#[test]
fn members_are_what_tar_unpacks() {
    let folder = contents();
    for format in ["gnu", "posix", "oldgnu"] {
        for (suffix, pack) in [
            ("tar", "cat"),
            ("tar.gz", "gzip"),
            ("tzst", "zstd"),
            ("tar.xz", "xz"),
            ("tbz2", "bzip2"),
            ("tar.lzma", "xz --format=lzma"),
        ] {
            let archive = folder.path().join(format!("{format}.{suffix}"));
            let script = format!("tar -C \"$0/in\" --format={format} -c . | {pack} > \"$1\"");
            shell(&script, &[folder.path(), &archive]);
            assert!(check(&archive).left_out().is_empty());
        }
    }
    // ustar holds neither long names nor long links.
    let archive = folder.path().join("ustar.tar");
    shell(
        "tar -C \"$0/in\" --format=ustar -cf \"$1\" a.txt empty block large run.sh sub link",
        &[folder.path(), &archive],
    );
    check(&archive);
    shell(
        "tar -C \"$0/in\" --format=v7 -cf \"$1\" a.txt empty block large run.sh link z-hard",
        &[folder.path(), &archive],
    );
    check(&archive);
}

#[test]
fn sparse_files_have_their_holes() {
    let folder = made_by(
        r#"mkdir in; truncate -s 3M in/holes; truncate -s 1M in/all; printf x > in/start
        for at in 0 300 512 600; do printf "data at $at" | dd of=in/holes bs=4096 seek=$at conv=notrunc status=none; done
        for at in $(seq 1 40); do printf "part $at" | dd of=in/many bs=8192 seek=$((at * 3)) conv=notrunc status=none; done
        truncate -s 1000001 in/start; printf end >> in/start"#,
    );
    for (options, suffix, pack) in [
        ("--format=gnu", "tar", "cat"),
        ("--format=posix --sparse-version=1.0", "tar", "cat"),
        ("--format=posix --sparse-version=0.1", "tar", "cat"),
        ("--format=posix --sparse-version=0.0", "tar", "cat"),
        ("--format=gnu", "tar.gz", "gzip"),
        ("--format=posix --sparse-version=0.1", "tar.xz", "xz"),
        ("--format=posix --sparse-version=1.0", "tar.zst", "zstd"),
    ] {
        let archive = folder.path().join(format!("sparse.{suffix}"));
        shell(&format!("tar -C \"$0/in\" -S {options} -c . | {pack} > \"$1\""), &[folder.path(), &archive]);
        if suffix == "tar" {
            let len = fs::metadata(&archive).expect("it was just made").len();
            assert!(len < 1_500_000, "{len} bytes: the holes are stored");
        }
        check(&archive);
    }
}

#[test]
fn the_last_of_several_members_of_a_name_counts() {
    let folder = made_by(
        r#"printf one > a; tar -cf x.tar a; printf three > a; tar -rf x.tar ./a; printf b > b; tar -rf x.tar b"#,
    );
    let archive = check(&folder.path().join("x.tar"));
    assert_eq!(read_at(&archive.files(), "a").expect("it is whole"), b"three");
}

#[test]
fn names_that_lead_elsewhere_are_shown_within() {
    let folder = made_by(
        r#"mkdir -p in/x; printf up > up; printf abs > abs; cd in
        tar -P -cf ../x.tar ../up "$0/abs"; tar -P --transform 's,.*,a,' -rf ../x.tar ../up
        tar -P --transform 's,.*,a/b,' -rf ../x.tar ../up; tar -P --transform 's,.*,x/../../y,' -rf ../x.tar ../up
        mkfifo pipe; tar -rf ../x.tar pipe"#,
    );
    let archive = opened(&folder.path().join("x.tar"));
    let files = archive.files();
    check_paths(&files);
    // As for tar, an absolute name is relative to the folder that the archive is unpacked in.
    let absolute =
        folder.path().join("abs").to_str().expect("it is UTF-8").trim_start_matches('/').to_owned();
    let mut expected =
        vec!["%2E./up".to_owned(), absolute, "a".into(), "a%2Fb".into(), "x/%2E./%2E./y".into()];
    expected.sort();
    assert_eq!(files.iter().map(|file| file.path.to_string()).collect::<Vec<_>>(), expected);
    assert_eq!(archive.left_out().len(), 1);
    assert_eq!((&*archive.left_out()[0].name, archive.left_out()[0].reason), (&b"pipe"[..], "a named pipe"));
    assert!(shown(&files).values().all(Result::is_ok));
}

/// What follows the end of an archive is not part of it; tar does not read it either.
#[test]
fn bytes_after_the_end_are_named() {
    let folder =
        made_by("printf one > a; tar -cf x.tar a; printf more > b; tar -cf y.tar b; cat y.tar >> x.tar");
    let archive = check(&folder.path().join("x.tar"));
    assert_eq!(archive.left_out()[0].reason, "bytes after the end of the archive");
}

#[test]
fn a_cut_archive_is_noticed_wherever_it_was_cut() {
    let folder = made_by("printf one > a; head -c 2000 /dev/zero > b; ln -s a l; tar -b 1 -cf x.tar a b l");
    let whole = fs::read(folder.path().join("x.tar")).expect("it was just made");
    let files = sound("x.tar", open_bytes(&whole)).files();
    assert_eq!(files.len(), 3);
    let truth = shown(&files);
    // The last two blocks are its end mark; one of them is enough.
    for len in 0..whole.len() - 1024 {
        let archive = match open_bytes(&whole[..len]) {
            Ok(archive) => archive,
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::Damaged, "{}", error.chain());
                continue;
            }
        };
        // What is before the cut is unchanged, and the archive says that something is missing.
        let found = shown(&archive.files());
        let is_cut = archive.damage().is_some() || found.values().any(Result::is_err);
        let ends_with_a_member = !archive.doubts().is_empty();
        assert!(is_cut != ends_with_a_member, "{len} bytes");
        // The padding of a member's last block may be missing: all its bytes are there.
        let ends = [512 + 3..=1024, 1024 + 512 + 2000..=1024 + 512 + 2048];
        assert_eq!(ends_with_a_member, ends.iter().any(|end| end.contains(&len)), "{len}");
        for (path, bytes) in found {
            let right = truth[&path].as_ref().ok();
            assert!(bytes.as_ref().map_or(true, |bytes| Some(bytes) == right), "{path} of {len} bytes");
        }
    }
}

/// Headers have a checksum; the data of members has none.
#[test]
fn a_flipped_byte_of_a_header_is_noticed() {
    let folder = contents();
    shell("rm \"$0/in/large\"; tar -C \"$0/in\" -cf \"$0/x.tar\" .", &[folder.path()]);
    let whole = fs::read(folder.path().join("x.tar")).expect("it was just made");
    let members = |bytes: &[u8]| -> Option<Vec<(String, FileKind, usize)>> {
        let archive = open_bytes(bytes).ok()?;
        if archive.damage().is_some() || !archive.doubts().is_empty() {
            return None;
        }
        let files: Vec<ShownFile> = archive.files();
        let read = |file: &ShownFile| {
            read(&*file.content).map(|bytes| (file.path.to_string(), file.kind, bytes.len()))
        };
        files.iter().map(read).collect::<Result<_, _>>().ok()
    };
    let truth = members(&whole).expect("it is whole");
    let is_header = |block: usize| whole[block * 512..][..512].windows(5).any(|bytes| bytes == b"ustar");
    for block in (0..whole.len() / 512).filter(|&block| is_header(block)) {
        for place in (block * 512..(block + 1) * 512).step_by(3) {
            let mut broken = whole.clone();
            broken[place] ^= 1;
            // In a header the sum of all bytes is kept, with spaces or zeros around it.
            assert!(members(&broken).is_none_or(|found| found == truth), "byte {place}");
        }
    }
}

/// In a packed archive every byte is covered by a checksum.
#[test]
fn a_flipped_byte_of_a_packed_archive_is_noticed() {
    let folder = made_by("seq 300 > a; printf two > b; for p in gz zst xz; do tar -caf x.tar.$p a b; done");
    for (name, packing) in [("gz", Packing::Gzip), ("zst", Packing::Zstd), ("xz", Packing::Xz)] {
        let whole = fs::read(folder.path().join(format!("x.tar.{name}"))).expect("it was just made");
        let shown_of = |bytes: &[u8]| {
            let stored: Arc<dyn Blob> = Arc::new(InMemory::new(bytes));
            let archive = TarArchive::open(&context(), &stored, packing).ok()?;
            let files = shown(&archive.files());
            files
                .into_iter()
                .map(|(path, bytes)| Some((path, bytes.ok()?)))
                .collect::<Option<BTreeMap<_, _>>>()
        };
        let truth = shown_of(&whole).expect("it is whole");
        assert_eq!(truth["b"], b"two");
        for place in 0..whole.len() {
            let broken = flipped(&whole, place);
            assert!(shown_of(&broken).is_none_or(|found| found == truth), "byte {place} of {name}");
            assert!(shown_of(&whole[..place]).is_none(), "{place} bytes of {name}");
        }
    }
}

#[test]
fn what_is_no_tar_archive_is_refused() {
    for bytes in [&b""[..], b"text", &[0; 100], &[b'a'; 2000], b"PGDMP and so on"] {
        let error = open_bytes(bytes).err().unwrap_or_else(|| panic!("{bytes:?} passes for an archive"));
        assert_eq!(error.kind, ErrorKind::Damaged, "{}", error.chain());
    }
    // An archive without members, as tar itself writes it.
    assert!(open_bytes(&[0; 10_240]).expect("it is whole").files().is_empty());
}

/// Headers that ask for memory: long names of as many bytes as the archive has.
#[test]
fn headers_without_end_are_refused() {
    let mut bytes = Header::named("././@LongLink").kind(b'L').size(64 << 20).bytes();
    bytes.resize(bytes.len() + (64 << 20), b'a');
    bytes.resize(bytes.len() + 1024, 0);
    let error = open_bytes(&bytes).err().expect("no name is so long");
    assert!(error.chain().contains("headers of a member"), "{}", error.chain());
}
