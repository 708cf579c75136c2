//! Real git repositories, and Dolt's view of them as remotes.

use std::path::{Path, PathBuf};

use super::command::{Run, run};

/// `git -C repository`, without the user's settings.
pub fn git(repository: &Path) -> Run {
    let git = run("git").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    let person = ["-c", "user.name=Test", "-c", "user.email=test@example.com"];
    git.args(person).arg("-C").arg(repository)
}

/// Makes a bare repository with one commit on `main`: Dolt does not push to one without branches.
pub fn bare(path: &Path) -> PathBuf {
    std::fs::create_dir_all(path).expect("the folder for tests is writable");
    git(path).args(["init", "-q", "--bare", "-b", "main"]).ok();
    let tree = git(path).args(["mktree"]).input("").ok();
    let commit = git(path).args(["commit-tree", "-m", "begin", tree.trim()]).ok();
    git(path).args(["update-ref", "refs/heads/main", commit.trim()]).ok();
    path.to_owned()
}

/// The statement that makes a repository a remote of the database in use.
pub fn add_remote(name: &str, repository: &Path) -> String {
    format!("CALL DOLT_REMOTE('add','{name}','git+file://{}')", repository.display())
}

/// The hash of the object that an expression names.
pub fn object(repository: &Path, expression: &str) -> String {
    git(repository).args(["rev-parse", "--verify", expression]).ok().trim().to_owned()
}

/// The files that Dolt left in a repository, each with the hash of its object.
pub fn files(repository: &Path) -> Vec<(String, String)> {
    let listing = git(repository).args(["ls-tree", "refs/dolt/data"]).ok();
    let entry = |line: &str| -> Option<(String, String)> {
        let (facts, name) = line.split_once('\t')?;
        Some((name.to_owned(), facts.rsplit_once(' ')?.1.to_owned()))
    };
    listing.lines().map(|line| entry(line).unwrap_or_else(|| panic!("no entry: {line}"))).collect()
}

/// Splits the files that Dolt left, except the manifest, into folders of parts of `len` bytes, as Dolt does with large
/// files.
pub fn cut_files(repository: &Path, len: usize) {
    let mut entries = String::new();
    for (name, object) in files(repository) {
        if name == "manifest" {
            entries += &format!("100644 blob {object}\t{name}\n");
            continue;
        }
        let bytes = git(repository).args(["cat-file", "blob", &object]).outcome().expect_status(0).stdout;
        let mut parts = String::new();
        for (at, part) in bytes.chunks(len).enumerate() {
            let part = git(repository).args(["hash-object", "-w", "--stdin"]).input(part).ok();
            parts += &format!("100644 blob {}\t{:04}\n", part.trim(), at + 1);
        }
        let folder = git(repository).arg("mktree").input(parts).ok();
        entries += &format!("040000 tree {}\t{name}\n", folder.trim());
    }
    let tree = git(repository).arg("mktree").input(entries).ok();
    let commit = git(repository).args(["commit-tree", "-m", "cut", tree.trim()]).ok();
    git(repository).args(["update-ref", "refs/dolt/data", commit.trim()]).ok();
}
