//! In which order views and triggers can be made: each after those that its definition names.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use sqlparser::ast::{ObjectName, ObjectNamePart, Query, Statement, Visit, Visitor};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;

/// Puts items in order, each after those that it needs, otherwise as they came; where they need each other, the first
/// one that came. `names` are compared as they are.
pub fn each_after_its_needs<T>(
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
pub fn relations(definition: &str) -> BTreeSet<String> {
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
pub fn broken(definitions: &BTreeMap<String, String>, tables: &BTreeSet<String>) -> BTreeMap<String, String> {
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
pub fn neighbour(definition: &str) -> Option<String> {
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
