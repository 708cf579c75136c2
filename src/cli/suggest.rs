//! Hints for names that do not exist: similar names, or some of those that exist.

const MOST_LISTED: usize = 8;

const MOST_SUGGESTED: usize = 3;

/// Names of at least this similarity (Jaro-Winkler, 1 for equal) are suggested.
const SIMILAR: f64 = 0.8;

/// The hint for a `missing` name: similar `names`; or else `known` and some of them; or `none` if there are none.
pub(super) fn hint(missing: &str, names: &[&str], known: &str, none: &str) -> String {
    match did_you_mean(missing, names) {
        Some(hint) => hint,
        None if names.is_empty() => none.to_owned(),
        None => format!("{known} {}", listed(names)),
    }
}

/// A question that suggests similar names, if there are any.
pub(super) fn did_you_mean(missing: &str, names: &[&str]) -> Option<String> {
    let found = alike(missing, names);
    (!found.is_empty()).then(|| format!("did you mean {}?", found.join(" or ")))
}

/// Names that may have been meant, the most likely first.
pub(super) fn alike(missing: &str, names: &[&str]) -> Vec<String> {
    let wanted = missing.to_lowercase();
    let similarity = |name: &str| {
        let name = name.to_lowercase();
        // `issues` for `issues.jsonl`.
        let begins = !wanted.is_empty() && name.starts_with(&wanted);
        if begins { 1.0 } else { strsim::jaro_winkler(&wanted, &name) }
    };
    let mut found: Vec<(f64, &str)> = names.iter().map(|name| (similarity(name), *name)).collect();
    // To repeat the missing name does not help, even if it exists elsewhere.
    found.retain(|(similarity, name)| *similarity >= SIMILAR && *name != missing);
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    // A name that two sides share is suggested once.
    found.dedup();
    found.into_iter().take(MOST_SUGGESTED).map(|(_, name)| format!("`{name}`")).collect()
}

/// Some of the names, and how many more there are.
pub(super) fn listed(names: &[&str]) -> String {
    let some = names.iter().take(MOST_LISTED).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST_LISTED) {
        0 => some,
        more => format!("{some} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_suggested() {
        let names = ["issues.jsonl", "labels.jsonl", "schema.sql"];
        for (missing, found) in
            [("issues", "`issues.jsonl`"), ("isues.jsonl", "`issues.jsonl`"), ("Schema.SQL", "`schema.sql`")]
        {
            assert_eq!(alike(missing, &names).first().map(String::as_str), Some(found), "{missing}");
        }
        assert!(alike("zzz", &names).is_empty() && alike("", &names).is_empty());
        assert_eq!(alike("bd-9", &["bd-9x", "bd-1", "bd-9x", "bd-9"]), ["`bd-9x`", "`bd-1`"]);
        assert_eq!(listed(&["a"; 9]), "a, a, a, a, a, a, a, a and 1 more");
    }
}
