//! A Dolt server with the real history. Loading takes half a minute, so all tests copy one loaded store.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::command::run;
use super::real_history::load;
use super::server::{Dolt, Server};
use super::{temp_dir, top};

/// Starts a server. Returns it with the number of commits.
pub fn start(bundle: &Path) -> (Server, usize) {
    // Nothing would remove the copy from another folder.
    if std::env::var_os("ASOF_TEST_DIR").is_none() {
        let server = Server::start();
        let commits = load(&mut server.client(), bundle);
        return (server, commits);
    }
    let loaded = loaded(bundle);
    let commits = fs::read_to_string(loaded.join(COMMITS)).expect("it was written");
    let commits = commits.parse().expect("a number was written");
    (Server::start_over(Dolt::Pinned, Some(&loaded.join("data"))), commits)
}

/// The file that holds the number of commits, beside the databases.
const COMMITS: &str = "commits";

/// The folder with the loaded databases. It is below `ASOF_TEST_DIR`, which `make test` removes.
fn loaded(bundle: &Path) -> PathBuf {
    let digest = Sha256::new()
        .chain_update(fs::read(bundle).expect("the bundle can be read"))
        .chain_update(include_bytes!("real_history.rs"))
        .chain_update(Dolt::Pinned.program().as_os_str().as_encoded_bytes())
        .finalize();
    let loaded = top().join(format!("real-history-{}", HEXLOWER.encode(&digest[..8])));
    // One test loads the history; the tests of this and the other programs wait.
    let lock = File::create(loaded.with_extension("lock")).expect("the folder for tests is writable");
    lock.lock().expect("the file can be locked");
    if !loaded.exists() {
        let mut server = Server::start();
        let commits = load(&mut server.client(), bundle);
        server.kill();
        let part = temp_dir();
        run("cp").arg("-a").arg(server.data()).arg(part.path()).ok();
        fs::write(part.path().join(COMMITS), commits.to_string()).expect("the folder is ours");
        fs::rename(part.keep(), &loaded).expect("the name is free");
    }
    loaded
}
