//! LZMA in its three kinds of files: xz, lzip, and the older `.lzma`.

use std::io::{self, BufRead, Read};

use liblzma::stream::{Action, CONCATENATED, Error, Status, Stream};

use super::frames::trailing_garbage;
use super::{cut_is_damage, invalid};
use crate::memory::unpacking::{Refused, Window, most};

/// What a decoder takes without being counted, and by how much its limit grows, in bytes.
const STEP: u64 = 1 << 20;

/// No decoder of the library asks for more.
const LARGEST: u64 = 8 << 30;

/// Unpacks LZMA. Its dictionary is allocated once there is memory for it.
pub(crate) struct Lzma<R> {
    packed: R,
    stream: Stream,
    window: Window,
    /// Memory that the decoder's limit allows already, but that was not granted yet.
    wanted: Option<u64>,
    began: bool,
    has_ended: bool,
}

impl<R: BufRead> Lzma<R> {
    /// Files of xz: one or more streams.
    pub(crate) fn xz(packed: R) -> io::Result<Self> {
        Ok(Self::new(packed, Stream::new_stream_decoder(STEP, CONCATENATED)?))
    }

    /// Files of lzip: one or more members.
    pub(crate) fn lzip(packed: R) -> io::Result<Self> {
        Ok(Self::new(packed, Stream::new_lzip_decoder(STEP, CONCATENATED)?))
    }

    /// The older `.lzma` files.
    pub(crate) fn alone(packed: R) -> io::Result<Self> {
        Ok(Self::new(packed, Stream::new_lzma_decoder(STEP)?))
    }

    fn new(packed: R, stream: Stream) -> Self {
        Self { packed, stream, window: Window::default(), wanted: None, began: false, has_ended: false }
    }

    /// Raises the decoder's limit to what it asks for, and takes that memory.
    fn grow(&mut self) -> io::Result<()> {
        let mut limit = self.stream.memlimit();
        loop {
            limit = limit.saturating_add(STEP);
            match self.stream.set_memlimit(limit) {
                Ok(()) => break,
                Err(Error::MemLimit) if limit < LARGEST => {}
                Err(Error::MemLimit) => return Err(Refused::TooLarge { asked: limit, most: most() }.into()),
                Err(error) => return Err(error.into()),
            }
        }
        self.wanted = Some(limit);
        self.claim()
    }

    /// Takes the memory that is `wanted`. A reader that goes on after a refusal comes here again.
    fn claim(&mut self) -> io::Result<()> {
        if let Some(limit) = self.wanted {
            self.window.resize(limit)?;
            self.wanted = None;
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Lzma<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        self.claim()?;
        while !self.has_ended {
            let input = self.packed.fill_buf()?;
            let is_end = input.is_empty();
            if is_end && !self.began {
                return Err(invalid("no packed data at all"));
            }
            self.began = true;
            let before = (self.stream.total_in(), self.stream.total_out());
            let action = if is_end { Action::Finish } else { Action::Run };
            let status = self.stream.process(input, out, action);
            let consumed = usize::try_from(self.stream.total_in() - before.0).map_err(io::Error::other)?;
            let made = usize::try_from(self.stream.total_out() - before.1).map_err(io::Error::other)?;
            self.packed.consume(consumed);
            match status {
                Ok(Status::StreamEnd) => self.has_ended = true,
                Ok(Status::MemNeeded) if is_end => return Err(invalid("it ends too early")),
                Ok(_) if is_end && made == 0 => return Err(invalid("it ends too early")),
                Ok(_) => {}
                Err(Error::MemLimit) => self.grow()?,
                Err(error) => return Err(cut_is_damage(error.into())),
            }
            if made > 0 {
                return Ok(made);
            }
        }
        if self.packed.fill_buf()?.is_empty() { Ok(0) } else { Err(trailing_garbage()) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use liblzma::stream::{Check, Filters, LzmaOptions};

    use super::*;

    fn packed(bytes: &[u8], dictionary: u32) -> Vec<u8> {
        let mut options = LzmaOptions::new_preset(0).expect("there is such a preset");
        options.dict_size(dictionary);
        let mut filters = Filters::new();
        filters.lzma2(&options);
        let stream = Stream::new_stream_encoder(&filters, Check::Crc64).expect("the options are right");
        let mut file = Vec::new();
        liblzma::read::XzEncoder::new_stream(bytes, stream).read_to_end(&mut file).expect("memory");
        file
    }

    /// Makes the block of an xz file ask for a dictionary of 4 GiB less a byte. Its header has a CRC.
    pub(crate) fn with_largest_dictionary(mut file: Vec<u8>) -> Vec<u8> {
        let dictionary = file[12..24].iter().position(|&byte| byte == 0x21).expect("LZMA2") + 12 + 2;
        file[dictionary] = 40;
        let end = 12 + (usize::from(file[12]) + 1) * 4;
        let crc = crate::format::hasher::crc32(&file[12..end - 4]);
        file[end - 4..end].copy_from_slice(&crc.to_le_bytes());
        file
    }

    fn unpacked(packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Lzma::xz(packed)?.read_to_end(&mut bytes).map(|_| bytes)
    }

    #[test]
    fn each_stream_gets_the_dictionary_that_it_asks_for() {
        let bytes: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let streams = [4 << 10, 8 << 20, 64 << 20, 4 << 10].map(|dictionary| packed(&bytes, dictionary));
        assert!(unpacked(&streams.concat()).expect("all are whole") == bytes.repeat(4));
    }

    #[test]
    fn a_dictionary_beyond_the_budget_is_refused() {
        let error = unpacked(&with_largest_dictionary(packed(b"x", 4 << 10))).expect_err("4 GiB");
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Refused>());
        assert!(matches!(cause, Some(Refused::TooLarge { asked, .. }) if *asked > 4 << 30), "{error}");
    }
}
