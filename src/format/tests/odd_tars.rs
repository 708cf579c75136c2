//! Tars that GNU tar, bsdtar and Python read but a strict reader would refuse, and damaged tars that look sound.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, io};

use super::super::blob::InMemory;
use super::super::packed::Packing;
use super::super::tar::TarArchive;
use super::forge::{END, Header, filled, record};
use super::tars::{check, open_bytes};
use super::{context, is_error, made_by, shell, shown, sound};
use crate::content::{ErrorKind, FileKind};
use crate::format::blob::{Blob, Opened};
use crate::model::content_id::ContentId;

const HELLO: &[u8] = b"hello\n";

fn file(name: &str) -> Vec<u8> {
    Header::named(name).with(HELLO)
}

fn opened(bytes: &[u8]) -> TarArchive {
    sound("the archive", open_bytes(bytes))
}

/// The files that an archive is shown as: paths, with the bytes if they can be read.
fn files(archive: &TarArchive) -> Vec<(String, Option<String>)> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it is text");
    shown(&archive.files()).into_iter().map(|(path, bytes)| (path, bytes.ok().map(text))).collect()
}

/// Checks that the archive of these parts is sound and shows exactly these files, each with the text "hello".
fn check_shows(what: &str, parts: &[Vec<u8>], expected: &[&str]) {
    let archive = opened(&[parts.concat(), END.to_vec()].concat());
    let expected: Vec<_> =
        expected.iter().map(|path| (path.to_string(), Some("hello\n".to_owned()))).collect();
    assert_eq!(files(&archive), expected, "{what}");
    assert!(archive.damage().is_none() && archive.doubts().is_empty(), "{what}");
}

/// The same, and checks that `tar -x` unpacks the same files.
fn check_as_tar(what: &str, parts: &[Vec<u8>], expected: &[&str]) {
    check_shows(what, parts, expected);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("x.tar");
    fs::write(&path, [parts.concat(), END.to_vec()].concat()).expect("it is ours");
    check(&path);
}

#[test]
fn values_of_extended_headers_may_hold_line_ends_and_any_bytes() {
    for value in [&b"line1\nline2"[..], b"\x0a\x00\xff", b"a\nb=c\n12 d=e\n", b""] {
        for key in ["SCHILY.xattr.user.note", "LIBARCHIVE.xattr.user.note", "comment"] {
            let records = [record(key, value), record("path", "f")].concat();
            let header = Header::named("PaxHeaders/f").kind(b'x').with(records);
            check_as_tar(key, &[header, file("x"), file("g")], &["f", "g"]);
        }
    }
}

#[test]
fn of_two_names_before_a_member_the_last_counts() {
    let long = |kind, name: &str| Header::named("././@LongLink").kind(kind).with(format!("{name}\0"));
    check_as_tar("two long names", &[long(b'L', "xxx"), long(b'L', "yyy"), file("a")], &["yyy"]);
    let extended = |name| Header::named("x").kind(b'x').with(record("path", name));
    check_as_tar("two extended headers", &[extended("x"), extended("y"), file("a")], &["y"]);
    let twice = Header::named("x").kind(b'x').with([record("path", "x"), record("path", "y")].concat());
    check_as_tar("one with two", &[twice, file("a")], &["y"]);
    check_as_tar("both kinds", &[extended("x"), long(b'L', "y"), file("a")], &["x"]);
    let cut = Header::named("././@LongLink").kind(b'L').with("name\0rest");
    check_as_tar("a NUL within", &[cut, file("a")], &["name"]);
}

