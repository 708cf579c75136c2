//! Lists of checksums against `sha256sum`.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::super::checksums::{Checked, check, expected, read_list};
use super::{is_error, run, shell, sound, stored};
use crate::content::ErrorKind;

const LABEL: &str = "archive /dumps";

/// What our reader says of a file, by a list in `SUMS`.
fn checked(folder: &Path, name: &str) -> Option<Checked> {
    let sums = sound("SUMS", read_list(LABEL, &stored(&folder.join("SUMS"))));
    let sha256 = expected(&sums, name.as_bytes()).expect("one checksum for a file")?;
    let mut read = 0;
    let result = check(LABEL, &*stored(&folder.join(name)), &sha256, &mut |count| read += count);
    assert_eq!(read, fs::metadata(folder.join(name)).expect("it is there").len());
    Some(sound(name, result))
}

#[test]
fn files_are_found_right_and_wrong_as_by_sha256sum() {
    let names = ["v1.dump", "with space", "new\nline", "back\\slash", "both\n\\", "a) = b", "größe", "*star"];
    for (options, line_end) in [("", ""), ("-b", ""), ("--tag", ""), ("", "\r"), ("--tag", "\r")] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in names {
            fs::write(folder.path().join(name), format!("{name} {}", "x".repeat(600_000)))
                .expect("it is ours");
        }
        let script =
            format!("cd \"$0\"; sha256sum {options} -- * > .sums; sed 's/$/{line_end}/' .sums > SUMS");
        shell(&script, &[folder.path()]);
        for name in names {
            assert_eq!(checked(folder.path(), name), Some(Checked::Matches), "{name:?} {options}");
        }
        fs::write(folder.path().join("v1.dump"), "other bytes").expect("it is ours");
        assert!(matches!(checked(folder.path(), "v1.dump"), Some(Checked::Differs { .. })));
        assert_eq!(checked(folder.path(), "with space"), Some(Checked::Matches));
        // The program that wrote the list gives the same verdicts.
        let output = run(Command::new("sha256sum").args(["-c", "SUMS"]).current_dir(folder.path()));
        assert!(!output.status.success());
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(lines.lines().filter(|line| line.ends_with(": OK")).count(), names.len() - 1, "{lines}");
        assert!(lines.contains("v1.dump: FAILED"), "{lines}");
    }
}

#[test]
fn a_renamed_dump_is_still_the_one_of_its_list() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("v0.1.0_20250910_143000.dump"), "dump").expect("it is ours");
    shell("cd \"$0\"; sha256sum < *.dump | sed 's/-/db\\/restore.dump/' > SUMS", &[folder.path()]);
    assert_eq!(checked(folder.path(), "v0.1.0_20250910_143000.dump"), Some(Checked::Matches));
}

#[test]
fn what_is_no_list_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let list = folder.path().join("SUMS");
    fs::write(&list, "# fine\nnonsense\n").expect("it is ours");
    let error = read_list(LABEL, &stored(&list)).expect_err("it is no list");
    is_error(&error, ErrorKind::Damaged, "line 2");
    fs::File::create(&list).and_then(|file| file.set_len(17 << 20)).expect("it is ours");
    let error = read_list(LABEL, &stored(&list)).expect_err("it is too long");
    assert_eq!(error.kind, ErrorKind::Unsupported);
    let gone = stored(&list);
    fs::remove_file(&list).expect("it is ours");
    let error = check(LABEL, &*gone, &[0; 32], &mut |_| {}).expect_err("it is gone");
    assert_eq!(error.kind, ErrorKind::Missing);
}
