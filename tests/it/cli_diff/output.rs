//! Output on a terminal and in a pipe, and the exit status.

use std::fs;

use super::{diff, shown, zips};
use crate::support::command::shell;
use crate::support::files::names;
use crate::support::mount::{Mount, asof};
use crate::support::server::Server;
use crate::support::{archives, temp_dir};

#[test]
fn colours_are_for_terminals_that_want_them() {
    let dir = temp_dir();
    for (name, row) in
        [("db-20260101-0000", "{\"id\":1,\"v\":1}"), ("db-20260102-0000", "{\"id\":1,\"v\":2}")]
    {
        fs::write(dir.path().join(format!("{name}.jsonl")), format!("{row}\n")).expect("the folder is ours");
    }
    let pair = "2026-01-01..2026-01-02";
    let command = format!(
        "'{}' diff --cache-dir '' --timezone UTC --from db='{}' {pair}",
        asof().display(),
        dir.path().display()
    );
    let terminal = |setting: &str, option: &str| {
        let told =
            shell(&format!("script -qec \"{setting} {command} {option}\" /dev/null")).env("TERM", "xterm");
        told.ok().replace('\r', "")
    };
    let coloured = "\x1b[33mdiff db/asof/2026-01-01T000000Z db/asof/2026-01-02T000000Z\x1b[0m\n\
                    \x1b[1mtable issues:\x1b[0m \x1b[36m~1\x1b[0m\n\x1b[36m~ 1\x1b[0m\n    \
                    \x1b[1mv:\x1b[0m \x1b[31m1\x1b[0m -> \x1b[32m2\x1b[0m\n";
    let plain =
        "diff db/asof/2026-01-01T000000Z db/asof/2026-01-02T000000Z\ntable issues: ~1\n~ 1\n    v: 1 -> 2\n";
    assert_eq!(terminal("", ""), coloured, "on a terminal");
    assert_eq!(terminal("NO_COLOR=1", ""), plain, "not where they are not wanted");
    assert_eq!(terminal("", "--color never"), plain);
    assert_eq!(terminal("NO_COLOR=1", "--color always"), coloured, "who asks for them gets them");
    assert_eq!(shell(&command).ok(), plain, "not in a pipe");
    assert_eq!(shell(&format!("{command} --color always")).ok(), coloured);
}

#[test]
fn hostile_data_does_not_reach_the_terminal() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("bad");
    let (name, column) = ("t\u{1b}[2Jx", "c\u{9b}31m");
    client.run(&[
        &format!("CREATE TABLE `{name}` (id varchar(50) PRIMARY KEY, `{column}` longtext)"),
        &format!("INSERT INTO `{name}` VALUES ('a\u{1b}[31m\nb', 'x'), ('old', 'x')"),
    ]);
    client.commit("one", "2026-01-01T00:00:00");
    let text = format!("{} \u{1b}]0;title\u{7}\r\u{202e}evil", "word ".repeat(40));
    client.run(&[
        &format!("UPDATE `{name}` SET `{column}` = '{text}' WHERE id <> 'old'"),
        &format!("INSERT INTO `{name}` VALUES ('new\u{1b}c', '\u{1b}[8m')"),
        &format!("DELETE FROM `{name}` WHERE id = 'old'"),
    ]);
    client.commit("two", "2026-01-02T00:00:00");
    let sources = [server.url("bad")];
    for args in [&["HEAD~1", "HEAD"][..], &["HEAD~1", "HEAD", "--stat"], &["HEAD~1", "HEAD", "--name-only"]] {
        let told = shown(&sources, args);
        assert!(told.lines().count() >= 1);
        let bad = told.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(bad, None, "{told:?}");
    }
    let told = shown(&sources, &["HEAD~1", "HEAD"]);
    for part in ["    c\\u009b31m:", "\\u001b]0;title\\u0007\\r\\u202eevil", "+ new%1Bc  ", "\"\\u001b[8m\""]
    {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
    // The displayed key finds its row.
    let key = told.lines().find_map(|line| line.strip_prefix("~ ")).expect("a row was modified");
    assert_eq!(shown(&sources, &["HEAD~1", "HEAD", "--json"]).lines().count(), 3);
    let table =
        names(Mount::new(&sources).path("bad/diff/HEAD~1..HEAD")).into_iter().find(|n| n.starts_with('t'));
    let table = table.expect("the table differs");
    assert_eq!(shown(&sources, &["HEAD~1", "HEAD", &table, key, "--json"]).lines().count(), 1);
}