#[test]
fn numbers_are_read_as_old_tars_wrote_them() {
    for (what, size) in [
        ("spaces before", &b"          6 "[..]),
        ("spaces behind", b"6           "),
        ("no end", b"000000000006"),
        ("binary", b"\x80\0\0\0\0\0\0\0\0\0\0\x06"),
    ] {
        let sized = [Header::named("a").field(124, size).bytes(), filled(HELLO)].concat();
        check_as_tar(what, &[sized, file("b")], &["a", "b"]);
    }
    for (what, time) in
        [("negative", &[&[0xff; 11][..], &[0xfe]].concat()[..]), ("binary", b"\x80\0\0\0\0\0\0\0\x7f\0\0\0")]
    {
        check_as_tar(what, &[Header::named("a").field(136, time).with(HELLO)], &["a"]);
    }
    // GNU tar reports a blank time as blank, and reads the member.
    check_shows("a blank time", &[Header::named("a").field(136, b"            ").with(HELLO)], &["a"]);
    check_shows("no user", &[Header::named("a").field(108, b"        ").with(HELLO)], &["a"]);
    let label = Header::named("label").kind(b'V').field(124, [0; 12]).bytes();
    check_as_tar("a blank size of a label", &[label, file("a")], &["a"]);
    let negative = Header::named("label").kind(b'V').field(124, [0xff; 12]).bytes();
    check_shows("a negative one", &[negative, file("a")], &["a"]);
}

#[test]
fn checksums_over_signed_bytes_are_right() {
    let header = Header::named(b"\xe4.txt").size(HELLO.len()).signed_bytes();
    check_as_tar("Sun's tar", &[header, filled(HELLO)], &["%E4.txt"]);
}

#[test]
fn what_has_no_data_may_have_a_size() {
    let sized = |name: &str, kind| Header::named(name).kind(kind).size(10).bytes();
    check_as_tar("a folder", &[sized("d/", b'5'), file("d/a")], &["d/a"]);
    check_shows("a folder of old", &[sized("d/", 0), file("d/a")], &["d/a"]);
    check_shows("a pipe", &[sized("p", b'6'), file("a")], &["a"]);
    let with_data = |name: &str, kind| Header::named(name).kind(kind).with(HELLO);
    check_shows("a folder with data", &[with_data("d/", b'5'), file("d/a")], &["d/a"]);
    check_shows("a label with data", &[with_data("l", b'V'), file("a")], &["a"]);
    let link = Header::named("s").kind(b'2').link("a").size(10).bytes();
    let archive = opened(&[link, file("a"), END.to_vec()].concat());
    let kinds: Vec<FileKind> = archive.files().iter().map(|file| file.kind).collect();
    assert_eq!(kinds, [FileKind::Regular, FileKind::Symlink]);
}

#[test]
fn hard_links_in_every_form() {
    let link = |name: &str, target: &str| Header::named(name).kind(b'1').link(target);
    check_as_tar("behind its target", &[file("a"), link("b", "a").bytes()], &["a", "b"]);
    check_as_tar("to itself", &[file("a"), link("a", "a").bytes()], &["a"]);
    check_as_tar("absolute", &[file("/etc/a"), link("/etc/b", "/etc/a").bytes()], &["etc/a", "etc/b"]);
    // tar lists both, but does not unpack the link.
    check_shows("before its target", &[link("b", "a").bytes(), file("a")], &["a", "b"]);
    check_shows(
        "to one before its target",
        &[link("c", "b").bytes(), link("b", "a").bytes(), file("a")],
        &["a", "b", "c"],
    );
    // As `pax -o linkdata` and old cpios wrote them.
    check_shows("with the data", &[file("a"), link("b", "a").with(HELLO)], &["a", "b"]);
    check_shows("with the data alone", &[link("b", "elsewhere").with(HELLO), file("c")], &["b", "c"]);
    check_shows(
        "with a size alone",
        &[file("a"), link("b", "a").size(6).bytes(), file("c")],
        &["a", "b", "c"],
    );
    let archive = opened(&[file("a"), link("b", "c").bytes(), link("c", "b").bytes(), END.to_vec()].concat());
    assert_eq!(files(&archive).len(), 1);
    assert_eq!(archive.left_out().len(), 2, "they lead to each other");
}

