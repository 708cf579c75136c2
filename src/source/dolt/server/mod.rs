//! A running Dolt server, read over MySQL's protocol.
//!
//! | file | concern |
//! | --- | --- |
//! | `url`, `sql` | read the URL, write queries |
//! | `client/`, `password`, `small_file` | the protocol, with a server that is not trusted; what a user gives for it |
//! | `pool`, `connection_permits`, `attempts`, `lease`, `answer_columns`, `fault` | connections, their answers, and their failures |
//! | `activity`, `poll`, `history` | notice news; commits, branches, tags |
//! | `server_database`, `shared_load` | what all views of a database share, and how callers wait for it |
//! | `database`, `entries`, `lineage_load` | one view: its commits, their files, and which commit changed which table |
//! | `listing`, `schema_file`, `dump` | what there is at a revision; the schema, and a whole commit, as SQL |
//! | `row_reader`, `lines`, `rows` | rows as JSON lines |
//! | `versioned`, `table_version`, `definitions`, `ranges`, `table_diff`, `length_deltas`, `named_row` | versions of a table and how they differ |
//! | `live`, `live_memory`, `table_hashes` | the working set |

use crate::util::clock::WallClock;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use globset::GlobSet;
use tokio::sync::Mutex;

mod activity;
mod answer_columns;
mod attempts;
mod client;
mod connection_permits;
mod database;
mod definitions;
mod dump;
mod entries;
mod fault;
mod history;
mod lease;
mod length_deltas;
mod lineage_load;
mod lines;
mod listing;
mod live;
mod live_memory;
mod named_row;
mod password;
mod poll;
mod pool;
mod ranges;
mod row_reader;
mod rows;
mod schema_file;
mod server_database;
mod shared_load;
mod small_file;
mod sql;
mod table_diff;
mod table_hashes;
mod table_version;
mod url;
mod versioned;

pub use client::{Pin, PinError, TlsOptions};
pub use password::{Password, ReadAgain};
pub use small_file::read_small_file;

use activity::Activity;
use client::{Exposed, ServerEndpoint, Tls};
use database::DoltDatabase;
use fault::QueryError;
use history::Heads;
use password::CurrentPassword;
use poll::DATABASES_PER_QUERY;
use pool::{Pool, Timeouts};
use server_database::ServerDatabase;
use url::DoltUrl;

use crate::content::{ErrorKind, SourceError};
use crate::source::dolt::common::complain;
use crate::source::verify::Finding;
use crate::source::{Database, Source};

/// Tables that are left out by default: Beads keeps passwords in them.
pub const SECRET_TABLES: [&str; 1] = ["federation_peers"];

/// A database that does not answer is asked again only after so many polls.
const POLLS_BETWEEN_RETRIES: u64 = 20;

/// Target of log lines about a password that others can read.
pub const EXPOSED: &str = "asof::exposed";

/// Largest list, for example of commits, that is held in memory, in bytes.
const LARGEST_LIST: u64 = 512 << 20;

/// How to talk to a server.
#[derive(Clone)]
pub struct DoltOptions {
    /// The name to show instead of the database's own (`NAME=` before the source); only for a URL with a database.
    pub name: Option<String>,
    /// The user's password.
    pub password: Option<Password>,
    /// How to read the password again when the server refuses it.
    pub read_password_again: Option<ReadAgain>,
    /// How the server proves who it is. Connections are encrypted where this is given or the URL has `?tls`.
    pub tls: Option<TlsOptions>,
    /// Tables and views to leave out: patterns for `table` and for `db/table`.
    pub exclude: GlobSet,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a query may take without sending a row, and how long all queries of one step may take together beyond
    /// the time for their bytes at [`crate::source::LEAST_RATE`].
    pub query_timeout: Duration,
    /// Largest list that is held in memory, in bytes. A server that sends more gets an error.
    pub largest_list: u64,
    /// The clock.
    pub clock: WallClock,
}

impl Default for DoltOptions {
    fn default() -> Self {
        Self {
            name: None,
            password: None,
            read_password_again: None,
            tls: None,
            exclude: GlobSet::empty(),
            connect_timeout: Duration::from_secs(5),
            query_timeout: Duration::from_secs(30),
            largest_list: LARGEST_LIST,
            clock: WallClock::system(),
        }
    }
}

/// A Dolt server as a source.
pub struct DoltSqlSource {
    url: DoltUrl,
    label: Arc<str>,
    name: Option<String>,
    exclude: GlobSet,
    clock: WallClock,
    pool: Arc<Pool>,
    known: Mutex<KnownDatabases>,
}

