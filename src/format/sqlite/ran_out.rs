//! Why a query was ended before its answer was whole.

use std::fmt;
use std::time::Duration;

use crate::content::ErrorKind;

/// Why a query was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RanOut {
    /// It ran for too long.
    Time(Duration),
    /// It took too much memory.
    Memory(u64),
    /// It took too much temporary storage.
    Temporary(u64),
    /// Its reader let it wait for too long.
    Reader(Duration),
    /// Too many others wait already.
    Busy(usize),
    /// Its process ended before it was done.
    Ended(String),
}

impl RanOut {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Time(_) => ErrorKind::TimedOut,
            Self::Memory(_) | Self::Temporary(_) => ErrorKind::Unsupported,
            Self::Reader(_) | Self::Busy(_) | Self::Ended(_) => ErrorKind::Unavailable,
        }
    }

    /// Whether another attempt would end the same way.
    pub(super) fn is_worth_remembering(&self) -> bool {
        !matches!(self, Self::Reader(_) | Self::Busy(_))
    }
}

impl fmt::Display for RanOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(most) => write!(f, "it ran for {} s, the most that it may", most.as_secs_f32()),
            Self::Memory(most) => write!(f, "it took more than {} MiB of memory", most >> 20),
            Self::Temporary(most) => write!(f, "it took more than {} MiB of temporary storage", most >> 20),
            Self::Reader(most) => write!(f, "its reader let it wait for {} s", most.as_secs()),
            Self::Busy(waiting) => write!(f, "{waiting} other queries of SQLite files wait already"),
            Self::Ended(how) => write!(f, "its process ended early: {how}"),
        }
    }
}
