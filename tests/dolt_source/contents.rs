//! What files hold: every type on the wire, odd names, views, the working set.

use std::sync::Arc;

use asof::source::Database;
use asof::source::dolt::server::{DoltOptions, DoltSqlSource};

use crate::support::server::{Dolt, Server};
use crate::support::sql::Client;
use crate::support::{bytes, database, entry, files, live_files, poll, source, text, wait};

fn head(database: &Arc<dyn Database>) -> Arc<str> {
    Arc::clone(&database.history().timeline.first().expect("there are commits").id)
}

#[test]
fn every_type_comes_over_the_wire_without_loss() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("types");
    client.run(&[
        "CREATE TABLE t (id int PRIMARY KEY, ti tinyint, tu tinyint unsigned, bo boolean, si smallint, mi mediumint,
           bi bigint, bu bigint unsigned, b1 bit(1), b9 bit(9), b64 bit(64), y year, de decimal(30,10), f float,
           d double, c char(5), vc varchar(20), lt longtext, en enum('a','ü'), st set('x','y','z'), j json, dd date,
           dt datetime, dt6 datetime(6), ts timestamp, ts6 timestamp(6), tm time(6), bin binary(4),
           vb varbinary(20), bl blob, lb longblob, pt point, pg polygon, vl varchar(20) character set latin1)",
        "INSERT INTO t (id) VALUES (0)",
        r#"INSERT INTO t VALUES (1, -128, 255, true, -32768, 8388607, -9223372036854775808, 18446744073709551615,
           b'1', b'101010101', 0xffffffffffffffff, 2024, '12345678901234567890.0123456789', 0.1, 0.1, 'ab', 'hé"',
           '', 'ü', 'x,z', '{"b": 1, "a": [2.5, "é"]}', '2024-02-29', '2024-02-29 01:02:03',
           '2024-02-29 01:02:03.000456', '2024-02-29 01:02:03', '2024-02-29 01:02:03.5', '-838:59:58.5', 0x0102,
           0x00ff, 0x, 0xdeadbeef, point(1,2), polygon(linestring(point(0,0), point(1,1), point(1,0), point(0,0))),
           'é')"#,
        "INSERT INTO t (id, f, d, dd, dt, tm, y) VALUES
           (2, 16777217, 1e308, '0000-00-00', '0000-00-00 00:00:00', '-00:00:01', 0),
           (3, 1e-45, 5e-324, '9999-12-31', '9999-12-31 23:59:59', '838:59:59', 2155),
           (4, 0.30000001192092896, 0.30000000000000004, '1000-01-01', '1970-01-01 00:00:00', '00:00:00', 1901)",
    ]);
    client.commit("types", "2026-01-01T00:00:00");
    let database = database(&server.url("types"));
    let file = text(&files(&database, &head(&database)), "t.jsonl");
    let lines: Vec<_> = file.lines().collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0].matches(":null").count(), 33, "{}", lines[0]);
    let expected = "{\"id\":1,\"ti\":-128,\"tu\":255,\"bo\":1,\"si\":-32768,\"mi\":8388607,\"bi\":-9223372036854775808,\
        \"bu\":18446744073709551615,\"b1\":1,\"b9\":341,\"b64\":18446744073709551615,\"y\":2024,\
        \"de\":12345678901234567890.0123456789,\"f\":0.1,\"d\":0.1,\"c\":\"ab\",\"vc\":\"hé\\\"\",\"lt\":\"\",\
        \"en\":\"ü\",\"st\":\"x,z\",\"j\":{\"a\":[2.5,\"é\"],\"b\":1},\"dd\":\"2024-02-29\",\
        \"dt\":\"2024-02-29T01:02:03Z\",\"dt6\":\"2024-02-29T01:02:03.000456Z\",\"ts\":\"2024-02-29T01:02:03Z\",\
        \"ts6\":\"2024-02-29T01:02:03.5Z\",\"tm\":\"-838:59:58.5\",\"bin\":\"AQIAAA==\",\"vb\":\"AP8=\",\"bl\":\"\",\
        \"lb\":\"3q2+7w==\",\"pt\":\"AAAAAAEBAAAAAAAAAAAA8D8AAAAAAAAAQA==\",\"pg\":";
    assert!(lines[1].starts_with(expected), "{}\n{expected}", lines[1]);
    assert!(lines[1].ends_with("\"vl\":\"é\"}"), "{}", lines[1]);
    for (line, parts) in [
        (2, ["\"f\":16777216.0", "\"d\":1e+308", "\"dd\":\"0000-00-00\"", "\"tm\":\"-00:00:01\"", "\"y\":0"]),
        (3, ["\"f\":1e-45", "\"d\":5e-324", "\"dd\":\"9999-12-31\"", "\"tm\":\"838:59:59\"", "\"y\":2155"]),
        (
            4,
            [
                "\"f\":0.3,",
                "\"d\":0.30000000000000004",
                "\"dt\":\"1970-",
                "\"tm\":\"00:00:00\"",
                "\"y\":1901",
            ],
        ),
    ] {
        for part in parts {
            assert!(lines[line].contains(part), "{part} in {}", lines[line]);
        }
    }
}

