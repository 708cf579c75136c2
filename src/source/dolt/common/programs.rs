//! Views, triggers, events and procedures in a dump: what Dolt keeps of them, and the statements that make them, each
//! after those that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use serde::Deserialize;
use sqlparser::ast::{ObjectName, ObjectNamePart, Query, Statement, Visit, Visitor};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;

use super::ident;
use super::sql_dump::{STRICT, comment, set_mode};

/// A view, trigger, event or procedure as Dolt keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub name: String,
    pub definition: String,
    /// The SQL mode that it was made in, where that is known.
    pub sql_mode: Option<String>,
    /// When it was made, in seconds since 1970: triggers of one event run in this order.
    pub made: i64,
}

/// A row of `dolt_schemas` or `dolt_procedures`. Older tables lack some columns.
#[derive(Debug, Default, Deserialize)]
pub struct StoredProgram {
    /// `view`, `trigger`, `event`; none of a procedure.
    pub r#type: Option<String>,
    pub name: String,
    /// The statement of a view, trigger or event.
    pub fragment: Option<String>,
    /// The statement of a procedure.
    pub create_stmt: Option<String>,
    /// When a trigger was made, among others.
    pub extra: Option<Extra>,
    pub sql_mode: Option<String>,
}

/// What Dolt keeps of it beside its statement.
#[derive(Debug, Default, Deserialize)]
pub struct Extra {
    /// When it was made, in seconds since 1970.
    #[serde(rename = "CreatedAt")]
    pub created_at: Option<i64>,
}

impl From<StoredProgram> for Program {
    fn from(kept: StoredProgram) -> Self {
        let definition = kept.fragment.or(kept.create_stmt).unwrap_or_default();
        let made = kept.extra.and_then(|extra| extra.created_at).unwrap_or(0);
        Self { name: kept.name, definition, sql_mode: kept.sql_mode, made }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Programs {
    /// Rows of `dolt_schemas` by type: `view`, `trigger`, `event`.
    schemas: BTreeMap<String, Vec<Program>>,
    /// Rows of `dolt_procedures`.
    procedures: Vec<Program>,
}

impl Programs {
    /// Sorts out the rows of both tables.
    pub fn new(schemas: Vec<StoredProgram>, procedures: Vec<StoredProgram>) -> Self {
        let mut programs = Self::default();
        for mut row in schemas {
            let kind = row.r#type.take().unwrap_or_default();
            programs.schemas.entry(kind).or_default().push(row.into());
        }
        programs.procedures = procedures.into_iter().map(Program::from).collect();
        programs
    }

    /// The statements that make them, once the rows are in: views each after those that it reads, then procedures,
    /// triggers in the order in which they were made, events. A view that reads what is not there any more cannot be
    /// made, and stays a comment. `tables` are all that there are.
    pub fn statements<'t>(mut self, tables: impl Iterator<Item = &'t str>) -> String {
        let mut text = String::new();
        let mut mode = STRICT;
        let (views, broken) = views_in_order(self.schemas.remove("view").unwrap_or_default(), tables);
        let triggers = in_time(self.schemas.remove("trigger").unwrap_or_default());
        let needs = |trigger: &Program| neighbour(&trigger.definition).into_iter().collect();
        let triggers = each_after_its_needs(triggers, Program::key, needs);
        let rest = in_time(self.schemas.into_values().flatten().collect());
        let all = views.iter().chain(&self.procedures).chain(&triggers).chain(&rest);
        for program in all {
            let own = program.sql_mode.as_deref().unwrap_or(STRICT);
            if own != mode {
                set_mode(&mut text, own);
                mode = own;
            }
            append(&program.definition, &mut text);
        }
        for (view, missing) in &broken {
            comment_out(view, missing, &mut text);
        }
        if !text.is_empty() {
            text.insert(0, '\n');
        }
        text
    }
}

/// The views in the order in which they can be made, otherwise by name, and those that cannot be, with what is missing.
/// `tables` are all that there are.
pub fn views_in_order<'t>(
    mut views: Vec<Program>,
    tables: impl Iterator<Item = &'t str>,
) -> (Vec<Program>, Vec<(Program, String)>) {
    views.sort_by(|a, b| a.name.cmp(&b.name));
    for view in &mut views {
        // Dolt once kept the query alone.
        if !starts_with_word(&view.definition, "create") {
            view.definition = format!("CREATE VIEW {} AS {}", ident(&view.name), view.definition);
        }
    }
    let definitions = views.iter().map(|view| (view.key(), view.definition.clone())).collect();
    let broken = broken(&definitions, &tables.map(str::to_lowercase).collect());
    let (whole, others): (Vec<_>, Vec<_>) =
        views.into_iter().partition(|view| !broken.contains_key(&view.key()));
    let needs = |view: &Program| relations(&view.definition);
    let whole = each_after_its_needs(whole, Program::key, needs);
    let others = others.into_iter().map(|view| {
        let missing = broken.get(&view.key()).cloned().unwrap_or_default();
        (view, missing)
    });
    (whole, others.collect())
}

