//! How files store chunks: compressed, with a checksum. Errors say what is wrong with a block, as a clause.

use std::cell::RefCell;

use sha2::{Digest, Sha512};
use zstd::zstd_safe;
use zstd::zstd_safe::DCtx;

use crate::address::Address;
use crate::message::Message;
use crate::number::to_usize;

/// The longest chunk that can exist: messages state their length in 24 bits. A block that claims more is damaged.
const MAX_CHUNK_LEN: u64 = 1 << 24 | 4;
/// The longest dictionary that is accepted; Dolt's are a few hundred KiB at most.
const MAX_DICTIONARY_LEN: u64 = 1 << 27;
const CHECKSUM_LEN: usize = 4;

/// A dictionary for blocks.
pub type Dictionary = zstd_safe::DDict<'static>;

thread_local! {
    // A context holds 150 KiB of tables, which are made once and not for each chunk.
    static CONTEXT: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
}

/// Unpacks a block of a table file or journal (Snappy, then its CRC-32C, big-endian) into `out`, in place of what `out`
/// holds.
pub fn unpack_snappy(block: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let Some((packed, checksum)) = block.split_last_chunk::<CHECKSUM_LEN>() else {
        return Err(format!("its {} bytes are too few for a block", block.len()));
    };
    let (stated, found) = (u32::from_be_bytes(*checksum), crc32c::crc32c(packed));
    if stated != found {
        return Err(format!("its checksum is {found:08x}, not {stated:08x}"));
    }
    let len = snap::raw::decompress_len(packed).map_err(|error| error.to_string())?;
    check_len(len as u64, MAX_CHUNK_LEN)?;
    // `out` is not cleared first, so that bytes that will be overwritten are not zeroed.
    out.reserve_exact(len.saturating_sub(out.len()));
    out.resize(len, 0);
    snap::raw::Decoder::new().decompress(packed, out).map(drop).map_err(|error| error.to_string())
}

/// Whether the chunk in a block of Snappy may be a message of this kind, by the first bytes of the block alone.
pub fn may_be_message(block: &[u8], id: [u8; 4]) -> bool {
    // The length of the chunk in groups of seven bits, then elements; the first one is always literal bytes.
    let Some(tag_at) = block.iter().position(|byte| byte & 0x80 == 0).map(|end| end + 1) else { return true };
    let Some((&tag, rest)) = block.get(tag_at..).and_then(<[u8]>::split_first) else { return true };
    // The upper six bits of the tag: up to 59 the length less 1; from 60 on they say how many bytes of length follow.
    let skipped = usize::from(tag >> 2).saturating_sub(59);
    let len = if skipped == 0 { usize::from(tag >> 2) + 1 } else { usize::MAX };
    match rest.get(skipped..).and_then(|literal| literal.get(..Message::ID_END)) {
        Some(start) if tag & 3 == 0 && len >= Message::ID_END => Message::id_of(start) == Some(id),
        _ => true,
    }
}

/// Unpacks the chunk of an address from a block of a table file. The checksum proves that the block is whole, but not
/// which chunk it holds: a file that was cut and rewritten has whole blocks where others were.
pub fn unpack_chunk(address: &Address, block: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    unpack_snappy(block, out)?;
    check_address(address, out)
}

/// Unpacks a block of an archive: one Zstandard frame, with a dictionary or without.
pub fn unpack_zstd(block: &[u8], dictionary: Option<&Dictionary>, out: &mut Vec<u8>) -> Result<(), String> {
    unpack_frame(block, dictionary, MAX_CHUNK_LEN, out)
}

/// Unpacks a dictionary of an archive: one Zstandard frame.
pub fn unpack_dictionary(block: &[u8]) -> Result<Dictionary, String> {
    let mut raw = Vec::new();
    unpack_frame(block, None, MAX_DICTIONARY_LEN, &mut raw)?;
    zstd_safe::DDict::try_create(&raw).ok_or_else(|| "it is no dictionary".to_owned())
}

