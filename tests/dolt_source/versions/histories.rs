//! Histories in which what is told could be wrong.

use super::check::check;
use super::told;
use crate::support::random::Random;
use crate::support::server::{Dolt, Server};
use crate::support::sql::{Client, quote};

/// Commits with dates of their own.
struct Story<'c> {
    client: &'c mut Client,
    commits: usize,
}

impl<'c> Story<'c> {
    fn new(client: &'c mut Client, database: &str) -> Self {
        client.new_database(database);
        Self { client, commits: 0 }
    }

    /// Runs statements and commits what they did.
    #[track_caller]
    fn commit(&mut self, statements: &[&str]) {
        self.client.run(statements);
        self.commits += 1;
        let date = format!("2026-01-01T{:02}:{:02}:00", self.commits / 60, self.commits % 60);
        self.client.commit("next", &date);
    }
}

/// Columns that go and come back, under their names and under others.
fn columns(client: &mut Client) {
    let mut story = Story::new(client, "columns");
    story.commit(&[
        "CREATE TABLE t (id int PRIMARY KEY, v varchar(10), w varchar(10), from_id int, diff_type int)",
    ]);
    story.commit(&["INSERT INTO t VALUES (1,'a','b',1,1),(2,'c','d',2,2),(3,null,'',3,3)"]);
    story.commit(&["ALTER TABLE t DROP COLUMN v"]);
    story.commit(&["INSERT INTO t VALUES (4,'e',4,4)"]);
    story.commit(&["ALTER TABLE t ADD COLUMN v varchar(10) AFTER id"]);
    story.commit(&["UPDATE t SET v = 'back' WHERE id < 3"]);
    story.commit(&["ALTER TABLE t RENAME COLUMN v TO x, RENAME COLUMN w TO y"]);
    story.commit(&["ALTER TABLE t RENAME COLUMN x TO w, RENAME COLUMN y TO v"]);
    story.commit(&["UPDATE t SET w = 'w' WHERE id = 1"]);
    story.commit(&["ALTER TABLE t MODIFY COLUMN v varchar(10) AFTER id"]);
    story.commit(&["UPDATE t SET v = 'v' WHERE id = 2"]);
    story.commit(&[
        "ALTER TABLE t DROP COLUMN v",
        "ALTER TABLE t ADD COLUMN v varchar(10) DEFAULT 'new' AFTER id",
    ]);
    story.commit(&["ALTER TABLE t MODIFY COLUMN v varchar(10) DEFAULT NULL"]);
    story.commit(&["UPDATE t SET v = 'last' WHERE id = 3"]);
}

/// Tables that are dropped, made again and renamed, within one commit and over several.
fn tables(client: &mut Client) {
    const T: &str = "CREATE TABLE t (id int PRIMARY KEY, v varchar(10))";
    let mut story = Story::new(client, "tables");
    story.commit(&[T, "INSERT INTO t VALUES (1,'a'),(2,'b')"]);
    story.commit(&["INSERT INTO t VALUES (3,'c')"]);
    story.commit(&["DROP TABLE t", T, "INSERT INTO t VALUES (1,'other'),(3,'c'),(9,'i')"]);
    story.commit(&["UPDATE t SET v = 'again' WHERE id = 1"]);
    story.commit(&["DROP TABLE t"]);
    story.commit(&[T, "INSERT INTO t VALUES (2,'b')"]);
    story.commit(&["INSERT INTO t VALUES (4,'d')"]);
    // Away and back, with a row changed meanwhile, and another table under the name meanwhile.
    story.commit(&["RENAME TABLE t TO u"]);
    story.commit(&["INSERT INTO u VALUES (5,'e')"]);
    story.commit(&["RENAME TABLE u TO t"]);
    story.commit(&["INSERT INTO t VALUES (6,'f')"]);
    story.commit(&["RENAME TABLE t TO u", T, "INSERT INTO t VALUES (4,'d'),(7,'g')"]);
    story.commit(&["INSERT INTO t VALUES (8,'h')", "DELETE FROM u WHERE id = 4"]);
    story.commit(&["RENAME TABLE t TO swap", "RENAME TABLE u TO t", "RENAME TABLE swap TO u"]);
    story.commit(&["DELETE FROM t", "INSERT INTO u VALUES (1,'x')"]);
    story.commit(&["INSERT INTO t VALUES (1,'x'),(2,'y')"]);
    story.commit(&["RENAME TABLE t TO away"]);
    story.commit(&[T, "INSERT INTO t VALUES (1,'x')"]);
    story.commit(&["INSERT INTO t VALUES (2,'z')"]);
}

