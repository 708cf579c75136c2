//! Decides by names which tables hold secrets, and which settings and columns in them are secret.
//!
//! A file's mode is shown before any row is read, so a whole table is secret, whatever it holds. Commands decide row
//! by row which values to mask.

use std::borrow::Cow;

use globset::{Glob, GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};
use serde_json::Value;

use super::row::{NULL, Row, json_name, text_of, trimmed};

const TABLE: &str = ".jsonl";

/// Tables in which Beads keeps credentials for databases and other services (`bd config set linear.api_key`).
const TABLES: [&str; 2] = ["config", "federation_peers"];

/// Names of settings and columns whose values are secret in such tables, in lower case.
const KEYS: &str = "
    *_key *_key_* *.key *apikey *private*key* *access*key* *ssh*key* *token *.pat *_pat *bearer* *authorization* *cookie*
    *pwd* *password* *passwd* *passphrase* *secret* *credential* *webhook* *.dsn";

/// Suffixes of files that hold whole databases or folders of tables.
const CONTAINERS: [&str; 6] = [".db", ".sqlite", ".sqlite3", ".db3", ".dump", ".zip"];

const DATABASES: [&str; 3] = [".db", ".sqlite", ".dump"];

/// Marks a tar anywhere in a name, packed or not.
const TAR: &str = ".tar";

/// Short suffixes of packed tars.
const SHORT_TARS: [&str; 9] = [".tgz", ".taz", ".tzst", ".txz", ".tbz", ".tbz2", ".tb2", ".tz2", ".tlz"];

/// Columns that name a setting or a row. Without them the first column does.
const NAMES: [&str; 3] = ["key", "name", "id"];

/// Replaces a secret value, as JSON.
pub const MASK: &str = "\"********\"";

/// The built-in rules and the user's rules.
#[derive(Debug, Clone)]
pub struct Secrets {
    usual: GlobSet,
    own: Vec<Own>,
}

#[derive(Debug, Clone)]
struct Own {
    table: GlobMatcher,
    /// Matches names of settings and columns; `None` matches all but those that name a row.
    key: Option<GlobMatcher>,
}

/// The secrets of one table.
#[derive(Debug)]
pub struct TableSecrets<'s> {
    usual: Option<&'s GlobSet>,
    own: Vec<&'s GlobMatcher>,
    is_all: bool,
}

impl Default for Secrets {
    fn default() -> Self {
        let mut usual = GlobSetBuilder::new();
        for pattern in KEYS.split_ascii_whitespace() {
            usual.add(Glob::new(pattern).expect("it is well formed"));
        }
        Self { usual: usual.build().expect("they are few"), own: Vec::new() }
    }
}

impl Secrets {
    /// Combines the built-in rules with a rule for each `TABLE[:KEY]`; both parts are patterns.
    pub fn new<'p>(own: impl IntoIterator<Item = &'p str>) -> Result<Self, globset::Error> {
        let matcher =
            |pattern: &str| Ok(GlobBuilder::new(&pattern.to_lowercase()).build()?.compile_matcher());
        let rule = |text: &str| {
            let (table, key) = text.split_once(':').map_or((text, None), |(table, key)| (table, Some(key)));
            Ok(Own { table: matcher(table)?, key: key.map(matcher).transpose()? })
        };
        let own = own.into_iter().map(rule).collect::<Result<_, globset::Error>>()?;
        Ok(Self { own, ..Self::default() })
    }

    /// The secrets of the file at a path in a snapshot; `None` if its name suggests none.
    pub fn of(&self, path: &str) -> Option<TableSecrets<'_>> {
        let path = path.to_lowercase();
        let file = file_name(&path);
        let table = unpacked(file).strip_suffix(TABLE);
        let is_usual = table.is_some_and(|table| TABLES.contains(&table));
        let names = [Some(&*path), Some(file), table];
        let is_named = |own: &&Own| names.iter().flatten().any(|name| own.table.is_match(name));
        let own: Vec<&Own> = self.own.iter().filter(is_named).collect();
        (is_usual || !own.is_empty()).then(|| TableSecrets {
            usual: is_usual.then_some(&self.usual),
            is_all: own.iter().any(|own| own.key.is_none()),
            own: own.into_iter().filter_map(|own| own.key.as_ref()).collect(),
        })
    }

    /// Whether a user's rule names the file at a path.
    pub fn is_own(&self, path: &str) -> bool {
        self.of(path).is_some_and(|secrets| secrets.is_all || !secrets.own.is_empty())
    }
}

