//! Which repository a SOURCE means, and what in it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::content::{ErrorKind, SourceError};
use crate::model::names::shown_name;
use crate::model::terminal::ShowPath;
use crate::source::repository::{is_repository, tidy};

/// The repository's folder in a work tree; what the names of bare ones end in.
const GIT: &str = ".git";

/// What begins the name of a branch at the end of a place.
const REF: &str = "?ref=";

/// A place in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitPlace {
    /// The repository: a work tree, its `.git`, or a bare one. Absolute.
    pub(super) repository: PathBuf,
    /// Components of the chosen path in its commits; none for all.
    pub(super) path: Vec<Vec<u8>>,
    /// The branch, tag or full name of a ref; none for HEAD.
    pub(super) reference: Option<String>,
}

impl GitPlace {
    /// Whether its repository is a folder, or below it. The folder's path has no links in it.
    pub fn is_within(&self, folder: &Path) -> bool {
        self.repository.canonicalize().is_ok_and(|repository| repository.starts_with(folder))
    }

    /// Takes `PATH[?ref=BRANCH]` apart: the nearest repository at or above PATH, and the rest of PATH within it, which
    /// need not be there as a file.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] where there is no repository, [`ErrorKind::Invalid`] for an empty branch.
    pub fn parse(place: &OsStr) -> Result<Self, SourceError> {
        let bytes = place.as_bytes();
        let at = memchr::memmem::rfind(bytes, REF.as_bytes());
        let path = Path::new(OsStr::from_bytes(&bytes[..at.unwrap_or(bytes.len())]));
        let reference = at.map(|at| OsStr::from_bytes(&bytes[at + REF.len()..]).shown().to_string());
        let label = format!("git {}", path.shown());
        if reference.as_deref() == Some("") {
            return Err(SourceError::new(ErrorKind::Invalid, label, "no branch is named")
                .with_hint("write git:PATH?ref=BRANCH, or leave `?ref=` out for HEAD"));
        }
        let look = |error| {
            SourceError::new(ErrorKind::Invalid, &*label, "cannot look for a repository").because(error)
        };
        let whole = tidy(&std::path::absolute(path).map_err(look)?);
        let Some(repository) = whole.ancestors().find(|folder| is_repository(folder)) else {
            return Err(SourceError::new(ErrorKind::Missing, label, "found no git repository")
                .because("neither it nor a folder above it is one")
                .with_hint("give git:PATH, where PATH is a repository or anything in one"));
        };
        let rest = whole.strip_prefix(repository).unwrap_or(Path::new(""));
        let path = rest.components().map(|part| part.as_os_str().as_bytes().to_vec()).collect();
        Ok(Self { repository: repository.to_owned(), path, reference })
    }

    /// All of the repository in a folder, at HEAD; `None` if the folder is not one.
    pub fn whole(folder: &Path) -> Option<Self> {
        let repository = tidy(&std::path::absolute(folder).ok()?);
        is_repository(&repository).then_some(Self { repository, path: Vec::new(), reference: None })
    }

    /// The repository and the branch, tag or ref, where all of a chosen one is meant.
    pub fn chosen(&self) -> Option<(&Path, &str)> {
        let reference = self.reference.as_deref().filter(|_| self.path.is_empty())?;
        Some((&self.repository, reference))
    }

    /// The chosen path, for people.
    pub(super) fn path_text(&self) -> String {
        OsStr::from_bytes(&self.path.join(&b'/')).shown().to_string()
    }

    /// The name of the one database: the chosen path's last component, else the repository's. Without a dot at the start, as
    /// in `.beads`, so that `ls` shows the folder.
    pub(super) fn name(&self) -> String {
        match self.path.last().map(|last| shown_name(OsStr::from_bytes(last))) {
            Some(name) if !name.is_empty() => name,
            _ => name_of_repository(&self.repository),
        }
    }
}

fn name_of_repository(repository: &Path) -> String {
    let name_of = |path: &Path| path.file_name().map(OsStr::to_owned);
    let name = match name_of(repository) {
        Some(name) if name == GIT => repository.parent().and_then(name_of).unwrap_or(name),
        Some(name) => name,
        None => return "git".to_owned(),
    };
    let name = shown_name(&name);
    match name.strip_suffix(GIT) {
        Some(bare) if !bare.is_empty() => bare.to_owned(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_repository_is_meant_and_the_rest_is_a_path_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let bare = folder.path().join("x.git");
        for part in ["objects", "refs"] {
            std::fs::create_dir_all(bare.join(part)).unwrap();
        }
        std::fs::write(bare.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        let place = |text: &str| GitPlace::parse(OsStr::new(&format!("{}{text}", bare.display())));
        let made = |path: &[&str], reference: Option<&str>| GitPlace {
            repository: bare.clone(),
            path: path.iter().map(|part| part.as_bytes().to_vec()).collect(),
            reference: reference.map(str::to_owned),
        };
        for (text, expected) in [
            ("", made(&[], None)),
            ("/", made(&[], None)),
            ("/sub/dir", made(&["sub", "dir"], None)),
            ("/sub/../a/./b/", made(&["a", "b"], None)),
            ("?ref=main", made(&[], Some("main"))),
            ("/a?ref=b?ref=c/d", made(&["a?ref=b"], Some("c/d"))),
        ] {
            assert_eq!(place(text).expect("it is in a repository"), expected, "{text}");
        }
        assert_eq!(place("?ref=").expect_err("no branch").kind, ErrorKind::Invalid);
        let missing = GitPlace::parse(OsStr::new("/proc/1")).expect_err("no repository");
        assert_eq!(missing.kind, ErrorKind::Missing);
        // What `ls` would hide is shown.
        for (text, name) in [("", "x"), ("/a/b.jsonl", "b.jsonl"), ("/a/.beads", "beads"), ("/...", "x")] {
            assert_eq!(place(text).unwrap().name(), name);
        }
        let odd = [bare.as_os_str().as_bytes(), b"/d\xe9?ref=\xe4"].concat();
        let odd = GitPlace::parse(OsStr::from_bytes(&odd)).expect("it is in a repository");
        assert_eq!((odd.path.clone(), odd.name()), (vec![b"d\xe9".to_vec()], "d\\xe9".to_owned()));
        assert_eq!(odd.reference.as_deref(), Some("\\xe4"), "as the branch is shown");
    }

    #[test]
    fn a_repository_is_called_like_its_folder() {
        for (path, name) in
            [("/x/beads.git", "beads"), ("/x/work", "work"), ("/x/work/.git", "work"), ("/", "git")]
        {
            assert_eq!(name_of_repository(Path::new(path)), name);
        }
    }
}
