//! Addresses of chunks.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_DNSSEC;

/// The address of a chunk: the first 20 bytes of the SHA-512 of its content.
///
/// Printed, and read, in Dolt's base32 of 32 digits `0-9a-v`, which sorts as the bytes do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Address([u8; Address::LEN]);

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address: 32 digits of 0-9 and a-v make one")]
pub struct InvalidAddress(pub String);

impl Address {
    /// Length in bytes.
    pub const LEN: usize = 20;

    /// The address with these bytes.
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The address that fills `bytes` exactly; `None` for any other length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Its first 8 bytes as a number, which sorts as the bytes do. Addresses are hashes, so these numbers are spread
    /// evenly.
    pub fn prefix(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// Whether all bytes are zero, which Dolt writes for "none".
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Ord for Address {
    fn cmp(&self, other: &Self) -> Ordering {
        // By the bytes. One comparison of numbers nearly always decides, and large stores are sorted in this order.
        self.prefix().cmp(&other.prefix()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl AsRef<[u8]> for Address {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&BASE32_DNSSEC.encode(&self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        // DNSSEC's base32 also takes upper-case digits, which Dolt does not.
        let is_lower = !text.bytes().any(|digit| digit.is_ascii_uppercase());
        let bytes = BASE32_DNSSEC.decode(text.as_bytes()).ok().filter(|_| is_lower);
        bytes.and_then(|bytes| Self::from_slice(&bytes)).ok_or_else(|| InvalidAddress(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_go_both_ways_and_sort_alike() {
        let mut bytes = [0; Address::LEN];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = (at * 37 + 11) as u8;
        }
        let address = Address::new(bytes);
        assert_eq!(address.to_string().parse(), Ok(address));
        assert_eq!(Address::default().to_string(), "0".repeat(32));
        assert_eq!(Address::new([0xff; 20]).to_string(), "v".repeat(32));
        let mut one = [0; 20];
        one[19] = 1;
        assert_eq!(Address::new(one).to_string(), format!("{}1", "0".repeat(31)));
        let (low, high) = (Address::new([9; 20]), Address::new([10; 20]));
        assert!(low < high && low.to_string() < high.to_string());
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "0", &"w".repeat(32), &"A".repeat(32), &"0".repeat(33), &"é".repeat(16)] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