/// Keys that change and change back; columns of the key that swap their names, so that Dolt's tags of them are
/// the wrong way round when the definition is as it was.
fn keys(client: &mut Client) {
    let mut story = Story::new(client, "keys");
    story.commit(&["CREATE TABLE t (a int, b varchar(20), c int, PRIMARY KEY (a, b))"]);
    story.commit(&["INSERT INTO t VALUES (1,'100',1),(2,'20',2),(2,'200',2)"]);
    story.commit(&["UPDATE t SET c = 7 WHERE a = 1"]);
    story.commit(&["ALTER TABLE t DROP PRIMARY KEY", "ALTER TABLE t ADD PRIMARY KEY (b, a)"]);
    story.commit(&["UPDATE t SET c = 8 WHERE a = 1"]);
    story.commit(&["ALTER TABLE t DROP PRIMARY KEY"]);
    story.commit(&["UPDATE t SET c = 9 WHERE a = 1", "INSERT INTO t VALUES (1,'100',9)"]);
    story.commit(&["DELETE FROM t WHERE a = 1", "ALTER TABLE t ADD PRIMARY KEY (a, b)"]);
    story.commit(&["INSERT INTO t VALUES (3,'3',3)"]);
    story.commit(&[
        "ALTER TABLE t DROP PRIMARY KEY",
        "ALTER TABLE t RENAME COLUMN a TO x",
        "ALTER TABLE t RENAME COLUMN b TO a",
        "ALTER TABLE t RENAME COLUMN x TO b",
        "ALTER TABLE t MODIFY COLUMN a int FIRST",
        "ALTER TABLE t MODIFY COLUMN b varchar(20) AFTER a",
        "ALTER TABLE t ADD PRIMARY KEY (a, b)",
    ]);
    story.commit(&["INSERT INTO t VALUES (44,'4',3)"]);
    story.commit(&["UPDATE t SET c = c + 1"]);
    // The same with a key of two columns of one type.
    story.commit(&["CREATE TABLE s (a varchar(9), b varchar(9), PRIMARY KEY (a, b))"]);
    story.commit(&["INSERT INTO s VALUES ('1','333'),('2','2')"]);
    story.commit(&["INSERT INTO s VALUES ('3','3')"]);
    story.commit(&[
        "ALTER TABLE s RENAME COLUMN a TO x",
        "ALTER TABLE s RENAME COLUMN b TO a",
        "ALTER TABLE s RENAME COLUMN x TO b",
    ]);
    story.commit(&[
        "ALTER TABLE s DROP PRIMARY KEY",
        "ALTER TABLE s MODIFY COLUMN b varchar(9) AFTER a",
        "ALTER TABLE s ADD PRIMARY KEY (a, b)",
    ]);
    story.commit(&["INSERT INTO s VALUES ('55555','5')"]);
    // The column `b` is what `a` was, and `a` is another one.
    story.commit(&["CREATE TABLE r (a varchar(9) NOT NULL, b varchar(9) NOT NULL, PRIMARY KEY (a, b))"]);
    story.commit(&["INSERT INTO r VALUES ('1','333'),('2','2')"]);
    story.commit(&["INSERT INTO r VALUES ('3','4444')"]);
    story.commit(&["ALTER TABLE r DROP PRIMARY KEY", "ALTER TABLE r DROP COLUMN b"]);
    story.commit(&["ALTER TABLE r RENAME COLUMN a TO b"]);
    story.commit(&[
        "ALTER TABLE r ADD COLUMN a varchar(9) NOT NULL FIRST",
        "UPDATE r SET a = concat('new ', b)",
        "ALTER TABLE r ADD PRIMARY KEY (a, b)",
    ]);
    story.commit(&["INSERT INTO r VALUES ('55555','5')"]);
    story.commit(&["INSERT INTO r VALUES ('6','6')"]);
}

