//! Output controls no terminal and hints hold safe commands, even if file names, commits and servers are hostile.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::support::archives::write_zip;
use crate::support::command::{Outcome, Run, run};
use crate::support::git::git;
use crate::support::mount::{Mount, asof, detach, mounted};
use crate::support::temp_dir;

/// Sets a title and a colour, reverses the direction of writing, and forges a line of asof.
const HOSTILE: &str = "a\u{1b}]0;t\u{7}\u{1b}[31m\u{202e}b\u{9b}5m\nok: all";

/// Characters that a terminal would obey, or display as something else; except newlines.
fn is_dangerous(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[track_caller]
fn assert_harmless(text: &str) {
    assert!(!text.is_empty() && !text.contains(is_dangerous), "{text:?}");
}

/// Checks that neither stream contains anything dangerous or a forged line.
#[track_caller]
fn assert_both_harmless(outcome: &Outcome) -> String {
    let text = format!("{}{}", outcome.text(), outcome.stderr);
    assert_harmless(&text);
    assert!(!text.lines().any(|line| line.starts_with("ok: all")), "{text}");
    text
}

/// A command with the test's own environment, independent of the machine.
fn program() -> Run {
    run(asof())
}

/// Runs the command on a terminal. The arguments must not contain shell syntax.
fn on_terminal(args: &[&str]) -> String {
    let command = format!("{} {}", asof().display(), args.join(" "));
    let outcome = run("script").args(["-qec", &command, "/dev/null"]).env("TERM", "xterm").outcome();
    // A terminal adds a carriage return to each line; our own colours are expected.
    let text = outcome.expect_status(0).text().replace("\r\n", "\n");
    ["0", "1", "2", "31", "32", "33", "36"]
        .iter()
        .fold(text, |text, code| text.replace(&format!("\u{1b}[{code}m"), ""))
}

/// The command between the backticks of a hint.
fn command_in(text: &str, begin: &str) -> String {
    let start = text.find(&format!("`{begin}")).unwrap_or_else(|| panic!("no `{begin}`: {text}")) + 1;
    text[start..].split('`').next().expect("there is text before a backtick").to_owned()
}

/// The last argument that a shell passes to `name` when it runs the command line of a hint.
fn given_to(name: &str, command: &str, arguments: &str) -> OsString {
    let script = format!("{name}() {{ printf '%s' \"{arguments}\"; }}; {command}");
    let outcome = run("sh").args(["-c", &script]).outcome().expect_status(0);
    assert_eq!(outcome.stderr, "", "{command}");
    OsString::from_vec(outcome.stdout)
}

/// A folder with a truncated zip under each of these names.
fn broken_zips(names: &[&OsStr]) -> tempfile::TempDir {
    let dir = temp_dir();
    for name in names {
        let path = dir.path().join(name);
        write_zip(&path, &[("t.jsonl", b"{\"id\":1}\n"), ("u.jsonl", b"{\"id\":2}\n")]);
        let bytes = fs::read(&path).expect("it was just written");
        fs::write(&path, &bytes[..bytes.len() - 30]).expect("the folder is ours");
    }
    dir
}

#[test]
fn verify_prints_no_name_as_it_is() {
    let names: [&OsStr; 3] = [
        OsStr::new("a\u{1b}]0;t\u{7}\u{1b}[31m\u{202e}b\u{9b}5m\nok: all-2026-01-01.zip"),
        OsStr::new("x';id;'-2026-01-02.zip"),
        // It is not an archive, and the log says so.
        OsStr::from_bytes(b"x\xff\xfe-2026-01-03.zip"),
    ];
    let dir = broken_zips(&names);
    let outcome = program().env("ASOF_LOG", "info").arg("verify").arg(dir.path()).outcome();
    assert_ne!(outcome.status.code(), Some(0));
    let text = assert_both_harmless(&outcome);
    assert!(text.contains(r"a\x1b]0;t\x07\x1b[31m\u{202e}b\u{9b}5m\nok: all-2026-01-01"), "{text}");
    assert!(text.contains(r"x\xff\xfe-2026-01-03"), "{text}");
    let hints = text.lines().filter(|line| line.contains("hint: "));
    let mut shown: Vec<OsString> =
        hints.map(|hint| given_to("unzip", &command_in(hint, "unzip -t "), "$2")).collect();
    shown.sort();
    shown.dedup();
    let mut expected: Vec<OsString> = names[..2].iter().map(|name| dir.path().join(name).into()).collect();
    expected.sort();
    assert_eq!(shown, expected, "each hint means the file, and runs nothing else");
    // Programs get the exact characters of a name.
    let outcome = program().args(["verify", "--json"]).arg(dir.path()).outcome();
    let is_hostile = |line: &str| line.contains(r"a\u001b]0;t\u0007\u001b[31m") && line.contains('\u{202e}');
    assert!(outcome.text().lines().any(is_hostile), "{}", outcome.text());
}

#[test]
fn a_log_holds_no_name_as_it_is() {
    let names: [&OsStr; 2] = [
        OsStr::new("a\u{1b}[31m\u{202e}b\u{9b}5m\nok: all-2026-01-01.zip"),
        OsStr::from_bytes(b"x\xff-2026-01-02.zip"),
    ];
    let dir = broken_zips(&names);
    write_zip(&dir.path().join("good-2026-01-03.zip"), &[("t.jsonl", b"{}\n")]);
    let mount = Mount::new(&[dir.path().to_str().expect("UTF-8")]);
    let log = mount.log();
    assert_harmless(&log);
    assert!(!log.lines().any(|line| line.starts_with("ok: all")), "{log}");
    assert!(log.contains(r"a\x1b[31m\u{202e}b\u{9b}5m\nok: all-2026-01-01"), "{log}");
    assert!(log.contains(r"x\xff-2026-01-02"), "{log}");
}

#[test]
fn names_are_exact_in_a_pipe_and_escaped_on_a_terminal() {
    let dir = temp_dir();
    let backups = dir.path().join("backups");
    fs::create_dir(&backups).expect("the folder is ours");
    write_zip(&backups.join("2026-01-01.zip"), &[("a\u{202e}b.jsonl", b"{\"id\":\"\xc2\x9b\"}\n")]);
    let backups = backups.to_str().expect("UTF-8");
    for more in ["-a", "-l"] {
        let args = ["ls", more, "--from", backups, "backups/latest/"];
        let piped = program().args(args).ok();
        assert!(piped.contains("a\u{202e}b.jsonl"), "{piped:?}");
        let shown = on_terminal(&args);
        assert_harmless(&shown);
        assert!(shown.contains(r"a\u{202e}b.jsonl"), "{shown}");
    }
    let args = ["ls", "--json", "--from", backups, "backups/latest/"];
    let shown = on_terminal(&args);
    assert_harmless(&shown);
    let object = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("a line is JSON");
    assert_eq!(object(&shown), object(&program().args(args).ok()), "the same JSON, other escapes");
    let found = program().args(["find", "--from", backups, "id"]).outcome().expect_status(0);
    assert!(assert_both_harmless(&found).contains(r"\u009b"), "{}", found.text());
}

#[test]
fn log_shows_what_a_subject_hides() {
    let dir = temp_dir();
    let repository = dir.path().join("repo");
    fs::create_dir(&repository).expect("the folder is ours");
    git(&repository).args(["init", "-q", "-b", "main"]).ok();
    fs::write(repository.join("t.jsonl"), "{\"id\":1}\n").expect("the folder is ours");
    git(&repository).args(["add", "."]).ok();
    let subject = "fix \u{1b}]0;t\u{7}\u{1b}[5mpump\u{202e}gpj.exe\u{9b}31m";
    git(&repository).args(["commit", "-q", "-m", &format!("{subject}\n\n\tbody\u{200b}\n")]).ok();
    let source = format!("git:{}", repository.display());
    let shown = on_terminal(&["log", "--from", &source, "-v"]);
    let expected = r"fix \x1b]0;t\x07\x1b[5mpump\u{202e}gpj.exe\u{9b}31m";
    assert_harmless(&shown.replace('\t', ""));
    assert!(shown.contains(expected) && shown.contains("\n    \tbody\\u{200b}\n"), "{shown}");
    let piped = program().args(["log", "--from", &source, "--color", "always"]).ok();
    assert!(piped.contains(expected) && piped.contains("\u{1b}[33m"), "{piped:?}");
    let found = program().args(["find", "--from", &source, "id"]).outcome().expect_status(0);
    assert!(assert_both_harmless(&found).contains(expected), "{}", found.text());
    let json = program().args(["log", "--json", "--from", &source]).ok();
    let object: serde_json::Value = serde_json::from_str(&json).expect("a line is JSON");
    assert!(object["message"].as_str().is_some_and(|text| text.starts_with(subject)), "{object}");
}

/// A server that greets each client with an error (MySQL's protocol: a header of four bytes, then the packet).
fn rude_server(message: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        let packet = [b"\xff\x15\x04#28000", message.as_bytes()].concat();
        let length = u8::try_from(packet.len()).expect("the message is short");
        for client in listener.incoming() {
            let Ok(mut client) = client else { return };
            // A client that has disconnected has its answer.
            let _ = client.write_all(&[&[length, 0, 0, 0], &*packet].concat());
            let _ = client.read(&mut [0; 64]);
        }
    });
    port
}

