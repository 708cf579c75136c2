//! `[NAME=]SOURCE` on the command line.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::user_folders::absolute;
use super::wire;
use crate::model::terminal::ShowPath;
use crate::source::Source;

const GIT: &str = "git:";

/// A SOURCE argument, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SourceSpec {
    pub name: Option<String>,
    pub address: SourceAddress,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum SourceAddress {
    Server(String),
    /// `PATH[?ref=BRANCH]` in a git repository.
    Git(OsString),
    /// A file or folder of any kind.
    Path(PathBuf),
}

impl SourceSpec {
    pub fn parse_all(arguments: &[OsString]) -> Result<Vec<Self>, Failure> {
        arguments.iter().map(|argument| Self::parse(argument)).collect()
    }

    /// Parses `[NAME=]SOURCE`, without touching the source.
    fn parse(argument: &OsStr) -> Result<Self, Failure> {
        let (name, source) = split_name(argument);
        if name.is_some_and(OsStr::is_empty) || source.is_empty() {
            return Err(Failure::usage(format!("`{}` names no source", argument.shown())).hint(
                "write [NAME=]SOURCE, where SOURCE is dolt://HOST:PORT, git:PATH, a folder or a file",
            ));
        }
        let utf8 = |name: &OsStr| match name.to_str() {
            Some(name) => Ok(name.to_owned()),
            None => Err(Failure::usage(format!("the name `{}` is not UTF-8", name.shown()))
                .hint("to give a path that contains `=`, write NAME= before it")),
        };
        Ok(Self { name: name.map(utf8).transpose()?, address: SourceAddress::parse(source)? })
    }

    pub fn is_server(&self) -> bool {
        matches!(self.address, SourceAddress::Server(_))
    }

    /// The argument that names the source from any folder; `None` if it is not UTF-8. A URL holds no password: asof refuses
    /// one that does.
    pub fn argument(&self) -> Option<String> {
        let address = match &self.address {
            SourceAddress::Server(url) => url.clone(),
            SourceAddress::Git(place) => format!("{GIT}{}", absolute(Path::new(place)).to_str()?),
            SourceAddress::Path(path) => absolute(path).to_str()?.to_owned(),
        };
        Some(match &self.name {
            Some(name) => format!("{name}={address}"),
            None => address,
        })
    }

    /// The name of an open source in the mount table. Never contains a secret.
    pub fn name_in_mount_table(&self, source: &dyn Source) -> String {
        match &self.address {
            // Unlike the URL, the label never contains a password.
            SourceAddress::Server(_) => source.label().replacen("://", "/", 1),
            SourceAddress::Git(place) => absolute(Path::new(place)).shown().to_string(),
            SourceAddress::Path(path) => absolute(path).shown().to_string(),
        }
    }
}

impl SourceAddress {
    fn parse(source: &OsStr) -> Result<Self, Failure> {
        if let Some(place) = source.as_bytes().strip_prefix(GIT.as_bytes())
            && !place.starts_with(b"//")
        {
            return Ok(Self::Git(OsStr::from_bytes(place).to_owned()));
        }
        // A URL is UTF-8.
        let Some(text) = source.to_str() else { return Ok(Self::Path(source.into())) };
        // A URL without its colon or slashes must not become a path: messages repeat paths, but the URL may hold a password.
        let is_url = text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("dolt:"));
        if is_url && !Path::new(text).exists() {
            wire::check_server_url(text)?;
            return Ok(Self::Server(text.to_owned()));
        }
        match text.split_once("://") {
            Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric()) => Err(Failure::usage(
                format!("asof cannot read `{scheme}://` sources"),
            )
            .hint(
                "for a Dolt server write dolt://[USER@]HOST[:PORT][/DATABASE], for a git repository git:PATH",
            )),
            _ => Ok(Self::Path(text.into())),
        }
    }
}

/// How messages name the source while it is opened.
impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            SourceAddress::Server(_) => f.write_str("the server"),
            SourceAddress::Git(place) => place.shown().fmt(f),
            SourceAddress::Path(path) => path.shown().fmt(f),
        }
    }
}

/// Splits at the first `=`, unless a `/` comes before it or the whole argument is an existing path.
fn split_name(argument: &OsStr) -> (Option<&OsStr>, &OsStr) {
    let bytes = argument.as_bytes();
    let Some(at) = memchr::memchr(b'=', bytes) else { return (None, argument) };
    let (name, source) = (&bytes[..at], &bytes[at + 1..]);
    // The `=` of `?ref=`.
    let is_ref = name.starts_with(GIT.as_bytes());
    if is_ref || name.contains(&b'/') || Path::new(argument).exists() {
        return (None, argument);
    }
    (Some(OsStr::from_bytes(name)), OsStr::from_bytes(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(argument: &str) -> (Option<String>, SourceAddress) {
        let source = SourceSpec::parse(OsStr::new(argument)).expect("a source");
        (source.name, source.address)
    }

    #[test]
    fn names_and_addresses() {
        let dolt = |url: &str| SourceAddress::Server(url.into());
        let path = |path: &str| SourceAddress::Path(path.into());
        let git = |place: &str| SourceAddress::Git(place.into());
        assert_eq!(parsed("dolt://h/db"), (None, dolt("dolt://h/db")));
        assert_eq!(parsed("beads=dolt://h"), (Some("beads".into()), dolt("dolt://h")));
        assert_eq!(parsed("b=archives"), (Some("b".into()), path("archives")));
        assert_eq!(parsed("./a=b"), (None, path("./a=b")));
        assert_eq!(parsed("/x/a=b"), (None, path("/x/a=b")));
        assert_eq!(parsed("git:/x/a.git"), (None, git("/x/a.git")));
        assert_eq!(parsed("git:a?ref=b"), (None, git("a?ref=b")));
        assert_eq!(parsed("b=git:/x?ref=c/d"), (Some("b".into()), git("/x?ref=c/d")));
        for wrong in [
            "dolt:/h",
            "dolt:a:b@h",
            "dolt://a%3Ab@h",
            "git://h/x",
            "",
            "=x",
            "x=",
            "mysql://h",
            "a=postgres://h",
        ] {
            assert!(SourceSpec::parse(OsStr::new(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_path_may_have_any_bytes() {
        let parsed = |argument: &[u8]| SourceSpec::parse(OsStr::from_bytes(argument));
        let address = |argument: &[u8]| parsed(argument).expect("a source").address;
        let os = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
        assert_eq!(address(b"/x/r\xe9po"), SourceAddress::Path(os(b"/x/r\xe9po").into()));
        assert_eq!(address(b"a=r\xe9po"), SourceAddress::Path(os(b"r\xe9po").into()));
        assert_eq!(address(b"git:r\xe9po/.beads?ref=b"), SourceAddress::Git(os(b"r\xe9po/.beads?ref=b")));
        assert!(parsed(b"\xe9=x").is_err());
    }
}
