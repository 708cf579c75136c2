//! Members by each method, whole and broken.

use std::io::Write;

use data_encoding::BASE64;
use liblzma::stream::{LzmaOptions, Stream};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::build::{Packed, zip};
use super::legacy::before_1993;
use super::*;
use crate::format::decoders::with_largest_dictionary;
use crate::format::zip::Remedy;

/// What `7z a -mm=Deflate64` makes of 70,000 `x` and the numbers from 1 to 40, one per line, in base64.
const DEFLATE64: &str = "\
    5MGBAAAAAIAg7fEHqeLxeDwej8fj8Xg8Ho/H4/F4PB6Px+PxeDwej8fj8Xg8Ho/H4/F4PB6Px+PxeDwej8fj8Xg8Ho/H4/F4\
    PB6Px+PxeDwej8fj8Xg8Ho/H4/F4PB6Px+PxeDwej8fj8Xg8Ho/H4/F4PB6Px+PxeDwej8fj8Xg8Ho/H4/F4PB6Px+PxeDwe\
    j8fj8Xg8Ho/H4/F4PB6Px+PxeDwej8fj8Xg8Ho/H4/F4PB6Px+PxeDwej8fj8Xg8Ho/H4/F4PB6Px+PxeDwej8fj8Xg8Ho/H\
    4/F4PB7v8uDcAGAYBmJYz2ksnd/9F8sUqQjo6enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6enp/axowmSxOVweNaii\
    mgo1qUVt6lCXevSgi2469KQXvelDX/qRQYo0CZlkkU0OueQxBx8=";

/// Lines that all differ and are worth packing.
fn text() -> Vec<u8> {
    (1..=400).flat_map(|number| format!("{number}\n").into_bytes()).collect()
}

/// Packs with another library than the one that unpacks.
fn packed_by(method: CompressionMethod, bytes: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .start_file("a", SimpleFileOptions::default().compression_method(method))
        .expect("memory does not fail");
    writer.write_all(bytes).expect("memory does not fail");
    writer.finish().expect("memory does not fail").into_inner()
}

/// The data of a member by LZMA, with an end mark. No library writes such members.
fn lzma(bytes: &[u8]) -> Vec<u8> {
    let options = LzmaOptions::new_preset(6).expect("there is such a preset");
    let stream = Stream::new_lzma_encoder(&options).expect("the options are right");
    let mut file = Vec::new();
    liblzma::read::XzEncoder::new_stream(bytes, stream).read_to_end(&mut file).expect("memory does not fail");
    let (head, data) = file.split_at(13);
    [&[9, 20, 5, 0], &head[..5], data].concat()
}

/// A zip with one member by each method.
pub(super) fn by_each_method(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let zstd = zstd::encode_all(bytes, 3).expect("memory does not fail");
    vec![
        ("stored", packed_by(CompressionMethod::Stored, bytes)),
        ("Deflate", packed_by(CompressionMethod::Deflated, bytes)),
        ("bzip2", packed_by(CompressionMethod::Bzip2, bytes)),
        ("LZMA", zip(&[Packed::by(14, "a", bytes, lzma(bytes))])),
        ("XZ", packed_by(CompressionMethod::Xz, bytes)),
        ("PPMd", packed_by(CompressionMethod::Ppmd, bytes)),
        ("Zstandard", zip(&[Packed::by(93, "a", bytes, zstd.clone())])),
        ("Zstandard, by its first number", zip(&[Packed::by(20, "a", bytes, zstd)])),
    ]
}

#[test]
fn members_by_each_method_are_what_was_packed() {
    let long: Vec<u8> = text().repeat(400);
    for bytes in [&text()[..], b"", b"x", &long] {
        for (method, zip) in by_each_method(bytes) {
            assert!(whole(&zip) == [("a".to_owned(), bytes.to_vec())], "{method}: {} bytes", bytes.len());
        }
    }
    let lines = (1..=40).flat_map(|number| format!("{number}\n").into_bytes());
    let bytes: Vec<u8> = vec![b'x'; 70_000].into_iter().chain(lines).collect();
    for member in before_1993(&text()) {
        assert!(
            whole(&zip(std::slice::from_ref(&member))) == [("a".to_owned(), text())],
            "method {}",
            member.method
        );
    }
    let deflate64 =
        zip(&[Packed::by(9, "a", &bytes, BASE64.decode(DEFLATE64.as_bytes()).expect("it is base64"))]);
    assert!(whole(&deflate64) == [("a".to_owned(), bytes)], "Deflate64");
}

