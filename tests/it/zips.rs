//! Zips that are truncated, encrypted, split or odd, as `asof ls`, `cat` and `verify` show them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::command::{Outcome, run};
use crate::support::temp_dir;

const ISSUES: &[u8] = b"{\"id\":\"bd-1\"}\n";

/// A folder for a zip and the files to pack.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { dir: temp_dir() };
        fs::create_dir(place.at("backups")).expect("the folder is ours");
        fs::create_dir(place.at("files")).expect("the folder is ours");
        fs::write(place.at("files/issues.jsonl"), ISSUES).expect("the folder is ours");
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn archive(&self) -> PathBuf {
        self.at("backups/b-20260121-2000.zip")
    }

    /// Packs files into the archive with `zip`.
    fn zip(&self, options: &[&str], files: &[&str]) -> Vec<u8> {
        let folder = self.at("files");
        run("zip").arg("-q").args(options).arg(self.archive()).args(files).dir(&folder).ok();
        fs::read(self.archive()).expect("it was just written")
    }

    fn asof(&self, arguments: &[&str]) -> Outcome {
        run(env!("CARGO_BIN_EXE_asof")).args(arguments).outcome()
    }

    fn verify(&self, status: i32) -> String {
        let folder = self.at("backups");
        let outcome = self.asof(&["verify", text(&folder)]).expect_status(status);
        String::from_utf8(outcome.stdout).expect("it prints text")
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// unzip#19: the copy of a backup was interrupted, and now ends in the directory of an attachment.
#[test]
fn a_backup_that_lost_its_end_is_cut_off_and_not_its_attachment() {
    let place = Place::new();
    fs::write(place.at("files/readme.txt"), "old").expect("the folder is ours");
    run("zip").args(["-q", "attachment.zip", "readme.txt"]).dir(place.at("files")).ok();
    let whole = place.zip(&[], &["issues.jsonl", "attachment.zip"]);
    place.verify(0);
    fs::write(place.archive(), &whole[..whole.len() - 10]).expect("the folder is ours");
    let folder = place.at("backups");
    let listed = place.asof(&["ls", "--from", text(&folder), "b/latest/"]);
    assert!(listed.stdout.is_empty(), "{}", listed.text());
    let said = listed.stderr;
    assert!(said.contains("cut off"), "{said}");
    let said = place.verify(1);
    assert!(said.contains("wrong") && said.contains("cut off"), "{said}");
}

#[test]
fn what_is_encrypted_or_split_is_not_checked_and_the_hint_helps() {
    let place = Place::new();
    place.zip(&["-P", "secret"], &["issues.jsonl"]);
    let said = place.verify(2);
    assert!(said.contains("encrypted") && said.contains("7z x "), "{said}");

    let place = Place::new();
    fs::write(place.at("files/noise"), noise(150_000)).expect("the folder is ours");
    place.zip(&["-0", "-s", "64k"], &["issues.jsonl", "noise"]);
    let said = place.verify(2);
    assert!(said.contains("split zip") && said.contains("zip -s 0 "), "{said}");
}

/// Bytes after the end of a zip do not change it.
#[test]
fn an_odd_zip_is_read_and_well() {
    let place = Place::new();
    let whole = place.zip(&[], &["issues.jsonl"]);
    fs::write(place.archive(), [&whole[..], &[0; 70_000]].concat()).expect("the folder is ours");
    place.verify(0);
    let folder = place.at("backups");
    let read = place.asof(&["cat", "--from", text(&folder), "b/latest/issues.jsonl"]).expect_status(0);
    assert_eq!(read.stdout, ISSUES);
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}
