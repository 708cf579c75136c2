//! The soak test: a store's own folder and its busy server, mounted together. Writers commit, create and delete branches,
//! rewrite history and collect garbage; the connection to the server fails every 20 seconds; and twelve readers compare what
//! they read with the server's answers. It takes a minute; with `ASOF_LIVE_SECONDS=480`, eight.

mod faults;
mod ledger;
mod readers;
mod writers;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::mount::Mount;
use crate::support::server::Server;
use crate::support::{eventually, live_time, tell};
use faults::Way;
use ledger::Ledger;
use readers::Reader;

/// The number of readers of the folder, and of the server.
const READERS: u64 = 6;
const SEED: u64 = 4711;

/// `--cache-size`, and the limit of the program's memory beyond it.
const CACHE: &str = "32M";
const MEMORY: u64 = (32 + 64) << 20;

/// How long one read may take, whatever happens to the server.
const LONGEST: Duration = Duration::from_secs(40);

#[test]
fn what_is_read_beside_a_busy_server_is_what_the_server_says() {
    let server = Server::start();
    let ledger = Ledger::default();
    writers::prepare(&server, &ledger);
    let way = Way::to(server.port);
    let served = format!("served=dolt://root@127.0.0.1:{}/live", way.proxy.port);
    let mount = Mount::with(&["--cache-size", CACHE], &[server.data().display().to_string(), served]);
    let is_over = AtomicBool::new(false);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let mut running = vec![
            scope.spawn(|| writers::main_line(&server, &ledger, &is_over)),
            scope.spawn(|| writers::branches(&server, &ledger, &is_over)),
            scope.spawn(|| writers::collections(&server, &ledger, &is_over)),
            scope.spawn(|| way.fail(&is_over)),
        ];
        for seed in SEED..SEED + READERS {
            let (of_files, of_server) =
                (Reader::of_files(&mount, &ledger), Reader::of_server(&mount, &ledger));
            let is_over = &is_over;
            running.push(scope.spawn(move || of_files.read(seed, is_over)));
            running.push(scope.spawn(move || of_server.read(seed, is_over)));
        }
        // If one fails, the others end too.
        while begun.elapsed() < live_time() && !running.iter().any(|thread| thread.is_finished()) {
            std::thread::sleep(Duration::from_millis(50));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let tally = ledger.tally();
    let memory = mount.peak_memory();
    tell(&format!(
        "live store: {:?}, {} faults, {} MiB at most, {tally:?}",
        begun.elapsed(),
        way.faults(),
        memory >> 20
    ));
    assert!(memory <= MEMORY, "{} MiB of memory", memory >> 20);
    assert!(tally.longest <= LONGEST, "one read took {:?}", tally.longest);
    assert!(tally.collections >= 3 && tally.reads > 200 && tally.commits > 50, "{tally:?}");
    assert!(tally.served > 100 && way.faults() > 0, "{tally:?}");
    assert!(tally.rewritten > 5 && tally.branches_deleted > 2, "{tally:?}");
    // At the end, everything that a ref reaches exists and is correct.
    let reachable = writers::reachable(&server);
    let missing = || -> Vec<String> {
        let names =
            reachable.iter().flat_map(|commit| ["live", "served"].map(|db| format!("{db}/commits/{commit}")));
        names.filter(|name| !mount.path(name).exists()).collect()
    };
    let begun = Instant::now();
    while !missing().is_empty() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(missing(), Vec::<String>::new(), "everything shows of {}", reachable.len());
    eventually("the server answers again", Duration::from_secs(60), || {
        std::fs::read(mount.path("served/latest/issues.jsonl")).ok()
    });
    for commit in &reachable {
        Reader::of_files(&mount, &ledger).check_commit(commit);
        Reader::of_server(&mount, &ledger).check_commit(commit);
    }
}