/// A later member of an archive replaces an earlier one of its name.
#[test]
fn members_replace_each_other_as_they_do_for_tar() {
    let folder = |name: &str| Header::named(name).kind(b'5').bytes();
    check_as_tar("a folder for a file", &[file("foo"), folder("foo/"), file("foo/x")], &["foo/x"]);
    check_as_tar("a file for an empty folder", &[folder("foo/"), file("foo")], &["foo"]);
    let link = Header::named("s").kind(b'2').link("d").bytes();
    check_as_tar("a folder for a link", &[folder("d/"), link, folder("s/"), file("s/x")], &["s/x"]);
    let pipe = Header::named("a").kind(b'6').bytes();
    let archive = opened(&[file("a"), pipe, END.to_vec()].concat());
    assert_eq!((files(&archive).len(), archive.left_out().len()), (0, 1));
    // A file in the place of a folder with something in it: tar keeps one of them, and here both are shown.
    check_shows("a file for a folder", &[file("foo/x"), file("foo")], &["foo", "foo%2Fx"]);
}

#[test]
fn headers_of_solaris_and_of_no_known_type() {
    let list = Header::named("d").kind(b'A').with("1000000$user::rwx,group::r-x\0 ");
    let folder = Header::named("d/").kind(b'5').bytes();
    check_as_tar("Solaris's lists of access", &[list, folder, file("d/f")], &["d/f"]);
    let extended = Header::named("./PaxHeaders/x").kind(b'X').with(record("path", "long.n"));
    check_as_tar("its extended headers", &[extended, file("a")], &["long.n"]);
    check_shows("an unknown type", &[Header::named("a").kind(b'Q').with(HELLO)], &["a"]);
    check_as_tar(
        "the oldest form",
        &[Header::named("d/").kind(0).field(257, [0; 8]).bytes(), file("d/a")],
        &["d/a"],
    );
}

#[test]
fn prefixes_belong_to_posix_headers_alone() {
    for (magic, expected) in
        [(&b"ustar\x0000"[..], "pre/a"), (b"ustar\0\0\0", "pre/a"), (b"ustar  \0", "a"), (&[0; 8], "a")]
    {
        check_as_tar(
            expected,
            &[Header::named("a").field(257, magic).field(345, b"pre").with(HELLO)],
            &[expected],
        );
    }
}

#[test]
fn what_holds_for_all_members_is_taken_back_by_each() {
    let global = |records: Vec<u8>| Header::named("g").kind(b'g').with(records);
    check_as_tar("a comment", &[global(record("comment", "0123")), file("a")], &["a"]);
    check_as_tar("a name", &[global(record("path", "n")), file("a")], &["n"]);
    let own = Header::named("x").kind(b'x').with(record("path", "own"));
    check_as_tar("a name of its own", &[global(record("path", "n")), own, file("a")], &["own"]);
    let none = Header::named("x").kind(b'x').with(record("path", ""));
    check_shows("none of its own", &[global(record("path", "n")), none, file("a")], &["a"]);
}

#[test]
fn every_end_is_read_and_said() {
    let two = [file("a"), file("b")].concat();
    let lone = Header::named("x").kind(b'x').with(record("path", "x"));
    for (what, bytes, doubts, left_out) in [
        ("one block", [&two[..], &[0; 512]].concat(), 0, 0),
        ("part of a block", [&two[..], &[0; 100]].concat(), 0, 0),
        ("no mark", two.clone(), 1, 0),
        ("no mark, and the last block not filled", two[..two.len() - 500].to_vec(), 1, 0),
        ("many zeros", [&two[..], &[0; 10_240]].concat(), 0, 0),
        ("another archive", [&two[..], &END, &file("c"), &END].concat(), 0, 1),
        ("junk", [&two[..], &END, b"xxxxx"].concat(), 0, 1),
        ("a header of no member", [&two[..], &lone[..], &END].concat(), 1, 0),
        ("a member behind one block", [&two[..], &[0; 512], &file("c"), &END].concat(), 1, 0),
    ] {
        let archive = opened(&bytes);
        let paths: Vec<String> = files(&archive).into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["a", "b"], "{what}");
        assert_eq!((archive.doubts().len(), archive.left_out().len()), (doubts, left_out), "{what}");
        assert!(archive.damage().is_none(), "{what}");
    }
}

