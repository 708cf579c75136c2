//! A password that is wiped from memory when it is no longer needed, and that no message can repeat.

use std::fmt;

use zeroize::Zeroizing;

/// A user's password.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// The password itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it is empty, as for a user without a password.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Password {
    fn from(password: String) -> Self {
        Self(Zeroizing::new(password))
    }
}

impl From<&str> for Password {
    fn from(password: &str) -> Self {
        Self::from(password.to_owned())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}
