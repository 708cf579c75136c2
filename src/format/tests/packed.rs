//! Files that `gzip`, `zstd` and `xz` packed.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use super::super::blob::{Blob, InMemory};
use super::super::packed::{PackedFile, Packing};
use super::super::shown::Fingerprint;
use super::{flipped, in_file, is_error, read, run, shell, sound, stored};
use crate::content::{ErrorKind, SourceError};

const PROGRAMS: [(&str, Packing); 4] =
    [("gzip", Packing::Gzip), ("zstd", Packing::Zstd), ("xz", Packing::Xz), ("bzip2", Packing::Bzip2)];

fn packed(program: &str, bytes: &[u8]) -> Vec<u8> {
    shell(&format!("{program} -c < \"$0\""), &[in_file(bytes).path()])
}

/// What the program itself unpacks from packed bytes.
fn unpacked_by(program: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let output = run(Command::new(program).arg("-dc").stdin(in_file(bytes).into_file()));
    output.status.success().then_some(output.stdout)
}

fn unpack(packing: Packing, bytes: &[u8]) -> Result<Vec<u8>, SourceError> {
    let blob: Arc<dyn Blob> = Arc::new(InMemory::new(bytes));
    read(&PackedFile::new(&Arc::from("archive /dumps"), &blob, packing))
}

fn text() -> Vec<u8> {
    (0..40).flat_map(|i| format!("INSERT INTO t VALUES ({i}, 'value {}');\n", i * i).into_bytes()).collect()
}

