//! A source that was found.

use std::borrow::Cow;
use std::ffi::OsString;

/// A source that no argument named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSource {
    /// The argument that would name it.
    pub argument: OsString,
    /// What it is, for people.
    pub what: Cow<'static, str>,
}
