//! Members by methods from before 1993, which no current library writes: texts in which these methods find nothing to
//! shorten.

use super::build::{Packed, zip};
use super::*;

/// Writes bits, the lowest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        for bit in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.len() - 1;
            self.bytes[last] |= ((value >> bit & 1) as u8) << (self.used % 8);
            self.used += 1;
        }
    }
}

/// Shrink: codes of nine bits, each for itself.
fn shrunk(bytes: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    bytes.iter().for_each(|&byte| bits.put(byte.into(), 9));
    bits.bytes
}

/// Reduce: no byte has followers. 144 would begin a repetition.
fn reduced(bytes: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    (0..256).for_each(|_| bits.put(0, 6));
    bytes.iter().for_each(|&byte| bits.put(byte.into(), 8));
    bits.bytes
}

/// Implode with two trees, all of whose codes have six bits.
fn imploded(bytes: &[u8]) -> Vec<u8> {
    let tree = [3_u8, 0xf5, 0xf5, 0xf5, 0xf5];
    let mut bits = Bits::default();
    tree.iter().chain(&tree).for_each(|&byte| bits.put(byte.into(), 8));
    for &byte in bytes {
        bits.put(1, 1);
        bits.put(byte.into(), 8);
    }
    bits.bytes
}

/// A member by each of these methods.
pub(super) fn before_1993(bytes: &[u8]) -> Vec<Packed> {
    let member = |method, data| Packed::by(method, "a", bytes, data);
    let mut members = vec![member(1, shrunk(bytes)), member(6, imploded(bytes))];
    members.extend((2..=5).map(|method| member(method, reduced(bytes))));
    members
}

#[test]
fn cut_and_changed_members_are_damaged_and_never_wrong() {
    let bytes = b"some text, some text and more of it\n";
    for member in before_1993(bytes) {
        for at in 0..member.data.len() {
            let cut = Packed { data: member.data[..at].to_vec(), ..member.clone() };
            let mut changed = member.clone();
            changed.data[at] ^= 0x10;
            for broken in [cut, changed] {
                let read = &members(&zip(&[broken])).expect("its directory is whole")[0].1;
                assert!(!read.as_ref().is_ok_and(|read| read != bytes), "method {} at {at}", member.method);
                if let Err(ZipError::Unsupported { reason, .. }) = read {
                    panic!("method {} at {at}: {reason}", member.method);
                }
            }
        }
    }
}

#[test]
fn a_length_that_no_program_of_that_time_packed_is_refused_before_it_is_allocated() {
    let members = before_1993(b"x").into_iter().map(|member| Packed { len: u32::MAX, ..member });
    for member in members {
        match &super::members(&zip(&[member])).expect("its directory is whole")[0].1 {
            Err(ZipError::Unsupported { reason, .. }) => assert!(reason.contains("of memory"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}
