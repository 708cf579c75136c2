//! Members by each method, whole and broken.

use std::io::Write;

use liblzma::stream::{LzmaOptions, Stream};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::build::{Packed, zip};
use super::legacy::before_1993;
use super::*;
use crate::format::zip::Remedy;

/// What `7z a -mm=Deflate64` makes of 70,000 `x` and the numbers from 1 to 40, a line each.
const DEFLATE64: &[u8] = &[
    0xe4, 0xc1, 0x81, 0x00, 0x00, 0x00, 0x00, 0x80, 0x20, 0xed, 0xf1, 0x07, 0xa9, 0xe2, 0xf1, 0x78, 0x3c,
    0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7,
    0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78,
    0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f,
    0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1,
    0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e,
    0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3,
    0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c,
    0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7,
    0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78,
    0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f,
    0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1,
    0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e, 0x8f, 0xc7, 0xe3, 0xf1, 0x78, 0x3c, 0x1e,
    0xef, 0xf2, 0xe0, 0xdc, 0x00, 0x60, 0x18, 0x06, 0x62, 0x58, 0xcf, 0x69, 0x2c, 0x9d, 0xdf, 0xfd, 0x17,
    0xcb, 0x14, 0xa9, 0x08, 0xe8, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9,
    0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9, 0xe9,
    0xe9, 0xe9, 0xe9, 0xe9, 0xfd, 0xac, 0x68, 0xc2, 0x64, 0xb1, 0x39, 0x5c, 0x1e, 0x35, 0xa8, 0xa2, 0x9a,
    0x0a, 0x35, 0xa9, 0x45, 0x6d, 0xea, 0x50, 0x97, 0x7a, 0xf4, 0xa0, 0x8b, 0x6e, 0x3a, 0xf4, 0xa4, 0x17,
    0xbd, 0xe9, 0x43, 0x5f, 0xfa, 0x91, 0x41, 0x8a, 0x34, 0x09, 0x99, 0x64, 0x91, 0x4d, 0x0e, 0xb9, 0xe4,
    0x31, 0x07, 0x1f,
];

/// Lines of which no two are equal, and which are worth packing.
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

/// The data of a member by LZMA, with a mark at its end. No library writes such members.
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
    let deflate64 = zip(&[Packed::by(9, "a", &bytes, DEFLATE64.to_vec())]);
    assert!(whole(&deflate64) == [("a".to_owned(), bytes)], "Deflate64");
}

/// The data of the only member, cut: with its length in the directory as it is then.
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
                // A byte that says nothing of the data: the name of the packer's system.
                Ok(read) => assert!(*read == bytes, "{method}: changed at {at}"),
                // LZMA and PPMd say in their heads how much memory they want.
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
    // A dictionary that is larger than all that is unpacked is none.
    assert!(matches!(
        members(&zip(&[lzma(u32::MAX, 9)])).expect("whole")[0].1,
        Err(ZipError::Damaged(_) | ZipError::Io(_))
    ));

    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3][..], &[0x01, 0, 0]].concat();
    is_refused(Packed::by(93, "a", &bytes, frame), "of memory", Remedy::SevenZip);

    // The properties of a block: LZMA2 with a dictionary of 4 GiB. Its header has a CRC.
    let mut xz = Vec::new();
    liblzma::read::XzEncoder::new(&bytes[..], 6).read_to_end(&mut xz).expect("memory does not fail");
    let dictionary = xz[12..24].iter().position(|&byte| byte == 0x21).expect("LZMA2") + 12 + 2;
    xz[dictionary] = 40;
    let end = 12 + (usize::from(xz[12]) + 1) * 4;
    let mut crc = flate2::Crc::new();
    crc.update(&xz[12..end - 4]);
    xz[end - 4..end].copy_from_slice(&crc.sum().to_le_bytes());
    is_refused(Packed::by(95, "a", &bytes, xz), "of memory", Remedy::SevenZip);
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