/// Suffixes of packed files, and of files that belong to a database.
const PACKED: [&str; 12] =
    [".gz", ".zst", ".xz", ".bz2", ".lz4", ".lzma", ".lz", ".z", ".bak", ".old", "-wal", "-journal"];

fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, file)| file)
}

/// A file's name without the suffix of a packed file, or of a sidecar that holds pages of its database.
fn unpacked(file: &str) -> &str {
    PACKED.iter().find_map(|end| file.strip_suffix(end)).unwrap_or(file)
}

/// Whether a file may hold the tables of its snapshot: a database, dump or tar, by its name.
pub fn is_container(path: &str) -> bool {
    let path = path.to_lowercase();
    let name = unpacked(file_name(&path));
    let is_tar = name
        .match_indices(TAR)
        .any(|(at, _)| matches!(name.as_bytes().get(at + TAR.len()), None | Some(b'.')));
    is_tar || SHORT_TARS.iter().chain(&CONTAINERS).any(|end| name.ends_with(end))
}

/// Whether a file is a database or belongs to one, by its name.
pub fn is_database(path: &str) -> bool {
    is_container(path) && DATABASES.iter().any(|end| path.to_lowercase().contains(end))
}

impl TableSecrets<'_> {
    /// Whether a column's value is secret in this row.
    pub fn hides(&self, row: &Row<'_>, column: &str) -> bool {
        let Some(value) = row.get(column).filter(|value| *value != NULL) else { return false };
        self.names(column) || column != name_column(row) && self.hides_row(row) || self.holds(value)
    }

    /// Masks the secret values of a line, or the whole line if it is not a row.
    pub fn mask<'l>(&self, line: &'l [u8]) -> Cow<'l, [u8]> {
        let Some(row) = Row::parse(line) else {
            return Cow::Borrowed(if trimmed(line).is_empty() { line } else { MASK.as_bytes() });
        };
        // If a name is repeated, some values are in no column.
        if !row.has_repeats() && !row.columns().any(|(column, _)| self.hides(&row, column)) {
            return Cow::Borrowed(line);
        }
        let column = |(name, value)| {
            let shown = if self.hides(&row, name) { MASK } else { value };
            format!("{}:{shown}", json_name(name))
        };
        let columns: Vec<String> = row.columns().map(column).collect();
        Cow::Owned(format!("{{{}}}", columns.join(",")).into_bytes())
    }

    /// Whether every value but the row's name is secret.
    fn hides_row(&self, row: &Row<'_>) -> bool {
        self.is_all || row.get(name_column(row)).is_some_and(|name| self.names(&text_of(name)))
    }

    fn names(&self, name: &str) -> bool {
        let name = name.to_lowercase().replace('-', "_");
        self.usual.is_some_and(|usual| usual.is_match(&name))
            || self.own.iter().any(|own| own.is_match(&name))
    }

    /// Whether a value is an object with a secret in it, possibly as a string of JSON.
    fn holds(&self, value: &str) -> bool {
        let parsed = |text: &str| serde_json::from_str(text).is_ok_and(|value: Value| self.holds_in(&value));
        value.contains('{') && (parsed(value) || parsed(&text_of(value)))
    }

    fn holds_in(&self, value: &Value) -> bool {
        match value {
            Value::Object(fields) => {
                fields.iter().any(|(name, value)| self.names(name) || self.holds_in(value))
            }
            Value::Array(values) => values.iter().any(|value| self.holds_in(value)),
            _ => false,
        }
    }
}

