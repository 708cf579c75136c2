//! A client of MySQL's protocol that does not trust the server: every length and count is bounded, no input panics, and the
//! password is never revealed (ADR 12).
//!
//! | file | concern |
//! | --- | --- |
//! | `packets` | packets over a stream |
//! | `greeting`, `log_in` | the server's first packet; the log-in |
//! | `tls` | encrypted connections, and the proof of who the server is |
//! | `answer` | columns, rows and their end |
//! | `error` | errors |

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use mysql_common::constants::CapabilityFlags;
use mysql_common::packets::{Column, SslRequest};
use mysql_common::proto::MySerialize;
use mysql_common::row::Row;
use mysql_common::value::Value;
use rustix::net::sockopt;
use tokio::net::TcpStream;

mod answer;
pub mod error;
mod greeting;
mod log_in;
mod packets;
mod tls;

pub use answer::LARGEST_PACKET;
pub use error::{ClientError, short_text};
pub use tls::{Pin, PinError, Tls, TlsOptions, hint as tls_hint};

use super::password::CurrentPassword;
use greeting::Greeting;
use packets::{Packets, Stream};

/// Idle time after which the kernel probes the other end.
const KEEP_ALIVE: std::time::Duration = std::time::Duration::from_secs(30);

/// Collation of what is sent: `utf8mb4_general_ci`.
const COLLATION: u8 = 45;

const QUIT: u8 = 0x01;
const QUERY: u8 = 0x03;
const PING: u8 = 0x0e;

/// The parts of the protocol that are used: no files of this machine, and one answer per query.
const USED: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_LONG_PASSWORD)
    .union(CapabilityFlags::CLIENT_TRANSACTIONS)
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH)
    .union(CapabilityFlags::CLIENT_DEPRECATE_EOF);

/// What a server must be able to do.
const NEEDED: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH)
    .union(CapabilityFlags::CLIENT_DEPRECATE_EOF);

/// Where to connect, and as whom.
pub struct ServerEndpoint {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: CurrentPassword,
    /// How to encrypt; `None` for no encryption.
    pub tls: Option<Tls>,
    /// Called before a log-in with a password over a network without encryption.
    pub warn: Box<dyn Fn(Exposed) + Send + Sync>,
    /// How many queries were sent so far, over all connections.
    pub asked: Arc<AtomicU64>,
}

/// A log-in that others can read.
#[derive(Debug, Clone, Copy)]
pub struct Exposed {
    /// Where it goes.
    pub to: IpAddr,
    pub offers_tls: bool,
}

pub struct Conn {
    packets: Packets<Box<dyn Stream>>,
    id: u32,
    /// Whether part of an answer is outstanding.
    is_pending: bool,
    asked: Arc<AtomicU64>,
}

impl Conn {
    pub async fn open(target: &ServerEndpoint) -> Result<Self, ClientError> {
        let stream = TcpStream::connect((target.host.as_str(), target.port)).await?;
        stream.set_nodelay(true)?;
        sockopt::set_socket_keepalive(&stream, true).map_err(std::io::Error::from)?;
        sockopt::set_tcp_keepidle(&stream, KEEP_ALIVE).map_err(std::io::Error::from)?;
        let peer = stream.peer_addr()?.ip().to_canonical();
        let password = target.password.get();
        let mut packets = Packets::new(stream);
        let greeting = Greeting::parse(packets.read(log_in::LARGEST).await?)?;
        if !greeting.capabilities.contains(NEEDED) {
            return Err(ClientError::Protocol("its version of the protocol is too old"));
        }
        let offers_tls = greeting.capabilities.contains(CapabilityFlags::CLIENT_SSL);
        let mut capabilities = USED & greeting.capabilities;
        let mut packets = match &target.tls {
            Some(_) if !offers_tls => return Err(ClientError::NoTls),
            Some(tls) => {
                capabilities |= CapabilityFlags::CLIENT_SSL;
                let mut request = Vec::new();
                SslRequest::new(capabilities, LARGEST_PACKET, COLLATION).serialize(&mut request);
                packets.write(&request).await?;
                packets
                    .over(async |stream| {
                        tls.encrypt(stream).await.map(|stream| Box::new(stream) as Box<dyn Stream>)
                    })
                    .await?
            }
            None => {
                if password.as_ref().is_some_and(|p| !p.is_empty()) && !peer.is_loopback() {
                    (target.warn)(Exposed { to: peer, offers_tls });
                }
                packets.over(async |stream| Ok(Box::new(stream) as Box<dyn Stream>)).await?
            }
        };
        let is_verified = target.tls.is_some();
        log_in::log_in(&mut packets, &greeting, capabilities, &target.user, password.as_ref(), is_verified)
            .await?;
        Ok(Self { packets, id: greeting.id, is_pending: false, asked: Arc::clone(&target.asked) })
    }

