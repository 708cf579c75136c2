//! Repositories that lead into others: nothing of a repository outside of the source is shown.

use std::os::unix::fs::{lchown, symlink};

use super::*;
use crate::source::ErrorKind;

const SECRET: &str = "only for root\n";

/// A user who is neither root nor whoever runs the tests.
const STRANGER: u32 = 54_321;

/// A repository with a secret, and another one beside it.
fn secret_and_other() -> (Repo, Repo) {
    let (secret, other) = (Repo::new(), Repo::new());
    secret.change("secret", SECRET);
    other.change("plain", "for all\n");
    (secret, other)
}

/// All that a source shows or says, as text.
async fn all_of(place: &str) -> String {
    let mut text = String::new();
    let source = match try_open(place, None) {
        Ok(source) => source,
        Err(error) => return error.chain(),
    };
    let found = match source.poll().await {
        Ok(found) => found.unwrap_or_default(),
        Err(error) => return error.chain(),
    };
    for database in found {
        let history = database.history();
        for meta in history.timeline.iter().chain(&history.off_timeline) {
            text += &format!("{} {}\n", meta.id, meta.message);
            let files = match database.files(&meta.id).await {
                Ok(files) => files,
                Err(error) => {
                    text += &error.chain();
                    continue;
                }
            };
            for file in files.iter() {
                text += &file.path;
                match read(&file.content).await {
                    Ok(bytes) => text += &String::from_utf8_lossy(&bytes),
                    Err(error) => text += &error.chain(),
                }
            }
        }
    }
    text
}

#[tokio::test]
async fn no_way_out_of_a_repository_shows_what_is_there() {
    let (secret, _) = secret_and_other();
    let head = secret.git(&["rev-parse", "HEAD"]);
    let git = secret.path.join(".git");
    let objects = git.join("objects");
    assert!(all_of(&secret.place()).await.contains(SECRET), "it can be seen where it may be");
    type Lead = Box<dyn Fn(&Path)>;
    let write = |name: &'static str, text: String| -> Lead {
        Box::new(move |git: &Path| std::fs::write(git.join(name), &text).expect("the folder is ours"))
    };
    let link = |name: &'static str, to: PathBuf| -> Lead {
        Box::new(move |git: &Path| {
            let at = git.join(name);
            let _ = std::fs::remove_dir_all(&at);
            let _ = std::fs::remove_file(&at);
            symlink(&to, at).expect("the folder is ours");
        })
    };
    let tip = || write("refs/heads/main", format!("{head}\n"));
    let object = format!("objects/{}", &head[..2]);
    let object: &'static str = Box::leak(object.into_boxed_str());
    let leads: Vec<(&str, Vec<Lead>)> = vec![
        ("alternates", vec![write("objects/info/alternates", format!("{}\n", objects.display())), tip()]),
        (
            "quoted alternates",
            vec![write("objects/info/alternates", format!("\"{}\"\n", objects.display())), tip()],
        ),
        ("relative alternates", {
            let up = "../".repeat(20);
            vec![write("objects/info/alternates", format!("{up}{}\n", objects.display())), tip()]
        }),
        ("a linked branch", vec![link("refs/heads/main", git.join("refs/heads/main"))]),
        ("a linked folder of refs", vec![link("refs", git.join("refs"))]),
        ("linked refs and objects", vec![link("refs", git.join("refs")), link("objects", objects.clone())]),
        ("linked objects", vec![link("objects", objects.clone()), tip()]),
        ("a linked folder of one object", vec![link(object, git.join(object)), tip()]),
        ("linked packs", vec![link("objects/pack", objects.join("pack")), tip()]),
        ("a linked HEAD", vec![link("HEAD", git.join("refs/heads/main")), link("objects", objects.clone())]),
        ("a linked packed-refs", vec![link("packed-refs", git.join("packed-refs")), tip()]),
        ("commondir", vec![write("commondir", format!("{}\n", git.display()))]),
        ("a linked config", vec![link("config", git.join("config"))]),
    ];
    for packed in [false, true] {
        if packed {
            secret.git(&["gc", "-q", "--prune=now"]);
            secret.git(&["pack-refs", "--all"]);
        }
        for (what, steps) in &leads {
            let (_, other) = secret_and_other();
            steps.iter().for_each(|step| step(&other.path.join(".git")));
            let text = all_of(&other.place()).await;
            assert!(!text.contains(SECRET.trim()), "{what}, packed {packed}: {text}");
            assert!(!text.contains("change secret"), "{what}, packed {packed}: {text}");
        }
    }
}