#[test]
fn what_a_server_says_stays_on_its_line() {
    let source = format!("dolt://127.0.0.1:{}/db", rude_server(HOSTILE));
    for command in ["ls", "log"] {
        let outcome = program().args([command, "--from", &source]).outcome().expect_status(1);
        let text = assert_both_harmless(&outcome);
        assert!(text.contains(r"a\x1b]0;t\x07\x1b[31m\u{202e}b\u{9b}5m\nok: all"), "{text}");
    }
    assert_both_harmless(&program().args(["verify", &source]).outcome());
}

#[test]
fn arguments_come_back_escaped() {
    let hostile = "\u{1b}[5m\u{9b}5m\u{202e}";
    for args in [
        "verify \"--$HOSTILE\"",
        "mount -o \"$HOSTILE\" x y",
        "ls --from \"$HOSTILE\" \"$HOSTILE\" \"$HOSTILE\"",
    ] {
        let command = format!("{} {args}", asof().display());
        let piped = run("sh").args(["-c", &command]).env("HOSTILE", hostile).outcome().expect_status(2);
        assert!(assert_both_harmless(&piped).contains(r"\u{9b}5m\u{202e}"), "{}", piped.stderr);
        let shown =
            run("script").args(["-qec", &command, "/dev/null"]).env("HOSTILE", hostile).env("TERM", "xterm");
        let shown = shown.outcome().expect_status(2).text().replace("\r\n", "\n");
        assert_harmless(&shown);
        assert!(shown.contains(r"\u{9b}5m\u{202e}"), "{shown}");
    }
}

