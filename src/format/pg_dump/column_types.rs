//! Which columns of a table hold numbers, times and so on: read from its CREATE TABLE statement.
//!
//! Only the start of each column's definition is looked at, as `pg_dump` words it (`format_type`): a name, a type.
//! What is not listed in [`ColumnType`] is text, and so is every column of a statement that is not understood.

use std::collections::HashMap;

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::toc::Toc;

/// How many ancestors of a table are searched for its columns.
const MOST_ANCESTORS: usize = 100;

/// How to read the text of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnType {
    Integer,
    Numeric,
    Float,
    Boolean,
    Json,
    Bytes,
    Date,
    Time,
    Timestamp,
    TimestampWithZone,
    /// Everything else, as PostgreSQL prints it: a string.
    Text,
}

/// The types that are not text.
pub(super) const NAMED: [(&str, ColumnType); 14] = [
    ("smallint", ColumnType::Integer),
    ("integer", ColumnType::Integer),
    ("bigint", ColumnType::Integer),
    ("numeric", ColumnType::Numeric),
    ("real", ColumnType::Float),
    ("double precision", ColumnType::Float),
    ("boolean", ColumnType::Boolean),
    ("json", ColumnType::Json),
    ("jsonb", ColumnType::Json),
    ("bytea", ColumnType::Bytes),
    ("date", ColumnType::Date),
    ("time without time zone", ColumnType::Time),
    ("timestamp without time zone", ColumnType::Timestamp),
    ("timestamp with time zone", ColumnType::TimestampWithZone),
];

impl ColumnType {
    fn of(type_name: &str) -> Self {
        NAMED.iter().find(|(name, _)| *name == type_name).map_or(Self::Text, |(_, column_type)| *column_type)
    }
}

/// The types of the columns of a table, also of those that it inherits or has from a type.
pub(super) fn column_types(toc: &Toc, schema: &[u8], table: &[u8]) -> HashMap<String, ColumnType> {
    let mut types = HashMap::new();
    let mut seen: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut next = vec![(schema.to_owned(), table.to_owned())];
    while let Some(table) = next.pop() {
        if seen.len() == MOST_ANCESTORS || seen.contains(&table) {
            continue;
        }
        let definition =
            toc.definition(&table.0, &table.1).map(|entry| TableDefinition::parse(&entry.definition));
        let Some(Some(definition)) = definition else { continue };
        for (name, column_type) in definition.columns {
            // What a table says of a column takes precedence over what its parents say.
            types.entry(name).or_insert(column_type);
        }
        for parent in definition.parents {
            // A parent without a schema is in that of its child: archives before 1.13 are worded so.
            let (name, qualifier) = parent.split_last().map(|(name, rest)| (name, rest.last())).unzip();
            let Some(name) = name else { continue };
            let schema = qualifier.flatten().map_or(table.0.clone(), |schema| schema.clone().into_bytes());
            next.push((schema, name.clone().into_bytes()));
        }
        seen.push(table);
    }
    types
}

/// The parts of one CREATE TABLE statement that are used here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TableDefinition {
    columns: Vec<(String, ColumnType)>,
    /// Names of the tables (or the type) that it has columns from, each with its qualifiers.
    parents: Vec<Vec<String>>,
}

impl TableDefinition {
    pub(super) fn parse(statement: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(statement).ok()?;
        let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize().ok()?;
        let tokens: Vec<Token> =
            tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
        let mut definition = Self::default();
        let open = tokens.iter().position(|token| *token == Token::LParen);
        let head = &tokens[..open.unwrap_or(tokens.len())];
        if let Some(made_of) = head.windows(2).position(is_made_of) {
            // A table made of a composite type has the columns of that, and repeats no types.
            definition.parents.extend(names(&head[made_of + 2..]));
            return Some(definition);
        }
        let open = open?;
        if let Some(parent) = after(head, &["PARTITION", "OF"]) {
            definition.parents.extend(names(parent));
        }
        let close = open + closing(&tokens[open..])?;
        for column in split_at_commas(&tokens[open + 1..close]) {
            definition.columns.extend(column_of(column));
        }
        if let Some([Token::LParen, parents @ ..]) = after(&tokens[close + 1..], &["INHERITS"]) {
            definition.parents.extend(names(parents));
        }
        Some(definition)
    }
}

/// Whether this is the OF between a table and its type. Either may be called `of` itself.
fn is_made_of(pair: &[Token]) -> bool {
    matches!(pair[0], Token::Word(_))
        && !["TABLE", "PARTITION"].iter().any(|word| is_word(&pair[0], word))
        && is_word(&pair[1], "OF")
}

fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(found) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

/// What follows these words.
fn after<'t>(tokens: &'t [Token], words: &[&str]) -> Option<&'t [Token]> {
    let fits = |at: &[Token]| at.iter().zip(words).all(|(token, word)| is_word(token, word));
    let place = tokens.windows(words.len()).position(fits)?;
    Some(&tokens[place + words.len()..])
}

/// Where the bracket that `tokens` begin with closes.
fn closing(tokens: &[Token]) -> Option<usize> {
    let mut depth = 0_usize;
    tokens.iter().position(|token| {
        match token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    })
}