#[tokio::test]
async fn a_git_file_leads_only_where_it_is_named_in_turn() {
    let (secret, other) = secret_and_other();
    let git = secret.path.join(".git");
    std::fs::remove_dir_all(other.path.join(".git")).expect("the folder is ours");
    let pointer = other.path.join(".git");
    std::fs::write(&pointer, format!("gitdir: {}\n", git.display())).expect("the folder is ours");
    let error = try_open(&other.place(), None).err().expect("it leads out");
    assert_eq!(error.kind, ErrorKind::Refused, "{}", error.chain());
    assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("--follow-links")), "{:?}", error.hint);
    // Somebody else's linked work tree.
    let linked = secret.folder.path().join("linked");
    secret.git(&["worktree", "add", "-q", &linked.display().to_string(), "-b", "linked"]);
    let theirs = git.join("worktrees/linked");
    std::fs::write(&pointer, format!("gitdir: {}\n", theirs.display())).expect("the folder is ours");
    assert_eq!(try_open(&other.place(), None).err().expect("it leads out").kind, ErrorKind::Refused);
    assert!(all_of(&linked.display().to_string()).await.contains(SECRET), "the linked one itself is fine");
    // One that names a common folder of others.
    let within = other.path.join("mine");
    std::fs::create_dir(&within).expect("the folder is ours");
    std::fs::write(within.join("HEAD"), "ref: refs/heads/main\n").expect("the folder is ours");
    std::fs::write(within.join("commondir"), git.display().to_string()).expect("the folder is ours");
    std::fs::write(&pointer, "gitdir: mine\n").expect("the folder is ours");
    assert_eq!(try_open(&other.place(), None).err().expect("it leads out").kind, ErrorKind::Refused);
}

#[tokio::test]
async fn a_submodule_is_a_repository_of_its_own() {
    let (secret, other) = secret_and_other();
    other.git(&["submodule", "add", "-q", &secret.place(), "sub"]);
    other.commit("with a submodule");
    let sub = other.path.join("sub").display().to_string();
    assert!(std::fs::metadata(format!("{sub}/.git")).is_ok_and(|found| found.is_file()));
    assert!(all_of(&sub).await.contains(SECRET));
}

#[tokio::test]
async fn a_repository_of_somebody_else_is_not_believed_unless_that_is_said() {
    assert!(rustix::process::geteuid().is_root(), "these tests run as root, to make files of other users");
    let (_, other) = secret_and_other();
    let source = other.open();
    assert!(source.poll().await.is_ok());
    lchown(other.path.join(".git"), Some(STRANGER), None).expect("we are root");
    let error = source.poll().await.err().expect("it is looked at again at each poll");
    assert_eq!(error.kind, ErrorKind::Refused, "{}", error.chain());
    assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("safe.directory")), "{:?}", error.hint);
    assert_eq!(try_open(&other.place(), None).err().expect("it is a stranger's").kind, ErrorKind::Refused);
    lchown(other.path.join(".git"), Some(0), None).expect("we are root");
    assert!(source.poll().await.is_ok());
    lchown(&other.path, Some(STRANGER), None).expect("we are root");
    assert!(try_open(&other.place(), None).is_err(), "the work tree counts as well");
}
