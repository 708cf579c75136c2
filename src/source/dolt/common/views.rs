//! Which views can be shown: those whose rows the tables they read decide, and nothing else.
//!
//! A view that asks for the clock, the session or a random number reads differently every time, so it is no file
//! of a snapshot. What is allowed is listed, and not what is forbidden: an unknown function
//! keeps its view out, which does no harm.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast::{
    Expr, Function, FunctionArgumentClause, FunctionArguments, Ident, ObjectName, ObjectNamePart, Query,
    Statement, TableFactor, Visit, Visitor,
};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;

/// A view as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredView {
    pub name: Arc<str>,
    /// The `CREATE VIEW` statement, as its author wrote it.
    pub definition: Arc<str>,
}

/// A view that can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownView {
    pub name: Arc<str>,
    /// Its statement and those of the views that it reads, itself first.
    pub definitions: Vec<Arc<str>>,
    /// The tables that it reads, also through other views; sorted.
    pub tables: Vec<Arc<str>>,
    /// Whether the outermost query sets the order of the rows.
    pub is_ordered: bool,
}

/// The views of one moment, sorted out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SortedViews {
    /// Those that can be shown, by name.
    pub shown: Vec<ShownView>,
    /// Names of the others with the reason, by name.
    pub left_out: Vec<(Arc<str>, String)>,
}

/// Sorts out which views can be shown. `tables` are the tables that may be read.
pub fn sort_out(views: &[StoredView], tables: &[Arc<str>]) -> SortedViews {
    let inspected = views.iter().map(|view| (key(&view.name), (view, inspect(&view.definition))));
    let inspected: InspectedViews<'_> = inspected.collect();
    let tables: BTreeMap<_, _> = tables.iter().map(|table| (key(table), table)).collect();
    let mut sorted = SortedViews::default();
    for (view, own) in inspected.values() {
        match (own, &resolve(view, &inspected, &tables)) {
            (Ok(own), Ok((definitions, tables))) => sorted.shown.push(ShownView {
                name: Arc::clone(&view.name),
                definitions: definitions.clone(),
                tables: tables.iter().cloned().collect(),
                is_ordered: own.is_ordered,
            }),
            (Err(reason), _) | (Ok(_), Err(reason)) => {
                sorted.left_out.push((Arc::clone(&view.name), reason.clone()));
            }
        }
    }
    sorted
}

/// Each view with its definition, by [`key`].
type InspectedViews<'v> = BTreeMap<String, (&'v StoredView, Result<Inspected, String>)>;

/// Names of tables and views are compared without regard to case, as Dolt does.
fn key(name: &str) -> String {
    name.to_lowercase()
}

/// Definitions and tables that a view reads.
type Reads = (Vec<Arc<str>>, BTreeSet<Arc<str>>);

/// The definitions and the tables that a view reads, through other views too; or why it cannot be shown.
fn resolve(
    view: &StoredView,
    views: &InspectedViews<'_>,
    tables: &BTreeMap<String, &Arc<str>>,
) -> Result<Reads, String> {
    let mut definitions = Vec::new();
    let mut read = BTreeSet::new();
    let mut seen = BTreeSet::from([key(&view.name)]);
    let mut open = vec![key(&view.name)];
    while let Some(name) = open.pop() {
        let Some((view, inspected)) = views.get(&name) else { continue };
        let inspected =
            inspected.as_ref().map_err(|reason| format!("reads view {}, which {reason}", view.name))?;
        definitions.push(Arc::clone(&view.definition));
        for relation in &inspected.reads {
            let relation_key = key(relation);
            if views.contains_key(&relation_key) {
                if seen.insert(relation_key.clone()) {
                    open.push(relation_key);
                }
            } else if let Some(&table) = tables.get(&relation_key) {
                read.insert(Arc::clone(table));
            } else if !inspected.ctes.contains(&relation_key) {
                return Err(format!("reads {relation}, which is no table shown"));
            }
        }
    }
    Ok((definitions, read))
}

/// One definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Inspected {
    reads: BTreeSet<String>,
    ctes: BTreeSet<String>,
    is_ordered: bool,
}

/// Reads one definition. The error completes the sentence "the view ...".
fn inspect(definition: &str) -> Result<Inspected, String> {
    let statements = Parser::parse_sql(&MySqlDialect {}, definition)
        .map_err(|error| format!("has a definition that cannot be read ({error})"))?;
    let [Statement::CreateView(create)] = statements.as_slice() else {
        return Err("has a definition that is no CREATE VIEW".to_owned());
    };
    let mut inspector = Inspector::default();
    if let ControlFlow::Break(reason) = create.query.visit(&mut inspector) {
        return Err(reason);
    }
    let is_ordered = create.query.order_by.is_some();
    Ok(Inspected { reads: inspector.reads, ctes: inspector.ctes, is_ordered })
}