/// Appends a view that cannot be made, as a comment.
pub fn comment_out(view: &Program, missing: &str, text: &mut String) {
    let (name, reads) = (ident(&view.name), ident(missing));
    comment(text, &format!("View {name} cannot be made: it reads {reads}, which is not there. It was:"));
    view.definition.split(['\n', '\r']).for_each(|line| comment(text, line));
}

fn in_time(mut programs: Vec<Program>) -> Vec<Program> {
    programs.sort_by(|a, b| (a.made, &a.name).cmp(&(b.made, &b.name)));
    programs
}

impl Program {
    /// Names are compared without regard to case, as Dolt does.
    fn key(&self) -> String {
        self.name.to_lowercase()
    }
}

fn starts_with_word(sql: &str, word: &str) -> bool {
    let sql = sql.trim_start();
    sql.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Appends a statement that may hold semicolons, and may end with a comment.
pub fn append(definition: &str, text: &mut String) {
    let definition = definition.trim_end().trim_end_matches(';').trim_end();
    let mut delimiter = ";;".to_owned();
    while definition.contains(&delimiter) {
        delimiter.push('$');
    }
    text.push_str(&format!("DELIMITER {delimiter}\n{definition}\n{delimiter}\nDELIMITER ;\n"));
}

/// Puts items in order, each after those that it needs, otherwise as they came; where they need each other, the first
/// one that came. `names` are compared as they are.
fn each_after_its_needs<T>(
    items: Vec<T>,
    name: impl Fn(&T) -> String,
    needs: impl Fn(&T) -> BTreeSet<String>,
) -> Vec<T> {
    let mut open: Vec<_> = items.into_iter().map(|item| (name(&item), needs(&item), item)).collect();
    let mut ordered = Vec::with_capacity(open.len());
    while !open.is_empty() {
        let names: BTreeSet<_> = open.iter().map(|(name, ..)| name.clone()).collect();
        let is_ready = |(name, needs, _): &(String, BTreeSet<String>, T)| {
            needs.iter().all(|needed| needed == name || !names.contains(needed))
        };
        let next = open.iter().position(is_ready).unwrap_or(0);
        ordered.push(open.remove(next).2);
    }
    ordered
}

/// The relations of its own database that a view reads, in lower case; nothing for a definition that cannot be read.
fn relations(definition: &str) -> BTreeSet<String> {
    let Ok(statements) = Parser::parse_sql(&MySqlDialect {}, definition) else { return BTreeSet::new() };
    let [Statement::CreateView(create)] = statements.as_slice() else { return BTreeSet::new() };
    let mut collector = Collector::default();
    // Never broken off.
    let _ = create.query.visit(&mut collector);
    collector.reads.retain(|name| !collector.ctes.contains(name) && name != "dual");
    collector.reads
}

/// Views that cannot be made, with a relation that is not there: they read it, or another such view. `definitions` and
/// `tables` are by name in lower case; tables of Dolt's own are taken to be there.
fn broken(definitions: &BTreeMap<String, String>, tables: &BTreeSet<String>) -> BTreeMap<String, String> {
    let reads: BTreeMap<_, _> =
        definitions.iter().map(|(name, definition)| (name, relations(definition))).collect();
    let mut broken: BTreeMap<String, String> = BTreeMap::new();
    loop {
        let is_there = |relation: &String, broken: &BTreeMap<String, String>| {
            tables.contains(relation)
                || relation.starts_with("dolt_")
                || (definitions.contains_key(relation) && !broken.contains_key(relation))
        };
        let new = reads.iter().filter(|(name, _)| !broken.contains_key(**name)).find_map(|(name, reads)| {
            let missing = reads.iter().find(|relation| !is_there(relation, &broken))?;
            Some(((*name).clone(), missing.clone()))
        });
        let Some((name, missing)) = new else { return broken };
        broken.insert(name, missing);
    }
}

/// The trigger that a trigger is to follow or to precede, in lower case.
fn neighbour(definition: &str) -> Option<String> {
    let mut words = definition.split_whitespace();
    words.find(|word| word.eq_ignore_ascii_case("follows") || word.eq_ignore_ascii_case("precedes"))?;
    let name = words.next()?.trim_matches('`').replace("``", "`");
    Some(name.to_lowercase())
}

#[derive(Default)]
struct Collector {
    reads: BTreeSet<String>,
    ctes: BTreeSet<String>,
}

impl Visitor for Collector {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let Some(with) = &query.with {
            self.ctes.extend(with.cte_tables.iter().map(|cte| cte.alias.name.value.to_lowercase()));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        if let [ObjectNamePart::Identifier(name)] = relation.0.as_slice() {
            self.reads.insert(name.value.to_lowercase());
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(name: &str, definition: &str, made: i64) -> Program {
        Program { name: name.to_owned(), definition: definition.to_owned(), sql_mode: None, made }
    }

    #[test]
    fn programs_have_delimiters_that_they_do_not_hold() {
        let ansi = Program {
            sql_mode: Some("ANSI".to_owned()),
            ..program("a", "create trigger a begin; ';;' end; ", 7)
        };
        let schemas = BTreeMap::from([
            ("trigger".to_owned(), vec![ansi, program("b", "create trigger b", 6)]),
            (
                "view".to_owned(),
                vec![program("v", "select 1 -- x", 9), program("w", "select *\nfrom gone", 9)],
            ),
        ]);
        let text = Programs { schemas, procedures: Vec::new() }.statements(["t"].into_iter());
        let expected = "\nDELIMITER ;;\nCREATE VIEW `v` AS select 1 -- x\n;;\nDELIMITER ;\n\
            DELIMITER ;;\ncreate trigger b\n;;\nDELIMITER ;\nSET sql_mode = 'ANSI';\n\
            DELIMITER ;;$\ncreate trigger a begin; ';;' end\n;;$\nDELIMITER ;\n\
            -- View `w` cannot be made: it reads `gone`, which is not there. It was:\n\
            -- CREATE VIEW `w` AS select *\n-- from gone\n";
        assert_eq!(text, expected);
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn each_comes_after_what_it_needs() {
        let order = |items: &[(&str, &[&str])]| -> Vec<String> {
            let items = items.to_vec();
            let ordered = each_after_its_needs(items, |item| item.0.to_owned(), |item| set(item.1));
            ordered.iter().map(|item| item.0.to_owned()).collect()
        };
        assert_eq!(order(&[("a", &["b", "t"]), ("b", &["c"]), ("c", &[]), ("d", &[])]), ["c", "b", "a", "d"]);
        assert_eq!(order(&[("a", &["b"]), ("b", &["a"]), ("c", &["c"])]), ["c", "a", "b"]);
    }

    #[test]
    fn what_views_read() {
        let reads = |query: &str| relations(&format!("create view v as {query}"));
        assert_eq!(
            reads("with c as (select * from T) select now() from c join other.u, `W x`"),
            set(&["t", "w x"])
        );
        assert_eq!(reads("select 1 from dual"), set(&[]));
        assert_eq!(relations("no SQL"), set(&[]));
    }

    #[test]
    fn views_of_what_is_gone_are_told() {
        let definitions = [
            ("a", "create view a as select * from B where now() > 1"),
            ("b", "create view b as select * from gone"),
            ("c", "create view c as select * from t, dolt_log"),
        ];
        let definitions = definitions.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        let broken = broken(&definitions, &set(&["t"]));
        let expected = [("a", "b"), ("b", "gone")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(broken, expected.into());
    }

    #[test]
    fn triggers_name_their_neighbours() {
        let trigger = "CREATE TRIGGER b BEFORE INSERT ON t FOR EACH ROW\nFollows `A``x` SET new.a = 1";
        assert_eq!(neighbour(trigger).as_deref(), Some("a`x"));
        assert_eq!(neighbour("CREATE TRIGGER b BEFORE INSERT ON follows_t"), None);
    }
}
