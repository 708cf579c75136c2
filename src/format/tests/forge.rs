//! Headers of tars as old and odd programs wrote them, and as today's tars do not.

/// A header that is being made. It begins as that of an empty file in the ustar format.
pub(super) struct Header([u8; 512]);

impl Header {
    pub(super) fn named(name: impl AsRef<[u8]>) -> Self {
        let header = Self([0; 512]);
        let header = header.field(100, b"0000644\0").field(108, b"0000000\0").field(116, b"0000000\0");
        header.field(136, b"00000000000\0").field(257, b"ustar\x0000").field(0, name).size(0).kind(b'0')
    }

    /// Sets bytes at an offset.
    pub(super) fn field(mut self, at: usize, bytes: impl AsRef<[u8]>) -> Self {
        self.0[at..at + bytes.as_ref().len()].copy_from_slice(bytes.as_ref());
        self
    }

    pub(super) fn size(self, size: usize) -> Self {
        self.field(124, format!("{size:011o}\0"))
    }

    pub(super) fn kind(self, kind: u8) -> Self {
        self.field(156, [kind])
    }

    pub(super) fn link(self, target: &str) -> Self {
        self.field(157, target)
    }

    /// The header with its checksum.
    pub(super) fn bytes(self) -> Vec<u8> {
        let header = self.field(148, b"        ");
        let sum: u32 = header.0.iter().map(|&byte| u32::from(byte)).sum();
        header.with_sum(sum)
    }

    /// The header with a checksum over signed bytes, as Sun's tar computed it.
    pub(super) fn signed_bytes(self) -> Vec<u8> {
        let header = self.field(148, b"        ");
        let sum: i32 = header.0.iter().map(|&byte| i32::from(byte.cast_signed())).sum();
        header.with_sum(sum.cast_unsigned())
    }

    fn with_sum(self, sum: u32) -> Vec<u8> {
        self.field(148, format!("{sum:06o}\0 ")).0.to_vec()
    }

    /// The header of a member with these bytes, followed by the bytes.
    pub(super) fn with(self, data: impl AsRef<[u8]>) -> Vec<u8> {
        let size = data.as_ref().len();
        let mut bytes = self.size(size).bytes();
        bytes.extend(filled(data));
        bytes
    }
}

/// Data, with its last block filled up with zeros.
pub(super) fn filled(data: impl AsRef<[u8]>) -> Vec<u8> {
    let mut bytes = data.as_ref().to_vec();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// The two blocks that end an archive.
pub(super) const END: [u8; 1024] = [0; 1024];

/// One record of an extended header.
pub(super) fn record(key: &str, value: impl AsRef<[u8]>) -> Vec<u8> {
    let rest = [b" ", key.as_bytes(), b"=", value.as_ref(), b"\n"].concat();
    // Its length counts its own digits.
    let len = (1..9).map(|digits| digits + rest.len()).find(|len| len.to_string().len() + rest.len() == *len);
    [len.expect("it is short").to_string().as_bytes(), &rest].concat()
}
