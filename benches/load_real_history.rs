//! Loads the bundle of a real history into a running Dolt server, for `benches/run.sh`.
//!
//! usage: `cargo bench --bench load_real_history -- PORT DATABASE BUNDLE`

use std::path::Path;
use std::process::ExitCode;

// The tests' loader, so that both load the same history. It uses only part of the shared code.
#[allow(dead_code)]
#[path = "../tests/it/support"]
mod support {
    pub mod command;
    pub mod real_history;
    pub mod sql;

    pub fn temp_dir() -> tempfile::TempDir {
        tempfile::tempdir().expect("the folder for temporary files is writable")
    }
}

use support::real_history::{DATABASE, load};
use support::sql::Client;

fn main() -> ExitCode {
    // Cargo adds --bench to the arguments of every benchmark.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [port, database, bundle] = args.as_slice() else {
        eprintln!("usage: load_real_history PORT DATABASE BUNDLE");
        return ExitCode::from(2);
    };
    let port = port.parse().expect("the port is a number");
    assert_eq!(database, DATABASE, "the loader names the database itself");
    let mut client = Client::connect(port).unwrap_or_else(|e| panic!("the server on port {port}: {e}"));
    let commits = load(&mut client, Path::new(bundle));
    eprintln!("bench: {commits} commits of the real history");
    ExitCode::SUCCESS
}
