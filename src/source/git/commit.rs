//! Commits and tags as git itself reads them: tree, parents and target have to be right, and who and when may be
//! anything.
//!
//! The rules are those of `parse_commit_buffer`, `parse_commit_header` and `split_ident_line` in git's `commit.c`,
//! `pretty.c` and `ident.c`. Programs other than git write what git's own check complains about, and no reader of theirs
//! loses a history for it.

use std::borrow::Cow;

use encoding_rs::Encoding;
use gix::ObjectId;
use gix::hash::Kind as HashKind;

use crate::model::time::Timestamp;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct CommitText {
    pub(super) tree: ObjectId,
    /// First parent first.
    pub(super) parents: Box<[ObjectId]>,
    /// The committer's date; 1970 where it has none that git can read.
    pub(super) time: Timestamp,
    /// Empty where git can read none.
    pub(super) author: String,
    pub(super) email: String,
    /// Without line feeds at its end.
    pub(super) message: String,
    /// What is odd about who and when, for people.
    pub(super) oddity: Option<&'static str>,
}

impl CommitText {
    pub(super) fn parse(data: &[u8], hash: HashKind) -> Result<Self, &'static str> {
        let (tree, mut rest) = id_line(data, b"tree ", hash).ok_or("it does not begin with its tree")?;
        let mut parents = Vec::new();
        while rest.starts_with(b"parent ") {
            let (parent, after) = id_line(rest, b"parent ", hash).ok_or("one of its parents has no hash")?;
            parents.push(parent);
            rest = after;
        }
        // Git takes a NUL for the end of the text.
        let lines = rest.split(|byte| *byte == 0).next().unwrap_or_default();
        let end = end_of_header(lines);
        let header: Vec<&[u8]> = lines[..end].split(|byte| *byte == b'\n').collect();
        let message = if end < lines.len() { &rest[end + 1..] } else { &[][..] };
        // The last one counts.
        let last = |name: &[u8]| header.iter().rev().find_map(|line| line.strip_prefix(name));
        let encoding = header.iter().find_map(|line| line.strip_prefix(b"encoding "));
        let text = |bytes: &[u8]| decoded(bytes, encoding).into_owned();
        let (author, committer) = (last(b"author "), last(b"committer "));
        let person = author.and_then(person);
        let (name, email) = person.unwrap_or_default();
        let seconds = committer.and_then(seconds_of);
        Ok(Self {
            tree,
            parents: parents.into(),
            time: Timestamp::from_second(seconds.unwrap_or(0)),
            author: text(name),
            email: text(email),
            message: text(message).trim_end_matches('\n').to_owned(),
            oddity: match (person, seconds) {
                (None, _) => Some("its author has no name and address that git can read"),
                (_, None) => Some("its committer has no date that git can read"),
                _ => None,
            },
        })
    }
}

/// The target of a tag.
pub(super) fn tag_target(data: &[u8], hash: HashKind) -> Result<ObjectId, &'static str> {
    match id_line(data, b"object ", hash) {
        Some((target, rest)) if rest.starts_with(b"type ") => Ok(target),
        Some(_) => Err("it does not say what kind of object it names"),
        None => Err("it does not begin with the object that it names"),
    }
}

/// The hash in a line of this name, and what is behind the line.
fn id_line<'d>(data: &'d [u8], name: &[u8], hash: HashKind) -> Option<(ObjectId, &'d [u8])> {
    let (hex, rest) = data.strip_prefix(name)?.split_at_checked(hash.len_in_hex())?;
    Some((ObjectId::from_hex(hex).ok()?, rest.strip_prefix(b"\n")?))
}

/// Where the first blank line begins, or the end.
fn end_of_header(lines: &[u8]) -> usize {
    if lines.starts_with(b"\n") {
        return 0;
    }
    memchr::memmem::find(lines, b"\n\n").map_or(lines.len(), |at| at + 1)
}

