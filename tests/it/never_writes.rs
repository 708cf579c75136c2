//! A mount only reads a store's files: proved by its system calls, and by a store that cannot be written to.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::command::run;
use crate::support::files::{link, names, read, read_text};
use crate::support::mount::{Mount, detach};
use crate::support::server::Server;
use crate::support::{eventually, histories, tell, temp_dir};

/// System calls that may be made on a store's files, with flags that cannot change them.
const HARMLESS: [&str; 18] = [
    "access",
    "chdir",
    "execve",
    "faccessat",
    "faccessat2",
    "fcntl",
    "getxattr",
    "inotify_add_watch",
    "lstat",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "readlink",
    "readlinkat",
    "stat",
    "statfs",
    "statx",
];
/// Flags of `open` that allow writes or locks, and locks of `fcntl`.
const HARMFUL_FLAGS: [&str; 13] = [
    "O_WRONLY",
    "O_RDWR",
    "O_CREAT",
    "O_TRUNC",
    "O_APPEND",
    "O_TMPFILE",
    "F_SETLK",
    "F_SETLKW",
    "F_OFD_SETLK",
    "F_OFD_SETLKW",
    "F_SETLEASE",
    "F_ADD_SEALS",
    "F_NOTIFY",
];

/// strace, with the traced program as our own child, and with the paths that each call refers to.
fn tracer(trace: &Path) -> Vec<String> {
    let calls = "trace=%file,flock,fcntl,ftruncate,fallocate,fchmod,fchown,fsetxattr,fremovexattr,utimensat,futimesat";
    let trace = trace.to_str().expect("temporary folders are UTF-8");
    ["strace", "-D", "-f", "-y", "--seccomp-bpf", "-e", calls, "-o", trace].map(str::to_owned).to_vec()
}

/// Whether a call mounts the tree outside the store: the store's path is only the source name in the mount table.
fn mounts_the_tree(name: &str, arguments: &str, folder: &str) -> bool {
    let pieces: Vec<_> = arguments.split('"').collect();
    let ["", _source, ", ", target, ", ", "fuse", ..] = pieces[..] else { return false };
    let target = Path::new(target);
    name == "mount" && target.is_absolute() && !target.starts_with(folder)
}

/// The calls of a trace that refer to a folder: all of them, and those that may change its files.
fn calls<'t>(trace: &'t str, folder: &Path) -> (Vec<&'t str>, Vec<&'t str>) {
    let folder = folder.to_str().expect("temporary folders are UTF-8");
    // A call that another thread interrupted continues on a line without its arguments.
    let about = trace.lines().filter(|line| line.contains(folder) && line.contains('('));
    let about: Vec<_> = about.collect();
    let is_harmful = |line: &&str| {
        let (before, arguments) = line.split_once('(').expect("filtered above");
        let name = before.rsplit(' ').next().unwrap_or_default();
        if mounts_the_tree(name, arguments, folder) {
            return false;
        }
        !HARMLESS.contains(&name) || HARMFUL_FLAGS.iter().any(|flag| arguments.contains(flag))
    };
    let harmful = about.iter().copied().filter(is_harmful).collect();
    (about, harmful)
}