/// To a plain query Dolt 2.2.0 sends nothing in the place of JSON and geometry that are out of line.
#[test]
fn what_is_out_of_line_comes_whole_from_every_dolt() {
    for dolt in Dolt::EVERY {
        let server = Server::start_as(dolt, None);
        let mut client = server.client();
        client.new_database("d");
        let points: Vec<_> = (0..1000).map(|at| format!("point({at},1)")).collect();
        client.run(&[
            "CREATE TABLE long_values (id int PRIMARY KEY, j json, g geometry, t text)",
            &format!(
                "INSERT INTO long_values VALUES (1, json_object('a',repeat('z',50000)), linestring({}), repeat('t',50000))",
                points.join(",")
            ),
            "CREATE VIEW of_them AS SELECT * FROM long_values",
        ]);
        client.commit("long values", "2026-01-01T00:00:00");
        let database = database(&server.url("d"));
        let committed = files(&database, &head(&database));
        for listed in [&committed, &live_files(&database)] {
            for path in ["long_values.jsonl", "of_them.jsonl"] {
                let line: serde_json::Value =
                    serde_json::from_str(&text(listed, path)).expect("a line of JSON");
                let len = |value: &serde_json::Value| value.as_str().map_or(0, str::len);
                // SRID, byte order, type and count before 16 bytes for each point, in Base64.
                let expected = (50_000, (13 + 1000 * 16_usize).div_ceil(3) * 4, 50_000);
                assert_eq!(
                    (len(&line["j"]["a"]), len(&line["g"]), len(&line["t"])),
                    expected,
                    "{dolt:?} {path}"
                );
            }
        }
    }
}

/// A database and tables whose names hold everything that Dolt lets through.
fn odd_names(client: &mut Client) {
    client.new_database("we-ird db'q\"z");
    client.run(&[
        "CREATE TABLE `we/ird` (id int PRIMARY KEY)",
        "CREATE TABLE `..` (id int PRIMARY KEY)",
        "CREATE TABLE CON (id int PRIMARY KEY)",
        "CREATE TABLE `q``u'o\"te\\\\` (`c``x` int PRIMARY KEY, `a\"b\\` text)",
        "INSERT INTO `q``u'o\"te\\\\` VALUES (1, 'x')",
        "INSERT INTO `..` VALUES (7)",
        "CREATE VIEW `v i'ew` AS SELECT * FROM `..`",
    ]);
    client.commit("odd names", "2026-01-01T00:00:00");
    client.run(&["INSERT INTO `..` VALUES (8)"]);
}

