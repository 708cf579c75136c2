//! One connection while it is used: runs its queries and ends them.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use mysql_common::packets::Column;
use mysql_common::row::Row;
use tokio::time::timeout;

use super::client::{ClientError, Conn, ResultRows};
use super::connection_permits::ConnectionPermit;
use super::fault::{Fault, QueryError};
use super::pool::{Pool, Session};
use crate::source::LEAST_RATE;
use crate::source::dolt::common::ident;

/// A connection while it is used. Dropping it closes the connection and ends its query on the server;
/// [`Lease::give_back`] keeps the connection for the next user.
pub struct Lease {
    /// `None` only while the lease ends.
    session: Option<Session>,
    pool: Arc<Pool>,
    /// Whether the connection was used before, so that it may have died since.
    reused: bool,
    answer: AnswerState,
    patience: Patience,
    permits: Vec<ConnectionPermit>,
}

/// How long the user of a connection has waited and how much came: a server that sends a row now and then must not keep it
/// waiting for ever.
struct Patience {
    /// The limit for one row, and for the whole wait beyond the time for the bytes that came.
    limit: Duration,
    waited: Duration,
    received: u64,
}

impl Patience {
    /// Waits for `answer`, unless that takes too long.
    async fn wait<T>(&mut self, answer: impl Future<Output = Result<T, ClientError>>) -> Result<T, Fault> {
        let mut answer = pin!(answer);
        // Most rows are there already.
        if let Poll::Ready(ready) = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await {
            return Ok(ready?);
        }
        let begun = Instant::now();
        let most = self.limit + Duration::from_secs(self.received / LEAST_RATE);
        let left = most.saturating_sub(self.waited).min(self.limit);
        let answered = timeout(left, answer).await;
        self.waited += begun.elapsed();
        match answered {
            Ok(answer) => Ok(answer?),
            Err(_) if left == self.limit => Err(Fault::Stalled(left)),
            Err(_) => Err(Fault::Slow { waited: self.waited, received: self.received }),
        }
    }
}

/// The state of a connection's last query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AnswerState {
    /// The answer was read to the end.
    Read,
    /// The server works and sends nothing: it would not notice a closed connection.
    Awaited,
    /// Rows come: the server notices a closed connection when it writes the next one.
    Coming,
}

impl Lease {
    /// A lease of a session, which holds `permits` as long as it lasts.
    pub fn new(session: Session, pool: &Arc<Pool>, reused: bool, permits: Vec<ConnectionPermit>) -> Self {
        let patience = Patience { limit: pool.timeouts.query, waited: Duration::ZERO, received: 0 };
        let (session, pool, answer) = (Some(session), Arc::clone(pool), AnswerState::Read);
        Self { session, pool, reused, answer, patience, permits }
    }

    /// Continues with a new session instead of one that died.
    pub fn replace(&mut self, session: Session) {
        self.session = Some(session);
        self.reused = false;
        self.answer = AnswerState::Read;
    }

    /// Makes `database` (`db`, or `db/<hash>` for a commit) the current one.
    pub async fn use_database(&mut self, database: &str) -> Result<(), QueryError> {
        if self.session()?.database.as_deref() == Some(database) {
            return Ok(());
        }
        self.session()?.database = None;
        self.execute(&format!("USE {}", ident(database))).await?;
        self.session()?.database = Some(database.to_owned());
        Ok(())
    }

    /// Lets all queries from now on see one state, as of now.
    ///
    /// # Errors
    /// Errors of the server or the connection.
    pub async fn refresh(&mut self) -> Result<(), QueryError> {
        self.execute("ROLLBACK").await?;
        self.session()?.transaction = None;
        Ok(())
    }

    /// Runs a query and ignores its rows.
    pub async fn execute(&mut self, query: &str) -> Result<(), QueryError> {
        self.for_each(query, |_| Ok(())).await
    }

