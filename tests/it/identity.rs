//! One content, one inode: across snapshots, across remounts, and never for two contents.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::support::histories;
use crate::support::mount::Mount;
use crate::support::oracle;
use crate::support::server::Server;
use crate::support::sql::{Client, ident, quote};
use crate::support::tree::{self, Snapshot};

#[derive(Debug, PartialEq, Eq, Clone)]
struct Facts {
    inode: u64,
    mtime: i64,
    mtime_nsec: i64,
    links: u64,
    size: u64,
}

fn facts(path: &Path) -> Facts {
    let meta = fs::metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Facts {
        inode: meta.ino(),
        mtime: meta.mtime(),
        mtime_nsec: meta.mtime_nsec(),
        links: meta.nlink(),
        size: meta.len(),
    }
}

/// From the newest commit of main back along first parents: a table with the same hash as in a parent has that parent's
/// inode and mtime and more than one link; any other has the commit's date; and one inode always means one hash.
pub fn follows_content(mount: &Mount, client: &mut Client, database: &str, limit: usize) {
    let log = tree::log(&mount.path(database));
    let by_commit: BTreeMap<&str, &Snapshot> = log.iter().map(|s| (s.commit.as_str(), s)).collect();
    client.use_database(database);
    let mut commit = client.one("SELECT hash FROM dolt_branches WHERE name='main'");
    let all_parents = all_parents(client);
    let mut hash_of_inode: BTreeMap<u64, (String, String)> = BTreeMap::new();
    let (mut shared, mut changed) = (0, 0);
    for _ in 0..limit {
        let parents = all_parents.get(&commit).cloned().unwrap_or_default();
        let at = by_commit[commit.as_str()];
        let before: Vec<_> =
            parents.iter().map(|p| tables(mount, client, database, by_commit[p.as_str()])).collect();
        for (table, (hash, facts)) in tables(mount, client, database, at) {
            let known = hash_of_inode.entry(facts.inode).or_insert_with(|| (table.clone(), hash.clone()));
            assert_eq!(
                *known,
                (table.clone(), hash.clone()),
                "inode {} stands for two contents",
                facts.inode
            );
            let same: Vec<&Facts> = before
                .iter()
                .filter_map(|t| t.get(&table))
                .filter(|(h, _)| *h == hash)
                .map(|(_, f)| f)
                .collect();
            if same.is_empty() {
                changed += 1;
                assert_eq!(facts.mtime, at.time.as_second(), "{table} changed in {commit}");
            } else {
                shared += 1;
                assert!(same.contains(&&facts), "{table} in {commit} is a parent's: {facts:?}, not {same:?}");
                assert!(facts.links > 1, "{table} in {commit} is shared: {facts:?}");
            }
        }
        match parents.into_iter().next() {
            Some(parent) => commit = parent,
            None => break,
        }
    }
    assert!(shared > 0 && changed > 0, "{shared} shared and {changed} changed tables prove nothing");
}

/// The parents of each commit, first parent first. One query, because the server cannot look up a single merge.
fn all_parents(client: &mut Client) -> BTreeMap<String, Vec<String>> {
    let rows = client.texts("SELECT commit_hash, parent_index, parent_hash FROM dolt_commit_ancestors");
    let mut sorted: Vec<_> = rows.into_iter().filter(|row| row[2] != "NULL").collect();
    sorted.sort();
    let mut parents = BTreeMap::<String, Vec<String>>::new();
    for row in sorted {
        parents.entry(row[0].clone()).or_default().push(row[2].clone());
    }
    parents
}

fn tables(
    mount: &Mount,
    client: &mut Client,
    database: &str,
    at: &Snapshot,
) -> BTreeMap<String, (String, Facts)> {
    client.rows(&format!("USE {}", ident(&format!("{database}/{}", at.commit))));
    let names = client.texts("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'");
    let folder = mount.path(database).join(&at.path);
    let one = |row: &Vec<String>| {
        let hash = client.one(&format!("SELECT dolt_hashof_table({})", quote(&row[0])));
        (row[0].clone(), (hash, facts(&folder.join(oracle::file_name(&row[0])))))
    };
    names.iter().map(one).collect()
}

#[test]
fn inodes_times_and_links_follow_the_content() {
    let server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    histories::random(&mut client, "random", 99, 60);
    let mount = Mount::new(&[server.url("")]);
    follows_content(&mount, &mut client, "tour", 100);
    follows_content(&mount, &mut client, "random", 100);
}

#[test]
fn snapshot_folders_have_the_snapshots_time() {
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let mount = Mount::new(&[server.url("tour")]);
    for snapshot in tree::log(&mount.path("tour")) {
        let meta =
            fs::metadata(mount.path("tour").join(&snapshot.path)).expect("the log names what is there");
        assert_eq!(meta.mtime(), snapshot.time.as_second());
        assert_eq!(meta.mtime_nsec(), i64::from(snapshot.time.subsec_nanosecond()));
        assert_eq!(meta.mode() & 0o7777, 0o555);
    }
    let table = fs::metadata(mount.path("tour/latest/issues.jsonl")).expect("the history has it");
    assert_eq!((table.mode() & 0o7777, table.uid()), (0o444, rustix::process::getuid().as_raw()));
}

#[test]
fn a_remount_gives_the_same_inodes() {
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    histories::evolving(&mut server.client(), "evolving");
    let look = || {
        let mount = Mount::new(&[server.url("")]);
        let mut seen = BTreeMap::new();
        for database in ["tour", "evolving"] {
            for snapshot in tree::log(&mount.path(database)) {
                let folder = mount.path(database).join(&snapshot.path);
                for name in crate::support::files::names(&folder) {
                    seen.insert((database, snapshot.name.clone(), name.clone()), facts(&folder.join(name)));
                }
            }
        }
        mount.unmount();
        seen
    };
    let (first, second) = (look(), look());
    assert!(first.len() > 30);
    assert_eq!(first, second);
}
