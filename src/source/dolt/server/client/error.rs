//! Errors of a connection, without the query.

use std::io;
use std::sync::Arc;

use mysql_common::proto::codec::error::PacketCodecError;

/// Longest text of a server that is kept, in bytes.
const LONGEST_TEXT: usize = 1024;

/// A refusal in the server's own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ERROR {code}: {message}")]
pub struct ServerError {
    pub code: u16,
    /// The text, shortened.
    pub message: String,
}

/// A failed connection or query.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// The connection failed.
    #[error(transparent)]
    Io(Arc<io::Error>),
    #[error("the server closed the connection")]
    Closed,
    /// The server answered with an error.
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error("the server breaks the protocol: {0}")]
    Protocol(&'static str),
    #[error("the server sends {what} of more than {most} bytes")]
    TooLarge { what: &'static str, most: u64 },
    /// The server wants the password itself where others could read it.
    #[error("the server asks for the password in the clear, over a connection that is not encrypted")]
    WantsPassword,
    /// A log-in method that would reveal the password, or that is unknown.
    #[error("the server asks to log in by {0:?}, which gives away the password or is unknown")]
    Method(String),
    #[error("the server asks for a file of this machine")]
    WantsFile,
    /// TLS is required and the server has none.
    #[error("the server offers no TLS")]
    NoTls,
    /// The encrypted connection cannot be set up, mostly because of the certificate.
    #[error("the connection cannot be encrypted: {0}")]
    Tls(#[source] Arc<io::Error>),
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl ClientError {
    /// Whether the connection broke, so that a new one may work.
    pub fn is_broken_connection(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Closed | Self::Protocol(_))
    }

    /// The error of [`super::packets`]. `most` is the largest packet allowed.
    pub fn of_packet(error: PacketCodecError, most: usize) -> Self {
        match error {
            PacketCodecError::Io(error) => error.into(),
            PacketCodecError::PacketTooLarge => Self::TooLarge { what: "a packet", most: most as u64 },
            PacketCodecError::PacketsOutOfSync => Self::Protocol("a packet out of order"),
            PacketCodecError::BadCompressedPacketHeader => Self::Protocol("a packet that is compressed"),
        }
    }
}

/// A text of the server, shortened for messages.
pub fn short_text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_TEXT)]).into_owned();
    if bytes.len() > LONGEST_TEXT { text + "…" } else { text }
}
