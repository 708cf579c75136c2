//! The recipes of docs/RESTORE.md, and a shell to run them in.
//!
//! A block of commands is fenced as `sh`. A comment directly before it states its role: `<!-- names -->` for the
//! names that recipes use, `<!-- recipe: NAME -->` for commands that restore data, `<!-- check: NAME -->` for
//! commands that check the result. The page has no other fenced blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::command::{Outcome, Run, run};
use super::mount::asof;
use super::server::Dolt;
use super::temp_dir;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The names that the page's example sets, with their values.
    pub names: BTreeSet<String>,
    /// Commands that restore data.
    pub recipes: BTreeMap<String, String>,
    /// Commands that check the result.
    pub checks: BTreeMap<String, String>,
}

pub fn page() -> Page {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/RESTORE.md");
    read(&fs::read_to_string(&document).unwrap_or_else(|e| panic!("{}: {e}", document.display())))
}

/// Reads a page. Fails if a block does not state its role, or if two have the same name.
pub fn read(text: &str) -> Page {
    let mut page = Page::default();
    let mut lines = text.lines().enumerate();
    let mut before = "";
    while let Some((at, line)) = lines.next() {
        if !line.starts_with("```") {
            before = line;
            continue;
        }
        let at = at + 1;
        assert_eq!(line, "```sh", "line {at}: only commands are fenced on this page");
        let block: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        let comment = before.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
        let comment = comment.unwrap_or_else(|| panic!("line {at}: no comment says what these commands are"));
        let (kind, name) = comment.split_once(": ").unwrap_or((comment, ""));
        let is_new = match kind {
            "names" => {
                let name = |line: &&str| Some(line.strip_prefix("export ")?.split_once('=')?.0.to_owned());
                let names: BTreeSet<String> = block.iter().filter_map(name).collect();
                assert_eq!(names.len(), block.len(), "line {at}: each line sets one name");
                std::mem::replace(&mut page.names, names).is_empty()
            }
            "recipe" => page.recipes.insert(name.into(), block.join("\n")).is_none(),
            "check" => page.checks.insert(name.into(), block.join("\n")).is_none(),
            _ => panic!("line {at}: a block of commands is a recipe or a check, not {comment:?}"),
        };
        assert!(is_new, "line {at}: there are two of {comment:?}");
        before = "";
    }
    page
}

/// The names in capitals that commands use.
pub fn names_used(commands: &str) -> BTreeSet<String> {
    let used = commands.split('$').skip(1).map(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        rest.chars().take_while(|char| char.is_ascii_uppercase()).collect::<String>()
    });
    used.filter(|name| !name.is_empty() && name != "PWD").collect()
}

/// A file in the folder where the commands run, like `.beads/issues.jsonl`. No command may touch it.
const SOMEBODYS: &str = "issues.jsonl";

/// A folder in which a test follows one recipe, with `asof` and `dolt` available.
pub struct Kitchen {
    commands: String,
    check: Option<String>,
    environment: Vec<(String, OsString)>,
    path: Vec<PathBuf>,
    folder: tempfile::TempDir,
}

impl Kitchen {
    pub fn new(recipe: &str) -> Self {
        Self::with(Dolt::Pinned, recipe)
    }

    /// The same with another Dolt.
    pub fn with(dolt: Dolt, recipe: &str) -> Self {
        let mut page = page();
        let commands = page.recipes.remove(recipe).unwrap_or_else(|| panic!("the page has no {recipe}"));
        let folder = temp_dir();
        let (programs, home) = (folder.path().join("bin"), folder.path().join("home"));
        fs::create_dir(&programs).expect("a new folder is writable");
        fs::create_dir_all(home.join(".dolt")).expect("a new folder is writable");
        fs::create_dir(folder.path().join("here")).expect("a new folder is writable");
        fs::write(folder.path().join("here").join(SOMEBODYS), "somebody's own\n")
            .expect("a new folder is writable");
        let config = r#"{"user.name":"Cook","user.email":"cook@example.com","metrics.disabled":"true"}"#;
        fs::write(home.join(".dolt/config_global.json"), config).expect("a new folder is writable");
        symlink(asof(), programs.join("asof")).expect("a new folder is writable");
        symlink(dolt.program(), programs.join("dolt")).expect("a new folder is writable");
        let mut kitchen = Self {
            commands,
            check: page.checks.remove(recipe),
            environment: Vec::new(),
            path: vec![programs],
            folder,
        };
        for name in ["HOME", "DOLT_ROOT_PATH"] {
            kitchen = kitchen.environment([(name, home.clone())]);
        }
        kitchen.environment([("NO_COLOR", "1"), ("XDG_CACHE_HOME", ""), ("XDG_CONFIG_HOME", "")])
    }

    /// Sets one of the names of the page.
    pub fn set(self, name: &str, value: impl Into<OsString>) -> Self {
        assert!(page().names.contains(name), "{name} is not among the names on the page");
        self.environment([(name, value.into())])
    }

    /// Sets a variable that is not a name of the page, such as the address of a server.
    pub fn environment<N: Into<String>, V: Into<OsString>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.environment.extend(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Adds a folder of programs.
    pub fn programs(mut self, folder: &Path) -> Self {
        self.path.push(folder.to_owned());
        self
    }

    /// A path below the folder that the commands run in.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join("here").join(relative)
    }

    /// Follows the recipe, which must succeed, and returns its output.
    #[track_caller]
    pub fn cook(&self) -> String {
        self.try_to_cook().expect_status(0).text()
    }

    /// Follows the recipe and returns the outcome.
    pub fn try_to_cook(&self) -> Outcome {
        self.follow(&self.commands)
    }

    /// Runs the page's own check, which must succeed and print something.
    #[track_caller]
    pub fn worked(&self) -> String {
        let said = self.checked().expect_status(0).text();
        assert!(!said.is_empty(), "the check prints nothing where all is well");
        said
    }

    /// Runs the page's own check, which must notice a problem. Returns its output.
    #[track_caller]
    pub fn is_seen_to_be_wrong(&self) -> String {
        let outcome = self.checked();
        assert!(!outcome.status.success(), "the check sees nothing: {}{}", outcome.text(), outcome.stderr);
        outcome.text()
    }

    fn checked(&self) -> Outcome {
        self.follow(self.check.as_deref().expect("the page says how to see that it worked"))
    }

    /// Runs commands as the page describes. Existing files must stay unchanged.
    fn follow(&self, commands: &str) -> Outcome {
        let outcome = self.shell(commands).outcome();
        let kept = fs::read_to_string(self.path(SOMEBODYS));
        assert_eq!(kept.ok().as_deref(), Some("somebody's own\n"), "{SOMEBODYS} after: {commands}");
        outcome
    }

    fn shell(&self, commands: &str) -> Run {
        let before = std::env::var_os("PATH").unwrap_or_default();
        let path = self.path.iter().cloned().chain(std::env::split_paths(&before));
        let path = std::env::join_paths(path).expect("folders of programs have plain names");
        let mut shell = run("bash").args(["-euCo", "pipefail", "-c", commands]).dir(self.path(""));
        for (name, value) in &self.environment {
            shell = shell.env(name, value);
        }
        shell.env("PATH", path)
    }
}