#[test]
fn names_of_any_kind() {
    let server = Server::start();
    odd_names(&mut server.client());
    let database = database(&server.url("we-ird db'q\"z"));
    assert_eq!(database.name(), "we-ird db'q\"z");
    let listed = files(&database, &head(&database));
    let paths: Vec<_> = listed.iter().map(|file| &*file.path).collect();
    let expected =
        ["%2E..jsonl", "CON.jsonl", "q`u'o\"te\\\\.jsonl", "schema.sql", "v i'ew.jsonl", "we%2Fird.jsonl"];
    assert_eq!(paths, expected);
    assert_eq!(text(&listed, "%2E..jsonl"), "{\"id\":7}\n");
    assert_eq!(text(&listed, "v i'ew.jsonl"), "{\"id\":7}\n");
    assert_eq!(text(&listed, "q`u'o\"te\\\\.jsonl"), "{\"c`x\":1,\"a\\\"b\\\\\":\"x\"}\n");
    assert_eq!(text(&listed, "we%2Fird.jsonl"), "");
    assert!(text(&listed, "schema.sql").contains("CREATE TABLE `q``u'o\"te"));
    let live = live_files(&database);
    assert_eq!(text(&live, "%2E..jsonl"), "{\"id\":7}\n{\"id\":8}\n");
    assert_eq!(text(&live, "v i'ew.jsonl"), "{\"id\":7}\n{\"id\":8}\n");
}

#[test]
fn rows_come_in_key_order_whatever_indexes_there_are() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    client.run(&[
        "CREATE TABLE s (id varchar(20) COLLATE utf8mb4_0900_ai_ci, n int, x int, PRIMARY KEY (n, id), UNIQUE KEY (x),
           KEY (x, n, id))",
        "INSERT INTO s VALUES ('b',2,1),('A',2,9),('a0',1,5),('B1',2,3),('é',2,33),('c',-1,2)",
    ]);
    client.commit("s", "2026-01-01T00:00:00");
    let database = database(&server.url("d"));
    let file = text(&files(&database, &head(&database)), "s.jsonl");
    let ids: Vec<_> = file.lines().map(|line| line.split('"').nth(3).unwrap_or_default()).collect();
    assert_eq!(ids, ["c", "a0", "A", "b", "B1", "é"]);
}

#[test]
fn views_read_as_they_did_then() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    client.run(&[
        "CREATE TABLE a (id int PRIMARY KEY, v int)",
        "CREATE TABLE secret (id int PRIMARY KEY)",
        "INSERT INTO a VALUES (1, 9), (2, 5), (3, 7)",
        "CREATE VIEW v1 AS SELECT v, id FROM a",
        "CREATE VIEW v2 AS SELECT v FROM v1 WHERE id > 1",
        "CREATE VIEW ordered AS SELECT id FROM a ORDER BY id DESC",
        "CREATE VIEW clock AS SELECT now() AS n FROM a",
        "CREATE VIEW tells AS SELECT * FROM secret",
    ]);
    let then: Arc<str> = client.commit("then", "2026-01-01T00:00:00").into();
    client
        .run(&["CREATE OR REPLACE VIEW v1 AS SELECT v + 100 AS v, id FROM a", "INSERT INTO a VALUES (4, 1)"]);
    let now: Arc<str> = client.commit("now", "2026-01-02T00:00:00").into();
    let mut options = asof::source::dolt::server::DoltOptions::default();
    let mut exclude = globset::GlobSetBuilder::new();
    exclude.add(globset::Glob::new("d/sec*").expect("a pattern"));
    options.exclude = exclude.build().expect("one pattern");
    let source =
        asof::source::dolt::server::DoltSqlSource::new(&server.url(""), options).expect("the URL is right");
    let databases = poll(&source).expect("the first poll lists");
    let (then, now) = (files(&databases[0], &then), files(&databases[0], &now));
    let paths: Vec<_> = then.iter().map(|file| &*file.path).collect();
    assert_eq!(paths, ["a.jsonl", "ordered.jsonl", "schema.sql", "v1.jsonl", "v2.jsonl"]);
    assert_eq!(text(&then, "v2.jsonl"), "{\"v\":5}\n{\"v\":7}\n");
    assert_eq!(text(&now, "v2.jsonl"), "{\"v\":101}\n{\"v\":105}\n{\"v\":107}\n");
    assert_eq!(text(&then, "ordered.jsonl"), "{\"id\":3}\n{\"id\":2}\n{\"id\":1}\n");
    assert_ne!(entry(&then, "v2.jsonl").id, entry(&now, "v2.jsonl").id);
    let schema = text(&then, "schema.sql");
    for said in
        ["view `clock` are not shown: it calls now", "view `tells` are not shown", "table `secret` are not"]
    {
        assert!(schema.contains(said), "{said}\n{schema}");
    }
}

