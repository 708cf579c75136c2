//! Who, when and names: what programs other than git write of them, and a repository holds all the same.

use std::os::unix::ffi::OsStrExt;

use super::*;
use crate::source::verify::Severity;

/// Person lines that git's own check complains about, each seen in a public history, with the seconds since 1970 in them.
const LINES: [(&str, i64); 19] = [
    ("A U Thor <a@e.x> 1342910542 +0000", 1_342_910_542),
    ("NoMail 1342910542 +0000", 0),
    ("A U Thor <a@e.x 1342910542 +0000", 0),
    ("A U Thor a@e.x> 1342910542 +0000", 1_342_910_542),
    ("A U Thor <a@e.x>1342910542 +0000", 1_342_910_542),
    ("1342910542 +0000", 0),
    (" <a@e.x> 1342910542 +0000", 1_342_910_542),
    ("A <a@e.x> 1342910542", 1_342_910_542),
    ("A <a@e.x> x y", 0),
    ("A <a@e.x> -5 +0000", 0),
    ("A <a@e.x> 1312735823 +051800", 1_312_735_823),
    ("G<gh <G<gh@o.org>> 1322910542 +0200", 1_322_910_542),
    ("A <a@e.x> 1288373970 --700", 1_288_373_970),
    ("A <a@e.x> 1332910542 -7530", 1_332_910_542),
    ("A\tB <a\n@e.x> 1332910542 +0000", 0),
    ("A <a@e.x> 253402300799 +0000", 253_402_300_799),
    ("A <a@e.x> 18446744073709551617 +0000", 0),
    ("A <a@e.x> 99999999999999999999999 +0000", 0),
    ("", 0),
];

impl Repo {
    /// Makes a commit of these bytes, behind the tree of the work folder and its parent, the newest one of `main`.
    fn odd(&self, rest: &[u8]) -> String {
        self.git(&["add", "-A"]);
        let (tree, parent) = (self.git(&["write-tree"]), self.id("HEAD"));
        let commit = format!("tree {tree}\nparent {parent}\n");
        let commit = self.literal("commit", &[commit.as_bytes(), rest].concat());
        self.advance(&commit);
        commit
    }
}

/// A repository with an odd commit in the middle, of all its files shown as git has them. Gives the commit's time.
async fn goes_on_behind(rest: &[u8]) -> i64 {
    let repo = Repo::new();
    repo.change("f", "1\n");
    repo.change("f", "2\n");
    repo.write("f", "odd\n");
    let odd = repo.odd(rest);
    repo.change("f", "3\n");
    let what = String::from_utf8_lossy(rest);
    let database = database(&repo.open()).await;
    assert_eq!(ids(&database), repo.log(&[]), "{what}");
    assert_eq!(text(&database, &odd, "f").await, "odd\n");
    let shown = repo.git_bytes(&["log", "-1", "--format=%ct%x00%an%x00%ae", &odd]);
    let shown = String::from_utf8_lossy(shown.trim_ascii_end());
    let [seconds, author, email] = shown.split('\0').collect::<Vec<_>>()[..] else { panic!("three fields") };
    let meta = database.history().timeline.iter().find(|meta| *meta.id == *odd).expect("it is there");
    assert_eq!((&*meta.author, &*meta.email), (author, email), "{what}");
    if let Ok(seconds) = seconds.parse::<i64>() {
        assert_eq!(meta.time.as_second(), seconds, "{what}");
    }
    // Contents and hashes are right, whatever git's check has to say of the rest.
    let verdict = verdict(&database).await;
    let worst = verdict.findings.iter().map(|finding| finding.severity).max();
    assert!(worst.is_none_or(|worst| worst == Severity::Note), "{what}: {:?}", verdict.findings);
    meta.time.as_second()
}