#[test]
fn other_files_are_named() {
    let dir = temp_dir();
    zips(dir.path());
    let sources = [format!("b={}", dir.path().display())];
    let args = ["2026-01-01", "2026-01-02"];
    assert_eq!(
        shown(&sources, &args),
        "diff b/asof/2026-01-01T000000Z b/asof/2026-01-02T000000Z\ntable a: +1 -1\n- 1\n+ 2\n\
         file gone.txt: gone, 1 byte\nfile new/n.bin: new, 4 bytes\nfile notes.txt: other content, 4 bytes\n"
    );
    let json: String = shown(&sources, &[&args[..], &["--json"]].concat()).lines().skip(2).collect();
    assert_eq!(
        json,
        "{\"database\":\"b\",\"file\":\"gone.txt\",\"change\":\"removed\",\"from\":{\"bytes\":1},\"to\":null}\
         {\"database\":\"b\",\"file\":\"new/n.bin\",\"change\":\"added\",\"from\":null,\"to\":{\"bytes\":4}}\
         {\"database\":\"b\",\"file\":\"notes.txt\",\"change\":\"modified\",\"from\":{\"bytes\":4},\"to\":{\"bytes\":4}}"
    );
    assert_eq!(
        shown(&sources, &[&args[..], &["--stat"]].concat()).lines().skip(1).collect::<Vec<_>>(),
        [
            " a         | +1 -1 +-",
            " gone.txt  | -1    - (gone)",
            " new/n.bin | not text (new)",
            " notes.txt | +1 -1 +-",
        ]
    );
    let named = shown(&sources, &[&args[..], &["--name-only"]].concat());
    assert_eq!(named, "a\ngone.txt\nnew/n.bin\nnotes.txt\n");
    assert!(
        shown(&sources, &[&args[..], &["notes.txt"]].concat())
            .ends_with("\nfile notes.txt: other content, 4 bytes\n")
    );
}

#[test]
fn the_exit_status_says_whether_something_differs() {
    let dir = temp_dir();
    zips(dir.path());
    let sources = [format!("b={}", dir.path().display())];
    for option in [&[][..], &["--stat"], &["--json"], &["--name-only"], &["--stat", "--json"]] {
        let args = |pair: &'static str| [&[pair, "--exit-code"], option].concat();
        diff(&sources, &args("2026-01-01..2026-01-02")).expect_status(1);
        diff(&sources, &args("latest..2026-01-02")).expect_status(0);
        diff(&sources, &[&["2026-01-01..2026-01-02"], option].concat()).expect_status(0);
    }
    let broken = dir.path().join("2026-01-02T000000.zip");
    let mut bytes = fs::read(&broken).expect("it was just written");
    let header = bytes.windows(4).position(|w| w == b"PK\x03\x04").expect("the header of a.jsonl");
    bytes[header + 30 + "a.jsonl".len() + 2] ^= 0x40;
    fs::write(&broken, bytes).expect("the folder is ours");
    let outcome = diff(&sources, &["2026-01-01", "2026-01-02", "--exit-code"]).expect_status(2);
    assert!(outcome.stderr.contains("b/a.jsonl") && outcome.stderr.contains("hint: "), "{}", outcome.stderr);
    assert!(outcome.text().ends_with("file notes.txt: other content, 4 bytes\n"), "the others are compared");
}

#[test]
fn output_that_nobody_reads_or_takes() {
    let dir = temp_dir();
    for (name, salt) in [("db-20260101-0000", 1), ("db-20260102-0000", 2)] {
        let rows = String::from_utf8(archives::lines(30_000, salt)).expect("it is text");
        let rows = rows.replace("\"open\"", if salt == 1 { "\"open\"" } else { "\"closed\"" });
        fs::write(dir.path().join(format!("{name}.jsonl")), rows).expect("the folder is ours");
    }
    let pair = "2026-01-01..2026-01-02";
    let command = format!(
        "'{}' diff --cache-dir '' --timezone UTC --from db='{}' {pair}",
        asof().display(),
        dir.path().display()
    );
    for option in ["", "--json"] {
        let piped = shell(&format!("set -o pipefail; {command} {option} | head -c 5 | wc -c")).outcome();
        let piped = piped.expect_status(0);
        assert_eq!((piped.text().trim(), &*piped.stderr), ("5", ""), "{option}");
        let full = shell(&format!("{command} {option} > /dev/full")).outcome().expect_status(2);
        assert!(full.stderr.contains("standard output"), "{}", full.stderr);
    }
    let all = shell(&format!("{command} | grep -c '^~ '")).ok();
    assert_eq!(all.trim(), "30000");
}