/// Sides that change one table, merges of them, a merge that takes one side, an amended commit, a revert.
fn merges(client: &mut Client) {
    let mut story = Story::new(client, "merges");
    story.commit(&[
        "CREATE TABLE t (id int PRIMARY KEY, v int)",
        "CREATE TABLE u (id int AUTO_INCREMENT PRIMARY KEY, v int)",
    ]);
    story.commit(&["INSERT INTO t VALUES (1,1),(2,2)", "INSERT INTO u (v) VALUES (1)"]);
    let mut random = Random::new(9);
    for round in 0..12 {
        let base = 100 * (round + 1);
        let side = format!("side{round}");
        story.commit(&[
            &format!("CALL DOLT_CHECKOUT('-b', {})", quote(&side)),
            &format!("INSERT INTO t VALUES ({base},0)"),
        ]);
        if random.below(2) == 0 {
            story.commit(&[&format!("UPDATE t SET v = {round} WHERE id = {base}")]);
        }
        story.client.run(&["CALL DOLT_CHECKOUT('main')"]);
        if random.below(3) > 0 {
            let insert = format!("INSERT INTO t VALUES ({},0)", base + 1);
            story.commit(&[&insert, "INSERT INTO u (v) VALUES (2)"]);
        }
        story.client.run(&[&format!("CALL DOLT_MERGE({}, '--no-ff', '-m', 'merge')", quote(&side))]);
        if random.below(3) == 0 {
            story.client.run(&[
                &format!("INSERT INTO t VALUES ({},5)", base + 2),
                "CALL DOLT_COMMIT('-a', '--amend', '-m', 'amended')",
            ]);
        }
        if random.below(3) == 0 {
            story.commit(&[&format!("DELETE FROM t WHERE id = {base}")]);
            story.client.run(&["CALL DOLT_REVERT('HEAD')"]);
        }
    }
}

/// Counters, indexes, checks and foreign keys.
fn definitions(client: &mut Client) {
    let mut story = Story::new(client, "definitions");
    story.commit(&[
        "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, v varchar(40)) COMMENT 'AUTO_INCREMENT=7'",
    ]);
    for at in 0..4 {
        story.commit(&[&format!("INSERT INTO t (v) VALUES ('row {at}')")]);
    }
    story.commit(&["ALTER TABLE t AUTO_INCREMENT = 100"]);
    story.commit(&["INSERT INTO t (v) VALUES ('hundred')"]);
    story.commit(&["DELETE FROM t WHERE id > 1"]);
    story.commit(&["CREATE TABLE p (v varchar(40) PRIMARY KEY)", "INSERT INTO p SELECT v FROM t"]);
    story.commit(&["ALTER TABLE t ADD INDEX (v)"]);
    story.commit(&["INSERT INTO t (v) VALUES ('row 0')"]);
    story.commit(&["ALTER TABLE t ADD CONSTRAINT fk FOREIGN KEY (v) REFERENCES p (v)"]);
    story.commit(&["INSERT INTO t (v) VALUES ('row 0')", "INSERT INTO p VALUES ('more')"]);
    story.commit(&["ALTER TABLE p ADD CONSTRAINT c CHECK (v <> 'less')"]);
    story.commit(&["INSERT INTO p VALUES ('most')"]);
    story.commit(&["ALTER TABLE t DROP FOREIGN KEY fk", "DROP INDEX v ON t"]);
    story.commit(&["UPDATE t SET v = 'changed'"]);
}

/// Tables of which `dolt_diff` does not tell all; the first one is ordinary.
fn untold(client: &mut Client) {
    let mut story = Story::new(client, "untold");
    story.commit(&[
        "CREATE TABLE plain (id int PRIMARY KEY, a int)",
        "CREATE TABLE computed (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a + 1) VIRTUAL)",
        "CREATE TABLE computed_first (b int GENERATED ALWAYS AS (a + 1) VIRTUAL, a int, id int)",
        "CREATE TABLE named (id int PRIMARY KEY, `commit` int, a int)",
        "CREATE TABLE dated (id int PRIMARY KEY, `COMMIT_date` int, a int)",
        "CREATE TABLE folded (id varchar(9) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY, a int)",
        "CREATE TABLE floating (id double PRIMARY KEY, a int)",
    ]);
    let tables = ["plain", "computed", "computed_first", "named", "dated", "folded", "floating"];
    for id in ["'1'", "'2'"] {
        let inserts = tables.map(|table| format!("INSERT INTO {table} (id, a) VALUES ({id}, 1)"));
        story.commit(&inserts.each_ref().map(String::as_str));
    }
    story.commit(&tables.map(|table| format!("UPDATE {table} SET a = 5")).each_ref().map(String::as_str));
    story.commit(&["INSERT INTO folded VALUES ('a', 1)", "INSERT INTO floating VALUES (0e0, 1)"]);
    story.commit(&[
        "DELETE FROM folded WHERE id = 'a'",
        "INSERT INTO folded VALUES ('A', 1)",
        "DELETE FROM floating WHERE id = 0",
        "INSERT INTO floating VALUES (-0e0, 1)",
    ]);
}

