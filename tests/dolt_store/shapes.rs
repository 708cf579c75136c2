//! A store in every shape that Dolt gives it: collected, archived, backed up, cloned, pushed; written by each Dolt.

use std::collections::BTreeMap;
use std::path::Path;

use crate::agreement::Account;
use crate::support::command::run;
use crate::support::server::{Dolt, Server};
use crate::support::sql::{Client, quote};
use crate::support::{extremes, git, histories, temp_dir};

/// What the name of an archive ends in.
const ARCHIVE: &str = ".darc";

#[test]
fn every_shape_of_a_store_tells_the_same() {
    in_every_shape(Dolt::Pinned);
}

#[test]
fn every_shape_of_a_store_by_the_older_dolt_tells_the_same() {
    in_every_shape(Dolt::Old);
}

/// Makes all histories; gives the names of the databases.
fn make(client: &mut Client) -> Vec<String> {
    histories::tour(client, "tour");
    histories::every_type(client, "types");
    histories::evolving(client, "evolving");
    histories::branching(client, "branching");
    histories::back_dated(client, "back-dated");
    histories::bare(client, "bare");
    histories::random(client, "random", 29, 40);
    extremes::every_key(client, "keys");
    extremes::lengths(client, "lengths");
    extremes::documents(client, "documents");
    let names = [
        "tour",
        "types",
        "evolving",
        "branching",
        "back-dated",
        "bare",
        "random",
        "keys",
        "lengths",
        "documents",
    ];
    names.map(String::from).into()
}

fn in_every_shape(dolt: Dolt) {
    let mut server = Server::start_as(dolt, None);
    let names = make(&mut server.client());
    let data = server.data();
    let mut accounts = BTreeMap::new();
    for name in &names {
        let theirs = Account::of_server(&server, name).kept();
        accounts.insert(name.clone(), theirs);
    }
    if dolt == Dolt::Old {
        // It shows another date of a commit than its successor, whose rule the store reader follows.
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
    let at = |kind: &str, name: &str| folder.path().join(kind).join(name);
    for kind in ["backup", "remote", "git", "clone"] {
        std::fs::create_dir(folder.path().join(kind)).expect("a new folder is writable");
    }
    let mut client = server.client();
    for name in &names {
        let (backup, remote) = (at("backup", name), at("remote", name));
        let repository = git::bare(&at("git", &format!("{name}.git")));
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
        // With the remotes go the branches that are kept of them.
        client.run(&["CALL DOLT_REMOTE('remove','files')", "CALL DOLT_REMOTE('remove','git')"]);
        check(&backup, name, "in a backup");
        check(&remote, name, "in a file:// remote");
        check(&repository, name, "in a git repository");
        let url = format!("file://{}", remote.display());
        server.command(&folder.path().join("clone"), &["clone", &url, name]);
        let clone = Account::of_files(&at("clone", name), name);
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
