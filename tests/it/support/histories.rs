//! Histories that tests create on a real server: each function creates one or more databases.
//! All commits have fixed dates, so that a test can name the times between them.

use super::random::Random;
use super::sql::{Client, ident, quote};

/// The history in the documentation: four commits in three days, a branch and a tag.
pub fn tour(client: &mut Client, database: &str) {
    client.new_database(database);
    client.run(&[
        "CREATE TABLE issues (id varchar(20) PRIMARY KEY, title text NOT NULL, status varchar(10) NOT NULL)",
        "CREATE TABLE labels (issue_id varchar(20), label varchar(20), PRIMARY KEY (issue_id, label))",
        "INSERT INTO issues VALUES ('bd-1','Mount a server','open'),('bd-2','Mount an archive','open'),
           ('bd-3','Write it down','open')",
        "INSERT INTO labels VALUES ('bd-1','fuse')",
    ]);
    client.commit("first issues", "2026-01-05T12:00:00");
    client.run(&["UPDATE issues SET status='closed' WHERE id='bd-1'", "CALL DOLT_TAG('v1','HEAD')"]);
    client.commit("close bd-1", "2026-01-05T18:30:00");
    client.run(&["INSERT INTO labels VALUES ('bd-2','zip'),('bd-3','docs')"]);
    client.commit("labels", "2026-01-06T09:00:00.156");
    client.run(&["CALL DOLT_BRANCH('convoy/docs-bd3')", "DELETE FROM issues WHERE id='bd-2'"]);
    client.commit("drop bd-2", "2026-01-07T20:00:00");
}

/// Three commits after a first one, then squashed into one: the three are lost.
pub fn flattened(client: &mut Client, database: &str) {
    client.new_database(database);
    client.run(&["CREATE TABLE steps (step int PRIMARY KEY)"]);
    let first = client.commit("first", "2026-01-05T00:00:00");
    for step in 1..=3 {
        client.run(&[&format!("INSERT INTO steps VALUES ({step})")]);
        client.commit(&format!("step {step}"), &format!("2026-01-06T0{step}:00:00"));
    }
    client.run(&[&format!("CALL DOLT_RESET('--soft', {})", quote(&first))]);
    client.commit("flattened", "2026-01-07T00:00:00");
}