#[test]
fn the_views_of_a_commit_are_those_that_it_had() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    client.run(&["CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE turns (id int PRIMARY KEY)"]);
    let none = client.commit("no view", "2026-01-01T00:00:00");
    client.run(&["CREATE VIEW old AS SELECT id FROM a"]);
    let old = client.commit("a view", "2026-01-02T00:00:00");
    client.run(&["DROP VIEW old", "DROP TABLE turns"]);
    let dropped = client.commit("no view any more", "2026-01-03T00:00:00");
    client.run(&["CREATE VIEW new AS SELECT id FROM a", "CREATE VIEW turns AS SELECT id + 1 AS id FROM a"]);
    let new = client.commit("two views", "2026-01-04T00:00:00");
    client.run(&["DROP VIEW new", "DROP VIEW turns"]);
    let last = client.commit("no view of now", "2026-01-05T00:00:00");
    let database = database(&server.url("d"));
    let shown = |commit: String| {
        let files = files(&database, &commit.into());
        let schema = text(&files, "schema.sql");
        let views =
            schema.lines().filter(|line| line.starts_with("CREATE") && line.contains(" VIEW ")).count();
        (files.iter().map(|file| file.path.to_string()).collect::<Vec<_>>().join(" "), views)
    };
    let expected = |files: &str, views| (files.to_owned(), views);
    assert_eq!(shown(none), expected("a.jsonl schema.sql turns.jsonl", 0));
    assert_eq!(shown(old), expected("a.jsonl old.jsonl schema.sql turns.jsonl", 1));
    assert_eq!(shown(dropped), expected("a.jsonl schema.sql", 0));
    assert_eq!(shown(new), expected("a.jsonl new.jsonl schema.sql turns.jsonl", 2));
    assert_eq!(shown(last), expected("a.jsonl schema.sql", 0));
}

/// What is listed of a database may be gone when it is looked into: that must not keep the rest from being read.
#[test]
fn a_branch_that_was_collected_since_the_listing_hides_no_other() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    client.run(&["CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"]);
    client.commit("first", "2026-01-01T00:00:00");
    client.run(&["CALL DOLT_CHECKOUT('-b', 'side')", "INSERT INTO t VALUES (2)"]);
    client.commit("on the side", "2026-01-02T00:00:00");
    client.run(&["CALL DOLT_CHECKOUT('main')", "INSERT INTO t VALUES (3)"]);
    client.commit("second", "2026-01-03T00:00:00");

    // Of a single database, what its commits changed is loaded ahead.
    let source = source(&server.url(""));
    let listed = poll(&source).expect("the first poll lists").remove(0);
    let aside = &listed.history().off_timeline;
    assert_eq!(aside.iter().map(|commit| &*commit.message).collect::<Vec<_>>(), ["on the side"]);
    client.run(&["CALL DOLT_BRANCH('-D', 'side')"]);
    // It ends the transaction that has the branch: what a transaction has is not collected.
    assert!(poll(&source).is_some());
    client.run(&["CALL DOLT_GC()"]);
    assert_eq!(text(&files(&listed, &head(&listed)), "t.jsonl"), "{\"id\":1}\n{\"id\":3}\n");
    let error = wait(listed.files(&aside[0].id)).err().expect("its branch is gone");
    assert_eq!(error.kind, asof::content::ErrorKind::Missing, "{}", error.chain());
}

