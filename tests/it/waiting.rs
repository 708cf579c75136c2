//! Processes that wait for a source that does not answer: they delay nobody else, and can be interrupted.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::{Advice, fadvise};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::command::{run, wait};
use crate::support::files::{errno, read_text};
use crate::support::mount::{Mount, asof, mounted};
use crate::support::proxy::{Fault, Proxy, Weather};
use crate::support::server::Server;
use crate::support::{archives, eventually, histories, temp_dir};

const READERS: usize = 2000;

/// Shorter than the time after which a read from a stopped server fails.
const SOON: Duration = Duration::from_secs(15);

/// Readers at different offsets of one file each. All of them sleep in the kernel if the file's source does not answer.
struct Readers {
    threads: Vec<JoinHandle<std::io::Result<()>>>,
    done: Arc<AtomicUsize>,
}

impl Readers {
    fn start(file: &Arc<File>) -> Self {
        let len = file.metadata().expect("it is open").len();
        let done = Arc::<AtomicUsize>::default();
        let thread = |number| {
            let (file, done) = (Arc::clone(file), Arc::clone(&done));
            let thread = std::thread::Builder::new().name("reader".to_owned()).stack_size(64 << 10);
            let read = move || {
                let read = file.read_exact_at(&mut [0; 100], len / READERS as u64 * number);
                done.fetch_add(1, Ordering::SeqCst);
                read
            };
            thread.spawn(read).expect("there may be so many threads")
        };
        Self { threads: (0..READERS as u64).map(thread).collect(), done }
    }

    fn done(&self) -> usize {
        self.done.load(Ordering::SeqCst)
    }

    /// The number of this process's readers that sleep until they get an answer.
    fn asleep() -> usize {
        let threads = fs::read_dir("/proc/self/task").expect("Linux has one").flatten();
        let stats = threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
        stats.filter(|stat| stat.contains("(reader) D")).count()
    }
}

#[test]
fn two_thousand_readers_of_a_stopped_server_hold_up_nobody_else() {
    let mut stopped = Server::start();
    let mut client = stopped.client();
    client.new_database("large");
    client.run(&["CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, x longtext)"]);
    client.run(&["INSERT INTO t (x) VALUES (repeat('x', 10000)), (repeat('y', 10000))"]);
    for _ in 0..11 {
        client.run(&["INSERT INTO t (x) SELECT x FROM t"]);
    }
    client.commit("40 MB", "2026-01-01T00:00:00");
    drop(client);
    let other = Server::start();
    histories::tour(&mut other.client(), "other");
    let mut of_store = Server::start();
    histories::tour(&mut of_store.client(), "tour");
    of_store.kill();
    let dir = temp_dir();
    archives::write_zip(&dir.path().join("2026-01-02T000000.zip"), &[("t.jsonl", b"{\"zip\":1}\n")]);
    let sources = [
        stopped.url("large"),
        other.url("other"),
        format!("store={}", of_store.data().join("tour").display()),
        format!("zips={}", dir.path().display()),
    ];
    let mount = Mount::with(&["--cache-size", "8M"], &sources);
    let file = Arc::new(File::open(mount.path("large/latest/t.jsonl")).expect("the server answers"));
    // Each reader makes its own request.
    fadvise(&*file, 0, None, Advice::Random).expect("it is a file");

    let frozen = stopped.freeze();
    let readers = Readers::start(&file);
    eventually("all readers wait, or had their bytes in memory", SOON, || {
        (Readers::asleep() + readers.done() >= READERS).then_some(())
    });
    let done = readers.done();
    assert!(done < READERS / 2, "{done} of the readers wait for nothing");
    assert_eq!(read_text(mount.path("zips/latest/t.jsonl")), "{\"zip\":1}\n");
    assert!(read_text(mount.path("store/latest/issues.jsonl")).contains("bd-"));
    assert!(read_text(mount.path("other/latest/issues.jsonl")).contains("bd-"));
    assert_eq!(readers.done(), done, "a reader of the stopped server was answered first");
    // Threads that passed a crowd of requests on stay idle for ten seconds.
    eventually("waiting readers hold no threads", SOON, || {
        let threads = fs::read_dir(format!("/proc/{}/task", mount.pid())).expect("it runs").count();
        (threads < 200).then_some(())
    });

    drop(frozen);
    stopped.kill();
    for reader in readers.threads {
        if let Err(error) = reader.join().expect("reading does not panic") {
            assert_eq!(error.raw_os_error(), Some(libc::EIO));
        }
    }
    drop(file);
    mount.unmount();
}

fn start(program: &str, args: &[&str], path: &Path, folder: &Path) -> Child {
    let mut command = Command::new(program);
    // A process that dumps core does so in this folder.
    command.args(args).arg(path).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it is installed")
}

/// Whether it sleeps until it gets an answer, in the way that signals can wake or not.
fn sleeps(child: &Child) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['D', 'S']))
}

/// Covers each wait (look-ups of one name, which the kernel serialises, a listing, rows), and signals that end the
/// process, dump core or are handled.
#[test]
fn whoever_waits_for_a_silent_server_can_be_interrupted() {
    const HANDLES: [&str; 2] =
        ["-e", "$SIG{$_} = sub { exit 3 } for qw(INT TERM HUP QUIT); open(F, '<', $ARGV[0]); <F>"];
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let dir = temp_dir();
    let proxy = Proxy::start(server.port);
    let mount = Mount::new(&[format!("dolt://root@127.0.0.1:{}/tour", proxy.port)]);
    // The server accepts connections and then stays silent.
    proxy.fail_by(Some(("SELECT", Fault::Stall)));
    let snapshot = |name| mount.path("tour/asof").join(name);
    let mut waiting = Vec::new();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::KILL] {
        let file = snapshot("2026-01-07T200000Z").join("issues.jsonl");
        for (program, args, path) in [
            ("cat", &[][..], &file),
            ("stat", &[][..], &file),
            ("ls", &["-l"][..], &snapshot("2026-01-05T120000Z")),
            ("perl", &HANDLES[..], &file),
        ] {
            waiting.push((start(program, args, path, dir.path()), signal, program));
        }
    }
    eventually("all of them wait", SOON, || waiting.iter().all(|(child, ..)| sleeps(child)).then_some(()));
    for (child, signal, _) in &waiting {
        kill_process(Pid::from_child(child), *signal).expect("it runs");
    }
    let deadline = Instant::now() + SOON;
    for (child, signal, program) in &mut waiting {
        assert!(wait(child, deadline).is_some(), "{program} does not end by {signal:?}");
    }
    run(asof()).arg("umount").arg(mount.root()).within(SOON).ok();
    assert!(mounted(mount.root()).is_none(), "nothing keeps the mount busy");
    mount.unmount();
}

/// Rows that come one by one, each in time.
#[test]
fn a_request_to_a_server_that_trickles_ends() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    let rows: Vec<_> = (0..2000).map(|n| format!("({n})")).collect();
    client.run(&["CREATE TABLE t (id int PRIMARY KEY)", &format!("INSERT INTO t VALUES {}", rows.join(","))]);
    client.commit("t", "2026-01-01T00:00:00");
    let proxy = Proxy::start(server.port);
    let mount = Mount::new(&[format!("dolt://root@127.0.0.1:{}/d", proxy.port)]);
    proxy.set(Weather::Trickle);
    let begun = Instant::now();
    assert_eq!(errno(fs::read(mount.path("d/latest/t.jsonl"))), libc::EIO);
    // 35 s, and the same again for a busy machine.
    assert!(begun.elapsed() < Duration::from_secs(70), "{:?}", begun.elapsed());
    mount.unmount();
}