    /// Returns all rows of a query with a small result.
    pub async fn rows(&mut self, query: &str) -> Result<Vec<Row>, QueryError> {
        let mut rows = Vec::new();
        self.for_each(query, |row| {
            rows.push(row);
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    /// Calls `take` for each row, which may keep it. Limited to [`Pool::largest_list`] bytes.
    pub async fn for_each(
        &mut self,
        query: &str,
        mut take: impl FnMut(Row) -> Result<(), QueryError> + Send,
    ) -> Result<(), QueryError> {
        let most = self.pool.largest_list;
        let mut result = self.start(query).await?;
        while let Some(row) = result.next().await? {
            if result.result.received() > most {
                return Err(QueryError::from(ClientError::TooLarge { what: "a list", most }).in_query(query));
            }
            take(row).map_err(|error| error.in_query(query))?;
        }
        Ok(())
    }

    /// Starts a query, whose rows are read from the answer.
    pub async fn start<'l>(&'l mut self, query: &'l str) -> Result<Answer<'l>, QueryError> {
        let session = self.session.as_mut().ok_or_else(closed)?;
        self.answer = AnswerState::Awaited;
        session.transaction.get_or_insert_with(Instant::now);
        match self.patience.wait(session.conn.query(query)).await {
            Ok(result) => Ok(Answer {
                result,
                query,
                received: 0,
                patience: &mut self.patience,
                permits: &self.permits,
                pool: &self.pool,
                reused: self.reused,
                state: &mut self.answer,
            }),
            Err(fault) => Err(failed(fault, query, &mut self.answer, &self.pool, self.reused)),
        }
    }

    /// Whether a plain query sends all values: see [`super::sql::ALL_ROWS`].
    pub fn sends_all(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.sends_all)
    }

    /// Whether the connection was used before, so that it may have died since.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Keeps the connection for the next user, if its last answer was read to the end.
    pub fn give_back(mut self) {
        if self.session.as_ref().is_some_and(|session| !session.conn.is_pending())
            && let Some(session) = self.session.take()
        {
            self.pool.attempts.succeeded();
            self.pool.keep(session);
        }
    }

    fn session(&mut self) -> Result<&mut Session, QueryError> {
        self.session.as_mut().ok_or_else(closed)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        if self.answer == AnswerState::Awaited {
            kill(&self.pool, session.conn.id());
        }
        session.conn.close();
    }
}

fn closed() -> QueryError {
    ClientError::Closed.into()
}

/// The rows of a query as they arrive.
pub struct Answer<'l> {
    result: ResultRows<'l>,
    query: &'l str,
    /// Bytes that were counted.
    received: u64,
    patience: &'l mut Patience,
    permits: &'l [ConnectionPermit],
    pool: &'l Pool,
    reused: bool,
    state: &'l mut AnswerState,
}

impl Answer<'_> {
    pub fn columns(&self) -> &[Column] {
        self.result.columns()
    }

    /// The next row. Fails where the server sends none for too long.
    pub async fn next(&mut self) -> Result<Option<Row>, QueryError> {
        match self.patience.wait(self.result.next()).await {
            Ok(row) => {
                let came = self.result.received() - self.received;
                self.received += came;
                self.patience.received += came;
                self.pool.count_received(came);
                self.permits.iter().for_each(ConnectionPermit::note_progress);
                *self.state = if row.is_some() { AnswerState::Coming } else { AnswerState::Read };
                Ok(row)
            }
            Err(fault) => Err(failed(fault, self.query, self.state, self.pool, self.reused)),
        }
    }
}

/// Notes that a query failed, and returns its error.
fn failed(fault: Fault, query: &str, state: &mut AnswerState, pool: &Pool, reused: bool) -> QueryError {
    // Otherwise the server answered or is gone.
    let is_at_work = matches!(fault, Fault::Stalled(_) | Fault::Slow { .. });
    *state = if is_at_work { AnswerState::Awaited } else { AnswerState::Read };
    let error = QueryError::from(fault).in_query(query);
    // One that was used before may have been closed meanwhile.
    if error.is_broken_connection() && !reused {
        pool.attempts.broke(&error);
    }
    error
}

/// Ends the query of connection `id` over another connection, without waiting.
fn kill(pool: &Arc<Pool>, id: u32) {
    let now = Instant::now();
    if pool.attempts.failure(now, now).is_some() {
        // It is left alone.
        return;
    }
    // Without a runtime the program is ending, and its sockets with it.
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    let (target, limit) = (Arc::clone(&pool.target), pool.timeouts.connect);
    runtime.spawn(async move {
        let killed = timeout(limit, async {
            let mut conn = Conn::open(&target).await?;
            conn.first_text(&format!("KILL QUERY {id}")).await?;
            conn.close();
            Ok::<_, ClientError>(())
        });
        match killed.await {
            Ok(Ok(())) => tracing::debug!(connection = id, "ended a query that nobody waits for any more"),
            Ok(Err(error)) => {
                tracing::warn!(connection = id, %error, "cannot end a query that nobody waits for")
            }
            Err(_) => {
                tracing::warn!(connection = id, "cannot end a query that nobody waits for: no connection")
            }
        }
    });
}
