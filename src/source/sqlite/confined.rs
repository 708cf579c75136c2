//! Opens in SQLite the file that is open here already, and no other.
//!
//! SQLite takes a path and resolves it by itself. Who may write to a folder on the way can swap it for a link after we
//! looked, and would lead SQLite to another file. So a thread that may open this one inode and nothing else (Landlock)
//! makes the connection: the kernel refuses whatever else the path leads to (ADR 40).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError,
};
use rusqlite::{Connection, OpenFlags};

use super::problem::Problem;

/// Whether the kernel can keep a thread from opening other files. Where it cannot, only private copies are opened.
pub(super) fn is_possible(file: &File) -> bool {
    static IS_POSSIBLE: OnceLock<bool> = OnceLock::new();
    *IS_POSSIBLE.get_or_init(|| match in_thread(|| Ok(may_open_only(file).map_err(io::Error::other)?)) {
        Ok(()) => true,
        Err(error) => {
            tracing::info!(%error, "without Landlock in the kernel, SQLite files are copied before they are read");
            false
        }
    })
}

/// A connection to `file`, read-only and without a look at what lies beside it. `is_private`: nobody else can change
/// the folders that lead to it.
pub(super) fn connect(file: &File, is_private: bool) -> Result<Connection, Problem> {
    seed();
    let uri = format!("file:/proc/self/fd/{}?immutable=1", file.as_raw_fd());
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if is_private {
        return Ok(Connection::open_with_flags(uri, flags)?);
    }
    in_thread(|| {
        may_open_only(file).map_err(io::Error::other)?;
        // SQLite opens the file here and never again.
        Ok(Connection::open_with_flags(uri, flags)?)
    })
}

/// Has SQLite read its random seed, for which it opens `/dev/urandom`.
fn seed() {
    static SEEDED: OnceLock<()> = OnceLock::new();
    SEEDED.get_or_init(|| {
        let seeded = Connection::open_in_memory()
            .and_then(|connection| connection.query_row("SELECT random()", [], |_| Ok(())));
        if let Err(error) = seeded {
            tracing::debug!(%error, "SQLite has no random numbers");
        }
    });
}

fn in_thread<T: Send>(work: impl FnOnce() -> Result<T, Problem> + Send) -> Result<T, Problem> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("open".to_owned()).spawn_scoped(scope, work)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("opening it panicked").into()))
    })
}

/// From now on this thread may open this file to read it, and nothing else.
fn may_open_only(file: &File) -> Result<(), RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))?
        .create()?
        .add_rule(PathBeneath::new(file, AccessFs::ReadFile))?
        .restrict_self()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The folder is swapped for a link between our look and the open: what SQLite is led to stays closed.
    #[test]
    fn no_other_file_is_opened_whatever_the_path_leads_to() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (open, secret) = (folder.path().join("open.db"), folder.path().join("secret.db"));
        for (path, value) in [(&open, 1), (&secret, 2)] {
            let made = Connection::open(path).expect("the folder is ours");
            made.execute_batch(&format!("CREATE TABLE t(a); INSERT INTO t VALUES({value});")).expect("SQL");
        }
        let (open, secret) = (File::open(&open).expect("ours"), File::open(&secret).expect("ours"));
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let through = |allowed: &File, opened: &File| {
            let uri = format!("file:/proc/self/fd/{}?immutable=1", opened.as_raw_fd());
            in_thread(|| {
                may_open_only(allowed).map_err(io::Error::other)?;
                let connection = Connection::open_with_flags(uri, flags)?;
                Ok(connection.query_row("SELECT a FROM t", [], |row| row.get::<_, i64>(0))?)
            })
        };
        assert!(is_possible(&open), "this test needs a kernel with Landlock");
        assert_eq!(through(&open, &open).expect("it may be opened"), 1);
        let error = through(&open, &secret).expect_err("it may not be opened");
        assert!(error.to_string().contains("unable to open"), "{error}");
    }
}
