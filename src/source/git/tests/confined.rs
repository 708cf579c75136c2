//! Repositories that lead into others: nothing of a repository outside of the source is shown.

use std::os::unix::fs::{lchown, symlink};

use super::*;
use crate::content::ErrorKind;

const SECRET: &str = "only for root\n";

/// A user who is neither root nor the one who runs the tests.
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

#[tokio::test]
async fn lists_and_links_that_lead_to_themselves_end() {
    let (_, other) = secret_and_other();
    let git = other.path.join(".git");
    std::fs::write(git.join("objects/info/alternates"), ".\n".repeat(1000)).expect("the folder is ours");
    for name in ["a", "b"] {
        symlink(".", git.join("refs").join(name)).expect("the folder is ours");
    }
    let found = tokio::time::timeout(std::time::Duration::from_secs(60), all_of(&other.place())).await;
    assert!(found.expect("it ends").contains("for all"));
}

#[tokio::test]
async fn a_repository_in_whose_place_a_link_is_put_later_is_not_followed() {
    let (secret, other) = secret_and_other();
    let source = other.open();
    assert!(source.poll().await.is_ok());
    std::fs::rename(&other.path, other.folder.path().join("moved")).expect("the folder is ours");
    symlink(&secret.path, &other.path).expect("the folder is ours");
    assert!(source.poll().await.is_err(), "the path has no links as of when it was opened");
}

#[tokio::test]
async fn borrowed_objects_behind_a_link_of_somebody_else_are_not_read() {
    let (secret, other) = secret_and_other();
    let between = other.folder.path().join("between");
    symlink(secret.path.join(".git/objects"), &between).expect("the folder is ours");
    let list = format!("{}\n", between.display());
    std::fs::write(other.path.join(".git/objects/info/alternates"), list).expect("the folder is ours");
    let head = secret.git(&["rev-parse", "HEAD"]);
    std::fs::write(other.path.join(".git/refs/heads/main"), format!("{head}\n")).expect("the folder is ours");
    assert!(try_open_with(&other.place(), None, Links::Owned).expect("all is ours").poll().await.is_ok());
    lchown(&between, Some(STRANGER), None).expect("we are root");
    let refused = match try_open_with(&other.place(), None, Links::Owned) {
        Ok(source) => source.poll().await.is_err(),
        Err(_) => true,
    };
    assert!(refused, "the link is a stranger's");
}