/// The data of the only member, cut: the directory states its length after the cut.
#[test]
fn cut_or_changed_data_is_damage_by_each_method() {
    let bytes = text();
    for (method, whole) in by_each_method(&bytes) {
        let found = directory(&whole).expect("it is whole");
        let member = &found.members[0];
        let data = usize::try_from(member.header.expect("it is there") + 31).expect("short");
        let packed = usize::try_from(member.packed).expect("short");
        for at in (0..packed).step_by(packed / 20 + 1) {
            let cut = Packed {
                data: whole[data..data + at].to_vec(),
                ..Packed::by(member.method, "a", &bytes, vec![])
            };
            let cut = members(&zip(&[cut])).expect("its directory is whole");
            assert!(
                matches!(&cut[0].1, Err(ZipError::Damaged(_) | ZipError::Io(_))),
                "{method}: cut at {at}"
            );
            let mut changed = whole.clone();
            changed[data + at] ^= 0x10;
            match &members(&changed).expect("its directory is whole")[0].1 {
                // The byte does not affect the data: it names the packer's system.
                Ok(read) => assert!(*read == bytes, "{method}: changed at {at}"),
                // LZMA and PPMd state in their headers how much memory they want.
                Err(ZipError::Unsupported { .. }) => assert!(at < 16, "{method}: changed at {at}"),
                Err(_) => {}
            }
        }
    }
}

#[track_caller]
fn is_refused(member: Packed, expected: &str, helps: Remedy) {
    match &members(&zip(&[member])).expect("its directory is whole")[0].1 {
        Err(ZipError::Unsupported { reason, remedy }) => {
            assert!(reason.contains(expected), "{reason}");
            assert_eq!(*remedy, helps, "{reason}");
        }
        other => panic!("{expected}: {other:?}"),
    }
}

#[test]
fn what_asks_for_too_much_memory_is_not_read() {
    let bytes = text();
    let lzma = |dictionary: u32, len: u32| {
        let head = [&[9, 20, 5, 0, 0x5d][..], &dictionary.to_le_bytes()].concat();
        Packed { len, ..Packed::by(14, "a", &bytes, [head, vec![0; 64]].concat()) }
    };
    is_refused(lzma(u32::MAX, u32::MAX), "of memory", Remedy::SevenZip);
    // A dictionary that is larger than all that is unpacked takes no more than that.
    assert!(matches!(
        members(&zip(&[lzma(u32::MAX, 9)])).expect("whole")[0].1,
        Err(ZipError::Damaged(_) | ZipError::Io(_))
    ));

    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3][..], &[0x01, 0, 0]].concat();
    is_refused(Packed::by(93, "a", &bytes, frame), "of memory", Remedy::SevenZip);

    let mut xz = Vec::new();
    liblzma::read::XzEncoder::new(&bytes[..], 6).read_to_end(&mut xz).expect("memory does not fail");
    is_refused(Packed::by(95, "a", &bytes, with_largest_dictionary(xz)), "of memory", Remedy::SevenZip);
}

#[test]
fn what_is_encrypted_or_of_no_known_method_is_said_with_what_helps() {
    let member = |method: u16, flags: u16| Packed { flags, ..Packed::by(method, "a", b"a", vec![0; 20]) };
    is_refused(member(99, 1), "AES", Remedy::SevenZipPassword);
    is_refused(member(8, 1), "encrypted", Remedy::Password);
    is_refused(member(8, 0x41), "PKWARE", Remedy::Packer);
    is_refused(member(10, 0), "Implode", Remedy::SevenZip);
    is_refused(member(96, 0), "JPEG", Remedy::SevenZip);
    is_refused(member(77, 0), "method 77", Remedy::SevenZip);
}
