//! A store's own folder, mounted beside its busy server: writers commit, make and delete branches, rewrite history and
//! collect garbage while eight readers hold what they read against what the server answered.

mod ledger;
mod readers;
mod writers;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::mount::Mount;
use crate::support::server::Server;
use crate::support::{eventually, live_time, tell};
use ledger::Ledger;

const READERS: u64 = 8;
const SEED: u64 = 4711;

#[test]
fn what_is_read_beside_a_busy_server_is_what_the_server_says() {
    let server = Server::start();
    let ledger = Ledger::default();
    writers::prepare(&server, &ledger);
    let mount = Mount::new(&[server.data().display().to_string()]);
    let is_over = AtomicBool::new(false);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let mut running = vec![
            scope.spawn(|| writers::main_line(&server, &ledger, &is_over)),
            scope.spawn(|| writers::branches(&server, &ledger, &is_over)),
            scope.spawn(|| writers::collections(&server, &ledger, &is_over)),
        ];
        for reader in 0..READERS {
            let (mount, ledger, is_over) = (&mount, &ledger, &is_over);
            running.push(scope.spawn(move || readers::read(mount, ledger, SEED + reader, is_over)));
        }
        // One that fails ends the others, too.
        while begun.elapsed() < live_time() && !running.iter().any(|thread| thread.is_finished()) {
            std::thread::sleep(Duration::from_millis(50));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let tally = ledger.tally();
    tell(&format!("live store: {:?}, {tally:?}", begun.elapsed()));
    assert!(tally.collections >= 3 && tally.reads > 200 && tally.commits > 50, "{tally:?}");
    assert!(tally.rewritten > 5 && tally.branches_deleted > 2, "{tally:?}");
    // In the end everything that a ref reaches is there, and right.
    let reachable = writers::reachable(&server);
    eventually("everything shows", Duration::from_secs(20), || {
        reachable.iter().all(|commit| mount.path(&format!("live/commits/{commit}")).exists()).then_some(())
    });
    for commit in &reachable {
        readers::check_commit(&mount, &ledger, commit);
    }
}
