//! Makes SQLite read a file that is already open, and no other.
//!
//! SQLite takes a path. It gets `/proc/self/fd/N`, which the kernel resolves to the open file even if its name means
//! another file by now, or if it has no name. SQLite would read that link and open the path in it, and a user who may
//! write to a folder on the way could redirect it. So SQLite is told that nothing is a link (ADR 8).

use std::ffi::{CStr, c_char, c_int};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;

use rusqlite::{Connection, OpenFlags, ffi};

use super::problem::{Result, SqliteProblem};

/// A read-only connection to `file`, without the files beside it.
pub(super) fn connect(file: &File) -> Result<Connection> {
    if !follows_no_links() {
        return Err(SqliteProblem::Io(io::Error::other("SQLite cannot be kept from following links")));
    }
    let uri = format!("file:/proc/self/fd/{}?immutable=1", file.as_raw_fd());
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // SQLite opens the file here and never again.
    Ok(Connection::open_with_flags(uri, flags)?)
}

/// What the path of an open file begins with.
const HANDLES: &[u8] = b"/proc/self/fd/";

/// How SQLite asks what a path is: lstat(2).
type Lstat = unsafe extern "C" fn(*const c_char, *mut libc::stat) -> c_int;
/// How SQLite opens a path: open(2).
type Open = unsafe extern "C" fn(*const c_char, c_int, c_int) -> c_int;

/// Makes SQLite take the path of an open file as it stands, once for the whole process.
fn follows_no_links() -> bool {
    static IS_SET: OnceLock<bool> = OnceLock::new();
    *IS_SET.get_or_init(|| {
        // SAFETY: the first VFS lives as long as the process. It takes any function pointer for a system call, and
        // casts it back to the type of that call, which these functions have. `get_or_init` lets one thread in, before
        // any connection is made here.
        #[allow(unsafe_code)]
        unsafe {
            let vfs = ffi::sqlite3_vfs_find(std::ptr::null());
            let Some(set) = vfs.as_ref().and_then(|vfs| vfs.xSetSystemCall) else { return false };
            let lstat = std::mem::transmute::<Lstat, unsafe extern "C" fn()>(no_link);
            let open = std::mem::transmute::<Open, unsafe extern "C" fn()>(open_handle);
            set(vfs, c"lstat".as_ptr(), Some(lstat)) == ffi::SQLITE_OK
                && set(vfs, c"open".as_ptr(), Some(open)) == ffi::SQLITE_OK
        }
    })
}

/// What SQLite gets for lstat(2): each path is that of a regular file.
#[allow(unsafe_code)]
unsafe extern "C" fn no_link(_path: *const c_char, found: *mut libc::stat) -> c_int {
    // SAFETY: SQLite passes its own buffer, and looks at nothing but the mode.
    unsafe { (*found).st_mode = libc::S_IFREG };
    0
}

/// What SQLite gets for open(2): SQLite refuses links, as it has resolved them, but the path of an open file is one.
#[allow(unsafe_code)]
unsafe extern "C" fn open_handle(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    // SAFETY: SQLite passes a path that ends in a NUL, and the arguments with which it would call open(2).
    unsafe {
        let is_handle = CStr::from_ptr(path).to_bytes().starts_with(HANDLES);
        let flags = if is_handle { flags & !libc::O_NOFOLLOW } else { flags };
        libc::open(path, flags, mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(path: &std::path::Path, value: i64) {
        let made = Connection::open(path).expect("the folder is ours");
        made.execute_batch(&format!("CREATE TABLE t(a); INSERT INTO t VALUES({value});")).expect("SQL");
    }

    fn value(file: &File) -> i64 {
        let connection = connect(file).expect("it is open");
        connection.query_row("SELECT a FROM t", [], |row| row.get(0)).expect("a row")
    }

    /// The name is swapped for a link between our look and the open: SQLite reads what was opened.
    #[test]
    fn no_other_file_is_opened_whatever_the_path_leads_to() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, secret) = (folder.path().join("open.db"), folder.path().join("secret.db"));
        made(&path, 1);
        made(&secret, 2);
        let open = File::open(&path).expect("ours");
        std::fs::remove_file(&path).expect("ours");
        std::os::unix::fs::symlink(&secret, &path).expect("ours");
        assert_eq!(value(&open), 1);
    }

    #[test]
    fn a_file_without_a_name_is_read_as_often_as_it_is_asked_for() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("gone.db");
        made(&path, 7);
        let open = File::open(&path).expect("ours");
        drop(folder);
        assert!(!path.exists());
        assert_eq!((value(&open), value(&open)), (7, 7));
    }
}
