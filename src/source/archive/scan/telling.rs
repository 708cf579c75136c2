//! What a scan says of files that are left out, or show less than their names say: once, not at each look.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::super::undated::left_out;
use super::Scanner;
use crate::content::ErrorKind;
use crate::files::root::{LEADS_OUTSIDE_HINT, is_outside};
use crate::format::blob::{FileStamp, FileVersion, io_kind, read_full};
use crate::format::sqlite::{Plain, is_plain};
use crate::model::terminal::ShowPath;

/// Bytes that tell whether a file is a database.
const HEAD: usize = 100;

impl Scanner {
    /// Says once how many archives have no time, and again when there are more.
    pub(super) fn count_undated(&mut self) {
        let count = self.undated_count();
        if count > self.undated_told {
            tracing::warn!("{}: {}", self.label, left_out(count));
        }
        self.undated_told = count;
    }

    /// How many archives are left out because they have no time.
    pub(in super::super) fn undated_count(&self) -> usize {
        self.known.values().filter(|(_, found)| found.is_none()).count()
    }

    /// The file that is there and cannot be read. It stays listed, as one whose bytes are broken: a program that mirrors
    /// the tree takes what is not listed for deleted. `None` for one that is gone, or being written.
    pub(super) fn unreadable(
        &mut self,
        path: &Path,
        name: &OsStr,
        error: &io::Error,
        had_former: bool,
    ) -> Option<FileVersion> {
        let is_there = matches!(io_kind(error), ErrorKind::Refused | ErrorKind::Unavailable)
            || had_former && io_kind(error) != ErrorKind::Missing;
        let now = FileVersion::current(&self.root, path);
        let file = match now {
            Ok(file) if is_there => file,
            // A file whose metadata cannot be read counts as there.
            Err(now) if had_former && now.kind() != io::ErrorKind::NotFound && !self.root.is_dir(path) => {
                FileVersion { root: self.root.clone(), path: path.to_owned(), stamp: FileStamp::UNKNOWN }
            }
            _ if is_outside(error) => {
                self.leave_out(name, "it is a link", &format_args!("{error}; {LEADS_OUTSIDE_HINT}"));
                return None;
            }
            _ => {
                self.leave_out(name, "it cannot be read", error);
                return None;
            }
        };
        let path = path.shown();
        self.tell(name, "unreadable", || {
            tracing::warn!(
                "{path}: {error}: its snapshot is listed, and nothing of it can be read before that is mended"
            );
        });
        Some(file)
    }

    /// Says of a file with the name of a database why it has no tables.
    pub(super) fn tell_of_other_databases(&mut self, path: &Path, open: &File, len: u64) -> io::Result<()> {
        let mut head = [0; HEAD];
        let count = read_full(&mut &*open, &mut head)?;
        if is_plain(&head[..count], len) == Plain::No {
            self.tell(path.file_name().unwrap_or_default(), "no plain database", || {
                tracing::warn!(
                    "{}: it is not a plain SQLite file, but encrypted, or of another program: it is shown as its bytes, without \
                     tables",
                    path.shown()
                );
            });
        }
        Ok(())
    }

    pub(super) fn leave_out(&mut self, name: &OsStr, reason: &'static str, detail: &dyn std::fmt::Display) {
        let label = Arc::clone(&self.label);
        self.tell(name, reason, || {
            tracing::info!("{label}: {} is left out: {reason}: {detail}", name.shown());
        });
    }

    /// Logs once per file and reason, not once per poll.
    pub(super) fn tell(&mut self, name: &OsStr, reason: &'static str, log: impl FnOnce()) {
        if self.told.insert((name.to_owned(), reason)) {
            log();
        }
    }
}
