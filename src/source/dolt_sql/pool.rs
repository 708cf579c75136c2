//! A gentle client: few connections, kept for a short time, never more than one query each, and no query left
//! running on the server once nobody waits for it.
//!
//! The client library's own pool is not used: it reads an abandoned result to its end before it lets go of the
//! connection, which for a table of a million rows is what must not happen.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, OptsBuilder, QueryResult, Row, TextProtocol};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::fault::{Fault, QueryError};
use super::sql::ident;
use super::url::DoltUrl;

/// Most connections at once. Outages of real servers came from connection storms.
const MOST: usize = 4;
/// Most connections that read rows at once: one stays free to see new commits meanwhile.
const MOST_READERS: usize = 3;
/// How long an unused connection is kept. Servers drop them after 30 s (Gas Town's `wait_timeout`).
const IDLE: Duration = Duration::from_secs(10);
/// How long a connection is used at all: the server keeps state for every `db/<hash>` that a session names.
const LIFE: Duration = Duration::from_secs(60);
/// A connection unused for longer is asked whether it still stands before it is given a query.
const TRUSTED: Duration = Duration::from_millis(1500);
/// Largest packet, hence row, in bytes: the protocol's own limit.
const LARGEST_PACKET: usize = 1 << 30;

/// What every session starts with, so that results depend neither on the server's settings nor on its zone:
/// TIMESTAMP in UTC, Dolt's own default SQL mode and collation (views compare strings by it), and every query
/// sees the newest commit.
const SESSION: &str = "SET time_zone = '+00:00', collation_connection = 'utf8mb4_0900_bin', autocommit = 1, \
     sql_mode = 'NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES'";

/// How long to wait for a server.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For a connection to stand, log-in included.
    pub connect: Duration,
    /// For the next row, or the first answer, of a query.
    pub query: Duration,
}

/// The connections to one server.
pub struct Pool {
    opts: Opts,
    timeouts: Timeouts,
    idle: Mutex<Vec<Idle>>,
    connections: Arc<Semaphore>,
    readers: Arc<Semaphore>,
    /// Set once the server was seen to be Dolt.
    is_dolt: OnceCell<()>,
}

struct Idle {
    session: Session,
    since: Instant,
}

struct Session {
    conn: Conn,
    born: Instant,
    /// The database of the last `USE`.
    database: Option<String>,
}

/// A connection while it is used. Dropping it closes the connection, whatever it is doing;
/// [`Lease::give_back`] keeps it.
pub struct Lease {
    /// Taken only when the lease ends.
    session: Option<Session>,
    pool: Arc<Pool>,
    /// Whether it was used before, so that it may have died meanwhile.
    reused: bool,
    _places: Vec<OwnedSemaphorePermit>,
}

impl Pool {
    /// A pool without a connection yet.
    pub fn new(url: &DoltUrl, password: Option<&str>, timeouts: Timeouts) -> Arc<Self> {
        let opts = OptsBuilder::default()
            .ip_or_hostname(url.host.clone())
            .tcp_port(url.port)
            .user(Some(url.user.clone()))
            .pass(password)
            .prefer_socket(false)
            .stmt_cache_size(0)
            .tcp_keepalive(Some(Duration::from_secs(30)))
            .max_allowed_packet(Some(LARGEST_PACKET))
            // Stated so that the client does not ask: how long to keep a connection is decided here.
            .wait_timeout(Some(LIFE.as_secs() as usize))
            .setup(vec![SESSION]);
        Arc::new(Self {
            opts: opts.into(),
            timeouts,
            idle: Mutex::default(),
            connections: Arc::new(Semaphore::new(MOST)),
            readers: Arc::new(Semaphore::new(MOST_READERS)),
            is_dolt: OnceCell::new(),
        })
    }

    /// A connection that uses `database`.
    ///
    /// # Errors
    /// Where there is none, within the time-outs.
    pub async fn lease(self: &Arc<Self>, database: Option<&str>) -> Result<Lease, QueryError> {
        self.lease_with(database, Vec::new()).await
    }

    /// The same for reading rows, which may take long.
    ///
    /// # Errors
    /// As [`Self::lease`].
    pub async fn reader_lease(self: &Arc<Self>, database: Option<&str>) -> Result<Lease, QueryError> {
        let place = self.place(&self.readers).await?;
        self.lease_with(database, vec![place]).await
    }

    /// One query on any connection; tried once more on a fresh one where a used one turns out dead.
    ///
    /// # Errors
    /// What the server or the connection said, with the query.
    pub async fn rows(self: &Arc<Self>, database: Option<&str>, query: &str) -> Result<Vec<Row>, QueryError> {
        let mut lease = self.lease(database).await?;
        let mut result = lease.rows(query).await;
        if lease.reused && result.as_ref().is_err_and(QueryError::is_broken_connection) {
            drop(lease);
            self.idle().clear();
            lease = self.lease(database).await?;
            result = lease.rows(query).await;
        }
        if result.as_ref().map_or_else(QueryError::is_answer, |_| true) {
            lease.give_back();
        }
        result
    }