#[test]
fn commands_in_hints_can_be_pasted() {
    let dir = temp_dir();
    let source = dir.path().join("b");
    fs::create_dir(&source).expect("the folder is ours");
    write_zip(&source.join("2026-01-01.zip"), &[("t.jsonl", b"{}\n")]);
    let hint = |outcome: &Outcome| {
        let text = assert_both_harmless(outcome);
        let hint = text.lines().find_map(|line| line.strip_prefix("hint: ")).map(str::to_owned);
        hint.unwrap_or_else(|| panic!("no hint: {text}"))
    };
    for name in ["a b;touch owned;'c", "e\u{1b}[31m\u{202e}`touch owned`", "-p$(touch owned)"] {
        let mount = || {
            let mount = run(asof()).dir(dir.path()).env("HOME", dir.path());
            mount.args(["mount", "b"]).arg("--").arg(name).outcome()
        };
        let paste = |command: &str| {
            let path = std::env::join_paths([
                asof().parent().expect("it is in a folder"),
                Path::new("/usr/bin"),
                Path::new("/bin"),
            ]);
            let shell = run("sh").args(["-c", command]).dir(dir.path());
            shell.env("PATH", path.expect("no colon is in it")).ok()
        };
        let make = hint(&mount().expect_status(1));
        assert!(make.starts_with("mkdir -p "), "{make}");
        paste(&make);
        let place = dir.path().join(name).canonicalize().expect("the folder that was meant was made");
        mount().expect_status(0);
        let again = mount();
        let unmount = hint(&again);
        let outcome = std::panic::catch_unwind(|| paste(&unmount));
        let is_left = mounted(&place).is_some();
        detach(&place);
        assert!(outcome.is_ok() && !is_left && unmount.starts_with("asof umount "), "{unmount}");
    }
    assert!(!dir.path().join("owned").exists(), "nothing else was run");
}
