//! Dolt's own view of a store: what a full garbage collection keeps and what `dolt fsck` reports.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::command::{Outcome, Run, run};
use crate::support::server::Dolt;
use crate::support::temp_dir;

const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
const TABLE_FOOTER: usize = 20;
const TABLE_ENTRY: usize = 28;

/// The reachable chunks of an undamaged store, by address: a full collection discards all others. Changes the store.
pub fn collect(by: Dolt, database: &Path) -> BTreeSet<String> {
    dolt(by, database, &["gc", "--full", "--archive-level", "0"]).expect_status(0);
    let noms = database.join(".dolt/noms");
    let mut kept = BTreeSet::new();
    for folder in [noms.join("oldgen"), noms] {
        let Ok(manifest) = fs::read_to_string(folder.join("manifest")) else { continue };
        let fields: Vec<_> = manifest.trim().split(':').skip(5).collect();
        for file in fields.chunks(2).filter(|file| file[1] != "0") {
            kept.extend(addresses(&fs::read(folder.join(file[0])).expect("the manifest names it")));
        }
    }
    kept
}

/// The addresses in a table file's index.
fn addresses(file: &[u8]) -> Vec<String> {
    let footer = file.len() - TABLE_FOOTER;
    let count = u32::from_be_bytes(file[footer..footer + 4].try_into().expect("4 bytes")) as usize;
    let tuples = &file[footer - count * TABLE_ENTRY..footer];
    let suffixes = &tuples[count * 16..];
    let address = |tuple: &[u8]| {
        let ordinal = u32::from_be_bytes(tuple[8..12].try_into().expect("4 bytes")) as usize;
        text(&[&tuple[..8], &suffixes[ordinal * 12..ordinal * 12 + 12]].concat())
    };
    tuples[..count * 12].chunks(12).map(address).collect()
}

/// An address as Dolt prints it.
fn text(address: &[u8]) -> String {
    let bits: String = address.iter().map(|byte| format!("{byte:08b}")).collect();
    let digit = |at: usize| DIGITS[usize::from_str_radix(&bits[at..at + 5], 2).expect("5 bits")] as char;
    (0..160).step_by(5).map(digit).collect()
}

/// The output of `dolt fsck` for a copy of the store, because it repairs what it can, and whether it finds no
/// problem. `None` if it does not end within a minute, as for some damaged stores.
pub fn fsck(by: Dolt, database: &Path) -> Option<(bool, String)> {
    let copy = temp_dir();
    super::stores::copy(database, copy.path());
    let outcome = command(by, copy.path(), &["fsck", "--quiet"], Run::outcome_in_time)?;
    Some((outcome.status.success(), format!("{}{}", outcome.text(), outcome.stderr)))
}

/// The addresses that `dolt fsck` reports as wrong. For a chunk with another hash it also prints that hash and the
/// chunk's content, which are not wrong. (A wrong entry of an index does not lose a chunk that another file holds.)
pub fn addresses_in(text: &str) -> BTreeSet<String> {
    let is_address = |word: &&str| word.len() == 32 && word.bytes().all(|byte| DIGITS.contains(&byte));
    let addresses = |line: &str| -> Vec<String> {
        let is_mismatch = line.contains("content hash mismatch");
        let most = if is_mismatch { 1 } else { usize::MAX };
        let words = line.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_address);
        words.take(most).map(str::to_owned).collect()
    };
    let is_shown_content = |line: &&str| line.starts_with(['\t', ' ', '{', '}']);
    text.lines().filter(|line| !is_shown_content(line)).flat_map(addresses).collect()
}

pub fn dolt(by: Dolt, database: &Path, args: &[&str]) -> Outcome {
    command(by, database, args, Run::outcome)
}

fn command<T>(by: Dolt, database: &Path, args: &[&str], end: impl FnOnce(Run) -> T) -> T {
    let home = temp_dir();
    fs::create_dir(home.path().join(".dolt")).expect("a new folder is writable");
    let config = r#"{"user.name":"Test","user.email":"test@example.com","metrics.disabled":"true"}"#;
    fs::write(home.path().join(".dolt/config_global.json"), config).expect("a new folder is writable");
    let home = home.path();
    end(run(by.program()).args(args).dir(database).env("HOME", home).env("DOLT_ROOT_PATH", home))
}