/// Every type that a column can have, with extreme values; versions of the table differ.
pub fn every_type(client: &mut Client, database: &str) {
    client.new_database(database);
    client.run(&[
        "CREATE TABLE numbers (id int PRIMARY KEY, t1 tinyint(1), ti tinyint, si smallint, mi mediumint, bi bigint,
           tu tinyint unsigned, bu bigint unsigned, de decimal(30,10), d0 decimal(20,0), f float, d double,
           b1 bit(1), b13 bit(13), b64 bit(64), y year, bo boolean)",
        "INSERT INTO numbers VALUES
          (1,1,127,32767,8388607,9223372036854775807,255,18446744073709551615,12345678901234567890.0123456789,
           12345678901234567890,0.1,0.1,b'1',b'1010101010101',18446744073709551615,2155,true),
          (2,0,-128,-32768,-8388608,-9223372036854775808,0,0,-0.5,0,-1.5,1e300,b'0',0,0,1901,false),
          (3,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null),
          (4,-1,0,0,0,0,1,9007199254740993,0.0000000001,-1,16777216,9007199254740993,1,5,9223372036854775808,2000,1)",
        "INSERT INTO numbers (id,f,d) VALUES (5,1e-7,5e-324),(6,3.4e38,1.7976931348623157e308),(7,100,100000),
          (8,1e15,1e15),(9,1e16,1e16),(10,1e17,1e17),(11,0.33333334,0.3333333333333333),(12,1e-5,1e-5),(13,1e-6,1e-6),
          (14,123456.7,1e21),(15,-0.001,123456789.125),(16,1.17549435e-38,2.2250738585072014e-308)",
        "CREATE TABLE texts (id int PRIMARY KEY, c char(10), v varchar(200), tt tinytext, t text, mt mediumtext,
           lt longtext, e enum('a','b c','ü'), s set('x','y','z'), j json)",
        r#"INSERT INTO texts VALUES
          (1,'ab','plain','t','x','m','l','b c','x,z','{"b": 1, "a": [1, 2.5, null, true], "n": {"deep": {}}}'),
          (2,'','','','','','','a','','[]'),
          (3,'é ü','quote " back \\ slash / tab	nl
cr','😀','<>&','\0nul','\Z','ü','y','"just \\u00e9 text \\n \\u0001 </script>"'),
          (4,null,null,null,null,null,null,null,null,null),
          (5,'  lead','trail  ','x','\b\r\n\t',' ','','a','x,y,z','null'),
          (6,'j','numbers','','','','','a','','{"big": 12345678901234567890, "neg": -0.0, "exp": 1e30, "f": 1.10}'),
          (7,'k','keys','','','','','a','','{"": 1, "a b": 2, "é": "ü", "zz": "", "aaa": [[], {}, ""]}')"#,
        "CREATE TABLE moments (id int PRIMARY KEY, d date, dt datetime, dt3 datetime(3), dt6 datetime(6),
           ts timestamp NULL, ts6 timestamp(6) NULL, t time, t6 time(6))",
        "INSERT INTO moments VALUES
          (1,'2026-01-02','2026-01-02 03:04:05','2026-01-02 03:04:05.120','2026-01-02 03:04:05.123456',
           '2026-01-02 03:04:05','2026-01-02 03:04:05.000001','12:34:56','-12:34:56.789'),
          (2,'1000-01-01','1000-01-01 00:00:00','2026-01-02 03:04:05.000','2026-01-02 03:04:05.100000',
           '1970-01-01 00:00:01','2026-01-02 03:04:05','-838:59:59','838:59:59'),
          (3,'9999-12-31','9999-12-31 23:59:59',null,null,null,null,'00:00:00','-00:00:00.000001'),
          (4,null,null,null,null,null,null,null,null)",
        "CREATE TABLE bytes (id int PRIMARY KEY, b binary(5), vb varbinary(50), tb tinyblob, bl blob, mb mediumblob,
           lb longblob)",
        "INSERT INTO bytes VALUES (1,'ab',x'00ff80',x'00',x'e9','text',x'0a'),(2,'','','','','',''),
          (3,null,null,null,null,null,null)",
        "CREATE TABLE shapes (id int PRIMARY KEY, g geometry, p point, l linestring, o polygon)",
        "INSERT INTO shapes VALUES (1,point(1,2),point(-1.5,2e10),linestring(point(0,0),point(1,1)),
          polygon(linestring(point(0,0),point(1,0),point(1,1),point(0,0)))),(2,null,null,null,null)",
        "CREATE TABLE long_rows (id int PRIMARY KEY, t longtext)",
        "INSERT INTO long_rows VALUES (1, repeat('é\\n',300000)),(2, repeat('x', 1000000)),(3,'')",
        "CREATE TABLE nothing (id int PRIMARY KEY, t text)",
    ]);
    client.commit("every type", "2026-02-01T00:00:00");
    client.run(&[
        "UPDATE numbers SET d = d * 3, f = 0.7, de = de / 3 WHERE id IN (1, 4, 15)",
        "UPDATE texts SET j = json_object('changed', id, 'nested', json_array(1, 'ü'))",
        "UPDATE moments SET dt6 = '2026-12-31 23:59:59.999999'",
    ]);
    client.commit("changed", "2026-02-02T00:00:00");
}

/// Databases and tables with names that are awkward in a shell. Returns the databases.
pub fn awkward_names(client: &mut Client) -> Vec<String> {
    let databases = ["my-db", "sp ace", "quo'te", "back`tick"];
    let tables = [
        "..",
        "we/ird",
        "CON",
        "ünï",
        "with space",
        "quo'te",
        "back`tick",
        "dou\"ble",
        "50%",
        "select",
        "a\nb",
    ];
    for database in databases {
        client.new_database(database);
        for (at, table) in tables.iter().enumerate() {
            let name = ident(table);
            client.rows(&format!("CREATE TABLE {name} (`key` int PRIMARY KEY, `o'n\"e `` two` text)"));
            client.rows(&format!("INSERT INTO {name} VALUES ({at}, {})", quote(table)));
        }
        client.commit("names", "2026-03-01T00:00:00");
        client.rows("UPDATE `we/ird` SET `key` = 100");
        client.commit("an update", "2026-03-02T00:00:00");
    }
    databases.map(String::from).to_vec()
}