#[derive(Default)]
struct Inspector {
    reads: BTreeSet<String>,
    ctes: BTreeSet<String>,
}

impl Visitor for Inspector {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        if let Some(with) = &query.with {
            self.ctes.extend(with.cte_tables.iter().map(|cte| key(&cte.alias.name.value)));
        }
        if (query.limit_clause.is_some() || query.fetch.is_some()) && query.order_by.is_none() {
            return ControlFlow::Break("takes some rows without an order (LIMIT)".to_owned());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<String> {
        let [ObjectNamePart::Identifier(name)] = relation.0.as_slice() else {
            return ControlFlow::Break(format!("reads {relation}, which may be outside the snapshot"));
        };
        if key(&name.value).starts_with("dolt_") {
            return ControlFlow::Break(format!("reads the system table {}", name.value));
        }
        if key(&name.value) != "dual" || name.quote_style.is_some() {
            self.reads.insert(name.value.clone());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
        match factor {
            TableFactor::Table { args: None, version: None, .. }
            | TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::JsonTable { .. } => ControlFlow::Continue(()),
            other => ControlFlow::Break(format!("reads {other}, which is not a plain table")),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<String> {
        match expr {
            Expr::Function(function) => check_function(function),
            Expr::Identifier(name) => check_identifier(name),
            Expr::CompoundIdentifier(parts) => {
                parts.first().map_or(ControlFlow::Continue(()), check_identifier)
            }
            Expr::MatchAgainst { .. } => ControlFlow::Break("uses a full-text search".to_owned()),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Some functions may stand without parentheses and then look like columns; so do variables.
fn check_identifier(name: &Ident) -> ControlFlow<String> {
    const CLOCKS: &str = "current_date current_time current_timestamp current_user localtime localtimestamp utc_date \
        utc_time utc_timestamp";
    let value = key(&name.value);
    if name.quote_style.is_some() {
        return ControlFlow::Continue(());
    }
    if value.starts_with('@') {
        return ControlFlow::Break(format!("reads the variable {}", name.value));
    }
    if CLOCKS.split(' ').any(|clock| clock == value) {
        return ControlFlow::Break(format!("calls {}", name.value));
    }
    ControlFlow::Continue(())
}

fn check_function(function: &Function) -> ControlFlow<String> {
    let called = || ControlFlow::Break(format!("calls {}", function.name));
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return called() };
    let name = key(&name.value);
    // The plan chooses the order of values in an aggregate unless the call sets it.
    if name == "group_concat" {
        let FunctionArguments::List(list) = &function.args else { return called() };
        let is_ordered =
            |clause: &FunctionArgumentClause| matches!(clause, FunctionArgumentClause::OrderBy(_));
        return if list.clauses.iter().any(is_ordered) { ControlFlow::Continue(()) } else { called() };
    }
    if matches!(function.args, FunctionArguments::List(_))
        && DETERMINISTIC.binary_search(&name.as_str()).is_ok()
    {
        return ControlFlow::Continue(());
    }
    called()
}

/// Functions whose result their arguments decide, sorted.
#[rustfmt::skip]
const DETERMINISTIC: [&str; 181] = [
    "abs", "acos", "adddate", "addtime", "ascii", "asin", "atan", "atan2", "avg", "bin", "bin_to_uuid",
    "bit_and", "bit_count", "bit_length", "bit_or", "bit_xor", "ceil", "ceiling", "char_length",
    "character_length", "coalesce", "concat", "concat_ws", "conv", "cos", "cot", "count", "crc32",
    "cume_dist", "date", "date_add", "date_format", "date_sub", "datediff", "day", "dayname", "dayofmonth",
    "dayofweek", "dayofyear", "degrees", "dense_rank", "elt", "exp", "export_set", "extract", "field",
    "find_in_set", "floor", "format", "from_base64", "from_days", "greatest", "hex", "hour", "if", "ifnull",
    "inet6_aton", "inet6_ntoa", "inet_aton", "inet_ntoa", "insert", "instr", "isnull", "json_array",
    "json_array_append", "json_array_insert", "json_contains", "json_contains_path", "json_depth",
    "json_extract", "json_insert", "json_keys", "json_length", "json_merge_patch", "json_merge_preserve",
    "json_object", "json_overlaps", "json_pretty", "json_quote", "json_remove", "json_replace", "json_search",
    "json_set", "json_storage_size", "json_type", "json_unquote", "json_valid", "json_value", "last_day",
    "lcase", "least", "left", "length", "ln", "locate", "log", "log10", "log2", "lower", "lpad", "ltrim",
    "makedate", "maketime", "max", "md5", "microsecond", "mid", "min", "minute", "mod", "month", "monthname",
    "nullif", "octet_length", "ord", "percent_rank", "period_add", "period_diff", "pi", "position", "pow",
    "power", "quarter", "quote", "radians", "rank", "regexp_instr", "regexp_like", "regexp_replace",
    "regexp_substr", "repeat", "replace", "reverse", "right", "round", "rpad", "rtrim", "sec_to_time",
    "second", "sha", "sha1", "sha2", "sign", "sin", "soundex", "space", "sqrt", "std", "stddev", "stddev_pop",
    "stddev_samp", "str_to_date", "strcmp", "subdate", "substr", "substring", "substring_index", "subtime",
    "sum", "tan", "time", "time_format", "time_to_sec", "timediff", "timestampdiff", "to_base64",
    "to_days", "trim", "truncate", "ucase", "unhex", "upper", "uuid_to_bin", "var_pop", "var_samp",
    "variance", "week", "weekday", "weekofyear", "year", "yearweek",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn view(name: &str, definition: &str) -> StoredView {
        StoredView { name: name.into(), definition: definition.into() }
    }

    fn tables(names: &[&str]) -> Vec<Arc<str>> {
        names.iter().map(|&name| name.into()).collect()
    }

    fn reason(query: &str) -> Option<String> {
        let definition = format!("CREATE VIEW v AS {query}");
        let sorted = sort_out(&[view("v", &definition)], &tables(&["t", "u"]));
        sorted.left_out.first().map(|(_, reason)| reason.clone())
    }

    #[test]
    fn the_list_of_functions_is_sorted_for_the_search() {
        assert!(DETERMINISTIC.is_sorted());
    }

    #[test]
    fn what_only_the_tables_decide_is_shown() {
        for query in [
            "select * from t",
            "select a, count(*) n, max(b) from t left join u using (a) where b in (select a from u) group by a",
            "with c as (select a from t) select a from c union all select 1 from dual",
            "select case when a > 1 then upper_ else lower(b) end, cast(a as char), substring(b, 2), trim(b) from t",
            "select a from t where b like '%now()%' and c between date '2024-01-01' and '2025-01-01'",
            "select a from t order by a limit 3",
            "select group_concat(a order by a separator ',') from t",
            "select date_add(a, interval 3 day), a -> '$.x', coalesce(a, b) from t",
            "select `utc_timestamp` from t",
        ] {
            assert_eq!(reason(query), None, "{query}");
        }
    }

    #[test]
    fn what_anything_else_decides_is_left_out() {
        for query in [
            "select now()",
            "select current_timestamp from t",
            "select * from t where a < UTC_TIMESTAMP",
            "select * from t where a < utc_timestamp()",
            "select curdate() from t",
            "select * from t where b = current_user",
            "select rand() from t",
            "select uuid() from t",
            "select @x, a from t",
            "select @@version from t",
            "select unix_timestamp() from t",
            "select last_insert_id() from t",
            "select * from (select sysdate(6) d from t) s",
            "select a from t where exists (select 1 from u where u.a > now())",
            "select a from t order by rand()",
            "select * from dolt_log",
            "select * from DOLT_DIFF('a', 'b', 't')",
            "select active_branch()",
            "select a from t limit 3",
            "select group_concat(a) from t",
            "select * from other.t",
            "select * from t as of 'main'",
            "select * from missing",
            "select nobody_knows(a) from t",
        ] {
            assert!(reason(query).is_some(), "{query}");
        }
        let sorted = sort_out(&[view("v", "this is not SQL")], &[]);
        assert!(sorted.shown.is_empty() && sorted.left_out[0].1.contains("cannot be read"));
    }

    #[test]
    fn views_over_views_read_their_tables() {
        let views = [
            view("outer_", "create view outer_ as select * from Middle order by a"),
            view("middle", "CREATE OR REPLACE VIEW middle AS SELECT * FROM T JOIN inner_ USING (a)"),
            view("inner_", "create algorithm = merge view inner_ as select * from u"),
            view("clock", "create view clock as select now() from t"),
            view("late", "create view late as select * from clock"),
        ];
        let sorted = sort_out(&views, &tables(&["t", "u"]));
        let names: Vec<_> = sorted.shown.iter().map(|view| &*view.name).collect();
        assert_eq!(names, ["inner_", "middle", "outer_"]);
        let outer = &sorted.shown[2];
        assert_eq!((outer.tables.as_slice(), outer.definitions.len()), (tables(&["t", "u"]).as_slice(), 3));
        assert!(outer.is_ordered && !sorted.shown[1].is_ordered);
        let left_out: Vec<_> = sorted.left_out.iter().map(|(name, _)| &**name).collect();
        assert_eq!(left_out, ["clock", "late"]);
        assert!(sorted.left_out[1].1.contains("view clock"), "{:?}", sorted.left_out);
    }

    #[test]
    fn views_that_read_each_other_end() {
        let views =
            [view("a", "create view a as select * from b"), view("b", "create view b as select * from a")];
        assert_eq!(sort_out(&views, &[]).shown.len(), 2);
    }
}
