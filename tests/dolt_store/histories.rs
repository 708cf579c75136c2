//! Histories that are read from the server and from the store's files at the same time.

use crate::agreement::agree;
use crate::support::histories;
use crate::support::notice::tell;
use crate::support::real_history;
use crate::support::real_server;
use crate::support::server::{Dolt, Server};

#[test]
fn both_ways_agree_on_awkward_names() {
    for dolt in [Dolt::Pinned, Dolt::New] {
        let server = Server::start_as(dolt, None);
        for name in histories::awkward_names(&mut server.client()) {
            agree(&server, &server.data(), &name);
        }
    }
}

#[test]
fn both_ways_agree_on_random_histories_before_and_after_garbage_collection() {
    for (dolt, seed) in [(Dolt::Pinned, 3), (Dolt::New, 11)] {
        let server = Server::start_as(dolt, None);
        let mut client = server.client();
        let name = format!("random{seed}");
        histories::random(&mut client, &name, seed, 60);
        let before = agree(&server, &server.data(), &name);
        assert!(before > 0);
        client.use_database(&name);
        client.run(&["CALL DOLT_GC()"]);
        assert_eq!(agree(&server, &server.data(), &name), before);
    }
}

#[test]
fn both_ways_agree_on_the_real_history() {
    let Some(bundle) = real_history::bundle() else {
        tell("NOT RUN: histories::both_ways_agree_on_the_real_history: ASOF_REAL_HISTORY is not set");
        return;
    };
    let (server, _) = real_server::start(&bundle);
    let compared = agree(&server, &server.data(), "beads");
    assert!(compared > 1000, "{compared} contents");
}
