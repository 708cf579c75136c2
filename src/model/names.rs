//! Turns names from data into safe path components, reversibly.
//!
//! Table, branch and archive member names may hold anything: `..`, `we/ird`, a newline, bytes that are not UTF-8.
//! [`escape`] turns each into one path component that no tool misreads. It percent-encodes
//!
//! - `/` and NUL, which no component can hold,
//! - `%`, to keep the encoding reversible,
//! - control characters: C0, DEL and also C1, because terminals obey them too (U+009B starts a control sequence) and
//!   `ls` into a pipe prints them unchanged,
//! - the first dot of `.` and `..`,
//! - bytes that are not UTF-8,
//!
//! and writes the empty name as a lone `%`, which no other name yields. A name that would exceed [`MAX_COMPONENT`]
//! bytes is cut and ends in `%~` and 16 hex digits of the SHA-256 of the full name. It is still unique but no longer
//! reversible. Encoding never yields `%~`.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fmt::Write;

use data_encoding::{HEXLOWER, HEXUPPER};
use sha2::{Digest, Sha256};

use super::terminal::ShowPath;

/// The longest name of one file or folder on Linux (`NAME_MAX`), in bytes.
pub const MAX_COMPONENT: usize = 255;

/// The longest relative path that [`nested_paths`] shows as folders, in bytes. A longer name becomes one component:
/// tools fail beyond `PATH_MAX` (4,096), and a hostile archive could ask for 32,767 folders per member.
pub const MAX_NESTED_PATH: usize = 1024;

/// Stands before the hash in a shortened component, and in no other.
pub const SHORTENED: &str = "%~";

/// The number of hex digits of the name's SHA-256 at the end of a shortened component.
const HASH_DIGITS: usize = 16;

/// Returns one safe path component for `name`, of at most [`MAX_COMPONENT`] bytes.
///
/// ```
/// use asof::model::names::escape;
/// assert_eq!(escape("issues"), "issues");
/// assert_eq!(escape("we/ird"), "we%2Fird");
/// assert_eq!(escape(".."), "%2E.");
/// assert_eq!(escape(""), "%");
/// ```
pub fn escape(name: &str) -> String {
    escape_with_suffix(name, "")
}

/// Like [`escape`], for a name that need not be UTF-8 (a zip member).
pub fn escape_bytes(name: &[u8]) -> String {
    escape_bytes_with_suffix(name, "")
}

/// Returns `escape(name)` and `suffix`, together at most [`MAX_COMPONENT`] bytes. Only the name is shortened.
/// `suffix` is ours (`.jsonl`): it is used unchanged and should be at most 200 bytes.
pub fn escape_with_suffix(name: &str, suffix: &str) -> String {
    escape_bytes_with_suffix(name.as_bytes(), suffix)
}

/// Like [`escape_with_suffix`], for a name that need not be UTF-8.
pub fn escape_bytes_with_suffix(name: &[u8], suffix: &str) -> String {
    let room = MAX_COMPONENT.saturating_sub(suffix.len());
    let mut component = percent_encode(name);
    if component.len() > room {
        component = shorten(component, name, room);
    }
    component.push_str(suffix);
    component
}

/// Returns the name that [`escape`] or [`escape_bytes`] made into `component`. Returns `None` if no name yields it:
/// malformed, not in the one canonical spelling (`%2f`, `%41`), or shortened, which cannot be undone.
pub fn unescape(component: &str) -> Option<Vec<u8>> {
    unescape_any_length(component).filter(|_| component.len() <= MAX_COMPONENT)
}

/// Like [`unescape`], for text too long for a component: a name before it is shortened.
pub fn unescape_any_length(component: &str) -> Option<Vec<u8>> {
    if component == "%" {
        return Some(Vec::new());
    }
    let mut name = Vec::with_capacity(component.len());
    let mut rest = component.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte != b'%' {
            name.push(byte);
            rest = tail;
            continue;
        }
        let [high, low, tail @ ..] = tail else { return None };
        let mut byte = [0];
        HEXUPPER.decode_mut(&[*high, *low], &mut byte).ok()?;
        name.push(byte[0]);
        rest = tail;
    }
    (percent_encode(&name) == component).then_some(name)
}

