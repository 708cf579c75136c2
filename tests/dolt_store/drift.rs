//! Encoding drift: rows in another encoding than their schema declares, as Dolt 2.0.7 and 2.0.8 left them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use asof::content::{ErrorKind, SourceError};
use asof::source::dolt::store::{DoltStoreOptions, DoltStoreSource};
use asof::source::{Database, Source};

use crate::agreement::from_files;
use crate::forge::Forged;
use crate::support::server::{Dolt, Server};
use crate::support::sql::Client;
use crate::support::{bytes, files, wait};
use crate::verify::oracle;

/// The columns with changed encodings, each with the numbers of the addressed and the adaptive one.
const COLUMNS: [(&str, u8, u8); 4] = [("t", 23, 135), ("b", 21, 136), ("j", 24, 139), ("g", 26, 138)];
/// Enough rows for several values whose addresses begin with a zero byte.
const ROWS: usize = 900;

/// Adds values of all lengths; many have an address that begins with zero.
fn fill(client: &mut Client) {
    client.new_database("db");
    client.run(&["CREATE TABLE drifted (id int, k varchar(9), t text, b longblob, j json, g geometry, PRIMARY KEY (k, id))"]);
    let row = |id: usize| {
        let long = if id.is_multiple_of(50) { 300 } else { 1 };
        format!(
            "({id},'é{}',repeat('text {id} ',{long}),x'{}',json_object('n',{id},'t',repeat('j',{})),point({id},1))",
            id % 3,
            format!("{id:06x}").repeat(long + id % 9),
            long * 4
        )
    };
    let rows: Vec<_> = (0..ROWS).map(row).collect();
    client.run(&[
        &format!("INSERT INTO drifted VALUES {}", rows.join(",")),
        "INSERT INTO drifted VALUES (5000,'x',NULL,NULL,NULL,NULL),(5001,'x','nineteen bytes long',x'aa','[]',NULL)",
    ]);
    client.commit("values", "2026-01-01T00:00:00");
}

fn tables(database: &Arc<dyn Database>) -> BTreeMap<Arc<str>, Result<Vec<u8>, SourceError>> {
    let newest = database.history().timeline.first().expect("a commit").id.clone();
    let listed = files(database, &newest);
    let tables = listed.iter().filter(|file| file.path.ends_with(".jsonl"));
    tables.map(|file| (file.path.clone(), bytes(&file.content))).collect()
}

#[track_caller]
fn table(path: &Path, name: &str) -> Result<Vec<u8>, SourceError> {
    tables(&from_files(path, "db")).remove(name).unwrap_or_else(|| panic!("there is no {name}"))
}

#[track_caller]
fn retag(database: &Path, to_adaptive: bool) {
    let mut forged = Forged::open(database);
    for (column, addressed, adaptive) in COLUMNS {
        let (from, to) = if to_adaptive { (addressed, adaptive) } else { (adaptive, addressed) };
        assert!(forged.retag(column, from, to) > 0, "{column} is in encoding {from}");
    }
    forged.write();
}

#[track_caller]
fn same(ours: Result<Vec<u8>, SourceError>, expected: &[u8]) {
    let ours = ours.unwrap_or_else(|error| panic!("{}", error.chain()));
    let (ours, expected) = (String::from_utf8_lossy(&ours), String::from_utf8_lossy(expected));
    for (ours, expected) in ours.lines().zip(expected.lines()) {
        assert_eq!(ours, expected);
    }
    assert_eq!(ours.len(), expected.len());
}

