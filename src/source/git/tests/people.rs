//! Who, when and names: what programs other than git write of them, and a repository holds all the same.

use super::*;
use crate::source::verify::{Progress, Severity};

/// Person lines that git's own check complains about, each seen in a public history.
const LINES: [&str; 17] = [
    "A U Thor <a@e.x> 1342910542 +0000",
    "NoMail 1342910542 +0000",
    "A U Thor <a@e.x 1342910542 +0000",
    "A U Thor a@e.x> 1342910542 +0000",
    "A U Thor <a@e.x>1342910542 +0000",
    "1342910542 +0000",
    " <a@e.x> 1342910542 +0000",
    "A <a@e.x> 1342910542",
    "A <a@e.x> x y",
    "A <a@e.x> 1312735823 +051800",
    "G<gh <G<gh@o.org>> 1322910542 +0200",
    "A <a@e.x> 1288373970 --700",
    "A <a@e.x> 1332910542 -7530",
    "A\tB <a\n@e.x> 1332910542 +0000",
    "A <a@e.x> 253402300799 +0000",
    "A <a@e.x> 18446744073709551617 +0000",
    "",
];

impl Repo {
    /// Makes a commit of these bytes, behind its tree and its parent, the newest one of `main`.
    fn literal(&self, rest: &[u8]) -> String {
        let (tree, parent) = (self.git(&["rev-parse", "HEAD^{tree}"]), self.git(&["rev-parse", "HEAD"]));
        let head = format!("tree {tree}\nparent {parent}\n");
        let args = ["hash-object", "-t", "commit", "-w", "--stdin", "--literally"];
        let commit = self.git_with(&args, &[head.as_bytes(), rest].concat());
        self.git(&["update-ref", "refs/heads/main", &commit]);
        commit
    }
}

/// The seconds and the author of a commit as git shows them; empty where it shows none.
fn shown(repo: &Repo, commit: &str) -> (String, String) {
    let shown = repo.git_bytes(&["log", "-1", "--format=%ct%x00%an", commit]);
    let shown = String::from_utf8_lossy(shown.trim_ascii_end());
    let (seconds, author) = shown.split_once('\0').expect("two fields");
    (seconds.to_owned(), author.to_owned())
}

/// A repository with an odd commit in the middle, of all its files shown as git has them.
async fn goes_on_behind(rest: &[u8]) {
    let repo = Repo::new();
    repo.change("f", "1\n");
    repo.change("f", "2\n");
    let tree = repo.write_tree("f", "odd\n");
    let parent = repo.git(&["rev-parse", "HEAD"]);
    let head = format!("tree {tree}\nparent {parent}\n");
    let args = ["hash-object", "-t", "commit", "-w", "--stdin", "--literally"];
    let odd = repo.git_with(&args, &[head.as_bytes(), rest].concat());
    repo.git(&["update-ref", "refs/heads/main", &odd]);
    repo.change("f", "3\n");
    let what = String::from_utf8_lossy(rest);
    let database = database(&repo.open()).await;
    let timeline = &database.history().timeline;
    let commits: Vec<String> = repo.git(&["log", "--format=%H"]).lines().map(str::to_owned).collect();
    assert_eq!(ids(timeline), commits, "{what}");
    assert_eq!(read(&file(&database, &odd, "f").await.content).await.expect("it is whole"), b"odd\n");
    let (seconds, author) = shown(&repo, &odd);
    let meta = timeline.iter().find(|meta| *meta.id == *odd).expect("it is there");
    assert_eq!(meta.author, author, "{what}");
    if let Ok(seconds) = seconds.parse::<i64>() {
        let time = crate::model::time::Timestamp::from_second(seconds);
        assert_eq!(meta.time, time, "{what}");
    }
    // Contents and hashes are right, whatever git's check has to say of the rest.
    let verdict = database.verify(&Progress::default()).await.expect("it can be checked");
    let worst = verdict.findings.iter().map(|finding| finding.severity).max();
    assert!(worst.is_none_or(|worst| worst == Severity::Note), "{what}: {:?}", verdict.findings);
}

impl Repo {
    /// The tree of the work folder with one file of this text.
    fn write_tree(&self, path: &str, text: &str) -> String {
        self.write(path, text);
        self.git(&["add", "-A"]);
        self.git(&["write-tree"])
    }
}