    /// Closes connections that nobody used for a while. Called with every poll, so no timer is needed.
    pub fn close_idle(&self) {
        self.idle().retain(|idle| idle.since.elapsed() < IDLE && idle.session.born.elapsed() < LIFE);
    }

    async fn lease_with(
        self: &Arc<Self>,
        database: Option<&str>,
        mut places: Vec<OwnedSemaphorePermit>,
    ) -> Result<Lease, QueryError> {
        places.push(self.place(&self.connections).await?);
        let kept = self.take_idle().await;
        let reused = kept.is_some();
        let session = match kept {
            Some(session) => session,
            None => self.connect().await?,
        };
        let mut lease = Lease { session: Some(session), pool: Arc::clone(self), reused, _places: places };
        if let Some(database) = database
            && let Err(error) = lease.use_database(database).await
        {
            if error.is_answer() {
                lease.give_back();
            }
            return Err(error);
        }
        Ok(lease)
    }

    async fn place(&self, places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, QueryError> {
        match timeout(self.timeouts.query, Arc::clone(places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            // The semaphores are never closed; were they, nothing could be had of the pool either.
            Ok(Err(_)) | Err(_) => Err(Fault::Busy(self.timeouts.query).into()),
        }
    }

    /// The kept connection used last, if it still stands. One that died takes the others with it: the server
    /// was restarted.
    async fn take_idle(&self) -> Option<Session> {
        self.close_idle();
        let mut idle = self.idle().pop()?;
        if idle.since.elapsed() < TRUSTED {
            return Some(idle.session);
        }
        match timeout(self.timeouts.connect, idle.session.conn.ping()).await {
            Ok(Ok(())) => Some(idle.session),
            Ok(Err(_)) | Err(_) => {
                close_now(idle.session.conn);
                self.idle().clear();
                None
            }
        }
    }

    async fn connect(&self) -> Result<Session, QueryError> {
        let limit = self.timeouts.connect;
        let connected = timeout(limit, async {
            let mut conn = match Conn::new(self.opts.clone()).await {
                Ok(conn) => conn,
                Err(error) => return Err(self.explain_refusal(error).await),
            };
            self.is_dolt.get_or_try_init(|| check_dolt(&mut conn)).await?;
            Ok(conn)
        });
        let conn = connected.await.map_err(|_| Fault::ConnectTimeout(limit))??;
        Ok(Session { conn, born: Instant::now(), database: None })
    }

    /// A server that does not know Dolt's session settings is another one; say that rather than which.
    async fn explain_refusal(&self, error: Error) -> QueryError {
        let is_setting = matches!(&error, Error::Server(error) if matches!(error.code, 1193 | 1231 | 1273));
        if is_setting && self.is_dolt.get().is_none() {
            let plain = OptsBuilder::from_opts(self.opts.clone()).setup(Vec::<String>::new());
            if let Ok(mut conn) = Conn::new(plain).await
                && let Err(not_dolt) = check_dolt(&mut conn).await
            {
                return not_dolt;
            }
        }
        QueryError::from(error)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        // A list of connections is whole at every instant, so a panic elsewhere does not spoil it.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn check_dolt(conn: &mut Conn) -> Result<(), QueryError> {
    match conn.query_first::<String, _>("SELECT dolt_version()").await {
        Ok(_) => Ok(()),
        Err(Error::Server(_)) => {
            let version = conn.query_first::<String, _>("SELECT version()").await?;
            Err(Fault::NotDolt(version.unwrap_or_default()).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Closes the socket without reading what is still to come. The first poll marks the connection as closed and
/// tries to say good-bye; dropping the future closes the socket, and the server then ends the query.
fn close_now(conn: Conn) {
    let _ = conn.disconnect().now_or_never();
}

impl Lease {
    /// Makes `database` the current one (`db`, or `db/<hash>` for a commit).
    ///
    /// # Errors
    /// Where the server does not have it.
    pub async fn use_database(&mut self, database: &str) -> Result<(), QueryError> {
        if self.session()?.database.as_deref() == Some(database) {
            return Ok(());
        }
        self.session()?.database = None;
        self.execute(&format!("USE {}", ident(database))).await?;
        self.session()?.database = Some(database.to_owned());
        Ok(())
    }

    /// A query whose rows do not matter.
    ///
    /// # Errors
    /// What the server or the connection said, with the query.
    pub async fn execute(&mut self, query: &str) -> Result<(), QueryError> {
        self.for_each(query, |_| Ok(())).await
    }

    /// All rows of a query with a small result.
    ///
    /// # Errors
    /// What the server or the connection said, with the query.
    pub async fn rows(&mut self, query: &str) -> Result<Vec<Row>, QueryError> {
        let mut rows = Vec::new();
        self.for_each(query, |row| {
            rows.push(row);
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    /// Hands each row to `take` as it comes, without holding the result.
    ///
    /// # Errors
    /// What the server, the connection or `take` said, with the query.
    pub async fn for_each(
        &mut self,
        query: &str,
        mut take: impl FnMut(Row) -> Result<(), QueryError> + Send,
    ) -> Result<(), QueryError> {
        let mut result = self.start(query).await?;
        while let Some(row) = result.next().await? {
            take(row).map_err(|error| error.in_query(query))?;
        }
        Ok(())
    }

    /// Starts a query; its rows are read from the answer.
    ///
    /// # Errors
    /// What the server or the connection said, with the query.
    pub async fn start<'l>(&'l mut self, query: &'l str) -> Result<Answer<'l>, QueryError> {
        let limit = self.pool.timeouts.query;
        let id = self.session()?.conn.id();
        let pool = Arc::clone(&self.pool);
        let started = timeout(limit, self.session()?.conn.query_iter(query)).await;
        match started {
            Ok(Ok(result)) => Ok(Answer { result, query, limit, id, pool }),
            Ok(Err(error)) => Err(QueryError::from(error).in_query(query)),
            Err(_) => {
                kill(&pool, id);
                Err(QueryError::from(Fault::Stalled(limit)).in_query(query))
            }
        }
    }

    /// Whether the connection was used before, so that it may have died meanwhile.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Keeps the connection for the next user. Only for one whose last answer was read to its end.
    pub fn give_back(mut self) {
        if let Some(session) = self.session.take() {
            self.pool.idle().push(Idle { session, since: Instant::now() });
        }
    }

    fn session(&mut self) -> Result<&mut Session, QueryError> {
        self.session.as_mut().ok_or_else(|| Fault::Mysql(mysql_async::DriverError::ConnectionClosed.into()).into())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            close_now(session.conn);
        }
    }
}

/// The rows of a query as they come.
pub struct Answer<'l> {
    result: QueryResult<'l, 'static, TextProtocol>,
    query: &'l str,
    limit: Duration,
    id: u32,
    pool: Arc<Pool>,
}

impl Answer<'_> {
    /// The columns of the result.
    pub fn columns(&self) -> &[mysql_async::Column] {
        self.result.columns_ref()
    }

    /// The next row. A server that sends none for too long has the query ended.
    ///
    /// # Errors
    /// What the server or the connection said, with the query.
    pub async fn next(&mut self) -> Result<Option<Row>, QueryError> {
        match timeout(self.limit, self.result.next()).await {
            Ok(Ok(row)) => Ok(row),
            Ok(Err(error)) => Err(QueryError::from(error).in_query(self.query)),
            Err(_) => {
                kill(&self.pool, self.id);
                Err(QueryError::from(Fault::Stalled(self.limit)).in_query(self.query))
            }
        }
    }
}

/// Ends the query of connection `id` on the server, from a connection of its own and without waiting: closing the
/// socket is noticed by a server only when it next writes.
fn kill(pool: &Arc<Pool>, id: u32) {
    let pool = Arc::clone(pool);
    tokio::spawn(async move {
        let killed = timeout(pool.timeouts.connect, async {
            let mut conn = Conn::new(pool.opts.clone()).await?;
            conn.query_drop(format!("KILL QUERY {id}")).await?;
            conn.disconnect().await
        });
        match killed.await {
            Ok(Ok(())) => tracing::info!(connection = id, "ended a query that did not answer"),
            Ok(Err(error)) => tracing::warn!(connection = id, %error, "cannot end a query that did not answer"),
            Err(_) => tracing::warn!(connection = id, "cannot end a query that did not answer: no connection"),
        }
    });
}

/// Reads a column of a row as text; NULL is `None`.
///
/// # Errors
/// [`Fault::Answer`] where the row has no such column or it is not UTF-8.
pub fn text(row: &Row, column: usize) -> Result<Option<String>, QueryError> {
    match row.as_ref(column) {
        Some(mysql_async::Value::NULL) => Ok(None),
        Some(mysql_async::Value::Bytes(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(error) => Err(Fault::Answer(format!("column {column}: {error}")).into()),
        },
        _ => Err(Fault::Answer(format!("no text in column {column}")).into()),
    }
}

/// [`text`] where NULL has no meaning.
///
/// # Errors
/// As [`text`], and for NULL.
pub fn needed_text(row: &Row, column: usize) -> Result<String, QueryError> {
    text(row, column)?.ok_or_else(|| Fault::Answer(format!("column {column} is NULL")).into())
}
