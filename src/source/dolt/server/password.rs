//! A password that is wiped from memory when it is no longer needed and that no message can print.

use std::fmt;
use std::sync::{Arc, Mutex};

use zeroize::Zeroizing;

use crate::util::locks::lock;

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

/// Reads a password again from its file; `None` where that fails, which it logs itself. May block.
pub type ReadAgain = Arc<dyn Fn() -> Option<Password> + Send + Sync>;

/// The password for a server, which may change while it is in use.
pub struct CurrentPassword {
    current: Mutex<Option<Password>>,
    read_again: Option<ReadAgain>,
}

impl CurrentPassword {
    pub fn new(password: Option<Password>, read_again: Option<ReadAgain>) -> Self {
        Self { current: Mutex::new(password), read_again }
    }

    /// The password to log in with.
    pub fn get(&self) -> Option<Password> {
        lock(&self.current).clone()
    }

    /// Reads it again after the server refused it; returns whether it changed. May block.
    pub fn renew(&self) -> bool {
        let Some(new) = self.read_again.as_ref().and_then(|read| read()) else { return false };
        let mut current = lock(&self.current);
        let is_new = current.as_ref().is_none_or(|current| current.reveal() != new.reveal());
        *current = Some(new);
        is_new
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}
