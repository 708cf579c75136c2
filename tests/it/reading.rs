//! Many readers, one content.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::support::archives;
use crate::support::files::{assert_same, read};
use crate::support::histories;
use crate::support::mount::Mount;
use crate::support::oracle::{self, Moment};
use crate::support::random::Random;
use crate::support::server::Server;
use crate::support::temp_dir;

/// 32 threads read pieces of every size at random offsets, starting before the first byte is rendered.
pub fn readers_agree(path: &Path, wanted: &Arc<Vec<u8>>) {
    std::thread::scope(|scope| {
        for seed in 0..32 {
            scope.spawn(move || {
                let file = File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                let mut random = Random::new(seed);
                for _ in 0..60 {
                    let length = *random.one_of(&[1, 100, 4096, 5000, 131_072, 1_000_000]);
                    let offset = random.below(wanted.len() as u64 + 5000);
                    let mut piece = vec![0; length];
                    let got = read_fully(&file, &mut piece, offset);
                    let start = wanted.len().min(offset as usize);
                    let end = wanted.len().min(start + length);
                    assert!(
                        piece[..got] == wanted[start..end],
                        "{length} bytes at {offset} of {}",
                        path.display()
                    );
                }
            });
        }
    });
    assert_same(&path.display().to_string(), &read(path), wanted);
}

/// Reads until the piece is full or the file ends.
fn read_fully(file: &File, piece: &mut [u8], offset: u64) -> usize {
    let mut got = 0;
    while got < piece.len() {
        match file.read_at(&mut piece[got..], offset + got as u64) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) => panic!("read at {offset}: {e}"),
        }
    }
    got
}

fn big_server() -> (Server, Arc<Vec<u8>>) {
    let server = Server::start();
    let mut client = server.client();
    histories::big_table(&mut client, "big", 20_000);
    let wanted = oracle::render(&mut client, "issues", Moment::Ref("main"));
    assert!(wanted.len() > 5_000_000, "{} bytes are too few to race for", wanted.len());
    (server, Arc::new(wanted))
}

fn table_reads(server: &Server) -> usize {
    let reads = |sql: &&String| sql.to_ascii_lowercase().contains("select") && sql.contains("issues`");
    server.statements().iter().filter(reads).count()
}

#[test]
fn readers_in_32_threads_at_random_offsets_see_one_content() {
    let (server, wanted) = big_server();
    let before = table_reads(&server);
    let mount = Mount::new(&[server.url("big")]);
    readers_agree(&mount.path("big/latest/issues.jsonl"), &wanted);
    assert_eq!(table_reads(&server) - before, 1, "one flight for all readers");
}

#[test]
fn a_cache_smaller_than_the_file_changes_nothing() {
    let (server, wanted) = big_server();
    let mount = Mount::with(&["--cache-size", "1M"], &[server.url("big")]);
    let path = mount.path("big/latest/issues.jsonl");
    for _ in 0..3 {
        assert_same("read in full", &read(&path), &wanted);
    }
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_same("read in full alongside others", &read(&path), &wanted));
        }
    });
}

#[test]
fn readers_of_one_zip_member_and_of_one_export_agree() {
    let dir = temp_dir();
    let content = archives::lines(60_000, 7);
    archives::write_zip(&dir.path().join("2026-01-02T150405.zip"), &[("a/issues.jsonl", &content)]);
    std::fs::write(dir.path().join("exp-20260103-0000.jsonl"), &content).expect("the folder is ours");
    let source = dir.path().to_str().expect("temporary folders are UTF-8");
    let mount = Mount::new(&[
        format!("z={source}/2026-01-02T150405.zip"),
        format!("j={source}/exp-20260103-0000.jsonl"),
    ]);
    let wanted = Arc::new(content);
    readers_agree(&mount.path("z/latest/a/issues.jsonl"), &wanted);
    readers_agree(&mount.path("j/latest/issues.jsonl"), &wanted);
}
