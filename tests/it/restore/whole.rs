//! A whole Dolt database from its SQL.

use std::fs;
use std::path::Path;

use super::dolt::{DAMAGE, THEN, beads, commit_of, hashes, hashes_in, kitchen, mounted, restored};
use crate::support::histories;
use crate::support::sql::ident;

pub fn dolt_from_sql(recipe: &str) {
    let mut server = beads("12345678901234567890.1234");
    histories::every_type(&mut server.client(), "types");
    for (database, then, is_running) in
        [("beads", THEN, true), ("types", "2026-02-01T000000Z", true), ("types", "2026-02-02T000000Z", false)]
    {
        let (source, mount) = mounted(&server, database, !is_running);
        let commit = commit_of(&mount, database, then);
        let wanted = hashes(&mut server.client(), &format!("{database}/{commit}"));
        if !is_running {
            server.kill();
        }
        let kitchen = kitchen(recipe, &server, &source, &mount.path(database), then);
        kitchen.cook();
        assert!(kitchen.worked().contains("whole"));
        if !is_running {
            server.start_again();
        }
        let mut client = server.client();
        assert_eq!(hashes(&mut client, "restored"), wanted, "{database} as of {then}");
        let table = if database == "types" { "bytes" } else { "labels" };
        client.rows(&format!("DELETE FROM {} LIMIT 1", ident(table)));
        client.commit("less", "2026-03-01T00:00:00");
        kitchen.is_seen_to_be_wrong();
        client.rows("DROP DATABASE restored");
    }
    let views = "SELECT name FROM dolt_schemas WHERE type = 'view'";
    let mut client = server.client();
    client.use_database("beads");
    assert_eq!(client.rows(views).len(), 4, "and the original is as it was");
    assert_eq!(client.one("SELECT count(*) FROM dolt_status"), "0");
}

pub fn in_place(recipe: &str) {
    let mut server = beads("1.5");
    let (source, mount) = mounted(&server, "beads", false);
    let commit = commit_of(&mount, "beads", THEN);
    let wanted = hashes(&mut server.client(), &format!("beads/{commit}"));
    let kitchen = kitchen(recipe, &server, &source, Path::new("/nowhere"), THEN);
    let (kept, original) = (server.data().join("../beads.broken"), server.data().join("beads/.dolt"));
    assert!(!kitchen.try_to_cook().status.success(), "nothing takes its place");
    assert!(original.exists() && !kept.exists());
    restored(&server, &mount);
    drop(mount);
    server.kill();
    fs::create_dir(&kept).expect("the folder is ours");
    assert!(!kitchen.try_to_cook().status.success(), "its new name is taken");
    assert!(original.exists() && server.data().join("restored/.dolt").exists());
    fs::remove_dir(&kept).expect("nothing was moved there");
    kitchen.is_seen_to_be_wrong();
    kitchen.cook();
    kitchen.worked();
    server.start_again();
    assert_eq!(hashes(&mut server.client(), "beads"), wanted);
    let log = server.command(&kept, &["log", "--oneline"]);
    assert!(log.contains(DAMAGE), "the broken one is kept: {log}");
}

pub fn dolt_without_a_mount(recipe: &str) {
    let server = beads("12345678901234567890.1234");
    histories::every_type(&mut server.client(), "types");
    for (database, then, is_of_files) in [("beads", THEN, false), ("types", "2026-02-01T000000Z", true)] {
        let (source, mount) = mounted(&server, database, is_of_files);
        let commit = commit_of(&mount, database, then);
        drop(mount);
        let kitchen = kitchen(recipe, &server, &source, Path::new("/nowhere"), then);
        kitchen.cook();
        let restored = kitchen.path("restored");
        let wanted = hashes(&mut server.client(), &format!("{database}/{commit}"));
        assert_eq!(hashes_in(&server, &restored), wanted, "{database} from {source}");
        assert!(kitchen.worked().contains("whole"));
        let table = if database == "types" { "bytes" } else { "labels" };
        server.command(&restored, &["sql", "-q", &format!("DELETE FROM {table} LIMIT 1")]);
        server.command(&restored, &["commit", "-am", "less"]);
        kitchen.is_seen_to_be_wrong();
    }
}
