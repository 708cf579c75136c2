//! Repositories that lead into others: nothing of a repository outside of the source is shown.

use std::os::unix::fs::{lchown, symlink};

use super::*;

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
        for meta in database.history().snapshots() {
            text += &format!("{} {}\n", meta.id, meta.message);
            match database.files(&meta.id).await {
                Err(error) => text += &error.chain(),
                Ok(files) => {
                    for file in files.iter() {
                        text += &file.path;
                        text += &match try_read(&file.content).await {
                            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                            Err(error) => error.chain(),
                        };
                    }
                }
            }
        }
    }
    text
}

#[tokio::test]
async fn no_way_out_of_a_repository_shows_what_is_there() {
    let (secret, _) = secret_and_other();
    let head = secret.id("HEAD");
    let git = secret.path.join(".git");
    let objects = git.join("objects");
    assert!(all_of(&secret.place()).await.contains(SECRET), "it can be seen where it may be");
    type Lead = Box<dyn Fn(&Path)>;
    let write = |name: &'static str, text: String| -> Lead {
        Box::new(move |git: &Path| fs::write(git.join(name), &text).unwrap())
    };
    let link = |name: &'static str, to: PathBuf| -> Lead {
        Box::new(move |git: &Path| {
            let at = git.join(name);
            let _ = fs::remove_dir_all(&at);
            let _ = fs::remove_file(&at);
            symlink(&to, at).unwrap();
        })
    };
    let tip = || write("refs/heads/main", format!("{head}\n"));
    let alternates = |text: String| vec![write("objects/info/alternates", text), tip()];
    let object: &'static str = format!("objects/{}", &head[..2]).leak();
    let (at, up) = (objects.display(), "../".repeat(20));
    let leads: Vec<(&str, Vec<Lead>)> = vec![
        ("alternates", alternates(format!("{at}\n"))),
        ("quoted alternates", alternates(format!("\"{at}\"\n"))),
        ("relative alternates", alternates(format!("{up}{at}\n"))),
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
            secret.pack();
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
    let pointer = other.path.join(".git");
    fs::remove_dir_all(&pointer).unwrap();
    let linked = secret.beside("linked");
    secret.git(&["worktree", "add", "-q", &linked, "-b", "linked"]);
    // One that names a common folder of others.
    other.write("mine/HEAD", "ref: refs/heads/main\n");
    other.write("mine/commondir", git.display().to_string());
    // Somebody else's repository, and a linked work tree of it.
    for target in [git.clone(), git.join("worktrees/linked"), "mine".into()] {
        fs::write(&pointer, format!("gitdir: {}\n", target.display())).unwrap();
        let error = refused(&other.place(), None).await;
        assert_says(&error, ErrorKind::Refused, &[]);
        assert_hints(&error, &["--follow-links"]);
    }
    assert!(all_of(&linked).await.contains(SECRET), "the linked one itself is fine");
}

#[tokio::test]
async fn a_submodule_is_a_repository_of_its_own() {
    let (secret, other) = secret_and_other();
    other.git(&["submodule", "add", "-q", &secret.place(), "sub"]);
    other.commit("with a submodule");
    let sub = other.path.join("sub");
    assert!(sub.join(".git").is_file());
    assert!(all_of(&sub.display().to_string()).await.contains(SECRET));
}

#[tokio::test]
async fn a_repository_of_somebody_else_is_not_believed_unless_that_is_said() {
    assert!(rustix::process::geteuid().is_root(), "these tests run as root, to make files of other users");
    let (_, other) = secret_and_other();
    let source = other.open();
    assert!(source.poll().await.is_ok());
    lchown(other.path.join(".git"), Some(STRANGER), None).unwrap();
    let polled = source.poll().await.err().expect("it is looked at again at each poll");
    for error in [polled, refused(&other.place(), None).await] {
        assert_says(&error, ErrorKind::Refused, &[]);
        assert_hints(&error, &["safe.directory"]);
    }
    lchown(other.path.join(".git"), Some(0), None).unwrap();
    assert!(source.poll().await.is_ok());
    lchown(&other.path, Some(STRANGER), None).unwrap();
    assert!(try_open(&other.place(), None).is_err(), "the work tree counts as well");
}

#[tokio::test]
async fn lists_and_links_that_lead_to_themselves_end() {
    let (_, other) = secret_and_other();
    let git = other.path.join(".git");
    fs::write(git.join("objects/info/alternates"), ".\n".repeat(1000)).unwrap();
    for name in ["a", "b"] {
        symlink(".", git.join("refs").join(name)).unwrap();
    }
    let found = tokio::time::timeout(std::time::Duration::from_secs(60), all_of(&other.place())).await;
    assert!(found.expect("it ends").contains("for all"));
}

#[tokio::test]
async fn a_repository_in_whose_place_a_link_is_put_later_is_not_followed() {
    let (secret, other) = secret_and_other();
    let source = other.open();
    assert!(source.poll().await.is_ok());
    fs::rename(&other.path, other.beside("moved")).unwrap();
    symlink(&secret.path, &other.path).unwrap();
    assert!(source.poll().await.is_err(), "the path has no links as of when it was opened");
}

#[tokio::test]
async fn borrowed_objects_behind_a_link_of_somebody_else_are_not_read() {
    let (secret, other) = secret_and_other();
    let between = other.beside("between");
    symlink(secret.path.join(".git/objects"), &between).unwrap();
    other.write(".git/objects/info/alternates", format!("{between}\n"));
    other.write(".git/refs/heads/main", format!("{}\n", secret.id("HEAD")));
    let open = || try_open_with(&other.place(), None, Links::Owned);
    assert!(open().expect("all is ours").poll().await.is_ok());
    lchown(&between, Some(STRANGER), None).unwrap();
    if let Ok(source) = open() {
        assert!(source.poll().await.is_err(), "the link is a stranger's");
    }
}
