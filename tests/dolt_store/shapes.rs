//! A store in every shape that Dolt gives it: collected, archived, backed up, cloned, pushed; from each version.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::agreement::Account;
use crate::support::command::run;
use crate::support::notice::tell;
use crate::support::server::{Dolt, Server};
use crate::support::sql::{Client, quote};
use crate::support::{extremes, git, histories, real_history, real_server, temp_dir};

/// The suffix of an archive.
const ARCHIVE: &str = ".darc";

#[test]
fn every_shape_of_a_store_tells_the_same() {
    in_every_shape(Dolt::Pinned);
}

#[test]
fn every_shape_of_a_store_by_the_older_dolt_tells_the_same() {
    in_every_shape(Dolt::Old);
}

#[test]
fn every_shape_of_a_store_by_the_newest_dolt_tells_the_same() {
    in_every_shape(Dolt::New);
}

#[test]
fn every_shape_of_the_real_history_tells_the_same() {
    let Some(bundle) = real_history::bundle() else {
        tell("NOT RUN: shapes::every_shape_of_the_real_history_tells_the_same: ASOF_REAL_HISTORY is not set");
        return;
    };
    let (mut server, _) = real_server::start(&bundle);
    // Other tests compare it with the server; here each content is compared in one of the shapes.
    let written = Account::of_files(&server.data(), "beads");
    let check = |path: &Path, shape: &str, part| {
        let compared = Account::of_files(path, "beads").agrees_in_part(&written, shape, part, 4);
        assert!(compared > 100, "{compared} contents {shape}");
    };
    let folder = temp_dir();
    let copies = copies(&mut server.client(), folder.path(), "beads");
    for (part, (path, shape)) in copies.iter().enumerate() {
        check(path, shape, part);
    }
    server.kill();
    server.command(&server.data().join("beads"), &["gc", "--archive-level", "1"]);
    check(&server.data(), "collected", copies.len());
}

/// Makes all histories; returns the names of the databases.
fn make(client: &mut Client, dolt: Dolt) -> Vec<String> {
    histories::every_type(client, "types");
    histories::evolving(client, "evolving");
    histories::random(client, "random", 29, 40);
    extremes::lengths(client, "lengths");
    extremes::documents(client, "documents");
    let mut names = vec!["types", "evolving", "random", "lengths", "documents"];
    // The newest version differs only in values, so it skips histories that take as long as two other versions.
    if dolt != Dolt::New {
        histories::tour(client, "tour");
        histories::branching(client, "branching");
        histories::back_dated(client, "back-dated");
        histories::bare(client, "bare");
        extremes::every_key(client, "keys");
        names.extend(["tour", "branching", "back-dated", "bare", "keys"]);
    }
    names.into_iter().map(String::from).collect()
}

fn in_every_shape(dolt: Dolt) {
    let mut server = Server::start_as(dolt, None);
    let names = make(&mut server.client(), dolt);
    let data = server.data();
    let mut accounts = BTreeMap::new();
    for name in &names {
        let theirs = Account::of_server(&server, name).kept();
        accounts.insert(name.clone(), theirs);
    }
    if dolt == Dolt::Old {
        // It shows another date for a commit than the later versions, whose rule the store reader follows.
        for (name, theirs) in std::mem::take(&mut accounts) {
            let ours = Account::of_files(&data, &name);
            ours.without_times().agrees_with(&theirs.without_times(), &name);
        }
        server.kill();
        let successor = Server::start_as(Dolt::Pinned, Some(&server));
        accounts =
            names.iter().map(|name| (name.clone(), Account::of_server(&successor, name).kept())).collect();
        server.start_again();
    }
    let check = |path: &Path, name: &str, shape: &str| {
        let compared = Account::of_files(path, name).agrees_with(&accounts[name], &format!("{name} {shape}"));
        assert!(compared > 0 || name == "bare", "{name} {shape}: nothing was compared");
    };
    for name in &names {
        check(&data, name, "as written");
    }

    let folder = temp_dir();
    let mut client = server.client();
    for name in &names {
        for (path, shape) in copies(&mut client, folder.path(), name) {
            check(&path, name, shape);
        }
        let (clones, remote) = (folder.path().join("clones"), folder.path().join("remotes").join(name));
        std::fs::create_dir_all(&clones).expect("the folder is ours");
        server.command(&clones, &["clone", &format!("file://{}", remote.display()), name]);
        let clone = Account::of_files(&clones.join(name), name);
        assert_eq!(*clone.branches(), accounts[name].branches_of_clone(), "branches of a clone of {name}");
        clone.agrees_but_for_branches(&accounts[name], &format!("{name} in a clone"));
    }
    drop(client);

    server.kill();
    for (level, has_archives) in [("0", false), ("1", true)] {
        let copy = folder.path().join(format!("level {level}"));
        run("cp").arg("-a").arg(&data).arg(&copy).ok();
        for name in &names {
            let database = copy.join(name);
            server.command(&database, &["gc", "--archive-level", level]);
            assert_eq!(has_archive(&database), has_archives, "{name} at level {level}");
            check(&database, name, &format!("collected at level {level}"));
        }
    }
    server.start_again();
    for name in &names {
        // A collection ends every session on the server.
        let mut client = server.client();
        client.use_database(name);
        client.run(&["CALL DOLT_GC()"]);
        check(&data, name, "collected");
    }
    let mut client = server.client();
    client.use_database("random");
    client.run(&["INSERT INTO loose VALUES (7,'after all')"]);
    client.commit("on top of what was collected", "2027-01-01T00:00:00");
    let ours = Account::of_files(&data, "random").without_times();
    let theirs = Account::of_server(&server, "random").without_times();
    assert_eq!(ours.agrees_with(&theirs, "random and one more"), accounts["random"].contents() + 1);
}

/// Has a server make a backup, a `file://` remote and a git repository below `folder`; returns their paths.
fn copies(client: &mut Client, folder: &Path, name: &str) -> [(PathBuf, &'static str); 3] {
    let kinds = ["backups", "remotes", "repositories"].map(|kind| folder.join(kind));
    for kind in &kinds {
        std::fs::create_dir_all(kind).expect("the folder is ours");
    }
    let [backup, remote, repository] = kinds.map(|kind| kind.join(name));
    let repository = git::bare(&repository.with_added_extension("git"));
    client.use_database(name);
    client.run(&[
        &format!("CALL DOLT_BACKUP('sync-url',{})", quote(&format!("file://{}", backup.display()))),
        &format!("CALL DOLT_REMOTE('add','files',{})", quote(&format!("file://{}", remote.display()))),
        &git::add_remote("git", &repository),
    ]);
    for to in ["files", "git"] {
        client.rows(&format!("CALL DOLT_PUSH('{to}','--all')"));
        for tag in client.texts("SELECT tag_name FROM dolt_tags") {
            client.rows(&format!("CALL DOLT_PUSH('{to}',{})", quote(&tag[0])));
        }
    }
    // This also removes the remotes' branches.
    client.run(&["CALL DOLT_REMOTE('remove','files')", "CALL DOLT_REMOTE('remove','git')"]);
    [(backup, "in a backup"), (remote, "in a file:// remote"), (repository, "in a git repository")]
}

/// Whether a database has its chunks in archives.
fn has_archive(database: &Path) -> bool {
    let store = database.join(".dolt/noms");
    [store.clone(), store.join("oldgen")].iter().filter_map(|folder| folder.read_dir().ok()).flatten().any(
        |entry| {
            let entry = entry.expect("the folder can be listed");
            entry.file_name().to_string_lossy().ends_with(ARCHIVE)
        },
    )
}