#[test]
fn an_adaptive_column_over_addresses_reads_as_before() {
    let mut server = Server::start();
    fill(&mut server.client());
    let expected = table(&server.data(), "drifted.jsonl").unwrap_or_else(|error| panic!("{}", error.chain()));
    server.kill();
    retag(&server.data().join("db"), true);
    same(table(&server.data(), "drifted.jsonl"), &expected);

    // A later Dolt writes rows in the new encoding next to those in the old one.
    let mut newer = Server::start_as(Dolt::New, Some(&server));
    let more = [
        "INSERT INTO drifted VALUES (5002,'x','more',repeat('0102',4000),'{}',point(0,0)),(5003,'x','','','[]',NULL)",
        "INSERT INTO drifted VALUES (5004,'x','nineteen bytes more',x'00000000000000000000000000000000000001',NULL,NULL)",
    ];
    let mut client = newer.client();
    client.use_database("db");
    client.run(&more);
    client.commit("more", "2026-01-02T00:00:00");
    let lines = |path: &Path| {
        let text = table(path, "drifted.jsonl").unwrap_or_else(|error| panic!("{}", error.chain()));
        String::from_utf8(text).expect("lines are UTF-8")
    };
    let with_more = lines(&newer.data());
    let (mut before, mut after) = (0, Vec::new());
    for line in with_more.lines() {
        let id: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        match id["id"].as_u64().expect("a number") > 5001 {
            true => after.push(line),
            false => before += line.len() + 1,
        }
    }
    assert_eq!(before, expected.len());
    // The server itself can read the new rows.
    let texts = [["more"], [""], ["nineteen bytes more"]];
    assert_eq!(client.texts("SELECT t FROM drifted WHERE k = 'x' AND id > 5001 ORDER BY id"), texts);
    for (line, [text]) in after.iter().zip(texts) {
        assert!(line.contains(&format!("\"t\":\"{text}\"")), "{line}");
    }
    assert_eq!(after.len(), 3);
    newer.kill();
}

#[test]
fn an_addressed_column_over_adaptive_values_reads_as_before() {
    let mut server = Server::start_as(Dolt::New, None);
    fill(&mut server.client());
    server.kill();
    let path = server.data();
    let expected = table(&path, "drifted.jsonl").unwrap_or_else(|error| panic!("{}", error.chain()));
    retag(&path.join("db"), false);
    // The one value of 19 bytes could be the address of a lost chunk.
    let error = table(&path, "drifted.jsonl").expect_err("one value is ambiguous");
    is_no_guess(&error, "t", "\"id\":5001");

    let mut server = Server::start_as(Dolt::New, None);
    let mut client = server.client();
    fill(&mut client);
    client.run(&["DELETE FROM drifted WHERE id = 5001"]);
    client.commit("without it", "2026-01-02T00:00:00");
    server.kill();
    retag(&server.data().join("db"), false);
    let lines = expected.split_inclusive(|&byte| byte == b'\n');
    let expected: Vec<_> =
        lines.filter(|line| !String::from_utf8_lossy(line).contains("\"id\":5001")).collect();
    same(table(&server.data(), "drifted.jsonl"), &expected.concat());
}

/// Checks that an error names the value and does not report damage.
#[track_caller]
fn is_no_guess(error: &SourceError, column: &str, key: &str) {
    assert_eq!(error.kind, ErrorKind::Unsupported, "{}", error.chain());
    let story = error.chain();
    for part in ["\"drifted\"", &format!("{column:?}"), key, "2.0.7"] {
        assert!(story.contains(part), "{part} in {story}");
    }
}

/// A stopped server that has a row with empty values.
fn with_an_empty_value() -> Server {
    let mut server = Server::start();
    let mut client = server.client();
    fill(&mut client);
    client.run(&["INSERT INTO drifted VALUES (7,'z','',x'','[]',NULL)"]);
    client.commit("an empty one", "2026-01-02T00:00:00");
    server.kill();
    server
}

#[test]
fn an_empty_value_or_nineteen_zeros_is_no_guess() {
    let server = with_an_empty_value();
    retag(&server.data().join("db"), true);
    let error = table(&server.data(), "drifted.jsonl").expect_err("the value is ambiguous");
    is_no_guess(&error, "t", "{\"k\":\"z\",\"id\":7}");
    // The same rows, read by key.
    let database = from_files(&server.data(), "db");
    let newest = database.history().timeline.first().expect("a commit").id.clone();
    let dump = wait(database.sql_dump(&newest)).unwrap_or_else(|error| panic!("{}", error.chain()));
    let error = bytes(&dump.expect("Dolt can be dumped").content).expect_err("the value is ambiguous");
    is_no_guess(&error, "t", "\"id\":7");
}

#[test]
fn what_cannot_be_told_is_not_called_damage() {
    let server = with_an_empty_value();
    let database = server.data().join("db");
    retag(&database, true);
    crate::verify::verify(&database).expect_nothing();
    let (is_content, words) = oracle::fsck(Dolt::New, &database).expect("it ends for a whole store");
    assert!(is_content, "the forged store is sound: {words}");
    let source = DoltStoreSource::open(&database, DoltStoreOptions::default()).expect("it is there");
    let found = wait(source.poll()).unwrap_or_else(|error| panic!("{}", error.chain()));
    let databases = found.expect("the first poll lists");
    let failures = tables(&databases[0]).into_values().filter_map(Result::err).count();
    assert_eq!(failures, 1);
}