    /// The server's number for the connection.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether part of an answer is outstanding, so that no other query can be sent.
    pub fn is_pending(&self) -> bool {
        self.is_pending
    }

    pub async fn ping(&mut self) -> Result<(), ClientError> {
        self.begin(PING, &[]).await?;
        match answer::columns(&mut self.packets).await? {
            None => {
                self.is_pending = false;
                Ok(())
            }
            Some(_) => Err(ClientError::Protocol("rows where none were asked for")),
        }
    }

    /// Starts a query and returns its rows.
    pub async fn query(&mut self, query: &str) -> Result<ResultRows<'_>, ClientError> {
        self.begin(QUERY, query.as_bytes()).await?;
        self.asked.fetch_add(1, Ordering::Relaxed);
        let columns = match answer::columns(&mut self.packets).await {
            Ok(columns) => columns,
            Err(error) => {
                self.is_pending = !matches!(error, ClientError::Server(_));
                return Err(error);
            }
        };
        self.is_pending = columns.is_some();
        Ok(ResultRows { conn: self, columns: columns.unwrap_or_default(), received: 0 })
    }

    /// Runs a query and returns the first value of the first row as text.
    pub async fn first_text(&mut self, query: &str) -> Result<Option<String>, ClientError> {
        let mut rows = self.query(query).await?;
        let mut first = None;
        while let Some(row) = rows.next().await? {
            if rows.received > u64::from(LARGEST_PACKET) {
                return Err(ClientError::TooLarge { what: "an answer", most: u64::from(LARGEST_PACKET) });
            }
            let text = match row.as_ref(0) {
                Some(Value::Bytes(bytes)) => Some(short_text(bytes)),
                _ => None,
            };
            first = first.or(text);
        }
        Ok(first)
    }

    /// Closes the connection without reading the rest of an answer; the server then ends the query.
    pub fn close(mut self) {
        // Sends COM_QUIT if that is possible at once.
        let _ = self.packets.command(QUIT, &[]).now_or_never();
    }

    async fn begin(&mut self, code: u8, operand: &[u8]) -> Result<(), ClientError> {
        if std::mem::replace(&mut self.is_pending, true) {
            return Err(ClientError::Protocol("a question before the last answer was read"));
        }
        self.packets.command(code, operand).await
    }
}

/// The rows of an answer as they arrive.
pub struct ResultRows<'c> {
    conn: &'c mut Conn,
    columns: Arc<[Column]>,
    received: u64,
}

impl ResultRows<'_> {
    /// The columns; none where there are no rows.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Bytes of rows that came so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    pub async fn next(&mut self) -> Result<Option<Row>, ClientError> {
        if !self.conn.is_pending {
            return Ok(None);
        }
        match answer::row(&mut self.conn.packets, &self.columns).await {
            Ok((row, size)) => {
                self.received += size as u64;
                self.conn.is_pending = row.is_some();
                Ok(row)
            }
            Err(error) => {
                // An error of the server ends the answer. After any other error the connection is unusable.
                self.conn.is_pending = !matches!(error, ClientError::Server(_));
                Err(error)
            }
        }
    }
}
