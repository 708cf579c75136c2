//! Every example of docs/SEMANTICS.md does what the document says.
//!
//! Within a block fenced as `console`, a line that begins with `$ ` is a command, and the lines up to the next
//! one are what it prints, stdout and stderr together. bash runs the commands in the mountpoint, with `asof` on the PATH.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::support::command::shell;
use crate::support::files::names;
use crate::support::mount::{Mount, asof};
use crate::support::server::Server;
use crate::support::work_tree;
use crate::support::{archives, eventually, histories, temp_dir};

/// A command of the document and its expected output.
struct Example {
    line: usize,
    command: String,
    output: String,
}

fn examples(document: &str) -> Vec<Example> {
    let mut all: Vec<Example> = Vec::new();
    let mut inside = false;
    for (at, line) in document.lines().enumerate() {
        match (inside, line) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, line) => match line.strip_prefix("$ ") {
                Some(command) => {
                    all.push(Example { line: at + 1, command: command.into(), output: String::new() });
                }
                None => {
                    let last =
                        all.last_mut().unwrap_or_else(|| panic!("line {}: output before a command", at + 1));
                    last.output.push_str(line);
                    last.output.push('\n');
                }
            },
            (false, _) => {}
        }
    }
    assert!(!inside, "the last block has no end");
    all
}

#[test]
fn every_example_of_the_semantics_holds() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "demo");
    client.run(&["CREATE TABLE `we/ird` (id int PRIMARY KEY)", "INSERT INTO `we/ird` VALUES (1)"]);
    let dir = temp_dir();
    let rows = |n: usize| -> String { (1..=n).map(|id| format!("{{\"id\":{id}}}\n")).collect() };
    archives::thrum_folder(
        dir.path(),
        &[
            ("2026-01-03T000000", "2026-01-02T12:00:00Z", rows(1).as_bytes()),
            ("2026-01-04T000000", "2026-01-03T12:00:00Z", rows(2).as_bytes()),
            ("pre-restore-2026-01-04T090000", "2026-01-04T08:00:00Z", rows(3).as_bytes()),
        ],
    );
    histories::flattened(&mut client, "flat");
    let flat = server.data().join("flat").display().to_string();
    let code = work_tree::tour();
    let backup = format!("backup={}", dir.path().display());
    let mount = Mount::new(&[server.url("demo"), backup, flat, code.path.display().to_string()]);
    eventually("lost commits are found", Duration::from_secs(20), || {
        (names(mount.path("flat/lost")).len() > 1).then_some(())
    });
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/SEMANTICS.md");
    let text = fs::read_to_string(&document).unwrap_or_else(|e| panic!("{}: {e}", document.display()));
    let examples = examples(&text);
    assert!(examples.len() > 20, "{} examples are too few to be all", examples.len());
    let cache = temp_dir();
    let programs = asof().parent().expect("the program is in a folder").display();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
    let mut wrong = String::new();
    for Example { line, command, output } in &examples {
        let said = shell(&format!("exec 2>&1\n{command}"))
            .dir(mount.root())
            .env("BACKUPS", dir.path().display().to_string())
            .env("PATH", &path)
            .env("XDG_CACHE_HOME", cache.path())
            .outcome()
            .text();
        if said != *output {
            wrong.push_str(&format!("line {line}: $ {command}\n--- documented\n{output}--- found\n{said}\n"));
        }
    }
    assert!(wrong.is_empty(), "docs/SEMANTICS.md says what is not so:\n{wrong}");
}
