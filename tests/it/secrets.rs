//! Credentials stay with their owner: a mount protects them with file modes, commands mask them in their output. Files keep
//! their exact bytes, so that they can be restored.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::support::archives::write_zip;
use crate::support::command::{Run, run};
use crate::support::files::read_text;
use crate::support::mount::{Mount, asof};
use crate::support::server::Server;
use crate::support::temp_dir;
use crate::support::user::{User, can_be_others, open_all, public_dir, set_mode};

const STRANGER: User = User::new(54_001);

/// Every secret value of these tests contains this.
const HUSH: &str = "hush-hush";
const MASK: &str = "********";

/// Two snapshots with Beads' settings: one token changes, one stays the same, and one setting is not secret.
fn settings(server: &Server, database: &str) {
    let mut client = server.client();
    client.new_database(database);
    client.run(&[
        "CREATE TABLE config (`key` varchar(255) PRIMARY KEY, value text NOT NULL)",
        "CREATE TABLE federation_peers (name varchar(255) PRIMARY KEY, remote_url text, password_encrypted blob)",
        "CREATE TABLE issues (id varchar(20) PRIMARY KEY, title text)",
        &format!("INSERT INTO config VALUES ('linear.api_key','{HUSH}-1'),('github.token','{HUSH}-2'),
            ('issue_prefix','bd')"),
        &format!("INSERT INTO federation_peers VALUES ('a','u','{HUSH}-3')"),
        "INSERT INTO issues VALUES ('bd-1','token')",
    ]);
    client.commit("first", "2026-01-05T12:00:00");
    client.run(&[
        &format!("UPDATE config SET value='{HUSH}-4' WHERE `key`='linear.api_key'"),
        "UPDATE config SET value='gt' WHERE `key`='issue_prefix'",
        &format!("INSERT INTO config VALUES ('jira.api_token','{HUSH}-5')"),
        "UPDATE issues SET title='tokens' WHERE id='bd-1'",
    ]);
    client.commit("second", "2026-01-06T12:00:00");
}

fn command(name: &str, source: &str) -> Run {
    run(asof()).args([name, "--cache-dir", "", "--exclude", "", "--from", source])
}

#[test]
fn secret_tables_and_what_is_made_of_them_are_their_owners() {
    if !can_be_others("secret_tables_and_what_is_made_of_them_are_their_owners") {
        return;
    }
    let server = Server::start();
    settings(&server, "b");
    let mount = Mount::with(&["--exclude", "", "-o", "allow_other,umask=022,mode=0444"], &[server.url("b")]);
    let [first, second] = ["2026-01-05T120000Z", "2026-01-06T120000Z"];
    let secret = [
        format!("b/asof/{first}/config.jsonl"),
        "b/latest/config.jsonl".to_owned(),
        "b/latest/federation_peers.jsonl".to_owned(),
        "b/live/config.jsonl".to_owned(),
        format!("b/versions/config/{first}.jsonl"),
        "b/history/config/github.token.jsonl".to_owned(),
        format!("b/diff/{first}..{second}/config.jsonl"),
        format!("b/diff/{first}..live/config.jsonl"),
        format!("b/sql/{second}.sql"),
    ];
    for path in &secret {
        STRANGER.is_refused(&mount, path);
        assert!(
            read_text(mount.path(path)).contains(if path.contains("peers") { "aHVzaC1odXNo" } else { HUSH }),
            "{path}"
        );
        assert_eq!(mount.path(path).metadata().expect("it is there").mode() & 0o777, 0o400, "{path}");
    }
    // Not even whether such a setting exists.
    let looked = STRANGER.run(mount.root(), "stat", &["b/history/config/no.such.jsonl"]);
    assert!(looked.stderr.contains("Permission denied"), "{}", looked.stderr);
    let open = [
        "b/latest/issues.jsonl".to_owned(),
        "b/latest/schema.sql".to_owned(),
        format!("b/diff/{first}..{second}/issues.jsonl"),
        format!("b/diff/{first}..{second}/summary.json"),
        format!("b/sums/{second}.sha256"),
        "b/log.jsonl".to_owned(),
    ];
    for path in &open {
        STRANGER.reads(&mount, path);
        assert!(!read_text(mount.path(path)).contains(HUSH), "{path}");
    }
    // Without --exclude '', the passwords of peers do not appear at all.
    let usual = Mount::new(&[server.url("b")]);
    assert!(!usual.path("b/latest/federation_peers.jsonl").exists());
    assert_eq!(usual.path("b/latest/config.jsonl").metadata().expect("it is there").mode() & 0o777, 0o400);
    assert_eq!(usual.path("b/latest/issues.jsonl").metadata().expect("it is there").mode() & 0o777, 0o444);
}

#[test]
fn secrets_in_archives_are_found_by_the_names_of_their_files() {
    if !can_be_others("secrets_in_archives_are_found_by_the_names_of_their_files") {
        return;
    }
    let dir = public_dir();
    let row = format!("{{\"key\":\"github.token\",\"value\":\"{HUSH}\"}}\n");
    let database = dir.path().join("s-2026-01-03T000000.db");
    {
        let sqlite = rusqlite::Connection::open(&database).expect("a new file");
        let tables = format!(
            "CREATE TABLE config (k, v); INSERT INTO config VALUES ('a', '{HUSH}'); CREATE TABLE t (i)"
        );
        sqlite.execute_batch(&tables).expect("it is SQL");
    }
    let bytes = fs::read(&database).expect("the file is ours");
    write_zip(
        &dir.path().join("s-2026-01-01T000000.zip"),
        &[
            ("config.jsonl", row.as_bytes()),
            ("sub/federation_peers.jsonl", b"{}\n"),
            ("pay.csv", b"1\n"),
            ("t.jsonl", b"{}\n"),
        ],
    );
    write_zip(&dir.path().join("s-2026-01-02T000000.zip"), &[("x.db", &bytes), ("y.txt", b"y\n")]);
    open_all(dir.path());
    let mount = Mount::with(&["-o", "allow_other,secret=*.csv"], &[format!("s={}", dir.path().display())]);
    let at = |day: u32, file: &str| format!("s/asof/2026-01-0{day}T000000Z/{file}");
    let secret = [
        at(1, "config.jsonl"),
        at(1, "sub/federation_peers.jsonl"),
        at(1, "pay.csv"),
        at(2, "x.db"),
        at(2, "x.db.tables/config.jsonl"),
        at(3, "config.jsonl"),
        at(3, "s.db"),
        "s/sql/2026-01-03T000000Z.sql".to_owned(),
    ];
    for path in secret {
        STRANGER.is_refused(&mount, &path);
        assert!(!read_text_or_bytes(&mount, &path).is_empty());
    }
    for path in [
        at(1, "t.jsonl"),
        at(2, "y.txt"),
        at(2, "x.db.tables/t.jsonl"),
        at(3, "t.jsonl"),
        at(3, "schema.sql"),
    ] {
        STRANGER.reads(&mount, &path);
    }
}

fn read_text_or_bytes(mount: &Mount, path: &str) -> Vec<u8> {
    fs::read(mount.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn an_export_for_beads_holds_no_setting() {
    if !can_be_others("an_export_for_beads_holds_no_setting") {
        return;
    }
    let dir = public_dir();
    let issue = "{\"id\":\"bd-1\",\"title\":\"t\",\"description\":\"\",\"status\":\"open\",\"priority\":1,\"issue_type\":\"task\",\
                 \"created_at\":\"2026-01-01T00:00:00Z\",\"updated_at\":\"2026-01-01T00:00:00Z\"}\n";
    let config = format!(
        "{{\"key\":\"github.token\",\"value\":\"{HUSH}\"}}\n{{\"key\":\"kv.memory.a\",\"value\":\"note\"}}\n"
    );
    let members: [(&str, &[u8]); 5] = [
        ("issues.jsonl", issue.as_bytes()),
        ("labels.jsonl", b""),
        ("dependencies.jsonl", b""),
        ("comments.jsonl", b""),
        ("config.jsonl", config.as_bytes()),
    ];
    write_zip(&dir.path().join("2026-01-01T000000.zip"), &members);
    open_all(dir.path());
    let source = [format!("s={}", dir.path().display())];
    let mount = Mount::with(&["-o", "allow_other"], &source);
    let export = read_text(mount.path("s/export/latest.jsonl"));
    assert!(export.contains("note") && !export.contains(HUSH), "{export}");
    STRANGER.reads(&mount, "s/export/latest.jsonl");
    let own = Mount::with(&["-o", "allow_other,secret=config"], &source);
    STRANGER.is_refused(&own, "s/export/latest.jsonl");
    set_mode(&dir.path().join("2026-01-01T000000.zip"), 0o600);
    let closed = Mount::with(&["-o", "allow_other"], &source);
    STRANGER.is_refused(&closed, "s/export/latest.jsonl");
}

#[test]
fn what_commands_print_has_no_secret_unless_they_are_asked() {
    let server = Server::start();
    settings(&server, "b");
    let source = server.url("b");
    let [first, second] = ["2026-01-05T120000Z", "2026-01-06T120000Z"];
    let encoded = "aHVzaC1odXNo";
    let commands = [
        vec!["diff", first, second],
        vec!["diff", first, second, "--json"],
        vec!["diff", first, second, "config", "linear.api_key"],
        vec!["diff", first, second, "config", "jira.api_token"],
        vec!["diff", first, second, "config", "jira.api_token", "--json"],
        vec!["find", "api_", "b/config"],
        vec!["find", "api_", "b/config", "--json"],
        vec!["find", "peer", "-e", "\"name\"", "b/federation_peers"],
        vec!["find", "-e", "\"name\"", "b/federation_peers", "--json"],
        vec!["log", "-v"],
        vec!["log", "--json"],
    ];
    for words in commands.iter().filter(|words| !words.contains(&"peer")) {
        let outcome = command(words[0], &source).args(&words[1..]).outcome().expect_status(0);
        let text = outcome.text();
        assert!(!text.contains(HUSH) && !text.contains(encoded), "{words:?}: {text}");
        if words[0] != "log" {
            assert!(text.contains(MASK), "{words:?}: {text}");
            let told = command(words[0], &source).args(&words[1..]).arg("--show-secrets").ok();
            assert!(
                (told.contains(HUSH) || told.contains(encoded)) && !told.contains(MASK),
                "{words:?}: {told}"
            );
        }
    }
    // The output says which secret changed, but not its values; other values are shown.
    let text = command("diff", &source).args([first, second]).ok();
    assert!(text.contains(&format!("value: \"{MASK}\" -> \"{MASK}\"")), "{text}");
    assert!(text.contains("value: \"bd\" -> \"gt\"") && text.contains("~ linear.api_key"), "{text}");
    let json = command("diff", &source).args([first, second, "config", "linear.api_key", "--json"]).ok();
    let line = format!(
        "{{\"database\":\"b\",\"table\":\"config\",\"change\":\"modified\",\"key\":{{\"key\":\"linear.api_key\"}},\
         \"from\":{{\"value\":\"{MASK}\"}},\"to\":{{\"value\":\"{MASK}\"}}}}\n"
    );
    assert_eq!(json, line);
    // Files contain every byte.
    let cat = |path: &str| run(asof()).args(["cat", "--cache-dir", "", "--from", &source, path]).ok();
    assert!(cat("b/latest/config.jsonl").contains(HUSH));
}

#[test]
fn no_search_says_what_a_secret_is() {
    let server = Server::start();
    settings(&server, "b");
    let source = server.url("b");
    let find = |words: &[&str]| command("find", &source).args(words).outcome();
    for words in [&[HUSH][..], &["-i", "HUSH-HUSH-2"], &["-e", "hush-[0-9a-z]+-2"], &["aHVzaC1odXNo"]] {
        let outcome = find(words).expect_status(1);
        assert_eq!(outcome.text(), "", "{words:?}");
        let shown: Vec<&str> = words.iter().copied().chain(["--show-secrets"]).collect();
        assert!(find(&shown).expect_status(0).text().contains("config") || words[0] == "aHVzaC1odXNo");
    }
    // The answer to an expression that matches the mask, or a guess, does not depend on the secret.
    let guess =
        |guess: &str| find(&["-e", &format!(r#"\*{{8}}|{guess}"#), "b/config"]).expect_status(0).text();
    assert_eq!(guess("hush-hush-2"), guess("no such text"));
    let length =
        |len: usize| find(&["-e", &format!(r#""github.token","value":".{{{len}}}""#), "b/config"]).text();
    assert_eq!(length(HUSH.len() + 2), "");
    assert!(length(MASK.len()).contains("github.token"), "only the mask has a length");
}

#[test]
fn own_patterns_are_added() {
    let dir = temp_dir();
    let row = |mail: &str| format!("{{\"id\":1,\"mail\":\"{mail}\",\"age\":7}}\n");
    for (day, mail) in [(1, "m1"), (2, "m2")] {
        let path = dir.path().join(format!("2026-01-0{day}T000000.zip"));
        write_zip(&path, &[("people.jsonl", row(mail).as_bytes()), ("issues.jsonl", b"{\"id\":1}\n")]);
    }
    let source = format!("s={}", dir.path().display());
    let diff = |secret: &str| {
        command("diff", &source).args(["--secret", secret, "2026-01-01..latest", "--json"]).ok()
    };
    assert!(
        diff("people:mail")
            .contains(&format!("\"from\":{{\"mail\":\"{MASK}\"}},\"to\":{{\"mail\":\"{MASK}\"}}"))
    );
    assert!(diff("people").contains(MASK) && !diff("people:age").contains(MASK));
    assert!(diff("issues").contains("\"m1\""));
    let listed = run(asof())
        .args(["ls", "-l", "--cache-dir", "", "--secret", "peo*", "--from", &source, "latest/"])
        .ok();
    let mode = |file: &str| {
        listed.lines().find(|line| line.ends_with(file)).expect("it is listed").split(' ').next()
    };
    assert_eq!(
        (mode("people.jsonl"), mode("issues.jsonl")),
        (Some("-r--------"), Some("-r--r--r--")),
        "{listed}"
    );
    let wrong =
        command("diff", &source).args(["--secret", "[", "latest", "latest"]).outcome().expect_status(2);
    assert!(wrong.stderr.contains("--secret is not a valid pattern"), "{}", wrong.stderr);
}