/// What the last poll found.
#[derive(Default)]
struct KnownDatabases {
    databases: BTreeMap<String, KnownDatabase>,
    /// Why databases could not be read, so that each reason is logged once.
    complaints: BTreeMap<String, Finding>,
    /// Databases that did not answer at all.
    silent: BTreeSet<String>,
    /// Databases that the log named as left out.
    left_out: BTreeSet<String>,
    polls: u64,
    activity: Activity,
    /// Whether the last list that was returned is up to date. News of a poll that then failed wait for the next one.
    is_delivered: bool,
}

struct KnownDatabase {
    heads: Heads,
    view: Arc<DoltDatabase>,
}

impl DoltSqlSource {
    /// A source for `dolt://[user@]host[:port][/database]`. Does not connect yet.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a URL that is malformed or holds a password, and for a name without a database.
    pub fn new(url: &str, options: DoltOptions) -> Result<Self, SourceError> {
        let parsed = parse(url)?;
        let label: Arc<str> = parsed.to_string().into();
        if let Some(name) = options.name.as_ref().filter(|_| parsed.database.is_none()) {
            let operation = format!("cannot show a whole server as {name}");
            let hint = format!("Name one of its databases: {name}={label}/DATABASE.");
            return Err(SourceError::new(ErrorKind::Invalid, &*label, operation).with_hint(hint));
        }
        let timeouts = Timeouts { connect: options.connect_timeout, query: options.query_timeout };
        let tls = options.tls.or_else(|| parsed.tls.then(TlsOptions::default));
        let tls = tls.map(|tls| Tls::new(&tls, &parsed.host)).transpose().map_err(|error| {
            let hint = error.hint();
            let operation = "cannot encrypt connections";
            SourceError::new(ErrorKind::Invalid, &*label, operation).because(error).with_hint(hint)
        })?;
        let target = ServerEndpoint {
            host: parsed.host.clone(),
            port: parsed.port,
            user: parsed.user.clone(),
            password: CurrentPassword::new(options.password, options.read_password_again),
            tls,
            warn: warn_once(Arc::clone(&label)),
            asked: Arc::default(),
        };
        let pool = Pool::new(target, timeouts, options.largest_list);
        let (name, exclude, clock) = (options.name, options.exclude, options.clock);
        Ok(Self { url: parsed, label, name, exclude, clock, pool, known: Mutex::default() })
    }

    async fn load(
        &self,
        name: &str,
        heads: &Heads,
        known: Option<&KnownDatabase>,
    ) -> Result<DoltDatabase, QueryError> {
        let database = match known {
            Some(known) => Arc::clone(&known.view.shared),
            None => {
                let (pool, label) = (Arc::clone(&self.pool), Arc::clone(&self.label));
                let (exclude, clock) = (self.exclude.clone(), self.clock.clone());
                Arc::new(ServerDatabase::new(pool, label, name.to_owned(), exclude, clock))
            }
        };
        let mut lease = self.pool.lease(Some(name)).await?;
        let known = known.map(|known| &*known.view).map(Database::history);
        let history = history::load(&mut lease, name, heads, known).await?;
        lease.give_back();
        let shown_name = self.name.clone().unwrap_or_else(|| name.to_owned());
        Ok(DoltDatabase::new(database, shown_name, history))
    }

    /// Loads the databases whose branches or tags moved. One that cannot be loaded keeps its last view; the next poll
    /// tries again.
    async fn load_changed(
        &self,
        known: &mut KnownDatabases,
        heads: BTreeMap<String, Heads>,
    ) -> Result<(), SourceError> {
        let mut is_news = false;
        for (name, heads) in heads {
            let current = known.databases.get(&name);
            if current.is_some_and(|current| current.heads == heads) {
                continue;
            }
            let is_new = current.is_none();
            if !std::mem::replace(&mut is_news, true) {
                self.pool.note_news();
            }
            match self.load(&name, &heads, current).await {
                Ok(view) => {
                    known.complaints.remove(&name);
                    let view = Arc::new(view);
                    if is_new && self.url.database.is_some() {
                        // A user who mounts a single database will look into it.
                        tokio::spawn(Arc::clone(&view).look_ahead());
                    }
                    known.databases.insert(name, KnownDatabase { heads, view });
                    known.is_delivered = false;
                }
                Err(error) => {
                    let is_broken = error.is_broken_connection();
                    let error = error.during(&self.label, format!("cannot read the history of {name}"));
                    if is_broken {
                        return Err(error);
                    }
                    complain(&mut known.complaints, &name, &error);
                }
            }
        }
        Ok(())
    }

    /// The error for the one database of the URL that does not exist; the hint names those that do.
    async fn missing(&self, wanted: &str) -> SourceError {
        let operation = format!("there is no database {wanted:?}");
        let error = SourceError::new(ErrorKind::Missing, &*self.label, operation);
        let there = poll::shown(&self.pool).await.unwrap_or_default();
        if there.is_empty() {
            error.with_hint("The server has no databases.")
        } else {
            error.with_hint(format!("The server has: {}.", there.join(", ")))
        }
    }
}