/// The parts between the commas outside brackets.
fn split_at_commas(tokens: &[Token]) -> Vec<&[Token]> {
    let mut depth = 0_i64;
    let is_comma = |token: &Token| {
        match token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth -= 1,
            _ => {}
        }
        depth == 0 && *token == Token::Comma
    };
    tokens.split(is_comma).collect()
}

/// Qualified names, separated by commas, up to anything else.
fn names(tokens: &[Token]) -> Vec<Vec<String>> {
    let mut names = vec![Vec::new()];
    for token in tokens {
        match (token, names.last_mut()) {
            (Token::Word(word), Some(name)) => name.push(word.value.clone()),
            (Token::Period, _) => {}
            (Token::Comma, _) => names.push(Vec::new()),
            _ => break,
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Name and type of a column; `None` for a constraint of the table.
fn column_of(tokens: &[Token]) -> Option<(String, ColumnType)> {
    let [Token::Word(name), rest @ ..] = tokens else { return None };
    if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("CONSTRAINT") {
        return None;
    }
    let type_name = type_name(rest);
    // A partition may mention a column without a type: its parent has the type.
    (!type_name.is_empty()).then(|| (name.value.clone(), ColumnType::of(&type_name)))
}

/// The words of a type without brackets, up to the other clauses of a column. A type with a schema, or an array, gives
/// something that is not the name of a type.
fn type_name(tokens: &[Token]) -> String {
    const ENDS: [&str; 9] = [
        "COLLATE",
        "CHECK",
        "COMPRESSION",
        "CONSTRAINT",
        "DEFAULT",
        "GENERATED",
        "NOT",
        "OPTIONS",
        "STORAGE",
    ];
    let mut name = String::new();
    let mut depth = 0_usize;
    for token in tokens {
        match token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            Token::Word(word) if word.quote_style.is_none() => {
                if ENDS.iter().any(|end| word.value.eq_ignore_ascii_case(end)) {
                    break;
                }
                if !name.is_empty() {
                    name.push(' ');
                }
                name.push_str(&word.value);
            }
            other => name.push_str(&other.to_string()),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(statement: &str) -> Vec<(String, ColumnType)> {
        TableDefinition::parse(statement.as_bytes()).expect("it is understood").columns
    }

    #[test]
    fn a_column_is_a_name_and_a_type() {
        let statement = r#"CREATE UNLOGGED TABLE public."t (x)" (
    id bigint DEFAULT nextval('public.s'::regclass) NOT NULL,
    n numeric(10,2) DEFAULT (1.5 + 2) NOT NULL,
    "Amount" numeric,
    f double precision,
    ok boolean DEFAULT true,
    j jsonb DEFAULT '{"a": ",(", "b": [1]}'::jsonb,
    at timestamp(3) with time zone DEFAULT now(),
    "local" timestamp without time zone,
    d date GENERATED ALWAYS AS ((id)::date) STORED,
    t time(0) without time zone,
    tz time with time zone,
    a integer[],
    own public."integer",
    s character varying(20) COLLATE pg_catalog."C" DEFAULT ')'::character varying,
    b bytea,
    i integer GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME s, START 1),
    CONSTRAINT c CHECK ((id > 0)),
    "constraint" smallint
)
PARTITION BY RANGE (id);
"#;
        use ColumnType::*;
        let expected = [
            ("id", Integer),
            ("n", Numeric),
            ("Amount", Numeric),
            ("f", Float),
            ("ok", Boolean),
            ("j", Json),
            ("at", TimestampWithZone),
            ("local", Timestamp),
            ("d", Date),
            ("t", Time),
            ("tz", Text),
            ("a", Text),
            ("own", Text),
            ("s", Text),
            ("b", Bytes),
            ("i", Integer),
            ("constraint", Integer),
        ];
        let expected: Vec<_> = expected.map(|(name, kind)| (name.to_owned(), kind)).into();
        assert_eq!(columns(statement), expected);
    }

    #[test]
    fn parents_are_named() {
        let parents =
            |statement: &str| TableDefinition::parse(statement.as_bytes()).expect(statement).parents;
        assert_eq!(
            parents("CREATE TABLE a.c (x int)\nINHERITS (a.p, \"b.b\".\"Q\");"),
            [["a", "p"], ["b.b", "Q"]]
        );
        assert_eq!(parents("CREATE TABLE c PARTITION OF p (\n x DEFAULT 1\n) FOR VALUES IN (1);"), [["p"]]);
        assert!(parents("CREATE TABLE a.c (x int);").is_empty());
        for statement in ["CREATE TABLE t OF u.v (a WITH OPTIONS NOT NULL)", "CREATE TABLE a.t OF u.v;"] {
            assert_eq!(parents(statement), [["u", "v"]], "{statement}");
            assert!(columns(statement).is_empty());
        }
    }

    #[test]
    fn what_is_not_understood_has_no_columns() {
        for statement in ["", "CREATE TABLE t", "CREATE TABLE t (a int"] {
            assert_eq!(TableDefinition::parse(statement.as_bytes()), None, "{statement}");
        }
        assert_eq!(TableDefinition::parse(b"CREATE TABLE t (a int, 'oops)"), None);
        for statement in ["CREATE TABLE of (a integer)", "CREATE TABLE public.of (a integer)"] {
            assert_eq!(columns(statement), [("a".to_owned(), ColumnType::Integer)], "{statement}");
        }
        assert!(columns("CREATE TABLE c PARTITION OF p (a DEFAULT 1)").is_empty());
    }
}
