//! A small blocking MySQL client over the text protocol, for the tests' own questions to a server.

use std::collections::HashMap;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, Value};

/// One cell: NULL or the bytes of its text.
pub type Cell = Option<Vec<u8>>;

pub struct Client {
    runtime: tokio::runtime::Runtime,
    conn: Conn,
}

const LIMIT: Duration = Duration::from_secs(60);

impl Client {
    /// Connects to 127.0.0.1 as root without a password.
    pub fn connect(port: u16) -> Result<Self, mysql_async::Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a single-threaded runtime starts");
        let options = OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(port)
            .user(Some("root"))
            .prefer_socket(false)
            .max_allowed_packet(Some(64 << 20))
            .wait_timeout(Some(3600));
        let conn = runtime.block_on(async {
            tokio::time::timeout(LIMIT, Conn::new(options)).await.expect("the server sends a greeting")
        })?;
        Ok(Self { runtime, conn })
    }

    /// The rows that one statement returns, or the server's error.
    pub fn query(&mut self, sql: &str) -> Result<Vec<Vec<Cell>>, mysql_async::Error> {
        let conn = &mut self.conn;
        self.runtime.block_on(async {
            let work = async {
                let mut result = conn.query_iter(sql).await?;
                let rows: Vec<mysql_async::Row> = result.collect().await?;
                result.drop_result().await?;
                Ok(rows.into_iter().map(|row| row.unwrap().into_iter().map(cell).collect()).collect())
            };
            tokio::time::timeout(LIMIT, work)
                .await
                .unwrap_or_else(|_| panic!("no answer in {LIMIT:?}: {sql}"))
        })
    }

    /// Like [`Self::query`], for a statement that must succeed.
    #[track_caller]
    pub fn rows(&mut self, sql: &str) -> Vec<Vec<Cell>> {
        match self.query(sql) {
            Ok(rows) => rows,
            Err(error) => panic!("{error}\nin: {}", sql.chars().take(500).collect::<String>()),
        }
    }

    /// Like [`Self::rows`], with all cells as text and NULL as `NULL`.
    #[track_caller]
    pub fn texts(&mut self, sql: &str) -> Vec<Vec<String>> {
        let text = |cell: Cell| cell.map_or("NULL".into(), |b| String::from_utf8_lossy(&b).into_owned());
        self.rows(sql).into_iter().map(|row| row.into_iter().map(text).collect()).collect()
    }

    /// The first cell of the first row, as text.
    #[track_caller]
    pub fn one(&mut self, sql: &str) -> String {
        let rows = self.texts(sql);
        rows.first().and_then(|row| row.first()).unwrap_or_else(|| panic!("no row from: {sql}")).clone()
    }

    #[track_caller]
    pub fn run(&mut self, statements: &[&str]) {
        for sql in statements {
            self.rows(sql);
        }
    }

    /// Creates a database, for which Dolt makes a commit, and uses it.
    #[track_caller]
    pub fn new_database(&mut self, name: &str) {
        self.rows(&format!("CREATE DATABASE {}", ident(name)));
        self.use_database(name);
    }

    #[track_caller]
    pub fn use_database(&mut self, name: &str) {
        self.rows(&format!("USE {}", ident(name)));
    }

    /// The first parent of each commit that has one.
    #[track_caller]
    pub fn first_parents(&mut self) -> HashMap<String, String> {
        let rows = self.texts("SELECT commit_hash, parent_hash, parent_index FROM dolt_commit_ancestors");
        let first = rows.into_iter().filter(|row| row[2] == "0" && row[1] != "NULL");
        first.map(|mut row| (row.remove(0), row.remove(0))).collect()
    }

    /// Commits everything with the date `date` (UTC, `2026-01-05T12:00:00` or with milliseconds), and returns the hash.
    #[track_caller]
    pub fn commit(&mut self, message: &str, date: &str) -> String {
        let (message, date) = (quote(message), quote(date));
        self.one(&format!("CALL DOLT_COMMIT('-Am', {message}, '--allow-empty', '--date', {date})"))
    }
}

fn cell(value: Value) -> Cell {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(bytes),
        other => panic!("the text protocol gives bytes only, not {other:?}"),
    }
}

pub fn ident(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''").replace('\0', "\\0"))
}