/// Checks a URL without connecting. A valid one holds no password and may be printed.
pub fn check_url(url: &str) -> Result<(), SourceError> {
    parse(url).map(drop)
}

fn parse(url: &str) -> Result<DoltUrl, SourceError> {
    DoltUrl::parse(url).map_err(|error| {
        // The URL is not printed: it may hold a password.
        let hint = error.hint();
        SourceError::new(ErrorKind::Invalid, "dolt", "cannot use this URL").because(error).with_hint(hint)
    })
}

/// Returns a function that warns once about a log-in without encryption.
fn warn_once(label: Arc<str>) -> Box<dyn Fn(Exposed) + Send + Sync> {
    let once = std::sync::Once::new();
    Box::new(move |exposed| {
        once.call_once(|| {
            let offer = if exposed.offers_tls { " The server offers it." } else { "" };
            tracing::warn!(
                target: EXPOSED,
                "{label}: the log-in at {} is not encrypted: others can read the data, and guess the password. \
                 Write ?tls at the end of the URL to encrypt.{offer}",
                exposed.to
            );
        });
    })
}

impl KnownDatabases {
    /// Databases that did not answer and need not be asked again now.
    fn expected_silent(&mut self) -> BTreeSet<String> {
        self.polls += 1;
        let is_retry = self.polls.is_multiple_of(POLLS_BETWEEN_RETRIES);
        if is_retry { BTreeSet::new() } else { self.silent.clone() }
    }

    /// Whether the last poll showed all there was, and only activity of others can bring news.
    fn is_settled(&self) -> bool {
        self.is_delivered
            && self.databases.len() > DATABASES_PER_QUERY
            && self.complaints.is_empty()
            && self.silent.is_empty()
    }

    /// The databases left out that the log did not name yet.
    fn newly_left_out(&mut self, left_out: BTreeSet<String>) -> Vec<String> {
        left_out.into_iter().filter(|name| self.left_out.insert(name.clone())).collect()
    }

    fn views(&self) -> Vec<Arc<dyn Database>> {
        self.databases.values().map(|known| Arc::clone(&known.view) as Arc<dyn Database>).collect()
    }
}

#[async_trait]
impl Source for DoltSqlSource {
    fn label(&self) -> &str {
        &self.label
    }

    async fn poll(&self) -> Result<Option<Vec<Arc<dyn Database>>>, SourceError> {
        let mut known = self.known.lock().await;
        self.pool.close_idle();
        let only = self.url.database.as_deref();
        let failed = |error: QueryError| error.during(&self.label, "cannot look for databases and commits");
        if known.is_settled() && known.activity.is_quiet(&self.pool).await.map_err(failed)? {
            return Ok(None);
        }
        // To ask for activity costs as much as a look at few databases.
        let is_worth_it = known.databases.is_empty() || known.databases.len() > DATABASES_PER_QUERY;
        let look = match is_worth_it && only.is_none() {
            true => Some(Activity::begin(&self.pool).await.map_err(failed)?),
            false => None,
        };
        let polled = poll::poll(&self.pool, &known.expected_silent(), only).await.map_err(failed)?;
        if let Some(only) = only
            && polled.heads.is_empty()
        {
            return match polled.failures.into_iter().next() {
                Some((_, error)) => Err(error.during(&self.label, format!("cannot read database {only}"))),
                None => Err(self.missing(only).await),
            };
        }
        for (name, error) in polled.failures {
            let error = error.during(&self.label, format!("cannot read database {name}"));
            complain(&mut known.complaints, &name, &error);
        }
        let left_out = known.newly_left_out(polled.left_out);
        if !left_out.is_empty() {
            let (source, databases) = (&*self.label, left_out.join(", "));
            tracing::info!(source, databases, "left out: these names are what tests leave behind");
        }
        let before = known.databases.len();
        known.databases.retain(|name, _| polled.heads.contains_key(name) || polled.silent.contains(name));
        known.silent = polled.silent;
        if known.databases.len() != before {
            known.is_delivered = false;
        }
        self.load_changed(&mut known, polled.heads).await?;
        if let Some(look) = look {
            known.activity.end(&look);
        }
        let has_news = !std::mem::replace(&mut known.is_delivered, true);
        Ok(has_news.then(|| known.views()))
    }

    async fn unread(&self) -> Vec<Finding> {
        self.known.lock().await.complaints.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_left_out_is_named_once() {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
        let mut known = KnownDatabases::default();
        assert_eq!(known.newly_left_out(set(&["testdb_1", "testdb_2"])), ["testdb_1", "testdb_2"]);
        assert!(known.newly_left_out(set(&[])).is_empty());
        assert_eq!(known.newly_left_out(set(&["testdb_2", "testdb_3"])), ["testdb_3"]);
    }
}
