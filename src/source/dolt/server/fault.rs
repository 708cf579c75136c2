//! Errors between this program and a Dolt server, and how they become messages.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::client::{ClientError, short_text, tls_hint};
use super::row_reader::WireError;
use crate::content::{ErrorKind, SourceError};

/// Longest time to the next attempt to connect: a server that is back has to show soon.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Longest part of a query that an error message repeats, in characters.
const SHOWN_QUERY: usize = 160;

/// Why a query or connection failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    #[error("no answer within {0:?}")]
    Stalled(Duration),
    #[error("all connections to the server were busy for {0:?}")]
    Busy(Duration),
    #[error("the server is not Dolt (it calls itself {0})")]
    NotDolt(String),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The server answered in a form that its documentation does not describe.
    #[error("unexpected answer: {}", short_text(.0.as_bytes()))]
    Answer(String),
    /// The rows of a view without an order could not be sorted in a temporary file.
    #[error("its rows have no order of their own, and cannot be sorted in a temporary file: {0}")]
    Temporary(Arc<io::Error>),
    #[error("the server brought {received} bytes in {} s", waited.as_secs())]
    Slow {
        /// How long the caller waited.
        waited: Duration,
        received: u64,
    },
    /// The server failed just now and is left alone for a while. The text does not say how long: the log suppresses
    /// lines that repeat.
    #[error("{last}; the next attempt to connect is in {} s at most", LONGEST_PAUSE.as_secs())]
    Failing { last: Arc<Self> },
    #[error("the commit is not in the history")]
    NoCommit,
    #[error("the database changed since it was listed")]
    Moved,
}

/// A [`Fault`] with its query.
#[derive(Debug, Clone)]
pub struct QueryError {
    pub fault: Fault,
    pub query: Option<String>,
}

impl<F: Into<Fault>> From<F> for QueryError {
    fn from(fault: F) -> Self {
        Self { fault: fault.into(), query: None }
    }
}

impl QueryError {
    /// Names the query that failed.
    #[must_use]
    pub fn in_query(mut self, query: &str) -> Self {
        self.query.get_or_insert_with(|| shorten(query));
        self
    }

    /// Whether the connection broke, so that a new one may work.
    pub fn is_broken_connection(&self) -> bool {
        matches!(&self.fault, Fault::Client(error) if error.is_broken_connection())
    }

    /// Whether the server itself answered, with an error: the connection is fine.
    pub fn is_answer(&self) -> bool {
        matches!(&self.fault, Fault::Client(ClientError::Server(_)))
    }

    /// The failure for other callers that waited for the same: the server did not answer at all. `None` for a failure of
    /// this query alone.
    pub fn for_others(&self) -> Option<Self> {
        let is_about_server = matches!(
            self.fault,
            Fault::ConnectTimeout(_)
                | Fault::Stalled(_)
                | Fault::Slow { .. }
                | Fault::Busy(_)
                | Fault::Failing { .. }
                | Fault::Client(ClientError::Io(_) | ClientError::Closed)
        );
        is_about_server.then(|| self.clone())
    }

    /// Whether the server says that there is no such table.
    pub fn is_no_such_table(&self) -> bool {
        matches!(&self.fault, Fault::Client(ClientError::Server(error)) if error.code == 1146)
    }

    /// Whether the server refuses the password.
    pub fn is_wrong_password(&self) -> bool {
        matches!(&self.fault, Fault::Client(ClientError::Server(error)) if matches!(error.code, 1045 | 1698))
    }

