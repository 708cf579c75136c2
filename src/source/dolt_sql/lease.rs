//! One connection while it is used: its queries, and their end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, QueryResult, Row, TextProtocol};
use tokio::time::timeout;

use super::fault::{Fault, QueryError};
use super::places::Place;
use super::pool::{Pool, Session};
use crate::source::dolt::identifier::ident;

/// A connection while it is used. Dropping it closes the connection, and ends the query that it may be waiting for;
/// [`Lease::give_back`] keeps it.
pub struct Lease {
    /// Taken only when the lease ends.
    session: Option<Session>,
    pool: Arc<Pool>,
    /// Whether it was used before, so that it may have died meanwhile.
    reused: bool,
    answer: AnswerState,
    _places: Vec<Place>,
}

/// How far the last query of a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AnswerState {
    /// Its answer was read to the end.
    Read,
    /// The server works, and nothing came yet or for too long: it would not notice that nobody listens.
    Awaited,
    /// Rows come: the server notices a closed connection with the next one that it writes.
    Coming,
}

impl Lease {
    /// A lease of a session; `places` are held as long as it lasts.
    pub fn new(session: Session, pool: &Arc<Pool>, reused: bool, places: Vec<Place>) -> Self {
        let pool = Arc::clone(pool);
        Self { session: Some(session), pool, reused, answer: AnswerState::Read, _places: places }
    }

    /// Goes on with a new session instead of one that died.
    pub fn replace(&mut self, session: Session) {
        self.session = Some(session);
        self.reused = false;
        self.answer = AnswerState::Read;
    }

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
        let limit = self.pool.timeouts().query;
        let session = self.session.as_mut().ok_or_else(closed)?;
        self.answer = AnswerState::Awaited;
        match timeout(limit, session.conn.query_iter(query)).await {
            Ok(Ok(result)) => Ok(Answer { result, query, limit, state: &mut self.answer }),
            Ok(Err(error)) => {
                // The server answered, or is gone.
                self.answer = AnswerState::Read;
                Err(QueryError::from(error).in_query(query))
            }
            Err(_) => Err(QueryError::from(Fault::Stalled(limit)).in_query(query)),
        }
    }

    /// Whether the connection was used before, so that it may have died meanwhile.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Keeps the connection for the next user. Only for one whose last answer was read to its end.
    pub fn give_back(mut self) {
        if let Some(session) = self.session.take() {
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
        close_now(session.conn);
    }
}

fn closed() -> QueryError {
    Fault::Mysql(DriverError::ConnectionClosed.into()).into()
}

/// The rows of a query as they come.
pub struct Answer<'l> {
    result: QueryResult<'l, 'static, TextProtocol>,
    query: &'l str,
    limit: Duration,
    state: &'l mut AnswerState,
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
            Ok(Ok(row)) => {
                *self.state = if row.is_some() { AnswerState::Coming } else { AnswerState::Read };
                Ok(row)
            }
            Ok(Err(error)) => {
                *self.state = AnswerState::Read;
                Err(QueryError::from(error).in_query(self.query))
            }
            Err(_) => {
                *self.state = AnswerState::Awaited;
                Err(QueryError::from(Fault::Stalled(self.limit)).in_query(self.query))
            }
        }
    }
}

/// Closes the socket without reading what is still to come. The first poll marks the connection as closed and
/// tries to say good-bye; dropping the future closes the socket, and the server then ends the query.
pub fn close_now(conn: Conn) {
    let _ = conn.disconnect().now_or_never();
}

/// Ends the query of connection `id` on the server, from a connection of its own and without waiting for it.
fn kill(pool: &Arc<Pool>, id: u32) {
    // Without a runtime the program is ending, and its sockets with it.
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    let (opts, limit) = (pool.opts().clone(), pool.timeouts().connect);
    runtime.spawn(async move {
        let killed = timeout(limit, async {
            let mut conn = Conn::new(opts).await?;
            conn.query_drop(format!("KILL QUERY {id}")).await?;
            conn.disconnect().await
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
