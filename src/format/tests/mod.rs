//! Dumps and archives made by the real programs, and broken ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use tokio::runtime::Runtime;

use super::input::FormatContext;
use super::shown::ShownFile;
use crate::content::{Content, ErrorKind, Sink, SourceError, Stream};
use crate::format::blob::{Blob, FileBlob, FileVersion};

mod corpus;
mod damage;
mod dumps;
mod encodings;
mod forge;
mod odd_tars;
mod packed;
#[path = "../../../tests/it/support/postgres.rs"]
mod server;
mod sidecars;
mod tars;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("threads can be started"));

pub(super) fn stored(path: &Path) -> Arc<dyn Blob> {
    let file = FileVersion::named(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Arc::new(FileBlob { file: Arc::new(file) })
}

fn run(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; tests/setup/packages.sh test installs it"))
}

/// What a program prints that has to succeed.
pub(crate) fn stdout_of(command: &mut Command) -> Vec<u8> {
    let output = run(command);
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A shell command, with `$0` and so on.
fn shell(script: &str, args: &[&Path]) -> Vec<u8> {
    stdout_of(
        Command::new("bash").arg("-euc").arg(script).args(args).env("LC_ALL", "C.UTF-8").env("TZ", "UTC"),
    )
}

/// A new folder, and what a shell command made in it.
fn made_by(script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    shell(&format!("cd \"$0\"; {script}"), &[folder.path()]);
    folder
}

/// A file with these bytes.
fn in_file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), bytes).expect("the file is ours");
    file
}

/// The pieces in which a content comes. Checks that they are as long as the content states.
pub(crate) async fn pieces_of(content: &dyn Stream) -> Result<Vec<Bytes>, SourceError> {
    let (sink, mut pieces) = Sink::new(2);
    let gather = async {
        let mut all = Vec::new();
        while let Some(piece) = pieces.recv().await {
            all.push(piece);
        }
        all
    };
    let stated = content.stated_len();
    let (outcome, all) = tokio::join!(content.read(sink), gather);
    outcome?;
    let len: usize = all.iter().map(Bytes::len).sum();
    assert!(stated.is_none_or(|stated| stated == len as u64), "{}", content.describe());
    Ok(all)
}

fn read(content: &dyn Stream) -> Result<Vec<u8>, SourceError> {
    RUNTIME.block_on(pieces_of(content)).map(|pieces| pieces.concat())
}

/// The same bytes, with one bit flipped of the byte at a place.
fn flipped(whole: &[u8], place: usize) -> Vec<u8> {
    let mut broken = whole.to_vec();
    broken[place] ^= 1 << (place % 8);
    broken
}

/// Checks the kind of a failure, and that its message has these words.
#[track_caller]
pub(super) fn is_error(error: &SourceError, kind: ErrorKind, words: &str) {
    assert_eq!(error.kind, kind, "{}", error.chain());
    assert!(error.chain().contains(words), "no {words:?} in {}", error.chain());
}

/// The value that could be read; otherwise a panic with the whole error.
#[track_caller]
pub(super) fn sound<T>(what: &str, result: Result<T, SourceError>) -> T {
    result.unwrap_or_else(|error| panic!("{what}: {}", error.chain()))
}

/// The bytes of every file, or why it cannot be read, by its path.
type Shown = BTreeMap<String, Result<Vec<u8>, SourceError>>;

fn shown(files: &[ShownFile]) -> Shown {
    files.iter().map(|file| (file.path.to_string(), read(&*file.content))).collect()
}

fn find<'f>(files: &'f [ShownFile], path: &str) -> &'f Content {
    let file = files.iter().find(|file| &*file.path == path);
    &file.unwrap_or_else(|| panic!("no {path}")).content
}

fn read_at(files: &[ShownFile], path: &str) -> Result<Vec<u8>, SourceError> {
    read(&**find(files, path))
}

fn json_lines(bytes: &[u8]) -> Vec<serde_json::Value> {
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    lines.map(|line| serde_json::from_slice(line).expect("each line is JSON")).collect()
}

/// The context for reading archives that belong to no source.
fn context() -> FormatContext {
    FormatContext::new(&Arc::from("archive /dumps"), &Arc::default())
}

/// Checks that no path is a folder of another, and none occurs twice.
fn check_paths(files: &[ShownFile]) {
    for pair in files.windows(2) {
        assert!(pair[0].path < pair[1].path, "{} and {}", pair[0].path, pair[1].path);
    }
    for file in files {
        let folder = format!("{}/", file.path);
        assert!(!files.iter().any(|other| other.path.starts_with(&folder)), "{}", file.path);
        assert!(!file.path.split('/').any(|part| matches!(part, "" | "." | "..")), "{}", file.path);
    }
}