#[tokio::test]
async fn an_odd_person_ends_no_history() {
    for line in LINES {
        goes_on_behind(format!("author {line}\ncommitter {line}\n\nodd\n").as_bytes()).await;
    }
}

#[tokio::test]
async fn an_odd_header_ends_no_history() {
    const A: &str = "author A <a@e.x> 1342910542 +0000\n";
    const C: &str = "committer C <c@e.x> 1342910543 +0000\n";
    for rest in [
        A.to_owned(),
        C.to_owned(),
        format!("{A}\nno committer\n"),
        format!("{C}\nno author\n"),
        format!("{A}{C}"),
        format!("{A}{C}\n"),
        format!("{C}{A}\nthe wrong way round\n"),
        format!("{A}{A}{C}\ntwo authors\n"),
        format!("{A}{C}{C}\ntwo committers\n"),
        format!(
            "gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n{A}{C}\nsigned first\n"
        ),
        format!(
            "{A}{C}mergetag object 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n type commit\n tag x\n \n y\n\ntag\n"
        ),
        format!("{A}{C}unknown of us\n\nmessage\n"),
        format!("{A}{C}encoding klingon\n\nmessage\n"),
    ] {
        goes_on_behind(rest.as_bytes()).await;
    }
    goes_on_behind(b"author J\xf6rg <a@e.x> 1342910542 +0000\ncommitter A <a> 1 +0\n\nm\xff\n".as_slice())
        .await;
}

#[tokio::test]
async fn a_nul_ends_the_header_as_it_does_for_git() {
    let repo = Repo::new();
    repo.change("f", "1\n");
    let odd = repo.literal(b"author A\0 <a@e.x> 1 +0000\ncommitter C <c> 2 +0000\n\nm\n");
    repo.change("f", "2\n");
    let database = database(&repo.open()).await;
    assert_eq!(database.history().timeline.len(), 2, "the odd one changed nothing");
    assert!(database.files(&odd.as_str().into()).await.is_err(), "so it is no snapshot");
}

#[tokio::test]
async fn texts_are_recoded_as_git_recodes_them() {
    let repo = Repo::new();
    for (encoding, text) in [
        ("ISO-8859-1", &b"gr\xfc\xdfe"[..]),
        ("CP1251", b"\xef\xf0\xe8\xe2\xe5\xf2"),
        ("EUC-JP", b"\xa5\xc6\xa5\xb9\xa5\xc8"),
    ] {
        repo.write("f", text);
        repo.git(&["add", "-A"]);
        repo.clock.set(repo.clock.get() + 60);
        let setting = format!("i18n.commitEncoding={encoding}");
        repo.git_with(&["-c", &setting, "commit", "-q", "-F", "-"], text);
    }
    let database = database(&repo.open()).await;
    let messages: Vec<&str> = database.history().timeline.iter().map(|meta| &*meta.message).collect();
    let said = repo.git(&["log", "--format=%s"]);
    assert_eq!(messages, said.lines().collect::<Vec<_>>());
    assert_eq!(messages, ["テスト", "привет", "grüße"]);
}

#[tokio::test]
async fn branches_that_differ_in_a_byte_that_is_no_text_are_two() {
    use std::os::unix::ffi::OsStrExt;
    let repo = Repo::new();
    let (first, second) = (repo.change("f", "1\n"), repo.change("f", "2\n"));
    let refs = |name: &[u8]| repo.path.join(".git/refs").join(std::ffi::OsStr::from_bytes(name));
    for (name, id) in [(&b"heads/b\xe4"[..], &first), (b"heads/b\xf6", &second), (b"tags/t\xe4", &first)] {
        std::fs::write(refs(name), format!("{id}\n")).expect("the repository is ours");
    }
    for packed in [false, true] {
        if packed {
            repo.git(&["pack-refs", "--all"]);
        }
        let database = database(&repo.open()).await;
        let history = database.history();
        let named = |names: &BTreeMap<String, _>| names.keys().cloned().collect::<Vec<String>>();
        assert_eq!(named(&history.branches), ["b\\xe4", "b\\xf6", "main"]);
        assert_eq!(named(&history.tags), ["t\\xe4"]);
        assert_eq!(&*history.branches["b\\xe4"], first);
        assert_eq!(history.odd_names["b\\xf6"], b"b\xf6");
        let chosen = open(&format!("{}?ref=b\\xe4", repo.place()));
        let database = self::database(&chosen).await;
        assert_eq!(ids(&database.history().timeline), std::slice::from_ref(&first));
    }
}
