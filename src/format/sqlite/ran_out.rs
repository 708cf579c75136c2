//! Why a query was ended before its answer was whole.

use std::time::Duration;

use crate::content::ErrorKind;

/// Why a query was ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RanOut {
    #[error("it ran for {} s, the most that it may", .0.as_secs_f32())]
    Time(Duration),
    #[error("it took more than {} MiB of memory", .0 >> 20)]
    Memory(u64),
    #[error("it took more than {} MiB of temporary storage", .0 >> 20)]
    Temporary(u64),
    #[error("its reader let it wait for {} s", .0.as_secs())]
    Reader(Duration),
    #[error("{0} other queries of SQLite files wait already")]
    Busy(usize),
    #[error("its process ended early: {0}")]
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