fn person(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let begin = memchr::memchr(b'<', line)?;
    let email = &line[begin + 1..];
    let end = memchr::memchr(b'>', email)?;
    Some((line[..begin].trim_ascii_end(), &email[..end]))
}

/// The seconds since 1970 behind the last `>` of a line. What is no number of digits, and what is beyond the range of
/// git's dates, is none.
fn seconds_of(line: &[u8]) -> Option<i64> {
    let date = line[memchr::memrchr(b'>', line)? + 1..].trim_ascii_start();
    let digits = date.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&date[..digits]).ok()?.parse().ok()
}

/// A text in UTF-8, re-coded from what the commit says that it is in. Without a word about it, or where that is no
/// encoding that is known, it counts as UTF-8.
fn decoded<'t>(text: &'t [u8], encoding: Option<&[u8]>) -> Cow<'t, str> {
    let encoding = encoding.map(<[u8]>::trim_ascii);
    if encoding.is_some_and(is_latin_1) {
        return encoding_rs::mem::decode_latin1(text);
    }
    match encoding.and_then(Encoding::for_label_no_replacement) {
        Some(encoding) => {
            let (decoded, had_errors) = encoding.decode_without_bom_handling(text);
            // What is not in the encoding that it should be in is shown as it is, as git does.
            if had_errors { String::from_utf8_lossy(text) } else { decoded }
        }
        None => String::from_utf8_lossy(text),
    }
}

/// The Web's name for it means Windows-1252, which has letters where this has control characters.
fn is_latin_1(name: &[u8]) -> bool {
    [&b"iso-8859-1"[..], b"iso8859-1", b"iso_8859-1", b"iso88591", b"latin1", b"latin-1", b"l1"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    const PARENT: &str = "0123456789012345678901234567890123456789";

    fn parsed(rest: &[u8]) -> CommitText {
        let head = format!("tree {TREE}\nparent {PARENT}\n");
        CommitText::parse(&[head.as_bytes(), rest].concat(), HashKind::Sha1).expect("a commit")
    }

    #[test]
    fn headers_may_lack_anything_and_have_it_twice() {
        for (rest, name, message) in [
            (&b""[..], "", ""),
            (b"\nno header", "", "no header"),
            (b"author A <a> 1 +0000", "A", ""),
            (b"author A <a> 1 +0000\nauthor B <b> 2 +0000\ncommitter C <c> 3 +0000\n\nm", "B", "m"),
            (b"committer C <c> 3 +0000\nauthor A <a> 1 +0000\n\nm", "A", "m"),
            (b"gpgsig -----BEGIN\n author X <x> 1 +0000\nauthor A <a> 1 +0000\n\nm\n\nn\n\n", "A", "m\n\nn"),
            (b"author A\0 <a> 1 +0000\n\nm", "", ""),
        ] {
            let commit = parsed(rest);
            assert_eq!((&*commit.author, &*commit.message), (name, message), "{rest:?}");
        }
        assert_eq!(parsed(b"committer C <c> 3 +0\n\na\0b").message, "a\0b");
    }

    #[test]
    fn what_matters_has_to_be_right() {
        for wrong in
            ["", "tree", "tree 4b\n", &format!("tree {TREE}"), &format!("parent {PARENT}\ntree {TREE}\n")]
        {
            assert!(CommitText::parse(wrong.as_bytes(), HashKind::Sha1).is_err(), "{wrong}");
        }
        let wrong = format!("tree {TREE}\nparent {}x\nauthor A <a> 1 +0\n\n", &PARENT[1..]);
        assert!(CommitText::parse(wrong.as_bytes(), HashKind::Sha1).is_err());
        assert!(tag_target(format!("object {TREE}\ntype tree\n").as_bytes(), HashKind::Sha1).is_ok());
        assert!(tag_target(format!("object {TREE}\n").as_bytes(), HashKind::Sha1).is_err());
    }
}