/// Values that are equal to the server and are rendered otherwise, and such that look like something else.
fn values(client: &mut Client) {
    let mut story = Story::new(client, "values_");
    story.commit(&["CREATE TABLE t (id varchar(60), n int, ci varchar(20) COLLATE utf8mb4_0900_ai_ci, f double, d decimal(9,3),
         j json, dt datetime(6), tm time(6), e enum('a','ü'), s set('x','y'), b varbinary(20), l varchar(9) CHARACTER SET latin1,
         p point, t text, ts timestamp(3), y year, bi bit(9), PRIMARY KEY (id, n))"]);
    let row = |id: &str, ci: &str, f: &str, d: &str, j: &str, dt: &str| {
        format!(
            "({}, 1, '{ci}', {f}, {d}, '{j}', '{dt}', '-00:00:00.5', 'ü', 'x,y', x'00ff', 'é', point(1,2), 'text', '2026-01-01 00:00:00.5', 2000, 5)",
            quote(id)
        )
    };
    let ids = ["", "\0", "\"},{\"id\":\"", "a\nb", "\\", "\\\"", "null", "{\"id\":1}", "é", "'"];
    let rows: Vec<_> = ids.iter().map(|id| row(id, "a", "0e0", "0.000", "{\"a\":1}", "2026-01-01")).collect();
    story.commit(&[&format!("INSERT INTO t VALUES {}", rows.join(","))]);
    let changes = [
        "ci = 'A'",
        "f = -0e0",
        "d = -0.000",
        "j = '{\"a\":1.0}'",
        "dt = '0000-00-00'",
        "tm = '838:59:59'",
        "e = 'a'",
        "s = ''",
        "b = x''",
        "l = 'E'",
        "p = NULL",
        "t = repeat('long ', 2000)",
        "ts = '2026-01-01 00:00:00.5'",
        "y = 0",
        "bi = 300",
        "ci = 'á'",
        "t = repeat('long ', 2001)",
        "n = 2",
    ];
    for change in changes {
        story.commit(&[&format!("UPDATE t SET {change} WHERE id IN ('', 'a\\nb', 'é')")]);
    }
    story.commit(&["DELETE FROM t"]);
    story.commit(&["INSERT INTO t (id, n) VALUES ('back', 1)"]);
}

#[test]
fn hostile_histories() {
    for dolt in Dolt::EVERY {
        let server = Server::start_as(dolt, None);
        let client = &mut server.client();
        let see = |database: &str| check(&server.url(database), 7);
        columns(client);
        told(&see("columns")["t.jsonl"]);
        tables(client);
        told(&see("tables")["t.jsonl"]);
        keys(client);
        let keyed = see("keys");
        for (path, families) in [("t.jsonl", 3), ("s.jsonl", 2), ("r.jsonl", 3)] {
            told(&keyed[path]);
            assert_eq!(keyed[path].families, families, "{path} comes back to its first definition");
        }
        merges(client);
        let merged = see("merges");
        told(&merged["t.jsonl"]);
        told(&merged["u.jsonl"]);
        definitions(client);
        told(&see("definitions")["t.jsonl"]);
        values(client);
        told(&see("values_")["t.jsonl"]);
        untold(client);
        for (path, seen) in see("untold") {
            match &*path {
                "plain.jsonl" => told(&seen),
                _ => assert!(seen.told == 0 && seen.untold > 0 && seen.steps == 0, "{path}: {seen:?}"),
            }
        }
    }
}