fn unpack_frame(
    block: &[u8],
    dictionary: Option<&Dictionary>,
    limit: u64,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let stated = zstd_safe::get_frame_content_size(block).map_err(|error| error.to_string())?;
    let len = stated.ok_or("it does not state its length")?;
    check_len(len, limit)?;
    out.clear();
    out.reserve_exact(to_usize(len));
    let done = CONTEXT.with_borrow_mut(|context| match dictionary {
        Some(dictionary) => context.decompress_using_ddict(out, block, dictionary),
        None => context.decompress(out, block),
    });
    done.map_err(|code| zstd_safe::get_error_name(code).to_owned())?;
    match out.len() as u64 == len {
        true => Ok(()),
        false => Err(format!("it has {} bytes unpacked, not {len}", out.len())),
    }
}

fn check_len(len: u64, limit: u64) -> Result<(), String> {
    match len > limit {
        true => Err(format!("it states {len} bytes, and none has more than {limit}")),
        false => Ok(()),
    }
}

/// Checks that bytes are the chunk of an address.
pub fn check_address(address: &Address, chunk: &[u8]) -> Result<(), String> {
    let digest = Sha512::digest(chunk);
    match digest[..Address::LEN] == *address.as_bytes() {
        true => Ok(()),
        false => Err("its content is that of another address".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::snappy_block;

    /// Unpacks a block into a buffer that held something else.
    fn unpacked(block: &[u8]) -> Result<Vec<u8>, String> {
        let mut out = [b'x'; 40].to_vec();
        unpack_snappy(block, &mut out).map(|()| out)
    }

    #[test]
    fn every_flipped_bit_of_a_snappy_block_is_noticed() {
        let content = b"rows and rows and rows and rows";
        let block = snappy_block(content);
        assert_eq!(unpacked(&block).expect("it is whole"), &content[..]);
        for bit in 0..block.len() * 8 {
            let mut flipped = block.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unpacked(&flipped).is_err(), "bit {bit}");
        }
        for len in 0..block.len() {
            assert!(unpacked(&block[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn what_may_be_a_message_is_told_from_the_block() {
        let of = |id: &str, len: usize| {
            let mut chunk = b"\x1b\0\0\0\x10\0\0\0".to_vec();
            chunk.extend(id.bytes());
            chunk.extend((0..len).map(|at| (at * at * 7 + at * 13) as u8));
            snappy_block(&chunk)
        };
        for len in [0, 10, 48, 49, 200, 300, 70_000] {
            assert!(may_be_message(&of("DCMT", len), *b"DCMT"), "{len}");
            assert!(!may_be_message(&of("BLOB", len), *b"DCMT"), "{len}");
        }
        for block in [&[][..], &[0x80], &[5], &[5, 0xf0], &[9, 0xff, 1], &snappy_block(b"DCMT")] {
            assert!(may_be_message(block, *b"DCMT"), "{block:?} tells nothing");
        }
    }

    #[test]
    fn a_block_that_claims_too_much_is_refused() {
        let mut huge = vec![0xff, 0xff, 0xff, 0xff, 0x0f];
        let checksum = crc32c::crc32c(&huge);
        huge.extend(checksum.to_be_bytes());
        assert!(unpacked(&huge).expect_err("4 GiB").contains("none has more"));
    }

    #[test]
    fn zstd_blocks_with_a_dictionary() {
        let samples: Vec<Vec<u8>> =
            (0..500).map(|row| format!("{{\"id\": {row}, \"status\": \"open\"}}").into_bytes()).collect();
        let raw = samples.concat();
        let packed = zstd::bulk::compress(&raw, 3).expect("it is short");
        let dictionary = unpack_dictionary(&packed).expect("a dictionary");
        let mut compressor = zstd::bulk::Compressor::with_dictionary(3, &raw).expect("a dictionary");
        let block = compressor.compress(&samples[7]).expect("it is short");
        let unpacked = |block: &[u8], dictionary| {
            let mut out = samples[8].repeat(3);
            unpack_zstd(block, dictionary, &mut out).map(|()| out)
        };
        assert_eq!(unpacked(&block, Some(&dictionary)).expect("it is whole"), samples[7]);
        assert!(unpacked(&block, None).is_err());
        assert!(unpacked(b"no frame", None).is_err());
        for len in 0..block.len() {
            assert!(unpacked(&block[..len], Some(&dictionary)).is_err(), "{len} bytes");
        }
    }
}
