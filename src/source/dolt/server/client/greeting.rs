//! The first packet of a server: its capabilities, its challenge, and the way to log in that it names.
//!
//! Read here and not by `mysql_common`, whose arithmetic on the lengths in it overflows.

use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::AuthPlugin;
use zeroize::Zeroizing;

use super::error::{ClientError, ServerError, short_text};
use crate::source::dolt::server::password::Password;

/// The protocol that this program speaks.
const PROTOCOL: u8 = 10;

/// The greeting of a server.
#[derive(Debug)]
pub struct Greeting {
    /// Its number for this connection.
    pub id: u32,
    pub capabilities: CapabilityFlags,
    /// The challenge from which the log-in answer is made.
    pub challenge: [u8; CHALLENGE],
    /// The log-in method that it names, if it is known here.
    pub method: Option<Method>,
}

impl Greeting {
    pub fn parse(packet: &[u8]) -> Result<Self, ClientError> {
        if packet.first() == Some(&0xff) {
            return Err(refusal(packet));
        }
        Self::read(packet).ok_or(ClientError::Protocol("its greeting is not that of MySQL"))
    }

    fn read(packet: &[u8]) -> Option<Self> {
        let mut rest = ParseBuf(packet);
        if rest.checked_eat_u8()? != PROTOCOL {
            return None;
        }
        let version = rest.0.iter().position(|&byte| byte == 0)?;
        rest.skip(version + 1);
        let id = rest.checked_eat_u32_le()?;
        let first = rest.checked_eat(8)?;
        rest.checked_eat_u8()?;
        let low = rest.checked_eat_u16_le()?;
        let _collation = rest.checked_eat_u8()?;
        let _status = rest.checked_eat_u16_le()?;
        let high = rest.checked_eat_u16_le()?;
        let length = usize::from(rest.checked_eat_u8()?);
        rest.checked_eat(10)?;
        let second = rest.checked_eat(length.saturating_sub(8).max(13))?;
        let challenge: Vec<u8> = first.iter().chain(second).copied().take(CHALLENGE).collect();
        let name = rest.0.split(|&byte| byte == 0).next().unwrap_or_default();
        Some(Self {
            id,
            capabilities: CapabilityFlags::from_bits_truncate(u32::from(low) | u32::from(high) << 16),
            challenge: challenge.try_into().ok()?,
            method: Method::named(name),
        })
    }
}

/// The error that an error packet holds.
pub fn refusal(packet: &[u8]) -> ClientError {
    let mut rest = ParseBuf(packet);
    rest.checked_skip(1);
    let Some(code) = rest.checked_eat_u16_le() else {
        return ClientError::Protocol("an error without a number");
    };
    // Before the log-in the SQL state is absent.
    let message = if rest.0.first() == Some(&b'#') { rest.0.get(6..).unwrap_or_default() } else { rest.0 };
    ServerError { code, message: short_text(message) }.into()
}

/// Length of a challenge.
pub const CHALLENGE: usize = 20;

/// A way to prove knowledge of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Native,
    Sha2,
}

impl Method {
    pub fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"mysql_native_password" => Some(Self::Native),
            b"caching_sha2_password" => Some(Self::Sha2),
            _ => None,
        }
    }

    /// The library's name for it.
    pub fn plugin(self) -> AuthPlugin<'static> {
        match self {
            Self::Native => AuthPlugin::MysqlNativePassword,
            Self::Sha2 => AuthPlugin::CachingSha2Password,
        }
    }

    /// The answer to a challenge; empty without a password.
    pub fn answer(self, password: Option<&Password>, challenge: &[u8; CHALLENGE]) -> Zeroizing<Vec<u8>> {
        let answer = self.plugin().gen_data(password.map(Password::reveal), challenge);
        Zeroizing::new(answer.map(|data| data.to_vec()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting() -> Vec<u8> {
        let mut packet = b"\x0a8.0.33\0".to_vec();
        packet.extend(7u32.to_le_bytes());
        packet.extend(b"12345678\0");
        packet.extend([0xff, 0xff, 33, 2, 0, 0xff, 0xdf, 21]);
        packet.extend([0; 10]);
        packet.extend(b"abcdefghijkl\0caching_sha2_password\0");
        packet
    }

    #[test]
    fn a_greeting_is_read() {
        let read = Greeting::parse(&greeting()).expect("it is one");
        assert_eq!((read.id, &read.challenge, read.method), (7, b"12345678abcdefghijkl", Some(Method::Sha2)));
        assert!(read.capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF));
    }

    #[test]
    fn no_cut_and_no_changed_byte_panics() {
        let whole = greeting();
        for cut in 0..whole.len() {
            let _ = Greeting::parse(&whole[..cut]);
        }
        for at in 0..whole.len() {
            for byte in 0..=255 {
                let mut changed = whole.clone();
                changed[at] = byte;
                let _ = Greeting::parse(&changed);
            }
        }
        for cut in 0..8 {
            assert!(!refusal(&b"\xff\x15\x04#28000Access denied"[..cut]).to_string().is_empty());
        }
    }
}
