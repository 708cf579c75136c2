//! The systems on which members are packed.

/// The kind of system on which a member was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Host {
    /// MS-DOS, and programs on Windows that write what that wrote.
    Dos,
    /// Windows and OS/2, whose programs write the names of DOS.
    Windows,
    /// Unix.
    Unix,
    /// Any other, such as macOS.
    Other,
}

impl Host {
    /// The system with this number (APPNOTE.TXT 4.4.2.2; 11 is NTFS, too, for Info-ZIP).
    pub(super) fn of(number: u8) -> Self {
        match number {
            0 => Self::Dos,
            6 | 10 | 11 | 14 => Self::Windows,
            3 => Self::Unix,
            _ => Self::Other,
        }
    }
}
