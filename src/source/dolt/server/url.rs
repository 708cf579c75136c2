//! `dolt://[user@]host[:port][/database][?tls]`.

use std::fmt;

use data_encoding::HEXLOWER_PERMISSIVE;

/// The port that Gas Town's Dolt server listens on.
pub const DEFAULT_PORT: u16 = 3307;
pub const DEFAULT_USER: &str = "root";

const SCHEME: &str = "dolt://";

/// The address of a Dolt server, and which of its databases to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoltUrl {
    pub user: String,
    /// Host name or address; IPv6 without its brackets.
    pub host: String,
    pub port: u16,
    /// The one database to show, unescaped; `None` for all databases of the server.
    pub database: Option<String>,
    pub tls: bool,
}

/// Why a URL is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("the URL does not start with dolt://")]
    Scheme,
    #[error("the URL has no host")]
    NoHost,
    /// `user:password@`, in any encoding.
    #[error("the URL holds a password")]
    Password,
    /// A user whose name does not decode. It is not printed: it may hold a password.
    #[error("the user in the URL is not percent-encoded UTF-8")]
    User,
    /// A port that is not 1 to 65535.
    #[error("{0:?} is not a port")]
    Port(String),
    /// `[` without `]`, or an unbracketed IPv6 address.
    #[error("{0:?} is not a host")]
    Host(String),
    /// A `%` without two hex digits, or bytes that are not UTF-8.
    #[error("{0:?} is not percent-encoded UTF-8")]
    Encoding(String),
    #[error("{0:?} is not one database's name")]
    Path(String),
    /// `?...` or `#...`.
    #[error("the URL has parameters other than ?tls")]
    Parameters,
}

impl UrlError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Password => {
                "Leave the password out of the URL, where other users can see it: \
                 set ASOF_DOLT_PASSWORD or name a password file. (An @ that is part of a database's name is %40.)"
            }
            Self::Host(_) => {
                "Write dolt://[user@]host[:port][/database]; an IPv6 address needs brackets: dolt://[::1]:3307."
            }
            Self::Path(_) => "Write a slash that is part of a database's name as %2F.",
            Self::Encoding(_) | Self::User => "Write a % that is part of a name as %25.",
            Self::Parameters => {
                "?tls encrypts connections and always checks the certificate. \
                 Write a ? that is part of a database's name as %3F, a # as %23."
            }
            Self::Scheme | Self::NoHost | Self::Port(_) => {
                "Write dolt://[user@]host[:port][/database], as in dolt://root@127.0.0.1:3307/beads."
            }
        }
    }
}

impl DoltUrl {
    /// Reads a URL; user and port have defaults.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let scheme = text.get(..SCHEME.len()).filter(|scheme| scheme.eq_ignore_ascii_case(SCHEME));
        let rest = &text[scheme.ok_or(UrlError::Scheme)?.len()..];
        // A password may contain `/`, `?` or `#`: the whole URL is checked.
        if rest.rsplit_once('@').is_some_and(|(user, _)| holds_password(user)) {
            return Err(UrlError::Password);
        }
        let (rest, tls) = match rest.split_once(['?', '#']) {
            None => (rest, false),
            Some((before, "tls" | "tls=true")) if !rest.contains('#') => (before, true),
            Some(_) => return Err(UrlError::Parameters),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) if !user.is_empty() => (decode(user).map_err(|_| UrlError::User)?, place),
            Some((_, place)) => (DEFAULT_USER.to_owned(), place),
            None => (DEFAULT_USER.to_owned(), authority),
        };
        let (host, port) = host_and_port(place)?;
        Ok(Self { user, host, port, database: database(path)?, tls })
    }
}

/// The URL without secrets: the label of the source.
impl fmt::Display for DoltUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, host, port, database, tls: _ } = self;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        write!(f, "{SCHEME}{user}@{host}:{port}")?;
        match database {
            Some(database) => write!(f, "/{database}"),
            None => Ok(()),
        }
    }
}

/// Whether a password follows the user's name, however often it is encoded.
fn holds_password(user: &str) -> bool {
    user.contains(':') || user.to_ascii_lowercase().replace("%25", "%").contains("%3a") || {
        let decoded = decode(user).unwrap_or_default();
        decoded != user && holds_password(&decoded)
    }
}

fn host_and_port(place: &str) -> Result<(String, u16), UrlError> {
    let bad_host = || UrlError::Host(place.to_owned());
    let (host, port) = if let Some(bracketed) = place.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']').ok_or_else(bad_host)?;
        match after.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if after.is_empty() => (host, None),
            None => return Err(bad_host()),
        }
    } else {
        match place.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err(bad_host()),
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        }
    };
    if host.is_empty() {
        return Err(UrlError::NoHost);
    }
    let port = match port {
        None | Some("") => DEFAULT_PORT,
        Some(port) => match port.parse() {
            Ok(number) if number != 0 => number,
            _ => return Err(UrlError::Port(port.to_owned())),
        },
    };
    Ok((decode(host)?, port))
}

