//! Members of 4 GiB and more by programs that do not know zip64: their lengths lack the upper bits.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::build::{Packed, zip};
use super::*;

const WRAP: u64 = 1 << 32;

/// A zip of these members with `zeros` zeros after the data of the first one, which its lengths do not count.
fn with_zeros(members: &[Packed], zeros: u64) -> File {
    let short = zip(members);
    let first = zip(&members[..1]);
    let behind = first.windows(4).position(|bytes| bytes == b"PK\x01\x02").expect("it has a directory");
    let file = tempfile::tempfile().expect("a temporary file");
    file.write_all_at(&short[..behind], 0).expect("there is room");
    file.write_all_at(&short[behind..], behind as u64 + zeros).expect("holes take no room");
    file
}

#[test]
fn a_member_whose_length_lacks_its_upper_bits_is_not_said_to_be_damaged() {
    // The CRC is that of all its bytes.
    let big = Packed { crc: 0x1234_5678, ..Packed::stored("big", b"begins") };
    let members = [big, Packed::stored("small", b"hello")];
    let mut file = with_zeros(&members, WRAP);
    let directory = Directory::read(&mut file).expect("its end is proven");
    assert_eq!(directory.flaws, Vec::<String>::new());
    let read = |member: &ZipMember| {
        let mut bytes = Vec::new();
        let file = file.try_clone().expect("handles are left");
        unpacked(&directory, member, file)?.read_to_end(&mut bytes)?;
        Ok::<_, ZipError>(bytes)
    };
    let [big, small] = &directory.members[..] else { panic!("two members") };
    match read(big) {
        Err(ZipError::Unsupported { reason, .. }) => assert!(reason.contains("4 GiB or more"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(read(small).expect("it is whole"), b"hello");
}
