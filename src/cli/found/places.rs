//! What programs keep in the folder of a project or a town.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::found_source::FoundSource;
use super::owners::owners;
use super::servers::{BEADS, GAS_TOWN, on_loopback, port_below};
use crate::cli::failure::Failure;
use crate::cli::mount_status::{MountStatus, SourceStatus, mounts};
use crate::cli::mount_table::MountEntry;
use crate::cli::wire::{holds_archives, holds_dolt_databases, is_tracked};
use crate::model::terminal::ShowPath;
use crate::util::private::is_trusted;

/// Where Gas Town keeps its databases.
const TOWN: &str = ".dolt-data";

/// The folder of Beads in a project.
const OF_BEADS: &str = ".beads";

/// Folders of archives, with the program that writes them.
const ARCHIVES: [(&str, &str); 4] = [
    (".dolt-archive/jsonl", "exports of a Gas Town"),
    (".thrum/backup", "backups of Thrum"),
    ("db-snapshots", "SQLite snapshots"),
    ("project-management/db-snapshots", "SQLite snapshots of Octopoid"),
];

/// Looks for sources in a folder and in those above it, as git looks for its repository.
pub struct Finder<V> {
    /// A variable of the environment.
    variable: V,
    /// What was not used, because a third user could have put it there.
    pub passed_over: Vec<PathBuf>,
    /// The database of a mount in whose folder the search began.
    pub database: Option<String>,
}

impl<V: Fn(&str) -> Option<String>> Finder<V> {
    pub fn new(variable: V) -> Self {
        Self { variable, passed_over: Vec::new(), database: None }
    }

