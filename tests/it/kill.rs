//! After a kill or damage to its cache, the next mount shows no wrong byte or size and uses saved facts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::mount::Mount;
use crate::support::oracle::{self, Moment};
use crate::support::random::Random;
use crate::support::server::Server;
use crate::support::{files, tell, temp_dir, tree};

const DATABASE: &str = "killed";
const COMMITS: usize = 110;

/// Rounds in a normal run, and with `ASOF_LONG_TESTS=1`.
const ROUNDS: [u64; 2] = [8, 100];

/// Rounds that share a cache folder: after a few, it contains everything.
const ROUNDS_OF_A_FOLDER: u64 = 4;

const WALKERS: u64 = 3;

/// The expected bytes of every table file, by its path below the mountpoint.
type Truth = BTreeMap<String, Vec<u8>>;

fn rounds() -> u64 {
    let is_long = std::env::var_os("ASOF_LONG_TESTS").is_some_and(|value| value == "1");
    if !is_long {
        tell(&format!(
            "NOT RUN: {} of {} rounds of kill -9: ASOF_LONG_TESTS=1",
            ROUNDS[1] - ROUNDS[0],
            ROUNDS[1]
        ));
    }
    ROUNDS[usize::from(is_long)]
}

/// A history in which each commit changes some segments of a table.
fn history(server: &Server) {
    let mut client = server.client();
    client.new_database(DATABASE);
    let filler = "what an issue is about ".repeat(4);
    let rows: Vec<_> = (0..300).map(|id| format!("({id}, '{filler}{id}', 0)")).collect();
    client.run(&[
        "CREATE TABLE issues (id int PRIMARY KEY, title varchar(200), n int)",
        &format!("INSERT INTO issues VALUES {}", rows.join(",")),
        "CREATE TABLE labels (id int PRIMARY KEY, label text)",
    ]);
    let date = |n: usize| format!("2026-05-{:02}T{:02}:00:00", 1 + n / 24, n % 24);
    client.commit("start", &date(0));
    for n in 1..COMMITS {
        client.run(&[&format!("UPDATE issues SET n = {n} WHERE id % 97 = {}", n % 97)]);
        if n % 7 == 0 {
            client.run(&[&format!("INSERT INTO labels VALUES ({n}, 'label {n}')")]);
        }
        client.commit(&format!("commit {n}"), &date(n));
    }
}

fn truth(server: &Server, mount: &Mount) -> Truth {
    let mut client = server.client();
    client.use_database(DATABASE);
    let mut truth = Truth::new();
    for snapshot in tree::log(&mount.path(DATABASE)) {
        for (name, bytes) in oracle::files(&mut client, Moment::Ref(&snapshot.commit)) {
            truth.insert(format!("{DATABASE}/{}/{name}", snapshot.path), bytes);
        }
    }
    truth
}

/// Reads random files and checks sizes and bytes, until the mount is gone.
fn walk(root: &Path, truth: &Truth, is_killed: &AtomicBool, mut random: Random) {
    let paths: Vec<_> = truth.iter().collect();
    loop {
        let (path, expected) = random.one_of(&paths);
        let told = match random.below(2) {
            0 => fs::metadata(root.join(path)).map(|meta| (meta.len(), None)),
            _ => fs::read(root.join(path)).map(|bytes| (bytes.len() as u64, Some(bytes))),
        };
        match told {
            Ok((size, bytes)) => {
                // A read that the kill interrupts returns what it had by then, without an error.
                if is_killed.load(Ordering::SeqCst) && bytes.is_some() {
                    return;
                }
                assert_eq!(size, expected.len() as u64, "size of {path}");
                if let Some(bytes) = bytes {
                    files::assert_same(path, &bytes, expected);
                }
            }
            Err(_) if is_killed.load(Ordering::SeqCst) => return,
            Err(error) => panic!("{path}: {error}"),
        }
    }
}

/// Checks every size first, which is what `ls -lR` requests, then every byte.
fn all_is_right(mount: &Mount, truth: &Truth) {
    for (path, expected) in truth {
        let meta = fs::metadata(mount.path(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        assert_eq!(meta.len(), expected.len() as u64, "size of {path}");
    }
    for (path, expected) in truth {
        files::assert_same(path, &files::read(mount.path(path)), expected);
    }
}

/// The files in the cache folder.
fn cached(folder: &Path) -> Vec<PathBuf> {
    let here = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut all: Vec<_> = here.filter(|path| path.is_file()).collect();
    all.sort();
    all
}

/// Flips bytes in the cache folder, or truncates a file.
fn damage(folder: &Path, random: &mut Random) {
    for path in cached(folder) {
        let mut bytes = fs::read(&path).expect("the folder is ours");
        if bytes.is_empty() {
            continue;
        }
        for _ in 0..1 + random.below(20) {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << random.below(8);
        }
        if random.below(4) == 0 {
            bytes.truncate(random.below(bytes.len() as u64) as usize);
        }
        fs::write(&path, bytes).expect("the folder is ours");
    }
}

fn saved(folder: &Path) -> Vec<u8> {
    let is_lengths = |path: &PathBuf| path.display().to_string().contains("/lengths-");
    cached(folder)
        .into_iter()
        .find(is_lengths)
        .map(|path| fs::read(path).expect("it is ours"))
        .unwrap_or_default()
}

/// One or two mounts of one source over one cache folder are killed while they are walked.
fn killed_in_a_walk(source: &str, args: &[&str], mounts: u64, truth: &Truth, random: &mut Random) {
    let mounts: Vec<_> = (0..mounts).map(|_| Mount::with(args, &[source])).collect();
    let pause = Duration::from_micros(random.below(700_000));
    let is_killed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for mount in &mounts {
            let root = mount.root().to_owned();
            for _ in 0..WALKERS {
                let (root, random, is_killed) = (root.clone(), Random::new(random.next()), &is_killed);
                scope.spawn(move || walk(&root, truth, is_killed, random));
            }
        }
        std::thread::sleep(pause);
        is_killed.store(true, Ordering::SeqCst);
        mounts.into_iter().for_each(Mount::kill);
    });
}

#[test]
fn kill_9_at_any_instant_leaves_no_wrong_byte_and_loses_nothing_saved() {
    let server = Server::start();
    history(&server);
    let sources = [server.data().join(DATABASE).display().to_string(), server.url(DATABASE)];
    let truth = truth(&server, &Mount::new(&sources[1..]));
    assert!(truth.len() > 2 * COMMITS - 2, "{} files", truth.len());
    let (mut cache, mut before) = (temp_dir(), Vec::new());
    for round in 0..rounds() {
        if round % ROUNDS_OF_A_FOLDER == 0 {
            (cache, before) = (temp_dir(), Vec::new());
        }
        let mut random = Random::new(round);
        let source = &sources[(round / 2 % 2) as usize];
        println!("round {round}: {source}");
        let folder = cache.path().to_str().expect("a plain name");
        let args = ["--cache-dir", folder, "--cache-size", "8M"];
        killed_in_a_walk(source, &args, 1 + round % 2, &truth, &mut random);
        let after = saved(cache.path());
        assert!(after.starts_with(&before), "round {round}: what was saved is gone");
        if round % 3 == 2 {
            damage(cache.path(), &mut random);
        }
        let next = Mount::with(&args, &[source]);
        all_is_right(&next, &truth);
        match round % 2 {
            0 => next.unmount(),
            _ => next.kill(),
        }
        before = saved(cache.path());
    }
}