/// What is before a damaged place is shown, and nothing after it: a header there may be one within a file.
#[test]
fn members_before_damage_are_shown_and_none_behind_it() {
    let inner = [file("inner"), END.to_vec()].concat();
    let outer = |header: Vec<u8>| [file("a"), header, inner.clone(), file("z"), END.to_vec()].concat();
    let mut broken = Header::named("backup.tar").size(inner.len()).bytes();
    assert_eq!(opened(&outer(broken.clone())).files().len(), 3);
    broken[0] ^= 1;
    let archive = opened(&outer(broken));
    assert_eq!(files(&archive), [("a".to_owned(), Some("hello\n".to_owned()))]);
    let error = archive.damage().expect("a header is damaged");
    is_error(&error, ErrorKind::Damaged, "at byte 1024 there is no header");
    for (what, bytes) in [
        ("no size", [Header::named("b").field(124, b"99999999999").bytes(), filled(HELLO)].concat()),
        ("a name of no end", Header::named("L").kind(b'L').size(5000).bytes()),
    ] {
        let archive = opened(&[file("a"), bytes, END.to_vec()].concat());
        assert_eq!(files(&archive).len(), 1, "{what}");
        assert!(archive.damage().is_some(), "{what}");
    }
}

#[test]
fn a_member_that_was_cut_off_is_there_and_cannot_be_read() {
    let cut = [file("a"), Header::named("b").size(600).bytes(), b"x".repeat(100)].concat();
    let archive = opened(&cut);
    assert_eq!(files(&archive), [("a".to_owned(), Some("hello\n".to_owned())), ("b".to_owned(), None)]);
    let shown = shown(&archive.files());
    let error = shown["b"].as_ref().expect_err("it was cut off");
    is_error(error, ErrorKind::Damaged, "cut off");
}

/// If a record of its extended header is damaged, nothing is known for sure of a member.
#[test]
fn a_damaged_extended_header_is_of_its_member_alone() {
    let broken = Header::named("x").kind(b'x').with("99 path=xx\n");
    let archive = opened(&[broken, file("a"), file("b"), END.to_vec()].concat());
    assert_eq!(files(&archive), [("a".to_owned(), None), ("b".to_owned(), Some("hello\n".to_owned()))]);
}

/// Extended headers of any length cost no memory; neither do long values of other keys.
#[test]
fn long_values_of_no_interest_are_passed() {
    let folder = record("GNU.dumpdir", b"Yname\0".repeat(1 << 19));
    check_shows("3 MiB", &[Header::named("x").kind(b'x').with(folder), file("a")], &["a"]);
}

/// Parts of a sparse file that end within a block, as Go writes them, and comments between numbers, as bsdtar reads
/// them.
#[test]
fn parts_of_sparse_files_may_end_anywhere() {
    let records = [
        record("GNU.sparse.major", "1"),
        record("GNU.sparse.minor", "0"),
        record("GNU.sparse.name", "s"),
        record("GNU.sparse.realsize", "12"),
    ];
    let extended = Header::named("x").kind(b'x').with(records.concat());
    let map = filled("#!gnu-sparse-format\n#format:1.0\n3\n1\n2\n5\n3\n12\n0\n");
    let member = Header::named("GNUSparseFile/s").with([&map[..], b"abcde"].concat());
    let archive = opened(&[extended, member, file("z"), END.to_vec()].concat());
    let expected = [("s", "\0ab\0\0cde\0\0\0\0"), ("z", "hello\n")];
    assert_eq!(files(&archive), expected.map(|(path, text)| (path.to_owned(), Some(text.to_owned()))));
    for map in ["1\n0\n", "1\n0\n99\n", "x\n", "2\n5\n1\n0\n1\n", "1\n10\n3\n"] {
        let extended = Header::named("x").kind(b'x').with(records.concat());
        let member = Header::named("GNUSparseFile/s").with([&filled(map)[..], b"abc"].concat());
        let archive = opened(&[extended, member, file("z"), END.to_vec()].concat());
        assert_eq!(files(&archive)[0], ("s".to_owned(), None), "{map:?}");
    }
}

