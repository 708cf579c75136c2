//! The COPY statement of a table: which columns its data has.

/// The columns in `COPY schema.table (column, ...) FROM stdin;`, as `pg_dump` writes it. `None` for any other form:
/// other options of COPY mean other forms of data.
pub(super) fn copied_columns(statement: &[u8]) -> Option<Vec<String>> {
    let mut rest = StatementScanner(std::str::from_utf8(statement).ok()?.trim_end());
    rest.word("COPY ")?;
    rest.name()?;
    while rest.word(".").is_some() {
        rest.name()?;
    }
    rest.word(" ")?;
    let mut columns = Vec::new();
    if rest.word("(").is_some() {
        loop {
            columns.push(rest.name()?);
            if rest.word(", ").is_none() {
                break;
            }
        }
        rest.word(")")?;
    }
    rest.word(" FROM stdin;")?;
    rest.0.is_empty().then_some(columns)
}

struct StatementScanner<'a>(&'a str);

impl StatementScanner<'_> {
    fn word(&mut self, word: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    /// An identifier, in double quotes unless it is plain.
    fn name(&mut self) -> Option<String> {
        let Some(quoted) = self.0.strip_prefix('"') else {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let end = self.0.find(|c| !is_plain(c)).filter(|&end| end > 0)?;
            let (name, rest) = self.0.split_at(end);
            self.0 = rest;
            return Some(name.to_owned());
        };
        let mut name = String::new();
        let mut rest = quoted;
        loop {
            let (part, after) = rest.split_once('"')?;
            name.push_str(part);
            match after.strip_prefix('"') {
                Some(more) => {
                    name.push('"');
                    rest = more;
                }
                None => {
                    self.0 = after;
                    return (!name.is_empty()).then_some(name);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_in_brackets() {
        for (statement, expected) in [
            ("COPY public.t (id, v) FROM stdin;\n", &["id", "v"][..]),
            ("COPY t (id) FROM stdin;", &["id"]),
            (
                "COPY \"we.ird\".\"a (b) \"\"c\"\"\" (\"A, b\", \"c\"\"d\", \"größe\") FROM stdin;\n",
                &["A, b", "c\"d", "größe"],
            ),
            ("COPY public.none  FROM stdin;\n", &[]),
        ] {
            assert_eq!(copied_columns(statement.as_bytes()).expect(statement), expected);
        }
    }

    #[test]
    fn other_statements_are_not_understood() {
        for statement in [
            "",
            "INSERT INTO t VALUES (1);",
            "COPY t (id) WITH OIDS FROM stdin;",
            "COPY t (id) FROM stdin WITH CSV;",
            "COPY t (id) FROM stdin; COPY u (id) FROM stdin;",
            "COPY t (id FROM stdin;",
            "COPY t () FROM stdin;",
            "COPY t (\"\") FROM stdin;",
            "COPY t (\"id) FROM stdin;",
            "COPY  (id) FROM stdin;",
        ] {
            assert_eq!(copied_columns(statement.as_bytes()), None, "{statement:?}");
        }
    }
}