/// Names a database after a file or folder: without leading dots, so that `ls` shows its folder, and with bytes that
/// are not UTF-8 as `\xff`, so that different names stay different. Empty if the name has only dots.
pub fn shown_name(name: &OsStr) -> String {
    name.shown().to_string().trim_start_matches('.').to_owned()
}

/// Returns one safe relative path per name, in the order of the names. For names whose slashes mean folders:
/// branches, tags, zip members.
///
/// A name is split at `/` and each component is escaped. The whole name is escaped as one component instead
///
/// - if a component is empty: `/etc/passwd` becomes `%2Fetc%2Fpasswd`,
/// - if another name would be both a file and a folder: `a` and `a/b` become `a` and `a%2Fb`,
/// - if the path would be longer than [`MAX_NESTED_PATH`].
///
/// Distinct names yield distinct paths, and no path is a folder of another.
pub fn nested_paths<'a>(names: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let names: Vec<&[u8]> = names.into_iter().collect();
    let mut paths: Vec<Option<String>> = names.iter().map(|name| nested_path(name)).collect();

    // In this order, everything in a folder directly follows the file with the folder's name.
    let mut order: Vec<usize> = (0..names.len()).filter(|&i| paths[i].is_some()).collect();
    order.sort_by(|&a, &b| compare_by_component(names[a], names[b]));
    let mut file: Option<&[u8]> = None;
    for i in order {
        match file {
            Some(file) if is_below(names[i], file) => paths[i] = None,
            _ => file = Some(names[i]),
        }
    }
    let whole = |(path, name): (Option<String>, &[u8])| path.unwrap_or_else(|| escape_bytes(name));
    paths.into_iter().zip(names).map(whole).collect()
}

/// Escapes each component of `name`; `None` if the name must become one component.
fn nested_path(name: &[u8]) -> Option<String> {
    let mut path = String::with_capacity(name.len());
    for component in name.split(|&byte| byte == b'/') {
        if component.is_empty() {
            return None;
        }
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(&escape_bytes(component));
        if path.len() > MAX_NESTED_PATH {
            return None;
        }
    }
    Some(path)
}

/// Compares bytewise, but with `/` before everything else: `a`, `a/b`, `a b`.
fn compare_by_component(a: &[u8], b: &[u8]) -> Ordering {
    let rank = |&byte: &u8| if byte == b'/' { 0 } else { u16::from(byte) + 1 };
    a.iter().map(rank).cmp(b.iter().map(rank))
}

fn is_below(name: &[u8], folder: &[u8]) -> bool {
    name.strip_prefix(folder).is_some_and(|rest| rest.starts_with(b"/"))
}

fn percent_encode(name: &[u8]) -> String {
    if name.is_empty() {
        return "%".to_owned();
    }
    let mut component = String::with_capacity(name.len());
    let mut rest = name;
    if name == b"." || name == b".." {
        push_encoded(&mut component, b'.');
        rest = &name[1..];
    }
    for chunk in rest.utf8_chunks() {
        for char in chunk.valid().chars() {
            if char.is_control() || matches!(char, '/' | '%') {
                let mut utf8 = [0; 4];
                char.encode_utf8(&mut utf8).bytes().for_each(|byte| push_encoded(&mut component, byte));
            } else {
                component.push(char);
            }
        }
        chunk.invalid().iter().for_each(|&byte| push_encoded(&mut component, byte));
    }
    component
}

fn push_encoded(component: &mut String, byte: u8) {
    write!(component, "%{byte:02X}").expect("writing into a String does not fail");
}