    /// The error with what was being done: `operation`, with its operand.
    pub fn during(self, label: &str, operation: impl Into<String>) -> SourceError {
        let operation = match self.query {
            Some(query) => format!("{} ({query})", operation.into()),
            None => operation.into(),
        };
        let hint = self.fault.hint();
        let error = SourceError::new(self.fault.kind(), label, operation).because(self.fault.into_cause());
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

impl Fault {
    /// The innermost error, without the wrappers of the library.
    fn into_cause(self) -> Box<dyn std::error::Error + Send + Sync> {
        match self {
            Self::Client(ClientError::Io(error)) => error.into(),
            Self::Client(ClientError::Server(error)) => error.into(),
            other => other.into(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::ConnectTimeout(_) | Self::Stalled(_) | Self::Busy(_) | Self::Slow { .. } => {
                ErrorKind::TimedOut
            }
            Self::Failing { last } => last.kind(),
            Self::NotDolt(_) => ErrorKind::Unsupported,
            Self::Wire(WireError::Type { .. }) => ErrorKind::Unsupported,
            Self::Temporary(_) => ErrorKind::Unavailable,
            Self::Wire(_) | Self::Answer(_) => ErrorKind::Damaged,
            Self::NoCommit => ErrorKind::Missing,
            Self::Moved => ErrorKind::Changed,
            Self::Client(error) => match error {
                ClientError::Server(error) => server_kind(error.code, &error.message),
                ClientError::Io(_) | ClientError::Closed | ClientError::Protocol(_) => ErrorKind::Unavailable,
                ClientError::TooLarge { .. } => ErrorKind::Unsupported,
                ClientError::WantsPassword
                | ClientError::Method(_)
                | ClientError::WantsFile
                | ClientError::NoTls
                | ClientError::Tls(_) => ErrorKind::Refused,
            },
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::ConnectTimeout(_) => "Does the host answer at that port, and is no firewall in between?",
            Self::Failing { last } => return last.hint(),
            Self::Stalled(_) | Self::Slow { .. } => {
                "The server may be overloaded: SHOW PROCESSLIST there shows what it is doing."
            }
            Self::Busy(_) => "Somebody reads many or large tables at once; try again later.",
            Self::NotDolt(_) => {
                "Only Dolt keeps a database's history. Is the port that of `dolt sql-server` (3307 by default)?"
            }
            Self::Temporary(_) => {
                "TMPDIR names another folder; rows of a view with an ORDER BY are passed on as they come."
            }
            Self::NoCommit => "No branch or tag reaches that commit any more.",
            Self::Client(ClientError::Server(error)) => return server_hint(error.code),
            Self::Client(ClientError::Io(error)) => return io_hint(error),
            Self::Client(ClientError::Tls(error)) => tls_hint(error)?,
            Self::Client(ClientError::WantsPassword) => {
                "Nothing was sent. Encrypt the connection (`?tls` at the end of the URL), or give the user \
                 mysql_native_password."
            }
            Self::Client(ClientError::Method(_)) => {
                "Nothing was sent. asof logs in by mysql_native_password and caching_sha2_password."
            }
            Self::Client(ClientError::WantsFile) => "Nothing was sent. Is this the server that is meant?",
            Self::Client(ClientError::NoTls) => {
                "Nothing was sent. Give the server a certificate (listener.tls_cert and tls_key in its configuration), \
                 or do without `?tls` and --tls options, on a network that you trust."
            }
            Self::Client(ClientError::Protocol(_)) => "Is this the port of `dolt sql-server`?",
            _ => return None,
        })
    }
}

/// The numbers are MySQL's. 1105 is "unknown error": only Dolt's text says what it is.
fn server_kind(code: u16, message: &str) -> ErrorKind {
    const GONE: [&str; 7] = [
        "target commit not found",
        "branch not found",
        "not a valid branch or hash",
        "could not find ",
        "invalid ref spec",
        "invalid commit hash",
        "no common ancestor",
    ];
    match code {
        1044 | 1045 | 1130 | 1142 | 1143 | 1227 | 1698 | 3118 => ErrorKind::Refused,
        1049 | 1051 | 1109 | 1146 => ErrorKind::Missing,
        1105 if message.starts_with("Access denied") => ErrorKind::Refused,
        1105 if GONE.iter().any(|text| message.contains(text)) => ErrorKind::Missing,
        1040 | 1053 | 1152 | 1158..=1161 | 1184 | 1203 | 1205 | 1213 | 1317 => ErrorKind::Unavailable,
        1105 if message.contains("context canceled") => ErrorKind::Unavailable,
        _ => ErrorKind::Unsupported,
    }
}

fn server_hint(code: u16) -> Option<&'static str> {
    Some(match code {
        1045 | 1698 => {
            "Check the user in the URL, and the password in ASOF_DOLT_PASSWORD or the password file."
        }
        1044 | 1142 | 1143 | 1227 => "Grant the user SELECT on this database.",
        1040 | 1203 => "The server has too many connections; asof itself uses at most four.",
        _ => return None,
    })
}

fn io_hint(error: &io::Error) -> Option<&'static str> {
    Some(match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "Is `dolt sql-server` running there (in a Gas Town: `gt dolt start`), and on that port?"
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "Is the network up?",
        _ if error.to_string().contains("lookup") => "Check the host name in the URL.",
        _ => return None,
    })
}

fn shorten(query: &str) -> String {
    match query.char_indices().nth(SHOWN_QUERY) {
        Some((end, _)) => format!("{}…", &query[..end]),
        None => query.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::error::ServerError;
    use super::*;

    fn server(code: u16, message: &str) -> QueryError {
        ClientError::from(ServerError { code, message: message.to_owned() }).into()
    }

    #[test]
    fn kinds_by_what_the_server_said() {
        assert_eq!(server(1045, "Access denied").fault.kind(), ErrorKind::Refused);
        assert_eq!(server(1146, "table not found: t").fault.kind(), ErrorKind::Missing);
        assert_eq!(server(1049, "database not found: d/abc").fault.kind(), ErrorKind::Missing);
        assert_eq!(server(1105, "target commit not found").fault.kind(), ErrorKind::Missing);
        assert_eq!(server(1105, "Access denied for user 'x'").fault.kind(), ErrorKind::Refused);
        assert_eq!(server(1105, "something else").fault.kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn others_are_told_the_same() {
        let faults: [fn() -> QueryError; 5] = [
            || Fault::ConnectTimeout(Duration::from_secs(5)).into(),
            || Fault::Stalled(Duration::from_secs(30)).into(),
            || Fault::Busy(Duration::from_secs(30)).into(),
            || ClientError::from(io::Error::from_raw_os_error(111)).into(),
            || ClientError::Closed.into(),
        ];
        for fault in faults {
            let error = fault().in_query("SELECT 1");
            let others =
                error.for_others().expect("it is about the server").during("dolt://h", "cannot list");
            let own = error.during("dolt://h", "cannot list");
            assert_eq!((others.kind, others.chain(), others.hint), (own.kind, own.chain(), own.hint));
        }
        assert!(server(1146, "table not found: t").for_others().is_none());
    }

    #[test]
    fn messages_hold_operation_query_cause_and_hint() {
        let error =
            server(1045, "Access denied").in_query("SELECT 1").during("dolt://h", "cannot list databases");
        assert_eq!(error.to_string(), "dolt://h: cannot list databases (SELECT 1)");
        assert!(error.chain().contains("Access denied"));
        assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("ASOF_DOLT_PASSWORD")));
        let long = server(1105, "x").in_query(&"é".repeat(500)).during("l", "o");
        assert!(long.to_string().chars().count() < 200);
    }
}