fn name_column<'r>(row: &'r Row<'_>) -> &'r str {
    let named = NAMES.into_iter().find(|name| row.get(name).is_some());
    named.or_else(|| row.columns().next().map(|(name, _)| name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(secrets: &Secrets, path: &str, line: &str) -> String {
        let table = secrets.of(path).expect("it is a secret table");
        String::from_utf8(table.mask(line.as_bytes()).into_owned()).expect("it is text")
    }

    #[test]
    fn tables_are_secret_by_their_names_wherever_they_are() {
        let secrets = Secrets::default();
        for path in
            ["config.jsonl", "a/Config.jsonl", "public/config.jsonl", "x.tables/federation_peers.jsonl"]
        {
            assert!(secrets.of(path).is_some(), "{path}");
        }
        for path in ["config", "config.json", "configs.jsonl", "config.jsonl/x", "issues.jsonl"] {
            assert!(secrets.of(path).is_none(), "{path}");
        }
        let own = Secrets::new(["customers:iban", "*.pem", "hr/*"]).expect("they are patterns");
        for path in ["customers.jsonl", "CUSTOMERS.jsonl", "a/b.pem", "hr/pay.jsonl", "config.jsonl"] {
            assert!(own.of(path).is_some(), "{path}");
        }
        assert!(own.is_own("customers.jsonl") && !own.is_own("config.jsonl") && !own.is_own("x"));
        assert!(Secrets::new(["a["]).is_err());
    }

    #[test]
    fn what_holds_tables_is_known_by_its_name() {
        for path in [
            "b.db",
            "a/B.SQLITE3",
            "d.dump",
            "x.tar",
            "x.tar.gz",
            "x.tgz",
            "x.tbz2",
            "d.dump.lzma",
            "x.tar.z",
        ] {
            assert!(is_container(path), "{path}");
        }
        for path in ["schema.sql", "x.tartan", "db", "x.db.tables/t.jsonl"] {
            assert!(!is_container(path), "{path}");
        }
    }

    #[test]
    fn values_of_settings_are_masked_by_their_keys() {
        let secrets = Secrets::default();
        let setting = |key: &str| format!("{{\"key\":\"{key}\",\"value\":\"hush\"}}");
        let hidden = [
            "linear.api_key",
            "jira.api_token",
            "github.token",
            "GitLab.Token",
            "smtp.password",
            "oauth.client_secret",
        ];
        for key in hidden {
            let line = masked(&secrets, "config.jsonl", &setting(key));
            assert_eq!(line, format!("{{\"key\":\"{key}\",\"value\":{MASK}}}"));
        }
        for key in ["issue_prefix", "jira.url", "ai.max_tokens", "tokens"] {
            assert_eq!(masked(&secrets, "config.jsonl", &setting(key)), setting(key));
        }
        let unset = "{\"key\":\"a.token\",\"value\":null}";
        for (line, shown) in [(unset, unset), ("ghp_1", MASK), ("", "")] {
            assert_eq!(masked(&secrets, "config.jsonl", line), shown, "what is no row may be anything");
        }
    }

    #[test]
    fn values_of_columns_are_masked_by_their_names() {
        let secrets = Secrets::default();
        let peer = "{\"name\":\"a\",\"url\":\"u\",\"password_encrypted\":\"AAE=\",\"n\":1}";
        let shown = format!("{{\"name\":\"a\",\"url\":\"u\",\"password_encrypted\":{MASK},\"n\":1}}");
        assert_eq!(masked(&secrets, "federation_peers.jsonl", peer), shown);
        let nested = "{\"id\":1,\"settings\":{\"x\":[{\"api_key\":\"k\"}]},\"text\":\"{\\\"token\\\":1}\",\"ok\":{\"a\":1}}";
        let shown = format!("{{\"id\":1,\"settings\":{MASK},\"text\":{MASK},\"ok\":{{\"a\":1}}}}");
        assert_eq!(masked(&secrets, "config.jsonl", nested), shown);
    }

    #[test]
    fn own_rules_hide_what_they_name_or_all() {
        let secrets = Secrets::new(["customers:IBAN", "staff"]).expect("they are patterns");
        let line = "{\"id\":7,\"iban\":\"DE1\",\"mail\":\"m\"}";
        for (table, mail) in [("customers.jsonl", "\"m\""), ("staff.jsonl", MASK)] {
            let shown = format!("{{\"id\":7,\"iban\":{MASK},\"mail\":{mail}}}");
            assert_eq!(masked(&secrets, table, line), shown, "{table}");
        }
    }
}
