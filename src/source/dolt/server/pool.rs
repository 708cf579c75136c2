//! The connections to one server: few, kept for a short time, one query each. No query is left running on the server when
//! nobody waits for it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use mysql_common::row::Row;
use tokio::time::timeout;

use super::attempts::Attempts;
use super::client::{ClientError, Conn, ServerEndpoint};
use super::connection_permits::{ConnectionPermit, ConnectionPermits};
use super::fault::{Fault, QueryError};
use super::lease::Lease;
use crate::util::locks::lock;

/// Most connections at once. Connection storms have brought real servers down.
const MOST: usize = 4;
/// Most connections that read rows at once: one stays free to poll.
const MOST_READERS: usize = 3;
/// How long an unused connection is kept. Servers drop them after 30 s (Gas Town's `wait_timeout`).
const IDLE: Duration = Duration::from_secs(10);
/// How long a connection is used: the server keeps state for every `db/<hash>` that a session names.
const LIFE: Duration = Duration::from_secs(60);
/// A connection that was unused for longer is tried before it is leased, because the user cannot start again on another
/// one.
const TRUSTED: Duration = Duration::from_millis(200);
/// How long a transaction serves one lease after the other.
const TRANSACTION: Duration = Duration::from_secs(1);

/// What every session starts with, so that results do not depend on the server's settings or zone: TIMESTAMP in UTC,
/// Dolt's default SQL mode and collation (by which views compare strings). Where each query is a transaction of its own,
/// it costs the server 35 us per database that it has: so one transaction serves many queries.
const SESSION: &str = "SET time_zone = '+00:00', collation_connection = 'utf8mb4_0900_bin', autocommit = 0, \
     sql_mode = 'NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES'";

/// How long to wait for a server.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For a connection, log-in included.
    pub connect: Duration,
    /// For the first answer and for each row of a query.
    pub query: Duration,
}

pub struct Pool {
    /// Where to connect, and as whom.
    pub target: Arc<ServerEndpoint>,
    pub timeouts: Timeouts,
    /// Largest answer that is held in memory, in bytes.
    pub largest_list: u64,
    idle: Mutex<Vec<IdleSession>>,
    connections: Arc<ConnectionPermits>,
    readers: Arc<ConnectionPermits>,
    pub attempts: Attempts,
    /// Bytes of rows that came.
    received: AtomicU64,
    /// When the last news came: an older transaction may not know them.
    news: Mutex<Instant>,
}

struct IdleSession {
    session: Session,
    since: Instant,
}

/// A connection with its state.
pub struct Session {
    pub conn: Conn,
    born: Instant,
    /// The database of the last `USE`.
    pub database: Option<String>,
    /// Whether a plain query sends all values: see [`super::sql::ALL_ROWS`]. A server that is replaced breaks the connection.
    pub sends_all: bool,
    /// When its transaction began, if it has one.
    pub transaction: Option<Instant>,
}

/// What the transaction of a lease has to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sees {
    /// The server itself, no database.
    Server,
    /// The commits of the last poll.
    Commits,
    /// All that is there now.
    Now,
}