/// Reads everything in a mount once.
fn walk(dir: &Path) -> usize {
    let mut count = 0;
    for name in names(dir) {
        let path = dir.join(name);
        let metadata = fs::symlink_metadata(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        if metadata.is_symlink() {
            link(&path);
        } else if metadata.is_dir() {
            count += walk(&path);
        } else {
            read(&path);
            count += 1;
        }
    }
    count
}

/// Reads all of a mount, then commits and collects garbage on the server, and reads everything again each time.
fn rounds(server: &Server, mount: &Mount) {
    let mut client = server.client();
    assert!(walk(mount.root()) > 10);
    for round in 1..=3 {
        client.use_database("tour");
        client.run(&[&format!("INSERT INTO issues VALUES ('bd-{round}00','round {round}','open')")]);
        client.commit("a round", &format!("2026-09-0{round}T00:00:00"));
        eventually("the commit shows", Duration::from_secs(20), || {
            (link(mount.path("tour/latest")) == format!("asof/2026-09-0{round}T000000Z")).then_some(())
        });
        assert!(walk(mount.root()) > 10);
        assert!(read_text(mount.path("tour/latest/issues.jsonl")).contains(&format!("round {round}")));
        assert!(read_text(mount.path("tour/live/issues.jsonl")).contains(&format!("round {round}")));
        client.run(&["CALL DOLT_GC()"]);
        // A collection ends every session on the server.
        client = server.client();
    }
}

#[test]
fn no_call_changes_a_file_of_the_store() {
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let dir = temp_dir();
    let trace = dir.path().join("trace");
    let mount = Mount::under(&tracer(&trace), &[], &[server.data().display().to_string()]);
    rounds(&server, &mount);
    mount.unmount();
    let text = eventually("strace has ended", Duration::from_secs(20), || {
        fs::read_to_string(&trace).ok().filter(|text| text.contains("+++ exited with 0 +++"))
    });
    let (about, harmful) = calls(&text, &server.data());
    for file in ["manifest", "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"] {
        let opened = |line: &&str| line.contains("openat2(") && line.contains(&format!("/{file}\""));
        assert!(about.iter().any(opened), "the trace does not show how {file} is opened");
    }
    assert!(
        harmful.is_empty(),
        "{} calls may write: {:#?}",
        harmful.len(),
        &harmful[..harmful.len().min(10)]
    );
}

/// The check of the trace detects writes.
#[test]
fn a_trace_shows_what_writes() {
    let dir = temp_dir();
    let (trace, store) = (dir.path().join("trace"), dir.path().join("store"));
    fs::create_dir(&store).expect("the folder is ours");
    fs::write(store.join("file"), "").expect("the folder is ours");
    let script = r#"exec 3< "$0/file"; flock 3; cat "$0/file"; : >> "$0/file"; mkdir "$0/d"; mv "$0/file" "$0/d"
        touch "$0/d/file"; rm "$0/d/file"; rmdir "$0/d""#;
    let tracer = tracer(&trace);
    run(&tracer[0]).args(&tracer[2..]).args(["bash", "-c", script]).arg(&store).ok();
    let text = fs::read_to_string(&trace).expect("strace writes it");
    let (_, harmful) = calls(&text, &store);
    for call in ["flock(", "O_APPEND", "mkdir", "rename", "utimensat(", "unlink", "rmdir"] {
        assert!(harmful.iter().any(|line| line.contains(call)), "{call} is not found in {text}");
    }
    assert!(!harmful.iter().any(|line| line.contains("O_RDONLY)")), "{harmful:#?}");
    let (store, away) = (store.display(), dir.path().join("mnt"));
    let mount = |target: &Path, kind: &str| {
        let call = format!(r#"1 mount("{store}", "{}", "{kind}", MS_RDONLY, "fd=3") = 0"#, target.display());
        calls(&call, &dir.path().join("store")).1.len()
    };
    assert_eq!(mount(&away, "fuse"), 0, "the mount of the tree itself");
    assert_eq!(mount(&dir.path().join("store"), "fuse"), 1, "a mount over the store");
    assert_eq!(mount(&dir.path().join("store/d"), "fuse"), 1, "a mount in the store");
    assert_eq!(mount(&away, "overlay"), 1, "another file system");
}

#[test]
fn a_store_that_cannot_be_written_to_reads_the_same() {
    if !rustix::process::getuid().is_root() {
        tell("NOT RUN: a_store_that_cannot_be_written_to_reads_the_same: a bind mount needs root");
        return;
    }
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let dir = temp_dir();
    let bound = ReadOnly::bind(&server.data(), dir.path().join("ro"));
    let refused = fs::write(bound.0.join("new"), "").expect_err("it is mounted read-only");
    assert_eq!(refused.raw_os_error(), Some(libc::EROFS));
    let mount = Mount::new(&[bound.0.display().to_string()]);
    rounds(&server, &mount);
    mount.unmount();
}

/// A folder mounted a second time, read-only, until dropped.
struct ReadOnly(PathBuf);

impl ReadOnly {
    fn bind(folder: &Path, at: PathBuf) -> Self {
        fs::create_dir(&at).expect("the folder is ours");
        run("mount").arg("--bind").arg(folder).arg(&at).ok();
        let bound = Self(at);
        run("mount").args(["-o", "remount,bind,ro"]).arg(&bound.0).ok();
        bound
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        detach(&self.0);
    }
}