/// Each of several volumes is an archive that does not end; only the second and later ones say that they are volumes.
#[test]
fn what_goes_on_in_another_volume_is_no_damage() {
    let folder = made_by(
        r#"head -c 60000 /dev/urandom > big; head -c 60000 /dev/urandom > more; echo one > a
        for format in gnu posix; do tar -M -L 60 --format=$format -cf $format-1.tar -f $format-2.tar -f $format-3.tar a big more; done"#,
    );
    for format in ["gnu", "posix"] {
        let archive =
            opened(&fs::read(folder.path().join(format!("{format}-2.tar"))).expect("it was just made"));
        assert!(archive.damage().is_none(), "{format}");
        assert_eq!(archive.doubts(), ["a file in it began in another volume"], "{format}");
        let shown = shown(&archive.files());
        let error = shown["more"].as_ref().expect_err("it goes on in the third");
        assert_eq!(error.kind, ErrorKind::Unsupported, "{}", error.chain());
    }
}

/// The first of several volumes ends within a member, where a record ends, and so does an archive whose tar was killed.
/// Both lack bytes, and the message names both cases.
#[test]
fn what_ends_within_a_member_lacks_bytes_and_may_be_a_first_volume() {
    let folder = made_by(
        r#"head -c 60000 /dev/zero > big; echo one > a
        for format in gnu posix; do tar -M -L 40 --format=$format -cf $format-1.tar -f $format-2.tar a big; done"#,
    );
    for format in ["gnu", "posix"] {
        let volume = fs::read(folder.path().join(format!("{format}-1.tar"))).expect("it was just made");
        let archive = opened(&volume);
        let files = shown(&archive.files());
        assert_eq!(files["a"].as_deref().expect("it is whole"), b"one\n");
        let error = files["big"].as_ref().expect_err("it goes on in the second");
        is_error(error, ErrorKind::Damaged, "cut off");
        is_error(error, ErrorKind::Damaged, "tar -M");
        // Cut anywhere else, it is no volume.
        let archive = opened(&volume[..volume.len() - 512]);
        let files = shown(&archive.files());
        let error = files["big"].as_ref().expect_err("it was cut off");
        assert_eq!(error.kind, ErrorKind::Damaged, "{}", error.chain());
        assert!(!error.chain().contains("tar -M"), "{}", error.chain());
    }
}

/// Packed bytes that count how often they are read from the start.
struct Counting(InMemory, AtomicUsize);

impl Blob for Counting {
    fn describe(&self) -> String {
        self.0.describe()
    }

    fn key(&self) -> ContentId {
        self.0.key()
    }

    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read(&self) -> io::Result<Box<dyn io::Read + Send>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read()
    }

    fn open(&self) -> io::Result<Box<dyn Opened>> {
        self.0.open()
    }
}

#[test]
fn a_packed_archive_is_not_unpacked_once_more_for_each_member() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = r#"cd "$0"; for n in $(seq 10 99); do head -c 50000 /dev/urandom > $n; : > empty-$n; done; tar -czf ../packed.tar.gz *; cat ../packed.tar.gz; rm ../packed.tar.gz"#;
    let inner = folder.path().join("files");
    fs::create_dir(&inner).expect("it is ours");
    let packed = Arc::new(Counting(InMemory::new(&shell(script, &[&inner])), AtomicUsize::new(0)));
    let stored = Arc::clone(&packed) as Arc<dyn Blob>;
    let archive = sound("the archive", TarArchive::open(&context(), &stored, Packing::Gzip));
    let files = shown(&archive.files());
    assert_eq!(files.len(), 180);
    for (path, bytes) in files {
        let expected = fs::read(inner.join(&path)).expect("it was packed");
        assert!(sound(&path, bytes) == expected, "{path}");
    }
    let reads = packed.1.load(Ordering::Relaxed);
    assert!(reads < 30, "the archive was unpacked {reads} times for 90 members with bytes");
}