/// Cuts `component` so that it has at most `room` bytes including the hash of `name` at its end.
fn shorten(mut component: String, name: &[u8], room: usize) -> String {
    let mut end = component.floor_char_boundary(room.saturating_sub(SHORTENED.len() + HASH_DIGITS));
    // `%` only starts a `%XX`, so one in the last two bytes belongs to a `%XX` that was cut apart.
    if let Some(cut) = component.as_bytes()[end.saturating_sub(2)..end].iter().position(|&byte| byte == b'%')
    {
        end = end.saturating_sub(2) + cut;
    }
    component.truncate(end);
    component.push_str(SHORTENED);
    component + &HEXLOWER.encode(&Sha256::digest(name)[..HASH_DIGITS / 2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn paths(names: &[&str]) -> Vec<String> {
        nested_paths(names.iter().map(|name| name.as_bytes()))
    }

    #[test]
    fn names_and_their_components() {
        for (name, component) in [
            ("issues", "issues"),
            ("CON", "CON"),
            ("tab le'\"", "tab le'\""),
            ("größe", "größe"),
            ("", "%"),
            ("%", "%25"),
            (".", "%2E"),
            ("..", "%2E."),
            ("...", "..."),
            (".hidden", ".hidden"),
            ("we/ird", "we%2Fird"),
            ("a\0b\nc\x7f", "a%00b%0Ac%7F"),
            ("\u{9b}2J", "%C2%9B2J"),
            ("100%41", "100%2541"),
        ] {
            assert_eq!(escape(name), component);
            assert_eq!(unescape(component).as_deref(), Some(name.as_bytes()));
        }
        assert_eq!(escape_bytes(b"caf\xe9"), "caf%E9");
        assert_eq!(unescape("caf%E9").as_deref(), Some(&b"caf\xe9"[..]));
        assert_eq!(escape_with_suffix("..", ".jsonl"), "%2E..jsonl");
    }

    #[test]
    fn only_the_canonical_spelling_unescapes() {
        for component in
            ["", ".", "..", "a/b", "%2f", "%41", "%", "a%", "a%2", "a%zz", "%C3%A9", "a\n", "%2E..", "x%~00"]
        {
            let expected = (component == "%").then(Vec::new);
            assert_eq!(unescape(component), expected, "{component:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_head_and_suffix() {
        let fits = "x".repeat(249);
        assert_eq!(escape_with_suffix(&fits, ".jsonl"), format!("{fits}.jsonl"));
        let long = escape_with_suffix(&"x".repeat(250), ".jsonl");
        assert_eq!(long.len(), MAX_COMPONENT);
        // python3 -c "print('x' * 250, end='')" | sha256sum
        assert_eq!(long, format!("{}%~086d4a1c293bde31.jsonl", "x".repeat(231)));
        assert_eq!(unescape(&long), None);
    }

    #[test]
    fn shortening_cuts_no_character_and_no_escape_apart() {
        for head in 230..245 {
            for repeated in ["é", "𝄞", "%", "\u{9b}"] {
                let name = "x".repeat(head) + &repeated.repeat(40);
                let component = escape(&name);
                assert!(component.len() <= MAX_COMPONENT);
                let (kept, _) = component.split_once("%~").unwrap();
                let undone = unescape(kept).unwrap_or_else(|| panic!("{kept} ends in half an escape"));
                assert!(repeated == "\u{9b}" || name.as_bytes().starts_with(&undone));
            }
        }
    }

    #[test]
    fn slashes_make_folders() {
        for (name, path) in [
            ("main", "main"),
            ("convoy/fix-login-gt-1", "convoy/fix-login-gt-1"),
            ("a//b", "a%2F%2Fb"),
            ("/etc/passwd", "%2Fetc%2Fpasswd"),
            ("b/", "b%2F"),
            ("../../etc/passwd", "%2E./%2E./etc/passwd"),
            ("a/./b", "a/%2E/b"),
        ] {
            assert_eq!(paths(&[name]), [path]);
        }
    }

    #[test]
    fn a_file_is_never_a_folder() {
        assert_eq!(paths(&["a/b", "a", "a/b/c", "a b", "ab/c"]), ["a%2Fb", "a", "a%2Fb%2Fc", "a b", "ab/c"]);
        assert_eq!(paths(&["a/", "a/b"]), ["a%2F", "a/b"]);
        assert_eq!(paths(&["", "x"]), ["%", "x"]);
        assert_eq!(paths(&["a", "a"]), ["a", "a"]);
        assert_eq!(paths(&["a!", "a/b/c", "a/b", "a"]), ["a!", "a%2Fb%2Fc", "a%2Fb", "a"]);
    }

    #[test]
    fn very_deep_names_stay_flat_and_cheap() {
        let deep: Vec<String> = (0..200).map(|i| format!("{}{i}", "a/".repeat(30_000))).collect();
        let paths = nested_paths(deep.iter().map(|name| name.as_bytes()));
        assert!(paths.iter().all(|path| !path.contains('/') && path.len() <= MAX_COMPONENT));
        assert_eq!(paths.iter().collect::<HashSet<_>>().len(), 200);
    }

    fn assert_safe(component: &str) {
        assert!(!matches!(component, "" | "." | ".."), "{component:?}");
        assert!(component.len() <= MAX_COMPONENT, "{component:?}");
        assert!(!component.chars().any(|char| char == '/' || char.is_control()), "{component:?}");
    }

    /// Names of characters that need care, so that collisions would show.
    fn tricky() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            "\\.\\.?|/|%|%2F|%~|2E|a|b|\0|é|\u{9b}|~".prop_map(String::into_bytes),
            any::<u8>().prop_map(|byte| vec![byte]),
        ];
        prop_oneof![vec(piece.clone(), 0..6), vec(piece, 60..140)].prop_map(|pieces| pieces.concat())
    }

    fn few_components() -> impl Strategy<Value = Vec<u8>> {
        vec(prop::sample::select(vec!["a", "b", "", ".", "..", "a!", "%2F", "a%2Fb", "long name"]), 0..5)
            .prop_map(|components| components.join("/").into_bytes())
    }

    proptest! {
        #[test]
        fn every_component_is_safe_and_reversible(name in prop_oneof![any::<Vec<u8>>(), tricky()]) {
            for suffix in ["", ".jsonl"] {
                let component = escape_bytes_with_suffix(&name, suffix);
                assert_safe(&component);
                let stem = component.strip_suffix(suffix).unwrap();
                prop_assert!(unescape(stem).map_or(stem.contains("%~"), |undone| undone == name), "{}", stem);
            }
        }

        #[test]
        fn different_names_differ(a in tricky(), b in tricky()) {
            prop_assert_eq!(escape_bytes(&a) == escape_bytes(&b), a == b);
        }

        #[test]
        fn what_unescapes_escapes_back(component in "(%[0-9A-Fa-f~]{0,2}|[a./\\x00é]){0,8}") {
            if let Some(name) = unescape(&component) {
                prop_assert_eq!(escape_bytes(&name), component);
            }
        }

        #[test]
        fn escaping_twice_changes_nothing_exactly_without_a_percent(name in any::<String>()) {
            let once = escape(&name);
            prop_assert_eq!(&once, &escape_bytes(name.as_bytes()));
            prop_assert_eq!(escape(&once) == once, !once.contains('%'));
        }

        #[test]
        fn nested_paths_are_safe_distinct_and_no_folder_of_another(
            names in vec(prop_oneof![few_components(), tricky()], 0..24)
        ) {
            let paths = nested_paths(names.iter().map(Vec::as_slice));
            prop_assert_eq!(paths.len(), names.len());
            for (path, name) in paths.iter().zip(&names) {
                path.split('/').for_each(assert_safe);
                prop_assert!(path.len() <= MAX_NESTED_PATH);
                for (other_path, other_name) in paths.iter().zip(&names) {
                    prop_assert_eq!(path == other_path, name == other_name);
                    let below = is_below(path.as_bytes(), other_path.as_bytes());
                    prop_assert!(!below, "{} below {}", path, other_path);
                }
            }
        }
    }
}