#[test]
fn the_working_set_is_shown_beside_the_head() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    client.run(&[
        "CREATE TABLE same (id int PRIMARY KEY)",
        "CREATE TABLE changed (id int PRIMARY KEY)",
        "CREATE VIEW of_same AS SELECT * FROM same",
        "CREATE VIEW of_changed AS SELECT * FROM changed",
        "INSERT INTO dolt_ignore VALUES ('wisp%', 1)",
    ]);
    client.commit("head", "2026-01-01T00:00:00");
    let database = database(&server.url("d"));
    let committed = files(&database, &head(&database));
    let ids = |files: &[asof::content::FileEntry]| files.iter().map(|file| file.id).collect::<Vec<_>>();
    assert_eq!(ids(&live_files(&database)), ids(&committed), "nothing is changed yet");
    assert_eq!(entry(&committed, "same.jsonl").links, 2, "the head and live");

    client.run(&[
        "INSERT INTO changed VALUES (1)",
        "CREATE TABLE wisps (id int PRIMARY KEY)",
        "INSERT INTO wisps VALUES (5)",
    ]);
    let live = live_files(&database);
    for path in ["same.jsonl", "of_same.jsonl"] {
        assert_eq!(entry(&live, path).id, entry(&committed, path).id, "{path}");
    }
    for path in ["changed.jsonl", "of_changed.jsonl", "schema.sql"] {
        assert_ne!(entry(&live, path).id, entry(&committed, path).id, "{path}");
    }
    assert_eq!(text(&live, "changed.jsonl"), "{\"id\":1}\n");
    assert_eq!(text(&live, "of_changed.jsonl"), "{\"id\":1}\n");
    assert_eq!(text(&live, "wisps.jsonl"), "{\"id\":5}\n");
    assert!(text(&live, "schema.sql").contains("CREATE TABLE `wisps`"));
    let again = live_files(&database);
    assert_eq!(ids(&again), ids(&live));
    assert_eq!(entry(&again, "wisps.jsonl").changed, entry(&live, "wisps.jsonl").changed);

    client.run(&["INSERT INTO changed VALUES (2)"]);
    for path in ["changed.jsonl", "of_changed.jsonl"] {
        let error = bytes(&entry(&live, path).content).expect_err("what was listed is gone");
        assert_eq!(error.kind, asof::content::ErrorKind::Changed, "{path}: {}", error.chain());
    }
    assert_eq!(text(&live_files(&database), "changed.jsonl"), "{\"id\":1}\n{\"id\":2}\n");
    client.run(&["DELETE FROM changed", "DROP TABLE wisps"]);
    assert_eq!(ids(&live_files(&database)), ids(&committed), "all is as in the head again");
}

#[test]
fn a_state_of_the_working_set_that_comes_back_is_as_old_as_before() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    client.run(&["CREATE TABLE t (id int PRIMARY KEY)"]);
    client.commit("head", "2026-01-01T00:00:00");
    // Each look at the clock is a second after the last.
    let looks = std::sync::atomic::AtomicI64::new(0);
    let now = move || {
        let second = looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        jiff::Timestamp::from_second(second).expect("a time")
    };
    let options = DoltOptions { clock: now.into(), ..DoltOptions::default() };
    let source = DoltSqlSource::new(&server.url("d"), options).expect("the URL is right");
    let database = poll(&source).expect("the first poll lists").remove(0);
    let mut seen = |change: &str| {
        client.run(&[change]);
        let live = live_files(&database);
        (entry(&live, "t.jsonl").id, entry(&live, "t.jsonl").changed)
    };
    let before = seen("INSERT INTO t VALUES (1)");
    let between = seen("INSERT INTO t VALUES (2)");
    assert!(between.0 != before.0 && between.1 > before.1);
    assert!((1..10).contains(&between.1.as_second()), "not by the source's clock: {:?}", between.1);
    assert_eq!(seen("DELETE FROM t WHERE id = 2"), before);
}

#[test]
fn large_values_and_no_values() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    client.run(&[
        "CREATE TABLE large (id int PRIMARY KEY, t longtext)",
        "INSERT INTO large VALUES (1, repeat('é', 2500000)), (2, '')",
        "CREATE TABLE empty_ (id int PRIMARY KEY)",
    ]);
    client.commit("large", "2026-01-01T00:00:00");
    let source = source(&server.url("d"));
    let databases = poll(&source).expect("the first poll lists");
    let listed = files(&databases[0], &head(&databases[0]));
    let file = text(&listed, "large.jsonl");
    assert_eq!(file.len(), "{\"id\":1,\"t\":\"\"}\n".len() * 2 + 5_000_000);
    assert_eq!(text(&listed, "empty_.jsonl"), "");
    let first = files(&databases[0], &databases[0].history().timeline[1].id);
    let paths: Vec<_> = first.iter().map(|file| &*file.path).collect();
    assert_eq!((paths, text(&first, "schema.sql")), (vec!["schema.sql"], String::new()));
}