/// Tables that are created, dropped, altered and renamed; views; keyless tables and composite keys.
pub fn evolving(client: &mut Client, database: &str) {
    client.new_database(database);
    client.run(&[
        "CREATE TABLE comp (p int, q varchar(10), v text, PRIMARY KEY (q, p))",
        "INSERT INTO comp VALUES (1,'b','x'),(2,'a','y'),(10,'a','z'),(2,'B','w')",
        "CREATE TABLE loose (a varchar(10), b int)",
        "INSERT INTO loose VALUES ('x',1),('x',1),('a',2),(null,null),('b',0)",
        "CREATE TABLE folded (k varchar(20) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY, v int)",
        "INSERT INTO folded VALUES ('Banana',1),('apple',2),('cherry',3),('Éclair',4),('zebra',5),('_x',6)",
        "CREATE TABLE by_enum (e enum('z','m','a') PRIMARY KEY, n int)",
        "INSERT INTO by_enum VALUES ('a',1),('z',2),('m',3)",
        "CREATE TABLE by_date (d datetime(6) PRIMARY KEY, n decimal(5,2))",
        "INSERT INTO by_date VALUES ('2026-01-02 00:00:00.5',1),('2026-01-01 00:00:00',2.25)",
        "CREATE TABLE by_bytes (b varbinary(10) PRIMARY KEY)",
        "INSERT INTO by_bytes VALUES (x'ff'),(x'00'),('a'),('')",
        "CREATE VIEW from_a AS SELECT p, v FROM comp WHERE q = 'a'",
    ]);
    client.commit("start", "2026-04-01T00:00:00");
    client.run(&[
        "ALTER TABLE comp ADD COLUMN extra decimal(6,2) DEFAULT 1.5 AFTER p",
        "INSERT INTO loose VALUES ('x',1)",
    ]);
    client.commit("a column more", "2026-04-02T00:00:00");
    client.run(&[
        "RENAME TABLE comp TO comp2",
        "DROP VIEW from_a",
        "ALTER TABLE folded MODIFY v varchar(10)",
    ]);
    client.commit("renamed", "2026-04-03T00:00:00");
    client.run(&["ALTER TABLE comp2 DROP PRIMARY KEY", "ALTER TABLE comp2 ADD PRIMARY KEY (p, q)"]);
    client.commit("another key", "2026-04-04T00:00:00");
    client.run(&["ALTER TABLE comp2 DROP COLUMN v, RENAME COLUMN extra TO more", "DELETE FROM loose"]);
    client.commit("columns less, no rows", "2026-04-05T00:00:00");
    client.run(&[
        "DROP TABLE loose",
        "CREATE TABLE loose (b int PRIMARY KEY)",
        "INSERT INTO loose VALUES (3),(1)",
    ]);
    client.commit("the same name, another table", "2026-04-06T00:00:00");
    client.run(&[
        "DROP TABLE loose",
        "DROP TABLE by_bytes",
        "CREATE VIEW sums AS SELECT count(*) AS n, sum(n) AS s FROM by_enum",
    ]);
    client.commit("tables less", "2026-04-07T00:00:00");
}

/// Views that read the clock next to one that does not.
pub fn clock_views(client: &mut Client, database: &str) {
    client.new_database(database);
    client.run(&[
        "CREATE TABLE t (id int PRIMARY KEY, due datetime)",
        "INSERT INTO t VALUES (1,'2026-01-01 00:00:00'),(2,null)",
        "CREATE VIEW steady AS SELECT id FROM t WHERE due IS NULL",
        "CREATE VIEW ready_issues AS SELECT id FROM t WHERE due < UTC_TIMESTAMP()",
        "CREATE VIEW lucky AS SELECT id, rand() AS r FROM t",
    ]);
    client.commit("views", "2026-04-10T00:00:00");
}

/// Branches and tags with slashes, merges, and unmerged branches. Returns hashes by name: `base`, `side`, `merged`,
/// `lonely`.
pub fn branching(client: &mut Client, database: &str) -> Vec<(&'static str, String)> {
    client.new_database(database);
    client.run(&["CREATE TABLE t (id int PRIMARY KEY, v int)", "INSERT INTO t VALUES (1,1)"]);
    let base = client.commit("base", "2026-05-01T00:00:00");
    client.run(&["CALL DOLT_CHECKOUT('-b','feature/one')", "INSERT INTO t VALUES (2,2)"]);
    let side = client.commit("on the side", "2026-05-02T00:00:00");
    client.run(&["CALL DOLT_CHECKOUT('main')", "INSERT INTO t VALUES (3,3)"]);
    client.commit("on main", "2026-05-03T00:00:00");
    client.run(&["CALL DOLT_MERGE('feature/one','--no-ff','-m','merged')"]);
    let merged = client.one("SELECT hash FROM dolt_branches WHERE name='main'");
    client.run(&["CALL DOLT_CHECKOUT('-b','convoy/deep/er-bd1')", "INSERT INTO t VALUES (4,4)"]);
    let lonely = client.commit("beside", "2026-05-04T00:00:00");
    client.run(&[
        "CALL DOLT_CHECKOUT('main')",
        &format!("CALL DOLT_TAG('open/slug-1','{side}')"),
        &format!("CALL DOLT_TAG('v1.0','{base}')"),
        &format!("CALL DOLT_TAG('beside','{lonely}')"),
        "INSERT INTO t VALUES (5,5)",
    ]);
    client.commit("after", "2026-05-05T00:00:00");
    vec![("base", base), ("side", side), ("merged", merged), ("lonely", lonely)]
}