#[test]
fn unpacked_bytes_are_those_that_were_packed() {
    let long: Vec<u8> = (0..400_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    for (program, packing) in PROGRAMS {
        for original in [text(), Vec::new(), long.clone()] {
            let once = packed(program, &original);
            assert!(sound(program, unpack(packing, &once)) == original, "{program}");
            // Several packed files, one after the other, unpack to all of their contents.
            let twice = [once.clone(), packed(program, b"and more\n")].concat();
            let expected = [original.clone(), b"and more\n".to_vec()].concat();
            assert_eq!(unpacked_by(program, &twice).as_ref(), Some(&expected), "{program}");
            assert!(sound(program, unpack(packing, &twice)) == expected, "{program}");
        }
    }
    // Zeros that tapes leave after gzip's data, and zeros after streams of xz in blocks of four bytes.
    for (packing, zeros) in [(Packing::Gzip, 1000), (Packing::Xz, 8)] {
        let program = if packing == Packing::Gzip { "gzip" } else { "xz" };
        let padded = [packed(program, b"text"), vec![0; zeros]].concat();
        assert_eq!(unpacked_by(program, &padded).as_deref(), Some(&b"text"[..]));
        assert_eq!(unpack(packing, &padded).expect("zeros do no harm"), b"text");
    }
}

/// What `lz4 --content-size` makes of this text: a frame with a checksum.
fn lz4_frame(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let info = lz4_flex::frame::FrameInfo::new().content_checksum(true).block_checksums(true);
    let mut frame = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    frame.write_all(bytes).expect("it is in memory");
    frame.finish().expect("it is in memory")
}

#[test]
fn frames_of_lz4_are_read_one_after_the_other_and_some_are_passed() {
    let (one, two) = (lz4_frame(b"one"), lz4_frame(b"two"));
    let passed = [&b"\x5a\x2a\x4d\x18\x03\0\0\0"[..], b"xyz"].concat();
    let unpacked = |parts: &[&[u8]]| unpack(Packing::Lz4, &parts.concat());
    assert_eq!(unpacked(&[&one, &two]).expect("both are whole"), b"onetwo");
    assert_eq!(unpacked(&[&passed, &one, &passed, &two, &passed]).expect("all are whole"), b"onetwo");
    assert_eq!(unpacked(&[&lz4_frame(b"")]).expect("it is whole"), b"");
    for parts in [&[&b""[..]][..], &[&one, &passed[..9]], &[&one, b"\x04\x22\x4d\x18"], &[&one, b"\x04"]] {
        let error = unpacked(parts).expect_err("it is not whole");
        assert_eq!(error.kind, ErrorKind::Damaged, "{}", error.chain());
    }
    let error = unpacked(&[&one, b"garbage"]).expect_err("lz4 warns of that");
    assert_eq!(error.kind, ErrorKind::Unsupported, "{}", error.chain());
    let text = text();
    let whole = lz4_frame(&text);
    for place in 0..whole.len() {
        assert!(unpack(Packing::Lz4, &whole[..place]).is_err(), "{place}");
        let broken = flipped(&whole, place);
        assert!(unpack(Packing::Lz4, &broken).map_or(true, |bytes| bytes == text), "{place}");
    }
}

/// Frames that zstd has to skip, and streams of xz with zeros between them.
#[test]
fn what_is_between_frames_and_streams_is_passed() {
    let one = packed("zstd", b"one");
    let skipped = [&b"\x50\x2a\x4d\x18\x03\0\0\0"[..], b"xyz"].concat();
    assert_eq!(
        unpack(Packing::Zstd, &[&skipped[..], &one, &skipped, &one].concat()).expect("it is whole"),
        b"oneone"
    );
    let one = packed("xz", b"one");
    assert_eq!(
        unpack(Packing::Xz, &[&one[..], &[0; 8], &one, &[0; 4]].concat()).expect("it is whole"),
        b"oneone"
    );
    assert!(unpack(Packing::Xz, &[&one[..], &[0; 3]].concat()).is_err(), "xz pads by four bytes");
}

/// A decoder that would need more memory than it gets, as with `xz --lzma2=dict=1GiB` and `zstd --ultra --long=31`.
#[test]
fn what_needs_too_much_memory_is_no_damage() {
    for (packing, bytes) in [
        (Packing::Xz, packed("xz --lzma2=dict=1GiB", b"text")),
        (Packing::Lzma, [&b"\x5d\0\0\0\x80"[..], &[0xff; 8], &[0; 20]].concat()),
    ] {
        let error = unpack(packing, &bytes).expect_err("a gigabyte");
        is_error(&error, ErrorKind::Unsupported, "--cache-size");
    }
    // A window of 2 GiB.
    let frame = [&b"\x28\xb5\x2f\xfd\x00"[..], &[0xa8], b"\x21\0\0text"].concat();
    let error = unpack(Packing::Zstd, &frame).expect_err("two gigabytes");
    assert_eq!(error.kind, ErrorKind::Unsupported, "{}", error.chain());
}

#[test]
fn every_flipped_byte_and_every_cut_is_noticed() {
    for (program, packing) in PROGRAMS {
        let original = text();
        let whole = packed(program, &original);
        for len in 0..whole.len() {
            let error = unpack(packing, &whole[..len]).expect_err("it was cut");
            assert_eq!(error.kind, ErrorKind::Damaged, "{program} {len}: {}", error.chain());
        }
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut broken = whole.clone();
                broken[place] ^= 1 << bit;
                // A bit that does not affect the bytes (of the time, of the system) may have any value.
                if let Ok(bytes) = unpack(packing, &broken) {
                    assert!(bytes == original, "{program}: bit {bit} of byte {place} gives other bytes");
                }
            }
        }
        let error = unpack(packing, &[&whole[..], b"garbage"].concat()).expect_err("something follows");
        // gzip and bzip2 warn of trailing bytes and unpack what is before them, so it need not be damage.
        let only_warns = matches!(packing, Packing::Gzip | Packing::Bzip2);
        let expected = if only_warns { ErrorKind::Unsupported } else { ErrorKind::Damaged };
        assert_eq!(error.kind, expected, "{program}: {}", error.chain());
        assert!(unpack(packing, b"").is_err(), "{program}: no bytes at all");
        assert!(unpack(packing, b"plain text, and long enough for a header of any kind").is_err());
    }
}

#[test]
fn a_digest_is_of_the_packed_bytes_and_the_packing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let digest = |bytes: &[u8], packing| {
        let path = folder.path().join("a.sql.gz");
        fs::write(&path, bytes).expect("it is ours");
        let file = PackedFile::new(&Arc::from("x"), &stored(Path::new(&path)), packing);
        (file.likeness(), file.digest().expect("it is there"))
    };
    let first = digest(b"one", Packing::Gzip);
    assert_eq!(digest(b"one", Packing::Gzip), first);
    let other = digest(b"two", Packing::Gzip);
    assert!(other.0 == first.0 && other.1 != first.1, "of one length, so that they have to be read");
    assert_ne!(digest(b"three", Packing::Gzip).0, first.0);
    assert_ne!(digest(b"one", Packing::Zstd).1, first.1);
}

/// Beyond a gigabyte, unpacking to a thousand times the length is too much.
#[test]
fn a_bomb_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bomb = folder.path().join("bomb.sql.zst");
    shell("head -c 1100000000 /dev/zero | zstd -1 -q > \"$0\"", &[&bomb]);
    let mut unpacked = Packing::Zstd.unpack(&*stored(&bomb)).expect("it opens");
    let error = std::io::copy(&mut unpacked, &mut std::io::sink()).expect_err("it is a bomb");
    assert!(error.to_string().contains("bomb"), "{error}");
}
