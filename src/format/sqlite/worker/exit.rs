//! The exit statuses by which a process says that it took too much.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use super::super::limits::Limits;
use super::super::ran_out::RanOut;

pub(super) const TIME: i32 = 3;
pub(super) const TEMPORARY: i32 = 4;
pub(super) const READER: i32 = 5;

/// Why a process ended before its answer was whole.
pub(super) fn meaning(status: ExitStatus, limits: &Limits) -> RanOut {
    match (status.code(), status.signal()) {
        (Some(TIME), _) | (_, Some(libc::SIGXCPU)) => RanOut::Time(limits.running),
        (Some(TEMPORARY), _) | (_, Some(libc::SIGXFSZ)) => RanOut::Temporary(limits.temporary),
        (Some(READER), _) => RanOut::Reader(limits.waiting),
        // Rust aborts when it cannot allocate memory.
        (_, Some(libc::SIGABRT)) => RanOut::Memory(limits.memory),
        _ => RanOut::Ended(status.to_string()),
    }
}