fn database(path: &str) -> Result<Option<String>, UrlError> {
    match path.strip_suffix('/').unwrap_or(path) {
        "" => Ok(None),
        name if name.contains('/') => Err(UrlError::Path(name.to_owned())),
        name => decode(name).map(Some),
    }
}

fn decode(text: &str) -> Result<String, UrlError> {
    let bad = || UrlError::Encoding(text.to_owned());
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.as_bytes().split_first_chunk::<2>().ok_or_else(bad)?;
        bytes.extend(HEXLOWER_PERMISSIVE.decode(digits).map_err(|_| bad())?);
        bytes.extend(rest);
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(user: &str, host: &str, port: u16, database: Option<&str>) -> DoltUrl {
        DoltUrl { user: user.into(), host: host.into(), port, database: database.map(Into::into), tls: false }
    }

    #[test]
    fn missing_parts_have_defaults() {
        let cases = [
            ("dolt://127.0.0.1", url("root", "127.0.0.1", 3307, None)),
            ("dolt://127.0.0.1/", url("root", "127.0.0.1", 3307, None)),
            ("DOLT://h:3308/beads", url("root", "h", 3308, Some("beads"))),
            ("dolt://me@h", url("me", "h", 3307, None)),
            ("dolt://m%40e@h:1/x", url("m@e", "h", 1, Some("x"))),
            ("dolt://[::1]", url("root", "::1", 3307, None)),
            ("dolt://me@[fe80::1]:99/d", url("me", "fe80::1", 99, Some("d"))),
            ("dolt://h/we-ird%20db%27q%2Fr", url("root", "h", 3307, Some("we-ird db'q/r"))),
            ("dolt://h/we-ird db'q", url("root", "h", 3307, Some("we-ird db'q"))),
        ];
        for (text, expected) in cases {
            assert_eq!(DoltUrl::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn tls_asks_for_encryption() {
        for text in ["dolt://h/a?tls", "dolt://h/a?tls=true", "dolt://me@h:1?tls", "dolt://h/?tls"] {
            let read = DoltUrl::parse(text).expect(text);
            assert!(read.tls && !read.to_string().contains('?'), "{text}");
        }
    }

    #[test]
    fn the_error_says_what_is_wrong() {
        let cases = [
            ("mysql://h", UrlError::Scheme),
            ("dolt:", UrlError::Scheme),
            ("dolt://", UrlError::NoHost),
            ("dolt:///beads", UrlError::NoHost),
            ("dolt://me:secret@h", UrlError::Password),
            ("dolt://me%3Asecret@h", UrlError::Password),
            ("dolt://me%3asecret@h", UrlError::Password),
            ("dolt://me%253Asecret@h", UrlError::Password),
            ("dolt://me%25253Asecret@h", UrlError::Password),
            ("dolt://me%3Asecret%2@h", UrlError::Password),
            ("dolt://me:a/secret@h", UrlError::Password),
            ("dolt://me:secret/b@h", UrlError::Password),
            ("dolt://me:secret?b@h", UrlError::Password),
            ("dolt://me:1/secret/b@h", UrlError::Password),
            ("dolt://me:1/secret@h", UrlError::Password),
            ("dolt://me#secret@h", UrlError::Parameters),
            ("dolt://secret%2@h", UrlError::User),
            ("dolt://secret%ff@h", UrlError::User),
            ("dolt://h:0", UrlError::Port("0".into())),
            ("dolt://h:99999", UrlError::Port("99999".into())),
            ("dolt://h:x", UrlError::Port("x".into())),
            ("dolt://::1", UrlError::Host("::1".into())),
            ("dolt://[::1", UrlError::Host("[::1".into())),
            ("dolt://[::1]x", UrlError::Host("[::1]x".into())),
            ("dolt://h/a/b", UrlError::Path("a/b".into())),
            ("dolt://h/%2", UrlError::Encoding("%2".into())),
            ("dolt://h/%ff", UrlError::Encoding("%ff".into())),
            ("dolt://h/a?ssl=1", UrlError::Parameters),
            ("dolt://h/a?tls=skip-verify", UrlError::Parameters),
            ("dolt://h/a?tls&x", UrlError::Parameters),
            ("dolt://h/a?tls#x", UrlError::Parameters),
        ];
        for (text, expected) in cases {
            let error = DoltUrl::parse(text).expect_err(text);
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("secret") && !error.hint().is_empty());
        }
    }

    #[test]
    fn labels_read_as_urls() {
        for text in ["dolt://root@127.0.0.1:3307", "dolt://me@[::1]:1/beads"] {
            assert_eq!(DoltUrl::parse(text).expect(text).to_string(), text);
        }
    }
}