/// Whether a host name or address means this machine.
fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Pool {
    pub fn new(target: ServerEndpoint, timeouts: Timeouts, largest_list: u64) -> Arc<Self> {
        Arc::new(Self {
            target: Arc::new(target),
            timeouts,
            largest_list,
            idle: Mutex::default(),
            connections: ConnectionPermits::new(MOST),
            readers: ConnectionPermits::new(MOST_READERS),
            attempts: Attempts::default(),
            received: AtomicU64::new(0),
            news: Mutex::new(Instant::now()),
        })
    }

    /// Whether nobody can forge what the server says: its certificate is checked, or it is on this machine.
    pub fn is_believed(&self) -> bool {
        self.target.tls.is_some() || is_this_machine(&self.target.host)
    }

    /// Leases a connection that uses `database`, for queries on commits.
    pub async fn lease(self: &Arc<Self>, database: Option<&str>) -> Result<Lease, QueryError> {
        self.lease_with(database, Instant::now(), Vec::new(), Sees::Commits).await
    }

    /// The same for what may have changed: all queries see one state, as of now.
    pub async fn fresh_lease(self: &Arc<Self>, database: Option<&str>) -> Result<Lease, QueryError> {
        self.lease_with(database, Instant::now(), Vec::new(), Sees::Now).await
    }

    /// The same for queries on the server itself, which need no new transaction.
    pub async fn server_lease(self: &Arc<Self>) -> Result<Lease, QueryError> {
        self.lease_with(None, Instant::now(), Vec::new(), Sees::Server).await
    }

    /// Leases a connection for reading rows of commits, which may take long.
    pub async fn reader_lease(self: &Arc<Self>, database: Option<&str>) -> Result<Lease, QueryError> {
        let begun = Instant::now();
        let permit = self.readers.take(self.timeouts.query).await?;
        self.lease_with(database, begun, vec![permit], Sees::Commits).await
    }

    /// Runs one query, which sees what is there now.
    pub async fn rows(self: &Arc<Self>, database: Option<&str>, query: &str) -> Result<Vec<Row>, QueryError> {
        let mut lease = self.fresh_lease(database).await?;
        let result = lease.rows(query).await;
        if result.as_ref().map_or_else(QueryError::is_answer, |_| true) {
            lease.give_back();
        }
        result
    }

    pub fn keep(&self, session: Session) {
        self.idle().push(IdleSession { session, since: Instant::now() });
    }

    /// Bytes of rows that came so far.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Queries that were sent so far.
    pub fn asked(&self) -> u64 {
        self.target.asked.load(Ordering::Relaxed)
    }

    /// Lets leases from now on see what is there now.
    pub fn note_news(&self) {
        *lock(&self.news) = Instant::now();
    }

    pub fn count_received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Closes connections that were unused for a while. Every poll calls it, so that no timer is needed.
    pub fn close_idle(&self) {
        self.idle().retain(|idle| idle.since.elapsed() < IDLE && idle.session.born.elapsed() < LIFE);
    }

    /// Leases a connection to a caller that waits since `begun`.
    async fn lease_with(
        self: &Arc<Self>,
        database: Option<&str>,
        begun: Instant,
        mut permits: Vec<ConnectionPermit>,
        sees: Sees,
    ) -> Result<Lease, QueryError> {
        permits.push(self.connections.take(self.timeouts.query).await?);
        let kept = self.take_idle(sees).await;
        let reused = kept.is_some();
        let session = match kept {
            Some(session) => session,
            None => self.connect(begun).await?,
        };
        let mut lease = Lease::new(session, self, reused, permits);
        let Some(database) = database else { return Ok(lease) };
        let mut used = lease.use_database(database).await;
        if lease.is_reused() && used.as_ref().is_err_and(QueryError::is_broken_connection) {
            self.idle().clear();
            lease.replace(self.connect(Instant::now()).await?);
            used = lease.use_database(database).await;
        }
        match used {
            Ok(()) => Ok(lease),
            Err(error) => {
                if error.is_answer() {
                    lease.give_back();
                }
                Err(error)
            }
        }
    }

    /// The kept connection that was used last, if it is alive. Where it died, all others are closed: the server was
    /// restarted.
    async fn take_idle(&self, sees: Sees) -> Option<Session> {
        self.close_idle();
        let IdleSession { mut session, since } = self.idle().pop()?;
        let is_trusted = since.elapsed() < TRUSTED;
        let serves = |begun: Instant| match sees {
            Sees::Server => true,
            Sees::Commits => is_trusted && begun.elapsed() < TRANSACTION && begun > *lock(&self.news),
            Sees::Now => false,
        };
        let is_old = session.transaction.is_some_and(|begun| !serves(begun));
        if !is_old && is_trusted {
            return Some(session);
        }
        let tried = async {
            match is_old {
                true => session.end_transaction().await,
                false => session.conn.ping().await,
            }
        };
        match timeout(self.timeouts.connect, tried).await {
            Ok(Ok(())) => Some(session),
            Ok(Err(_)) | Err(_) => {
                session.conn.close();
                self.idle().clear();
                None
            }
        }
    }

    /// Connects for a caller that waits since `begun`. A password that the server refuses may have been replaced: it is read
    /// again once.
    async fn connect(&self, begun: Instant) -> Result<Session, QueryError> {
        let connect = async {
            match self.try_connect().await {
                Err(error) if error.is_wrong_password() && self.has_new_password().await => {
                    tracing::info!(
                        "the server refuses the password: it was read again, and is another one now"
                    );
                    self.try_connect().await
                }
                outcome => outcome,
            }
        };
        self.attempts.make(begun, connect).await
    }

    async fn has_new_password(&self) -> bool {
        let target = Arc::clone(&self.target);
        tokio::task::spawn_blocking(move || target.password.renew()).await.unwrap_or(false)
    }

    async fn try_connect(&self) -> Result<Session, QueryError> {
        let (limit, born) = (self.timeouts.connect, Instant::now());
        let connected = timeout(limit, async {
            let mut conn = Conn::open(&self.target).await?;
            let version = set_up(&mut conn).await?;
            Ok::<_, QueryError>((conn, version))
        });
        let (conn, version) = connected.await.map_err(|_| Fault::ConnectTimeout(limit))??;
        let transaction = Some(born);
        Ok(Session { conn, born, database: None, sends_all: sends_all(&version), transaction })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<IdleSession>> {
        lock(&self.idle)
    }
}

impl Session {
    /// Ends its transaction, so that the next query sees what is there now.
    pub async fn end_transaction(&mut self) -> Result<(), ClientError> {
        self.conn.first_text("ROLLBACK").await?;
        self.transaction = None;
        Ok(())
    }
}

/// Sets what results depend on, and returns the server's version. A server that does not know Dolt's settings is not Dolt: the
/// error says that, not which setting it was.
async fn set_up(conn: &mut Conn) -> Result<String, QueryError> {
    let refused = match conn.first_text(SESSION).await {
        Ok(_) => None,
        Err(ClientError::Server(error)) if matches!(error.code, 1193 | 1231 | 1273) => Some(error),
        Err(error) => return Err(error.into()),
    };
    let version = dolt_version(conn).await?;
    refused.map_or(Ok(version), |error| Err(ClientError::from(error).into()))
}

async fn dolt_version(conn: &mut Conn) -> Result<String, QueryError> {
    match conn.first_text("SELECT dolt_version()").await {
        Ok(version) => Ok(version.unwrap_or_default()),
        Err(ClientError::Server(_)) => {
            let version = conn.first_text("SELECT version()").await?;
            Err(Fault::NotDolt(version.unwrap_or_default()).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether a server of this version is known to send all values of a plain query: up to 1.88, the last one of Dolt 1 that was
/// tried.
fn sends_all(version: &str) -> bool {
    let minor = version.strip_prefix("1.").and_then(|rest| rest.split('.').next());
    minor.and_then(|minor| minor.parse::<u32>().ok()).is_some_and(|minor| minor <= 88)
}

#[cfg(test)]
mod tests {
    use super::{is_this_machine, sends_all};

    #[test]
    fn only_versions_that_were_tried_are_believed_to_send_all() {
        for (version, expected) in [
            ("1.83.2", true),
            ("1.88.1", true),
            ("1.89.0", false),
            ("2.2.0", false),
            ("1.x", false),
            ("", false),
        ] {
            assert_eq!(sends_all(version), expected, "{version}");
        }
    }

    #[test]
    fn a_host_is_this_machine_by_its_name_or_address_alone() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["localhost.example.org", "10.0.0.1", "::2", "127.0.0.1.example.org", "db"] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