#[tokio::test]
async fn an_odd_person_ends_no_history() {
    for (line, seconds) in LINES {
        let rest = format!("author {line}\ncommitter {line}\n\nodd\n");
        assert_eq!(goes_on_behind(rest.as_bytes()).await, seconds, "{line}");
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
    goes_on_behind(b"author J\xf6rg <a@e.x> 1342910542 +0000\ncommitter A <a> 1 +0\n\nm\xff\n").await;
}

#[tokio::test]
async fn a_nul_ends_the_header_as_it_does_for_git() {
    let repo = Repo::new();
    repo.change("f", "1\n");
    let odd = repo.odd(b"author A\0 <a@e.x> 1 +0000\ncommitter C <c> 2 +0000\n\nm\n");
    repo.change("f", "2\n");
    let database = database(&repo.open()).await;
    assert_eq!(ids(&database).len(), 2, "the odd one changed nothing");
    assert!(list(&database, &odd).await.is_err(), "so it is no snapshot");
}

#[tokio::test]
async fn texts_are_recoded_as_git_recodes_them() {
    let repo = Repo::new();
    repo.change("f", "begin\n");
    let mut commits = Vec::new();
    for (encoding, text, expected) in [
        ("ISO-8859-1", &b"\xf6"[..], "ö"),
        ("ISO-8859-1", b"\x85", "\u{85}"),
        ("latin1", b"\xfc", "ü"),
        ("windows-1252", b"\x85", "…"),
        ("CP1251", b"\xe4", "д"),
        ("Shift_JIS", b"\x83\x65", "テ"),
        ("EUC-JP", b"\xa5\xc6", "テ"),
        ("GB18030", b"\xc4\xe3", "你"),
        ("UTF-8", "ö".as_bytes(), "ö"),
        ("klingon", "ö".as_bytes(), "ö"),
        ("EUC-JP", b"\xff", "\u{fffd}"),
    ] {
        repo.write("f", format!("{encoding} {expected}\n"));
        let person = [b"J", text, b"rg <a@e.x> 1342910542 +0000"].concat();
        let people = [b"author ", &person[..], b"\ncommitter ", &person].concat();
        let head = [&people[..], b"\nencoding ", encoding.as_bytes(), b"\n\ngr"].concat();
        commits.push((repo.odd(&[&head[..], text].concat()), encoding, expected));
    }
    let database = database(&repo.open()).await;
    let timeline = &database.history().timeline;
    for ((commit, encoding, expected), meta) in commits.iter().rev().zip(timeline) {
        let said = repo.git_bytes(&["log", "-1", "--format=%H%x00%an%x00%s", commit]);
        let shown = format!("{}\0{}\0{}\n", meta.id, meta.author, meta.message);
        assert_eq!(shown, String::from_utf8_lossy(&said), "{encoding}");
        assert_eq!(shown, format!("{commit}\0J{expected}rg\0gr{expected}\n"), "{encoding}");
    }
}

#[tokio::test]
async fn branches_that_differ_in_a_byte_that_is_no_text_are_two() {
    let repo = Repo::new();
    let (first, second) = (repo.change("f", "1\n"), repo.change("f", "2\n"));
    for (name, id) in [(&b"heads/b\xe4"[..], &first), (b"heads/b\xf6", &second), (b"tags/t\xe4", &first)] {
        fs::write(repo.path.join(".git/refs").join(OsStr::from_bytes(name)), format!("{id}\n")).unwrap();
    }
    for packed in [false, true] {
        if packed {
            repo.git(&["pack-refs", "--all"]);
        }
        let one = database(&repo.open()).await;
        let history = one.history();
        assert_eq!(history.branches.keys().collect::<Vec<_>>(), ["b\\xe4", "b\\xf6", "main"]);
        assert_eq!(history.tags.keys().collect::<Vec<_>>(), ["t\\xe4"]);
        assert_eq!(&*history.branches["b\\xe4"], first);
        assert_eq!(history.odd_names["b\\xf6"], b"b\xf6");
        let chosen = open(&format!("{}?ref=b\\xe4", repo.place()));
        assert_eq!(ids(&database(&chosen).await), std::slice::from_ref(&first));
    }
}
