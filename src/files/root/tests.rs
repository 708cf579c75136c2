//! Tests of links, and of folders that are swapped for links.

use std::fs;
use std::os::unix::fs::{chown, lchown, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

const SECRET: &str = "only for root";

/// A user who is neither root nor the user who runs the tests.
const STRANGER: u32 = 54_321;

/// A source, and a secret next to it.
struct TestRoot {
    top: tempfile::TempDir,
}

impl TestRoot {
    fn new() -> Self {
        let place = Self { top: tempfile::tempdir().expect("a temporary folder") };
        place.write("secret/file", SECRET);
        place.write("source/sub/file", "for all");
        place
    }

    fn at(&self, path: &str) -> PathBuf {
        self.top.path().canonicalize().expect("it is there").join(path)
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("the folder is ours");
        fs::write(path, bytes).expect("the folder is ours");
    }

    fn link(&self, target: impl AsRef<Path>, name: &str) {
        symlink(target, self.at("source").join(name)).expect("the folder is ours");
    }

    fn root(&self, links: Links) -> Root {
        Root::new(&self.at("source"), links).expect("it is there")
    }

    /// Reads a path of the source.
    fn read(&self, path: &str, links: Links) -> io::Result<String> {
        let root = self.root(links);
        let bytes = root.read(&self.at("source").join(path), 1000)?;
        Ok(String::from_utf8(bytes).expect("it is text"))
    }
}

#[test]
fn links_that_stay_beneath_the_folder_are_followed() {
    let place = TestRoot::new();
    place.link("sub/file", "relative");
    place.link(place.at("source/sub/file"), "absolute");
    place.link("sub", "folder");
    place.link(place.at("source/sub"), "absolute-folder");
    place.link("sub/../sub/./file", "detour");
    place.link("../source/sub/file", "out-and-in");
    symlink(place.at("source"), place.at("alias")).expect("the folder is ours");
    place.link(place.at("alias/sub/file"), "by-alias");
    let files = ["sub/file", "relative", "absolute", "detour", "out-and-in", "by-alias"];
    for path in files.into_iter().chain(["folder/file", "absolute-folder/file"]) {
        assert_eq!(place.read(path, Links::Beneath).expect(path), "for all", "{path}");
    }
    let root = place.root(Links::Beneath);
    let listed = root.read_dir(&place.at("source/absolute-folder")).and_then(|open| open.paths());
    assert_eq!(listed.expect("it is a folder").len(), 1);
    assert_eq!(root.link_target(&place.at("source/relative")).expect("a link"), Path::new("sub/file"));
}

#[test]
fn links_out_of_the_folder_are_not() {
    let place = TestRoot::new();
    place.link(place.at("secret/file"), "absolute");
    place.link("../secret/file", "relative");
    place.link("/proc/self/root/etc/passwd", "magic");
    place.link(place.at("secret"), "folder");
    place.link("absolute", "chain");
    place.link(place.at("nothing"), "dangling");
    place.link("loop", "loop");
    // It comes back, which would show whether `secret` exists.
    place.link(place.at("secret/../source/sub/file"), "detour");
    for path in ["absolute", "relative", "magic", "folder/file", "chain", "dangling", "detour"] {
        let error = place.read(path, Links::Beneath).expect_err(path);
        assert!(is_outside(&error), "{path}: {error}");
        let examined = place.root(Links::Beneath).metadata(&place.at("source").join(path));
        assert!(examined.is_err_and(|error| is_outside(&error)), "{path}");
    }
    assert!(place.read("loop", Links::Beneath).is_err());
    let root = place.root(Links::Beneath);
    assert!(root.read_dir(&place.at("source/folder")).is_err_and(|error| is_outside(&error)));
    for path in ["secret/file", "source/../secret/file"] {
        assert!(root.open(&place.at(path)).is_err_and(|error| is_outside(&error)), "{path}");
    }
}

#[test]
fn links_out_are_followed_where_link_and_target_are_ones_own() {
    let place = TestRoot::new();
    place.link(place.at("secret/file"), "own");
    place.link("own", "chain");
    assert_eq!(place.read("own", Links::Owned).expect("all of it is ours"), SECRET);
    assert_eq!(place.read("chain", Links::Owned).expect("all of it is ours"), SECRET);
    assert!(rustix::process::geteuid().is_root(), "these tests run as root, to make files of other users");
    let give_away =
        |link: &str| lchown(place.at("source").join(link), Some(STRANGER), None).expect("we are root");
    place.link(place.at("secret/file"), "strange");
    give_away("strange");
    place.link("strange", "own-to-strange");
    for path in ["strange", "own-to-strange"] {
        assert!(place.read(path, Links::Owned).is_err_and(|error| is_outside(&error)), "{path}");
    }
    place.link("sub/file", "strange-inside");
    give_away("strange-inside");
    assert_eq!(place.read("strange-inside", Links::Owned).expect("it stays beneath"), "for all");
    chown(place.at("secret/file"), Some(STRANGER), None).expect("we are root");
    let read = place.read("own", Links::Owned);
    assert!(read.is_err_and(|error| is_outside(&error)), "the target is somebody's");
}

#[test]
fn a_folder_in_whose_place_a_link_is_put_later_is_not_followed() {
    let place = TestRoot::new();
    let root = place.root(Links::Beneath);
    let path = place.at("source/sub/file");
    assert!(root.open(&path).is_ok());
    fs::rename(place.at("source"), place.at("moved")).expect("the folder is ours");
    place.write("secret/sub/file", SECRET);
    symlink(place.at("secret"), place.at("source")).expect("the folder is ours");
    assert!(root.open(&path).is_err());
    assert!(root.read_dir(root.folder()).is_err());
}

/// Swaps a folder for a link and back during reads, like an attacker.
#[test]
fn a_race_between_a_look_and_an_open_reads_no_secret() {
    let place = TestRoot::new();
    place.write("secret/sub/file", SECRET);
    let (sub, aside) = (place.at("source/sub"), place.at("source/aside"));
    let is_done = AtomicBool::new(false);
    let is_done = &is_done;
    let read = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                fs::rename(&sub, &aside).expect("the folder is ours");
                symlink(place.at("secret/sub"), &sub).expect("the folder is ours");
                fs::remove_file(&sub).expect("the folder is ours");
                fs::rename(&aside, &sub).expect("the folder is ours");
            }
        });
        let (mut whole, mut refused) = (0, 0);
        for _ in 0..20_000 {
            match place.read("sub/file", Links::Beneath) {
                Ok(text) => {
                    assert_eq!(text, "for all");
                    whole += 1;
                }
                Err(_) => refused += 1,
            }
        }
        is_done.store(true, Ordering::Relaxed);
        (whole, refused)
    });
    assert!(read.0 > 0 && read.1 > 0, "both were met: {read:?}");
}

#[test]
fn only_regular_files_of_a_sane_length_are_read_whole() {
    let place = TestRoot::new();
    rustix::fs::mknodat(CWD, place.at("source/pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .expect("the folder is ours");
    assert!(place.read("pipe", Links::Beneath).is_err(), "and does not wait");
    assert!(place.read("sub", Links::Beneath).is_err());
    place.write("source/long", vec![b'x'; 1001]);
    assert!(place.read("long", Links::Beneath).is_err());
    place.write("source/long", vec![b'x'; 1000]);
    assert_eq!(place.read("long", Links::Beneath).expect("it just fits").len(), 1000);
}
