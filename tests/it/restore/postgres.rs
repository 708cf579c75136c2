//! Dumps of PostgreSQL.

use std::collections::BTreeMap;
use std::fs;

use crate::support::mount::Mount;
use crate::support::postgres::Server;
use crate::support::recipes::Kitchen;
use crate::support::temp_dir;

const FIXTURE: &str = include_str!("../../../src/format/tests/fixture.sql");

/// The number and content of the rows of each table, and the other objects, from the server.
fn account(server: &Server, database: &str) -> BTreeMap<String, Vec<String>> {
    let tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
    let of_rows = |table: &String| {
        format!(
            "SELECT count(*) || ' ' || md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) FROM {table} t"
        )
    };
    let mut queries: Vec<String> = server.query(database, tables).iter().map(of_rows).collect();
    let beside = [
        "SELECT sequencename, last_value, increment_by FROM pg_sequences ORDER BY 1",
        "SELECT viewname, definition FROM pg_views WHERE schemaname = 'app' ORDER BY 1",
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'app' ORDER BY 1",
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1, 2",
        "SELECT n FROM app.counts",
        "SELECT lo_get(4242)",
        "SELECT relacl FROM pg_class WHERE relname = 'plain'",
    ];
    queries.extend(beside.map(String::from));
    queries.into_iter().map(|query| (query.clone(), server.query(database, &query))).collect()
}

fn restores(recipe: &str) {
    let server = Server::start();
    server.create("app", FIXTURE);
    let before = account(&server, "app");
    assert!(before.len() > 18, "tables and what is beside them: {before:?}");
    let dir = temp_dir();
    let folder = dir.path().join("app");
    fs::create_dir(&folder).expect("the folder is ours");
    fs::write(folder.join("app-20260120-1800.dump"), server.dump("app", &[])).expect("the folder is ours");
    server.load("app", "DROP SCHEMA app CASCADE");
    let source = folder.display().to_string();
    let mount = Mount::with(&["--timezone", "UTC"], &[&source]);
    let kitchen = Kitchen::new(recipe).programs(server.programs()).environment(server.environment());
    let kitchen = kitchen.set("DB", mount.path("app")).set("T", "2026-01-20T180000Z").set("SOURCE", &source);
    kitchen.cook();
    assert_eq!(account(&server, "restored"), before);
    assert!(kitchen.worked().contains("whole"));
    server.load("restored", "UPDATE app.types SET small = 7 WHERE small = 1");
    kitchen.is_seen_to_be_wrong();
}

pub fn postgres(recipe: &str) {
    restores(recipe);
}

pub fn postgres_without_a_mount(recipe: &str) {
    restores(recipe);
}
