//! The ways to log in that this program knows.

use mysql_common::packets::AuthPlugin;
use zeroize::Zeroizing;

use crate::source::dolt::server::password::Password;

/// Length of a challenge.
pub const CHALLENGE: usize = 20;

/// A way to prove knowledge of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `mysql_native_password`
    Native,
    /// `caching_sha2_password`
    Sha2,
}

impl Method {
    /// The method of that name.
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
