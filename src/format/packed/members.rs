//! Decoders that read all of a packed file: one member, stream or frame after the other, to its end.

use std::io::{self, BufRead, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;

use crate::format::decoders::{Looked, TrailingGarbage, cut_is_damage, trailing_garbage};

/// Whether an error is only [`TrailingGarbage`].
pub(crate) fn is_trailing_garbage(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|cause| cause.is::<TrailingGarbage>())
}

/// One member of a format that may have several in a file.
pub(super) trait Member<R: BufRead>: Read {
    /// What each member begins with.
    const MAGIC: &'static [u8];

    /// Whether zeros may follow the last member, which tapes leave.
    const MAY_BE_PADDED: bool;

    fn begin(packed: R) -> Self;

    /// What follows the member, once the member was read.
    fn into_rest(self) -> R;
}

impl<R: BufRead> Member<R> for GzDecoder<R> {
    const MAGIC: &'static [u8] = b"\x1f\x8b";
    const MAY_BE_PADDED: bool = true;

    fn begin(packed: R) -> Self {
        Self::new(packed)
    }

    fn into_rest(self) -> R {
        self.into_inner()
    }
}

impl<R: BufRead> Member<R> for BzDecoder<R> {
    const MAGIC: &'static [u8] = b"BZh";
    const MAY_BE_PADDED: bool = false;

    fn begin(packed: R) -> Self {
        Self::new(packed)
    }

    fn into_rest(self) -> R {
        self.into_inner()
    }
}

pub(super) struct Members<R, M> {
    /// The member that is read; `None` after the last one.
    member: Option<M>,
    packed: std::marker::PhantomData<R>,
}

impl<R: BufRead, M: Member<Looked<R>>> Members<R, M> {
    pub(super) fn new(packed: R) -> Self {
        Self { member: Some(M::begin(Looked::new(packed))), packed: std::marker::PhantomData }
    }
}

impl<R: BufRead, M: Member<Looked<R>>> Read for Members<R, M> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(out).map_err(cut_is_damage)?;
            if count > 0 || out.is_empty() {
                return Ok(count);
            }
            let Some(member) = self.member.take() else { break };
            let mut rest = member.into_rest();
            if another_follows(&mut rest, M::MAY_BE_PADDED)? {
                if !rest.begins_with(M::MAGIC)? {
                    return Err(trailing_garbage());
                }
                self.member = Some(M::begin(rest));
            }
        }
        Ok(0)
    }
}

/// Whether something follows that may be a member. Zeros up to the end are none.
fn another_follows(packed: &mut impl BufRead, may_be_padded: bool) -> io::Result<bool> {
    if !may_be_padded || packed.fill_buf()?.first().is_some_and(|&byte| byte != 0) {
        return Ok(!packed.fill_buf()?.is_empty());
    }
    loop {
        let rest = packed.fill_buf()?;
        if rest.is_empty() {
            return Ok(false);
        }
        if rest.iter().any(|&byte| byte != 0) {
            return Err(trailing_garbage());
        }
        let count = rest.len();
        packed.consume(count);
    }
}