    /// Everything in the nearest folder that has something, or the sources of the mount that is there, or else the server that
    /// variables name.
    ///
    /// Files come before servers: they need no server that runs, and show more.
    pub fn find(&mut self, folder: &Path) -> Result<Vec<FoundSource>, Failure> {
        let owner = std::fs::metadata(folder).map_or(0, |folder| folder.uid());
        let mounts = mounts();
        for above in folder.ancestors() {
            let found = match mounts.iter().find(|mount| mount.place == above) {
                Some(mount) => self.of_mount(mount, folder)?,
                None => self.in_folder(above, owner)?,
            };
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(match BEADS.server(&self.variable)? {
            Some(server) => vec![server],
            None => GAS_TOWN.server(&self.variable)?.into_iter().collect(),
        })
    }

    /// The sources of the mount in which the search began.
    fn of_mount(&mut self, mount: &MountEntry, folder: &Path) -> Result<Vec<FoundSource>, Failure> {
        if mount.user.is_some_and(|user| !is_trusted(user)) {
            self.passed_over.push(mount.place.clone());
            return Ok(Vec::new());
        }
        let status = MountStatus::of(&mount.place)?;
        let shown = mount.place.shown();
        let within = folder.strip_prefix(&mount.place).ok().and_then(|path| path.iter().next()?.to_str());
        self.database =
            within.filter(|name| status.databases.iter().any(|db| db.name == **name)).map(str::to_owned);
        let source = |source: SourceStatus| {
            let argument = source.source.ok_or_else(|| {
                Failure::new(format!("the mount at {shown} cannot say what its source {} is", source.label))
                    .hint("name the source with --from")
            })?;
            Ok(FoundSource {
                argument: argument.into(),
                what: format!("a source of the mount at {shown}").into(),
            })
        };
        status.sources.into_iter().map(source).collect()
    }

    fn in_folder(&mut self, folder: &Path, owner: u32) -> Result<Vec<FoundSource>, Failure> {
        let mut found = Vec::new();
        if self.is_trusted(&folder.join(".dolt"), owner) && holds_dolt_databases(folder) {
            found.push(at(folder, "the Dolt databases of this folder"));
        }
        found.extend(self.town(&folder.join(TOWN), owner)?);
        found.extend(self.beads(&folder.join(OF_BEADS), owner)?);
        for (below, what) in ARCHIVES {
            let archives = folder.join(below);
            if !self.is_trusted(&archives, owner) {
                continue;
            }
            if holds_archives(&archives) {
                found.push(at(&archives, what));
            }
            if is_tracked(&archives) {
                found.push(in_git(&archives, "what its git repository kept of them"));
            }
        }
        Ok(found)
    }

    /// The databases of a Gas Town, or its server where the user may not read them.
    fn town(&mut self, data: &Path, owner: u32) -> Result<Option<FoundSource>, Failure> {
        if !self.is_trusted(data, owner) {
            return Ok(None);
        }
        if holds_dolt_databases(data) {
            return Ok(Some(at(data, "the databases of a Gas Town")));
        }
        let is_closed =
            std::fs::read_dir(data).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
        if !is_closed {
            return Ok(None);
        }
        GAS_TOWN.default_server(&self.variable, port_below(data, ".dolt/sql-server.info")).map(Some)
    }

    /// What Beads keeps in a project: its database; or else the server that has it; or else exports in git.
    fn beads(&mut self, beads: &Path, owner: u32) -> Result<Option<FoundSource>, Failure> {
        if !self.is_trusted(beads, owner) {
            return Ok(None);
        }
        if holds_dolt_databases(beads) {
            return Ok(Some(at(beads, "the database of Beads")));
        }
        if let Some(port) = port_below(beads, "dolt-server.port") {
            return Ok(Some(on_loopback(port, "the server that .beads/dolt-server.port names")));
        }
        if let Some(server) = BEADS.server(&self.variable)? {
            return Ok(Some(server));
        }
        Ok(is_tracked(beads).then(|| in_git(beads, "the exports of Beads in git")))
    }

    /// Whether a folder is there, and belongs to the user, to root, or to the owner of the folder where the search began.
    /// Anyone else could have put it above the user's folder, say in `/tmp`.
    fn is_trusted(&mut self, folder: &Path, owner: u32) -> bool {
        let Some(owners) = owners(folder) else { return false };
        let is_folder = std::fs::metadata(folder).is_ok_and(|folder| folder.is_dir());
        let is_trusted = owners.into_iter().all(|uid| is_trusted(uid) || uid == owner);
        if is_folder && !is_trusted {
            self.passed_over.push(folder.to_owned());
        }
        is_folder && is_trusted
    }
}

fn at(folder: &Path, what: &'static str) -> FoundSource {
    FoundSource { argument: folder.into(), what: what.into() }
}

fn in_git(folder: &Path, what: &'static str) -> FoundSource {
    let mut argument = std::ffi::OsString::from("git:");
    argument.push(folder);
    FoundSource { argument, what: what.into() }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Finds sources from `below` in a folder with these files, which are empty but for a port. Returns their arguments without
    /// the path of that folder.
    fn find(files: &[&str], below: &str, set: &[(&str, &str)]) -> Vec<String> {
        let top = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(top.path().join(below)).expect("made");
        for file in files {
            let path = top.path().join(file);
            std::fs::create_dir_all(path.parent().expect("below")).expect("made");
            std::fs::write(&path, if file.ends_with(".port") { "4123" } else { "" }).expect("written");
        }
        let variable =
            |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let found = Finder::new(variable).find(&top.path().join(below)).expect("nothing is wrong");
        let place = format!("{}/", top.path().display());
        let argument =
            |source: FoundSource| source.argument.into_string().expect("UTF-8").replace(&place, "");
        found.into_iter().map(argument).collect()
    }

    #[test]
    fn the_nearest_folder_with_sources_counts() {
        let town = [
            "gt/.dolt-data/hq/.dolt/noms/manifest",
            "gt/.dolt-archive/jsonl/hq-20260101-0300.jsonl",
            "gt/rig/.beads/embeddeddolt/rig/.dolt/noms/manifest",
        ];
        assert_eq!(find(&town, "gt/crew/joe", &[]), ["gt/.dolt-data", "gt/.dolt-archive/jsonl"]);
        assert_eq!(find(&town, "gt/rig/src", &[]), ["gt/rig/.beads"]);
        assert_eq!(find(&town, "gt/.dolt-data/hq", &[]), ["gt/.dolt-data/hq"]);
    }

    #[test]
    fn files_come_before_servers_and_variables_last() {
        let set = [("BEADS_DOLT_SERVER_PORT", "4000"), ("GT_DOLT_PORT", "4001")];
        let files = ["p/.beads/dolt/p/.dolt/noms/manifest", "p/.beads/dolt-server.port"];
        assert_eq!(find(&files, "p", &set), ["p/.beads"]);
        assert_eq!(find(&files[1..], "p", &set), ["dolt://root@127.0.0.1:4123"]);
        assert_eq!(find(&["p/.beads/issues.jsonl"], "p", &set), ["dolt://root@127.0.0.1:4000"]);
        assert_eq!(find(&[], "p", &set), ["dolt://root@127.0.0.1:4000"]);
        assert_eq!(find(&[], "p", &set[1..]), ["dolt://root@127.0.0.1:4001"]);
        assert!(
            find(&["p/.beads/issues.jsonl", ".thrum/backup/x"], "p", &[]).is_empty(),
            "nothing of the past is there"
        );
    }

    #[test]
    fn archives_are_found_as_files_and_in_git() {
        let top = tempfile::tempdir().expect("a folder");
        let folder = top.path().join("project-management/db-snapshots");
        std::fs::create_dir_all(&folder).expect("made");
        std::fs::write(folder.join("state-2026-01-21-200000.db"), "").expect("written");
        let git = |args: &[&str]| {
            let identity = ["-c", "user.name=x", "-c", "user.email=x@x"];
            let made = Command::new("git").args(identity).args(args).current_dir(top.path()).output();
            assert!(made.expect("git runs").status.success(), "git {args:?}");
        };
        git(&["init", "-q"]);
        let find = || Finder::new(|_: &str| None).find(top.path()).expect("nothing is wrong");
        assert_eq!(find(), [at(&folder, ARCHIVES[3].1)]);
        git(&["add", "."]);
        git(&["commit", "-qm", "x"]);
        assert_eq!(find().len(), 2);
        assert!(find()[1].argument.to_string_lossy().starts_with("git:/"));
    }

    #[test]
    fn what_a_third_user_put_there_is_passed_over() {
        assert!(rustix::process::geteuid().is_root(), "this test runs as root, to make files of other users");
        let top = tempfile::tempdir().expect("a folder");
        let (data, below) = (top.path().join(TOWN), top.path().join("x"));
        std::fs::create_dir_all(data.join("hq/.dolt/noms")).expect("made");
        std::fs::write(data.join("hq/.dolt/noms/manifest"), "").expect("written");
        std::fs::create_dir(&below).expect("made");
        let give =
            |path: &Path, user: u32| std::os::unix::fs::chown(path, Some(user), None).expect("root may");
        give(&data, 4000);
        let mut finder = Finder::new(|_: &str| None);
        assert!(finder.find(&below).expect("nothing is wrong").is_empty());
        assert_eq!(finder.passed_over, std::slice::from_ref(&data));
        give(&below, 4000);
        assert_eq!(
            finder.find(&below).expect("nothing is wrong").len(),
            1,
            "the owner of the folder where root stands"
        );
    }
}