/// Commit dates that run backwards, and two commits in one instant.
pub fn back_dated(client: &mut Client, database: &str) {
    client.new_database(database);
    client.run(&["CREATE TABLE t (id int PRIMARY KEY)"]);
    let dates = [
        "2026-06-01T00:00:00",
        "2026-06-05T00:00:00",
        "2026-06-03T00:00:00",
        "2026-06-03T00:00:00",
        "2026-06-04T12:00:00.250",
    ];
    for (at, date) in dates.iter().enumerate() {
        client.rows(&format!("INSERT INTO t VALUES ({at})"));
        client.commit(&format!("commit {at}"), date);
    }
}

/// No commit except the one that every database begins with.
pub fn bare(client: &mut Client, database: &str) {
    client.new_database(database);
}

/// A random history of `commits` commits, about an hour apart, from 2026-07-01 on: inserts, updates, key changes,
/// deletes, emptied tables, new columns, merges. Returns the last date.
pub fn random(client: &mut Client, database: &str, seed: u64, commits: usize) -> jiff::Timestamp {
    let mut random = Random::new(seed);
    client.new_database(database);
    client.run(&[
        "CREATE TABLE a (id int PRIMARY KEY, v varchar(40), n double)",
        "CREATE TABLE b (x varchar(10), y int, note text, PRIMARY KEY (y, x))",
        "CREATE TABLE loose (v int, w varchar(10))",
    ]);
    client.commit("tables", "2026-07-01T00:00:00");
    let mut now: jiff::Timestamp = "2026-07-01T00:00:00Z".parse().expect("a time");
    let mut columns = 0;
    for at in 0..commits {
        let side = random.below(12) == 0;
        if side {
            client.run(&["CALL DOLT_BRANCH('-f','side')", "CALL DOLT_CHECKOUT('side')"]);
        }
        for _ in 0..=random.below(4) {
            change(client, &mut random, &mut columns, at);
        }
        now += jiff::SignedDuration::from_millis(random.within(0..7_200_000));
        let date = now.strftime("%Y-%m-%dT%H:%M:%S%.3f").to_string();
        client.commit(&format!("commit {at}\nsecond line \"quoted\""), &date);
        if side {
            client.run(&["CALL DOLT_CHECKOUT('main')", "CALL DOLT_MERGE('side','--no-ff','-m','merge')"]);
        }
    }
    now
}

fn change(client: &mut Client, random: &mut Random, columns: &mut u32, at: usize) {
    let (k, v) = (random.below(40), random.below(1_000_000));
    let statement = match random.below(12) {
        0..4 => {
            format!("REPLACE INTO a (id, v, n) VALUES ({k}, 'row {v} é', {v} / 7), ({}, null, {at})", k + 1)
        }
        4..6 => format!("REPLACE INTO b (x, y, note) VALUES ('k{}', {k}, 'note {v}\\nline')", v % 3),
        6 => format!("INSERT INTO loose VALUES ({k}, 'w{}'), ({k}, 'w{}')", v % 5, v % 5),
        7 => format!("UPDATE a SET id = id + {} WHERE id = {k}", 1000 * (at + 1)),
        8 => format!("DELETE FROM b WHERE y = {k}"),
        9 => format!("DELETE FROM loose WHERE v < {k}"),
        10 if v % 4 == 0 => "DELETE FROM a".into(),
        11 if *columns < 5 => {
            *columns += 1;
            format!("ALTER TABLE a ADD COLUMN c{columns} int DEFAULT {k}")
        }
        _ => format!("UPDATE a SET n = {v} WHERE id < {k}"),
    };
    client.rows(&statement);
}

/// One table of `rows` issues, committed once: for reads that take a while.
pub fn big_table(client: &mut Client, database: &str, rows: usize) {
    client.new_database(database);
    client.run(&[
        "CREATE TABLE issues (id varchar(20) PRIMARY KEY, title text, description text, priority int)",
    ]);
    let row =
        |at: usize| format!("('bd-{at:06}','title of {at}',repeat('text {at} é ',{}),{})", at % 40, at % 5);
    for first in (0..rows).step_by(1000) {
        let values: Vec<String> = (first..rows.min(first + 1000)).map(row).collect();
        client.rows(&format!("INSERT INTO issues VALUES {}", values.join(",")));
    }
    client.commit("all of it", "2026-08-01T00:00:00");
}
