//! One store that every Dolt writes to in turn, oldest first, each with its own encodings of tables, columns and
//! rows. The `dolt://` source, the store's files and the server's answers `AS OF` each commit agree.

use std::path::Path;

use crate::agreement::{Account, from_files};
use crate::support::kinds::Kinds;
use crate::support::oracle::{self, Moment};
use crate::support::server::{Dolt, Server};
use crate::support::{bytes, files};

const NAME: &str = "kinds";
const TURNS: [Dolt; 3] = [Dolt::Old, Dolt::Pinned, Dolt::New];

/// Compares both ways with each other, and the files of every `nth` commit with the server's answers.
fn three_ways(server: &Server, path: &Path, nth: usize, what: &str) -> usize {
    let ours = Account::of_files(path, NAME);
    let compared = ours.agrees_with(&Account::of_server(server, NAME), what);
    let database = from_files(path, NAME);
    let mut client = server.client();
    client.use_database(NAME);
    for commit in database.history().timeline.iter().step_by(nth) {
        let answers = oracle::files(&mut client, Moment::Ref(&commit.id));
        let listed = files(&database, &commit.id);
        let tables: Vec<_> = listed.iter().filter(|file| file.path.ends_with(".jsonl")).collect();
        assert_eq!(tables.len(), answers.len(), "{what} at {}", commit.id);
        for file in tables {
            let ours = bytes(&file.content).unwrap_or_else(|error| panic!("{}", error.chain()));
            let theirs = &answers[&*file.path];
            let texts = [&ours, theirs].map(|text| String::from_utf8_lossy(text).into_owned());
            let [ours, theirs] = texts.each_ref().map(|text| text.lines().collect::<Vec<_>>());
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_eq!(ours, theirs, "{} {what} at {} ({})", file.path, commit.id, commit.message);
            }
            assert_eq!(ours.len(), theirs.len(), "{} {what} at {}", file.path, commit.id);
        }
    }
    compared
}

#[test]
fn a_store_that_every_dolt_wrote_to_tells_the_same_each_way() {
    let mut server = Server::start_as(TURNS[0], None);
    let mut kinds = Kinds::begin(&mut server.client(), NAME, 41);
    for dolt in TURNS {
        if dolt != server.dolt {
            server.kill();
            server = Server::start_as(dolt, Some(&server));
        }
        let mut client = server.client();
        client.use_database(NAME);
        kinds.carry_on(&mut client, dolt, 10);
        if dolt == Dolt::Pinned {
            three_ways(&server, &server.data(), 9, "after two Dolts");
        }
    }
    let before = three_ways(&server, &server.data(), 3, "after three Dolts");
    assert!(before > 40, "{before} contents");
    let mut client = server.client();
    client.use_database(NAME);
    client.run(&["CALL DOLT_GC()"]);
    // A collection ends every session on the server.
    let mut client = server.client();
    client.use_database(NAME);
    assert_eq!(three_ways(&server, &server.data(), 9, "collected"), before);
    kinds.carry_on(&mut client, Dolt::New, 3);
    assert!(three_ways(&server, &server.data(), 20, "after the collection") > before);
    server.kill();
    crate::verify::verify(&server.data().join(NAME)).expect_nothing();
}
