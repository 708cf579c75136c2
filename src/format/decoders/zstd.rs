//! Zstandard: frame after frame, each with a window of its own.

use std::io::{self, BufRead, Read};

use zstd::stream::read::Decoder;

use super::frames::{Frame, Frames};
use super::{Looked, invalid};

/// What a frame begins with.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Memory that a decoder takes beside its window.
const BESIDE: u64 = 1 << 20;

/// The least and the most that the library takes for the logarithm of a window.
const SMALLEST_LOG: u32 = 10;
const LARGEST_LOG: u32 = 31;

/// Unpacks frames of Zstandard, and passes over skippable ones.
pub(crate) type Zstd<R> = Frames<R, ZstdFrame<R>>;

pub(crate) struct ZstdFrame<R: BufRead>(Decoder<'static, Looked<R>>);

impl<R: BufRead> Frame<R> for ZstdFrame<R> {
    /// The longest header with its magic number (RFC 8878, 3.1.1.1).
    const LONGEST_HEAD: usize = 18;

    fn memory(head: &[u8]) -> io::Result<Option<u64>> {
        let Some(header) = head.strip_prefix(&MAGIC) else { return Ok(None) };
        let len = window_of(header).ok_or_else(|| invalid("it ends within the head of a frame"))?;
        Ok(Some(len.saturating_add(BESIDE)))
    }

    fn no_frame(began: bool) -> io::Error {
        invalid(match began {
            true => "something that is no frame follows the last one",
            false => "it does not begin as Zstandard does",
        })
    }

    fn begin(packed: Looked<R>, head: &[u8]) -> io::Result<Self> {
        let len = head.get(MAGIC.len()..).and_then(window_of).unwrap_or(0);
        let mut decoder = Decoder::with_buffer(packed)?.single_frame();
        let log = len.max(1).next_power_of_two().ilog2();
        decoder.window_log_max(log.clamp(SMALLEST_LOG, LARGEST_LOG))?;
        Ok(Self(decoder))
    }

    fn into_rest(self) -> io::Result<Looked<R>> {
        Ok(self.0.finish())
    }
}

impl<R: BufRead> Read for ZstdFrame<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }
}

/// The length of the window that a frame's header, after the magic number, asks for. `None` if the header is cut.
fn window_of(header: &[u8]) -> Option<u64> {
    let descriptor = *header.first()?;
    let is_single_segment = descriptor & 0x20 != 0;
    if !is_single_segment {
        let byte = u64::from(*header.get(1)?);
        let base = 1_u64 << (10 + (byte >> 3));
        return Some(base + base / 8 * (byte & 7));
    }
    // The window is as long as the content.
    let dictionary_id = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content = header.get(1 + dictionary_id..)?;
    Some(match descriptor >> 6 {
        0 => u64::from(*content.first()?),
        1 => u64::from(u16::from_le_bytes(*content.first_chunk()?)) + 256,
        2 => u64::from(u32::from_le_bytes(*content.first_chunk()?)),
        _ => u64::from_le_bytes(*content.first_chunk()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::unpacking::Refused;

    fn unpacked(packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Zstd::new(packed).read_to_end(&mut bytes).map(|_| bytes)
    }

    #[test]
    fn headers_say_how_long_the_window_is() {
        for (header, expected) in [
            (&[0x00, 0][..], Some(1 << 10)),
            (&[0x00, 11 << 3], Some(2 << 20)),
            (&[0x00, 17 << 3 | 7], Some((128 << 20) / 8 * 15)),
            (&[0x20, 9], Some(9)),
            (&[0x60, 0, 1], Some(512)),
            (&[0xa3, 0, 0, 0, 0, 0, 0, 0, 1], Some(1 << 24)),
            (&[0xe0, 0, 0, 0, 0, 1, 0, 0, 0], Some(1 << 32)),
            (&[0x00], None),
            (&[0xe0, 0, 0, 0, 0, 1, 0, 0], None),
            (&[], None),
        ] {
            assert_eq!(window_of(header), expected, "{header:?}");
        }
    }

    #[test]
    fn each_frame_has_a_window_of_its_own() {
        let (small, large) = (vec![b'a'; 10], vec![b'b'; 3 << 20]);
        let frames = [&small, &large, &small].map(|bytes| zstd::encode_all(&bytes[..], 19).expect("memory"));
        let whole = [&small[..], &large, &small].concat();
        assert!(unpacked(&frames.concat()).expect("all are whole") == whole);
        // The same without the lengths of the contents, as a pipe gives them.
        let mut streamed = Vec::new();
        for bytes in [&small, &large] {
            let mut encoder = zstd::Encoder::new(&mut streamed, 3).expect("memory");
            io::copy(&mut &bytes[..], &mut encoder).expect("memory");
            encoder.finish().expect("memory");
        }
        assert!(unpacked(&streamed).expect("both are whole") == [&small[..], &large].concat());
    }

    #[test]
    fn a_window_of_gigabytes_is_refused_before_it_is_allocated() {
        let frame = [&MAGIC[..], &[0x00, 21 << 3], &[0x01, 0, 0]].concat();
        let error = unpacked(&frame).expect_err("2 GiB");
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Refused>());
        assert!(matches!(cause, Some(Refused::TooLarge { asked, .. }) if *asked > 2 << 30), "{error}");
    }
}
