//! Creates archive folders: zips and JSONL exports, valid and damaged.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

#[track_caller]
pub fn write_zip(path: &Path, members: &[(&str, &[u8])]) {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in members {
        zip.start_file(*name, options).expect("a member can be begun");
        zip.write_all(bytes).expect("a member can be written");
    }
    let bytes = zip.finish().expect("a zip can be ended").into_inner();
    fs::write(path, bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

/// Writes zips with Thrum's names, each with a manifest that has the true time of its content. `moments` are (name
/// without `.zip`, true time, rows of `issues.jsonl` then).
pub fn thrum_folder(dir: &Path, moments: &[(&str, &str, &[u8])]) {
    for (name, taken, issues) in moments {
        let manifest = format!(
            "{{\"version\":1,\"timestamp\":\"{taken}\",\"repo_name\":\"r\",\"counts\":{{\"events\":0}}}}"
        );
        write_zip(
            &dir.join(format!("{name}.zip")),
            &[
                ("manifest.json", manifest.as_bytes()),
                ("issues.jsonl", issues),
                ("events.jsonl", b"{\"e\":1}\n"),
            ],
        );
    }
}

/// `count` lines of JSONL, long enough to be worth compressing; `salt` changes one of them.
pub fn lines(count: usize, salt: usize) -> Vec<u8> {
    let line = |at: usize| {
        let title = if at == salt % count.max(1) { format!("changed {salt}") } else { format!("title {at}") };
        format!(
            "{{\"id\":\"bd-{at:05}\",\"title\":\"{title}\",\"status\":\"open\",\"priority\":{}}}\n",
            at % 5
        )
    };
    (0..count).map(line).collect::<String>().into_bytes()
}
